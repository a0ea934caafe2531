//! What nodes need to know of spectra.

use lumawire_core::Spectrum;
use num_complex::Complex32;

/// What a spectrum's bins and rows mean. Nodes rebuild their tables when it changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// Length of the transform, in samples.
    pub n_fft: usize,
    /// Samples between rows.
    pub hop_len: usize,
    /// Sample rate of the sound, in Hz.
    pub sample_rate_hz: u32,
}

impl Layout {
    /// The layout of `spectrum`, or `None` where its sizes contradict each other or are zero.
    pub fn of(spectrum: &Spectrum) -> Option<Self> {
        let Spectrum { n_fft, hop_len, sample_rate_hz, .. } = *spectrum;
        let layout = Self { n_fft, hop_len, sample_rate_hz };
        let sound = n_fft > 0 && hop_len > 0 && sample_rate_hz > 0;
        (sound && spectrum.hops.num_bins() == layout.num_bins()).then_some(layout)
    }

    /// Bins in a row.
    pub fn num_bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    /// Hertz between bins.
    pub fn bin_hz(&self) -> f64 {
        f64::from(self.sample_rate_hz) / self.n_fft as f64
    }

    /// Seconds between rows.
    pub fn hop_secs(&self) -> f64 {
        self.hop_len as f64 / f64::from(self.sample_rate_hz)
    }
}

/// |c|², 0 where that is no finite number.
pub fn power(c: Complex32) -> f32 {
    let power = c.norm_sqr();
    if power.is_finite() { power } else { 0.0 }
}

/// |c|, 0 where |c|² is no finite number.
pub fn magnitude(c: Complex32) -> f32 {
    power(c).sqrt()
}

/// 10·log₁₀ of a power, −100 dB at the least.
pub fn db_from_power(power: f32) -> f32 {
    10.0 * power.max(1e-10).log10()
}
