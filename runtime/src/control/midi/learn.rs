//! Finds out which control somebody means, by watching what moves.

use std::collections::BTreeMap;
use std::time::Duration;

use lumawire_core::control::{Midi, MidiSource};

use super::message::Message;
use super::ports::stable_name;
use super::touch::{Hands, Touch};

/// From the first move on it looks for so long which control moves most.
const WATCH: Duration = Duration::from_millis(500);

/// A control, by port, channel and number.
type Control = (u32, u8, Kind, u8);

/// What kind of control it is: of several that move, a later kind is meant. Pads send pressure with
/// their notes, and touched faders a note before they move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Pressure,
    Note,
    Cc,
    Bend,
}

/// Where a control was.
#[derive(Debug)]
struct Track {
    port_name: String,
    low: f64,
    high: f64,
}

/// Watches until it knows which control is meant.
#[derive(Debug, Default)]
pub struct Learner {
    hands: Hands,
    begun: Option<Duration>,
    seen: BTreeMap<Control, Track>,
    /// What was learnt before, and is not meant again: it may still be moving.
    known: Vec<Control>,
}

impl Learner {
    /// Takes a message of a port at `now`. Clocks and programs are no controls.
    pub fn take(&mut self, port: &super::Port, now: Duration, message: &Message) {
        let Some(moved) = self.hands.take(port.number, message)[0] else { return };
        let (kind, number) = match moved.source {
            MidiSource::Pressure(_) => (Kind::Pressure, 0),
            MidiSource::Note(note) => (Kind::Note, note),
            MidiSource::Cc(number) | MidiSource::Cc14(number) => (Kind::Cc, number),
            MidiSource::Bend(_) => (Kind::Bend, 0),
        };
        let x = match moved.touch {
            Touch::Level { x, .. } => x,
            Touch::On(_) => 1.0,
            // A key that was held before is no answer.
            Touch::Off => return,
        };
        let control = (port.number, moved.channel, kind, number);
        if self.known.contains(&control) {
            return;
        }
        self.begun.get_or_insert(now);
        let new = || Track { port_name: port.name.clone(), low: x, high: x };
        let track = self.seen.entry(control).or_insert_with(new);
        (track.low, track.high) = (track.low.min(x), track.high.max(x));
    }

    /// The control that is meant, once it is known.
    pub fn result(&mut self, now: Duration) -> Option<Midi> {
        let begun = self.begun?;
        if now.saturating_sub(begun) < WATCH {
            return None;
        }
        let rank = |control: &Control, track: &Track| {
            // Bends and controls are alike: what moves further counts.
            (control.2.min(Kind::Cc), ((track.high - track.low) * 1e6) as u64)
        };
        let best = self.seen.iter().max_by_key(|(control, track)| rank(control, track));
        let (&(port, channel, kind, number), track) = best?;
        let both = |low: u8| {
            self.seen.contains_key(&(port, channel, Kind::Cc, low))
                && self.seen.contains_key(&(port, channel, Kind::Cc, low + 32))
        };
        let source = match kind {
            Kind::Pressure => MidiSource::Pressure(0),
            Kind::Note => MidiSource::Note(number),
            Kind::Bend => MidiSource::Bend(0),
            Kind::Cc if number < 64 && both(number % 32) => MidiSource::Cc14(number % 32),
            Kind::Cc => MidiSource::Cc(number),
        };
        let device = Some(stable_name(&track.port_name).to_owned());
        self.known.extend(self.seen.keys().copied());
        self.seen.clear();
        self.begun = None;
        Some(Midi { device, channel: Some(channel), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::midi::Port;

    fn learnt(learner: &mut Learner, messages: &[&[u8]]) -> Option<Midi> {
        let port = Port { number: 3, name: "nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0".into() };
        let ms = Duration::from_millis;
        for (i, bytes) in messages.iter().enumerate() {
            if let Some(message) = Message::parse(bytes) {
                learner.take(&port, ms(1_000 + i as u64), &message);
            }
        }
        assert_eq!(learner.result(ms(1_001)), None, "it watches a while");
        learner.result(ms(2_000))
    }

    fn source(messages: &[&[u8]]) -> Option<MidiSource> {
        learnt(&mut Learner::default(), messages).map(|midi| midi.source)
    }

    #[test]
    fn the_control_that_moves_most_is_meant() {
        let midi = learnt(
            &mut Learner::default(),
            &[&[0xb1, 7, 60], &[0xb1, 9, 10], &[0xb1, 7, 61], &[0xb1, 9, 90], &[0xf8]],
        );
        let expected = Midi {
            device: Some("nanoKONTROL2:nanoKONTROL2 MIDI 1".into()),
            channel: Some(2),
            source: MidiSource::Cc(9),
        };
        assert_eq!(midi, Some(expected));
    }

    #[test]
    fn every_kind_of_control_is_known() {
        assert_eq!(
            source(&[&[0x90, 36, 100], &[0xd0, 50], &[0xd0, 90]]),
            Some(MidiSource::Note(36))
        );
        // A motor fader is touched, and then moves.
        let bend = [&[0x90, 104, 127][..], &[0xe0, 0, 64], &[0xe0, 0, 90]];
        assert_eq!(source(&bend), Some(MidiSource::Bend(0)));
        let wide = [&[0xb0, 2, 64][..], &[0xb0, 34, 10], &[0xb0, 2, 65], &[0xb0, 34, 90]];
        assert_eq!(source(&wide), Some(MidiSource::Cc14(2)));
        assert_eq!(source(&[&[0xd0, 50], &[0xd0, 90]]), Some(MidiSource::Pressure(0)));
        assert_eq!(source(&[&[0xf8], &[0xfa], &[0xc0, 3], &[0x80, 36, 0]]), None);
    }

    #[test]
    fn what_was_learnt_is_not_learnt_again() {
        let mut learner = Learner::default();
        let first = learnt(&mut learner, &[&[0xb0, 1, 0], &[0xb0, 1, 90]]).unwrap();
        assert_eq!(first.source, MidiSource::Cc(1));
        let both: [&[u8]; 3] = [&[0xb0, 1, 0], &[0xb0, 5, 3], &[0xb0, 1, 127]];
        assert_eq!(learnt(&mut learner, &both).unwrap().source, MidiSource::Cc(5));
    }
}
