//! How far peaks stand out from valleys, octave by octave.
//!
//! Jiang, Lu, Zhang, Tao and Cai, "Music type classification by spectral contrast feature" (2002);
//! the numbers are those of librosa's `feature.spectral_contrast`.

use std::ops::Range;

use super::decibels::{Decibels, RunningDecibels, power_to_db};
use super::layout::Layout;
use crate::Rows;

/// Which bands, and what counts as their peaks and valleys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContrastSettings {
    /// Upper edge of the lowest band, in Hz; those above are an octave wide each, the last goes on
    /// to half the sample rate.
    pub fmin_hz: f64,
    /// Number of octaves: one less than there are bands.
    pub num_octaves: usize,
    /// Share of a band's bins, 0..1, whose mean is its peak (the strongest) or valley (the
    /// faintest); at least one bin.
    pub quantile: f64,
}

impl Default for ContrastSettings {
    /// librosa's: 200 Hz, 6, 0.02.
    fn default() -> Self {
        Self { fmin_hz: 200.0, num_octaves: 6, quantile: 0.02 }
    }
}

impl ContrastSettings {
    /// Number of bands.
    pub fn num_bands(&self) -> usize {
        self.num_octaves + 1
    }
}

/// Peaks and valleys of rows of one layout.
#[derive(Debug, Clone, Default)]
pub struct ContrastBands {
    /// Bins of each band, and how many of them make its peak or valley.
    bands: Vec<(Range<usize>, usize)>,
}

impl ContrastBands {
    /// For magnitudes of this layout. Bands without a bin of their own are empty: those beyond half
    /// the sample rate, and those narrower than a bin.
    pub fn new(settings: &ContrastSettings, layout: Layout) -> Self {
        let (num_bins, bin_hz) = (layout.num_bins(), layout.bin_hz());
        let edge_hz = |i: usize| match i {
            0 => 0.0,
            i => settings.fmin_hz * 2.0_f64.powi(i as i32 - 1),
        };
        let band = |k: usize| {
            // Bins within both edges, the edges included.
            let first = ((edge_hz(k) / bin_hz).ceil() as usize).min(num_bins);
            let end = ((edge_hz(k + 1) / bin_hz).floor() as usize + 1).clamp(first, num_bins);
            if first == end {
                return (0..0, 0);
            }
            // As librosa: one bin more below, all the rest above the last, whose last bin alone is
            // not left to the next.
            let first = if k > 0 { first.saturating_sub(1) } else { first };
            let is_last = k == settings.num_octaves;
            let counted = if is_last { num_bins } else { end } - first;
            let num = (settings.quantile * counted as f64).round_ties_even().max(1.0) as usize;
            let bins = first..if is_last { num_bins } else { end - 1 };
            let num = num.min(bins.len());
            (bins, num)
        };
        Self { bands: (0..settings.num_bands()).map(band).collect() }
    }

    /// Peaks and valleys of `magnitudes`, `[bins]`, into rows of one value a band; 0 for an empty
    /// one. Sorts within `scratch`, `[bins]`, whose content does not count.
    pub fn apply(
        &self,
        magnitudes: &[f32],
        scratch: &mut [f32],
        peaks: &mut [f32],
        valleys: &mut [f32],
    ) {
        for (((bins, num), peak), valley) in self.bands.iter().zip(peaks).zip(valleys) {
            (*peak, *valley) = (0.0, 0.0);
            let Some(scratch) = scratch.get_mut(..bins.len()) else { continue };
            let Some(band) = magnitudes.get(bins.clone()) else { continue };
            scratch.copy_from_slice(band);
            scratch.sort_unstable_by(f32::total_cmp);
            if *num > 0 {
                *valley = mean(&scratch[..*num]);
                *peak = mean(&scratch[scratch.len() - num..]);
            }
        }
    }
}

fn mean(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    (sum / values.len() as f64) as f32
}

