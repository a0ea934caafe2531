//! How far the music's pitch lies from A4 = 440 Hz.
//!
//! librosa's `piptrack`, `pitch_tuning` and `estimate_tuning`: peaks of the spectrum, their distance
//! from the nearest note, and the distance that most of them have.

use rayon::prelude::*;

use super::bins;
use super::layout::Layout;
use super::stft::{StftSettings, stft};
use crate::Rows;

/// Steps of the histogram from one note to the next.
const NUM_STEPS: usize = 100;
/// Range of pitches, in Hz.
const RANGE_HZ: (f64, f64) = (150.0, 4000.0);
/// Least height of a peak, over that of the row's highest.
const THRESHOLD: f32 = 0.1;

/// A peak of a spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pitch {
    /// Its frequency, in Hz.
    pub hz: f32,
    /// Its height, in the row's unit.
    pub height: f32,
}

/// The peaks of a row of magnitudes or powers, `[n_fft/2 + 1]`, between 150 and 4000 Hz and at
/// least a tenth as high as the row's highest value, at the tip of a parabola through three bins:
/// librosa's `piptrack`.
pub fn piptrack(row: &[f32], layout: &Layout, mut found: impl FnMut(Pitch)) {
    let least = THRESHOLD * row.iter().copied().fold(0.0, f32::max);
    let nyquist_hz = f64::from(layout.sample_rate_hz) / 2.0;
    let above = |x: f32| if x > least { x } else { 0.0 };
    for (i, at) in row.windows(3).enumerate() {
        let (hz, [below, x, next]) = ((i + 1) as f64 * layout.bin_hz(), [at[0], at[1], at[2]]);
        let in_range = hz >= RANGE_HZ.0 && hz < RANGE_HZ.1.min(nyquist_hz);
        if !(in_range && above(x) > above(below) && above(x) >= above(next)) {
            continue;
        }
        let slope = (next - below) / 2.0;
        let curve = f64::from(next + below) - 2.0 * f64::from(x);
        let rise = f64::from(next - below) / 2.0;
        let shift = if rise.abs() >= curve.abs() { 0.0 } else { (-rise / curve) as f32 };
        let bin = (i + 1) as f64 + f64::from(shift);
        let hz = (bin * f64::from(layout.sample_rate_hz) / layout.n_fft as f64) as f32;
        found(Pitch { hz, height: x + 0.5 * slope * shift });
    }
}

/// Which hundredth of the way between two notes `hz` lies in, where 50 is on a note; `None` for what
/// is no pitch. In 32 bits, as librosa's.
fn step_of(hz: f32, bins_per_octave: usize) -> Option<usize> {
    let octaves = (hz / 27.5).log2();
    if !(hz > 0.0 && octaves.is_finite()) {
        return None;
    }
    let residual = (bins_per_octave as f32 * octaves).rem_euclid(1.0);
    let residual = f64::from(if residual >= 0.5 { residual - 1.0 } else { residual });
    let mut step = ((residual + 0.5) * NUM_STEPS as f64) as usize;
    if step > 0 && residual < tuning_at(step) {
        step -= 1;
    }
    if residual >= tuning_at(step + 1) {
        step += 1;
    }
    Some(step.min(NUM_STEPS - 1))
}

/// The tuning at the lower edge of a step, in notes.
fn tuning_at(step: usize) -> f64 {
    step as f64 * (1.0 / NUM_STEPS as f64) - 0.5
}

/// The tuning that most of `hz` have, −0.5..0.5, in steps of a hundredth of the distance between two
/// of `bins_per_octave` notes; 0 where there are none.
pub fn pitch_tuning(hz: impl Iterator<Item = f32>, bins_per_octave: usize) -> f64 {
    let mut counts = [0_u64; NUM_STEPS];
    hz.filter_map(|hz| step_of(hz, bins_per_octave)).for_each(|step| counts[step] += 1);
    let most = counts.iter().copied().max().unwrap_or(0);
    let first = counts.iter().position(|&c| c == most).unwrap_or(0);
    if most == 0 { 0.0 } else { tuning_at(first) }
}

