//! A blur that keeps the deviation of white noise.

use rayon::prelude::*;

/// Box blurs in a row, each a running sum: their kernel is a spline close to a Gaussian.
const NUM_BOXES: usize = 3;

/// Blurs `plane` `[height, width]` by about a Gaussian of deviation `sigma_px`, round its edges, so
/// that white noise keeps its deviation and tiles. Changes smoothly with the width.
pub(crate) fn blur(plane: &mut [f32], height: usize, width: usize, sigma_px: f32) {
    if sigma_px.is_nan() || sigma_px <= 0.0 || plane.len() != height * width || plane.is_empty() {
        return;
    }
    let (down, across) = (BoxKernel::new(sigma_px, height), BoxKernel::new(sigma_px, width));
    let gain = 1.0 / (down.noise_deviation(height) * across.noise_deviation(width));
    plane.par_chunks_exact_mut(width).with_min_len(64).for_each_init(Vec::new, |copy, row| {
        for _ in 0..NUM_BOXES {
            across.along(row, copy);
        }
        row.iter_mut().for_each(|v| *v *= gain);
    });
    let mut copy = Vec::new();
    for _ in 0..NUM_BOXES {
        down.rows(plane, width, &mut copy);
    }
}

/// A box of 2·radius + 1 places and a part of the two beyond: its width is continuous (Gwosdek et
/// al., "Theoretical foundations of Gaussian convolution by extended box filtering", 2011).
struct BoxKernel {
    radius: usize,
    /// Weight of the outermost two places against the others.
    edge: f32,
}

impl BoxKernel {
    /// A box of which `NUM_BOXES` have deviation `sigma_px`, or as wide as fits into `len` places.
    fn new(sigma_px: f32, len: usize) -> Self {
        let variance = f64::from(sigma_px).powi(2) / NUM_BOXES as f64;
        let widest = (len / 2).saturating_sub(1);
        // Variance of a plain box: r(r + 1)/3.
        let radius = ((0.25 + 3.0 * variance).sqrt() - 0.5) as usize;
        if radius >= widest {
            return Self { radius: widest, edge: 0.0 };
        }
        let r = radius as f64;
        let places = 2.0 * r + 1.0;
        let missing = variance - r * (r + 1.0) / 3.0;
        let edge = places * missing / (2.0 * ((r + 1.0).powi(2) - variance));
        Self { radius, edge: edge.clamp(0.0, 1.0) as f32 }
    }

    fn gain(&self) -> f32 {
        1.0 / (2.0 * self.radius as f32 + 1.0 + 2.0 * self.edge)
    }

    /// Deviation of white noise of `len` places after all boxes.
    fn noise_deviation(&self, len: usize) -> f32 {
        let mut impulse = vec![0.0; len];
        impulse[0] = 1.0;
        let mut copy = Vec::new();
        for _ in 0..NUM_BOXES {
            self.along(&mut impulse, &mut copy);
        }
        impulse.iter().map(|v| v * v).sum::<f32>().sqrt()
    }

    /// Blurs a line, round its ends.
    fn along(&self, line: &mut [f32], copy: &mut Vec<f32>) {
        let reach = self.radius + 1;
        let len = line.len();
        copy.clear();
        copy.extend((0..len + 2 * reach).map(|i| line[(i + reach * (len - 1)) % len]));
        let gain = self.gain();
        let mut sum: f32 = copy[1..2 * reach].iter().sum();
        for (i, v) in line.iter_mut().enumerate() {
            *v = gain * (sum + self.edge * (copy[i] + copy[i + 2 * reach]));
            sum += copy[i + 2 * reach] - copy[i + 1];
        }
    }

