//! What steers a show besides its wires: bindings of OSC and MIDI, presets, cues. The patch keeps
//! them as JSON; here they are read, and every fault is found with its place.

mod binding;
mod cue;
mod curve;
mod preset;
mod score;

pub use binding::{Binding, BindingMode, Midi, MidiSource, StepCode};
pub use cue::{Cue, Cues, Moment, Tempo};
pub use curve::Curve;
pub use preset::Preset;
pub use score::{ControlFault, Score};

/// The name of a parameter in bindings, presets and events: `node.param`.
pub fn target(node: &str, param: &str) -> String {
    format!("{node}.{param}")
}
