//! An old television.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const CURVE: usize = 0;
const LINES: usize = 1;
const MASK: usize = 2;
const CORNER: usize = 3;

/// `post.crt`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.crt",
    version: 1,
    label: "CRT",
    doc: "Shows the picture on a tube. The glass bulges: a pixel at p from the centre, in half \
          widths and half heights, shows the place p·(1 + curve·q²), with q the other coordinate; \
          outside the picture is black, with rounded corners. Lines: light × (1 − lines·(1 + \
          cos(2π·y·num_lines))/2), y in the bulged picture. Mask: of each three columns of pixels \
          one keeps its red, one its green and one its blue, the other two × (1 − mask), all × 3/(3 \
          − 2·mask), so that the mean light stays. For slower flicker add `post.scanlines`, for \
          bleeding colours `post.aberration`. At the defaults the picture passes unchanged. No \
          latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("curve", "Curve", 0.0, (0.0, 0.3))
            .hard(0.0, 2.0)
            .doc("How much the glass bulges."),
        Param::float("lines", "Lines", 0.0, (0.0, 1.0)).doc("How dark it is between the lines."),
        Param::float("mask", "Mask", 0.0, (0.0, 1.0)).doc("How far the colours lie apart."),
        Param::float("corner", "Corner", 0.0, (0.0, 0.3))
            .hard(0.0, 1.0)
            .doc("Radius of the round corners, in half heights."),
        Param::float("num_lines", "Number of lines", 240.0, (60.0, 576.0))
            .hard(1.0, 8_192.0)
            .doc("Lines in the picture's height."),
        Param::int("mask_px", "Mask, pixels", 1, (1, 4))
            .hard_int(1, 64)
            .doc("Width of a colour's column in pixels."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("crt.wgsl"), |p| {
            [CURVE, LINES, MASK, CORNER].iter().all(|i| p.float(*i) == 0.0)
        })
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
    fn the_glass_bulges() {
        let params = [("curve", 0.25_f32.into())];
        assert_warps(&SPEC, &params, (48, 32), |x, y| {
            let (px, py) = (2.0 * x - 1.0, 2.0 * y - 1.0);
            let (qx, qy) = (px * (1.0 + 0.25 * py * py), py * (1.0 + 0.25 * px * px));
            ((qx + 1.0) / 2.0, (qy + 1.0) / 2.0)
        });
    }

    #[test]
    fn outside_the_glass_it_is_black() {
        let image = picture(64, 64, |_, _| [1.0; 4]);
        let found = filtered(&SPEC, &[("curve", 0.3_f32.into())], &image);
        assert_eq!(found[..4], [0.0, 0.0, 0.0, 1.0], "the corner");
        let middle = 4 * (32 * 64 + 32);
        assert_eq!(found[middle..middle + 4], [1.0; 4]);
        let round = filtered(&SPEC, &[("corner", 0.5_f32.into())], &image);
        assert_eq!((round[0], round[4 * 32]), (0.0, 1.0), "corner and middle of the top");
    }

    #[test]
    fn the_mask_keeps_the_mean_of_each_colour() {
        let image = picture(6, 1, |_, _| [0.5, 0.25, 0.125, 1.0]);
        let found = filtered(&SPEC, &[("mask", 0.6_f32.into())], &image);
        for (c, expected) in [0.5, 0.25, 0.125].into_iter().enumerate() {
            let mean: f32 = found.chunks(4).map(|pixel| pixel[c]).sum::<f32>() / 6.0;
            assert!((mean - expected).abs() < 1e-3, "{mean} {expected}");
        }
        let gain = 3.0 / (3.0 - 1.2);
        assert!(
            (found[0] - 0.5 * gain).abs() < 1e-3 && (found[1] - 0.25 * 0.4 * gain).abs() < 1e-3
        );
    }

    #[test]
    fn lines_darken_by_the_cosine() {
        let image = picture(1, 8, |_, _| [1.0; 4]);
        let params = [("lines", 0.5_f32.into()), ("num_lines", 2.0_f32.into())];
        let found = filtered(&SPEC, &params, &image);
        for (y, pixel) in found.chunks(4).enumerate() {
            let phase = std::f32::consts::TAU * 2.0 * (y as f32 + 0.5) / 8.0;
            let expected = 1.0 - 0.5 * (1.0 + phase.cos()) / 2.0;
            assert!((pixel[0] - expected).abs() < 1e-3, "{y}: {pixel:?} {expected}");
        }
    }
}
