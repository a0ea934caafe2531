//! A larger picture.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Image, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Services,
    Unit, Value,
};

use crate::gpu::{Effect, Fit, Kernel, Resampler};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const METHOD: usize = 0;
const FACTOR: usize = 1;
const WIDTH: usize = 2;
const HEIGHT: usize = 3;
const SOFTNESS: usize = 4;

/// Longest side that is made.
const MAX_SIDE_PX: u32 = 16_384;

/// Options of `method`, and the kernels of those that have one.
const METHODS: &[&str] =
    &["fsr", "easu", "lanczos3", "lanczos2", "mitchell", "catmull_rom", "bilinear", "nearest"];
const KERNELS: [Kernel; 6] = [
    Kernel::Lanczos3,
    Kernel::Lanczos2,
    Kernel::Mitchell,
    Kernel::Bicubic,
    Kernel::Bilinear,
    Kernel::Nearest,
];

/// Makes a picture larger.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.upscale",
    version: 1,
    label: "Upscale",
    doc: "Makes a picture larger, by default with clean, sharp edges. `fsr` follows AMD's \
          FidelityFX Super Resolution 1.0: EASU weights twelve texels by a kernel that is turned \
          along the edge and stays within the four nearest, so that it rings nowhere; RCAS then \
          sharpens as far as no value leaves 0 to white. Both work on sRGB code values; alpha is \
          filtered with the premultiplied colour and not sharpened; beyond white, EASU goes on and \
          RCAS takes the brightest texel for white. At the size that the picture has, `fsr` \
          sharpens alone; where it shrinks, Lanczos takes the place of EASU. `easu` leaves RCAS \
          out. The other methods are the kernels of post.resize, in linear light. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The larger picture, linear.")],
    params: &[
        Param::choice("method", "Method", METHODS).doc(
            "FSR 1 (EASU, then RCAS), EASU alone, Lanczos of 3 or 2 lobes, Mitchell-Netravali, \
             Catmull-Rom, bilinear, or the nearest texel.",
        ),
        Param::float("factor", "Factor", 2.0, (1.0, 4.0))
            .hard(0.0625, 16.0)
            .doc("How many times wider and taller, where no size is given."),
        Param::int("width_px", "Width", 0, (0, 3_840))
            .hard_int(0, MAX_SIDE_PX as i64)
            .unit(Unit::Px)
            .doc("New width. 0 follows the height in proportion, or the factor."),
        Param::int("height_px", "Height", 0, (0, 2_160))
            .hard_int(0, MAX_SIDE_PX as i64)
            .unit(Unit::Px)
            .doc("New height. 0 follows the width in proportion, or the factor."),
        Param::float("softness_stops", "Softness", 0.2, (0.0, 2.0))
            .hard(0.0, 16.0)
            .doc("RCAS: 0 is the sharpest, each stop more halves the sharpening."),
    ],
    build: || Box::new(Upscale::default()),
};

#[derive(Default)]
struct Upscale {
    resampler: Resampler,
    fsr: Fsr,
}

impl Node for Upscale {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.resampler.prepare(cx.services)?;
        self.fsr.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(image) = io.inputs.image(IN_IMAGE) else {
            io.outputs.set(OUT_IMAGE, Value::Empty);
            return Ok(());
        };
        let given = [WIDTH, HEIGHT].map(|i| u32::try_from(io.params.int(i)).unwrap_or(0));
        let size = size((image.width_px, image.height_px), given, io.params.float(FACTOR));
        let softness = io.params.float(SOFTNESS);
        let large = match io.params.choice(METHOD) {
            method @ (0 | 1) => {
                let strength = if method == 0 { (-softness).exp2() } else { 0.0 };
                self.fsr.upscale(&mut self.resampler, image, size, strength)?
            }
            method => {
                let kernel = KERNELS.get(method - 2).copied().unwrap_or(Kernel::Nearest);
                self.resampler.resample(image, size, Fit::Stretch, kernel)?
            }
        };
        io.outputs.set_image(OUT_IMAGE, large);
        Ok(())
    }
}

