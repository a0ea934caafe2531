//! How loud the sound is, and the sound itself.

use lumawire_analysis::level::rms::{rms, rms_from_spectrum};
use lumawire_analysis::level::zero_crossing::zero_crossing_rate;
use lumawire_nodes::analysis;

use super::Feature;
use crate::command::analyse::array::Array;
use crate::command::analyse::live::Reading;
use crate::command::analyse::sound::Loudness;
use crate::command::analyse::study::Study;

/// The group.
pub const FEATURES: &[Feature] = &[
    Feature::new("y", "[samples]", "The samples that were analysed, full scale ±1.", |study| {
        Array::reals(study.sound.samples.clone())
    })
    .large(),
    Feature::new("rms", "[1, frames]", "Root mean square of the samples.", |study| {
        Array::row(rms(&study.sound.samples, &study.framing()))
    })
    .live(&[&analysis::rms::SPEC], Reading::Row("level")),
    Feature::new(
        "rms_from_S",
        "[1, frames]",
        "Root mean square of the windowed frames, from the spectrum.",
        |study| Array::row(rms_from_spectrum(study.magnitudes(), study.settings.n_fft)),
    ),
    Feature::new(
        "zero_crossing_rate",
        "[1, frames]",
        "Share of the samples where the sign changes.",
        |study| Array::row(zero_crossing_rate(&study.sound.samples, &study.framing())),
    )
    .live(&[&analysis::zero_crossing::SPEC], Reading::Row("rate")),
    Feature::new(
        "loudness_momentary",
        "[frames]",
        "Loudness of the 0.4 s before each frame, in LUFS (BS.1770).",
        |study| curve(study, |loudness| &loudness.momentary_lufs),
    )
    .of_file(),
    Feature::new(
        "loudness_short_term",
        "[frames]",
        "Loudness of the 3 s before each frame, in LUFS (BS.1770).",
        |study| curve(study, |loudness| &loudness.short_term_lufs),
    )
    .of_file(),
    Feature::new("loudness_integrated", "[]", "Loudness of the whole, gated, in LUFS.", |study| {
        number(study, |loudness| loudness.integrated_lufs)
    })
    .of_file(),
    Feature::new("loudness_range", "[]", "Loudness range, in LU (EBU Tech 3342).", |study| {
        number(study, |loudness| loudness.range_lu)
    })
    .of_file(),
    Feature::new("true_peak", "[]", "Largest peak between the samples too, in dBTP.", |study| {
        number(study, |loudness| loudness.true_peak_dbtp)
    })
    .of_file(),
];

fn curve(study: &Study, of: impl Fn(&Loudness) -> &Vec<f32>) -> Array {
    Array::reals(study.loudness.as_ref().map(of).cloned().unwrap_or_default())
}

fn number(study: &Study, of: impl Fn(&Loudness) -> f32) -> Array {
    Array::Real(study.loudness.as_ref().map_or(f32::NAN, of))
}
