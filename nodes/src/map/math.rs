//! `map.math`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use crate::control::finite;

const IN_A: usize = 0;
const IN_B: usize = 1;
const OP: usize = 0;
const A_VALUE: usize = 1;
const B_VALUE: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "map.math",
    version: 1,
    label: "Math",
    doc: "Calculates with two controls. \
        add a + b; subtract a − b; multiply a·b; divide a/b, and 0 where b is 0; min; max; \
        mean (a + b)/2; power |a|^b with the sign of a; difference |a − b|. \
        What is no finite number becomes 0.",
    rate: Rate::Inherit,
    role: Role::Pure,
    inputs: &[
        Port::optional("a", PortType::Control, "First operand; `a_value` while open."),
        Port::optional("b", PortType::Control, "Second operand; `b_value` while open."),
    ],
    outputs: &[Port::output("out", PortType::Control, "The result.")],
    params: &[
        Param::choice(
            "op",
            "Operation",
            &["add", "subtract", "multiply", "divide", "min", "max", "mean", "power", "difference"],
        )
        .doc("What to calculate."),
        Param::float("a_value", "A", 0.0, (-1.0, 1.0))
            .hard(-1e9, 1e9)
            .doc("First operand while its input is open."),
        Param::float("b_value", "B", 0.0, (-1.0, 1.0))
            .hard(-1e9, 1e9)
            .doc("Second operand while its input is open."),
    ],
    build: || Box::new(Math),
};

struct Math;

/// Option `op` of `a` and `b`.
fn calculate(op: usize, a: f32, b: f32) -> f32 {
    match op {
        0 => a + b,
        1 => a - b,
        2 => a * b,
        3 if b == 0.0 => 0.0,
        3 => a / b,
        4 => a.min(b),
        5 => a.max(b),
        6 => 0.5 * (a + b),
        7 => a.abs().powf(b).copysign(a),
        _ => (a - b).abs(),
    }
}

impl Node for Math {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let a = finite(io, IN_A).unwrap_or(io.params.float(A_VALUE));
        let b = finite(io, IN_B).unwrap_or(io.params.float(B_VALUE));
        io.outputs.set_control(0, calculate(io.params.choice(OP), a, b));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    fn result(op: &str, a: f32, b: f32) -> f32 {
        let mut node = Harness::new(&SPEC).param("op", op).prepare().unwrap();
        node.input("a", Value::Control(a));
        node.input("b", Value::Control(b));
        node.tick().unwrap();
        node.control("out")
    }

    #[test]
    fn does_what_the_option_says() {
        for (op, expected) in [
            ("add", 1.0),
            ("subtract", -5.0),
            ("multiply", -6.0),
            ("divide", -2.0 / 3.0),
            ("min", -2.0),
            ("max", 3.0),
            ("mean", 0.5),
            ("power", -8.0),
            ("difference", 5.0),
        ] {
            assert_eq!(result(op, -2.0, 3.0), expected, "{op}");
        }
    }

    #[test]
    fn never_leaves_the_finite() {
        assert_eq!(result("divide", 1.0, 0.0), 0.0);
        assert_eq!(result("power", 0.0, -1.0), 0.0);
        assert_eq!(result("multiply", f32::MAX, 2.0), 0.0);
    }

    #[test]
    fn open_inputs_read_the_parameters() {
        let node = Harness::new(&SPEC).param("a_value", 0.25_f32).param("b_value", 2.0_f32);
        let mut node = node.param("op", "multiply").prepare().unwrap();
        node.tick().unwrap();
        assert_eq!(node.control("out"), 0.5);
        node.input("a", Value::Control(f32::NAN));
        node.input("b", Value::Control(3.0));
        node.tick().unwrap();
        assert_eq!(node.control("out"), 0.75);
    }
}
