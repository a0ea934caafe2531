//! The sections of a whole piece.

use super::kmeans::{KmeansSettings, kmeans};
use super::laplacian::{balance, modes, path_affinity};
use super::recurrence::{RecurrenceSettings, filter_diagonals, recurrence_matrix};
use super::sync::{Aggregate, edges, sync};
use crate::Rows;

/// How to divide a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentSettings {
    /// Number of kinds of section, or `None` to let the piece decide within 2 to 8.
    pub num_labels: Option<usize>,
    /// How to find repetitions.
    pub recurrence: RecurrenceSettings,
    /// Moments over which a repetition is smoothed, odd.
    pub smooth_moments: usize,
    /// Where the random numbers of the clustering begin.
    pub seed: u64,
}

impl Default for SegmentSettings {
    /// Five kinds, as librosa's gallery.
    fn default() -> Self {
        let recurrence = RecurrenceSettings::default();
        Self { num_labels: Some(5), recurrence, smooth_moments: 7, seed: 0 }
    }
}

/// A section of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// First frame.
    pub start: usize,
    /// Frame after the last.
    pub end: usize,
    /// Its kind, numbered by first appearance.
    pub label: usize,
}

/// Moments that are compared at the most; of longer pieces neighbours are put together. The work
/// grows with the cube.
const MAX_MOMENTS: usize = 1_024;
const NUM_STARTS: usize = 50;
const AUTO_LABELS: std::ops::RangeInclusive<usize> = 2..=8;

/// Kind of each moment of a piece, `[n]`, by Laplacian segmentation (McFee and Ellis 2014): moments
/// are alike where they repeat in `harmony`, `[n, bins]` (a constant-Q spectrum in dB), or follow each
/// other smoothly in `timbre`, `[n, bins]` (MFCCs). Too few moments to compare are all of one kind.
pub fn label_moments(harmony: &Rows, timbre: &Rows, settings: &SegmentSettings) -> Vec<usize> {
    let n = harmony.num_frames().min(timbre.num_frames());
    if n < 2 * settings.recurrence.width + 4 {
        return vec![0; n];
    }
    let recurrence = recurrence_matrix(harmony, &settings.recurrence);
    let recurrence = filter_diagonals(&recurrence, settings.smooth_moments);
    let graph = balance(&recurrence, &path_affinity(timbre));
    let Some(modes) = modes(&graph) else { return vec![0; n] };
    let num_clusters = settings.num_labels.unwrap_or_else(|| modes.num_clusters(AUTO_LABELS));
    let points = modes.embedding(num_clusters);
    let settings = KmeansSettings { num_clusters, num_starts: NUM_STARTS, seed: settings.seed };
    kmeans(&points, &settings).labels
}

/// The sections of a piece from its frames: `harmony` and `timbre`, `[frames, bins]`, are put together
/// between `beats` (frames, ascending), harmony by the median, timbre by the mean.
///
/// A section begins with the beat on which its first moment begins. (The example in librosa's gallery
/// takes the beat after it, and the first beat in place of the start.)
pub fn segment(
    harmony: &Rows,
    timbre: &Rows,
    beats: &[usize],
    settings: &SegmentSettings,
) -> Vec<Section> {
    let num_frames = harmony.num_frames().min(timbre.num_frames());
    let all = edges(beats, num_frames);
    let step = all.len().div_ceil(MAX_MOMENTS).max(1);
    let mut edges: Vec<usize> = all.iter().copied().step_by(step).collect();
    if edges.last() != Some(&num_frames) {
        edges.push(num_frames);
    }
    let harmony = sync(harmony, &edges, Aggregate::Median);
    let timbre = sync(timbre, &edges, Aggregate::Mean);
    sections(&label_moments(&harmony, &timbre, settings), &edges)
}

/// Runs of one label as sections; moment i runs from `edges[i]` to `edges[i + 1]`.
fn sections(labels: &[usize], edges: &[usize]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (&label, span) in labels.iter().zip(edges.windows(2)) {
        match sections.last_mut() {
            Some(last) if last.label == label => last.end = span[1],
            _ => sections.push(Section { start: span[0], end: span[1], label }),
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{columns, reference, reference_frames};

    #[test]
    fn boundaries_match_the_reference() {
        let read = |name: &str, bins| {
            let numbers = reference(&format!("librosa/structure/{name}.bin"));
            Rows::from_vec(bins, columns(&numbers, 36))
        };
        let (harmony, timbre) = (read("Csync", 252), read("Msync", 20));
        let labels = label_moments(&harmony, &timbre, &SegmentSettings::default());
        let changes = |labels: &[usize]| -> Vec<usize> {
            (1..labels.len()).filter(|&i| labels[i] != labels[i - 1]).collect()
        };
        let expected = reference_frames("librosa/structure/seg_ids.bin");
        let (found, expected) = (changes(&labels), changes(&expected));
        let near =
            |a: &[usize], b: &[usize]| a.iter().all(|x| b.iter().any(|y| x.abs_diff(*y) <= 1));
        assert!(near(&found, &expected) && near(&expected, &found), "{found:?} {expected:?}");
    }

    /// A A B A: three kinds of bars, repeated, told apart by what sounds.
    #[test]
    fn finds_the_form_of_a_piece() {
        let mut noise = 7_u32;
        let mut jitter = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 8) as f32 / 16_777_216.0
        };
        let form = [0_usize, 0, 1, 1, 0, 0, 2, 2, 1, 1];
        let (mut harmony, mut timbre) = (Vec::new(), Vec::new());
        for &kind in &form {
            for beat in 0..8_usize {
                let chord = (kind * 4 + beat / 2) % 12;
                harmony.extend((0..4 * 12).map(|b| {
                    let sounds = b / 4 == chord;
                    jitter() + if sounds { 30.0 } else { 0.0 }
                }));
                timbre.extend(
                    (0..4 * 5).map(|b| jitter() + if b / 4 % 5 == kind { 9.0 } else { 0.0 }),
                );
            }
        }
        // One frame a beat, so that every span is one row of 48 and 20.
        let (harmony, timbre) = (Rows::from_vec(48, harmony), Rows::from_vec(20, timbre));
        let beats: Vec<usize> = (0..80).collect();
        for num_labels in [Some(3), None] {
            let settings = SegmentSettings { num_labels, ..SegmentSettings::default() };
            let found = segment(&harmony, &timbre, &beats, &settings);
            let starts: Vec<usize> = found.iter().map(|s| s.start).collect();
            for start in [0_usize, 16, 32, 48, 64] {
                assert!(starts.iter().any(|s| s.abs_diff(start) <= 2), "{num_labels:?}: {found:?}");
            }
            assert_eq!((found[0].start, found.last().map(|s| s.end)), (0, Some(80)));
            assert!(found.windows(2).all(|w| w[0].end == w[1].start && w[0].label != w[1].label));
        }
    }

    #[test]
    fn what_is_too_short_is_one_section() {
        let settings = SegmentSettings::default();
        let one = segment(&Rows::new(5, 3), &Rows::new(5, 2), &[1, 2], &settings);
        assert_eq!(one, [Section { start: 0, end: 5, label: 0 }]);
        assert!(segment(&Rows::new(0, 3), &Rows::new(0, 2), &[], &settings).is_empty());
    }

    #[test]
    fn long_and_silent_pieces_end() {
        let beats: Vec<usize> = (0..3_000).collect();
        let found = segment(
            &Rows::new(3_000, 2),
            &Rows::new(3_000, 2),
            &beats,
            &SegmentSettings::default(),
        );
        assert_eq!(found.last().map(|s| s.end), Some(3_000));
    }
}
