//! Rhythms whose beats are known.

use std::f64::consts::TAU;

/// A drum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drum {
    Kick,
    Snare,
    Hat,
}

/// A stroke: its place in the bar in beats, its drum and its loudness.
pub type Stroke = (f64, Drum, f32);

/// A rhythm: a bar of four beats over and over, at tempi that may change from beat to beat.
#[derive(Debug, Clone)]
pub struct Rhythm {
    /// The bar.
    pub strokes: Vec<Stroke>,
    /// Length of each beat, in seconds.
    pub beat_secs: Vec<f64>,
    /// Beats without any stroke.
    pub silent: std::ops::Range<usize>,
    /// How far off-beat eighths come late, in beats: 1/6 is triplet swing.
    pub swing: f64,
    /// Standard deviation of the strokes' times, in seconds.
    pub jitter_secs: f64,
    /// Amplitude of white noise over everything.
    pub noise: f32,
    /// Level of a chord that changes every four beats.
    pub chord: f32,
}

/// Kick, snare and eighths of a hat.
pub fn rock() -> Vec<Stroke> {
    let mut bar = vec![
        (0.0, Drum::Kick, 1.0),
        (1.0, Drum::Snare, 0.8),
        (2.0, Drum::Kick, 1.0),
        (3.0, Drum::Snare, 0.8),
    ];
    bar.extend((0..8).map(|i| (f64::from(i) * 0.5, Drum::Hat, 0.25)));
    bar
}

/// A kick on each beat, a hat between them.
pub fn house() -> Vec<Stroke> {
    (0..4)
        .flat_map(|i| [(f64::from(i), Drum::Kick, 1.0), (f64::from(i) + 0.5, Drum::Hat, 0.3)])
        .collect()
}

/// Kicks off the beat, snares on 2 and 4, sixteenths of a hat.
pub fn syncopated() -> Vec<Stroke> {
    let mut bar = vec![
        (0.0, Drum::Kick, 1.0),
        (0.75, Drum::Kick, 0.8),
        (1.0, Drum::Snare, 0.9),
        (1.75, Drum::Kick, 0.6),
        (2.5, Drum::Kick, 1.0),
        (3.0, Drum::Snare, 0.9),
        (3.75, Drum::Snare, 0.3),
    ];
    bar.extend(
        (0..16).map(|i| (f64::from(i) * 0.25, Drum::Hat, if i % 4 == 0 { 0.25 } else { 0.15 })),
    );
    bar
}

impl Rhythm {
    /// `strokes` at one tempo for `secs`.
    pub fn steady(strokes: Vec<Stroke>, bpm: f64, secs: f64) -> Self {
        let num = (secs * bpm / 60.0).ceil() as usize;
        Self::of_beats(strokes, vec![60.0 / bpm; num])
    }

    /// `strokes` over beats of these lengths.
    pub fn of_beats(strokes: Vec<Stroke>, beat_secs: Vec<f64>) -> Self {
        Self {
            strokes,
            beat_secs,
            silent: 0..0,
            swing: 0.0,
            jitter_secs: 0.0,
            noise: 0.002,
            chord: 0.0,
        }
    }

    /// The times of its beats, in seconds; the first comes after half a second.
    pub fn beats(&self) -> Vec<f64> {
        let mut at = 0.5;
        let mut next = |secs: &f64| {
            at += secs;
            at - secs
        };
        self.beat_secs.iter().map(&mut next).collect()
    }

    /// Its sound.
    pub fn sound(&self, sample_rate_hz: u32) -> Vec<f32> {
        let rate = f64::from(sample_rate_hz);
        let beats = self.beats();
        let end =
            beats.last().copied().unwrap_or(0.0) + self.beat_secs.last().copied().unwrap_or(0.0);
        let mut sound = vec![0.0_f32; (end * rate) as usize];
        let mut random = Random(1);
        for bar in (0..beats.len()).step_by(4) {
            for &(place, drum, level) in &self.strokes {
                let beat = bar + place as usize;
                if beat >= beats.len() || self.silent.contains(&beat) {
                    continue;
                }
                let part = place.fract();
                let part = if (part - 0.5).abs() < 1e-9 { part + self.swing } else { part };
                let at =
                    beats[beat] + part * self.beat_secs[beat] + self.jitter_secs * random.normal();
                strike(&mut sound, (at * rate).max(0.0) as usize, rate, drum, level, &mut random);
            }
        }
        for (i, x) in sound.iter_mut().enumerate() {
            *x += self.noise * random.white() as f32;
            let secs = i as f64 / rate;
            let beat = beats.partition_point(|&b| b <= secs);
            if self.chord > 0.0 && !self.silent.contains(&beat) {
                let root = [220.0, 174.6, 261.6, 196.0][beat / 4 % 4];
                let tone = |ratio: f64| (TAU * root * ratio * secs).sin();
                *x += self.chord * (tone(1.0) + tone(1.26) + tone(1.5)) as f32 / 3.0;
            }
        }
        sound
    }
}

fn strike(sound: &mut [f32], start: usize, rate: f64, drum: Drum, level: f32, random: &mut Random) {
    let secs = match drum {
        Drum::Kick => 0.25,
        Drum::Snare => 0.15,
        Drum::Hat => 0.05,
    };
    let mut before = 0.0;
    for (i, x) in sound.iter_mut().skip(start).take((4.0 * secs * rate) as usize).enumerate() {
        let t = i as f64 / rate;
        let white = random.white();
        let fade = (-4.0 * t / secs).exp();
        let wave = match drum {
            // A sweep from 150 Hz down to 50 Hz.
            Drum::Kick => (TAU * (50.0 * t + 100.0 * 0.03 * (1.0 - (-t / 0.03).exp()))).sin(),
            Drum::Snare => 0.6 * white + 0.4 * (TAU * 190.0 * t).sin(),
            Drum::Hat => white - before,
        };
        before = white;
        *x += 0.5 * level * (fade * wave) as f32;
    }
}

/// A small generator of random numbers.
struct Random(u64);

impl Random {
    /// Uniform in ±1.
    fn white(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }

    /// Nearly normal, of standard deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| 0.5 * self.white()).sum()
    }
}
