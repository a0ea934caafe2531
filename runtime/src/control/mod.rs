//! What steers a running show from outside its graph: OSC, MIDI, presets, cues, a recorded take.
//!
//! ```text
//! OSC, MIDI, editor ──Remote──▶ inbox ─┐
//! cue list, preset, take ──────────────┴─▶ Desk ──binds──▶ Engine ──▶ Board ──▶ OSC, MIDI, editor
//! ```
//!
//! Whatever comes is an [`Event`], gets the number of the sample before which it counts, and ends as
//! a value that a parameter is bound to. Equal events at equal samples give equal shows.

mod board;
mod desk;
mod event;
mod inbox;
mod lane;
pub mod midi;
pub mod osc;
pub mod sync;

pub use board::{Board, Reading};
pub use desk::{Desk, Notice};
pub use event::{Entry, Event, Stamped};
pub use inbox::{InboxCounts, Remote};
