//! Other measures of how strongly something begins.
//!
//! Masri (1996); Duxbury, Sandler and Davies (2002); Brossier (2006); Böck and Widmer, *Maximum
//! filter vibrato suppression for onset detection* and *Local group delay based vibrato and tremolo
//! suppression for onset detection* (both 2013). The numbers are those of madmom's functions of the
//! same names over a filtered spectrogram.

use std::f32::consts::PI;
use std::ops::Range;

use num_complex::Complex32;
use rayon::prelude::*;

use super::log_bank::LogBank;
use super::onset_strength::rises;
use crate::Rows;
use crate::spectrum::bins::magnitude;
use crate::spectrum::layout::Layout;

/// Frames that a thread takes at a time.
const CHUNK_FRAMES: usize = 256;
/// What keeps a division from silence finite.
const LEAST: f32 = f64::EPSILON as f32;
/// Rows over which the largest group delay counts.
const NUM_DELAYS: usize = 3;

/// A measure over the bands of a row, b, and those `lag` rows before, a.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnsetFunction {
    /// Σ max(0, b − a)².
    SpectralDifference,
    /// Σ max(0, b − a).
    SpectralFlux,
    /// Σ max(0, b − the largest a of the bands about): a voice that only trembles in pitch is none.
    Superflux,
    /// The same, each band times its least local group delay: nor is one that trembles in level.
    ComplexFlux,
    /// Mean of ln(1 + b/a).
    ModifiedKullbackLeibler,
    /// Mean over the bins within the bands of their number times |X|: no rise, but a level.
    HighFrequencyContent,
}

/// What the functions measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FluxSettings {
    /// Bands in an octave.
    pub num_per_octave: usize,
    /// Where the lowest band starts, in Hz.
    pub min_hz: f64,
    /// Where the highest band ends, in Hz.
    pub max_hz: f64,
    /// Rows between the two that are compared; 0 counts as 1.
    pub lag: usize,
    /// Bands of the earlier row whose largest a band must exceed, where the function asks for it.
    pub max_size: usize,
    /// Bands count as 20·log₁₀(1 + gain·x), in dB, where there is a gain; else as they are.
    pub log_gain: Option<f32>,
}

impl Default for FluxSettings {
    /// Quarter tones from 30 Hz to 17 kHz, linear.
    fn default() -> Self {
        Self {
            num_per_octave: 24,
            min_hz: 30.0,
            max_hz: 17_000.0,
            lag: 1,
            max_size: 3,
            log_gain: None,
        }
    }
}

/// Functions of a whole spectrum, `[frames, functions]`, not shifted. The largest group delay is that
/// of a row and its two neighbours.
pub fn onset_functions(
    spectrum: &Rows<Complex32>,
    layout: Layout,
    functions: &[OnsetFunction],
    settings: &FluxSettings,
) -> Rows {
    let num_functions = functions.len().max(1);
    let num_frames = spectrum.num_frames();
    let mut out = vec![0.0; num_frames * functions.len()];
    let mut fresh = FluxRow::new(*settings);
    fresh.prepare_for(layout);
    out.par_chunks_mut(CHUNK_FRAMES * num_functions).enumerate().for_each(|(chunk, out)| {
        let mut rows = fresh.clone();
        let bands = 0..rows.centres_hz().len();
        let first = chunk * CHUNK_FRAMES;
        let start = first.saturating_sub(settings.lag.max(1) + 1);
        (start..=first).for_each(|frame| rows.push(spectrum.row(frame)));
        for (frame, out) in (first..).zip(out.chunks_exact_mut(num_functions)) {
            // The last row's neighbour is itself.
            rows.push(spectrum.row((frame + 1).min(num_frames - 1)));
            for (out, &function) in out.iter_mut().zip(functions) {
                *out = rows.strength(function, 1, bands.clone());
            }
        }
    });
    Rows::from_vec(functions.len(), out)
}

/// The functions as rows come: causal, without latency.
#[derive(Debug, Clone)]
pub struct FluxRow {
    settings: FluxSettings,
    layout: Layout,
    bank: LogBank,
    centres_hz: Vec<f32>,
    /// Bins of each band and their neighbours.
    bins: Vec<Range<usize>>,
    /// Rings of the last rows: magnitudes, bands, and local group delays as shares of the greatest.
    magnitudes: Rows,
    bands: Rows,
    delays: Rows,
    num_seen: usize,
    rises: Vec<f32>,
}

