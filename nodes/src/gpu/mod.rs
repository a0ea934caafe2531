//! Pictures on the graphics device, for every node that needs them there.
//!
//! On the device a picture is linear light with straight alpha, as `Rgba16Float`: negative values
//! and values above white survive, and no texel is ever NaN or infinite. Filters premultiply what
//! they read and straighten what they write (`prelude.wgsl`). No hardware sampler is used: taps are
//! read one by one, so that all devices interpolate alike.
//!
//! Passes are recorded and submitted together, once somebody reads a picture back or works on the
//! queue himself (`recorder.rs`): a chain of effects is one submission, and allocates nothing.
//!
//! One effect is one WGSL file beside one node file: see [`Filter`] for a node that is one pass, and
//! [`Effect`] for what has several. A lost device is opened anew by the next pass that draws.

mod accelerated;
mod blur;
mod convert;
mod device;
mod effect;
mod filter;
mod flow;
mod picture;
mod pool;
mod recorder;
mod rehearsal;
mod resample;
mod shader;
mod strokes;
#[cfg(test)]
pub(crate) mod testing;
mod thumbnail;
mod user;

#[cfg(all(test, target_os = "linux"))]
pub(crate) use accelerated::testing as simulated;
pub use accelerated::{AcceleratedImage, Crossing, PICTURES, PicturePath, Redraw};
pub use blur::{BORDERS, Blur, Blurred, Border};
pub(crate) use convert::{finite, linear_from_srgb8, map_pixels};
pub use convert::{linear_from_srgb, srgb_from_linear, srgb8_from_linear};
pub use device::Gpu;
pub use effect::Effect;
pub use filter::Filter;
pub use flow::Flow;
pub use picture::{GpuImage, device_from_image, host_from_texture, texture_from_host};
pub use rehearsal::Rehearsal;
pub use resample::{FITS, Fit, KERNELS, Kernel, Resampler};
pub use strokes::{Form, MAX_STROKES, Meet, Stroke, Strokes};
pub use thumbnail::GpuThumbnails;
pub(crate) use user::{PRELUDE, UserPass, on_deep_stack};
