//! The resampling filter after an up-sampling convolution.

use super::super::epilogue::Epilogue;
use super::super::simd::{Kernel, Vector, get, put};

/// One row of features from four rows of the transposed convolution, by [1, 3, 3, 1]/4 along both
/// axes, and what follows.
pub struct FilterRow<'a> {
    /// Rows y - 1 ..= y + 2, each `[2·width_in + 3, vectors · lanes]` with a zero at either end.
    pub rows: [&'a [f32]; 4],
    /// Vectors of the panel.
    pub vectors: usize,
    pub epilogue: &'a Epilogue<'a>,
    /// The panel's first channel.
    pub channel: usize,
    /// The first pixel's place in the noise.
    pub pixel: usize,
    /// Pixels of the row.
    pub width: usize,
    /// From the first pixel's first channel on.
    pub out: &'a mut [f32],
    /// Values from a pixel to the next.
    pub pixel_step: usize,
}

impl Kernel for FilterRow<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let step = self.vectors * V::LANES;
        let (outer, inner) = (V::splat(0.25), V::splat(0.75));
        let filter = |a: V, b: V, c: V, d: V| a.add(d).mul_add(outer, b.add(c).mul(inner));
        for v in (0..step).step_by(V::LANES) {
            let finish = self.epilogue.channels::<V>(self.channel + v);
            let column = |i: usize| {
                let [a, b, c, d] = self.rows.map(|row| get::<V>(&row[i * step + v..]));
                filter(a, b, c, d)
            };
            let mut window = [column(0), column(1), column(2)];
            for x in 0..self.width {
                let [a, b, c] = window;
                let d = column(x + 3);
                let noise = self.epilogue.noise(self.pixel + x);
                let y = finish.apply(filter(a, b, c, d), noise);
                put(&mut self.out[x * self.pixel_step + self.channel + v..], y);
                window = [b, c, d];
            }
        }
    }
}

/// Doubles a picture's features by the resampling filter and adds a row of the result to `out`.
pub struct AddUpsampledRow<'a> {
    /// The nearer and the farther row, with their border.
    pub rows: [&'a [f32]; 2],
    pub channels: usize,
    /// Pixels of the result's row.
    pub width: usize,
    /// From the first pixel on.
    pub out: &'a mut [f32],
    pub gain: f32,
}

impl Kernel for AddUpsampledRow<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let (near, far) = (V::splat(0.75), V::splat(0.25));
        let gain = V::splat(self.gain);
        for x in 0..self.width {
            // In bordered pixels: an even one lies between x/2 - 1 and x/2.
            let nearer = (x / 2 + 1) * self.channels;
            let farther = (x / 2 + 2 * (x % 2)) * self.channels;
            for c in (0..self.channels).step_by(V::LANES) {
                let [a, b] = self.rows.map(|row| {
                    let far = get::<V>(&row[farther + c..]).mul(far);
                    get::<V>(&row[nearer + c..]).mul_add(near, far)
                });
                let sum = a.mul_add(near, b.mul(far));
                let out = &mut self.out[x * self.channels + c..];
                put(out, sum.mul_add(gain, get(out)));
            }
        }
    }
}
