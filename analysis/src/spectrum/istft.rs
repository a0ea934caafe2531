//! Inverse short-time Fourier transform.

use std::sync::Arc;

use num_complex::{Complex32, Complex64};
use realfft::{ComplexToReal, RealFftPlanner};

use super::stft::StftSettings;
use crate::Rows;
use crate::signal::sane;
use crate::signal::window::Window;

/// Turns rows back into frames of sound.
#[derive(Clone)]
pub struct FrameSynthesis {
    /// The window over n_fft, which the inverse transform leaves undone, and its square.
    scaled_window: Arc<[f64]>,
    squared_window: Arc<[f64]>,
    fft: Arc<dyn ComplexToReal<f64>>,
    bins: Vec<Complex64>,
    frame: Vec<f64>,
    scratch: Vec<Complex64>,
}

impl FrameSynthesis {
    /// For rows of `n_fft/2 + 1` bins that were made with `window`.
    pub fn new(n_fft: usize, window: Window) -> Self {
        let fft = RealFftPlanner::new().plan_fft_inverse(n_fft);
        let window = window.periodic(n_fft);
        Self {
            scaled_window: window.iter().map(|w| w / n_fft as f64).collect(),
            squared_window: window.iter().map(|w| w * w).collect(),
            bins: fft.make_input_vec(),
            frame: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }

    /// Adds the windowed frame of `row`, `[n_fft/2 + 1]`, to `sound` and the squared window to
    /// `overlap`, as far as both go. Bins that are no finite number count as silence.
    pub fn add(&mut self, row: &[Complex32], sound: &mut [f64], overlap: &mut [f64]) {
        for (bin, &x) in self.bins.iter_mut().zip(row) {
            let x = if x.is_finite() { x } else { Complex32::default() };
            *bin = Complex64::new(f64::from(x.re), f64::from(x.im));
        }
        // The spectrum of a real sound has real ends: that at half the rate only if it is there.
        let has_nyquist = self.frame.len().is_multiple_of(2);
        if let Some(first) = self.bins.first_mut() {
            first.im = 0.0;
        }
        if let Some(last) = self.bins.last_mut().filter(|_| has_nyquist) {
            last.im = 0.0;
        }
        let done =
            self.fft.process_with_scratch(&mut self.bins, &mut self.frame, &mut self.scratch);
        debug_assert!(done.is_ok(), "all lengths are those of the plan");
        for ((out, x), w) in sound.iter_mut().zip(&self.frame).zip(&*self.scaled_window) {
            *out += x * w;
        }
        for (out, w) in overlap.iter_mut().zip(&*self.squared_window) {
            *out += w;
        }
    }
}

/// The sound of a whole spectrum, `[frames, n_fft/2 + 1]`: librosa's `istft`.
///
/// Each row is transformed back, windowed again and added where it came from, and the sum divided
/// by that of the squared windows (Griffin and Lim 1984). Without `len`, samples: as many as the
/// frames cover, less n_fft/2 at each end where they were centred. Beyond the frames is silence.
pub fn istft(spectrum: &Rows<Complex32>, settings: &StftSettings, len: Option<usize>) -> Vec<f32> {
    let StftSettings { n_fft, hop_len, window, center } = *settings;
    let pad = if center { n_fft / 2 } else { 0 };
    let covered = spectrum.num_frames().checked_sub(1).map_or(0, |last| last * hop_len + n_fft);
    let len = len.unwrap_or(covered.saturating_sub(2 * pad));
    let (mut sound, mut overlap) = (vec![0.0; covered], vec![0.0; covered]);
    let mut synthesis = FrameSynthesis::new(n_fft, window);
    for (k, row) in spectrum.iter().enumerate() {
        let start = k * hop_len;
        // A row that lies beyond the sound is not its business; its window would thin what is.
        if start < len + 2 * pad {
            synthesis.add(row, &mut sound[start..], &mut overlap[start..]);
        }
    }
    let divided = sound.iter().zip(&overlap).skip(pad).map(|(&x, &w)| {
        let x = if w > f64::from(f32::MIN_POSITIVE) { x / w } else { x };
        sane(x as f32)
    });
    divided.chain(std::iter::repeat(0.0)).take(len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::stft::stft;
    use crate::testing::{a10, max_abs_diff};

    #[test]
    fn undoes_the_stft() {
        let sound = a10();
        for (n_fft, hop_len, window, center) in [
            (2048, 512, Window::Hann, true),
            (1024, 256, Window::Hamming, true),
            (2048, 512, Window::Hamming, false),
            (512, 100, Window::Blackman, true),
            (255, 60, Window::Hann, true),
            (256, 256, Window::Rect, false),
        ] {
            let settings = StftSettings { n_fft, hop_len, window, center };
            let rows = stft(&sound, &settings);
            let found = istft(&rows, &settings, Some(sound.len()));
            let covered = (rows.num_frames() - 1) * hop_len + n_fft;
            // The last samples lie under no full overlap.
            let num = covered.min(sound.len()) - n_fft;
            assert_eq!(found.len(), sound.len());
            let error = max_abs_diff(&found[..num], &sound[..num]);
            assert!(error < 1e-6, "{settings:?}: {error}");
        }
    }

    #[test]
    fn without_a_length_the_frames_say_it() {
        let rows = |num| Rows::<Complex32>::new(num, 1025);
        let centred = StftSettings::default();
        let begins = StftSettings { center: false, ..centred };
        assert_eq!(istft(&rows(5), &centred, None).len(), 4 * 512);
        assert_eq!(istft(&rows(5), &begins, None).len(), 4 * 512 + 2048);
        assert_eq!(istft(&rows(0), &begins, None).len(), 0);
        assert_eq!(istft(&rows(0), &centred, Some(3)), [0.0; 3]);
    }

    #[test]
    fn what_is_no_number_is_silent() {
        let mut rows = Rows::<Complex32>::new(8, 129);
        rows.row_mut(3).fill(Complex32::new(f32::NAN, f32::INFINITY));
        rows.row_mut(5).fill(Complex32::new(f32::MAX, f32::MAX));
        let settings = StftSettings { n_fft: 256, hop_len: 64, ..StftSettings::default() };
        assert!(istft(&rows, &settings, None).iter().all(|x| x.is_finite()));
    }
}
