//! Onsets as the peaks of their strength.

/// What makes a frame a peak. Windows are in frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakSettings {
    /// Frames before it that may not exceed it.
    pub pre_max: usize,
    /// Frames from itself on that may not exceed it; 0 counts as 1: itself.
    pub post_max: usize,
    /// Frames before it that count to the mean.
    pub pre_avg: usize,
    /// Frames from itself on that count to the mean; 0 counts as 1: itself.
    pub post_avg: usize,
    /// By how much it must exceed the mean.
    pub delta: f32,
    /// Frames after a peak that are none.
    pub wait: usize,
}

impl PeakSettings {
    /// librosa's for onsets: 30 ms for the maximum and the wait, 100 ms to either side for the mean,
    /// 0.07 above it.
    pub fn onsets(sample_rate_hz: u32, hop_len: usize) -> Self {
        let frames =
            |secs: f64| (secs * f64::from(sample_rate_hz) / hop_len.max(1) as f64) as usize;
        Self {
            pre_max: frames(0.03),
            post_max: 1,
            pre_avg: frames(0.1),
            post_avg: frames(0.1) + 1,
            delta: 0.07,
            wait: frames(0.03),
        }
    }

    /// The longest wait that still lets peaks lie `min_gap_secs` apart, but no closer.
    pub fn wait(min_gap_secs: f64, hop_secs: f64) -> usize {
        (min_gap_secs / hop_secs - 1e-6).ceil().max(1.0) as usize - 1
    }

    /// Whether `frame` of `x` is a peak, but for the wait; beyond its end nothing is.
    pub fn is_peak(&self, x: &[f32], frame: usize) -> bool {
        let Some(&value) = x.get(frame) else { return false };
        let window = |pre: usize, post: usize| {
            &x[frame.saturating_sub(pre)..x.len().min(frame + post.max(1))]
        };
        let largest = window(self.pre_max, self.post_max).iter().copied().fold(f32::MIN, f32::max);
        let near = window(self.pre_avg, self.post_avg);
        let mean = near.iter().sum::<f32>() / near.len() as f32;
        value == largest && value >= mean + self.delta
    }
}

/// Peaks of `x`, as frames: librosa's `util.peak_pick`. A frame is one if nothing in its window for
/// the maximum exceeds it, it exceeds the mean of the other window by `delta`, and it comes more than
/// `wait` frames after the last. Windows end where `x` does.
pub fn peak_pick(x: &[f32], settings: &PeakSettings) -> Vec<usize> {
    let mut peaks = Vec::new();
    let mut frame = 0;
    while frame < x.len() {
        if settings.is_peak(x, frame) {
            peaks.push(frame);
            frame += settings.wait;
        }
        frame += 1;
    }
    peaks
}

/// Onsets of a piece by their strength, as frames: librosa's `onset.onset_detect`, which moves the
/// strength to 0 to 1 and picks its peaks. A strength that never changes, or holds what is no finite
/// number, has none.
pub fn onset_detect(strength: &[f32], settings: &PeakSettings) -> Vec<usize> {
    let shares = onset_shares(strength);
    if shares.iter().all(|s| *s == 0.0) { Vec::new() } else { peak_pick(&shares, settings) }
}

/// The strength moved to 0 to 1, `[frames]`; all 0 where it never changes, or holds what is no finite
/// number.
pub fn onset_shares(strength: &[f32]) -> Vec<f32> {
    let least = strength.iter().copied().fold(f32::MAX, f32::min);
    let range = strength.iter().map(|v| v - least).fold(0.0, f32::max) + f32::MIN_POSITIVE;
    let is_sane = strength.iter().all(|v| v.is_finite()) && range.is_finite();
    strength.iter().map(|v| if is_sane { (v - least) / range } else { 0.0 }).collect()
}

/// Each of `frames` moved back to the last local minimum of `energy` at or before it, or to 0 where
/// there is none: librosa's `onset.onset_backtrack`. A piece cut there keeps its attacks whole.
pub fn onset_backtrack(frames: &[usize], energy: &[f32]) -> Vec<usize> {
    let is_minimum = |i: usize| match energy.get(i.wrapping_sub(1)..).unwrap_or_default() {
        [before, here, after, ..] => here <= before && here < after,
        _ => false,
    };
    let back = |&frame: &usize| (1..=frame).rev().find(|&i| is_minimum(i)).unwrap_or(0);
    frames.iter().map(back).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhythm::onset_strength::{OnsetSettings, onset_strength};
    use crate::testing::{a10, reference, reference_frames};

    #[test]
    fn matches_the_reference() {
        let settings = PeakSettings::onsets(22_050, 512);
        let strength = onset_strength(&a10(), 22_050, &OnsetSettings::default());
        let frames = onset_detect(&strength, &settings);
        assert_eq!(frames, reference_frames("librosa/onset_detect_frames.bin"));
        let back = onset_backtrack(&frames, &strength);
        assert_eq!(back, reference_frames("librosa/onset_detect_backtrack_frames.bin"));

        let frames = onset_detect(&reference("librosa/onset_strength_a30.bin"), &settings);
        assert_eq!(frames, reference_frames("librosa/onset_detect_frames_a30.bin"));
    }

    /// As librosa computes it: whole frames, rounded down.
    #[test]
    fn windows_follow_the_rate() {
        let at = |rate, hop| PeakSettings::onsets(rate, hop);
        assert_eq!((at(22_050, 512).pre_avg, at(22_050, 512).wait), (4, 1));
        assert_eq!((at(44_100, 512).post_avg, at(44_100, 512).pre_max), (9, 2));
        assert_eq!(
            at(8_000, 512),
            PeakSettings { pre_avg: 1, post_avg: 2, wait: 0, ..at(8_000, 512) }
        );
    }

    #[test]
    fn nothing_has_no_onsets() {
        let settings = PeakSettings::onsets(22_050, 512);
        for strength in [vec![], vec![0.0; 9], vec![2.0; 9], vec![0.0, f32::NAN, 1.0]] {
            assert!(onset_detect(&strength, &settings).is_empty());
        }
        assert_eq!(onset_backtrack(&[0, 3, 9], &[]), [0, 0, 0]);
        assert_eq!(onset_backtrack(&[3, 5], &[3.0, 1.0, 1.0, 2.0, 0.0, 5.0]), [2, 4]);
    }
}
