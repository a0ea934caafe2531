//! Which algorithm computes which layer.

use super::features::padded;
use crate::stylegan2::layers::LayerWeights;

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub inputs: usize,
    pub outputs: usize,
    /// Side of the input in pixels, as trained.
    pub resolution: usize,
    /// Whether it doubles the size.
    pub up: bool,
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// As a product with the neighbourhoods.
    Direct,
    /// By Winograd's F(4×4, 3×3).
    Winograd,
}

/// The faster algorithm: a function of the shape alone, so that equal inputs give equal pictures.
///
/// Winograd's takes a quarter of the products, and four times the room for the kernels. Measured in
/// ms on one core with AVX-512 (Zen 4), direct / Winograd's:
///
/// | channels | 16² | 32² | 64² | 128² | 256² | 512² |
/// |---|---|---|---|---|---|---|
/// | 512 | 11.0 / 3.8 | 44.0 / 13.4 | | | | |
/// | 256 | | | 44.6 / 16.4 | | | |
/// | 128 | 0.74 / 0.36 | 2.84 / 0.93 | | 47.4 / 16.9 | | |
/// | 64 | 0.21 / 0.11 | 0.78 / 0.30 | 3.07 / 1.1 | | 51.4 / 21.5 | |
/// | 32, 16, 8 | | | | 3.6 / 1.5 | 5.4 / 2.3 | 14.5 / 6.4 |
///
/// At 8² four tiles are too few to pay for reading four times the kernels, which come from main
/// memory, and at 4² there is one. An up-sampling convolution gains nothing: as one 3×3 convolution
/// to four times the channels, it takes as many products by Winograd's algorithm as directly by
/// phases, with sixteen times the room. So all kernels of the 256² network with channels 16384/512
/// take 135 MiB (72 as stored), those of the 1024² network with 32768/512 180 MiB (90).
pub fn choose(shape: Shape) -> Algorithm {
    if !shape.up && shape.resolution >= 16 { Algorithm::Winograd } else { Algorithm::Direct }
}

impl Shape {
    /// The sizes of a layer as it was trained.
    pub fn of(weights: &LayerWeights) -> Self {
        let &LayerWeights { inputs, outputs, up, .. } = weights;
        let resolution = if up { weights.resolution / 2 } else { weights.resolution };
        Self { inputs, outputs, resolution, up }
    }

    /// Multiplications and additions of the convolution as it is defined.
    pub fn num_flops(self) -> usize {
        2 * 9 * self.inputs * self.outputs * self.resolution * self.resolution
    }

    /// Bytes of the packed kernels.
    pub fn num_bytes(self, algorithm: Algorithm) -> usize {
        let kernel_len = match algorithm {
            Algorithm::Direct => 9,
            Algorithm::Winograd => super::kernel::winograd::POINTS,
        };
        kernel_len * self.inputs * padded(self.outputs) * size_of::<f32>()
    }
}

/// What a convolution costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// How it is computed.
    pub algorithm: &'static str,
    /// Multiplications and additions of the convolution as it is defined, on the trained canvas.
    pub num_flops: usize,
    /// Bytes of its kernels as they lie in memory for that.
    pub num_bytes: usize,
}

/// What the layer of these weights costs.
pub fn cost(weights: &LayerWeights) -> Cost {
    let shape = Shape::of(weights);
    let algorithm = choose(shape);
    Cost {
        algorithm: match algorithm {
            Algorithm::Direct => "direct",
            Algorithm::Winograd => "Winograd",
        },
        num_flops: shape.num_flops(),
        num_bytes: shape.num_bytes(algorithm),
    }
}
