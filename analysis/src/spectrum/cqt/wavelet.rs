//! The windowed tones that a constant-Q transform compares the sound with.

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::CqtSettings;
use crate::signal::window::Window;

/// Equivalent noise bandwidth of the periodic Hann window, in bins, as librosa rounds it.
const HANN_BANDWIDTH: f64 = 1.500_183_105_468_75;

/// One bin of the transform.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The frequency that it is tuned to, in Hz.
    pub centre_hz: f64,
    /// Length of its window, in seconds.
    pub window_secs: f64,
    /// Where its pass band ends, in Hz.
    pub cutoff_hz: f64,
}

/// The bins of a transform, lowest first, as far as their pass bands end at `max_hz` or below.
pub fn bins(settings: &CqtSettings, max_hz: f64) -> Vec<Bin> {
    let per_octave = settings.bins_per_octave.max(1) as f64;
    let alpha = relative_bandwidth(per_octave);
    let gamma_hz = settings.gamma_hz.unwrap_or(alpha * 24.7 / 0.108).max(0.0);
    let q = settings.filter_scale / alpha;
    let bin = |i: usize| {
        let centre_hz = settings.min_hz * ((settings.tuning + i as f64) / per_octave).exp2();
        Bin {
            centre_hz,
            window_secs: q / (centre_hz + gamma_hz / alpha),
            cutoff_hz: centre_hz * (1.0 + 0.5 * HANN_BANDWIDTH / q) + 0.5 * gamma_hz,
        }
    };
    (0..settings.num_bins).map(bin).take_while(|b| b.cutoff_hz <= max_hz).collect()
}

/// Half the distance of a bin's neighbours over twice its frequency, about: 1/Q.
pub fn relative_bandwidth(bins_per_octave: f64) -> f64 {
    let square = (2.0 / bins_per_octave).exp2();
    (square - 1.0) / (square + 1.0)
}

impl Bin {
    /// The tone exp(iωn) for n from −len/2, under a Hann window and of absolute sum 1, at
    /// `sample_rate_hz`.
    pub fn wavelet(&self, sample_rate_hz: f64) -> Vec<Complex64> {
        let half = self.window_secs * sample_rate_hz / 2.0;
        let (start, end) = ((-half).floor() as i64, half.floor() as i64);
        let window = Window::Hann.periodic(usize::try_from(end - start).unwrap_or(0));
        let sum: f64 = window.iter().sum();
        let step = TAU * self.centre_hz / sample_rate_hz;
        let tone = |n: i64| Complex64::cis(step * n as f64);
        let norm = if sum > 0.0 { 1.0 / sum } else { 0.0 };
        (start..end).zip(window).map(|(n, w)| tone(n) * (w * norm)).collect()
    }
}
