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
    /// By Winograd's F(4×4, 3×3), or by phases with tiles of 4×4 inputs where it doubles the size.
    Winograd4,
    /// By Winograd's F(6×6, 3×3).
    Winograd6,
}

/// The faster algorithm: a function of the shape alone, so that equal inputs give equal pictures.
///
/// Winograd's with tiles of 4 takes a quarter of the products, and four times the room for the
/// kernels; with tiles of 6 a fifth, and seven times. Measured in ms on one core with AVX-512
/// (Zen 4), direct / Winograd's with tiles of 4:
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
/// memory, and at 4² there is one. Tiles of 6 are worth their room only where the kernels are small.
///
/// An up-sampling convolution takes 81 products where its phases take 144, with as much room as the
/// others with tiles of 4. Direct / by tiles, on one core: 512 to 512 channels from 16² 12.5 / 8.1,
/// 512 to 256 from 32² 24.4 / 16.7, 256 to 128 from 64² 24.6 / 17.0, 128 to 64 from 128² 32.4 / 19.5.
/// With fewer channels the transforms cost more than they save: on two cores 128 to 128 from 16²
/// take 0.56 / 0.71, 64 to 32 from 128² 4.1 / 4.9.
///
/// So all kernels of the 256² network with channels 16384/512 take 180 MiB (72 as stored).
pub fn choose(shape: Shape) -> Algorithm {
    let Shape { inputs, resolution, up, .. } = shape;
    let has_many_inputs = inputs >= 128 && inputs * resolution >= 4096;
    match resolution {
        ..16 => Algorithm::Direct,
        _ if up && !has_many_inputs => Algorithm::Direct,
        256.. if !up => Algorithm::Winograd6,
        _ => Algorithm::Winograd4,
    }
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
            Algorithm::Winograd4 => 36,
            Algorithm::Winograd6 => 64,
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
            Algorithm::Winograd4 => "Winograd4",
            Algorithm::Winograd6 => "Winograd6",
        },
        num_flops: shape.num_flops(),
        num_bytes: shape.num_bytes(algorithm),
    }
}
