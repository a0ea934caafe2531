//! Loudness by ITU-R BS.1770-4 and EBU R 128, its range by EBU Tech 3342.

use super::k_weighting::{channel_weight, k_weighting};
use super::true_peak::TruePeak;
use crate::signal::butterworth::Section;
use crate::signal::sane;

/// Loudness of silence, where the standard has none, in LUFS; and its peak, in dBTP.
pub const FLOOR_LUFS: f32 = -100.0;

/// The meter moves on every 10 ms, and gates every 100 ms.
const STEPS_PER_SEC: u64 = 100;
const STEPS_PER_BLOCK: u64 = 10;
/// Steps of the momentary (0.4 s) and of the short-term (3 s) loudness.
const MOMENTARY_STEPS: usize = 40;
const SHORT_TERM_STEPS: usize = 300;

/// What is no louder is silence, and never counts for the whole.
const ABSOLUTE_GATE_LUFS: f64 = -70.0;
/// How far below the mean of the rest the integrated loudness, and its range, still count.
const RELATIVE_GATE_LU: f64 = -10.0;
const RANGE_GATE_LU: f64 = -20.0;
/// Shares of the short-term loudness between which its range lies.
const RANGE_SHARES: [f64; 2] = [0.10, 0.95];

/// Loudness of an energy: the weighted sum of the channels' mean squares.
fn lufs(energy: f64) -> f64 {
    (-0.691 + 10.0 * energy.log10()).max(f64::from(FLOOR_LUFS))
}

/// What was heard so far, by loudness, in constant memory.
#[derive(Debug, Clone)]
struct Histogram {
    /// Number and sum of the energies of each hundredth of a LU above the absolute gate.
    bins: Vec<(u64, f64)>,
}

impl Histogram {
    const PER_LU: f64 = 100.0;
    /// Up to 160 LU above the gate, beyond what [`sane`] samples reach.
    const NUM_BINS: usize = 16_000;

    fn new() -> Self {
        Self { bins: vec![(0, 0.0); Self::NUM_BINS] }
    }

    fn place(lufs: f64) -> usize {
        ((lufs - ABSOLUTE_GATE_LUFS).max(0.0) * Self::PER_LU) as usize
    }

    fn add(&mut self, energy: f64) {
        let lufs = lufs(energy);
        if lufs > ABSOLUTE_GATE_LUFS
            && let Some(bin) = self.bins.get_mut(Self::place(lufs))
        {
            *bin = (bin.0 + 1, bin.1 + energy);
        }
    }

    /// The bins within `gate_lu` of the mean of all; none before the first.
    fn gated(&self, gate_lu: f64) -> &[(u64, f64)] {
        let gate = mean(&self.bins).map_or(0, |energy| Self::place(lufs(energy) + gate_lu));
        self.bins.get(gate..).unwrap_or_default()
    }

    /// Loudness that `share` of all within `gate_lu` of the mean do not exceed.
    fn quantile(&self, gate_lu: f64, share: f64) -> Option<f64> {
        let bins = self.gated(gate_lu);
        let num: u64 = bins.iter().map(|b| b.0).sum();
        let place = (num.saturating_sub(1) as f64 * share).round() as u64;
        let mut sum = 0;
        let bin = bins.iter().find(|b| {
            sum += b.0;
            sum > place
        })?;
        Some(lufs(bin.1 / bin.0 as f64))
    }

    fn clear(&mut self) {
        self.bins.fill((0, 0.0));
    }
}

/// Mean energy of all in some bins.
fn mean(bins: &[(u64, f64)]) -> Option<f64> {
    let (num, sum) = bins.iter().fold((0, 0.0), |(n, s), bin| (n + bin.0, s + bin.1));
    (num > 0).then(|| sum / num as f64)
}

/// One channel's filters.
#[derive(Debug, Clone)]
struct Channel {
    weight: f64,
    states: [[f64; 2]; 2],
    true_peak: TruePeak,
}

/// What 10 ms of sound held.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// Weighted sum of squares of all channels.
    energy: f64,
    peak: f32,
}

/// Measures loudness sample by sample. All values follow at steps of 10 ms from its first sample
/// on, without any delay but their windows'.
#[derive(Debug, Clone)]
pub struct LoudnessMeter {
    sample_rate_hz: u32,
    weighting: [Section; 2],
    channels: Vec<Channel>,
    num_samples: u64,
    num_steps: u64,
    step: Step,
    /// The last steps; the latest stands at `(num_steps − 1) % len`.
    steps: Vec<Step>,
    blocks: Histogram,
    short_terms: Histogram,
    integrated_lufs: f32,
    peak: f32,
}

