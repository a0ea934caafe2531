//! Onsets, tempo and beats.

pub mod beats;
pub mod onset_row;
pub mod onset_strength;
pub mod peaks;
#[cfg(test)]
pub mod synth;
pub mod tempo;
pub mod tempogram;
