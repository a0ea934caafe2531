//! Which notes sound, by the constant-Q transform.

use std::any::Any;

use lumawire_analysis::spectrum::chroma_bank::NUM_CLASSES;
use lumawire_analysis::spectrum::chroma_cens::CensStream;
use lumawire_analysis::spectrum::chroma_cqt::{ChromaCqtSettings, CqChromaBank};
use lumawire_analysis::spectrum::cqt::stream::{Alignment, CqtStream};
use lumawire_analysis::spectrum::norm::Norm;
use lumawire_analysis::spectrum::tuner::Tuner;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};

use super::cqt::{HOP, LONGEST_SECS};
use super::look_ahead::{HEARING, looks_ahead};

const IN_AUDIO: usize = 0;
const OUT_CHROMA: usize = 0;
const PARAM_METHOD: usize = 0;
const PARAM_NORMALISE: usize = 1;
const PARAM_NUM_SMOOTHED: usize = 2;
const PARAM_TUNE: usize = 3;
const PARAM_TUNING: usize = 4;
const PARAM_LONGEST_SECS: usize = 5;
const PARAM_HOP: usize = 6;
const PARAM_HEARING: usize = 7;

/// `analysis.chroma_cqt`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.chroma_cqt",
    version: 1,
    label: "Chroma, constant Q",
    doc: "How strongly each of the twelve notes sounds, by windows that fit each note. Seven \
          octaves of 36 constant-Q bins from C1 are summed by pitch class, and each row is divided \
          as `normalise` says: librosa's chroma_cqt. CENS (Müller and Ewert 2011; librosa's \
          chroma_cens) turns each class's share of a row into quarters and averages over \
          `num_smoothed` rows: it follows the harmony and forgets loudness and attacks; librosa \
          divides it by l2. [channels, block] to [hops, 12], C first. Causal: windows end at the \
          newest sample, so a note is late by half its window, `longest_secs`/2 at the most; CENS \
          averages over the falling half of its window, 0.15·num_smoothed rows later still (72 ms \
          at 41 rows and 44.1 kHz); the tuning is that of the last 20 s. Looking ahead: librosa's, \
          centred, at the tuning of the whole sound; late by 0.9 s, and by num_smoothed/2 rows \
          more with CENS.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[Port::output("chroma", PortType::Chroma, "Note strengths, C first, [hops, 12].")],
    params: &[
        Param::choice("method", "Method", &["plain", "cens"])
            .rebuild()
            .doc("Plain: each row for itself. CENS: the harmony, smoothed."),
        Param::choice("normalise", "Normalise", Norm::OPTIONS)
            .doc("What each row is divided by: its maximum, its sum, its root sum of squares, or nothing. Rows of silence stay 0."),
        Param::int("num_smoothed", "CENS rows", 41, (5, 101))
            .hard_int(1, 501)
            .rebuild()
            .doc("Rows that CENS averages over; an even number counts as the next odd one."),
        Param::choice("tune", "Tune", &["auto", "fixed"])
            .rebuild()
            .doc("Auto hears how far the music lies from 440 Hz; fixed takes the tuning below."),
        Param::float("tuning", "Tuning", 0.0, (-0.5, 0.5))
            .hard(-12.0, 12.0)
            .unit(Unit::Semitones)
            .rebuild()
            .doc("How far the music's A4 lies from 440 Hz, where it is fixed."),
        LONGEST_SECS,
        HOP,
        HEARING,
    ],
    build: || Box::<ChromaCqt>::default(),
};

/// Time constant of the running tuning.
const TUNING_MEMORY_SECS: f64 = 20.0;

#[derive(Default)]
struct ChromaCqt(Option<State>);

struct State {
    sample_rate_hz: u32,
    settings: ChromaCqtSettings,
    looks_ahead: bool,
    longest_secs: f64,
    transform: CqtStream,
    bins: Vec<f32>,
    bank: CqChromaBank,
    cens: Option<CensStream>,
    /// Where the tuning is heard and not yet learnt.
    tuner: Option<Tuner>,
}

