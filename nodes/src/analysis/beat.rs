//! The beat: how fast it goes, where in it we are, and when it comes.

use std::any::Any;

use lumawire_analysis::rhythm::accent::Accent;
use lumawire_analysis::rhythm::beat_clock::BeatClock;
use lumawire_analysis::rhythm::beat_filter::Expected;
use lumawire_analysis::rhythm::beat_study::BeatStudy;
use lumawire_analysis::rhythm::beat_tracker::{BeatTracker, HOLD_BELOW};
use lumawire_analysis::rhythm::beats::{BeatSettings, Beats};
use lumawire_analysis::rhythm::tap::Taps;
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx, Rate, Role, Timing,
    Unit,
};

use super::layout::layout_of;
use super::look_ahead;
use crate::control::multiple;

const IN_SPECTRUM: usize = 0;
const IN_TAP: usize = 1;
const IN_SYNC: usize = 2;
const OUT_PHASE: usize = 0;
const OUT_BEAT: usize = 1;
const OUT_BPM: usize = 2;
const OUT_CONFIDENCE: usize = 3;
const PARAM_HEARING: usize = 0;
const PARAM_MODE: usize = 1;
const PARAM_BPM: usize = 2;
const PARAM_MIN_BPM: usize = 3;
const PARAM_MAX_BPM: usize = 4;
const PARAM_PREFER_BPM: usize = 5;
const PARAM_MULTIPLE: usize = 6;
const PARAM_AHEAD_SECS: usize = 7;

const MODE_AUTO: usize = 0;
const MODE_TAP: usize = 1;

/// `analysis.beat`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.beat",
    version: 1,
    label: "Beat",
    doc: "Follows the beat and says when it comes. \
          By itself (auto) it hears the rises of 64 mel bands, octaves alike, and keeps the \
          probability of every tempo and phase, row by row: a bar pointer of one beat with beats of \
          whole numbers of rows (Whiteley, Cemgil and Godsill 2006; Krebs, Böck and Widmer 2015). A \
          clock follows the likeliest; it never goes back, and runs on steadily while there is \
          nothing to hear. It foretells the beat, so that a trigger comes on it: no latency; a new \
          tempo is found within a few seconds. Looking ahead, the beats are those of librosa's \
          beat_track over the whole sound (dynamic programming, Ellis 2007) with start_bpm \
          `prefer_bpm`, to the frame. In the modes tap and manual it only counts. Where the tempo is \
          found at half or twice what you feel, tap it, narrow its range, or set `multiple`.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[
        Port::optional("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1]; needed in mode auto."),
        Port::optional(
            "tap",
            PortType::Trigger,
            "Taps on the beat: two or more give the tempo. In mode auto they correct what was found.",
        ),
        Port::optional("sync", PortType::Trigger, "The beat is now, at the same tempo."),
    ],
    outputs: &[
        Port::output("phase", PortType::Control, "Phase in the beat, in [0, 1)."),
        Port::output("beat", PortType::Trigger, "A beat comes."),
        Port::output("bpm", PortType::Control, "Beats a minute."),
        Port::output(
            "confidence",
            PortType::Control,
            "Probability that the beat is there, 0..1; 1 in the modes tap and manual.",
        ),
    ],
    params: &[
        look_ahead::HEARING,
        Param::choice("mode", "Mode", &["auto", "tap", "manual"])
            .doc("Auto follows the sound, tap the taps, manual the parameter."),
        Param::float("bpm", "Tempo", 120.0, (60.0, 200.0))
            .hard(1.0, 1_000.0)
            .doc("Beats a minute in mode manual, and in mode tap before the first taps."),
        Param::float("min_bpm", "Slowest", 55.0, (30.0, 150.0))
            .hard(30.0, 300.0)
            .doc("Slowest tempo that is looked for, in beats a minute; less than an octave below the fastest, no half tempo is found."),
        Param::float("max_bpm", "Fastest", 215.0, (60.0, 300.0))
            .hard(30.0, 300.0)
            .doc("Fastest tempo that is looked for, in beats a minute."),
        Param::float("prefer_bpm", "Preferred", 120.0, (60.0, 200.0))
            .hard(30.0, 300.0)
            .doc("Of a tempo, its half and its double, the nearest to this is preferred, in beats a minute."),
        multiple::param("Beats given for each that is found: 1/2 is half the tempo, 2 the double."),
        Param::float("ahead_secs", "Ahead", 0.0, (-0.2, 0.2))
            .hard(-10.0, 10.0)
            .unit(Unit::Secs)
            .doc("How much sooner the beat is given: makes up for the delay of a screen, or nudges the phase."),
    ],
    build: || Box::<Beat>::default(),
};

