//! Pictures after the generator, on wgpu.

pub mod blend;
pub mod colour;
pub mod feedback;
pub mod mirror;
pub mod resize;
pub mod transform;
