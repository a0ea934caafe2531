//! Tone curves.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const NUM_PARAMS: usize = 14;

const fn point(id: &'static str, label: &'static str, at: f32) -> Param {
    Param::float(id, label, at, (0.0, 1.0)).hard(-1.0, 2.0)
}

const fn bend(id: &'static str, label: &'static str) -> Param {
    Param::float(id, label, 0.0, (-0.5, 0.5))
        .hard(-1.0, 1.0)
        .doc("Added to the curve of this colour there.")
}

/// `post.curves`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.curves",
    version: 1,
    label: "Curves",
    doc: "Bends tones along a curve. It goes through five points, at the sRGB code values 0, 0.25, \
          0.5, 0.75 and 1, smoothly and never overshooting between them (monotone cubic: Fritsch \
          and Carlson, \"Monotone Piecewise Cubic Interpolation\", 1980); outside 0..1 it goes on \
          straight. Red, green and blue may be moved apart at the three inner points. Alpha stays. \
          At the defaults the picture passes unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        point("black", "Black", 0.0).doc("What 0 becomes."),
        point("shadows", "Shadows", 0.25).doc("What 0.25 becomes."),
        point("mids", "Middle tones", 0.5).doc("What 0.5 becomes."),
        point("lights", "Lights", 0.75).doc("What 0.75 becomes."),
        point("white", "White", 1.0).doc("What 1 becomes."),
        bend("shadows_r", "Shadows, red"),
        bend("shadows_g", "Shadows, green"),
        bend("shadows_b", "Shadows, blue"),
        bend("mids_r", "Middle tones, red"),
        bend("mids_g", "Middle tones, green"),
        bend("mids_b", "Middle tones, blue"),
        bend("lights_r", "Lights, red"),
        bend("lights_g", "Lights, green"),
        bend("lights_b", "Lights, blue"),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("curves.wgsl"), |p| {
            let fresh = |i: usize| if i < 5 { i as f32 / 4.0 } else { 0.0 };
            (0..NUM_PARAMS).all(|i| p.float(i) == fresh(i))
        })
    },
};

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;
    use crate::gpu::testing::picture;
    use crate::gpu::{linear_from_srgb, srgb_from_linear};
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    /// What the curve makes of grey code values.
    fn curve(params: &[(&str, ParamValue)], codes: &[f32], channel: usize) -> Vec<f32> {
        let len = u32::try_from(codes.len()).unwrap();
        let image = picture(len, 1, |x, _| {
            let light = linear_from_srgb(codes[x as usize]);
            [light, light, light, 1.0]
        });
        let found = filtered(&SPEC, params, &image);
        found.chunks(4).map(|pixel| srgb_from_linear(pixel[channel])).collect()
    }

    #[test]
    fn the_curve_goes_through_its_points() {
        let params = [
            ("black", 0.1_f32.into()),
            ("shadows", 0.4_f32.into()),
            ("mids", 0.45_f32.into()),
            ("lights", 0.5_f32.into()),
            ("white", 0.9_f32.into()),
            ("mids_g", 0.2_f32.into()),
        ];
        let codes = [0.0, 0.25, 0.5, 0.75, 1.0];
        for (channel, mids) in [(0, 0.45), (1, 0.65)] {
            let found = curve(&params, &codes, channel);
            for (found, expected) in found.iter().zip([0.1, 0.4, mids, 0.5, 0.9]) {
                assert!((found - expected).abs() < 2e-3, "{found} {expected}");
            }
        }
    }

    /// Fritsch and Carlson's property: between two points it stays between them.
    #[test]
    fn the_curve_never_overshoots() {
        let codes: Vec<f32> = (0..=100).map(|i| i as f32 / 100.0).collect();
        let params =
            [("shadows", 0.02_f32.into()), ("mids", 0.9_f32.into()), ("lights", 0.9_f32.into())];
        let found = curve(&params, &codes, 0);
        assert!(found.windows(2).all(|v| v[1] >= v[0] - 2e-3), "{found:?}");
        let flat = &found[50..=75];
        assert!(flat.iter().all(|v| (v - 0.9).abs() < 2e-3), "{flat:?}");
    }

    #[test]
    fn a_straight_curve_is_straight_between_its_points() {
        let codes = [0.05, 0.3, 0.62, 0.99];
        let params = [
            ("black", 0.2_f32.into()),
            ("shadows", 0.35_f32.into()),
            ("lights", 0.65_f32.into()),
            ("white", 0.8_f32.into()),
        ];
        for (found, code) in curve(&params, &codes, 2).iter().zip(codes) {
            let expected = 0.2 + 0.6 * code;
            assert!((found - expected).abs() < 2e-3, "{found} {expected}");
        }
    }
}
