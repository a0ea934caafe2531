//! Onsets as they happen.

use super::onset_strength::Aggregate;
use super::peaks::PeakSettings;
use crate::signal::keep_over;
use crate::spectrum::layout::Layout;

/// Time within which an onset must exceed all before it, and over which the average is taken that it
/// must stand out from.
const MAX_SECS: f64 = 0.03;
const AVERAGE_SECS: f64 = 0.15;
/// Share of the median in that average, the rest being the mean: after a loud stroke the mean alone
/// hides the next soft one, the median alone lets noise pass.
const MEDIAN_SHARE: f32 = 0.3;

/// When a strength counts as an onset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerSettings {
    /// By how much of the running peak a strength must exceed the average before it.
    pub threshold: f32,
    /// Least time between two onsets.
    pub min_gap_secs: f64,
    /// Time constant with which the running peak decays.
    pub peak_secs: f64,
    /// Least and greatest running peak: what noise alone gives stays small, and one rise out of
    /// silence does not dwarf all that follow.
    pub peak_range: (f32, f32),
    /// Running peak before the first row.
    pub first_peak: f32,
}

/// Picks onsets from a strength, row by row: causal, without latency.
///
/// The strength is taken over its running peak, as that of the whole piece is not known. An onset is
/// the largest of the last 30 ms and exceeds the average of the last 0.15 s, 0.7 of their mean and
/// 0.3 of their median, by a threshold. Rows that reach back before the first sample, and the one
/// that is compared with those, tell of no onset: the sound that was there already would seem to
/// begin.
#[derive(Debug, Clone)]
pub struct OnsetTracker {
    hop_secs: f64,
    num_max: usize,
    max_len: usize,
    /// The last strengths, newest last, as far as the average reaches, and scratch for its median.
    strengths: Vec<f32>,
    ordered: Vec<f32>,
    peak: Option<f32>,
    /// Rows still to come that tell of no onset: all told at the start, and now.
    num_partial: usize,
    num_unheard: usize,
    rest: usize,
}

impl OnsetTracker {
    /// For centred rows of this layout.
    pub fn new(layout: Layout) -> Self {
        let hop_secs = layout.hop_secs();
        let rows = |secs: f64| (secs / hop_secs.max(1e-6)) as usize;
        let max_len = rows(AVERAGE_SECS).max(1) + 1;
        let num_partial = layout.n_fft / 2 / layout.hop_len.max(1) + 1;
        Self {
            hop_secs,
            num_max: rows(MAX_SECS).max(1) + 1,
            max_len,
            strengths: Vec::with_capacity(max_len),
            ordered: Vec::with_capacity(max_len),
            peak: None,
            num_partial,
            num_unheard: num_partial,
            rest: 0,
        }
    }

    /// Takes the next strength, 0 or more, and says whether an onset begins with it.
    pub fn push(&mut self, strength: f32, settings: &TrackerSettings) -> bool {
        let is_heard = self.num_unheard == 0;
        self.num_unheard = self.num_unheard.saturating_sub(1);
        let share = if is_heard { self.over_peak(strength, settings) } else { 0.0 };
        if self.strengths.len() == self.max_len {
            self.strengths.copy_within(1.., 0);
            self.strengths.pop();
        }
        self.strengths.push(share);
        let wait = PeakSettings::wait(settings.min_gap_secs, self.hop_secs);
        if self.rest > 0 {
            self.rest = self.rest.min(wait).saturating_sub(1);
            return false;
        }
        let is_onset = is_heard && self.stands_out(settings.threshold);
        self.rest = if is_onset { wait } else { 0 };
        is_onset
    }

    /// The latest strength over its running peak, 0 to 1.
    pub fn strength(&self) -> f32 {
        self.strengths.last().copied().unwrap_or(0.0)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.strengths.clear();
        (self.peak, self.num_unheard, self.rest) = (None, self.num_partial, 0);
    }

    fn over_peak(&mut self, strength: f32, settings: &TrackerSettings) -> f32 {
        let faded = self.peak.map(|peak| peak * keep_over(self.hop_secs, settings.peak_secs));
        let (least, greatest) = settings.peak_range;
        let peak = faded.unwrap_or(settings.first_peak).max(strength).min(greatest).max(least);
        self.peak = Some(peak);
        (strength / peak).min(1.0)
    }

