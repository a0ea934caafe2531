//! Pictures that an accelerator draws, and their way to the graphics device.
//!
//! A picture is asked for and not waited for: whoever needs its texels first waits. Where both
//! devices are one, it is drawn into memory of the graphics device itself, and a copy within the
//! device makes a texture of it. Else it is copied to pinned memory as soon as it is drawn, and
//! uploaded from there as it is. Either way the texels are the accelerator's, bit for bit.

mod crossing;
mod image;
mod slot;
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) mod testing;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
#[cfg(target_os = "linux")]
mod vulkan;

pub use crossing::{Crossing, PICTURES, PicturePath};
pub use image::{AcceleratedImage, Redraw};
