//! Smoothing with a Gaussian.
//!
//! The kernel is maua-stylegan2's `gaussian_filter`: exp(−t²/2w²) up to 4 widths to either side, the
//! side of the future times a weight, over its sum. maua pads in a circle, so that the end of a song
//! colours its start; here nothing wraps, and the values differ from maua's within 4 widths of the
//! ends alone.

use std::collections::VecDeque;

/// Where the Gaussian is cut off, in widths.
pub const CUTOFF: f64 = 4.0;

/// What lies beyond the ends of a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Edge {
    /// Nothing: the mean is taken over the values that there are. Causal, as the streaming form.
    #[default]
    Shorten,
    /// The end value.
    Hold,
    /// The signal mirrored, its end values repeated (`c b a | a b c`). At the start this shows what
    /// comes later even where the future weighs nothing.
    Reflect,
}

/// How to smooth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianSettings {
    /// Standard deviation, in seconds; 0 changes nothing.
    pub width_secs: f64,
    /// Weight of what comes later: 1 is centred, 0 looks backwards alone.
    pub future_weight: f32,
    /// What lies beyond the ends.
    pub edge: Edge,
}

impl Default for GaussianSettings {
    fn default() -> Self {
        Self { width_secs: 0.1, future_weight: 1.0, edge: Edge::default() }
    }
}

/// Ticks to either side that a Gaussian of `width_ticks` reaches.
pub fn reach(width_ticks: f64) -> usize {
    // The tap at the cut-off itself counts, however its product is rounded.
    (CUTOFF * width_ticks.max(0.0) + 1e-6) as usize
}

/// One side of the kernel, from the middle outwards, at most `max_taps`.
fn side(width_ticks: f64, max_taps: usize) -> impl Iterator<Item = f32> {
    (0..(reach(width_ticks) + 1).min(max_taps)).map(move |k| {
        let z = if k == 0 { 0.0 } else { k as f64 / width_ticks };
        (-0.5 * z * z).exp() as f32
    })
}

/// Smooths a whole signal of `rate_hz` values a second, all of them finite.
pub fn gaussian(values: &[f32], rate_hz: f64, settings: &GaussianSettings) -> Vec<f32> {
    let len = values.len();
    let taps: Vec<f32> =
        side(settings.width_secs * rate_hz, len.saturating_mul(2).max(1)).collect();
    let at = |i: isize| -> Option<f32> {
        let place = match settings.edge {
            Edge::Shorten => usize::try_from(i).ok()?,
            Edge::Hold => i.max(0).min(len as isize - 1) as usize,
            Edge::Reflect => {
                let folded = i.rem_euclid(2 * len as isize) as usize;
                folded.min(2 * len - 1 - folded)
            }
        };
        values.get(place).copied()
    };
    let smoothed = |i: isize| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (k, &tap) in (0_isize..).zip(&taps) {
            let past = at(i - k).map(|x| (x, tap));
            let future = if k > 0 { at(i + k) } else { None };
            let future = future.map(|x| (x, tap * settings.future_weight));
            for (x, weight) in past.into_iter().chain(future) {
                sum += f64::from(weight * x);
                weights += f64::from(weight);
            }
        }
        (sum / weights) as f32
    };
    (0..len as isize).map(smoothed).collect()
}

/// Smooths value by value, [`num_ahead`](Self::num_ahead) values late: what the whole-signal form
/// gives with [`Edge::Shorten`].
#[derive(Debug, Clone, Default)]
pub struct GaussianSmoother {
    /// The newest first.
    values: VecDeque<f32>,
    taps: Vec<f32>,
    /// Width that the taps were made for, in ticks.
    width_ticks: f64,
    max_taps: usize,
    num_ahead: usize,
}

impl GaussianSmoother {
    /// For widths of up to `max_width_ticks`, looking `num_ahead` values ahead.
    pub fn new(max_width_ticks: f64, num_ahead: usize) -> Self {
        let max_taps = reach(max_width_ticks) + 1;
        Self {
            values: VecDeque::with_capacity(max_taps + num_ahead),
            taps: Vec::with_capacity(max_taps),
            width_ticks: 0.0,
            max_taps,
            num_ahead,
        }
    }

    /// How many values late it is.
    pub fn num_ahead(&self) -> usize {
        self.num_ahead
    }

