//! Why a patch file cannot be read or written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::graph::{EditError, WireError};

/// Why a patch file cannot be read or written.
#[derive(Debug, Error)]
pub enum PatchError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is longer than any patch.
    #[error("{len} bytes are more than a patch may have ({})", super::MAX_BYTES)]
    TooLarge {
        /// Its length in bytes.
        len: u64,
    },
    /// The file is no UTF-8 text.
    #[error("the file is no text in UTF-8: a patch is JSON")]
    NotText,
    /// The text is no JSON, or names a member twice.
    #[error("line {line}, column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The JSON is of something else.
    #[error("this is no patch: `format` must be \"{}\", and is {found}", super::FORMAT)]
    NotAPatch {
        /// What stands there.
        found: String,
    },
    /// A newer program wrote it, in a form that this one cannot read.
    #[error(
        "a newer program wrote this patch (version {version}), and this one cannot read it: {reason}"
    )]
    Newer {
        /// Version of the file.
        version: u64,
        /// Where reading failed.
        reason: Box<PatchError>,
    },
    /// A member has a value that cannot be used.
    #[error("`{path}` must be {expected}")]
    Field {
        /// Where, as `clock.fps`.
        path: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The text of a wire cannot be read.
    #[error("wire \"{text}\": {reason}")]
    Wire {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: WireError,
    },
    /// The parts do not fit together: a wire to no node, or two alike.
    #[error("{place}: {reason}")]
    Inconsistent {
        /// The node or wire.
        place: String,
        /// What is wrong with it.
        reason: EditError,
    },
}

impl PatchError {
    /// A member that cannot be used.
    pub(crate) fn field(path: impl Into<String>, expected: &'static str) -> Self {
        Self::Field { path: path.into(), expected }
    }
}
