//! The engine over stub nodes: what runs when, what is kept, what is isolated.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod stubs;

use lumawire_core::{AudioBlock, NodeError, ParamValue, Value};
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};
use stubs::plan;

fn engine(nodes: &str, wires: &[&str]) -> Engine {
    Engine::new(prepare(plan(nodes, wires), &RunCx::default(), None))
}

fn swap(engine: &mut Engine, nodes: &str, wires: &[&str]) {
    let prepared = prepare(plan(nodes, wires), &RunCx::default(), Some(engine.running()));
    assert!(engine.swap(prepared).is_ok());
}

fn control(engine: &Engine, node: &str, output: &str) -> f32 {
    match engine.output_of(node, output) {
        Value::Control(v) => *v,
        other => panic!("{node}.{output} holds {other:?}"),
    }
}

fn runs(engine: &Engine, node: &str) -> (u64, u64) {
    engine.times().find(|t| t.id == node).map(|t| (t.runs, t.skips)).expect("node")
}

/// Runs blocks of silence, and every frame that falls due.
fn run_blocks(engine: &mut Engine, num_blocks: usize) {
    let audio = AudioBlock::silent(1, 256);
    for _ in 0..num_blocks {
        engine.block(&audio);
        while engine.frame_is_due() {
            engine.frame(FrameMode::Full);
        }
    }
}

const SINK: &str = r#""sink": { "kind": "stub.sink@1" }"#;

#[test]
fn blocks_and_frames_run_as_often_as_time_says() {
    let mut engine = engine(
        &format!(
            r#""pole": {{ "kind": "stub.pole@1" }}, "paint": {{ "kind": "stub.paint@1" }}, {SINK}"#
        ),
        &["pole.out -> paint.in", "paint.image -> sink.image"],
    );
    run_blocks(&mut engine, 375); // two seconds
    assert_eq!(runs(&engine, "pole").0, 375);
    assert_eq!(runs(&engine, "paint").0, 120);
    assert_eq!(engine.next_frame(), 120);
}

#[test]
fn no_hit_is_lost_between_blocks_and_frames() {
    let mut engine = engine(
        &format!(
            r#""pulse": {{ "kind": "stub.pulse@1", "params": {{ "every": 3 }} }},
               "tally": {{ "kind": "stub.tally@1" }}, {SINK}"#
        ),
        &["pulse.hit -> tally.hit", "tally.out -> sink.watch"],
    );
    run_blocks(&mut engine, 375);
    // One more frame picks up what came after the last one.
    engine.frame(FrameMode::Full);
    assert_eq!(control(&engine, "tally", "out"), 125.0);
}

#[test]
fn frames_that_keep_state_see_every_sample_once() {
    let mut engine = engine(
        &format!(
            r#""in": {{ "kind": "stub.sound@1" }}, "rec": {{ "kind": "stub.record@1" }}, {SINK}"#
        ),
        &["in.audio -> rec.audio", "rec.out -> sink.watch"],
    );
    let mut sum = 0.0;
    for b in 0..100 {
        let mut block = AudioBlock::silent(1, 256);
        for (i, sample) in block.channel_mut(0).iter_mut().enumerate() {
            *sample = ((b * 7 + i * 3) % 32) as f32;
            sum += *sample;
        }
        engine.block(&block);
        while engine.frame_is_due() {
            engine.frame(FrameMode::StateOnly);
        }
    }
    // One more frame picks up what came after the last one.
    engine.frame(FrameMode::Full);
    assert_eq!(control(&engine, "rec", "out"), 25_600.0);
    assert_eq!(control(&engine, "rec", "sum"), sum);
    engine.frame(FrameMode::Full);
    assert_eq!(control(&engine, "rec", "out"), 25_600.0);
}

#[test]
fn a_frame_misses_no_rise_of_a_block_rate_control() {
    let mut engine = engine(
        &format!(
            r#""pulse": {{ "kind": "stub.pulse@1", "params": {{ "every": 2 }} }},
               "level": {{ "kind": "stub.add@1" }}, "tally": {{ "kind": "stub.tally@1" }}, {SINK}"#
        ),
        &["pulse.hit -> level.in", "level.out -> tally.hit", "tally.out -> sink.watch"],
    );
    run_blocks(&mut engine, 400);
    engine.frame(FrameMode::Full);
    assert_eq!(control(&engine, "tally", "out"), 200.0);
}

