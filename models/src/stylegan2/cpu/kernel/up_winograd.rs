//! The transforms of the up-sampling convolution's minimal filtering.
//!
//! Along an axis, the transposed convolution t of x with stride 2 and kernel (k0, k1, k2) is
//! t[2i] = x[i]·k0 + x[i - 1]·k2 and t[2i + 1] = x[i]·k1. A tile of 4 inputs gives 4 even outputs
//! with 5 products, by Winograd's F(4, 2) with the points 0, 1, -1, 2 and ∞, and 4 odd ones with 4:
//! 9 places, 81 products on both axes where the phases take 144.
#![allow(unsafe_code)] // checks its bounds once a tile, not at every value

use super::super::simd::{Kernel, Vector};
use super::winograd::Spread;

/// Kernels along an axis: one for each point, one for the odd outputs.
pub const KERNELS: usize = 6;
/// Inputs of a tile along an axis.
pub const TILE: usize = 4;
/// Outputs of a tile along an axis.
pub const OUT_TILE: usize = 2 * TILE;
/// Products of a tile along an axis: the points of the even outputs, then the odd outputs.
pub const PLACES: usize = 9;
/// Points of the even outputs.
const EVEN: usize = 5;

/// Of the place along an axis, the inputs from the one before the tile on.
const INPUTS: [[f32; 5]; PLACES] = [
    [2.0, -1.0, -2.0, 1.0, 0.0],
    [0.0, -2.0, -1.0, 1.0, 0.0],
    [0.0, 2.0, -3.0, 1.0, 0.0],
    [0.0, -1.0, 0.0, 1.0, 0.0],
    [0.0, 2.0, -1.0, -2.0, 1.0],
    [0.0, 1.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 1.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 1.0],
];

/// The kernel along an axis that belongs to a place: one for each point, one for the odd outputs.
pub fn kernel_of(place: usize) -> usize {
    place.min(EVEN)
}

/// The kernels of the points, then that of the odd outputs.
#[derive(Clone, Copy)]
pub struct ByPhases;

impl Spread<6> for ByPhases {
    #[inline(always)]
    fn spread<V: Vector>(a: V, b: V, c: V) -> [V; 6] {
        let (half, sixth) = (V::splat(0.5), V::splat(1.0 / 6.0));
        [
            c.mul(half),
            a.add(c).mul(V::splat(-0.5)),
            a.sub(c).mul(sixth),
            a.mul_add(V::splat(2.0), c).mul(sixth),
            a,
            b,
        ]
    }
}

/// Tiles of a picture that are computed at once. t reaches one beyond the last tile of a side: this
/// edge depends on the last input alone, and so on the first point alone, and is handled as tiles
/// that have but this place along that axis.
#[derive(Clone, Copy)]
pub struct Block {
    /// The first row of tiles, and how many.
    pub rows: (usize, usize),
    /// The first column of tiles, and how many.
    pub columns: (usize, usize),
    /// Whether the edge below them belongs to it.
    pub edge_row: bool,
    /// Whether the edge to their right belongs to it.
    pub edge_column: bool,
}

impl Block {
    /// How many tiles have the place (p, q): the whole ones, those of the right edge, those of the
    /// lower edge, their corner.
    pub fn num_tiles(&self, p: usize, q: usize) -> usize {
        let rows = self.rows.1 + usize::from(self.edge_row && p == 0);
        let columns = self.columns.1 + usize::from(self.edge_column && q == 0);
        rows * columns
    }

    /// Most tiles of a place.
    pub fn most_tiles(&self) -> usize {
        self.num_tiles(0, 0)
    }

    /// Where a place's tile of the right edge, of the lower edge and of the corner come.
    fn edges(&self, q: usize) -> (usize, usize, usize) {
        let whole = self.rows.1 * self.columns.1;
        let below = whole + if self.edge_column && q == 0 { self.rows.1 } else { 0 };
        (whole, below, below + self.columns.1)
    }
}

/// The inputs of the places (p, 0..9) of a block, times the styles.
pub struct Forward<'a> {
    /// Features with their border.
    pub x: &'a [f32],
    pub row_len: usize,
    pub channels: usize,
    pub block: Block,
    /// The place p along the columns.
    pub place: usize,
    /// Factor of each channel.
    pub styles: &'a [f32],
    /// `[9, tiles, channels]`.
    pub out: &'a mut [f32],
    /// Values from one of the 9 to the next.
    pub step: usize,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let Block { rows, columns, edge_row, edge_column } = self.block;
        let tiles = self.block.most_tiles();
        assert!(self.channels.is_multiple_of(V::LANES) && self.styles.len() >= self.channels);
        assert!(tiles == 0 || self.out.len() >= (PLACES - 1) * self.step + tiles * self.channels);
        for row in 0..rows.1 {
            let y = (rows.0 + row) * TILE;
            for column in 0..columns.1 {
                let tile = row * columns.1 + column;
                self.tile::<V, 5>((y, columns.0 + column), INPUTS[self.place], [tile; 2]);
            }
            if edge_column {
                let tile = rows.1 * columns.1 + row;
                self.edge::<V, 5>((y, columns.0 + columns.1), INPUTS[self.place], tile);
            }
        }
        if edge_row && self.place == 0 {
            let y = (rows.0 + rows.1) * TILE;
            let (first, others) = (self.block.edges(0), self.block.edges(1));
            for column in 0..columns.1 {
                let tiles = [first.1 + column, others.1 + column];
                self.tile::<V, 1>((y, columns.0 + column), [2.0], tiles);
            }
            if edge_column {
                self.edge::<V, 1>((y, columns.0 + columns.1), [2.0], first.2);
            }
        }
    }
}

