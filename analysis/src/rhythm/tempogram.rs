//! How periodic a rhythm is, and at which periods.

use std::sync::Arc;

use num_complex::Complex64;
use rayon::prelude::*;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::Rows;
use crate::signal::window::Window;

/// Autocorrelation of a windowed stretch of onset strength, over its value at lag 0.
#[derive(Clone)]
pub struct Autocorrelation {
    window: Arc<[f64]>,
    forward: Arc<dyn RealToComplex<f64>>,
    back: Arc<dyn ComplexToReal<f64>>,
    padded: Vec<f64>,
    spectrum: Vec<Complex64>,
    forward_scratch: Vec<Complex64>,
    back_scratch: Vec<Complex64>,
}

impl Autocorrelation {
    /// For stretches of `win_len` frames, under a periodic Hann window.
    pub fn new(win_len: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        // Twice as long, so that no end meets the other.
        let forward = planner.plan_fft_forward(2 * win_len.max(1));
        let back = planner.plan_fft_inverse(2 * win_len.max(1));
        Self {
            window: Window::Hann.periodic(win_len).into(),
            padded: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            forward_scratch: forward.make_scratch_vec(),
            back_scratch: back.make_scratch_vec(),
            forward,
            back,
        }
    }

    /// The autocorrelation of `stretch` at lags 0, 1, …, `[win_len]`; zeros of silence.
    pub fn run(&mut self, stretch: impl Iterator<Item = f64>) -> &[f64] {
        self.padded.fill(0.0);
        for ((out, x), w) in self.padded.iter_mut().zip(stretch).zip(&*self.window) {
            *out = x * w;
        }
        let scratch = &mut self.forward_scratch;
        let done = self.forward.process_with_scratch(&mut self.padded, &mut self.spectrum, scratch);
        debug_assert!(done.is_ok(), "all lengths are those of the plan");
        self.spectrum.iter_mut().for_each(|x| *x = x.norm_sqr().into());
        let scratch = &mut self.back_scratch;
        let done = self.back.process_with_scratch(&mut self.spectrum, &mut self.padded, scratch);
        debug_assert!(done.is_ok(), "all lengths are those of the plan");
        let lags = self.padded.get_mut(..self.window.len()).unwrap_or_default();
        let largest = lags.iter().fold(0.0_f64, |peak, v| peak.max(v.abs()));
        if largest >= f64::MIN_POSITIVE {
            lags.iter_mut().for_each(|v| *v /= largest);
        }
        lags
    }
}

/// Autocorrelation of the onset strength about each frame, each over its largest value, `[frames,
/// win_len]`: bin l is a period of l frames. librosa's `feature.tempogram` (384 frames there).
pub fn tempogram(strength: &[f32], win_len: usize) -> Rows {
    let padded = padded(strength, win_len);
    let mut data = vec![0.0; strength.len() * win_len];
    let kernel = Autocorrelation::new(win_len);
    data.par_chunks_exact_mut(win_len.max(1)).enumerate().for_each_init(
        || kernel.clone(),
        |kernel, (frame, row)| {
            let lags = kernel.run(padded[frame..].iter().copied());
            row.iter_mut().zip(lags).for_each(|(out, &lag)| *out = lag as f32);
        },
    );
    Rows::from_vec(win_len, data)
}

/// The mean of [`tempogram`] over all frames, `[win_len]`, without holding it.
pub fn mean_tempogram(strength: &[f32], win_len: usize) -> Vec<f64> {
    let padded = padded(strength, win_len);
    let kernel = Autocorrelation::new(win_len);
    // Parts of fixed length: the order of the sums must not depend on the number of threads.
    let frames: Vec<usize> = (0..strength.len()).collect();
    let parts: Vec<Vec<f64>> = frames
        .par_chunks(1024)
        .map_init(
            || kernel.clone(),
            |kernel, part| {
                let mut sum = vec![0.0; win_len];
                for &frame in part {
                    let lags = kernel.run(padded[frame..].iter().copied());
                    sum.iter_mut().zip(lags).for_each(|(sum, lag)| *sum += lag);
                }
                sum
            },
        )
        .collect();
    let scale = 1.0 / strength.len().max(1) as f64;
    (0..win_len).map(|lag| parts.iter().map(|part| part[lag]).sum::<f64>() * scale).collect()
}

/// `strength` with half a window before and after it in which it rises from 0 and falls to 0.
fn padded(strength: &[f32], win_len: usize) -> Vec<f64> {
    let half = win_len / 2;
    let (Some(&first), Some(&last)) = (strength.first(), strength.last()) else {
        return Vec::new();
    };
    let ramp = |edge: f32, i: usize| f64::from(edge) * i as f64 / half as f64;
    let before = (0..half).map(|i| ramp(first, i));
    let after = (0..half).rev().map(|i| ramp(last, i));
    before.chain(strength.iter().map(|&x| f64::from(x))).chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{max_abs_diff, reference};

    #[test]
    fn mean_matches_the_reference() {
        let strength = reference("librosa/onset_strength_median.bin");
        let expected = reference("librosa/tempogram_mean.bin");
        let mean: Vec<f32> = mean_tempogram(&strength, 384).iter().map(|&v| v as f32).collect();
        assert!(max_abs_diff(&mean, &expected) < 1e-6);
        let rows = tempogram(&strength, 384);
        assert_eq!((rows.num_frames(), rows.num_bins()), (431, 384));
        let mean_at = |lag: usize| rows.iter().map(|row| row[lag]).sum::<f32>() / 431.0;
        assert!((0..384).all(|lag| (mean_at(lag) - expected[lag]).abs() < 1e-5));
    }

    #[test]
    fn peaks_at_the_period() {
        let strength: Vec<f32> = (0..600).map(|i| f32::from(u8::from(i % 20 == 0))).collect();
        for row in tempogram(&strength, 100).iter().skip(50).take(500) {
            assert!((row[0] - 1.0).abs() < 1e-6 && row[20] > 0.7 && row[40] > 0.3);
            assert!((1..20).chain(21..40).all(|lag| row[lag].abs() < 1e-6));
        }
        assert!(tempogram(&[0.0; 10], 8).data().iter().all(|&v| v == 0.0));
        assert_eq!(tempogram(&[], 8).num_frames(), 0);
        assert_eq!(mean_tempogram(&[], 3), [0.0; 3]);
    }
}
