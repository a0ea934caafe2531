//! `source.tempo`

use std::any::Any;

use lumawire_analysis::rhythm::tap::Taps;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx, Rate, Role, Timing,
    Unit,
};

use super::presses::{self, Presses};
use crate::control::multiple;

const IN_TAP: usize = 0;
const IN_SYNC: usize = 1;
const OUT_PHASE: usize = 0;
const OUT_BEAT: usize = 1;
const OUT_BPM: usize = 2;
const OUT_CONFIDENCE: usize = 3;
const OUT_START: usize = 4;
const OUT_RUNNING: usize = 5;
const PARAM_MODE: usize = 0;
const PARAM_BPM: usize = 1;
const PARAM_MULTIPLE: usize = 2;
const PARAM_AHEAD_SECS: usize = 3;
const PARAM_TAPS: usize = 4;
const PARAM_SYNCS: usize = 5;
const PARAM_CLOCK_BPM: usize = 6;
const PARAM_CLOCK_BEAT: usize = 7;
const PARAM_CLOCK_PHASE: usize = 8;
const PARAM_CLOCK_RUNS: usize = 9;

const MODE_EXTERNAL: usize = 0;
const MODE_TAP: usize = 1;

/// `source.tempo`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.tempo",
    version: 1,
    label: "Tempo",
    doc: "A tempo from outside the sound: a MIDI clock, Ableton Link, taps, or a number. \
          External needs no binding: the clock that comes sets the `clock_` parameters, each time \
          with the beat that is now. The node beats on by itself at that tempo, and takes half of \
          what lies between it and the clock away in 0.3 s, so that a clock that jitters does not \
          shake it, and it never goes back. It jumps only where the clock starts or is put to \
          another place. Where the clock goes away it beats on, and taps count. No latency but the \
          device's, which `ahead_secs` takes away.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[
        Port::optional("tap", PortType::Trigger, "Taps on the beat: two or more give the tempo."),
        Port::optional("sync", PortType::Trigger, "The beat is now, at the same tempo."),
    ],
    outputs: &[
        Port::output("phase", PortType::Control, "Phase in the beat, in [0, 1)."),
        Port::output("beat", PortType::Trigger, "A beat comes."),
        Port::output("bpm", PortType::Control, "Beats a minute."),
        Port::output(
            "confidence",
            PortType::Control,
            "1 while the clock comes, and in the modes tap and manual; else 0.",
        ),
        Port::output("start", PortType::Trigger, "The clock starts: wire it to the reset of Bars."),
        Port::output(
            "running",
            PortType::Control,
            "1 while the player of the clock plays, and in the modes tap and manual; else 0.",
        ),
    ],
    params: &[
        Param::choice("mode", "Mode", &["external", "tap", "manual"])
            .doc("External follows the clock that comes, tap the taps, manual the parameter."),
        Param::float("bpm", "Tempo", 120.0, (60.0, 200.0))
            .hard(1.0, 1_000.0)
            .unit(Unit::Bpm)
            .doc("Beats a minute in mode manual, and else before a clock or taps came."),
        multiple::param("Beats given for each that comes: 1/2 is half the tempo, 2 the double."),
        Param::float("ahead_secs", "Ahead", 0.0, (-0.2, 0.2))
            .hard(-10.0, 10.0)
            .unit(Unit::Secs)
            .doc("How much sooner the beat is given: makes up for the delay of the clock's way and of a screen."),
        Param::int("taps", "Taps", 0, (0, 100)).momentary()
            .hard_int(presses::RANGE.0, presses::RANGE.1)
            .doc("How often it was tapped: bind it to a button or key in mode `press`."),
        Param::int("syncs", "Syncs", 0, (0, 100)).momentary()
            .hard_int(presses::RANGE.0, presses::RANGE.1)
            .doc("How often somebody said that the beat is now: bind it in mode `press`."),
        Param::float("clock_bpm", "Clock's tempo", 0.0, (0.0, 300.0)).momentary()
            .hard(0.0, 1_000.0)
            .unit(Unit::Bpm)
            .doc("Beats a minute of the clock; 0 where there is none. The clock sets it."),
        Param::int("clock_beat", "Clock's beat", 0, (0, 1_000)).momentary()
            .hard_int(-presses::RANGE.1, presses::RANGE.1)
            .doc("Whole beats of the clock since its start. The clock sets it."),
        Param::float("clock_phase", "Clock's phase", 0.0, (0.0, 1.0)).momentary()
            .doc("Phase in that beat, now. The clock sets it."),
        Param::switch("clock_runs", "Clock runs", false).momentary()
            .doc("Whether the player of the clock plays. The clock sets it."),
    ],
    build: || Box::<Tempo>::default(),
};

