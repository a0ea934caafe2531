//! What became of a control: messages, and pairs of them, as one move.

use std::collections::BTreeMap;

use lumawire_core::control::MidiSource;

use super::message::{Message, bend_place};

/// A move of one control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Touch {
    /// A fader or knob stands here, 0..1; `raw` in its 7 (upper) bits.
    Level {
        /// Its place.
        x: f64,
        /// As it was sent.
        raw: u8,
    },
    /// A key was struck so hard, 0..1.
    On(f64),
    /// It was released.
    Off,
}

/// The two halves of a control of 14 bits.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    high: u8,
    low: u8,
    has_low: bool,
}

impl Pair {
    /// The lower half comes after the upper: until it does, the value is the nearest to the last
    /// with the new upper half, so that a slow move has no jolt.
    fn take_high(&mut self, high: u8) {
        if self.has_low && high != self.high {
            self.low = if high > self.high { 0 } else { 127 };
        }
        self.high = high;
    }

    /// A device that sends the upper half alone goes to 1 nevertheless.
    fn place(self) -> f64 {
        if self.has_low {
            f64::from(u16::from(self.high) << 7 | u16::from(self.low)) / 16_383.0
        } else {
            f64::from(self.high) / 127.0
        }
    }
}

/// What moved, and on which channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moved {
    /// The channel, 1..16.
    pub channel: u8,
    /// The control.
    pub source: MidiSource,
    /// How.
    pub touch: Touch,
}

/// Makes moves of messages.
#[derive(Debug, Default)]
pub struct Hands {
    /// By port, channel and number of the upper half.
    pairs: BTreeMap<(u32, u8, u8), Pair>,
}

impl Hands {
    /// The moves that a message of a port means: a control change may be two, of 7 and 14 bits.
    pub fn take(&mut self, port: u32, message: &Message) -> [Option<Moved>; 2] {
        let moved = |channel, source, touch| Some(Moved { channel, source, touch });
        match *message {
            Message::NoteOn { channel, note, velocity } => {
                let touch = Touch::On(f64::from(velocity) / 127.0);
                [moved(channel, MidiSource::Note(note), touch), None]
            }
            Message::NoteOff { channel, note } => {
                [moved(channel, MidiSource::Note(note), Touch::Off), None]
            }
            Message::Control { channel, number, value } => {
                let touch = Touch::Level { x: f64::from(value) / 127.0, raw: value };
                let short = moved(channel, MidiSource::Cc(number), touch);
                [short, self.pair(port, channel, number, value)]
            }
            Message::Pressure { channel, value } => {
                let touch = Touch::Level { x: f64::from(value) / 127.0, raw: value };
                [moved(channel, MidiSource::Pressure(0), touch), None]
            }
            Message::Bend { channel, value } => {
                let touch = Touch::Level { x: bend_place(value), raw: (value >> 7) as u8 };
                [moved(channel, MidiSource::Bend(0), touch), None]
            }
            _ => [None; 2],
        }
    }

    fn pair(&mut self, port: u32, channel: u8, number: u8, value: u8) -> Option<Moved> {
        if number >= 64 {
            return None;
        }
        let upper = number % 32;
        let pair = self.pairs.entry((port, channel, upper)).or_default();
        if number < 32 {
            pair.take_high(value);
        } else {
            (pair.low, pair.has_low) = (value, true);
        }
        let touch = Touch::Level { x: pair.place(), raw: pair.high };
        Some(Moved { channel, source: MidiSource::Cc14(upper), touch })
    }

    /// Forgets a port that is gone.
    pub fn forget(&mut self, port: u32) {
        self.pairs.retain(|(of, _, _), _| *of != port);
    }
}

/// Whether a move is one of what a binding names: the number of bends and pressures means nothing.
pub(super) fn is_same(bound: MidiSource, moved: MidiSource) -> bool {
    match (bound, moved) {
        (MidiSource::Bend(_), MidiSource::Bend(_))
        | (MidiSource::Pressure(_), MidiSource::Pressure(_)) => true,
        (bound, moved) => bound == moved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(hands: &mut Hands, messages: &[(u8, u8)]) -> Vec<f64> {
        let mut place = |&(number, value): &(u8, u8)| {
            let message = Message::Control { channel: 1, number, value };
            match hands.take(0, &message)[1].map(|moved| moved.touch) {
                Some(Touch::Level { x, .. }) => (x * 16_383.0).round(),
                other => panic!("{other:?}"),
            }
        };
        messages.iter().map(&mut place).collect()
    }

    #[test]
    fn fourteen_bits_are_upper_then_lower() {
        let mut hands = Hands::default();
        places(&mut hands, &[(5, 0), (37, 0)]);
        let whole = |v: u16| [(5, (v >> 7) as u8), (37, (v & 127) as u8)];
        for v in (0..16_384).step_by(61).chain([16_383, 0, 8_191, 8_192]) {
            assert_eq!(places(&mut hands, &whole(v))[1], f64::from(v));
        }
        // The lower half alone moves finely.
        places(&mut hands, &whole(5_000));
        let fine = places(&mut hands, &[(37, 9), (37, 10)]);
        assert_eq!(fine, [4_992.0 + 9.0, 4_992.0 + 10.0]);
    }

    #[test]
    fn a_slow_move_has_no_jolt_where_the_upper_half_changes() {
        let mut hands = Hands::default();
        places(&mut hands, &[(1, 10), (33, 120)]);
        let up: Vec<(u8, u8)> =
            (1_400_u16..1_420).flat_map(|v| [(1, (v >> 7) as u8), (33, (v & 127) as u8)]).collect();
        let seen = places(&mut hands, &up);
        assert!(seen.windows(2).all(|w| w[0] <= w[1]), "{seen:?}");
        let down: Vec<(u8, u8)> = (1_400_u16..1_420)
            .rev()
            .flat_map(|v| [(1, (v >> 7) as u8), (33, (v & 127) as u8)])
            .collect();
        let seen = places(&mut hands, &down);
        assert!(seen.windows(2).all(|w| w[0] >= w[1]), "{seen:?}");
    }

    #[test]
    fn an_upper_half_without_a_lower_reaches_both_ends() {
        let mut hands = Hands::default();
        let seen = places(&mut hands, &[(2, 0), (2, 127), (2, 0)]);
        assert_eq!(seen, [0.0, 16_383.0, 0.0]);
    }

    #[test]
    fn pairs_of_ports_and_channels_are_apart() {
        let mut hands = Hands::default();
        places(&mut hands, &[(2, 64), (34, 3)]);
        let other = Message::Control { channel: 2, number: 34, value: 5 };
        let level = |touch| match touch {
            Touch::Level { x, .. } => (x * 16_383.0).round(),
            other => panic!("{other:?}"),
        };
        let moved = hands.take(0, &other)[1].unwrap();
        assert_eq!((moved.channel, level(moved.touch)), (2, 5.0));
        let moved = hands.take(1, &Message::Control { channel: 1, number: 34, value: 7 })[1];
        assert_eq!(level(moved.unwrap().touch), 7.0);
        hands.forget(0);
        let moved = hands.take(0, &Message::Control { channel: 1, number: 34, value: 9 })[1];
        assert_eq!(level(moved.unwrap().touch), 9.0);
    }
}
