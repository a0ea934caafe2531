//! Onsets, tempo and beats.

pub mod onset_row;
pub mod onset_strength;
