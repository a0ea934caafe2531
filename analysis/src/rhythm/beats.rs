//! Where the beats of a whole piece are.

use super::tempo::{TempoSettings, tempo};

/// How beats are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeatSettings {
    /// The tempo that is likeliest beforehand, in beats a minute.
    pub start_bpm: f64,
    /// The tempo where it is known, in beats a minute; else it is estimated.
    pub bpm: Option<f64>,
    /// How firmly the beats keep to the tempo.
    pub tightness: f64,
    /// Whether weak beats at both ends are left out.
    pub trim: bool,
}

impl Default for BeatSettings {
    /// librosa's.
    fn default() -> Self {
        Self { start_bpm: 120.0, bpm: None, tightness: 100.0, trim: true }
    }
}

/// A tempo and its beats.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beats {
    /// Beats a minute; 0 of silence.
    pub bpm: f64,
    /// Frames of the beats, ascending.
    pub frames: Vec<usize>,
}

impl Beats {
    /// How many beats after the first frame `frame` lies, with the fraction: i at beat i, even
    /// between two, and beyond both ends at the pace of the nearest two. 0 where there are not two.
    pub fn position(&self, frame: f64) -> f64 {
        let after = self.frames.partition_point(|&beat| beat as f64 <= frame);
        let first = after.saturating_sub(1).min(self.frames.len().saturating_sub(2));
        match self.frames.get(first..first + 2) {
            Some(&[a, b]) => first as f64 + (frame - a as f64) / (b as f64 - a as f64),
            _ => 0.0,
        }
    }
}

/// The beats of onset strengths, `[frames]`, by dynamic programming (Ellis 2007): librosa's
/// `beat.beat_track`, which takes the strength by the median. They maximise the sum of the local
/// scores (the strength, smoothed over 1/32 of a beat) less `tightness`·ln²(interval/beat) for each
/// interval. Silence has none; nor has a tempo or tightness that is not above 0, or a beat shorter
/// than a frame.
pub fn beat_track(strength: &[f32], frame_rate_hz: f64, settings: &BeatSettings) -> Beats {
    if strength.iter().all(|&x| x == 0.0) {
        return Beats::default();
    }
    let bpm = settings.bpm.unwrap_or_else(|| {
        let expected = TempoSettings { start_bpm: settings.start_bpm, ..TempoSettings::default() };
        tempo(strength, frame_rate_hz, &expected)
    });
    let beat_len = (frame_rate_hz * 60.0 / bpm).round_ties_even();
    let longest = strength.len().max(8) as f64 * 4.0;
    if !(bpm > 0.0 && settings.tightness > 0.0 && (1.0..longest).contains(&beat_len)) {
        return Beats { bpm, frames: Vec::new() };
    }
    let local = local_score(&normalised(strength), beat_len as usize);
    let (links, score) = best_paths(&local, beat_len as usize, settings.tightness);
    let mut frames: Vec<usize> =
        std::iter::successors(last_beat(&score), |&frame| links[frame]).collect();
    frames.reverse();
    trim(&local, &mut frames, settings.trim);
    Beats { bpm, frames }
}

/// The strength over its standard deviation.
fn normalised(strength: &[f32]) -> Vec<f64> {
    let num = strength.len() as f64;
    let mean = strength.iter().map(|&x| f64::from(x)).sum::<f64>() / num;
    let squares: f64 = strength.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
    let deviation = (squares / (num - 1.0).max(1.0)).sqrt() as f32 + f32::MIN_POSITIVE;
    strength.iter().map(|&x| f64::from(x / deviation)).collect()
}

/// The strength under a Gaussian of 1/32 beat.
fn local_score(strength: &[f64], beat_len: usize) -> Vec<f64> {
    let num = strength.len();
    let tap = |k: usize| {
        let offset = (k as f64 - beat_len as f64) * 32.0 / beat_len as f64;
        (-0.5 * offset * offset).exp()
    };
    let taps: Vec<f64> = (0..=2 * beat_len).map(tap).collect();
    let score = |i: usize| {
        // As there: while the window hangs over the start, its last tap is left out.
        let range = (i + beat_len + 1).saturating_sub(num)..taps.len().min(i + beat_len);
        range.map(|k| taps[k] * strength[i + beat_len - k]).sum()
    };
    (0..num).map(score).collect()
}

/// For each frame the beat before it, were it a beat, and the score of all beats up to it.
fn best_paths(local: &[f64], beat_len: usize, tightness: f64) -> (Vec<Option<usize>>, Vec<f64>) {
    let least = 0.01 * local.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let penalty = |distance: usize| {
        tightness * ((distance as f64).ln() - f64::from((beat_len as f32).ln())).powi(2)
    };
    let penalties: Vec<f64> = (0..=2 * beat_len).map(penalty).collect();
    let nearest = ((beat_len as f64 / 2.0).round_ties_even() as usize).max(1);
    let mut links = vec![None; local.len()];
    let mut score = vec![0.0; local.len()];
    let mut begun = false;
    for (i, &own) in local.iter().enumerate() {
        let mut best = (f64::NEG_INFINITY, None);
        for distance in nearest..=(2 * beat_len).min(i) {
            let so_far = score[i - distance] - penalties[distance];
            if so_far > best.0 {
                best = (so_far, Some(i - distance));
            }
        }
        score[i] = if best.1.is_some() { own + best.0 } else { own };
        begun |= own >= least;
        links[i] = best.1.filter(|_| begun);
    }
    (links, score)
}

