//! 3×3 convolutions by Winograd's algorithm.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::Tools;
use super::direct;
use super::epilogue::Epilogue;
use super::features::{Features, padded};
use super::kernel::product::{Product, Raster};
use super::kernel::winograd::{Backward, Forward, Scheme, Spread, Tiles, TransformKernels};
use super::panels::Panels;

/// Weights up to this many values stay in the caches while every thread goes through its own
/// tiles; beyond it the threads share out the points, so that each weight is read once a block.
const SHARED_WEIGHTS_LEN: usize = 1 << 20;
/// Values of the transformed tiles of one thread: what stays in its second cache.
const OWN_BLOCK_LEN: usize = 3 << 16;
/// Values of the transformed tiles of a block that all threads work on.
const SHARED_BLOCK_LEN: usize = 5 << 19;
/// Kept between the points, so that they do not all fall into the same lines of the cache.
const GAP: usize = 16;

/// The weights `[outputs, inputs, 3, 3]`, transformed.
pub fn pack<S: Spread<N>, const N: usize>(
    tools: &Tools,
    _scheme: S,
    weight: &[f32],
    (outputs, inputs): (usize, usize),
) -> Panels {
    let kernels = direct::pack(tools, weight, (outputs, inputs));
    let mut panels = Panels::zeros(tools.isa, N * N, inputs, outputs);
    let count = panels.count;
    let mut parts: Vec<Vec<&mut [f32]>> = (0..count).map(|_| Vec::new()).collect();
    let panel_len = inputs * panels.width;
    for (i, part) in panels.values_mut().chunks_exact_mut(panel_len).enumerate() {
        parts[i % count].push(part);
    }
    parts.into_par_iter().enumerate().for_each(|(i, points)| {
        let kernels = kernels.panel(0, i);
        tools
            .isa
            .run(padded(outputs), TransformKernels { kernels, points, scheme: PhantomData::<S> });
    });
    panels
}

/// `out` = what follows from the 3×3 convolution of `x · styles`, whose shape `out` has but for
/// the channels.
pub fn convolve<S: Scheme<N, M>, const N: usize, const M: usize>(
    tools: &Tools,
    _scheme: S,
    x: &Features,
    styles: &[f32],
    weights: &Panels,
    epilogue: &Epilogue<'_>,
    out: &mut Features,
) {
    let across = x.width.div_ceil(M);
    let job = Job {
        tools,
        scheme: PhantomData::<S>,
        x,
        styles,
        weights,
        epilogue,
        across,
        width: x.width,
    };
    if weights.values().len() <= SHARED_WEIGHTS_LEN {
        job.by_tiles(out)
    } else {
        job.by_points(out)
    }
}

struct Job<'a, S, const N: usize, const M: usize> {
    tools: &'a Tools,
    scheme: PhantomData<S>,
    x: &'a Features,
    styles: &'a [f32],
    weights: &'a Panels,
    epilogue: &'a Epilogue<'a>,
    /// Tiles of a row.
    across: usize,
    width: usize,
}

