//! Round and straight.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.polar`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.polar",
    version: 1,
    label: "Polar",
    doc: "Rolls the picture into a disc, or a disc out into a picture. Roll: a pixel shows the \
          column at its angle (clockwise from the top, the whole width for a whole turn) and the \
          row at its distance from the centre (the bottom in the middle, the top at half the \
          height). Unroll is the inverse. Mixed with the picture by position: amount moves each \
          pixel's place from its own (0) to the rolled one (1). Pixels between texels are \
          bilinear; beyond the edges the picture is mirrored. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("0 as it was, 1 rolled."),
        Param::choice("mode", "Mode", &["roll", "unroll"]).doc("Into a disc, or out of one."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("polar.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::testing::{assert_fresh_is_identity, assert_warps, filtered, places};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn unrolls_angle_and_distance() {
        let params = [("amount", 1.0_f32.into()), ("mode", "unroll".into())];
        assert_warps(&SPEC, &params, (60, 40), |x, y| {
            let (s, c) = (std::f64::consts::TAU * x).sin_cos();
            let distance = (1.0 - y) * 20.0;
            (0.5 + distance * s / 60.0, 0.5 - distance * c / 40.0)
        });
    }

    #[test]
    fn rolls_columns_into_angles() {
        let params = [("amount", 1.0_f32.into())];
        let found = filtered(&SPEC, &params, &places(64, 64));
        // Right of the centre, a quarter of a turn, half-way out.
        let pixel = &found[(32 * 64 + 48) * 4..][..2];
        assert!((pixel[0] - 0.25).abs() < 0.02 && (pixel[1] - 0.5).abs() < 0.03, "{pixel:?}");
    }
}
