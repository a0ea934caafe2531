//! The peak between the samples (ITU-R BS.1770-4, annex 2).

use std::f64::consts::PI;
use std::sync::Arc;

/// Samples on each side of a point between two that tell its value.
const REACH: usize = 12;
const NUM_TAPS: usize = 2 * REACH;

/// The largest magnitude of one channel, at the samples and at points between them: three below
/// 96 kHz, one below 192 kHz, none above. Points are 12 samples late.
#[derive(Debug, Clone)]
pub struct TruePeak {
    /// Weights of the last samples, oldest first, for each point.
    points: Arc<[[f32; NUM_TAPS]]>,
    /// The last samples twice over, so that they lie in a row from every place on.
    ring: [f32; 2 * NUM_TAPS],
    next: usize,
}

impl TruePeak {
    /// For sound at this sample rate.
    pub fn new(sample_rate_hz: u32) -> Self {
        let factor = match sample_rate_hz {
            0..96_000 => 4,
            96_000..192_000 => 2,
            _ => 1,
        };
        let point = |p: usize| std::array::from_fn(|i| weight(i, p as f64 / f64::from(factor)));
        let points = (1..factor as usize).map(point).collect();
        Self { points, ring: [0.0; 2 * NUM_TAPS], next: 0 }
    }

    /// Takes a sample, and gives the largest magnitude of it and of the points that it completes.
    pub fn push(&mut self, x: f32) -> f32 {
        self.ring[self.next] = x;
        self.ring[self.next + NUM_TAPS] = x;
        self.next = (self.next + 1) % NUM_TAPS;
        let last = &self.ring[self.next..self.next + NUM_TAPS];
        let at = |w: &[f32; NUM_TAPS]| w.iter().zip(last).map(|(w, x)| w * x).sum::<f32>().abs();
        self.points.iter().map(at).fold(x.abs(), f32::max)
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.ring.fill(0.0);
    }
}

/// Weight of tap `i` for the point `offset` (0..1) after the last sample of the older half: the
/// sampling theorem's sinc under a window cos².
fn weight(i: usize, offset: f64) -> f32 {
    let x = i as f64 - (REACH - 1) as f64 - offset;
    let sinc = if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    let window = (PI * x / (2 * REACH) as f64).cos().powi(2);
    (sinc * window) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EBU Tech 3341, cases 15 to 19: sines whose samples miss the peak. Within +0.2 and −0.4 dB.
    #[test]
    fn finds_peaks_between_samples() {
        for rate_hz in [44_100, 48_000] {
            for (divisor, degrees, amplitude) in [
                (4.0, 0.0_f64, 0.5),
                (4.0, 45.0, 0.5),
                (6.0, 60.0, 0.5),
                (8.0, 67.5, 0.5),
                (4.0, 45.0, 1.41),
            ] {
                let mut meter = TruePeak::new(rate_hz);
                let wave = |i: i32| {
                    let phase = 2.0 * PI * f64::from(i) / divisor + degrees.to_radians();
                    // Faded in: a sudden start has higher peaks.
                    (amplitude * phase.sin() * (f64::from(i) / 1000.0).min(1.0)) as f32
                };
                let peak = (0..4000).map(|i| meter.push(wave(i))).fold(0.0, f32::max);
                let db = 20.0 * (f64::from(peak) / amplitude).log10();
                assert!((-0.4..0.2).contains(&db), "fs/{divisor} at {degrees}°: {db} dB");
            }
        }
    }

    #[test]
    fn never_lies_below_the_samples_and_falls_silent() {
        let mut meter = TruePeak::new(192_000);
        assert_eq!(meter.push(-0.5), 0.5);
        let mut meter = TruePeak::new(48_000);
        assert_eq!(meter.push(1.0), 1.0);
        meter.reset();
        assert_eq!(meter.push(0.0), 0.0);
    }
}
