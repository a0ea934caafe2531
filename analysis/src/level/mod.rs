//! Loudness and pitch.

pub mod k_weighting;
pub mod loudness;
pub mod pyin;
pub mod rms;
pub mod true_peak;
pub mod yin;
pub mod zero_crossing;
