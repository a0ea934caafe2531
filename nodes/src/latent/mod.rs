//! Points of a generator's latent space, and ways through it.

mod list;
mod npy;
mod npz;
pub(crate) mod points;
mod slots;
mod spline;

pub mod arithmetic;
pub mod bank;
pub mod capture;
pub mod chroma_mix;
pub mod direction;
pub mod grid;
pub mod keyframes;
pub mod r#loop;
pub mod mean;
pub mod mix;
pub mod pads;
pub mod pick;
pub mod smooth;
pub mod style_mix;
pub mod truncate;
pub mod walk;
