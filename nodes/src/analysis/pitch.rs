//! Which note a single voice sings.

use std::any::Any;

use lumawire_analysis::level::pyin::{
    Observation, PitchEstimate, PitchObserver, PitchTracker, likeliest_path,
};
use lumawire_analysis::level::yin::{PitchSettings, midi_from_hz};
use lumawire_analysis::signal::framer::{Framer, Framing};
use lumawire_core::{
    Domain, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing,
    Unit,
};

use super::look_ahead::{self, looks_ahead};
use super::place::log_place;

const IN_AUDIO: usize = 0;
const OUT_PITCH: usize = 0;
const OUT_HZ: usize = 1;
const OUT_NOTE: usize = 2;
const OUT_VOICED: usize = 3;
const OUT_PROBABILITY: usize = 4;
const OUT_CONFIDENCE: usize = 5;
const PARAM_METHOD: usize = 0;
const PARAM_LOW_HZ: usize = 1;
const PARAM_HIGH_HZ: usize = 2;
const PARAM_FRAME: usize = 3;
const PARAM_HOP: usize = 4;
const PARAM_THRESHOLD: usize = 5;
const PARAM_HEARING: usize = 6;

/// `analysis.pitch`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.pitch",
    version: 1,
    label: "Pitch",
    doc: "Which note a single voice or instrument plays, and whether it plays one. Made for one \
          line at a time: in a mix it follows what repeats most clearly. pYIN (Mauch and Dixon \
          2014; librosa's pyin) weighs many thresholds on YIN's difference function of each frame \
          and lets the pitch glide from frame to frame, in tenths of a semitone; YIN (de \
          Cheveigné and Kawahara 2002; librosa's yin) takes each frame by itself, and calls it \
          voiced where the difference lies below `threshold`. Where nothing is voiced, hz, note \
          and pitch hold what was last. Of the mean of the channels. A period of `low_hz` must \
          fit into the frame, two should. Causal: pYIN takes the end of the likeliest path so far; half a frame \
          late. Looking ahead, it takes the likeliest path through the whole sound (Viterbi), as \
          librosa does.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[
        Port::output(
            "pitch",
            PortType::Control,
            "Place of the pitch between `low_hz` and `high_hz` in octaves, 0..1.",
        ),
        Port::output("hz", PortType::Control, "Fundamental frequency in Hz; 0 before the first."),
        Port::output(
            "note",
            PortType::Control,
            "MIDI note with its fraction: 69 is A4, semitones are 1 apart; 0 before the first.",
        ),
        Port::output("voiced", PortType::Control, "1 where there is a pitch, else 0."),
        Port::output(
            "probability",
            PortType::Control,
            "How likely the latest frame by itself has a pitch in the range, 0..1 (pYIN's).",
        ),
        Port::output(
            "confidence",
            PortType::Control,
            "How nearly the latest frame repeats, 0..1: one less the depth of YIN's trough; 0 in silence.",
        ),
    ],
    params: &[
        Param::choice("method", "Method", &["pyin", "yin"])
            .rebuild()
            .doc("pYIN is steadier and knows silence; YIN is finer, quicker to jump, and cheap."),
        Param::float("low_hz", "Low", 65.406_39, (30.0, 500.0))
            .hard(10.0, 20_000.0)
            .unit(Unit::Hz)
            .rebuild()
            .doc("Lowest pitch; C2 by default."),
        Param::float("high_hz", "High", 2_093.004_5, (200.0, 4_000.0))
            .hard(20.0, 48_000.0)
            .unit(Unit::Hz)
            .rebuild()
            .doc("Highest pitch; C7 by default."),
        FRAME,
        Param::int("hop", "Hop", 512, (128, 2048))
            .hard_int(64, 8192)
            .unit(Unit::Samples)
            .rebuild()
            .doc("Samples between new values; a quarter of the frame by librosa's custom."),
        Param::float("threshold", "Threshold", 0.1, (0.02, 0.5))
            .hard(0.0, 1.0)
            .doc("YIN's: the first trough of the difference below this is the period."),
        look_ahead::HEARING,
    ],
    build: || Box::new(Pitch::new(48_000, PitchSettings::default())),
};

const FRAME_OPTIONS: &[&str] = &["1024", "2048", "4096", "8192"];

const FRAME: Param = Param {
    domain: Domain::Choice { default: "2048", options: FRAME_OPTIONS },
    ..Param::choice("frame", "Frame", FRAME_OPTIONS)
        .unit(Unit::Samples)
        .rebuild()
        .doc("Samples in a frame: long for low voices, short for quick ones.")
};

