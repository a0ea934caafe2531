//! Where in the beat the sound may be, and how fast it may go.

use std::ops::Range;

/// Slowest and fastest tempo that is ever thought of, in beats a minute.
pub const RANGE_BPM: (f64, f64) = (30.0, 300.0);

/// Share of the probability that each step spreads over everything, so that no belief is final.
const RESTART: f32 = 1e-5;
/// How firmly a beat keeps the length of the one before: its factor is exp(−this·|ratio − 1|).
const STEADINESS: f64 = 70.0;
/// No change from beat to beat is larger than this ratio.
const MAX_CHANGE: f64 = 0.12;
/// Half width of an attack in the strength, in seconds.
const ATTACK_SECS: f64 = 0.022;
/// Strength expected on the beat and away from it, over the mean.
const STRENGTH: (f64, f64) = (3.2, 0.45);
/// How far half and quarter beats stand out, where beats do by 1.
const HALF: f64 = 0.2;
const QUARTER: f64 = 0.1;
/// Part of the evidence that counts: neighbouring steps are not independent.
const TRUST: f64 = 0.4;
/// How much the expected tempo weighs, in nats a second at one standard deviation squared.
const PULL: f64 = 1.0;

const NUM_LEVELS: usize = 32;
const PHASE_CELLS: usize = 24;
/// Tempo cells per octave.
const TEMPO_CELLS: f64 = 16.0;

/// A beat of a whole number of steps: the states that a pointer runs through from one beat to the
/// next.
#[derive(Debug, Clone)]
struct Ring {
    states: Range<usize>,
    bpm: f64,
    /// Rings that the next beat may be on, and how likely it is on each.
    next: Range<usize>,
    weights: Vec<f32>,
    /// Cell of the histogram that phase 0 falls into.
    cell: usize,
    /// Share of the restarts that each state gets; 0 for tempi out of range.
    restart: f32,
    /// Factor at each step by which the tempo is expected.
    pull: f32,
}

impl Ring {
    fn len(&self) -> usize {
        self.states.len()
    }
}

/// What is expected of the tempo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Slowest and fastest, in beats a minute, within [`RANGE_BPM`].
    pub range_bpm: (f64, f64),
    /// Likeliest, in beats a minute.
    pub bpm: f64,
    /// Standard deviation of the logarithm of the tempo about it, in octaves.
    pub std_octaves: f64,
}

impl Default for Expected {
    fn default() -> Self {
        Self { range_bpm: (55.0, 215.0), bpm: 120.0, std_octaves: 0.7 }
    }
}

/// A belief about tempo and phase.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Belief {
    /// Its probability, 0..1.
    pub probability: f64,
    /// Beats a minute.
    pub bpm: f64,
    /// Phase in the beat, 0..1.
    pub phase: f64,
}

/// The probability of every tempo and phase, step by step: the forward algorithm on a bar pointer
/// (Whiteley, Cemgil and Godsill 2006) of one beat, with beats of whole numbers of steps that change
/// their length at the beat alone (Krebs, Böck and Widmer 2015). The strength is exponentially
/// distributed, with a mean that is largest on the beat, smaller on its half and quarters, and
/// smallest elsewhere.
#[derive(Debug, Clone)]
pub struct BeatFilter {
    step_secs: f64,
    expected: Option<Expected>,
    rings: Vec<Ring>,
    /// Rings whose tempo is within the range.
    active: Range<usize>,
    probabilities: Vec<f32>,
    /// What makes their sum 1.
    scale: f32,
    levels: Vec<u8>,
    ends: Vec<f32>,
    cells: Vec<f32>,
}

