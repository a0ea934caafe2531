//! Nearest-neighbour filter: what is heard at one moment alone, and not at others like it, is no
//! part of the harmony.
//!
//! librosa's `decompose.nn_filter` with medians and the cosine, over which its example of enhanced
//! chroma, and maua-stylegan2's chroma, take the minimum with the original.

use super::norm::Norm;
use super::tuning::median;
use crate::Rows;

/// Neighbours that a row of `num_rows` has, those nearer than `width` rows left out.
fn num_neighbours(num_rows: usize, width: usize) -> usize {
    let others = (num_rows + 1).saturating_sub(2 * width);
    2 * (others as f64).sqrt().ceil() as usize
}

/// The least of each value and the median of it over the rows most like its own, by the cosine
/// between them: `min(rows, nn_filter(rows, aggregate=median, metric="cosine"))`.
///
/// Of the k + 2·width rows most like it, with k = 2·⌈√(n − 2·width + 1)⌉, those nearer than `width`
/// rows (librosa: 1) drop out, and the first k in time of the others count. Takes n² time.
pub fn nn_minimum(rows: &Rows, width: usize) -> Rows {
    let units = rows.map_rows(rows.num_bins(), |from, to| {
        to.copy_from_slice(from);
        Norm::L2.apply(to);
    });
    let num_neighbours = num_neighbours(rows.num_frames(), width);
    let num_frames = rows.num_frames();
    let mut out = Rows::new(num_frames, rows.num_bins());
    out.par_fill(|frame, out| {
        let mut scratch = Scratch::with_capacity(num_frames);
        out.copy_from_slice(rows.row(frame));
        let others = (0..num_frames).filter(|&other| other != frame);
        scratch.rank(others.map(|other| (other, cosine(units.row(frame), units.row(other)))));
        scratch.keep(num_neighbours, width, |other| frame.abs_diff(other));
        scratch.minimum(|other| rows.row(other), out);
    });
    out
}

/// How alike two rows of length 1 are, −1..1.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What the search for neighbours works with.
#[derive(Debug, Clone)]
struct Scratch {
    /// Places of rows under how unlike they are, in one number to be sorted.
    ranked: Vec<u64>,
    values: Vec<f32>,
}

impl Scratch {
    fn with_capacity(num_rows: usize) -> Self {
        Self { ranked: Vec::with_capacity(num_rows), values: Vec::with_capacity(num_rows) }
    }

    /// Takes the rows to choose from, by place and cosine.
    fn rank(&mut self, rows: impl Iterator<Item = (usize, f32)>) {
        self.ranked.clear();
        // A distance of zero or more has bits in the order of its value.
        let unlike = |cosine: f32| (1.0 - cosine).max(0.0).to_bits();
        self.ranked.extend(rows.map(|(i, cosine)| u64::from(unlike(cosine)) << 32 | i as u64));
    }

    /// Keeps the places of the neighbours. `distance` is that in rows; places ascend with time.
    fn keep(&mut self, num: usize, width: usize, distance: impl Fn(usize) -> usize) {
        let num_nearest = num + 2 * width;
        if num_nearest < self.ranked.len() {
            self.ranked.select_nth_unstable(num_nearest);
            self.ranked.truncate(num_nearest);
        }
        self.ranked.iter_mut().for_each(|rank| *rank &= u64::from(u32::MAX));
        self.ranked.retain(|&place| distance(place as usize) >= width);
        self.ranked.sort_unstable();
        self.ranked.truncate(num);
    }

    /// Lowers each value of `out` to its median over the neighbours; leaves it where there are none.
    fn minimum<'a>(&mut self, row: impl Fn(usize) -> &'a [f32], out: &mut [f32]) {
        if self.ranked.is_empty() {
            return;
        }
        for (i, out) in out.iter_mut().enumerate() {
            self.values.clear();
            let value = |&place: &u64| row(place as usize).get(i).copied().unwrap_or(0.0);
            self.values.extend(self.ranked.iter().map(value));
            *out = out.min(median(&mut self.values));
        }
    }
}

/// The filter row by row, over the rows of a while before each.
#[derive(Debug, Clone)]
pub struct NnFilter {
    num_bins: usize,
    width: usize,
    /// The newest row and those before it, and the same at length 1, `[rows, bins]`, rings.
    rows: Vec<f32>,
    units: Vec<f32>,
    num_rows: usize,
    num_seen: usize,
    scratch: Scratch,
}