/// Part of a row's length by which an attack lies before the row's end where its strength is largest.
const ATTACK_LAG: f64 = 0.35;
/// A beat counts this part of a beat early, less than a sample, so that rounding does not give it a
/// tick late.
const ROUNDING_BEATS: f64 = 1e-6;
/// How firmly a tapped tempo is kept, in octaves.
const TAPPED_OCTAVES: f64 = 0.15;

#[derive(Default)]
struct Beat {
    layout: Layout,
    accent: Accent,
    tracker: BeatTracker,
    /// Whether the run is offline, where outputs count as late as the rows that come in.
    is_offline: bool,
    /// Looking ahead, before and after the sound is known.
    study: Option<BeatStudy>,
    learnt: Option<Beats>,
    prefer_bpm: f64,
    state: State,
}

/// What is kept from tick to tick.
#[derive(Default, Clone, Copy)]
struct State {
    clock: BeatClock,
    /// The clock's time, in samples; `None` before the first tick.
    now: Option<u64>,
    /// Rows since the start, and the sample with which the last was complete.
    num_rows: u64,
    last_row: u64,
    taps: Taps,
    tapped_bpm: Option<f64>,
    /// The beats given are those of the clock times `multiple`, plus `offset`.
    multiple: f64,
    offset: f64,
    /// Beats given so far; `None` where the count begins anew.
    num_given: Option<i64>,
}

impl State {
    /// The beats that are given up to a position of the clock, with their fraction.
    fn beats_at(&self, position: &Position) -> f64 {
        position.beats * self.multiple + self.offset + ROUNDING_BEATS
    }
}

/// A position on the axis of beats.
struct Position {
    beats: f64,
    bpm: f64,
    confidence: f64,
    /// Whether a beat here is one.
    counts: bool,
}

impl Node for Beat {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.is_offline = cx.looks_ahead;
        self.study = look_ahead::looks_ahead(cx, PARAM_HEARING).then(BeatStudy::default);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (params, rate_hz) = (io.params, io.tick.clock.sample_rate_hz);
        self.prefer_bpm = f64::from(params.float(PARAM_PREFER_BPM));
        if self.state.now.is_none() {
            self.state.clock.run_free(self.steady_bpm(params));
            self.state.now = Some(io.tick.sample);
        }
        let end = io.tick.sample + io.tick.clock.block_len as u64;
        if params.choice(PARAM_MODE) == MODE_AUTO {
            self.hear(io, end);
        } else {
            self.state.clock.run_free(self.steady_bpm(params));
        }
        self.advance(end, rate_hz);
        if io.inputs.trigger(IN_TAP) > 0 {
            self.tap(end, rate_hz, params);
        }
        let is_synced = io.inputs.trigger(IN_SYNC) > 0
            || (io.inputs.trigger(IN_TAP) > 0 && params.choice(PARAM_MODE) == MODE_TAP);
        let position = self.position(params, end, rate_hz);
        let hits = self.give(&position, params, is_synced);
        let beats = self.state.beats_at(&position);
        io.outputs.set_control(OUT_PHASE, (beats.rem_euclid(1.0) as f32).min(1.0 - 1e-7));
        io.outputs.set_trigger(OUT_BEAT, hits);
        io.outputs.set_control(OUT_BPM, (position.bpm * self.state.multiple) as f32);
        io.outputs.set_control(OUT_CONFIDENCE, position.confidence.min(1.0) as f32);
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn studies(&self) -> bool {
        self.study.is_some()
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        let settings = BeatSettings { start_bpm: self.prefer_bpm, ..BeatSettings::default() };
        self.learnt = self.study.take().map(|study| study.beats(&settings));
        Ok(())
    }