/// Time constant of the corrections, in seconds: half is done after 0.3 s.
const CORRECTION_SECS: f64 = 0.3 / std::f64::consts::LN_2;
/// Largest corrections, over the tempo.
const CORRECTION_RANGE: (f64, f64) = (-0.6, 1.2);
/// Beats by which the clock may be elsewhere before the node jumps there.
const MAX_ERROR_BEATS: f64 = 0.5;
/// Without news for so long, the clock is gone.
const HEARD_SECS: f64 = 2.0;
/// A beat that is so little past at a jump is still given.
const LATE_BEATS: f64 = 0.1;
/// A beat counts this part of a beat early, less than a sample, so that rounding does not give it a
/// tick late.
const ROUNDING_BEATS: f64 = 1e-6;

/// State of `source.tempo`.
#[derive(Default)]
struct Tempo {
    taps: Presses,
    syncs: Presses,
    state: State,
}

/// What the clock says.
#[derive(Clone, Copy, PartialEq)]
struct News {
    bpm: f64,
    beats: f64,
}

/// What is kept from tick to tick.
#[derive(Default, Clone, Copy)]
struct State {
    /// Beats up to the end of the last tick, with their fraction.
    beats: f64,
    /// What is still to be added, little by little, to be where the clock is.
    error: f64,
    /// Beats a minute of the clock or the taps, whichever came last.
    bpm: Option<f64>,
    news: Option<News>,
    heard: Option<u64>,
    was_running: bool,
    tapped: Taps,
    /// Beats given are `beats` times `multiple`, plus `offset`.
    multiple: f64,
    offset: f64,
    num_given: Option<i64>,
}

impl Node for Tempo {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.taps = Presses::new(cx.params.int(PARAM_TAPS));
        self.syncs = Presses::new(cx.params.int(PARAM_SYNCS));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (params, rate_hz) = (io.params, f64::from(io.tick.clock.sample_rate_hz));
        let (start, mode) = (io.tick.sample, params.choice(PARAM_MODE));
        let end = start + io.tick.clock.block_len as u64;
        let taps = self.taps.take(params.int(PARAM_TAPS)) > 0 || io.inputs.trigger(IN_TAP) > 0;
        let syncs = self.syncs.take(params.int(PARAM_SYNCS)) > 0 || io.inputs.trigger(IN_SYNC) > 0;
        let state = &mut self.state;
        state.set_multiple(params);
        let is_external = mode == MODE_EXTERNAL;
        let starts = is_external && state.hear(params, start);
        let is_heard = state.is_heard(end, rate_hz);
        let is_tapped = taps && (mode == MODE_TAP || (is_external && !is_heard));
        if is_tapped && let Some(bpm) = state.tapped.tap(end as f64 / rate_hz) {
            state.bpm = Some(bpm);
        }
        let manual_bpm = f64::from(params.float(PARAM_BPM));
        let bpm = if mode > MODE_TAP { manual_bpm } else { state.bpm.unwrap_or(manual_bpm) };
        state.advance((end - start) as f64 / rate_hz, bpm);
        let ahead = f64::from(params.float(PARAM_AHEAD_SECS)) * bpm / 60.0;
        let hits = state.give(ahead, is_tapped || syncs);
        let phase = state.given(ahead).rem_euclid(1.0) as f32;
        let (confidence, runs) = (!is_external || is_heard, !is_external || state.runs(is_heard));
        io.outputs.set_control(OUT_PHASE, phase.min(1.0 - 1e-7));
        io.outputs.set_trigger(OUT_BEAT, hits);
        io.outputs.set_control(OUT_BPM, (bpm * state.multiple) as f32);
        io.outputs.set_control(OUT_CONFIDENCE, f32::from(u8::from(confidence)));
        io.outputs.set_trigger(OUT_START, u32::from(starts));
        io.outputs.set_control(OUT_RUNNING, f32::from(u8::from(runs)));
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn reset(&mut self) {
        self.taps.reset();
        self.syncs.reset();
        self.state = State::default();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        crate::control::take_over(self, old);
    }
}

impl State {
    fn set_multiple(&mut self, params: Params<'_>) {
        let multiple = multiple::of(params, PARAM_MULTIPLE);
        if self.multiple != multiple {
            (self.multiple, self.num_given) = (multiple, None);
        }
    }

