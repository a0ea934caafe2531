//! In steady state the engine allocates nothing.
#![allow(clippy::expect_used)] // helpers of tests are tests
#![allow(unsafe_code)] // a counting allocator can only be had by implementing `GlobalAlloc`

mod stubs;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use std::num::NonZero;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use lumawire_core::{AudioBlock, Fps};
use lumawire_runtime::live::{
    Backend, Callback, DeviceError, Format, Opened, Watch, open_input, open_playback,
};
use lumawire_runtime::probe::{HISTORY_LEN, Probe, Readings, Seen};
use lumawire_runtime::show::Tap;
use lumawire_runtime::take::{FORMAT, Manifest, Recorder, VERSION};
use lumawire_runtime::transport::Silence;
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

/// A device that calls a hundred times while it is opened, and tells how often that allocated.
struct Counted {
    rate_hz: u32,
    told: Sender<u64>,
}

impl Backend for Counted {
    fn open(
        &mut self,
        connect: &mut dyn FnMut(Format) -> Option<Callback>,
        _: Watch,
    ) -> Result<Opened, DeviceError> {
        let rate_hz = NonZero::new(self.rate_hz).expect("a rate");
        let mut callback = connect(Format { rate_hz, num_channels: 2 }).expect("a callback");
        let mut samples = [0_i16; 2 * 480];
        let count = allocations_in(|| {
            for len in 1..=100 {
                match &mut callback {
                    Callback::Capture(capture) => {
                        capture.write(&samples[..8 * len], Instant::now())
                    }
                    Callback::Play(player) => player.fill(&mut samples[..8 * len], Instant::now()),
                }
            }
        });
        let _ = self.told.send(count);
        Err(DeviceError::None("lasting"))
    }
}

#[test]
fn sound_callbacks_do_not_allocate() {
    let rate_hz = NonZero::new(48_000).expect("a rate");
    let head = Duration::from_millis(20);
    for device_hz in [48_000, 44_100] {
        let (told, counts) = channel();
        let device =
            |told| Some(Box::new(Counted { rate_hz: device_hz, told }) as Box<dyn Backend>);
        let _input = open_input(device(told.clone()), rate_hz, head).expect("sound");
        assert_eq!(counts.recv(), Ok(0), "input at {device_hz} Hz");
        let sound = Box::new(Silence::new(2, None));
        let reopen = Box::new(|_, _: &AtomicBool| Ok(Box::new(Silence::new(2, None)) as _));
        let _output = open_playback(device(told), sound, reopen, rate_hz, head).expect("sound");
        let from_output = counts.iter().take(2).filter(|count| *count > 0).count();
        assert_eq!(from_output, 0, "output at {device_hz} Hz");
    }
}

#[test]
fn a_take_hears_without_allocating() {
    let dir = tempfile::tempdir().expect("folder");
    let folder = dir.path().join("take");
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        sample_rate_hz: 48_000,
        fps: Fps::new(60, 1),
        seed: None,
        size_px: None,
        output: "sink".into(),
        base_dir: folder.clone(),
    };
    let (recorder, mut tape) =
        Recorder::start(&folder, &manifest, "{}", &[], |_| {}).expect("a take");
    let mut engine = Engine::new(prepare(stubs::big::cheap(100), &RunCx::default(), None));
    let audio = AudioBlock::silent(2, 256);
    let count = allocations_in(|| {
        for _ in 0..500 {
            tape.hear(&engine, &audio, 256);
            engine.block(&audio);
        }
    });
    let summary = recorder.finish();
    assert_eq!(count, 0);
    assert!(summary.is_exact() && summary.num_samples == 500 * 256, "{summary:?}");
}

#[test]
fn a_probe_looks_without_allocating() {
    let mut engine = Engine::new(prepare(stubs::big::cheap(500), &RunCx::default(), None));
    engine.set_timing(true);
    let steps = engine.plan().steps.iter();
    let outputs: Vec<_> = steps
        .flat_map(|step| step.spec.outputs.iter().map(|port| (step.id.clone(), port.id.to_owned())))
        .collect();
    assert!(outputs.len() > 400);
    let (probe, mut tap) = Probe::new(Box::new(()));
    probe.watch(outputs.clone());
    let audio = AudioBlock::silent(2, 256);
    let mut tick = || {
        tap.hear(&engine, &audio, 256);
        engine.block(&audio);
        while engine.frame_is_due() {
            engine.frame(FrameMode::Full);
        }
    };
    let mut readings = Readings::default();
    // Until all histories are full.
    (0..5 * HISTORY_LEN).for_each(|_| tick());
    probe.read(&mut readings);
    let count = allocations_in(|| {
        for _ in 0..500 {
            tick();
            probe.read(&mut readings);
        }
    });
    assert_eq!(count, 0);
    let is_seen = |output| matches!(readings.outputs.get(output), Some(Seen::Control { .. }));
    assert!(outputs.iter().filter(|output| is_seen(output)).count() > 400);
    assert!(readings.loads.len() > 400);
}
