//! The transforms of Winograd's convolution F(m×m, 3×3): m×m outputs from n×n inputs, n = m + 2,
//! with n² products instead of 9·m² (Lavin and Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2016, section 4): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A.
#![allow(unsafe_code)] // checks its bounds once a tile, not at every value

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use super::super::epilogue::{Epilogue, Finish};
use super::super::simd::{Kernel, Vector, get, put};

/// A transform of kernels along one axis, from 3 taps to `N` points.
pub trait Spread<const N: usize>: Copy + Sync {
    /// G g.
    fn spread<V: Vector>(a: V, b: V, c: V) -> [V; N];
}

/// The transforms along one axis for `M` outputs from `N` inputs.
pub trait Scheme<const N: usize, const M: usize>: Spread<N> {
    /// Bᵀ d.
    fn forward<V: Vector>(d: [V; N]) -> [V; N];
    /// Aᵀ m.
    fn backward<V: Vector>(m: [V; N]) -> [V; M];
}

/// G g Gᵀ of one panel of 3×3 kernels.
pub struct TransformKernels<'a, S, const N: usize> {
    /// `[9, inputs, outputs]`.
    pub kernels: &'a [f32],
    /// The panel's part of each of the N² points, `[inputs, outputs]`.
    pub points: Vec<&'a mut [f32]>,
    pub scheme: PhantomData<S>,
}

impl<S: Spread<N>, const N: usize> Kernel for TransformKernels<'_, S, N> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let len = self.kernels.len() / 9;
        for place in (0..len).step_by(V::LANES) {
            let mut rows = [[V::splat(0.0); N]; 3];
            for y in 0..3 {
                let tap = |x: usize| &self.kernels[(y * 3 + x) * len + place..];
                rows[y] = S::spread(get(tap(0)), get(tap(1)), get(tap(2)));
            }
            for x in 0..N {
                let column = S::spread(rows[0][x], rows[1][x], rows[2][x]);
                for y in 0..N {
                    put(&mut self.points[y * N + x][place..], column[y]);
                }
            }
        }
    }
}

/// F(4×4, 3×3): the points 0, ±1, ±2 and ∞.
#[derive(Clone, Copy)]
pub struct Four;

impl Spread<6> for Four {
    #[inline(always)]
    fn spread<V: Vector>(a: V, b: V, c: V) -> [V; 6] {
        let (sixth, near) = (V::splat(-1.0 / 6.0), a.add(c));
        // (a + 2b + 4c)/24 and (a - 2b + 4c)/24.
        let far = c.mul_add(V::splat(4.0), a).mul(V::splat(1.0 / 24.0));
        let side = b.mul(V::splat(1.0 / 12.0));
        [
            a.mul(V::splat(0.25)),
            near.add(b).mul(sixth),
            near.sub(b).mul(sixth),
            far.add(side),
            far.sub(side),
            c,
        ]
    }
}

impl Scheme<6, 4> for Four {
    #[inline(always)]
    fn forward<V: Vector>(d: [V; 6]) -> [V; 6] {
        let (two, four, five) = (V::splat(2.0), V::splat(-4.0), V::splat(-5.0));
        let a = d[2].mul_add(four, d[4]);
        let b = d[1].mul_add(four, d[3]);
        let c = d[4].sub(d[2]);
        let e = d[3].sub(d[1]).mul(two);
        [
            d[0].mul_add(V::splat(4.0), d[2].mul_add(five, d[4])),
            a.add(b),
            a.sub(b),
            c.add(e),
            c.sub(e),
            d[1].mul_add(V::splat(4.0), d[3].mul_add(five, d[5])),
        ]
    }

    #[inline(always)]
    fn backward<V: Vector>(m: [V; 6]) -> [V; 4] {
        let (s1, d1) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (s2, d2) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(s1.add(s2)),
            d2.mul_add(V::splat(2.0), d1),
            s2.mul_add(V::splat(4.0), s1),
            d2.mul_add(V::splat(8.0), d1.add(m[5])),
        ]
    }
}

/// F(6×6, 3×3): the points 0, ±1, ±2, ±1/2 and ∞.
#[derive(Clone, Copy)]
pub struct Six;

impl Spread<8> for Six {
    #[inline(always)]
    fn spread<V: Vector>(a: V, b: V, c: V) -> [V; 8] {
        let (ninth, near) = (V::splat(-2.0 / 9.0), a.add(c));
        // (a ± 2b + 4c)/90 and (4a ± 2b + c)·8/45.
        let far = c.mul_add(V::splat(4.0), a).mul(V::splat(1.0 / 90.0));
        let half = a.mul_add(V::splat(4.0), c).mul(V::splat(8.0 / 45.0));
        let (far_side, half_side) = (b.mul(V::splat(1.0 / 45.0)), b.mul(V::splat(16.0 / 45.0)));
        [
            a,
            near.add(b).mul(ninth),
            near.sub(b).mul(ninth),
            far.add(far_side),
            far.sub(far_side),
            half.add(half_side),
            half.sub(half_side),
            c,
        ]
    }
}

