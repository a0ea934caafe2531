//! Where sound and what is steered from outside enter.

pub mod audio;
pub mod button;
pub mod fader;
pub mod marks;
pub mod notes;
mod presses;
pub mod tempo;