impl<S: Scheme<N, M>, const N: usize, const M: usize> Job<'_, S, N, M> {
    /// Points of a tile.
    const POINTS: usize = N * N;

    fn outputs(&self) -> usize {
        self.weights.count * self.weights.width
    }

    /// Every thread takes rows of tiles and does all three steps, a few tiles and then a panel at a
    /// time.
    fn by_tiles(&self, out: &mut Features) {
        let most = (OWN_BLOCK_LEN / (Self::POINTS * self.x.channels)).max(8);
        let block = self.across.div_ceil(self.across.div_ceil(most)).next_multiple_of(8);
        let row_len = out.row_len();
        out.par_rows_mut(M).enumerate().for_each(|(row, out)| {
            let (mut v, mut m) = (self.tools.buffers.take(), self.tools.buffers.take());
            for first in (0..self.across).step_by(block) {
                let count = block.min(self.across - first);
                let tiles = Tiles { across: self.across, first: row * self.across + first, count };
                let v_step = count * self.x.channels + GAP;
                let m_step = count * self.weights.width + GAP;
                v.resize(Self::POINTS * v_step);
                m.resize(Self::POINTS * m_step);
                self.forward(tiles, &mut v, v_step);
                for panel in 0..self.weights.count {
                    let (start, width) = (panel * self.weights.width, self.weights.width);
                    for (point, m) in m.chunks_exact_mut(m_step).enumerate() {
                        self.product(point, panel, &v[point * v_step..], count, m, (0, width));
                    }
                    self.backward(tiles, &m, m_step, (width, start), out, row_len, row * M);
                }
            }
        });
    }

    /// All threads transform rows of tiles, then share out the points, then transform back.
    fn by_points(&self, out: &mut Features) {
        let (mut v, mut m) = (self.tools.buffers.take(), self.tools.buffers.take());
        let (across, height, row_len) = (self.across, out.height, out.row_len());
        let (rows_down, outputs) = (height.div_ceil(M), self.outputs());
        let row_values = Self::POINTS * across * self.x.channels.max(self.outputs());
        let block = (SHARED_BLOCK_LEN / row_values).clamp(1, rows_down);
        // At least a register tile at a time.
        let group = 8_usize.div_ceil(across).min(block);
        for (index, out) in out.rows_mut().chunks_mut(block * M * row_len).enumerate() {
            let first_row = index * block;
            let rows = (out.len() / row_len).div_ceil(M);
            let v_step = group * across * self.x.channels + GAP;
            let m_step = rows * across * outputs + GAP;
            v.resize(rows.div_ceil(group) * Self::POINTS * v_step);
            m.resize(Self::POINTS * m_step);
            v.par_chunks_mut(Self::POINTS * v_step).enumerate().for_each(|(i, v)| {
                let first = (first_row + i * group) * across;
                let count = group.min(rows - i * group) * across;
                self.forward(Tiles { across, first, count }, v, v_step);
            });
            m.par_chunks_mut(m_step).enumerate().for_each(|(point, m)| {
                for (i, v) in v.chunks_exact(Self::POINTS * v_step).enumerate() {
                    let count = group.min(rows - i * group) * across;
                    let m = &mut m[i * group * across * outputs..];
                    for panel in 0..self.weights.count {
                        let place = (panel * self.weights.width, outputs);
                        self.product(point, panel, &v[point * v_step..], count, m, place);
                    }
                }
            });
            out.par_chunks_mut(M * row_len).enumerate().for_each(|(i, out)| {
                let tiles = Tiles { across, first: (first_row + i) * across, count: across };
                let m = &m[i * across * outputs..];
                let first_row = (first_row + i) * M;
                self.backward(tiles, m, m_step, (outputs, 0), out, row_len, first_row);
            });
        }
    }

    fn forward(&self, tiles: Tiles, v: &mut [f32], point_step: usize) {
        let channels = self.x.channels;
        self.tools.isa.run(
            channels,
            Forward {
                scheme: self.scheme,
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

    /// One panel of a point; `place` is the panel's in a pixel of `m`, and the pixels' distance.
    fn product(
        &self,
        point: usize,
        panel: usize,
        v: &[f32],
        count: usize,
        m: &mut [f32],
        place: (usize, usize),
    ) {
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
                output: Raster::line(place.0, place.1),
                finish: None,
            },
        );
    }

    #[allow(clippy::too_many_arguments)]
    fn backward(
        &self,
        tiles: Tiles,
        m: &[f32],
        point_step: usize,
        channels: (usize, usize),
        out: &mut [f32],
        row_len: usize,
        first_row: usize,
    ) {
        self.tools.isa.run(
            self.outputs(),
            Backward {
                scheme: self.scheme,
                m,
                point_step,
                channels,
                tiles,
                epilogue: self.epilogue,
                out,
                row_len,
                pixel_step: self.outputs(),
                first_row,
                width: self.width,
            },
        );
    }
}
