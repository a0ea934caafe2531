//! MIDI and tempo sync against the real nodes: ports of a test in place of the system's, and a
//! Carabiner of a test.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

use lumawire_core::control::{Midi, MidiSource, Score};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, ParamValue, Port as NodePort, PortType, Rate, Registry, Role,
    Value, compile, patch,
};
use lumawire_nodes::ALL;
use lumawire_runtime::control::midi::{
    self, Heard, In, Mapper, Message, MidiEvent, Out, Port, PortInfo, Ports, Session,
};
use lumawire_runtime::control::sync::{self, Conductor, Link, LinkTold};
use lumawire_runtime::control::{Desk, Event};
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::Silence;
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};

const fn watched(id: &'static str, ty: PortType) -> NodePort {
    NodePort::optional(id, ty, "Anything.")
}

/// Keeps what it watches running.
static WATCH: NodeSpec = NodeSpec {
    kind: "output.watch",
    version: 1,
    label: "Watch",
    doc: "A stub.",
    rate: Rate::Frame,
    role: Role::Sink,
    inputs: &[
        watched("a", PortType::Control),
        watched("b", PortType::Control),
        watched("c", PortType::Control),
        watched("d", PortType::Control),
    ],
    outputs: &[],
    params: &[],
    build: || Box::new(Watch),
};
struct Watch;
impl Node for Watch {
    fn process(&mut self, _: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }
}

const NODES: &str = r#""fader": { "kind": "source.fader@1", "params": { "smoothing_secs": 0 } },
    "button": { "kind": "source.button@1" }, "notes": { "kind": "source.notes@1" },
    "tempo": { "kind": "source.tempo@1" }, "watch": { "kind": "output.watch@1" }"#;
const WIRES: &str = r#""fader.out -> watch.a", "button.held -> watch.b", "notes.gate -> watch.c",
    "tempo.phase -> watch.d""#;

fn patch_text(bindings: &str, presets: &str) -> String {
    format!(
        r#"{{ "format": "lumawire-patch", "version": 1, "nodes": {{ {NODES} }},
             "wires": [ {WIRES} ], "bindings": {{ {bindings} }}, "presets": {{ {presets} }} }}"#
    )
}

/// Ports that are plugged in and out by hand.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Plugged>>);

#[derive(Default)]
struct Plugged {
    names: Vec<String>,
    heard: BTreeMap<String, Heard>,
    sent: Vec<Vec<u8>>,
}

struct FakeIn(Fake, String);
impl In for FakeIn {}
impl Drop for FakeIn {
    fn drop(&mut self) {
        self.0.0.lock().expect("lock").heard.remove(&self.1);
    }
}

struct FakeOut(Fake);
impl Out for FakeOut {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.0.lock().expect("lock").sent.push(bytes.to_vec());
        Ok(())
    }
}

impl Fake {
    fn plug(&self, name: &str) {
        self.0.lock().expect("lock").names.push(name.into());
    }

    fn unplug(&self) {
        self.0.lock().expect("lock").names.clear();
    }

    /// The device sends.
    fn play(&self, stamp_secs: f64, messages: &[&[u8]]) {
        let mut plugged = self.0.lock().expect("lock");
        for heard in plugged.heard.values_mut() {
            messages.iter().for_each(|bytes| heard(Duration::from_secs_f64(stamp_secs), bytes));
        }
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0.lock().expect("lock").sent)
    }

    fn list(&self) -> Vec<PortInfo> {
        let names = self.0.lock().expect("lock").names.clone();
        names.into_iter().map(|name| PortInfo { id: name.clone(), name }).collect()
    }
}

impl Ports for Fake {
    fn inputs(&mut self) -> Result<Vec<PortInfo>, String> {
        Ok(self.list())
    }

    fn outputs(&mut self) -> Result<Vec<PortInfo>, String> {
        Ok(self.list())
    }

    fn open_input(&mut self, port: &PortInfo, heard: Heard) -> Result<Box<dyn In>, String> {
        if port.name.contains("busy") {
            return Err("it is in use".into());
        }
        self.0.lock().expect("lock").heard.insert(port.id.clone(), heard);
        Ok(Box::new(FakeIn(self.clone(), port.id.clone())))
    }

