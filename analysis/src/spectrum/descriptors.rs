//! The shape of a spectrum in one number a row: where its middle, its width and its upper edge lie,
//! and how flat it is.
//!
//! Rows are magnitudes |X|, `[bins]`, of bins that lie `bin_hz` apart from 0 Hz on. The numbers are
//! those of librosa's features of the same names.

use crate::Rows;

/// librosa's exponent of the bandwidth.
pub const BANDWIDTH_P: f64 = 2.0;
/// librosa's share of the magnitudes below the roll-off.
pub const ROLLOFF_SHARE: f64 = 0.85;
/// librosa's least power of a bin where flatness is told.
pub const FLATNESS_AMIN: f64 = 1e-10;

/// Σ f·|X| / Σ |X| in Hz; 0 in silence.
pub fn centroid_hz(magnitudes: &[f32], bin_hz: f64) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (bin, &x) in magnitudes.iter().enumerate() {
        sum += bin as f64 * f64::from(x);
        weight += f64::from(x);
    }
    if weight > 0.0 { sum / weight * bin_hz } else { 0.0 }
}

/// (Σ |X|·|f − centroid|ᵖ / Σ |X|)^(1/p) in Hz; 0 in silence. With p 2 the standard deviation of
/// the frequencies. `p` is above 0.
pub fn bandwidth_hz(magnitudes: &[f32], bin_hz: f64, p: f64) -> f64 {
    let centroid_hz = centroid_hz(magnitudes, bin_hz);
    let (mut sum, mut weight) = (0.0, 0.0);
    for (bin, &x) in magnitudes.iter().enumerate() {
        let distance_hz = (bin as f64 * bin_hz - centroid_hz).abs();
        let raised = if p == 2.0 { distance_hz * distance_hz } else { distance_hz.powf(p) };
        sum += f64::from(x) * raised;
        weight += f64::from(x);
    }
    if weight > 0.0 { (sum / weight).powf(p.recip()) } else { 0.0 }
}

/// Frequency of the lowest bin up to which Σ |X| reaches `share` (0..1) of the whole, in Hz; 0 in
/// silence.
pub fn rolloff_hz(magnitudes: &[f32], bin_hz: f64, share: f64) -> f64 {
    let whole: f64 = magnitudes.iter().map(|&x| f64::from(x)).sum();
    let mut sum = 0.0;
    let reaches = |&x: &f32| {
        sum += f64::from(x);
        sum >= share * whole
    };
    magnitudes.iter().position(reaches).map_or(0.0, |bin| bin as f64 * bin_hz)
}

/// Geometric over arithmetic mean of the powers |X|², each [`FLATNESS_AMIN`] at the least: from 0
/// for a tone to 1 for what is equally strong everywhere, white noise (some 0.56 in a single row)
/// or silence.
pub fn flatness(magnitudes: &[f32]) -> f64 {
    let (mut logs, mut sum) = (0.0, 0.0);
    for &x in magnitudes {
        let power = (f64::from(x) * f64::from(x)).max(FLATNESS_AMIN);
        logs += power.ln();
        sum += power;
    }
    let num = magnitudes.len().max(1) as f64;
    if sum > 0.0 { (logs / num).exp() / (sum / num) } else { 0.0 }
}

/// librosa's `feature.spectral_centroid`, `[frames]`, of magnitudes, `[frames, bins]`.
pub fn spectral_centroid(magnitudes: &Rows, bin_hz: f64) -> Vec<f32> {
    each(magnitudes, |row| centroid_hz(row, bin_hz))
}

/// librosa's `feature.spectral_bandwidth`, `[frames]`, of magnitudes, `[frames, bins]`.
pub fn spectral_bandwidth(magnitudes: &Rows, bin_hz: f64, p: f64) -> Vec<f32> {
    each(magnitudes, |row| bandwidth_hz(row, bin_hz, p))
}

/// librosa's `feature.spectral_rolloff`, `[frames]`, of magnitudes, `[frames, bins]`.
pub fn spectral_rolloff(magnitudes: &Rows, bin_hz: f64, share: f64) -> Vec<f32> {
    each(magnitudes, |row| rolloff_hz(row, bin_hz, share))
}

/// librosa's `feature.spectral_flatness`, `[frames]`, of magnitudes, `[frames, bins]`.
pub fn spectral_flatness(magnitudes: &Rows) -> Vec<f32> {
    each(magnitudes, flatness)
}

fn each(magnitudes: &Rows, describe: impl Fn(&[f32]) -> f64 + Sync) -> Vec<f32> {
    magnitudes.map_rows(1, |row, out| out.fill(describe(row) as f32)).into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::bins;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, max_abs_diff, reference};

    const BIN_HZ: f64 = 22_050.0 / 2048.0;

    #[test]
    fn match_the_reference() {
        let rows = stft(&a10(), &StftSettings::default()).map(bins::magnitude);
        for (name, found, tolerance) in [
            ("spectral_centroid", spectral_centroid(&rows, BIN_HZ), 0.1),
            ("spectral_bandwidth", spectral_bandwidth(&rows, BIN_HZ, BANDWIDTH_P), 0.1),
            ("spectral_rolloff", spectral_rolloff(&rows, BIN_HZ, ROLLOFF_SHARE), 0.1),
            ("spectral_flatness", spectral_flatness(&rows), 1e-6),
        ] {
            let expected = reference(&format!("librosa/{name}.bin"));
            assert_eq!(found.len(), expected.len());
            let error = max_abs_diff(&found, &expected);
            assert!(error < tolerance, "{name}: {error}");
        }
    }

    /// Two equal lines at bins 10 and 30.
    #[test]
    fn two_lines() {
        let mut row = [0.0; 65];
        (row[10], row[30]) = (2.0, 2.0);
        assert_eq!(centroid_hz(&row, 5.0), 100.0);
        assert_eq!(bandwidth_hz(&row, 5.0, 2.0), 50.0);
        assert!((bandwidth_hz(&row, 5.0, 3.0) - 50.0).abs() < 1e-9);
        assert_eq!((rolloff_hz(&row, 5.0, 0.5), rolloff_hz(&row, 5.0, 0.51)), (50.0, 150.0));
        assert!(flatness(&row) < 1e-6);
    }

    #[test]
    fn silence_and_nothing() {
        for row in [&[0.0; 65][..], &[]] {
            assert_eq!(centroid_hz(row, 5.0), 0.0);
            assert_eq!(bandwidth_hz(row, 5.0, 2.0), 0.0);
            assert_eq!(rolloff_hz(row, 5.0, 0.85), 0.0);
        }
        assert!((flatness(&[0.0; 65]) - 1.0).abs() < 1e-12);
        assert_eq!(flatness(&[]), 0.0);
    }
}
