//! Shaping a control over time: over a whole signal, and value by value.
//!
//! All widths are in seconds, or in ticks where the caller knows how long one lasts: the look must
//! not change with the rate. Nothing wraps from the end of a signal to its start.

pub mod compress;
pub mod delay;
pub mod follow;
pub mod gate;
pub mod gaussian;
pub mod normalise;
pub mod percentile;
pub mod recent;
pub mod resample;
