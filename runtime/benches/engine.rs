//! What the engine itself costs: ticks of 1,000 cheap nodes, and a swap of the whole plan.
#![allow(missing_docs)] // criterion's macros make public items

#[path = "../tests/stubs/mod.rs"]
mod stubs;

use std::cell::RefCell;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use lumawire_core::AudioBlock;
use lumawire_runtime::{Engine, RunCx, prepare};

fn engine(c: &mut Criterion) {
    let plan = stubs::big::cheap(1_000);
    let audio = AudioBlock::silent(2, 256);
    let fresh = || Engine::new(prepare(plan.clone(), &RunCx::default(), None));
    let mut plain = fresh();
    c.bench_function("engine/block of 1000 nodes", |b| b.iter(|| plain.block(&audio)));
    let mut timed = fresh();
    timed.set_timing(true);
    c.bench_function("engine/block of 1000 nodes, timed", |b| b.iter(|| timed.block(&audio)));
    let swapped = RefCell::new(fresh());
    c.bench_function("engine/swap of 1000 nodes", |b| {
        b.iter_batched(
            || prepare(plan.clone(), &RunCx::default(), Some(swapped.borrow().running())),
            |prepared| swapped.borrow_mut().swap(prepared).is_ok(),
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, engine);
criterion_main!(benches);
