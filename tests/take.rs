//! Takes: what was played comes again to the bit, whatever ended the show.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use common::Bench;
use lumawire_core::control::Score;
use lumawire_core::plan::Plan;
use lumawire_core::{AudioBlock, Fps, Graph, ParamValue, Rate, Value, compile, patch};
use lumawire_runtime::control::{Desk, Entry, Event, Stamped};
use lumawire_runtime::live::{Backend, Callback, DeviceError, Format, Opened, Watch, open_input};
use lumawire_runtime::show::{Show, Tap};
use lumawire_runtime::take::{FORMAT, Manifest, Recorder, Replay, Take, VERSION};
use lumawire_runtime::transport::Transport;
use lumawire_runtime::{Engine, FrameMode, Preparer, RunCx, prepare};

/// The small patch, steered: presets, cues by time and by a control, and pads.
fn steered() -> String {
    let more = r#""presets": {
        "calm": { "morph_secs": 0.3, "values": { "level.average_secs": 9, "walk.speed": 0.2, "pads.pad_2": 0 } },
        "wild": { "values": { "level.average_secs": 1.5, "walk.speed": 1.5, "steps.modulo": 3 } } },
      "cues": { "list": [ { "name": "early", "at_secs": 0.31, "recall": "wild", "morph_secs": 0.2 },
        { "when": "steps.index", "is": 2, "values": { "trail.amount": 0.8 } },
        { "when": "shown.out", "is": 1, "values": { "onset.sensitivity": 0.3 } } ] },
      "wires": ["walk.latent -> pads.latent", "pads.count -> shown.a",
        "shown.out -> tone.exposure_stops * 0.1", "tone.image -> video.image", "#;
    common::SMALL
        .replace("\"clock\"", "\"seed\": 7, \"clock\"")
        .replace("\"wires\": [", more)
        .replace("trail.image -> video.image", "trail.image -> tone.image")
        .replace("walk.latent -> generator.latent", "pads.latent -> generator.latent")
        .replace(
            "\"model\":",
            r#""pads": { "kind": "latent.pads@1" }, "shown": { "kind": "map.math@1" },
              "tone": { "kind": "post.colour@1" }, "model":"#,
        )
}

fn graph_of(text: &str) -> Graph {
    patch::parse(text).expect("patch").graph
}

fn plan_of(text: &str, fps: Option<Fps>) -> Plan {
    let mut plan = compile(&graph_of(text), &lumawire_nodes::registry()).expect("compiles");
    plan.clock.fps = fps.unwrap_or(plan.clock.fps);
    plan
}

fn score_of(text: &str) -> Score {
    let (score, faults) = Score::of(&graph_of(text));
    assert_eq!(faults, []);
    score
}

/// What all steps of one rate are: parameters and small outputs, by node.
fn values(engine: &Engine, is_meant: impl Fn(usize) -> bool) -> Vec<(String, u64)> {
    let plan = engine.plan();
    let meant = (0..plan.steps.len()).filter(|step| is_meant(*step));
    let of_step = |s: usize| {
        let step = &plan.steps[s];
        let mut hasher = DefaultHasher::new();
        for p in 0..step.params.len() {
            format!("{:?}{:?}", engine.base_at((s, p)), engine.value_at((s, p))).hash(&mut hasher);
        }
        for o in 0..step.spec.outputs.len() {
            match engine.output(s as u32, o) {
                Value::Control(v) => v.to_bits().hash(&mut hasher),
                Value::Trigger(hits) => hits.hash(&mut hasher),
                Value::Image(_) | Value::Audio(_) | Value::Spectrum(_) => {}
                other => other.content_key().hash(&mut hasher),
            }
        }
        (step.id.clone(), hasher.finish())
    };
    let mut values: Vec<_> = meant.map(of_step).collect();
    values.sort();
    values
}

type Seen = Vec<(u64, Vec<(String, u64)>)>;

/// Notes what the block before left, and passes on what it hears.
struct Witness {
    tape: Option<Box<dyn Tap>>,
    seen: Arc<Mutex<Seen>>,
}

