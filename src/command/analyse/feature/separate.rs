//! What sings and what strikes.

use lumawire_analysis::separate::hpss::{HpssSettings, hpss_masks};
use lumawire_nodes::analysis::{hpss, stft};

use super::Feature;
use crate::command::analyse::array::Array;
use crate::command::analyse::live::Reading;
use crate::command::analyse::study::Study;

/// The group.
pub const FEATURES: &[Feature] = &[
    Feature::new(
        "hpss_mask_harm",
        "[n_fft/2+1, frames]",
        "Share of what sings in each bin, 0..1.",
        |study| mask(study, 0),
    )
    .large()
    .live(&[&stft::SPEC, &hpss::SPEC], Reading::Share("harmonic", "percussive")),
    Feature::new(
        "hpss_mask_perc",
        "[n_fft/2+1, frames]",
        "Share of what strikes in each bin, 0..1.",
        |study| mask(study, 1),
    )
    .large()
    .live(&[&stft::SPEC, &hpss::SPEC], Reading::Share("percussive", "harmonic")),
];

/// One of the two masks, computed anew: together with the spectrum both would take twice its memory.
fn mask(study: &Study, part: usize) -> Array {
    let masks = hpss_masks(study.magnitudes(), &HpssSettings::default());
    Array::rows(masks.into_iter().nth(part).unwrap_or_default())
}