/// Below this a filter is silent; it keeps decaying states out of the slow denormal range.
const SILENT: f64 = 1e-30;

impl LoudnessMeter {
    /// For sound of these channels, in the order of WAV files (see [`channel_weight`]).
    pub fn new(sample_rate_hz: u32, num_channels: usize) -> Self {
        let channel = |c| Channel {
            weight: channel_weight(c, num_channels),
            states: [[0.0; 2]; 2],
            true_peak: TruePeak::new(sample_rate_hz),
        };
        Self {
            sample_rate_hz,
            weighting: k_weighting(sample_rate_hz),
            channels: (0..num_channels).map(channel).collect(),
            num_samples: 0,
            num_steps: 0,
            step: Step::default(),
            steps: vec![Step::default(); SHORT_TERM_STEPS],
            blocks: Histogram::new(),
            short_terms: Histogram::new(),
            integrated_lufs: FLOOR_LUFS,
            peak: 0.0,
        }
    }

    /// Number of channels.
    pub fn num_channels(&self) -> usize {
        self.channels.len()
    }

    /// Takes one sample of each channel, and says whether the values have moved on.
    pub fn push(&mut self, samples: impl Iterator<Item = f32>) -> bool {
        for (channel, x) in self.channels.iter_mut().zip(samples) {
            let x = sane(x);
            self.step.peak = self.step.peak.max(channel.true_peak.push(x));
            let filters = self.weighting.iter().zip(&mut channel.states);
            let y = filters.fold(f64::from(x), |x, (section, state)| section.tick(state, x));
            self.step.energy += channel.weight * y * y;
        }
        self.num_samples += 1;
        let is_due = self.num_samples * STEPS_PER_SEC
            >= (self.num_steps + 1) * u64::from(self.sample_rate_hz);
        if is_due {
            self.end_step();
        }
        is_due
    }

    fn end_step(&mut self) {
        let place = self.num_steps as usize % SHORT_TERM_STEPS;
        self.peak = self.peak.max(self.step.peak);
        self.steps[place] = std::mem::take(&mut self.step);
        self.num_steps += 1;
        for value in self.channels.iter_mut().flat_map(|c| c.states.iter_mut().flatten()) {
            if value.abs() < SILENT {
                *value = 0.0;
            }
        }
        if self.num_steps.is_multiple_of(STEPS_PER_BLOCK) {
            self.end_block();
        }
    }

    /// Takes the last windows into account, as soon as they are full.
    fn end_block(&mut self) {
        if self.num_steps >= MOMENTARY_STEPS as u64 {
            self.blocks.add(self.energy(MOMENTARY_STEPS));
            let energy = mean(self.blocks.gated(RELATIVE_GATE_LU));
            self.integrated_lufs = energy.map_or(FLOOR_LUFS, |energy| lufs(energy) as f32);
        }
        if self.num_steps >= SHORT_TERM_STEPS as u64 {
            self.short_terms.add(self.energy(SHORT_TERM_STEPS));
        }
    }

    /// The last steps, the latest first.
    fn last_steps(&self, num: usize) -> impl Iterator<Item = &Step> {
        let next = self.num_steps as usize % SHORT_TERM_STEPS;
        let (newer, older) = self.steps.split_at(next);
        newer.iter().rev().chain(older.iter().rev()).take(num)
    }

    /// Mean energy of the last steps; what lies before the first sample is silent.
    fn energy(&self, num_steps: usize) -> f64 {
        let len = num_steps as f64 * f64::from(self.sample_rate_hz) / STEPS_PER_SEC as f64;
        self.last_steps(num_steps).map(|s| s.energy).sum::<f64>() / len
    }

    /// Loudness of the last 0.4 s, in LUFS.
    pub fn momentary_lufs(&self) -> f32 {
        lufs(self.energy(MOMENTARY_STEPS)) as f32
    }

    /// Loudness of the last 3 s, in LUFS.
    pub fn short_term_lufs(&self) -> f32 {
        lufs(self.energy(SHORT_TERM_STEPS)) as f32
    }

    /// Loudness of all so far, in LUFS: the mean energy of blocks of 0.4 s every 0.1 s that are
    /// louder than −70 LUFS and than 10 LU below the mean of those.
    pub fn integrated_lufs(&self) -> f32 {
        self.integrated_lufs
    }