/// The size that is made of `source`: the given one, where 0 is in proportion, or else the factor's.
fn size(source: (u32, u32), given: [u32; 2], factor: f32) -> (u32, u32) {
    let (width, height) = (f64::from(source.0.max(1)), f64::from(source.1.max(1)));
    let ratio = |given: u32, side: f64| f64::from(given) / side;
    let (x, y) = match given {
        [0, 0] => (f64::from(factor), f64::from(factor)),
        [given, 0] => (ratio(given, width), ratio(given, width)),
        [0, given] => (ratio(given, height), ratio(given, height)),
        [x, y] => (ratio(x, width), ratio(y, height)),
    };
    let side = |px: f64| px.round().clamp(1.0, f64::from(MAX_SIDE_PX)) as u32;
    (side(width * x), side(height * y))
}

/// FidelityFX Super Resolution 1.0, from AMD's description.
#[derive(Debug)]
struct Fsr {
    encode: Effect<u32>,
    easu: Effect<EasuUniforms>,
    rcas: Effect<f32>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct EasuUniforms {
    /// Texels of the source to a pixel of the target.
    ratio: [f32; 2],
}

impl Default for Fsr {
    fn default() -> Self {
        Self {
            encode: Effect::new("encode", include_str!("upscale_encode.wgsl"), 1),
            easu: Effect::new("easu", include_str!("upscale_easu.wgsl"), 1),
            rcas: Effect::new("rcas", include_str!("upscale_rcas.wgsl"), 1),
        }
    }
}

impl Fsr {
    fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        self.encode.prepare(services)?;
        self.easu.prepare(services)?;
        self.rcas.prepare(services)
    }

