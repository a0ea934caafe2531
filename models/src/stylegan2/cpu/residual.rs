//! The residual branch of a block: a 1×1 convolution, then twice the size.

use rayon::prelude::*;

use super::Tools;
use super::direct;
use super::features::{Features, Lease};
use super::kernel::fir::AddUpsampledRow;
use super::panels::Panels;

/// The 1×1 convolution.
pub struct Residual {
    /// `[inputs, outputs]` with its gain.
    weight: Panels,
}

impl Residual {
    /// From the mix `[outputs, inputs]`.
    pub fn new(tools: &Tools, mix: &[f32], inputs: usize, outputs: usize) -> Self {
        let gain = 1.0 / (inputs as f32).sqrt();
        Self { weight: Panels::transposed(tools.isa, mix, inputs, outputs, gain) }
    }

    /// The mixed channels of `x`.
    pub fn mix<'a>(&self, tools: &'a Tools, x: &Features) -> Lease<'a, Features> {
        let mut mixed = tools.features.take();
        mixed.reshape(x.height, x.width, self.weight.count * self.weight.width);
        direct::convolve(tools, x, &self.weight, self.weight.depth, None, &mut mixed);
        mixed
    }
}

/// Adds `mixed` at twice its size, times √½, to `x`.
pub fn add_upsampled(tools: &Tools, mixed: &Features, x: &mut Features) {
    let (row_len, channels, width) = (mixed.row_len(), mixed.channels, x.width);
    let gain = std::f32::consts::FRAC_1_SQRT_2;
    x.par_rows_mut(1).enumerate().for_each(|(y, row)| {
        let row_at = |i: usize| &mixed.bordered()[i * row_len..(i + 1) * row_len];
        let rows = [row_at(y / 2 + 1), row_at(y / 2 + 2 * (y % 2))];
        let out = &mut row[channels..];
        tools.isa.run(channels, AddUpsampledRow { rows, channels, width, out, gain });
    });
}