/// The contrast of a whole signal's magnitudes, `[frames, bins]`: `[frames, bands]`, lowest first,
/// in dB. librosa's `feature.spectral_contrast`: 10·log₁₀(peak) − 10·log₁₀(valley) of magnitudes,
/// peaks and valleys each at most 80 dB below their largest.
pub fn spectral_contrast(magnitudes: &Rows, layout: Layout, settings: &ContrastSettings) -> Rows {
    let bands = ContrastBands::new(settings, layout);
    let num_bands = settings.num_bands();
    // Peaks, then valleys, in one row.
    let both = magnitudes.map_rows(2 * num_bands, |row, out| {
        let (peaks, valleys) = out.split_at_mut(num_bands);
        bands.apply(row, &mut vec![0.0; row.len()], peaks, valleys);
    });
    let half = |part: usize| {
        let rows = both.map_rows(num_bands, |row, out| {
            out.copy_from_slice(&row[part * num_bands..(part + 1) * num_bands]);
        });
        power_to_db(&rows, &Decibels::default())
    };
    let (mut peaks, valleys) = (half(0), half(1));
    for (peaks, valleys) in peaks.iter_mut().zip(valleys.iter()) {
        peaks.iter_mut().zip(valleys).for_each(|(p, v)| *p -= v);
    }
    peaks
}

/// The contrast row by row: as [`spectral_contrast`], but the largest is the largest so far.
#[derive(Debug, Clone)]
pub struct CausalContrast {
    bands: ContrastBands,
    peaks_db: RunningDecibels,
    valleys_db: RunningDecibels,
    valleys: Vec<f32>,
    scratch: Vec<f32>,
}

impl CausalContrast {
    /// For magnitudes of this layout.
    pub fn new(settings: &ContrastSettings, layout: Layout) -> Self {
        Self {
            bands: ContrastBands::new(settings, layout),
            peaks_db: RunningDecibels::new(Decibels::default()),
            valleys_db: RunningDecibels::new(Decibels::default()),
            valleys: vec![0.0; settings.num_bands()],
            scratch: vec![0.0; layout.num_bins()],
        }
    }

    /// The contrast of the next row of magnitudes, `[bins]`, into `out`, `[bands]`, in dB.
    pub fn push(&mut self, magnitudes: &[f32], out: &mut [f32]) {
        self.bands.apply(magnitudes, &mut self.scratch, out, &mut self.valleys);
        self.peaks_db.apply(out);
        self.valleys_db.apply(&mut self.valleys);
        out.iter_mut().zip(&self.valleys).for_each(|(p, v)| *p -= v);
    }

    /// Forgets what was loud.
    pub fn reset(&mut self) {
        self.peaks_db.reset();
        self.valleys_db.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::bins;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, columns, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let (stft_settings, settings) = (StftSettings::default(), ContrastSettings::default());
        let layout = stft_settings.layout(22_050);
        let rows = stft(&a10(), &stft_settings).map(bins::magnitude);
        let found = spectral_contrast(&rows, layout, &settings);
        let expected = columns(&reference("librosa/spectral_contrast.bin"), 431);
        assert_eq!(found.data().len(), expected.len());
        let error = max_abs_diff(found.data(), &expected);
        assert!(error < 1e-3, "{error} dB");

        let mut causal = CausalContrast::new(&settings, layout);
        let mut row = [0.0; 7];
        for (k, magnitudes) in rows.iter().enumerate() {
            causal.push(magnitudes, &mut row);
            // Nothing in this clip lies 80 dB below its largest: both forms agree.
            assert!(max_abs_diff(&row, found.row(k)) < 1e-4, "{k}");
        }
    }

    /// A line of 1 over a floor of 0.1 stands out by 10 dB in its own octave alone.
    #[test]
    fn a_line_stands_out_in_its_octave() {
        let layout = Layout { n_fft: 2048, hop_len: 512, sample_rate_hz: 22_050 };
        let mut row = vec![0.1; 1025];
        row[(1000.0 / layout.bin_hz()) as usize] = 1.0;
        let magnitudes = Rows::from_vec(1025, row);
        let settings = ContrastSettings { quantile: 1e-3, ..ContrastSettings::default() };
        let found = spectral_contrast(&magnitudes, layout, &settings);
        assert!(max_abs_diff(found.row(0), &[0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0]) < 1e-4);
    }

    #[test]
    fn octaves_beyond_the_rate_are_empty() {
        let layout = Layout { n_fft: 64, hop_len: 16, sample_rate_hz: 2_000 };
        let mut causal = CausalContrast::new(&ContrastSettings::default(), layout);
        let mut row = [1.0; 7];
        causal.push(&[0.5; 33], &mut row);
        assert_eq!(row, [0.0; 7]);
    }
}
