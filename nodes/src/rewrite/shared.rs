//! What all rewriting nodes share: ports, the range of layers, and the list that they add to.

use std::sync::Arc;

use lumawire_core::{
    Handle, Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, Rate, Role, Value,
};
use lumawire_models::stylegan2::{Model, Rewrite, RewriteOp};

use crate::generate::network;

use crate::key::printed_key;

pub(super) const IN_MODEL: usize = 0;
pub(super) const OUT_MODEL: usize = 0;

/// The input for the network.
pub(super) const MODEL: Port = Port::required("model", PortType::Model, "The network.");

/// The output, for the network and its changes.
pub(super) const OUTPUTS: &[Port] =
    &[Port::output("model", PortType::Model, "The network with one change more.")];

/// The first layer changed.
pub(super) const FIRST_LAYER: Param = Param::int("first_layer", "First layer", 1, (1, 17)).doc(
    "The first layer changed: 1 at 4 px, 2 and 3 at 8 px, 4 and 5 at 16 px, and so on. Low layers \
     hold the composition, high ones texture and colour.",
);

/// The last one.
pub(super) const LAST_LAYER: Param = Param::int("last_layer", "Last layer", 17, (1, 17))
    .doc("The last layer changed; those that the network lacks do not count.");

/// Which random numbers.
pub(super) const SEED: Param = Param::int("seed", "Seed", 0, (0, 1000)).hard_int(0, i64::MAX).doc(
    "Picks the random numbers. They stay as they are while the strength moves, and the seed of \
         the run does not change them.",
);

/// The description of a rewriting node with no input but the network.
pub(super) const fn spec(
    kind: &'static str,
    label: &'static str,
    doc: &'static str,
    params: &'static [Param],
    build: fn() -> Box<dyn Node>,
) -> NodeSpec {
    NodeSpec {
        kind,
        version: 1,
        label,
        doc,
        rate: Rate::Frame,
        role: Role::Pure,
        inputs: &[MODEL],
        outputs: OUTPUTS,
        params,
        build,
    }
}

/// A node that adds one change. The range of layers follows its own parameters.
pub(super) struct RewriteNode {
    /// Number of its own parameters.
    pub num_own: usize,
    /// Its change, from its own parameters.
    pub op: fn(Params<'_>) -> RewriteOp,
}

impl Node for RewriteNode {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let rewrite = Rewrite {
            first_layer: layer(io.params, self.num_own),
            last_layer: layer(io.params, self.num_own + 1),
            op: (self.op)(io.params),
        };
        append(io, rewrite)
    }
}

/// The layer that parameter `i` names.
pub(super) fn layer(params: Params<'_>, i: usize) -> usize {
    usize::try_from(params.int(i)).unwrap_or(1)
}

