//! Where pictures leave.

mod picture;
pub mod sequence;
pub mod still;
pub mod video;
