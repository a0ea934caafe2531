//! What MIDI says.

use lumawire_core::control::MidiSource;

/// A message of MIDI 1.0, of those that mean something here. Channels are 1..16, data 0..127.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are MIDI's own
pub enum Message {
    NoteOn {
        channel: u8,
        note: u8,
        velocity: u8,
    },
    NoteOff {
        channel: u8,
        note: u8,
    },
    Control {
        channel: u8,
        number: u8,
        value: u8,
    },
    Program {
        channel: u8,
        number: u8,
    },
    Pressure {
        channel: u8,
        value: u8,
    },
    /// 0..16383, at rest 8192.
    Bend {
        channel: u8,
        value: u16,
    },
    /// The clock, 24 times a beat.
    Tick,
    Start,
    Continue,
    Stop,
    /// In sixteenths from the beginning.
    SongPosition(u16),
}

impl Message {
    /// Reads one whole message. `None` for what is cut off, no message, or none of these: SysEx,
    /// active sensing, pressure on single keys. A note struck with velocity 0 is one released.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&status, data) = bytes.split_first()?;
        let data7 = |i: usize| data.get(i).copied().filter(|v| *v < 0x80);
        let data14 = || Some(u16::from(data7(1)?) << 7 | u16::from(data7(0)?));
        let channel = (status & 0x0f) + 1;
        Some(match status {
            0x80..=0x8f => {
                data7(1)?;
                Self::NoteOff { channel, note: data7(0)? }
            }
            0x90..=0x9f => match (data7(0)?, data7(1)?) {
                (note, 0) => Self::NoteOff { channel, note },
                (note, velocity) => Self::NoteOn { channel, note, velocity },
            },
            0xb0..=0xbf => Self::Control { channel, number: data7(0)?, value: data7(1)? },
            0xc0..=0xcf => Self::Program { channel, number: data7(0)? },
            0xd0..=0xdf => Self::Pressure { channel, value: data7(0)? },
            0xe0..=0xef => Self::Bend { channel, value: data14()? },
            0xf2 => Self::SongPosition(data14()?),
            0xf8 => Self::Tick,
            0xfa => Self::Start,
            0xfb => Self::Continue,
            0xfc => Self::Stop,
            _ => return None,
        })
    }

    /// The bytes that put a control to `x`, 0..1: what a motor fader, ring or pad takes.
    pub fn feedback(source: MidiSource, channel: u8, x: f64) -> Vec<Vec<u8>> {
        let channel = channel.clamp(1, 16) - 1;
        let control = |number: u8, value: u8| vec![0xb0 | channel, number & 0x7f, value];
        match source {
            MidiSource::Cc(number) => vec![control(number, level7(x))],
            MidiSource::Cc14(number) => {
                let value = level14(x);
                let (high, low) = ((value >> 7) as u8, (value & 0x7f) as u8);
                vec![control(number & 0x1f, high), control((number & 0x1f) + 32, low)]
            }
            MidiSource::Note(note) => vec![vec![0x90 | channel, note & 0x7f, level7(x)]],
            MidiSource::Bend(_) => {
                let value = bend_of(x);
                vec![vec![0xe0 | channel, (value & 0x7f) as u8, (value >> 7) as u8]]
            }
            MidiSource::Pressure(_) => Vec::new(),
        }
    }
}

fn level7(x: f64) -> u8 {
    (x.clamp(0.0, 1.0) * 127.0).round() as u8
}

fn level14(x: f64) -> u16 {
    (x.clamp(0.0, 1.0) * 16_383.0).round() as u16
}

/// Where a pitch bend stands, 0..1: its rest is exactly the middle.
pub(super) fn bend_place(value: u16) -> f64 {
    let v = f64::from(value) - 8_192.0;
    if v <= 0.0 { 0.5 + v / 16_384.0 } else { 0.5 + v / 16_382.0 }
}

fn bend_of(x: f64) -> u16 {
    let v = x.clamp(0.0, 1.0) - 0.5;
    let v = if v <= 0.0 { v * 16_384.0 } else { v * 16_382.0 };
    (8_192.0 + v).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_midi_1_0_writes_them() {
        for (bytes, expected) in [
            (&[0x90, 60, 100][..], Message::NoteOn { channel: 1, note: 60, velocity: 100 }),
            (&[0x9f, 60, 0], Message::NoteOff { channel: 16, note: 60 }),
            (&[0x81, 60, 64], Message::NoteOff { channel: 2, note: 60 }),
            (&[0xb2, 7, 127], Message::Control { channel: 3, number: 7, value: 127 }),
            (&[0xc0, 5], Message::Program { channel: 1, number: 5 }),
            (&[0xd4, 9], Message::Pressure { channel: 5, value: 9 }),
            (&[0xe0, 0, 64], Message::Bend { channel: 1, value: 8_192 }),
            (&[0xe0, 127, 127], Message::Bend { channel: 1, value: 16_383 }),
            (&[0xf2, 3, 1], Message::SongPosition(131)),
            (&[0xf8], Message::Tick),
            (&[0xfa], Message::Start),
            (&[0xfb], Message::Continue),
            (&[0xfc], Message::Stop),
        ] {
            assert_eq!(Message::parse(bytes), Some(expected), "{bytes:x?}");
        }
    }

    #[test]
    fn nothing_else_means_anything() {
        let others: [&[u8]; 9] = [
            &[],
            &[0x90, 60],
            &[0x90, 200, 1],
            &[0x80, 60],
            &[0xe0, 1],
            &[0xf0, 1, 2, 0xf7],
            &[0xfe],
            &[0xa0, 60, 3],
            &[60, 100],
        ];
        for bytes in others {
            assert_eq!(Message::parse(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn a_bend_at_rest_is_the_middle_and_every_value_comes_back() {
        let places = [0, 8_192, 16_383].map(bend_place);
        assert_eq!(places, [0.0, 0.5, 1.0]);
        assert!((0..16_384).all(|v| bend_of(bend_place(v)) == v));
        assert!((0..128).all(|v| level7(f64::from(v) / 127.0) == v));
        assert!((0..16_384).all(|v| level14(f64::from(v) / 16_383.0) == v));
    }

    #[test]
    fn feedback_is_what_the_control_would_send() {
        use MidiSource::{Bend, Cc, Cc14, Note, Pressure};
        let bytes = |source, x| Message::feedback(source, 2, x).concat();
        assert_eq!(bytes(Cc(7), 1.0), [0xb1, 7, 127]);
        assert_eq!(bytes(Cc14(3), 0.5), [0xb1, 3, 64, 0xb1, 35, 0]);
        assert_eq!(bytes(Note(36), 0.0), [0x91, 36, 0]);
        assert_eq!(bytes(Bend(0), 0.5), [0xe1, 0, 64]);
        assert!(bytes(Pressure(0), 1.0).is_empty());
        let Some(Message::Bend { value, .. }) = Message::parse(&bytes(Bend(0), 1.0)) else {
            panic!("no bend")
        };
        assert_eq!(value, 16_383);
    }
}
