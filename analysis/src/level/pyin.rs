//! The fundamental frequency and whether there is one, by probabilistic YIN.
//!
//! Mauch and Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
//! distributions" (2014), with the priors, the grid of pitches and the numbers of librosa 0.11's
//! `pyin`.

use rayon::prelude::*;

use super::yin::{PitchSettings, Yin};
use crate::signal::framer::Framing;

/// YIN's threshold takes this many values up to 1, each as likely as a Beta(2, 18) variable is to
/// lie there.
const NUM_THRESHOLDS: usize = 100;
/// How much likelier a shorter period is than the next among those below a threshold, as a power
/// of e.
const BOLTZMANN: f64 = 2.0;
/// Share of a threshold that goes to the lowest trough where none lies below it.
const NO_TROUGH_PROB: f64 = 0.01;
/// Pitches in a semitone.
const BINS_PER_SEMITONE: usize = 10;
/// Fastest glide, in octaves a second.
const MAX_TRANSITION_RATE: f64 = 35.92;
/// How likely a voice begins or ends from one frame to the next.
const SWITCH_PROB: f64 = 0.01;

/// What one frame says of its pitch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// How likely it has one, 0..1.
    pub voiced_probability: f64,
    /// Bins of the grid of pitches, ascending by period, and how likely each is the pitch.
    candidates: Vec<(u16, f64)>,
}

/// Observes frame after frame.
#[derive(Clone)]
pub struct PitchObserver {
    yin: Yin,
    fmin_hz: f64,
    num_bins: usize,
    /// How likely each threshold is.
    threshold_probs: Vec<f64>,
    /// Scratch: places, heights and probabilities of the troughs.
    troughs: Vec<(usize, f64, f64)>,
}

/// Probability that a Beta(2, 18) variable is at most `x`.
fn beta_cdf(x: f64) -> f64 {
    1.0 - (1.0 - x).powi(19) - 19.0 * x * (1.0 - x).powi(18)
}

fn num_pitch_bins(settings: &PitchSettings) -> usize {
    let octaves = (settings.fmax_hz / settings.fmin_hz).log2();
    // Several octaves have a few hundred; states are counted in 16 bits.
    ((12.0 * BINS_PER_SEMITONE as f64 * octaves).floor() as usize + 1).min(30_000)
}

impl PitchObserver {
    /// For frames and pitches of these settings.
    pub fn new(sample_rate_hz: u32, settings: &PitchSettings) -> Self {
        let held = settings.held(sample_rate_hz);
        let cdf = |j: usize| beta_cdf(j as f64 / NUM_THRESHOLDS as f64);
        Self {
            yin: Yin::new(sample_rate_hz, settings),
            fmin_hz: held.fmin_hz,
            num_bins: num_pitch_bins(&held),
            threshold_probs: (0..NUM_THRESHOLDS).map(|j| cdf(j + 1) - cdf(j)).collect(),
            troughs: Vec::new(),
        }
    }

    /// YIN on the last frame.
    pub fn yin(&self) -> &Yin {
        &self.yin
    }

    /// Takes the next frame, `[frame_len]`, and says what it tells into `out`, in its memory.
    pub fn observe(&mut self, frame: impl Iterator<Item = f32>, out: &mut Observation) {
        self.yin.listen(frame);
        self.troughs.clear();
        self.troughs.extend(self.yin.troughs().map(|(place, height)| (place, height, 0.0)));
        self.weigh_troughs();
        out.candidates.clear();
        for &(place, _, probability) in self.troughs.iter().filter(|t| t.2 > 0.0) {
            let octaves = (self.yin.f0_hz(place) / self.fmin_hz).log2();
            let bin = (12.0 * BINS_PER_SEMITONE as f64 * octaves).round_ties_even().max(0.0);
            // What lies above the grid is lost; of two in one bin, the longer period counts.
            if bin >= self.num_bins as f64 {
                continue;
            }
            let bin = bin as u16;
            match out.candidates.iter_mut().find(|c| c.0 == bin) {
                Some(same) => same.1 = probability,
                None => out.candidates.push((bin, probability)),
            }
        }
        let sum: f64 = out.candidates.iter().map(|c| c.1).sum();
        out.voiced_probability = sum.clamp(0.0, 1.0);
    }

