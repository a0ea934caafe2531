//! The sections of a piece.

use super::Feature;
use crate::command::analyse::array::Array;
use crate::command::analyse::study::Study;

/// The group.
pub const FEATURES: &[Feature] = &[
    Feature::new(
        "segment_ids",
        "[segments]",
        "Kind of each section, numbered by first appearance.",
        |study| Array::Integers(study.sections().iter().map(|s| s.label as i64).collect()),
    ),
    Feature::new("segment_frames", "[segments]", "Frames in which the sections begin.", |study| {
        Array::frames(&starts(study))
    }),
    Feature::new("segment_times", "[segments]", "The same in seconds.", |study| {
        let hop_secs = study.layout().hop_secs();
        Array::reals(starts(study).iter().map(|s| (*s as f64 * hop_secs) as f32).collect())
    }),
];

fn starts(study: &Study) -> Vec<usize> {
    study.sections().iter().map(|section| section.start).collect()
}
