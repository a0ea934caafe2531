//! How strongly something begins, over a whole signal.

use std::ops::Range;

use num_complex::Complex32;

use crate::Rows;
use crate::spectrum::bins;
use crate::spectrum::decibels::{Decibels, power_to_db};
use crate::spectrum::layout::Layout;
use crate::spectrum::mel_bank::{MelBank, MelScale};
use crate::spectrum::stft::{StftSettings, stft};

/// How the bands of a row become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Their mean.
    Mean,
    /// Their median: a rise counts once half of the bands share it.
    Median,
}

impl Aggregate {
    /// The mean or median of `values`, which the median puts into another order; 0 of none.
    pub fn of(self, values: &mut [f32]) -> f32 {
        let (len, half) = (values.len(), values.len() / 2);
        if len == 0 {
            return 0.0;
        }
        match self {
            Self::Mean => values.iter().sum::<f32>() / len as f32,
            Self::Median => {
                let (below, &mut upper, _) = values.select_nth_unstable_by(half, f32::total_cmp);
                let lower = below.iter().copied().fold(f32::MIN, f32::max);
                if len % 2 == 1 { upper } else { 0.5 * (lower + upper) }
            }
        }
    }
}

/// How the strength of onsets is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnsetSettings {
    /// How sound is cut into frames.
    pub stft: StftSettings,
    /// Mel bands (Slaney's) and their range in Hz; without an upper end, up to half the rate.
    pub num_mels: usize,
    /// Where the lowest band starts, in Hz.
    pub min_hz: f64,
    /// Where the highest band ends, in Hz; `None`: at half the rate.
    pub max_hz: Option<f64>,
    /// Frames between the two that are compared; 0 counts as 1.
    pub lag: usize,
    /// Bands of the earlier frame whose largest a band must exceed: 1, or 3 and more against vibrato.
    pub max_size: usize,
    /// Whether slow changes of the strength are taken out.
    pub detrend: bool,
    /// How the bands become one number.
    pub aggregate: Aggregate,
}

impl Default for OnsetSettings {
    /// librosa's.
    fn default() -> Self {
        Self {
            stft: StftSettings::default(),
            num_mels: 128,
            min_hz: 0.0,
            max_hz: None,
            lag: 1,
            max_size: 1,
            detrend: false,
            aggregate: Aggregate::Mean,
        }
    }
}

impl OnsetSettings {
    /// The bands for spectra of this layout.
    pub fn bank(&self, layout: Layout) -> MelBank {
        let max_hz = self.max_hz.unwrap_or(f64::from(layout.sample_rate_hz) / 2.0);
        let range_hz = (self.min_hz, max_hz);
        MelBank::new(MelScale::Slaney, self.num_mels, range_hz, layout.num_bins(), layout.bin_hz())
    }

    /// Frames by which the strength is shifted right: the lag, and half a window where frames are
    /// centred, so that a strength never stands before the sound that caused it.
    pub fn shift(&self) -> usize {
        let StftSettings { n_fft, hop_len, center, .. } = self.stft;
        self.lag.max(1) + if center { n_fft / (2 * hop_len.max(1)) } else { 0 }
    }
}

/// Strength of onsets of each frame of a signal, `[frames]`, in dB: librosa's
/// `onset.onset_strength`, the mean (or median) over mel bands of max(0, dB − dB `lag` frames
/// before), shifted right by [`OnsetSettings::shift`].
pub fn onset_strength(sound: &[f32], sample_rate_hz: u32, settings: &OnsetSettings) -> Vec<f32> {
    let spectrum = stft(sound, &settings.stft);
    onset_strength_of_bands(&mel_db(&spectrum, sample_rate_hz, settings), settings)
}

/// As [`onset_strength`], of bands in dB, `[frames, bands]`.
pub fn onset_strength_of_bands(bands_db: &Rows, settings: &OnsetSettings) -> Vec<f32> {
    let all = 0..bands_db.num_bins();
    onset_strength_multi(bands_db, std::slice::from_ref(&all), settings).into_vec()
}

/// Strength of onsets within ranges of bands, `[frames, ranges]`, of bands in dB, `[frames, bands]`:
/// librosa's `onset.onset_strength_multi`. A range beyond the bands has strength 0.
pub fn onset_strength_multi(
    bands_db: &Rows,
    ranges: &[Range<usize>],
    settings: &OnsetSettings,
) -> Rows {
    let (lag, shift) = (settings.lag.max(1), settings.shift());
    let mut out = Rows::new(bands_db.num_frames(), ranges.len());
    let mut rise = vec![0.0; bands_db.num_bins()];
    for frame in shift..bands_db.num_frames() {
        let newer = frame - shift + lag;
        rises(bands_db.row(newer), bands_db.row(newer - lag), settings.max_size, &mut rise);
        for (out, range) in out.row_mut(frame).iter_mut().zip(ranges) {
            let range = range.start..range.end.min(rise.len());
            *out = settings.aggregate.of(rise.get_mut(range).unwrap_or_default());
        }
    }
    if settings.detrend {
        detrend(&mut out);
    }
    out
}