    /// Shares each threshold's probability out among the troughs below it, the shorter periods
    /// taking more.
    fn weigh_troughs(&mut self) {
        let Some(lowest) = self.troughs.iter().map(|t| t.1).reduce(f64::min) else { return };
        let fade = (-BOLTZMANN).exp();
        let mut without = 0.0;
        for (j, &prob) in (1..).zip(&self.threshold_probs) {
            let threshold = f64::from(j) / NUM_THRESHOLDS as f64;
            if lowest >= threshold {
                without += prob;
                continue;
            }
            let num = self.troughs.iter().filter(|t| t.1 < threshold).count();
            let whole = 1.0 - fade.powi(num as i32);
            let mut share = prob * (1.0 - fade) / whole;
            for trough in self.troughs.iter_mut().filter(|t| t.1 < threshold) {
                trough.2 += share;
                share *= fade;
            }
        }
        if let Some(trough) = self.troughs.iter_mut().find(|t| t.1 == lowest) {
            trough.2 += NO_TROUGH_PROB * without;
        }
    }
}

/// Which pitches there are, and how likely one follows another: within a voice, as near as a glide
/// of at most [`MAX_TRANSITION_RATE`] brings, the likelier the nearer.
#[derive(Debug, Clone)]
struct Grid {
    fmin_hz: f64,
    num_bins: usize,
    /// Likelihood of a step, from the largest down to the largest up; not normalised.
    steps: Vec<f64>,
    /// Sum of the likelihoods of the steps that do not leave the grid, by bin.
    sums: Vec<f64>,
}

impl Grid {
    fn new(sample_rate_hz: u32, settings: &PitchSettings) -> Self {
        let settings = settings.held(sample_rate_hz);
        let num_bins = num_pitch_bins(&settings);
        let hop_secs = settings.framing.hop_len as f64 / f64::from(sample_rate_hz.max(1));
        let semitones = (MAX_TRANSITION_RATE * 12.0 * hop_secs).round_ties_even() as usize;
        let reach = (semitones * BINS_PER_SEMITONE / 2).min(num_bins - 1);
        let likelihood = |i: usize| 1.0 - i.abs_diff(reach) as f64 / (reach + 1) as f64;
        let steps: Vec<f64> = (0..=2 * reach).map(likelihood).collect();
        let mut grid =
            Self { fmin_hz: settings.fmin_hz, num_bins, steps, sums: vec![1.0; num_bins] };
        let ones = grid.sums.clone();
        grid.sums = (0..num_bins).map(|bin| grid.reaching(&ones, bin)).collect();
        grid
    }

    /// Bins from which `bin` can be reached, and the likelihoods of those steps.
    fn band(&self, bin: usize) -> (std::ops::Range<usize>, &[f64]) {
        let reach = self.steps.len() / 2;
        let (start, end) = (bin.saturating_sub(reach), (bin + reach + 1).min(self.num_bins));
        let first = start + reach - bin;
        (start..end, &self.steps[first..first + end - start])
    }

    /// Σ from·step over the bins from which `bin` can be reached.
    fn reaching(&self, from: &[f64], bin: usize) -> f64 {
        let (bins, steps) = self.band(bin);
        from[bins].iter().zip(steps).map(|(x, s)| x * s).sum()
    }

    fn hz(&self, bin: usize) -> f32 {
        let octaves = bin as f64 / (12 * BINS_PER_SEMITONE) as f64;
        (self.fmin_hz * octaves.exp2()) as f32
    }
}

/// The pitch of one frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PitchEstimate {
    /// Fundamental frequency in Hz, on a grid of tenths of a semitone; unvoiced, the likeliest guess.
    pub f0_hz: f32,
    /// Whether there is one.
    pub voiced: bool,
}

/// Decides frame by frame, by all frames so far: the forward pass of the hidden Markov model of
/// which [`pyin`] takes the likeliest path.
#[derive(Debug, Clone)]
pub struct PitchFilter {
    grid: Grid,
    /// How likely each bin is now, voiced and not.
    voiced: Vec<f64>,
    unvoiced: Vec<f64>,
    /// Scratch: what leaves each bin, for a voiced and for an unvoiced frame.
    to_voiced: Vec<f64>,
    to_unvoiced: Vec<f64>,
    has_begun: bool,
    f0_hz: f32,
}

