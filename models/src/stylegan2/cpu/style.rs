//! From w to the factors of the channels.

use rayon::prelude::*;

use super::Tools;
use super::features::Buffer;
use super::kernel::style::MatrixVector;
use super::panels::Panels;
use crate::stylegan2::layers;

/// An affine map of w.
pub struct Affine {
    /// `[w_dim, channels]`, with its gain.
    weight: Panels,
    /// `[channels]`.
    bias: Vec<f32>,
}

impl Affine {
    pub fn new(tools: &Tools, affine: &layers::Affine) -> Self {
        let channels = affine.bias.len();
        let w_dim = affine.weight.len() / channels;
        let gain = 1.0 / (w_dim as f32).sqrt();
        Self {
            weight: Panels::transposed(tools.isa, &affine.weight, w_dim, channels, gain),
            bias: affine.bias.clone(),
        }
    }

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
