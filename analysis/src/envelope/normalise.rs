//! Stretching to 0..1.

use super::recent::percentile;

/// (x − low)/(high − low) within 0..1; 0 where the range is not above 0 or less than `floor`.
pub fn stretch(x: f32, low: f32, high: f32, floor: f32) -> f32 {
    let range = high - low;
    if range > 0.0 && range >= floor { ((x - low) / range).clamp(0.0, 1.0) } else { 0.0 }
}

/// The finite ones of `values`, smallest first.
pub fn sorted(values: impl IntoIterator<Item = f32>) -> Vec<f32> {
    let mut sorted: Vec<f32> = values.into_iter().filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted
}

/// Stretches a whole signal between two of its percentiles, 0..100: with 0 and 100 (x − min)/(max −
/// min).
pub fn normalise(values: &[f32], low_percent: f32, high_percent: f32) -> Vec<f32> {
    let sorted = sorted(values.iter().copied());
    let (low, high) = (percentile(&sorted, low_percent), percentile(&sorted, high_percent));
    values.iter().map(|&x| stretch(x, low, high, 0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{max_abs_diff, reference};

    #[test]
    fn equals_maua() {
        let y = normalise(&reference("latent/x1.bin"), 0.0, 100.0);
        assert!(max_abs_diff(&y, &reference("maua/normalize_x1.bin")) < 1e-6);
    }

    #[test]
    fn flat_signals_are_dark() {
        assert_eq!(normalise(&[0.3; 4], 0.0, 100.0), [0.0; 4]);
        assert_eq!(normalise(&[0.0, 1.0, 2.0, 3.0, 4.0], 25.0, 75.0), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(stretch(0.5, 0.0, 1e-5, 1e-4), 0.0);
    }
}
