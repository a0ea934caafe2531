//! `latent.style_mix`

use lumawire_core::{
    Io, Latent, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space,
};

use super::points::{common_shape, emit, pass, row};
use crate::generate::network;

const IN_COARSE: usize = 0;
const IN_MIDDLE: usize = 1;
const IN_FINE: usize = 2;
const IN_MODEL: usize = 3;
const MIDDLE_FROM: usize = 0;
const FINE_FROM: usize = 1;
const CROSSOVER: usize = 2;
const NUM_WS: usize = 3;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.style_mix",
    version: 1,
    label: "Style mix",
    doc: "Gives the coarse, the middle and the fine layers latents of their own: one says the \
        shapes, another the surface. \
        Layer l takes the middle latent by m = clamp((l + ½ − middle_from)/crossover + ½, 0, 1), \
        then the fine one by f, likewise from `fine_from`: \
        (1 − f)·((1 − m)·coarse + m·middle) + f·fine. At crossover 1 and whole numbers that is a \
        plain cut (Karras et al., 2019); between whole numbers a border glides. An open middle is \
        the coarse latent, an open fine one the middle. The latents lie in W or W+; the result in \
        W+, with the layers of the network, of a W+, or as many as `num_ws` says. Where none says \
        so, or the latents do not fit, the coarse one passes.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("coarse", PortType::Latent, "Latent of the first layers."),
        Port::optional("middle", PortType::Latent, "Latent from layer `middle_from`."),
        Port::optional("fine", PortType::Latent, "Latent from layer `fine_from`."),
        Port::optional("model", PortType::Model, "The network, for the number of its layers."),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "The mixture in W+, `[num_ws, dim]`.")],
    params: &[
        Param::float("middle_from", "Middle from", 4.0, (0.0, 18.0))
            .hard(0.0, 64.0)
            .doc("First layer of the middle latent, from 0."),
        Param::float("fine_from", "Fine from", 8.0, (0.0, 18.0))
            .hard(0.0, 64.0)
            .doc("First layer of the fine latent, from 0."),
        Param::float("crossover", "Crossover", 1.0, (0.0, 8.0))
            .hard(0.0, 64.0)
            .doc("Layers that a border is wide; 0 cuts."),
        Param::int("num_ws", "Layers", 0, (0, 18)).hard_int(0, 64).doc(
            "Number of the generator's layers, needed where no model is wired and no latent is in \
             W+; 0 is unknown.",
        ),
    ],
    build: || Box::new(StyleMix),
};

struct StyleMix;

/// How much layer `layer` takes of the latent that begins at `from`.
fn share(layer: usize, from: f32, crossover: f32) -> f32 {
    let beyond = layer as f32 + 0.5 - from;
    if crossover > 0.0 {
        (beyond / crossover + 0.5).clamp(0.0, 1.0)
    } else {
        f32::from(u8::from(beyond >= 0.0))
    }
}

/// Number of layers of the mixture. `wanted` layers are known from elsewhere, or 0.
fn num_layers(latents: [&Latent; 3], wanted: usize) -> Result<usize, NodeError> {
    let ports = ["coarse", "middle", "fine"];
    let mut found = wanted;
    for (latent, port) in latents.into_iter().zip(ports) {
        if latent.space == Space::Z {
            let reason = "lies in Z, which has no layers: map it to W first";
            return Err(NodeError::input(port, reason));
        }
        common_shape(latents[0], latent, port)?;
        if latent.space == Space::WPlus {
            let num_ws = latent.num_ws();
            if found != 0 && found != num_ws {
                let reason = format!("has {num_ws} layers, where there should be {found}");
                return Err(NodeError::input(port, reason));
            }
            found = num_ws;
        }
    }
    if found == 0 {
        let reason = "is needed where no model is wired: say how many layers the generator has";
        return Err(NodeError::param("num_ws", reason));
    }
    Ok(found)
}

