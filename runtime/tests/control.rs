//! The desk: what is asked of a show, and when it counts.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod stubs;

use lumawire_core::control::Score;
use std::sync::{Arc, Mutex};

use lumawire_core::{AudioBlock, ParamValue, Value, patch};
use lumawire_runtime::control::{Desk, Entry, Event, Notice, Stamped};
use lumawire_runtime::show::{Show, Swaps, Tap};
use lumawire_runtime::transport::{Read, Silence, Song, Transport, TransportError};
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
    desk.remote().send(Event::Jump { secs: 100.0, stands: false, back: 0 });
    let values = at_frames(&mut show(desk), "paint", "level");
    assert_eq!(values[29..31], [0.0, 0.5]);
}

/// Silence that says of itself that it was put elsewhere.
struct Moved {
    silence: Silence,
    /// First sample of a span, the song's sample there, and whether it runs.
    spans: Vec<(u64, u64, bool)>,
}

impl Transport for Moved {
    fn num_channels(&self) -> usize {
        self.silence.num_channels()
    }
    fn num_samples(&self) -> Option<u64> {
        None
    }
    fn song_at(&self, sample: u64) -> Option<Song> {
        let (from, song, runs) = *self.spans.iter().rev().find(|(from, _, _)| *from <= sample)?;
        let since = if runs { sample - from } else { 0 };
        Some(Song { sample: song + since, runs, since })
    }
    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        self.silence.read(block, from)
    }
}

/// The cues that come while the sound is moved so.
fn cues_while(spans: &[(u64, u64, bool)]) -> Vec<String> {
    let cues = r#"{ "list": [ { "name": "start", "at_secs": 0 }, { "name": "early", "at_secs": 0.5 },
        { "name": "late", "at_secs": 10 }, { "name": "next", "at_secs": 10.1 } ] }"#;
    let desk = Desk::new(score("{}", cues));
    let notices = desk.notices();
    let engine = Engine::new(prepare(plan(NODES, WIRES), &RunCx::default(), None));
    let silence = Silence::new(1, Some(60_000));
    let moved = Moved { silence, spans: spans.to_vec() };
    let mut show = Show::new(engine, moved).with_desk(desk);
    while show.run_until_frame().expect("silence").is_some() {
        show.engine.frame(FrameMode::Full);
    }
    let name = |notice| match notice {
        Notice::Cue(name) => name,
        other => panic!("{other:?}"),
    };
    notices.try_iter().map(name).collect()
}

#[test]
fn a_cue_at_the_place_of_a_seek_comes_wherever_the_seek_falls() {
    let undisturbed = ["start", "early"];
    assert_eq!(cues_while(&[(0, 0, true)]), undisturbed);
    // Within a block, and at its first sample.
    for at in [12_300, 12_288, 12_543] {
        let found = cues_while(&[(0, 0, true), (at, 480_000, true)]);
        assert_eq!(found, ["start", "late", "next"], "at {at}");
        let found = cues_while(&[(0, 0, true), (at, 0, true)]);
        assert_eq!(found, ["start", "start", "early"], "at {at}");
    }
    // Just past the cue.
    assert_eq!(cues_while(&[(0, 0, true), (12_300, 480_001, true)]), ["start", "next"]);
}

#[test]
fn a_pause_repeats_no_cue_and_loses_none() {
    // Stopped just before, at and after the cue at sample 24,000, and going on 20,000 later.
    for stop in [23_990, 24_000, 24_010] {
        let spans = [(0, 0, true), (stop, stop, false), (stop + 20_000, stop, true)];
        assert_eq!(cues_while(&spans), ["start", "early"], "stopped at {stop}");
    }
    // Stopped early, and put elsewhere before it goes on.
    let spans = [(0, 0, true), (5_000, 5_000, false), (30_000, 480_000, true)];
    assert_eq!(cues_while(&spans), ["start", "late", "next"]);
}

