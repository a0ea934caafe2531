//! Sound as a texture: the spectrum in decibels and the wave.

use std::sync::Arc;

use lumawire_core::{Encoding, HostImage, Image, Pixels, Spectrum};
use realfft::{ComplexToReal, RealFftPlanner};

use super::declared::SoundRows;

/// Texels of a row.
pub const NUM_TEXELS: usize = 512;
/// A texel of the spectrum is one bin of a transform of this length, whatever the length was.
const REFERENCE_N_FFT: f64 = 2048.0;
/// What 0 and 1 stand for: the decibels of the Web Audio API's `AnalyserNode`.
const RANGE_DB: (f32, f32) = (-100.0, -30.0);
/// Part of the last value that is left after a sixtieth of a second, as there.
const SMOOTHING: f32 = 0.8;

/// The rows of one input.
pub struct Sound {
    magnitudes: Vec<f32>,
    spectrum: Vec<f32>,
    wave: Vec<f32>,
    inverse: Option<Arc<dyn ComplexToReal<f32>>>,
    bins: Vec<realfft::num_complex::Complex32>,
    samples: Vec<f32>,
}

impl Default for Sound {
    fn default() -> Self {
        Self {
            magnitudes: vec![0.0; NUM_TEXELS],
            spectrum: vec![0.0; NUM_TEXELS],
            wave: vec![0.5; NUM_TEXELS],
            inverse: None,
            bins: Vec::new(),
            samples: Vec::new(),
        }
    }
}

impl Sound {
    /// Takes the latest row of `spectrum`, `delta_secs` after the last one; silence where there is
    /// none.
    pub fn take(&mut self, spectrum: Option<&Spectrum>, delta_secs: f64) {
        let row = spectrum.and_then(|s| Some((s, s.hops.latest()?)));
        let keep = SMOOTHING.powf((delta_secs * 60.0) as f32);
        let texel_hz = spectrum.map_or(1.0, |s| f64::from(s.sample_rate_hz) / REFERENCE_N_FFT);
        for (i, smoothed) in self.magnitudes.iter_mut().enumerate() {
            let magnitude = row.map_or(0.0, |(s, bins)| {
                let bin_hz = f64::from(s.sample_rate_hz) / s.n_fft.max(1) as f64;
                let bin = |texel: usize| (texel as f64 * texel_hz / bin_hz).round() as usize;
                let bins = bins.get(bin(i)..bin(i + 1).max(bin(i) + 1)).unwrap_or_default();
                // What is not finite would stay in the smoothing for ever.
                let norms = bins.iter().map(|b| b.norm()).filter(|v| v.is_finite());
                let largest = norms.fold(0.0, f32::max);
                // The middle of a Hann window of n samples under a sine of amplitude a: a·n/4.
                4.0 * largest / s.n_fft.max(1) as f32
            });
            *smoothed = keep * *smoothed + (1.0 - keep) * magnitude;
            let db = 20.0 * smoothed.max(1e-12).log10();
            self.spectrum[i] = ((db - RANGE_DB.0) / (RANGE_DB.1 - RANGE_DB.0)).clamp(0.0, 1.0);
        }
        self.wave.fill(0.5);
        if let Some((spectrum, bins)) = row {
            self.take_wave(spectrum.n_fft, bins);
        }
    }

    /// The samples in the middle of the row's window, where it hardly weighs them.
    fn take_wave(&mut self, n_fft: usize, bins: &[realfft::num_complex::Complex32]) {
        if n_fft < 2 || bins.len() != n_fft / 2 + 1 {
            return;
        }
        if self.inverse.as_ref().is_none_or(|plan| plan.len() != n_fft) {
            self.inverse = Some(RealFftPlanner::new().plan_fft_inverse(n_fft));
            self.samples = vec![0.0; n_fft];
        }
        let Some(plan) = &self.inverse else { return };
        self.bins.clear();
        self.bins.extend_from_slice(bins);
        // The two ends of a real signal's spectrum are real.
        self.bins[0].im = 0.0;
        if n_fft.is_multiple_of(2) {
            self.bins[n_fft / 2].im = 0.0;
        }
        if plan.process(&mut self.bins, &mut self.samples).is_err() {
            return;
        }
        let start = n_fft.saturating_sub(NUM_TEXELS) / 2;
        for (texel, sample) in self.wave.iter_mut().zip(&self.samples[start..]) {
            *texel = (0.5 + 0.5 * sample / n_fft as f32).clamp(0.0, 1.0);
        }
    }

    /// The rows as a picture, `width` texels wide: of narrower ones a texel is the largest value of
    /// the spectrum and the mean of the wave.
    pub fn picture(&self, rows: SoundRows, width: u32) -> Image {
        let width = (width as usize).clamp(1, NUM_TEXELS);
        let part = |i: usize| i * NUM_TEXELS / width..(i + 1) * NUM_TEXELS / width;
        let largest = |i| self.spectrum[part(i)].iter().copied().fold(0.0, f32::max);
        let mean = |i| self.wave[part(i)].iter().sum::<f32>() / part(i).len().max(1) as f32;
        let mut values: Vec<f32> = Vec::with_capacity(2 * width);
        if rows != SoundRows::Wave {
            values.extend((0..width).map(largest));
        }
        if rows != SoundRows::Spectrum {
            values.extend((0..width).map(mean));
        }
        let size = (width as u32, (values.len() / width) as u32);
        let pixels = Pixels::RgbaF32(values.iter().flat_map(|v| [*v, *v, *v, 1.0]).collect());
        let image = HostImage { width_px: size.0, height_px: size.1, pixels };
        Image::from_host(image, Encoding::Linear)
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.magnitudes.fill(0.0);
        self.spectrum.fill(0.0);
        self.wave.fill(0.5);
    }
}
