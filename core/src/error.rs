//! What can go wrong inside a node. The runtime adds the node's path.

use std::path::PathBuf;

use thiserror::Error;

/// A node's failure: what it was about, what went wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeError {
    /// A file that the node names cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// What arrived at an input cannot be used.
    #[error("input `{port}`: {reason}")]
    Input {
        /// The input's id.
        port: &'static str,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A parameter has a value that cannot be used.
    #[error("parameter `{param}`: {reason}")]
    Param {
        /// The parameter's id.
        param: &'static str,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A graphics or compute device failed.
    #[error("{device}: {reason}")]
    Device {
        /// The device, as its driver names it.
        device: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// The node's code panicked: a fault of ours, held back so that the show goes on.
    #[error("stopped by an internal fault: {0}")]
    Panicked(String),
}

impl NodeError {
    /// A file that cannot be used.
    pub fn file(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::File { path: path.into(), reason: reason.to_string() }
    }

    /// An input that cannot be used.
    pub fn input(port: &'static str, reason: impl ToString) -> Self {
        Self::Input { port, reason: reason.to_string() }
    }

    /// A parameter that cannot be used.
    pub fn param(param: &'static str, reason: impl ToString) -> Self {
        Self::Param { param, reason: reason.to_string() }
    }

    /// A device that failed.
    pub fn device(device: impl ToString, reason: impl ToString) -> Self {
        Self::Device { device: device.to_string(), reason: reason.to_string() }
    }
}
