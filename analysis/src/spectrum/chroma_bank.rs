//! How much each bin of a spectrum tells of each of the twelve pitch classes.
//!
//! Ellis, *Chroma feature analysis and synthesis* (2007), with the numbers of librosa's
//! `filters.chroma`.

/// Pitch classes in an octave.
pub const NUM_CLASSES: usize = 12;

/// Octave (counted from A0 = 27.5 Hz) that weighs most, and the deviation of the bell about it.
const CENTRE_OCTAVE: f64 = 5.0;
const OCTAVE_WIDTH: f64 = 2.0;

/// `[12, bins]`, rows from C upwards.
#[derive(Debug, Clone, Default)]
pub struct ChromaBank {
    num_bins: usize,
    weights: Vec<f32>,
}

impl ChromaBank {
    /// Weights for a transform of `n_fft` samples at `sample_rate_hz`, where A4 lies
    /// `tuning` semitones from 440 Hz.
    pub fn new(n_fft: usize, sample_rate_hz: f64, tuning: f64) -> Self {
        let mut bank = Self::default();
        bank.rebuild(n_fft, sample_rate_hz, tuning);
        bank
    }

    /// As `new`, in the memory at hand.
    pub fn rebuild(&mut self, n_fft: usize, sample_rate_hz: f64, tuning: f64) {
        self.num_bins = n_fft / 2 + 1;
        self.weights.clear();
        self.weights.resize(NUM_CLASSES * self.num_bins, 0.0);
        let a0_hz = 27.5 * (tuning / 12.0).exp2();
        let semitone = |bin: usize| match bin {
            // DC has no pitch: it counts as one and a half octaves below bin 1.
            0 => 12.0 * ((sample_rate_hz / n_fft as f64 / a0_hz).log2() - 1.5),
            bin => 12.0 * (bin as f64 * sample_rate_hz / n_fft as f64 / a0_hz).log2(),
        };
        for bin in 0..self.num_bins {
            let pitch = semitone(bin);
            let column = column(pitch, (semitone(bin + 1) - pitch).max(1.0));
            for (class, weight) in column.into_iter().enumerate() {
                // Pitch counts from A, rows from C: three semitones higher.
                let row = (class + NUM_CLASSES - 3) % NUM_CLASSES;
                self.weights[row * self.num_bins + bin] = weight as f32;
            }
        }
    }

    /// The weighted sums of `power`, `[bins]`, into `out`, `[12]`.
    pub fn apply(&self, power: &[f32], out: &mut [f32]) {
        for (row, out) in self.weights.chunks_exact(self.num_bins.max(1)).zip(out) {
            *out = row.iter().zip(power).map(|(w, x)| w * x).sum();
        }
    }
}

/// Weights of a bin at `pitch` semitones above A0 that is `width` semitones wide, from A upwards.
fn column(pitch: f64, width: f64) -> [f64; NUM_CLASSES] {
    let distance = |class: usize| (pitch - class as f64 + 6.0).rem_euclid(12.0) - 6.0;
    let bell: [f64; NUM_CLASSES] =
        std::array::from_fn(|class| (-0.5 * (2.0 * distance(class) / width).powi(2)).exp());
    let norm = bell.iter().map(|w| w * w).sum::<f64>().sqrt();
    let octave = (-0.5 * ((pitch / 12.0 - CENTRE_OCTAVE) / OCTAVE_WIDTH).powi(2)).exp();
    bell.map(|w| w / norm * octave)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{max_abs_diff, reference};

    #[test]
    fn matches_the_reference_bank() {
        let bank = ChromaBank::new(2048, 22_050.0, 0.0);
        let error = max_abs_diff(&bank.weights, &reference("librosa/fb_chroma_tuning0.bin"));
        assert!(error < 1e-6, "{error}");
    }

    #[test]
    fn tuning_moves_the_scale_by_semitones() {
        let (plain, up) =
            (ChromaBank::new(8192, 48_000.0, 0.0), ChromaBank::new(8192, 48_000.0, 1.0));
        let a4_bin = (440.0_f64 * 8192.0 / 48_000.0).round() as usize;
        let class = |bank: &ChromaBank| {
            let weight = |c: &usize| bank.weights[c * bank.num_bins + a4_bin];
            (0..12).max_by(|a, b| weight(a).total_cmp(&weight(b))).unwrap()
        };
        assert_eq!((class(&plain), class(&up)), (9, 8));
    }
}