impl Scheme<8, 6> for Six {
    #[inline(always)]
    fn forward<V: Vector>(d: [V; 8]) -> [V; 8] {
        let (quarter, middle) = (V::splat(0.25), V::splat(-4.25));
        let (outer, half) = (V::splat(5.25), V::splat(0.5));
        let (two, four) = (V::splat(2.0), V::splat(4.0));
        // At ±1, at ±2 and at ±1/2: what is even and what is odd in the point.
        let (e1, o1) = (d[4].mul_add(middle, d[2].add(d[6])), d[3].mul_add(middle, d[1].add(d[5])));
        let e2 = d[2].mul_add(quarter, d[4].mul_add(V::splat(-1.25), d[6]));
        let o2 = d[1].mul_add(half, d[3].mul_add(V::splat(-2.5), d[5].mul(two)));
        let e3 = d[2].mul_add(four, d[4].mul_add(V::splat(-5.0), d[6]));
        let o3 = d[1].mul_add(two, d[3].mul_add(V::splat(-2.5), d[5].mul(half)));
        [
            d[4].sub(d[2]).mul_add(outer, d[0].sub(d[6])),
            e1.add(o1),
            e1.sub(o1),
            e2.add(o2),
            e2.sub(o2),
            e3.add(o3),
            e3.sub(o3),
            d[3].sub(d[5]).mul_add(outer, d[7].sub(d[1])),
        ]
    }

    #[inline(always)]
    fn backward<V: Vector>(m: [V; 8]) -> [V; 6] {
        let (s1, d1) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (s2, d2) = (m[3].add(m[4]), m[3].sub(m[4]));
        let (s3, d3) = (m[5].add(m[6]), m[5].sub(m[6]));
        [
            m[0].add(s1).add(s2.add(s3)),
            power(2.0, d1, d2, d3),
            power(4.0, s1, s2, s3),
            power(8.0, d1, d2, d3),
            power(16.0, s1, s2, s3),
            power(32.0, d1.add(m[7]), d2, d3),
        ]
    }
}

/// near + factor·far + half/factor.
#[inline(always)]
fn power<V: Vector>(factor: f32, near: V, far: V, half: V) -> V {
    half.mul_add(V::splat(1.0 / factor), far.mul_add(V::splat(factor), near))
}

/// A picture's tiles, row by row.
#[derive(Clone, Copy)]
pub struct Tiles {
    /// Tiles of a row.
    pub across: usize,
    /// The first one.
    pub first: usize,
    /// How many.
    pub count: usize,
}

impl Tiles {
    /// The first row and column of the outputs of tile `i`, of `size`² outputs each.
    #[inline(always)]
    fn corner(&self, i: usize, size: usize) -> (usize, usize) {
        let tile = self.first + i;
        (tile / self.across * size, tile % self.across * size)
    }
}

/// Bᵀ d B of tiles, times the styles.
pub struct Forward<'a, S, const N: usize, const M: usize> {
    pub scheme: PhantomData<S>,
    /// Features with their border.
    pub x: &'a [f32],
    pub row_len: usize,
    pub channels: usize,
    pub tiles: Tiles,
    /// Factor of each channel.
    pub styles: &'a [f32],
    /// `[N², tiles, channels]`.
    pub out: &'a mut [f32],
    /// Values from one point to the next.
    pub point_step: usize,
}

impl<S: Scheme<N, M>, const N: usize, const M: usize> Kernel for Forward<'_, S, N, M> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let (channels, row_len, step) = (self.channels, self.row_len, self.point_step);
        assert!(channels.is_multiple_of(V::LANES) && self.styles.len() >= channels);
        for t in 0..self.tiles.count {
            let (y, x) = self.tiles.corner(t, M);
            let corner = &self.x[y * row_len + x * channels..];
            let out = &mut self.out[t * channels..];
            assert!(corner.len() >= (N - 1) * row_len + N * channels);
            assert!(out.len() >= (N * N - 1) * step + channels);
            for c in (0..channels).step_by(V::LANES) {
                // SAFETY: N×N pixels of these channels and N² points lie within, as checked above.
                unsafe {
                    let style = V::load(self.styles.as_ptr().add(c));
                    let corner = corner.as_ptr().add(c);
                    let out = out.as_mut_ptr().add(c);
                    transform_tile::<V, S, N, M>(corner, row_len, channels, style, out, step);
                }
            }
        }
    }
}

