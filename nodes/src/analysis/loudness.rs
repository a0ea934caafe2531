//! Loudness as broadcasters measure it.

use lumawire_analysis::level::loudness::{FLOOR_LUFS, LoudnessMeter};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};

use super::look_ahead::{self, looks_ahead};
use super::place::linear_place;

const IN_AUDIO: usize = 0;
const OUT_LEVEL: usize = 0;
const OUT_MOMENTARY: usize = 1;
const OUT_SHORT_TERM: usize = 2;
const OUT_INTEGRATED: usize = 3;
const OUT_RELATIVE: usize = 4;
const OUT_PEAK: usize = 5;
const PARAM_QUIET_LUFS: usize = 0;
const PARAM_LOUD_LUFS: usize = 1;
const PARAM_HEARING: usize = 2;

/// `analysis.loudness`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.loudness",
    version: 1,
    label: "Loudness",
    doc: "How loud the sound is to the ear, as broadcasters measure it. LUFS = −0.691 + 10·log10 of \
          the channels' mean squares behind the K-weighting, added up by the channels' weights \
          (ITU-R BS.1770-4, EBU R 128): over 0.4 s (momentary), over 3 s (short-term), and of all \
          so far (integrated: blocks of 0.4 s every 0.1 s that are louder than −70 LUFS and than \
          10 LU below the mean of those). A stereo sine of 1 kHz gives its peak level in dB; \
          silence −100. Channels in the order of WAV files, front ones and sides; one for low \
          frequencies (the fourth of six to eight) counts for nothing. level = the momentary \
          loudness between `quiet_lufs` and `loud_lufs`. New values every 10 ms. Causal: half of \
          the momentary window late (0.2 s). Looking ahead, the integrated loudness is that of the \
          whole sound from the start.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[
        Port::output(
            "level",
            PortType::Control,
            "Momentary loudness between `quiet_lufs` and `loud_lufs`, 0..1.",
        ),
        Port::output("momentary_lufs", PortType::Control, "Loudness of the last 0.4 s, in LUFS."),
        Port::output("short_term_lufs", PortType::Control, "Loudness of the last 3 s, in LUFS."),
        Port::output("integrated_lufs", PortType::Control, "Loudness of all so far, in LUFS."),
        Port::output(
            "relative_lu",
            PortType::Control,
            "Momentary less integrated loudness, in LU, within ±40: above 0 what is louder than usual.",
        ),
        Port::output(
            "true_peak_db",
            PortType::Control,
            "Largest true peak of the last 0.4 s, in dB of full scale, −100 in silence.",
        ),
    ],
    params: &[
        Param::float("quiet_lufs", "Quiet", -45.0, (-70.0, -20.0))
            .hard(-100.0, 20.0)
            .unit(Unit::Db)
            .doc("Momentary loudness at which level is 0."),
        Param::float("loud_lufs", "Loud", -8.0, (-30.0, 0.0))
            .hard(-100.0, 20.0)
            .unit(Unit::Db)
            .doc("Momentary loudness at which level is 1."),
        look_ahead::HEARING,
    ],
    build: || Box::new(Loudness::new(48_000, false)),
};

/// Range of `relative_lu`.
const MAX_RELATIVE_LU: f32 = 40.0;

struct Loudness {
    sample_rate_hz: u32,
    looks_ahead: bool,
    meter: LoudnessMeter,
    momentary_lufs: f32,
    short_term_lufs: f32,
    true_peak_db: f32,
    /// Integrated loudness of the whole sound, once it is known.
    learnt_lufs: Option<f32>,
}

impl Loudness {
    fn new(sample_rate_hz: u32, looks_ahead: bool) -> Self {
        Self {
            sample_rate_hz,
            looks_ahead,
            meter: LoudnessMeter::new(sample_rate_hz, 2),
            momentary_lufs: FLOOR_LUFS,
            short_term_lufs: FLOOR_LUFS,
            true_peak_db: FLOOR_LUFS,
            learnt_lufs: None,
        }
    }
}

