//! Chroma energy normalised statistics: chroma that keeps harmony and forgets loudness, timbre and
//! articulation.
//!
//! Müller and Ewert, *Chroma Toolbox* (2011), with the numbers of librosa's `chroma_cens`.

use std::f64::consts::{PI, TAU};

use super::chroma_bank::NUM_CLASSES;
use super::chroma_cqt::{ChromaCqtSettings, chroma_cqt};
use super::norm::Norm;
use crate::Rows;

/// Rows that are averaged, in librosa.
pub const NUM_SMOOTHED: usize = 41;

/// What a class's share must exceed for each further quarter.
const STEPS: [f32; 4] = [0.4, 0.2, 0.1, 0.05];

/// Divides `row` by its sum, and turns each share into steps of 0, 0.25, … 1.
pub fn quantise(row: &mut [f32]) {
    Norm::L1.apply(row);
    for share in row {
        *share = 0.25 * STEPS.iter().filter(|&&step| *share > step).count() as f32;
    }
}

/// A Hann window of `num_rows` values other than zero, an even number counting as the next odd one;
/// its sum is 1.
fn centred_weights(num_rows: usize) -> Vec<f64> {
    let len = (num_rows | 1) + 1;
    normalised((1..len).map(|i| 0.5 - 0.5 * (TAU * i as f64 / len as f64).cos()).collect())
}

/// The half of that window from its middle on, newest row first; its sum is 1.
fn trailing_weights(num_rows: usize) -> Vec<f64> {
    let len = num_rows / 2 + 1;
    normalised((0..len).map(|i| 0.5 + 0.5 * (PI * i as f64 / len as f64).cos()).collect())
}

fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

/// CENS of `chroma`, `[frames, 12]`, that has not been normalised: quantised, averaged over
/// `num_smoothed` rows about each (librosa: [`NUM_SMOOTHED`]) with silence beyond both ends, and
/// divided by `norm` (librosa: `L2`).
pub fn cens(chroma: &Rows, num_smoothed: usize, norm: Norm) -> Rows {
    let quantised = chroma.map_rows(chroma.num_bins(), |from, to| {
        to.copy_from_slice(from);
        quantise(to);
    });
    let weights = centred_weights(num_smoothed);
    let half = weights.len() / 2;
    let mut out = Rows::new(chroma.num_frames(), chroma.num_bins());
    out.par_fill(|frame, out| {
        for (class, out) in out.iter_mut().enumerate() {
            let at = |i: usize| {
                let row = (frame + i).checked_sub(half).map(|f| quantised.row(f));
                row.and_then(|row| row.get(class)).map_or(0.0, |&v| f64::from(v))
            };
            *out = weights.iter().enumerate().map(|(i, w)| w * at(i)).sum::<f64>() as f32;
        }
        norm.apply(out);
    });
    out
}

/// CENS of a whole signal, C first, `[frames, 12]`: librosa's `chroma_cens`.
pub fn chroma_cens(sound: &[f32], sample_rate_hz: u32, settings: &ChromaCqtSettings) -> Rows {
    let raw = chroma_cqt(sound, sample_rate_hz, settings, Norm::None);
    cens(&raw, NUM_SMOOTHED, Norm::L2)
}

/// CENS row by row.
#[derive(Debug, Clone)]
pub struct CensStream {
    /// Of the rows from the newest on.
    weights: Vec<f64>,
    /// The last quantised rows, as many as weights.
    rows: Vec<[f32; NUM_CLASSES]>,
    newest: usize,
    delay: usize,
    num_pending: usize,
}

impl CensStream {
    /// Centred: what `cens` gives, `num_smoothed`/2 rows late. Else an average over the falling half
    /// of the window alone, at once, which lags by its centre of mass, 0.15 · `num_smoothed` rows.
    pub fn new(num_smoothed: usize, centred: bool) -> Self {
        let weights =
            if centred { centred_weights(num_smoothed) } else { trailing_weights(num_smoothed) };
        let delay = if centred { weights.len() / 2 } else { 0 };
        let rows = vec![[0.0; NUM_CLASSES]; weights.len()];
        Self { weights, rows, newest: 0, delay, num_pending: delay }
    }

    /// Rows by which the answers are late.
    pub fn delay(&self) -> usize {
        self.delay
    }

    /// Takes a row of chroma, `[12]`, not normalised, and says whether an averaged one is due.
    pub fn push(&mut self, chroma: &[f32]) -> bool {
        self.newest = (self.newest + 1) % self.rows.len();
        let row = &mut self.rows[self.newest];
        for (to, &from) in row.iter_mut().zip(chroma) {
            *to = if from.is_finite() { from } else { 0.0 };
        }
        quantise(row);
        let is_due = self.num_pending == 0;
        self.num_pending = self.num_pending.saturating_sub(1);
        is_due
    }

    /// The averaged row that is due, `[12]`, not normalised.
    pub fn row(&self, out: &mut [f32]) {
        let len = self.rows.len();
        for (class, out) in out.iter_mut().enumerate().take(NUM_CLASSES) {
            let at = |age: usize| f64::from(self.rows[(self.newest + len - age) % len][class]);
            *out = self.weights.iter().enumerate().map(|(age, w)| w * at(age)).sum::<f64>() as f32;
        }
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.rows.fill([0.0; NUM_CLASSES]);
        self.num_pending = self.delay;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, columns, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let expected = columns(&reference("librosa/chroma_cens.bin"), 431);
        let raw = Rows::from_vec(12, columns(&reference("librosa/chroma_cqt_raw.bin"), 431));
        let given_raw = max_abs_diff(cens(&raw, NUM_SMOOTHED, Norm::L2).data(), &expected);
        assert!(given_raw < 1e-6, "{given_raw}");
        let found = chroma_cens(&a10(), 22_050, &ChromaCqtSettings::default());
        let error = max_abs_diff(found.data(), &expected);
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn the_centred_stream_is_the_whole_late() {
        let raw = Rows::from_vec(12, columns(&reference("librosa/chroma_cqt_raw.bin"), 431));
        let mut stream = CensStream::new(NUM_SMOOTHED, true);
        for _ in 0..2 {
            let mut found = Vec::new();
            for row in raw.iter().chain([[0.0; 12].as_slice()].repeat(stream.delay())) {
                if stream.push(row) {
                    let mut out = [0.0; 12];
                    stream.row(&mut out);
                    Norm::L2.apply(&mut out);
                    found.extend(out);
                }
            }
            assert_eq!(stream.delay(), 20);
            assert_eq!(found, cens(&raw, NUM_SMOOTHED, Norm::L2).data());
            stream.reset();
        }
    }

    #[test]
    fn the_trailing_window_answers_at_once_and_lags_by_its_centre() {
        let weights = trailing_weights(NUM_SMOOTHED);
        let centre: f64 = weights.iter().enumerate().map(|(i, w)| i as f64 * w).sum();
        assert!((centre - 0.15 * 41.0).abs() < 0.2, "{centre}");
        let mut stream = CensStream::new(NUM_SMOOTHED, false);
        let mut unit = [0.0; 12];
        unit[3] = 5.0;
        let mut previous = 0.0;
        for _ in 0..21 {
            assert!(stream.push(&unit));
            let mut out = [0.0; 12];
            stream.row(&mut out);
            assert!(out[3] > previous && out[4] == 0.0);
            previous = out[3];
        }
        assert!((previous - 1.0).abs() < 1e-6);
    }
}