    /// Takes what the clock says of the moment `now`, if it is new, and tells whether it starts.
    fn hear(&mut self, params: Params<'_>, now: u64) -> bool {
        let bpm = f64::from(params.float(PARAM_CLOCK_BPM));
        let phase = f64::from(params.float(PARAM_CLOCK_PHASE));
        let news = News { bpm, beats: params.int(PARAM_CLOCK_BEAT) as f64 + phase };
        let is_new = bpm > 0.0 && self.news != Some(news);
        let runs = params.switch(PARAM_CLOCK_RUNS);
        let was_running = std::mem::replace(&mut self.was_running, runs);
        let starts = runs && !was_running;
        if is_new {
            self.news = Some(news);
            self.bpm = Some(bpm);
            self.error = news.beats - self.beats;
            let is_first = self.heard.replace(now).is_none();
            if starts || is_first || self.error.abs() > MAX_ERROR_BEATS {
                self.jump(news.beats);
            }
        }
        starts
    }

    fn jump(&mut self, beats: f64) {
        (self.beats, self.error, self.offset) = (beats, 0.0, 0.0);
        self.num_given = Some(((beats - LATE_BEATS) * self.multiple).floor() as i64);
    }

    fn is_heard(&self, now: u64, rate_hz: f64) -> bool {
        self.heard.is_some_and(|at| now.saturating_sub(at) as f64 <= HEARD_SECS * rate_hz)
    }

    fn runs(&self, is_heard: bool) -> bool {
        is_heard && self.was_running
    }

    fn advance(&mut self, secs: f64, bpm: f64) {
        let steady = bpm / 60.0 * secs;
        let wanted = self.error * (1.0 - (-secs / CORRECTION_SECS).exp());
        let (least, most) = CORRECTION_RANGE;
        let correction = wanted.clamp(least * steady, most * steady);
        self.error -= correction;
        self.beats += steady + correction;
    }

    /// The beats that are given up to now, with their fraction.
    fn given(&self, ahead: f64) -> f64 {
        (self.beats + ahead) * self.multiple + self.offset + ROUNDING_BEATS
    }