    /// Blurs the columns of rows of `width`, round their ends, all columns at once.
    fn rows(&self, plane: &mut [f32], width: usize, copy: &mut Vec<f32>) {
        let height = plane.len() / width;
        let reach = self.radius + 1;
        copy.clear();
        copy.extend_from_slice(plane);
        // Row i - reach, round the end.
        let row = |i: usize| {
            let y = (i + reach * (height - 1)) % height;
            &copy[y * width..(y + 1) * width]
        };
        let gain = self.gain();
        let mut sums = vec![0.0; width];
        for i in 1..2 * reach {
            sums.iter_mut().zip(row(i)).for_each(|(s, v)| *s += v);
        }
        for (i, out) in plane.chunks_exact_mut(width).enumerate() {
            let (first, leaving, last) = (row(i), row(i + 1), row(i + 2 * reach));
            for (x, (v, sum)) in out.iter_mut().zip(&mut sums).enumerate() {
                *v = gain * (*sum + self.edge * (first[x] + last[x]));
                *sum += last[x] - leaving[x];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_models::stylegan2::noise::fill_normal;

    use super::*;

    #[test]
    fn an_impulse_becomes_nearly_a_gaussian_of_the_asked_width() {
        let (height, width) = (64, 96);
        for sigma in [0.6_f32, 1.0, 2.5, 6.0] {
            let mut plane = vec![0.0; height * width];
            plane[0] = 1.0;
            blur(&mut plane, height, width, sigma);
            // The gain that keeps noise is 1/√(Σ kernel²): the peak of a Gaussian kernel k is then
            // k(0)/√(Σ k²), with Σ over the same places.
            let kernel = |x: usize, y: usize| {
                let (x, y) = (x.min(width - x) as f32, y.min(height - y) as f32);
                (-(x * x + y * y) / (2.0 * sigma * sigma)).exp()
            };
            let places = || (0..height * width).map(|i| kernel(i % width, i / width));
            let norm = places().map(|k| k * k).sum::<f32>().sqrt();
            let worst = plane.iter().zip(places()).map(|(v, k)| (v - k / norm).abs());
            let worst = worst.fold(0.0, f32::max);
            assert!(worst < 0.13 * plane[0], "σ {sigma}: {worst} of {}", plane[0]);
            let power: f32 = plane.iter().map(|v| v * v).sum();
            assert!((power - 1.0).abs() < 1e-4, "σ {sigma}: noise grows by {power}");
            let along = |f: &dyn Fn(f32, f32) -> f32| -> f32 {
                let signed =
                    |i: usize, n: usize| (i as f32 + n as f32 / 2.0) % n as f32 - n as f32 / 2.0;
                let values = plane.iter().enumerate();
                values
                    .map(|(i, v)| v * f(signed(i % width, width), signed(i / width, height)))
                    .sum()
            };
            let total = along(&|_, _| 1.0);
            for variance in [along(&|x, _| x * x) / total, along(&|_, y| y * y) / total] {
                assert!(
                    (variance.sqrt() / sigma - 1.0).abs() < 1e-2,
                    "{} for {sigma}",
                    variance.sqrt()
                );
            }
        }
    }

    #[test]
    fn noise_keeps_its_deviation_and_small_planes_survive() {
        for (height, width) in [(128, 128), (64, 200)] {
            for sigma in [0.0, 0.3, 1.7] {
                let mut plane = vec![0.0; height * width];
                fill_normal(1, 2, &mut plane);
                blur(&mut plane, height, width, sigma);
                let power = plane.iter().map(|v| v * v).sum::<f32>() / plane.len() as f32;
                assert!((power - 1.0).abs() < 0.12, "{sigma}: {power}");
            }
        }
        for (height, width) in [(1, 1), (1, 5), (4, 4), (3, 2), (4, 7)] {
            for sigma in [0.5, 40.0, f32::INFINITY, f32::NAN] {
                let mut plane = vec![1.0; height * width];
                blur(&mut plane, height, width, sigma);
                assert!(plane.iter().all(|v| v.is_finite()), "{height}×{width}, {sigma}");
            }
        }
    }

    #[test]
    fn no_width_jumps() {
        let mut white = vec![0.0; 32 * 32];
        fill_normal(1, 2, &mut white);
        let at = |sigma| {
            let mut plane = white.clone();
            blur(&mut plane, 32, 32, sigma);
            plane
        };
        for i in 0..400 {
            let (a, b) = (at(i as f32 * 0.01), at((i + 1) as f32 * 0.01));
            let step = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(step < 0.15, "{step} at {}", i as f32 * 0.01);
        }
    }
}
