//! What the spectrum tells: transforms, banks of filters, descriptors.

pub mod bins;
pub mod chroma_bank;
pub mod contrast;
pub mod decibels;
pub mod descriptors;
pub mod istft;
pub mod layout;
pub mod mel;
pub mod mel_bank;
pub mod mfcc;
pub mod stft;
