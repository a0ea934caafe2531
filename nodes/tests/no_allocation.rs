//! In steady state no node that listens allocates: it runs in every block of the show.
#![allow(clippy::expect_used)] // helpers of tests are tests
#![allow(unsafe_code)] // a counting allocator can only be had by implementing `GlobalAlloc`

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use lumawire_core::harness::Harness;
use lumawire_core::outbox::{Batch, Outbox};
use lumawire_core::{AudioBlock, Clock, NodeSpec, PortType, Services, Value};
use lumawire_nodes::{ALL, analysis, output};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell of the
// thread, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|c| c.set(c.get() + 1));
        // SAFETY: the caller keeps `alloc`'s contract, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, that is, from the system.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Blocks of two seconds: tones that come and go, and bursts of noise.
fn sound() -> Vec<Value> {
    let clock = Clock::default();
    let mut noise = 1_u32;
    let mut sample = |i: usize| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
        let fade = (-((i % 12_000) as f32) / 2_000.0).exp();
        0.3 * (i as f32 * 0.03).sin() + 0.2 * fade * (i as f32 * 0.2).sin() + 0.4 * fade * white
    };
    let mut block = |b: usize| {
        let mut block = AudioBlock::silent(2, clock.block_len);
        for i in 0..clock.block_len {
            let x = sample(b * clock.block_len + i);
            block.channel_mut(0)[i] = x;
            block.channel_mut(1)[i] = 0.5 * x;
        }
        Value::Audio(block.into())
    };
    (0..375).map(&mut block).collect()
}

/// What `spec` gives for each of `values` at its first input.
fn through(spec: &'static NodeSpec, values: &[Value]) -> Vec<Value> {
    let mut node = Harness::new(spec).prepare().expect("prepares");
    let run = |value: &Value| {
        node.input(spec.inputs[0].id, value.clone());
        node.tick().expect("a tick");
        node.output(spec.outputs[0].id).clone()
    };
    values.iter().map(run).collect()
}

/// Allocations in two seconds, after ten of the same sound.
fn allocations(spec: &'static NodeSpec, values: &[Value]) -> u64 {
    let mut node = Harness::new(spec).prepare().expect("prepares");
    let mut play = || {
        for value in values {
            node.input(spec.inputs[0].id, value.clone());
            node.tick().expect("a tick");
        }
    };
    (0..5).for_each(|_| play());
    let before = COUNT.with(Cell::get);
    play();
    COUNT.with(Cell::get) - before
}

#[test]
fn listening_allocates_nothing() {
    let before = COUNT.with(Cell::get);
    drop(std::hint::black_box(Box::new(1)));
    assert!(COUNT.with(Cell::get) > before, "the counter counts");

    let sound = sound();
    let spectra = through(&analysis::stft::SPEC, &sound);
    let chroma = through(&analysis::chroma::SPEC, &spectra);
    let mut found = Vec::new();
    for spec in ALL.iter().filter(|s| s.category() == "analysis") {
        let values = match spec.inputs[0].ty {
            PortType::Audio => &sound,
            PortType::Spectrum => &spectra,
            PortType::Chroma => &chroma,
            other => panic!("{} takes {other}", spec.kind),
        };
        let count = allocations(spec, values);
        if count > 0 {
            found.push(format!("{} {count}", spec.kind));
        }
    }
    assert!(found.is_empty(), "allocations in two seconds: {found:?}");
}

#[test]
fn telling_other_programs_allocates_nothing() {
    let services = Services::default();
    let outbox = std::sync::Arc::new(Outbox::new(Vec::new()));
    services.insert(outbox.clone());
    let node = Harness::new(&output::osc::SPEC).services(&services);
    let mut node = node.prepare().expect("prepares");
    let spectra = through(&analysis::stft::SPEC, &sound());
    let mut batch = Batch::default();
    let mut play = || {
        let (mut num_sent, before) = (0, COUNT.with(Cell::get));
        for (i, spectrum) in spectra.iter().enumerate() {
            node.input("control", Value::Control(i as f32));
            node.input("spectrum", spectrum.clone());
            node.input("trigger", Value::Trigger(1));
            node.tick().expect("a tick");
            outbox.take(&mut batch);
            num_sent += batch.iter().count();
        }
        (num_sent, COUNT.with(Cell::get) - before)
    };
    play();
    let (num_sent, num_allocations) = play();
    assert!(num_sent > 2 * spectra.len(), "{num_sent}");
    assert_eq!(num_allocations, 0);
}