    /// `image` at `size`, sharpened by `strength` (0 is not at all); the same picture where neither
    /// has anything to do.
    fn upscale(
        &mut self,
        resampler: &mut Resampler,
        image: &Image,
        size: (u32, u32),
        strength: f32,
    ) -> Result<Image, NodeError> {
        let source = (image.width_px, image.height_px);
        let shrinks = size.0 < source.0 || size.1 < source.1;
        if strength == 0.0 && (shrinks || size == source) {
            return resampler.resample(image, size, Fit::Stretch, Kernel::Lanczos3);
        }
        let shrunk;
        let image = if shrinks {
            shrunk = resampler.resample(image, size, Fit::Stretch, Kernel::Lanczos3)?;
            &shrunk
        } else {
            image
        };
        let mut codes = self.encode.draw(&0, &[image], (image.width_px, image.height_px))?;
        if size != (codes.width_px, codes.height_px) {
            let ratio = [source.0 as f32 / size.0 as f32, source.1 as f32 / size.1 as f32];
            codes = self.easu.draw(&EasuUniforms { ratio }, &[&codes], size)?;
        }
        self.rcas.draw(&strength, &[&codes], size)
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;
    use crate::gpu::testing::{picture, speckle, values};
    use crate::gpu::{linear_from_srgb, srgb_from_linear};
    use crate::post::testing::{drawn, filtered, node};

    fn param(id: &'static str, value: impl Into<ParamValue>) -> (&'static str, ParamValue) {
        (id, value.into())
    }

    fn easu(image: &Image, factor: f32) -> Vec<f32> {
        filtered(&SPEC, &[param("method", "easu"), param("factor", factor)], image)
    }

    fn rcas(image: &Image, softness: f32) -> Vec<f32> {
        filtered(&SPEC, &[param("factor", 1.0), param("softness_stops", softness)], image)
    }

    /// An opaque grey picture of code values.
    fn grey(width: u32, height: u32, code: impl Fn(u32, u32) -> f32) -> Image {
        picture(width, height, |x, y| {
            let light = linear_from_srgb(code(x, y));
            [light, light, light, 1.0]
        })
    }

    /// The red code values of a picture's numbers.
    fn codes(values: &[f32]) -> Vec<f32> {
        values.chunks_exact(4).map(|p| srgb_from_linear(p[0])).collect()
    }

    /// Smooth blobs without equal neighbours.
    fn blobs(x: f32, y: f32) -> f32 {
        0.5 + 0.2 * (0.31 * x + 0.17 * y).sin() + 0.2 * (0.23 * x - 0.37 * y + 1.0).cos()
    }

    #[test]
    fn sizes_follow_what_is_given() {
        assert_eq!(size((100, 50), [0, 0], 2.5), (250, 125));
        assert_eq!(size((100, 50), [300, 0], 2.0), (300, 150));
        assert_eq!(size((100, 50), [0, 100], 1.0), (200, 100));
        assert_eq!(size((100, 50), [7, 9], 1.0), (7, 9));
        assert_eq!(size((16_000, 1), [0, 0], 16.0), (16_384, 16));
        assert_eq!(size((3, 1), [1, 0], 1.0), (1, 1));
    }

    #[test]
    fn methods_are_those_of_the_resampler() {
        let image = speckle(9, 7);
        for (method, filter) in [
            ("lanczos3", "lanczos3"),
            ("lanczos2", "lanczos2"),
            ("mitchell", "mitchell"),
            ("catmull_rom", "bicubic"),
            ("bilinear", "bilinear"),
            ("nearest", "nearest"),
        ] {
            let found = filtered(&SPEC, &[param("method", method)], &image);
            let size = [param("width_px", 18_i64), param("height_px", 14_i64)];
            let size = [&size[..], &[param("filter", filter)]].concat();
            assert_eq!(found, filtered(&super::super::resize::SPEC, &size, &image), "{method}");
        }
        assert_eq!(METHODS.len(), KERNELS.len() + 2);
    }

    #[test]
    fn flat_pictures_stay_flat() {
        for light in [0.0, 0.18, 1.0, 4.0] {
            let image = picture(7, 5, |_, _| [light, 0.5 * light, 0.2, 1.0]);
            for found in [easu(&image, 2.0), easu(&image, 3.3), rcas(&image, 0.0)] {
                for pixel in found.chunks_exact(4) {
                    for (found, expected) in pixel.iter().zip([light, 0.5 * light, 0.2, 1.0]) {
                        // Codes are rounded to halves on the way.
                        assert!((found - expected).abs() <= 3e-3 * expected, "{pixel:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn ramps_stay_ramps() {
        // A kernel of twelve taps reproduces a ramp but for a fraction of a texel's step.
        for (dx, dy) in [(1.0, 0.0), (0.0, 1.0), (0.7, 0.7), (0.9, -0.3)] {
            let code = |x: f32, y: f32| 0.5 + 0.02 * (dx * (x - 8.0) + dy * (y - 8.0));
            let found = codes(&easu(&grey(16, 16, |x, y| code(x as f32, y as f32)), 2.0));
            for y in 6..26 {
                for x in 6..26 {
                    let expected = code((x as f32 + 0.5) / 2.0 - 0.5, (y as f32 + 0.5) / 2.0 - 0.5);
                    let error = (found[y * 32 + x] - expected).abs();
                    assert!(error < 0.12 * 0.02, "{dx} {dy} at {x}, {y}: {error}");
                }
            }
        }
    }

    #[test]
    fn easu_stays_within_the_four_nearest_texels() {
        let image = speckle(11, 9);
        // Opaque: colours do not mix with alpha.
        let source: Vec<f32> =
            values(&image).chunks_exact(4).flat_map(|p| [p[0], p[1], p[2], 1.0]).collect();
        let image = picture(11, 9, |x, y| {
            let start = (y * 11 + x) as usize * 4;
            source[start..start + 4].try_into().unwrap()
        });
        let found = easu(&image, 3.0);
        for (i, pixel) in found.chunks_exact(4).enumerate() {
            let corner = |at: usize| ((at as f32 + 0.5) / 3.0 - 0.5).floor() as i64;
            let (x, y) = (corner(i % 33), corner(i / 33));
            for c in 0..3 {
                let texel = |dx: i64, dy: i64| {
                    let (x, y) = ((x + dx).clamp(0, 10), (y + dy).clamp(0, 8));
                    source[(y * 11 + x) as usize * 4 + c]
                };
                let around = [texel(0, 0), texel(1, 0), texel(0, 1), texel(1, 1)];
                let least = around.into_iter().fold(f32::INFINITY, f32::min);
                let most = around.into_iter().fold(0.0, f32::max);
                assert!((least - 3e-3..=most + 3e-3).contains(&pixel[c]), "{i} {pixel:?}");
            }
        }
    }

    /// Error of an enlarged slanted edge against the edge itself, both as coverage of the pixels.
    fn edge_error(method: &str, slope: f32) -> f32 {
        let coverage = |x: f32, y: f32, px: f32| {
            let inside = (0..64).filter(|i| {
                let (u, v) = ((i % 8) as f32 / 8.0 + 0.0625, (i / 8) as f32 / 8.0 + 0.0625);
                (x + px * u - 16.0) > slope * (y + px * v - 16.0)
            });
            0.1 + 0.8 * inside.count() as f32 / 64.0
        };
        let image = grey(32, 32, |x, y| coverage(x as f32, y as f32, 1.0));
        let found = codes(&filtered(&SPEC, &[param("method", method)], &image));
        let mut sum = 0.0;
        for y in 8..56 {
            for x in 8..56 {
                let expected = coverage(x as f32 / 2.0, y as f32 / 2.0, 0.5);
                sum += (found[y * 64 + x] - expected).powi(2);
            }
        }
        sum / (48.0 * 48.0)
    }

    #[test]
    fn slanted_edges_are_cleaner_than_bilinear_ones() {
        for slope in [1.0, 0.5, -0.8, 0.25] {
            let (easu, bilinear) = (edge_error("easu", slope), edge_error("bilinear", slope));
            assert!(easu < 0.8 * bilinear, "{slope}: {easu} for {bilinear}");
        }
    }

    #[test]
    fn turns_and_flips_commute_with_fsr() {
        type Turn = fn(u32, u32) -> (u32, u32);
        let size = 12_u32;
        let turned: [Turn; 3] = [|x, y| (11 - x, y), |x, y| (y, x), |x, y| (y, 11 - x)];
        let straight = filtered(&SPEC, &[], &grey(size, size, |x, y| blobs(x as f32, y as f32)));
        let place = |at: Turn, x: u32, y: u32| {
            // The same turn at twice the size: each pixel is a quarter of a texel.
            let (tx, ty) = at(x / 2, y / 2);
            let (dx, dy) = at(x % 2 * 11, y % 2 * 11);
            (2 * tx + dx / 11, 2 * ty + dy / 11)
        };
        for at in turned {
            let image = grey(size, size, |x, y| {
                let (x, y) = at(x, y);
                blobs(x as f32, y as f32)
            });
            let found = filtered(&SPEC, &[], &image);
            for y in 0..2 * size {
                for x in 0..2 * size {
                    let (sx, sy) = place(at, x, y);
                    let a = found[(y * 2 * size + x) as usize * 4];
                    let b = straight[(sy * 2 * size + sx) as usize * 4];
                    assert!((a - b).abs() < 2e-3, "{x}, {y}: {a} for {b}");
                }
            }
        }
    }

    #[test]
    fn rcas_follows_its_formula() {
        let (side, softness) = (9, 0.7_f32);
        let code = |x: u32, y: u32| ((x * 37 + y * 101 + x * y * 13) % 97) as f32 / 96.0;
        let found = codes(&rcas(&grey(side, side, code), softness));
        for y in 1..side - 1 {
            for x in 1..side - 1 {
                let ring = [code(x, y - 1), code(x - 1, y), code(x + 1, y), code(x, y + 1)];
                let ring = ring.map(f64::from);
                let e = f64::from(code(x, y));
                let least = ring.into_iter().fold(f64::INFINITY, f64::min);
                let most = ring.into_iter().fold(0.0, f64::max);
                let black = least.min(e) / (4.0 * most);
                let white = (1.0 - most.max(e)) / (4.0 - 4.0 * least);
                let lobe = -black.min(white).clamp(0.0, 0.1875) * f64::from(-softness).exp2();
                let expected = (e + lobe * ring.iter().sum::<f64>()) / (1.0 + 4.0 * lobe);
                let error = f64::from(found[(y * side + x) as usize]) - expected;
                assert!(error.abs() < 2e-3, "{x}, {y}: {error}");
            }
        }
    }

    #[test]
    fn sharpening_is_bounded_and_follows_its_stops() {
        let image = grey(24, 24, |x, y| blobs(x as f32 * 2.5, y as f32 * 2.5));
        let before = codes(&values(&image));
        let contrast = |softness: f32| {
            let found = codes(&rcas(&image, softness));
            assert!(found.iter().all(|v| (0.0..=1.001).contains(v)));
            found.iter().zip(&before).map(|(a, b)| (a - b).abs()).sum::<f32>()
        };
        let (sharp, one, two) = (contrast(0.0), contrast(1.0), contrast(2.0));
        assert!(sharp > 1.5 * one && one > 1.5 * two && two > 0.0, "{sharp} {one} {two}");
        // Black on white has no room to grow.
        let checks = grey(8, 8, |x, y| ((x + y) % 2) as f32);
        let (found, before) = (codes(&rcas(&checks, 0.0)), codes(&values(&checks)));
        assert!(found.iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn light_beyond_white_and_below_black_stays_finite_and_in_range() {
        let image = picture(10, 10, |x, y| {
            let v = [-0.5, 0.0, 1.0, 60.0, 8.0][((x * 3 + y * 7) % 5) as usize];
            [v, 0.3 * v, 1.0, 1.0]
        });
        let found = filtered(&SPEC, &[], &image);
        assert!(found.iter().all(|v| v.is_finite() && (-0.6..=60.1).contains(v)));
    }

    #[test]
    fn clear_pixels_lend_no_colour() {
        let image =
            picture(8, 8, |x, _| if x < 4 { [0.5, 0.25, 0.1, 1.0] } else { [0.0, 9.0, 0.0, 0.0] });
        let found = filtered(&SPEC, &[], &image);
        for pixel in found.chunks_exact(4).filter(|p| p[3] > 0.05) {
            for (found, expected) in pixel.iter().zip([0.5, 0.25, 0.1]) {
                assert!((found - expected).abs() < 0.01, "{pixel:?}");
            }
        }
        assert!(found.chunks_exact(4).any(|p| p[3] == 0.0));
    }

    #[test]
    fn fsr_shrinks_by_lanczos_and_keeps_the_size_alone() {
        let image = speckle(12, 10);
        let shrunk = drawn(&mut node(&SPEC, &[param("factor", 0.5)], &image));
        assert_eq!((shrunk.width_px, shrunk.height_px), (6, 5));
        let params = [param("factor", 0.5), param("method", "easu")];
        let lanczos = [param("factor", 0.5), param("method", "lanczos3")];
        assert_eq!(filtered(&SPEC, &params, &image), filtered(&SPEC, &lanczos, &image));
        let same = [param("factor", 1.0), param("method", "easu")];
        assert_eq!(filtered(&SPEC, &same, &image), values(&image));
    }
}
