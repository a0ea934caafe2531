//! What every node that listens must do, whatever it computes.

use lumawire_core::harness::Harness;
use lumawire_core::{AudioBlock, Clock, NodeSpec, PortType, Value};

use super::testing::Chain;
use super::{chroma, stft};

/// Nodes that need more sound than these tests play before they say anything; they have tests of
/// their own.
const SLOW: &[&str] = &["analysis.drop", "analysis.sections"];

/// Every node that listens.
fn all() -> impl Iterator<Item = &'static NodeSpec> {
    let listens = |s: &&&NodeSpec| {
        let hears = s.category() == "analysis" || s.kind == "source.audio";
        hears && !SLOW.contains(&s.kind)
    };
    crate::ALL.iter().filter(listens).copied()
}

/// The node at its defaults, behind an STFT where it takes spectra, and chroma where it takes that.
fn chain(spec: &'static NodeSpec, clock: Clock) -> Chain {
    let before = Chain::new(clock);
    let before = match spec.inputs.first().map(|p| p.ty) {
        Some(PortType::Spectrum) => before.then(&stft::SPEC, |h| h),
        Some(PortType::Chroma) => before.then(&stft::SPEC, |h| h).then(&chroma::SPEC, |h| h),
        _ => before,
    };
    before.then(spec, |h| h)
}

/// All numbers that a node gives over time: one stream for each output.
#[derive(Debug, Default, PartialEq)]
struct Trace {
    streams: Vec<Vec<f32>>,
    num_hits: u32,
    num_samples: usize,
}

impl Trace {
    /// Appends what the node gave in a block. Controls hold what was latest, so they count only
    /// where `CONTROL_GRID` divides the time, as do the hits so far.
    fn add(&mut self, spec: &NodeSpec, node: &Harness, block_len: usize) {
        self.streams.resize(spec.outputs.len(), Vec::new());
        self.num_samples += block_len;
        let on_grid = self.num_samples.is_multiple_of(CONTROL_GRID);
        for (port, stream) in spec.outputs.iter().zip(&mut self.streams) {
            match node.output(port.id) {
                Value::Audio(block) => stream.extend(block.channel(0)),
                Value::Spectrum(s) => {
                    stream.extend(s.hops.fresh().flatten().flat_map(|c| [c.re, c.im]))
                }
                Value::Bands(rows) | Value::Chroma(rows) => stream.extend(rows.fresh().flatten()),
                Value::Control(v) if on_grid => stream.push(*v),
                Value::Control(_) => {}
                Value::Trigger(hits) => {
                    self.num_hits += hits;
                    if on_grid {
                        stream.push(self.num_hits as f32);
                    }
                }
                other => panic!("{} gives {other:?}", port.id),
            }
        }
    }
}

/// A multiple of all block lengths in these tests.
const CONTROL_GRID: usize = 8_000;

fn trace(spec: &'static NodeSpec, chain: &mut Chain, clock: Clock, sound: &[Vec<f32>]) -> Trace {
    let mut trace = Trace::default();
    chain.feed_channels(sound, |node| trace.add(spec, node, clock.block_len));
    trace
}

/// Bursts of two tones and of noise, one row a channel.
fn bursts(num_channels: usize, len: usize) -> Vec<Vec<f32>> {
    let mut noise = 12_345_u32;
    let mut sample = |c: usize, i: usize| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
        let fade = (-((i % 6_000) as f32) / 1_500.0).exp();
        let tone = (i as f32 * 0.03 * (c + 1) as f32).sin() + (i as f32 * 0.4).sin();
        0.2 * tone + 0.4 * fade * white
    };
    (0..num_channels).map(|c| (0..len).map(|i| sample(c, i)).collect()).collect()
}

