//! From features to colours.

use super::super::simd::{Kernel, Vector, get};

/// Adds a row's colours, bounded, to a row of the picture.
pub struct ToRgbRow<'a> {
    /// `[width, channels]`.
    pub features: &'a [f32],
    pub channels: usize,
    /// `[colours, channels]`, times the styles.
    pub weights: &'a [f32],
    /// Of each colour.
    pub bias: &'a [f32],
    /// Bound of the colours, infinite for none.
    pub bound: f32,
    /// `[colours, width]`.
    pub out: &'a mut [f32],
}

impl Kernel for ToRgbRow<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let width = self.features.len() / self.channels;
        let weights = self.weights.chunks_exact(self.channels);
        for ((out, weights), bias) in self.out.chunks_exact_mut(width).zip(weights).zip(self.bias) {
            for (out, pixel) in out.iter_mut().zip(self.features.chunks_exact(self.channels)) {
                let mut sum = V::splat(0.0);
                for (x, w) in pixel.chunks_exact(V::LANES).zip(weights.chunks_exact(V::LANES)) {
                    sum = get::<V>(x).mul_add(get(w), sum);
                }
                *out += (sum.sum() + bias).clamp(-self.bound, self.bound);
            }
        }
    }
}