    /// The beats that came since the last tick. A sync moves the nearest beat here.
    fn give(&mut self, ahead: f64, is_synced: bool) -> u32 {
        let beats = self.given(ahead);
        let mut count = beats.floor();
        if is_synced {
            self.offset += beats.round() + ROUNDING_BEATS - beats;
            count = beats.round();
        }
        let count = count as i64;
        let before = self.num_given.unwrap_or(count);
        self.num_given = Some(before.max(count));
        u32::try_from(count.saturating_sub(before)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Clock;
    use lumawire_core::harness::Harness;

    use super::*;

    /// Blocks of 5 ms.
    fn node(mode: &str) -> Harness {
        let clock = Clock { sample_rate_hz: 48_000, block_len: 240, ..Clock::default() };
        Harness::new(&SPEC).clock(clock).param("mode", mode).prepare().unwrap()
    }

    fn tell(node: &mut Harness, bpm: f64, beats: f64) {
        node.set_param("clock_bpm", bpm as f32);
        node.set_param("clock_beat", beats.floor() as i64);
        node.set_param("clock_phase", beats.rem_euclid(1.0) as f32);
    }

    fn near(phase: f32, beats: f64) -> f64 {
        (f64::from(phase) - beats + 0.5).rem_euclid(1.0) - 0.5
    }

    /// A generator of reproducible jitter in −1..1.
    fn jitter(seed: &mut u32) -> f64 {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*seed >> 8) / f64::from(1 << 23) - 1.0
    }

    #[test]
    fn follows_a_jittering_clock_steadily() {
        let (mut node, mut seed) = (node("external"), 7);
        let (bpm, mut hits, mut before) = (130.0, 0, None);
        let mut worst = 0.0_f64;
        // Each eighth of a second the clock says where it is, up to 10 ms too late or too soon.
        for tick in 0_u32..4_000 {
            let secs = f64::from(tick) * 0.005;
            if tick % 25 == 0 {
                let said = secs + 0.010 * jitter(&mut seed);
                tell(&mut node, bpm, 3.0 + said * bpm / 60.0);
            }
            node.tick().unwrap();
            let phase = node.control("phase");
            if let Some(before) = before.replace(phase) {
                let step = (phase - before).rem_euclid(1.0);
                assert!((0.003..0.03).contains(&step), "{tick}: {step}");
            }
            if secs > 2.0 {
                let beats = 3.0 + (secs + 0.005) * bpm / 60.0;
                worst = worst.max((near(phase, beats) * 60.0 / bpm).abs());
                hits += node.trigger("beat");
            }
        }
        assert!(worst < 0.008, "{worst} s");
        assert!(hits.abs_diff(39) <= 1, "{hits}");
        assert_eq!((node.control("confidence"), node.control("bpm")), (1.0, 130.0));
    }

    #[test]
    fn a_start_gives_the_first_beat_at_once() {
        let mut node = node("external");
        for tick in 0..100 {
            tell(&mut node, 120.0, 7.3 + f64::from(tick) * 0.01);
            node.tick().unwrap();
        }
        node.set_param("clock_runs", true);
        tell(&mut node, 120.0, 0.0);
        node.tick().unwrap();
        assert_eq!((node.trigger("start"), node.trigger("beat")), (1, 1));
        assert!(near(node.control("phase"), 0.01).abs() < 1e-4);
        assert_eq!(node.control("running"), 1.0);
        let mut hits = 0;
        for tick in 1..101 {
            tell(&mut node, 120.0, f64::from(tick) * 0.01);
            node.tick().unwrap();
            hits += node.trigger("beat");
        }
        assert_eq!((hits, node.trigger("start")), (1, 0));
        node.set_param("clock_runs", false);
        node.tick().unwrap();
        assert_eq!((node.control("running"), node.trigger("start")), (0.0, 0));
        // Put to another place: it is there, without the beats between.
        tell(&mut node, 120.0, 64.5);
        node.tick().unwrap();
        assert_eq!(node.trigger("beat"), 0);
        assert!(near(node.control("phase"), 0.51).abs() < 1e-4);
    }

    #[test]
    fn beats_on_without_the_clock_and_takes_taps_then() {
        let mut node = node("external");
        node.tick().unwrap();
        assert_eq!((node.control("bpm"), node.control("confidence")), (120.0, 0.0));
        tell(&mut node, 100.0, 0.0);
        let mut beats = Vec::new();
        for tick in 1..=1_200 {
            node.tick().unwrap();
            if node.trigger("beat") > 0 {
                beats.push(tick);
            }
        }
        // Every 0.6 s, from the first on.
        let expected: Vec<i32> = (0..=10).map(|i| (i * 120).max(1)).collect();
        assert_eq!(beats, expected);
        assert_eq!((node.control("bpm"), node.control("confidence")), (100.0, 0.0));
        for tap in 1..=4_i64 {
            node.set_param("taps", tap);
            node.tick().unwrap();
            let phase = node.control("phase");
            assert!(!(1e-3..0.999).contains(&phase), "{phase}");
            (0..79).for_each(|_| node.tick().unwrap());
        }
        assert!((node.control("bpm") - 150.0).abs() < 1e-3);
    }

    #[test]
    fn taps_and_syncs_are_presses() {
        let mut node = node("tap");
        for tap in 1..=3_i64 {
            node.set_param("taps", tap);
            node.tick().unwrap();
            (0..99).for_each(|_| node.tick().unwrap());
        }
        assert!((node.control("bpm") - 120.0).abs() < 1e-3);
        (0..30).for_each(|_| node.tick().unwrap());
        assert!((near(node.control("phase"), 0.29)).abs() < 0.02);
        node.set_param("syncs", 1_i64);
        node.tick().unwrap();
        assert!(near(node.control("phase"), 0.0).abs() < 1e-3);
    }

    #[test]
    fn a_manual_tempo_is_exact_and_has_multiples() {
        let mut node = node("manual");
        node.set_param("bpm", 150.0_f32);
        let ticks = |node: &mut Harness, n: i32| -> Vec<i32> {
            let hit = |tick: &i32| {
                node.tick().unwrap();
                *tick > 0 && node.trigger("beat") > 0
            };
            (1..=n).filter(hit).collect()
        };
        assert_eq!(ticks(&mut node, 250), [80, 160, 240]);
        node.set_param("multiple", "2");
        assert_eq!(ticks(&mut node, 80), [30, 70]);
        assert_eq!(node.control("bpm"), 300.0);
        node.set_param("ahead_secs", 0.05_f32);
        node.tick().unwrap();
        assert!(near(node.control("phase"), 2.0 * (331.0 + 10.0) / 80.0).abs() < 1e-4);
    }
}
