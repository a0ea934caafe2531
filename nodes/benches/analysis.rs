//! What it costs to listen: each node on one second of sound at 48 kHz, in blocks of 256 samples.
//! A second holds 93.75 hops of 512 samples.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use lumawire_core::harness::Harness;
use lumawire_core::{AudioBlock, Clock, NodeSpec, Value};
use lumawire_nodes::analysis;

const NUM_BLOCKS: usize = 188;

/// Two tones and noise, block after block.
fn sound() -> Vec<Value> {
    let block_len = Clock::default().block_len;
    let mut noise = 1_u32;
    let mut sample = |i: usize| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
        0.3 * (i as f32 * 0.03).sin() + 0.2 * (i as f32 * 0.21).sin() + 0.1 * white
    };
    let mut block = |b: usize| {
        let mut block = AudioBlock::silent(1, block_len);
        for (i, x) in block.samples_mut().iter_mut().enumerate() {
            *x = sample(b * block_len + i);
        }
        Value::Audio(block.into())
    };
    (0..NUM_BLOCKS).map(&mut block).collect()
}

/// What a node's first output gives for `blocks` at its first input.
fn run(spec: &'static NodeSpec, node: &mut Harness, blocks: &[Value]) -> Vec<Value> {
    let through = |block: &Value| {
        node.input(spec.inputs[0].id, block.clone());
        node.tick().unwrap();
        node.output(spec.outputs[0].id).clone()
    };
    blocks.iter().map(through).collect()
}

fn a_second(c: &mut Criterion) {
    let sound = sound();
    let stft = &analysis::stft::SPEC;
    let spectra = run(stft, &mut Harness::new(stft).prepare().unwrap(), &sound);
    let mut group = c.benchmark_group("one second of");
    let audio = [stft, &analysis::filter::SPEC, &analysis::rms::SPEC];
    let spectral = [
        &analysis::chroma::SPEC,
        &analysis::hpss::SPEC,
        &analysis::onset::SPEC,
        &analysis::mel::SPEC,
        &analysis::level::SPEC,
        &analysis::centroid::SPEC,
        &analysis::istft::SPEC,
    ];
    let inputs = audio.iter().map(|s| (s, &sound)).chain(spectral.iter().map(|s| (s, &spectra)));
    for (spec, blocks) in inputs {
        let mut node = Harness::new(spec).prepare().unwrap();
        group.bench_function(spec.kind, |b| b.iter(|| tick_all(spec, &mut node, blocks)));
    }
    group.finish();
}

fn tick_all(spec: &'static NodeSpec, node: &mut Harness, blocks: &[Value]) {
    for block in blocks {
        node.input(spec.inputs[0].id, block.clone());
        node.tick().unwrap();
    }
}

criterion_group!(benches, a_second);
criterion_main!(benches);