#[test]
fn an_edit_of_the_patch_keeps_the_place_in_the_cue_list() {
    let list = |first: &str| {
        format!(
            r#"{{ "list": [ {first} {{ "name": "x", "values": {{ "paint.level": 0.1 }} }},
            {{ "name": "y", "values": {{ "paint.level": 0.2 }} }} ] }}"#
        )
    };
    let desk = Desk::new(score("{}", &list("")));
    let remote = desk.remote();
    let mut show = show(desk);
    let mut step = || {
        show.run_until_frame().expect("silence");
        show.engine.frame(FrameMode::Full);
        base(&show.engine, "paint", "level")
    };
    remote.send(Event::StepCue { by: 1 });
    assert_eq!(step(), 0.1);
    remote.set_score(Arc::new(score("{}", &list(r#"{ "name": "w" },"#))));
    remote.send(Event::StepCue { by: 1 });
    assert_eq!(step(), 0.2, "after x comes y");
}

#[test]
fn a_new_preset_leaves_out_what_is_of_the_moment() {
    let nodes = r#""pad": { "kind": "stub.button@1" }, "sink": { "kind": "stub.sink@1" }"#;
    let engine =
        Engine::new(prepare(plan(nodes, &["pad.out -> sink.watch"]), &RunCx::default(), None));
    let desk = Desk::new(Score::default());
    let (remote, notices) = (desk.remote(), desk.notices());
    let mut show = Show::new(engine, Silence::new(1, Some(48_000))).with_desk(desk);
    let press = Event::Press { target: "pad.press".into(), hits: 3 };
    remote.send_all([press, set("pad.steady", 2.0)]);
    show.run_until_frame().expect("silence");
    show.engine.frame(FrameMode::Full);
    assert_eq!(base(&show.engine, "pad", "press"), 3.0);
    remote.send(Event::Store { preset: "p".into() });
    show.run_until_frame().expect("silence");
    let Some(Notice::Stored(_, preset)) = notices.try_iter().next() else { panic!("no notice") };
    let stored: Vec<_> = preset.values.keys().map(String::as_str).collect();
    assert_eq!(stored, ["pad.steady"]);
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
    let desk = Desk::new(score(presets, "{}")).with_record(move |stamped| {
        record.send(stamped).expect("open");
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
    let events: Vec<Stamped<Entry>> = recorded.try_iter().collect();
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

#[test]
fn a_press_between_two_ticks_is_seen_in_one() {
    let desk = Desk::new(Score::default());
    let remote = desk.remote();
    let mut show = show(desk);
    let mut levels = Vec::new();
    for frame in 0..6 {
        match frame {
            1 => remote.send_all([set("paint.level", 1.0), set("paint.level", 0.0)]),
            4 => remote.send_all([
                set("paint.level", 1.0),
                set("paint.level", 0.0),
                set("paint.level", 2.0),
            ]),
            _ => {}
        }
        show.run_until_frame().expect("silence");
        show.engine.frame(FrameMode::Full);
        levels.push(base(&show.engine, "paint", "level"));
    }
    assert_eq!(levels, [0.0, 1.0, 0.0, 0.0, 2.0, 2.0]);
}

#[test]
fn what_lies_between_is_passed_and_all_else_switches_at_once() {
    let presets = r#"{ "far": { "morph_secs": 1, "curve": "linear", "values": { "slow.mode": 3,
            "slow.step": 4.0, "paint.level": 1, "none.such": 2, "paint.none": 1, "sink.x": "a" } },
        "back": { "morph_secs": 1, "curve": "linear", "values": { "paint.level": 0 } } }"#;
    let desk = Desk::new({
        let text = format!(
            r#"{{ "format": "lumawire-patch", "version": 1, "nodes": {{ {NODES} }}, "presets": {presets} }}"#
        );
        Score::of(&patch::parse(&text).expect("patch").graph).0
    });
    let remote = desk.remote();
    let nodes = r#""slow": { "kind": "stub.pulse@1" }, "tally": { "kind": "stub.tally@1" },
        "paint": { "kind": "stub.paint@1" }, "sink": { "kind": "stub.sink@1" }"#;
    let wires = ["slow.hit -> tally.hit", "tally.out -> paint.in", "paint.image -> sink.image"];
    let engine = Engine::new(prepare(plan(nodes, &wires), &RunCx::default(), None));
    let mut show = Show::new(engine, Silence::new(1, None)).with_desk(desk);
    let mut at_frame = |frame: u64, events: Vec<Event>| {
        remote.send_all(events);
        while show.run_until_frame().expect("silence") != Some(frame) {
            show.engine.frame(FrameMode::Full);
        }
        base(&show.engine, "paint", "level")
    };
    let recall = |preset: &str| Event::Recall { preset: preset.into(), morph_secs: None };
    let up = at_frame(30, vec![recall("far")]);
    assert!((up - 0.5).abs() < 1e-9, "{up}");
    // On the way, from where it is: the next block begins at 24,064.
    let from = at_frame(31, vec![]);
    let down = at_frame(61, vec![recall("back")]);
    assert!(down < 0.5 * from + 0.02 && down > 0.2, "{from} {down}");
    assert!(at_frame(95, vec![]).abs() < 1e-12);
}

/// A whole number is there at once, while a real one is on its way.
#[test]
fn whole_numbers_and_switches_do_not_morph() {
    let nodes = r#""pulse": { "kind": "stub.pulse@1" }, "tally": { "kind": "stub.tally@1" },
        "sink": { "kind": "stub.sink@1" }"#;
    let text = format!(
        r#"{{ "format": "lumawire-patch", "version": 1, "nodes": {{ {nodes} }},
             "presets": {{ "slow": {{ "morph_secs": 60, "values": {{ "pulse.every": 500 }} }} }} }}"#
    );
    let (score, faults) = Score::of(&patch::parse(&text).expect("patch").graph);
    assert_eq!(faults, []);
    let wires = ["pulse.hit -> tally.hit", "tally.out -> sink.watch"];
    let engine = Engine::new(prepare(plan(nodes, &wires), &RunCx::default(), None));
    let desk = Desk::new(score);
    desk.remote().send(Event::Recall { preset: "slow".into(), morph_secs: None });
    let mut show = Show::new(engine, Silence::new(1, None)).with_desk(desk);
    show.run_until_frame().expect("silence");
    assert_eq!(base(&show.engine, "pulse", "every"), 500.0);
}

#[test]
fn a_blend_goes_to_the_mean_of_presets() {
    let presets = r#"{ "a": { "values": { "paint.level": 1, "slow.add": 2.0 } },
        "b": { "morph_secs": 9, "values": { "paint.level": 4 } } }"#;
    let desk = Desk::new(score(presets, "{}"));
    let notices = desk.notices();
    let presets = vec![("a".into(), 1.0), ("b".into(), 2.0), ("c".into(), 1.0)];
    desk.remote().send(Event::Blend { presets, morph_secs: Some(0.0) });
    let mut show = show(desk);
    show.run_until_frame().expect("silence");
    let now = (base(&show.engine, "paint", "level"), base(&show.engine, "slow", "add"));
    assert_eq!(now, (3.0, 2.0));
    assert_eq!(notices.try_iter().collect::<Vec<_>>(), [Notice::Unknown("c".into())]);
}

