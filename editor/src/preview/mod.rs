//! What the show looks like: pictures and curves on nodes, the output, the engine's figures.

pub mod bar;
mod face;
pub mod output;

pub use face::{Face, face_height};