impl BeatFilter {
    /// For steps of `step_secs`.
    pub fn new(step_secs: f64) -> Self {
        let steps = |bpm: f64| 60.0 / (bpm * step_secs);
        let shortest = (steps(RANGE_BPM.1).ceil() as usize).max(2);
        let longest = (steps(RANGE_BPM.0) as usize).max(shortest);
        let mut start = 0;
        let mut rings: Vec<Ring> = Vec::new();
        for len in shortest..=longest {
            let near = |change: f64| (len as f64 * change).round() as usize;
            let next =
                near(1.0 - MAX_CHANGE).max(shortest)..near(1.0 + MAX_CHANGE).min(longest) + 1;
            let weight = |to: usize| (-STEADINESS * (to as f64 / len as f64 - 1.0).abs()).exp();
            let total: f64 = next.clone().map(weight).sum();
            let octaves = (len as f64 / shortest as f64).log2();
            rings.push(Ring {
                states: start..start + len,
                bpm: 60.0 / (len as f64 * step_secs),
                weights: next.clone().map(|to| (weight(to) / total) as f32).collect(),
                next: next.start - shortest..next.end - shortest,
                cell: (octaves * TEMPO_CELLS) as usize * PHASE_CELLS,
                restart: 0.0,
                pull: 1.0,
            });
            start += len;
        }
        let num_cells = rings.last().map_or(0, |ring| ring.cell) + PHASE_CELLS;
        let levels =
            rings.iter().flat_map(|ring| (0..ring.len()).map(|s| level(s, ring.len(), step_secs)));
        Self {
            step_secs,
            expected: None,
            active: 0..0,
            probabilities: vec![0.0; start],
            scale: 1.0,
            levels: levels.collect(),
            ends: vec![0.0; rings.len()],
            cells: vec![0.0; num_cells],
            rings,
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.expected = None;
    }

    /// Expects tempi so from now on. The first time, and after `reset`, nothing else is believed.
    pub fn expect(&mut self, expected: Expected) {
        if self.expected == Some(expected) {
            return;
        }
        let first = self.expected.is_none();
        self.expected = Some(expected);
        let (slowest, fastest) = expected.range_bpm;
        let within =
            |ring: &Ring| ring.bpm <= fastest.max(slowest) * 1.02 && ring.bpm >= slowest * 0.98;
        let start = self.rings.iter().position(within).unwrap_or(0);
        let end = self.rings.iter().rposition(within).map_or(start + 1, |last| last + 1);
        self.active = start..end;
        let log = |ring: &Ring| {
            let octaves = (ring.bpm / expected.bpm).log2() / expected.std_octaves;
            -0.5 * octaves * octaves
        };
        let total: f64 = self.rings[start..end].iter().map(|ring| log(ring).exp()).sum();
        for (i, ring) in self.rings.iter_mut().enumerate() {
            let share = if self.active.contains(&i) { log(ring).exp() / total } else { 0.0 };
            ring.restart = (share / ring.len() as f64) as f32;
            ring.pull = (PULL * self.step_secs * log(ring)).exp() as f32;
            let states = &mut self.probabilities[ring.states.clone()];
            if first || share == 0.0 {
                states.fill(ring.restart);
            }
        }
        if first {
            self.scale = 1.0;
        }
    }

    /// Believes in this tempo, to 4 %, and this phase, to 1/16 of a beat, and forgets all else.
    pub fn suggest(&mut self, bpm: f64, phase: f64) {
        for ring in &self.rings[self.active.clone()] {
            let octaves = (ring.bpm / bpm).log2() / 0.06;
            for (s, p) in self.probabilities[ring.states.clone()].iter_mut().enumerate() {
                let away = (s as f64 / ring.len() as f64 - phase + 0.5).rem_euclid(1.0) - 0.5;
                *p = (-0.5 * (octaves * octaves + 256.0 * away * away)).exp() as f32;
            }
        }
        let sum: f32 = self.rings[self.active.clone()]
            .iter()
            .map(|ring| self.probabilities[ring.states.clone()].iter().sum::<f32>())
            .sum();
        self.scale = if sum > 0.0 { 1.0 / sum } else { 1.0 };
    }

    /// Takes the strength of the next step, over its mean. `trust`, 0..1, is how far it counts.
    pub fn step(&mut self, strength: f32, trust: f32) {
        let factors = factors(strength, trust);
        for i in self.active.clone() {
            let states = self.rings[i].states.clone();
            self.ends[i] = self.probabilities[states.end - 1];
            self.probabilities.copy_within(states.start..states.end - 1, states.start + 1);
            self.probabilities[states.start] = 0.0;
        }
        for i in self.active.clone() {
            let ring = &self.rings[i];
            for (to, weight) in ring.next.clone().zip(&ring.weights) {
                if self.active.contains(&to) {
                    self.probabilities[self.rings[to].states.start] += weight * self.ends[i];
                }
            }
        }
        let mut sum = 0.0;
        let keep = self.scale * (1.0 - RESTART);
        for ring in &self.rings[self.active.clone()] {
            let restart = RESTART * ring.restart;
            let states = self.probabilities[ring.states.clone()].iter_mut();
            let mut ring_sum = 0.0;
            for (p, &level) in states.zip(&self.levels[ring.states.clone()]) {
                *p = (*p * keep + restart) * factors[usize::from(level) % NUM_LEVELS] * ring.pull;
                ring_sum += *p;
            }
            sum += ring_sum;
        }
        self.scale = if sum > 0.0 { 1.0 / sum } else { 1.0 };
    }

    /// What is believed near a tempo and phase: within 8 % and an eighth of a beat.
    pub fn near(&self, bpm: f64, phase: f64) -> Belief {
        let (mut sum, mut log_bpm, mut offset) = (0.0, 0.0, 0.0);
        for ring in &self.rings[self.active.clone()] {
            let octaves = (ring.bpm / bpm).log2();
            if octaves.abs() > 0.11 {
                continue;
            }
            let len = ring.len() as f64;
            let (mut here, mut here_offset) = (0.0, 0.0);
            let first = ((phase - 0.125) * len).ceil() as i64;
            let last = ((phase + 0.125) * len).floor() as i64;
            for s in first..=last {
                let state = ring.states.start + s.rem_euclid(ring.len() as i64) as usize;
                let p = f64::from(self.probabilities[state]);
                here += p;
                here_offset += p * (s as f64 / len - phase);
            }
            sum += here;
            log_bpm += here * octaves;
            offset += here_offset;
        }
        let probability = sum * f64::from(self.scale);
        if sum > 0.0 {
            let bpm = bpm * (log_bpm / sum).exp2();
            Belief { probability, bpm, phase: (phase + offset / sum).rem_euclid(1.0) }
        } else {
            Belief { probability: 0.0, bpm, phase }
        }
    }

    /// The likeliest tempo and phase.
    pub fn likeliest(&mut self) -> Belief {
        self.cells.fill(0.0);
        for ring in &self.rings[self.active.clone()] {
            let len = ring.len();
            for (s, &p) in self.probabilities[ring.states.clone()].iter().enumerate() {
                self.cells[ring.cell + s * PHASE_CELLS / len] += p;
            }
        }
        let num_rows = self.cells.len() / PHASE_CELLS;
        let (mut best, mut place) = (-1.0, (0, 0));
        for row in 0..num_rows {
            for column in 0..PHASE_CELLS {
                let sum: f32 = (row.saturating_sub(1)..(row + 2).min(num_rows))
                    .map(|r| {
                        let row = &self.cells[r * PHASE_CELLS..(r + 1) * PHASE_CELLS];
                        row[column]
                            + row[(column + 1) % PHASE_CELLS]
                            + row[(column + PHASE_CELLS - 1) % PHASE_CELLS]
                    })
                    .sum();
                if sum > best {
                    (best, place) = (sum, (row, column));
                }
            }
        }
        let fastest = self.rings.first().map_or(120.0, |ring| ring.bpm);
        let bpm = fastest * (-(place.0 as f64 + 0.5) / TEMPO_CELLS).exp2();
        self.near(bpm, (place.1 as f64 + 0.5) / PHASE_CELLS as f64)
    }
}

/// How much the strength is expected to stand out in state `s` of a beat of `len` steps, from 0 to
/// `NUM_LEVELS` − 1.
fn level(s: usize, len: usize, step_secs: f64) -> u8 {
    let near = |phase: f64| {
        let away = (s as f64 / len as f64 - phase).abs();
        let away_secs = away.min(1.0 - away) * len as f64 * step_secs;
        (-0.5 * (away_secs / ATTACK_SECS).powi(2)).exp()
    };
    let stands_out =
        near(0.0).max(HALF * near(0.5)).max(QUARTER * near(0.25)).max(QUARTER * near(0.75));
    (stands_out * (NUM_LEVELS - 1) as f64).round() as u8
}

/// The likelihood of a strength at each level.
fn factors(strength: f32, trust: f32) -> [f32; NUM_LEVELS] {
    let (on, off) = STRENGTH;
    std::array::from_fn(|level| {
        let mean = off * (on / off).powf(level as f64 / (NUM_LEVELS - 1) as f64);
        let log = -f64::from(strength) / mean - mean.ln();
        (TRUST * f64::from(trust) * log).exp() as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_SECS: f64 = 0.01;

    /// Steps with an attack every `period`, and silence between them, from `first` on.
    fn run(filter: &mut BeatFilter, period: usize, first: usize, num_steps: usize) {
        for i in 0..num_steps {
            let is_beat = i >= first && (i - first).is_multiple_of(period);
            filter.step(if is_beat { 8.0 } else { 0.1 }, 1.0);
        }
    }

    /// A pulse by itself does not say whether each or every second attack is a beat.
    #[test]
    fn finds_the_phase_of_a_pulse_and_its_tempo_or_half_of_it() {
        for period in [35_usize, 50, 60, 75] {
            let mut filter = BeatFilter::new(STEP_SECS);
            filter.expect(Expected::default());
            run(&mut filter, period, 7, 1_000);
            let found = filter.likeliest();
            let bpm = 60.0 / (period as f64 * STEP_SECS);
            let attacks_per_beat = (bpm / found.bpm).round();
            assert!([1.0, 2.0].contains(&attacks_per_beat), "{period}: {found:?}");
            assert!((found.bpm * attacks_per_beat / bpm - 1.0).abs() < 0.01, "{found:?}");
            let phase = ((999 - 7) % period) as f64 / period as f64;
            let in_attacks = (found.phase * attacks_per_beat).rem_euclid(1.0);
            assert!(((in_attacks - phase + 0.5).rem_euclid(1.0) - 0.5).abs() < 0.05, "{found:?}");
            let between = (found.phase + 0.5 / attacks_per_beat).rem_euclid(1.0);
            assert!(filter.near(found.bpm, between).probability < 0.01, "{period}");
        }
    }

    #[test]
    fn probabilities_stay_a_distribution() {
        let mut filter = BeatFilter::new(STEP_SECS);
        for (i, strength) in [0.0, 1e30, 0.0, 3.0].into_iter().cycle().take(400).enumerate() {
            let range_bpm = if i < 200 { (55.0, 215.0) } else { (100.0, 150.0) };
            filter.expect(Expected { range_bpm, ..Expected::default() });
            filter.step(f32::min(strength, 100.0), 1.0);
            let sum: f32 = filter.rings[filter.active.clone()]
                .iter()
                .flat_map(|ring| &filter.probabilities[ring.states.clone()])
                .sum();
            assert!((sum * filter.scale - 1.0).abs() < 1e-3, "{i}: {sum}");
        }
        let bpm = filter.likeliest().bpm;
        assert!((95.0..155.0).contains(&bpm), "{bpm}");
    }

    #[test]
    fn a_range_below_an_octave_settles_it() {
        for (range_bpm, bpm) in [((60.0, 100.0), 75.0), ((110.0, 180.0), 150.0)] {
            let mut filter = BeatFilter::new(STEP_SECS);
            filter.expect(Expected { range_bpm, ..Expected::default() });
            run(&mut filter, 40, 0, 1_500);
            let found = filter.likeliest().bpm;
            assert!((found / bpm - 1.0).abs() < 0.02, "{found}");
        }
    }

    #[test]
    fn a_suggestion_is_believed() {
        let mut filter = BeatFilter::new(STEP_SECS);
        filter.expect(Expected::default());
        run(&mut filter, 50, 0, 500);
        filter.suggest(90.0, 0.3);
        assert!(filter.near(90.0, 0.3).probability > 0.8);
    }
}