/// Gives a plan once, before the block at this sample.
struct Edit(u64, Option<lumawire_core::Plan>);

impl Swaps for Edit {
    fn take(&mut self, engine: &mut Engine) {
        if engine.next_sample() >= self.0
            && let Some(plan) = self.1.take()
        {
            let prepared = prepare(plan, &RunCx::default(), Some(engine.running()));
            assert!(engine.swap(prepared).is_ok());
        }
    }
}

#[test]
fn a_morph_goes_on_through_an_edit() {
    let presets =
        r#"{ "up": { "morph_secs": 1, "curve": "linear", "values": { "paint.level": 1.0 } } }"#;
    let values = |edited: bool| {
        let desk = Desk::new(score(presets, "{}"));
        desk.remote().send(Event::Recall { preset: "up".into(), morph_secs: None });
        let nodes = format!(r#"{NODES}, "more": {{ "kind": "stub.pole@1" }}"#);
        let wires = [WIRES[0], WIRES[1], "more.out -> sink.watch"];
        let edit = edited.then(|| plan(&nodes, &wires));
        let mut show = show(desk).with_swaps(Edit(20_000, edit));
        let values = at_frames(&mut show, "paint", "level");
        assert_eq!(show.engine.plan().steps.len(), if edited { 4 } else { 3 });
        values
    };
    assert_eq!(values(true), values(false));
}

/// Notes a control after every block.
struct Watch(Arc<Mutex<Vec<(u64, f32)>>>);

impl Tap for Watch {
    fn hear(&mut self, engine: &Engine, _: &AudioBlock, _: usize) {
        if let Value::Control(v) = engine.output_of("slow", "out") {
            let last = engine.next_sample() - 256;
            self.0.lock().expect("open").push((last, *v));
        }
    }
}

/// Where the sound runs ahead of the frames, a cue reaches both at its own sample.
#[test]
fn a_cue_comes_at_its_sample_where_the_run_looks_ahead() {
    let nodes = format!(
        r#"{NODES}, "source": {{ "kind": "stub.source@1" }},
           "late": {{ "kind": "stub.late@1", "params": {{ "num_blocks": 9 }} }}"#
    );
    let wires = [
        "source.out -> late.in",
        "late.out -> paint.in",
        "paint.image -> sink.image",
        "slow.out -> sink.watch",
    ];
    let cues =
        r#"{ "list": [ { "at_secs": 0.5, "values": { "slow.add": 2.0, "paint.level": 0.5 } } ] }"#;
    let cx = RunCx { looks_ahead: true, ..RunCx::default() };
    let engine = Engine::new(prepare(plan(&nodes, &wires), &cx, None));
    assert_eq!(engine.plan().lead_blocks, 9);
    let blocks = Arc::<Mutex<Vec<(u64, f32)>>>::default();
    let mut show = Show::new(engine, Silence::new(1, Some(48_000)))
        .with_desk(Desk::new(score("{}", cues)))
        .with_tap(Watch(blocks.clone()));
    let mut num_frames = 0;
    while let Some(frame) = show.run_until_frame().expect("silence") {
        show.engine.frame(FrameMode::Full);
        let has_come = frame >= 30; // due at sample 24,000
        assert_eq!(base(&show.engine, "paint", "level"), if has_come { 0.5 } else { 0.0 });
        let Value::Control(seen) = show.engine.output_of("sink", "seen") else { panic!("none") };
        assert_eq!(*seen, if has_come { 2.0 } else { 0.0 }, "frame {frame}");
        num_frames += 1;
    }
    assert_eq!(num_frames, 60);
    for (block, v) in blocks.lock().expect("open").iter() {
        assert_eq!(*v, if block + 256 > 24_000 { 2.0 } else { 0.0 }, "block at {block}");
    }
}

/// What was stored on stage outlasts an edit of the patch, unless the patch says something new of it.
#[test]
fn a_stored_preset_outlasts_an_edit() {
    let presets =
        |level: f64| format!(r#"{{ "p": {{ "values": {{ "paint.level": {level:?} }} }} }}"#);
    let desk = Desk::new(score(&presets(0.1), "{}"));
    let remote = desk.remote();
    let mut show = show(desk);
    let recall = || Event::Recall { preset: "p".into(), morph_secs: None };
    let mut after = |events: Vec<Event>| {
        remote.send_all(events);
        for _ in 0..2 {
            show.run_until_frame().expect("silence");
            show.engine.frame(FrameMode::Full);
        }
        base(&show.engine, "paint", "level")
    };
    assert_eq!(after(vec![recall()]), 0.1);
    after(vec![set("paint.level", 0.7)]);
    after(vec![Event::Store { preset: "p".into() }, set("paint.level", 0.0)]);
    remote.set_score(Arc::new(score(&presets(0.1), "{}")));
    assert_eq!(after(vec![recall()]), 0.7);
    remote.set_score(Arc::new(score(&presets(0.3), "{}")));
    assert_eq!(after(vec![recall()]), 0.3);
}
