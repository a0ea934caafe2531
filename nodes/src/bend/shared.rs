//! What all bending nodes share: ports, parameters, and the list that they add to.

use std::sync::Arc;

use lumawire_core::{
    FileKind, Handle, Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx,
    Rate, Role, Value,
};
use lumawire_models::clusters;
use lumawire_models::stylegan2::{Bend, BendOp, Border, Channels};

use crate::key::printed_key;

const IN_BENDS: usize = 0;
const OUT_BENDS: usize = 0;

const INPUTS: &[Port] =
    &[Port::optional("bends", PortType::Bends, "Bends that come before this one.")];
const OUTPUTS: &[Port] =
    &[Port::output("bends", PortType::Bends, "They, and this one after them.")];

/// Number of parameters that follow a node's own.
pub(super) const NUM_SHARED: usize = 9;

// Indices after a node's own.
const AMOUNT: usize = 0;
const LAYER: usize = 1;
const CHANNELS: usize = 2;
const FIRST_CHANNEL: usize = 3;
const NUM_CHANNELS: usize = 4;
const SHARE: usize = 5;
const CHANNEL_SEED: usize = 6;
const CLUSTER: usize = 7;
const CLUSTER_FILE: usize = 8;

/// The amount at which a fresh node stands.
#[derive(Clone, Copy)]
pub(super) enum Fresh {
    /// 1, where the node's own parameters are neutral.
    Full,
    /// 0, where none of them is.
    Off,
}

/// A node's own parameters, then the shared ones.
pub(super) const fn with_shared<const OWN: usize, const ALL: usize>(
    own: [Param; OWN],
    fresh: Fresh,
) -> [Param; ALL] {
    assert!(ALL == OWN + NUM_SHARED);
    let shared = shared(fresh);
    let mut all = [shared[0]; ALL];
    let mut i = 0;
    while i < ALL {
        all[i] = if i < OWN { own[i] } else { shared[i - OWN] };
        i += 1;
    }
    all
}

const fn shared(fresh: Fresh) -> [Param; NUM_SHARED] {
    let amount = match fresh {
        Fresh::Full => 1.0,
        Fresh::Off => 0.0,
    };
    [
        Param::float("amount", "Amount", amount, (0.0, 1.0))
            .doc("How far the channels go from x to their bent selves: 0 leaves them."),
        Param::int("layer", "Layer", 5, (0, 17)).doc(
            "Where: 0 is the learned constant, from there on the network's convolutions, two for \
             each doubling of the size (1 at 4 px, 2 and 3 at 8 px, 4 and 5 at 16 px). Low layers \
             (0 to 4) move composition and pose, middle ones (5 to 9) shapes and parts, high ones \
             texture and colour. A layer that the network lacks changes nothing.",
        ),
        Param::choice("channels", "Channels", &["all", "range", "share", "cluster"]).doc(
            "Which of the layer's channels: all, a range, a random share, or a group that draws \
             alike.",
        ),
        Param::int("first_channel", "First channel", 0, (0, 511))
            .hard_int(0, 4095)
            .doc("First channel of the range."),
        Param::int("num_channels", "Number of channels", 16, (1, 512))
            .hard_int(0, 4096)
            .doc("Channels in the range; those that the layer lacks do not count."),
        Param::float("share", "Share", 0.5, (0.0, 1.0))
            .doc("Share of the channels; a larger one keeps those of a smaller one."),
        Param::int("channel_seed", "Channel seed", 0, (0, 100))
            .hard_int(0, i64::MAX)
            .doc("Which channels the share draws; the seed of the run does not change them."),
        Param::int("cluster", "Cluster", 0, (0, 15))
            .hard_int(0, 4095)
            .doc("Which group of the file, from 0; one beyond the last has no channels."),
        Param::file("cluster_file", "Clusters", FileKind::Clusters)
            .doc("Groups of the layer's channels, as `lumawire clusters` writes them."),
    ]
}

/// What lies outside a plane, for the nodes that need it; the default first.
pub(super) const BORDER: Param =
    Param::choice("border", "Border", &["reflect", "mirror", "wrap", "edge", "zero"]).doc(
        "What lies outside: the mirror image without or with the edge itself, the opposite side, \
         the edge, or nothing.",
    );

/// The choice of [`BORDER`] at index `i`.
pub(super) fn border(params: Params<'_>, i: usize) -> Border {
    match params.choice(i) {
        0 => Border::Reflect,
        1 => Border::Mirror,
        2 => Border::Wrap,
        3 => Border::Edge,
        _ => Border::Zero,
    }
}

/// The description of a bending node.
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
        inputs: INPUTS,
        outputs: OUTPUTS,
        params,
        build,
    }
}

