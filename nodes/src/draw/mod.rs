//! What is drawn from sound and numbers: lines, bars, rows, particles.

mod axis;
pub(crate) mod canvas;
mod colour_map;
mod flow;
pub mod particles;
pub mod scope;
pub mod spectrogram;
pub mod spectrum;