#[test]
fn a_parameter_is_its_value_plus_weighted_wires_within_its_range() {
    let mut engine = engine(
        &format!(
            r#""a": {{ "kind": "stub.add@1", "params": {{ "add": 2 }} }},
               "b": {{ "kind": "stub.add@1", "params": {{ "add": 3 }} }},
               "c": {{ "kind": "stub.add@1", "params": {{ "add": 1 }} }}, {SINK}"#
        ),
        &["a.out -> c.add * 0.5", "b.out -> c.add * -1", "c.out -> sink.watch"],
    );
    run_blocks(&mut engine, 1);
    assert_eq!(control(&engine, "c", "out"), 1.0 + 2.0 * 0.5 - 3.0);
    assert!(engine.bind("c", "add", Some(&ParamValue::Float(9.0))));
    run_blocks(&mut engine, 1);
    assert_eq!(control(&engine, "c", "out"), 9.0 + 1.0 - 3.0);
    assert!(engine.bind("b", "add", Some(&ParamValue::Float(-8.0))));
    run_blocks(&mut engine, 1);
    assert_eq!(control(&engine, "c", "out"), 10.0, "kept within the hard range");
    assert!(engine.bind("c", "add", None) && engine.bind("b", "add", None));
    run_blocks(&mut engine, 1);
    assert_eq!(control(&engine, "c", "out"), -1.0);
    assert!(!engine.bind("c", "nothing", Some(&ParamValue::Float(1.0))));
}

#[test]
fn pure_heavy_steps_run_only_when_their_content_changes() {
    let nodes = |level: f32| {
        format!(
            r#""lvl": {{ "kind": "stub.add@1", "params": {{ "add": 1 }} }},
               "paint": {{ "kind": "stub.paint@1", "params": {{ "level": {level} }} }}, {SINK}"#
        )
    };
    let wires = ["lvl.out -> paint.in", "paint.image -> sink.image"];
    let mut engine = engine(&nodes(0.0), &wires);
    run_blocks(&mut engine, 375);
    assert_eq!(runs(&engine, "paint"), (1, 119));
    engine.bind("lvl", "add", Some(&ParamValue::Float(2.0)));
    run_blocks(&mut engine, 375);
    assert_eq!(runs(&engine, "paint"), (2, 238));
    // A change of the patch elsewhere keeps the cached picture; one of the node itself does not.
    swap(&mut engine, &nodes(3.0), &wires);
    run_blocks(&mut engine, 375);
    assert_eq!(runs(&engine, "paint").0, 3);
}

#[test]
fn rolling_forward_runs_what_keeps_state_alone() {
    let mut engine = engine(
        &format!(
            r#""pole": {{ "kind": "stub.pole@1" }}, "paint": {{ "kind": "stub.paint@1" }},
               "pulse": {{ "kind": "stub.pulse@1" }}, "tally": {{ "kind": "stub.tally@1" }}, {SINK}"#
        ),
        &[
            "pole.out -> paint.in",
            "paint.image -> sink.image",
            "pulse.hit -> tally.hit",
            "tally.out -> sink.watch",
        ],
    );
    let audio = AudioBlock::silent(1, 256);
    for _ in 0..100 {
        engine.block(&audio);
        while engine.frame_is_due() {
            engine.frame(FrameMode::StateOnly);
        }
    }
    assert_eq!(runs(&engine, "paint").0, 0);
    assert_eq!(runs(&engine, "tally").0, engine.next_frame());
    assert_eq!(runs(&engine, "pole").0, 100);
}

