//! Neural networks in candle: configuration, loading, forward passes.

pub mod checkpoint;
pub mod error;
pub mod file;
pub mod random;
pub mod stylegan2;

pub use error::ModelError;
