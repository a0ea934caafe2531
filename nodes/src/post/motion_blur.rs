//! Blur along a way.

use std::f32::consts::PI;

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const LENGTH: usize = 0;

/// `post.motion_blur`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.motion_blur",
    version: 1,
    label: "Motion blur",
    doc: "Blurs along a way: straight (length in heights, at an angle), out from the centre (zoom: \
          length is the share of the distance), or round it (spin: length in turns). The mean of \
          33 places evenly spread about the pixel, premultiplied. Pixels between texels are \
          bilinear; beyond the edges the picture is mirrored. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("length", "Length", 0.0, (0.0, 0.5))
            .hard(0.0, 4.0)
            .doc("How long the way is."),
        Param::choice("mode", "Mode", &["straight", "zoom", "spin"]).doc("Which way."),
        Param::float("angle_radians", "Angle", 0.0, (-PI, PI))
            .hard(-1e4, 1e4)
            .unit(Unit::Radians)
            .doc("Direction of the straight way, anticlockwise from the right."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("motion_blur.wgsl"), |p| p.float(LENGTH) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;
    use crate::gpu::testing::picture;
    use crate::post::testing::{assert_fresh_is_identity, assert_warps, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    /// The mean of places about a point of a linear picture is the point itself, straight and out
    /// from the centre; round it, the chord pulls inwards by sinc.
    #[test]
    fn ways_are_even_about_the_pixel() {
        let length = |v: f32| ("length", ParamValue::from(v));
        assert_warps(&SPEC, &[length(0.1)], (48, 48), |x, y| {
            let is_inside = (0.1..0.9).contains(&x);
            if is_inside { (x, y) } else { (-1.0, -1.0) }
        });
        let spin = [length(0.1), ("mode", "spin".into())];
        let taps = (0..33).map(|i| 0.1 * (f64::from(i) / 32.0 - 0.5));
        let pull = taps.map(|t| (std::f64::consts::TAU * t).cos()).sum::<f64>() / 33.0;
        assert_warps(&SPEC, &spin, (48, 48), |x, y| {
            let is_inside = (x - 0.5).hypot(y - 0.5) < 0.45;
            let pulled = |v: f64| 0.5 + (v - 0.5) * pull;
            if is_inside { (pulled(x), pulled(y)) } else { (-1.0, -1.0) }
        });
    }

    #[test]
    fn a_line_is_smeared_along_the_way_only() {
        let line = picture(33, 32, |x, _| if x == 16 { [1.0; 4] } else { [0.0, 0.0, 0.0, 1.0] });
        let across = filtered(&SPEC, &[("length", 0.25_f32.into())], &line);
        // 8 pixels of way: 33 taps a quarter of a pixel apart, 4 of them on each pixel.
        let centre = across[(16 * 33 + 16) * 4];
        assert!((centre - 4.0 / 33.0).abs() < 1e-3, "{centre}");
        let half_turn = ("angle_radians", ParamValue::from(std::f32::consts::FRAC_PI_2));
        let along = filtered(&SPEC, &[("length", 0.25_f32.into()), half_turn], &line);
        assert!((along[(16 * 33 + 16) * 4] - 1.0).abs() < 1e-3);
    }
}
