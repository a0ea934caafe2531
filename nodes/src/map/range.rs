//! `map.range`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use crate::control::finite;

const IN: usize = 0;
const IN_MIN: usize = 0;
const IN_MAX: usize = 1;
const OUT_MIN: usize = 2;
const OUT_MAX: usize = 3;
const CURVE: usize = 4;
const CLAMP: usize = 5;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "map.range",
    version: 1,
    label: "Range",
    doc: "Carries a control from one range to another. \
        u = (x − in_min)/(in_max − in_min), clamped to 0..1 if asked for; the result is \
        out_min + (out_max − out_min)·u^curve (|u|^curve with the sign of u). \
        Where the two ends of the first range meet, u is 0.",
    rate: Rate::Inherit,
    role: Role::Pure,
    inputs: &[Port::required("in", PortType::Control, "The control to carry over.")],
    outputs: &[Port::output("out", PortType::Control, "The control in its new range.")],
    params: &[
        Param::float("in_min", "In min", 0.0, (-1.0, 1.0)).hard(-1e6, 1e6).doc("Becomes out_min."),
        Param::float("in_max", "In max", 1.0, (-1.0, 1.0)).hard(-1e6, 1e6).doc("Becomes out_max."),
        Param::float("out_min", "Out min", 0.0, (-1.0, 1.0))
            .hard(-1e6, 1e6)
            .doc("What in_min becomes."),
        Param::float("out_max", "Out max", 1.0, (-1.0, 1.0))
            .hard(-1e6, 1e6)
            .doc("What in_max becomes."),
        Param::float("curve", "Curve", 1.0, (0.25, 4.0))
            .hard(0.01, 100.0)
            .doc("Exponent: above 1 small values shrink, below 1 they grow."),
        Param::switch("clamp", "Clamp", true).doc("Whether the result stays within the out range."),
    ],
    build: || Box::new(Range),
};

struct Range;

impl Node for Range {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let p = |i| io.params.float(i);
        let span = p(IN_MAX) - p(IN_MIN);
        let x = finite(io, IN).unwrap_or(p(IN_MIN));
        let u = if span == 0.0 { 0.0 } else { (x - p(IN_MIN)) / span };
        let u = if io.params.switch(CLAMP) { u.clamp(0.0, 1.0) } else { u };
        let curved = u.abs().powf(p(CURVE)).copysign(u);
        let out = p(OUT_MIN) + (p(OUT_MAX) - p(OUT_MIN)) * curved;
        io.outputs.set_control(0, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    fn out(node: Harness, x: f32) -> f32 {
        let mut node = node.prepare().unwrap();
        node.input("in", Value::Control(x));
        node.tick().unwrap();
        node.control("out")
    }

    fn node() -> Harness {
        let node = Harness::new(&SPEC).param("in_min", 2.0_f32).param("in_max", 4.0_f32);
        node.param("out_min", 10.0_f32).param("out_max", -10.0_f32).param("curve", 2.0_f32)
    }

    #[test]
    fn carries_ends_to_ends() {
        for (x, y) in [(2.0, 10.0), (3.0, 5.0), (4.0, -10.0), (9.0, -10.0), (0.0, 10.0)] {
            assert_eq!(out(node(), x), y, "{x}");
        }
        assert_eq!(out(Harness::new(&SPEC), 0.3), 0.3);
    }

    #[test]
    fn without_clamp_the_curve_goes_on() {
        // u = 2 and −1, squared with their sign.
        assert_eq!(out(node().param("clamp", false), 6.0), -70.0);
        assert_eq!(out(node().param("clamp", false), 0.0), 30.0);
    }

    #[test]
    fn an_empty_range_is_its_start() {
        assert_eq!(out(node().param("in_max", 2.0_f32), 7.0), 10.0);
        assert_eq!(out(node(), f32::NAN), 10.0);
    }
}
