//! Pictures after the generator, on wgpu.

pub mod aberration;
pub mod blend;
pub mod colour;
pub mod displace;
pub mod dither;
pub mod edge;
pub mod feedback;
pub mod glitch;
pub mod gradient_map;
pub mod grain;
pub mod kaleidoscope;
pub mod key;
pub mod lens;
pub mod levels;
pub mod mask;
pub mod mirror;
pub mod motion_blur;
pub mod pixelate;
pub mod polar;
pub mod posterise;
pub mod resize;
pub mod scanlines;
pub mod sharpen;
pub mod solarise;
pub mod transform;
pub mod twirl;
pub mod upscale;
pub mod vignette;

#[cfg(test)]
mod testing;
