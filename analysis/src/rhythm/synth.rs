//! Rhythms whose onsets and beats are known, for tests.

use std::f64::consts::TAU;

/// A drum part. Each pattern is a bar of sixteenths: `x` a stroke, `o` a ghost note, else rest.
#[derive(Debug, Clone, Copy)]
pub struct Drums {
    /// Quarter notes a minute.
    pub bpm: f64,
    /// Bars of four quarters.
    pub num_bars: usize,
    /// Kick, snare, hat.
    pub patterns: [&'static str; 3],
    /// By how much of a sixteenth every second one is late.
    pub swing: f64,
    /// Level of ghost notes.
    pub ghost_db: f64,
    /// Level of white noise below everything; −∞ for none.
    pub noise_db: f64,
    /// Time over which a stroke rises.
    pub attack_secs: f64,
    /// Of the sound, in Hz.
    pub sample_rate_hz: u32,
}

impl Default for Drums {
    /// Eight bars of rock at 120 to the minute, dry.
    fn default() -> Self {
        Self {
            bpm: 120.0,
            num_bars: 8,
            patterns: ["x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."],
            swing: 0.0,
            ghost_db: -15.0,
            noise_db: -60.0,
            attack_secs: 0.001,
            sample_rate_hz: 22_050,
        }
    }
}

/// What was played, and when.
pub struct Played {
    /// One channel within ±1.
    pub sound: Vec<f32>,
    /// Onsets of kick, snare and hat in seconds, ascending.
    pub strokes_secs: [Vec<f64>; 3],
    /// Quarter notes in seconds.
    pub beats_secs: Vec<f64>,
}

impl Played {
    /// The onsets of all drums, together where they are struck together.
    pub fn onsets_secs(&self) -> Vec<f64> {
        let mut all = self.strokes_secs.concat();
        all.sort_unstable_by(f64::total_cmp);
        all.dedup_by(|a, b| (*a - *b).abs() < 1e-3);
        all
    }
}

/// Time before the first bar.
const LEAD_SECS: f64 = 0.5;
/// Time after which the longest stroke, 100 dB down, is cut: louder, the cut would be an onset.
const RING_SECS: f64 = 1.2;

impl Drums {
    /// The sound, and its truth.
    pub fn play(&self) -> Played {
        let rate = f64::from(self.sample_rate_hz);
        let step_secs = 15.0 / self.bpm;
        let num_steps = 16 * self.num_bars;
        let len = ((LEAD_SECS + num_steps as f64 * step_secs + 0.5) * rate) as usize;
        let mut noise = Noise(1);
        let level = 10.0_f64.powf(self.noise_db / 20.0);
        let mut sound: Vec<f64> = (0..len).map(|_| level * noise.next()).collect();
        let mut strokes_secs = [const { Vec::new() }; 3];
        for step in 0..num_steps {
            let late = if step % 2 == 1 { self.swing } else { 0.0 };
            let at_secs = LEAD_SECS + (step as f64 + late) * step_secs;
            for (drum, pattern) in self.patterns.iter().enumerate() {
                let gain = match pattern.as_bytes().get(step % 16) {
                    Some(b'x') => 1.0,
                    Some(b'o') => 10.0_f64.powf(self.ghost_db / 20.0),
                    _ => continue,
                };
                strokes_secs[drum].push(at_secs);
                let start = (at_secs * rate).round() as usize;
                let mut voice = Voice::new(drum, rate);
                for (i, out) in
                    sound[start..].iter_mut().take((RING_SECS * rate) as usize).enumerate()
                {
                    let secs = i as f64 / rate;
                    let rise = (secs / self.attack_secs).min(1.0);
                    *out += gain * rise * voice.next(secs, &mut noise);
                }
            }
        }
        let beats_secs =
            (0..4 * self.num_bars).map(|b| LEAD_SECS + 4.0 * b as f64 * step_secs).collect();
        Played { sound: sound.into_iter().map(|x| x as f32).collect(), strokes_secs, beats_secs }
    }
}

/// Kick: a tone that falls from 120 to 50 Hz. Snare: a tone of 190 Hz under bright noise. Hat: noise
/// above all else.
struct Voice {
    drum: usize,
    step_secs: f64,
    phase: f64,
    past: [f64; 2],
}

impl Voice {
    fn new(drum: usize, rate_hz: f64) -> Self {
        Self { drum, step_secs: 1.0 / rate_hz, phase: 0.0, past: [0.0; 2] }
    }

    fn next(&mut self, secs: f64, noise: &mut Noise) -> f64 {
        let fade = |time_constant_secs: f64| (-secs / time_constant_secs).exp();
        let white = noise.next();
        let [one, two] = self.past;
        self.past = [white, one];
        let tone_hz = if self.drum == 0 { 50.0 + 70.0 * fade(0.03) } else { 190.0 };
        self.phase += TAU * tone_hz * self.step_secs;
        match self.drum {
            0 => 0.6 * fade(0.1) * self.phase.sin(),
            1 => 0.2 * fade(0.05) * self.phase.sin() + 0.15 * fade(0.06) * (white - one),
            _ => 0.05 * fade(0.02) * (white - 2.0 * one + two),
        }
    }
}

/// White noise in ±1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        // Knuth's linear congruential generator; its upper bits are the good ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}

/// 2·matched/(found + truth): each of `found` matches at most one of `truth` within `tolerance_secs`.
/// Both ascend.
pub fn f_measure(found: &[f64], truth: &[f64], tolerance_secs: f64) -> f64 {
    let (mut i, mut k, mut matched) = (0, 0, 0);
    while let (Some(f), Some(t)) = (found.get(i), truth.get(k)) {
        if (f - t).abs() <= tolerance_secs {
            (i, k, matched) = (i + 1, k + 1, matched + 1);
        } else if f < t {
            i += 1;
        } else {
            k += 1;
        }
    }
    2.0 * f64::from(matched) / (found.len() + truth.len()).max(1) as f64
}

#[test]
fn strokes_sound_where_they_stand() {
    let drums = Drums { noise_db: f64::NEG_INFINITY, swing: 0.3, ..Drums::default() };
    let played = drums.play();
    assert_eq!(played.strokes_secs.each_ref().map(Vec::len), [24, 16, 64]);
    assert_eq!(played.beats_secs.len(), 32);
    let first = played.sound.iter().position(|x| *x != 0.0).unwrap();
    assert!((first as f64 / 22_050.0 - 0.5).abs() < 1e-3, "{first}");
    assert!(played.sound.iter().all(|x| x.abs() < 1.0));
    assert_eq!(f_measure(&[0.0, 1.0, 2.0], &[0.04, 1.2, 2.0], 0.05), 2.0 / 3.0);
}
