//! Median over time of each bin of a spectrum.

use num_complex::Complex32;

use super::median::replace_sorted;
use crate::spectrum::bins::magnitude;

/// The last `kernel` rows, and the median of each bin's magnitudes over them.
///
/// The row that is due lies `delay` rows back. With `delay` (kernel − 1)/2 its window lies about it,
/// and before the first row come the first rows mirrored (`c b a | a b c`); with 0 the window ends at
/// it, and the first row counts as having lasted for ever.
#[derive(Debug, Clone)]
pub struct RowMedian {
    kernel: usize,
    delay: usize,
    num_bins: usize,
    /// Place of the oldest row, where the next one goes.
    oldest: usize,
    num_seen: usize,
    /// Rings `[kernel, bins]`.
    rows: Vec<Complex32>,
    magnitudes: Vec<f32>,
    /// The same magnitudes in order, `[bins, kernel]`.
    sorted: Vec<f32>,
}

impl RowMedian {
    /// A window of `kernel` rows (odd); call `resize` before the first row.
    pub fn new(kernel: usize, delay: usize) -> Self {
        Self {
            kernel: kernel.max(1),
            delay,
            num_bins: 0,
            oldest: 0,
            num_seen: 0,
            rows: Vec::new(),
            magnitudes: Vec::new(),
            sorted: Vec::new(),
        }
    }

    /// Takes rows of `num_bins` from now on, and forgets all others.
    pub fn resize(&mut self, num_bins: usize) {
        self.num_bins = num_bins;
        self.rows.resize(num_bins * self.kernel, Complex32::default());
        self.magnitudes.resize(num_bins * self.kernel, 0.0);
        self.sorted.resize(num_bins * self.kernel, 0.0);
        self.clear();
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        (self.oldest, self.num_seen) = (0, 0);
    }

    /// Takes a row, `[bins]`, and says whether one is due.
    pub fn push(&mut self, row: &[Complex32]) -> bool {
        let full = self.num_seen > self.delay;
        let place = if full { self.oldest } else { self.kernel - 1 - self.delay + self.num_seen };
        let start = place * self.num_bins;
        for (bin, &x) in row.iter().enumerate().take(self.num_bins) {
            let new = magnitude(x);
            let old = std::mem::replace(&mut self.magnitudes[start + bin], new);
            self.rows[start + bin] = if x.is_finite() { x } else { Complex32::default() };
            if full {
                let sorted = &mut self.sorted[bin * self.kernel..(bin + 1) * self.kernel];
                replace_sorted(sorted, old, new);
            }
        }
        if full {
            self.oldest = (self.oldest + 1) % self.kernel;
            return true;
        }
        self.num_seen += 1;
        if self.num_seen > self.delay {
            self.fill_up();
        }
        self.num_seen > self.delay
    }

    /// The row that is due, `[bins]`.
    pub fn row(&self) -> &[Complex32] {
        &self.rows[self.due()..][..self.num_bins]
    }

    /// Its magnitudes, `[bins]`.
    pub fn magnitudes(&self) -> &[f32] {
        &self.magnitudes[self.due()..][..self.num_bins]
    }

    /// The median of each bin over the window into `out`, `[bins]`.
    pub fn medians(&self, out: &mut [f32]) {
        for (out, sorted) in out.iter_mut().zip(self.sorted.chunks_exact(self.kernel)) {
            *out = sorted[self.kernel / 2];
        }
    }

    fn due(&self) -> usize {
        (self.oldest + self.kernel - 1 - self.delay) % self.kernel * self.num_bins
    }

    /// Puts the mirrored first rows before the first one, and all into order.
    fn fill_up(&mut self) {
        let first = self.kernel - 1 - self.delay;
        for i in 0..first {
            let from = (first + i.min(self.delay)) * self.num_bins;
            let to = (first - 1 - i) * self.num_bins;
            self.magnitudes.copy_within(from..from + self.num_bins, to);
        }
        for (bin, sorted) in self.sorted.chunks_exact_mut(self.kernel).enumerate() {
            for (i, slot) in sorted.iter_mut().enumerate() {
                *slot = self.magnitudes[i * self.num_bins + bin];
            }
            sorted.sort_unstable_by(f32::total_cmp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Medians over every window of one bin's values, against sorting each.
    fn check(kernel: usize, delay: usize, window_at: impl Fn(&[f32], usize) -> Vec<f32>) {
        let values: Vec<f32> = (0..60).map(|i| ((i * i * 7 + i * 3) % 23) as f32).collect();
        let mut median = RowMedian::new(kernel, delay);
        median.resize(1);
        let mut num_due = 0;
        for &v in &values {
            if !median.push(&[Complex32::new(0.0, v)]) {
                continue;
            }
            let mut window = window_at(&values, num_due);
            window.sort_unstable_by(f32::total_cmp);
            let mut found = [0.0];
            median.medians(&mut found);
            assert_eq!(found[0], window[kernel / 2], "row {num_due}");
            assert_eq!(median.row()[0].im, values[num_due]);
            assert_eq!(median.magnitudes()[0], values[num_due]);
            num_due += 1;
        }
        assert_eq!(num_due, values.len() - delay);
    }

    #[test]
    fn centred_windows_mirror_the_start() {
        check(7, 3, |values, t| {
            let at = |i: isize| values[if i < 0 { -1 - i } else { i } as usize];
            (-3..=3).map(|d| at(t as isize + d)).collect()
        });
    }

    #[test]
    fn trailing_windows_hold_the_first_row() {
        check(5, 0, |values, t| (0..5).map(|d| values[t.saturating_sub(d)]).collect());
    }
}
