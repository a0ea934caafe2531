//! Onsets, tempo and beats.

pub mod beats;
pub mod log_bank;
pub mod onset_functions;
pub mod onset_row;
pub mod onset_strength;
pub mod onset_tracker;
pub mod peaks;
#[cfg(test)]
pub mod synth;
pub mod tempo;
pub mod tempogram;