impl PitchFilter {
    /// Before the first frame.
    pub fn new(sample_rate_hz: u32, settings: &PitchSettings) -> Self {
        let grid = Grid::new(sample_rate_hz, settings);
        let zeros = || vec![0.0; grid.num_bins];
        Self {
            voiced: zeros(),
            unvoiced: zeros(),
            to_voiced: zeros(),
            to_unvoiced: zeros(),
            has_begun: false,
            f0_hz: grid.hz(0),
            grid,
        }
    }

    /// Takes what the next frame tells. `f0_hz` is the likeliest voiced bin's, of the last frame
    /// that had any.
    pub fn push(&mut self, observation: &Observation) -> PitchEstimate {
        self.predict();
        let each = (1.0 - observation.voiced_probability) / self.grid.num_bins as f64;
        for (bin, unvoiced) in self.unvoiced.iter_mut().enumerate() {
            *unvoiced = each * self.grid.reaching(&self.to_unvoiced, bin);
        }
        self.voiced.fill(0.0);
        let mut best = (0.0, None);
        for &(bin, probability) in &observation.candidates {
            let likelihood = probability * self.grid.reaching(&self.to_voiced, bin.into());
            if likelihood > best.0 {
                best = (likelihood, Some(bin));
            }
            if let Some(voiced) = self.voiced.get_mut(usize::from(bin)) {
                *voiced = likelihood;
            }
        }
        if let Some(bin) = best.1 {
            self.f0_hz = self.grid.hz(bin.into());
        }
        let voiced = self.normalise();
        PitchEstimate { f0_hz: self.f0_hz, voiced: voiced > 0.5 }
    }

    /// What leaves each bin: to all alike before the first frame, and where nothing that was likely
    /// could be followed by what was heard.
    fn predict(&mut self) {
        if !self.has_begun {
            self.to_voiced.iter_mut().zip(&self.grid.sums).for_each(|(to, s)| *to = 1.0 / s);
            self.to_unvoiced.copy_from_slice(&self.to_voiced);
            return;
        }
        let states = self.voiced.iter().zip(&self.unvoiced).zip(&self.grid.sums);
        for (i, ((&v, &u), &sum)) in states.enumerate() {
            self.to_voiced[i] = (v + SWITCH_PROB * (u - v)) / sum;
            self.to_unvoiced[i] = (u + SWITCH_PROB * (v - u)) / sum;
        }
    }

    /// Makes the likelihoods probabilities, and gives that of a voice.
    fn normalise(&mut self) -> f64 {
        let voiced: f64 = self.voiced.iter().sum();
        let whole = voiced + self.unvoiced.iter().sum::<f64>();
        self.has_begun = whole > f64::MIN_POSITIVE;
        if !self.has_begun {
            return 0.0;
        }
        self.voiced.iter_mut().chain(&mut self.unvoiced).for_each(|p| *p /= whole);
        voiced / whole
    }

    /// Back to before the first frame.
    pub fn reset(&mut self) {
        self.has_begun = false;
        self.f0_hz = self.grid.hz(0);
    }
}

/// Pitches of a whole signal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pitches {
    /// Fundamental frequency in Hz, `[frames]`, on a grid of tenths of a semitone; unvoiced, the
    /// likeliest guess.
    pub f0_hz: Vec<f32>,
    /// Whether there is one, `[frames]`.
    pub voiced: Vec<bool>,
    /// How likely the frame by itself has one, 0..1, `[frames]`.
    pub voiced_probability: Vec<f32>,
}

/// Pitch of a whole signal: librosa's `pyin`, which leaves `f0_hz` out where there is none.
pub fn pyin(sound: &[f32], sample_rate_hz: u32, settings: &PitchSettings) -> Pitches {
    let framing: Framing = settings.held(sample_rate_hz).framing;
    let frames = (0..framing.num_frames(sound.len())).into_par_iter();
    let observe = |observer: &mut PitchObserver, k: usize| {
        let mut observation = Observation::default();
        observer.observe(framing.frame(sound, k), &mut observation);
        observation
    };
    let make = || PitchObserver::new(sample_rate_hz, settings);
    let observations: Vec<Observation> = frames.map_init(make, observe).collect();
    let path = likeliest_path(&observations, sample_rate_hz, settings);
    Pitches {
        f0_hz: path.iter().map(|p| p.f0_hz).collect(),
        voiced: path.iter().map(|p| p.voiced).collect(),
        voiced_probability: observations.iter().map(|o| o.voiced_probability as f32).collect(),
    }
}