/// The tuning of a whole sound from its spectrum, `[frames, n_fft/2 + 1]`, −0.5..0.5 in notes of
/// `bins_per_octave`: librosa's `estimate_tuning`. Only peaks as high as their median count.
/// `chroma_stft` passes powers, `estimate_tuning(y=…)` magnitudes; the answers differ.
pub fn estimate_tuning(rows: &Rows, layout: &Layout, bins_per_octave: usize) -> f64 {
    let pitches = |row: &[f32]| {
        let mut pitches = Vec::new();
        piptrack(row, layout, |pitch| pitches.push(pitch));
        pitches
    };
    let rows = rows.data().par_chunks_exact(rows.num_bins().max(1));
    TuningStudy { pitches: rows.flat_map_iter(pitches).collect() }.tuning(bins_per_octave)
}

/// The tuning of a whole sound from its magnitudes, n_fft 2048 and hop 512: librosa's
/// `estimate_tuning(y=…)`, and with 36 bins an octave what its `chroma_cqt` uses.
pub fn estimate_tuning_of_sound(sound: &[f32], sample_rate_hz: u32, bins_per_octave: usize) -> f64 {
    let settings = StftSettings::default();
    let magnitudes = stft(sound, &settings).map(bins::magnitude);
    estimate_tuning(&magnitudes, &settings.layout(sample_rate_hz), bins_per_octave)
}

/// The pitches of a sound that is heard as a whole before its tuning is asked for.
#[derive(Debug, Clone, Default)]
pub struct TuningStudy {
    pitches: Vec<Pitch>,
}

impl TuningStudy {
    /// Takes a row of magnitudes or powers, `[n_fft/2 + 1]`.
    pub fn push(&mut self, row: &[f32], layout: &Layout) {
        piptrack(row, layout, |pitch| self.pitches.push(pitch));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.pitches.clear();
    }

    /// What `estimate_tuning` says of all rows so far.
    pub fn tuning(&self, bins_per_octave: usize) -> f64 {
        let mut heights: Vec<f32> = self.pitches.iter().map(|p| p.height).collect();
        let median = median(&mut heights);
        let high = self.pitches.iter().filter(|p| p.height >= median);
        pitch_tuning(high.map(|p| p.hz), bins_per_octave)
    }
}

/// The median of `values`, whose order is lost; that of an even number is the mean of the middle
/// two, and that of none 0.
pub(super) fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let half = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f32::total_cmp);
    if is_even {
        let lower = below.iter().copied().max_by(f32::total_cmp).unwrap_or(upper);
        (lower + upper) / 2.0
    } else {
        upper
    }
}

/// The tuning so far, from row to row: counts that fade, so that it follows the music.
#[derive(Debug, Clone)]
pub struct RunningTuning {
    /// Fading number of pitches by step.
    counts: [f32; NUM_STEPS],
    /// Fading number of pitches by height, in dB from `LEAST_DB`, for their median.
    heights: [f32; NUM_HEIGHTS],
}

const NUM_HEIGHTS: usize = 300;
const LEAST_DB: f32 = -150.0;

impl Default for RunningTuning {
    fn default() -> Self {
        Self { counts: [0.0; NUM_STEPS], heights: [0.0; NUM_HEIGHTS] }
    }
}

impl RunningTuning {
    /// Takes a row of magnitudes or powers, `[n_fft/2 + 1]`. `keep` is what the older rows' counts
    /// are multiplied by.
    pub fn push(&mut self, row: &[f32], layout: &Layout, bins_per_octave: usize, keep: f32) {
        let median = self.median_height();
        self.counts.iter_mut().chain(&mut self.heights).for_each(|count| *count *= keep);
        piptrack(row, layout, |pitch| {
            let height = height_index(pitch.height);
            self.heights[height] += 1.0;
            if let Some(step) = step_of(pitch.hz, bins_per_octave)
                && height >= median
            {
                self.counts[step] += 1.0;
            }
        });
    }