impl Forward<'_> {
    /// A tile from its first `N` rows; `tiles` is its number at place 0 and at all others.
    #[inline(always)]
    fn tile<V: Vector, const N: usize>(
        &mut self,
        (y, column): (usize, usize),
        factors: [f32; N],
        tiles: [usize; 2],
    ) {
        let (channels, row_len, step) = (self.channels, self.row_len, self.step);
        let corner = &self.x[y * row_len + column * TILE * channels..];
        assert!(corner.len() >= (N - 1) * row_len + 5 * channels);
        assert!(tiles[0].max(tiles[1]) < self.block.most_tiles());
        for c in (0..channels).step_by(V::LANES) {
            // SAFETY: N rows of 5 pixels lie within the corner, and the tiles within the 9 places,
            // as checked here and by the caller.
            unsafe {
                let style = V::load(self.styles.as_ptr().add(c));
                let mut d = [style; 5];
                for x in 0..5 {
                    let pixel = corner.as_ptr().add(x * channels + c);
                    d[x] = combine::<V, N>(pixel, row_len, &factors).mul(style);
                }
                let out = self.out.as_mut_ptr().add(c);
                let even = forward(d);
                even[0].store(out.add(tiles[0] * channels));
                let out = out.add(tiles[1] * channels);
                for q in 1..EVEN {
                    even[q].store(out.add(q * step));
                }
                for q in EVEN..PLACES {
                    d[q - EVEN + 1].store(out.add(q * step));
                }
            }
        }
    }

    /// A tile of the right edge from its first `N` rows.
    #[inline(always)]
    fn edge<V: Vector, const N: usize>(
        &mut self,
        (y, column): (usize, usize),
        factors: [f32; N],
        tile: usize,
    ) {
        let (channels, row_len) = (self.channels, self.row_len);
        let corner = &self.x[y * row_len + column * TILE * channels..];
        assert!(corner.len() >= (N - 1) * row_len + channels);
        assert!(tile < self.block.most_tiles());
        for c in (0..channels).step_by(V::LANES) {
            // SAFETY: as for a whole tile, with one pixel a row.
            unsafe {
                let style = V::load(self.styles.as_ptr().add(c));
                let sum: V = combine(corner.as_ptr().add(c), row_len, &factors);
                let out = self.out.as_mut_ptr().add(tile * channels + c);
                sum.mul(style).mul(V::splat(2.0)).store(out);
            }
        }
    }
}

/// Σ factor · the vector in that row.
///
/// # Safety
/// A vector can be read from `pixel` in each row.
#[inline(always)]
unsafe fn combine<V: Vector, const N: usize>(
    pixel: *const f32,
    row_len: usize,
    factors: &[f32; N],
) -> V {
    let mut sum = V::splat(0.0);
    for y in 0..N {
        if factors[y] != 0.0 {
            // SAFETY: as the caller promises.
            sum = unsafe { V::load(pixel.add(y * row_len)) }.mul_add(V::splat(factors[y]), sum);
        }
    }
    sum
}

/// The points of the even outputs: the first rows of [`INPUTS`].
#[inline(always)]
fn forward<V: Vector>(d: [V; 5]) -> [V; EVEN] {
    let two = V::splat(2.0);
    let (a, b) = (d[3].sub(d[1]), d[1].sub(d[2]));
    [
        d[0].sub(d[2]).mul_add(two, a),
        a.sub(d[1].add(d[2])),
        b.mul_add(V::splat(3.0), a),
        a,
        a.mul_add(V::splat(-2.0), d[4].sub(d[2])),
    ]
}

/// Rows of t for one panel from the products of a block.
pub struct Backward<'a> {
    /// `[9, 9, tiles, vectors · lanes]`.
    pub m: &'a [f32],
    /// Values from one of the 81 to the next.
    pub step: usize,
    /// Vectors of the panel.
    pub vectors: usize,
    pub block: Block,
    /// From the block's first row on, `[rows, row_len]`: pixels from column -1 of t on.
    pub t: &'a mut [f32],
    pub row_len: usize,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let Block { rows, columns, edge_row, edge_column } = self.block;
        let width = self.vectors * V::LANES;
        let tiles = self.block.most_tiles();
        assert!(tiles == 0 || self.m.len() >= (PLACES * PLACES - 1) * self.step + tiles * width);
        let last = (columns.0 + columns.1) * OUT_TILE + usize::from(edge_column);
        assert!(self.row_len > last * width);
        let num_rows = rows.1 * OUT_TILE + usize::from(edge_row);
        assert!(self.t.len() >= num_rows * self.row_len);
        for v in (0..width).step_by(V::LANES) {
            // SAFETY: the tiles' products and their pixels of t lie within, as checked above.
            unsafe {
                for row in 0..rows.1 {
                    for column in 0..columns.1 {
                        self.tile::<V>(row, column, v);
                    }
                    if edge_column {
                        self.right::<V>(row, v);
                    }
                }
                if edge_row {
                    self.lower::<V>(v);
                }
            }
        }
    }
}

