//! Live sound without a sound card: threads play the part of devices.
#![allow(clippy::expect_used)] // helpers of tests are tests

mod stubs;

use std::any::Any;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use lumawire_core::{AudioBlock, Value};
use lumawire_runtime::live::{
    AudioEvent, Backend, Callback, DeviceError, FanOut, Format, Keeper, LiveInput, Opened,
    Recorder, Stage, StageEnd, Stats, Switch, Watch, open_input, open_playback,
};
use lumawire_runtime::output::Target;
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::{Memory, Read, Transport};
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};

const RATE_HZ: u32 = 48_000;
const HEAD: Duration = Duration::from_millis(20);
/// More than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn rate(hz: u32) -> NonZero<u32> {
    NonZero::new(hz).expect("a rate")
}

/// What a device does while it is open; called on a thread of its own until it returns.
type Act = Box<dyn FnOnce(Callback, &Watch, &AtomicBool) + Send>;

/// A device that plays its acts one after the other, each time that it is opened; `None` cannot be
/// opened.
struct Fake {
    format: Format,
    acts: std::vec::IntoIter<Option<Act>>,
}

impl Fake {
    fn boxed(format: (u32, usize), acts: Vec<Option<Act>>) -> Option<Box<dyn Backend>> {
        let format = Format { rate_hz: rate(format.0), num_channels: format.1 };
        Some(Box::new(Self { format, acts: acts.into_iter() }))
    }
}