impl Tap for Witness {
    fn hear(&mut self, engine: &Engine, block: &AudioBlock, num_samples: usize) {
        let plan = engine.plan().clone();
        let at_blocks = values(engine, |step| plan.steps[step].rate == Rate::Block);
        self.seen.lock().expect("open").push((engine.next_sample(), at_blocks));
        if let Some(tape) = &mut self.tape {
            tape.hear(engine, block, num_samples);
        }
    }
}

/// What a show did: by block; by frame of what keeps state; and of all that was drawn.
#[derive(Debug, Default, PartialEq)]
struct Course {
    blocks: Seen,
    state: Seen,
    drawn: Seen,
}

/// Runs the show; where it `skips`, every fifth frame comes too late and ticks its state only. `steer`
/// is called before each and says whether to go on.
fn run<T: Transport>(
    mut show: Show<T>,
    seen: &Mutex<Seen>,
    skips: bool,
    mut steer: impl FnMut(u64, &Engine) -> bool,
) -> Course {
    let mut course = Course::default();
    while let Some(frame) = show.run_until_frame().expect("sound") {
        if !steer(frame, &show.engine) {
            break;
        }
        let is_late = skips && frame % 5 == 4;
        show.engine.frame(if is_late { FrameMode::Late } else { FrameMode::Full });
        let plan = show.engine.plan().clone();
        let at_frames = |step: usize| plan.steps[step].rate == Rate::Frame;
        let keeps = |step: usize| at_frames(step) && plan.steps[step].runs_late;
        course.state.push((frame, values(&show.engine, keeps)));
        if frame % 5 != 4 {
            course.drawn.push((frame, values(&show.engine, at_frames)));
        }
        for report in show.engine.take_reports() {
            assert_eq!(report.error, None, "{}", report.node);
        }
    }
    drop(show);
    course.blocks = seen.lock().expect("open").clone();
    course
}

/// A device of one channel: clicks in a tone, in portions of any size.
struct Fake;

struct Stream(Arc<AtomicBool>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Backend for Fake {
    fn open(
        &mut self,
        connect: &mut dyn FnMut(Format) -> Option<Callback>,
        _: Watch,
    ) -> Result<Opened, DeviceError> {
        let format = Format { rate_hz: NonZero::new(48_000).expect("a rate"), num_channels: 1 };
        let callback = connect(format).expect("a callback");
        let stop = Arc::new(AtomicBool::new(false));
        let stream = Box::new(Stream(stop.clone()));
        let play = move || {
            let Callback::Capture(mut capture) = callback else { panic!("an input") };
            let (mut at, mut noise) = (0_u32, 1_u32);
            for i in 0_u32.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let mut sample = || {
                    at += 1;
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let click = if at % 9_600 < 900 { 0.6 } else { 0.0 };
                    let tone = 0.3 * (at as f32 * 0.0288).sin();
                    tone + click * ((noise >> 8) as f32 / 8_388_608.0 - 1.0)
                };
                let samples: Vec<f32> = (0..i * 7_919 % 900 + 1).map(|_| sample()).collect();
                capture.write(&samples, Instant::now());
                thread::sleep(Duration::from_millis(8));
            }
        };
        Builder::new().name("fake-device".into()).spawn(play).expect("a thread");
        Ok(Opened { name: "fake".into(), format, sample_format: "f32".into(), stream })
    }
}

fn set(target: &str, v: f64) -> Event {
    Event::Set { target: target.into(), value: ParamValue::Float(v) }
}

/// What is played at a frame.
fn played(frame: u64) -> Vec<Event> {
    let pad = |v| set("pads.pad_2", v);
    match frame {
        3 => vec![set("level.average_secs", 3.123_456_789), set("walk.speed", 0.1 + 0.2)],
        6 => vec![Event::Set { target: "pads.store".into(), value: ParamValue::Bool(true) }],
        7 => vec![pad(1.0)],
        9 => vec![pad(0.0), Event::Free { target: "pads.store".into() }],
        12 => vec![Event::Recall { preset: "calm".into(), morph_secs: None }],
        15 => vec![Event::Store { preset: "here".into() }, pad(0.7)],
        18 => vec![Event::Blend {
            presets: vec![("calm".into(), 1.0), ("wild".into(), 2.0), ("here".into(), 0.3)],
            morph_secs: Some(0.15),
        }],
        30 => vec![set("walk.speed", f64::NAN), Event::Cue { name: "early".into() }],
        _ => vec![],
    }
}

