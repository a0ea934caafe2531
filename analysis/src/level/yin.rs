//! The fundamental frequency by YIN.
//!
//! De Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music" (2002),
//! with the difference function and the numbers of librosa 0.11's `yin`.

use std::sync::Arc;

use num_complex::Complex64;
use rayon::prelude::*;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::signal::framer::Framing;

/// Range of pitches and how sound is cut, for YIN and pYIN alike. What the frame and the rate do
/// not allow is held: a period of `fmin_hz` must fit into a frame (two should), `fmax_hz` lie below
/// half the sample rate and a tenth above `fmin_hz`, and a frame have 64 samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PitchSettings {
    /// Lowest fundamental, in Hz.
    pub fmin_hz: f64,
    /// Highest fundamental, in Hz.
    pub fmax_hz: f64,
    /// The frames.
    pub framing: Framing,
    /// YIN alone: the first trough of the difference function below this is the period.
    pub trough_threshold: f64,
}

impl Default for PitchSettings {
    /// librosa's: C2 to C7 as its documentation recommends, 2048, 512, centred, 0.1.
    fn default() -> Self {
        Self {
            fmin_hz: 65.406_391_325_149_66,
            fmax_hz: 2_093.004_522_404_789,
            framing: Framing::default(),
            trough_threshold: 0.1,
        }
    }
}

impl PitchSettings {
    /// What of it is possible at this sample rate.
    pub(super) fn held(mut self, sample_rate_hz: u32) -> Self {
        let rate_hz = f64::from(sample_rate_hz.max(1));
        self.framing.frame_len = self.framing.frame_len.max(64);
        self.framing.hop_len = self.framing.hop_len.max(1);
        let lowest_hz = rate_hz / (self.framing.frame_len - 2) as f64;
        let (a, b) = (self.fmin_hz, self.fmax_hz);
        self.fmin_hz = a.min(b).clamp(lowest_hz, rate_hz / 4.0);
        self.fmax_hz = a.max(b).clamp(1.1 * self.fmin_hz, rate_hz / 2.0);
        self
    }
}

/// What YIN finds in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YinPitch {
    /// Fundamental frequency in Hz, whether or not there is one.
    pub f0_hz: f64,
    /// How nearly the frame repeats after that period, 0..1; 0 in silence.
    pub confidence: f64,
}

/// The difference function of one frame after the other.
#[derive(Clone)]
pub struct Yin {
    sample_rate_hz: f64,
    min_period: usize,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    frame: Vec<f32>,
    samples: Vec<f64>,
    bins: Vec<Complex64>,
    scratch: Vec<Complex64>,
    /// Cumulative mean normalised difference at the periods from `min_period` on.
    difference: Vec<f64>,
    is_silent: bool,
}

/// Mean square below which a frame is silent: −100 dB.
const SILENT: f64 = 1e-10;

impl Yin {
    /// For frames and pitches of these settings.
    pub fn new(sample_rate_hz: u32, settings: &PitchSettings) -> Self {
        let settings = settings.held(sample_rate_hz);
        let frame_len = settings.framing.frame_len;
        let rate_hz = f64::from(sample_rate_hz.max(1));
        let min_period = (rate_hz / settings.fmax_hz).floor() as usize;
        let max_period =
            ((rate_hz / settings.fmin_hz).ceil() as usize).max(min_period + 2).min(frame_len - 1);
        let fft_len = (frame_len + max_period).next_power_of_two();
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) =
            (planner.plan_fft_forward(fft_len), planner.plan_fft_inverse(fft_len));
        let scratch_len = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            sample_rate_hz: rate_hz,
            min_period,
            frame: vec![0.0; frame_len],
            samples: forward.make_input_vec(),
            bins: forward.make_output_vec(),
            scratch: vec![Complex64::default(); scratch_len],
            forward,
            inverse,
            difference: vec![0.0; max_period - min_period + 1],
            is_silent: true,
        }
    }

    /// Takes the next frame, `[frame_len]`.
    ///
    /// d(τ) = 2·(r(0) − r(τ)) − Σ x² over the first τ samples, with the autocorrelation r; then d
    /// over its mean at 1 to τ.
    pub fn listen(&mut self, frame: impl Iterator<Item = f32>) {
        let samples = frame.chain(std::iter::repeat(0.0));
        self.frame.iter_mut().zip(samples).for_each(|(to, x)| *to = x);
        self.autocorrelate();
        let whole = self.samples[0];
        self.is_silent = whole < SILENT * self.frame.len() as f64;
        let (mut energy, mut sum) = (0.0, 0.0);
        for (tau, (&r, &x)) in (1..).zip(self.samples[1..].iter().zip(&self.frame)) {
            energy += f64::from(x) * f64::from(x);
            let d = 2.0 * (whole - r) - energy;
            sum += d;
            let Some(i) = usize::checked_sub(tau, self.min_period) else { continue };
            let Some(out) = self.difference.get_mut(i) else { break };
            *out = d / (sum / tau as f64 + f64::MIN_POSITIVE);
        }
    }

    /// The frame's autocorrelation, at the head of `samples`.
    fn autocorrelate(&mut self) {
        self.samples.fill(0.0);
        self.samples.iter_mut().zip(&self.frame).for_each(|(to, &x)| *to = f64::from(x));
        let scale = 1.0 / self.samples.len() as f64;
        let scratch = &mut self.scratch[..self.forward.get_scratch_len()];
        let there = self.forward.process_with_scratch(&mut self.samples, &mut self.bins, scratch);
        self.bins.iter_mut().for_each(|c| *c = Complex64::from(c.norm_sqr() * scale));
        let scratch = &mut self.scratch[..self.inverse.get_scratch_len()];
        let back = self.inverse.process_with_scratch(&mut self.bins, &mut self.samples, scratch);
        debug_assert!(there.and(back).is_ok(), "all lengths are those of the plan");
    }

    /// Places and heights of the troughs of the difference function, the shortest period first.
    pub(super) fn troughs(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let d = &self.difference;
        let is_trough = |&i: &usize| {
            let falls = i == 0 || d[i] < d[i - 1];
            // The first trough must rise, the others need not; the last only fall.
            let rises = match d.get(i + 1) {
                Some(&next) if i == 0 => d[i] < next,
                Some(&next) => d[i] <= next,
                None => true,
            };
            falls && rises
        };
        (0..d.len()).filter(is_trough).map(|i| (i, d[i]))
    }

    /// Frequency of the period at place `i`, moved to the vertex of the parabola through it and its
    /// neighbours where that lies between them.
    pub(super) fn f0_hz(&self, i: usize) -> f64 {
        let d = &self.difference;
        let shift = match (i.checked_sub(1).and_then(|i| d.get(i)), d.get(i), d.get(i + 1)) {
            (Some(before), Some(here), Some(after)) => {
                let (a, b) = (after + before - 2.0 * here, (after - before) / 2.0);
                if b.abs() < a.abs() { -b / a } else { 0.0 }
            }
            _ => 0.0,
        };
        let shift = if shift.is_finite() { shift } else { 0.0 };
        self.sample_rate_hz / ((self.min_period + i) as f64 + shift)
    }

    /// The pitch of the last frame: of the first trough below `threshold`, else of the lowest point.
    pub fn pitch(&self, threshold: f64) -> YinPitch {
        let (place, depth) =
            self.troughs().find(|t| t.1 < threshold).unwrap_or_else(|| self.lowest());
        let confidence = if self.is_silent || depth.is_nan() { 0.0 } else { 1.0 - depth };
        YinPitch { f0_hz: self.f0_hz(place), confidence: confidence.clamp(0.0, 1.0) }
    }

    fn lowest(&self) -> (usize, f64) {
        let points = self.difference.iter().copied().enumerate();
        points.reduce(|low, next| if next.1 < low.1 { next } else { low }).unwrap_or((0, 1.0))
    }
}

