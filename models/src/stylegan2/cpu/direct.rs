//! Convolutions as products with the neighbourhoods, read where they lie (implicit GEMM).

use rayon::prelude::*;

use super::Tools;
use super::epilogue::Epilogue;
use super::features::Features;
use super::kernel::product::{Product, Raster};
use super::panels::{Panels, pack_taps};

/// Up to so many rows the panels are shared out among the threads, and above it the rows.
const FEW_ROWS: usize = 16;
/// Values of the input that a group of rows reads at most: what stays in a core's second cache.
const GROUP_LEN: usize = 1 << 17;

/// The weights `[outputs, inputs, 3, 3]` for [`convolve`].
pub fn pack(tools: &Tools, weight: &[f32], shape: (usize, usize)) -> Panels {
    pack_taps(tools.isa, weight, shape, &[0, 1, 2, 3, 4, 5, 6, 7, 8])
}

/// `out` = what follows from the 3×3 (or 1×1) convolution of `x`, whose shape `out` has but for
/// the channels.
pub fn convolve(
    tools: &Tools,
    x: &Features,
    weights: &Panels,
    inputs: usize,
    epilogue: Option<&Epilogue<'_>>,
    out: &mut Features,
) {
    let (row_len, step) = (x.row_len(), x.channels);
    let taps: Vec<usize> = match weights.depth / inputs {
        1 => vec![row_len + step],
        _ => (0..9).map(|tap| tap / 3 * row_len + tap % 3 * step).collect(),
    };
    let job = Job { tools, x, weights, inputs, taps: &taps, epilogue };
    if x.height <= FEW_ROWS { job.by_panels(out) } else { job.by_rows(out) }
}

struct Job<'a> {
    tools: &'a Tools,
    x: &'a Features,
    weights: &'a Panels,
    inputs: usize,
    taps: &'a [usize],
    epilogue: Option<&'a Epilogue<'a>>,
}

impl Job<'_> {
    fn by_rows(&self, out: &mut Features) {
        let (row_len, step, width) = (out.row_len(), out.channels, self.x.width);
        let shares = self.x.height / (2 * rayon::current_num_threads());
        let rows = (GROUP_LEN / self.x.row_len()).min(shares).max(1);
        out.par_rows_mut(rows).enumerate().for_each(|(i, out)| {
            let (first, num_rows) = (i * rows, out.len() / row_len);
            for panel in 0..self.weights.count {
                let start = step + panel * self.weights.width;
                let output = Raster { start, width, pixel_step: step, row_step: row_len };
                self.product(panel, first, num_rows, out, output);
            }
        });
    }

    fn by_panels(&self, out: &mut Features) {
        let (width, len) = (self.x.width, self.weights.width);
        let panel_len = self.x.height * width * len;
        let mut results = self.tools.buffers.take();
        results.resize(self.weights.count * panel_len);
        results.par_chunks_mut(panel_len).enumerate().for_each(|(panel, results)| {
            self.product(panel, 0, self.x.height, results, Raster::line(0, len));
        });
        let step = out.channels;
        out.par_rows_mut(1).enumerate().for_each(|(y, row)| {
            for (panel, results) in results.chunks_exact(panel_len).enumerate() {
                let results = results[y * width * len..].chunks_exact(len).take(width);
                let pixels = row[step..].chunks_exact_mut(step);
                for (pixel, results) in pixels.zip(results) {
                    pixel[panel * len..(panel + 1) * len].copy_from_slice(results);
                }
            }
        });
    }

    /// One panel against some rows.
    fn product(&self, panel: usize, first: usize, rows: usize, out: &mut [f32], output: Raster) {
        let (row_step, pixel_step, width) = (self.x.row_len(), self.x.channels, self.x.width);
        let channels = self.weights.count * self.weights.width;
        let finish = |e| (e, panel * self.weights.width, first * width);
        self.tools.isa.run(
            channels,
            Product {
                x: self.x.bordered(),
                input: Raster { start: first * row_step, width, pixel_step, row_step },
                taps: self.taps,
                channels: self.inputs,
                weights: self.weights.panel(0, panel),
                vectors: self.weights.vectors,
                pixels: rows * width,
                out,
                output,
                finish: self.epilogue.map(finish),
            },
        );
    }
}