/// What ticks by itself, and what lives by pictures, after `num_frames` frames of which `is_late` ones
/// come too late.
fn half_shown(num_frames: u64, is_late: impl Fn(u64) -> bool) -> Engine {
    let mut engine = engine(
        &format!(
            r#""in": {{ "kind": "stub.sound@1" }}, "pole": {{ "kind": "stub.pole@1" }},
               "paint": {{ "kind": "stub.paint@1" }}, "linger": {{ "kind": "stub.linger@1" }},
               "pulse": {{ "kind": "stub.pulse@1", "params": {{ "every": 1 }} }},
               "beat": {{ "kind": "stub.metronome@1" }}, "tally": {{ "kind": "stub.tally@1" }},
               "beats": {{ "kind": "stub.tally@1" }}, "rec": {{ "kind": "stub.record@1" }}, {SINK}"#
        ),
        &[
            "pole.out -> paint.in",
            "paint.image -> linger.image",
            "pulse.hit -> linger.block_hit",
            "beat.hit -> linger.frame_hit",
            "in.audio -> linger.audio",
            "linger.image -> sink.image",
            "pulse.hit -> tally.hit",
            "beat.hit -> beats.hit",
            "in.audio -> rec.audio",
            "tally.out -> sink.watch",
            "rec.out -> paint.level * 0.000001",
            "beats.out -> paint.level * 0.001",
        ],
    );
    let audio = AudioBlock::silent(1, 256);
    while engine.next_frame() < num_frames {
        while engine.frame_is_due() && engine.next_frame() < num_frames {
            let late = is_late(engine.next_frame());
            engine.frame(if late { FrameMode::Late } else { FrameMode::Full });
        }
        engine.block(&audio);
    }
    engine
}

#[test]
fn a_late_frame_runs_what_needs_no_picture_and_the_rest_catches_up() {
    let all = half_shown(121, |_| false);
    // Every third is drawn, and the last.
    let some = half_shown(121, |frame| frame % 3 != 0);
    assert_eq!(some.next_sample(), all.next_sample());
    assert_eq!((runs(&all, "linger").0, runs(&some, "linger").0), (121, 41));
    assert!(runs(&some, "paint").0 <= 41);
    // What needs no picture ran at every frame, and saw what it would have seen.
    for (node, output) in [("tally", "out"), ("beats", "out"), ("rec", "out"), ("pole", "out")] {
        assert_eq!(control(&some, node, output), control(&all, node, output), "{node}");
    }
    for node in ["tally", "beats", "rec", "beat"] {
        assert_eq!(runs(&some, node), runs(&all, node), "{node}");
    }
    // What lives by pictures lost no hit, no sample and no time.
    for output in ["block_hits", "frame_hits", "samples"] {
        assert_eq!(control(&some, "linger", output), control(&all, "linger", output), "{output}");
    }
    assert_eq!(control(&all, "linger", "frame_hits"), 121.0);
    let secs = |engine: &Engine| control(engine, "linger", "secs");
    assert!((secs(&some) - secs(&all)).abs() < 1e-4, "{} {}", secs(&some), secs(&all));
}

#[test]
fn time_that_was_missed_is_bounded() {
    let engine = half_shown(400, |frame| (10..399).contains(&frame));
    assert_eq!(runs(&engine, "linger").0, 11);
    // Ten frames, and after the gap a second and a frame.
    let expected = 10.0 / 60.0 + 61.0 / 60.0;
    assert!((control(&engine, "linger", "secs") - expected).abs() < 1e-4);
    assert_eq!(control(&engine, "linger", "frame_hits"), 400.0);
}

#[test]
fn what_was_gathered_for_the_next_picture_survives_a_swap() {
    let wires = [
        "paint.image -> linger.image",
        "pulse.hit -> linger.block_hit",
        "linger.image -> sink.image",
    ];
    let nodes = |level: f32| {
        format!(
            r#""paint": {{ "kind": "stub.paint@1", "params": {{ "level": {level} }} }},
               "pulse": {{ "kind": "stub.pulse@1", "params": {{ "every": 1 }} }},
               "linger": {{ "kind": "stub.linger@1" }}, {SINK}"#
        )
    };
    let mut engine = engine(&nodes(1.0), &wires);
    let audio = AudioBlock::silent(1, 256);
    engine.frame(FrameMode::Full);
    for level in [2.0, 3.0, 4.0] {
        (0..10).for_each(|_| engine.block(&audio));
        engine.frame(FrameMode::Late);
        swap(&mut engine, &nodes(level), &wires);
    }
    engine.frame(FrameMode::Full);
    assert_eq!(control(&engine, "linger", "block_hits"), 30.0);
    engine.frame(FrameMode::Full);
    assert_eq!(control(&engine, "linger", "block_hits"), 30.0, "each counts once");
}

#[test]
fn what_reaches_no_sink_does_not_run() {
    let engine = engine(
        &format!(
            r#""pole": {{ "kind": "stub.pole@1" }}, "idle": {{ "kind": "stub.add@1" }}, {SINK}"#
        ),
        &["pole.out -> idle.in", "pole.out -> sink.watch"],
    );
    assert!(engine.plan().steps.iter().all(|s| s.id != "idle"));
}

