//! What a feature gives.

use std::sync::Arc;

use lumawire_analysis::Rows;
use num_complex::Complex32;

/// Numbers of a shape, in numpy's terms.
#[derive(Debug, Clone)]
pub enum Array {
    /// f32 `[bins, frames]`: a column a frame.
    Rows(Arc<Rows>),
    /// complex64 `[bins, frames]`.
    Complex(Arc<Rows<Complex32>>),
    /// f32 `[frames]`.
    Reals(Arc<Vec<f32>>),
    /// i64 `[n]`.
    Integers(Vec<i64>),
    /// f32 `[]`.
    Real(f32),
    /// i64 `[]`.
    Integer(i64),
}

impl Array {
    /// Rows, which nobody else holds.
    pub fn rows(rows: Rows) -> Self {
        Self::Rows(Arc::new(rows))
    }

    /// Rows of one value: `[1, frames]`.
    pub fn row(values: Vec<f32>) -> Self {
        Self::rows(Rows::from_vec(1, values))
    }

    /// Values, which nobody else holds.
    pub fn reals(values: Vec<f32>) -> Self {
        Self::Reals(Arc::new(values))
    }

    /// Frame numbers.
    pub fn frames(frames: &[usize]) -> Self {
        Self::Integers(frames.iter().map(|f| *f as i64).collect())
    }

    /// numpy's shape.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Rows(rows) => vec![rows.num_bins(), rows.num_frames()],
            Self::Complex(rows) => vec![rows.num_bins(), rows.num_frames()],
            Self::Reals(values) => vec![values.len()],
            Self::Integers(values) => vec![values.len()],
            Self::Real(_) | Self::Integer(_) => Vec::new(),
        }
    }
}
