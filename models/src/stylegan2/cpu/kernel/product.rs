//! Matrix products: a panel of weights against the pixels of a picture, the heart of all
//! convolutions.
#![allow(unsafe_code)] // the innermost loop reads without bounds checks; each tile is checked

use super::super::epilogue::Epilogue;
use super::super::simd::{Kernel, Vector, put};

/// Weights are asked for so many values before they are read.
const AHEAD: usize = 1024;

/// Where pixels lie that are taken row by row.
#[derive(Clone, Copy)]
pub struct Raster {
    /// Index of the first pixel's first value.
    pub start: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Values from one pixel to the next in its row.
    pub pixel_step: usize,
    /// Values from one row to the next.
    pub row_step: usize,
}

impl Raster {
    /// Pixels that follow each other.
    pub fn line(start: usize, pixel_step: usize) -> Self {
        Self { start, width: usize::MAX, pixel_step, row_step: 0 }
    }

    /// Where pixel `i` starts.
    #[inline(always)]
    fn at(&self, i: usize) -> usize {
        let (y, x) = if i < self.width { (0, i) } else { (i / self.width, i % self.width) };
        self.start + y * self.row_step + x * self.pixel_step
    }
}

/// For every pixel p and output channel o of the panel,
/// out[p][o] = Σ_tap Σ_c weights[tap][c][o] · x[p + tap][c].
pub struct Product<'a> {
    pub x: &'a [f32],
    pub input: Raster,
    /// Distance of each tap from its pixel in values.
    pub taps: &'a [usize],
    /// Input channels.
    pub channels: usize,
    /// `[taps, channels, vectors · lanes]`.
    pub weights: &'a [f32],
    /// Vectors of the panel: 1 or 2.
    pub vectors: usize,
    /// Number of pixels.
    pub pixels: usize,
    pub out: &'a mut [f32],
    pub output: Raster,
    /// What follows at once, the panel's first channel, and the first pixel's place in the noise.
    pub finish: Option<(&'a Epilogue<'a>, usize, usize)>,
}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        if self.vectors == 2 {
            self.panel::<V, 2>();
        } else {
            self.panel::<V, 1>();
        }
    }
}

impl Product<'_> {
    /// All pixels, in tiles of as many as the registers hold sums for.
    #[inline(always)]
    fn panel<V: Vector, const M: usize>(&mut self) {
        let mut first = 0;
        while first < self.pixels {
            let left = self.pixels - first;
            first += match V::TILE_PIXELS[M - 1] {
                8 if left > 4 => self.tile::<V, M, 8>(first),
                6 if left != 4 && left != 8 => self.tile::<V, M, 6>(first),
                _ => self.tile::<V, M, 4>(first),
            };
        }
    }

    /// A tile of `N` pixels; where fewer are left, the last one fills it up.
    #[inline(always)]
    fn tile<V: Vector, const M: usize, const N: usize>(&mut self, first: usize) -> usize {
        let last = self.pixels - 1;
        let mut starts = [0; N];
        for (j, start) in starts.iter_mut().enumerate() {
            *start = self.input.at((first + j).min(last));
        }
        let sums = self.sums::<V, M, N>(&starts);
        for j in 0..N.min(last + 1 - first) {
            let start = self.output.at(first + j);
            let out = &mut self.out[start..start + M * V::LANES];
            if let Some((epilogue, channel, pixel)) = self.finish {
                let noise = epilogue.noise(pixel + first + j);
                for v in 0..M {
                    let finish = epilogue.channels::<V>(channel + v * V::LANES);
                    put(&mut out[v * V::LANES..], finish.apply(sums[j][v], noise));
                }
            } else {
                for v in 0..M {
                    put(&mut out[v * V::LANES..], sums[j][v]);
                }
            }
        }
        N
    }

    /// The sums of `N` pixels that start at `starts`.
    #[inline(always)]
    fn sums<V: Vector, const M: usize, const N: usize>(&self, starts: &[usize; N]) -> [[V; M]; N] {
        let reach = self.taps.iter().max().map_or(0, |tap| tap + self.channels);
        assert!(starts.iter().all(|start| start + reach <= self.x.len()));
        assert!(self.taps.len() * self.channels * M * V::LANES <= self.weights.len());
        let mut sums = [[V::splat(0.0); M]; N];
        let mut weights = self.weights.as_ptr();
        for &tap in self.taps {
            let mut pixels = [self.x.as_ptr(); N];
            for j in 0..N {
                // SAFETY: start + tap + channels lies within x, as checked above.
                pixels[j] = unsafe { pixels[j].add(starts[j] + tap) };
            }
            for c in 0..self.channels {
                let mut row = [V::splat(0.0); M];
                for v in 0..M {
                    V::prefetch(weights.wrapping_add(AHEAD + v * V::LANES));
                    // SAFETY: the weights advance by one row of the panel for each tap and channel,
                    // and so many are there, as checked above.
                    row[v] = unsafe { V::load(weights.add(v * V::LANES)) };
                }
                for j in 0..N {
                    // SAFETY: c is below channels.
                    let x = V::splat(unsafe { *pixels[j].add(c) });
                    for v in 0..M {
                        sums[j][v] = row[v].mul_add(x, sums[j][v]);
                    }
                }
                // SAFETY: as for the loads.
                weights = unsafe { weights.add(M * V::LANES) };
            }
        }
        sums
    }
}