struct Pitch {
    sample_rate_hz: u32,
    settings: PitchSettings,
    is_yin: bool,
    looks_ahead: bool,
    framer: Framer,
    observer: PitchObserver,
    observation: Observation,
    tracker: PitchTracker,
    /// Frames so far.
    num_frames: usize,
    /// What was heard while studying the whole sound, and its pitches once they are known.
    studied: Vec<Observation>,
    learnt: Option<Vec<PitchEstimate>>,
    now: Now,
}

/// What the outputs show.
#[derive(Default, Clone, Copy)]
struct Now {
    hz: f32,
    voiced: bool,
    probability: f32,
    confidence: f32,
}

impl Pitch {
    fn new(sample_rate_hz: u32, settings: PitchSettings) -> Self {
        Self {
            sample_rate_hz,
            settings,
            is_yin: false,
            looks_ahead: false,
            framer: Framer::with(settings.framing),
            observer: PitchObserver::new(sample_rate_hz, &settings),
            observation: Observation::default(),
            tracker: PitchTracker::new(sample_rate_hz, &settings),
            num_frames: 0,
            studied: Vec::new(),
            learnt: None,
            now: Now::default(),
        }
    }

    /// Takes the frame that is complete.
    fn listen(&mut self, threshold: f64) {
        self.observer.observe(self.framer.frame(), &mut self.observation);
        let yin = self.observer.yin().pitch(threshold);
        let learnt = self.learnt.as_ref().and_then(|path| path.get(self.num_frames)).copied();
        let estimate = match learnt {
            Some(estimate) => estimate,
            None if self.is_yin => {
                PitchEstimate { f0_hz: yin.f0_hz as f32, voiced: yin.confidence > 1.0 - threshold }
            }
            None => self.tracker.push(&self.observation),
        };
        if self.studies() && self.learnt.is_none() {
            self.studied.push(self.observation.clone());
        }
        self.num_frames += 1;
        self.now = Now {
            hz: if estimate.voiced { estimate.f0_hz } else { self.now.hz },
            voiced: estimate.voiced,
            probability: self.observation.voiced_probability as f32,
            confidence: yin.confidence as f32,
        };
    }
}

