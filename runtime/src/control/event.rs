//! What can be asked of a running show.

use lumawire_core::ParamValue;
use serde::{Deserialize, Serialize};

/// Something asked of a running show. Targets are `node.param`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Binds a parameter to a value in its own unit.
    Set {
        /// The parameter.
        target: String,
        /// Its value.
        value: ParamValue,
    },
    /// Gives a parameter back to the patch.
    Free {
        /// The parameter.
        target: String,
    },
    /// Counts a whole number up: a button was pressed.
    Press {
        /// The parameter.
        target: String,
        /// How often.
        hits: u32,
    },
    /// Goes to a preset.
    Recall {
        /// Its name.
        preset: String,
        /// Seconds that it takes, in place of the preset's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        morph_secs: Option<f64>,
    },
    /// Stores what is now as a preset: the parameters that it held before, or else all that can be
    /// steered.
    Store {
        /// Its name.
        preset: String,
    },
    /// Goes to a cue by its name.
    Cue {
        /// Its name.
        name: String,
    },
    /// Goes so many cues on or back in the list.
    StepCue {
        /// How many; below 0 for back.
        by: i32,
    },
    /// The sound was put to another place, or stopped: cues count from there.
    Jump {
        /// Seconds from the beginning of the sound.
        secs: f64,
        /// Whether it stands there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stands: bool,
    },
}

/// An event and the sample before which it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// The first sample of the block that it changes.
    pub sample: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}
