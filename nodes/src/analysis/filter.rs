//! Butterworth filters.

use lumawire_core::{
    AudioBlock, Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit,
};

use lumawire_analysis::signal::butterworth::{Cascade, MAX_SECTIONS, Response};
use lumawire_analysis::signal::{keep_over, sane};

const IN_AUDIO: usize = 0;
const OUT_AUDIO: usize = 0;
const PARAM_MODE: usize = 0;
const PARAM_LOW_HZ: usize = 1;
const PARAM_HIGH_HZ: usize = 2;
const PARAM_ORDER: usize = 3;

/// `analysis.filter`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.filter",
    version: 1,
    label: "Filter",
    doc: "Lets a band of the sound pass (Butterworth, −3 dB at its edges). The gain is \
          1/√(1 + x^(2·order)), x being the distance from the band: 6 dB an octave for each order, \
          at each edge. Cascaded second-order sections in 64 bits, as scipy's butter(…, \
          output='sos') with sosfilt from rest. A low-pass uses `high_hz` alone, a high-pass \
          `low_hz` alone. At its defaults all that is audible passes. Kick: low-pass at 150 Hz; \
          snare: high-pass at 500 Hz. [channels, block] to the same; causal, its delay about \
          order/(2π·width) seconds for a band of that width in Hz. New edges are reached within \
          some 100 ms without clicks; another mode or order starts from rest.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[Port::output("audio", PortType::Audio, "What passes, [channels, block].")],
    params: &[
        Param::choice("mode", "Mode", &["band_pass", "low_pass", "high_pass", "band_stop"])
            .doc("What passes: the band, what lies below `high_hz`, what lies above `low_hz`, or all but the band."),
        Param::float("low_hz", "Low", 20.0, (20.0, 20_000.0))
            .hard(1.0, 96_000.0)
            .unit(Unit::Hz)
            .smooth()
            .doc("Lower edge of the band. The lower of the two edges counts as this one."),
        Param::float("high_hz", "High", 20_000.0, (20.0, 20_000.0))
            .hard(1.0, 96_000.0)
            .unit(Unit::Hz)
            .smooth()
            .doc("Upper edge of the band, held below 0.49 of the sample rate."),
        Param::int("order", "Order", 4, (1, 12))
            .doc("Poles at each edge: the steepness."),
    ],
    build: || Box::<Filter>::default(),
};

/// Samples between two steps of a glide.
const STEP_LEN: u64 = 4;
/// Time constant of a glide.
const GLIDE_SECS: f64 = 0.02;
/// Ratio of the edges of the narrowest band.
const MIN_RATIO: f64 = 1.001;
/// Below this a state is silence; it keeps decaying states out of the slow denormal range.
const SILENT: f64 = 1e-30;

type State = [[f64; 2]; MAX_SECTIONS];

/// Edges of the band, as fractions of the sample rate.
type Edges = [f64; 2];

#[derive(Default)]
struct Filter {
    /// Mode and order that `cascade` has.
    form: Option<(usize, usize)>,
    edges: Edges,
    cascade: Cascade,
    channels: Vec<State>,
}

impl Node for Filter {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let rate_hz = f64::from(io.tick.clock.sample_rate_hz);
        let target = edges(io.params.float(PARAM_LOW_HZ), io.params.float(PARAM_HIGH_HZ), rate_hz);
        let form = (
            io.params.choice(PARAM_MODE),
            usize::try_from(io.params.int(PARAM_ORDER)).unwrap_or(1),
        );
        if self.form != Some(form) {
            self.start(form, target);
        }
        self.channels.resize(sound.num_channels(), State::default());
        let Some(out) = io.outputs.audio(OUT_AUDIO) else { return Ok(()) };
        out.resize(sound.num_channels(), sound.len());
        let keep = f64::from(keep_over(STEP_LEN as f64 / rate_hz, GLIDE_SECS));
        let mut start = 0;
        while start < sound.len() {
            let position = io.tick.sample + start as u64;
            if position.is_multiple_of(STEP_LEN) {
                self.step(target, keep);
            }
            let left = (STEP_LEN - position % STEP_LEN) as usize;
            let end = sound.len().min(start + left);
            self.run(sound, out, start..end);
            start = end;
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.form = None;
    }
}

impl Filter {
    fn start(&mut self, form: (usize, usize), edges: Edges) {
        self.form = Some(form);
        self.channels.fill(State::default());
        self.edges = edges;
        self.cascade = design(form, edges);
    }

    /// Moves the edges on towards `target` and tidies the states.
    fn step(&mut self, target: Edges, keep: f64) {
        if self.edges != target {
            for (edge, target) in self.edges.iter_mut().zip(target) {
                // On a logarithmic scale, as pitch goes.
                let distance = (*edge / target).ln() * keep;
                *edge = if distance.abs() < 1e-6 { target } else { target * distance.exp() };
            }
            if let Some(form) = self.form {
                self.cascade = design(form, self.edges);
            }
        }
        for s in self.channels.iter_mut().flatten().flatten() {
            if !s.is_finite() || s.abs() < SILENT {
                *s = 0.0;
            }
        }
    }

