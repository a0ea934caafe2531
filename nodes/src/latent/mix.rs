//! `latent.mix`

use lumawire_core::{
    Io, Latent, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space,
};

use super::points::{
    INTERPOLATIONS, INTERPOLATIONS_DOC, common_shape, emit, is_slerp, lerp, pass, row, slerp,
};
use crate::generate::network;

const IN_A: usize = 0;
const IN_B: usize = 1;
const IN_MODEL: usize = 2;
const AMOUNT: usize = 0;
const INTERPOLATION: usize = 1;
const FIRST_LAYER: usize = 2;
const LAST_LAYER: usize = 3;
const NUM_WS: usize = 4;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.mix",
    version: 1,
    label: "Mix latents",
    doc: "Goes from one latent to another, in all layers or in some. \
        Row by row, lerp (1 − t)·a + t·b or slerp, which falls back to lerp where the cosine of \
        the angle is beyond 0.9995. Layers outside `first_layer`..`last_layer` keep a: style \
        mixing. A w stands for all layers beside a W+; two of W with a range of layers give W+ of \
        the network's rows, or of `num_ws`. Both must come from one space and have rows of one \
        length; where they do not, a passes.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("a", PortType::Latent, "The latent at amount 0, `[num_ws, dim]`."),
        Port::required("b", PortType::Latent, "The latent at amount 1, `[num_ws, dim]`."),
        Port::optional("model", PortType::Model, "The network, for the number of its layers."),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "The mixture, `[num_ws, dim]`.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0))
            .hard(-2.0, 3.0)
            .doc("t: how far towards b; beyond 0..1 it goes past them."),
        Param::choice("interpolation", "Interpolation", INTERPOLATIONS).doc(INTERPOLATIONS_DOC),
        Param::int("first_layer", "First layer", 0, (0, 17))
            .hard_int(0, 63)
            .doc("First layer that mixes, from 0, the coarsest."),
        Param::int("last_layer", "Last layer", -1, (-1, 17))
            .hard_int(-1, 63)
            .doc("Last layer that mixes; −1 is the finest."),
        Param::int("num_ws", "Layers", 0, (0, 18)).hard_int(0, 64).doc(
            "Number of the generator's layers, needed for a range of layers where no model is \
             wired and neither latent is in W+; 0 is unknown.",
        ),
    ],
    build: || Box::new(Mix),
};

struct Mix;

/// Space and number of rows of the mixture. `ranged`: whether some layers only shall mix.
fn shape(a: &Latent, b: &Latent, ranged: bool, num_ws: usize) -> Result<(Space, usize), NodeError> {
    match common_shape(a, b, "b")? {
        (Space::Z, _) if ranged => Err(NodeError::input(
            "a",
            "lies in Z, which has no layers: map both latents to W, or mix all layers",
        )),
        (Space::W, _) if ranged && num_ws == 0 => Err(NodeError::param(
            "num_ws",
            "a range of layers needs their number: say how many the generator has",
        )),
        (Space::W, _) if ranged => Ok((Space::WPlus, num_ws)),
        shape => Ok(shape),
    }
}