impl Node for Pitch {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let hz = |i| f64::from(cx.params.float(i));
        let frame = FRAME_OPTIONS.get(cx.params.choice(PARAM_FRAME)).and_then(|o| o.parse().ok());
        let framing = Framing {
            frame_len: frame.unwrap_or(2048),
            hop_len: usize::try_from(cx.params.int(PARAM_HOP)).unwrap_or(512),
            center: true,
        };
        let settings = PitchSettings {
            fmin_hz: hz(PARAM_LOW_HZ),
            fmax_hz: hz(PARAM_HIGH_HZ),
            framing,
            ..PitchSettings::default()
        };
        *self = Self::new(cx.clock.sample_rate_hz, settings);
        self.is_yin = cx.params.choice(PARAM_METHOD) == 1;
        self.looks_ahead = looks_ahead(cx, PARAM_HEARING);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let threshold = f64::from(io.params.float(PARAM_THRESHOLD));
        for i in 0..sound.len() {
            if self.framer.push(sound.mono(i), io.tick.sample + i as u64) {
                self.listen(threshold);
            }
        }
        let Now { hz, voiced, probability, confidence } = self.now;
        let range = (io.params.float(PARAM_LOW_HZ), io.params.float(PARAM_HIGH_HZ));
        let note = if hz > 0.0 { midi_from_hz(f64::from(hz)) as f32 } else { 0.0 };
        io.outputs.set_control(OUT_PITCH, log_place(hz, range.0, range.1));
        io.outputs.set_control(OUT_HZ, hz);
        io.outputs.set_control(OUT_NOTE, note);
        io.outputs.set_control(OUT_VOICED, if voiced { 1.0 } else { 0.0 });
        io.outputs.set_control(OUT_PROBABILITY, probability);
        io.outputs.set_control(OUT_CONFIDENCE, confidence);
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default().late(self.framer.latency_len() as u64)
    }

    fn studies(&self) -> bool {
        self.looks_ahead && !self.is_yin
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        let studied = std::mem::take(&mut self.studied);
        self.learnt = Some(likeliest_path(&studied, self.sample_rate_hz, &self.settings));
        Ok(())
    }

    fn reset(&mut self) {
        self.framer.reset();
        self.tracker.reset();
        self.studied.clear();
        (self.num_frames, self.now) = (0, Now::default());
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.framer.adopt(&old.framer);
            self.now = old.now;
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::testing::{a10_clock, max_abs_diff, reference};

    /// The glide behind the reference: six harmonics from 110 Hz up by an octave a second for 3 s,
    /// a pause from 1.0 to 1.3 s, over some noise.
    fn glide() -> Vec<f32> {
        let mut state = 1_u32;
        let mut sample = |i: i32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / 8_388_608.0 - 1.0;
            let secs = f64::from(i) / 22_050.0;
            let phase = std::f64::consts::TAU * 110.0 * (secs.exp2() - 1.0) / 2.0_f64.ln();
            let voice: f64 = (1..=6).map(|h| (f64::from(h) * phase).sin() / f64::from(h)).sum();
            let voice = if (1.0..1.3).contains(&secs) { 0.0 } else { 0.3 * voice };
            (voice + 0.02 * noise) as f32
        };
        (0..66_150).map(&mut sample).collect()
    }

    const OUTPUTS: [&str; 3] = ["hz", "voiced", "probability"];

    fn run(node: &mut Harness) -> Vec<[f32; 3]> {
        let mut sound = glide();
        sound.resize(sound.len() + 1024, 0.0);
        // Row k is complete with sample 512·k + 1024, the last of block k + 1.
        let rows = node.feed("audio", &[&sound], |h| OUTPUTS.map(|id| h.control(id))).unwrap();
        rows[1..131].to_vec()
    }

    fn column(rows: &[[f32; 3]], i: usize) -> Vec<f32> {
        rows.iter().map(|r| r[i]).collect()
    }

    #[test]
    fn looking_ahead_is_librosas_pyin() {
        let mut node = Harness::new(&SPEC).clock(a10_clock(512)).looks_ahead().prepare().unwrap();
        let heard = run(&mut node);
        node.learn().unwrap();
        let known = run(&mut node);
        let gated: Vec<f32> = known.iter().map(|r| r[0] * r[1]).collect();
        let error = max_abs_diff(&gated, &reference("librosa/glide_pyin_f0.bin"));
        assert!(error < 1e-3, "{error} Hz");
        let expected = reference("librosa/glide_pyin_voiced_prob.bin");
        assert!(max_abs_diff(&column(&known, 2), &expected) < 1e-3);
        assert_eq!(column(&heard, 2), column(&known, 2));

        // Causal, a voice is found a little later, and then at the same pitch.
        let both: Vec<_> =
            heard.iter().zip(&known).filter(|(h, k)| h[1] == 1.0 && k[1] == 1.0).collect();
        let semitones = |(h, k): &(&[f32; 3], &[f32; 3])| 12.0 * (h[0] / k[0]).log2();
        assert!(both.len() > 100 && both.iter().all(|pair| semitones(pair).abs() < 0.5));
    }

    #[test]
    fn yin_is_librosas_yin_where_it_is_voiced() {
        let mut node =
            Harness::new(&SPEC).clock(a10_clock(512)).param("method", "yin").prepare().unwrap();
        let expected = reference("librosa/glide_yin.bin");
        let rows = run(&mut node);
        let mut num_voiced = 0;
        for ([hz, voiced, _], expected) in rows.iter().zip(&expected) {
            if *voiced == 1.0 {
                let cents = 1200.0 * (hz / expected).log2();
                assert!(cents.abs() < 1.0, "{hz} for {expected}");
                num_voiced += 1;
            }
        }
        assert!(num_voiced > 70, "{num_voiced}");
    }

    #[test]
    fn outputs_say_the_same_in_their_units() {
        let step = std::f64::consts::TAU * 440.0 / 48_000.0;
        let sine: Vec<f32> = (0..24_000).map(|i| (step * f64::from(i)).sin() as f32).collect();
        let mut node =
            Harness::new(&SPEC).param("low_hz", 110.0).param("high_hz", 1_760.0).prepare().unwrap();
        node.feed("audio", &[&sine], |_| ()).unwrap();
        assert_eq!(node.control("voiced"), 1.0);
        assert!((node.control("note") - 69.0).abs() < 0.1, "{}", node.control("note"));
        assert!((node.control("hz") / 440.0 - 1.0).abs() < 0.005);
        assert!((node.control("pitch") - 0.5).abs() < 0.003);
        assert!(node.control("confidence") > 0.9 && node.control("probability") > 0.9);
        // What was last holds in silence.
        let mut silence = || {
            node.feed("audio", &[&[0.0; 24_000]], |_| ()).unwrap();
            (node.control("hz"), node.control("voiced"), node.control("confidence"))
        };
        let held = silence();
        assert!((held.0 / 440.0 - 1.0).abs() < 0.03 && (held.1, held.2) == (0.0, 0.0), "{held:?}");
        assert_eq!(silence(), held);
        assert_eq!(node.timing(&[]).latency_samples, 1_024);
    }
}