const NUM_FRAMES: u64 = 45;

/// A live show with an edit in it, recorded in `folder`.
fn live(folder: &Path) -> Course {
    let text = steered();
    let cx = RunCx::default();
    let engine = Engine::new(prepare(plan_of(&text, None), &cx, None));
    let (preparer, swaps) = Preparer::start(&engine).expect("a worker");
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        sample_rate_hz: 48_000,
        fps: Fps::new(30, 1),
        seed: None,
        size_px: None,
        output: "video".into(),
        base_dir: folder.into(),
    };
    let recorder = Recorder::start(folder, &manifest, &text, &[], |notice| panic!("{notice:?}"));
    let (recorder, tape) = recorder.expect("a take");
    let desk = Desk::new(score_of(&text)).with_record(recorder.record());
    let remote = desk.remote();
    let seen = Arc::<Mutex<Seen>>::default();
    let rate_hz = NonZero::new(48_000).expect("a rate");
    let (_keeper, input) =
        open_input(Some(Box::new(Fake)), rate_hz, Duration::from_millis(33)).expect("sound");
    let tap = Witness { tape: Some(Box::new(tape)), seen: seen.clone() };
    let show = Show::new(engine, input).with_swaps(swaps).with_desk(desk).with_tap(tap);
    let edited = text
        .replace("level.bass -> walk.speed", "level.bass -> walk.speed * 0.25")
        .replace("stft@1\"", "stft@1\", \"params\": { \"n_fft\": \"4096\" }")
        .replace("\"morph_secs\": 0.3", "\"morph_secs\": 0.6");
    let mut arrived = None;
    let course = run(show, &seen, true, |frame, engine| {
        remote.send_all(played(frame));
        if frame == 20 {
            remote.set_score(Arc::new(score_of(&edited)));
            recorder.patch(&edited, &[]).expect("kept");
            assert!(preparer.submit(plan_of(&edited, None)));
        }
        if engine.generation() == 2 {
            arrived.get_or_insert(frame);
        }
        // However long the edit took to be prepared.
        arrived.is_none_or(|arrived| frame < NUM_FRAMES.max(arrived + 15))
    });
    let summary = recorder.finish();
    assert!(summary.is_exact() && summary.num_entries > 12, "{summary:?}");
    course
}

/// The same from the take, at `fps`.
fn replayed(folder: &Path, fps: Option<Fps>) -> Course {
    let take = Take::open(folder).expect("a take");
    assert!(take.is_whole && take.lost_from.is_none());
    assert_eq!(take.swaps.len(), 1);
    let text = |number| take.patch(number).expect("patch");
    let plans = take.swaps.iter().map(|&(sample, n)| (sample, plan_of(&text(n), fps)));
    let cx = RunCx { size_px: Some((96, 54)), ..RunCx::default() };
    let engine = Engine::new(prepare(plan_of(&text(0), fps), &cx, None));
    let desk = Desk::new(score_of(&text(0))).with_replay(take.entries.clone());
    let seen = Arc::<Mutex<Seen>>::default();
    let tap = Witness { tape: None, seen: seen.clone() };
    let show = Show::new(engine, take.sound().expect("sound"))
        .with_swaps(Replay::new(plans))
        .with_desk(desk)
        .with_tap(tap);
    run(show, &seen, false, |_, _| true)
}