/// Bᵀ d B of one tile.
///
/// # Safety
/// N×N vectors can be read from `corner`, and N² written to `out`, at these distances.
#[inline(always)]
unsafe fn transform_tile<V: Vector, S: Scheme<N, M>, const N: usize, const M: usize>(
    corner: *const f32,
    row_len: usize,
    channels: usize,
    style: V,
    out: *mut f32,
    step: usize,
) {
    let mut rows = [const { MaybeUninit::<[V; N]>::uninit() }; N];
    for y in 0..N {
        let mut row = [style; N];
        for x in 0..N {
            // SAFETY: as the caller promises.
            row[x] = unsafe { V::load(corner.add(y * row_len + x * channels)) }.mul(style);
        }
        rows[y].write(S::forward(row));
    }
    for x in 0..N {
        let mut column = [style; N];
        for y in 0..N {
            // SAFETY: all rows have been written.
            column[y] = unsafe { rows[y].assume_init_ref() }[x];
        }
        let column = S::forward(column);
        for y in 0..N {
            // SAFETY: as the caller promises.
            unsafe { column[y].store(out.add((y * N + x) * step)) };
        }
    }
}

/// Aᵀ m A of tiles, and what follows.
pub struct Backward<'a, S, const N: usize, const M: usize> {
    pub scheme: PhantomData<S>,
    /// `[N², tiles, channels]`.
    pub m: &'a [f32],
    /// Values from one point to the next.
    pub point_step: usize,
    /// How many channels, and the first of them.
    pub channels: (usize, usize),
    pub tiles: Tiles,
    pub epilogue: &'a Epilogue<'a>,
    /// Rows of features with the border to their left and right, from the row of `first` on.
    pub out: &'a mut [f32],
    pub row_len: usize,
    /// Values from a pixel to the next.
    pub pixel_step: usize,
    /// The first row of `out`.
    pub first_row: usize,
    pub width: usize,
}

impl<S: Scheme<N, M>, const N: usize, const M: usize> Kernel for Backward<'_, S, N, M> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let (channels, first) = self.channels;
        assert!(channels.is_multiple_of(V::LANES) && first + channels <= self.pixel_step);
        let end = (N * N - 1) * self.point_step + self.tiles.count * channels;
        assert!(self.m.len() >= end);
        for t in 0..self.tiles.count {
            let corner = self.tiles.corner(t, M);
            for c in (0..channels).step_by(V::LANES) {
                // SAFETY: the points of this tile's channels lie within, as checked above.
                let columns = unsafe {
                    let m = self.m.as_ptr().add(t * channels + c);
                    restore_tile::<V, S, N, M>(m, self.point_step)
                };
                self.write(corner, first + c, &self.epilogue.channels(first + c), &columns);
            }
        }
    }
}

/// Aᵀ m A of one tile, column by column.
///
/// # Safety
/// N² vectors can be read from `m` at this distance.
#[inline(always)]
unsafe fn restore_tile<V: Vector, S: Scheme<N, M>, const N: usize, const M: usize>(
    m: *const f32,
    step: usize,
) -> [MaybeUninit<[V; M]>; M] {
    let mut rows = [const { MaybeUninit::<[V; M]>::uninit() }; N];
    for y in 0..N {
        let mut row = [V::splat(0.0); N];
        for x in 0..N {
            // SAFETY: as the caller promises.
            row[x] = unsafe { V::load(m.add((y * N + x) * step)) };
        }
        rows[y].write(S::backward(row));
    }
    let mut columns = [const { MaybeUninit::<[V; M]>::uninit() }; M];
    for x in 0..M {
        let mut column = [V::splat(0.0); N];
        for y in 0..N {
            // SAFETY: all rows have been written.
            column[y] = unsafe { rows[y].assume_init_ref() }[x];
        }
        columns[x].write(S::backward(column));
    }
    columns
}

impl<S, const N: usize, const M: usize> Backward<'_, S, N, M> {
    /// Writes what of a tile lies within the picture.
    #[inline(always)]
    fn write<V: Vector>(
        &mut self,
        (top, left): (usize, usize),
        c: usize,
        finish: &Finish<V>,
        columns: &[MaybeUninit<[V; M]>; M],
    ) {
        let first = (top - self.first_row) * self.row_len;
        let height = (self.out.len() - first).div_ceil(self.row_len).min(M);
        let width = (self.width - left).min(M);
        for y in 0..height {
            let noise = (top + y) * self.width + left;
            let row = &mut self.out[first + y * self.row_len..][(left + 1) * self.pixel_step..];
            assert!(row.len() >= width * self.pixel_step);
            for x in 0..M.min(width) {
                // The same place of the next tile.
                V::prefetch_write(row.as_ptr().wrapping_add((x + M) * self.pixel_step + c));
                // SAFETY: all columns are written. Pixel x lies within the row, as checked above, and
                // c within its channels.
                unsafe {
                    let v = columns[x].assume_init_ref()[y];
                    let v = finish.apply(v, self.epilogue.noise(noise + x));
                    v.store(row.as_mut_ptr().add(x * self.pixel_step + c));
                }
            }
        }
    }
}
