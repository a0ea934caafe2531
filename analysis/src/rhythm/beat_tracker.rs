//! Follows the beat while it plays.

use super::beat_filter::{BeatFilter, Belief, Expected};

/// Least rate of steps, in Hz; the largest is twice that.
const STEP_RATE_HZ: f64 = 70.0;
/// Time constants of the mean strength and of the strength just now, in seconds.
const MEAN_SECS: f64 = 5.0;
const NOW_SECS: f64 = 0.8;
/// The sound counts in full from this part of the mean strength on.
const AUDIBLE: f32 = 0.35;
/// Largest strength, over the mean.
const MAX_STRENGTH: f32 = 8.0;
/// Time constant of the confidence and of the tempo, in seconds.
const CONFIDENCE_SECS: f64 = 0.7;
const TEMPO_SECS: f64 = 0.6;
/// A belief that is this likely replaces one that is at most this.
const REPLACES: (f64, f64) = (0.4, 0.12);
/// Below this confidence the tempo is held.
pub const HOLD_BELOW: f64 = 0.3;

/// Tempo and phase of the beat, from the strength of onsets, row by row.
#[derive(Debug, Clone)]
pub struct BeatTracker {
    row_secs: f64,
    steps_per_row: usize,
    rows_per_step: usize,
    filter: BeatFilter,
    num_rows: usize,
    row_sum: f32,
    last: f32,
    mean: f32,
    heard_secs: f64,
    now: f32,
    belief: Belief,
    confidence: f64,
}

impl Default for BeatTracker {
    /// For 512 samples at 48 kHz.
    fn default() -> Self {
        Self::new(512.0 / 48_000.0)
    }
}

impl BeatTracker {
    /// For rows every `row_secs`.
    pub fn new(row_secs: f64) -> Self {
        let rate_hz = 1.0 / row_secs.clamp(1e-4, 1.0);
        let steps_per_row = (STEP_RATE_HZ / rate_hz).ceil().max(1.0) as usize;
        let rows_per_step = (rate_hz / STEP_RATE_HZ).floor().max(1.0) as usize;
        let step_secs = rows_per_step as f64 / (rate_hz * steps_per_row as f64);
        Self {
            row_secs: 1.0 / rate_hz,
            steps_per_row,
            rows_per_step,
            filter: BeatFilter::new(step_secs),
            num_rows: 0,
            row_sum: 0.0,
            last: 0.0,
            mean: 0.0,
            heard_secs: 0.0,
            now: 0.0,
            belief: Belief::default(),
            confidence: 0.0,
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.filter.reset();
        (self.num_rows, self.row_sum, self.last) = (0, 0.0, 0.0);
        (self.mean, self.heard_secs, self.now) = (0.0, 0.0, 0.0);
        (self.belief, self.confidence) = (Belief::default(), 0.0);
    }

    /// Tempo and phase at the last row, and how sure they are.
    pub fn belief(&self) -> Belief {
        Belief { probability: self.confidence, ..self.belief }
    }

    /// Believes in a tempo and phase at the last row from now on, as far as the sound bears it out.
    pub fn suggest(&mut self, bpm: f64, phase: f64, expected: &Expected) {
        self.filter.expect(*expected);
        self.filter.suggest(bpm, phase);
        self.belief = Belief { probability: 1.0, bpm, phase: phase.rem_euclid(1.0) };
        self.confidence = 1.0;
    }

    /// Takes the strength of the next row, at least 0.
    pub fn push(&mut self, strength: f32, expected: &Expected) {
        if self.belief.bpm == 0.0 {
            self.belief.bpm = expected.bpm;
        }
        self.filter.expect(*expected);
        self.belief.phase =
            (self.belief.phase + self.row_secs * self.belief.bpm / 60.0).rem_euclid(1.0);
        self.row_sum += strength;
        self.num_rows += 1;
        if self.num_rows < self.rows_per_step {
            return;
        }
        let mean = self.row_sum / self.num_rows as f32;
        (self.num_rows, self.row_sum) = (0, 0.0);
        for i in 1..=self.steps_per_row {
            let part = i as f32 / self.steps_per_row as f32;
            self.step(self.last + (mean - self.last) * part);
        }
        self.last = mean;
        self.choose();
    }

    fn step_secs(&self) -> f64 {
        self.row_secs * self.rows_per_step as f64 / self.steps_per_row as f64
    }

    fn step(&mut self, strength: f32) {
        let secs = self.step_secs();
        self.now += (strength - self.now) * gain(secs, NOW_SECS);
        let trust = (self.now / (AUDIBLE * self.mean).max(1e-6)).min(1.0);
        // Silence is no rhythm: it changes neither the mean nor the belief.
        let trust = ((trust - 0.2) / 0.8).max(0.0);
        self.heard_secs += secs * f64::from(trust);
        let mean_secs = self.heard_secs.clamp(0.3, MEAN_SECS);
        self.mean += (strength - self.mean) * gain(secs, mean_secs) * trust.max(0.02);
        let relative = strength / self.mean.max(1e-6);
        self.filter.step(relative.min(MAX_STRENGTH), trust);
    }

    /// Stays with the belief as long as it holds, and else takes the likeliest.
    fn choose(&mut self) {
        if self.heard_secs == 0.0 {
            return;
        }
        let secs = self.row_secs * self.rows_per_step as f64;
        let here = self.filter.near(self.belief.bpm, self.belief.phase);
        let best = self.filter.likeliest();
        if best.probability > REPLACES.0 && here.probability < REPLACES.1 {
            self.belief = best;
        } else if here.probability > 0.0 {
            self.belief.phase = here.phase;
            let gain = f64::from(gain(secs, TEMPO_SECS));
            self.belief.bpm += (here.bpm - self.belief.bpm) * gain;
        }
        self.confidence +=
            (here.probability - self.confidence) * f64::from(gain(secs, CONFIDENCE_SECS));
    }
}

/// How far a one-pole average goes within `secs`.
fn gain(secs: f64, time_constant_secs: f64) -> f32 {
    -(-secs / time_constant_secs).exp_m1() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhythm::accent::Accent;
    use crate::rhythm::beat_clock::BeatClock;
    use crate::rhythm::evaluate::{amlt, cmlt, f_measure};
    use crate::rhythm::groove::{Rhythm, house, rock, syncopated};
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, reference, reference_frames};

