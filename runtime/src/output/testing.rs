//! Helpers of tests.

use std::path::Path;

use lumawire_core::{HostImage, Pixels};

/// A picture of four flat quarters and a diagonal of alpha; every number gives another.
pub fn pattern(size_px: (u32, u32), number: u32) -> HostImage {
    let (width_px, height_px) = size_px;
    let mut bytes = Vec::new();
    for y in 0..height_px {
        for x in 0..width_px {
            let shade = (number * 7 % 200) as u8;
            let rgb = match (2 * x < width_px, 2 * y < height_px) {
                (true, true) => [220, shade, 40],
                (false, true) => [30, 200, shade],
                (true, false) => [shade, 60, 210],
                (false, false) => [shade, shade, shade],
            };
            bytes.extend(rgb);
            bytes.push(if x == y { 100 } else { 255 });
        }
    }
    HostImage { width_px, height_px, pixels: Pixels::Rgba8(bytes) }
}

/// A PNG as RGBA8.
pub fn read_png(path: &Path) -> HostImage {
    let image = image::open(path).unwrap();
    assert_eq!(image.color(), image::ColorType::Rgba8);
    let image = image.into_rgba8();
    let (width_px, height_px) = image.dimensions();
    HostImage { width_px, height_px, pixels: Pixels::Rgba8(image.into_raw()) }
}

/// How many files and folders `folder` holds, hidden ones too.
pub fn num_entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}
