//! Pictures of another size: separable filters in linear light, two passes.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{Image, NodeError, Services};

use super::effect::Effect;

/// Options of a parameter that chooses a [`Kernel`], in its order.
pub const KERNELS: &[&str] =
    &["lanczos3", "mitchell", "bicubic", "bilinear", "nearest", "lanczos2"];

/// Options of a parameter that chooses a [`Fit`], in its order.
pub const FITS: &[&str] = &["contain", "cover", "stretch"];

/// A reconstruction filter. All but `Nearest` are widened by the ratio of the sizes where the
/// picture shrinks, so that it does not alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kernel {
    /// sinc(x) · sinc(x/3), |x| < 3.
    Lanczos3,
    /// Mitchell and Netravali (1988), B = C = 1/3.
    Mitchell,
    /// Catmull-Rom: B = 0, C = 1/2.
    Bicubic,
    /// 1 − |x|, |x| < 1.
    Bilinear,
    /// The texel under the new pixel's centre.
    Nearest,
    /// sinc(x) · sinc(x/2), |x| < 2.
    Lanczos2,
}

impl Kernel {
    /// The kernel of an option's index in [`KERNELS`]; the nearest texel beyond it.
    pub fn of_choice(index: usize) -> Self {
        match index {
            0 => Self::Lanczos3,
            1 => Self::Mitchell,
            2 => Self::Bicubic,
            3 => Self::Bilinear,
            5 => Self::Lanczos2,
            _ => Self::Nearest,
        }
    }
}

/// How a picture of one shape fills another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of it, in shape, with transparent bars.
    Contain,
    /// In shape and without bars, the middle of it.
    Cover,
    /// All of it, out of shape.
    Stretch,
}

impl Fit {
    /// The fit of an option's index in [`FITS`]; the last beyond it.
    pub fn of_choice(index: usize) -> Self {
        match index {
            0 => Self::Contain,
            1 => Self::Cover,
            _ => Self::Stretch,
        }
    }
}

/// Resizes pictures. Edges go on outwards beneath the filter; an axis that keeps its size is copied.
/// Across before down, but where it grows across and shrinks down.
#[derive(Debug)]
pub struct Resampler {
    pass: Effect<Uniforms>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    axis: u32,
    kernel: u32,
    premultiplies: u32,
    straightens: u32,
    span: Span,
}

/// Where one axis of the source goes.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Span {
    source_start: f32,
    source_len: f32,
    target_start: i32,
    target_len: i32,
}

impl Default for Resampler {
    fn default() -> Self {
        Self { pass: Effect::new("resample", include_str!("resample.wgsl"), 1) }
    }
}

impl Resampler {
    /// Opens the device if nobody has yet, and compiles.
    ///
    /// # Errors
    /// As [`Effect::prepare`].
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        self.pass.prepare(services)
    }

    /// `image` at `size`, linear, straight alpha; the same picture where it has that size.
    ///
    /// # Errors
    /// As [`Effect::draw`].
    pub fn resample(
        &mut self,
        image: &Image,
        size: (u32, u32),
        fit: Fit,
        kernel: Kernel,
    ) -> Result<Image, NodeError> {
        let source = [image.width_px, image.height_px];
        let mut image = image.clone();
        let target = [size.0, size.1];
        let spans = spans(source, target, fit);
        let stays = |axis| source[axis] == target[axis] && spans[axis] == Span::whole(source[axis]);
        let mut moved: Vec<usize> = (0..2).filter(|&axis| !stays(axis)).collect();
        // Else the picture between the passes is larger than both.
        if target[0] > source[0] && target[1] < source[1] {
            moved.reverse();
        }
        // What is only copied keeps its colours bit by bit.
        let filters = moved.iter().any(|&axis| spans[axis].kernel(kernel) != Kernel::Nearest);
        for (i, &axis) in moved.iter().enumerate() {
            let uniforms = Uniforms {
                axis: axis as u32,
                kernel: spans[axis].kernel(kernel) as u32,
                premultiplies: u32::from(filters && i == 0),
                straightens: u32::from(filters && i + 1 == moved.len()),
                span: spans[axis],
            };
            let pass_size =
                if axis == 0 { (size.0, image.height_px) } else { (image.width_px, size.1) };
            image = self.pass.draw(&uniforms, &[&image], pass_size)?;
        }
        Ok(image)
    }
}