    fn reset(&mut self) {
        self.accent.reset();
        self.tracker.reset();
        self.state = State::default();
        if let Some(study) = &mut self.study {
            study.reset();
        }
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.layout = old.layout;
            self.state = old.state;
            std::mem::swap(&mut self.accent, &mut old.accent);
            std::mem::swap(&mut self.tracker, &mut old.tracker);
        }
    }
}

impl Beat {
    /// The tempo that needs no sound.
    fn steady_bpm(&self, params: Params<'_>) -> f64 {
        let bpm = f64::from(params.float(PARAM_BPM));
        match params.choice(PARAM_MODE) {
            MODE_AUTO => self.prefer_bpm,
            MODE_TAP => self.state.tapped_bpm.unwrap_or(bpm),
            _ => bpm,
        }
    }

    /// Lets the clock run up to a sample.
    fn advance(&mut self, to: u64, rate_hz: u32) {
        let now = self.state.now.unwrap_or(to);
        self.state.clock.advance(to.saturating_sub(now) as f64 / f64::from(rate_hz));
        self.state.now = Some(to.max(now));
    }

    /// Takes the rows that were complete before sample `end`, each at its own.
    fn hear(&mut self, io: &Io<'_>, end: u64) {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return };
        let Some(layout) = layout_of(spectrum) else { return };
        if self.accent.prepare_for(layout) {
            self.layout = layout;
            self.tracker = BeatTracker::new(layout.hop_secs());
        }
        let expected = self.expected(io.params);
        let hop_len = layout.hop_len as u64;
        let since_last = end.saturating_sub(layout.n_fft.div_ceil(2) as u64) % hop_len;
        let num_fresh = spectrum.hops.num_fresh() as u64;
        for (later, row) in (0..num_fresh).rev().zip(spectrum.hops.fresh()) {
            self.state.last_row = end.saturating_sub(since_last + later * hop_len);
            self.state.num_rows += 1;
            self.advance(self.state.last_row, layout.sample_rate_hz);
            if let Some(study) = &mut self.study {
                study.push(layout, row);
            }
            self.tracker.push(self.accent.push(row), &expected);
            let belief = self.tracker.belief();
            if belief.probability > HOLD_BELOW {
                let phase = belief.phase + self.lag_secs() * belief.bpm / 60.0;
                self.state.clock.follow(belief.bpm, phase);
            } else {
                self.state.clock.run_free(belief.bpm);
            }
        }
    }

    fn expected(&self, params: Params<'_>) -> Expected {
        let (min, max) = (params.float(PARAM_MIN_BPM), params.float(PARAM_MAX_BPM));
        let expected = Expected {
            range_bpm: (f64::from(min.min(max)), f64::from(max.max(min))),
            ..Expected::default()
        };
        match self.state.tapped_bpm {
            Some(bpm) => Expected { bpm, std_octaves: TAPPED_OCTAVES, ..expected },
            None => Expected { bpm: self.prefer_bpm, ..expected },
        }
    }

    /// How long before the moment that the outputs mean an attack lies that a row shows.
    fn lag_secs(&self) -> f64 {
        let lag = ATTACK_LAG - if self.is_offline { 0.5 } else { 0.0 };
        lag * self.layout.n_fft as f64 / f64::from(self.layout.sample_rate_hz.max(1))
    }

