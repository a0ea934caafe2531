//! What a moment sounds like, in few numbers.

use num_complex::Complex32;

use crate::signal::keep_over;
use crate::spectrum::bins;
use crate::spectrum::chroma_bank::{ChromaBank, NUM_CLASSES};
use crate::spectrum::layout::Layout;
use crate::spectrum::mel_bank::{MelBank, MelScale};

/// Mel bands of a fingerprint.
const NUM_MELS: usize = 40;
/// Values of a fingerprint.
pub const LEN: usize = NUM_MELS + NUM_CLASSES;
/// How far below the loudest band the others count, and how fast the loudest is forgotten.
const RANGE_DB: f32 = 60.0;
const LOUDEST_SECS: f64 = 30.0;
/// Upper end of the bands.
const MAX_HZ: f64 = 8_000.0;

/// Turns rows of a spectrum into fingerprints of length 1 (or 0 for silence): timbre and harmony to
/// equal parts, `[LEN]`. Timbre: 40 mel bands in dB over a floor 60 dB below the loudest band of late.
/// Harmony: chroma. No value is below 0.
#[derive(Debug, Clone, Default)]
pub struct Fingerprint {
    layout: Layout,
    mel: MelBank,
    chroma: ChromaBank,
    powers: Vec<f32>,
    loudest: f32,
    values: Vec<f32>,
}

impl Fingerprint {
    /// For rows of this layout.
    pub fn new(layout: Layout) -> Self {
        let rate_hz = f64::from(layout.sample_rate_hz);
        let range_hz = (0.0, MAX_HZ.min(rate_hz / 2.0));
        Self {
            layout,
            mel: MelBank::new(
                MelScale::Slaney,
                NUM_MELS,
                range_hz,
                layout.num_bins(),
                layout.bin_hz(),
            ),
            chroma: ChromaBank::new(layout.n_fft, rate_hz, 0.0),
            powers: vec![0.0; layout.num_bins()],
            loudest: 0.0,
            values: vec![0.0; LEN],
        }
    }

    /// The fingerprint of the next row, `[LEN]`.
    pub fn push(&mut self, row: &[Complex32]) -> &[f32] {
        for (power, &x) in self.powers.iter_mut().zip(row) {
            *power = bins::power(x);
        }
        let (timbre, harmony) = self.values.split_at_mut(NUM_MELS);
        self.mel.apply(&self.powers, timbre);
        let keep = keep_over(self.layout.hop_secs(), LOUDEST_SECS);
        self.loudest = timbre.iter().copied().fold(self.loudest * keep, f32::max);
        let floor_db = bins::db_from_power(self.loudest) - RANGE_DB;
        timbre.iter_mut().for_each(|v| *v = (bins::db_from_power(*v) - floor_db).max(0.0));
        // The floor of `db_from_power` is no sound.
        if self.loudest <= 1e-10 {
            timbre.fill(0.0);
        }
        self.chroma.apply(&self.powers, harmony);
        to_length(timbre, std::f32::consts::FRAC_1_SQRT_2);
        to_length(harmony, std::f32::consts::FRAC_1_SQRT_2);
        &self.values
    }

    /// Back to the start.
    pub fn reset(&mut self) {
        self.loudest = 0.0;
    }
}

/// Scales a vector to `length`; what is too short to scale becomes 0.
fn to_length(values: &mut [f32], length: f32) {
    let norm = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let factor = if norm > 1e-9 { f64::from(length) / norm } else { 0.0 };
    values.iter_mut().for_each(|v| *v = (f64::from(*v) * factor) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, max_abs_diff};

    #[test]
    fn any_gain_gives_the_same_fingerprints_of_length_one() {
        let settings = StftSettings::default();
        let rows = |gain: f32| {
            let sound: Vec<f32> = a10().iter().map(|x| x * gain).collect();
            let mut fingerprint = Fingerprint::new(settings.layout(22_050));
            let rows = stft(&sound, &settings);
            rows.iter().flat_map(|r| fingerprint.push(r).to_vec()).collect::<Vec<f32>>()
        };
        let loud = rows(1.0);
        assert!(max_abs_diff(&rows(0.1), &loud) < 1e-3);
        for row in loud.chunks(LEN) {
            let norm = row.iter().map(|v| v * v).sum::<f32>();
            assert!((norm - 1.0).abs() < 1e-5 && row.iter().all(|&v| v >= 0.0));
        }
        assert!(rows(0.0).iter().all(|&v| v == 0.0));
    }
}