#[test]
fn a_failing_node_is_reported_once_and_the_rest_runs() {
    let mut engine = engine(
        &format!(
            r#""bad": {{ "kind": "stub.fragile@1" }}, "good": {{ "kind": "stub.pole@1" }},
               "sum": {{ "kind": "stub.add@1" }}, {SINK}"#
        ),
        &["bad.out -> sum.in", "sum.out -> sink.watch", "good.out -> sum.add"],
    );
    run_blocks(&mut engine, 2);
    assert!(engine.take_reports().is_empty());
    engine.bind("bad", "health", Some(&ParamValue::Float(1.0)));
    run_blocks(&mut engine, 50);
    let reports = engine.take_reports();
    assert_eq!(reports.len(), 1);
    assert!(matches!(&reports[0].error, Some(NodeError::Param { param: "health", .. })));
    assert_eq!(control(&engine, "bad", "out"), 2.0, "the last good value stays");
    assert_eq!(runs(&engine, "good").0, 52);

    engine.bind("bad", "health", Some(&ParamValue::Float(0.0)));
    run_blocks(&mut engine, 1);
    assert_eq!(engine.take_reports()[0].error, None);

    engine.bind("bad", "health", Some(&ParamValue::Float(2.0)));
    run_blocks(&mut engine, 50);
    let reports = engine.take_reports();
    assert_eq!(reports.len(), 1);
    assert!(matches!(&reports[0].error, Some(NodeError::Panicked(why)) if why == "told to panic"));
    assert_eq!(runs(&engine, "good").0, 103);
}

#[test]
fn a_node_that_stopped_hits_no_more() {
    for health in [1.0, 2.0] {
        let mut engine = engine(
            &format!(
                r#""bad": {{ "kind": "stub.fragile@1" }}, "tally": {{ "kind": "stub.tally@1" }}, {SINK}"#
            ),
            &["bad.hit -> tally.hit", "tally.out -> sink.watch"],
        );
        run_blocks(&mut engine, 10);
        engine.bind("bad", "health", Some(&ParamValue::Float(health)));
        run_blocks(&mut engine, 100);
        engine.frame(FrameMode::Full);
        assert_eq!(control(&engine, "tally", "out"), 10.0, "health {health}");
    }
}

#[test]
fn no_hit_is_lost_or_moved_by_a_swap() {
    let nodes = format!(
        r#""pulse": {{ "kind": "stub.pulse@1", "params": {{ "every": 1 }} }},
           "tally": {{ "kind": "stub.tally@1" }}, "more": {{ "kind": "stub.add@1" }}, {SINK}"#
    );
    let plain = ["pulse.hit -> tally.hit", "tally.out -> sink.watch"];
    let wider = [plain[0], "tally.out -> more.in", "more.out -> sink.watch"];
    let mut engine = engine(&nodes, &plain);
    let audio = AudioBlock::silent(1, 256);
    for i in 0..90 {
        engine.block(&audio);
        // Swap while hits wait for their frame.
        let wires: &[&str] = if i % 2 == 0 { &plain } else { &wider };
        swap(&mut engine, &nodes, wires);
        while engine.frame_is_due() {
            engine.frame(FrameMode::Full);
        }
    }
    engine.frame(FrameMode::Full);
    assert_eq!(control(&engine, "tally", "out"), 90.0);
}

#[test]
fn delays_in_a_row_delay_by_their_number() {
    let mut engine = engine(
        &format!(
            r#""pole": {{ "kind": "stub.pole@1" }},
               "a": {{ "kind": "stub.delay@1", "params": {{ "initial": -5 }} }},
               "b": {{ "kind": "stub.delay@1" }}, "c": {{ "kind": "stub.delay@1" }}, {SINK}"#
        ),
        &["pole.out -> c.in", "c.out -> a.in", "a.out -> b.in", "b.out -> sink.watch"],
    );
    let mut seen = Vec::new();
    let mut made = Vec::new();
    for _ in 0..6 {
        run_blocks(&mut engine, 1);
        made.push(control(&engine, "pole", "out"));
        seen.push(control(&engine, "b", "out"));
    }
    // The three delays start with 0 (c), -5 (a) and 0 (b); b shows a's first value after one block.
    assert_eq!(seen[..2], [-5.0, 0.0]);
    assert_eq!(seen[2..], made[..4]);
}

