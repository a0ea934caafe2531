//! What the spectrum tells: transforms, banks of filters, descriptors.

pub mod bins;
pub mod chroma_bank;
pub mod chroma_cens;
pub mod chroma_cqt;
pub mod chroma_stft;
pub mod contrast;
pub mod cqt;
pub mod decibels;
pub mod descriptors;
pub mod istft;
pub mod layout;
pub mod mel;
pub mod mel_bank;
pub mod mfcc;
pub mod nn_filter;
pub mod norm;
pub mod stft;
pub mod tonnetz;
pub mod tuning;