impl FluxRow {
    /// For rows of the layout that `prepare_for` names before the first.
    pub fn new(settings: FluxSettings) -> Self {
        Self {
            settings,
            layout: Layout::default(),
            bank: LogBank::default(),
            centres_hz: Vec::new(),
            bins: Vec::new(),
            magnitudes: Rows::default(),
            bands: Rows::default(),
            delays: Rows::default(),
            num_seen: 0,
            rises: Vec::new(),
        }
    }

    /// Takes rows of this layout from now on. If it is another one, allocates, forgets all rows, and
    /// says so.
    pub fn prepare_for(&mut self, layout: Layout) -> bool {
        if self.layout == layout {
            return false;
        }
        let FluxSettings { num_per_octave, min_hz, max_hz, .. } = self.settings;
        let num_bins = layout.num_bins();
        self.layout = layout;
        self.bank = LogBank::new(num_per_octave, (min_hz, max_hz), num_bins - 1, layout.bin_hz());
        self.centres_hz = self.bank.centres_hz().collect();
        let widened = |r: Range<usize>| r.start.saturating_sub(1)..(r.end + 1).min(num_bins);
        self.bins = self.bank.ranges().map(widened).collect();
        self.magnitudes = Rows::new(2, num_bins);
        self.bands = Rows::new(self.num_slots(), self.bank.num_bands());
        self.delays = Rows::new(NUM_DELAYS, num_bins);
        self.rises = vec![0.0; self.bank.num_bands()];
        self.clear();
        true
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.num_seen = 0;
    }

    /// Centres of the bands in Hz, ascending, `[bands]`.
    pub fn centres_hz(&self) -> &[f32] {
        &self.centres_hz
    }

    /// Takes a row, `[bins]`.
    pub fn push(&mut self, row: &[Complex32]) {
        let slots = self.num_slots();
        let magnitudes = self.magnitudes.row_mut(self.num_seen % 2);
        magnitudes.iter_mut().zip(row).for_each(|(to, &x)| *to = magnitude(x));
        let bands = self.bands.row_mut(self.num_seen % slots);
        self.bank.apply(magnitudes, bands);
        if let Some(gain) = self.settings.log_gain {
            bands.iter_mut().for_each(|b| *b = 20.0 * (1.0 + gain * *b).log10());
        }
        let delays = self.delays.row_mut(self.num_seen % NUM_DELAYS);
        for (to, pair) in delays.iter_mut().zip(row.array_windows()) {
            *to = local_group_delay(*pair);
        }
        self.num_seen += 1;
    }

    /// A function of the row `ago` (0 or 1) rows before the latest, over a range of bands; 0 as long
    /// as there is no row to compare with.
    pub fn strength(&mut self, function: OnsetFunction, ago: usize, bands: Range<usize>) -> f32 {
        let lag = self.settings.lag.max(1);
        let bands = bands.start..bands.end.min(self.bank.num_bands());
        if self.num_seen <= ago.min(1) || bands.is_empty() {
            return 0.0;
        }
        let latest = self.num_seen - 1 - ago.min(1);
        if function == OnsetFunction::HighFrequencyContent {
            let bins = self.bins[bands.start].start..self.bins[bands.end - 1].end;
            let magnitudes = &self.magnitudes.row(latest % 2)[bins.clone()];
            let sum: f32 = magnitudes.iter().zip(bins.clone()).map(|(x, k)| x * k as f32).sum();
            return sum / bins.len() as f32;
        }
        let Some(before) = latest.checked_sub(lag) else { return 0.0 };
        let now = &self.bands.row(latest % self.num_slots())[bands.clone()];
        let before = &self.bands.row(before % self.num_slots())[bands.clone()];
        if function == OnsetFunction::ModifiedKullbackLeibler {
            let ratio = |(b, a): (&f32, &f32)| (1.0 + b / (a + LEAST)).ln();
            return now.iter().zip(before).map(ratio).sum::<f32>() / now.len() as f32;
        }
        let widens = matches!(function, OnsetFunction::Superflux | OnsetFunction::ComplexFlux);
        let rises_out = &mut self.rises[..bands.len()];
        rises(now, before, if widens { self.settings.max_size } else { 1 }, rises_out);
        match function {
            OnsetFunction::SpectralDifference => rises_out.iter().map(|r| r * r).sum(),
            OnsetFunction::ComplexFlux => (bands.clone())
                .map(|band| self.rises[band - bands.start] * self.least_delay(band))
                .sum(),
            _ => rises_out.iter().sum(),
        }
    }

    /// Over the bins of a band and their neighbours, the least of their largest delays of late.
    fn least_delay(&self, band: usize) -> f32 {
        let num_rows = self.num_seen.min(NUM_DELAYS);
        let largest =
            |bin: usize| self.delays.iter().take(num_rows).map(|d| d[bin]).fold(0.0, f32::max);
        self.bins[band].clone().map(largest).fold(f32::MAX, f32::min)
    }