    /// Takes the next value, a finite one, and gives the smoothed one of `num_ahead` values before;
    /// of the first value until then. A Gaussian that reaches further ahead is cut off there.
    pub fn push(&mut self, x: f32, width_ticks: f64, future_weight: f32) -> f32 {
        if self.width_ticks != width_ticks || self.taps.is_empty() {
            self.width_ticks = width_ticks;
            self.taps.clear();
            self.taps.extend(side(width_ticks, self.max_taps));
        }
        self.values.truncate((self.max_taps + self.num_ahead).saturating_sub(1));
        self.values.push_front(x);
        let due = self.num_ahead.min(self.values.len() - 1);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (tap, x) in self.taps.iter().zip(self.values.range(due..)) {
            sum += tap * x;
            weights += tap;
        }
        for (tap, x) in self.taps.iter().skip(1).zip(self.values.range(..due).rev()) {
            sum += tap * future_weight * x;
            weights += tap * future_weight;
        }
        sum / weights
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{max_abs_diff, reference};

    const EDGES: [Edge; 3] = [Edge::Shorten, Edge::Hold, Edge::Reflect];

    fn settings(width_secs: f64, future_weight: f32, edge: Edge) -> GaussianSettings {
        GaussianSettings { width_secs, future_weight, edge }
    }

    /// maua's wraps: within its reach of 20 frames of the ends it is no reference.
    #[test]
    fn equals_maua_away_from_the_ends() {
        let x = reference("latent/x1.bin");
        for (file, future_weight) in [
            ("maua/gauss_x1_s5.bin", 1.0),
            ("latent/gauss_x1_s5_causal0.bin", 0.0),
            ("maua/gauss_x1_s5_causal0.2.bin", 0.2),
        ] {
            let expected = reference(file);
            for edge in EDGES {
                // 5 frames at 30 a second.
                let y = gaussian(&x, 30.0, &settings(1.0 / 6.0, future_weight, edge));
                let error = max_abs_diff(&y[20..180], &expected[20..180]);
                assert!(error < 1e-6, "{file}: {error}");
            }
        }
    }

    #[test]
    fn neither_end_leaks_into_the_other() {
        let mut x = vec![0.0; 100];
        x[99] = 1.0;
        for edge in EDGES {
            let y = gaussian(&x, 10.0, &settings(1.0, 1.0, edge));
            assert!(y[..59].iter().all(|&v| v == 0.0) && y[59] > 0.0, "{edge:?}");
            let ones = gaussian(&[0.7; 30], 10.0, &settings(9.0, 0.3, edge));
            assert!(ones.iter().all(|v| (v - 0.7).abs() < 1e-6), "{edge:?}");
        }
        let causal = gaussian(&x, 10.0, &settings(1.0, 0.0, Edge::Hold));
        assert!(causal[..99].iter().all(|&v| v == 0.0));
    }

    /// numpy: weights exp(−k²/2), k −4..4, over [1 2 4] extended to either side.
    #[test]
    fn ends_follow_their_rule() {
        let x = [1.0, 2.0, 4.0];
        let e: Vec<f64> = (0..5).map(|k| (-0.5 * f64::from(k * k)).exp()).collect();
        let total = e[0] + 2.0 * (e[1] + e[2] + e[3] + e[4]);
        let first = |edge| f64::from(gaussian(&x, 1.0, &settings(1.0, 1.0, edge))[0]);
        let shorten = (e[0] + 2.0 * e[1] + 4.0 * e[2]) / (e[0] + e[1] + e[2]);
        assert!((first(Edge::Shorten) - shorten).abs() < 1e-6);
        let past: f64 = e[1] + e[2] + e[3] + e[4];
        let hold = (e[0] + past + 2.0 * e[1] + 4.0 * (e[2] + e[3] + e[4])) / total;
        assert!((first(Edge::Hold) - hold).abs() < 1e-6);
        // … 4 4 2 1 | 1 2 4 | 4 2 …
        let mirrored = (e[0] + e[1] + 2.0 * e[2] + 4.0 * e[3] + 4.0 * e[4])
            + (2.0 * e[1] + 4.0 * e[2] + 4.0 * e[3] + 2.0 * e[4]);
        assert!((first(Edge::Reflect) - mirrored / total).abs() < 1e-6);
    }

    #[test]
    fn value_by_value_is_the_same() {
        let x = reference("latent/x1.bin");
        for (num_ahead, future_weight) in [(20, 1.0), (20, 0.2), (0, 0.0)] {
            let whole = gaussian(&x, 1.0, &settings(5.0, future_weight, Edge::Shorten));
            let mut smoother = GaussianSmoother::new(5.0, num_ahead);
            let y: Vec<f32> = x.iter().map(|&v| smoother.push(v, 5.0, future_weight)).collect();
            assert!(max_abs_diff(&y[num_ahead..], &whole[..200 - num_ahead]) < 1e-5);
        }
    }

    #[test]
    fn without_width_or_values_it_does_nothing() {
        assert_eq!(gaussian(&[0.3, 0.9], 60.0, &settings(0.0, 1.0, Edge::Hold)), [0.3, 0.9]);
        assert!(gaussian(&[], 60.0, &GaussianSettings::default()).is_empty());
        assert_eq!(gaussian(&[0.5], 60.0, &settings(100.0, 1.0, Edge::Reflect)), [0.5]);
    }
}
