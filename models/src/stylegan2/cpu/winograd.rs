//! 3×3 convolutions by Winograd's F(4×4, 3×3).

use rayon::prelude::*;

use super::Tools;
use super::direct;
use super::epilogue::Epilogue;
use super::features::{Buffer, Features, padded};
use super::kernel::product::{Product, Raster};
use super::kernel::winograd::{Backward, Forward, POINTS, TILE, Tiles, TransformKernels};
use super::panels::Panels;

/// Weights up to this many values stay in the caches while every thread goes through its own
/// tiles; beyond it the threads share out the 36 points, so that each weight is read once a block.
const SHARED_WEIGHTS_LEN: usize = 1 << 20;
/// Values of the transformed tiles of one thread: what stays in its second cache.
const OWN_BLOCK_LEN: usize = 1 << 16;
/// Values of the transformed tiles of a block that all threads work on.
const SHARED_BLOCK_LEN: usize = 5 << 19;
/// Kept between the points, so that they do not all fall into the same lines of the cache.
const GAP: usize = 16;

/// The weights `[outputs, inputs, 3, 3]`, transformed.
pub fn pack(tools: &Tools, weight: &[f32], (outputs, inputs): (usize, usize)) -> Panels {
    let kernels = direct::pack(tools, weight, (outputs, inputs));
    let mut panels = Panels::zeros(tools.isa, POINTS, inputs, outputs);
    let count = panels.count;
    let mut parts: Vec<Vec<&mut [f32]>> = (0..count).map(|_| Vec::new()).collect();
    let panel_len = inputs * panels.width;
    for (i, part) in panels.values_mut().chunks_exact_mut(panel_len).enumerate() {
        parts[i % count].push(part);
    }
    parts.into_par_iter().enumerate().for_each(|(i, points)| {
        let kernels = kernels.panel(0, i);
        tools.isa.run(padded(outputs), TransformKernels { kernels, points });
    });
    panels
}

/// `out` = what follows from the 3×3 convolution of `x · styles`, whose shape `out` has but for
/// the channels.
pub fn convolve(
    tools: &Tools,
    x: &Features,
    styles: &[f32],
    weights: &Panels,
    epilogue: &Epilogue<'_>,
    out: &mut Features,
) {
    let across = x.width.div_ceil(TILE);
    let job = Job { tools, x, styles, weights, epilogue, across, width: x.width };
    if weights.values().len() <= SHARED_WEIGHTS_LEN {
        job.by_tiles(out)
    } else {
        job.by_points(out)
    }
}

struct Job<'a> {
    tools: &'a Tools,
    x: &'a Features,
    styles: &'a [f32],
    weights: &'a Panels,
    epilogue: &'a Epilogue<'a>,
    /// Tiles of a row.
    across: usize,
    width: usize,
}

impl Job<'_> {
    fn outputs(&self) -> usize {
        self.weights.count * self.weights.width
    }

    /// Every thread takes rows of tiles and does all three steps, a few tiles at a time.
    fn by_tiles(&self, out: &mut Features) {
        let channels = self.x.channels.max(self.outputs());
        let block = (OWN_BLOCK_LEN / (POINTS * channels)).max(8) / 8 * 8;
        let row_len = out.row_len();
        out.par_rows_mut(TILE).enumerate().for_each(|(row, out)| {
            let (mut v, mut m) = (self.tools.buffers.take(), self.tools.buffers.take());
            for first in (0..self.across).step_by(block) {
                let count = block.min(self.across - first);
                let tiles = Tiles { across: self.across, first: row * self.across + first, count };
                let (v_step, m_step) = self.make_room(count, &mut v, &mut m);
                self.forward(tiles, &mut v, v_step);
                for point in 0..POINTS {
                    let v = &v[point * v_step..];
                    self.product(point, v, count, &mut m[point * m_step..]);
                }
                self.backward(tiles, &m, m_step, out, row_len, row * TILE);
            }
        });
    }

    /// Distances between the points of `count` tiles in `v` and `m`.
    fn make_room(&self, count: usize, v: &mut Buffer, m: &mut Buffer) -> (usize, usize) {
        let (v_step, m_step) = (count * self.x.channels + GAP, count * self.outputs() + GAP);
        v.resize(POINTS * v_step);
        m.resize(POINTS * m_step);
        (v_step, m_step)
    }

    /// All threads transform rows of tiles, then share out the points, then transform back.
    fn by_points(&self, out: &mut Features) {
        let (mut v, mut m) = (self.tools.buffers.take(), self.tools.buffers.take());
        let (across, height, row_len) = (self.across, out.height, out.row_len());
        let rows_down = height.div_ceil(TILE);
        let row_values = POINTS * across * self.x.channels.max(self.outputs());
        let block = (SHARED_BLOCK_LEN / row_values).clamp(1, rows_down);
        // At least a register tile at a time.
        let group = 8_usize.div_ceil(across).min(block);
        for (index, out) in out.rows_mut().chunks_mut(block * TILE * row_len).enumerate() {
            let first_row = index * block;
            let rows = (out.len() / row_len).div_ceil(TILE);
            let v_step = group * across * self.x.channels + GAP;
            let m_step = rows * across * self.outputs() + GAP;
            v.resize(rows.div_ceil(group) * POINTS * v_step);
            m.resize(POINTS * m_step);
            v.par_chunks_mut(POINTS * v_step).enumerate().for_each(|(i, v)| {
                let first = (first_row + i * group) * across;
                let count = group.min(rows - i * group) * across;
                self.forward(Tiles { across, first, count }, v, v_step);
            });
            m.par_chunks_mut(m_step).enumerate().for_each(|(point, m)| {
                for (i, v) in v.chunks_exact(POINTS * v_step).enumerate() {
                    let count = group.min(rows - i * group) * across;
                    let m = &mut m[i * group * across * self.outputs()..];
                    self.product(point, &v[point * v_step..], count, m);
                }
            });
            out.par_chunks_mut(TILE * row_len).enumerate().for_each(|(i, out)| {
                let tiles = Tiles { across, first: (first_row + i) * across, count: across };
                let m = &m[i * across * self.outputs()..];
                self.backward(tiles, m, m_step, out, row_len, (first_row + i) * TILE);
            });
        }
    }

    fn forward(&self, tiles: Tiles, v: &mut [f32], point_step: usize) {
        let channels = self.x.channels;
        self.tools.isa.run(
            channels,
            Forward {
                x: self.x.bordered(),
                row_len: self.x.row_len(),
                channels,
                tiles,
                styles: self.styles,
                out: v,
                point_step,
            },
        );
    }

    fn product(&self, point: usize, v: &[f32], count: usize, m: &mut [f32]) {
        for panel in 0..self.weights.count {
            self.tools.isa.run(
                self.outputs(),
                Product {
                    x: v,
                    input: Raster::line(0, self.x.channels),
                    taps: &[0],
                    channels: self.weights.depth,
                    weights: self.weights.panel(point, panel),
                    vectors: self.weights.vectors,
                    pixels: count,
                    out: m,
                    output: Raster::line(panel * self.weights.width, self.outputs()),
                    finish: None,
                },
            );
        }
    }

    fn backward(
        &self,
        tiles: Tiles,
        m: &[f32],
        point_step: usize,
        out: &mut [f32],
        row_len: usize,
        first_row: usize,
    ) {
        self.tools.isa.run(
            self.outputs(),
            Backward {
                m,
                point_step,
                channels: self.outputs(),
                tiles,
                epilogue: self.epilogue,
                out,
                row_len,
                first_row,
                width: self.width,
            },
        );
    }
}
