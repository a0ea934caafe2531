//! Chroma from the constant-Q transform.

use super::chroma_bank::NUM_CLASSES;
use super::cqt::{C1_HZ, CqtSettings, cqt};
use super::norm::Norm;
use super::tuning::estimate_tuning_of_sound;
use crate::Rows;

/// The constant-Q transform behind chroma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChromaCqtSettings {
    /// Samples between frames.
    pub hop_len: usize,
    /// Frequency of the lowest bin before tuning, in Hz.
    pub min_hz: f64,
    /// Octaves above it.
    pub num_octaves: usize,
    /// Bins in an octave, a multiple of 12.
    pub bins_per_octave: usize,
    /// How far all bins lie above their places, in bins; estimated from the sound where there is no
    /// number.
    pub tuning: Option<f64>,
    /// See [`CqtSettings::gamma_hz`]: 0 for `chroma_cqt`, anything else for `chroma_vqt`.
    pub gamma_hz: Option<f64>,
}

impl Default for ChromaCqtSettings {
    /// librosa's: seven octaves of 36 bins from C1, hop 512, tuning estimated.
    fn default() -> Self {
        Self {
            hop_len: 512,
            min_hz: C1_HZ,
            num_octaves: 7,
            bins_per_octave: 36,
            tuning: None,
            gamma_hz: Some(0.0),
        }
    }
}

impl ChromaCqtSettings {
    /// The transform, at a known tuning in bins.
    pub fn cqt(&self, tuning: f64) -> CqtSettings {
        CqtSettings {
            hop_len: self.hop_len,
            min_hz: self.min_hz,
            tuning,
            gamma_hz: self.gamma_hz,
            ..CqtSettings::octaves(self.num_octaves, self.bins_per_octave)
        }
    }

    /// The bank that folds its bins.
    pub fn bank(&self) -> CqChromaBank {
        CqChromaBank::new(self.bins_per_octave, self.min_hz)
    }
}

/// Which pitch class each bin of a constant-Q transform belongs to: librosa's `cq_to_chroma`.
#[derive(Debug, Clone, Copy)]
pub struct CqChromaBank {
    bins_per_class: usize,
    /// Class of the lowest bin, from C.
    first_class: usize,
}

impl CqChromaBank {
    /// For a transform with `bins_per_octave` bins, a multiple of 12, whose lowest bin is tuned to
    /// `min_hz` before tuning.
    pub fn new(bins_per_octave: usize, min_hz: f64) -> Self {
        let midi = 69.0 + 12.0 * (min_hz / 440.0).log2();
        let first_class = if midi.is_finite() { midi.round().rem_euclid(12.0) as usize } else { 0 };
        Self { bins_per_class: (bins_per_octave / NUM_CLASSES).max(1), first_class }
    }

    /// The sums over each class of `bins`, lowest first, into `out`, `[12]` from C. `tuning` is how
    /// far the music lies above the bins, in semitones: at 0 each bin belongs to one class, else it
    /// is split between two where it lies across their border.
    pub fn apply(&self, bins: &[f32], tuning: f32, out: &mut [f32]) {
        out.fill(0.0);
        let width = self.bins_per_class as f64;
        // Half a class below zero at the most, so never below 0.
        let start = (self.bins_per_class / 2 + self.bins_per_class * NUM_CLASSES) as f64
            - f64::from(tuning) * width;
        for (i, &bin) in bins.iter().enumerate() {
            let position = (start + i as f64).max(0.0);
            let class = (position / width).floor();
            let beyond = (position + 1.0 - (class + 1.0) * width).clamp(0.0, 1.0) as f32;
            let class = class as usize + self.first_class;
            let mut add = |class: usize, share: f32| {
                if let Some(out) = out.get_mut(class % NUM_CLASSES) {
                    *out += bin * share;
                }
            };
            add(class, 1.0 - beyond);
            add(class + 1, beyond);
        }
    }
}

/// Magnitudes of the twelve pitch classes of a whole signal, C first, `[frames, 12]`: librosa's
/// `chroma_cqt`, each row divided by `norm` (librosa: `Max`).
pub fn chroma_cqt(
    sound: &[f32],
    sample_rate_hz: u32,
    settings: &ChromaCqtSettings,
    norm: Norm,
) -> Rows {
    let estimate = || estimate_tuning_of_sound(sound, sample_rate_hz, settings.bins_per_octave);
    let tuning = settings.tuning.unwrap_or_else(estimate);
    let magnitudes = cqt(sound, sample_rate_hz, &settings.cqt(tuning)).map(|c| c.norm());
    let bank = settings.bank();
    magnitudes.map_rows(NUM_CLASSES, |bins, chroma| {
        bank.apply(bins, 0.0, chroma);
        norm.apply(chroma);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, columns, max_abs_diff, peak, reference};

    #[test]
    fn matches_the_reference_bank() {
        let expected = columns(&reference("librosa/fb_cq_to_chroma_252_36.bin"), 252);
        let bank = ChromaCqtSettings::default().bank();
        for (bin, expected) in expected.chunks(12).enumerate() {
            let mut unit = [0.0; 252];
            unit[bin] = 1.0;
            let mut column = [0.0; 12];
            bank.apply(&unit, 0.0, &mut column);
            assert_eq!(column, expected, "{bin}");
        }
    }

    #[test]
    fn matches_the_reference() {
        let found = chroma_cqt(&a10(), 22_050, &ChromaCqtSettings::default(), Norm::None);
        let expected = columns(&reference("librosa/chroma_cqt_raw.bin"), 431);
        let error = max_abs_diff(found.data(), &expected) / peak(&expected);
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn tuning_moves_the_borders_between_classes() {
        let bank = CqChromaBank::new(36, 55.0);
        let mut unit = [0.0; 36];
        // A third of a semitone above A, and the first that counts as A sharp.
        (unit[1], unit[2]) = (1.0, 0.5);
        let fold = |tuning: f32| {
            let mut chroma = [0.0; 12];
            bank.apply(&unit, tuning, &mut chroma);
            assert_eq!(chroma[..9], [0.0; 9]);
            [chroma[9], chroma[10], chroma[11]]
        };
        assert_eq!(fold(0.0), [1.0, 0.5, 0.0]);
        assert_eq!(fold(0.5), [1.5, 0.0, 0.0]);
        let third = fold(1.0 / 6.0);
        assert!((third[0] - 1.25).abs() < 1e-6 && (third[1] - 0.25).abs() < 1e-6, "{third:?}");
        let third = fold(-1.0 / 6.0);
        assert!((third[0] - 0.5).abs() < 1e-6 && (third[1] - 1.0).abs() < 1e-6, "{third:?}");
    }
}
