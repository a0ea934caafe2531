//! Onsets, tempo and beats.

pub mod accent;
pub mod beat_clock;
pub mod beat_filter;
pub mod beat_study;
pub mod beat_tracker;
pub mod beats;
#[cfg(test)]
mod evaluate;
#[cfg(test)]
mod groove;
pub mod log_bank;
pub mod onset_functions;
pub mod onset_row;
pub mod onset_strength;
pub mod onset_tracker;
pub mod peaks;
#[cfg(test)]
pub mod synth;
pub mod tap;
pub mod tempo;
pub mod tempogram;
