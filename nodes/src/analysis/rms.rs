//! How loud the sound is.

use std::any::Any;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};

use lumawire_analysis::level::rms::frame_rms;
use lumawire_analysis::signal::framer::Framer;

const IN_AUDIO: usize = 0;
const OUT_LEVEL: usize = 0;
const OUT_LEVEL_DB: usize = 1;
const PARAM_WINDOW_SECS: usize = 0;
const PARAM_HOP: usize = 1;

/// Level of silence, in dB.
const FLOOR_DB: f32 = -100.0;

/// `analysis.rms`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.rms",
    version: 1,
    label: "RMS",
    doc: "How loud the sound is: the root of the mean square of the last samples. level = \
          √(mean x²) over `window_secs` of the mean of the channels, anew every `hop` samples; a \
          full-scale sine gives 0.707. The same as librosa's rms with zero padding; \
          analysis.loudness tells what the ear makes of it. Causal: half the window late.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[
        Port::output(
            "level",
            PortType::Control,
            "Root mean square, 0..1 for sound within full scale.",
        ),
        Port::output(
            "level_db",
            PortType::Control,
            "20·log10(level), from −100 dB for silence to 0 dB.",
        ),
    ],
    params: &[
        Param::float("window_secs", "Window", 0.092_879_82, (0.01, 1.0))
            .hard(0.001, 2.0)
            .unit(Unit::Secs)
            .rebuild()
            .doc("Length of the mean: short follows every hit, long the phrase."),
        Param::int("hop", "Hop", 512, (64, 2048))
            .hard_int(64, 8192)
            .unit(Unit::Samples)
            .rebuild()
            .doc("Samples between new values."),
    ],
    build: || Box::new(Rms { framer: Framer::new(1, 1), level: 0.0 }),
};

struct Rms {
    framer: Framer,
    level: f32,
}

impl Node for Rms {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let window_len =
            f64::from(cx.params.float(PARAM_WINDOW_SECS)) * f64::from(cx.clock.sample_rate_hz);
        let hop_len = usize::try_from(cx.params.int(PARAM_HOP)).unwrap_or(512);
        self.framer = Framer::new(window_len.round() as usize, hop_len);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        for i in 0..sound.len() {
            if self.framer.push(sound.mono(i), io.tick.sample + i as u64) {
                self.level = frame_rms(self.framer.frame(), self.framer.frame_len());
            }
        }
        io.outputs.set_control(OUT_LEVEL, self.level);
        io.outputs.set_control(OUT_LEVEL_DB, (20.0 * self.level.log10()).max(FLOOR_DB));
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default().late(self.framer.frame_len() as u64 / 2)
    }

    fn reset(&mut self) {
        self.framer.reset();
        self.level = 0.0;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.framer.adopt(&old.framer);
            self.level = old.level;
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::testing::{a10, a10_clock, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let mut node = Harness::new(&SPEC).clock(a10_clock(512)).prepare().unwrap();
        let mut sound = a10();
        sound.resize(sound.len() + 1024, 0.0);
        let levels = node.feed("audio", &[&sound], |h| h.control("level")).unwrap();
        // Row k is complete with sample 512·k + 1024, the last of block k + 1.
        let error = max_abs_diff(&levels[1..432], &reference("librosa/rms.bin"));
        assert!(error < 1e-6, "{error}");
    }

    #[test]
    fn decibels_follow_the_level() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        let square: Vec<f32> = (0..9600).map(|i| if i % 100 < 50 { 0.1 } else { -0.1 }).collect();
        node.feed("audio", &[&[0.0; 512]], |_| ()).unwrap();
        assert_eq!((node.control("level"), node.control("level_db")), (0.0, FLOOR_DB));
        node.feed("audio", &[&square], |_| ()).unwrap();
        assert!((node.control("level_db") + 20.0).abs() < 1e-3);
    }
}
