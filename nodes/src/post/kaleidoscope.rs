//! A picture in mirrors.

use std::f32::consts::PI;

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const NUM_SEGMENTS: usize = 0;

/// `post.kaleidoscope`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.kaleidoscope",
    version: 1,
    label: "Kaleidoscope",
    doc: "Mirrors a wedge of the picture round its centre. The plane is cut into so many segments \
          from angle on; each shows the first one, every other mirrored. Distances count in \
          pixels, so that angles stay. Pixels between texels are bilinear; beyond the edges the \
          picture is mirrored. With fewer than 2 segments the picture passes unchanged. No \
          latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::int("num_segments", "Segments", 0, (0, 24))
            .hard_int(0, 360)
            .doc("How many wedges; below 2 none."),
        Param::float("angle_radians", "Angle", 0.0, (-PI, PI))
            .hard(-1e4, 1e4)
            .unit(Unit::Radians)
            .doc("Where the first wedge begins, anticlockwise from the right."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("kaleidoscope.wgsl"), |p| p.int(NUM_SEGMENTS) < 2)
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
    fn every_wedge_shows_the_first() {
        let params = [("num_segments", 6_i64.into()), ("angle_radians", 0.3_f32.into())];
        let wedge = std::f64::consts::TAU / 6.0;
        assert_warps(&SPEC, &params, (48, 48), |x, y| {
            let (dx, dy) = (x - 0.5, 0.5 - y);
            let turned = ((dy.atan2(dx) - 0.3) / wedge).rem_euclid(2.0);
            let angle = turned.min(2.0 - turned) * wedge + 0.3;
            let length = dx.hypot(dy);
            (0.5 + length * angle.cos(), 0.5 - length * angle.sin())
        });
    }
}