    fn open_output(&mut self, _: &PortInfo) -> Result<Box<dyn Out>, String> {
        Ok(Box::new(FakeOut(self.clone())))
    }
}

/// A show, and what steers it.
struct Stage {
    show: Show<Silence>,
    session: Session,
    fake: Fake,
    remote: lumawire_runtime::control::Remote,
    conductor: Conductor,
    told: Arc<Mutex<Vec<MidiEvent>>>,
}

impl Stage {
    fn new(bindings: &str, presets: &str, wanted: &[&str]) -> Self {
        let graph = patch::parse(&patch_text(bindings, presets)).expect("patch").graph;
        let (score, faults) = Score::of(&graph);
        assert_eq!(faults, []);
        let registry = Registry::new(ALL.iter().copied().chain([&WATCH]));
        let plan = compile(&graph, &registry).expect("compiles");
        let engine = Engine::new(prepare(plan, &RunCx::default(), None));
        let desk = Desk::new(score.clone());
        let (remote, board) = (desk.remote(), desk.board());
        let conductor = Conductor::new(remote.clone(), board.clone());
        let (fake, told) = (Fake::default(), Arc::new(Mutex::new(Vec::new())));
        let tell = {
            let told = told.clone();
            move |event| told.lock().expect("lock").push(event)
        };
        let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
        let ports = Box::new(fake.clone());
        let mut session =
            Session::new(ports, wanted, remote.clone(), board, conductor.clone(), tell);
        session.set_score(Arc::new(score));
        let show = Show::new(engine, Silence::new(1, None)).with_desk(desk);
        let mut stage = Self { show, session, fake, remote, conductor, told };
        stage.run(2);
        stage
    }

    fn run(&mut self, num_frames: usize) {
        for _ in 0..num_frames {
            self.show.run_until_frame().expect("silence");
            self.show.engine.frame(FrameMode::Full);
        }
    }

    fn play(&mut self, messages: &[&[u8]]) {
        self.fake.play(0.0, messages);
        self.session.take_all();
        self.run(4);
    }

    fn out(&self, node: &str, output: &str) -> f32 {
        match self.show.engine.output_of(node, output) {
            Value::Control(v) => *v,
            other => panic!("{node}.{output}: {other:?}"),
        }
    }

    fn told(&self) -> Vec<MidiEvent> {
        std::mem::take(&mut self.told.lock().expect("lock"))
    }
}

const DEVICE: &str = "nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0";

/// What the runtime sets by name must be there.
#[test]
fn the_nodes_that_clocks_and_keys_steer_have_what_is_set() {
    let find = |kind| ALL.iter().find(|spec| spec.kind == kind).expect("kind");
    let (tempo, notes) = (find(sync::TEMPO_KIND), find(midi::NOTES_KIND));
    for id in [sync::CLOCK_BPM, sync::CLOCK_BEAT, sync::CLOCK_PHASE, sync::CLOCK_RUNS, sync::TAPS] {
        assert!(tempo.params[tempo.param(id).expect(id)].is_steerable(), "{id}");
    }
    let others = [midi::CHANNEL, midi::NOTE, midi::VELOCITY, midi::NUM_HELD, midi::HITS];
    for id in midi::CLASSES.into_iter().chain(others) {
        assert!(notes.params[notes.param(id).expect(id)].is_steerable(), "{id}");
    }
}

#[test]
fn a_fader_a_pad_and_keys_reach_the_graph() {
    let bindings = r#""fader.value": { "midi": { "cc": 7 } },
        "fader.high": { "midi": { "cc": 8 }, "range": [2, 1] },
        "button.presses": { "midi": { "note": 36, "channel": 10 }, "mode": "press" },
        "button.held": { "midi": { "note": 36, "channel": 10 } },
        "button.velocity": { "midi": { "note": 36, "channel": 10 } }"#;
    let mut stage = Stage::new(bindings, "", &[]);
    stage.fake.plug(DEVICE);
    stage.session.scan();
    stage.play(&[&[0xb3, 7, 127], &[0xb3, 8, 127]]);
    assert_eq!(stage.out("fader", "out"), 1.0);
    stage.play(&[&[0xb3, 8, 0]]);
    assert_eq!(stage.out("fader", "out"), 2.0, "a range may fall");
    stage.play(&[&[0x90, 36, 127]]);
    assert_eq!(stage.out("button", "held"), 0.0, "another channel");
    stage.play(&[&[0x99, 36, 127]]);
    let button = ["held", "velocity", "toggled"].map(|o| stage.out("button", o));
    assert_eq!(button, [1.0, 1.0, 1.0]);
    stage.play(&[&[0x89, 36, 0], &[0x99, 36, 64], &[0x99, 36, 0]]);
    let button = ["held", "toggled"].map(|o| stage.out("button", o));
    assert_eq!(button, [0.0, 0.0]);
}

