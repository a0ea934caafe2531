//! Constant-Q and variable-Q transform: bins at equal distances in pitch.

pub mod decimate;
pub mod stream;
pub mod wavelet;

use num_complex::{Complex32, Complex64};
use rayon::prelude::*;
use realfft::RealFftPlanner;

use super::stft::{FrameTransform, StftSettings};
use crate::Rows;
use crate::signal::sane;
use crate::signal::window::Window;
use decimate::decimate;
use wavelet::Bin;

/// C1 where A4 is 440 Hz.
pub const C1_HZ: f64 = 32.703_195_662_574_83;

/// Which bins, and how their windows are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CqtSettings {
    /// Samples between frames.
    pub hop_len: usize,
    /// Frequency of the lowest bin before tuning, in Hz.
    pub min_hz: f64,
    /// Number of bins.
    pub num_bins: usize,
    /// Bins in an octave.
    pub bins_per_octave: usize,
    /// How far all bins lie above their places, in bins.
    pub tuning: f64,
    /// By how much all bands are widened beyond constant Q, in Hz: the larger, the shorter the
    /// windows of low bins. 0 is the constant-Q transform; without a number the bands are as wide
    /// as the ear's (ERB).
    pub gamma_hz: Option<f64>,
    /// Factor of all windows' lengths.
    pub filter_scale: f64,
}

impl Default for CqtSettings {
    /// librosa's `cqt`: seven octaves of semitones from C1, hop 512.
    fn default() -> Self {
        Self {
            hop_len: 512,
            min_hz: C1_HZ,
            num_bins: 84,
            bins_per_octave: 12,
            tuning: 0.0,
            gamma_hz: Some(0.0),
            filter_scale: 1.0,
        }
    }
}

impl CqtSettings {
    /// librosa's `vqt`: as `cqt`, with bands as wide as the ear's.
    pub fn vqt() -> Self {
        Self { gamma_hz: None, ..Self::default() }
    }

    /// `num_octaves` octaves of `bins_per_octave` bins from C1.
    pub fn octaves(num_octaves: usize, bins_per_octave: usize) -> Self {
        Self { num_bins: num_octaves * bins_per_octave, bins_per_octave, ..Self::default() }
    }

    /// The same, but no window longer than `secs`, by widening all bands equally.
    pub fn with_longest_window(self, secs: f64) -> Self {
        let alpha = wavelet::relative_bandwidth(self.bins_per_octave.max(1) as f64);
        let lowest_hz = self.min_hz * (self.tuning / self.bins_per_octave.max(1) as f64).exp2();
        let gamma_hz = self.filter_scale / secs.max(1e-3) - alpha * lowest_hz;
        Self { gamma_hz: Some(gamma_hz.max(0.0)), ..self }
    }
}

/// Share of a filter's magnitude that is dropped, in its faintest bins.
const SPARSITY: f64 = 0.01;

/// The transform of a whole signal, `[frames, bins]`, lowest bin first: librosa's `cqt` and `vqt`
/// with a Hann window, norm 1, scaling and zero padding. A steady tone of amplitude A in the middle
/// of a bin has magnitude A/2·√(window's length in samples).
///
/// Recursive: each octave is analysed at half the rate of the one above (Schörkhuber and Klapuri,
/// *Constant-Q transform toolbox for music processing*, 2010). Bins whose bands reach beyond half
/// the sample rate, where librosa refuses, are 0.
pub fn cqt(sound: &[f32], sample_rate_hz: u32, settings: &CqtSettings) -> Rows<Complex32> {
    let mut rate_hz = f64::from(sample_rate_hz);
    let bins = wavelet::bins(settings, rate_hz / 2.0);
    let mut sound: Vec<f32> = sound.iter().map(|&x| sane(x)).collect();
    let num_filters = settings.bins_per_octave.clamp(1, settings.num_bins.max(1));
    let num_octaves = bins.len().div_ceil(num_filters);
    let mut hop_len = settings.hop_len.max(1);
    let num_early = num_early_halvings(&bins, rate_hz, hop_len, num_octaves);
    if num_early > 0 {
        sound = decimate(&sound, 1 << num_early);
        rate_hz /= f64::from(1_u32 << num_early);
        hop_len >>= num_early;
    }

    let mut octaves = Vec::new();
    let mut end = bins.len();
    while end > 0 {
        let start = end.saturating_sub(num_filters);
        let filters = OctaveFilters::new(&bins[start..end], rate_hz);
        octaves.push((start, filters.respond(&sound, hop_len)));
        if start > 0 && hop_len.is_multiple_of(2) {
            sound = decimate(&sound, 2);
            rate_hz /= 2.0;
            hop_len /= 2;
        }
        end = start;
    }
    stack(&octaves, settings.num_bins)
}

