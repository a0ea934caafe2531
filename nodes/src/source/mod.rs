//! Where sound, pictures and what is steered from outside enter.

pub mod audio;
pub mod button;
pub mod fader;
pub mod image;
pub mod marks;
pub mod notes;
mod presses;
mod shown;
pub mod tempo;
mod test_card;
pub mod text;
pub mod video;
