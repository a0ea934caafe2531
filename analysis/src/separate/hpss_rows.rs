//! What sings and what strikes, row by row.

use num_complex::Complex32;

use super::hpss::{HpssSettings, Mask};
use super::median::LineMedian;
use super::row_median::RowMedian;
use crate::spectrum::bins::magnitude;

/// Both medians of the rows that come.
#[derive(Debug, Clone)]
pub struct Medians {
    over_rows: RowMedian,
    over_bins: LineMedian,
    /// Scratch: magnitudes, the two medians, the two shares.
    row: Vec<f32>,
    medians: [Vec<f32>; 2],
    shares: [Vec<f32>; 2],
}

impl Medians {
    /// Call `resize` before the first row.
    pub fn new(settings: &HpssSettings) -> Self {
        Self {
            over_rows: RowMedian::new(settings.kernel_rows),
            over_bins: LineMedian::new(settings.kernel_bins),
            row: Vec::new(),
            medians: Default::default(),
            shares: Default::default(),
        }
    }

    /// Takes rows of `num_bins` from now on, and forgets all others.
    pub fn resize(&mut self, num_bins: usize) {
        self.over_rows.resize(num_bins);
        self.over_bins.resize(num_bins);
        self.row.resize(num_bins, 0.0);
        for scratch in self.medians.iter_mut().chain(&mut self.shares) {
            scratch.resize(num_bins, 0.0);
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.over_rows.clear();
    }

    /// Takes the magnitudes of a row, `[bins]`.
    pub fn push(&mut self, magnitudes: impl Iterator<Item = f32>) {
        self.row.iter_mut().zip(magnitudes).for_each(|(to, from)| *to = from);
        self.over_rows.push(&self.row);
    }

    /// Harmonic and percussive shares, `[bins]`, in the row `ago` rows before the latest. Its median
    /// over time is that of the last `kernel_rows` rows.
    pub fn shares(&mut self, ago: usize, mask: &Mask) -> [&[f32]; 2] {
        let [harmonic, percussive] = &mut self.medians;
        self.over_rows.medians(harmonic);
        self.over_bins.run(self.over_rows.row(ago), percussive);
        mask.shares(harmonic, percussive, self.shares.each_mut().map(Vec::as_mut_slice));
        self.shares.each_ref().map(Vec::as_slice)
    }
}

/// Parts a spectrum as its rows come.
///
/// Centred, the window over time lies about a row, as in [`hpss`](super::hpss::hpss): each comes
/// ⌊(kernel_rows − 1)/2⌋ rows late, and before the first come the first ones mirrored. Trailing, the
/// window ends at the row, which comes at once; the first one counts as having lasted for ever, and a
/// tone counts as one only once it has lasted for half the window.
#[derive(Debug, Clone)]
pub struct HpssRows {
    medians: Medians,
    /// Rows after the one that is due, and rows mirrored before the first.
    delay: usize,
    num_mirrored: usize,
    num_bins: usize,
    /// Ring of the last rows, `[delay + 1, bins]`.
    rows: Vec<Complex32>,
    num_seen: usize,
}

impl HpssRows {
    /// Call `resize` before the first row. Of the settings, the mask is given anew with each row.
    pub fn new(settings: &HpssSettings, centred: bool) -> Self {
        let kernel = settings.kernel_rows.max(1);
        let (delay, num_mirrored) = if centred { ((kernel - 1) / 2, kernel / 2) } else { (0, 0) };
        let medians = Medians::new(settings);
        Self { medians, delay, num_mirrored, num_bins: 0, rows: Vec::new(), num_seen: 0 }
    }

    /// Rows by which what leaves is late.
    pub fn delay(&self) -> usize {
        self.delay
    }

    /// Takes rows of `num_bins` from now on, and forgets all others.
    pub fn resize(&mut self, num_bins: usize) {
        self.num_bins = num_bins;
        self.rows.resize((self.delay + 1) * num_bins, Complex32::default());
        self.medians.resize(num_bins);
        self.clear();
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.num_seen = 0;
        self.medians.clear();
    }

    /// Takes a row, `[bins]`, and says whether one is due. Bins of no finite magnitude count as
    /// silence.
    pub fn push(&mut self, row: &[Complex32]) -> bool {
        let place = self.num_seen % (self.delay + 1);
        for (to, &x) in self.rows[place * self.num_bins..].iter_mut().zip(row) {
            *to = if x.is_finite() { x } else { Complex32::default() };
        }
        self.num_seen += 1;
        if self.num_seen > self.delay + 1 {
            self.take(place);
        } else if self.num_seen == self.delay + 1 {
            (0..self.num_mirrored).rev().for_each(|place| self.take(place));
            (0..=self.delay).for_each(|place| self.take(place));
        }
        self.num_seen > self.delay
    }

    /// The row that is due, and its harmonic and percussive shares; all `[bins]`.
    pub fn shares(&mut self, mask: &Mask) -> (&[Complex32], [&[f32]; 2]) {
        let place = self.num_seen % (self.delay + 1);
        let row = &self.rows[place * self.num_bins..][..self.num_bins];
        (row, self.medians.shares(self.delay, mask))
    }

    fn take(&mut self, place: usize) {
        let row = &self.rows[place * self.num_bins..][..self.num_bins];
        self.medians.push(row.iter().map(|&x| magnitude(x)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::hpss::hpss;
    use super::*;
    use crate::Rows;

    fn spectrum(num_frames: usize, num_bins: usize) -> Rows<Complex32> {
        let value = |i: usize| Complex32::new((i * i * 7 % 29) as f32, (i * 5 % 13) as f32);
        Rows::from_vec(num_bins, (0..num_frames * num_bins).map(value).collect())
    }

    #[test]
    fn centred_equals_the_form_for_whole_signals() {
        let spectrum = spectrum(60, 19);
        for kernel_rows in [1, 2, 7, 8, 31] {
            let settings = HpssSettings { kernel_rows, kernel_bins: 5, ..HpssSettings::default() };
            let whole = hpss(&spectrum, &settings);
            let mut rows = HpssRows::new(&settings, true);
            rows.resize(19);
            for _ in 0..2 {
                let mut due = 0;
                for row in spectrum.iter() {
                    if !rows.push(row) {
                        continue;
                    }
                    let (row, shares) = rows.shares(&settings.mask);
                    for (whole, shares) in whole.iter().zip(shares) {
                        let found = row.iter().zip(shares).map(|(x, share)| x * share);
                        assert!(found.eq(whole.row(due).iter().copied()), "{kernel_rows} {due}");
                    }
                    due += 1;
                }
                assert_eq!(due, 60 - rows.delay());
                rows.clear();
            }
        }
    }

    /// A tone from row 20 on: trailing, it is percussive for half the window, then harmonic.
    #[test]
    fn trailing_learns_of_a_tone_in_half_its_window() {
        let settings = HpssSettings::default();
        let mut rows = HpssRows::new(&settings, false);
        rows.resize(101);
        for t in 0..60 {
            let row: Vec<Complex32> = (0..101)
                .map(|bin| if t >= 20 && bin % 10 == 5 { 1.0.into() } else { Complex32::default() })
                .collect();
            assert!(rows.push(&row));
            let (_, [harmonic, _]) = rows.shares(&settings.mask);
            assert_eq!(harmonic[55], if t >= 20 + 15 { 1.0 } else { 0.5 }, "row {t}");
        }
    }
}
