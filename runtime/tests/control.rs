//! The desk: what is asked of a show, and when it counts.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod stubs;

use lumawire_core::control::Score;
use lumawire_core::{ParamValue, Value, patch};
use lumawire_runtime::control::{Desk, Event, Notice, Stamped};
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::Silence;
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};
use stubs::plan;

/// A control at blocks, and one at frames.
const NODES: &str = r#""slow": { "kind": "stub.add@1" },
    "paint": { "kind": "stub.paint@1" }, "sink": { "kind": "stub.sink@1" }"#;
const WIRES: &[&str] = &["slow.out -> paint.in", "paint.image -> sink.image"];

fn score(presets: &str, cues: &str) -> Score {
    let text = format!(
        r#"{{ "format": "lumawire-patch", "version": 1, "nodes": {{ {NODES} }},
             "presets": {presets}, "cues": {cues} }}"#
    );
    let (score, faults) = Score::of(&patch::parse(&text).expect("patch").graph);
    assert_eq!(faults, []);
    score
}

fn show(desk: Desk) -> Show<Silence> {
    let engine = Engine::new(prepare(plan(NODES, WIRES), &RunCx::default(), None));
    Show::new(engine, Silence::new(1, Some(96_000))).with_desk(desk)
}

fn set(target: &str, v: f64) -> Event {
    Event::Set { target: target.into(), value: ParamValue::Float(v) }
}

fn base(engine: &Engine, node: &str, param: &str) -> f64 {
    let step = engine.plan().steps.iter().position(|s| s.id == node).expect("node");
    let param = engine.plan().steps[step].spec.param(param).expect("parameter");
    engine.base_at((step, param)).and_then(ParamValue::as_f64).expect("number")
}

/// What `node.param` is at every frame to the end.
fn at_frames(show: &mut Show<Silence>, node: &str, param: &str) -> Vec<f64> {
    let mut values = Vec::new();
    while show.run_until_frame().expect("silence").is_some() {
        show.engine.frame(FrameMode::Full);
        values.push(base(&show.engine, node, param));
    }
    values
}

const FRAME_LEN: f64 = 800.0;

#[test]
fn a_value_sent_is_bound_before_the_next_block_and_frame() {
    let desk = Desk::new(Score::default());
    let remote = desk.remote();
    let mut show = show(desk);
    remote.send_all([set("slow.add", 2.5), set("paint.level", 0.5), set("none.such", 1.0)]);
    show.run_until_frame().expect("silence");
    assert_eq!(base(&show.engine, "slow", "add"), 2.5);
    assert_eq!(base(&show.engine, "paint", "level"), 0.5);
    assert!(matches!(show.engine.output_of("slow", "out"), Value::Control(v) if *v == 2.5));
    remote.send(Event::Free { target: "paint.level".into() });
    show.engine.frame(FrameMode::Full);
    show.run_until_frame().expect("silence");
    assert_eq!(base(&show.engine, "paint", "level"), 0.0);
}

#[test]
fn a_preset_is_reached_by_its_curve_in_its_time() {
    let presets = r#"{ "up": { "morph_secs": 0.5, "curve": "linear",
        "values": { "paint.level": 1.0, "slow.add": -4.0 } } }"#;
    let desk = Desk::new(score(presets, "{}"));
    desk.remote().send(Event::Recall { preset: "up".into(), morph_secs: None });
    let mut show = show(desk);
    let values = at_frames(&mut show, "paint", "level");
    for (n, v) in values.iter().enumerate() {
        let expected = (n as f64 * FRAME_LEN / 24_000.0).min(1.0);
        assert!((v - expected).abs() < 1e-12, "{n}: {v} {expected}");
    }
    assert_eq!(base(&show.engine, "slow", "add"), -4.0);
}

#[test]
fn cues_come_at_their_sample_in_every_run() {
    let presets = r#"{ "a": { "values": { "paint.level": 0.25 } }, "b": { "values": { "paint.level": 0.75 } } }"#;
    let cues = r#"{ "tempo": { "bpm": 120, "first_beat_secs": 0.25 }, "list": [
        { "name": "second", "at_bar": 1, "at_beat": 3, "recall": "b" },
        { "name": "first", "at_secs": 0.5, "recall": "a" } ] }"#;
    let desk = Desk::new(score(presets, cues));
    let notices = desk.notices();
    let mut show = show(desk);
    let values = at_frames(&mut show, "paint", "level");
    let expected = |n: usize| match n {
        0..30 => 0.0,
        30..75 => 0.25, // from sample 24,000
        _ => 0.75,      // from sample 60,000
    };
    for (n, v) in values.iter().enumerate() {
        assert_eq!(*v, expected(n), "frame {n}");
    }
    let told: Vec<_> = notices.try_iter().collect();
    assert_eq!(told, [Notice::Cue("first".into()), Notice::Cue("second".into())]);
    show.rewind(Silence::new(1, Some(96_000)));
    assert_eq!(at_frames(&mut show, "paint", "level"), values, "the same again");
}

#[test]
fn a_cue_may_wait_for_a_control() {
    let cues =
        r#"{ "list": [ { "when": "slow.out", "is": 2, "values": { "paint.level": 0.5 } } ] }"#;
    let desk = Desk::new(score("{}", cues));
    let remote = desk.remote();
    let mut show = show(desk);
    show.run_until_frame().expect("silence");
    show.engine.frame(FrameMode::Full);
    assert_eq!(base(&show.engine, "paint", "level"), 0.0);
    remote.send(set("slow.add", 2.0));
    for _ in 0..2 {
        show.run_until_frame().expect("silence");
        show.engine.frame(FrameMode::Full);
    }
    assert_eq!(base(&show.engine, "paint", "level"), 0.5);
}