/// Mel bands in dB of a spectrum, `[frames, num_mels]`, none more than 80 dB below the loudest of
/// all: librosa's `power_to_db(melspectrogram(y))`.
pub fn mel_db(spectrum: &Rows<Complex32>, sample_rate_hz: u32, settings: &OnsetSettings) -> Rows {
    let bank = settings.bank(settings.stft.layout(sample_rate_hz));
    let powers = spectrum.map(bins::power);
    let bands = powers.map_rows(settings.num_mels, |row, bands| bank.apply(row, bands));
    power_to_db(&bands, &Decibels::default())
}

/// max(0, `now` − the largest of `before` within `max_size` bands about the same) of each band.
pub fn rises(now: &[f32], before: &[f32], max_size: usize, out: &mut [f32]) {
    let left = max_size.max(1) / 2;
    let right = max_size.max(1) - left;
    for (i, (out, now)) in out.iter_mut().zip(now).enumerate() {
        let near = &before[i.saturating_sub(left)..before.len().min(i + right)];
        let before = near.iter().copied().fold(f32::MIN, f32::max);
        *out = (now - before).max(0.0);
    }
}

/// The bands whose centres lie within `low_hz` to `high_hz`: at least the first above its lower end,
/// or the last of all.
pub fn band_range(centres_hz: &[f32], low_hz: f32, high_hz: f32) -> Range<usize> {
    let start = centres_hz.partition_point(|&c| c < low_hz).min(centres_hz.len().saturating_sub(1));
    let end = centres_hz.partition_point(|&c| c <= high_hz).max(start + 1).min(centres_hz.len());
    start..end
}

/// y\[n\] = x\[n\] − x\[n−1\] + 0.99·y\[n−1\] along each column.
fn detrend(rows: &mut Rows) {
    let mut state = vec![(0.0, 0.0); rows.num_bins()];
    for row in rows.iter_mut() {
        for (v, (x, y)) in row.iter_mut().zip(&mut state) {
            (*x, *y) = (f64::from(*v), f64::from(*v) - *x + 0.99 * *y);
            *v = *y as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        for (aggregate, name) in
            [(Aggregate::Mean, "onset_strength"), (Aggregate::Median, "onset_strength_median")]
        {
            let settings = OnsetSettings { aggregate, ..OnsetSettings::default() };
            let found = onset_strength(&a10(), 22_050, &settings);
            assert_eq!(found.len(), 431);
            let error = max_abs_diff(&found, &reference(&format!("librosa/{name}.bin")));
            assert!(error < 1e-4, "{name}: {error}");
        }
    }

    /// Lag 2, a maximum over 3 bands, detrended, and the mean of two ranges, by hand.
    #[test]
    fn compares_with_the_largest_neighbour_of_the_row_before() {
        let rows: Vec<[f32; 4]> = (0..8)
            .map(|t| std::array::from_fn(|b| ((t * t * 5 + b * 7 + t * b) % 11) as f32))
            .collect();
        let bands = Rows::from_vec(4, rows.concat());
        let settings = OnsetSettings {
            stft: StftSettings { n_fft: 4, hop_len: 2, ..StftSettings::default() },
            lag: 2,
            max_size: 3,
            ..OnsetSettings::default()
        };
        let ranges = [0..2, 1..9, 5..6];
        let found = onset_strength_multi(&bands, &ranges, &settings);
        let rise = |t: usize, b: usize| {
            let near = (b.max(1) - 1)..(b + 2).min(4);
            (rows[t][b] - near.map(|i| rows[t - 2][i]).fold(0.0, f32::max)).max(0.0)
        };
        let mut expected = vec![[0.0; 3]; 3];
        expected.extend((2..7).map(|t| {
            let low = (rise(t, 0) + rise(t, 1)) / 2.0;
            [low, (rise(t, 1) + rise(t, 2) + rise(t, 3)) / 3.0, 0.0]
        }));
        assert!(max_abs_diff(found.data(), &expected.concat()) < 1e-6);
        assert!(expected.iter().flatten().sum::<f32>() > 1.0);

        let detrended =
            onset_strength_multi(&bands, &ranges, &OnsetSettings { detrend: true, ..settings });
        // The inverse filter gives back what went in.
        for c in 0..3 {
            let y = |t: usize| detrended.row(t)[c];
            let mut x = 0.0;
            for (t, expected) in expected.iter().enumerate() {
                x += y(t) - if t > 0 { 0.99 * y(t - 1) } else { 0.0 };
                assert!((x - expected[c]).abs() < 1e-4, "{t} {c}: {x}");
            }
        }
    }

    #[test]
    fn takes_signals_of_any_length() {
        for len in [0, 1, 600, 1024, 3000] {
            let sound = vec![0.5; len];
            let found = onset_strength(&sound, 22_050, &OnsetSettings::default());
            assert_eq!(found.len(), StftSettings::default().num_frames(len));
            assert!(found.iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn ranges_lie_within_the_bands() {
        let centres = [50.0, 100.0, 200.0, 400.0];
        for (low, high, range) in
            [(0.0, 150.0, 0..2), (150.0, 1e5, 2..4), (110.0, 120.0, 2..3), (1e4, 1e5, 3..4)]
        {
            assert_eq!(band_range(&centres, low, high), range);
        }
        assert_eq!(band_range(&[], 0.0, 1.0), 0..0);
    }
}
