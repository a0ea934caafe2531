//! Median over time of each bin of a spectrum.

use super::median::{LANES, Lanes, replace_sorted};

/// The median of each bin over the last `kernel` rows. The first row counts as having lasted for
/// ever.
#[derive(Debug, Clone)]
pub struct RowMedian {
    kernel: usize,
    num_bins: usize,
    /// Ring `[kernel, groups]` of the rows, their bins in groups of [`LANES`].
    rows: Vec<Lanes>,
    /// The same values in order, `[groups, kernel]`.
    sorted: Vec<Lanes>,
    /// Place of the oldest row, where the next one goes.
    oldest: usize,
    is_empty: bool,
}

impl RowMedian {
    /// Windows of `kernel` rows; call `resize` before the first. Of an even number of rows the upper
    /// middle one counts.
    pub fn new(kernel: usize) -> Self {
        let kernel = kernel.max(1);
        let (rows, sorted) = (Vec::new(), Vec::new());
        Self { kernel, num_bins: 0, rows, sorted, oldest: 0, is_empty: true }
    }

    /// Takes rows of `num_bins` from now on, and forgets all others.
    pub fn resize(&mut self, num_bins: usize) {
        self.num_bins = num_bins;
        self.rows.resize(self.kernel * self.num_groups(), [0.0; LANES]);
        self.sorted.resize(self.kernel * self.num_groups(), [0.0; LANES]);
        self.clear();
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        (self.oldest, self.is_empty) = (0, true);
    }

    /// Takes a row of values, `[bins]`, none of them NaN.
    pub fn push(&mut self, row: &[f32]) {
        let num_groups = self.num_groups();
        let start = self.oldest * num_groups;
        self.oldest = (self.oldest + 1) % self.kernel;
        let slots = &mut self.rows[start..start + num_groups];
        let groups = row.chunks(LANES).zip(slots).zip(self.sorted.chunks_exact_mut(self.kernel));
        for ((values, slot), sorted) in groups {
            let old = *slot;
            slot[..values.len()].copy_from_slice(values);
            if self.is_empty {
                sorted.fill(*slot);
            } else {
                replace_sorted(sorted, &old, slot);
            }
        }
        if std::mem::take(&mut self.is_empty) {
            let first = start..start + num_groups;
            (0..self.kernel).for_each(|k| self.rows.copy_within(first.clone(), k * num_groups));
        }
    }

    /// The row `ago` rows before the latest, `[bins]`.
    pub fn row(&self, ago: usize) -> &[f32] {
        let place = (self.oldest + 2 * self.kernel - 1 - ago % self.kernel) % self.kernel;
        let groups = &self.rows[place * self.num_groups()..][..self.num_groups()];
        &groups.as_flattened()[..self.num_bins]
    }

    /// The medians into `out`, `[bins]`.
    pub fn medians(&self, out: &mut [f32]) {
        for (out, sorted) in out.chunks_mut(LANES).zip(self.sorted.chunks_exact(self.kernel)) {
            out.copy_from_slice(&sorted[self.kernel / 2][..out.len()]);
        }
    }

    fn num_groups(&self) -> usize {
        self.num_bins.div_ceil(LANES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_at_the_latest_row() {
        for (kernel, num_bins) in [(1, 3), (5, 1), (6, 16), (7, 40)] {
            let value = |t: usize, bin: usize| ((t * t * 7 + t * 3 + bin * t) % 23) as f32;
            let row = |t: usize| (0..num_bins).map(|bin| value(t, bin)).collect::<Vec<f32>>();
            let mut median = RowMedian::new(kernel);
            median.resize(num_bins);
            for _ in 0..2 {
                for t in 0..50 {
                    median.push(&row(t));
                    let mut found = vec![0.0; num_bins];
                    median.medians(&mut found);
                    for (bin, found) in found.into_iter().enumerate() {
                        let mut window: Vec<f32> =
                            (0..kernel).map(|ago| value(t.saturating_sub(ago), bin)).collect();
                        window.sort_unstable_by(f32::total_cmp);
                        assert_eq!(found, window[kernel / 2], "kernel {kernel}, row {t}");
                    }
                    for ago in 0..kernel {
                        assert_eq!(median.row(ago), row(t.saturating_sub(ago)));
                    }
                }
                median.clear();
            }
        }
    }
}
