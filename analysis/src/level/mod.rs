//! Loudness and pitch.

pub mod rms;
pub mod zero_crossing;
