//! What the sound is doing.

pub mod bandwidth;
pub mod beat;
pub mod centroid;
pub mod channel;
pub mod chroma;
pub mod chroma_cqt;
pub mod chroma_filter;
pub mod contrast;
pub mod cqt;
pub mod drop;
pub mod filter;
pub mod flatness;
pub mod hpss;
pub mod hpss_audio;
pub(crate) mod hue;
pub mod istft;
mod layout;
pub mod level;
pub mod look_ahead;
pub mod loudness;
pub mod mel;
pub mod mfcc;
pub mod mix_audio;
pub mod onset;
mod onset_voice;
pub mod pitch;
mod place;
pub mod rms;
pub mod rolloff;
pub mod sections;
pub mod stft;
pub mod tonnetz;
pub mod tuning;
pub mod zero_crossing;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
