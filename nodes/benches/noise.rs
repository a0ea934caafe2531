//! What it costs to fill all layers of a network with a frame of noise.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lumawire_core::Value;
use lumawire_core::harness::Harness;
use lumawire_models::stylegan2::Config;
use lumawire_nodes::noise::{self, Field};

/// The sources of noise, and what else is worth knowing of them.
fn sources() -> Vec<(&'static str, Harness)> {
    let gaussian = || Harness::new(&noise::gaussian::SPEC);
    vec![
        ("gaussian", gaussian()),
        ("gaussian blurred", gaussian().param("blur", 0.02_f32)),
        ("perlin", Harness::new(&noise::perlin::SPEC)),
    ]
}

/// Two fields crossfaded, inside and outside of an ellipse.
fn composed() -> Harness {
    let source = |seed: i64| {
        let node = Harness::new(&noise::gaussian::SPEC).param("seed", seed);
        let mut node = node.prepare().unwrap();
        node.tick().unwrap();
        node.output("noise").clone()
    };
    let mut mix = Harness::new(&noise::mix::SPEC).param("amount", 0.5_f32).prepare().unwrap();
    mix.input("a", source(1));
    mix.input("b", source(2));
    mix.tick().unwrap();
    let mask = Harness::new(&noise::mask::SPEC).param("shape", "ellipse");
    let mut mask = mask.prepare().unwrap();
    mask.input("noise", mix.output("noise").clone());
    mask.input("outside", source(3));
    mask
}

/// A tick, and the noise of all layers of a network with pictures of `resolution` pixels a side.
fn frame(node: &mut Harness, config: &Config, pictures: &mut [Vec<f32>]) {
    node.tick().unwrap();
    let Value::Noise(handle) = node.output("noise") else { return };
    let field = handle.get::<Field>().unwrap();
    for (layer, picture) in (1..).zip(pictures) {
        let side = config.layer_resolution(layer);
        field.0.fill(layer, side, side, picture);
    }
}

fn all_layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("noise of all layers");
    for resolution in [256, 512] {
        let config = Config::new(resolution, 4096, 128);
        let mut pictures: Vec<Vec<f32>> = (1..config.num_layers())
            .map(|layer| vec![0.0; config.layer_resolution(layer).pow(2)])
            .collect();
        let prepared = sources().into_iter().map(|(name, node)| (name, node.prepare().unwrap()));
        for (name, mut node) in prepared.chain([("mix and mask", composed())]) {
            group.bench_function(BenchmarkId::new(name, resolution), |b| {
                b.iter(|| frame(&mut node, &config, &mut pictures));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = all_layers
}
criterion_main!(benches);
