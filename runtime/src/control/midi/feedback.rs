//! Shows motor faders, rings and pads what their parameters became.

use std::collections::BTreeMap;
use std::time::Duration;

use lumawire_core::control::MidiSource;

use super::mapper::{Bound, Readings};
use super::message::Message;

/// A control that is moved by hand is left alone for so long.
const BY_HAND: Duration = Duration::from_millis(300);

/// What one port was shown.
#[derive(Debug, Default)]
pub(super) struct Feedback {
    shown: BTreeMap<String, Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    value: Option<f64>,
    bytes: Vec<Vec<u8>>,
}

impl Feedback {
    /// The messages that bring the controls of the port called `name` to where their parameters
    /// are: all at first, then those of values that changed otherwise than by the control itself.
    pub fn due(
        &mut self,
        name: &str,
        now: Duration,
        bound: &[Bound],
        readings: Readings<'_>,
    ) -> Vec<Vec<u8>> {
        self.shown.retain(|target, _| bound.iter().any(|b| b.target == *target));
        let mut due = Vec::new();
        for bound in bound.iter().filter(|b| b.gives_back() && b.is_on(name)) {
            let Some(value) = readings(&bound.target) else { continue };
            let is_known = self.shown.contains_key(&bound.target);
            let shown = self.shown.entry(bound.target.clone()).or_default();
            let is_by_hand = bound.moved.is_some_and(|(at, _)| now.saturating_sub(at) < BY_HAND);
            if is_known && is_by_hand && !is_light(bound.midi.source) {
                // It stands where the hand put it, whatever the value was rounded to.
                (shown.value, shown.bytes) = (Some(value), Vec::new());
                continue;
            }
            if shown.value.replace(value) == Some(value) {
                continue;
            }
            let heard_on = bound.moved.map(|(_, channel)| channel);
            let channel = bound.midi.channel.or(heard_on).unwrap_or(1);
            let bytes = Message::feedback(bound.midi.source, channel, bound.place(value));
            if bytes != shown.bytes {
                due.extend(bytes.iter().cloned());
                shown.bytes = bytes;
            }
        }
        due
    }
}

/// A pad's light follows its value even under the finger.
fn is_light(source: MidiSource) -> bool {
    matches!(source, MidiSource::Note(_))
}
