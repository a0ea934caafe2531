//! What a beat is made of.

use num_complex::Complex32;

use crate::signal::keep_over;
use crate::spectrum::bins;
use crate::spectrum::layout::Layout;
use crate::spectrum::mel_bank::{MelBank, MelScale};

const NUM_MELS: usize = 64;
/// The range of frequencies that counts, in Hz.
const RANGE_HZ: (f64, f64) = (30.0, 16_000.0);
/// From here on cymbals play, which count less, as they mostly divide the beat.
const CYMBALS_HZ: f32 = 4_000.0;
const CYMBALS_WEIGHT: f32 = 0.5;
/// How far below the loudest band so far a rise begins to count, and how fast that is forgotten.
const RANGE_DB: f32 = 50.0;
const LOUDEST_SECS: f64 = 4.0;

/// How strongly a row sets in, for the beat: Σ w·max(0, ln((P + ε)/(P' + ε))) over mel bands of the
/// powers P in this row and P' in the one before, with weights w that count octaves alike, so that a
/// kick weighs as much as a snare, and ε so far below the loudest band that quiet strokes count less.
///
/// Causal. An attack is strongest about a third of the row's length before the row is complete.
#[derive(Debug, Clone, Default)]
pub struct Accent {
    layout: Layout,
    bank: MelBank,
    weights: Vec<f32>,
    powers: Vec<f32>,
    bands: Vec<f32>,
    previous: Vec<f32>,
    loudest: f32,
    has_previous: bool,
}

impl Accent {
    /// Takes rows of this layout from now on. If it is another one, allocates, forgets all rows, and
    /// says so.
    pub fn prepare_for(&mut self, layout: Layout) -> bool {
        if self.layout == layout {
            return false;
        }
        self.layout = layout;
        let top_hz = RANGE_HZ.1.min(f64::from(layout.sample_rate_hz) / 2.0);
        let range_hz = (RANGE_HZ.0.min(top_hz / 2.0), top_hz);
        self.bank =
            MelBank::new(MelScale::Slaney, NUM_MELS, range_hz, layout.num_bins(), layout.bin_hz());
        self.weights = weights(&self.bank.centres_hz().collect::<Vec<f32>>());
        self.powers.resize(layout.num_bins(), 0.0);
        self.bands.resize(NUM_MELS, 0.0);
        self.previous.resize(NUM_MELS, 0.0);
        self.reset();
        true
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        (self.loudest, self.has_previous) = (0.0, false);
    }

    /// Takes a row, `[bins]`, and gives its strength, at least 0; 0 for the first.
    pub fn push(&mut self, row: &[Complex32]) -> f32 {
        std::mem::swap(&mut self.bands, &mut self.previous);
        for (power, &x) in self.powers.iter_mut().zip(row) {
            *power = bins::power(x);
        }
        self.bank.apply(&self.powers, &mut self.bands);
        let loudest = self.bands.iter().copied().fold(0.0, f32::max);
        let faded = self.loudest * keep_over(self.layout.hop_secs(), LOUDEST_SECS);
        self.loudest = loudest.max(faded);
        let floor = self.loudest * 10.0_f32.powf(-RANGE_DB / 10.0) + 1e-10;
        let rises = self.bands.iter().zip(&self.previous).zip(&self.weights);
        let sum =
            rises.map(|((now, before), w)| w * ((now + floor) / (before + floor)).ln().max(0.0));
        let strength = sum.sum();
        if std::mem::replace(&mut self.has_previous, true) { strength } else { 0.0 }
    }
}

/// The weights of bands about these frequencies, of sum 1: their widths in octaves, less for cymbals.
fn weights(centres_hz: &[f32]) -> Vec<f32> {
    let at = |i: usize| centres_hz.get(i).copied();
    let weight = |i: usize| {
        let below = i.checked_sub(1).and_then(at).unwrap_or(RANGE_HZ.0 as f32);
        let above = at(i + 1).or(at(i)).unwrap_or(below);
        let octaves = (above / below).log2().max(0.0);
        let cymbals = at(i).is_some_and(|c| c > CYMBALS_HZ);
        octaves * if cymbals { CYMBALS_WEIGHT } else { 1.0 }
    };
    let weights: Vec<f32> = (0..centres_hz.len()).map(weight).collect();
    let total: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    weights.iter().map(|w| w / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { n_fft: 2048, hop_len: 512, sample_rate_hz: 48_000 };

    /// The strength of a rise by 20 dB in the bins about `hz`, over an even floor.
    fn strength(layout: Layout, hz: std::ops::Range<f64>) -> f32 {
        let mut accent = Accent::default();
        assert!(accent.prepare_for(layout) && !accent.prepare_for(layout));
        let row = |gain: f32| -> Vec<Complex32> {
            let is_in = |f: usize| hz.contains(&(f as f64 * layout.bin_hz()));
            let bin = |f| Complex32::new(if is_in(f) { gain } else { 1.0 }, 0.0);
            (0..layout.num_bins()).map(bin).collect()
        };
        assert_eq!(accent.push(&row(1.0)), 0.0);
        assert_eq!(accent.push(&row(1.0)), 0.0);
        let rise = accent.push(&row(10.0));
        assert_eq!(accent.push(&row(1.0)), 0.0, "a fall is no accent");
        rise
    }

    #[test]
    fn counts_octaves_alike_and_cymbals_half() {
        let all = strength(LAYOUT, 0.0..24_000.0);
        assert!((all - 100.0_f32.ln()).abs() < 0.01, "{all}");
        let kick = strength(LAYOUT, 30.0..250.0);
        let snare = strength(LAYOUT, 250.0..4_000.0);
        let cymbals = strength(LAYOUT, 4_000.0..16_000.0);
        assert!(kick > 0.25 * all && snare > 0.4 * all && cymbals < 0.2 * all);
        let other = Layout { n_fft: 4096, hop_len: 1024, sample_rate_hz: 96_000 };
        assert!((strength(other, 0.0..48_000.0) - all).abs() < 0.01);
    }

    #[test]
    fn quiet_rises_count_less() {
        let mut accent = Accent::default();
        accent.prepare_for(LAYOUT);
        let row = |quiet: f32| -> Vec<Complex32> {
            (0..1025).map(|f| Complex32::new(if f < 20 { 1.0 } else { quiet }, 0.0)).collect()
        };
        let mut rise = |from: f32, to: f32| {
            accent.push(&row(from));
            accent.push(&row(to))
        };
        assert!(rise(0.01, 0.1) > 4.0 * rise(1e-4, 1e-3));
        assert!(accent.push(&[Complex32::new(f32::NAN, f32::INFINITY); 1025]).is_finite());
    }
}