/// The likeliest pitches of all frames together (Viterbi), `[frames]`. Needs some 2.4 kB a frame
/// at the default range.
pub fn likeliest_path(
    observations: &[Observation],
    sample_rate_hz: u32,
    settings: &PitchSettings,
) -> Vec<PitchEstimate> {
    let grid = Grid::new(sample_rate_hz, settings);
    let num_bins = grid.num_bins;
    let mut viterbi = Viterbi::new(&grid);
    let mut origins: Vec<u16> = vec![0; observations.len() * 2 * num_bins];
    for (k, row) in origins.chunks_exact_mut(2 * num_bins).enumerate() {
        if k > 0 {
            viterbi.step(row);
        }
        viterbi.observe(&observations[k]);
    }
    // The last state, then each one's origin; all from the end on.
    let mut state = viterbi.best();
    let mut path = Vec::with_capacity(observations.len());
    for row in origins.chunks_exact(2 * num_bins).rev() {
        path.push(PitchEstimate { f0_hz: grid.hz(state % num_bins), voiced: state < num_bins });
        state = usize::from(row[state]);
    }
    path.reverse();
    path
}

/// The forward half of the Viterbi algorithm, in logarithms. States are the voiced bins, then the
/// unvoiced ones.
struct Viterbi<'a> {
    grid: &'a Grid,
    ln_steps: Vec<f64>,
    ln_sums: Vec<f64>,
    /// How likely the best path to each state is, and before the last step.
    values: Vec<f64>,
    before: Vec<f64>,
    /// Scratch: the best way out of each bin for a given voicing, and the state that it leaves.
    leaving: Vec<(f64, u16)>,
}

/// What can hardly be: librosa's ln of the smallest `f64`, which it adds to all probabilities.
fn ln_of(probability: f64) -> f64 {
    (probability + f64::MIN_POSITIVE).ln()
}

impl<'a> Viterbi<'a> {
    fn new(grid: &'a Grid) -> Self {
        let num_states = 2 * grid.num_bins;
        Self {
            grid,
            ln_steps: grid.steps.iter().map(|&s| s.ln()).collect(),
            ln_sums: grid.sums.iter().map(|&s| s.ln()).collect(),
            values: vec![ln_of(1.0 / num_states as f64); num_states],
            before: vec![0.0; num_states],
            leaving: vec![(0.0, 0); grid.num_bins],
        }
    }

    /// One frame on; where each state came from, into `origins`, `[states]`.
    fn step(&mut self, origins: &mut [u16]) {
        let n = self.grid.num_bins;
        std::mem::swap(&mut self.values, &mut self.before);
        let jump_from = first_largest(self.before.iter().copied());
        let jump = self.before[jump_from] + ln_of(0.0);
        let reach = self.ln_steps.len() / 2;
        for half in 0..2 {
            let switched =
                |from: usize| ln_of(if from == half { 1.0 - SWITCH_PROB } else { SWITCH_PROB });
            let (stay_v, stay_u) = (switched(0), switched(1));
            for (bin, leaving) in self.leaving.iter_mut().enumerate() {
                let (v, u) = (self.before[bin] + stay_v, self.before[n + bin] + stay_u);
                let (value, state) = if u > v { (u, n + bin) } else { (v, bin) };
                *leaving = (value - self.ln_sums[bin], state as u16);
            }
            for bin in 0..n {
                let (start, end) = (bin.saturating_sub(reach), (bin + reach + 1).min(n));
                let steps = &self.ln_steps[start + reach - bin..];
                let mut best = (f64::NEG_INFINITY, 0);
                for (&(value, state), step) in self.leaving[start..end].iter().zip(steps) {
                    if value + step > best.0 {
                        best = (value + step, state);
                    }
                }
                if jump > best.0 {
                    best = (jump, jump_from as u16);
                }
                (self.values[half * n + bin], origins[half * n + bin]) = best;
            }
        }
    }

