//! Weights as the products read them.

use rayon::prelude::*;

use super::features::{Buffer, padded};
use super::simd::Isa;

/// Matrices `[depth, outputs]` cut into panels of a few vectors of outputs,
/// `[groups, panels, depth, width]`, zeros where the outputs are padded.
#[derive(Clone, Default)]
pub struct Panels {
    data: Buffer,
    pub depth: usize,
    /// Outputs of a panel.
    pub width: usize,
    /// Vectors of a panel.
    pub vectors: usize,
    /// Panels of a group.
    pub count: usize,
}

impl Panels {
    /// Zeros for `groups` matrices.
    pub fn zeros(isa: Isa, groups: usize, depth: usize, outputs: usize) -> Self {
        let outputs = padded(outputs);
        let (lanes, vectors) = isa.panel(outputs);
        let width = lanes * vectors;
        let data = Buffer::zeros(groups * depth * outputs);
        Self { data, depth, width, vectors, count: outputs / width }
    }

    /// One matrix from its transposed values, `[outputs, depth]`, times `gain`.
    pub fn transposed(isa: Isa, values: &[f32], depth: usize, outputs: usize, gain: f32) -> Self {
        let mut panels = Self::zeros(isa, 1, depth, outputs);
        let width = panels.width;
        panels.par_panels_mut().enumerate().for_each(|(i, panel)| {
            let rows = values.chunks_exact(depth).skip(i * width).take(width);
            for (o, row) in rows.enumerate() {
                for (to, from) in panel.chunks_exact_mut(width).zip(row) {
                    to[o] = from * gain;
                }
            }
        });
        panels
    }

    /// Panel `i` of `group`, `[depth, width]`.
    pub fn panel(&self, group: usize, i: usize) -> &[f32] {
        let len = self.depth * self.width;
        &self.data[(group * self.count + i) * len..][..len]
    }

    /// All panels of all groups in order.
    pub fn par_panels_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [f32]> + use<'_> {
        self.data.par_chunks_mut(self.depth * self.width)
    }

    /// Everything.
    pub fn values(&self) -> &[f32] {
        &self.data
    }

    /// Everything.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

/// Gathers some taps of the kernels `weight` `[outputs, inputs, 3, 3]` into panels of depth
/// `taps · inputs`.
pub fn pack_taps(
    isa: Isa,
    weight: &[f32],
    (outputs, inputs): (usize, usize),
    taps: &[usize],
) -> Panels {
    let mut panels = Panels::zeros(isa, 1, taps.len() * inputs, outputs);
    let width = panels.width;
    panels.par_panels_mut().enumerate().for_each(|(i, panel)| {
        let kernels = weight.chunks_exact(inputs * 9).skip(i * width).take(width);
        for (o, kernels) in kernels.enumerate() {
            for (c, kernel) in kernels.chunks_exact(9).enumerate() {
                for (t, &tap) in taps.iter().enumerate() {
                    panel[(t * inputs + c) * width + o] = kernel[tap];
                }
            }
        }
    });
    panels
}
