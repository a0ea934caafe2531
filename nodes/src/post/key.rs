//! A colour made clear.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const TOLERANCE: usize = 0;

/// `post.key`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.key",
    version: 1,
    label: "Key",
    doc: "Makes a colour or a brightness clear. Chroma: with d the distance between the pixel's \
          and the key's chromaticity (Cb, Cr of BT.709 from sRGB code values), alpha is multiplied \
          by a smooth step from tolerance to tolerance + softness. Luma: the same with the \
          luminance's code value, so that what is darker than the tolerance goes; inverted, what \
          is brighter stays clear. At a tolerance of 0 nothing goes. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("tolerance", "Tolerance", 0.0, (0.0, 1.0))
            .hard(0.0, 2.0)
            .doc("How much goes."),
        Param::choice("mode", "Mode", &["chroma", "luma"]).doc("Colour or brightness."),
        Param::float("hue_turns", "Hue", 0.333333, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("The colour that goes: 0 red, 1/3 green, 2/3 blue."),
        Param::float("softness", "Softness", 0.1, (0.01, 1.0))
            .hard(0.001, 2.0)
            .doc("How softly it ends."),
        Param::switch("invert", "Invert", false)
            .doc("Keeps what would go, and the other way round."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("key.wgsl"), |p| p.float(TOLERANCE) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;
    use crate::gpu::linear_from_srgb;
    use crate::gpu::testing::{assert_close, picture};
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn the_colour_goes_and_others_stay() {
        let image = picture(4, 1, |x, _| match x {
            0 => [0.0, 1.0, 0.0, 1.0],
            1 => [1.0, 0.0, 0.0, 1.0],
            2 => [0.0, 0.0, 1.0, 1.0],
            _ => [0.5, 0.5, 0.5, 1.0],
        });
        let alphas = |params: &[(&str, ParamValue)]| -> Vec<f32> {
            filtered(&SPEC, params, &image).iter().skip(3).step_by(4).copied().collect()
        };
        let tolerance = ("tolerance", ParamValue::from(0.2_f32));
        assert_eq!(alphas(std::slice::from_ref(&tolerance)), [0.0, 1.0, 1.0, 1.0]);
        let blue = ("hue_turns", ParamValue::from(2.0_f32 / 3.0));
        assert_eq!(alphas(&[tolerance.clone(), blue]), [1.0, 1.0, 0.0, 1.0]);
        let invert = ("invert", ParamValue::from(true));
        assert_eq!(alphas(&[tolerance, invert]), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn darkness_goes() {
        let ramp = picture(5, 1, |x, _| {
            let light = linear_from_srgb(x as f32 / 4.0);
            [light, light, light, 1.0]
        });
        let params = [
            ("tolerance", 0.375_f32.into()),
            ("softness", 0.25_f32.into()),
            ("mode", "luma".into()),
        ];
        let found = filtered(&SPEC, &params, &ramp);
        let alphas: Vec<f32> = found.iter().skip(3).step_by(4).copied().collect();
        assert_close(&alphas, &[0.0, 0.0, 0.5, 1.0, 1.0], 5e-3);
    }
}
