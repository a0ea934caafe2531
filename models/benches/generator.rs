//! Time of one picture on the CPU: `cargo bench -p lumawire-models`.

#![allow(clippy::expect_used, missing_docs)] // a panic is the report; criterion makes the items

use candle_core::{Device, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use lumawire_models::random::RandomState;
use lumawire_models::stylegan2::{Config, Generator, Shaping};

fn synthesize(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("synthesize");
    group.sample_size(10);
    for (resolution, base, max) in [(256, 4096, 128), (256, 16384, 512)] {
        let config = Config::new(resolution, base, max);
        let generator = Generator::stand_in(config, 0).expect("a stand-in");
        let mut z = vec![0.0; 512];
        RandomState::new(0).fill_normal(&mut z);
        let z = Tensor::from_vec(z, (1, 512), &Device::Cpu).expect("z");
        let w = generator.map(&z, None).expect("w");
        let ws = generator.broadcast(&w).expect("ws");
        group.bench_function(format!("{resolution} px, base {base}, max {max}"), |b| {
            b.iter(|| generator.synthesize(&ws, &Shaping::default()).expect("picture"));
        });
    }
    group.finish();
}

criterion_group!(benches, synthesize);
criterion_main!(benches);
