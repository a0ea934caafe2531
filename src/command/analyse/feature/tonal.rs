//! Pitches and their classes.

use lumawire_analysis::spectrum::chroma_cens::{NUM_SMOOTHED, cens};
use lumawire_analysis::spectrum::cqt::{CqtSettings, cqt};
use lumawire_analysis::spectrum::norm::Norm;
use lumawire_analysis::spectrum::tonnetz::tonnetz;
use lumawire_analysis::spectrum::tuning::estimate_tuning;
use lumawire_nodes::analysis::{self, chroma, stft};

use super::Feature;
use crate::command::analyse::array::Array;
use crate::command::analyse::live::Reading;

/// The group.
pub const FEATURES: &[Feature] = &[
    Feature::new(
        "chroma_stft",
        "[12, frames]",
        "Pitch classes from C, by the spectrum.",
        |study| Array::Rows(study.chroma_stft().clone()),
    )
    .live(&[&stft::SPEC, &chroma::SPEC], Reading::Rows("chroma")),
    Feature::new(
        "chroma_cqt",
        "[12, frames]",
        "Pitch classes from C, by the constant-Q transform.",
        |study| {
            Array::rows(study.chroma_cqt().map_rows(12, |row, out| {
                out.copy_from_slice(row);
                Norm::Max.apply(out);
            }))
        },
    )
    .live(&[&analysis::chroma_cqt::SPEC], Reading::Rows("chroma")),
    Feature::new("chroma_cens", "[12, frames]", "The same in coarse steps, averaged.", |study| {
        Array::rows(cens(study.chroma_cqt(), NUM_SMOOTHED, Norm::L2))
    }),
    Feature::new(
        "tonnetz",
        "[6, frames]",
        "Where the harmony lies on the circles of fifths, minor and major thirds.",
        |study| Array::rows(tonnetz(study.chroma_cqt())),
    )
    .live(&[&analysis::chroma_cqt::SPEC, &analysis::tonnetz::SPEC], Reading::Rows("bands")),
    Feature::new(
        "cqt",
        "[84, frames]",
        "Complex constant-Q transform: semitones from C1 on.",
        |study| {
            let settings =
                CqtSettings { hop_len: study.settings.hop_len, ..CqtSettings::default() };
            let rows = cqt(&study.sound.samples, study.sound.sample_rate_hz, &settings);
            Array::Complex(rows.into())
        },
    )
    .large(),
    Feature::new(
        "f0",
        "[frames]",
        "Fundamental frequency in Hz (pYIN); NaN without one.",
        |study| {
            let pitches = study.pitches();
            let f0 = pitches.f0_hz.iter().zip(&pitches.voiced);
            Array::reals(f0.map(|(hz, voiced)| if *voiced { *hz } else { f32::NAN }).collect())
        },
    )
    .live(&[&analysis::pitch::SPEC], Reading::Control("hz")),
    Feature::new("voiced_prob", "[frames]", "How likely there is a fundamental, 0..1.", |study| {
        Array::reals(study.pitches().voiced_probability.clone())
    })
    .live(&[&analysis::pitch::SPEC], Reading::Control("probability")),
    Feature::new("tuning", "[]", "How far A4 lies from 440 Hz, in semitones.", |study| {
        Array::Real(estimate_tuning(study.magnitudes(), &study.layout(), 12) as f32)
    })
    .live(&[&stft::SPEC, &analysis::tuning::SPEC], Reading::Control("tuning")),
];
