//! The resampling filter after an up-sampling convolution.
#![allow(unsafe_code)] // checks its bounds once a row, not at every value

use super::super::epilogue::Epilogue;
use super::super::simd::{Kernel, Vector, get, put};

/// Pixels whose channels are written one after the other, so that memory sees whole lines.
const CHUNK: usize = 16;

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
        assert!(self.rows.iter().all(|row| row.len() >= (self.width + 3) * step));
        assert!(self.channel + step <= self.pixel_step);
        assert!(self.out.len() >= self.width * self.pixel_step);
        for first in (0..self.width).step_by(CHUNK) {
            let end = (first + CHUNK).min(self.width);
            for v in (0..step).step_by(V::LANES) {
                let finish = self.epilogue.channels::<V>(self.channel + v);
                let out = self.out.as_mut_ptr().wrapping_add(self.channel + v);
                // SAFETY: all columns up to width + 3 and all pixels up to width lie within the rows
                // and the output, as checked above.
                unsafe {
                    let mut a = self.column::<V>(first * step + v);
                    let mut b = self.column::<V>((first + 1) * step + v);
                    let mut c = self.column::<V>((first + 2) * step + v);
                    for x in first..end {
                        V::prefetch_write(out.wrapping_add((x + CHUNK) * self.pixel_step));
                        let d = self.column::<V>((x + 3) * step + v);
                        let noise = self.epilogue.noise(self.pixel + x);
                        let y = finish.apply(filter(a, b, c, d), noise);
                        y.store(out.add(x * self.pixel_step));
                        (a, b, c) = (b, c, d);
                    }
                }
            }
        }
    }
}

impl FilterRow<'_> {
    /// The filter down a column.
    ///
    /// # Safety
    /// Each row has a vector at `place`.
    #[inline(always)]
    unsafe fn column<V: Vector>(&self, place: usize) -> V {
        let [a, b, c, d] = &self.rows;
        // SAFETY: as the caller promises.
        unsafe {
            filter(
                V::load(a.as_ptr().add(place)),
                V::load(b.as_ptr().add(place)),
                V::load(c.as_ptr().add(place)),
                V::load(d.as_ptr().add(place)),
            )
        }
    }
}

/// [1, 3, 3, 1]/4.
#[inline(always)]
fn filter<V: Vector>(a: V, b: V, c: V, d: V) -> V {
    a.add(d).mul_add(V::splat(0.25), b.add(c).mul(V::splat(0.75)))
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
                let [a, b] = &self.rows;
                let beside = get::<V>(&a[farther + c..]).mul(far);
                let a = get::<V>(&a[nearer + c..]).mul_add(near, beside);
                let beside = get::<V>(&b[farther + c..]).mul(far);
                let b = get::<V>(&b[nearer + c..]).mul_add(near, beside);
                let sum = a.mul_add(near, b.mul(far));
                let out = &mut self.out[x * self.channels + c..];
                put(out, sum.mul_add(gain, get(out)));
            }
        }
    }
}