    fn run(&mut self, sound: &AudioBlock, out: &mut AudioBlock, range: std::ops::Range<usize>) {
        for (c, state) in self.channels.iter_mut().enumerate() {
            let from = &sound.channel(c)[range.clone()];
            let to = &mut out.channel_mut(c)[range.clone()];
            for (y, &x) in to.iter_mut().zip(from) {
                let sections = self.cascade.sections().iter().zip(state.iter_mut());
                *y =
                    sane(sections.fold(f64::from(sane(x)), |x, (section, s)| section.tick(s, x))
                        as f32);
            }
        }
    }
}

/// The edges as fractions of the sample rate, ascending, apart, and strictly within 0 to 0.5.
fn edges(a_hz: f32, b_hz: f32, rate_hz: f64) -> Edges {
    let at = |hz: f32| (f64::from(hz) / rate_hz).clamp(1e-6, 0.49);
    let (low, high) = (at(a_hz.min(b_hz)), at(a_hz.max(b_hz)));
    [low.min(high / MIN_RATIO), high]
}

fn design((mode, order): (usize, usize), [low, high]: Edges) -> Cascade {
    let response = match mode {
        0 => Response::BandPass(low, high),
        1 => Response::LowPass(high),
        2 => Response::HighPass(low),
        _ => Response::BandStop(low, high),
    };
    Cascade::design(response, order)
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Value};

    use super::*;
    use crate::analysis::testing::{a10, a10_clock, max_abs_diff, peak, reference};

    fn samples(node: &Harness) -> Vec<f32> {
        match node.output("audio") {
            Value::Audio(block) => block.channel(0).to_vec(),
            other => panic!("{other:?}"),
        }
    }

    fn band(mode: &str, order: i64, low_hz: f32, high_hz: f32, clock: Clock) -> Harness {
        Harness::new(&SPEC)
            .clock(clock)
            .param("mode", mode)
            .param("order", order)
            .param("low_hz", low_hz)
            .param("high_hz", high_hz)
            .prepare()
            .unwrap()
    }

    /// A clip through order 12 band-passes, samples 22050 to 26460.
    #[test]
    fn matches_the_reference_slices() {
        let sound = a10();
        for (name, low, high) in
            [("low", 20.0, 200.0), ("mid", 200.0, 2e3), ("high", 2e3, 8e3), ("full", 20.0, 8e3)]
        {
            let mut node = band("band_pass", 12, low, high, a10_clock(512));
            let out = node.feed("audio", &[&sound[..26_624]], samples).unwrap().concat();
            let expected = reference(&format!("maua/bp_{name}_slice.bin"));
            assert_eq!(expected.len(), 4410);
            let error = max_abs_diff(&out[22_050..26_460], &expected) / peak(&expected);
            assert!(error < 1e-5, "{name}: {error}");
        }
    }

    #[test]
    fn what_is_no_number_leaves_no_trace() {
        let clock = a10_clock(256);
        let clean: Vec<f32> = (0..2048).map(|i| (i as f32 * 0.3).sin()).collect();
        let (mut holes, mut poisoned) = (clean.clone(), clean);
        for (i, bad) in [(100, f32::NAN), (700, f32::INFINITY), (701, f32::NEG_INFINITY)] {
            (holes[i], poisoned[i]) = (0.0, bad);
        }
        let run = |sound: &[f32]| {
            band("high_pass", 6, 300.0, 8e3, clock).feed("audio", &[sound], samples).unwrap()
        };
        assert_eq!(run(&holes), run(&poisoned));
    }

    /// While the edge glides over a tone, the tone's own slope remains the steepest there is.
    #[test]
    fn edges_glide_without_clicks() {
        let clock = Clock { block_len: 256, ..Clock::default() };
        let sound: Vec<f32> =
            (0..48_128).map(|i| (i as f32 * std::f32::consts::TAU * 440.0 / 48e3).sin()).collect();
        let slope = 440.0 * std::f32::consts::TAU / 48e3;
        for (mode, order) in [("low_pass", 4), ("high_pass", 4), ("band_pass", 2), ("band_stop", 2)]
        {
            let mut node = band(mode, order, 100.0, 2_000.0, clock);
            let mut out = Vec::new();
            for (i, block) in sound.chunks(256).enumerate() {
                if i % 40 == 20 {
                    let (low, high) = if i % 80 == 20 { (300.0, 800.0) } else { (100.0, 2e3) };
                    node.set_param("low_hz", low);
                    node.set_param("high_hz", high);
                }
                out.extend(node.feed("audio", &[block], samples).unwrap().concat());
            }
            let bends = out[2048..].windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs());
            let bend = bends.fold(0.0, f32::max);
            assert!(bend < 4.0 * slope * slope, "{mode}: {bend}");
        }
    }
}
