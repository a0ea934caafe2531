//! What the spectrum tells: transforms, banks of filters, descriptors.

pub mod bins;
pub mod chroma_bank;
pub mod chroma_cens;
pub mod chroma_cqt;
pub mod chroma_stft;
pub mod cqt;
pub mod layout;
pub mod mel_bank;
pub mod nn_filter;
pub mod norm;
pub mod stft;
pub mod tonnetz;
pub mod tuner;
pub mod tuning;