/// The octaves, each with its first bin, side by side, as many frames as all have.
fn stack(octaves: &[(usize, Rows<Complex32>)], num_bins: usize) -> Rows<Complex32> {
    let num_frames = octaves.iter().map(|(_, rows)| rows.num_frames()).min().unwrap_or(0);
    let mut out = Rows::new(num_frames, num_bins);
    for (start, rows) in octaves {
        for (to, from) in out.iter_mut().zip(rows.iter()) {
            to[*start..start + from.len()].copy_from_slice(from);
        }
    }
    out
}

/// How often the rate may be halved before the first octave: where all bins lie low.
fn num_early_halvings(bins: &[Bin], rate_hz: f64, hop_len: usize, num_octaves: usize) -> u32 {
    let cutoff_hz = bins.iter().map(|b| b.cutoff_hz).fold(0.0, f64::max);
    if cutoff_hz <= 0.0 {
        return 0;
    }
    let by_bandwidth = (rate_hz / 2.0 / cutoff_hz).log2().ceil() - 2.0;
    let by_hop = f64::from(hop_len.trailing_zeros()) - num_octaves as f64 + 1.0;
    by_bandwidth.min(by_hop).max(0.0) as u32
}

/// The filters of an octave in the frequency domain.
struct OctaveFilters {
    n_fft: usize,
    filters: Vec<SparseFilter>,
}

/// A filter's bins from `first_bin` on; all others are 0.
struct SparseFilter {
    first_bin: usize,
    weights: Vec<Complex32>,
}

impl OctaveFilters {
    /// Filters for sound at `rate_hz` whose energy is that of the sound at its full rate.
    fn new(bins: &[Bin], rate_hz: f64) -> Self {
        let longest = bins.iter().map(|b| b.window_secs * rate_hz).fold(1.0, f64::max);
        let n_fft = (longest.ceil() as usize).next_power_of_two();
        let fft = RealFftPlanner::new().plan_fft_forward(n_fft);
        let transform = |wavelet: &[Complex64], part: fn(&Complex64) -> f64| {
            let (mut padded, mut spectrum) = (fft.make_input_vec(), fft.make_output_vec());
            let pad = n_fft.saturating_sub(wavelet.len()) / 2;
            for (to, from) in padded[pad..].iter_mut().zip(wavelet) {
                *to = part(from);
            }
            let done = fft.process(&mut padded, &mut spectrum);
            debug_assert!(done.is_ok(), "all lengths are those of the plan");
            spectrum
        };
        let filter = |bin: &Bin| {
            let wavelet = bin.wavelet(rate_hz);
            let (re, im) = (transform(&wavelet, |c| c.re), transform(&wavelet, |c| c.im));
            let len = bin.window_secs * rate_hz;
            // Per sample of the transform, times the root of the window's length.
            let gain = len.sqrt() / n_fft as f64;
            let whole = re.iter().zip(&im).map(|(re, im)| (re + Complex64::i() * im) * gain);
            SparseFilter::new(&whole.collect::<Vec<_>>())
        };
        Self { n_fft, filters: bins.iter().map(filter).collect() }
    }

    /// What each filter answers to each frame, `[frames, bins]`.
    fn respond(&self, sound: &[f32], hop_len: usize) -> Rows<Complex32> {
        let settings =
            StftSettings { n_fft: self.n_fft, hop_len, window: Window::Rect, center: true };
        let num_bins = self.filters.len();
        let pad = self.n_fft / 2;
        let at = |i: usize| i.checked_sub(pad).and_then(|i| sound.get(i)).map_or(0.0, |&x| x);
        let mut data = vec![Complex32::default(); settings.num_frames(sound.len()) * num_bins];
        let new_scratch = || {
            let spectrum = vec![Complex32::default(); self.n_fft / 2 + 1];
            (FrameTransform::new(self.n_fft, Window::Rect), spectrum)
        };
        data.par_chunks_exact_mut(num_bins.max(1)).enumerate().for_each_init(
            new_scratch,
            |(transform, spectrum), (frame, row)| {
                let start = frame * hop_len;
                transform.run((start..start + self.n_fft).map(at), spectrum);
                for (out, filter) in row.iter_mut().zip(&self.filters) {
                    *out = filter.apply(spectrum);
                }
            },
        );
        Rows::from_vec(num_bins, data)
    }
}

