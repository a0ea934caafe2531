//! Chroma from the short-time spectrum.

use super::bins;
use super::chroma_bank::{ChromaBank, NUM_CLASSES};
use super::layout::Layout;
use super::norm::Norm;
use super::stft::{StftSettings, stft};
use super::tuning::estimate_tuning;
use crate::Rows;

/// How chroma is taken from the spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChromaStftSettings {
    /// The spectrum.
    pub stft: StftSettings,
    /// How far A4 lies from 440 Hz, in semitones; estimated from the sound where there is no number.
    pub tuning: Option<f64>,
    /// What each row is divided by.
    pub norm: Norm,
}

impl Default for ChromaStftSettings {
    /// librosa's: n_fft 2048, hop 512, tuning estimated, each row over its maximum.
    fn default() -> Self {
        Self { stft: StftSettings::default(), tuning: None, norm: Norm::Max }
    }
}

/// Energies of the twelve pitch classes of a whole signal, C first, `[frames, 12]`: librosa's
/// `chroma_stft`.
pub fn chroma_stft(sound: &[f32], sample_rate_hz: u32, settings: &ChromaStftSettings) -> Rows {
    let powers = stft(sound, &settings.stft).map(bins::power);
    let layout = settings.stft.layout(sample_rate_hz);
    chroma_from_powers(&powers, &layout, settings.tuning, settings.norm)
}

/// The same from powers, `[frames, n_fft/2 + 1]`.
pub fn chroma_from_powers(powers: &Rows, layout: &Layout, tuning: Option<f64>, norm: Norm) -> Rows {
    let tuning = tuning.unwrap_or_else(|| estimate_tuning(powers, layout, NUM_CLASSES));
    let bank = ChromaBank::new(layout.n_fft, f64::from(layout.sample_rate_hz), tuning);
    powers.map_rows(NUM_CLASSES, |powers, chroma| {
        bank.apply(powers, chroma);
        norm.apply(chroma);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a10, columns, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let sound = a10();
        for (tuning, name) in [(Some(0.0), "chroma_stft_tuning0"), (None, "chroma_stft_est")] {
            let settings = ChromaStftSettings { tuning, ..ChromaStftSettings::default() };
            let found = chroma_stft(&sound, 22_050, &settings);
            let expected = columns(&reference(&format!("librosa/{name}.bin")), 431);
            let error = max_abs_diff(found.data(), &expected);
            assert!(error < 1e-5, "{name}: {error}");
        }
    }
}
