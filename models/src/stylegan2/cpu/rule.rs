//! Which algorithm computes which layer.

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
