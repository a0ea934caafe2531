//! Where things begin, and how they repeat.

use lumawire_analysis::rhythm::peaks::onset_backtrack;
use lumawire_analysis::rhythm::tempogram::tempogram;
use lumawire_nodes::analysis::{beat, onset, stft};

use super::Feature;
use crate::command::analyse::array::Array;
use crate::command::analyse::live::Reading;

/// Frames of a tempogram's window.
const TEMPOGRAM_LEN: usize = 384;

/// The group.
pub const FEATURES: &[Feature] = &[
    Feature::new("onset_strength", "[frames]", "How strongly something begins, in dB.", |study| {
        Array::Reals(study.onset_strength().clone())
    })
    .live(&[&stft::SPEC, &onset::SPEC], Reading::Control("flux")),
    Feature::new("onset_frames", "[onsets]", "Frames in which something begins.", |study| {
        Array::frames(study.onsets())
    })
    .live(&[&stft::SPEC, &onset::SPEC], Reading::Hits("hit")),
    Feature::new(
        "onset_backtrack_frames",
        "[onsets]",
        "The onsets moved back to where their strength begins to rise.",
        |study| Array::frames(&onset_backtrack(study.onsets(), study.onset_strength())),
    ),
    Feature::new("tempo", "[]", "Beats a minute.", |study| Array::Real(study.beats().bpm as f32))
        .live(&[&stft::SPEC, &beat::SPEC], Reading::Control("bpm")),
    Feature::new("beat_frames", "[beats]", "Frames of the beats.", |study| {
        Array::frames(&study.beats().frames)
    })
    .live(&[&stft::SPEC, &beat::SPEC], Reading::Hits("beat")),
    Feature::new(
        "tempogram",
        "[384, frames]",
        "Autocorrelation of the onset strength about each frame.",
        |study| Array::rows(tempogram(study.onset_strength(), TEMPOGRAM_LEN)),
    )
    .large(),
];
