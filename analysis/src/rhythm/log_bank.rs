//! Triangular filters that stand evenly on the scale of pitch.
//!
//! Böck, Krebs and Schedl, *Evaluating the online capabilities of onset detection methods* (2012),
//! with the numbers of madmom's `LogarithmicFilterbank`.

use std::ops::Range;

/// Pitch from which the bands are counted, in Hz.
const REFERENCE_HZ: f64 = 440.0;

/// One triangle: its weights, which sum to 1, from bin `first_bin` on.
#[derive(Debug, Clone)]
struct Band {
    first_bin: usize,
    weights: Vec<f32>,
    centre_hz: f32,
}

/// `[bands, bins]`, stored without the zeros.
#[derive(Debug, Clone, Default)]
pub struct LogBank {
    bands: Vec<Band>,
}

impl LogBank {
    /// `num_per_octave` triangles an octave between `min_hz` and `max_hz`, over bins that lie `bin_hz`
    /// apart. Corners are bins; where pitches lie closer than those, there are fewer bands.
    pub fn new(
        num_per_octave: usize,
        (min_hz, max_hz): (f64, f64),
        num_bins: usize,
        bin_hz: f64,
    ) -> Self {
        let per_octave = num_per_octave.max(1) as f64;
        let step = |hz: f64| (hz.max(1.0) / REFERENCE_HZ).log2() * per_octave;
        let (first, last) = (step(min_hz).floor() as i64, step(max_hz).ceil() as i64);
        let corners = (first..last).map(|i| REFERENCE_HZ * (i as f64 / per_octave).exp2());
        let last_bin = num_bins.saturating_sub(1);
        let mut bins: Vec<usize> = corners
            .filter(|hz| (min_hz..=max_hz).contains(hz))
            .map(|hz| nearest(hz / bin_hz).min(last_bin))
            .collect();
        bins.dedup();
        let bands = bins.array_windows().map(|corners| triangle(*corners, bin_hz)).collect();
        Self { bands }
    }

    /// Number of bands.
    pub fn num_bands(&self) -> usize {
        self.bands.len()
    }

    /// Frequencies at which the triangles peak, ascending.
    pub fn centres_hz(&self) -> impl Iterator<Item = f32> + '_ {
        self.bands.iter().map(|b| b.centre_hz)
    }

    /// The bins of each band, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.bands.iter().map(|b| b.first_bin..b.first_bin + b.weights.len())
    }

    /// The weighted sums of `bins`, `[bins]`, into `out`, `[bands]`.
    pub fn apply(&self, bins: &[f32], out: &mut [f32]) {
        for (band, out) in self.bands.iter().zip(out) {
            let bins = bins.get(band.first_bin..).unwrap_or_default();
            *out = band.weights.iter().zip(bins).map(|(w, x)| w * x).sum();
        }
    }
}

/// The nearest bin, the lower one of two as near; never the first, which is DC.
fn nearest(bin: f64) -> usize {
    ((bin - 0.5).ceil() as usize).max(1)
}

/// Rises from the first corner, where it is 0, to 1 at the second, and falls to 0 at the third.
fn triangle([left, centre, right]: [usize; 3], bin_hz: f64) -> Band {
    let weight = |bin: usize| {
        let (from, over) =
            if bin <= centre { (bin - left, centre - left) } else { (right - bin, right - centre) };
        from as f64 / over as f64
    };
    let sum: f64 = (left + 1..right).map(weight).sum();
    Band {
        first_bin: left + 1,
        weights: (left + 1..right).map(|bin| (weight(bin) / sum) as f32).collect(),
        centre_hz: (centre as f64 * bin_hz) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_quarter_tones_where_bins_are_close_enough() {
        let bank = LogBank::new(24, (27.5, 16_000.0), 1024, 44_100.0 / 2048.0);
        let mut sums = vec![0.0; bank.num_bands()];
        bank.apply(&[1.0; 1024], &mut sums);
        assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-5));
        let centres: Vec<f32> = bank.centres_hz().collect();
        assert!(centres.is_sorted_by(|a, b| a < b));
        // The number of bands that Böck and Widmer (2013) give for these settings.
        assert_eq!(bank.num_bands(), 138);
        let high: Vec<f32> = centres.into_iter().filter(|hz| *hz > 4_000.0).collect();
        for pair in high.windows(2) {
            let octaves = (pair[1] / pair[0]).log2();
            assert!((octaves - 1.0 / 24.0).abs() < 0.01, "{pair:?}");
        }
        for range in bank.ranges() {
            assert!(!range.is_empty() && range.end <= 1024);
        }
    }

    #[test]
    fn narrow_or_empty_ranges_have_no_bands() {
        for range in [(100.0, 90.0), (100.0, 101.0), (0.0, 0.0), (9e9, 1e10)] {
            assert_eq!(LogBank::new(24, range, 1025, 10.0).num_bands(), 0);
        }
        assert_eq!(LogBank::new(24, (30.0, 17_000.0), 0, 10.0).num_bands(), 0);
    }
}