    /// What is left out of the measures while the tracker gets its bearings.
    const WARM_UP_SECS: f64 = 5.0;

    /// What a tracker with a clock says as rows come.
    struct Run {
        beats: Vec<f64>,
        bpm: f64,
        confidence: f64,
        end_secs: f64,
    }

    /// Follows strengths whose row k is complete at `first_secs` + k·`row_secs`, and shows attacks
    /// that lie `lag_secs` before.
    fn follow(strengths: &[f32], row_secs: f64, first_secs: f64, lag_secs: f64) -> Run {
        let mut tracker = BeatTracker::new(row_secs);
        let mut clock = BeatClock { beats: 0.0, rate_hz: 2.0 };
        let mut beats = Vec::new();
        for (k, &strength) in strengths.iter().enumerate() {
            let secs = first_secs + k as f64 * row_secs;
            if clock.advance(row_secs) > 0 {
                beats.push(secs - clock.phase() / clock.rate_hz);
            }
            tracker.push(strength, &Expected::default());
            let belief = tracker.belief();
            if belief.probability > HOLD_BELOW {
                clock.follow(belief.bpm, belief.phase + lag_secs * belief.bpm / 60.0);
            } else {
                clock.run_free(belief.bpm);
            }
        }
        let belief = tracker.belief();
        let end_secs = first_secs + strengths.len() as f64 * row_secs;
        Run { beats, bpm: belief.bpm, confidence: belief.probability, end_secs }
    }

    fn follow_sound(sound: &[f32], sample_rate_hz: u32, hop_len: usize) -> Run {
        let settings = StftSettings { hop_len, ..StftSettings::default() };
        let mut accent = Accent::default();
        accent.prepare_for(settings.layout(sample_rate_hz));
        let strengths: Vec<f32> =
            stft(sound, &settings).iter().map(|row| accent.push(row)).collect();
        let frame_secs = settings.n_fft as f64 / f64::from(sample_rate_hz);
        let row_secs = hop_len as f64 / f64::from(sample_rate_hz);
        follow(&strengths, row_secs, 0.5 * frame_secs, 0.35 * frame_secs)
    }

    struct Scores {
        f50: f64,
        f70: f64,
        cmlt: f64,
        amlt: f64,
    }

    fn scores(name: &str, run: &Run, truth: &[f64]) -> Scores {
        let within = |beats: &[f64]| -> Vec<f64> {
            let range = WARM_UP_SECS..run.end_secs - 0.1;
            beats.iter().copied().filter(|b| range.contains(b)).collect()
        };
        let (found, truth) = (within(&run.beats), within(truth));
        let scores = Scores {
            f50: f_measure(&found, &truth, 0.05),
            f70: f_measure(&found, &truth, 0.07),
            cmlt: cmlt(&found, &truth),
            amlt: amlt(&found, &truth),
        };
        println!(
            "{name:18} F50 {:.3} F70 {:.3} CMLt {:.3} AMLt {:.3} bpm {:.1} confidence {:.2}",
            scores.f50, scores.f70, scores.cmlt, scores.amlt, run.bpm, run.confidence
        );
        scores
    }

    fn scores_of(name: &str, rhythm: &Rhythm) -> Scores {
        scores(name, &follow_sound(&rhythm.sound(48_000), 48_000, 512), &rhythm.beats())
    }

