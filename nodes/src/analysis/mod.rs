//! What the sound is doing.

pub mod beat;
pub mod centroid;
pub mod channel;
pub mod chroma;
pub mod filter;
pub mod hpss;
pub mod istft;
mod layout;
pub mod level;
pub mod look_ahead;
pub mod mel;
pub mod mix_audio;
pub mod onset;
pub mod rms;
pub mod stft;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
