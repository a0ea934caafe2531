//! The transform of a stream of samples.

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::CqtSettings;
use super::decimate::{LowPass, dot};
use super::wavelet::{self, Bin};
use crate::signal::sane;

/// Where the windows of a row lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// All end at the newest sample: what a bin tells is late by half its own window, high notes
    /// little and low ones much.
    Ending,
    /// All are centred on one sample, as in `cqt`: the whole row is late by half the longest window.
    Centred,
}

/// The magnitudes of `cqt`, row by row.
///
/// Row k belongs to sample k·hop: as the newest, or as the one on which the windows are centred.
/// What lies before sample 0 is silent. Each window is compared with the sound directly, at a low
/// rate that still holds its band four times. Magnitudes differ from `cqt`'s by what that one loses
/// to sparse filters, and at attacks by half a sample of its lowest rates.
#[derive(Debug, Clone)]
pub struct CqtStream {
    hop_len: u64,
    alignment: Alignment,
    /// Samples between that to which a row belongs and the one that completes it.
    latency: u64,
    /// The sound at halved rates, the full one first.
    levels: Vec<Level>,
    half_taps: Vec<f32>,
}

/// The sound at the rate over 2^`octave`.
#[derive(Debug, Clone)]
struct Level {
    octave: usize,
    ring: Ring,
    filters: Vec<Filter>,
}

/// A bin's window.
#[derive(Debug, Clone)]
struct Filter {
    bin: usize,
    /// Samples of the window beyond its centre, in which the newest is not counted.
    ahead: u64,
    gain: f32,
    re: Vec<f32>,
    im: Vec<f32>,
}

/// The last samples, twice, so that any of them lie in one piece.
#[derive(Debug, Clone)]
struct Ring {
    samples: Vec<f32>,
    head: usize,
}

impl CqtStream {
    /// For sound at `sample_rate_hz`.
    pub fn new(sample_rate_hz: u32, settings: &CqtSettings, alignment: Alignment) -> Self {
        let rate_hz = f64::from(sample_rate_hz.max(1));
        let half_taps = LowPass::SHORT.taps(2);
        let mut filters: Vec<Vec<Filter>> = vec![Vec::new()];
        for (i, bin) in wavelet::bins(settings, rate_hz / 2.0).iter().enumerate() {
            let least_rate_hz = (4.0 * bin.cutoff_hz).max(MIN_WINDOW_LEN / bin.window_secs);
            let octave = (rate_hz / least_rate_hz).log2().max(0.0) as usize;
            filters.resize(filters.len().max(octave + 1), Vec::new());
            filters[octave].push(Filter::new(i, bin, rate_hz, octave));
        }
        let reach = |(octave, filters): (usize, &Vec<Filter>)| {
            let longest = filters.iter().map(|f| f.ahead + 2).max();
            longest.map_or(0, |ahead| filter_delay(octave) + (ahead << octave))
        };
        let latency = match alignment {
            Alignment::Ending => 0,
            Alignment::Centred => filters.iter().enumerate().map(reach).max().unwrap_or(0),
        };
        let level = |(octave, filters): (usize, Vec<Filter>)| {
            let longest = filters.iter().map(|f| f.re.len()).max().unwrap_or(0);
            let len = longest.max(half_taps.len()) + (latency >> octave) as usize + 2;
            Level { octave, ring: Ring::new(len), filters }
        };
        Self {
            hop_len: settings.hop_len.max(1) as u64,
            alignment,
            latency,
            levels: filters.into_iter().enumerate().map(level).collect(),
            half_taps,
        }
    }

    /// Takes the sample at `position` (samples since the start of the run), and says whether it
    /// completes a row.
    pub fn push(&mut self, x: f32, position: u64) -> bool {
        let mut x = sane(x);
        for level in &mut self.levels {
            level.ring.push(x);
            if !(position + HALF_DELAY).is_multiple_of(2 << level.octave) {
                break;
            }
            x = dot(&self.half_taps, level.ring.last(self.half_taps.len(), 0));
        }
        position.checked_sub(self.latency).is_some_and(|at| at.is_multiple_of(self.hop_len))
    }