#[test]
fn held_keys_are_a_chroma() {
    let mut stage = Stage::new("", "", &[]);
    stage.fake.plug(DEVICE);
    stage.session.scan();
    let row = |stage: &Stage| match stage.show.engine.output_of("notes", "chroma") {
        Value::Chroma(chroma) => {
            chroma.latest().expect("row").iter().map(|v| (v * 127.0).round()).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    // C, the C above it, G, on two channels.
    stage.play(&[&[0x90, 60, 100], &[0x90, 72, 50], &[0x91, 67, 127]]);
    assert_eq!(row(&stage), [100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 127.0, 0.0, 0.0, 0.0, 0.0]);
    let seen = ["note", "gate", "num_held"].map(|o| stage.out("notes", o));
    assert_eq!(seen, [67.0, 1.0, 3.0]);
    stage.play(&[&[0x80, 60, 0]]);
    assert_eq!(row(&stage)[0], 50.0, "the other octave still holds it");
    stage.play(&[&[0xb0, 123, 0]]);
    assert_eq!((row(&stage)[0], stage.out("notes", "num_held")), (0.0, 1.0));
    // A device that is pulled out holds nothing.
    stage.fake.unplug();
    stage.session.scan();
    stage.run(2);
    assert_eq!((row(&stage)[7], stage.out("notes", "gate")), (0.0, 0.0));
}

#[test]
fn devices_come_and_go() {
    let bindings = r#""fader.value": { "midi": { "device": "nanokontrol", "cc": 7 } }"#;
    let mut stage = Stage::new(bindings, "", &["KONTROL", "busy"]);
    stage.fake.plug("Piano 24:0");
    stage.fake.plug(DEVICE);
    stage.fake.plug("busy box");
    stage.session.scan();
    stage.session.scan();
    let refused = MidiEvent::Refused("busy box".into(), "it is in use".into());
    assert_eq!(stage.told(), [MidiEvent::Opened(DEVICE.into()), refused], "told once");
    stage.play(&[&[0xb0, 7, 127]]);
    assert_eq!(stage.out("fader", "out"), 1.0);
    stage.fake.unplug();
    stage.session.scan();
    assert_eq!(stage.told(), [MidiEvent::Lost(DEVICE.into())]);
    // It returns under another number.
    let again = "nanoKONTROL2:nanoKONTROL2 MIDI 1 28:0";
    stage.fake.plug(again);
    stage.session.scan();
    assert_eq!(stage.told(), [MidiEvent::Opened(again.into())]);
    stage.play(&[&[0xb0, 7, 0]]);
    assert_eq!(stage.out("fader", "out"), 0.0);
}

#[test]
fn a_program_recalls_its_preset() {
    let presets = r#""bright": { "program": 5, "values": { "fader.value": 0.75 } }"#;
    let mut stage = Stage::new("", presets, &[]);
    stage.fake.plug(DEVICE);
    stage.session.scan();
    stage.play(&[&[0xc0, 4]]);
    assert_eq!(stage.out("fader", "out"), 0.0);
    stage.play(&[&[0xc7, 5]]);
    assert_eq!(stage.out("fader", "out"), 0.75);
}

#[test]
fn controls_are_shown_what_changes_otherwise() {
    let bindings = r#""fader.value": { "midi": { "cc14": 7, "channel": 2 } },
        "button.held": { "midi": { "note": 36 }, "mode": "toggle" }"#;
    let mut stage = Stage::new(bindings, "", &[]);
    stage.fake.plug(DEVICE);
    stage.session.scan();
    let start = Instant::now();
    let later = start + Duration::from_secs(3_600);
    stage.session.give_back(start);
    let full = [vec![0x90, 36, 0], vec![0xb1, 7, 0], vec![0xb1, 39, 0]];
    assert_eq!(stage.fake.sent(), full, "all of it on connection");
    // What the control does itself comes not back, now or later.
    stage.play(&[&[0xb1, 7, 64], &[0xb1, 39, 1]]);
    stage.session.give_back(start);
    stage.session.give_back(later);
    assert_eq!(stage.fake.sent(), Vec::<Vec<u8>>::new());
    stage.remote.send(Event::Set { target: "fader.value".into(), value: ParamValue::Float(1.0) });
    stage.run(4);
    stage.session.give_back(later);
    assert_eq!(stage.fake.sent(), [vec![0xb1, 7, 127], vec![0xb1, 39, 127]]);
    // A pad's light shows what it switched.
    stage.play(&[&[0x90, 36, 90], &[0x80, 36, 0]]);
    stage.session.give_back(start);
    assert_eq!(stage.fake.sent(), [vec![0x90, 36, 127]]);
    stage.session.give_back(later);
    assert_eq!(stage.fake.sent(), Vec::<Vec<u8>>::new());
    // Plugged in again, it is shown all of it again.
    stage.fake.unplug();
    stage.session.scan();
    stage.fake.plug(DEVICE);
    stage.session.scan();
    stage.session.give_back(later);
    assert_eq!(stage.fake.sent().len(), 3);
}

#[test]
fn the_control_that_moves_is_learnt() {
    let mut stage = Stage::new("", "", &[]);
    stage.fake.plug(DEVICE);
    stage.session.scan();
    stage.session.learn("fader.value".into());
    stage.session.learn("button.presses".into());
    stage.told();
    let soon = |secs| Instant::now() + Duration::from_secs(secs);
    stage.play(&[&[0xf8], &[0xb2, 16, 3], &[0xb2, 17, 0], &[0xb2, 16, 120]]);
    stage.session.give_back(soon(10));
    stage.play(&[&[0xb2, 16, 1], &[0x9f, 40, 1]]);
    stage.session.give_back(soon(20));
    let device = Some("nanoKONTROL2:nanoKONTROL2 MIDI 1".to_owned());
    let fader = Midi { device: device.clone(), channel: Some(3), source: MidiSource::Cc(16) };
    let pad = Midi { device, channel: Some(16), source: MidiSource::Note(40) };
    let expected = [
        MidiEvent::Learnt("fader.value".into(), fader),
        MidiEvent::Learnt("button.presses".into(), pad),
    ];
    assert_eq!(stage.told(), expected);
}

#[test]
fn a_midi_clock_leads_the_tempo() {
    let mut stage = Stage::new("", "", &[]);
    stage.fake.plug(DEVICE);
    stage.session.scan();
    stage.fake.play(0.0, &[&[0xfa]]);
    // Ticks up to 2 ms too soon or too late, in the frame in which they come.
    let (bpm, mut num_ticks, mut seed, mut num_beats) = (133.0, 0_u32, 9_u32, 0);
    for frame in 0..600 {
        let secs = f64::from(frame) / 60.0;
        while f64::from(num_ticks) * 60.0 / bpm / 24.0 <= secs {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let jitter = (f64::from(seed >> 8) / f64::from(1 << 23) - 1.0) * 0.002;
            let at = 1.0 + f64::from(num_ticks) * 60.0 / bpm / 24.0 + jitter;
            stage.fake.play(at, &[&[0xf8]]);
            num_ticks += 1;
        }
        stage.session.take_all();
        let before = stage.out("tempo", "phase");
        stage.run(1);
        let after = stage.out("tempo", "phase");
        num_beats += u32::from(after < before);
        if frame > 120 {
            let turned = (after - before).rem_euclid(1.0);
            assert!((0.015..0.065).contains(&turned), "{frame}: {turned} of a beat in a frame");
            // The frame that just ran ends a sixtieth later.
            let truth = (secs + 1.0 / 60.0) * bpm / 60.0;
            let error = (f64::from(after) - truth + 0.5).rem_euclid(1.0) - 0.5;
            assert!(error.abs() * 60.0 / bpm < 0.025, "{frame}: {} s", error * 60.0 / bpm);
        }
    }
    assert!((21..=23).contains(&num_beats), "{num_beats}");
    assert!((f64::from(stage.out("tempo", "bpm")) - bpm).abs() < 1.0);
    assert_eq!((stage.out("tempo", "running"), stage.out("tempo", "confidence")), (1.0, 1.0));
    stage.play(&[&[0xfc]]);
    assert_eq!(stage.out("tempo", "running"), 0.0);
    stage.run(180);
    assert_eq!(stage.out("tempo", "confidence"), 0.0, "the clock went away");
}

#[test]
fn a_key_of_the_computer_taps_the_tempo() {
    let mut stage = Stage::new("", "", &[]);
    for _ in 0..5 {
        stage.conductor.tap();
        // 24 frames at 60 a second.
        stage.run(24);
    }
    let bpm = stage.out("tempo", "bpm");
    assert!((bpm - 150.0).abs() < 2.0, "{bpm}");
}

/// Bindings by themselves, with times and readings of the test's.
struct Desktop {
    mapper: Mapper,
    readings: BTreeMap<String, f64>,
    now: Duration,
}

impl Desktop {
    fn new(bindings: &str) -> Self {
        let graph = patch::parse(&patch_text(bindings, "")).expect("patch").graph;
        let registry = Registry::new(ALL.iter().copied().chain([&WATCH]));
        let mut mapper = Mapper::default();
        mapper.set_plan(Some(Arc::new(compile(&graph, &registry).expect("compiles"))));
        mapper.set_score(Arc::new(Score::of(&graph).0));
        Self { mapper, readings: BTreeMap::new(), now: Duration::ZERO }
    }

    /// The numbers that are set, each in units of 1/1000; a press is 1.
    fn play(&mut self, bytes: &[u8]) -> Vec<i64> {
        // Slower than a board takes to show what was sent.
        self.now += Duration::from_secs(1);
        self.play_at_once(bytes)
    }

    fn play_at_once(&mut self, bytes: &[u8]) -> Vec<i64> {
        let port = Port { number: 0, name: DEVICE.into() };
        let message = Message::parse(bytes).expect("message");
        let events = {
            let readings = |target: &str| self.readings.get(target).copied();
            self.mapper.take(&port, self.now, &message, &readings)
        };
        let mut values = Vec::new();
        for event in events {
            match event {
                Event::Set { target, value } if !target.starts_with("notes.") => {
                    let value = value.as_f64().expect("number");
                    self.readings.insert(target, value);
                    values.push((value * 1_000.0).round() as i64);
                }
                Event::Press { target, hits } if !target.starts_with("notes.") => {
                    values.push(i64::from(hits));
                }
                _ => {}
            }
        }
        values
    }
}

#[test]
fn modes_do_what_they_say() {
    let mut desk = Desktop::new(r#""button.held": { "midi": { "note": 1 }, "mode": "toggle" }"#);
    let pressed = [desk.play(&[0x90, 1, 9]), desk.play(&[0x80, 1, 0]), desk.play(&[0x90, 1, 9])];
    assert_eq!(pressed, [vec![1_000], vec![], vec![0]]);
    desk.readings.insert("button.held".into(), 1.0);
    assert_eq!(desk.play(&[0x90, 1, 9]), [0], "somebody else had switched it on");
    assert_eq!(desk.play_at_once(&[0x90, 1, 9]), [1_000], "sooner than the board shows");

    let toggle = r#""fader.value": { "midi": { "cc": 1 }, "mode": "toggle", "range": [0.2, 0.6] }"#;
    let mut desk = Desktop::new(toggle);
    let seen: Vec<_> =
        [127, 0, 127, 127, 63, 64].iter().map(|v| desk.play(&[0xb0, 1, *v])).collect();
    assert_eq!(seen, [vec![600], vec![], vec![200], vec![600], vec![], vec![200]]);

    let mut desk = Desktop::new(r#""button.presses": { "midi": { "cc": 1 }, "mode": "press" }"#);
    let seen: Vec<_> = [10, 70, 90, 20, 127].iter().map(|v| desk.play(&[0xb0, 1, *v])).collect();
    assert_eq!(seen, [vec![], vec![1], vec![], vec![], vec![1]]);

    let mut desk = Desktop::new(r#""button.held": { "midi": { "note": 1 } }"#);
    assert_eq!(desk.play(&[0x90, 1, 1]), [1_000], "however softly");
    assert_eq!(desk.play(&[0x90, 1, 0]), [0]);
    let mut desk = Desktop::new(r#""fader.value": { "midi": { "note": 1 }, "range": [1, 0.5] }"#);
    assert_eq!([desk.play(&[0x90, 1, 127]), desk.play(&[0x80, 1, 5])], [[500], [1_000]]);
}

#[test]
fn bends_pressure_and_options_are_controls_too() {
    let mut desk = Desktop::new(r#""fader.value": { "midi": { "bend": 0 } }"#);
    let seen = [[0xe0, 0, 0], [0xe5, 0, 64], [0xe0, 127, 127]].map(|bytes| desk.play(&bytes));
    assert_eq!(seen, [[0], [500], [1_000]]);
    let mut desk = Desktop::new(r#""fader.value": { "midi": { "pressure": 0, "channel": 2 } }"#);
    assert_eq!((desk.play(&[0xd1, 127]), desk.play(&[0xd0, 5])), (vec![1_000], vec![]));
    let mut desk = Desktop::new(r#""tempo.mode": { "midi": { "cc": 9 } }"#);
    let seen = [0, 50, 127].map(|v| desk.play(&[0xb0, 9, v]));
    assert_eq!(seen, [[0], [1_000], [2_000]]);
    // Files and what must be rebuilt are left alone, as is what is not there.
    let mut desk = Desktop::new(r#""tempo.none": { "midi": { "cc": 9 } }"#);
    assert_eq!(desk.play(&[0xb0, 9, 1]), [0; 0]);
}

#[test]
fn endless_knobs_step() {
    let mut desk = Desktop::new(r#""fader.value": { "midi": { "cc": 1 }, "mode": "relative" }"#);
    desk.readings.insert("fader.value".into(), 0.5);
    let step = 1_000.0 / 128.0;
    let rounded = |v: f64| v.round() as i64;
    assert_eq!(desk.play(&[0xb0, 1, 2]), [rounded(500.0 + 2.0 * step)]);
    assert_eq!(desk.play(&[0xb0, 1, 127]), [rounded(500.0 + step)]);
    assert_eq!(desk.play(&[0xb0, 1, 64]), [rounded(500.0 - 63.0 * step)]);
    assert_eq!(desk.play(&[0xb0, 1, 64]), [0], "no further than its end");
    // Many steps before the board shows the first.
    (0..5).for_each(|_| drop(desk.play_at_once(&[0xb0, 1, 1])));
    assert_eq!(desk.play_at_once(&[0xb0, 1, 1]), [rounded(6.0 * step)]);
    let options = r#""tempo.mode": { "midi": { "cc": 1 }, "mode": "relative", "steps": "offset" }"#;
    let mut desk = Desktop::new(options);
    let seen = [65, 64, 66, 63].map(|v| desk.play(&[0xb0, 1, v]));
    assert_eq!(seen, [vec![1_000], vec![], vec![2_000], vec![1_000]]);
}

#[test]
fn a_fader_that_stands_elsewhere_picks_the_value_up() {
    let binding = r#""fader.value": { "midi": { "cc": 1 }, "pickup": true }"#;
    let mut desk = Desktop::new(binding);
    desk.readings.insert("fader.value".into(), 0.5);
    let moved = |desk: &mut Desktop, values: &[u8]| -> Vec<bool> {
        values.iter().map(|v| !desk.play(&[0xb0, 1, *v]).is_empty()).collect()
    };
    // From below it moves nothing until it has passed the middle, however far it leaps.
    assert_eq!(moved(&mut desk, &[10, 30, 50, 80, 20]), [false, false, false, true, true]);
    // Somebody else moves the value: it must be met again.
    desk.readings.insert("fader.value".into(), 0.9);
    assert_eq!(moved(&mut desk, &[30, 60, 113, 60]), [false, false, true, true]);
}

/// A Carabiner that answers `status` with a beat of its own, and says what it answered.
fn carabiner(listener: TcpListener, bpm: f64, answers: Arc<Mutex<Vec<f64>>>, num: usize) {
    let (stream, _) = listener.accept().expect("a client");
    let mut writer = stream.try_clone().expect("clone");
    let mut beat = 1_000_000.25;
    for line in BufReader::new(stream).lines() {
        match line.expect("line").as_str() {
            "status" => {
                beat += 0.5;
                answers.lock().expect("lock").push(beat);
                let status = format!(
                    "status {{ :peers 2 :bpm {bpm:.6} :start 7 :beat {beat:.6} :playing true }}\n"
                );
                writer.write_all(status.as_bytes()).expect("write");
            }
            "enable-start-stop-sync" => {}
            other => panic!("{other}"),
        }
        if answers.lock().expect("lock").len() >= num {
            return;
        }
    }
}

#[test]
fn ableton_link_leads_the_tempo_by_way_of_carabiner() {
    let mut stage = Stage::new("", "", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address");
    let mut first = Some(listener);
    let answers = Arc::new(Mutex::new(Vec::new()));
    let (tell, told) = crossbeam_channel::unbounded();
    let link = Link::start(address.to_string(), stage.conductor.clone(), move |news| {
        let _ = tell.send(news);
    })
    .expect("thread");
    for bpm in [87.5, 140.25] {
        let listener = first.take().unwrap_or_else(|| {
            // It was ended, and comes back.
            assert!(matches!(told.recv().expect("news"), LinkTold::Absent(_)));
            TcpListener::bind(address).expect("the same port")
        });
        answers.lock().expect("lock").clear();
        let server = {
            let answers = answers.clone();
            Builder::new().spawn(move || carabiner(listener, bpm, answers, 3)).expect("thread")
        };
        assert_eq!(told.recv().expect("news"), LinkTold::Connected { num_peers: 2 });
        server.join().expect("it answered");
        while stage.out("tempo", "bpm") != bpm as f32 {
            stage.run(1);
        }
    }
    stage.run(4);
    let heard = stage.show.engine.plan().clone();
    let step = heard.steps.iter().position(|s| s.id == "tempo").expect("node");
    let base = |id: &str| {
        let param = heard.steps[step].spec.param(id).expect(id);
        stage.show.engine.base_at((step, param)).and_then(ParamValue::as_f64).expect("number")
    };
    let beats = base(sync::CLOCK_BEAT) + base(sync::CLOCK_PHASE);
    assert!(answers.lock().expect("lock").iter().any(|b| (b - beats).abs() < 1e-6), "{beats}");
    assert_eq!(stage.out("tempo", "running"), 1.0);
    drop(link);
}

#[test]
fn the_command_follows_link_and_says_so() {
    let bench = common::Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address").to_string();
    let server = Builder::new().spawn(|| carabiner(listener, 98.0, Arc::default(), 2));
    let output = common::lumawire()
        .env("LUMAWIRE_SETTINGS", bench.path("settings.json"))
        .arg("run")
        .arg(bench.path("small.lumawire"))
        .args([
            "--headless",
            "--input",
            "none",
            "--secs",
            "2",
            "--midi",
            "none",
            "--link",
            &address,
        ])
        .output()
        .expect("runs");
    common::stdout(&output);
    server.expect("thread").join().expect("it answered");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("link: Carabiner, 2 peer(s)"), "{told}");
    assert!(!bench.path("settings.json").exists(), "nothing was chosen");
}

#[test]
fn only_what_can_be_steered_is_learnt() {
    let bench = common::Bench::new();
    for (target, expected) in [("walk.sped", "no parameter"), ("bank.file", "cannot be steered")] {
        let output = common::lumawire()
            .arg("run")
            .arg(bench.path("small.lumawire"))
            .args(["--headless", "--input", "none", "--secs", "1", "--learn", target])
            .output()
            .expect("runs");
        let told = common::failure(&output);
        assert!(told.contains(target) && told.contains(expected), "{told}");
    }
}

#[test]
fn devices_lists_midi_with_or_without_it() {
    let listed = common::stdout(&common::run([&"devices"]));
    assert!(listed.contains("MIDI inputs\n  ") && listed.contains("MIDI outputs\n  "), "{listed}");
}
