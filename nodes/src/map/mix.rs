//! `map.mix`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use crate::control::finite;

const IN_A: usize = 0;
const IN_B: usize = 1;
const AMOUNT: usize = 0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "map.mix",
    version: 1,
    label: "Mix",
    doc: "Crossfades from one control to another. \
        a + (b − a)·amount; an open input counts as 0.",
    rate: Rate::Inherit,
    role: Role::Pure,
    inputs: &[
        Port::optional("a", PortType::Control, "Heard alone at amount 0."),
        Port::optional("b", PortType::Control, "Heard alone at amount 1."),
    ],
    outputs: &[Port::output("out", PortType::Control, "The mixture.")],
    params: &[Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("How much of b.")],
    build: || Box::new(Mix),
};

struct Mix;

impl Node for Mix {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let a = finite(io, IN_A).unwrap_or(0.0);
        let b = finite(io, IN_B).unwrap_or(0.0);
        io.outputs.set_control(0, a + (b - a) * io.params.float(AMOUNT));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    #[test]
    fn goes_from_a_to_b() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("a", Value::Control(2.0));
        node.input("b", Value::Control(6.0));
        for (amount, expected) in [(0.0_f32, 2.0), (0.25, 3.0), (1.0, 6.0)] {
            node.set_param("amount", amount);
            node.tick().unwrap();
            assert_eq!(node.control("out"), expected);
        }
    }
}
