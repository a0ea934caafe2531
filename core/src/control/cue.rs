//! What happens by itself at a moment of the piece.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Curve;
use crate::param::ParamValue;

/// The patch's cue list, with the tempo that its bars are counted by.
///
/// ```json
/// "cues": { "tempo": { "bpm": 128 }, "list": [ { "name": "drop", "at_bar": 17, "recall": "storm" } ] }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cues {
    /// What bars mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tempo: Option<Tempo>,
    /// The cues, in the order in which they are stepped through by hand.
    pub list: Vec<Cue>,
}

/// A steady tempo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tempo {
    /// Beats a minute.
    pub bpm: f64,
    /// When the first beat of bar 1 comes, in seconds.
    #[serde(default)]
    pub first_beat_secs: f64,
    /// Beats a bar.
    #[serde(default = "four")]
    pub beats_per_bar: u32,
}

fn four() -> u32 {
    4
}

impl Tempo {
    /// The time of a beat of a bar, both from 1, in seconds.
    pub fn secs_of(self, bar: f64, beat: f64) -> f64 {
        let beats = (bar - 1.0) * f64::from(self.beats_per_bar) + (beat - 1.0);
        self.first_beat_secs + beats * 60.0 / self.bpm
    }
}

/// A cue: goes to a preset, or sets parameters, at a moment or by hand.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cue {
    /// Its name, by which it is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Seconds from the beginning of the sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_secs: Option<f64>,
    /// The bar, from 1, by the list's tempo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_bar: Option<f64>,
    /// The beat in that bar, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_beat: Option<f64>,
    /// The name of a section, in the marks that the patch names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_mark: Option<String>,
    /// A control of the graph, `node.output`: the cue comes when it turns to `is`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The value of `when`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<f64>,
    /// The preset to go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<String>,
    /// Values to go to besides, by target.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, ParamValue>,
    /// Buttons to press, by target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub press: Vec<String>,
    /// Seconds that it takes, in place of the preset's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub morph_secs: Option<f64>,
    /// How it gets there, in place of the preset's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
}

/// When a cue comes by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// At a time in seconds.
    Secs(f64),
    /// At each of these times in seconds.
    AnyOf(Vec<f64>),
    /// At every mark of this name, until [`Score::resolve_marks`](super::Score::resolve_marks) says
    /// when these are.
    Mark(String),
    /// When a control of the graph turns to a value.
    Turns {
        /// The node.
        node: String,
        /// Its output.
        output: String,
        /// The value.
        value: f64,
    },
    /// By hand alone.
    ByHand,
}

impl Cue {
    /// When it comes. The error says what is wrong.
    pub fn moment(&self, tempo: Option<Tempo>) -> Result<Moment, String> {
        let num_given = [
            self.at_secs.is_some(),
            self.at_bar.is_some(),
            self.at_mark.is_some(),
            self.when.is_some(),
        ];
        if num_given.iter().filter(|given| **given).count() > 1 {
            return Err("has more than one of at_secs, at_bar, at_mark and when".into());
        }
        if self.at_beat.is_some() && self.at_bar.is_none() {
            return Err("has an `at_beat` without an `at_bar`".into());
        }
        if self.is.is_some() && self.when.is_none() {
            return Err("has an `is` without a `when`".into());
        }
        if let Some(secs) = self.at_secs {
            return time(secs).map(Moment::Secs);
        }
        if let Some(bar) = self.at_bar {
            let tempo = tempo.ok_or("is at a bar, but `cues` has no `tempo`")?;
            if !(tempo.bpm > 0.0 && tempo.bpm.is_finite() && tempo.beats_per_bar > 0) {
                return Err("is at a bar, but the tempo is not above 0".into());
            }
            return time(tempo.secs_of(bar, self.at_beat.unwrap_or(1.0))).map(Moment::Secs);
        }
        if let Some(mark) = &self.at_mark {
            return Ok(Moment::Mark(mark.clone()));
        }
        let Some(when) = &self.when else { return Ok(Moment::ByHand) };
        let (node, output) = when.split_once('.').ok_or("`when` must be `node.output`")?;
        let value = self.is.ok_or("has a `when` without an `is`")?;
        Ok(Moment::Turns { node: node.into(), output: output.into(), value: finite(value)? })
    }
}

fn finite(v: f64) -> Result<f64, String> {
    if v.is_finite() { Ok(v) } else { Err("is at no finite time".into()) }
}

/// A time that the sound reaches.
fn time(secs: f64) -> Result<f64, String> {
    if secs < 0.0 { Err("is at a time before the beginning".into()) } else { finite(secs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_counted_from_one() {
        let tempo = Tempo { bpm: 120.0, first_beat_secs: 0.25, beats_per_bar: 3 };
        assert_eq!(tempo.secs_of(1.0, 1.0), 0.25);
        assert_eq!(tempo.secs_of(2.0, 1.0), 1.75);
        assert_eq!(tempo.secs_of(2.0, 2.5), 2.5);
    }

    #[test]
    fn a_cue_has_one_moment() {
        let cue: Cue = serde_json::from_str(r#"{ "at_bar": 2, "at_beat": 3 }"#).unwrap();
        let tempo = Tempo { bpm: 60.0, first_beat_secs: 0.0, beats_per_bar: 4 };
        assert_eq!(cue.moment(Some(tempo)), Ok(Moment::Secs(6.0)));
        assert!(cue.moment(None).unwrap_err().contains("tempo"));
        let both: Cue = serde_json::from_str(r#"{ "at_bar": 2, "at_secs": 3 }"#).unwrap();
        assert!(both.moment(Some(tempo)).is_err());
        let by_hand: Cue = serde_json::from_str(r#"{ "recall": "a" }"#).unwrap();
        assert_eq!(by_hand.moment(None), Ok(Moment::ByHand));
        let turns: Cue =
            serde_json::from_str(r#"{ "when": "sections_1.label", "is": 2 }"#).unwrap();
        let moment =
            Moment::Turns { node: "sections_1".into(), output: "label".into(), value: 2.0 };
        assert_eq!(turns.moment(None), Ok(moment));
        for (text, why) in [
            (r#"{ "at_beat": 3 }"#, "at_bar"),
            (r#"{ "at_beat": 3, "at_secs": 1 }"#, "at_bar"),
            (r#"{ "is": 2 }"#, "when"),
            (r#"{ "at_secs": -0.5 }"#, "before"),
            (r#"{ "at_bar": 0 }"#, "before"),
            (r#"{ "at_bar": 1, "at_beat": 0.5 }"#, "before"),
        ] {
            let cue: Cue = serde_json::from_str(text).unwrap();
            assert!(cue.moment(Some(tempo)).unwrap_err().contains(why), "{text}");
        }
    }
}
