//! A grey picture that gives the mean of any part of itself.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use lumawire_core::{Encoding, Image, NodeError, Pixels};
use rayon::prelude::*;

use crate::gpu::{finite, srgb_from_linear};

/// Longest side of a picture that is kept; a larger one is reduced.
const MAX_SIDE: usize = 512;

/// Levels 0..=1 as a summed-area table (Crow, 1984).
pub(crate) struct Plane {
    width: usize,
    height: usize,
    /// Sum of all that lies above and left of each corner, `[height + 1, width + 1]`.
    sums: Vec<f64>,
}

impl Hash for Plane {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.width, self.height).hash(state);
        self.sums.iter().for_each(|sum| sum.to_bits().hash(state));
    }
}

impl Plane {
    /// `levels` `[height, width]`; `None` where they do not fill it, or it has no area.
    pub fn new(levels: &[f32], height: usize, width: usize) -> Option<Self> {
        if levels.is_empty() || levels.len() != height.checked_mul(width)? {
            return None;
        }
        let mut sums = vec![0.0; (height + 1) * (width + 1)];
        for (y, row) in levels.chunks_exact(width).enumerate() {
            let (above, below) = sums.split_at_mut((y + 1) * (width + 1));
            let above = &above[y * (width + 1)..];
            let mut sum = 0.0;
            for (x, level) in row.iter().enumerate() {
                sum += f64::from(*level);
                below[x + 1] = above[x + 1] + sum;
            }
        }
        Some(Self { width, height, sums })
    }

    /// The luma of a picture (Rec. 709's weights on sRGB codes: as bright as it looks) times its
    /// alpha, within 0..=1. What is no finite number is black.
    pub fn from_image(image: &Image) -> Result<Arc<Self>, NodeError> {
        let host = image.host()?;
        let luma = |p: [f32; 4]| {
            let [r, g, b, alpha] = p.map(finite);
            let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
            let y = if image.encoding == Encoding::Linear { srgb_from_linear(y) } else { y };
            y.clamp(0.0, 1.0) * alpha.clamp(0.0, 1.0)
        };
        let (height, width) = (host.height_px as usize, host.width_px as usize);
        let num_pixels = match &host.pixels {
            Pixels::Rgba8(codes) => codes.len() / 4,
            Pixels::RgbaF32(values) => values.len() / 4,
        };
        let misfit = || NodeError::input("image", format!("pixels do not fill {width} × {height}"));
        if num_pixels != width * height {
            return Err(misfit());
        }
        let level = |i: usize| match &host.pixels {
            Pixels::Rgba8(codes) => {
                codes.as_chunks().0.get(i).map_or(0.0, |p| luma(p.map(|v| f32::from(v) / 255.0)))
            }
            Pixels::RgbaF32(values) => values.as_chunks().0.get(i).map_or(0.0, |p| luma(*p)),
        };
        // More than layers show would only cost time at every frame.
        let step = height.max(width).div_ceil(MAX_SIDE).max(1);
        let (rows, columns) = (height / step, width / step);
        let block = |row: usize, column: usize| {
            let ys = row * step..(row + 1) * step;
            let sum: f32 = ys
                .flat_map(|y| (column * step..(column + 1) * step).map(move |x| y * width + x))
                .map(level)
                .sum();
            sum / (step * step) as f32
        };
        let levels: Vec<f32> = (0..rows)
            .into_par_iter()
            .flat_map_iter(|row| (0..columns).map(move |column| block(row, column)))
            .collect();
        Self::new(&levels, rows, columns).map(Arc::new).ok_or_else(misfit)
    }

    /// Row `y` of the plane at `height` by `width` pixels, each the mean of what it covers.
    pub fn row(&self, y: usize, height: usize, width: usize, out: &mut Vec<f32>) {
        let edge = |i: usize, n: usize, len: usize| i as f64 * len as f64 / n as f64;
        let (top, bottom) = (edge(y, height, self.height), edge(y + 1, height, self.height));
        let left_of = |x: usize| {
            let place = edge(x, width, self.width);
            self.sum(bottom, place) - self.sum(top, place)
        };
        let area = (bottom - top) * self.width as f64 / width as f64;
        let mut left = left_of(0);
        out.clear();
        out.extend((1..=width).map(|x| {
            let right = left_of(x);
            let mean = (right - left) / area;
            left = right;
            mean as f32
        }));
    }

    /// Sum of what lies above `y` and left of `x`.
    fn sum(&self, y: f64, x: f64) -> f64 {
        let (row, column) = ((y as usize).min(self.height - 1), (x as usize).min(self.width - 1));
        let (v, u) = (y - row as f64, x - column as f64);
        let at = |row: usize, column: usize| self.sums[row * (self.width + 1) + column];
        let along = |row: usize| at(row, column) + u * (at(row, column + 1) - at(row, column));
        let (upper, lower) = (along(row), along(row + 1));
        upper + v * (lower - upper)
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::HostImage;

    use super::*;

    fn at(plane: &Plane, height: usize, width: usize) -> Vec<f32> {
        let mut row = Vec::new();
        (0..height)
            .flat_map(|y| {
                plane.row(y, height, width, &mut row);
                row.clone()
            })
            .collect()
    }

    #[test]
    fn every_size_shows_the_means() {
        let levels = [0.0, 1.0, 0.5, 0.25, 1.0, 0.0, 0.0, 1.0];
        let plane = Plane::new(&levels, 2, 4).unwrap();
        assert_eq!(at(&plane, 2, 4), levels);
        assert_eq!(at(&plane, 1, 2), [0.5, 0.4375]);
        assert_eq!(at(&plane, 1, 1), [0.46875]);
        assert_eq!(at(&plane, 2, 8)[..4], [0.0, 0.0, 1.0, 1.0]);
        // Thirds of four pixels: 0 and a third of 1; two thirds of 1 and of 0.5; …
        for (found, expected) in at(&plane, 2, 3).iter().zip([0.25, 0.75, 0.3125]) {
            assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
        }
        assert!(Plane::new(&[], 0, 0).is_none() && Plane::new(&levels, 3, 4).is_none());
    }

    #[test]
    fn greys_are_as_bright_as_they_look() {
        let grey = |encoding, pixels| {
            let image = HostImage { width_px: 1, height_px: 1, pixels };
            at(&Plane::from_image(&Image::from_host(image, encoding)).unwrap(), 1, 1)[0]
        };
        let code = grey(Encoding::Srgb, Pixels::Rgba8(vec![128, 128, 128, 255]));
        let half = grey(Encoding::Srgb, Pixels::RgbaF32(vec![1.0, 1.0, 1.0, 0.5]));
        // 0.214 of light is code 0.5.
        let light =
            grey(Encoding::Linear, Pixels::RgbaF32(vec![0.2140411, 0.2140411, 0.2140411, 1.0]));
        assert!((code - 128.0 / 255.0).abs() < 1e-6 && half == 0.5);
        assert!((light - 0.5).abs() < 1e-5);
        let odd = grey(Encoding::Srgb, Pixels::RgbaF32(vec![f32::NAN, 9.0, -3.0, 1.0]));
        assert_eq!(odd, 1.0);
    }
}