impl SparseFilter {
    /// `spectrum` without its faintest bins.
    fn new(spectrum: &[Complex64]) -> Self {
        let magnitudes: Vec<f64> = spectrum.iter().map(|c| c.norm()).collect();
        let least = quantile_by_sum(&magnitudes, SPARSITY);
        let is_kept = |m: &f64| *m >= least;
        let first_bin = magnitudes.iter().position(is_kept).unwrap_or(0);
        let end = magnitudes.iter().rposition(is_kept).map_or(first_bin, |last| last + 1);
        let weight = |(c, m): (&Complex64, &f64)| {
            if is_kept(m) { Complex32::new(c.re as f32, c.im as f32) } else { Complex32::default() }
        };
        let kept = spectrum.iter().zip(&magnitudes).take(end).skip(first_bin);
        Self { first_bin, weights: kept.map(weight).collect() }
    }

    fn apply(&self, spectrum: &[Complex32]) -> Complex32 {
        let spectrum = spectrum.get(self.first_bin..).unwrap_or_default();
        self.weights.iter().zip(spectrum).map(|(w, x)| w * x).sum()
    }
}

/// The least of `magnitudes` to keep, so that those below it make up less than `share` of the sum.
fn quantile_by_sum(magnitudes: &[f64], share: f64) -> f64 {
    let mut sorted = magnitudes.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut left = share * sorted.iter().sum::<f64>();
    let least = sorted.iter().find(|&&m| {
        left -= m;
        left <= 0.0
    });
    least.or(sorted.last()).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, columns, max_abs_diff, peak, reference};

    /// Every eighth frame's magnitudes.
    fn every_eighth(rows: &Rows<Complex32>) -> Vec<f32> {
        rows.iter().step_by(8).flatten().map(|c| c.norm()).collect()
    }

    fn error(settings: &CqtSettings, name: &str) -> f32 {
        let expected = reference(&format!("librosa/{name}.bin"));
        let num_columns = expected.len() / settings.num_bins;
        let rows = cqt(&a10(), 22_050, settings);
        assert_eq!((rows.num_frames(), num_columns), (431, 54));
        let error = max_abs_diff(&every_eighth(&rows), &columns(&expected, num_columns));
        error / peak(&expected)
    }

    #[test]
    fn matches_the_reference() {
        let settings = CqtSettings { tuning: -0.23, ..CqtSettings::octaves(7, 36) };
        let error = error(&settings, "cqt_mag_tuned36_every8");
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn matches_the_reference_with_windows_as_short_as_the_ears() {
        let error = error(&CqtSettings::vqt(), "vqt_mag_every8");
        assert!(error < 1e-5, "{error}");
    }

    /// Of the whole chain of halvings too.
    #[test]
    fn a_steady_tone_has_its_magnitude_at_all_rates() {
        for rate_hz in [22_050, 44_100, 96_000] {
            let settings = CqtSettings::default();
            for bin in [12, 45, 83] {
                let shape = wavelet::bins(&settings, 11_025.0)[bin];
                let step = std::f64::consts::TAU * shape.centre_hz / f64::from(rate_hz);
                let sound: Vec<f32> =
                    (0..rate_hz * 2).map(|i| (step * f64::from(i)).sin() as f32).collect();
                let rows = cqt(&sound, rate_hz, &settings);
                let found = rows.row(rows.num_frames() / 2)[bin].norm();
                let expected = 0.5 * (shape.window_secs * f64::from(rate_hz)).sqrt() as f32;
                assert!((found / expected - 1.0).abs() < 0.01, "{rate_hz} {bin}: {found}");
            }
        }
    }

    #[test]
    fn bins_beyond_half_the_rate_are_silent() {
        let sound = vec![0.5; 4000];
        let rows = cqt(&sound, 4000, &CqtSettings::default());
        assert!(
            rows.iter().all(|row| row.len() == 84 && row[72..].iter().all(|c| c.norm() == 0.0))
        );
        assert!(cqt(&[], 22_050, &CqtSettings::default()).num_frames() <= 1);
        assert!(
            cqt(&[f32::NAN; 900], 22_050, &CqtSettings::default())
                .iter()
                .flatten()
                .all(|c| c.norm() == 0.0)
        );
    }

    #[test]
    fn the_longest_window_is_as_asked() {
        let settings = CqtSettings::octaves(7, 36).with_longest_window(0.2);
        let bins = wavelet::bins(&settings, 10_000.0);
        assert!((bins[0].window_secs - 0.2).abs() < 1e-9);
        assert!(bins.iter().all(|b| b.window_secs <= 0.2));
    }
}
