//! Mel-frequency cepstral coefficients: the shape of the spectrum, timbre, in a few numbers.

use std::f64::consts::PI;

use num_complex::Complex32;

use super::bins;
use super::decibels::{Decibels, RunningDecibels, power_to_db};
use super::layout::Layout;
use super::mel::{MelSettings, melspectrogram};
use super::mel_bank::MelBank;
use super::stft::StftSettings;
use crate::Rows;

/// Coefficients that librosa gives by default.
pub const NUM_MFCC: usize = 20;

/// The first rows of the orthonormal discrete cosine transform (type II), `[num_out, num_in]`:
/// out\[k\] = s·Σ x\[n\]·cos(π·k·(2n + 1)/(2N)), s = √(2/N), for k = 0 √(1/N).
#[derive(Debug, Clone, Default)]
pub struct Dct {
    num_in: usize,
    weights: Vec<f64>,
}

impl Dct {
    /// The first `num_out` coefficients of `num_in` values; those beyond `num_in` are 0.
    pub fn new(num_out: usize, num_in: usize) -> Self {
        let n = num_in.max(1) as f64;
        let weight = |k: usize, i: usize| match k {
            0 => n.recip().sqrt(),
            k if k >= num_in => 0.0,
            k => (2.0 / n).sqrt() * (PI * k as f64 * (2 * i + 1) as f64 / (2.0 * n)).cos(),
        };
        let weights = (0..num_out).flat_map(|k| (0..num_in).map(move |i| weight(k, i)));
        Self { num_in, weights: weights.collect() }
    }

    /// The coefficients of `values`, `[num_in]`, into `out`, `[num_out]`.
    pub fn apply(&self, values: &[f32], out: &mut [f32]) {
        for (out, weights) in out.iter_mut().zip(self.weights.chunks_exact(self.num_in.max(1))) {
            *out = weights.iter().zip(values).map(|(w, &x)| w * f64::from(x)).sum::<f64>() as f32;
        }
    }
}

/// How the coefficients are made. The defaults are librosa's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MfccSettings {
    /// Coefficients in a row, the first of which follows the loudness.
    pub num_mfcc: usize,
    /// The mel bands.
    pub mel: MelSettings,
    /// How their powers become decibels.
    pub decibels: Decibels,
}

impl Default for MfccSettings {
    fn default() -> Self {
        let (mel, decibels) = (MelSettings::default(), Decibels::default());
        Self { num_mfcc: NUM_MFCC, mel, decibels }
    }
}

/// The coefficients of a whole signal, `[frames, num_mfcc]`: librosa's `feature.mfcc`, the
/// orthonormal DCT-II of the mel spectrogram in decibels, at most 80 dB below its loudest value.
pub fn mfcc(
    sound: &[f32],
    sample_rate_hz: u32,
    stft_settings: &StftSettings,
    settings: &MfccSettings,
) -> Rows {
    let bands = melspectrogram(sound, sample_rate_hz, stft_settings, &settings.mel);
    let dct = Dct::new(settings.num_mfcc, settings.mel.num_mels);
    let db = power_to_db(&bands, &settings.decibels);
    db.map_rows(settings.num_mfcc, |row, out| dct.apply(row, out))
}

/// The coefficients row by row: as [`mfcc`], but the loudest value is the loudest so far.
#[derive(Debug, Clone)]
pub struct CausalMfcc {
    power: f32,
    bank: MelBank,
    powers: Vec<f32>,
    bands: Vec<f32>,
    decibels: RunningDecibels,
    dct: Dct,
}

impl CausalMfcc {
    /// For spectra of this layout.
    pub fn new(settings: &MfccSettings, layout: Layout) -> Self {
        Self {
            power: settings.mel.power,
            bank: settings.mel.bank(layout),
            powers: vec![0.0; layout.num_bins()],
            bands: vec![0.0; settings.mel.num_mels],
            decibels: RunningDecibels::new(settings.decibels),
            dct: Dct::new(settings.num_mfcc, settings.mel.num_mels),
        }
    }

    /// The coefficients of the next row, `[n_fft/2 + 1]`, into `out`, `[num_mfcc]`.
    pub fn push(&mut self, row: &[Complex32], out: &mut [f32]) {
        for (power, &bin) in self.powers.iter_mut().zip(row) {
            *power = bins::raised(bin, self.power);
        }
        self.bank.apply(&self.powers, &mut self.bands);
        self.decibels.apply(&mut self.bands);
        self.dct.apply(&self.bands, out);
    }

    /// Forgets what was loud.
    pub fn reset(&mut self) {
        self.decibels.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::stft::stft;
    use crate::testing::{a10, columns, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let stft_settings = StftSettings::default();
        let found = mfcc(&a10(), 22_050, &stft_settings, &MfccSettings::default());
        let expected = columns(&reference("librosa/mfcc.bin"), 431);
        assert_eq!(found.data().len(), expected.len());
        let error = max_abs_diff(found.data(), &expected);
        assert!(error < 1e-3, "{error}");

        let layout = stft_settings.layout(22_050);
        let mut causal = CausalMfcc::new(&MfccSettings::default(), layout);
        let rows = stft(&a10(), &stft_settings);
        let mut row = [0.0; NUM_MFCC];
        for (k, bins) in rows.iter().enumerate() {
            causal.push(bins, &mut row);
            // No band of this clip lies 80 dB below its loudest: both forms agree.
            assert!(max_abs_diff(&row, found.row(k)) < 1e-4, "{k}");
        }
    }

    #[test]
    fn the_cosine_transform_is_orthonormal() {
        let dct = Dct::new(16, 16);
        let mut images = Vec::new();
        for i in 0..16 {
            let mut unit = [0.0; 16];
            unit[i] = 1.0;
            let mut out = [0.0; 16];
            dct.apply(&unit, &mut out);
            images.push(out);
        }
        for (i, a) in images.iter().enumerate() {
            for (j, b) in images.iter().enumerate() {
                let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((product - f32::from(u8::from(i == j))).abs() < 1e-6);
            }
        }
        let mut out = [1.0; 4];
        Dct::new(4, 2).apply(&[1.0, 1.0], &mut out);
        assert!(max_abs_diff(&out, &[2.0_f32.sqrt(), 0.0, 0.0, 0.0]) < 1e-6);
    }
}
