//! `latent.pick`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use super::points::{INTERPOLATIONS, INTERPOLATIONS_DOC, between, emit, is_slerp};

const IN_BANK: usize = 0;
const INDEX: usize = 0;
const INTERPOLATION: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.pick",
    version: 1,
    label: "Pick latent",
    doc: "Picks a latent out of a bank, or a point between two neighbours. \
        Index i + t gives the point at t from latent i to latent i + 1, row by row; indices wrap, \
        so that after the last comes the first.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("bank", PortType::LatentBank, "At least one latent.")],
    outputs: &[Port::output("latent", PortType::Latent, "The point, `[num_ws, dim]`.")],
    params: &[
        Param::float("index", "Index", 0.0, (0.0, 12.0))
            .hard(-1e6, 1e6)
            .doc("Number of the latent, from 0; fractions lie between."),
        Param::choice("interpolation", "Interpolation", INTERPOLATIONS).doc(INTERPOLATIONS_DOC),
    ],
    build: || Box::new(Pick),
};

struct Pick;

impl Node for Pick {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(bank) = io.inputs.bank(IN_BANK) else { return Ok(()) };
        if bank.is_empty() {
            return Err(NodeError::input("bank", "holds no latent: give it at least one"));
        }
        let index = io.params.float(INDEX);
        let (whole, t) = (index.floor(), index - index.floor());
        let i = (whole as i64).rem_euclid(bank.len() as i64) as usize;
        let (a, b) = (bank.get(i), bank.get((i + 1) % bank.len()));
        let slerps = is_slerp(io.params.choice(INTERPOLATION), bank.space);
        emit(io, bank.space, bank.num_ws, bank.dim, |rows| {
            between(a, b, bank.dim, t, slerps, rows);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{LatentBank, Space, Value};

    use super::*;

    fn pick(index: f32, interpolation: &str, space: Space) -> Vec<f32> {
        let data = vec![2.0, 0.0, 0.0, 2.0, -2.0, 0.0];
        let bank = LatentBank { space, num_ws: 1, dim: 2, data };
        let node = Harness::new(&SPEC).param("index", index);
        let mut node = node.param("interpolation", interpolation).prepare().unwrap();
        node.input("bank", Value::LatentBank(bank.into()));
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.data.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whole_indices_are_the_latents_and_wrap() {
        for (index, expected) in [(0.0, [2.0, 0.0]), (2.0, [-2.0, 0.0]), (3.0, [2.0, 0.0])] {
            assert_eq!(pick(index, "lerp", Space::Z), expected);
        }
        assert_eq!(pick(-2.0, "lerp", Space::Z), [0.0, 2.0]);
    }

    #[test]
    fn fractions_lie_between() {
        let round = 2.0_f32.sqrt();
        assert_eq!(pick(0.5, "lerp", Space::Z), [1.0, 1.0]);
        assert_eq!(pick(0.5, "auto", Space::W), [1.0, 1.0]);
        for (interpolation, space) in [("slerp", Space::W), ("auto", Space::Z)] {
            let p = pick(0.5, interpolation, space);
            assert!((p[0] - round).abs() < 1e-6 && (p[1] - round).abs() < 1e-6, "{p:?}");
        }
    }

    #[test]
    fn an_empty_bank_is_an_error() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        let bank = LatentBank { space: Space::Z, num_ws: 1, dim: 2, data: vec![] };
        node.input("bank", Value::LatentBank(bank.into()));
        assert!(matches!(node.tick(), Err(NodeError::Input { port: "bank", .. })));
    }
}
