//! What the spectrum tells: transforms, banks of filters, descriptors.

pub mod bins;
pub mod chroma_bank;
pub mod cqt;
pub mod layout;
pub mod mel_bank;
pub mod stft;