    /// The row that the sample at `position`, the newest, has completed: magnitudes of the bins,
    /// lowest first. Bins whose bands reach beyond half the sample rate are 0.
    pub fn row(&self, position: u64, out: &mut [f32]) {
        out.fill(0.0);
        for level in &self.levels {
            let centre_age = self.centre_age(level.octave, position);
            for filter in &level.filters {
                let age = match self.alignment {
                    Alignment::Ending => 0,
                    Alignment::Centred => centre_age.saturating_sub(filter.ahead),
                };
                let sound = level.ring.last(filter.re.len(), age as usize);
                if let Some(out) = out.get_mut(filter.bin) {
                    *out = dot(&filter.re, sound).hypot(dot(&filter.im, sound)) * filter.gain;
                }
            }
        }
    }

    /// How many samples of a level its newest lies after the one on which windows are centred.
    fn centre_age(&self, octave: usize, position: u64) -> u64 {
        let half = (1 << octave) / 2;
        let centre = position.saturating_sub(self.latency) + half;
        // Sample n of a level belongs to sample n·2^octave of the sound.
        let newest = position.saturating_sub(filter_delay(octave)) >> octave;
        newest.saturating_sub(centre >> octave)
    }

    /// Samples by which a row lags behind what it describes; where windows end at the newest
    /// sample, those of the promptest bin.
    pub fn latency_samples(&self) -> u64 {
        let ahead = |level: &Level| {
            let shortest = level.filters.iter().map(|f| f.ahead).min();
            shortest.map(|ahead| (ahead << level.octave) + filter_delay(level.octave))
        };
        match self.alignment {
            Alignment::Ending => self.levels.iter().filter_map(ahead).min().unwrap_or(0),
            Alignment::Centred => self.latency,
        }
    }

    /// Samples of the longest window.
    pub fn longest_window(&self) -> u64 {
        let longest =
            |level: &Level| level.filters.iter().map(|f| (f.re.len() as u64) << level.octave).max();
        self.levels.iter().filter_map(longest).max().unwrap_or(0)
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.levels.iter_mut().for_each(|level| level.ring.samples.fill(0.0));
    }

    /// Takes over the last samples of another stream of the same rate, as many as both hold.
    pub fn adopt(&mut self, old: &Self) {
        self.reset();
        for (level, old) in self.levels.iter_mut().zip(&old.levels) {
            let len = level.ring.len().min(old.ring.len());
            old.ring.last(len, 0).iter().for_each(|&x| level.ring.push(x));
        }
    }
}

/// Least samples in a window, so that it keeps its shape and its place.
const MIN_WINDOW_LEN: f64 = 128.0;

/// Samples by which a halving delays.
const HALF_DELAY: u64 = 13;

/// Samples of sound by which those at the rate over 2^`octave` are late.
fn filter_delay(octave: usize) -> u64 {
    HALF_DELAY * ((1 << octave) - 1)
}

impl Filter {
    /// The window about sample 0, so that all bins see the same moment whatever their rates.
    fn new(bin: usize, shape: &Bin, rate_hz: f64, octave: usize) -> Self {
        let level_hz = rate_hz / (1_u64 << octave) as f64;
        let len = shape.window_secs * level_hz;
        let ahead = (len / 2.0) as i64;
        let hann = |n: i64| 0.5 + 0.5 * (TAU * n as f64 / len).cos();
        let sum: f64 = (-ahead..=ahead).map(hann).sum();
        let step = TAU * shape.centre_hz / level_hz;
        let wavelet =
            (-ahead..=ahead).map(|n| Complex64::from_polar(hann(n) / sum, step * n as f64));
        let (re, im) = wavelet.map(|c| (c.re as f32, c.im as f32)).unzip();
        let gain = (shape.window_secs * rate_hz).sqrt() as f32;
        Self { bin, ahead: ahead.unsigned_abs(), gain, re, im }
    }
}

impl Ring {
    fn new(len: usize) -> Self {
        Self { samples: vec![0.0; 2 * len.max(1)], head: 0 }
    }

    fn len(&self) -> usize {
        self.samples.len() / 2
    }

    fn push(&mut self, x: f32) {
        let len = self.len();
        self.samples[self.head] = x;
        self.samples[self.head + len] = x;
        self.head = (self.head + 1) % len;
    }

