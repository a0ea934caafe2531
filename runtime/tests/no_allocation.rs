//! In steady state the engine allocates nothing.
#![allow(unsafe_code)] // a counting allocator can only be had by implementing `GlobalAlloc`

mod stubs;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use lumawire_core::AudioBlock;
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};

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

fn allocations_in(run: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    run();
    COUNT.with(Cell::get) - before
}

#[test]
fn a_thousand_nodes_tick_without_allocating() {
    assert!(allocations_in(|| drop(std::hint::black_box(Box::new(1)))) > 0, "the counter counts");
    let plan = stubs::big::cheap(1_000);
    assert!(plan.steps.len() > 950);
    let mut engine = Engine::new(prepare(plan, &RunCx::default(), None));
    let audio = AudioBlock::silent(2, 256);
    let tick = |engine: &mut Engine| {
        engine.block(&audio);
        while engine.frame_is_due() {
            engine.frame(FrameMode::Full);
        }
    };
    (0..10).for_each(|_| tick(&mut engine));
    assert_eq!(allocations_in(|| (0..200).for_each(|_| tick(&mut engine))), 0);
    engine.set_timing(true);
    assert_eq!(allocations_in(|| (0..200).for_each(|_| tick(&mut engine))), 0);
}
