//! Pictures in memory as egui takes them.

use std::borrow::Cow;

use egui::{Color32, ColorImage};
use lumawire_core::{HostImage, Pixels};

/// Side of a square of the ground under pictures that one can see through, in pixels.
const CHECKER_PX: usize = 8;
/// The ground's two greys, in 8 bits.
const CHECKER: [u8; 2] = [0x22, 0x30];

/// An opaque picture, at most `limit_px` wide and high: of larger ones every second pixel is taken,
/// or every third and so on. `None` where the picture is empty or not whole.
pub fn opaque(image: &HostImage, limit_px: usize) -> Option<ColorImage> {
    let size = size_of(image)?;
    let bytes = bytes_of(image);
    let [width, height] = size;
    let step = width.max(height).div_ceil(limit_px.max(1));
    if step == 1 {
        return Some(ColorImage::from_rgba_premultiplied(size, &bytes));
    }
    let mut pixels = Vec::new();
    for row in bytes.chunks_exact(4 * width).step_by(step) {
        let taken = row.chunks_exact(4).step_by(step);
        pixels.extend(taken.map(|p| Color32::from_rgb(p[0], p[1], p[2])));
    }
    Some(ColorImage::new([width.div_ceil(step), height.div_ceil(step)], pixels))
}

/// A picture with straight alpha over a dark checker. `None` as with [`opaque`].
pub fn over_checker(image: &HostImage) -> Option<ColorImage> {
    let size = size_of(image)?;
    let [width, height] = size;
    let mut pixels = Vec::with_capacity(width * height);
    for (y, row) in bytes_of(image).chunks_exact(4 * width).enumerate() {
        for (x, p) in row.chunks_exact(4).enumerate() {
            let ground = CHECKER[(x / CHECKER_PX + y / CHECKER_PX) % 2];
            pixels.push(match p[3] {
                255 => Color32::from_rgb(p[0], p[1], p[2]),
                alpha => {
                    let [r, g, b] = [p[0], p[1], p[2]].map(|v| blend(v, ground, alpha));
                    Color32::from_rgb(r, g, b)
                }
            });
        }
    }
    Some(ColorImage::new(size, pixels))
}

/// Width and height of a picture that has as many numbers as it says.
fn size_of(image: &HostImage) -> Option<[usize; 2]> {
    let size = [image.width_px as usize, image.height_px as usize];
    let num = size[0].checked_mul(size[1])?.checked_mul(4)?;
    let len = match &image.pixels {
        Pixels::Rgba8(bytes) => bytes.len(),
        Pixels::RgbaF32(numbers) => numbers.len(),
    };
    (num > 0 && num == len).then_some(size)
}

fn bytes_of(image: &HostImage) -> Cow<'_, [u8]> {
    match &image.pixels {
        Pixels::Rgba8(bytes) => Cow::Borrowed(bytes),
        Pixels::RgbaF32(numbers) => numbers.iter().map(|v| (v * 255.0).round() as u8).collect(),
    }
}

fn blend(over: u8, under: u8, alpha: u8) -> u8 {
    let [over, under, alpha] = [over, under, alpha].map(u32::from);
    ((over * alpha + under * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width_px: u32, height_px: u32, bytes: Vec<u8>) -> HostImage {
        HostImage { width_px, height_px, pixels: Pixels::Rgba8(bytes) }
    }

    #[test]
    fn a_picture_over_the_limit_is_thinned() {
        let bytes: Vec<u8> = (0..24).flat_map(|i| [i, 0, 0, 255]).collect();
        let picture = image(6, 4, bytes);
        assert_eq!(opaque(&picture, 6).unwrap().size, [6, 4]);
        let half = opaque(&picture, 3).unwrap();
        assert_eq!(half.size, [3, 2]);
        let reds: Vec<u8> = half.pixels.iter().map(|c| c.r()).collect();
        assert_eq!(reds, [0, 2, 4, 12, 14, 16]);
    }

    #[test]
    fn what_is_not_whole_is_no_picture() {
        assert!(opaque(&image(2, 2, vec![0; 15]), 9).is_none());
        assert!(over_checker(&image(0, 0, vec![])).is_none());
        assert!(opaque(&image(u32::MAX, u32::MAX, vec![0; 4]), 9).is_none());
    }

    #[test]
    fn the_checker_shows_through_as_much_as_alpha_lets_it() {
        let row: Vec<u8> = [[200, 0, 100, 255], [200, 0, 100, 0], [200, 0, 100, 51]].concat();
        let picture = over_checker(&image(3, 1, row)).unwrap();
        let ground = Color32::from_gray(0x22);
        // A fifth of the picture and four fifths of the ground.
        let mixed = Color32::from_rgb(67, 27, 47);
        assert_eq!(picture.pixels, [Color32::from_rgb(200, 0, 100), ground, mixed]);
    }
}
