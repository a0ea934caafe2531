//! Where sound enters.

pub mod audio;
pub mod marks;