    /// Range of the loudness so far, in LU: from the 10th to the 95th percentile of the short-term
    /// loudness, of what is louder than −70 LUFS and than 20 LU below the mean of that.
    pub fn range_lu(&self) -> f32 {
        let [low, high] = RANGE_SHARES.map(|s| self.short_terms.quantile(RANGE_GATE_LU, s));
        high.zip(low).map_or(0.0, |(high, low)| high - low) as f32
    }

    /// Largest true peak of the last 0.4 s, in dBTP (0 is full scale).
    pub fn momentary_peak_dbtp(&self) -> f32 {
        dbtp(self.last_steps(MOMENTARY_STEPS).fold(0.0, |peak, s| peak.max(s.peak)))
    }

    /// Largest true peak so far, in dBTP (0 is full scale).
    pub fn true_peak_dbtp(&self) -> f32 {
        dbtp(self.peak.max(self.step.peak))
    }

    /// Back to before the first sample.
    pub fn reset(&mut self) {
        for channel in &mut self.channels {
            channel.states = [[0.0; 2]; 2];
            channel.true_peak.reset();
        }
        (self.num_samples, self.num_steps) = (0, 0);
        (self.step, self.peak) = (Step::default(), 0.0);
        self.steps.fill(Step::default());
        self.blocks.clear();
        self.short_terms.clear();
        self.integrated_lufs = FLOOR_LUFS;
    }
}

fn dbtp(peak: f32) -> f32 {
    (20.0 * peak.log10()).max(FLOOR_LUFS)
}

/// Loudness of a whole signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Loudness {
    /// Loudness of the 0.4 s that end with each 0.1 s, in LUFS.
    pub momentary_lufs: Vec<f32>,
    /// Loudness of the 3 s that end with each 0.1 s, in LUFS.
    pub short_term_lufs: Vec<f32>,
    /// Of the whole, gated, in LUFS; [`FLOOR_LUFS`] where nothing is louder than the gate.
    pub integrated_lufs: f32,
    /// Loudness range, in LU.
    pub range_lu: f32,
    /// Largest true peak, in dBTP.
    pub true_peak_dbtp: f32,
}

/// Seconds between the values of [`Loudness`]' curves.
pub const LOUDNESS_HOP_SECS: f64 = STEPS_PER_BLOCK as f64 / STEPS_PER_SEC as f64;

