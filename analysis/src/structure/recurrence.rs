//! Which moments of a piece resemble each other.
//!
//! The definitions are those of librosa's `segment.recurrence_matrix` in mode `affinity` with
//! `sym=True`, and of `segment.timelag_filter`.

use rayon::prelude::*;

use crate::Rows;
use crate::rhythm::onset_strength::Aggregate;
use crate::separate::median::LineMedian;

/// How to find what resembles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecurrenceSettings {
    /// Neighbours of each moment; by itself 2·⌈√(n − 2·width + 1)⌉.
    pub num_neighbours: Option<usize>,
    /// Moments closer than this do not count as resembling.
    pub width: usize,
}

impl Default for RecurrenceSettings {
    /// Those of McFee and Ellis's segmentation in librosa's gallery.
    fn default() -> Self {
        Self { num_neighbours: None, width: 3 }
    }
}

/// Affinities of moments, `[n, bins]` to `[n, n]`: exp(−d/b) for moments that are among each other's
/// nearest neighbours, else 0; d is the Euclidean distance, b the median over all moments of the
/// distance to their farthest neighbour. Symmetric, 0 about the diagonal.
///
/// Unlike in librosa moments that are exactly equal are neighbours of affinity 1; there a distance of
/// 0 counts as no link.
pub fn recurrence_matrix(features: &Rows, settings: &RecurrenceSettings) -> Rows {
    let n = features.num_frames();
    let width = settings.width.max(1);
    let default = || 2 * ((n + 1).saturating_sub(2 * width) as f64).sqrt().ceil() as usize;
    let num_neighbours = settings.num_neighbours.unwrap_or_else(default);
    let nearest: Vec<Vec<(f32, usize)>> = (0..n)
        .into_par_iter()
        .map(|i| {
            let others = (0..n).filter(|j| i.abs_diff(*j) >= width);
            let mut others: Vec<(f32, usize)> =
                others.map(|j| (distance(features.row(i), features.row(j)), j)).collect();
            others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            others.truncate(num_neighbours);
            others
        })
        .collect();

    // NaN is no link.
    let mut distances = Rows::from_vec(n, vec![f32::NAN; n * n]);
    for (i, neighbours) in nearest.iter().enumerate() {
        for &(d, j) in neighbours {
            distances.row_mut(i)[j] = d;
        }
    }
    let back = distances.transposed();
    distances.par_fill(|i, row| {
        for (d, &back) in row.iter_mut().zip(back.row(i)) {
            *d = if back.is_nan() { back } else { *d };
        }
    });
    let farthest = |row: &[f32]| row.iter().copied().filter(|d| !d.is_nan()).max_by(f32::total_cmp);
    let mut farthest: Vec<f32> = distances.iter().filter_map(farthest).collect();
    let bandwidth = Aggregate::Median.of(&mut farthest).max(f32::MIN_POSITIVE);
    distances.map(|d| if d.is_nan() { 0.0 } else { (-d / bandwidth).exp() })
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    a.iter().zip(b).map(square).sum::<f64>().sqrt() as f32
}

/// Median over `num_moments` (odd) moments along each diagonal, `[n, n]`: what resembles for one
/// moment alone goes, and gaps in a repetition close. Each lag, forwards and backwards, is filtered
/// along time with its ends mirrored, so that the result is not quite symmetric.
pub fn filter_diagonals(recurrence: &Rows, num_moments: usize) -> Rows {
    let n = recurrence.num_bins();
    let mut out = Rows::new(n, n);
    let mut lagged = vec![0.0; n];
    let mut filtered = vec![0.0; n];
    let mut medians = LineMedian::new(num_moments | 1);
    medians.resize(n);
    for lag in 0..2 * n {
        // Moment j against moment j + lag, where there is one, in a circle of 2n of which half is 0.
        let partner = |j: usize| (lag + j) % (2 * n);
        for (j, lagged) in lagged.iter_mut().enumerate() {
            *lagged = recurrence.row(partner(j)).get(j).copied().unwrap_or(0.0);
        }
        medians.run(&lagged, &mut filtered);
        for (j, &v) in filtered.iter().enumerate() {
            if let Some(out) = out.row_mut(partner(j)).get_mut(j) {
                *out = v;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{columns, max_abs_diff, reference};

    const N: usize = 36;

    #[test]
    fn matches_the_reference() {
        let features = Rows::from_vec(252, columns(&reference("librosa/structure/Csync.bin"), N));
        let r = recurrence_matrix(&features, &RecurrenceSettings::default());
        let error = max_abs_diff(r.data(), &reference("librosa/structure/R.bin"));
        assert!(error < 1e-4, "{error}");
        let filtered = filter_diagonals(&r, 7);
        let error = max_abs_diff(filtered.data(), &reference("librosa/structure/Rf.bin"));
        assert!(error < 1e-4, "{error}");
    }

    #[test]
    fn a_repeated_piece_resembles_itself_at_its_period() {
        // Six different moments, four times over.
        let moment = |i: usize| (0..4).map(move |b| ((i % 6) * (b + 1) % 7) as f32 * 3.0);
        let features = Rows::from_vec(4, (0..24).flat_map(moment).collect());
        let settings = RecurrenceSettings { num_neighbours: Some(3), width: 3 };
        let r = recurrence_matrix(&features, &settings);
        for i in 0..24_usize {
            for j in 0..24 {
                let repeats = i != j && i.abs_diff(j) % 6 == 0;
                assert_eq!(r.row(i)[j], if repeats { 1.0 } else { 0.0 }, "{i} {j}");
            }
        }
    }

    #[test]
    fn few_moments_are_no_fault() {
        for n in 0..5 {
            let r = recurrence_matrix(&Rows::new(n, 3), &RecurrenceSettings::default());
            assert_eq!((r.num_frames(), filter_diagonals(&r, 7).num_frames()), (n, n));
        }
    }
}
