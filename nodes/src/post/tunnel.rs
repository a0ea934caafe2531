//! A flight through the picture.

use std::f32::consts::PI;

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.tunnel`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.tunnel",
    version: 1,
    label: "Tunnel",
    doc: "Rolls the picture into a tunnel seen from inside. A pixel at angle θ and distance r from \
          the centre (in half heights) shows the column (θ/2π + twist·d)·repeats + turn and the row \
          d + travel, in pictures, with d = depth/r; beyond the edges the picture is mirrored, so \
          that no seam shows. Light falls as 1/(1 + fog·d)². Drive travel by a ramp for a flight. \
          Mixed with the picture by amount. Pixels between texels are bilinear. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("How much of the tunnel there is."),
        Param::float("travel", "Travel", 0.0, (0.0, 4.0))
            .hard(-1e6, 1e6)
            .doc("How far it was flown, in pictures."),
        Param::float("turn", "Turn", 0.0, (-1.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("By how many pictures the wall is turned."),
        Param::float("depth", "Depth", 0.5, (0.1, 2.0))
            .hard(0.001, 100.0)
            .doc("How fast pictures follow each other inwards."),
        Param::float("repeats", "Repeats", 2.0, (1.0, 8.0))
            .hard(0.0, 100.0)
            .doc("Pictures round the wall; even numbers meet without a seam."),
        Param::float("twist", "Twist", 0.0, (-1.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("Turns of the wall for a picture's depth."),
        Param::float("fog", "Fog", 0.2, (0.0, 2.0))
            .hard(0.0, 100.0)
            .doc("How fast it darkens inwards."),
        Param::float("angle_radians", "Angle", 0.0, (-PI, PI))
            .hard(-1e4, 1e4)
            .unit(Unit::Radians)
            .doc("Where the wall's first column lies, anticlockwise from the right."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("tunnel.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::picture;
    use crate::post::testing::{assert_fresh_is_identity, assert_warps, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn rings_are_rows_and_angles_columns() {
        let params = [
            ("amount", 1.0_f32.into()),
            ("fog", 0.0_f32.into()),
            ("depth", 0.25_f32.into()),
            ("travel", 0.125_f32.into()),
            ("twist", 0.1_f32.into()),
            ("repeats", 2.0_f32.into()),
        ];
        let mirrored = |v: f64| {
            let v = v.rem_euclid(2.0);
            v.min(2.0 - v)
        };
        assert_warps(&SPEC, &params, (96, 96), |x, y| {
            let (dx, dy) = (2.0 * (x - 0.5), 2.0 * (0.5 - y));
            let d = 0.25 / dx.hypot(dy);
            if d > 2.0 {
                return (0.0, 0.0); // too fine there to be compared
            }
            let turn = dy.atan2(dx) / std::f64::consts::TAU;
            (mirrored((turn + 0.1 * d) * 2.0), mirrored(d + 0.125))
        });
    }

    #[test]
    fn fog_takes_the_light_of_what_is_far() {
        let image = picture(64, 64, |_, _| [0.5, 0.5, 0.5, 1.0]);
        let params =
            [("amount", 1.0_f32.into()), ("fog", 1.0_f32.into()), ("depth", 1.0_f32.into())];
        let found = filtered(&SPEC, &params, &image);
        // The pixel at the middle of the right edge.
        let r = (63.5 - 32.0_f32).hypot(0.5) / 32.0;
        let expected = 0.5 / (1.0 + 1.0 / r).powi(2);
        let pixel = found[4 * (32 * 64 + 63)];
        assert!((pixel - expected).abs() < 1e-3, "{pixel} {expected}");
    }
}
