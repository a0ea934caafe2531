//! The spectrum and what it tells.

use lumawire_analysis::spectrum::contrast::{ContrastSettings, spectral_contrast};
use lumawire_analysis::spectrum::descriptors::{
    spectral_bandwidth, spectral_centroid, spectral_flatness, spectral_rolloff,
};
use lumawire_nodes::analysis::{bandwidth, centroid, contrast, flatness, mel, mfcc, rolloff, stft};

use super::Feature;
use crate::command::analyse::array::Array;
use crate::command::analyse::live::Reading;

/// The group.
pub const FEATURES: &[Feature] = &[
    Feature::new("stft", "[n_fft/2+1, frames]", "Complex short-time spectrum.", |study| {
        Array::Complex(study.stft().clone())
    })
    .large(),
    Feature::new("mel", "[128, frames]", "Power in 128 mel bands (Slaney).", |study| {
        Array::Rows(study.mel().clone())
    })
    .live(&[&stft::SPEC, &mel::SPEC], Reading::Rows("bands")),
    Feature::new("mfcc", "[20, frames]", "Mel-frequency cepstral coefficients.", |study| {
        Array::Rows(study.mfcc().clone())
    })
    .live(&[&stft::SPEC, &mfcc::SPEC], Reading::Rows("mfcc")),
    Feature::new(
        "spectral_centroid",
        "[1, frames]",
        "Centre of gravity of the magnitudes, in Hz.",
        |study| Array::row(spectral_centroid(study.magnitudes(), study.layout().bin_hz())),
    )
    .live(&[&stft::SPEC, &centroid::SPEC], Reading::Row("hz")),
    Feature::new(
        "spectral_bandwidth",
        "[1, frames]",
        "Spread of the magnitudes about the centroid, in Hz.",
        |study| Array::row(spectral_bandwidth(study.magnitudes(), study.layout().bin_hz(), 2.0)),
    )
    .live(&[&stft::SPEC, &bandwidth::SPEC], Reading::Row("hz")),
    Feature::new(
        "spectral_contrast",
        "[7, frames]",
        "How far peaks stand out from valleys by octaves, in dB.",
        |study| {
            let settings = ContrastSettings::default();
            Array::rows(spectral_contrast(study.magnitudes(), study.layout(), &settings))
        },
    )
    .live(&[&stft::SPEC, &contrast::SPEC], Reading::Rows("bands")),
    Feature::new("spectral_flatness", "[1, frames]", "1 for noise, near 0 for tones.", |study| {
        Array::row(spectral_flatness(study.magnitudes()))
    })
    .live(&[&stft::SPEC, &flatness::SPEC], Reading::Row("flatness")),
    Feature::new(
        "spectral_rolloff",
        "[1, frames]",
        "Frequency below which 85 % of the magnitudes lie, in Hz.",
        |study| Array::row(spectral_rolloff(study.magnitudes(), study.layout().bin_hz(), 0.85)),
    )
    .live(&[&stft::SPEC, &rolloff::SPEC], Reading::Row("hz")),
];
