//! The up-sampling convolution: a transposed convolution with stride 2 to t, one row and column
//! larger than twice the input, then the resampling filter.
//!
//! t falls into four phases by the parity of row and column, each a small convolution of its own:
//! t[2i + p] = x[i]·k[0] + x[i - 1]·k[2] for p = 0 and x[i]·k[1] for p = 1 along either axis.

use rayon::prelude::*;

use super::Tools;
use super::epilogue::Epilogue;
use super::features::Features;
use super::kernel::fir::FilterRow;
use super::kernel::product::{Product, Raster};
use super::panels::{Panels, pack_taps};

/// Up to so many rows of the input the panels are shared out among the threads, above it the rows.
const FEW_ROWS: usize = 16;
/// Rows of the output that are filtered at once.
const BAND: usize = 4;
/// Rows of t around them.
const MARGIN: usize = 3;

/// Along an axis: (how far on from the pixel before, tap of the kernel) of each phase.
const PHASES: [&[(usize, usize)]; 2] = [&[(1, 0), (0, 2)], &[(1, 1)]];

/// The weights `[outputs, inputs, 3, 3]` by phases.
pub fn pack(tools: &Tools, weight: &[f32], shape: (usize, usize)) -> [Panels; 4] {
    std::array::from_fn(|phase| {
        let taps: Vec<usize> = taps(phase).map(|(_, _, tap)| tap).collect();
        pack_taps(tools.isa, weight, shape, &taps)
    })
}

/// The taps of a phase: rows and columns on, and place in the kernel.
fn taps(phase: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    PHASES[phase / 2].iter().flat_map(move |&(dy, ky)| {
        PHASES[phase % 2].iter().map(move |&(dx, kx)| (dy, dx, ky * 3 + kx))
    })
}

/// `out`, of twice the size of `x`, = what follows from the up-sampling convolution of `x`.
pub fn convolve(
    tools: &Tools,
    x: &Features,
    weights: &[Panels; 4],
    inputs: usize,
    epilogue: &Epilogue<'_>,
    out: &mut Features,
) {
    let job = Job { tools, x, weights, inputs, epilogue };
    if x.height <= FEW_ROWS { job.by_panels(out) } else { job.by_rows(out) }
}

struct Job<'a> {
    tools: &'a Tools,
    x: &'a Features,
    weights: &'a [Panels; 4],
    inputs: usize,
    epilogue: &'a Epilogue<'a>,
}

impl Job<'_> {
    /// Values of a row of t with a zero pixel at either end, for one panel.
    fn row_len(&self) -> usize {
        (2 * self.x.width + 3) * self.weights[0].width
    }

    fn by_rows(&self, out: &mut Features) {
        let height = out.height;
        let share = (height / (2 * rayon::current_num_threads())).max(1).next_multiple_of(2 * BAND);
        let row_len = out.row_len();
        out.par_rows_mut(share).enumerate().for_each(|(i, out)| {
            let mut t = self.tools.buffers.take();
            t.resize((BAND + MARGIN) * self.row_len());
            for panel in 0..self.weights[0].count {
                self.strip(panel, i * share, &mut t, out, row_len);
            }
        });
    }

    /// One panel of the rows `first..` that `out` holds.
    fn strip(&self, panel: usize, first: usize, t: &mut [f32], out: &mut [f32], out_len: usize) {
        let len = self.row_len();
        for (band, out) in out.chunks_mut(BAND * out_len).enumerate() {
            let top = first + band * BAND;
            let known = if band == 0 {
                0
            } else {
                t.copy_within(BAND * len.., 0);
                MARGIN
            };
            // Row i of the buffer is row top - 1 + i of t.
            self.transposed(panel, (top + known) as isize - 1, &mut t[known * len..]);
            for (y, out) in out.chunks_exact_mut(out_len).enumerate() {
                self.filter(panel, top + y, &t[y * len..], out);
            }
        }
    }

    fn by_panels(&self, out: &mut Features) {
        let panel_len = (out.height + MARGIN) * self.row_len();
        let mut t = self.tools.buffers.take();
        t.resize(self.weights[0].count * panel_len);
        t.par_chunks_mut(panel_len)
            .enumerate()
            .for_each(|(panel, t)| self.transposed(panel, -1, t));
        out.par_rows_mut(1).enumerate().for_each(|(y, out)| {
            for (panel, t) in t.chunks_exact(panel_len).enumerate() {
                self.filter(panel, y, &t[y * self.row_len()..], out);
            }
        });
    }

    /// Rows `first..` of t for one panel, zeros around t.
    fn transposed(&self, panel: usize, first: isize, t: &mut [f32]) {
        let len = self.row_len();
        let last = first + (t.len() / len) as isize;
        let size = 2 * self.x.height as isize + 1;
        for (row, t) in (first..last).zip(t.chunks_exact_mut(len)) {
            let width = self.weights[0].width;
            if (0..size).contains(&row) {
                t[..width].fill(0.0);
                t[len - width..].fill(0.0);
            } else {
                t.fill(0.0);
            }
        }
        for phase in 0..4 {
            let parity = (phase / 2) as isize;
            let start = first.max(0) + (first.max(0) - parity).rem_euclid(2);
            let rows = (last.min(size) - start + 1).max(0) as usize / 2;
            if rows > 0 {
                let t = &mut t[(start - first) as usize * len..];
                self.phase(panel, phase, start as usize / 2, rows, t);
            }
        }
    }

    /// `rows` rows of a phase from its row `first` on, to every other row and column of `t`.
    fn phase(&self, panel: usize, phase: usize, first: usize, rows: usize, t: &mut [f32]) {
        let (row_step, pixel_step) = (self.x.row_len(), self.x.channels);
        let mut distances = [0; 4];
        let mut num_taps = 0;
        for (distance, (dy, dx, _)) in distances.iter_mut().zip(taps(phase)) {
            *distance = dy * row_step + dx * pixel_step;
            num_taps += 1;
        }
        let weights = &self.weights[phase];
        // An even column has a neighbour on either side, and so there is one more.
        let width = self.x.width + 1 - phase % 2;
        self.tools.isa.run(
            weights.count * weights.width,
            Product {
                x: self.x.bordered(),
                input: Raster { start: first * row_step, width, pixel_step, row_step },
                taps: &distances[..num_taps],
                channels: self.inputs,
                weights: weights.panel(0, panel),
                vectors: weights.vectors,
                pixels: rows * width,
                out: t,
                output: Raster {
                    start: (1 + phase % 2) * weights.width,
                    width,
                    pixel_step: 2 * weights.width,
                    row_step: 2 * self.row_len(),
                },
                finish: None,
            },
        );
    }

    /// Row `y` of the output from the four rows of t around it, which are the first of `t`.
    fn filter(&self, panel: usize, y: usize, t: &[f32], out: &mut [f32]) {
        let (len, channels) = (self.row_len(), self.weights[0].count * self.weights[0].width);
        self.tools.isa.run(
            channels,
            FilterRow {
                rows: std::array::from_fn(|i| &t[i * len..(i + 1) * len]),
                vectors: self.weights[0].vectors,
                epilogue: self.epilogue,
                channel: panel * self.weights[0].width,
                pixel: y * 2 * self.x.width,
                width: 2 * self.x.width,
                out: &mut out[channels..],
                pixel_step: channels,
            },
        );
    }
}