    fn stands_out(&mut self, threshold: f32) -> bool {
        let latest = self.strength();
        if self.strengths.iter().rev().take(self.num_max).any(|s| *s > latest) {
            return false;
        }
        self.ordered.clone_from(&self.strengths);
        let median = Aggregate::Median.of(&mut self.ordered);
        let mean = Aggregate::Mean.of(&mut self.ordered);
        latest >= mean + MEDIAN_SHARE * (median - mean) + threshold
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
        peak_range: (1.0, 15.0),
        first_peak: 10.0,
    };

    /// The middles of the rows of hits, in seconds.
    fn hits(strengths: &[f32], rate_hz: u32, settings: &TrackerSettings) -> Vec<f64> {
        let layout = StftSettings::default().layout(rate_hz);
        let mut tracker = OnsetTracker::new(layout);
        (0..strengths.len())
            .filter(|&row| tracker.push(strengths[row], settings))
            .map(|row| row as f64 * layout.hop_secs())
            .collect()
    }

    /// When they are heard: once the row is complete.
    fn late(hits: &[f64], rate_hz: u32) -> Vec<f64> {
        hits.iter().map(|secs| secs + 1024.0 / f64::from(rate_hz)).collect()
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
        let found = late(&live(&a10(), 22_050), 22_050);
        let f = f_measure(&found, &truth, TOLERANCE_SECS);
        assert!(f > 0.9, "{f}");
    }

    /// By the middle of the row, as an offline render aligns it, and as it is heard: at 22.05 kHz
    /// half a row is 46 ms already, of the 50 that count.
    #[test]
    fn finds_the_strokes_of_drums() {
        const REST: &str = "................";
        let rock = Drums::default();
        let ghosts = ["x.......x.x.....", "..o.x..o.o..x..o", "x...x...x...x..."];
        let shuffle = ["x.......x.x.....", "....x.......x..o", "x.xxx.xxx.xxx.xx"];
        let fast = Drums { bpm: 174.0, num_bars: 12, ..rock };
        let soft = Drums { attack_secs: 0.02, ..rock };
        let kicks = Drums { patterns: ["x...x...x...x...", REST, REST], ..rock };
        for (name, [least, least_heard], drums) in [
            ("slow", [0.97, 0.97], Drums { bpm: 90.0, ..rock }),
            ("rock", [0.97, 0.97], rock),
            ("rock, 44.1 kHz", [0.97, 0.97], Drums { sample_rate_hz: 44_100, ..rock }),
            ("rock, 48 kHz", [0.97, 0.97], Drums { sample_rate_hz: 48_000, ..rock }),
            ("fast", [0.95, 0.88], fast),
            ("fast, 44.1 kHz", [0.97, 0.97], Drums { sample_rate_hz: 44_100, ..fast }),
            ("swing", [0.97, 0.97], Drums { bpm: 100.0, swing: 0.33, patterns: shuffle, ..rock }),
            ("ghost notes", [0.97, 0.97], Drums { bpm: 100.0, patterns: ghosts, ..rock }),
            ("no noise", [0.97, 0.97], Drums { noise_db: -120.0, ..rock }),
            ("noise at -40 dB", [0.97, 0.97], Drums { noise_db: -40.0, ..rock }),
            ("noise at -30 dB", [0.95, 0.9], Drums { noise_db: -30.0, ..rock }),
            ("attacks of 20 ms", [0.95, 0.86], soft),
            ("attacks of 20 ms, 44.1 kHz", [0.95, 0.95], Drums { sample_rate_hz: 44_100, ..soft }),
            ("attacks of 50 ms", [0.95, 0.75], Drums { attack_secs: 0.05, ..rock }),
            ("kick alone", [0.97, 0.97], kicks),
            ("kick alone, 44.1 kHz", [0.97, 0.97], Drums { sample_rate_hz: 44_100, ..kicks }),
        ] {
            let played = drums.play();
            let found = live(&played.sound, drums.sample_rate_hz);
            let of = |found: &[f64]| f_measure(found, &played.onsets_secs(), TOLERANCE_SECS);
            let (f, heard) = (of(&found), of(&late(&found, drums.sample_rate_hz)));
            println!("{name}: {f:.3}, heard {heard:.3}");
            assert!(f > least && heard > least_heard, "{name}: {f}, heard {heard}");
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
            let settings =
                TrackerSettings { threshold, peak_range: (1.0, 1e9), first_peak: 1.0, ..SETTINGS };
            let found = late(&hits(strengths.data(), 22_050, &settings), 22_050);
            let f = f_measure(&found, &strokes_secs[drum], TOLERANCE_SECS);
            println!("drum {drum}: {f:.3}");
            assert!(f > 0.9, "drum {drum}: {f}");
        }
    }
}
