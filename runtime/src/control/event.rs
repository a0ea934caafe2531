//! What can be asked of a running show.

use lumawire_core::ParamValue;
use lumawire_core::control::Score;
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
    /// Goes to the weighted mean of presets: real numbers as the mean, all else as in the heaviest.
    Blend {
        /// Their names and weights, which need not sum to 1.
        presets: Vec<(String, f64)>,
        /// Seconds that it takes, in place of the heaviest's.
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
        /// How many samples of the new place were heard before: cues in them come too.
        #[serde(default, skip_serializing_if = "is_zero")]
        back: u64,
    },
}

impl Event {
    /// Whether all its numbers are finite: others mean nothing, and no take could hold them.
    pub(super) fn is_finite(&self) -> bool {
        match self {
            Self::Set { value: ParamValue::Float(v), .. } => v.is_finite(),
            Self::Recall { morph_secs, .. } => morph_secs.is_none_or(f64::is_finite),
            Self::Blend { presets, morph_secs } => {
                presets.iter().map(|(_, weight)| weight).chain(morph_secs).all(|v| v.is_finite())
            }
            Self::Jump { secs, .. } => secs.is_finite(),
            _ => true,
        }
    }
}

/// An event and the sample before which it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped<T = Event> {
    /// The first sample of the block that it changes.
    pub sample: u64,
    /// The event.
    #[serde(flatten)]
    pub event: T,
}

/// What a take keeps of a show, besides its sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The presets and cues of a patch came.
    Score(Box<Score>),
    /// A control turned to what this cue of the list waits for.
    Turned {
        /// Its place in the list, from 0.
        cue: usize,
    },
    /// The engine took a changed patch.
    Swap {
        /// Which of the take's patches, from 1.
        patch: u64,
    },
    /// A file that a patch names, as it was then.
    File {
        /// Its path as the patch names it.
        path: String,
        /// Its length.
        num_bytes: u64,
        /// SHA-256 in hexadecimal.
        sha256: String,
    },
    /// Something could not be written in time. From here on the take is not exact.
    Lost {
        /// Samples for which silence stands.
        num_samples: u64,
        /// Entries that are missing.
        num_entries: u64,
    },
    /// The show was ended as it should be.
    End {},
    /// Something was asked.
    #[serde(untagged)]
    Event(Event),
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(v: &u64) -> bool {
    *v == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_written_and_read_to_the_bit() {
        let set = |value| Entry::Event(Event::Set { target: "a.x".into(), value });
        let entries = [
            set(ParamValue::Float(0.1 + 0.2)),
            set(ParamValue::Float(1.0)),
            set(ParamValue::Float(-0.0)),
            set(ParamValue::Float(f64::MIN_POSITIVE)),
            set(ParamValue::Int(i64::MIN)),
            set(ParamValue::Bool(true)),
            set(ParamValue::Text("1".into())),
            Entry::Event(Event::Blend {
                presets: vec![("a".into(), 0.7), ("b".into(), 1e-9)],
                morph_secs: None,
            }),
            Entry::Event(Event::StepCue { by: -2 }),
            Entry::Score(Box::default()),
            Entry::Turned { cue: 3 },
            Entry::Swap { patch: 1 },
            Entry::Lost { num_samples: 256, num_entries: 0 },
            Entry::End {},
        ];
        for event in entries {
            let stamped = Stamped { sample: u64::MAX, event };
            let line = serde_json::to_string(&stamped).unwrap();
            let read: Stamped<Entry> = serde_json::from_str(&line).unwrap();
            assert_eq!(format!("{read:?}"), format!("{stamped:?}"), "{line}");
        }
        let line = r#"{"sample":256,"set":{"target":"a.x","value":0.5}}"#;
        let read: Stamped<Entry> = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
        assert!(serde_json::from_str::<Stamped<Entry>>(r#"{"sample":1,"sing":{}}"#).is_err());
    }
}