/// Loudness of a whole signal, one slice a channel (the shortest counts), in the order of WAV files.
pub fn loudness(channels: &[&[f32]], sample_rate_hz: u32) -> Loudness {
    let mut meter = LoudnessMeter::new(sample_rate_hz, channels.len());
    let (mut momentary_lufs, mut short_term_lufs) = (Vec::new(), Vec::new());
    let len = channels.iter().map(|c| c.len()).min().unwrap_or(0);
    for i in 0..len {
        let samples = channels.iter().map(|c| c.get(i).copied().unwrap_or(0.0));
        if meter.push(samples) && meter.num_steps.is_multiple_of(STEPS_PER_BLOCK) {
            momentary_lufs.push(meter.momentary_lufs());
            short_term_lufs.push(meter.short_term_lufs());
        }
    }
    Loudness {
        momentary_lufs,
        short_term_lufs,
        integrated_lufs: meter.integrated_lufs(),
        range_lu: meter.range_lu(),
        true_peak_dbtp: meter.true_peak_dbtp(),
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::testing::a10;

    /// 1 kHz at the peak levels `(db, secs)` one after the other.
    fn sine(rate_hz: u32, levels: &[(f64, f64)]) -> Vec<f32> {
        let mut sound = Vec::new();
        for &(db, secs) in levels {
            let amplitude = 10.0_f64.powf(db / 20.0);
            let end = sound.len() + (secs * f64::from(rate_hz)).round() as usize;
            let at = |i: usize| (TAU * 1000.0 * i as f64 / f64::from(rate_hz)).sin();
            sound.extend((sound.len()..end).map(|i| (amplitude * at(i)) as f32));
        }
        sound
    }

    fn near(found: f32, expected: f32, tolerance: f32) -> bool {
        (found - expected).abs() <= tolerance
    }

    /// EBU Tech 3341, cases 1 and 2: all three scales, ±0.1 LU.
    #[test]
    fn a_stereo_sine_is_as_loud_as_its_peak_level() {
        for rate_hz in [44_100, 48_000, 96_000] {
            for level in [-23.0_f32, -33.0] {
                let sound = sine(rate_hz, &[(f64::from(level), 20.0)]);
                let found = loudness(&[&sound, &sound], rate_hz);
                let last = |curve: &[f32]| curve.last().copied().unwrap();
                assert_eq!(found.momentary_lufs.len(), 200);
                assert!(near(last(&found.momentary_lufs), level, 0.1), "{rate_hz}");
                assert!(near(last(&found.short_term_lufs), level, 0.1), "{rate_hz}");
                assert!(near(found.integrated_lufs, level, 0.1), "{rate_hz}");
                assert!(near(found.true_peak_dbtp, level, 0.2), "{}", found.true_peak_dbtp);
            }
        }
    }

    /// Cases 3 to 5: what the gates leave out.
    #[test]
    fn gates_leave_out_what_is_quiet() {
        let quiet = [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)];
        let silent = [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)];
        let loud = [(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)];
        for levels in [&quiet[..], &silent, &loud] {
            let sound = sine(48_000, levels);
            let found = loudness(&[&sound, &sound], 48_000);
            assert!(near(found.integrated_lufs, -23.0, 0.1), "{}", found.integrated_lufs);
        }
    }

    /// Case 6: five channels, each by its weight; a sixth, for low frequencies, counts for nothing.
    #[test]
    fn channels_count_by_their_weight() {
        let [front, centre, side] = [-28.0, -24.0, -30.0].map(|db| sine(48_000, &[(db, 20.0)]));
        let five = loudness(&[&front, &front, &centre, &side, &side], 48_000);
        assert!(near(five.integrated_lufs, -23.0, 0.1), "{}", five.integrated_lufs);
        let six = loudness(&[&front, &front, &centre, &front, &side, &side], 48_000);
        assert_eq!(six.integrated_lufs, five.integrated_lufs);
    }

    /// Cases 9 and 12: patterns as long as the windows.
    #[test]
    fn windows_hold_what_they_should() {
        let pattern = [(-20.0, 1.34), (-30.0, 1.66)].repeat(5);
        let sound = sine(48_000, &pattern);
        let found = loudness(&[&sound, &sound], 48_000).short_term_lufs;
        assert!(found[30..].iter().all(|&lufs| near(lufs, -23.0, 0.1)));
        let pattern = [(-20.0, 0.18), (-30.0, 0.22)].repeat(25);
        let sound = sine(48_000, &pattern);
        let found = loudness(&[&sound, &sound], 48_000).momentary_lufs;
        assert!(found[10..].iter().all(|&lufs| near(lufs, -23.0, 0.1)));
    }

    /// EBU Tech 3342, cases 1 to 4: ±1 LU.
    #[test]
    fn range_of_steps() {
        for (levels, range) in [
            (&[-20.0, -30.0][..], 10.0),
            (&[-20.0, -15.0], 5.0),
            (&[-40.0, -20.0], 20.0),
            (&[-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
        ] {
            let levels: Vec<_> = levels.iter().map(|&db| (db, 20.0)).collect();
            let sound = sine(44_100, &levels);
            let found = loudness(&[&sound, &sound], 44_100).range_lu;
            assert!(near(found, range, 1.0), "{levels:?}: {found}");
        }
    }

    /// Gain moves all scales alike, and two equal channels are 3.01 LU louder than one.
    #[test]
    fn loudness_follows_gain_and_channels() {
        let sound = a10();
        let halved: Vec<f32> = sound.iter().map(|x| x / 2.0).collect();
        let (whole, half) = (loudness(&[&sound], 22_050), loudness(&[&halved], 22_050));
        assert!(near(whole.integrated_lufs - half.integrated_lufs, 6.0206, 1e-2));
        assert!(near(whole.true_peak_dbtp - half.true_peak_dbtp, 6.0206, 1e-3));
        assert!(near(whole.range_lu, half.range_lu, 0.02));
        let both = loudness(&[&sound, &sound], 22_050);
        assert!(near(both.integrated_lufs - whole.integrated_lufs, 3.0103, 1e-2));
    }

    #[test]
    fn silence_nothing_and_noise_from_hell() {
        for channels in [&[][..], &[&[][..]], &[&[0.0; 9000][..]]] {
            let found = loudness(channels, 22_050);
            assert_eq!(found.integrated_lufs, FLOOR_LUFS);
            assert_eq!((found.range_lu, found.true_peak_dbtp), (0.0, FLOOR_LUFS));
        }
        let hell: Vec<f32> = (0..80_000).map(|i| [f32::NAN, f32::MAX, f32::MIN][i % 3]).collect();
        let found = loudness(&[&hell], 22_050);
        let curves = found.momentary_lufs.iter().chain(&found.short_term_lufs);
        assert!(curves.chain([&found.integrated_lufs]).all(|lufs| lufs.is_finite()));
        assert!(found.integrated_lufs > 0.0);
    }
}
