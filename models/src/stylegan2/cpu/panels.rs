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

    /// Takes the values of `from`, each row times the style of its channel: row k belongs to channel
    /// k mod `styles.len()`.
    pub fn assign_scaled(&mut self, from: &Panels, styles: &[f32]) {
        (self.depth, self.width) = (from.depth, from.width);
        (self.vectors, self.count) = (from.vectors, from.count);
        self.data.resize(from.data.len());
        let panel_len = from.depth * from.width;
        let panels = self.data.par_chunks_mut(panel_len).zip(from.data.par_chunks(panel_len));
        panels.for_each(|(to, from)| {
            let rows = to.chunks_exact_mut(self.width).zip(from.chunks_exact(self.width));
            for ((to, from), style) in rows.zip(styles.iter().cycle()) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = from * style);
            }
        });
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
            for (rows, &tap) in panel.chunks_exact_mut(inputs * width).zip(taps) {
                let kernels = kernels.iter().skip(tap).step_by(9);
                for (row, v) in rows.chunks_exact_mut(width).zip(kernels) {
                    row[o] = *v;
                }
            }
        }
    });
    panels
}