    fn tap(&mut self, now: u64, rate_hz: u32, params: Params<'_>) {
        let Some(bpm) = self.state.taps.tap(now as f64 / f64::from(rate_hz)) else { return };
        self.state.tapped_bpm = Some(bpm);
        if params.choice(PARAM_MODE) == MODE_AUTO {
            let since_row = now.saturating_sub(self.state.last_row) as f64 / f64::from(rate_hz);
            self.tracker.suggest(
                bpm,
                -(since_row + self.lag_secs()) * bpm / 60.0,
                &self.expected(params),
            );
        }
    }

    /// Where we are at sample `end`, or that much ahead.
    fn position(&self, params: Params<'_>, end: u64, rate_hz: u32) -> Position {
        let ahead_secs = f64::from(params.float(PARAM_AHEAD_SECS));
        let is_auto = params.choice(PARAM_MODE) == MODE_AUTO;
        if let Some(learnt) = self.learnt.as_ref().filter(|l| is_auto && l.frames.len() > 1) {
            let hop_len = self.layout.hop_len.max(1) as f64;
            let has_rows = self.state.num_rows > 0;
            let since = if has_rows { end.saturating_sub(self.state.last_row) } else { 0 } as f64;
            let ahead = ahead_secs * f64::from(rate_hz);
            let frame = self.state.num_rows as f64 - 1.0 + (since + ahead) / hop_len;
            let beats = learnt.position(frame);
            // Before the first beat and after the last there is none.
            let counts = has_rows && beats > -0.5 && beats < learnt.frames.len() as f64;
            let confidence = f64::from(u8::from(counts));
            return Position { beats, bpm: learnt.bpm, confidence, counts };
        }
        let belief = self.tracker.belief();
        let (bpm, confidence) = match is_auto {
            true if belief.bpm > 0.0 => (belief.bpm, belief.probability),
            true => (self.prefer_bpm, 0.0),
            false => (self.steady_bpm(params), 1.0),
        };
        let beats = self.state.clock.beats + ahead_secs * bpm / 60.0;
        Position { beats, bpm, confidence, counts: true }
    }

