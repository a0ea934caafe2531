//! What a command can fail of.

use std::path::PathBuf;

use lumawire_core::patch::PatchError;
use lumawire_core::plan::Fault;
use lumawire_models::ModelError;
use lumawire_runtime::output::OutputError;
use lumawire_runtime::render::RenderError;
use lumawire_runtime::take::TakeError;
use lumawire_runtime::transport::{AudioFileError, TransportError};
use thiserror::Error;

/// Why a command failed. The text is all that the user sees.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The patch cannot be read or written.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// The patch has faults.
    #[error("{} has {} fault(s):{}", path.display(), faults.len(), list(faults))]
    Faults {
        /// The patch.
        path: PathBuf,
        /// All of them.
        faults: Vec<Fault>,
    },
    /// A network, or what is made from it, cannot be read, used or written.
    #[error("{}: {source}", path.display())]
    Model {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        source: ModelError,
    },
    /// The sound cannot be read.
    #[error(transparent)]
    Audio(#[from] AudioFileError),
    /// The sound broke off.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The render failed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The take cannot be written or read.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// The editor's window cannot be opened.
    #[error(transparent)]
    Window(#[from] lumawire_editor::window::WindowError),
    /// The editor cannot be drawn to a file.
    #[error(transparent)]
    Shot(#[from] lumawire_editor::headless::ShotError),
    /// Neither the command nor the patch says what to play.
    #[error(
        "no sound: give one with --audio FILE, or set the `file` of a `source.audio` node, or give \
         --to SECS to render that long on silence"
    )]
    NoSound,
    /// The command asks for something that is not there, or cannot be.
    #[error("{0}")]
    Usage(String),
    /// The system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}\n    {}", fault.help())).collect()
}
