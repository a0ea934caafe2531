//! Tonal centroid: where a chord lies on the circles of fifths, minor and major thirds.
//!
//! Harte, Sandler and Gasser, *Detecting harmonic change in musical audio* (2006), with the numbers
//! of librosa's `tonnetz`.

use std::f64::consts::PI;

use super::norm::Norm;
use crate::Rows;

/// Coordinates of a centroid.
pub const NUM_DIMENSIONS: usize = 6;

/// Half turns of each circle for a semitone, and its radius: fifths, minor thirds, major thirds.
const CIRCLES: [(f64, f64); 3] = [(7.0 / 6.0, 1.0), (3.0 / 2.0, 1.0), (2.0 / 3.0, 0.5)];

/// The centroid of a row of chroma, from C, into `out`, `[6]`: x and y on the circles of fifths,
/// minor thirds (both of radius 1) and major thirds (radius 0.5), x as a sine. Silence lies in the
/// middle.
pub fn centroid(chroma: &[f32], out: &mut [f32]) {
    let sum = Norm::L1.of(chroma);
    let scale = if sum >= f64::from(f32::MIN_POSITIVE) { 1.0 / sum } else { 1.0 };
    for (pair, (half_turns, radius)) in out.chunks_mut(2).zip(CIRCLES) {
        let project = |quarter: f64| {
            let at = |class: usize| (PI * (half_turns * class as f64 - quarter)).cos();
            let sum: f64 = chroma.iter().enumerate().map(|(c, &v)| at(c) * f64::from(v)).sum();
            (radius * scale * sum) as f32
        };
        for (out, quarter) in pair.iter_mut().zip([0.5, 0.0]) {
            *out = project(quarter);
        }
    }
}

/// The centroids of chroma, `[frames, 12]`, as `[frames, 6]`: librosa's `tonnetz`, which takes
/// `chroma_cqt` at its defaults.
pub fn tonnetz(chroma: &Rows) -> Rows {
    chroma.map_rows(NUM_DIMENSIONS, centroid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::chroma_cqt::{ChromaCqtSettings, chroma_cqt};
    use crate::testing::{a10, columns, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let chroma = chroma_cqt(&a10(), 22_050, &ChromaCqtSettings::default(), Norm::Max);
        let expected = columns(&reference("librosa/tonnetz.bin"), 431);
        let error = max_abs_diff(tonnetz(&chroma).data(), &expected);
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn a_fifth_up_is_a_twelfth_of_the_circle_of_fifths() {
        let of = |class: usize| {
            let mut chroma = [0.0; 12];
            chroma[class] = 3.0;
            let mut out = [0.0; 6];
            centroid(&chroma, &mut out);
            out.map(f64::from)
        };
        let angle = |class: usize| of(class)[0].atan2(of(class)[1]);
        let turn = (angle(7) - angle(0)).rem_euclid(2.0 * PI);
        assert!((turn - PI / 6.0).abs() < 1e-6, "{turn}");
        let radius = |p: [f64; 6], i: usize| p[i].hypot(p[i + 1]);
        for class in 0..12 {
            let p = of(class);
            assert!((radius(p, 0) - 1.0).abs() < 1e-6 && (radius(p, 4) - 0.5).abs() < 1e-6);
        }
        let mut silence = [1.0; 6];
        centroid(&[0.0; 12], &mut silence);
        assert_eq!(silence, [0.0; 6]);
    }
}