/// Puts out the network that comes in, with `rewrite` after its other changes. A change of nothing
/// is left out, so that what it would change stays cached while it rests.
pub(super) fn append(io: &mut Io<'_>, rewrite: Rewrite) -> Result<(), NodeError> {
    let input = io.inputs.model(IN_MODEL);
    let model = network(MODEL.id, input)?;
    let Some(input) = input else { return Ok(()) };
    let layers = rewrite.first_layer..=rewrite.last_layer;
    if rewrite.is_identity() || layers.is_empty() {
        io.outputs.set(OUT_MODEL, Value::Model(input.clone()));
        return Ok(());
    }
    let key = printed_key(input.key, &rewrite);
    let rewrites = model.rewrites.iter().cloned().chain([rewrite]).collect();
    let model = Model { generator: model.generator.clone(), rewrites };
    io.outputs.set(OUT_MODEL, Value::Model(Handle::new(key, Arc::new(model))));
    Ok(())
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;
    use lumawire_core::harness::Harness;

    use super::super::{mix, noise, prune, rotate_channels, scale};
    use super::*;
    use crate::generate::testing::reference_model;

    fn key_and_model(value: &Value) -> (u64, Arc<Model>) {
        let Value::Model(handle) = value else { panic!("no model") };
        (handle.key, network("model", Some(handle)).unwrap())
    }

    fn tick(node: &mut Harness) -> (u64, Arc<Model>) {
        node.tick().unwrap();
        key_and_model(node.output("model"))
    }

    fn fresh(spec: &'static NodeSpec) -> Harness {
        let mut node = Harness::new(spec).prepare().unwrap();
        node.input("model", reference_model("sg2ada_a"));
        if spec.input("other").is_some() {
            node.input("other", reference_model("sg2ada_b"));
        }
        node
    }

    const SPECS: [&NodeSpec; 5] =
        [&scale::SPEC, &noise::SPEC, &prune::SPEC, &rotate_channels::SPEC, &mix::SPEC];
    const OWN: [&str; 5] = ["amount", "amount", "share", "shift", "amount"];

    #[test]
    fn fresh_nodes_change_nothing() {
        let num_specs = crate::ALL.iter().filter(|s| s.category() == "rewrite").count();
        assert_eq!(num_specs, SPECS.len());
        let (key, _) = key_and_model(&reference_model("sg2ada_a"));
        for spec in SPECS {
            let (same, model) = tick(&mut fresh(spec));
            assert!(same == key && model.rewrites.is_empty(), "{}", spec.kind);
        }
    }

    #[test]
    fn changes_come_in_the_order_of_the_wires() {
        let mut last = reference_model("sg2ada_a");
        let mut keys = vec![key_and_model(&last).0];
        for (spec, id) in SPECS.into_iter().zip(OWN) {
            let mut node = fresh(spec);
            node.input("model", last);
            node.set_param(id, 0.5_f32);
            node.set_param("first_layer", 3_i64);
            node.set_param("last_layer", 6_i64);
            keys.push(tick(&mut node).0);
            last = node.output("model").clone();
        }
        let (_, model) = key_and_model(&last);
        let layers = model.rewrites.iter().map(|r| (r.first_layer, r.last_layer));
        assert!(layers.eq([(3, 6); 5]));
        let printed: Vec<String> = model.rewrites.iter().map(|r| format!("{:?}", r.op)).collect();
        let (other, _) = key_and_model(&reference_model("sg2ada_b"));
        let mix = format!("Mix({other:016x}, 0.5)");
        let expected = [
            "Scale(0.5, N(-1, 0.5), seed 0)",
            "Noise(0.5, seed 0)",
            "Prune(0.5)",
            "RotateChannels(0.5)",
            mix.as_str(),
        ];
        assert_eq!(printed, expected);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 6);
    }

    #[test]
    fn keys_follow_the_content() {
        let mut node = fresh(&scale::SPEC);
        node.set_param("amount", 0.5_f32);
        let first = tick(&mut node).0;
        assert_eq!(tick(&mut node).0, first);
        let mut keys = vec![first];
        for (id, value) in [
            ("amount", ParamValue::from(0.50001_f32)),
            ("mean", ParamValue::from(-0.9_f32)),
            ("deviation", ParamValue::from(0.1_f32)),
            ("seed", ParamValue::from(2_i64)),
            ("first_layer", ParamValue::from(2_i64)),
            ("last_layer", ParamValue::from(5_i64)),
        ] {
            node.set_param(id, value);
            keys.push(tick(&mut node).0);
        }
        node.input("model", reference_model("sg2ada_b"));
        keys.push(tick(&mut node).0);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 8);
        // No layer is in an empty range.
        node.set_param("first_layer", 6_i64);
        assert!(tick(&mut node).1.rewrites.is_empty());
    }

    #[test]
    fn other_things_on_the_wire_are_refused() {
        for spec in SPECS {
            let mut node = fresh(spec);
            node.input("model", Value::Model(Handle::new(1, Arc::new(3_i32))));
            assert!(matches!(node.tick(), Err(NodeError::Input { port: "model", .. })));
        }
    }
}
