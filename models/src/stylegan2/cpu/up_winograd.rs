//! The up-sampling convolution by minimal filtering: t as tiles, then the resampling filter.

use std::ops::RangeInclusive;

use rayon::prelude::*;

use super::Tools;
use super::epilogue::Epilogue;
use super::features::{Buffer, Features};
use super::kernel::fir::FilterRow;
use super::kernel::product::{Product, Raster};
use super::kernel::up_winograd::{
    Backward, Block, Forward, KERNELS, OUT_TILE, PLACES, TILE, kernel_of,
};
use super::panels::Panels;

/// Weights up to this many values stay in the caches while every thread goes through its own rows
/// of tiles; beyond it the threads share out the panels, so that each weight is read once a band.
const SHARED_WEIGHTS_LEN: usize = 3 << 19;
/// Values of the transformed tiles of one thread.
const OWN_BLOCK_LEN: usize = 11 << 14;
/// Values of the transformed tiles of a band that all threads work on.
const SHARED_BLOCK_LEN: usize = 3 << 20;
/// Values of t of a band.
const BAND_LEN: usize = 1 << 19;
/// Rows of a row of tiles of t around which it holds all that the filter reads.
const INNER: RangeInclusive<usize> = 1..=5;
/// Kept between the places, so that they do not all fall into the same lines of the cache.
const GAP: usize = 16;

/// `out`, of twice the size of `x`, = what follows from the up-sampling convolution of
/// `x · styles`.
pub fn convolve(
    tools: &Tools,
    x: &Features,
    styles: &[f32],
    weights: &Panels,
    epilogue: &Epilogue<'_>,
    out: &mut Features,
) {
    assert!(x.height.is_multiple_of(TILE) && x.width.is_multiple_of(TILE));
    Job { tools, x, styles, weights, epilogue }.bands(out);
}

struct Job<'a> {
    tools: &'a Tools,
    x: &'a Features,
    styles: &'a [f32],
    weights: &'a Panels,
    epilogue: &'a Epilogue<'a>,
}

/// Where the rows of t lie: rows of tiles after each other, one more before them.
#[derive(Clone, Copy)]
struct Layout {
    /// Values of a row of one panel, from column -1 on.
    row_len: usize,
    /// From a row of tiles to the next.
    tile_step: usize,
    /// From a panel to the next.
    panel_step: usize,
}

impl Layout {
    /// Where row `i` of a panel starts, counted from the row of tiles before the band.
    fn at(&self, panel: usize, i: usize) -> usize {
        panel * self.panel_step + i / OUT_TILE * self.tile_step + i % OUT_TILE * self.row_len
    }
}