impl Span {
    /// An axis that stays as it is.
    fn whole(len: u32) -> Self {
        Self { source_start: 0.0, source_len: len as f32, target_start: 0, target_len: len as i32 }
    }

    /// What keeps its size is copied, texel by texel.
    fn kernel(&self, kernel: Kernel) -> Kernel {
        if self.source_len == self.target_len as f32 { Kernel::Nearest } else { kernel }
    }
}

/// Where the two axes go. Bars and what is copied lie on whole pixels.
fn spans(source: [u32; 2], target: [u32; 2], fit: Fit) -> [Span; 2] {
    let ratios = [0, 1].map(|axis| f64::from(target[axis]) / f64::from(source[axis].max(1)));
    let ratio = match fit {
        Fit::Contain => Some(ratios[0].min(ratios[1])),
        Fit::Cover => Some(ratios[0].max(ratios[1])),
        Fit::Stretch => None,
    };
    [0, 1].map(|axis| {
        let ratio = ratio.unwrap_or(ratios[axis]);
        let (source_len, target_len) = (f64::from(source[axis]), f64::from(target[axis]));
        let shown = (source_len * ratio).round().clamp(1.0, target_len.max(1.0));
        let used = (target_len / ratio).min(source_len);
        let middle = (source_len - used) / 2.0;
        let start = if used == shown { middle.floor() } else { middle };
        Span {
            source_start: start as f32,
            source_len: used as f32,
            target_start: ((target_len - shown) / 2.0).floor() as i32,
            target_len: shown as i32,
        }
    })
}

#[cfg(test)]
mod tests {
    use lumawire_core::Image;

    use super::super::testing::{assert_close, picture, pixel, services, speckle, values};
    use super::*;

    fn resample(image: &Image, size: (u32, u32), fit: Fit, kernel: Kernel) -> Image {
        let mut resampler = Resampler::default();
        resampler.prepare(&services()).unwrap();
        resampler.resample(image, size, fit, kernel).unwrap()
    }

    const ALL: [Kernel; 6] = [
        Kernel::Lanczos3,
        Kernel::Lanczos2,
        Kernel::Mitchell,
        Kernel::Bicubic,
        Kernel::Bilinear,
        Kernel::Nearest,
    ];

    #[test]
    fn options_name_the_kernels() {
        let name = |kernel: Kernel| match kernel {
            // As the option has always been called.
            Kernel::Bicubic => "bicubic".to_owned(),
            kernel => format!("{kernel:?}").to_lowercase(),
        };
        let names: Vec<_> = (0..KERNELS.len()).map(|i| name(Kernel::of_choice(i))).collect();
        assert_eq!(names, KERNELS);
        assert_eq!(Kernel::of_choice(99), Kernel::Nearest);
    }

    /// The filters by their formulas, and half their width.
    fn weight(kernel: Kernel, x: f64) -> (f64, f64) {
        let x = x.abs();
        let sinc = |x: f64| {
            let p = std::f64::consts::PI * x;
            if x == 0.0 { 1.0 } else { p.sin() / p }
        };
        let cubic = |b: f64, c: f64| match x {
            _ if x < 1.0 => {
                ((12.0 - 9.0 * b - 6.0 * c) * x.powi(3)
                    + (-18.0 + 12.0 * b + 6.0 * c) * x.powi(2)
                    + (6.0 - 2.0 * b))
                    / 6.0
            }
            _ if x < 2.0 => {
                ((-b - 6.0 * c) * x.powi(3)
                    + (6.0 * b + 30.0 * c) * x.powi(2)
                    + (-12.0 * b - 48.0 * c) * x
                    + (8.0 * b + 24.0 * c))
                    / 6.0
            }
            _ => 0.0,
        };
        match kernel {
            Kernel::Lanczos3 if x < 3.0 => (sinc(x) * sinc(x / 3.0), 3.0),
            Kernel::Lanczos3 => (0.0, 3.0),
            Kernel::Lanczos2 if x < 2.0 => (sinc(x) * sinc(x / 2.0), 2.0),
            Kernel::Lanczos2 => (0.0, 2.0),
            Kernel::Mitchell => (cubic(1.0 / 3.0, 1.0 / 3.0), 2.0),
            Kernel::Bicubic => (cubic(0.0, 0.5), 2.0),
            Kernel::Bilinear => ((1.0 - x).max(0.0), 1.0),
            Kernel::Nearest => unreachable!("has no taps"),
        }
    }

