//! Pictures on the graphics device, for every node that needs them there.
//!
//! On the device a picture is linear light with straight alpha, as `Rgba16Float`: negative values
//! and values above white survive, and no texel is ever NaN or infinite. Filters premultiply what
//! they read and straighten what they write (`prelude.wgsl`). No hardware sampler is used: taps are
//! read one by one, so that all devices interpolate alike.
//!
//! One effect is one WGSL file beside one node file: see [`Filter`] for a node that is one pass, and
//! [`Effect`] for what has several. A lost device is opened anew by the next pass that draws.

mod convert;
mod device;
mod effect;
mod filter;
mod picture;
mod pool;
mod resample;
mod shader;
#[cfg(test)]
pub(crate) mod testing;
mod user;

pub(crate) use convert::{finite, linear_from_srgb8, map_pixels};
pub use convert::{linear_from_srgb, srgb_from_linear, srgb8_from_linear};
pub use device::Gpu;
pub use effect::Effect;
pub use filter::Filter;
pub use picture::{GpuImage, device_from_image, host_from_texture, texture_from_host};
pub use resample::{FITS, Fit, KERNELS, Kernel, Resampler};
pub(crate) use user::{PRELUDE, UserPass};
