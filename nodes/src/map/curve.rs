//! `map.curve`

use lumawire_analysis::envelope::compress::{Form, Side, beyond};
use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use crate::control::finite;

const IN: usize = 0;
const SIDE: usize = 0;
const FORM: usize = 1;
const THRESHOLD: usize = 2;
const RATIO: usize = 3;
const POWER: usize = 4;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "map.curve",
    version: 1,
    label: "Curve",
    doc: "Compresses or expands what lies beyond a threshold, then bends the whole by a power. \
        Beyond the threshold T: `scale` x·ratio, which leaps at T (maua-stylegan2's compress and \
        expand, before their stretch over the whole file, for which there is `control.normalise`); \
        `knee` T + (x − T)·ratio, without a leap. Then |y|^power with the sign of y. \
        Ratio and power 1 change nothing.",
    rate: Rate::Inherit,
    role: Role::Pure,
    inputs: &[Port::required("in", PortType::Control, "The control to bend.")],
    outputs: &[Port::output("out", PortType::Control, "The bent control.")],
    params: &[
        Param::choice("side", "Beyond", &["above", "below"])
            .doc("On which side of the threshold it acts; a control at the threshold is left."),
        Param::choice("form", "Form", &["knee", "scale"])
            .doc("Whether the curve is continuous or scales from 0."),
        Param::float("threshold", "Threshold", 0.5, (0.0, 1.0))
            .hard(-1e6, 1e6)
            .doc("Where it begins."),
        Param::float("ratio", "Ratio", 1.0, (0.0, 10.0))
            .hard(-1e3, 1e3)
            .doc("Below 1 compresses, above 1 expands."),
        Param::float("power", "Power", 1.0, (0.25, 8.0))
            .hard(0.01, 100.0)
            .doc("Exponent: above 1 small values shrink, below 1 they grow."),
    ],
    build: || Box::new(Curve),
};

struct Curve;

impl Node for Curve {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let x = finite(io, IN).unwrap_or(0.0);
        let (threshold, ratio) = (io.params.float(THRESHOLD), io.params.float(RATIO));
        let side = if io.params.choice(SIDE) == 0 { Side::Above } else { Side::Below };
        let form = if io.params.choice(FORM) == 0 { Form::Knee } else { Form::Scale };
        let y = beyond(x, threshold, ratio, side, form);
        io.outputs.set_control(0, y.abs().powf(io.params.float(POWER)).copysign(y));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::map::reference;

    fn run(node: Harness, values: &[f32]) -> Vec<f32> {
        let mut node = node.prepare().unwrap();
        let tick = |x: &f32| {
            node.input("in", Value::Control(*x));
            node.tick().unwrap();
            node.control("out")
        };
        values.iter().map(tick).collect()
    }

    /// The stretch to 0..1 over the whole file that ends maua's functions.
    fn stretched(values: &[f32]) -> Vec<f32> {
        let min = values.iter().copied().fold(f32::INFINITY, f32::min);
        let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        values.iter().map(|v| (v - min) / (max - min)).collect()
    }

    #[test]
    fn scale_equals_compress_and_expand_of_maua() {
        for (name, side, threshold, ratio) in [
            ("compress_x1_t0.5_r0.3", "above", 0.5_f32, 0.3_f32),
            ("compress_x1_t0.5_r0.3_inv", "below", 0.5, 0.3),
            ("expand_x1_t0.8_r10", "above", 0.8, 10.0),
        ] {
            let node = Harness::new(&SPEC).param("form", "scale").param("side", side);
            let node = node.param("threshold", threshold).param("ratio", ratio);
            let y = stretched(&run(node, &reference("x1")));
            let e = reference(name);
            assert!(y.iter().zip(&e).all(|(y, e)| (y - e).abs() < 1e-6), "{name}");
        }
    }

    #[test]
    fn knee_is_continuous_and_power_keeps_the_sign() {
        let node = || Harness::new(&SPEC).param("ratio", 0.5_f32);
        assert_eq!(run(node(), &[0.25, 0.5, 0.75, 1.0]), [0.25, 0.5, 0.625, 0.75]);
        assert_eq!(run(node().param("power", 2.0_f32), &[-0.5, 0.5]), [-0.25, 0.25]);
    }

    #[test]
    fn fresh_it_is_the_identity() {
        assert_eq!(run(Harness::new(&SPEC), &[-1.0, 0.3, 0.8]), [-1.0, 0.3, 0.8]);
    }
}
