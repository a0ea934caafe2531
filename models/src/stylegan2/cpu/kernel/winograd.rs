//! The transforms of Winograd's convolution F(4×4, 3×3): 4×4 outputs from 6×6 inputs with 36
//! products instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
//! 2016, section 4.3): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A.
#![allow(unsafe_code)] // checks its bounds once a tile, not at every value

use super::super::epilogue::{Epilogue, Finish};
use super::super::simd::{Kernel, Vector, get, put};

/// Values of a transformed tile.
pub const POINTS: usize = 36;
/// Outputs of a tile along one axis.
pub const TILE: usize = 4;

/// G g Gᵀ of one panel of 3×3 kernels.
pub struct TransformKernels<'a> {
    /// `[9, inputs, outputs]`.
    pub kernels: &'a [f32],
    /// The panel's part of each of the 36 points, `[inputs, outputs]`.
    pub points: Vec<&'a mut [f32]>,
}

impl Kernel for TransformKernels<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let len = self.kernels.len() / 9;
        for place in (0..len).step_by(V::LANES) {
            let mut rows = [[V::splat(0.0); 6]; 3];
            for y in 0..3 {
                let tap = |x: usize| &self.kernels[(y * 3 + x) * len + place..];
                rows[y] = spread(get(tap(0)), get(tap(1)), get(tap(2)));
            }
            for x in 0..6 {
                let column = spread(rows[0][x], rows[1][x], rows[2][x]);
                for y in 0..6 {
                    put(&mut self.points[y * 6 + x][place..], column[y]);
                }
            }
        }
    }
}

/// G g.
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

/// Bᵀ d B of tiles, times the styles.
pub struct Forward<'a> {
    /// Features with their border.
    pub x: &'a [f32],
    pub row_len: usize,
    pub channels: usize,
    pub tiles: Tiles,
    /// Factor of each channel.
    pub styles: &'a [f32],
    /// `[36, tiles, channels]`.
    pub out: &'a mut [f32],
    /// Values from one of the 36 to the next.
    pub point_step: usize,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let (channels, row_len, step) = (self.channels, self.row_len, self.point_step);
        assert!(channels.is_multiple_of(V::LANES) && self.styles.len() >= channels);
        for t in 0..self.tiles.count {
            let tile = self.tiles.first + t;
            let (y, x) = (tile / self.tiles.across * TILE, tile % self.tiles.across * TILE);
            let corner = &self.x[y * row_len + x * channels..];
            let out = &mut self.out[t * channels..];
            assert!(corner.len() >= 5 * row_len + 6 * channels);
            assert!(out.len() >= (POINTS - 1) * step + channels);
            for c in (0..channels).step_by(V::LANES) {
                // SAFETY: 6×6 pixels of these channels and 36 points lie within, as checked above.
                unsafe {
                    let style = V::load(self.styles.as_ptr().add(c));
                    let corner = corner.as_ptr().add(c);
                    let out = out.as_mut_ptr().add(c);
                    transform_tile(corner, row_len, channels, style, out, step);
                }
            }
        }
    }
}

/// Bᵀ d B of one tile.
///
/// # Safety
/// 6×6 vectors can be read from `corner`, and 36 written to `out`, at these distances.
#[inline(always)]
unsafe fn transform_tile<V: Vector>(
    corner: *const f32,
    row_len: usize,
    channels: usize,
    style: V,
    out: *mut f32,
    step: usize,
) {
    let mut d = [[style; 6]; 6];
    for y in 0..6 {
        for x in 0..6 {
            // SAFETY: as the caller promises.
            d[y][x] = unsafe { V::load(corner.add(y * row_len + x * channels)) }.mul(style);
        }
        d[y] = forward(d[y]);
    }
    for x in 0..6 {
        let column = forward([d[0][x], d[1][x], d[2][x], d[3][x], d[4][x], d[5][x]]);
        for y in 0..6 {
            // SAFETY: as the caller promises.
            unsafe { column[y].store(out.add((y * 6 + x) * step)) };
        }
    }
}

/// Bᵀ d.
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

/// Aᵀ m A of tiles, and what follows.
pub struct Backward<'a> {
    /// `[36, tiles, channels]`.
    pub m: &'a [f32],
    /// Values from one of the 36 to the next.
    pub point_step: usize,
    pub channels: usize,
    pub tiles: Tiles,
    pub epilogue: &'a Epilogue<'a>,
    /// Rows of features with the border to their left and right, from the row of `first` on.
    pub out: &'a mut [f32],
    pub row_len: usize,
    /// The first row of `out`.
    pub first_row: usize,
    pub width: usize,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        assert!(self.channels.is_multiple_of(V::LANES));
        let end = (POINTS - 1) * self.point_step + self.tiles.count * self.channels;
        assert!(self.m.len() >= end);
        for c in (0..self.channels).step_by(V::LANES) {
            let finish = self.epilogue.channels::<V>(c);
            for t in 0..self.tiles.count {
                // SAFETY: the 36 points of this tile's channels lie within, as checked above.
                let columns = unsafe {
                    let m = self.m.as_ptr().add(t * self.channels + c);
                    restore_tile::<V>(m, self.point_step)
                };
                let tile = self.tiles.first + t;
                let corner = (tile / self.tiles.across * TILE, tile % self.tiles.across * TILE);
                self.write(corner, c, &finish, &columns);
            }
        }
    }
}

/// Aᵀ m A of one tile, column by column.
///
/// # Safety
/// 36 vectors can be read from `m` at this distance.
#[inline(always)]
unsafe fn restore_tile<V: Vector>(m: *const f32, step: usize) -> [[V; 4]; 4] {
    let mut rows = [[V::splat(0.0); 4]; 6];
    for y in 0..6 {
        let mut row = [V::splat(0.0); 6];
        for x in 0..6 {
            // SAFETY: as the caller promises.
            row[x] = unsafe { V::load(m.add((y * 6 + x) * step)) };
        }
        rows[y] = backward(row);
    }
    let mut columns = [[V::splat(0.0); 4]; 4];
    for x in 0..4 {
        let [a, b, c, d, e, f] = &rows;
        columns[x] = backward([a[x], b[x], c[x], d[x], e[x], f[x]]);
    }
    columns
}

impl Backward<'_> {
    /// Writes what of a tile lies within the picture.
    #[inline(always)]
    fn write<V: Vector>(
        &mut self,
        (top, left): (usize, usize),
        c: usize,
        finish: &Finish<V>,
        columns: &[[V; 4]; 4],
    ) {
        let first = (top - self.first_row) * self.row_len;
        let height = (self.out.len() - first).div_ceil(self.row_len).min(TILE);
        let width = (self.width - left).min(TILE);
        for y in 0..height {
            let noise = (top + y) * self.width + left;
            let row = &mut self.out[first + y * self.row_len..][(left + 1) * self.channels..];
            assert!(row.len() >= width * self.channels);
            for x in 0..TILE.min(width) {
                let v = finish.apply(columns[x][y], self.epilogue.noise(noise + x));
                // SAFETY: pixel x lies within the row, as checked above, and c within its channels.
                unsafe { v.store(row.as_mut_ptr().add(x * self.channels + c)) };
            }
        }
    }
}

/// Aᵀ m.
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
