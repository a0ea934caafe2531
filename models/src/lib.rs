//! Neural networks in candle: configuration, loading, forward passes.

pub mod accelerator;
pub mod checkpoint;
pub mod clusters;
pub mod error;
pub mod file;
pub mod ganspace;
pub mod pca;
pub mod random;
pub mod stylegan2;
pub mod super_resolution;

pub use error::ModelError;
