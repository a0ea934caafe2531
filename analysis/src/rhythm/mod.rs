//! Onsets, tempo and beats.

pub mod beats;
pub mod tempo;
pub mod tempogram;