    /// The beats that came since the last tick. A sync moves the nearest beat here.
    fn give(&mut self, position: &Position, params: Params<'_>, is_synced: bool) -> u32 {
        let state = &mut self.state;
        let multiple = multiple::of(params, PARAM_MULTIPLE);
        if state.multiple != multiple {
            (state.multiple, state.num_given) = (multiple, None);
        }
        let beats = state.beats_at(position);
        let mut count = beats.floor();
        if is_synced {
            state.offset += beats.round() + ROUNDING_BEATS - beats;
            count = beats.round();
        }
        let count = count as i64;
        let before = state.num_given.unwrap_or(count);
        state.num_given = Some(before.max(count));
        if position.counts { u32::try_from(count - before).unwrap_or(0) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Value};

    use super::*;
    use crate::analysis::testing::{Chain, a10, reference_frames};

    /// Clicks at a tempo, from half a second on.
    fn clicks(bpm: f64, secs: f64, sample_rate_hz: f64) -> Vec<f32> {
        let mut sound = vec![0.0; (secs * sample_rate_hz) as usize];
        for beat in 0.. {
            let start = ((0.5 + f64::from(beat) * 60.0 / bpm) * sample_rate_hz) as usize;
            let Some(click) = sound.get_mut(start..start + 400) else { break };
            for (i, x) in click.iter_mut().enumerate() {
                *x = (-(i as f32) / 80.0).exp() * if i % 7 < 3 { 0.8 } else { -0.6 };
            }
        }
        sound
    }

    /// The ends of the ticks with beats, in seconds.
    fn beats(node: &mut Harness, clock: Clock, secs: f64) -> Vec<f64> {
        let block_secs = clock.block_len as f64 / f64::from(clock.sample_rate_hz);
        let tick = |i: usize| {
            node.tick().unwrap();
            (node.trigger("beat") > 0).then_some((i + 1) as f64 * block_secs)
        };
        (0..(secs / block_secs) as usize).filter_map(tick).collect()
    }

    #[test]
    fn a_beat_comes_on_it_at_every_rate() {
        for sample_rate_hz in [44_100, 48_000, 96_000] {
            let clock = Clock { sample_rate_hz, ..Clock::default() };
            let mut chain =
                Chain::new(clock).then(&super::super::stft::SPEC, |h| h).then(&SPEC, |h| h);
            let rate = f64::from(sample_rate_hz);
            let (mut found, mut num_samples) = (Vec::new(), 0);
            chain.feed_channels(&[clicks(128.0, 15.0, rate)], |node| {
                num_samples += clock.block_len;
                if node.trigger("beat") > 0 {
                    found.push(num_samples as f64 / rate);
                }
            });
            found.retain(|&secs| secs > 5.0);
            assert!((20..=22).contains(&found.len()), "{found:?}");
            for secs in found {
                let beats = (secs - 0.5) * 128.0 / 60.0;
                let error_secs = (beats - beats.round()) * 60.0 / 128.0;
                assert!(error_secs.abs() < 0.04, "{error_secs} at {sample_rate_hz}");
            }
            assert!((chain.last().control("bpm") - 128.0).abs() < 1.0);
            assert!(chain.last().control("confidence") > 0.8);
        }
    }

    /// The ends of the ticks with beats after five seconds of clicks at 128 bpm, in seconds.
    fn beats_on_clicks(block_len: usize, multiple: &str) -> Vec<f64> {
        let clock = Clock { sample_rate_hz: 48_000, block_len, ..Clock::default() };
        let chain = Chain::new(clock).then(&super::super::stft::SPEC, |h| h);
        let mut chain = chain.then(&SPEC, |h| h.param("multiple", multiple));
        let (mut found, mut num_samples) = (Vec::new(), 0);
        chain.feed_channels(&[clicks(128.0, 12.0, 48_000.0)], |node| {
            num_samples += block_len;
            if node.trigger("beat") > 0 {
                found.push(num_samples as f64 / 48_000.0);
            }
        });
        found.retain(|&secs| secs > 5.0);
        found
    }

    #[test]
    fn blocks_of_any_length_give_the_same_beats() {
        let expected = beats_on_clicks(64, "1");
        assert!((14..=15).contains(&expected.len()), "{expected:?}");
        for block_len in [128, 480, 1024] {
            let found = beats_on_clicks(block_len, "1");
            let block_secs = block_len as f64 / 48_000.0;
            // Each comes with the block that it lies in.
            let apart = |e: &f64| found.iter().any(|f| (-0.002..=block_secs).contains(&(f - e)));
            let within = expected.iter().filter(|&&e| e < 11.9);
            assert!(within.clone().all(apart), "{block_len}: {expected:?} {found:?}");
            assert!(found.len().abs_diff(expected.len()) <= 1);
        }
    }

    #[test]
    fn multiples_of_the_beat_keep_its_phase() {
        for (name, multiple) in [("1/2", 0.5), ("2", 2.0)] {
            let found = beats_on_clicks(512, name);
            assert!((found.len() as f64 - 7.0 * multiple * 128.0 / 60.0).abs() <= 1.0, "{found:?}");
            for secs in found {
                // Half the tempo has every second click, whichever.
                let beats = (secs - 0.5) * f64::max(multiple, 1.0) * 128.0 / 60.0;
                let error_secs = (beats - beats.round()) * 60.0 / 128.0 / f64::max(multiple, 1.0);
                assert!(error_secs.abs() < 0.04, "{name}: {secs} {error_secs}");
            }
        }
    }

    #[test]
    fn manual_tempo_is_exact_and_can_be_moved() {
        let clock = Clock { sample_rate_hz: 48_000, block_len: 240, ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).param("mode", "manual");
        let mut node = node.param("bpm", 150.0_f32).prepare().unwrap();
        let ticks_of = |beats: &[f64]| -> Vec<i64> {
            beats.iter().map(|b| (b / 0.005).round() as i64).collect()
        };
        let found = beats(&mut node, clock, 2.0);
        assert_eq!(ticks_of(&found), [80, 160, 240, 320, 400]);
        assert_eq!((node.control("bpm"), node.control("confidence")), (150.0, 1.0));
        node.set_param("multiple", "2");
        assert_eq!(ticks_of(&beats(&mut node, clock, 0.9)), [40, 80, 120, 160]);
        node.set_param("multiple", "1");
        // Beats were due at 200 + 20 ticks: a sync 60 ticks before one moves it here.
        beats(&mut node, clock, 0.7);
        node.input("sync", Value::Trigger(1));
        beats(&mut node, clock, 0.005);
        assert!(node.control("phase") < 1e-4 || node.control("phase") > 0.9999);
        node.input("sync", Value::Trigger(0));
        assert_eq!(ticks_of(&beats(&mut node, clock, 1.0)), [80, 160]);
        node.set_param("ahead_secs", 0.1_f32);
        assert_eq!(ticks_of(&beats(&mut node, clock, 1.0)), [20, 100, 180]);
    }

    #[test]
    fn taps_give_tempo_and_phase() {
        let clock = Clock { sample_rate_hz: 48_000, block_len: 480, ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock);
        let mut node = node.param("mode", "tap").prepare().unwrap();
        for _ in 0..5 {
            beats(&mut node, clock, 0.42);
            node.input("tap", Value::Trigger(1));
            assert!(beats(&mut node, clock, 0.01).len() <= 1);
            node.input("tap", Value::Trigger(0));
            assert!(node.control("phase") < 1e-4 || node.control("phase") > 0.9999);
        }
        assert!((node.control("bpm") - 60.0 / 0.43).abs() < 0.01);
        let found = beats(&mut node, clock, 2.0);
        assert_eq!(found.len(), 4);
        assert!(found.iter().zip(1..).all(|(b, i)| (b - 0.43 * f64::from(i)).abs() < 0.0101));
    }

    /// The spectra of blocks of 512 samples at the clip's rate.
    fn spectra(sound: &[f32]) -> Vec<Value> {
        let mut spectra = Vec::new();
        Chain::stft().feed(sound, |node| spectra.push(node.output("spectrum").clone()));
        spectra
    }

    fn hits(node: &mut Harness, spectra: &[Value]) -> Vec<i64> {
        let tick = |(i, spectrum): (i64, &Value)| {
            node.input("spectrum", spectrum.clone());
            node.tick().unwrap();
            // Row k comes with tick k + 1.
            (node.trigger("beat") > 0).then_some(i - 1)
        };
        (0..).zip(spectra).filter_map(tick).collect()
    }

    #[test]
    fn looking_ahead_gives_the_beats_of_the_reference() {
        let clock = crate::analysis::testing::a10_clock(512);
        let mut node = Harness::new(&SPEC).clock(clock).looks_ahead().prepare().unwrap();
        let spectra = spectra(&a10());
        hits(&mut node, &spectra);
        node.learn().unwrap();
        for _ in 0..2 {
            let found = hits(&mut node, &spectra);
            assert_eq!(found, reference_frames("librosa/beat_track_frames.bin"));
            assert!((node.control("bpm") - 135.999_18).abs() < 1e-4);
            node.reset();
        }
    }

    #[test]
    fn silence_beats_on() {
        let mut node =
            Harness::new(&SPEC).clock(crate::analysis::testing::a10_clock(512)).prepare().unwrap();
        let found = hits(&mut node, &spectra(&[0.0; 22_050 * 10]));
        assert!((18..=21).contains(&found.len()), "{found:?}");
        assert_eq!(node.control("confidence"), 0.0);
    }
}
