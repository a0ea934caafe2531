//! What all drawing nodes share: the size of their picture, and colours.

use lumawire_core::{Image, Param, Unit};

use crate::gpu::linear_from_srgb;

/// The size where neither the node, a picture nor the run says one.
const DEFAULT_SIZE_PX: (u32, u32) = (1280, 720);

/// Width of the picture.
pub(crate) const WIDTH: Param = Param::int("width_px", "Width", 0, (0, 4_096))
    .hard_int(0, 8_192)
    .unit(Unit::Px)
    .doc("Width of the picture. 0: that of `size_of`, or of the run, or else 1280.");

/// Height of the picture.
pub(crate) const HEIGHT: Param = Param::int("height_px", "Height", 0, (0, 4_096))
    .hard_int(0, 8_192)
    .unit(Unit::Px)
    .doc("Height of the picture. 0: that of `size_of`, or of the run, or else 720.");

/// Hue of the colour.
pub(crate) const HUE: Param = Param::float("hue_turns", "Hue", 0.0, (0.0, 1.0))
    .hard(-1e4, 1e4)
    .doc("Colour: 0 red, 1/3 green, 2/3 blue, and round again.");

/// Saturation of the colour.
pub(crate) const SATURATION: Param =
    Param::float("saturation", "Saturation", 0.0, (0.0, 1.0)).doc("0 is white, 1 the full colour.");

/// Light of the colour.
pub(crate) const BRIGHTNESS: Param = Param::float("brightness", "Brightness", 1.0, (0.0, 2.0))
    .hard(0.0, 100.0)
    .doc("Factor on the light; above 1 it is brighter than white, for what glows later on.");

/// Opacity.
pub(crate) const ALPHA: Param = Param::float("alpha", "Alpha", 1.0, (0.0, 1.0)).doc("Opacity.");

/// The picture's size: what the parameters say, each side that is 0 from `image`, else from the run.
pub(crate) fn size_px(
    (width, height): (i64, i64),
    image: Option<&Image>,
    run: Option<(u32, u32)>,
) -> (u32, u32) {
    let of_image = image.map(|i| (i.width_px, i.height_px));
    let (w, h) = of_image.or(run).unwrap_or(DEFAULT_SIZE_PX);
    let chosen = |v: i64, default| match u32::try_from(v) {
        Ok(px) if px > 0 => px,
        _ => default,
    };
    (chosen(width, w), chosen(height, h))
}

/// Light of a colour by hue (in turns), saturation and brightness: the full colour and white mixed
/// as sRGB codes, as colour pickers do (HSV with value 1), then as light times `brightness`.
pub(crate) fn light_from_hsv(hue_turns: f32, saturation: f32, brightness: f32) -> [f32; 3] {
    let hue = hue_turns.rem_euclid(1.0) * 6.0;
    [5.0, 3.0, 1.0].map(|n: f32| {
        let k = (n + hue).rem_euclid(6.0);
        let code = 1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        linear_from_srgb(code) * brightness
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_the_known_colours() {
        let code = |h, s| {
            light_from_hsv(h, s, 1.0).map(|v| (crate::gpu::srgb_from_linear(v) * 255.0).round())
        };
        assert_eq!(code(0.0, 1.0), [255.0, 0.0, 0.0]);
        assert_eq!(code(1.0 / 3.0, 1.0), [0.0, 255.0, 0.0]);
        assert_eq!(code(-1.0 / 3.0, 1.0), [0.0, 0.0, 255.0]);
        assert_eq!(code(1.0 / 12.0, 1.0), [255.0, 128.0, 0.0]);
        assert_eq!(code(0.5, 0.5), [128.0, 255.0, 255.0]);
        assert_eq!(light_from_hsv(0.7, 0.0, 3.0), [3.0; 3]);
    }

    #[test]
    fn sizes_come_from_the_first_who_says_one() {
        let image = crate::gpu::testing::picture(4, 3, |_, _| [0.0; 4]);
        assert_eq!(size_px((0, 0), None, None), (1280, 720));
        assert_eq!(size_px((0, 9), None, Some((8, 8))), (8, 9));
        assert_eq!(size_px((7, 0), Some(&image), Some((8, 8))), (7, 3));
    }
}
