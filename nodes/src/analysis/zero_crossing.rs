//! How often the sound changes its sign.

use lumawire_analysis::level::zero_crossing::ZeroCrossings;
use lumawire_analysis::signal::framer::Framing;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};

const IN_AUDIO: usize = 0;
const OUT_RATE: usize = 0;
const OUT_HZ: usize = 1;
const PARAM_WINDOW_SECS: usize = 0;
const PARAM_HOP: usize = 1;

/// `analysis.zero_crossing`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.zero_crossing",
    version: 1,
    label: "Zero crossings",
    doc: "How often the sound changes its sign: seldom for hums and kicks, often for hiss, hats and \
          sibilants. rate = the share of the samples in `window_secs` of the mean of the channels \
          whose sign differs from that of the sample before, anew every `hop` samples, as \
          librosa's zero_crossing_rate; hz = rate · sample rate / 2, the frequency of a sine that \
          crosses as often. Causal: half the window late.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[
        Port::output("rate", PortType::Control, "Share of the samples that cross, 0..1."),
        Port::output("hz", PortType::Control, "Frequency of a sine that crosses as often, in Hz."),
    ],
    params: &[
        Param::float("window_secs", "Window", 0.092_879_82, (0.01, 1.0))
            .hard(0.001, 2.0)
            .unit(Unit::Secs)
            .rebuild()
            .doc("Length of sound that counts."),
        Param::int("hop", "Hop", 512, (64, 2048))
            .hard_int(64, 8192)
            .unit(Unit::Samples)
            .rebuild()
            .doc("Samples between new values."),
    ],
    build: || Box::new(Crossings { crossings: ZeroCrossings::new(Framing::default()), rate: 0.0 }),
};

struct Crossings {
    crossings: ZeroCrossings,
    rate: f32,
}

impl Node for Crossings {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let window_len =
            f64::from(cx.params.float(PARAM_WINDOW_SECS)) * f64::from(cx.clock.sample_rate_hz);
        let hop_len = usize::try_from(cx.params.int(PARAM_HOP)).unwrap_or(512);
        let frame_len = window_len.round() as usize;
        self.crossings = ZeroCrossings::new(Framing { frame_len, hop_len, center: true });
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        for i in 0..sound.len() {
            if let Some(rate) = self.crossings.push(sound.mono(i), io.tick.sample + i as u64) {
                self.rate = rate;
            }
        }
        let nyquist_hz = io.tick.clock.sample_rate_hz as f32 / 2.0;
        io.outputs.set_control(OUT_RATE, self.rate);
        io.outputs.set_control(OUT_HZ, self.rate * nyquist_hz);
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default().late(self.crossings.latency_len() as u64)
    }

    fn reset(&mut self) {
        self.crossings.reset();
        self.rate = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::testing::{a10, a10_clock, max_abs_diff, reference};

    /// But for the last rows, where the clip goes on in silence and not as it ended.
    #[test]
    fn matches_the_reference() {
        let mut node = Harness::new(&SPEC).clock(a10_clock(512)).prepare().unwrap();
        let rates = node.feed("audio", &[&a10()], |h| h.control("rate")).unwrap();
        // Row k is complete with sample 512·k + 1024, the last of block k + 1.
        let expected = reference("librosa/zero_crossing_rate.bin");
        let error = max_abs_diff(&rates[1..430], &expected[..429]);
        assert!(error < 1e-6, "{error}");
    }

    #[test]
    fn a_sine_gives_its_frequency() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        let step = std::f64::consts::TAU * 1_000.0 / 48_000.0;
        let sine: Vec<f32> =
            (0..24_000).map(|i| (step * f64::from(i) + 0.1).sin() as f32).collect();
        node.feed("audio", &[&sine], |_| ()).unwrap();
        assert!((node.control("hz") - 1_000.0).abs() < 10.0, "{}", node.control("hz"));
    }
}