    #[test]
    fn follows_rhythms_at_all_tempi() {
        for bpm in [70.0, 85.0, 100.0, 128.0, 155.0, 180.0] {
            for (name, bar) in [("rock", rock()), ("house", house()), ("syncopated", syncopated())]
            {
                let name = format!("{name} {bpm}");
                let found = scores_of(&name, &Rhythm::steady(bar, bpm, 25.0));
                if name == "syncopated 70" {
                    // Its sixteenths are the eighths of 140.
                    assert!(found.f50 > 0.6 && found.amlt > 0.9, "{name}");
                } else {
                    assert!(found.f50 > 0.9 && found.cmlt > 0.85, "{name}: {}", found.f50);
                }
            }
        }
    }

    #[test]
    fn follows_what_is_less_clear() {
        type Edit = fn(&mut Rhythm);
        let edits: [(&str, Edit); 5] = [
            ("swing", |r| r.swing = 1.0 / 6.0),
            ("jitter", |r| r.jitter_secs = 0.01),
            ("noise", |r| r.noise = 0.1),
            ("chord", |r| r.chord = 0.3),
            ("dropout", |r| r.silent = 20..28),
        ];
        for (name, edit) in edits {
            for bpm in [80.0, 120.0, 160.0] {
                let mut rhythm = Rhythm::steady(rock(), bpm, 25.0);
                edit(&mut rhythm);
                let name = format!("{name} {bpm}");
                let found = scores_of(&name, &rhythm);
                let least = if name == "noise 80" { 0.6 } else { 0.88 };
                assert!(found.f70 > least, "{name}: {}", found.f70);
            }
        }
    }

    #[test]
    fn follows_changes_of_tempo() {
        for (from, to) in [(120.0, 130.0), (100.0, 140.0), (150.0, 110.0)] {
            let step = (0..80).map(|i| 60.0 / if i < 30 { from } else { to }).collect();
            let found = scores_of(&format!("step {from} {to}"), &Rhythm::of_beats(rock(), step));
            assert!(found.f70 > 0.88);
        }
        for (from, to) in [(100.0, 140.0), (160.0, 110.0)] {
            let ramp = (0..80).map(|i| 60.0 / (from + (to - from) * f64::from(i) / 80.0)).collect();
            let found = scores_of(&format!("ramp {from} {to}"), &Rhythm::of_beats(rock(), ramp));
            assert!(found.f70 > 0.9);
        }
    }

    #[test]
    fn any_rate_and_hop_will_do() {
        let rhythm = Rhythm::steady(rock(), 126.0, 20.0);
        for (rate, hop) in
            [(44_100, 512), (96_000, 512), (48_000, 256), (48_000, 1024), (48_000, 2048)]
        {
            let run = follow_sound(&rhythm.sound(rate), rate, hop);
            let found = scores(&format!("{rate} / {hop}"), &run, &rhythm.beats());
            assert!(found.f50 > 0.9 && (run.bpm / 126.0 - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn is_sure_of_a_rhythm_and_unsure_of_noise() {
        let mut noise = Rhythm::steady(Vec::new(), 120.0, 15.0);
        noise.noise = 0.1;
        let unsure = follow_sound(&noise.sound(48_000), 48_000, 512).confidence;
        let rhythm = Rhythm::steady(rock(), 120.0, 15.0);
        let sure = follow_sound(&rhythm.sound(48_000), 48_000, 512).confidence;
        assert!(unsure < 0.6 && sure > 0.9, "{unsure} {sure}");
    }

    /// Against the beats that librosa finds when it has heard all.
    #[test]
    fn follows_music() {
        let secs = |path: &str| -> Vec<f64> {
            reference_frames(path).iter().map(|&f| f as f64 * 512.0 / 22_050.0).collect()
        };
        let found = follow_sound(&a10(), 22_050, 512);
        let found = scores("a10", &found, &secs("librosa/beat_track_frames.bin"));
        assert!(found.f70 > 0.8);
        // Any strength will do: here librosa's, whose row k shows what lies at k·hop.
        let strengths = reference("librosa/a30/onset_strength_median.bin");
        let found = follow(&strengths, 512.0 / 22_050.0, 0.0, 0.0);
        let found = scores("a30", &found, &secs("librosa/a30/beat_track_frames.bin"));
        // It goes at 140 and is found at 70 there.
        assert!(found.amlt > 0.5);
    }

    #[test]
    fn reset_repeats() {
        let sound = Rhythm::steady(rock(), 120.0, 4.0).sound(48_000);
        let settings = StftSettings::default();
        let mut accent = Accent::default();
        accent.prepare_for(settings.layout(48_000));
        let strengths: Vec<f32> =
            stft(&sound, &settings).iter().map(|row| accent.push(row)).collect();
        let mut tracker = BeatTracker::default();
        let mut run = || {
            strengths.iter().for_each(|&s| tracker.push(s, &Expected::default()));
            let belief = tracker.belief();
            tracker.reset();
            belief
        };
        assert_eq!(run(), run());
    }
}
