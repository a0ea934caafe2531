//! How often the sound changes its sign: low for hums, high for hiss.

use rayon::prelude::*;

use crate::signal::framer::{Framer, Framing};
use crate::signal::sane;

/// Magnitude up to which a sample counts as 0, which is positive: librosa's.
const THRESHOLD: f32 = 1e-10;

fn is_negative(x: f32) -> bool {
    sane(x) < -THRESHOLD
}

/// Share of the samples of each frame whose sign differs from that of the one before, 0..1,
/// `[frames]`: librosa's `feature.zero_crossing_rate`, where the ends of a centred signal go on
/// with their last sample and the first sample of a frame never counts.
pub fn zero_crossing_rate(sound: &[f32], framing: &Framing) -> Vec<f32> {
    let before = sound.first().copied().into_iter().chain(sound.iter().copied());
    let flags = sound.iter().zip(before);
    // 1 where a sample crosses: beyond the ends nothing does, and silent padding says just that.
    let crossings: Vec<f32> =
        flags.map(|(&x, before)| crossing(is_negative(x) != is_negative(before))).collect();
    let frames = (0..framing.num_frames(sound.len())).into_par_iter();
    frames.map(|k| rate(framing.frame(&crossings, k), framing.frame_len)).collect()
}

fn crossing(crosses: bool) -> f32 {
    if crosses { 1.0 } else { 0.0 }
}

/// Share of the samples of a frame that cross, but for the first.
fn rate(crossings: impl Iterator<Item = f32>, frame_len: usize) -> f32 {
    crossings.skip(1).sum::<f32>() / frame_len.max(1) as f32
}

/// The rate sample by sample: as [`zero_crossing_rate`], a frame as soon as it is complete.
#[derive(Debug, Clone)]
pub struct ZeroCrossings {
    crossings: Framer,
    was_negative: Option<bool>,
}

impl ZeroCrossings {
    /// Frames as `framing` says.
    pub fn new(framing: Framing) -> Self {
        Self { crossings: Framer::with(framing), was_negative: None }
    }

    /// Takes the sample at `position` (samples since the start of the run), and gives the rate of
    /// the frame that it completes.
    pub fn push(&mut self, x: f32, position: u64) -> Option<f32> {
        let is_negative = is_negative(x);
        let crosses = self.was_negative.is_some_and(|was| was != is_negative);
        self.was_negative = Some(is_negative);
        let is_complete = self.crossings.push(crossing(crosses), position);
        is_complete.then(|| rate(self.crossings.frame(), self.crossings.frame_len()))
    }

    /// Samples from the middle of a centred frame, from the start of another, to its end.
    pub fn latency_len(&self) -> usize {
        self.crossings.latency_len()
    }

    /// Back to before the first sample.
    pub fn reset(&mut self) {
        self.crossings.reset();
        self.was_negative = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, max_abs_diff, reference};

    #[test]
    fn matches_the_reference_whole_and_causal() {
        let found = zero_crossing_rate(&a10(), &Framing::default());
        let expected = reference("librosa/zero_crossing_rate.bin");
        assert_eq!(found.len(), expected.len());
        let error = max_abs_diff(&found, &expected);
        assert!(error < 1e-6, "{error}");

        let mut causal = ZeroCrossings::new(Framing::default());
        let rates: Vec<f32> = (0..).zip(a10()).filter_map(|(i, x)| causal.push(x, i)).collect();
        assert_eq!(rates.len(), 429);
        assert_eq!(rates, found[..429]);
    }

    /// Below zero from the first sample on: the padding follows, and nothing crosses.
    #[test]
    fn the_ends_go_on_as_they_are() {
        let sound = [-1.0; 2000];
        assert_eq!(zero_crossing_rate(&sound, &Framing::default()), [0.0; 4]);
        let mut causal = ZeroCrossings::new(Framing::default());
        assert!((0..).zip(sound).filter_map(|(i, x)| causal.push(x, i)).all(|rate| rate == 0.0));
    }
}