impl NnFilter {
    /// For rows of `num_bins`, each compared with the `num_past` before it, but for the last
    /// `width` − 1.
    pub fn new(num_bins: usize, num_past: usize, width: usize) -> Self {
        let num_rows = num_past.saturating_add(1);
        let ring = vec![0.0; num_rows * num_bins];
        let scratch = Scratch::with_capacity(num_past);
        Self { num_bins, width, rows: ring.clone(), units: ring, num_rows, num_seen: 0, scratch }
    }

    /// Takes the next row, and gives it filtered. What is no finite number counts as 0.
    pub fn push(&mut self, row: &[f32], out: &mut [f32]) {
        let place = |age: usize| {
            let start = (self.num_seen - age) % self.num_rows * self.num_bins;
            start..start + self.num_bins
        };
        let newest = &mut self.rows[place(0)];
        for (to, &from) in newest.iter_mut().zip(row) {
            *to = if from.is_finite() { from } else { 0.0 };
        }
        let unit = &mut self.units[place(0)];
        unit.copy_from_slice(newest);
        Norm::L2.apply(unit);

        let unit = &self.units[place(0)];
        let num_past = self.num_seen.min(self.num_rows - 1);
        // Counted from the oldest, so that they ascend with time.
        let age = |i: usize| num_past - i;
        let past = (0..num_past).filter(|&i| age(i) >= self.width);
        self.scratch.rank(past.map(|i| (i, cosine(unit, &self.units[place(age(i))]))));
        self.scratch.keep(num_neighbours(num_past + 1, self.width), self.width, age);
        out.copy_from_slice(&self.rows[place(0)]);
        self.scratch.minimum(|i| &self.rows[place(age(i))], out);
        self.num_seen += 1;
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        self.num_seen = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{columns, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        for name in ["stft", "cens"] {
            let load = |suffix: &str| {
                columns(&reference(&format!("maua/raw_chroma_{name}_{suffix}.bin")), 431)
            };
            let found = nn_minimum(&Rows::from_vec(12, load("nn0")), 1);
            let error = max_abs_diff(found.data(), &load("nn1"));
            assert!(error < 1e-6, "{name}: {error}");
        }
    }

    /// The last row has the whole sound before it, so both forms agree on it.
    #[test]
    fn the_stream_agrees_where_it_has_heard_as_much() {
        let rows = Rows::from_vec(12, columns(&reference("maua/raw_chroma_cens_nn0.bin"), 431));
        for width in [1, 5] {
            let whole = nn_minimum(&rows, width);
            for num_past in [430, 2000] {
                let mut stream = NnFilter::new(12, num_past, width);
                let mut out = [0.0; 12];
                rows.iter().for_each(|row| stream.push(row, &mut out));
                if width == 1 {
                    assert_eq!(out, whole.row(430));
                }
                assert!(out.iter().zip(rows.row(430)).all(|(out, row)| out <= row));
                stream.reset();
                stream.push(rows.row(0), &mut out);
                assert_eq!(out, rows.row(0));
            }
        }
    }

    #[test]
    fn takes_out_what_sounds_once() {
        let mut chord = [0.0_f32; 12];
        (chord[0], chord[4], chord[7]) = (1.0, 0.8, 0.9);
        let mut data = chord.repeat(100);
        data[50 * 12 + 1] = 0.7;
        let rows = Rows::from_vec(12, data);
        assert_eq!(nn_minimum(&rows, 1).row(50), chord);
        let mut stream = NnFilter::new(12, 30, 1);
        let mut out = [0.0; 12];
        rows.iter().take(51).for_each(|row| stream.push(row, &mut out));
        assert_eq!(out, chord);
        stream.push(&[f32::NAN; 12], &mut out);
        assert_eq!(out, [0.0; 12]);
    }

    #[test]
    fn few_rows_have_few_neighbours() {
        for len in 0..6 {
            let rows = Rows::from_vec(12, vec![0.5; 12 * len]);
            assert_eq!(nn_minimum(&rows, 1), rows);
            assert_eq!(nn_minimum(&rows, 3), rows);
        }
    }
}
