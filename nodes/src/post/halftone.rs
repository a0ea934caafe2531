//! Dots of print.

use std::f32::consts::{FRAC_PI_4, PI};

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.halftone`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.halftone",
    version: 1,
    label: "Halftone",
    doc: "Draws the picture in dots, as print does. A screen of square cells, num_cells to the \
          height, is turned by the angle; each has a dot whose area is the share of ink, and dots \
          grow together past half. Mono: black ink on white, the share 1 − luminance at the cell's \
          middle. Colour: cyan, magenta and yellow at angles 15°, 75° and 0° from the angle, the \
          share 1 − red, green, blue (linear light, where areas add up). Edges of dots are a pixel \
          soft. Mixed with the picture by amount; alpha stays. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("How much of the dots there is."),
        Param::choice("mode", "Mode", &["mono", "colour"]).doc("Black ink, or three."),
        Param::float("num_cells", "Cells", 60.0, (8.0, 200.0))
            .hard(1.0, 4_320.0)
            .doc("Cells along the picture's height."),
        Param::float("angle_radians", "Angle", FRAC_PI_4, (-PI, PI))
            .hard(-1e4, 1e4)
            .unit(Unit::Radians)
            .doc("By how much the screen is turned."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("halftone.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::picture;
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    fn means(mode: &str, colour: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = colour;
        let image = picture(120, 120, |_, _| [r, g, b, 1.0]);
        let params =
            [("amount", 1.0_f32.into()), ("mode", mode.into()), ("num_cells", 10.0_f32.into())];
        let found = filtered(&SPEC, &params, &image);
        let mut means = [0.0; 3];
        for pixel in found.chunks(4) {
            for (mean, v) in means.iter_mut().zip(pixel) {
                *mean += v / (120.0 * 120.0);
            }
        }
        means
    }

    /// What print is about: from afar the dots are the tone.
    #[test]
    fn areas_keep_their_mean() {
        for grey in [0.05, 0.2, 0.5, 0.7, 0.95] {
            let [r, g, b] = means("mono", [grey; 3]);
            assert!((r - grey).abs() < 0.02, "{grey}: {r}");
            assert!(r == g && g == b);
        }
        let colour = [0.8, 0.4, 0.15];
        for (found, expected) in means("colour", colour).into_iter().zip(colour) {
            assert!((found - expected).abs() < 0.02, "{found} {expected}");
        }
    }

    #[test]
    fn paper_stays_white_and_full_ink_black() {
        let white = means("mono", [1.0; 3]);
        assert!(white.iter().all(|v| *v > 0.999), "{white:?}");
        let black = means("colour", [0.0; 3]);
        assert!(black.iter().all(|v| *v < 1e-3), "{black:?}");
    }
}
