//! Few colours, many dots.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.dither`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.dither",
    version: 1,
    label: "Dither",
    doc: "Leaves few steps of brightness and mixes them in a fine pattern, so that areas keep \
          their mean. With c the sRGB code value of a colour, 0..1, and b the place of the pixel \
          in an 8 × 8 Bayer matrix, 0..63: q = ⌊c·(n − 1) + (b + 0.5)/64⌋/(n − 1), mixed with the \
          picture by amount, in linear light. Pixels of the pattern are scale_px wide. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("0 as it was, 1 dots alone."),
        Param::int("num_levels", "Levels", 2, (2, 16))
            .hard_int(2, 256)
            .doc("Steps of each colour."),
        Param::int("scale_px", "Scale", 1, (1, 8))
            .hard_int(1, 64)
            .unit(Unit::Px)
            .doc("Side of a dot in pixels."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("dither.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::picture;
    use crate::gpu::{linear_from_srgb, srgb_from_linear};
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn areas_keep_their_mean_code() {
        for num_levels in [2_i64, 5] {
            for code in [0.0, 0.1, 0.3, 0.5, 0.77, 1.0] {
                let image = picture(8, 8, |_, _| [linear_from_srgb(code), 0.0, 0.0, 1.0]);
                let params = [("amount", 1.0_f32.into()), ("num_levels", num_levels.into())];
                let found = filtered(&SPEC, &params, &image);
                let reds = || found.iter().step_by(4).map(|light| srgb_from_linear(*light));
                let steps = (num_levels - 1) as f32;
                assert!((reds().sum::<f32>() / 64.0 - code).abs() < 0.6 / 64.0 / steps + 1e-3);
                assert!(reds().all(|c| ((c * steps).round() / steps - c).abs() < 1e-3));
            }
        }
    }

    /// Every place of the matrix comes once: so many dots as the brightness says.
    #[test]
    fn each_step_of_brightness_lights_one_dot_more() {
        for num_lit in [1, 17, 40, 63] {
            let code = num_lit as f32 / 64.0;
            let image = picture(8, 8, |_, _| [linear_from_srgb(code); 4]);
            let found = filtered(&SPEC, &[("amount", 1.0_f32.into())], &image);
            let lit = found.iter().step_by(4).filter(|v| **v > 0.5).count();
            assert!(lit.abs_diff(num_lit) <= 1, "{lit} of {num_lit}");
        }
    }
}
