//! What the tests of pictures share. They need an adapter: without one they fail.

use std::sync::{Arc, LazyLock};

use lumawire_core::{Encoding, HostImage, Image, Pixels, Services};

use super::Gpu;

/// The device of all tests of this program.
pub(crate) fn gpu() -> Arc<Gpu> {
    static GPU: LazyLock<Arc<Gpu>> = LazyLock::new(|| {
        Arc::new(Gpu::new().expect("picture tests draw: apt install mesa-vulkan-drivers"))
    });
    GPU.clone()
}

/// Services that lend `gpu()`.
pub(crate) fn services() -> Services {
    let services = Services::default();
    services.insert(gpu());
    services
}

/// A linear picture in memory whose pixel at column `x` and row `y` is `pixel(x, y)`.
pub(crate) fn picture(
    width_px: u32,
    height_px: u32,
    pixel: impl Fn(u32, u32) -> [f32; 4],
) -> Image {
    let pixel = &pixel;
    let pixels = (0..height_px).flat_map(|y| (0..width_px).flat_map(move |x| pixel(x, y)));
    let pixels = Pixels::RgbaF32(pixels.collect());
    Image::from_host(HostImage { width_px, height_px, pixels }, Encoding::Linear)
}

/// Detailed colours with varied alpha, the same at every call.
pub(crate) fn speckle(width_px: u32, height_px: u32) -> Image {
    picture(width_px, height_px, |x, y| {
        let v = |k: u32| ((x * 73 + y * 151 + k * 57) * (x + 3 * y + 7 + k) % 256) as f32 / 255.0;
        [v(0), v(1), v(2), 0.25 + 0.75 * v(3)]
    })
}

/// The numbers of a picture, as reals.
pub(crate) fn values(image: &Image) -> Vec<f32> {
    match &image.host().unwrap().pixels {
        Pixels::RgbaF32(pixels) => pixels.clone(),
        Pixels::Rgba8(pixels) => pixels.iter().map(|v| f32::from(*v) / 255.0).collect(),
    }
}

/// The pixel of a picture at column `x` and row `y`.
pub(crate) fn pixel(image: &Image, x: u32, y: u32) -> [f32; 4] {
    let start = (y * image.width_px + x) as usize * 4;
    values(image)[start..start + 4].try_into().unwrap()
}

/// Asserts that two lists of numbers agree: `tolerance` absolute below 1 and relative above.
pub(crate) fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*f) - e).abs();
        assert!(error <= tolerance * e.abs().max(1.0), "value {i}: {f} for {e}");
    }
}