struct Stream {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Backend for Fake {
    fn open(
        &mut self,
        connect: &mut dyn FnMut(Format) -> Option<Callback>,
        watch: Watch,
    ) -> Result<Opened, DeviceError> {
        let act = self.acts.next().flatten().ok_or(DeviceError::None("fake"))?;
        let callback = connect(self.format).expect("a callback");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || act(callback, &watch, &stopped);
        let thread = Builder::new().name("fake-device".into()).spawn(run).expect("a thread");
        let stream: Box<dyn Any + Send> = Box::new(Stream { stop, thread: Some(thread) });
        let (format, sample_format) = (self.format, "f32".to_owned());
        Ok(Opened { name: "fake".into(), format, sample_format, stream })
    }
}

/// Stays open and silent until it is closed.
fn hold(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Numbers that are exact as f32.
fn numbered(len: usize) -> Vec<f32> {
    (0..len).map(|i| i as f32 / 65_536.0).collect()
}

/// Hands in `samples`, two channels of them (the second half as loud), in callbacks of the sizes that
/// `sizes` gives, one every `pause`.
fn deliver(samples: Vec<f32>, sizes: fn(usize) -> usize, pause: Duration) -> Option<Act> {
    Some(Box::new(move |mut callback, _, stop| {
        let Callback::Capture(capture) = &mut callback else { panic!("an input") };
        let mut at = 0;
        for i in 0.. {
            let n = sizes(i).min(samples.len() - at);
            let stereo: Vec<f32> =
                samples[at..at + n].iter().flat_map(|v| [*v, *v / 2.0]).collect();
            capture.write(&stereo, Instant::now());
            at += n;
            if at == samples.len() {
                break;
            }
            thread::sleep(pause);
        }
        // A device goes on with silence.
        while !stop.load(Ordering::Relaxed) {
            capture.write(&[0.0_f32; 128], Instant::now());
            thread::sleep(Duration::from_millis(1));
        }
    }))
}

/// The next `len` samples of both channels.
fn read(input: &mut LiveInput, len: usize) -> [Vec<f32>; 2] {
    let started = Instant::now();
    let mut block = AudioBlock::silent(2, len);
    let mut at = 0;
    while at < len {
        assert!(started.elapsed() < PATIENCE, "{at} of {len} samples came");
        match input.read(&mut block, at).expect("sound") {
            Read::Samples(n) => at += n,
            Read::Ended => panic!("ended after {at} of {len} samples"),
        }
    }
    [block.channel(0).to_vec(), block.channel(1).to_vec()]
}

fn next_event(keeper: &Keeper) -> AudioEvent {
    keeper.events.recv_timeout(PATIENCE).expect("an event")
}

fn opened(num_channels: usize) -> AudioEvent {
    AudioEvent::Opened {
        device: "fake".into(),
        format: Format { rate_hz: rate(RATE_HZ), num_channels },
        sample_format: "f32".into(),
    }
}

#[test]
fn every_sample_arrives_once_and_in_order_whatever_the_callbacks_size() {
    let sizes: [fn(usize) -> usize; 4] =
        [|_| 1 << 13, |_| 441, |i| (i * 7_919) % 700 + 1, |i| if i % 2 == 0 { 1 } else { 2_047 }];
    for sizes in sizes {
        let samples = numbered(40_000);
        let act = deliver(samples.clone(), sizes, Duration::from_micros(100));
        let fake = Fake::boxed((RATE_HZ, 2), vec![act]);
        let (keeper, mut input) = open_input(fake, rate(RATE_HZ), HEAD).expect("sound");
        let [left, right] = read(&mut input, 40_000);
        assert!(left == samples, "left");
        assert!(right.iter().zip(&samples).all(|(a, b)| *a == *b / 2.0), "right");
        assert_eq!(input.health().counts(), Default::default());
        assert_eq!(next_event(&keeper), opened(2));
    }
}

#[test]
fn a_device_whose_clock_is_off_is_followed_and_nothing_piles_up() {
    // Two per cent too fast: ten times what is ever met.
    let act: Option<Act> = Some(Box::new(|mut callback, _, stop| {
        let Callback::Capture(capture) = &mut callback else { panic!("an input") };
        let started = Instant::now();
        let mut given = 0;
        while !stop.load(Ordering::Relaxed) {
            let due = (started.elapsed().as_secs_f64() * 1.02 * f64::from(RATE_HZ)) as usize;
            let samples: Vec<f32> =
                (given..due).flat_map(|i| [(i % 65_536) as f32 / 65_536.0, 0.0]).collect();
            capture.write(&samples, Instant::now());
            given = due;
            thread::sleep(Duration::from_millis(3));
        }
    }));
    let fake = Fake::boxed((RATE_HZ, 2), vec![act]);
    let (_keeper, mut input) = open_input(fake, rate(RATE_HZ), HEAD).expect("sound");
    let [left, _] = read(&mut input, 60_000);
    assert!(left.iter().enumerate().all(|(i, v)| *v == i as f32 / 65_536.0), "none lost or twice");
    assert_eq!(input.health().counts(), Default::default());
}

#[test]
fn a_device_at_another_rate_is_resampled_without_seams() {
    let turn = std::f64::consts::TAU * 440.0;
    let samples: Vec<f32> =
        (0..30_000).map(|i| (0.5 * (turn * f64::from(i) / 44_100.0).sin()) as f32).collect();
    let act = deliver(samples, |i| (i * 31) % 500 + 1, Duration::from_micros(100));
    let fake = Fake::boxed((44_100, 2), vec![act]);
    let (_keeper, mut input) = open_input(fake, rate(RATE_HZ), HEAD).expect("sound");
    let [left, right] = read(&mut input, 32_000);
    // A sine obeys x[n+1] + x[n-1] = 2 cos(w) x[n]: a seam anywhere breaks it.
    let k = 2.0 * (turn / f64::from(RATE_HZ)).cos();
    let worst = left[500..]
        .windows(3)
        .map(|x| (f64::from(x[2]) + f64::from(x[0]) - k * f64::from(x[1])).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-4, "{worst}");
    assert!(left.iter().zip(&right).all(|(a, b)| (a / 2.0 - b).abs() < 1e-6));
    let peak = left[500..].iter().fold(0.0_f32, |peak, v| peak.max(v.abs()));
    assert!((peak - 0.5).abs() < 1e-3, "{peak}");
}

#[test]
fn an_unplugged_device_is_silence_until_it_returns() {
    let constant = |value: f32, len: usize| -> Option<Act> {
        Some(Box::new(move |mut callback, watch, stop| {
            let Callback::Capture(capture) = &mut callback else { panic!("an input") };
            capture.write(&vec![value; 2 * len], Instant::now());
            if value == 0.5 {
                watch.xrun();
                watch.lose("unplugged".into());
            }
            hold(stop);
        }))
    };
    let acts = vec![constant(0.5, 1_000), None, constant(0.25, 2_000)];
    let (keeper, mut input) =
        open_input(Fake::boxed((RATE_HZ, 2), acts), rate(RATE_HZ), HEAD).expect("sound");
    let [first, _] = read(&mut input, 1_000);
    assert!(first.iter().all(|v| *v == 0.5));
    let mut num_silent = 0;
    let value = loop {
        match read(&mut input, 1)[0][0] {
            0.0 => num_silent += 1,
            value => break value,
        }
    };
    assert_eq!(value, 0.25);
    assert!(num_silent > RATE_HZ / 4, "{num_silent} samples of silence for two waits of 0.5 s");
    let [second, _] = read(&mut input, 1_900);
    assert!(second.iter().all(|v| *v == 0.25));
    let lost = AudioEvent::Lost { device: "fake".into(), reason: "unplugged".into() };
    let events: Vec<_> = (0..3).map(|_| next_event(&keeper)).collect();
    assert_eq!(events, [opened(2), lost, opened(2)]);
    assert_eq!(input.health().counts().num_xruns, 1);
}

#[test]
fn a_device_that_calls_no_more_is_given_up() {
    let once: Option<Act> = Some(Box::new(|mut callback, _, stop| {
        let Callback::Capture(capture) = &mut callback else { panic!("an input") };
        capture.write(&[0.5_f32; 128], Instant::now());
        hold(stop);
    }));
    let (keeper, mut input) =
        open_input(Fake::boxed((RATE_HZ, 2), vec![once]), rate(RATE_HZ), HEAD).expect("sound");
    let [samples, _] = read(&mut input, 10_000);
    assert!(samples[..64].iter().all(|v| *v == 0.5));
    assert!(samples[64..].iter().all(|v| *v == 0.0));
    assert_eq!(next_event(&keeper), opened(2));
    assert!(matches!(next_event(&keeper), AudioEvent::Lost { .. }));
}

#[test]
fn without_a_device_there_is_silence_and_a_word_about_it() {
    let (keeper, mut input) =
        open_input(Fake::boxed((RATE_HZ, 2), vec![]), rate(RATE_HZ), HEAD).expect("sound");
    let [left, right] = read(&mut input, 5_000);
    assert!(left.iter().chain(&right).all(|v| *v == 0.0));
    assert_eq!(next_event(&keeper), AudioEvent::Absent(DeviceError::None("fake")));
    let (_keeper, mut input) = open_input(None, rate(RATE_HZ), HEAD).expect("sound");
    assert!(read(&mut input, 5_000)[0].iter().all(|v| *v == 0.0));
}

#[test]
fn a_sound_ends_when_its_keeper_is_gone() {
    let (keeper, mut input) = open_input(None, rate(RATE_HZ), HEAD).expect("sound");
    read(&mut input, 100);
    drop(keeper);
    let mut block = AudioBlock::silent(2, 64);
    let started = Instant::now();
    while input.read(&mut block, 0).expect("sound") != Read::Ended {
        assert!(started.elapsed() < PATIENCE);
    }
}

/// Pulls what an output plays, in uneven callbacks, and drops out after `num_callbacks`.
fn pull(num_callbacks: usize) -> Option<Act> {
    Some(Box::new(move |mut callback, watch, stop| {
        let Callback::Play(player) = &mut callback else { panic!("an output") };
        for i in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if i == num_callbacks {
                watch.lose("unplugged".into());
                return;
            }
            let mut out = vec![0_i16; 2 * ((i * 31) % 700 + 1)];
            player.fill(&mut out, Instant::now());
            thread::sleep(Duration::from_micros(200));
        }
    }))
}

#[test]
fn a_file_is_heard_sample_for_sample_through_any_device_and_without_one() {
    let mut sound = AudioBlock::silent(2, 60_000);
    for (i, v) in numbered(60_000).into_iter().enumerate() {
        sound.channel_mut(0)[i] = v;
        sound.channel_mut(1)[i] = 1.0 - v;
    }
    // At another rate; lost half-way and played on by nobody, then by a second device.
    let acts = vec![pull(40), None, pull(usize::MAX)];
    for (device, acts) in [(44_100, vec![pull(usize::MAX)]), (RATE_HZ, acts), (RATE_HZ, vec![])] {
        let fake = Fake::boxed((device, 2), acts);
        let file = Box::new(Memory::new(sound.clone()));
        let reopen = Box::new(|_, _: &AtomicBool| panic!("nobody jumps"));
        let (_keeper, mut input, _deck) =
            open_playback(fake, file, reopen, rate(RATE_HZ), HEAD).expect("sound");
        let [left, right] = read(&mut input, 60_000);
        assert!(left == sound.channel(0), "left at {device} Hz");
        assert!(right == sound.channel(1), "right at {device} Hz");
        let mut block = AudioBlock::silent(2, 8);
        assert_eq!(input.read(&mut block, 0).expect("sound"), Read::Ended);
    }
}

/// One device that only one at a time may have, slow to open.
#[derive(Clone, Default)]
struct Single {
    num_open: Arc<AtomicUsize>,
    num_opened: Arc<AtomicUsize>,
}

impl Single {
    fn boxed(&self) -> Option<Box<dyn Backend>> {
        Some(Box::new(self.clone()))
    }
}

/// Ends its stream, and lets the next have the device.
struct Held(Option<Stream>, Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0 = None;
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Backend for Single {
    fn open(
        &mut self,
        connect: &mut dyn FnMut(Format) -> Option<Callback>,
        _watch: Watch,
    ) -> Result<Opened, DeviceError> {
        assert_eq!(self.num_open.fetch_add(1, Ordering::SeqCst), 0, "somebody has it");
        self.num_opened.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(100));
        let format = Format { rate_hz: rate(RATE_HZ), num_channels: 2 };
        let mut callback = connect(format).expect("a callback");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || {
            while !stopped.load(Ordering::Relaxed) {
                match &mut callback {
                    Callback::Capture(capture) => capture.write(&[0.5_f32; 128], Instant::now()),
                    Callback::Play(player) => player.fill(&mut [0.0_f32; 128], Instant::now()),
                }
                thread::sleep(Duration::from_millis(1));
            }
        };
        let thread = Builder::new().name("fake-device".into()).spawn(run).expect("a thread");
        let stream = Stream { stop, thread: Some(thread) };
        let stream = Box::new(Held(Some(stream), self.num_open.clone()));
        Ok(Opened { name: "fake".into(), format, sample_format: "f32".into(), stream })
    }
}

/// Reads samples until one is not silence; it, and how many were silent.
fn await_sound(input: &mut LiveInput) -> (f32, usize) {
    let mut num_silent = 0;
    loop {
        match read(input, 1)[0][0] {
            0.0 => num_silent += 1,
            value => return (value, num_silent),
        }
    }
}

#[test]
fn another_sound_is_heard_after_silence_and_a_file_from_its_beginning() {
    let (switch, mut input) = Switch::new(rate(RATE_HZ), HEAD);
    let device = Single::default();
    let first = switch.hear(device.boxed(), None).expect("sound");
    thread::sleep(Duration::from_millis(20));
    assert_eq!(device.num_opened.load(Ordering::SeqCst), 0, "nobody hears yet");
    let (value, num_silent) = await_sound(&mut input);
    assert_eq!(value, 0.5);
    assert!(num_silent > 0, "there is silence until it is open");
    let mut before = first;
    for _ in 0..3 {
        let mut sound = AudioBlock::silent(2, 5_000);
        for i in 0..5_000 {
            sound.channel_mut(0)[i] = (i + 1) as f32 / 65_536.0;
        }
        let reopen = Box::new(|_, _: &AtomicBool| panic!("nobody jumps"));
        let file = Box::new(Memory::new(sound.clone()));
        let (playing, _) = switch.play(device.boxed(), file, reopen, Some(before)).expect("sound");
        // What the device brings until it is closed, and silence.
        let value = loop {
            match await_sound(&mut input).0 {
                0.5 => {}
                value => break value,
            }
        };
        assert_eq!(value, 1.0 / 65_536.0, "none of it is lost");
        let [left, _] = read(&mut input, 4_999);
        assert!(left == sound.channel(0)[1..]);
        // It outlasts the file.
        assert!(read(&mut input, 5_000)[0].iter().all(|v| *v == 0.0));
        before = switch.hear(device.boxed(), Some(playing)).expect("sound");
        assert_eq!(await_sound(&mut input).0, 0.5);
    }
    assert_eq!(device.num_opened.load(Ordering::SeqCst), 7);
    let silence = switch.hear(None, Some(before)).expect("silence");
    while read(&mut input, 1)[0][0] != 0.0 {}
    assert!(read(&mut input, 5_000)[0].iter().all(|v| *v == 0.0));
    drop((switch, silence));
    let mut block = AudioBlock::silent(2, 64);
    let started = Instant::now();
    while input.read(&mut block, 0).expect("sound") != Read::Ended {
        assert!(started.elapsed() < PATIENCE);
    }
    assert_eq!(device.num_open.load(Ordering::SeqCst), 0);
}

/// A source of sound into a pole, watched by a sink.
fn plan() -> lumawire_core::Plan {
    let nodes = r#""source": { "kind": "stub.source@1" }, "pole": { "kind": "stub.pole@1" },
                   "sink": { "kind": "stub.sink@1" }"#;
    stubs::plan(nodes, &["source.out -> pole.in", "pole.out -> sink.watch"])
}

fn sum(engine: &Engine) -> f32 {
    let Value::Control(v) = engine.output_of("pole", "out") else { panic!("no control") };
    *v
}

#[test]
fn late_frames_leave_their_pictures_out_but_no_state() {
    // All sound is there before the first frame: the show is late from the start.
    let samples = numbered(48_000);
    let act = deliver(samples.clone(), |_| 480, Duration::ZERO);
    let fake = Fake::boxed((RATE_HZ, 2), vec![act]);
    let (_keeper, mut input) = open_input(fake, rate(RATE_HZ), HEAD).expect("sound");
    let started = Instant::now();
    while input.backlog() < 48_000 {
        assert!(started.elapsed() < PATIENCE, "{}", input.backlog());
        thread::sleep(Duration::from_millis(1));
    }
    let (stats, stop) = (Stats::default(), AtomicBool::new(false));
    let show = Show::new(Engine::new(prepare(plan(), &RunCx::default(), None)), input);
    let secs = Some(0.75);
    let outputs = FanOut::default();
    let sink = "sink".into();
    let mut stage = Stage { show, sink, stats: &stats, outputs, stop: &stop, secs };
    let end = stage.run(|_| (), |report| panic!("{report:?}")).expect("sound");
    assert_eq!(end, StageEnd::TimeOver);
    let figures = stats.whole();
    let num_frames = stage.show.engine.next_frame();
    assert_eq!(figures.num_drawn + figures.num_skipped, num_frames);
    assert!(figures.num_skipped > num_frames / 2, "{figures:?}");
    assert!(figures.num_drawn > 0, "a late show still moves: {figures:?}");

    let half: Vec<f32> = samples.iter().map(|v| *v / 2.0).collect();
    let mut sound = AudioBlock::silent(2, samples.len());
    sound.channel_mut(0).copy_from_slice(&samples);
    sound.channel_mut(1).copy_from_slice(&half);
    let engine = Engine::new(prepare(plan(), &RunCx::default(), None));
    let mut offline = Show::new(engine, Memory::new(sound));
    while offline.run_until_frame().expect("sound").is_some_and(|frame| frame < num_frames) {
        offline.engine.frame(FrameMode::Full);
    }
    assert_eq!(offline.engine.next_sample(), stage.show.engine.next_sample());
    assert_eq!(sum(&offline.engine).to_bits(), sum(&stage.show.engine).to_bits());
}

/// Frames of the click test at which it clicks, and how far behind the frame's sample: in its block.
const CLICKS: [u64; 3] = [10, 25, 50];
/// As many as may wait for an encoder, so that none is dropped.
const NUM_FRAMES: u64 = 60;
const CLICK_AFTER: u64 = 8;

/// Hands in `samples` a frame at a time, each when the one before is drawn: no frame is ever late.
fn step_by_step(samples: Vec<f32>, num_drawn: Arc<AtomicU64>) -> Option<Act> {
    Some(Box::new(move |mut callback, _, stop| {
        let Callback::Capture(capture) = &mut callback else { panic!("an input") };
        for (n, samples) in samples.chunks(800).enumerate() {
            while num_drawn.load(Ordering::Relaxed) < n as u64 && !stop.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_micros(200));
            }
            let stereo: Vec<f32> = samples.iter().flat_map(|v| [*v; 2]).collect();
            capture.write(&stereo, Instant::now());
        }
        hold(stop);
    }))
}

