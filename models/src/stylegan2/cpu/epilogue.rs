//! What follows a convolution: demodulation, noise, bias, activation, gain and bound.

use super::simd::{Vector, get};

/// leaky_relu(sum·demodulation + noise·noise_gain + bias)·gain, bounded.
pub struct Epilogue<'a> {
    /// Factor of each channel, padded.
    pub demodulation: &'a [f32],
    /// `[height, width]`, the same for all channels; none where it is empty.
    pub noise: &'a [f32],
    /// Factor of the noise.
    pub noise_gain: f32,
    /// Of each channel, padded.
    pub bias: &'a [f32],
    /// Factor after the activation.
    pub gain: f32,
    /// Bound of the result, infinite for none.
    pub bound: f32,
}

impl Epilogue<'_> {
    /// The noise of pixel `i`.
    #[inline(always)]
    pub fn noise(&self, i: usize) -> f32 {
        self.noise.get(i).map_or(0.0, |noise| noise * self.noise_gain)
    }

    /// What channels `c..` have in common.
    #[inline(always)]
    pub fn channels<V: Vector>(&self, c: usize) -> Finish<V> {
        Finish {
            demodulation: get(&self.demodulation[c..]),
            bias: get(&self.bias[c..]),
            gain: V::splat(self.gain),
            bound: V::splat(self.bound),
            negative_bound: V::splat(-self.bound),
        }
    }
}

/// The constants of a vector of channels.
#[derive(Clone, Copy)]
pub struct Finish<V> {
    demodulation: V,
    bias: V,
    gain: V,
    bound: V,
    negative_bound: V,
}

impl<V: Vector> Finish<V> {
    /// The features that follow from the convolution's sum at a pixel with this noise.
    #[inline(always)]
    pub fn apply(&self, sum: V, noise: f32) -> V {
        let v = sum.mul_add(self.demodulation, self.bias.add(V::splat(noise)));
        let v = v.max(v.mul(V::splat(0.2))).mul(self.gain);
        v.min(self.bound).max(self.negative_bound)
    }
}