impl Node for Loudness {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        *self = Self::new(cx.clock.sample_rate_hz, looks_ahead(cx, PARAM_HEARING));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let num_channels = sound.num_channels();
        if self.meter.num_channels() != num_channels {
            self.meter = LoudnessMeter::new(self.sample_rate_hz, num_channels);
        }
        for i in 0..sound.len() {
            let samples = (0..num_channels).map(|c| sound.channel(c).get(i).copied());
            if self.meter.push(samples.map(|x| x.unwrap_or(0.0))) {
                self.momentary_lufs = self.meter.momentary_lufs();
                self.short_term_lufs = self.meter.short_term_lufs();
                self.true_peak_db = self.meter.momentary_peak_dbtp();
            }
        }
        let range = (io.params.float(PARAM_QUIET_LUFS), io.params.float(PARAM_LOUD_LUFS));
        let integrated_lufs = self.learnt_lufs.unwrap_or_else(|| self.meter.integrated_lufs());
        let relative_lu = self.momentary_lufs - integrated_lufs;
        let level = linear_place(self.momentary_lufs, range.0, range.1);
        io.outputs.set_control(OUT_LEVEL, level);
        io.outputs.set_control(OUT_MOMENTARY, self.momentary_lufs);
        io.outputs.set_control(OUT_SHORT_TERM, self.short_term_lufs);
        io.outputs.set_control(OUT_INTEGRATED, integrated_lufs);
        let relative_lu = relative_lu.clamp(-MAX_RELATIVE_LU, MAX_RELATIVE_LU);
        io.outputs.set_control(OUT_RELATIVE, relative_lu);
        io.outputs.set_control(OUT_PEAK, self.true_peak_db);
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default().late(u64::from(self.sample_rate_hz) / 5)
    }

    fn studies(&self) -> bool {
        self.looks_ahead
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        self.learnt_lufs = Some(self.meter.integrated_lufs());
        Ok(())
    }

    fn reset(&mut self) {
        self.meter.reset();
        self.momentary_lufs = FLOOR_LUFS;
        self.short_term_lufs = FLOOR_LUFS;
        self.true_peak_db = FLOOR_LUFS;
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;

    /// A sine of 1 kHz at a peak level in dB, then another.
    fn sine(levels_db: [f32; 2], secs: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU / 48.0;
        let len = secs * 48_000;
        let at = |i: usize| {
            let amplitude = 10.0_f64.powf(f64::from(levels_db[i / len]) / 20.0);
            (amplitude * (step * i as f64).sin()) as f32
        };
        (0..2 * len).map(at).collect()
    }

    #[test]
    fn a_stereo_sine_is_as_loud_as_its_peak_level() {
        let sound = sine([-23.0, -23.0], 2);
        let mut node = Harness::new(&SPEC)
            .param("quiet_lufs", -33.0)
            .param("loud_lufs", -13.0)
            .prepare()
            .unwrap();
        node.feed("audio", &[&sound, &sound], |_| ()).unwrap();
        for id in ["momentary_lufs", "short_term_lufs", "integrated_lufs", "true_peak_db"] {
            assert!((node.control(id) + 23.0).abs() < 0.1, "{id}: {}", node.control(id));
        }
        assert!((node.control("level") - 0.5).abs() < 0.01);
        assert!(node.control("relative_lu").abs() < 0.1);
        assert_eq!(node.timing(&[]).latency_samples, 9_600);
    }

    /// Quiet, then loud: in the quiet half only the look ahead knows how loud the whole is.
    #[test]
    fn looking_ahead_knows_the_whole() {
        let sound = sine([-40.0, -20.0], 4);
        let mut node = Harness::new(&SPEC).looks_ahead().prepare().unwrap();
        let run = |node: &mut Harness| {
            node.feed("audio", &[&sound, &sound], |h| h.control("integrated_lufs")).unwrap()
        };
        let heard = run(&mut node);
        node.learn().unwrap();
        let known = run(&mut node);
        let (middle, end) = (heard[heard.len() / 2 - 1], heard[heard.len() - 1]);
        assert!((middle + 40.0).abs() < 0.1 && (end + 20.0).abs() < 0.5, "{middle} {end}");
        assert!(known.iter().all(|lufs| *lufs == end));

        let causal =
            Harness::new(&SPEC).param("hearing", "causal").looks_ahead().prepare().unwrap();
        assert_eq!(heard, run(&mut { causal }));
    }
}
