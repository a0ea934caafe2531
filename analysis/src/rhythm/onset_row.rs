//! How strongly something begins, row by row.

use num_complex::Complex32;

use super::onset_strength::{OnsetSettings, rises};
use crate::spectrum::bins;
use crate::spectrum::layout::Layout;
use crate::spectrum::mel_bank::MelBank;

/// How far below the loudest band so far the others may lie, and how fast that is forgotten.
const RANGE_DB: f32 = 80.0;
const LOUDEST_FALL_DB_PER_SEC: f64 = 6.0;

/// The rise of each mel band against the row `lag` rows before: what
/// [`onset_strength`](super::onset_strength::onset_strength) takes the mean of, as each row comes.
///
/// Causal, without latency. As the end of the signal is not known, the loudest band *so far* takes
/// the place of the loudest of all, and falls by 6 dB a second; of frames and shifts the settings say
/// nothing here.
#[derive(Debug, Clone)]
pub struct OnsetRow {
    settings: OnsetSettings,
    layout: Layout,
    bank: MelBank,
    centres_hz: Vec<f32>,
    powers: Vec<f32>,
    /// Ring of the bands of the last rows, `[lag + 1, num_mels]`, and where the next one goes.
    bands_db: Vec<f32>,
    next: usize,
    num_seen: usize,
    loudest_db: f32,
    rises: Vec<f32>,
}

impl OnsetRow {
    /// For rows of the layout that `prepare_for` names before the first.
    pub fn new(settings: OnsetSettings) -> Self {
        Self {
            settings,
            layout: Layout::default(),
            bank: MelBank::default(),
            centres_hz: Vec::new(),
            powers: Vec::new(),
            bands_db: Vec::new(),
            next: 0,
            num_seen: 0,
            loudest_db: f32::MIN,
            rises: Vec::new(),
        }
    }

    /// Takes rows of this layout from now on. If it is another one, allocates, forgets all rows, and
    /// says so.
    pub fn prepare_for(&mut self, layout: Layout) -> bool {
        if self.layout == layout {
            return false;
        }
        self.layout = layout;
        self.bank = self.settings.bank(layout);
        self.centres_hz = self.bank.centres_hz().collect();
        self.powers.resize(layout.num_bins(), 0.0);
        self.rises.resize(self.settings.num_mels, 0.0);
        self.bands_db.resize(self.num_slots() * self.settings.num_mels, 0.0);
        self.clear();
        true
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        (self.next, self.num_seen, self.loudest_db) = (0, 0, f32::MIN);
        self.rises.fill(0.0);
    }

    /// Centres of the bands in Hz, ascending, `[num_mels]`.
    pub fn centres_hz(&self) -> &[f32] {
        &self.centres_hz
    }

    /// Takes a row, `[bins]`, and gives the rise of each band in dB, `[num_mels]`: 0 as long as there
    /// is no row to compare with.
    pub fn push(&mut self, row: &[Complex32]) -> &[f32] {
        let (num_mels, num_slots) = (self.settings.num_mels, self.num_slots());
        for (power, &x) in self.powers.iter_mut().zip(row) {
            *power = bins::power(x);
        }
        let now = self.next * num_mels;
        let oldest = (self.next + 1) % num_slots * num_mels;
        let bands = &mut self.bands_db[now..now + num_mels];
        self.bank.apply(&self.powers, bands);
        bands.iter_mut().for_each(|b| *b = bins::db_from_power(*b));
        let loudest = bands.iter().copied().fold(f32::MIN, f32::max);
        let fall = (LOUDEST_FALL_DB_PER_SEC * self.layout.hop_secs()) as f32;
        self.loudest_db = loudest.max(self.loudest_db - fall);
        let floor = self.loudest_db - RANGE_DB;
        bands.iter_mut().for_each(|b| *b = b.max(floor));
        if self.num_seen + 1 < num_slots {
            self.num_seen += 1;
        } else {
            let now = &self.bands_db[now..now + num_mels];
            let before = &self.bands_db[oldest..oldest + num_mels];
            rises(now, before, self.settings.max_size, &mut self.rises);
        }
        self.next = (self.next + 1) % num_slots;
        &self.rises
    }

    fn num_slots(&self) -> usize {
        self.settings.lag.max(1) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhythm::onset_strength::onset_strength;
    use crate::spectrum::stft::stft;
    use crate::testing::{a10, max_abs_diff};

    /// The clip stays within 80 dB of its loudest band, so that both forms agree but for the shift.
    #[test]
    fn equals_the_form_for_whole_signals() {
        for (lag, max_size) in [(1, 1), (2, 3)] {
            let settings = OnsetSettings { lag, max_size, ..OnsetSettings::default() };
            let whole = onset_strength(&a10(), 22_050, &settings);
            let spectrum = stft(&a10(), &settings.stft);
            let mut rows = OnsetRow::new(settings);
            assert!(rows.prepare_for(settings.stft.layout(22_050)));
            for _ in 0..2 {
                let strength = |row: &[Complex32]| rows.push(row).iter().sum::<f32>() / 128.0;
                let found: Vec<f32> = spectrum.iter().map(strength).collect();
                let error = max_abs_diff(&found[lag..429], &whole[settings.shift()..]);
                assert!(error < 1e-4 && found[0] == 0.0, "{lag}: {error}");
                rows.clear();
            }
        }
    }
}
