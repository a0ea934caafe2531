//! Onsets, tempo and beats.

pub mod accent;
pub mod beat_clock;
pub mod beat_filter;
pub mod beat_study;
pub mod beat_tracker;
pub mod beats;
#[cfg(test)]
mod evaluate;
pub mod onset_row;
pub mod onset_strength;
#[cfg(test)]
mod synth;
pub mod tap;
pub mod tempo;
pub mod tempogram;