    fn num_slots(&self) -> usize {
        self.settings.lag.max(1) + 2
    }
}

/// How far the phase turns from one bin to the next, about the middle of the frame, as a share of a
/// half turn: 0 where all sound lies in the middle, 1 where it lies at the ends.
fn local_group_delay([here, next]: [Complex32; 2]) -> f32 {
    let turn = -(next * here.conj());
    if turn.re.is_finite() && turn.im.is_finite() { turn.arg().abs() / PI } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, max_abs_diff};

    const ALL: [OnsetFunction; 6] = [
        OnsetFunction::SpectralDifference,
        OnsetFunction::SpectralFlux,
        OnsetFunction::Superflux,
        OnsetFunction::ComplexFlux,
        OnsetFunction::ModifiedKullbackLeibler,
        OnsetFunction::HighFrequencyContent,
    ];

    /// But for the group delay, which live rows know of the past alone.
    #[test]
    fn row_by_row_equals_the_form_for_whole_signals() {
        let settings = StftSettings::default();
        let spectrum = stft(&a10(), &settings);
        let flux = FluxSettings { lag: 2, log_gain: Some(1.0), ..FluxSettings::default() };
        let whole = onset_functions(&spectrum, settings.layout(22_050), &ALL, &flux).transposed();
        let mut rows = FluxRow::new(flux);
        rows.prepare_for(settings.layout(22_050));
        let bands = 0..rows.centres_hz().len();
        let mut found = Rows::new(spectrum.num_frames(), ALL.len());
        for (t, row) in spectrum.iter().enumerate() {
            rows.push(row);
            for (out, &function) in found.row_mut(t).iter_mut().zip(&ALL) {
                *out = rows.strength(function, 0, bands.clone());
            }
        }
        let found = found.transposed();
        for (i, function) in ALL.into_iter().enumerate() {
            assert!(whole.row(i).iter().sum::<f32>() > 1.0, "{function:?}");
            let error = max_abs_diff(found.row(i), whole.row(i));
            assert!(
                error == 0.0 || function == OnsetFunction::ComplexFlux,
                "{function:?}: {error}"
            );
        }
    }

    /// A tone whose pitch trembles by a quarter tone, six times a second: the maximum filter sees
    /// little of it, the plain flux a lot, beside a click that both see.
    #[test]
    fn superflux_suppresses_vibrato() {
        let mut phase = 0.0_f64;
        let sound: Vec<f32> = (0..88_200)
            .map(|i| {
                let secs = f64::from(i) / 44_100.0;
                let hz = 880.0 * (0.5 / 12.0 * (std::f64::consts::TAU * 6.0 * secs).sin()).exp2();
                phase += std::f64::consts::TAU * hz / 44_100.0;
                (0.3 * (1..6).map(|k| (phase * f64::from(k)).sin()).sum::<f64>()) as f32
                    + if i == 44_100 { 1.0 } else { 0.0 }
            })
            .collect();
        let settings = StftSettings { hop_len: 441, ..StftSettings::default() };
        let spectrum = stft(&sound, &settings);
        let flux = FluxSettings { log_gain: Some(1.0), ..FluxSettings::default() };
        let functions = [OnsetFunction::SpectralFlux, OnsetFunction::Superflux];
        let strengths = onset_functions(&spectrum, settings.layout(44_100), &functions, &flux);
        let strengths = strengths.transposed();
        let vibrato_over_click = |i: usize| {
            let row = strengths.row(i);
            let click = row[95..105].iter().copied().fold(0.0, f32::max);
            row[20..90].iter().sum::<f32>() / 70.0 / click
        };
        assert!(vibrato_over_click(1) < 0.5 * vibrato_over_click(0));
    }

    /// A click in the middle of the frame has no delay, one at its edge the greatest.
    #[test]
    fn group_delay_tells_where_in_the_frame_sound_lies() {
        let delay = |at: usize| {
            let mut sound = vec![0.0; 64];
            sound[at] = 1.0;
            let rect = crate::signal::window::Window::Rect;
            let settings = StftSettings { n_fft: 64, hop_len: 64, window: rect, center: false };
            let row = stft(&sound, &settings);
            local_group_delay([row.row(0)[10], row.row(0)[11]])
        };
        for (at, expected) in [(32, 0.0), (48, 0.5), (16, 0.5), (0, 1.0)] {
            assert!((delay(at) - expected).abs() < 1e-4, "{at}: {}", delay(at));
        }
    }
}
