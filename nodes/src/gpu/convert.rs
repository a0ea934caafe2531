//! Pixels on the processor: sRGB's transfer curve (IEC 61966-2-1), 8 bits, halves.

use std::sync::LazyLock;

use half::f16;
use lumawire_core::{Encoding, HostImage, Pixels};
use rayon::prelude::*;

/// Pixels that one thread takes at a time.
const MIN_PIXELS_PER_THREAD: usize = 16_384;

/// Steps of the table that starts the search of `srgb8_from_linear`: fine enough that no step
/// holds more than one code's threshold, since the curve's steepest slope is 12.92.
const NUM_STEPS: usize = 4_096;

/// Light from an sRGB code value, both 0..1. Odd about 0, so that negative values survive.
pub fn linear_from_srgb(code: f32) -> f32 {
    let v = code.abs();
    let light = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
    light.copysign(code)
}

/// The sRGB code value of light, both 0..1. Odd about 0, so that negative values survive.
pub fn srgb_from_linear(light: f32) -> f32 {
    let v = light.abs();
    let code = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    code.copysign(light)
}

/// Light, 0..1, of an 8-bit sRGB code.
pub(crate) fn linear_from_srgb8(code: u8) -> f32 {
    static TABLE: LazyLock<[f32; 256]> =
        LazyLock::new(|| std::array::from_fn(|code| linear_from_srgb(code as f32 / 255.0)));
    TABLE[usize::from(code)]
}

/// The 8-bit sRGB code of light: `round(255 · srgb(clamp(light, 0, 1)))`, by search among the
/// lights at which the code changes. NaN is 0.
pub fn srgb8_from_linear(light: f32) -> u8 {
    static TABLES: LazyLock<CodeTables> = LazyLock::new(CodeTables::new);
    TABLES.code(light)
}

struct CodeTables {
    /// The least light of the code after each code; that of code 255 cannot be reached.
    next: [f32; 256],
    /// The code at the lower edge of each step of `1 / NUM_STEPS`.
    start: [u8; NUM_STEPS + 1],
}

impl CodeTables {
    fn new() -> Self {
        let mut next = [f32::INFINITY; 256];
        for (code, light) in next.iter_mut().enumerate().take(255) {
            *light = linear_from_srgb((code as f32 + 0.5) / 255.0);
        }
        let start = std::array::from_fn(|step| {
            let edge = step as f32 / NUM_STEPS as f32;
            u8::try_from(next.partition_point(|light| *light <= edge)).unwrap_or(u8::MAX)
        });
        Self { next, start }
    }

    fn code(&self, light: f32) -> u8 {
        // NaN stays NaN here, starts at step 0 and passes no threshold.
        let light = light.clamp(0.0, 1.0);
        let mut code = self.start[(light * NUM_STEPS as f32) as usize];
        while light >= self.next[usize::from(code)] {
            code += 1;
        }
        code
    }
}

/// `v` within the finite range of a half; what is no finite number is 0.
pub(crate) fn finite(v: f32) -> f32 {
    let max = f16::MAX.to_f32();
    if v.is_finite() { v.clamp(-max, max) } else { 0.0 }
}

/// Applies `convert` to every pixel of `from`, on several threads where that pays.
pub(crate) fn map_pixels<A: Sync, B: Clone + Default + Send>(
    from: &[A],
    convert: impl Fn(&[A; 4]) -> [B; 4] + Sync,
) -> Vec<B> {
    let mut to = vec![B::default(); from.len()];
    to.as_chunks_mut::<4>()
        .0
        .par_iter_mut()
        .with_min_len(MIN_PIXELS_PER_THREAD)
        .zip(from.as_chunks::<4>().0)
        .for_each(|(to, from)| *to = convert(from));
    to
}

/// The texels of a picture in memory: linear, straight alpha, finite.
pub(crate) fn half_from_host(image: &HostImage, encoding: Encoding) -> Vec<f16> {
    let half = |v: f32| f16::from_f32(finite(v));
    let unit = |v: u8| f16::from_f32(f32::from(v) / 255.0);
    match (&image.pixels, encoding) {
        (Pixels::Rgba8(pixels), Encoding::Linear) => map_pixels(pixels, |p| p.map(unit)),
        (Pixels::Rgba8(pixels), Encoding::Srgb) => {
            let table: [f16; 256] =
                std::array::from_fn(|code| f16::from_f32(linear_from_srgb8(code as u8)));
            let code = |v: u8| table[usize::from(v)];
            map_pixels(pixels, |&[r, g, b, a]| [code(r), code(g), code(b), unit(a)])
        }
        (Pixels::RgbaF32(pixels), Encoding::Linear) => map_pixels(pixels, |p| p.map(half)),
        (Pixels::RgbaF32(pixels), Encoding::Srgb) => {
            let code = |v: f32| half(linear_from_srgb(v));
            map_pixels(pixels, |&[r, g, b, a]| [code(r), code(g), code(b), half(a)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The standard's curve in double precision.
    fn code_in_f64(light: f64) -> f64 {
        let light = light.clamp(0.0, 1.0);
        if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
    }

    #[test]
    fn codes_are_the_rounded_curve() {
        for i in -10_i32..70_000 {
            let light = i as f32 / 65_536.0;
            let exact = code_in_f64(f64::from(light)) * 255.0;
            let code = f64::from(srgb8_from_linear(light));
            assert!((code - exact).abs() <= 0.5 + 1e-4, "{light}: {code} for {exact}");
        }
        assert_eq!(srgb8_from_linear(f32::NAN), 0);
        assert_eq!(srgb8_from_linear(f32::INFINITY), 255);
    }

    #[test]
    fn every_code_survives_the_way_through_a_half() {
        for code in 0..=255 {
            let half = f16::from_f32(linear_from_srgb8(code));
            assert_eq!(srgb8_from_linear(half.to_f32()), code);
        }
    }

    #[test]
    fn the_curves_are_inverse_to_each_other() {
        for i in -100..=300_i16 {
            let v = f32::from(i) / 100.0;
            assert!((srgb_from_linear(linear_from_srgb(v)) - v).abs() < 2e-6, "{v}");
        }
    }
}