/// A node that adds one bend.
pub(super) struct BendNode {
    num_own: usize,
    op: fn(Params<'_>) -> BendOp,
    clusters: Option<Groups>,
    /// Why the file of clusters could not be read.
    fault: Option<NodeError>,
}

/// The groups of a file.
struct Groups {
    layer: usize,
    channels: Vec<Arc<[usize]>>,
}

impl BendNode {
    /// A node with `num_own` parameters of its own, from which `op` makes its operation.
    pub fn boxed(num_own: usize, op: fn(Params<'_>) -> BendOp) -> Box<dyn Node> {
        Box::new(Self { num_own, op, clusters: None, fault: None })
    }

    fn channels(&self, params: Params<'_>, layer: usize) -> Result<Channels, NodeError> {
        let own = self.num_own;
        Ok(match params.choice(own + CHANNELS) {
            0 => Channels::All,
            1 => Channels::Range {
                first: count(params.int(own + FIRST_CHANNEL)),
                len: count(params.int(own + NUM_CHANNELS)),
            },
            2 => Channels::Share {
                share: params.float(own + SHARE),
                seed: params.int(own + CHANNEL_SEED).unsigned_abs(),
            },
            _ => Channels::Set(self.cluster(layer, count(params.int(own + CLUSTER)))?),
        })
    }

    fn cluster(&self, layer: usize, i: usize) -> Result<Arc<[usize]>, NodeError> {
        let groups = self.clusters.as_ref().ok_or_else(|| match &self.fault {
            Some(fault) => fault.clone(),
            None => NodeError::param(
                "cluster_file",
                "is not chosen: make one with `lumawire clusters`, or bend other channels",
            ),
        })?;
        if groups.layer != layer {
            let made_of = groups.layer;
            let reason = format!("groups channels of layer {made_of}: set layer to {made_of}");
            return Err(NodeError::param("cluster_file", reason));
        }
        Ok(groups.channels.get(i).cloned().unwrap_or_default())
    }
}

impl Node for BendNode {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        // A file that cannot be read matters only where a cluster is bent, and never to the bends
        // before: it is told then.
        (self.clusters, self.fault) = (None, None);
        if let Some(path) = cx.file(self.num_own + CLUSTER_FILE) {
            match clusters::load(&path) {
                Ok(found) => {
                    let channels = (0..found.num_clusters).map(|i| found.channels(i).into());
                    self.clusters =
                        Some(Groups { layer: found.layer, channels: channels.collect() });
                }
                Err(e) => self.fault = Some(NodeError::file(&path, e)),
            }
        }
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let params = io.params;
        let earlier = io.inputs.bends(IN_BENDS);
        let layer = count(params.int(self.num_own + LAYER));
        let channels = match self.channels(params, layer) {
            Ok(channels) => channels,
            Err(e) => {
                // The bends before this one go on.
                io.outputs.set(OUT_BENDS, Value::Bends(earlier.cloned().unwrap_or_else(none)));
                return Err(e);
            }
        };
        let amount = params.float(self.num_own + AMOUNT);
        let bends = append(earlier, Bend { layer, channels, op: (self.op)(params), amount })?;
        io.outputs.set(OUT_BENDS, Value::Bends(bends));
        Ok(())
    }
}

/// No bends.
fn none() -> Handle {
    Handle::new(0, Arc::new(Vec::<Bend>::new()))
}

fn count(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// `earlier` and then `bend`. A bend that changes nothing is left out, so that what it would bend
/// stays cached while it rests.
fn append(earlier: Option<&Handle>, bend: Bend) -> Result<Handle, NodeError> {
    let list = match earlier {
        Some(handle) => handle.value.downcast_ref::<Vec<Bend>>().ok_or_else(|| {
            NodeError::input("bends", "carries no bends: wire the output of a bending node here")
        })?,
        None => &Vec::new(),
    };
    if bend.is_identity() {
        return Ok(earlier.cloned().unwrap_or_else(none));
    }
    let key = printed_key(earlier.map_or(0, |handle| handle.key), &bend);
    let all: Vec<Bend> = list.iter().cloned().chain([bend]).collect();
    Ok(Handle::new(key, Arc::new(all)))
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use lumawire_core::ParamValue;
    use lumawire_models::stylegan2::Keep;

    use super::super::{
        ablate, add, blur, flip, invert, morphology, rotate, scale, sharpen, shear, threshold,
        translate, zoom,
    };
    use super::*;

    fn bends(node: &Harness) -> (u64, Vec<Bend>) {
        let Value::Bends(handle) = node.output("bends") else { panic!("no bends") };
        (handle.key, handle.value.downcast_ref::<Vec<Bend>>().unwrap().clone())
    }

    fn tick(node: &mut Harness) -> (u64, Vec<Bend>) {
        node.tick().unwrap();
        bends(node)
    }

    fn some_bends() -> Value {
        let mut node = Harness::new(&add::SPEC).param("value", 0.5_f32).prepare().unwrap();
        node.tick().unwrap();
        node.output("bends").clone()
    }

    /// A bend that cannot be made is told, and takes none of the others with it.
    #[test]
    fn a_failing_bend_lets_the_others_pass() {
        let Value::Bends(earlier) = some_bends() else { panic!("no bends") };
        for file in ["", "gone.clusters.json"] {
            let file = ParamValue::file(file);
            let mut node = Harness::new(&add::SPEC)
                .param("value", 0.5_f32)
                .param("cluster_file", file)
                .prepare()
                .unwrap();
            node.input("bends", some_bends());
            assert_eq!(tick(&mut node).1.len(), 2, "all channels need no file");
            node.set_param("channels", "cluster");
            assert!(node.tick().is_err());
            assert_eq!(bends(&node).0, earlier.key);
        }
    }

    #[test]
    fn fresh_nodes_change_nothing() {
        let specs = crate::ALL.iter().filter(|spec| spec.category() == "bend");
        let mut num_specs = 0;
        for spec in specs {
            let mut node = Harness::new(spec).prepare().unwrap();
            assert_eq!(tick(&mut node).1, [], "{}", spec.kind);
            node.input("bends", some_bends());
            let earlier = tick(&mut node);
            let Value::Bends(handle) = some_bends() else { panic!("no bends") };
            assert_eq!((earlier.0, earlier.1.len()), (handle.key, 1), "{}", spec.kind);
            num_specs += 1;
        }
        assert_eq!(num_specs, 13);
    }

    #[test]
    fn bends_come_in_the_order_of_the_wires() {
        let mut node = Harness::new(&zoom::SPEC).prepare().unwrap();
        node.input("bends", some_bends());
        node.set_param("factor", 2.0_f32);
        node.set_param("border", "wrap");
        node.set_param("layer", 3_i64);
        node.set_param("amount", 0.25_f32);
        let expected = [
            Bend { layer: 5, channels: Channels::All, op: BendOp::Add { value: 0.5 }, amount: 1.0 },
            Bend {
                layer: 3,
                channels: Channels::All,
                op: BendOp::Zoom { factor: 2.0, border: Border::Wrap },
                amount: 0.25,
            },
        ];
        assert_eq!(tick(&mut node).1, expected);
    }

    #[test]
    fn own_parameters_reach_the_operation() {
        let border = Border::Mirror;
        let mirror = ("border", ParamValue::from("mirror"));
        let number = |id, v: f32| (id, ParamValue::from(v));
        let on = |id| (id, ParamValue::from(true));
        let text = |id, v: &str| (id, ParamValue::from(v));
        for (spec, params, op) in [
            (
                &translate::SPEC,
                vec![number("x", 0.1), number("y", -0.2), mirror.clone()],
                BendOp::Translate { x: 0.1, y: -0.2, border },
            ),
            (
                &rotate::SPEC,
                vec![number("angle_radians", 0.5), mirror.clone()],
                BendOp::Rotate { radians: 0.5, border },
            ),
            (
                &shear::SPEC,
                vec![number("x", 0.1), number("y", -0.2), mirror.clone()],
                BendOp::Shear { x: 0.1, y: -0.2, border },
            ),
            (&flip::SPEC, vec![on("vertical")], BendOp::Flip { horizontal: false, vertical: true }),
            (
                &flip::SPEC,
                vec![on("horizontal")],
                BendOp::Flip { horizontal: true, vertical: false },
            ),
            (&scale::SPEC, vec![number("factor", 3.0)], BendOp::Scale { factor: 3.0 }),
            (&invert::SPEC, vec![number("amount", 1.0)], BendOp::Invert),
            (&ablate::SPEC, vec![number("amount", 1.0)], BendOp::Ablate),
            (
                &threshold::SPEC,
                vec![number("amount", 1.0), number("level", 0.25), text("keep", "one")],
                BendOp::Threshold { level: 0.25, keep: Keep::One },
            ),
            (&morphology::SPEC, vec![number("radius", 0.1)], BendOp::Dilate { radius: 0.1 }),
            (
                &morphology::SPEC,
                vec![number("radius", 0.1), text("mode", "erode")],
                BendOp::Erode { radius: 0.1 },
            ),
            (
                &blur::SPEC,
                vec![number("sigma", 0.125), mirror.clone()],
                BendOp::Blur { sigma: 0.125, border },
            ),
            (
                &sharpen::SPEC,
                vec![number("strength", 2.0), number("sigma", 0.125), mirror.clone()],
                BendOp::Sharpen { sigma: 0.125, strength: 2.0, border },
            ),
        ] {
            let mut node = Harness::new(spec).prepare().unwrap();
            for (id, value) in params {
                node.set_param(id, value);
            }
            let expected = Bend { layer: 5, channels: Channels::All, op, amount: 1.0 };
            assert_eq!(tick(&mut node).1, [expected], "{}", spec.kind);
        }
    }

    #[test]
    fn borders_are_named() {
        let mut node = Harness::new(&zoom::SPEC).param("factor", 2.0_f32).prepare().unwrap();
        for (name, border) in [
            ("reflect", Border::Reflect),
            ("mirror", Border::Mirror),
            ("wrap", Border::Wrap),
            ("edge", Border::Edge),
            ("zero", Border::Zero),
        ] {
            node.set_param("border", name);
            assert_eq!(tick(&mut node).1[0].op, BendOp::Zoom { factor: 2.0, border });
        }
    }

    #[test]
    fn channels_are_chosen() {
        let mut node = Harness::new(&ablate::SPEC).param("amount", 1.0_f32).prepare().unwrap();
        node.set_param("channels", "range");
        node.set_param("first_channel", 4_i64);
        node.set_param("num_channels", 2_i64);
        assert_eq!(tick(&mut node).1[0].channels, Channels::Range { first: 4, len: 2 });
        node.set_param("channels", "share");
        node.set_param("share", 0.25_f32);
        node.set_param("channel_seed", 7_i64);
        assert_eq!(tick(&mut node).1[0].channels, Channels::Share { share: 0.25, seed: 7 });
        node.set_param("share", 0.0_f32);
        assert_eq!(tick(&mut node).1, []);
    }

    fn clustered(text: &str) -> Result<Harness, NodeError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.clusters.json"), text).unwrap();
        Harness::new(&ablate::SPEC)
            .base_dir(folder.path())
            .param("amount", 1.0_f32)
            .param("channels", "cluster")
            .param("cluster_file", ParamValue::file("a.clusters.json"))
            .prepare()
    }

    #[test]
    fn clusters_come_from_a_file() {
        let mut node = clustered(
            r#"{"format":"lumawire-clusters","version":1,"model":"a","layer":5,"num_clusters":2,
                "num_samples":1,"class":null,"seed":0,"assignment":[0,1,0,0]}"#,
        )
        .unwrap();
        assert_eq!(tick(&mut node).1[0].channels, Channels::Set([0, 2, 3].into()));
        node.set_param("cluster", 1_i64);
        assert_eq!(tick(&mut node).1[0].channels, Channels::Set([1].into()));
        node.set_param("cluster", 2_i64);
        assert_eq!(tick(&mut node).1, []);
        node.set_param("layer", 4_i64);
        let error = node.tick().unwrap_err().to_string();
        assert!(error.contains("set layer to 5"), "{error}");
    }