    /// `len` samples, oldest first, the last of which is the `age`-th before the newest.
    fn last(&self, len: usize, age: usize) -> &[f32] {
        let end = (self.head + self.len()).saturating_sub(age);
        self.samples.get(end.saturating_sub(len)..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::cqt::cqt;
    use crate::testing::{a10, max_abs_diff, peak};

    fn rows(sound: &[f32], rate_hz: u32, settings: &CqtSettings, how: Alignment) -> Vec<Vec<f32>> {
        let mut stream = CqtStream::new(rate_hz, settings, how);
        let latency = usize::try_from(stream.latency_samples()).unwrap();
        let silence = if how == Alignment::Centred { latency } else { 0 };
        let mut rows = Vec::new();
        for (i, &x) in sound.iter().chain(&vec![0.0; silence]).enumerate() {
            if stream.push(x, i as u64) {
                let mut row = vec![0.0; settings.num_bins];
                stream.row(i as u64, &mut row);
                rows.push(row);
            }
        }
        rows
    }

    #[test]
    fn centred_rows_are_those_of_the_whole_signal() {
        let sound = &a10()[..110_250];
        for settings in [
            CqtSettings::default(),
            CqtSettings::octaves(7, 36),
            CqtSettings { hop_len: 480, ..CqtSettings::vqt() },
            CqtSettings::default().with_longest_window(0.2),
        ] {
            let expected = cqt(sound, 22_050, &settings).map(|c| c.norm());
            let found = rows(sound, 22_050, &settings, Alignment::Centred);
            let num_frames = found.len().min(expected.num_frames());
            assert!(num_frames + 1 >= expected.num_frames());
            let found = found[..num_frames].concat();
            let error = max_abs_diff(&found, &expected.data()[..found.len()]);
            let error = error / peak(expected.data());
            let pairs = found.iter().zip(expected.data());
            let mean = pairs.map(|(f, e)| (f - e).abs()).sum::<f32>() / found.len() as f32;
            // At attacks `cqt` differs: its filters stand half a sample of their low rate late.
            assert!(error < 0.05, "{settings:?}: {error}");
            assert!(mean < 3e-3 * peak(expected.data()), "{settings:?}: {mean}");
        }
    }

    #[test]
    fn steady_tones_have_one_magnitude_wherever_windows_lie() {
        for rate_hz in [44_100, 48_000] {
            let settings = CqtSettings::octaves(7, 24).with_longest_window(0.3);
            for bin in [0, 30, 80, 167] {
                let hz = wavelet::bins(&settings, 20_000.0)[bin].centre_hz;
                let step = TAU * hz / f64::from(rate_hz);
                let sound: Vec<f32> =
                    (0..40_000).map(|i| (step * f64::from(i)).sin() as f32 * 0.5).collect();
                let secs = wavelet::bins(&settings, 20_000.0)[bin].window_secs;
                let expected = 0.25 * (secs * f64::from(rate_hz)).sqrt() as f32;
                for how in [Alignment::Ending, Alignment::Centred] {
                    let all = rows(&sound, rate_hz, &settings, how);
                    let found = all[40][bin];
                    assert!((found / expected - 1.0).abs() < 0.01, "{bin} {how:?}: {found}");
                }
            }
        }
    }

    #[test]
    fn windows_that_end_now_answer_at_once() {
        let settings = CqtSettings::octaves(7, 12).with_longest_window(0.25);
        // Silence, then A5: bin 57.
        let tone = |i: usize| (std::f32::consts::TAU * 880.0 / 44_100.0 * i as f32).sin();
        let sound: Vec<f32> = (0..40_000).map(|i| if i < 20_480 { 0.0 } else { tone(i) }).collect();
        let ending = rows(&sound, 44_100, &settings, Alignment::Ending);
        let full = ending[75][57];
        assert!(ending[40][57] < 0.01 * full && ending[42][57] > 0.5 * full);
    }

    #[test]
    fn takes_over_the_samples_of_another() {
        let settings = CqtSettings::default();
        let sound = &a10()[..40_000];
        let mut old = CqtStream::new(22_050, &settings, Alignment::Ending);
        sound.iter().enumerate().for_each(|(i, &x)| _ = old.push(x, i as u64));
        let mut new = CqtStream::new(22_050, &settings, Alignment::Ending);
        new.adopt(&old);
        let (mut a, mut b) = (vec![0.0; 84], vec![0.0; 84]);
        old.row(39_999, &mut a);
        new.row(39_999, &mut b);
        assert_eq!(a, b);
        new.reset();
        new.row(39_999, &mut b);
        assert!(b.iter().all(|&v| v == 0.0) && a.iter().any(|&v| v > 0.0));
    }
}
