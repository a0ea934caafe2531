//! What the show looks like: pictures and curves on nodes, the output, the engine's figures.

pub mod bar;
mod brush;
mod face;
mod icons;
pub mod output;
mod pixels;
mod scale;
#[cfg(test)]
mod testing;
mod window;
mod words;

pub use face::{Face, face_height};
pub use words::{activity, hover_text};