impl State {
    fn new(cx: &PrepareCx<'_>) -> Self {
        let settings = ChromaCqtSettings {
            hop_len: usize::try_from(cx.params.int(PARAM_HOP)).unwrap_or(512),
            ..ChromaCqtSettings::default()
        };
        let looks_ahead = looks_ahead(cx, PARAM_HEARING);
        let sample_rate_hz = cx.clock.sample_rate_hz;
        let is_auto = cx.params.choice(PARAM_TUNE) == 0;
        let fixed =
            f64::from(cx.params.float(PARAM_TUNING)) * settings.bins_per_octave as f64 / 12.0;
        let longest_secs = f64::from(cx.params.float(PARAM_LONGEST_SECS));
        let tuning = if is_auto { 0.0 } else { fixed };
        let num_smoothed = usize::try_from(cx.params.int(PARAM_NUM_SMOOTHED)).unwrap_or(1);
        let is_cens = cx.params.choice(PARAM_METHOD) == 1;
        Self {
            sample_rate_hz,
            settings,
            looks_ahead,
            longest_secs,
            transform: transform(sample_rate_hz, &settings, tuning, looks_ahead, longest_secs),
            bins: vec![0.0; settings.num_octaves * settings.bins_per_octave],
            bank: settings.bank(),
            cens: is_cens.then(|| CensStream::new(num_smoothed, looks_ahead)),
            tuner: is_auto.then(|| Tuner::new(sample_rate_hz, TUNING_MEMORY_SECS, looks_ahead)),
        }
    }

    /// Takes a sample; says whether `chroma` has become the next row.
    fn push(&mut self, x: f32, position: u64, chroma: &mut [f32; NUM_CLASSES]) -> bool {
        if let Some(tuner) = &mut self.tuner {
            tuner.push(x, position);
        }
        if !self.transform.push(x, position) {
            return false;
        }
        self.transform.row(position, &mut self.bins);
        let tuning = self.tuner.as_ref().map_or(0.0, Tuner::tuning);
        self.bank.apply(&self.bins, tuning, chroma);
        let Some(cens) = &mut self.cens else { return true };
        let is_due = cens.push(chroma);
        cens.row(chroma);
        is_due
    }
}

fn transform(
    sample_rate_hz: u32,
    settings: &ChromaCqtSettings,
    tuning: f64,
    looks_ahead: bool,
    longest_secs: f64,
) -> CqtStream {
    let cqt = settings.cqt(tuning);
    if looks_ahead {
        CqtStream::new(sample_rate_hz, &cqt, Alignment::Centred)
    } else {
        let cqt = cqt.with_longest_window(longest_secs);
        CqtStream::new(sample_rate_hz, &cqt, Alignment::Ending)
    }
}

