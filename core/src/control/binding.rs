//! What OSC and MIDI are bound to.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::spec::{Domain, Param};

/// What steers one parameter from outside: an OSC address of the patch's own, a MIDI control, or
/// both.
///
/// ```json
/// "walk_1.speed": { "osc": "/walk/speed", "midi": { "cc": 21, "channel": 1 }, "range": [0, 2] }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Binding {
    /// An OSC address besides `/lumawire/<node>/<param>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub osc: Option<String>,
    /// A MIDI control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub midi: Option<Midi>,
    /// What 0 and 1 of the control mean, in the parameter's unit; without it the slider's range.
    /// The first may be the larger. Numbers of OSC are taken as they are where there is no range,
    /// and from 0..1 where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// What a control does to the parameter.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: BindingMode,
    /// How an endless knob writes its steps, in mode `relative`.
    #[serde(skip_serializing_if = "is_default")]
    pub steps: StepCode,
    /// Whether a fader that stands elsewhere moves nothing until it comes past the value: soft
    /// take-over. Motor faders and endless knobs do not need it.
    #[serde(skip_serializing_if = "is_default")]
    pub pickup: bool,
}

impl Binding {
    /// The binding of a parameter to the control that was moved for it: what an older one says of
    /// other things stays. A key counts up what is a count.
    pub fn learnt(old: Option<&Json>, param: Option<&Param>, midi: Midi) -> Self {
        let old = old.and_then(|json| serde_json::from_value::<Self>(json.clone()).ok());
        let is_count = matches!(midi.source, MidiSource::Note(_))
            && param.is_some_and(|param| matches!(param.domain, Domain::Int { .. }));
        let mode = if is_count { BindingMode::Press } else { BindingMode::Follow };
        Self { midi: Some(midi), ..old.unwrap_or(Self { mode, ..Self::default() }) }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a control does to a parameter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindingMode {
    /// The parameter follows the control: a note is on as long as it is held.
    #[default]
    Follow,
    /// Every press turns a switch over, or goes from one end of the range to the other.
    Toggle,
    /// Every press counts a whole number up by one: a button.
    Press,
    /// The control sends steps up and down, as endless knobs do.
    Relative,
}

/// How an endless knob writes a step into 7 bits. Which one a device uses is in its manual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepCode {
    /// 1 is a step up, 127 one down: two's complement.
    #[default]
    TwosComplement,
    /// 1 is a step up, 65 one down: bit 6 is the sign.
    SignedBit,
    /// 65 is a step up, 63 one down: 64 is none.
    Offset,
}

impl StepCode {
    /// Steps up, or below 0 down, that `value` 0..127 means.
    pub fn steps(self, value: u8) -> i32 {
        let v = i32::from(value & 0x7f);
        match self {
            Self::TwosComplement if v >= 64 => v - 128,
            Self::TwosComplement => v,
            Self::SignedBit if v >= 64 => 64 - v,
            Self::SignedBit => v,
            Self::Offset => v - 64,
        }
    }
}

/// A control of a MIDI device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Midi {
    /// Part of the device's name; any device where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Channel, 1..16; any channel where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u8>,
    /// Which message.
    #[serde(flatten)]
    pub source: MidiSource,
}

/// A message of MIDI whose value steers something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MidiSource {
    /// Control change 0..127 of 7 bits.
    Cc(u8),
    /// Control change 0..31 of 14 bits: this one and the one 32 above.
    Cc14(u8),
    /// A note, with its velocity.
    Note(u8),
    /// Pitch bend; the number means nothing.
    Bend(u8),
    /// Pressure on a channel; the number means nothing.
    Pressure(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_read_and_write_as_they_stand_in_a_patch() {
        for text in [
            r#"{"osc":"/walk/speed"}"#,
            r#"{"midi":{"cc":21}}"#,
            r#"{"osc":"/a","midi":{"device":"nano","channel":3,"cc14":7},"range":[2.0,0.5]}"#,
            r#"{"midi":{"note":36},"mode":"press"}"#,
            r#"{"midi":{"cc":16},"mode":"relative","steps":"offset"}"#,
            r#"{"midi":{"cc":1},"pickup":true}"#,
        ] {
            let binding: Binding = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&binding).unwrap(), text);
        }
        for wrong in [r#"{"osc":3}"#, r#"{"midi":{"cc":300}}"#, r#"{"oscc":"/a"}"#] {
            assert!(serde_json::from_str::<Binding>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn steps_are_read_in_every_code() {
        for (code, up, down) in [
            (StepCode::TwosComplement, [1, 2, 63], [127, 126, 65]),
            (StepCode::SignedBit, [1, 2, 63], [65, 66, 127]),
            (StepCode::Offset, [65, 66, 127], [63, 62, 1]),
        ] {
            assert_eq!(up.map(|v| code.steps(v)), [1, 2, 63], "{code:?}");
            assert_eq!(down.map(|v| code.steps(v)), [-1, -2, -63], "{code:?}");
        }
    }
}
