//! Gaussian blurs of any width at a bounded cost.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{Image, NodeError, Services};

use super::effect::Effect;

/// Options of a parameter that chooses a [`Border`], in its order.
pub const BORDERS: &[&str] = &["clamp", "mirror", "transparent"];

/// A picture is reduced until the Gaussian is less than twice so many pixels wide.
const MIN_SIGMA_PX: f64 = 4.0;

/// Standard deviations after which the Gaussian is cut off: 0.05 % of it lies beyond.
const REACH: f64 = 3.5;

/// What lies outside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Border {
    /// Its edge, going on outwards; for a wide blur the edge of the reduced picture.
    Clamp,
    /// Its mirror image.
    Mirror,
    /// Nothing.
    Transparent,
}

impl Border {
    /// The border of an option's index in [`BORDERS`]; the last beyond it.
    pub fn of_choice(index: usize) -> Self {
        match index {
            0 => Self::Clamp,
            1 => Self::Mirror,
            _ => Self::Transparent,
        }
    }
}

/// Convolves pictures with a Gaussian, premultiplied, in light. A wide one is drawn on a smaller
/// picture: reduced by a tent, blurred by what is missing of the variance, enlarged by a tent.
#[derive(Debug)]
pub struct Blur {
    line: Effect<Line>,
    enlarge: Effect<Enlarge>,
}

