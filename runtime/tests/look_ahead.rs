//! Offline runs that look ahead: what is early waits, and what studies hears the sound first.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod stubs;

use std::sync::atomic::AtomicBool;

use lumawire_core::{AudioBlock, Value};
use lumawire_runtime::show::Show;
use lumawire_runtime::study::study;
use lumawire_runtime::transport::{Memory, TransportError};
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};
use stubs::plan;

const SINK: &str = r#""sink": { "kind": "stub.sink@1" }"#;
const NUM_BLOCKS: usize = 100;

/// Block k holds the value k; the last block is half there.
fn sound() -> Memory {
    let mut block = AudioBlock::silent(1, NUM_BLOCKS * 256 - 128);
    for (i, x) in block.channel_mut(0).iter_mut().enumerate() {
        *x = (i / 256) as f32;
    }
    Memory::new(block)
}

fn show(nodes: &str, wires: &[&str], looks_ahead: bool) -> Show<Memory> {
    let cx = RunCx { looks_ahead, ..RunCx::default() };
    let plan = plan(&format!("{nodes}, {SINK}"), wires);
    Show::new(Engine::new(prepare(plan, &cx, None)), sound())
}

/// What the sink watches, at every frame, and the frame's sample.
fn watch(show: &mut Show<Memory>) -> Vec<(u64, f32)> {
    let mut seen = Vec::new();
    while let Some(frame) = show.run_until_frame().expect("memory") {
        show.engine.frame(FrameMode::Full);
        let Value::Control(v) = show.engine.output_of("sink", "seen") else { panic!("no value") };
        seen.push((show.engine.plan().clock.frame_due(frame), *v));
    }
    seen
}

const LATE: &str = r#""source": { "kind": "stub.source@1" },
    "late": { "kind": "stub.late@1", "params": { "num_blocks": 9 } },
    "later": { "kind": "stub.late@1", "params": { "num_blocks": 4 } }"#;

#[test]
fn frames_see_the_sound_of_their_own_time() {
    let wires = ["source.out -> late.in", "late.out -> later.in", "later.out -> sink.watch"];
    let seen = watch(&mut show(LATE, &wires, true));
    assert_eq!(seen.len(), 32, "every frame of the sound");
    for &(sample, v) in seen.iter().filter(|(sample, _)| *sample < 99 * 256) {
        assert_eq!(v, (sample / 256) as f32, "sample {sample}");
    }
    let on_stage = watch(&mut show(LATE, &wires, false));
    assert_eq!(on_stage.len(), 32);
    assert!(on_stage.iter().all(|&(s, v)| v == ((s / 256) as f32 - 13.0).max(-1.0)));
}

#[test]
fn paths_of_unlike_lag_meet_at_the_same_moment() {
    let nodes = format!(r#"{LATE}, "sum": {{ "kind": "stub.add@1" }}"#);
    let wires = [
        "source.out -> late.in",
        "source.out -> sum.add * -1",
        "late.out -> sum.in",
        "sum.out -> sink.watch",
    ];
    let worst = |looks_ahead| {
        let seen = watch(&mut show(&nodes, &wires, looks_ahead));
        // `add` takes values to ±10, in the sound's first blocks.
        let inside = seen.into_iter().filter(|(sample, _)| *sample < 10 * 256);
        inside.fold(0.0_f32, |worst, (_, v)| worst.max(v.abs()))
    };
    assert_eq!(worst(true), 0.0);
    assert!(worst(false) > 5.0);
}

/// Studies the sound as a render does; what the nodes reported.
fn studied(show: &mut Show<Memory>) -> Vec<String> {
    let mut reports = Vec::new();
    study(
        show,
        || Ok::<_, TransportError>(sound()),
        &AtomicBool::new(false),
        |event| {
            if let lumawire_runtime::render::Progress::Node(report) = event {
                reports.push(report.node);
            }
        },
    )
    .expect("memory");
    reports
}

#[test]
fn nodes_that_study_learn_one_after_the_other() {
    let nodes = r#""source": { "kind": "stub.source@1" }, "mean": { "kind": "stub.mean@1" },
        "plus": { "kind": "stub.add@1", "params": { "add": 2 } },
        "again": { "kind": "stub.mean@1" }, "paint": { "kind": "stub.paint@1" }"#;
    let wires = [
        "source.out -> mean.in",
        "mean.out -> plus.in",
        "plus.out -> again.in",
        "again.out -> sink.watch",
        "plus.out -> paint.level",
        "paint.image -> sink.image",
    ];
    let mut show = show(nodes, &wires, true);
    assert_eq!(show.engine.num_studies(), 2);
    assert!(studied(&mut show).is_empty());
    let runs = |show: &Show<Memory>| show.engine.times().find(|t| t.id == "paint").map(|t| t.runs);
    assert_eq!(runs(&show), Some(0), "nothing is drawn while the sound is heard");
    assert_eq!(show.engine.next_sample(), 0);
    // The last block's mean is half of 99.
    let mean = ((0..99).sum::<usize>() as f32 + 49.5) / 100.0;
    let seen = watch(&mut show);
    assert_eq!(seen.len(), 32);
    assert!(seen.iter().all(|(_, v)| (v - mean - 2.0).abs() < 1e-3), "{seen:?}");
}

#[test]
fn a_node_that_cannot_learn_is_reported_and_plays_on() {
    let nodes = r#""source": { "kind": "stub.source@1" }, "mean": { "kind": "stub.mean@1" },
        "big": { "kind": "stub.pole@1", "params": { "step": 10 } }"#;
    let wires = ["source.out -> big.in", "big.out -> mean.in", "mean.out -> sink.watch"];
    let mut show = show(nodes, &wires, true);
    assert_eq!(studied(&mut show), ["mean"]);
    assert!(watch(&mut show).iter().all(|(_, v)| *v == -1.0));
}

#[test]
fn without_studying_nodes_the_sound_is_heard_once() {
    let mut show = show(LATE, &["source.out -> sink.watch"], true);
    assert_eq!(show.engine.num_studies(), 0);
    studied(&mut show);
    assert_eq!(watch(&mut show).len(), 32);
}
