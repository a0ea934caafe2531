//! The same samples give the same values, however a device hands them out.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::hash::{DefaultHasher, Hash, Hasher};

use lumawire_core::{AudioBlock, Value, compile, patch};
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::{Chunked, Memory, Transport};
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};

/// Two seconds of two channels: a sweep and noise bursts, from a fixed recurrence.
fn sound() -> AudioBlock {
    let len = 96_000;
    let mut block = AudioBlock::silent(2, len);
    let mut state = 1_u32;
    for i in 0..len {
        let t = i as f32 / 48_000.0;
        let sweep = 0.4 * (std::f32::consts::TAU * (110.0 + 200.0 * t) * t).sin();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / 8_388_608.0 - 1.0;
        let burst = if i % 12_000 < 1_500 { 0.5 * noise } else { 0.0 };
        block.channel_mut(0)[i] = sweep + burst;
        block.channel_mut(1)[i] = sweep - 0.5 * burst;
    }
    block
}

/// Hashes of every control, trigger, chroma and latent of the plan at every frame.
fn values(transport: impl Transport) -> Vec<Vec<u64>> {
    // Pictures follow from these values; without them the run is quick.
    let text = common::SMALL.replace("\"clock\"", "\"seed\": 7, \"clock\"");
    let graph = patch::parse(&text).expect("patch").graph;
    let plan = compile(&graph, &lumawire_nodes::registry()).expect("compiles");
    let engine = Engine::new(prepare(plan, &RunCx::default(), None));
    let mut show = Show::new(engine, transport);
    let mut frames = Vec::new();
    while show.run_until_frame().expect("sound").is_some() {
        show.engine.frame(FrameMode::Full);
        let plan = show.engine.plan().clone();
        let steps = 0..plan.steps.len() as u32;
        let slots =
            steps.flat_map(|s| (0..plan.steps[s as usize].num_slots()).map(move |o| (s, o)));
        frames.push(slots.map(|(s, o)| bits(show.engine.output(s, o))).collect());
    }
    frames
}

fn bits(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Audio(block) => block.samples().iter().for_each(|v| v.to_bits().hash(&mut hasher)),
        Value::Spectrum(spectrum) => {
            for bin in spectrum.hops.latest().unwrap_or_default() {
                (bin.re.to_bits(), bin.im.to_bits()).hash(&mut hasher);
            }
        }
        Value::Image(image) => match &image.host().expect("host").pixels {
            lumawire_core::Pixels::Rgba8(v) => v.hash(&mut hasher),
            lumawire_core::Pixels::RgbaF32(v) => {
                v.iter().for_each(|v| v.to_bits().hash(&mut hasher))
            }
        },
        other => other.content_key().hash(&mut hasher),
    }
    hasher.finish()
}

#[test]
fn any_portions_of_samples_give_bit_equal_values() {
    let offline = values(Memory::new(sound()));
    assert_eq!(offline.len(), 60);
    let distinct: std::collections::BTreeSet<_> = offline.iter().collect();
    assert_eq!(distinct.len(), 60, "the values move with the sound");
    for seed in [1, 2, 3] {
        assert_eq!(values(Chunked::new(Memory::new(sound()), seed)), offline, "seed {seed}");
    }
}