/// Fundamental frequency of a whole signal, `[frames]`, in Hz: librosa's `yin`. Every frame has one,
/// silence and noise too.
pub fn yin(sound: &[f32], sample_rate_hz: u32, settings: &PitchSettings) -> Vec<f32> {
    let framing = settings.held(sample_rate_hz).framing;
    let frames = (0..framing.num_frames(sound.len())).into_par_iter();
    let pitch = |yin: &mut Yin, k: usize| {
        yin.listen(framing.frame(sound, k));
        yin.pitch(settings.trough_threshold).f0_hz as f32
    };
    frames.map_init(|| Yin::new(sample_rate_hz, settings), pitch).collect()
}

/// The key of a keyboard on which a frequency lies: 69 is A4, 440 Hz, semitones are 1 apart. Above
/// 0 Hz only.
pub fn midi_from_hz(hz: f64) -> f64 {
    69.0 + 12.0 * (hz / 440.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, glide, max_abs_diff, reference};

    /// In cents, as far as `expected` goes.
    fn max_cents(found: &[f32], expected: &[f32]) -> f32 {
        let cents = |hz: &[f32]| hz.iter().map(|hz| 1200.0 * hz.log2()).collect::<Vec<_>>();
        max_abs_diff(&cents(found), &cents(expected))
    }

    #[test]
    fn matches_the_reference() {
        for (sound, name) in [(a10(), "yin"), (glide(), "glide_yin")] {
            let found = yin(&sound, 22_050, &PitchSettings::default());
            let expected = reference(&format!("librosa/{name}.bin"));
            assert_eq!(found.len(), expected.len());
            let error = max_cents(&found, &expected);
            assert!(error < 1.0, "{name}: {error} cents");
        }
    }

    #[test]
    fn finds_a_tone_at_every_rate() {
        for rate_hz in [22_050_u32, 44_100, 48_000, 96_000] {
            for hz in [110.0, 440.0, 1_500.0] {
                let step = std::f64::consts::TAU * hz / f64::from(rate_hz);
                let tone = |i: i32| (step * f64::from(i)).sin() + (2.0 * step * f64::from(i)).sin();
                let mut yin = Yin::new(rate_hz, &PitchSettings::default());
                yin.listen((0..2048).map(|i| 0.2 * tone(i) as f32));
                let found = yin.pitch(0.1);
                let semitones = midi_from_hz(found.f0_hz) - midi_from_hz(hz);
                assert!(semitones.abs() < 0.2, "{hz} at {rate_hz}: {found:?}");
                assert!(found.confidence > 0.7, "{hz} at {rate_hz}: {found:?}");
            }
        }
    }

    #[test]
    fn silence_is_not_trusted_and_hostile_settings_are_held() {
        let mut yin = Yin::new(22_050, &PitchSettings::default());
        yin.listen(std::iter::empty());
        assert_eq!(yin.pitch(0.1).confidence, 0.0);
        for (fmin_hz, fmax_hz, frame_len) in
            [(0.0, 1e9, 0), (500.0, 500.0, 64), (1e6, 1e-6, 100), (f64::MIN, f64::MAX, 65)]
        {
            let framing = Framing { frame_len, hop_len: 0, center: true };
            let settings = PitchSettings { fmin_hz, fmax_hz, framing, ..PitchSettings::default() };
            let found = super::yin(&a10()[..3000], 22_050, &settings);
            assert!(!found.is_empty() && found.iter().all(|hz| hz.is_finite() && *hz > 0.0));
        }
    }
}
