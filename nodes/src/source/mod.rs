//! Where sound enters.

pub mod audio;
