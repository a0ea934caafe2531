//! Onsets as they happen.

use super::peaks::{PeakPicker, PeakSettings};
use crate::signal::keep_over;

/// Time within which an onset must exceed all before it, and over which the mean is taken that it must
/// stand out from.
const MAX_SECS: f64 = 0.03;
const AVERAGE_SECS: f64 = 0.15;

/// When a strength counts as an onset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerSettings {
    /// By how much of the running peak a strength must exceed the mean before it.
    pub threshold: f32,
    /// Least time between two onsets.
    pub min_gap_secs: f64,
    /// Time constant with which the running peak decays.
    pub peak_secs: f64,
    /// Least and greatest running peak: what noise alone gives stays small, and one rise out of
    /// silence does not dwarf all that follow.
    pub peak_range: (f32, f32),
}

/// Picks onsets from a strength, row by row: causal, without latency.
///
/// The strength is taken over its running peak, as that of the whole piece is not known, and its
/// peaks are picked with windows that end at the latest row.
#[derive(Debug, Clone)]
pub struct OnsetTracker {
    hop_secs: f64,
    peak: f32,
    strength: f32,
    picker: PeakPicker,
}

impl OnsetTracker {
    /// For rows that lie `hop_secs` apart.
    pub fn new(hop_secs: f64) -> Self {
        let rows = |secs: f64| (secs / hop_secs.max(1e-6)) as usize;
        let settings = PeakSettings {
            pre_max: rows(MAX_SECS).max(1),
            post_max: 1,
            pre_avg: rows(AVERAGE_SECS).max(1),
            post_avg: 1,
            delta: 0.0,
            wait: 0,
        };
        Self { hop_secs, peak: 0.0, strength: 0.0, picker: PeakPicker::new(settings) }
    }

    /// Takes the next strength, 0 or more, and says whether an onset begins with it.
    pub fn push(&mut self, strength: f32, settings: &TrackerSettings) -> bool {
        let faded = self.peak * keep_over(self.hop_secs, settings.peak_secs);
        let (least, greatest) = settings.peak_range;
        self.peak = faded.max(strength).min(greatest).max(least);
        self.strength = (strength / self.peak).min(1.0);
        let wait = PeakSettings::wait(settings.min_gap_secs, self.hop_secs);
        self.picker.set(settings.threshold, wait);
        self.picker.push(self.strength)
    }

    /// The latest strength over its running peak, 0 to 1.
    pub fn strength(&self) -> f32 {
        self.strength
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        (self.peak, self.strength) = (0.0, 0.0);
        self.picker.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rows;
    use crate::rhythm::onset_functions::{FluxSettings, OnsetFunction, onset_functions};
    use crate::rhythm::onset_row::OnsetRow;
    use crate::rhythm::onset_strength::{OnsetSettings, onset_strength};
    use crate::rhythm::peaks::onset_detect;
    use crate::rhythm::synth::{Drums, Played, f_measure};
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::a10;

    const TOLERANCE_SECS: f64 = 0.05;
    const SETTINGS: TrackerSettings = TrackerSettings {
        threshold: 0.1,
        min_gap_secs: 0.05,
        peak_secs: 8.0,
        peak_range: (1.0, 20.0),
    };

    /// When hits come, in seconds: as they are heard, once the row is complete.
    fn hits(strengths: &[f32], rate_hz: u32, settings: &TrackerSettings) -> Vec<f64> {
        let layout = StftSettings::default().layout(rate_hz);
        let mut tracker = OnsetTracker::new(layout.hop_secs());
        let complete = |row: usize| row as f64 * layout.hop_secs() + 1024.0 / f64::from(rate_hz);
        (0..strengths.len())
            .filter(|&row| tracker.push(strengths[row], settings))
            .map(complete)
            .collect()
    }

    fn live(sound: &[f32], rate_hz: u32) -> Vec<f64> {
        let mut rows = OnsetRow::new(OnsetSettings::default());
        rows.prepare_for(StftSettings::default().layout(rate_hz));
        let spectrum = stft(sound, &StftSettings::default());
        let mean = |row| rows.push(row).iter().sum::<f32>() / 128.0;
        hits(&spectrum.iter().map(mean).collect::<Vec<_>>(), rate_hz, &SETTINGS)
    }

    #[test]
    fn agrees_with_a_picker_that_sees_the_whole_clip() {
        let strength = onset_strength(&a10(), 22_050, &OnsetSettings::default());
        let frames = onset_detect(&strength, &PeakSettings::onsets(22_050, 512));
        let truth: Vec<f64> = frames.iter().map(|&f| f as f64 * 512.0 / 22_050.0).collect();
        let f = f_measure(&live(&a10(), 22_050), &truth, TOLERANCE_SECS);
        assert!(f > 0.9, "{f}");
    }

    #[test]
    fn finds_the_strokes_of_drums() {
        let rock = Drums::default();
        let ghosts = ["x.......x.x.....", "..o.x..o.o..x..o", "x...x...x...x..."];
        let shuffle = ["x.......x.x.....", "....x.......x..o", "x.xxx.xxx.xxx.xx"];
        for (name, least, drums) in [
            ("slow", 0.98, Drums { bpm: 90.0, ..rock }),
            ("rock", 0.98, rock),
            ("fast", 0.88, Drums { bpm: 174.0, num_bars: 12, ..rock }),
            ("44.1 kHz", 0.88, Drums { sample_rate_hz: 44_100, ..rock }),
            ("swing", 0.98, Drums { bpm: 100.0, swing: 0.33, patterns: shuffle, ..rock }),
            ("ghost notes", 0.98, Drums { bpm: 100.0, patterns: ghosts, ..rock }),
            ("no noise", 0.98, Drums { noise_db: -120.0, ..rock }),
            ("noise at -40 dB", 0.98, Drums { noise_db: -40.0, ..rock }),
            ("noise at -30 dB", 0.92, Drums { noise_db: -30.0, ..rock }),
            ("attacks of 20 ms", 0.86, Drums { attack_secs: 0.02, ..rock }),
            ("attacks of 50 ms", 0.75, Drums { attack_secs: 0.05, ..rock }),
        ] {
            let played = drums.play();
            let found = live(&played.sound, drums.sample_rate_hz);
            let f = f_measure(&found, &played.onsets_secs(), TOLERANCE_SECS);
            println!("{name}: {f:.3}");
            assert!(f > least, "{name}: {f}");
        }
    }

    /// Linear flux of three ranges: what is loud in a range decides, not what leaks into it.
    #[test]
    fn ranges_tell_drums_apart() {
        let Played { sound, strokes_secs, .. } = Drums::default().play();
        let spectrum = stft(&sound, &StftSettings::default());
        for (drum, (min_hz, max_hz), threshold) in
            [(0, (20.0, 150.0), 0.15), (1, (2e3, 6e3), 0.4), (2, (7e3, 2e4), 0.15)]
        {
            let flux = FluxSettings { min_hz, max_hz, ..FluxSettings::default() };
            let layout = StftSettings::default().layout(22_050);
            let functions = [OnsetFunction::SpectralFlux];
            let strengths: Rows = onset_functions(&spectrum, layout, &functions, &flux);
            let settings = TrackerSettings { threshold, peak_range: (1.0, 1e9), ..SETTINGS };
            let found = hits(strengths.data(), 22_050, &settings);
            let f = f_measure(&found, &strokes_secs[drum], TOLERANCE_SECS);
            println!("drum {drum}: {f:.3}");
            assert!(f > 0.9, "drum {drum}: {f}");
        }
    }
}
