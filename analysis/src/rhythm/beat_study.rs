//! The beats of a sound that is heard once as a whole.

use num_complex::Complex32;

use super::beats::{BeatSettings, Beats, beat_track};
use super::onset_strength::{Aggregate, OnsetSettings, onset_strength_of_bands};
use crate::Rows;
use crate::spectrum::bins;
use crate::spectrum::layout::Layout;
use crate::spectrum::mel_bank::MelBank;

/// How far below the loudest band of all the others may lie.
const RANGE_DB: f32 = 80.0;

/// Collects centred rows, and then finds their beats as librosa's `beat_track` does.
#[derive(Debug, Clone, Default)]
pub struct BeatStudy {
    layout: Layout,
    settings: OnsetSettings,
    bank: MelBank,
    powers: Vec<f32>,
    bands_db: Vec<f32>,
}

impl BeatStudy {
    /// Forgets all rows.
    pub fn reset(&mut self) {
        self.bands_db.clear();
    }

    /// Takes the next row, `[bins]`. Another layout forgets all rows before.
    pub fn push(&mut self, layout: Layout, row: &[Complex32]) {
        if self.layout != layout {
            self.layout = layout;
            self.settings.aggregate = Aggregate::Median;
            (self.settings.stft.n_fft, self.settings.stft.hop_len) = (layout.n_fft, layout.hop_len);
            self.bank = self.settings.bank(layout);
            self.bands_db.clear();
        }
        self.powers.clear();
        self.powers.extend(row.iter().map(|&x| bins::power(x)));
        let start = self.bands_db.len();
        self.bands_db.resize(start + self.settings.num_mels, 0.0);
        let bands = &mut self.bands_db[start..];
        self.bank.apply(&self.powers, bands);
        bands.iter_mut().for_each(|b| *b = bins::db_from_power(*b));
    }

    /// The beats of all rows: beat i is centred on row `frames[i]`.
    pub fn beats(mut self, settings: &BeatSettings) -> Beats {
        let floor = self.bands_db.iter().copied().fold(f32::MIN, f32::max) - RANGE_DB;
        self.bands_db.iter_mut().for_each(|b| *b = b.max(floor));
        let bands_db = Rows::from_vec(self.settings.num_mels, self.bands_db);
        let strength = onset_strength_of_bands(&bands_db, &self.settings);
        beat_track(&strength, 1.0 / self.layout.hop_secs().max(1e-9), settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, reference_frames};

    #[test]
    fn matches_the_reference_from_the_sound_on() {
        let settings = StftSettings::default();
        let mut study = BeatStudy::default();
        for row in stft(&a10(), &settings).iter() {
            study.push(settings.layout(22_050), row);
        }
        let found = study.clone().beats(&BeatSettings::default());
        assert!((found.bpm - 135.999_177_631_578_96).abs() < 1e-9);
        assert_eq!(found.frames, reference_frames("librosa/beat_track_frames.bin"));
        study.reset();
        assert_eq!(study.beats(&BeatSettings::default()), Beats::default());
    }
}