    /// One row or column of premultiplied pixels at another length, in double precision: every
    /// texel of the edge-extended line against every new pixel.
    fn line(texels: &[[f64; 4]], len: usize, kernel: Kernel) -> Vec<[f64; 4]> {
        let n = texels.len();
        if n == len {
            return texels.to_vec();
        }
        let ratio = n as f64 / len as f64;
        let widen = ratio.max(1.0);
        let mut out = Vec::new();
        for i in 0..len {
            let centre = (i as f64 + 0.5) * ratio;
            let (mut sum, mut total) = ([0.0; 4], 0.0);
            let reach = (weight(kernel, 0.0).1 * widen).ceil() as i64 + 1;
            for k in -reach..n as i64 + reach {
                let w = weight(kernel, (k as f64 + 0.5 - centre) / widen).0;
                let texel = texels[k.clamp(0, n as i64 - 1) as usize];
                total += w;
                for c in 0..4 {
                    sum[c] += w * texel[c];
                }
            }
            out.push(sum.map(|v| v / total));
        }
        out
    }

    fn reference(image: &Image, (width, height): (usize, usize), kernel: Kernel) -> Vec<f64> {
        let source = values(image);
        let columns = image.width_px as usize;
        let premultiplied: Vec<[f64; 4]> = source
            .chunks_exact(4)
            .map(|p| {
                let p = [0, 1, 2, 3].map(|c| f64::from(p[c]));
                [p[0] * p[3], p[1] * p[3], p[2] * p[3], p[3]]
            })
            .collect();
        let rows: Vec<Vec<[f64; 4]>> =
            premultiplied.chunks_exact(columns).map(|row| line(row, width, kernel)).collect();
        let mut out = vec![0.0; width * height * 4];
        for x in 0..width {
            let column: Vec<[f64; 4]> = rows.iter().map(|row| row[x]).collect();
            for (y, [r, g, b, a]) in line(&column, height, kernel).into_iter().enumerate() {
                let pixel = [r / a, g / a, b / a, a.min(1.0)];
                out[(y * width + x) * 4..][..4].copy_from_slice(&pixel);
            }
        }
        out
    }

    #[test]
    fn filters_agree_with_their_formulas() {
        let image = speckle(19, 13);
        for kernel in &ALL[..5] {
            for (width, height) in [(38, 26), (7, 5), (50, 6), (19, 20), (1, 1)] {
                let found = values(&resample(&image, (width, height), Fit::Stretch, *kernel));
                let expected = reference(&image, (width as usize, height as usize), *kernel);
                // Two roundings to a half (2^-11 each), and the division by alpha, at least 0.2.
                assert_close(&found, &expected, 5e-3);
            }
        }
    }

    #[test]
    fn no_picture_between_is_larger_than_both() {
        // 16384 × 16384 pixels between would be 2 GB.
        for size in [(2_u32, 16_384_u32), (16_384, 2)] {
            let image = picture(size.0, size.1, |x, y| {
                let (u, v) = ((x as f32 + 0.5) / size.0 as f32, (y as f32 + 0.5) / size.1 as f32);
                [u, v, 0.0, 1.0]
            });
            let (width, height) = (size.1, size.0);
            let found = resample(&image, (width, height), Fit::Stretch, Kernel::Bilinear);
            assert_eq!((found.width_px, found.height_px), (width, height));
            for (i, p) in (0..).zip(values(&found).chunks_exact(4)).step_by(997) {
                let at = [
                    (i % width) as f32 / width as f32 + 0.5 / width as f32,
                    (i / width) as f32 / height as f32 + 0.5 / height as f32,
                ];
                for (c, grows) in [(0, width > 2), (1, height > 2)] {
                    // The mean of a ramp about 1/4 by a triangle of half width 1/2, an edge at 0.
                    let low = 0.25 + 1.0 / 96.0;
                    let expected = match at[c] {
                        at if grows => at.clamp(0.25, 0.75),
                        at if at < 0.5 => low,
                        _ => 1.0 - low,
                    };
                    assert!((p[c] - expected).abs() < 2e-3, "{i}: {p:?} {at:?}");
                }
            }
        }
    }

