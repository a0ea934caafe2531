//! Where pictures leave.

mod master;
pub mod osc;
mod picture;
pub mod sequence;
pub mod still;
mod strobe;
pub mod video;
