//! What is shown where a file is absent.

use lumawire_core::{Encoding, HostImage, Image, Pixels};

const WIDTH_PX: u32 = 640;
const HEIGHT_PX: u32 = 360;
/// Side of a square.
const SQUARE_PX: u32 = 40;

/// Colour bars over a grey board of squares: nobody takes it for content, and nobody sees black.
pub(super) fn test_card() -> Image {
    let colour = |x: u32, y: u32| {
        if y < HEIGHT_PX / 2 {
            // From light to dark: white, yellow, cyan, green, magenta, red, blue, black.
            let bar = 7 - x * 8 / WIDTH_PX;
            return [bar & 2, bar & 4, bar & 1].map(|on| if on > 0 { 180 } else { 16 });
        }
        [if (x / SQUARE_PX + y / SQUARE_PX).is_multiple_of(2) { 48 } else { 96 }; 3]
    };
    let pixels = (0..HEIGHT_PX).flat_map(|y| {
        (0..WIDTH_PX).flat_map(move |x| {
            let [r, g, b] = colour(x, y);
            [r, g, b, 255]
        })
    });
    let pixels = Pixels::Rgba8(pixels.collect());
    let host = HostImage { width_px: WIDTH_PX, height_px: HEIGHT_PX, pixels };
    Image::from_host(host, Encoding::Srgb)
}
