//! A whirl.

use std::f32::consts::PI;

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const ANGLE: usize = 0;

/// `post.twirl`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.twirl",
    version: 1,
    label: "Twirl",
    doc: "Whirls the picture about its centre. A point at distance d from it, in half heights, \
          turns by angle·(1 − d/radius)², and not at all beyond the radius. Pixels between texels \
          are bilinear; beyond the edges the picture is mirrored. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("angle_radians", "Angle", 0.0, (-4.0 * PI, 4.0 * PI))
            .hard(-1e4, 1e4)
            .unit(Unit::Radians)
            .doc("How far the middle turns, anticlockwise."),
        Param::float("radius", "Radius", 1.0, (0.1, 2.0))
            .hard(0.001, 16.0)
            .doc("How far it reaches, in half heights."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("twirl.wgsl"), |p| p.float(ANGLE) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::testing::{assert_fresh_is_identity, assert_warps};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn turns_most_in_the_middle() {
        let params = [("angle_radians", 1.5_f32.into()), ("radius", 0.8_f32.into())];
        assert_warps(&SPEC, &params, (64, 32), |x, y| {
            let (dx, dy) = ((x - 0.5) * 64.0, (y - 0.5) * 32.0);
            let inside = (1.0 - dx.hypot(dy) / (16.0 * 0.8)).max(0.0);
            let (s, c) = (1.5 * inside * inside).sin_cos();
            (0.5 + (c * dx - s * dy) / 64.0, 0.5 + (s * dx + c * dy) / 32.0)
        });
    }
}