    /// Weighs the states by what the frame tells.
    fn observe(&mut self, observation: &Observation) {
        let n = self.grid.num_bins;
        let (voiced, unvoiced) = self.values.split_at_mut(n);
        let (none, each) = (ln_of(0.0), ln_of((1.0 - observation.voiced_probability) / n as f64));
        unvoiced.iter_mut().for_each(|value| *value += each);
        voiced.iter_mut().for_each(|value| *value += none);
        for &(bin, probability) in &observation.candidates {
            if let Some(value) = voiced.get_mut(usize::from(bin)) {
                *value += ln_of(probability) - none;
            }
        }
    }

    fn best(&self) -> usize {
        first_largest(self.values.iter().copied())
    }
}

fn first_largest(values: impl Iterator<Item = f64>) -> usize {
    let largest = values.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    largest.map_or(0, |(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, glide, max_abs_diff, reference};

    /// f0 where voiced, else 0.
    fn gated(pitches: &Pitches) -> Vec<f32> {
        let gate = |(hz, voiced): (&f32, &bool)| if *voiced { *hz } else { 0.0 };
        pitches.f0_hz.iter().zip(&pitches.voiced).map(gate).collect()
    }

    #[test]
    fn matches_the_reference() {
        for (sound, name) in [(a10(), "pyin_f0"), (glide(), "glide_pyin_f0")] {
            let found = pyin(&sound, 22_050, &PitchSettings::default());
            let expected = reference(&format!("librosa/{name}.bin"));
            assert_eq!(found.f0_hz.len(), expected.len());
            let error = max_abs_diff(&gated(&found), &expected);
            assert!(error < 1e-3, "{name}: {error} Hz");
        }
        let found = pyin(&glide(), 22_050, &PitchSettings::default());
        let expected = reference("librosa/glide_pyin_voiced_prob.bin");
        let error = max_abs_diff(&found.voiced_probability, &expected);
        assert!(error < 1e-3, "{error}");
    }

    fn filtered(sound: &[f32]) -> Vec<PitchEstimate> {
        let settings = PitchSettings::default();
        let mut observer = PitchObserver::new(22_050, &settings);
        let mut filter = PitchFilter::new(22_050, &settings);
        let mut observation = Observation::default();
        let frames = (0..settings.framing.num_frames(sound.len())).map(|k| {
            observer.observe(settings.framing.frame(sound, k), &mut observation);
            filter.push(&observation)
        });
        frames.collect()
    }

    /// 110 Hz up by an octave a second, with a pause.
    #[test]
    fn the_causal_filter_follows_a_glide() {
        let estimates = filtered(&glide());
        let mut num_right = 0;
        for (k, estimate) in estimates.iter().enumerate() {
            let secs = k as f64 * 512.0 / 22_050.0;
            let in_pause = (1.06..1.24).contains(&secs);
            let sounds = (0.2..0.9).contains(&secs) || (1.5..2.9).contains(&secs);
            assert!(!(in_pause && estimate.voiced), "{secs}: {estimate:?}");
            if sounds {
                assert!(estimate.voiced, "{secs}: {estimate:?}");
                let cents = 1200.0 * (f64::from(estimate.f0_hz) / (110.0 * secs.exp2())).log2();
                assert!(cents.abs() < 30.0, "{secs}: {cents} cents");
                num_right += 1;
            }
        }
        assert!(num_right > 80);
    }

    #[test]
    fn silence_has_no_pitch() {
        let found = pyin(&[0.0; 22_050], 22_050, &PitchSettings::default());
        assert!(found.voiced.iter().all(|v| !v) && found.f0_hz.iter().all(|hz| hz.is_finite()));
        assert!(filtered(&[0.0; 22_050]).iter().all(|e| !e.voiced && e.f0_hz > 0.0));
        assert_eq!(pyin(&[], 22_050, &PitchSettings::default()).f0_hz.len(), 1);
        let framing = Framing { center: false, ..Framing::default() };
        let settings = PitchSettings { framing, ..PitchSettings::default() };
        assert_eq!(pyin(&[], 22_050, &settings), Pitches::default());
    }
}