    #[test]
    fn clusters_that_are_not_there_are_told() {
        let error = clustered("no clusters").unwrap().tick().unwrap_err();
        assert!(matches!(error, NodeError::File { .. }), "{error}");
        let mut node = Harness::new(&ablate::SPEC).param("channels", "cluster").prepare().unwrap();
        let error = node.tick().unwrap_err();
        assert!(matches!(error, NodeError::Param { param: "cluster_file", .. }), "{error}");
    }

    #[test]
    fn keys_follow_the_content() {
        let mut node = Harness::new(&translate::SPEC).param("x", 0.1_f32).prepare().unwrap();
        let first = tick(&mut node).0;
        assert_eq!(tick(&mut node).0, first);
        let mut keys = vec![first];
        for (id, value) in [
            ("x", ParamValue::from(0.2_f32)),
            ("y", ParamValue::from(1e-6_f32)),
            ("border", ParamValue::from("edge")),
            ("layer", ParamValue::from(6_i64)),
            ("amount", ParamValue::from(0.5_f32)),
            ("channels", ParamValue::from("share")),
            ("channel_seed", ParamValue::from(1_i64)),
        ] {
            node.set_param(id, value);
            keys.push(tick(&mut node).0);
        }
        node.input("bends", some_bends());
        keys.push(tick(&mut node).0);
        let num_keys = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), num_keys);
    }

    #[test]
    fn other_things_on_the_wire_are_refused() {
        let mut node = Harness::new(&zoom::SPEC).prepare().unwrap();
        node.input("bends", Value::Bends(Handle::new(1, Arc::new(3_i32))));
        assert!(matches!(node.tick(), Err(NodeError::Input { port: "bends", .. })));
    }
}
