//! What the program hands the editor, which knows no node's code, no network and no analysis.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lumawire_core::control::Score;
use lumawire_core::{Graph, Registry, Services};
use lumawire_runtime::probe::Thumbnails;

use crate::inspector::learn::Learning;

/// Reads what the files of open nodes declare, and tells the registry: see [`Registry::of`].
pub type Interfaces = fn(&Graph, &Path, &mut Registry);

/// Reads a patch's bindings, presets and cues, with the times of its marks.
pub type MakeScore = fn(&Graph, &Path) -> Score;

/// What a sound file looks like, for the transport.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// Length.
    pub secs: f64,
    /// Least and greatest sample of equal stretches, over all channels, `[columns]`.
    pub peaks: Vec<(f32, f32)>,
    /// Loudness of the same stretches, 0..1, `[columns]`.
    pub levels: Vec<f32>,
    /// Energy of the pitch classes from C, each column's largest 1, `[columns, 12]`.
    pub chroma: Vec<[f32; 12]>,
    /// When something begins.
    pub onsets_secs: Vec<f64>,
    /// When a beat falls.
    pub beats_secs: Vec<f64>,
    /// Where a section begins, and its letter.
    pub sections: Vec<(f64, String)>,
}

/// Makes the overview of a sound file, with so many columns. Called on a thread of its own.
pub type MakeOverview = fn(&Path, usize) -> Result<Overview, String>;

/// Makes the thumbnails of one session's pictures.
pub type MakeThumbnails = Arc<dyn Fn(&Services) -> Box<dyn Thumbnails> + Send + Sync>;

/// What the editor is lent.
#[derive(Clone)]
pub struct Kit {
    /// The kinds.
    pub registry: Registry,
    /// What files declare.
    pub interfaces: Interfaces,
    /// Bindings, presets and cues.
    pub score: MakeScore,
    /// Thumbnails.
    pub thumbnails: MakeThumbnails,
    /// Overviews of sound files.
    pub overview: MakeOverview,
    /// What the nodes share.
    pub services: Services,
    /// A TrueType font for all text.
    pub font: &'static [u8],
    /// The folder of shipped patches, if it is there: examples, templates and their music.
    pub examples: Option<PathBuf>,
    /// The folder where settings, recent files and recovered patches are kept, if there is one.
    pub settings: Option<PathBuf>,
    /// The program, which renders as a process of its own.
    pub program: Option<PathBuf>,
    /// What every process of it is told first.
    pub program_args: Vec<String>,
    /// What learns MIDI controls, where MIDI is heard.
    pub learning: Option<Arc<dyn Learning>>,
}
