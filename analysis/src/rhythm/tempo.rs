//! How fast a piece goes.

use rayon::prelude::*;

use super::tempogram::{mean_tempogram, tempogram};

/// What is expected of a tempo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TempoSettings {
    /// The tempo that is likeliest beforehand, in beats a minute.
    pub start_bpm: f64,
    /// Standard deviation of the logarithm of the tempo about it, in octaves.
    pub std_octaves: f64,
    /// Length of the stretches whose periods are looked for, in seconds.
    pub window_secs: f64,
    /// No tempo is this fast, in beats a minute.
    pub max_bpm: f64,
}

impl Default for TempoSettings {
    /// librosa's.
    fn default() -> Self {
        Self { start_bpm: 120.0, std_octaves: 1.0, window_secs: 8.0, max_bpm: 320.0 }
    }
}

impl TempoSettings {
    fn win_len(&self, frame_rate_hz: f64) -> usize {
        (self.window_secs * frame_rate_hz).max(0.0) as usize
    }
}

/// The tempo of onset strengths, `[frames]`, in beats a minute: librosa's `feature.tempo`. Of the
/// periods l, in frames, that with the largest ln(1 + 10⁶·A\[l\]) − ½·(log₂(bpm/start)/std)², where A
/// is the mean of the tempogram. The start where the window holds no period.
pub fn tempo(strength: &[f32], frame_rate_hz: f64, settings: &TempoSettings) -> f64 {
    let mean = mean_tempogram(strength, settings.win_len(frame_rate_hz));
    likeliest(&mean, frame_rate_hz, settings)
}

/// The tempo about each frame, `[frames]`, in beats a minute: librosa's `feature.tempo` with
/// `aggregate=None`.
pub fn tempo_curve(strength: &[f32], frame_rate_hz: f64, settings: &TempoSettings) -> Vec<f64> {
    let rows = tempogram(strength, settings.win_len(frame_rate_hz));
    let tempo = |row: &[f32]| {
        let row: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        likeliest(&row, frame_rate_hz, settings)
    };
    rows.data().par_chunks_exact(rows.num_bins().max(1)).map(tempo).collect()
}

/// The likeliest tempo of an autocorrelation, `[lags]`.
fn likeliest(autocorrelation: &[f64], frame_rate_hz: f64, settings: &TempoSettings) -> f64 {
    let mut best = (f64::NEG_INFINITY, settings.start_bpm);
    for (lag, &a) in autocorrelation.iter().enumerate().skip(1) {
        let bpm = 60.0 * frame_rate_hz / lag as f64;
        let octaves = (bpm.log2() - settings.start_bpm.log2()) / settings.std_octaves;
        let score = (1e6 * a).ln_1p() - 0.5 * octaves * octaves;
        if bpm < settings.max_bpm && score > best.0 {
            best = (score, bpm);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reference;

    #[test]
    fn matches_the_reference() {
        for (clip, expected) in [
            ("librosa/onset_strength_median.bin", 135.999_177_631_578_96),
            ("librosa/a30/onset_strength_median.bin", 69.837_415_540_540_55),
        ] {
            let found = tempo(&reference(clip), 22_050.0 / 512.0, &TempoSettings::default());
            assert!((found - expected).abs() < 1e-9, "{clip}: {found}");
        }
    }

    #[test]
    fn is_that_of_the_pulse_and_stays_in_range() {
        let pulse = |period: usize| -> Vec<f32> {
            (0..2000).map(|i| f32::from(u8::from(i % period == 0))).collect()
        };
        let settings = TempoSettings::default();
        assert_eq!(tempo(&pulse(50), 100.0, &settings), 120.0);
        let curve = tempo_curve(&pulse(60), 100.0, &settings);
        assert!(curve.len() == 2000 && curve[200..].iter().all(|&bpm| bpm == 100.0));
        let slow = TempoSettings { max_bpm: 100.0, ..settings };
        assert_eq!(tempo(&pulse(50), 100.0, &slow), 60.0);
        assert_eq!(tempo(&[], 100.0, &settings), 120.0);
        assert_eq!(tempo(&pulse(50), 0.1, &settings), 120.0);
    }
}