impl Job<'_> {
    fn is_shared(&self) -> bool {
        self.weights.values().len() > SHARED_WEIGHTS_LEN
    }

    /// Tiles down and across. The rule takes this algorithm only for sides that they divide.
    fn tiles(&self) -> (usize, usize) {
        (self.x.height / TILE, self.x.width / TILE)
    }

    /// Goes down in bands of rows of tiles: all of t in a band, then all rows of `out` that follow.
    fn bands(&self, out: &mut Features) {
        let (down, across) = self.tiles();
        let (panels, width) = (self.weights.count, self.weights.width);
        let row_len = (OUT_TILE * across + 3) * width;
        let band = self.band_rows(OUT_TILE * row_len * panels);
        let len = OUT_TILE * row_len;
        let layout = if self.is_shared() {
            Layout { row_len, tile_step: len, panel_step: (band + 2) * len }
        } else {
            Layout { row_len, tile_step: panels * len, panel_step: len }
        };
        let mut t = self.tools.buffers.take();
        t.resize((band + 2) * panels * len);
        for row in t.chunks_exact_mut(row_len) {
            row[..width].fill(0.0);
            row[row_len - width..].fill(0.0);
        }
        for panel in 0..panels {
            t[layout.at(panel, OUT_TILE - 1)..][..row_len].fill(0.0);
        }
        let (out_len, height) = (out.row_len(), out.height);
        let mut done = 0;
        for first in (0..down).step_by(band) {
            let rows = band.min(down - first);
            let is_last = first + rows == down;

            let known = if is_last { height } else { OUT_TILE * (first + rows) - 2 };
            if self.is_shared() {
                self.by_panels((first, rows), is_last, layout, &mut t);
            } else {
                let out = &mut out.rows_mut()[OUT_TILE * first * out_len..];
                self.by_rows((first, rows), is_last, layout, &mut t, out, out_len);
            }
            let ready = &mut out.rows_mut()[done * out_len..known * out_len];
            ready.par_chunks_mut(out_len).enumerate().for_each(|(i, out)| {
                let y = done + i;
                if self.is_shared() || !INNER.contains(&(y % OUT_TILE)) {
                    self.filter(y, y + OUT_TILE - 1 - first * OUT_TILE, layout, &t, out);
                }
            });
            done = known;
            for panel in 0..panels {
                for i in OUT_TILE - 3..OUT_TILE {
                    let from = layout.at(panel, rows * OUT_TILE + i);
                    t.copy_within(from..from + row_len, layout.at(panel, i));
                }
            }
        }
    }

    /// Rows of tiles of a band, each with so many values of t: as many for every thread.
    fn band_rows(&self, tile_row_len: usize) -> usize {
        let (down, across) = self.tiles();
        if self.is_shared() {
            let values = PLACES * PLACES * across * self.x.channels;
            return (SHARED_BLOCK_LEN / values).clamp(1, down);
        }
        let threads = rayon::current_num_threads();
        let bands = down.div_ceil((BAND_LEN / tile_row_len).max(threads));
        down.div_ceil(bands).next_multiple_of(threads)
    }

    /// All threads transform the tiles, then share out the panels.
    fn by_panels(&self, rows: (usize, usize), edge_row: bool, layout: Layout, t: &mut [f32]) {
        let block = Block { rows, columns: (0, self.tiles().1), edge_row, edge_column: true };
        let mut v = self.tools.buffers.take();
        let step = self.make_room(block, &mut v);
        v.par_chunks_mut(PLACES * step).enumerate().for_each(|(place, v)| {
            self.forward(block, place, v, step);
        });
        t.par_chunks_mut(layout.panel_step).enumerate().for_each(|(panel, t)| {
            let t = &mut t[layout.tile_step..];
            if edge_row {
                t[rows.1 * layout.tile_step + layout.row_len..][..layout.row_len].fill(0.0);
            }
            self.panel(panel, block, &v, step, t, layout.row_len);
        });
    }

    /// Every thread takes rows of tiles, a few tiles at a time, and filters what it can.
    fn by_rows(
        &self,
        rows: (usize, usize),
        edge_row: bool,
        layout: Layout,
        t: &mut [f32],
        out: &mut [f32],
        out_len: usize,
    ) {
        let (whole, edge) = t[layout.tile_step..].split_at_mut(rows.1 * layout.tile_step);
        let tile_rows = whole.par_chunks_mut(layout.tile_step).enumerate();
        tile_rows.zip(out.par_chunks_mut(OUT_TILE * out_len)).for_each(|((i, t), out)| {
            let row = rows.0 + i;
            self.tile_row((row, 1), false, layout, t);
            for (i, out) in out.chunks_exact_mut(out_len).enumerate() {
                if INNER.contains(&i) {
                    self.filter(row * OUT_TILE + i, i - 1, layout, t, out);
                }
            }
        });
        if edge_row {
            self.tile_row((rows.0 + rows.1, 0), true, layout, &mut edge[..layout.tile_step]);
        }
    }

    /// One row of tiles of t, or its lower edge.
    fn tile_row(&self, rows: (usize, usize), edge_row: bool, layout: Layout, t: &mut [f32]) {
        let across = self.tiles().1;
        let most = (OWN_BLOCK_LEN / (PLACES * PLACES * self.x.channels)).max(8);
        let columns = across.div_ceil(across.div_ceil(most)).next_multiple_of(8);
        let mut v = self.tools.buffers.take();
        for first in (0..across).step_by(columns) {
            let count = columns.min(across - first);
            let edge_column = first + count == across;
            let block = Block { rows, columns: (first, count), edge_row, edge_column };
            let step = self.make_room(block, &mut v);
            for (place, v) in v.chunks_exact_mut(PLACES * step).enumerate() {
                self.forward(block, place, v, step);
            }
            for (panel, t) in t.chunks_exact_mut(layout.panel_step).enumerate() {
                if edge_row {
                    t[layout.row_len..][..layout.row_len].fill(0.0);
                }
                self.panel(panel, block, &v, step, t, layout.row_len);
            }
        }
    }

    /// Distance between the places of a block's tiles in `v`.
    fn make_room(&self, block: Block, v: &mut Buffer) -> usize {
        let step = block.most_tiles() * self.x.channels + GAP;
        v.resize(PLACES * PLACES * step);
        step
    }

    fn forward(&self, block: Block, place: usize, v: &mut [f32], step: usize) {
        if block.num_tiles(place, 0) == 0 {
            return;
        }
        let (row_len, channels) = (self.x.row_len(), self.x.channels);
        let (x, styles) = (self.x.bordered(), self.styles);
        self.tools
            .isa
            .run(channels, Forward { x, row_len, channels, block, place, styles, out: v, step });
    }

    /// A block's part of t for one panel.
    fn panel(
        &self,
        panel: usize,
        block: Block,
        v: &[f32],
        v_step: usize,
        t: &mut [f32],
        row_len: usize,
    ) {
        let Panels { width, vectors, count, depth, .. } = *self.weights;
        let mut m = self.tools.buffers.take();
        let step = block.most_tiles() * width + GAP;
        m.resize(PLACES * PLACES * step);
        for p in 0..PLACES {
            for q in 0..PLACES {
                let place = p * PLACES + q;
                let kernel = kernel_of(p) * KERNELS + kernel_of(q);
                self.tools.isa.run(
                    count * width,
                    Product {
                        x: &v[place * v_step..],
                        input: Raster::line(0, self.x.channels),
                        taps: &[0],
                        channels: depth,
                        weights: self.weights.panel(kernel, panel),
                        vectors,
                        pixels: block.num_tiles(p, q),
                        out: &mut m[place * step..],
                        output: Raster::line(0, width),
                        finish: None,
                    },
                );
            }
        }
        self.tools.isa.run(count * width, Backward { m: &m, step, vectors, block, t, row_len });
    }

    /// Row `y` of the output from the four rows of t around it, from row `first` of `t` on.
    fn filter(&self, y: usize, first: usize, layout: Layout, t: &[f32], out: &mut [f32]) {
        let Panels { width, vectors, count, .. } = *self.weights;
        for panel in 0..count {
            let row = |i| &t[layout.at(panel, first + i)..][..layout.row_len];
            self.tools.isa.run(
                count * width,
                FilterRow {
                    rows: [row(0), row(1), row(2), row(3)],
                    vectors,
                    epilogue: self.epilogue,
                    channel: panel * width,
                    pixel: y * 2 * self.x.width,
                    width: 2 * self.x.width,
                    out: &mut out[count * width..],
                    pixel_step: count * width,
                },
            );
        }
    }
}
