//! Plans are prepared on the worker and swapped in between blocks; garbage goes back to it.

mod stubs;

use std::cell::Cell;
use std::time::{Duration, Instant};

use lumawire_core::{AudioBlock, Value};
use lumawire_runtime::{Engine, PlanSlot, Preparer, RunCx, prepare, prepare_while};
use stubs::plan;

fn pole(step: f32) -> lumawire_core::Plan {
    let nodes = format!(
        r#""pole": {{ "kind": "stub.pole@1", "params": {{ "step": {step} }} }},
           "sink": {{ "kind": "stub.sink@1" }}"#
    );
    plan(&nodes, &["pole.out -> sink.watch"])
}

#[test]
fn many_edits_reach_the_engine_in_order_and_keep_its_state() {
    let mut engine = Engine::new(prepare(pole(0.0), &RunCx::default(), None));
    let (preparer, port) = Preparer::start(&engine).expect("worker");
    let audio = AudioBlock::silent(1, 256);
    let edits = std::thread::Builder::new()
        .spawn(move || {
            for step in 1..=100u8 {
                assert!(preparer.submit(pole(f32::from(step) * 0.1)));
            }
            preparer
        })
        .expect("editor");
    let started = Instant::now();
    let mut blocks = 0;
    while engine.generation() < 101 && started.elapsed() < Duration::from_secs(20) {
        port.take(&mut engine);
        engine.block(&audio);
        blocks += 1;
    }
    assert_eq!(engine.generation(), 101, "every edit arrived");
    assert_eq!(engine.next_sample(), blocks * 256, "no block was lost");
    let step = engine.plan().steps.iter().find(|s| s.id == "pole").expect("pole");
    assert_eq!(step.params[0].as_f64(), Some(10.0), "the last edit counts");
    let runs = engine.times().find(|t| t.id == "pole").map(|t| t.runs);
    assert_eq!(runs, Some(blocks), "the instance went on");
    assert!(matches!(engine.output_of("pole", "out"), Value::Control(v) if *v >= 10.0));
    drop(port);
    drop(edits.join().expect("edits"));
}

#[test]
fn of_the_plans_in_a_slot_the_newest_counts() {
    let mut engine = Engine::new(prepare(pole(0.0), &RunCx::default(), None));
    let slot = PlanSlot::default();
    // One that came before there was a worker.
    slot.put(pole(0.5));
    let (preparer, port) = Preparer::start_from(&engine, &slot).expect("worker");
    let audio = AudioBlock::silent(1, 256);
    for step in 1..=100u8 {
        slot.put(pole(f32::from(step) * 0.1));
    }
    let step = |engine: &Engine| {
        let steps = engine.plan().steps.iter();
        steps.clone().find(|s| s.id == "pole").and_then(|s| s.params[0].as_f64())
    };
    let started = Instant::now();
    while step(&engine) != Some(10.0) {
        assert!(started.elapsed() < Duration::from_secs(20), "the last edit does not come");
        port.take(&mut engine);
        engine.block(&audio);
    }
    assert!(engine.generation() <= 102);
    // Nothing older comes after it, and one more does.
    slot.put(pole(3.0));
    let last = engine.generation();
    while engine.generation() == last {
        assert!(started.elapsed() < Duration::from_secs(20), "one more edit does not come");
        port.take(&mut engine);
        engine.block(&audio);
    }
    assert_eq!(step(&engine), Some(3.0));
    drop((port, preparer));
}

#[test]
fn what_nobody_waits_for_is_not_prepared_to_its_end() {
    let num_asked = Cell::new(0);
    let goes_on = |limit: usize| {
        num_asked.set(num_asked.get() + 1);
        num_asked.get() <= limit
    };
    assert!(prepare_while(pole(0.0), &RunCx::default(), None, || goes_on(1)).is_none());
    assert_eq!(num_asked.get(), 2, "asked before each node, until it was told to stop");
    num_asked.set(0);
    let prepared = prepare_while(pole(0.0), &RunCx::default(), None, || goes_on(2)).expect("all");
    assert_eq!(prepared.plan().steps.len(), 2);
}
