//! From w to the factors of the channels.

use rayon::prelude::*;

use super::Tools;
use super::features::Buffer;
use super::kernel::style::MatrixVector;
use super::panels::Panels;

/// An affine map of w.
pub struct Affine {
    /// `[w_dim, channels]`, with its gain.
    pub weight: Panels,
    /// `[channels]`.
    pub bias: Vec<f32>,
}

impl Affine {
    /// `out` `[channels]`, padded by zeros.
    pub fn apply(&self, tools: &Tools, w: &[f32], out: &mut Buffer) {
        multiply(tools, &self.weight, w, out);
        for (out, bias) in out.iter_mut().zip(&self.bias) {
            *out += bias;
        }
    }
}

/// out[n] = Σ_k x[k] · matrix[k][n], padded by zeros.
pub fn multiply(tools: &Tools, matrix: &Panels, x: &[f32], out: &mut Buffer) {
    let channels = matrix.count * matrix.width;
    out.resize(channels);
    out.par_chunks_mut(matrix.width).enumerate().for_each(|(i, out)| {
        tools.isa.run(channels, MatrixVector { matrix: matrix.panel(0, i), x, out });
    });
}
