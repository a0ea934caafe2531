//! Where pictures leave.

pub mod osc;
mod picture;
pub mod sequence;
pub mod still;
pub mod video;
