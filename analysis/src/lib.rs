//! What can be heard in sound.
//!
//! Each feature has one definition, used in two ways: over a whole signal, looking ahead, with
//! librosa's names, defaults and numbers; and sample by sample or row by row, causal, with a stated
//! latency and without allocation in steady state. Nodes and the command share both. Nothing here
//! knows of graphs, files or devices.
//!
//! Samples are `f32` at full scale ±1. What comes in need not be clean: what is no finite number
//! counts as silence ([`signal::sane`]), and no such value leaves.

pub mod envelope;
pub mod level;
pub mod rhythm;
mod rows;
pub mod separate;
pub mod signal;
pub mod spectrum;
pub mod structure;
#[cfg(test)]
mod testing;

pub use rows::Rows;
