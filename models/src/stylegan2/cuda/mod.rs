//! The synthesis network as kernels of an accelerator.
//!
//! Features lie channels last, `[height, width, channels]`, in the numbers of their layer. Styles
//! scale the weights on their way into the matrix units, so that one packed copy serves every
//! picture; demodulation, noise, bias, activation and bound follow each sum while it is in
//! registers. Every value is summed in one order: equal inputs give equal pictures.

mod bend;
mod conv;
mod engine;
mod features;
mod finish;
mod layer;
mod modulate;
mod noise;
#[cfg(any(feature = "cuda", test))]
pub(crate) mod ptx;
mod space;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod to_rgb;
mod verify;

use std::fmt;
use std::str::FromStr;

pub(super) use engine::{Engine, Job};
use features::padded;
pub use verify::verify;

/// The numbers in which a layer's features and weights lie, and how they are multiplied. Sums are
/// always in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Numbers {
    /// 32 bits; each product is made of three tf32 products and differs by about 1e-6.
    F32,
    /// 32 bits in memory, products of tf32 (10 bits of mantissa).
    Tf32,
    /// Halves.
    F16,
    /// 16 bits with the range of 32.
    Bf16,
}

impl Numbers {
    /// Bytes of one number in memory.
    pub fn num_bytes(self) -> usize {
        match self {
            Self::F32 | Self::Tf32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// In which numbers the network's layers are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// As the network was published: halves in the four finest resolutions, 32 bits below.
    #[default]
    Published,
    /// 32 bits everywhere.
    F32,
    /// tf32 everywhere.
    Tf32,
    /// Halves everywhere.
    F16,
    /// bf16 everywhere.
    Bf16,
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|precision| precision.to_string() == text);
        found.ok_or_else(|| {
            format!(
                "`{text}` is no precision: choose {}",
                Self::ALL.map(|p| p.to_string()).join(", ")
            )
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Published => "published",
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Published, Self::F32, Self::Tf32, Self::F16, Self::Bf16];

    /// Resolutions, from the finest, that the published networks compute in halves.
    const NUM_HALF_RESOLUTIONS: u32 = 4;

    /// The numbers of the layers of `resolution` in a network of pictures of `img_resolution`.
    pub fn numbers(self, resolution: usize, img_resolution: usize) -> Numbers {
        let is_fine = resolution << Self::NUM_HALF_RESOLUTIONS > img_resolution;
        match self {
            Self::Published if is_fine => Numbers::F16,
            Self::Published | Self::F32 => Numbers::F32,
            Self::Tf32 => Numbers::Tf32,
            Self::F16 => Numbers::F16,
            Self::Bf16 => Numbers::Bf16,
        }
    }
}
