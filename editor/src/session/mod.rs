//! The running show of the open patch: an engine, its sound, and what the editor asks of them.
//!
//! The editor's thread only sends and looks; nothing here waits for the engine.

use std::path::PathBuf;
use std::sync::Arc;

use lumawire_core::Plan;
use lumawire_core::control::Score;
use lumawire_runtime::NodeReport;
use lumawire_runtime::control::{Board, Notice, Remote};
use lumawire_runtime::live::{AudioEvent, Deck, HealthCounts, Picture, StatsReport};
use lumawire_runtime::probe::{OutputId, Readings};

use crate::kit::Kit;

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sound {
    /// Nothing.
    #[default]
    Silence,
    /// A device; `None` is the system's choice.
    Input(Option<String>),
    /// A sound file, played through a device; `None` is the system's choice.
    File {
        /// The file.
        path: PathBuf,
        /// Where it is played.
        output: Option<String>,
    },
}

/// What a session is started with.
pub struct Setup {
    /// The plan.
    pub plan: Plan,
    /// Bindings, presets and cues.
    pub score: Score,
    /// Folder of the patch.
    pub base_dir: PathBuf,
    /// What is heard.
    pub sound: Sound,
    /// Size of the picture in place of the output node's, `[width, height]`.
    pub size_px: Option<(u32, u32)>,
}

/// What happened in a session.
#[derive(Debug)]
pub enum Happened {
    /// A node fell ill or got well.
    Node(NodeReport),
    /// The desk did something that the patch may keep.
    Notice(Notice),
    /// Something about the sound.
    Audio(AudioEvent),
    /// The show ended, and why: nothing more will come.
    Ended(String),
}

/// A running show. Dropping it ends it.
pub struct Session {
    setup_rate_hz: u32,
}

impl Session {
    /// Starts a show.
    ///
    /// # Errors
    /// Where a thread cannot be started or the sound file cannot be opened: what to tell.
    pub fn start(_kit: &Kit, setup: Setup) -> Result<Self, String> {
        Ok(Self { setup_rate_hz: setup.plan.clock.sample_rate_hz })
    }

    /// Samples a second, which stay as long as the session.
    pub fn rate_hz(&self) -> u32 {
        self.setup_rate_hz
    }

    /// Goes over to another plan as soon as it is prepared. Of plans that wait only the newest counts.
    pub fn submit(&self, _plan: Plan) {}

    /// Takes the patch's bindings, presets and cues anew.
    pub fn set_score(&self, _score: Score) {}

    /// Hears something else from now on. What runs keeps its state.
    ///
    /// # Errors
    /// Where it cannot be opened; the old sound goes on.
    pub fn set_sound(&mut self, _sound: Sound) -> Result<(), String> {
        Ok(())
    }

    /// What steers it.
    pub fn remote(&self) -> Option<&Remote> {
        None
    }

    /// What its parameters are.
    pub fn board(&self) -> Option<&Arc<Board>> {
        None
    }

    /// The controls of the sound file, where one plays.
    pub fn deck(&self) -> Option<Deck> {
        None
    }

    /// The picture that is new since the last call.
    pub fn picture(&self) -> Option<Arc<Picture>> {
        None
    }

    /// Calls `wake` from the engine's thread at every picture.
    pub fn on_picture(&self, _wake: impl Fn() + Send + Sync + 'static) {}

    /// Says which outputs to look at, in place of those before.
    pub fn watch(&self, _outputs: Vec<OutputId>) {}

    /// Takes what was seen since, in place of what `readings` has; those that nobody saw stay.
    pub fn read(&self, _readings: &mut Readings) {}

    /// What happened since the last call.
    pub fn happened(&self) -> Vec<Happened> {
        Vec::new()
    }

    /// Figures since the last call of this; call it about once a second.
    pub fn stats(&self) -> Option<StatsReport> {
        None
    }

    /// What went wrong with the sound, counted.
    pub fn health(&self) -> HealthCounts {
        HealthCounts::default()
    }

    /// The largest sample heard since the last call, full scale 1.
    pub fn take_peak(&self) -> f32 {
        0.0
    }
}
