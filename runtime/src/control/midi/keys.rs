//! The keys that are held, for the `source.notes` nodes of a patch.

use std::collections::BTreeMap;

use lumawire_core::ParamValue;
use lumawire_core::control::target;
use lumawire_core::plan::{Plan, Step};

use super::message::Message;
use crate::control::Event;

/// The kind of node that shows keys.
pub const NOTES_KIND: &str = "source.notes";
/// The channel that it hears, 1..16; 0 is all.
pub const CHANNEL: &str = "channel";
/// MIDI number of the last note.
pub const NOTE: &str = "note";
/// Velocity of the last note.
pub const VELOCITY: &str = "velocity";
/// Number of held keys.
pub const NUM_HELD: &str = "num_held";
/// Count of the keys struck.
pub const HITS: &str = "hits";
/// Velocities of the twelve notes, from C.
pub const CLASSES: [&str; 12] =
    ["c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b"];

/// Controllers that release all keys of a channel: all sound off, all notes off.
const ALL_OFF: [u8; 2] = [120, 123];

/// The keys that are held.
#[derive(Debug, Default)]
pub struct Keys {
    /// Velocity 1..127 by port, channel and note.
    held: BTreeMap<(u32, u8, u8), u8>,
}

impl Keys {
    /// What a message of a port means for the plan's `source.notes` nodes.
    pub fn take(&mut self, port: u32, message: &Message, plan: &Plan) -> Vec<Event> {
        match *message {
            Message::NoteOn { channel, note, velocity } => {
                self.held.insert((port, channel, note), velocity);
                let strike = |step: &Step| self.strike(step, note, velocity);
                hearing(plan, channel).flat_map(strike).collect()
            }
            Message::NoteOff { channel, note } => {
                if self.held.remove(&(port, channel, note)).is_none() {
                    return Vec::new();
                }
                let class = note % 12;
                hearing(plan, channel).flat_map(|step| self.show(step, class..class + 1)).collect()
            }
            Message::Control { channel, number, .. } if ALL_OFF.contains(&number) => {
                self.release(plan, |of, on| of == port && on == channel)
            }
            _ => Vec::new(),
        }
    }

    /// Releases the keys of a port that is gone.
    pub fn forget(&mut self, port: u32, plan: &Plan) -> Vec<Event> {
        self.release(plan, |of, _| of == port)
    }

    fn release(&mut self, plan: &Plan, is_meant: impl Fn(u32, u8) -> bool) -> Vec<Event> {
        let before = self.held.len();
        self.held.retain(|(port, channel, _), _| !is_meant(*port, *channel));
        if self.held.len() == before {
            return Vec::new();
        }
        let steps = plan.steps.iter().filter(|step| step.spec.kind == NOTES_KIND);
        steps.flat_map(|step| self.show(step, 0..12)).collect()
    }

    fn strike(&self, step: &Step, note: u8, velocity: u8) -> Vec<Event> {
        let class = note % 12;
        let mut events = self.show(step, class..class + 1);
        let place = |param| target(&step.id, param);
        let velocity = ParamValue::Float(f64::from(velocity) / 127.0);
        events.push(Event::Set { target: place(NOTE), value: ParamValue::Int(i64::from(note)) });
        events.push(Event::Set { target: place(VELOCITY), value: velocity });
        events.push(Event::Press { target: place(HITS), hits: 1 });
        events
    }

    /// The loudest of each of some notes, and the number of keys.
    fn show(&self, step: &Step, classes: std::ops::Range<u8>) -> Vec<Event> {
        let heard = || self.held.iter().filter(|((_, channel, _), _)| hears(step, *channel));
        let mut events = Vec::new();
        for class in classes {
            let Some(param) = CLASSES.get(usize::from(class)) else { continue };
            let of_class = heard().filter(|((_, _, note), _)| note % 12 == class);
            let loudest = of_class.map(|(_, velocity)| *velocity).max().unwrap_or(0);
            let value = ParamValue::Float(f64::from(loudest) / 127.0);
            events.push(Event::Set { target: target(&step.id, param), value });
        }
        let value = ParamValue::Int(i64::try_from(heard().count()).unwrap_or(i64::MAX));
        events.push(Event::Set { target: target(&step.id, NUM_HELD), value });
        events
    }
}

fn hearing(plan: &Plan, channel: u8) -> impl Iterator<Item = &Step> {
    let is_meant = move |step: &&Step| step.spec.kind == NOTES_KIND && hears(step, channel);
    plan.steps.iter().filter(is_meant)
}

fn hears(step: &Step, channel: u8) -> bool {
    let wanted = step.spec.param(CHANNEL).and_then(|i| step.params.get(i));
    let wanted = wanted.and_then(ParamValue::as_f64).unwrap_or(0.0) as u8;
    wanted == 0 || wanted == channel
}
