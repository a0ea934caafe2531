//! Small pictures of what runs along the wires.

use std::sync::Arc;

use lumawire_core::{Encoding, HostImage, Image, ImageHome, Pixels, Services};
use lumawire_runtime::probe::{THUMBNAIL_PX, Thumbnails};

/// The thumbnails of a session.
pub fn thumbnails(_services: &Services) -> Box<dyn Thumbnails> {
    Box::new(OfMemory::default())
}

/// Thumbnails of pictures that lie in memory, made at once by taking single pixels.
#[derive(Default)]
struct OfMemory {
    ready: Vec<(usize, Arc<HostImage>)>,
}

impl Thumbnails for OfMemory {
    fn ask(&mut self, key: usize, image: &Image) {
        let ImageHome::Host(host) = &image.home else { return };
        self.ready.retain(|(other, _)| *other != key);
        self.ready.push((key, Arc::new(small(host, image.encoding))));
    }

    fn take(&mut self) -> Option<(usize, Arc<HostImage>)> {
        self.ready.pop()
    }
}

fn small(image: &HostImage, encoding: Encoding) -> HostImage {
    let longest = image.width_px.max(image.height_px).max(1);
    let side = |px: u32| {
        let scaled = u64::from(px) * u64::from(THUMBNAIL_PX) / u64::from(longest);
        (scaled as u32).clamp(1, px.max(1))
    };
    let (width_px, height_px) = (side(image.width_px), side(image.height_px));
    let mut pixels = Vec::with_capacity(width_px as usize * height_px as usize * 4);
    for y in 0..height_px {
        for x in 0..width_px {
            let at =
                |i: u32, small: u32, large: u32| u64::from(i) * u64::from(large) / u64::from(small);
            let row = at(y, height_px, image.height_px) * u64::from(image.width_px);
            let i = (row + at(x, width_px, image.width_px)) as usize * 4;
            pixels.extend((i..i + 4).map(|i| code(image, encoding, i)));
        }
    }
    HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) }
}

/// A number of a picture as 8-bit sRGB; alpha is a share and has no curve.
fn code(image: &HostImage, encoding: Encoding, i: usize) -> u8 {
    let value = match &image.pixels {
        Pixels::Rgba8(numbers) => f32::from(numbers.get(i).copied().unwrap_or(0)) / 255.0,
        Pixels::RgbaF32(numbers) => numbers.get(i).copied().unwrap_or(0.0).clamp(0.0, 1.0),
    };
    let value = match encoding {
        Encoding::Linear if i % 4 != 3 && value > 0.003_130_8 => {
            1.055 * value.powf(1.0 / 2.4) - 0.055
        }
        Encoding::Linear if i % 4 != 3 => value * 12.92,
        _ => value,
    };
    (value * 255.0).round() as u8
}
