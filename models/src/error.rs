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
    /// The file is damaged or cut short.
    #[error("is damaged or cut short, get it again: {0}")]
    Damaged(String),
    /// The file is intact, but nothing that this build draws with.
    #[error("is {found}: {help}")]
    Unsupported {
        /// What it is.
        found: String,
        /// What to do.
        help: String,
    },
    /// A pickle names something that a network has no need of.
    #[error(
        "asks Python for `{0}`, which no network needs. Nothing was run; get the network from a \
         source that you trust"
    )]
    ForeignGlobal(String),
    /// The file asks for more memory or work than any network takes.
    #[error("asks for more than any network takes: {0}")]
    TooLarge(String),
    /// The file cannot be written.
    #[error("cannot be written: {0}")]
    Save(std::io::Error),
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
    /// The GPU failed.
    #[error("the GPU failed: {0}")]
    Accelerator(#[from] crate::accelerator::AcceleratorError),
    /// The tensor library refused.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl ModelError {
    /// The file is damaged: `what` was found.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// The file is `found`, and `help` says what to do with it.
    pub(crate) fn unsupported(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Unsupported { found: found.into(), help: help.into() }
    }
}