impl Node for Mix {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(a) = io.inputs.latent(IN_A) else { return Ok(()) };
        let amount = io.params.float(AMOUNT);
        let Some(b) = io.inputs.latent(IN_B) else {
            pass(io, a);
            let missing = NodeError::input("b", "no latent has arrived: a passes until then");
            return if amount == 0.0 { Ok(()) } else { Err(missing) };
        };
        let first = usize::try_from(io.params.int(FIRST_LAYER)).unwrap_or(0);
        // −1 fits no usize: the last layer there is.
        let last = usize::try_from(io.params.int(LAST_LAYER)).unwrap_or(usize::MAX);
        let ranged = first > 0 || last < usize::MAX;
        let num_ws = match io.inputs.model(IN_MODEL) {
            Some(handle) => network("model", Some(handle)).map(|m| m.generator.config().num_ws()),
            None => Ok(usize::try_from(io.params.int(NUM_WS)).unwrap_or(0)),
        };
        let (space, num_ws) = match num_ws.and_then(|n| shape(a, b, ranged, n)) {
            Ok(shape) => shape,
            Err(misfit) => {
                pass(io, a);
                return Err(misfit);
            }
        };
        let slerps = is_slerp(io.params.choice(INTERPOLATION), space);
        let step = if slerps { slerp } else { lerp };
        emit(io, space, num_ws, a.dim, |rows| {
            for (i, out) in rows.chunks_mut(a.dim.max(1)).enumerate() {
                let mixes = (first..=last).contains(&i);
                step(row(a, i), row(b, i), if mixes { amount } else { 0.0 }, out);
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

    fn latent(space: Space, data: &[f32]) -> Latent {
        Latent { space, dim: 2, data: data.to_vec() }
    }

    fn mix(node: Harness, a: Latent, b: Latent) -> Result<Latent, NodeError> {
        let mut node = node.prepare()?;
        node.input("a", Value::Latent(a.into()));
        node.input("b", Value::Latent(b.into()));
        node.tick()?;
        match node.output("latent") {
            Value::Latent(latent) => Ok(latent.as_ref().clone()),
            other => panic!("{other:?}"),
        }
    }

    fn node(amount: f32) -> Harness {
        Harness::new(&SPEC).param("amount", amount)
    }

    #[test]
    fn z_goes_round_and_w_goes_straight() {
        let ends = |space| (latent(space, &[2.0, 0.0]), latent(space, &[0.0, 2.0]));
        let (a, b) = ends(Space::W);
        assert_eq!(mix(node(0.25), a, b).unwrap().data, [1.5, 0.5]);
        let (a, b) = ends(Space::Z);
        let z = mix(node(0.5), a, b).unwrap();
        assert!(z.data.iter().all(|v| (v - 2.0_f32.sqrt()).abs() < 1e-6), "{z:?}");
    }

    #[test]
    fn fresh_it_is_a() {
        let (a, b) = (latent(Space::W, &[1.0, 2.0]), latent(Space::W, &[5.0, 6.0]));
        assert_eq!(mix(Harness::new(&SPEC), a.clone(), b).unwrap(), a);
    }

    #[test]
    fn w_stands_for_every_layer() {
        let plus = latent(Space::WPlus, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let w = latent(Space::W, &[-1.0, -2.0]);
        let mixed = mix(node(1.0).param("first_layer", 1_i64), plus.clone(), w.clone()).unwrap();
        assert_eq!(mixed, latent(Space::WPlus, &[1.0, 2.0, -1.0, -2.0, -1.0, -2.0]));
        let mixed = mix(node(1.0).param("last_layer", 0_i64), w, plus).unwrap();
        assert_eq!(mixed.data, [1.0, 2.0, -1.0, -2.0, -1.0, -2.0]);
    }

    #[test]
    fn two_ws_with_a_range_give_w_plus() {
        let (a, b) = (latent(Space::W, &[1.0, 2.0]), latent(Space::W, &[5.0, 6.0]));
        let node = || node(1.0).param("first_layer", 2_i64);
        let mixed = mix(node().param("num_ws", 3_i64), a.clone(), b.clone()).unwrap();
        assert_eq!(mixed, latent(Space::WPlus, &[1.0, 2.0, 1.0, 2.0, 5.0, 6.0]));
        assert!(matches!(mix(node(), a, b), Err(NodeError::Param { param: "num_ws", .. })));
    }

    #[test]
    fn a_passes_where_nothing_can_be_mixed() {
        let a = latent(Space::W, &[1.0, 2.0]);
        let mut node = node(0.5).param("first_layer", 1_i64).prepare().unwrap();
        node.input("a", Value::Latent(a.clone().into()));
        let passes = |node: &Harness| matches!(node.output("latent"), Value::Latent(l) if **l == a);
        assert!(matches!(node.tick(), Err(NodeError::Input { port: "b", .. })));
        assert!(passes(&node), "no b");
        node.input("b", Value::Latent(latent(Space::W, &[5.0, 6.0]).into()));
        assert!(matches!(node.tick(), Err(NodeError::Param { param: "num_ws", .. })));
        assert!(passes(&node), "unknown layers");
        node.input("model", crate::generate::testing::reference_model("sg2ada_a"));
        node.tick().unwrap();
        let Value::Latent(mixed) = node.output("latent") else { panic!("no latent") };
        assert_eq!((mixed.space, mixed.num_ws()), (Space::WPlus, 10));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let w = latent(Space::W, &[1.0, 2.0]);
        let long = Latent { space: Space::W, dim: 3, data: vec![0.0; 3] };
        for (a, b) in [
            (w.clone(), long),
            (w.clone(), latent(Space::Z, &[1.0, 2.0])),
            (latent(Space::WPlus, &[0.0; 4]), latent(Space::WPlus, &[0.0; 6])),
        ] {
            let err = mix(node(0.5), a, b).unwrap_err();
            assert!(matches!(err, NodeError::Input { port: "b", .. }), "{err}");
        }
        let z = latent(Space::Z, &[1.0, 2.0]);
        let err = mix(node(0.5).param("last_layer", 2_i64), z.clone(), z).unwrap_err();
        assert!(matches!(err, NodeError::Input { port: "a", .. }), "{err}");
    }
}
