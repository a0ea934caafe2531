//! Points of a generator's latent space, and ways through it.

mod npy;
mod npz;
pub(crate) mod points;

pub mod bank;
pub mod chroma_mix;
pub mod direction;
pub mod r#loop;
pub mod mix;
pub mod pick;
pub mod smooth;
pub mod walk;