    #[test]
    fn constant_pictures_stay_constant() {
        let image = picture(9, 5, |_, _| [0.3, 2.5, 0.7, 1.0]);
        let constant = pixel(&resample(&image, (9, 6), Fit::Stretch, Kernel::Nearest), 0, 0);
        for kernel in ALL {
            for size in [(4, 3), (23, 17), (9, 11)] {
                let found = values(&resample(&image, size, Fit::Stretch, kernel));
                assert!(found.chunks_exact(4).all(|p| p == constant), "{kernel:?} {size:?}");
            }
        }
    }

    #[test]
    fn nearest_takes_the_texel_under_the_centre() {
        let image = picture(12, 9, |x, y| [x as f32, y as f32, 0.0, 1.0]);
        for (width, height) in [(6, 18), (8, 4), (18, 27), (5, 7)] {
            let found = resample(&image, (width, height), Fit::Stretch, Kernel::Nearest);
            for (i, p) in (0..).zip(values(&found).chunks_exact(4)) {
                let (x, y) = (i % width, i / width);
                let texel = ((2 * x + 1) * 12 / (2 * width), (2 * y + 1) * 9 / (2 * height));
                assert_eq!((p[0], p[1]), (texel.0 as f32, texel.1 as f32), "{width} {height}");
            }
        }
    }

    #[test]
    fn gradients_stay_gradients() {
        let image = picture(16, 4, |x, _| [x as f32 / 16.0, 0.0, 0.0, 1.0]);
        for kernel in [Kernel::Bilinear, Kernel::Bicubic, Kernel::Mitchell] {
            let found = resample(&image, (32, 4), Fit::Stretch, kernel);
            for x in 6..26 {
                let expected = ((x as f32 + 0.5) / 2.0 - 0.5) / 16.0;
                assert!((pixel(&found, x, 1)[0] - expected).abs() < 5e-4, "{kernel:?} {x}");
            }
        }
    }

    #[test]
    fn contain_adds_clear_bars_and_cover_takes_the_middle() {
        let image = picture(4, 2, |x, y| [x as f32, y as f32, 0.0, 1.0]);
        let contained = resample(&image, (4, 4), Fit::Contain, Kernel::Lanczos3);
        for x in 0..4 {
            assert_eq!(pixel(&contained, x, 0), [0.0; 4]);
            assert_eq!(pixel(&contained, x, 1), [x as f32, 0.0, 0.0, 1.0]);
            assert_eq!(pixel(&contained, x, 2), [x as f32, 1.0, 0.0, 1.0]);
            assert_eq!(pixel(&contained, x, 3), [0.0; 4]);
        }
        let covered = resample(&image, (2, 2), Fit::Cover, Kernel::Lanczos3);
        assert_eq!(pixel(&covered, 0, 1), [1.0, 1.0, 0.0, 1.0]);
        assert_eq!(pixel(&covered, 1, 0), [2.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_bar_of_one_pixel_is_drawn() {
        let found = resample(&speckle(4, 4), (4, 5), Fit::Contain, Kernel::Lanczos3);
        assert_eq!((found.width_px, found.height_px), (4, 5));
        assert_eq!(pixel(&found, 2, 4), [0.0; 4]);
    }

    #[test]
    fn clear_pixels_lend_no_colour() {
        let image =
            picture(2, 1, |x, _| if x == 0 { [1.0, 0.0, 0.0, 1.0] } else { [0.0, 9.0, 0.0, 0.0] });
        let found = resample(&image, (1, 1), Fit::Stretch, Kernel::Bilinear);
        assert_eq!(values(&found), [1.0, 0.0, 0.0, 0.5]);
    }

    #[test]
    fn a_size_without_area_is_refused() {
        let mut resampler = Resampler::default();
        resampler.prepare(&services()).unwrap();
        for size in [(0, 4), (4, 0), (0, 0)] {
            for fit in [Fit::Contain, Fit::Cover, Fit::Stretch] {
                assert!(resampler.resample(&speckle(2, 2), size, fit, Kernel::Bicubic).is_err());
            }
        }
    }

    #[test]
    fn the_same_picture_twice_gives_the_same_bytes() {
        let image = speckle(33, 21);
        let once = values(&resample(&image, (70, 15), Fit::Cover, Kernel::Lanczos3));
        assert_eq!(once, values(&resample(&image, (70, 15), Fit::Cover, Kernel::Lanczos3)));
    }
}
