//! Lower sample rates, for the lower octaves.

use std::f64::consts::PI;

use rayon::prelude::*;

/// A low-pass of linear phase: a sinc under a Kaiser window.
#[derive(Debug, Clone, Copy)]
pub struct LowPass {
    /// Half its length, in samples of the lower rate.
    half_len: f64,
    /// Shape of the Kaiser window.
    beta: f64,
    /// Where it has fallen by 6 dB, over half the lower rate.
    cutoff: f64,
}

impl LowPass {
    /// For whole signals. Its impulse response is that of soxr's quality HQ to 1e-7 (measured at
    /// 2:1): flat to 0.913 of half the lower rate, below −130 dB from there on.
    pub const SHARP: Self = Self { half_len: 97.248, beta: 13.039_6, cutoff: 0.956_872 };

    /// For streams that use the lowest quarter of the lower rate alone: flat there, and below
    /// −95 dB where aliases would fall into it, at the price of 13 samples.
    pub const SHORT: Self = Self { half_len: 6.75, beta: 9.5, cutoff: 1.0 };

    /// Its taps for a rate lowered by `factor`; their sum is 1. They stand symmetrically about the
    /// middle one.
    pub fn taps(&self, factor: usize) -> Vec<f32> {
        let half = (self.half_len * factor as f64) as i64;
        let tap = |n: i64| {
            let t = n as f64 / factor as f64;
            let x = PI * self.cutoff * t;
            let sinc = if n == 0 { 1.0 } else { x.sin() / x };
            sinc * bessel_i0(self.beta * (1.0 - (t / self.half_len).powi(2)).max(0.0).sqrt())
        };
        let taps: Vec<f64> = (-half..=half).map(tap).collect();
        let sum: f64 = taps.iter().sum();
        taps.into_iter().map(|tap| (tap / sum) as f32).collect()
    }
}

/// Modified Bessel function of the first kind, order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..200 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
    }
    sum
}

/// Every `factor`-th sample of `sound` behind a sharp low-pass, silence beyond both ends, times
/// √`factor`, so that the energy stays: `[len/factor]`, rounded up.
pub fn decimate(sound: &[f32], factor: usize) -> Vec<f32> {
    /// Samples that a thread makes at once.
    const PORTION: usize = 2048;
    let gain = (factor as f32).sqrt();
    let taps: Vec<f32> = LowPass::SHARP.taps(factor).into_iter().map(|t| t * gain).collect();
    let pad = taps.len() / 2;
    let mut padded = vec![0.0; sound.len() + 2 * pad];
    padded[pad..pad + sound.len()].copy_from_slice(sound);
    let mut out = vec![0.0; sound.len().div_ceil(factor)];
    out.par_chunks_mut(PORTION).enumerate().for_each(|(portion, out)| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = dot(&taps, &padded[(portion * PORTION + i) * factor..]);
        }
    });
    out
}

/// Σ a·b, as far as both go, in lanes that the processor adds at once.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let len = a.len().min(b.len());
    let (a, a_rest) = a[..len].as_chunks::<LANES>();
    let (b, b_rest) = b[..len].as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tone(cycles_per_sample: f64) -> Vec<f32> {
        (0..4000).map(|i| (TAU * cycles_per_sample * f64::from(i)).sin() as f32).collect()
    }

    #[test]
    fn keeps_what_the_lower_rate_can_hold_and_nothing_else() {
        for factor in [2, 4] {
            let gain = (factor as f32).sqrt();
            // 0.9 and 1.02 of half the lower rate.
            let (low, high) = (0.45 / factor as f64, 0.51 / factor as f64);
            let found = decimate(&tone(low), factor);
            assert_eq!(found.len(), 4000 / factor);
            for (i, y) in found.iter().enumerate().skip(110).take(4000 / factor - 220) {
                let expected = gain * (TAU * low * (i * factor) as f64).sin() as f32;
                assert!((y - expected).abs() < 1e-5, "{i}: {y} {expected}");
            }
            let aliases = &decimate(&tone(high), factor)[110..4000 / factor - 110];
            assert!(aliases.iter().all(|y| y.abs() < 1e-5));
        }
    }

    #[test]
    fn the_short_filter_blocks_what_would_fall_into_the_lowest_quarter() {
        let taps = LowPass::SHORT.taps(2);
        assert_eq!(taps.len(), 27);
        let response = |cycles: f64| -> f64 {
            let phase = |i: usize| TAU * cycles * (i as f64 - 13.0);
            taps.iter().enumerate().map(|(i, &t)| f64::from(t) * phase(i).cos()).sum()
        };
        for i in 0..=100 {
            let low = 0.125 * f64::from(i) / 100.0;
            assert!((response(low) - 1.0).abs() < 1e-4, "{low}");
            assert!(response(0.5 - low).abs() < 2e-5, "{}", 0.5 - low);
        }
    }

    #[test]
    fn dot_takes_all_lengths() {
        for len in [0, 1, 15, 16, 17, 50] {
            let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let expected: f32 = (0..len).map(|i| (i * i) as f32).sum();
            assert_eq!(dot(&a, &a), expected);
        }
    }
}
