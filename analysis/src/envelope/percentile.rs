//! Clipping at a percentile of the local maxima.
//!
//! maua-stylegan2's `percentile_clip`: one loud moment does not dwarf the rest of a song. The level
//! is a percentile of the signal's local maxima (greater than both neighbours); what lies above is
//! clipped, what lies below 0 is 0, and the whole is divided by the level.

use super::recent::Recent;

/// The value of rank 1 + round(p/100·(n − 1)), halves to even, of `sorted`: torch's `kthvalue` as
/// maua calls it.
fn nearest_rank(sorted: &[f32], percent: f32) -> Option<f32> {
    let last = sorted.len().checked_sub(1)?;
    let rank = (0.01 * f64::from(percent) * last as f64).round_ties_even();
    sorted.get((rank as usize).min(last)).copied()
}

/// `x` within 0..1 for a level.
fn clip(x: f32, level: f32) -> f32 {
    if level > 0.0 { (x / level).clamp(0.0, 1.0) } else { 0.0 }
}

/// Clips a whole signal, all of it finite, at a percentile (0..100), and stretches it to 0..1. A
/// signal without a local maximum is clipped at its greatest value; one that is nowhere above 0
/// becomes 0.
pub fn percentile_clip(values: &[f32], percent: f32) -> Vec<f32> {
    let is_peak = |w: &&[f32]| w[1] > w[0] && w[1] > w[2];
    let mut peaks: Vec<f32> = values.windows(3).filter(is_peak).map(|w| w[1]).collect();
    peaks.sort_unstable_by(f32::total_cmp);
    let level =
        nearest_rank(&peaks, percent).unwrap_or_else(|| values.iter().copied().fold(0.0, f32::max));
    values.iter().map(|&x| clip(x, level)).collect()
}

/// Clips value by value, at a percentile of the local maxima of the last ticks. No latency; a
/// maximum counts from the value after it on. Before the first, the greatest value so far is the
/// level, and where none is left in memory the level stays.
#[derive(Debug, Clone, Default)]
pub struct PercentileClip {
    peaks: Recent,
    /// The last value and the one before.
    past: [Option<f32>; 2],
    level: f32,
}

impl PercentileClip {
    /// Remembers the maxima of `memory_ticks` ticks.
    pub fn new(memory_ticks: usize) -> Self {
        Self { peaks: Recent::new(memory_ticks), past: [None; 2], level: 0.0 }
    }

    /// Takes the next value, a finite one, and gives it over the level, 0..1. The level counts as at
    /// least `floor`, so that near silence stays dark.
    pub fn push(&mut self, x: f32, percent: f32, floor: f32) -> f32 {
        let peak = match self.past {
            [Some(last), Some(before)] if last > before && last > x => Some(last),
            _ => None,
        };
        self.past = [Some(x), self.past[0]];
        let is_empty = self.peaks.sorted().is_empty();
        self.peaks.advance(peak);
        self.level = match nearest_rank(self.peaks.sorted(), percent) {
            Some(level) => level,
            None if is_empty => self.level.max(x),
            None => self.level,
        };
        clip(x, self.level.max(floor))
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.peaks.clear();
        (self.past, self.level) = ([None; 2], 0.0);
    }

    /// Takes over the state of another, as far back as this one remembers.
    pub fn adopt(&mut self, old: &Self) {
        self.peaks.adopt(&old.peaks);
        (self.past, self.level) = (old.past, old.level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{max_abs_diff, reference};

    #[test]
    fn equals_maua() {
        let x = reference("latent/x1.bin");
        for percent in [50.0, 60.0, 97.0, 100.0] {
            let expected = reference(&format!("maua/percentile_clip_x1_{percent}.bin"));
            let error = max_abs_diff(&percentile_clip(&x, percent), &expected);
            assert!(error < 1e-6, "{percent}: {error}");
        }
    }

    #[test]
    fn signals_without_maxima_are_clipped_at_their_greatest() {
        assert_eq!(percentile_clip(&[1.0, 2.0, 4.0], 50.0), [0.25, 0.5, 1.0]);
        assert_eq!(percentile_clip(&[-1.0, -0.5, -1.0], 100.0), [0.0; 3]);
        assert!(percentile_clip(&[], 50.0).is_empty());
    }

    /// With all maxima in memory the causal level is that of the whole signal so far.
    #[test]
    fn value_by_value_it_is_the_clip_of_what_came() {
        let x = reference("latent/x1.bin");
        let mut clip = PercentileClip::new(1_000);
        for (i, &v) in x.iter().enumerate() {
            let y = clip.push(v, 60.0, 0.0);
            if i > 3 {
                assert_eq!(y, percentile_clip(&x[..=i], 60.0)[i], "{i}");
            }
        }
    }

    #[test]
    fn the_level_forgets() {
        let mut clip = PercentileClip::new(10);
        let mut last = 0.0;
        for i in 0..40 {
            let height = if i < 10 { 8.0 } else { 2.0 };
            last = clip.push(if i % 2 == 1 { height } else { 0.0 }, 100.0, 0.0);
        }
        assert_eq!(last, 1.0);
        assert_eq!(clip.push(1.0, 100.0, 4.0), 0.25);
    }
}