impl Node for ChromaCqt {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.0 = Some(State::new(cx));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (Some(sound), Some(state)) = (io.inputs.audio(IN_AUDIO), &mut self.0) else {
            return Ok(());
        };
        let norm = Norm::from_index(io.params.choice(PARAM_NORMALISE));
        let Some(out) = io.outputs.chroma(OUT_CHROMA) else { return Ok(()) };
        out.begin(NUM_CLASSES);
        out.hop_secs = state.transform.hop_len() as f64 / f64::from(io.tick.clock.sample_rate_hz);
        let mut chroma = [0.0; NUM_CLASSES];
        for i in 0..sound.len() {
            if state.push(sound.mono(i), io.tick.sample + i as u64, &mut chroma) {
                let row = out.push();
                row.copy_from_slice(&chroma);
                norm.apply(row);
            }
        }
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        let Some(state) = &self.0 else { return Timing::default() };
        let num_delayed = state.cens.as_ref().map_or(0, CensStream::delay) as u64;
        let hop_len = state.transform.hop_len();
        Timing {
            latency_samples: state.transform.latency_samples() + num_delayed * hop_len,
            hop_len,
            frame_len: state.transform.longest_window(),
        }
    }

    fn studies(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.looks_ahead && state.tuner.is_some())
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        let Some(state) = &mut self.0 else { return Ok(()) };
        let bins_per_octave = state.settings.bins_per_octave;
        let studied = state.tuner.as_ref().and_then(|tuner| tuner.studied(bins_per_octave));
        if let Some(tuning) = studied {
            state.tuner = None;
            let State { sample_rate_hz, settings, looks_ahead, longest_secs, .. } = *state;
            state.transform =
                transform(sample_rate_hz, &settings, tuning, looks_ahead, longest_secs);
        }
        Ok(())
    }

    fn reset(&mut self) {
        let Some(state) = &mut self.0 else { return };
        state.transform.reset();
        state.cens.iter_mut().for_each(CensStream::reset);
        state.tuner.iter_mut().for_each(Tuner::reset);
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        let old = old.downcast_mut::<Self>().and_then(|old| old.0.as_mut());
        if let (Some(state), Some(old)) = (&mut self.0, old) {
            state.transform.adopt(&old.transform);
            if let (Some(tuner), Some(old)) = (&mut state.tuner, old.tuner.take())
                && !state.looks_ahead
            {
                *tuner = old;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Value};

    use super::*;
    use crate::analysis::testing::{a10, a10_clock, columns, max_abs_diff, peak, reference};

    fn rows(node: &mut Harness, sound: &[f32]) -> Vec<f32> {
        let rows = node.feed("audio", &[sound], |h| match h.output("chroma") {
            Value::Chroma(c) => c.fresh().flatten().copied().collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        });
        rows.unwrap().concat()
    }

    /// The clip, and silence until its last row has come.
    fn clip(node: &Harness) -> Vec<f32> {
        let mut sound = a10();
        let latency = node.timing(&[Timing::default()]).latency_samples;
        sound.resize(sound.len() + latency as usize + 600, 0.0);
        sound
    }

    #[test]
    fn looking_ahead_it_matches_the_reference() {
        for (method, norm, name, worst_limit) in
            [("plain", "none", "chroma_cqt_raw", 0.01), ("cens", "l2", "chroma_cens", 0.05)]
        {
            let node = Harness::new(&SPEC).clock(a10_clock(512)).looks_ahead();
            let mut node = node.param("method", method).param("normalise", norm).prepare().unwrap();
            assert!(node.node_mut().studies());
            let sound = clip(&node);
            rows(&mut node, &sound);
            node.learn().unwrap();
            assert!(!node.node_mut().studies());
            let found = rows(&mut node, &sound);
            assert!(found.len() >= 431 * 12);
            let expected = columns(&reference(&format!("librosa/{name}.bin")), 431);
            // CENS averages over what rings on after the clip, where the reference sees nothing.
            let expected = &expected[..411 * 12];
            let worst = max_abs_diff(&found, expected) / peak(expected);
            let pairs = found.iter().zip(expected);
            let mean = pairs.map(|(f, e)| (f - e).abs()).sum::<f32>() / expected.len() as f32;
            let mean = mean / peak(expected);
            assert!(worst < worst_limit && mean < 3e-3, "{method}: {worst} {mean}");
        }
    }

    fn tone(hz: f64, rate_hz: u32, secs: f64) -> Vec<f32> {
        let step = std::f64::consts::TAU * hz / f64::from(rate_hz);
        (0..(secs * f64::from(rate_hz)) as u32)
            .map(|i| (step * f64::from(i)).sin() as f32 * 0.5)
            .collect()
    }

    #[test]
    fn causal_it_hears_notes_and_their_tuning() {
        let clock = Clock { sample_rate_hz: 48_000, ..Clock::default() };
        for (semitones, tune, class) in
            [(0.0, "fixed", 9), (3.0, "auto", 0), (0.4, "auto", 9), (-0.4, "auto", 9)]
        {
            for method in ["plain", "cens"] {
                let node = Harness::new(&SPEC).clock(clock).param("method", method);
                let mut node = node.param("tune", tune).prepare().unwrap();
                let hz = 440.0 * (semitones / 12.0_f64).exp2();
                let found = rows(&mut node, &tone(hz, 48_000, 1.5));
                let last = &found[found.len() - 12..];
                assert_eq!(last[class], 1.0, "{semitones} {method}: {last:?}");
                let others = last.iter().enumerate().filter(|(i, _)| *i != class);
                let loudest = others.map(|(_, &v)| v).fold(0.0, f32::max);
                assert!(loudest < 0.3, "{semitones} {method}: {last:?}");
            }
        }
    }

    #[test]
    fn cens_looking_ahead_is_twenty_rows_later() {
        let latency = |method: &'static str, hearing: &'static str| {
            let node = Harness::new(&SPEC).param("method", method).param("hearing", hearing);
            node.prepare().unwrap().timing(&[Timing::default()]).latency_samples
        };
        assert_eq!(latency("cens", "look_ahead"), latency("plain", "look_ahead") + 20 * 512);
        assert_eq!(latency("cens", "causal"), latency("plain", "causal"));
        assert!(latency("plain", "causal") < 1_000);
    }
}