/// A blurred picture, premultiplied, that is yet to be enlarged. Bilinear enlargement belongs to
/// its blur.
#[derive(Debug, Clone)]
pub struct Blurred {
    /// The picture, reduced, and premultiplied unless it is as it came.
    pub image: Image,
    size: (u32, u32),
    /// Variance of the blur in pixels of the whole picture, without the enlargement's.
    variance: [f64; 2],
    is_straight: bool,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Line {
    axis: u32,
    kernel: u32,
    border: u32,
    premultiplies: u32,
    /// Source pixels a target pixel.
    ratio: f32,
    /// Deviation of the Gaussian, or half the width of the tent, in source pixels.
    width: f32,
    reach: f32,
    padding: u32,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Enlarge {
    border: u32,
    premultiplies: u32,
    /// Texels of the reduced picture a pixel.
    ratio: [f32; 2],
}

const GAUSSIAN: u32 = 0;
const TENT: u32 = 1;

impl Default for Blur {
    fn default() -> Self {
        Self {
            line: Effect::new("blur", include_str!("blur.wgsl"), 1),
            enlarge: Effect::new("blur", include_str!("blur_enlarge.wgsl"), 1),
        }
    }
}

impl Blurred {
    /// A picture without blur.
    pub fn none(image: &Image) -> Self {
        Self { is_straight: true, ..Self::premultiplied(image) }
    }

    /// As `none`, of a picture that an effect has premultiplied.
    pub fn premultiplied(image: &Image) -> Self {
        let size = (image.width_px, image.height_px);
        Self { image: image.clone(), size, variance: [0.0; 2], is_straight: false }
    }

    /// Pixels of the whole picture in one of the reduced one, along both axes.
    fn ratios(&self) -> [f64; 2] {
        [
            f64::from(self.size.0) / f64::from(self.image.width_px.max(1)),
            f64::from(self.size.1) / f64::from(self.image.height_px.max(1)),
        ]
    }
}

impl Blur {
    /// Opens the device if nobody has yet, and compiles.
    ///
    /// # Errors
    /// As [`Effect::prepare`].
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        self.line.prepare(services)?;
        self.enlarge.prepare(services)
    }

    /// `image` convolved with a Gaussian of these deviations across and down, in pixels; straight
    /// alpha, the same size.
    ///
    /// # Errors
    /// As [`Effect::draw`].
    pub fn blur(
        &mut self,
        image: &Image,
        sigma_px: [f64; 2],
        border: Border,
    ) -> Result<Image, NodeError> {
        let blurred = self.more(&Blurred::none(image), sigma_px, border)?;
        let uniforms = Enlarge {
            border: border as u32,
            premultiplies: u32::from(blurred.is_straight),
            ratio: blurred.ratios().map(|ratio| (1.0 / ratio) as f32),
        };
        self.enlarge.draw(&uniforms, &[&blurred.image], blurred.size)
    }

    /// `source` blurred further, until its blur has these deviations, in pixels of the whole
    /// picture; no less than it has.
    ///
    /// # Errors
    /// As [`Effect::draw`].
    pub fn more(
        &mut self,
        source: &Blurred,
        sigma_px: [f64; 2],
        border: Border,
    ) -> Result<Blurred, NodeError> {
        let mut blurred = source.clone();
        for (axis, sigma) in sigma_px.into_iter().enumerate() {
            self.reduce(&mut blurred, axis, sigma, border)?;
        }
        let ratios = blurred.ratios();
        for (axis, sigma) in sigma_px.into_iter().enumerate() {
            let variance = sigma.powi(2) - enlargement(ratios[axis]);
            let missing = variance - blurred.variance[axis];
            if missing <= 0.0 {
                continue;
            }
            let width = missing.sqrt() / ratios[axis];
            self.draw(&mut blurred, axis, GAUSSIAN, 1.0, width, (width * REACH).ceil(), border)?;
            blurred.variance[axis] = variance;
        }
        Ok(blurred)
    }

    /// Makes the picture smaller along `axis` where the blur is wide enough.
    fn reduce(
        &mut self,
        blurred: &mut Blurred,
        axis: usize,
        sigma: f64,
        border: Border,
    ) -> Result<(), NodeError> {
        let whole = [blurred.size.0, blurred.size.1][axis];
        let now = [blurred.image.width_px, blurred.image.height_px][axis];
        let octaves = (sigma / MIN_SIGMA_PX).max(1.0).log2().floor();
        let len = (f64::from(whole) * (-octaves).exp2()).round().max(1.0);
        let ratio = f64::from(now) / len;
        if ratio < 1.5 {
            return Ok(());
        }
        self.draw(blurred, axis, TENT, ratio, ratio, ratio, border)?;
        blurred.variance[axis] += enlargement(blurred.ratios()[axis]);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // one pass, by its numbers
    fn draw(
        &mut self,
        blurred: &mut Blurred,
        axis: usize,
        kernel: u32,
        ratio: f64,
        width: f64,
        reach: f64,
        border: Border,
    ) -> Result<(), NodeError> {
        let uniforms = Line {
            axis: axis as u32,
            kernel,
            border: border as u32,
            premultiplies: u32::from(blurred.is_straight),
            ratio: ratio as f32,
            width: width as f32,
            reach: reach as f32,
            padding: 0,
        };
        let mut size = [blurred.image.width_px, blurred.image.height_px];
        size[axis] = (f64::from(size[axis]) / ratio).round().max(1.0) as u32;
        blurred.image = self.line.draw(&uniforms, &[&blurred.image], (size[0], size[1]))?;
        blurred.is_straight = false;
        Ok(())
    }
}

/// Variance of a tent that is a reduced pixel wide to both sides, in pixels of the whole picture.
fn enlargement(ratio: f64) -> f64 {
    if ratio > 1.0 { ratio.powi(2) / 6.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{picture, services, speckle, values};
    use super::*;

    fn blurred(image: &Image, sigma_px: [f64; 2], border: Border) -> Vec<f32> {
        let mut blur = Blur::default();
        blur.prepare(&services()).unwrap();
        values(&blur.blur(image, sigma_px, border).unwrap())
    }

    /// The place that `border` shows for `at`.
    fn place(at: i64, len: i64, border: Border) -> Option<usize> {
        let inside = (0..len).contains(&at);
        let found = match border {
            Border::Clamp => at.clamp(0, len - 1),
            Border::Mirror => {
                let i = at.rem_euclid(2 * len);
                i.min(2 * len - 1 - i)
            }
            Border::Transparent if !inside => return None,
            Border::Transparent => at,
        };
        Some(found as usize)
    }

    /// A line of premultiplied pixels convolved with a Gaussian, in double precision.
    fn line(texels: &[[f64; 4]], sigma: f64, border: Border) -> Vec<[f64; 4]> {
        if sigma == 0.0 {
            return texels.to_vec();
        }
        let reach = (sigma * 6.0).ceil() as i64;
        let weight = |d: i64| (-(d as f64).powi(2) / (2.0 * sigma * sigma)).exp();
        let total: f64 = (-reach..=reach).map(weight).sum();
        (0..texels.len() as i64)
            .map(|i| {
                let mut sum = [0.0; 4];
                for d in -reach..=reach {
                    if let Some(at) = place(i + d, texels.len() as i64, border) {
                        for (s, v) in sum.iter_mut().zip(texels[at]) {
                            *s += v * weight(d) / total;
                        }
                    }
                }
                sum
            })
            .collect()
    }

    /// Premultiplied, since what a clear pixel's colour is does not count.
    fn reference(image: &Image, sigma: [f64; 2], border: Border) -> Vec<[f64; 4]> {
        let (width, height) = (image.width_px as usize, image.height_px as usize);
        let pixels = premultiplied(&values(image));
        let rows: Vec<[f64; 4]> =
            pixels.chunks(width).flat_map(|row| line(row, sigma[0], border)).collect();
        let mut out = vec![[0.0; 4]; width * height];
        for x in 0..width {
            let column: Vec<[f64; 4]> = (0..height).map(|y| rows[y * width + x]).collect();
            for (y, pixel) in line(&column, sigma[1], border).into_iter().enumerate() {
                out[y * width + x] = pixel;
            }
        }
        out
    }

    fn premultiplied(values: &[f32]) -> Vec<[f64; 4]> {
        let pixel = |p: &[f32]| {
            let [r, g, b, a] = [0, 1, 2, 3].map(|c| f64::from(p[c]));
            [r * a, g * a, b * a, a]
        };
        values.chunks(4).map(pixel).collect()
    }

    fn worst(image: &Image, sigma: [f64; 2], border: Border) -> f64 {
        let found = premultiplied(&blurred(image, sigma, border));
        let expected = reference(image, sigma, border);
        let errors = found.iter().zip(&expected).flat_map(|(f, e)| f.iter().zip(e));
        errors.map(|(f, e)| (f - e).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn narrow_blurs_are_the_convolution() {
        let image = speckle(70, 43);
        for border in [Border::Clamp, Border::Mirror, Border::Transparent] {
            for sigma in [[0.7, 0.7], [3.0, 3.0], [7.0, 0.0], [0.0, 5.0]] {
                let worst = worst(&image, sigma, border);
                assert!(worst < 2e-3, "{border:?} {sigma:?}: {worst}");
            }
        }
    }

    #[test]
    fn wide_blurs_are_near_the_convolution() {
        let wave = |x: f32| 0.5 + 0.5 * x.sin();
        let waves = picture(150, 83, |x, y| {
            let (x, y) = (x as f32, y as f32);
            [wave(0.11 * x + 0.05 * y), wave(0.3 * y), wave(0.2 * x), 0.5 + 0.5 * wave(0.07 * y)]
        });
        // The tents are no Gaussians, and beyond the edges their slopes are guessed.
        for (border, tolerance) in [(Border::Mirror, 0.003), (Border::Transparent, 0.015)] {
            for sigma in [[9.0, 9.0], [20.0, 20.0], [0.0, 40.0], [90.0, 30.0]] {
                let worst = worst(&waves, sigma, border);
                assert!(worst < tolerance, "{border:?} {sigma:?}: {worst}");
            }
        }
    }

    #[test]
    fn a_step_becomes_the_error_function_however_wide() {
        let step = picture(512, 4, |x, _| [if x < 256 { 0.0 } else { 1.0 }, 0.0, 0.0, 1.0]);
        for sigma in [2.0, 8.0, 16.0, 31.0, 64.0] {
            let found = blurred(&step, [sigma, 0.0], Border::Clamp);
            for k in [-1.5_f64, -0.5, 0.5, 1.5] {
                let x = (256.0 + k * sigma).floor();
                // Normal distribution at x + 0.5 − 256, by the midpoint rule.
                let z = (x + 0.5 - 256.0) / sigma;
                let n = 2_000;
                let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
                let h = (z + 8.0) / f64::from(n);
                let expected: f64 =
                    (0..n).map(|i| density(-8.0 + (f64::from(i) + 0.5) * h) * h).sum();
                let pixel = f64::from(found[x as usize * 4]);
                assert!((pixel - expected).abs() < 4e-3, "{sigma} {k}: {pixel} for {expected}");
            }
        }
    }

    #[test]
    fn clear_pixels_lend_no_colour() {
        let image =
            picture(8, 1, |x, _| if x < 4 { [1.0, 0.0, 0.0, 1.0] } else { [0.0, 9.0, 0.0, 0.0] });
        let found = blurred(&image, [2.0, 2.0], Border::Clamp);
        assert!(found.chunks(4).all(|p| p[1] == 0.0 && (p[0] - 1.0).abs() < 2e-3), "{found:?}");
    }

    #[test]
    fn the_smallest_picture_takes_the_widest_blur() {
        let dot = picture(1, 1, |_, _| [0.5, 0.25, 0.75, 1.0]);
        for border in [Border::Clamp, Border::Mirror] {
            let found = blurred(&dot, [5_000.0, 5_000.0], border);
            assert!(found.iter().zip([0.5, 0.25, 0.75, 1.0]).all(|(f, e)| (f - e).abs() < 2e-3));
        }
        let gone = blurred(&dot, [5_000.0, 5_000.0], Border::Transparent);
        assert!(gone.iter().all(|v| v.is_finite()));
    }
}