#[test]
fn reset_repeats() {
    let sound = bursts(2, 24_000);
    for spec in all() {
        let clock = Clock { block_len: 250, ..Clock::default() };
        let mut chain = chain(spec, clock);
        let first = trace(spec, &mut chain, clock, &sound);
        chain.reset();
        let second = trace(spec, &mut chain, clock, &sound);
        assert!(first == second, "{}", spec.kind);
        let moves = first.streams.iter().flatten().any(|v| *v != 0.0);
        assert!(moves, "{} gave nothing to compare", spec.kind);
    }
}

#[test]
fn block_length_changes_nothing() {
    let sound = bursts(2, 24_000);
    for spec in all() {
        let run = |block_len: usize| {
            let clock = Clock { block_len, ..Clock::default() };
            trace(spec, &mut chain(spec, clock), clock, &sound)
        };
        let expected = run(250);
        for block_len in [64, 1_000, 8_000] {
            assert!(run(block_len) == expected, "{} in blocks of {block_len}", spec.kind);
        }
    }
}

#[test]
fn only_numbers_leave_whatever_enters() {
    type Wave = fn(usize) -> f32;
    let waves: [(&str, Wave); 5] = [
        ("silence", |_| 0.0),
        ("constant", |_| 1.0),
        ("square", |i| if i % 100 < 50 { 1.0 } else { -1.0 }),
        ("no number", |i| [f32::NAN, 0.5, f32::INFINITY, f32::NEG_INFINITY][i % 4]),
        ("smallest", |_| f32::from_bits(1)),
    ];
    for spec in all() {
        for (sample_rate_hz, num_channels) in [(44_100, 1), (48_000, 2), (96_000, 8)] {
            let clock = Clock { sample_rate_hz, block_len: 500, ..Clock::default() };
            let mut chain = chain(spec, clock);
            let is_finite = |trace: &Trace| trace.streams.iter().flatten().all(|v| v.is_finite());
            for (name, wave) in waves {
                let sound = vec![(0..4_000).map(wave).collect::<Vec<_>>(); num_channels];
                let trace = trace(spec, &mut chain, clock, &sound);
                assert!(is_finite(&trace), "{}: {name} at {sample_rate_hz} Hz", spec.kind);
            }
            let after = trace(spec, &mut chain, clock, &bursts(num_channels, 64_000));
            let alive = after.streams.iter().all(|s| s.iter().any(|v| *v != 0.0));
            assert!(is_finite(&after) && alive, "{} is lost at {sample_rate_hz} Hz", spec.kind);
            let largest = (0..8_000).map(|i| if i % 3 == 0 { f32::MAX } else { f32::MIN });
            let sound = vec![largest.collect::<Vec<_>>(); num_channels];
            let trace = trace(spec, &mut chain, clock, &sound);
            assert!(is_finite(&trace), "{}: largest at {sample_rate_hz} Hz", spec.kind);
        }
    }
}

/// Spectra from other nodes need not be clean either.
#[test]
fn only_numbers_leave_for_poisoned_spectra() {
    let clock = Clock::default();
    for spec in all().filter(|s| s.inputs.first().is_some_and(|p| p.ty == PortType::Spectrum)) {
        let mut source = Chain::new(clock).then(&stft::SPEC, |h| h);
        let mut node = Harness::new(spec).clock(clock).prepare().unwrap();
        let mut trace = Trace::default();
        for tick in 0..80 {
            source.tick(AudioBlock::silent(1, clock.block_len));
            let Value::Spectrum(spectrum) = source.last().output("spectrum") else { panic!() };
            let mut spectrum = lumawire_core::Spectrum::clone(spectrum);
            spectrum.hops.begin(1025);
            for (i, bin) in spectrum.hops.push().iter_mut().enumerate() {
                let bad = [f32::NAN, f32::INFINITY, 1e30, -3.0];
                (bin.re, bin.im) = (bad[(i + tick) % 4], bad[(i / 4 + tick) % 4]);
            }
            node.input("spectrum", Value::Spectrum(spectrum.into()));
            node.tick().unwrap();
            trace.add(spec, &node, clock.block_len);
        }
        assert!(trace.streams.iter().flatten().all(|v| v.is_finite()), "{}", spec.kind);
    }
}
