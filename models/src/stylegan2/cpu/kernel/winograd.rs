//! The transforms of Winograd's convolution F(4×4, 3×3): 4×4 outputs from 6×6 inputs with 36
//! products instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
//! 2016, section 4.3): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A.

use super::super::epilogue::Epilogue;
use super::super::simd::{Kernel, Vector, get, put};

/// Values of a transformed tile.
pub const POINTS: usize = 36;
/// Outputs of a tile along one axis.
pub const TILE: usize = 4;

const G: [[f64; 3]; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// G g Gᵀ of a 3×3 kernel.
pub fn transform_kernel(kernel: &[f32]) -> [f32; POINTS] {
    let rows: [[f64; 3]; 6] = std::array::from_fn(|i| {
        std::array::from_fn(|x| (0..3).map(|y| G[i][y] * f64::from(kernel[y * 3 + x])).sum())
    });
    std::array::from_fn(|p| (0..3).map(|x| rows[p / 6][x] * G[p % 6][x]).sum::<f64>() as f32)
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
        let (channels, row_len) = (self.channels, self.row_len);
        for t in 0..self.tiles.count {
            let tile = self.tiles.first + t;
            let (y, x) = (tile / self.tiles.across * TILE, tile % self.tiles.across * TILE);
            let corner = &self.x[y * row_len + x * channels..];
            let corner = &corner[..5 * row_len + 6 * channels];
            for c in (0..channels).step_by(V::LANES) {
                let style = get::<V>(&self.styles[c..]);
                let rows: [[V; 6]; 6] = std::array::from_fn(|y| {
                    forward(std::array::from_fn(|x| {
                        get::<V>(&corner[y * row_len + x * channels + c..]).mul(style)
                    }))
                });
                for x in 0..6 {
                    let column = forward(std::array::from_fn(|y| rows[y][x]));
                    for (y, v) in column.into_iter().enumerate() {
                        let place = (y * 6 + x) * self.point_step + t * channels + c;
                        put(&mut self.out[place..], v);
                    }
                }
            }
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
        for c in (0..self.channels).step_by(V::LANES) {
            let finish = self.epilogue.channels::<V>(c);
            for t in 0..self.tiles.count {
                let rows: [[V; 4]; 6] = std::array::from_fn(|y| {
                    backward(std::array::from_fn(|x| {
                        let place = (y * 6 + x) * self.point_step + t * self.channels + c;
                        get(&self.m[place..])
                    }))
                });
                let columns: [[V; 4]; 4] =
                    std::array::from_fn(|x| backward(std::array::from_fn(|y| rows[y][x])));
                let tile = self.tiles.first + t;
                let corner = (tile / self.tiles.across * TILE, tile % self.tiles.across * TILE);
                self.write(corner, c, |sum, noise| finish.apply(sum, noise), &columns);
            }
        }
    }
}

impl Backward<'_> {
    /// Writes what of a tile lies within the picture.
    #[inline(always)]
    fn write<V: Vector>(
        &mut self,
        (top, left): (usize, usize),
        c: usize,
        finish: impl Fn(V, f32) -> V,
        columns: &[[V; 4]; 4],
    ) {
        let rows = self.out[(top - self.first_row) * self.row_len..].chunks_mut(self.row_len);
        for (y, row) in rows.take(TILE).enumerate() {
            for (x, column) in columns.iter().enumerate().take(self.width - left) {
                let noise = self.epilogue.noise((top + y) * self.width + left + x);
                let place = (left + x + 1) * self.channels + c;
                put(&mut row[place..], finish(column[y], noise));
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