impl Node for StyleMix {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(coarse) = io.inputs.latent(IN_COARSE) else { return Ok(()) };
        let middle = io.inputs.latent(IN_MIDDLE).unwrap_or(coarse);
        let fine = io.inputs.latent(IN_FINE).unwrap_or(middle);
        let wanted = match io.inputs.model(IN_MODEL) {
            Some(handle) => network("model", Some(handle)).map(|m| m.generator.config().num_ws()),
            None => Ok(usize::try_from(io.params.int(NUM_WS)).unwrap_or(0)),
        };
        let num_ws = match wanted.and_then(|n| num_layers([coarse, middle, fine], n)) {
            Ok(num_ws) => num_ws,
            Err(misfit) => {
                pass(io, coarse);
                return Err(misfit);
            }
        };
        let crossover = io.params.float(CROSSOVER);
        let (middle_from, fine_from) = (io.params.float(MIDDLE_FROM), io.params.float(FINE_FROM));
        emit(io, Space::WPlus, num_ws, coarse.dim, |rows| {
            for (i, out) in rows.chunks_mut(coarse.dim.max(1)).enumerate() {
                let (m, f) = (share(i, middle_from, crossover), share(i, fine_from, crossover));
                let parts = [(coarse, (1.0 - m) * (1.0 - f)), (middle, m * (1.0 - f)), (fine, f)];
                for (latent, weight) in parts.into_iter().filter(|(_, weight)| *weight > 0.0) {
                    out.iter_mut().zip(row(latent, i)).for_each(|(o, v)| *o += weight * v);
                }
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::generate::testing::{golden, reference_model};

    fn w(v: f32) -> Latent {
        Latent { space: Space::W, dim: 1, data: vec![v] }
    }

    fn mix(node: Harness, inputs: &[(&str, Latent)]) -> Result<Vec<f32>, NodeError> {
        let mut node = node.prepare()?;
        for (port, latent) in inputs {
            node.input(port, Value::Latent(latent.clone().into()));
        }
        node.tick()?;
        match node.output("latent") {
            Value::Latent(latent) => Ok(latent.data.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn node() -> Harness {
        let node = Harness::new(&SPEC).param("num_ws", 6_i64);
        node.param("middle_from", 2.0_f32).param("fine_from", 4.0_f32)
    }

    #[test]
    fn cuts_between_layers() {
        let all = [("coarse", w(1.0)), ("middle", w(2.0)), ("fine", w(3.0))];
        let cut = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0];
        assert_eq!(mix(node(), &all).unwrap(), cut);
        assert_eq!(mix(node().param("crossover", 0.0_f32), &all).unwrap(), cut);
        let outer = [all[0].clone(), all[2].clone()];
        assert_eq!(mix(node(), &outer).unwrap(), [1.0, 1.0, 1.0, 1.0, 3.0, 3.0]);
        assert_eq!(mix(node(), &all[..2]).unwrap(), [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]);
        assert_eq!(mix(node(), &all[..1]).unwrap(), [1.0; 6]);
    }

    #[test]
    fn a_border_glides_and_softens() {
        let ends = [("coarse", w(0.0)), ("fine", w(1.0))];
        let at = |from: f32, crossover: f32| {
            let node = node().param("fine_from", from).param("crossover", crossover);
            mix(node, &ends).unwrap()
        };
        assert_eq!(at(3.25, 1.0), [0.0, 0.0, 0.0, 0.75, 1.0, 1.0]);
        assert_eq!(at(3.0, 4.0), [0.0, 0.125, 0.375, 0.625, 0.875, 1.0]);
        // A border that moves by little changes little.
        for step in 0..600 {
            let from = step as f32 / 100.0;
            let (a, b) = (at(from, 1.0), at(from + 0.01, 1.0));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.0101));
        }
    }

    #[test]
    fn equals_the_reference() {
        // Layers 0 to 2 of seed 0, the rest of seed 1.
        let ws = golden("sg2ada_a", "ws_psi1");
        let seed = |i: usize| Latent {
            space: Space::W,
            dim: 64,
            data: ws[i * 640..i * 640 + 64].to_vec(),
        };
        let mut node = Harness::new(&SPEC).param("fine_from", 3.0_f32).prepare().unwrap();
        node.input("model", reference_model("sg2ada_a"));
        node.input("coarse", Value::Latent(seed(0).into()));
        node.input("fine", Value::Latent(seed(1).into()));
        node.tick().unwrap();
        let Value::Latent(mixed) = node.output("latent") else { panic!("no latent") };
        assert_eq!(mixed.data, [&ws[..3 * 64], &ws[640 + 3 * 64..1280]].concat());
    }

    #[test]
    fn fresh_it_passes_the_coarse_latent() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("coarse", Value::Latent(w(1.5).into()));
        assert!(matches!(node.tick(), Err(NodeError::Param { param: "num_ws", .. })));
        assert!(matches!(node.output("latent"), Value::Latent(found) if **found == w(1.5)));
    }

    #[test]
    fn what_has_no_layers_is_refused() {
        let z = Latent { space: Space::Z, dim: 1, data: vec![1.0] };
        let err = mix(node(), &[("coarse", w(1.0)), ("fine", z)]).unwrap_err();
        assert!(matches!(err, NodeError::Input { port: "fine", .. }), "{err}");
        let err = mix(Harness::new(&SPEC), &[("coarse", w(1.0))]).unwrap_err();
        assert!(matches!(err, NodeError::Param { param: "num_ws", .. }), "{err}");
        let plus = Latent { space: Space::WPlus, dim: 1, data: vec![0.0; 5] };
        let err = mix(node(), &[("coarse", w(1.0)), ("fine", plus)]).unwrap_err();
        assert!(err.to_string().contains("has 5 layers"), "{err}");
    }
}
