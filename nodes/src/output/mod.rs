//! Where pictures leave.

mod master;
mod picture;
pub mod sequence;
pub mod still;
mod strobe;
pub mod video;