/// The last local maximum of the score that reaches half the median of them all.
fn last_beat(score: &[f64]) -> Option<usize> {
    let num = score.len();
    let is_peak = |i: &usize| {
        let i = *i;
        i > 0 && score[i] > score[i - 1] && (i + 1 == num || score[i] >= score[i + 1])
    };
    let mut peaks: Vec<f64> = (0..num).filter(is_peak).map(|i| score[i]).collect();
    peaks.sort_by(f64::total_cmp);
    let half = peaks.len() / 2;
    let median = match peaks.len() {
        0 => 0.0,
        n if n % 2 == 1 => peaks[half],
        _ => 0.5 * (peaks[half - 1] + peaks[half]),
    };
    let last = (0..num).rev().filter(is_peak).find(|&i| score[i] >= 0.5 * median);
    last.or(num.checked_sub(1))
}

/// Leaves out the beats before the first frame, and after the last, whose local score exceeds half
/// the mean of the beats', or 0 without `weak`.
fn trim(local: &[f64], beats: &mut Vec<usize>, weak: bool) {
    let at = |i: isize| {
        let beat = usize::try_from(i).ok().and_then(|i| beats.get(i));
        beat.map_or(0.0, |&b| local[b])
    };
    let num_smoothed = (beats.len() + 2).min(local.len()) as isize;
    let smoothed = |i: isize| 0.5 * at(i - 1) + at(i) + 0.5 * at(i + 1);
    let power = (0..num_smoothed).map(|i| smoothed(i).powi(2)).sum::<f64>() / num_smoothed as f64;
    let threshold = if weak { 0.5 * power.sqrt() } else { 0.0 };
    let strong = |v: &f64| *v > threshold;
    let first = local.iter().position(strong).unwrap_or(local.len());
    let last = local.iter().rposition(strong).unwrap_or(0);
    beats.retain(|&b| (first..=last).contains(&b));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{reference, reference_frames};

    const FRAME_RATE_HZ: f64 = 22_050.0 / 512.0;

    #[test]
    fn matches_the_reference() {
        for (clip, bpm) in [("", 135.999_177_631_578_96), ("a30/", 69.837_415_540_540_55)] {
            let strength = reference(&format!("librosa/{clip}onset_strength_median.bin"));
            let expected = reference_frames(&format!("librosa/{clip}beat_track_frames.bin"));
            let found = beat_track(&strength, FRAME_RATE_HZ, &BeatSettings::default());
            assert!((found.bpm - bpm).abs() < 1e-9);
            assert_eq!(found.frames, expected, "{clip}");
        }
    }

    fn pulses(period: usize, len: usize) -> Vec<f32> {
        (0..len).map(|i| f32::from(u8::from(i % period == 7))).collect()
    }

    #[test]
    fn finds_pulses_and_bridges_a_gap() {
        let mut strength = pulses(40, 2000);
        strength[800..1200].fill(0.0);
        let settings = BeatSettings { bpm: Some(150.0), ..BeatSettings::default() };
        let found = beat_track(&strength, 100.0, &settings);
        let expected: Vec<usize> = (7..2000).step_by(40).collect();
        assert_eq!((found.bpm, found.frames), (150.0, expected));
    }

    #[test]
    fn position_is_even_between_beats() {
        let beats = Beats { bpm: 120.0, frames: vec![10, 20, 40] };
        for (frame, position) in
            [(10.0, 0.0), (15.0, 0.5), (20.0, 1.0), (30.0, 1.5), (5.0, -0.5), (50.0, 2.5)]
        {
            assert_eq!(beats.position(frame), position);
        }
        assert_eq!(Beats { bpm: 0.0, frames: vec![3] }.position(7.0), 0.0);
    }

    #[test]
    fn trims_what_is_weak_only_where_asked() {
        let mut strength = pulses(50, 2000);
        strength[..500].iter_mut().for_each(|x| *x *= 0.3);
        let frames = |trim| {
            let settings = BeatSettings { trim, ..BeatSettings::default() };
            beat_track(&strength, 100.0, &settings).frames
        };
        // The last one is the end of the path, where there is no pulse.
        let all: Vec<usize> = (7..2000).step_by(50).chain([1999]).collect();
        assert_eq!(frames(false), all);
        assert_eq!(frames(true), all[10..40]);
    }

    #[test]
    fn odd_input_is_answered() {
        let settings = BeatSettings::default();
        assert_eq!(beat_track(&[], 100.0, &settings), Beats::default());
        assert_eq!(beat_track(&[0.0; 100], 100.0, &settings), Beats::default());
        for strength in [&[1.0][..], &[1.0; 100], &[0.0, 2.0, 0.0]] {
            let frames = beat_track(strength, 100.0, &settings).frames;
            assert!(frames.iter().all(|&f| f < strength.len()));
        }
        for (bpm, tightness) in
            [(0.0, 100.0), (-3.0, 100.0), (1e9, 100.0), (1e-9, 1.0), (90.0, 0.0)]
        {
            let settings = BeatSettings { bpm: Some(bpm), tightness, ..settings };
            assert!(beat_track(&pulses(30, 100), 100.0, &settings).frames.is_empty());
        }
    }
}
