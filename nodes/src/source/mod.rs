//! Where sound and pictures enter.

pub mod audio;
pub mod image;
pub mod marks;
mod shown;
mod test_card;
pub mod text;
pub mod video;