    /// The tuning that most of the pitches lately had, −0.5..0.5 in notes, 0 before the first. As
    /// few pitches make ragged counts, each step counts with its neighbours, two on either side.
    pub fn tuning(&self) -> f32 {
        let smooth = |step: usize| {
            let at = |d: usize| self.counts[(step + NUM_STEPS + d - 2) % NUM_STEPS];
            at(0) + 2.0 * at(1) + 3.0 * at(2) + 2.0 * at(3) + at(4)
        };
        let mut best = (NUM_STEPS / 2, 0.0);
        for step in 0..NUM_STEPS {
            let count = smooth(step);
            if count > best.1 {
                best = (step, count);
            }
        }
        tuning_at(best.0) as f32
    }

    fn median_height(&self) -> usize {
        let mut left = self.heights.iter().sum::<f32>() / 2.0;
        let reaches = |count: &f32| {
            left -= count;
            left <= 0.0
        };
        self.heights.iter().position(reaches).unwrap_or(0)
    }
}

fn height_index(height: f32) -> usize {
    let db = 20.0 * height.max(f32::MIN_POSITIVE).log10();
    ((db - LEAST_DB).max(0.0) as usize).min(NUM_HEIGHTS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a10;

    /// What librosa 0.11 says of the clip.
    #[test]
    fn matches_the_reference() {
        let sound = a10();
        assert_eq!(estimate_tuning_of_sound(&sound, 22_050, 12), 0.27);
        assert_eq!(estimate_tuning_of_sound(&sound, 22_050, 36), -0.229_999_999_999_999_98);
        let powers = stft(&sound, &StftSettings::default()).map(bins::power);
        let layout = StftSettings::default().layout(22_050);
        assert_eq!(estimate_tuning(&powers, &layout, 12), 0.020_000_000_000_000_018);
    }

    /// Chords of pure tones that lie `tuning` semitones above their notes.
    fn chords(tuning: f64) -> Vec<f32> {
        let hz = |semitone: f64| 440.0 * ((semitone + tuning) / 12.0).exp2();
        let tone = |semitone: f64, i: usize| {
            (std::f64::consts::TAU * hz(semitone) / 22_050.0 * i as f64).sin() as f32
        };
        let root = |i: usize| [0.0, 5.0, 7.0, -4.0][i / 11_025 % 4];
        let chord = |i: usize| [0.0, 4.0, 7.0, 12.0].map(|third| tone(root(i) + third, i));
        (0..44_100).map(|i| 0.2 * chord(i).iter().sum::<f32>()).collect()
    }

    #[test]
    fn hears_how_far_chords_are_off() {
        for tuning in [-0.4, -0.2, 0.0, 0.3] {
            let found = estimate_tuning_of_sound(&chords(tuning), 22_050, 12);
            assert!((found - tuning).abs() < 0.05, "{tuning}: {found}");
        }
        assert_eq!(estimate_tuning_of_sound(&[0.0; 9000], 22_050, 12), 0.0);
        assert_eq!(pitch_tuning([0.0, -1.0, f32::NAN].into_iter(), 12), 0.0);
        assert_eq!(pitch_tuning([440.0, 880.0, 500.0].into_iter(), 12), 0.0);
    }

    #[test]
    fn the_running_estimate_follows() {
        let settings = StftSettings::default();
        let layout = settings.layout(22_050);
        let mut running = RunningTuning::default();
        assert_eq!(running.tuning(), 0.0);
        for tuning in [0.3, -0.2] {
            for row in stft(&chords(tuning), &settings).map(bins::magnitude).iter() {
                running.push(row, &layout, 12, 0.95);
            }
            let found = f64::from(running.tuning());
            assert!((found - tuning).abs() < 0.05, "{tuning}: {found}");
        }
        for row in [[f32::NAN; 1025], [f32::INFINITY; 1025], [f32::MAX; 1025]] {
            running.push(&row, &layout, 12, 0.95);
        }
        assert!((running.tuning() + 0.2).abs() < 0.05);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
