//! What the sound is doing.

pub mod centroid;
pub mod channel;
pub mod chroma;
pub mod chroma_cqt;
pub mod chroma_filter;
pub mod cqt;
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
pub mod tonnetz;
pub mod tuning;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