#[test]
fn a_take_gives_the_values_of_the_show_at_any_size_and_rate() {
    let dir = tempfile::tempdir().expect("folder");
    let folder = dir.path().join("take");
    let played = live(&folder);
    let again = replayed(&folder, None);
    assert!(played.blocks.len() > 250 && played.state.len() >= NUM_FRAMES as usize);
    let distinct: std::collections::BTreeSet<_> = played.blocks.iter().map(|(_, v)| v).collect();
    assert!(distinct.len() > 50, "the values move: {}", distinct.len());
    // The last block may have been heard and not looked at any more.
    let same = |a: &Seen, b: &Seen| {
        for ((at, a), (_, b)) in a.iter().zip(b) {
            let other: Vec<_> =
                a.iter().zip(b).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
            assert!(a.len() == b.len() && other.is_empty(), "at {at}: {other:?}");
        }
        assert!(b.len() >= a.len());
    };
    same(&played.blocks, &again.blocks);
    same(&played.state, &again.state);
    same(&played.drawn, &again.drawn);
    let faster = replayed(&folder, Some(Fps::new(50, 1)));
    assert!(faster.state.len() > again.state.len() * 3 / 2);
    same(&played.blocks, &faster.blocks);
    let entries = Take::open(&folder).expect("a take").entries;
    let turned = |e: &&Stamped<Entry>| matches!(e.event, Entry::Turned { .. });
    assert!(entries.iter().filter(turned).count() >= 2, "{entries:?}");
    assert!(entries.iter().any(|e| matches!(e.event, Entry::Score(_))));
}

/// Plays the bench's sound, recording it in `take`.
fn record(bench: &Bench, more: &[&str]) -> Command {
    let mut command = common::lumawire();
    command.arg("run").arg(bench.path("small.lumawire"));
    command.args(["--headless", "--audio-output", "no such device", "--audio"]);
    command.arg(bench.path("sound.wav")).arg("--record-take").arg(bench.path("take")).args(more);
    command.env("LUMAWIRE_SETTINGS", bench.path("settings.json"));
    command
}

