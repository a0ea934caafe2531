//! Takes: what came into a show, kept as it comes, and played again to the bit.
//!
//! ```text
//! set/
//!   take.json                 what the show ran by
//!   patches/000.lumawire      the patch; 001, … as it was changed
//!   sound/000.wav             what the engine heard, f32; another where the channels changed
//!   events.jsonl              what else came, a line each, by the sample before which it counts
//! ```
//!
//! A take begins with the show, at sample 0. All files grow while it lasts, and no file is ever ahead
//! of what it depends on: whatever ends the program, what was written is a take.

mod files;
mod record;
mod replay;
pub(crate) mod wav;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use lumawire_core::Fps;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use record::{Recorder, TakeNotice, Tape};
pub use replay::{Changed, Replay, Take, TakeSound};
pub use write::TakeSummary;

/// What `format` says.
pub const FORMAT: &str = "lumawire-take";
/// The version that is written, and the only one so far.
pub const VERSION: u32 = 1;

const MANIFEST: &str = "take.json";
const EVENTS: &str = "events.jsonl";
const PATCHES: &str = "patches";
const SOUND: &str = "sound";

/// What a show ran by: `take.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// Version of the format.
    pub version: u32,
    /// Samples a second.
    pub sample_rate_hz: u32,
    /// Frames a second.
    pub fps: Fps,
    /// The run's seed, where it was not the patch's.
    pub seed: Option<u64>,
    /// The size that was asked for, `[width, height]`.
    pub size_px: Option<(u32, u32)>,
    /// The output node that was shown.
    pub output: String,
    /// The folder where the patch's relative paths start.
    pub base_dir: PathBuf,
}

/// Why a take cannot be written or read.
#[derive(Debug, Error)]
pub enum TakeError {
    /// There is something of this name.
    #[error("{}: is there already; a take is never written over: choose another folder", .0.display())]
    Exists(PathBuf),
    /// There is no take.
    #[error("{}: is no take: it has no take.json", .0.display())]
    NoTake(PathBuf),
    /// The system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file of the take does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Broken {
        /// The file, with the line where there is one.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl TakeError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    fn broken(path: &Path, reason: impl Into<String>) -> Self {
        Self::Broken { path: path.to_owned(), reason: reason.into() }
    }
}

fn patch_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(PATCHES).join(format!("{number:03}.lumawire"))
}

fn sound_path(folder: &Path, part: usize) -> PathBuf {
    folder.join(SOUND).join(format!("{part:03}.wav"))
}