impl Backward<'_> {
    /// The products of a place.
    ///
    /// # Safety
    /// They lie within `m`.
    #[inline(always)]
    unsafe fn get<V: Vector>(&self, (p, q): (usize, usize), tile: usize, v: usize) -> V {
        let place = (p * PLACES + q) * self.step + tile * self.vectors * V::LANES + v;
        // SAFETY: as the caller promises.
        unsafe { V::load(self.m.as_ptr().add(place)) }
    }

    /// Writes a pixel of t.
    ///
    /// # Safety
    /// It lies within `t`.
    #[inline(always)]
    unsafe fn put<V: Vector>(&mut self, (y, x): (usize, usize), v: usize, value: V) {
        let place = y * self.row_len + (x + 1) * self.vectors * V::LANES + v;
        let pixel = self.t.as_mut_ptr().wrapping_add(place);
        // The same place of the next tile.
        V::prefetch_write(pixel.wrapping_add(OUT_TILE * self.vectors * V::LANES));
        // SAFETY: as the caller promises.
        unsafe { value.store(pixel) };
    }

    /// # Safety
    /// The tile lies within `m` and `t`, as for the others.
    #[inline(always)]
    unsafe fn tile<V: Vector>(&mut self, row: usize, column: usize, v: usize) {
        let Block { columns, .. } = self.block;
        let tile = row * columns.1 + column;
        let mut lines = [[V::splat(0.0); OUT_TILE]; PLACES];
        for q in 0..PLACES {
            let mut m = [V::splat(0.0); PLACES];
            for p in 0..PLACES {
                // SAFETY: as the caller promises.
                m[p] = unsafe { self.get((p, q), tile, v) };
            }
            lines[q] = backward(m);
        }
        for y in 0..OUT_TILE {
            let mut m = [V::splat(0.0); PLACES];
            for q in 0..PLACES {
                m[q] = lines[q][y];
            }
            let out = backward(m);
            for x in 0..OUT_TILE {
                let place = (row * OUT_TILE + y, (columns.0 + column) * OUT_TILE + x);
                // SAFETY: as the caller promises.
                unsafe { self.put(place, v, out[x]) };
            }
        }
    }

    /// # Safety
    /// As above.
    #[inline(always)]
    unsafe fn right<V: Vector>(&mut self, row: usize, v: usize) {
        let Block { columns, .. } = self.block;
        let tile = self.block.edges(0).0 + row;
        let mut m = [V::splat(0.0); PLACES];
        for p in 0..PLACES {
            // SAFETY: as the caller promises.
            m[p] = unsafe { self.get((p, 0), tile, v) };
        }
        let out = backward(m);
        for y in 0..OUT_TILE {
            let place = (row * OUT_TILE + y, (columns.0 + columns.1) * OUT_TILE);
            // SAFETY: as the caller promises.
            unsafe { self.put(place, v, out[y]) };
        }
    }

    /// # Safety
    /// As above.
    #[inline(always)]
    unsafe fn lower<V: Vector>(&mut self, v: usize) {
        let Block { rows, columns, edge_column, .. } = self.block;
        let y = rows.1 * OUT_TILE;
        for column in 0..columns.1 {
            let mut m = [V::splat(0.0); PLACES];
            for q in 0..PLACES {
                let tile = self.block.edges(q).1 + column;
                // SAFETY: as the caller promises.
                m[q] = unsafe { self.get((0, q), tile, v) };
            }
            let out = backward(m);
            for x in 0..OUT_TILE {
                let place = (y, (columns.0 + column) * OUT_TILE + x);
                // SAFETY: as the caller promises.
                unsafe { self.put(place, v, out[x]) };
            }
        }
        if edge_column {
            let tile = self.block.edges(0).2;
            let place = (y, (columns.0 + columns.1) * OUT_TILE);
            // SAFETY: as the caller promises.
            unsafe {
                let corner = self.get::<V>((0, 0), tile, v);
                self.put(place, v, corner);
            }
        }
    }
}

/// The outputs along an axis, even and odd ones in turn.
#[inline(always)]
fn backward<V: Vector>(m: [V; PLACES]) -> [V; OUT_TILE] {
    let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
    [
        m[0].add(sum).add(m[3]),
        m[5],
        m[3].mul_add(V::splat(2.0), difference),
        m[6],
        m[3].mul_add(V::splat(4.0), sum),
        m[7],
        m[3].mul_add(V::splat(8.0), difference.add(m[4])),
        m[8],
    ]
}
