//! What can be wrong with a network's file or with what is fed to it.

use thiserror::Error;

/// A network that cannot be loaded or run: what was found and what was expected.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The file is no intact safetensors file.
    #[error("is no intact safetensors file: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// The configuration is not one that this architecture takes.
    #[error("configuration: {0}")]
    Config(String),
    /// A weight is absent.
    #[error("has no weight `{0}`")]
    Missing(String),
    /// A weight has another shape than the configuration says.
    #[error("weight `{key}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Name of the weight.
        key: String,
        /// Shape by the configuration.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A weight holds NaN or infinities.
    #[error("weight `{0}` holds values that are no finite numbers")]
    NotFinite(String),
    /// What is fed to the network does not fit it.
    #[error("{0}")]
    Input(String),
    /// The tensor library refused.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