#[test]
fn a_loop_through_a_delay_counts_up() {
    let mut engine = engine(
        &format!(
            r#""add": {{ "kind": "stub.add@1", "params": {{ "add": 1 }} }},
               "back": {{ "kind": "stub.delay@1" }}, {SINK}"#
        ),
        &["add.out -> back.in", "back.out -> add.in", "add.out -> sink.watch"],
    );
    run_blocks(&mut engine, 10);
    assert_eq!(control(&engine, "add", "out"), 10.0);
    engine.reset();
    run_blocks(&mut engine, 3);
    assert_eq!(control(&engine, "add", "out"), 3.0);
}

fn pole(mode: i64, step: i64) -> String {
    format!(
        r#""pole": {{ "kind": "stub.pole@1", "params": {{ "mode": {mode}, "step": {step} }} }}, {SINK}"#
    )
}

const WATCH_POLE: [&str; 1] = ["pole.out -> sink.watch"];

#[test]
fn a_swap_keeps_state_and_takes_new_parameters() {
    let mut swapped = engine(&pole(0, 1), &WATCH_POLE);
    let mut alone = engine(&pole(0, 1), &WATCH_POLE);
    run_blocks(&mut swapped, 10);
    run_blocks(&mut alone, 20);
    swap(
        &mut swapped,
        &format!(r#""more": {{ "kind": "stub.add@1" }}, {}"#, pole(0, 1)),
        &WATCH_POLE,
    );
    run_blocks(&mut swapped, 10);
    assert_eq!(control(&swapped, "pole", "out"), control(&alone, "pole", "out"));

    swap(&mut swapped, &pole(0, 0), &WATCH_POLE);
    let before = control(&swapped, "pole", "out");
    run_blocks(&mut swapped, 1);
    assert_eq!(control(&swapped, "pole", "out"), before * 0.999);
}

#[test]
fn a_rebuilt_node_adopts_and_a_failed_one_leaves_the_old_running() {
    let mut engine = engine(&pole(0, 1), &WATCH_POLE);
    run_blocks(&mut engine, 10);
    let before = control(&engine, "pole", "out");
    swap(&mut engine, &pole(3, 1), &WATCH_POLE);
    run_blocks(&mut engine, 1);
    assert_eq!(control(&engine, "pole", "out"), before * 0.999 + 1.0);

    let before = control(&engine, "pole", "out");
    swap(&mut engine, &pole(7, 1), &WATCH_POLE); // refuses to prepare
    let reports = engine.take_reports();
    assert!(matches!(&reports[..], [r] if r.node == "pole" && r.error.is_some()));
    run_blocks(&mut engine, 1);
    assert_eq!(control(&engine, "pole", "out"), before * 0.999 + 1.0);
    assert!(engine.take_reports().is_empty(), "running on does not heal it");

    // The next plan tries again, though the parameters are the same.
    swap(&mut engine, &pole(7, 2), &WATCH_POLE);
    assert!(matches!(&engine.take_reports()[..], [r] if r.error.is_some()));
    swap(&mut engine, &pole(4, 1), &WATCH_POLE);
    assert!(matches!(&engine.take_reports()[..], [r] if r.error.is_none()));
}

#[test]
fn a_plan_prepared_against_another_one_is_given_back() {
    let mut engine = engine(&pole(0, 1), &WATCH_POLE);
    let late = prepare(plan(&pole(0, 2), &WATCH_POLE), &RunCx::default(), Some(engine.running()));
    swap(&mut engine, &pole(0, 3), &WATCH_POLE);
    assert!(engine.swap(late).is_err());
    run_blocks(&mut engine, 1);
    assert_eq!(control(&engine, "pole", "out"), 3.0);
}

#[test]
fn reset_repeats_exactly() {
    let mut engine = engine(
        &format!(
            r#""pulse": {{ "kind": "stub.pulse@1" }}, "tally": {{ "kind": "stub.tally@1" }},
               "pole": {{ "kind": "stub.pole@1" }}, {SINK}"#
        ),
        &["pulse.hit -> tally.hit", "tally.out -> pole.in", "pole.out -> sink.watch"],
    );
    let mut values = Vec::new();
    for _ in 0..2 {
        run_blocks(&mut engine, 200);
        values.push(control(&engine, "pole", "out").to_bits());
        engine.reset();
    }
    assert_eq!(values[0], values[1]);
}