/// A show that flashes when it hears something; how many frames it had.
fn flashing_show(act: Option<Act>, outputs: FanOut, secs: f64, num_drawn: &AtomicU64) -> u64 {
    let nodes = r#""source": { "kind": "stub.source@1" }, "flash": { "kind": "stub.flash@1" },
                   "sink": { "kind": "stub.sink@1" }"#;
    let plan = stubs::plan(nodes, &["source.out -> flash.in", "flash.image -> sink.image"]);
    let fake = Fake::boxed((RATE_HZ, 2), vec![act]);
    let (_keeper, input) = open_input(fake, rate(RATE_HZ), HEAD).expect("sound");
    let (stats, stop) = (Stats::default(), AtomicBool::new(false));
    let show = Show::new(Engine::new(prepare(plan, &RunCx::default(), None)), input);
    let (sink, secs) = ("sink".into(), Some(secs));
    let mut stage = Stage { show, sink, stats: &stats, outputs, stop: &stop, secs };
    let count = |_| {
        num_drawn.fetch_add(1, Ordering::Relaxed);
    };
    let end = stage.run(count, |report| panic!("{report:?}")).expect("sound");
    assert_eq!(end, StageEnd::TimeOver);
    stage.show.engine.next_frame()
}

fn ffmpeg(path: &std::path::Path, args: &[&str]) -> Vec<u8> {
    let mut command = std::process::Command::new("ffmpeg");
    let output =
        command.args(["-v", "error", "-copyts", "-i"]).arg(path).args(args).arg("-").output();
    let output = output.expect("`cargo xtask setup` installs ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The mean grey of each frame.
fn greys(path: &std::path::Path) -> Vec<u8> {
    let filter = ["-fps_mode", "passthrough", "-vf", "scale=1:1,format=gray"];
    ffmpeg(path, &[&filter[..], &["-f", "rawvideo"]].concat())
}

/// The left channel from the file's time 0 on.
fn sound_of(path: &std::path::Path) -> Vec<f32> {
    let filter = "aresample=async=1:first_pts=0,pan=mono|c0=c0";
    let bytes = ffmpeg(path, &["-af", filter, "-f", "f32le"]);
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

#[test]
fn a_recording_flashes_where_it_clicks() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut samples = vec![0.0; (NUM_FRAMES as usize + 2) * 800];
    for n in CLICKS {
        let at = (n * 800 + CLICK_AFTER) as usize;
        samples[at..at + 40].fill(0.9);
    }
    let outputs = FanOut::default();
    let paths = ["a.mkv", "b.mov", "c.mp4"].map(|name| dir.path().join(name));
    let clock = plan().clock;
    let recorders = paths
        .clone()
        .map(|path| Recorder::start(&outputs, Target::File(path), clock, |_| ()).expect("starts"));
    let num_drawn = Arc::new(AtomicU64::new(0));
    let act = step_by_step(samples, num_drawn.clone());
    assert_eq!(flashing_show(act, outputs, 1.0, &num_drawn), NUM_FRAMES);
    for (recorder, path) in recorders.into_iter().zip(&paths) {
        let figures = recorder.stop();
        assert_eq!(
            (figures.num_frames, figures.error.as_deref()),
            (NUM_FRAMES, None),
            "{figures:?}"
        );
        let greys = greys(path);
        assert_eq!(greys.len() as u64, NUM_FRAMES, "{}", path.display());
        let flashes = |(n, grey): (u64, &u8)| (*grey > 128).then_some(n);
        let seen: Vec<u64> = (0..).zip(&greys).filter_map(flashes).collect();
        let sound = sound_of(path);
        let is_click = |i: &usize| {
            sound[*i] > 0.45 && sound[i.saturating_sub(100)..*i].iter().all(|v| *v < 0.45)
        };
        let heard: Vec<usize> = (0..sound.len()).filter(is_click).collect();
        // AAC rings by a few samples; the others are exact.
        let tolerance = if path.extension().is_some_and(|e| e == "mp4") { 24 } else { 0 };
        assert_eq!(heard.len(), CLICKS.len(), "{}: {heard:?}", path.display());
        for (heard, n) in heard.iter().zip(CLICKS) {
            let expected = (n * 800 + CLICK_AFTER) as usize;
            assert!(heard.abs_diff(expected) <= tolerance, "{}: {heard}", path.display());
        }
        assert_eq!(seen, CLICKS, "{}", path.display());
        assert_eq!(
            sound.len() as u64 / 800,
            NUM_FRAMES,
            "{}: as long as the pictures",
            path.display()
        );
    }
}

#[test]
fn a_recording_of_a_late_show_has_every_frame_of_its_clock() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("late.mkv");
    let outputs = FanOut::default();
    let target = Target::File(path.clone());
    let recorder = Recorder::start(&outputs, target, plan().clock, |_| ()).expect("starts");
    // All sound at once: most frames are left out.
    let act = deliver(numbered(96_000), |_| 96_000, Duration::ZERO);
    assert_eq!(flashing_show(act, outputs, 1.5, &AtomicU64::new(0)), 90);
    let figures = recorder.stop();
    assert_eq!(figures.num_frames, 90, "{figures:?}");
    assert!(figures.num_repeated > 45, "{figures:?}");
    assert_eq!(greys(&path).len(), 90);
    let sound = sound_of(&path);
    assert_eq!(sound.len(), 72_000, "as long as the pictures");
    // 24 bits of it.
    assert!(sound.iter().zip(numbered(72_000)).all(|(a, b)| (a - b).abs() < 2e-7 || b >= 1.0));
}
