//! The tuning of a stream of samples.

use num_complex::Complex32;

use super::bins;
use super::layout::Layout;
use super::stft::FrameTransform;
use super::tuning::{RunningTuning, TuningStudy};
use crate::signal::framer::Framer;
use crate::signal::keep_over;
use crate::signal::window::Window;

/// Hears how far the music lies from A4 = 440 Hz: over its own spectra, of 2048 samples at 22 050 Hz
/// as librosa's, and of more at higher rates, so that bins stay about 11 Hz apart.
#[derive(Clone)]
pub struct Tuner {
    layout: Layout,
    framer: Framer,
    transform: FrameTransform,
    spectrum: Vec<Complex32>,
    magnitudes: Vec<f32>,
    keep: f32,
    running: RunningTuning,
    study: Option<TuningStudy>,
}

impl Tuner {
    /// For sound at `sample_rate_hz`. The running estimate forgets with a time constant of
    /// `memory_secs`; one that `studies` keeps all pitches besides, and grows with them.
    pub fn new(sample_rate_hz: u32, memory_secs: f64, studies: bool) -> Self {
        let n_fft = 2048 * ((f64::from(sample_rate_hz) / 22_050.0).round() as usize).clamp(1, 8);
        let n_fft = n_fft.next_power_of_two();
        let layout = Layout { n_fft, hop_len: n_fft / 4, sample_rate_hz };
        Self {
            layout,
            framer: Framer::new(n_fft, layout.hop_len),
            transform: FrameTransform::new(n_fft, Window::Hann),
            spectrum: vec![Complex32::default(); layout.num_bins()],
            magnitudes: vec![0.0; layout.num_bins()],
            keep: keep_over(layout.hop_secs(), memory_secs),
            running: RunningTuning::default(),
            study: studies.then(TuningStudy::default),
        }
    }

    /// Takes the sample at `position` (samples since the start of the run).
    pub fn push(&mut self, x: f32, position: u64) {
        if !self.framer.push(x, position) {
            return;
        }
        self.transform.run(self.framer.frame(), &mut self.spectrum);
        for (magnitude, &bin) in self.magnitudes.iter_mut().zip(&self.spectrum) {
            *magnitude = bins::magnitude(bin);
        }
        self.running.push(&self.magnitudes, &self.layout, 12, self.keep);
        if let Some(study) = &mut self.study {
            study.push(&self.magnitudes, &self.layout);
        }
    }

    /// The tuning lately, −0.5..0.5 semitones.
    pub fn tuning(&self) -> f32 {
        self.running.tuning()
    }

    /// The tuning of all that was heard, −0.5..0.5 in notes of `bins_per_octave`; `None` where it
    /// does not study.
    pub fn studied(&self, bins_per_octave: usize) -> Option<f64> {
        self.study.as_ref().map(|study| study.tuning(bins_per_octave))
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.framer.reset();
        self.running = RunningTuning::default();
        if let Some(study) = &mut self.study {
            study.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::tuning::estimate_tuning_of_sound;
    use crate::testing::a10;

    #[test]
    fn what_it_studied_is_the_tuning_of_the_whole() {
        let sound = a10();
        let mut tuner = Tuner::new(22_050, 10.0, true);
        for _ in 0..2 {
            for (i, &x) in sound.iter().chain(&[0.0; 1024]).enumerate() {
                tuner.push(x, i as u64);
            }
            for bins_per_octave in [12, 36] {
                let expected = estimate_tuning_of_sound(&sound, 22_050, bins_per_octave);
                assert_eq!(tuner.studied(bins_per_octave), Some(expected));
            }
            tuner.reset();
        }
    }

    #[test]
    fn hears_the_same_at_all_rates() {
        for rate_hz in [22_050, 48_000, 96_000] {
            let mut tuner = Tuner::new(rate_hz, 5.0, false);
            let hz = 440.0 * (0.3_f64 / 12.0).exp2();
            let step = std::f64::consts::TAU * hz / f64::from(rate_hz);
            (0..rate_hz).for_each(|i| tuner.push((step * f64::from(i)).sin() as f32, i.into()));
            assert!((tuner.tuning() - 0.3).abs() < 0.05, "{rate_hz}: {}", tuner.tuning());
            assert_eq!(tuner.studied(12), None);
        }
    }
}
