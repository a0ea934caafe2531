//! Lift, gamma and gain.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const NUM_PARAMS: usize = 12;

/// Whether parameter `i` is a lift: 0, and 3 to 5 for the colours.
fn is_lift(i: usize) -> bool {
    matches!(i, 0 | 3..=5)
}

/// `post.levels`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.levels",
    version: 1,
    label: "Levels",
    doc: "Grades shadows, middles and highlights apart, for all colours and for each. In linear \
          light y = gain·(x + lift·(1 − x)), then |y|^(1/gamma) with the sign of y. Lift and those \
          of a colour add up, gammas and gains multiply (the controls of a colourist's three \
          wheels). At the defaults the picture passes unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("lift", "Lift", 0.0, (-0.5, 0.5))
            .hard(-2.0, 2.0)
            .doc("Raises the shadows; white stays."),
        Param::float("gamma", "Gamma", 1.0, (0.25, 4.0))
            .hard(0.05, 20.0)
            .doc("Brightens the middles above 1; black and white stay."),
        Param::float("gain", "Gain", 1.0, (0.0, 2.0))
            .hard(0.0, 16.0)
            .doc("Factor of the light; black stays."),
        Param::float("lift_r", "Lift, red", 0.0, (-0.5, 0.5))
            .hard(-2.0, 2.0)
            .doc("Added to the lift of red."),
        Param::float("lift_g", "Lift, green", 0.0, (-0.5, 0.5))
            .hard(-2.0, 2.0)
            .doc("Added to the lift of green."),
        Param::float("lift_b", "Lift, blue", 0.0, (-0.5, 0.5))
            .hard(-2.0, 2.0)
            .doc("Added to the lift of blue."),
        Param::float("gamma_r", "Gamma, red", 1.0, (0.25, 4.0))
            .hard(0.05, 20.0)
            .doc("Factor of the gamma of red."),
        Param::float("gamma_g", "Gamma, green", 1.0, (0.25, 4.0))
            .hard(0.05, 20.0)
            .doc("Factor of the gamma of green."),
        Param::float("gamma_b", "Gamma, blue", 1.0, (0.25, 4.0))
            .hard(0.05, 20.0)
            .doc("Factor of the gamma of blue."),
        Param::float("gain_r", "Gain, red", 1.0, (0.0, 2.0))
            .hard(0.0, 16.0)
            .doc("Factor of the gain of red."),
        Param::float("gain_g", "Gain, green", 1.0, (0.0, 2.0))
            .hard(0.0, 16.0)
            .doc("Factor of the gain of green."),
        Param::float("gain_b", "Gain, blue", 1.0, (0.0, 2.0))
            .hard(0.0, 16.0)
            .doc("Factor of the gain of blue."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("levels.wgsl"), |p| {
            (0..NUM_PARAMS).all(|i| p.float(i) == if is_lift(i) { 0.0 } else { 1.0 })
        })
    },
};

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;
    use crate::gpu::testing::{assert_close, picture};
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    fn levels(params: &[(&str, f32)]) -> Vec<f32> {
        let params: Vec<_> = params.iter().map(|&(id, v)| (id, ParamValue::from(v))).collect();
        filtered(&SPEC, &params, &picture(1, 1, |_, _| [0.5, 0.25, 0.0, 0.5]))
    }

    #[test]
    fn each_control_follows_its_formula() {
        let by = |params: &[(&str, f32)], [r, g, b]: [f64; 3]| {
            assert_close(&levels(params), &[r, g, b, 0.5], 1e-3);
        };
        by(&[("lift", 0.2)], [0.6, 0.4, 0.2]);
        by(&[("gain", 2.0)], [1.0, 0.5, 0.0]);
        by(&[("gamma", 2.0)], [0.5_f64.sqrt(), 0.5, 0.0]);
        by(&[("gain", 2.0), ("gain_g", 0.5), ("lift_b", 0.25)], [1.0, 0.25, 0.5]);
        by(&[("gamma_r", 0.5), ("gamma_g", 2.0)], [0.25, 0.5, 0.0]);
        by(&[("lift", -0.5)], [0.25, -0.125, -0.5]);
    }
}