fn render(bench: &Bench, what: &[&str], out: &str) -> (Vec<String>, String) {
    let mut command = common::lumawire();
    command.current_dir(bench.path(".")).arg("render").args(what);
    command.args(["--size", "48x48", "--quiet", "-o", out]);
    let output = command.output().expect("runs");
    common::stdout(&output);
    let mut hashes = Vec::new();
    for n in 0.. {
        let Ok(bytes) = fs::read(bench.path(out).join(format!("frame_{n:05}.png"))) else { break };
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        hashes.push(format!("{:x}", hasher.finish()));
    }
    (hashes, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_take_of_a_file_renders_as_the_file_does() {
    let bench = Bench::new();
    let output = record(&bench, &["--secs", "1.5", "--preset", "none"]).output().expect("runs");
    assert!(common::failure(&output).contains("no preset `none`"));
    let output = record(&bench, &["--secs", "1.5"]).output().expect("runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("the take has"), "{told}");
    let output = record(&bench, &["--secs", "1.5"]).output().expect("runs");
    assert!(common::failure(&output).contains("never written over"));

    let (of_take, _) = render(&bench, &["--take", "take"], "a/");
    let of_file = ["small.lumawire", "--audio", "sound.wav", "--causal"];
    let (of_file, _) = render(&bench, &of_file, "b/");
    assert!(of_take.len() >= 45, "{}", of_take.len());
    assert_eq!(of_take, of_file[..of_take.len()]);
    let film = ["--take", "take", "--fps", "24"];
    render(&bench, &film, "film.mp4");
    let film = bench.path("film.mp4");
    assert_eq!(common::probe(&film, "v:0", "width,height,r_frame_rate"), "48,48,24/1");
    let secs: f64 = common::probe(&film, "a:0", "duration").parse().expect("seconds");
    assert!((1.45..1.7).contains(&secs), "{secs}");
}

/// Ends a child and waits for its end.
fn kill(mut child: Child) {
    child.kill().expect("ends");
    child.wait().expect("ended");
}

#[test]
fn what_was_played_before_a_crash_can_be_replayed() {
    let bench = Bench::new();
    let show = record(&bench, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let show = show.expect("runs");
    let sound = bench.path("take/sound/000.wav");
    let started = Instant::now();
    // A second and more of two channels.
    while fs::metadata(&sound).map_or(0, |m| m.len()) < 500_000 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing is written");
        thread::sleep(Duration::from_millis(20));
    }
    kill(show); // SIGKILL
    let (frames, told) = render(&bench, &["--take", "take"], "a/");
    assert!(told.contains("broke off"), "{told}");
    assert!(frames.len() > 30, "{}", frames.len());
    let of_file = ["small.lumawire", "--audio", "sound.wav", "--causal"];
    let (of_file, _) = render(&bench, &of_file, "b/");
    assert_eq!(frames, of_file[..frames.len()]);
}

#[test]
fn broken_takes_are_told() {
    let bench = Bench::new();
    common::stdout(&record(&bench, &["--secs", "0.3"]).output().expect("runs"));
    let damage = |file: &str, bytes: &[u8], said: &[&str]| {
        let path = bench.path("take").join(file);
        let whole = fs::read(&path).expect("file");
        fs::write(&path, bytes).expect("writes");
        let mut command = common::lumawire();
        command.arg("render").arg("--take").arg(bench.path("take"));
        let output = command.arg("-o").arg(bench.path("out.mp4")).output().expect("runs");
        let error = common::failure(&output);
        for word in said {
            assert!(error.contains(word), "`{word}` is missing in: {error}");
        }
        fs::write(&path, whole).expect("writes");
    };
    damage("take.json", b"{ \"format\"", &["take.json", "line 1"]);
    damage("take.json", b"{ \"format\": \"x\" }", &["take.json", "no take"]);
    let newer = br#"{ "format": "lumawire-take", "version": 9 }"#;
    damage("take.json", newer, &["version 9", "reads 1"]);
    damage("events.jsonl", b"{\"sample\":1,\"sing\":{}}\n", &["events.jsonl", "line 1"]);
    let falls = b"{\"sample\":9,\"step_cue\":{\"by\":1}}\n{\"sample\":3,\"step_cue\":{\"by\":1}}\n";
    damage("events.jsonl", falls, &["line 2", "sample 3"]);
    damage("events.jsonl", b"{\"sample\":9,\"swap\":{\"patch\":7}}\n", &["007.lumawire"]);
    damage("patches/000.lumawire", b"{", &["line 1"]);
    let patch = fs::read_to_string(bench.path("take/patches/000.lumawire")).expect("patch");
    let other = patch.replace("48000", "44100");
    damage("patches/000.lumawire", other.as_bytes(), &["44100 Hz", "48000 Hz"]);
    damage("sound/000.wav", b"RIFF", &["000.wav", "header"]);
    damage("sound/000.wav", &[0; 64], &["000.wav", "no WAV file"]);
    let mut command = common::lumawire();
    command.arg("render").arg("--take").arg(bench.path(".")).arg("-o").arg(bench.path("out.mp4"));
    assert!(common::failure(&command.output().expect("runs")).contains("is no take"));
}

/// With `--keep` a stored latent goes into the file; a take of it starts from the file as it was.
#[test]
fn the_patch_keeps_what_a_cue_stores() {
    let bench = Bench::new();
    let cues = r#""cues": { "list": [
        { "at_secs": 0.2, "values": { "pads.store": true, "pads.pad_3": 1 } } ] }, "wires": ["#;
    let text = steered();
    let (before, after) = text.split_once("\"cues\"").expect("cues");
    let (_, after) = after.split_once("\"wires\": [").expect("wires");
    fs::write(bench.path("small.lumawire"), format!("{before}{cues}{after}")).expect("writes");
    let stored = || {
        let graph = patch::load(bench.path("small.lumawire")).expect("patch").graph;
        graph.node("pads").and_then(|pads| pads.params.get("stored").cloned())
    };
    let output = record(&bench, &["--secs", "1"]).output().expect("runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("--keep"), "{told}");
    assert_eq!(stored(), None, "only if asked");
    fs::remove_dir_all(bench.path("take")).expect("gone");
    let output = record(&bench, &["--secs", "1.5", "--keep"]).output().expect("runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("is kept") && !told.contains("taken up anew"), "{told}");
    let Some(ParamValue::Text(text)) = stored() else { panic!("nothing was kept: {told}") };
    assert!(text.contains(" 2="), "{text}");
    assert_eq!(text.split(' ').count(), 3, "one slot");
}
