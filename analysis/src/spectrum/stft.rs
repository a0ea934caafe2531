//! Short-time Fourier transform.

use std::sync::Arc;

use num_complex::{Complex32, Complex64};
use rayon::prelude::*;
use realfft::{RealFftPlanner, RealToComplex};

use super::layout::Layout;
use crate::Rows;
use crate::signal::sane;
use crate::signal::window::Window;

/// How sound is cut into frames and transformed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StftSettings {
    /// Length of the transform, of the frames and of the window, in samples.
    pub n_fft: usize,
    /// Samples between frames.
    pub hop_len: usize,
    /// Periodic window on the samples of a frame.
    pub window: Window,
    /// Whether frame k is centred on sample k·hop, with silence beyond both ends, or begins there.
    pub center: bool,
}

impl Default for StftSettings {
    /// librosa's: 2048, 512, Hann, centred.
    fn default() -> Self {
        Self { n_fft: 2048, hop_len: 512, window: Window::Hann, center: true }
    }
}

impl StftSettings {
    /// Frames that a signal of `len` samples has.
    pub fn num_frames(&self, len: usize) -> usize {
        let padded = if self.center { len + self.n_fft / 2 * 2 } else { len };
        padded.checked_sub(self.n_fft).map_or(0, |rest| rest / self.hop_len.max(1) + 1)
    }

    /// What rows made so mean, for sound at `sample_rate_hz`.
    pub fn layout(&self, sample_rate_hz: u32) -> Layout {
        Layout { n_fft: self.n_fft, hop_len: self.hop_len, sample_rate_hz }
    }
}

/// The transform of one frame: X\[f\] = Σ x\[n\]·w\[n\]·exp(−2πi·f·n/n_fft), not scaled.
#[derive(Clone)]
pub struct FrameTransform {
    window: Arc<[f64]>,
    /// In 64 bits: in 32, the rounding of a loud bin would drown the quiet ones, whose decibels and
    /// HPSS masks count as much.
    fft: Arc<dyn RealToComplex<f64>>,
    frame: Vec<f64>,
    bins: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl FrameTransform {
    /// For frames of `n_fft` samples.
    pub fn new(n_fft: usize, window: Window) -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(n_fft);
        Self {
            window: window.periodic(n_fft).into(),
            frame: fft.make_input_vec(),
            bins: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }

    /// The transform of `frame`, `[n_fft]`, into `row`, `[n_fft/2 + 1]`. A frame that ends early
    /// goes on in silence.
    pub fn run(&mut self, frame: impl Iterator<Item = f32>, row: &mut [Complex32]) {
        let samples = frame.chain(std::iter::repeat(0.0));
        for ((out, x), w) in self.frame.iter_mut().zip(samples).zip(&*self.window) {
            *out = f64::from(x) * w;
        }
        let done =
            self.fft.process_with_scratch(&mut self.frame, &mut self.bins, &mut self.scratch);
        debug_assert!(done.is_ok(), "all lengths are those of the plan");
        for (out, bin) in row.iter_mut().zip(&self.bins) {
            *out = Complex32::new(bin.re as f32, bin.im as f32);
        }
    }
}

/// The transform of a whole signal, `[frames, n_fft/2 + 1]`: librosa's `stft` with zero padding.
pub fn stft(sound: &[f32], settings: &StftSettings) -> Rows<Complex32> {
    let StftSettings { n_fft, hop_len, window, center } = *settings;
    let num_bins = n_fft / 2 + 1;
    let mut data = vec![Complex32::default(); settings.num_frames(sound.len()) * num_bins];
    let transform = FrameTransform::new(n_fft, window);
    let pad = if center { n_fft / 2 } else { 0 };
    let at = |i: usize| i.checked_sub(pad).and_then(|i| sound.get(i)).map_or(0.0, |&x| sane(x));
    data.par_chunks_exact_mut(num_bins).enumerate().for_each_init(
        || transform.clone(),
        |transform, (k, row)| transform.run((k * hop_len..k * hop_len + n_fft).map(at), row),
    );
    Rows::from_vec(num_bins, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, columns, max_abs_diff, peak, reference};

    #[test]
    fn matches_the_reference() {
        let rows = stft(&a10(), &StftSettings::default());
        assert_eq!((rows.num_frames(), rows.num_bins()), (431, 1025));
        let expected = reference("librosa/stft_reim_first8.bin");
        let (re, im) = expected.split_at(1025 * 8);
        let found = |part: fn(Complex32) -> f32| rows.map(part).into_vec();
        let error = max_abs_diff(&found(|c| c.re), &columns(re, 8))
            .max(max_abs_diff(&found(|c| c.im), &columns(im, 8)));
        assert!(error / peak(&expected) < 1e-6);

        let expected = columns(&reference("librosa/stft_mag_tail.bin"), 32);
        let error = max_abs_diff(&found(|c| c.norm())[399 * 1025..], &expected) / peak(&expected);
        assert!(error < 1e-6);
    }

    #[test]
    fn without_centring_frames_begin_at_their_hop() {
        let sound: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.1).sin()).collect();
        let settings =
            StftSettings { n_fft: 256, hop_len: 64, window: Window::Rect, center: false };
        let rows = stft(&sound, &settings);
        assert_eq!(rows.num_frames(), 12);
        let sum: f32 = sound[3 * 64..3 * 64 + 256].iter().sum();
        assert!((rows.row(3)[0].re - sum).abs() < 1e-3);
        assert_eq!(stft(&sound[..255], &settings).num_frames(), 0);
    }
}