#[test]
fn cues_are_called_by_name_and_stepped_through_by_hand() {
    let cues = r#"{ "list": [ { "name": "x", "values": { "paint.level": 0.1 } },
        { "name": "y", "values": { "paint.level": 0.2 } }, { "name": "z", "values": { "paint.level": 0.3 } } ] }"#;
    let desk = Desk::new(score("{}", cues));
    let (remote, notices) = (desk.remote(), desk.notices());
    let mut show = show(desk);
    let mut after = |event| {
        remote.send(event);
        show.run_until_frame().expect("silence");
        show.engine.frame(FrameMode::Full);
        base(&show.engine, "paint", "level")
    };
    assert_eq!(after(Event::StepCue { by: 1 }), 0.1);
    assert_eq!(after(Event::StepCue { by: 1 }), 0.2);
    assert_eq!(after(Event::Cue { name: "z".into() }), 0.3);
    assert_eq!(after(Event::StepCue { by: 1 }), 0.3, "there is none after it");
    assert_eq!(after(Event::StepCue { by: -2 }), 0.1);
    assert_eq!(after(Event::Cue { name: "w".into() }), 0.1);
    assert_eq!(notices.try_iter().last(), Some(Notice::Unknown("w".into())));
}

#[test]
fn after_a_jump_cues_count_from_there() {
    let cues = r#"{ "list": [ { "at_secs": 100.5, "values": { "paint.level": 0.5 } } ] }"#;
    let desk = Desk::new(score("{}", cues));
    desk.remote().send(Event::Jump { secs: 100.0, stands: false });
    let values = at_frames(&mut show(desk), "paint", "level");
    assert_eq!(values[29..31], [0.0, 0.5]);
}

#[test]
fn what_is_stored_is_recalled() {
    let desk = Desk::new(Score::default());
    let (remote, notices) = (desk.remote(), desk.notices());
    let mut show = show(desk);
    let mut after = |events: &[Event]| {
        remote.send_all(events.iter().cloned());
        for _ in 0..2 {
            show.run_until_frame().expect("silence");
            show.engine.frame(FrameMode::Full);
        }
        (base(&show.engine, "slow", "add"), base(&show.engine, "paint", "level"))
    };
    let store = Event::Store { preset: "p".into() };
    let recall = Event::Recall { preset: "p".into(), morph_secs: None };
    assert_eq!(after(&[set("slow.add", 3.0), set("paint.level", 0.5)]), (3.0, 0.5));
    assert_eq!(after(&[store, set("slow.add", 1.0), set("paint.level", 0.0)]), (1.0, 0.0));
    assert_eq!(after(&[recall]), (3.0, 0.5));
    let Some(Notice::Stored(name, preset)) = notices.try_iter().next() else { panic!("no notice") };
    assert_eq!((name.as_str(), preset.values["slow.add"].as_f64()), ("p", Some(3.0)));
}

/// What was recorded and is played again gives the same values at every block.
#[test]
fn a_recorded_show_repeats_to_the_bit() {
    let presets = r#"{ "up": { "morph_secs": 0.3, "values": { "slow.add": 7.0 } } }"#;
    let (record, recorded) = crossbeam_channel::unbounded();
    let desk = Desk::new(score(presets, "{}")).with_record(move |stamped: &Stamped| {
        record.send(stamped.clone()).expect("open");
    });
    let remote = desk.remote();
    let mut live = show(desk);
    let mut values = Vec::new();
    for n in 0_u32.. {
        match n {
            10 => remote.send(set("slow.add", 0.1)),
            20 => remote.send(Event::Recall { preset: "up".into(), morph_secs: None }),
            33 => remote.send_all([set("slow.add", 0.3), set("paint.level", 0.7)]),
            _ => {}
        }
        if live.run_until_frame().expect("silence").is_none() {
            break;
        }
        live.engine.frame(FrameMode::Full);
        values.push(base(&live.engine, "slow", "add").to_bits());
    }
    let events: Vec<Stamped> = recorded.try_iter().collect();
    assert_eq!(events.len(), 4);
    let mut again = show(Desk::new(score(presets, "{}")).with_replay(events));
    let repeated: Vec<u64> =
        at_frames(&mut again, "slow", "add").into_iter().map(f64::to_bits).collect();
    assert_eq!(repeated, values);
    let distinct: std::collections::BTreeSet<_> = values.iter().collect();
    assert!(distinct.len() > 15, "it moved");
}

#[test]
fn the_board_shows_what_is_bound_and_what_it_becomes() {
    let desk = Desk::new(Score::default());
    let (remote, board) = (desk.remote(), desk.board());
    let nodes = r#""a": { "kind": "stub.add@1", "params": { "add": 2 } }, "c": { "kind": "stub.add@1" },
        "sink": { "kind": "stub.sink@1" }"#;
    let wires = ["a.out -> c.add * 0.5", "c.out -> sink.watch"];
    let engine = Engine::new(prepare(plan(nodes, &wires), &RunCx::default(), None));
    let mut show = Show::new(engine, Silence::new(1, Some(48_000))).with_desk(desk);
    remote.send(set("c.add", 3.0));
    while show.run_until_frame().expect("silence").is_some() {
        show.engine.frame(FrameMode::Full);
    }
    let reading = board.reading("c", "add").expect("reading");
    assert_eq!((reading.base, reading.value), (Some(3.0), Some(4.0)));
    assert_eq!(board.reading("c", "none"), None);
}
