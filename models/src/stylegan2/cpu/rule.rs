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
pub fn choose(shape: Shape) -> Algorithm {
    if !shape.up && shape.resolution >= 16 && shape.inputs.min(shape.outputs) >= 8 {
        Algorithm::Winograd
    } else {
        Algorithm::Direct
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
