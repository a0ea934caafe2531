use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lumawire_core::control::{Binding, BindingMode, Midi, MidiSource, Score};
use lumawire_core::{
    Clock, Edit, Encoding, Graph, GraphNode, HostImage, Image, Io, Node, NodeError, NodeSpec,
    Param, ParamValue, Pixels, Plan, Port, PortType, Rate, Registry, Role, compile,
};
use lumawire_runtime::control::Event;
use lumawire_runtime::control::osc::Listen;
use lumawire_runtime::probe::{Readings, Seen};

use super::*;

/// More than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The largest sample of the transport's block.
static PEAK: NodeSpec = NodeSpec {
    kind: "stub.peak",
    version: 1,
    label: "Peak",
    doc: "A stub.",
    rate: Rate::Block,
    role: Role::Source,
    inputs: &[],
    outputs: &[Port::output("out", PortType::Control, "")],
    params: &[],
    build: || Box::new(Peak),
};

struct Peak;

impl Node for Peak {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let peak = io.transport_audio.samples().iter().fold(0.0_f32, |peak, v| peak.max(v.abs()));
        io.outputs.set_control(0, peak);
        Ok(())
    }
}

/// A picture whose red is `level`; it fails below 0.
static SCREEN: NodeSpec = NodeSpec {
    kind: "stub.screen",
    version: 1,
    label: "Screen",
    doc: "A stub.",
    rate: Rate::Frame,
    role: Role::Sink,
    inputs: &[Port::optional("in", PortType::Control, "")],
    outputs: &[Port::output("image", PortType::Image, "")],
    params: &[Param::float("level", "Level", 0.0, (0.0, 1.0)).hard(-1.0, 1.0)],
    build: || Box::new(Screen),
};

struct Screen;

impl Node for Screen {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let level = io.params.float(0);
        if level < 0.0 {
            return Err(NodeError::param("level", "it is below 0"));
        }
        let code = (255.0 * level).round() as u8;
        let pixels = Pixels::Rgba8([code, 0, 0, 255].repeat(4));
        let image = HostImage { width_px: 2, height_px: 2, pixels };
        io.outputs.set_image(0, Image::from_host(image, Encoding::Srgb));
        Ok(())
    }
}

fn registry() -> Registry {
    Registry::new([&PEAK, &SCREEN])
}

fn kit() -> Kit {
    Kit { score: |_, _| Score::default(), ..crate::testing::kit(registry()) }
}

/// A screen of this level, lit further by the sound.
fn plan(level: f64) -> Plan {
    let registry = registry();
    let mut graph = Graph::new();
    let add = |id: &str, kind: &str, params: &[(&str, ParamValue)]| Edit::AddNode {
        id: id.into(),
        node: GraphNode {
            kind: kind.into(),
            version: 1,
            params: params.iter().map(|(id, v)| ((*id).to_owned(), v.clone())).collect(),
            ..GraphNode::default()
        },
        at: None,
    };
    let level = ParamValue::Float(level);
    graph.apply(add("peak_1", "stub.peak", &[]), &registry).unwrap();
    graph.apply(add("screen_1", "stub.screen", &[("level", level)]), &registry).unwrap();
    let wire = "peak_1.out -> screen_1.in".parse().unwrap();
    graph.apply(Edit::Rewire { remove: Vec::new(), add: vec![wire] }, &registry).unwrap();
    compile(&graph, &registry).unwrap()
}

fn setup(sound: Sound) -> Setup {
    Setup {
        plan: plan(0.2),
        score: Score::default(),
        opening: Vec::new(),
        base_dir: PathBuf::new(),
        sound,
        size_px: None,
        silent: true,
    }
}

fn start(sound: Sound) -> Session {
    let session = Session::start(&kit(), setup(sound)).unwrap();
    session.watch(vec![("peak_1".into(), "out".into())]);
    session
}

/// Waits for something.
fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "there is no {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The next picture's frame and red.
fn picture(session: &Session) -> (u64, u8) {
    await_some("picture", || {
        let picture = session.picture()?;
        let Pixels::Rgba8(pixels) = &picture.image.pixels else { panic!("8 bits") };
        Some((picture.frame, pixels[0]))
    })
}

/// What the sound's peak is now.
fn peak(session: &Session, readings: &mut Readings) -> Option<f32> {
    session.read(readings);
    match readings.outputs.get(&("peak_1".to_owned(), "out".to_owned()))? {
        Seen::Control { latest, .. } => Some(*latest),
        other => panic!("{other:?}"),
    }
}

/// A file of so many seconds at half of full scale, 16 bits.
fn write_wav(path: &Path, secs: f64) {
    let rate_hz = Clock::default().sample_rate_hz;
    let num_bytes = (secs * f64::from(rate_hz)) as u32 * 2;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + num_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    bytes.extend([rate_hz, 2 * rate_hz].map(u32::to_le_bytes).concat());
    bytes.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    bytes.extend(b"data");
    bytes.extend(num_bytes.to_le_bytes());
    bytes.extend(16_384_i16.to_le_bytes().repeat(num_bytes as usize / 2));
    std::fs::write(path, bytes).unwrap();
}

fn file(path: &Path) -> Sound {
    Sound::File { path: path.to_owned(), output: None }
}

#[test]
fn pictures_come_in_silence_and_wake_whoever_shows_them() {
    let session = start(Sound::Silence);
    let wakes = Arc::new(AtomicU64::new(0));
    let counted = wakes.clone();
    session.on_picture(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let frames: Vec<(u64, u8)> = (0..5).map(|_| picture(&session)).collect();
    assert!(frames.windows(2).all(|pair| pair[0].0 < pair[1].0), "{frames:?}");
    assert!(frames.iter().all(|(_, red)| *red == 51), "{frames:?}");
    await_some("wake", || (wakes.load(Ordering::Relaxed) > 0).then_some(()));
    assert!(session.stats().unwrap().num_shown >= 5);
    assert_eq!(session.take_peak(), 0.0);
    let _ = session.health();
}

#[test]
fn the_newest_plan_is_taken_and_the_frames_go_on() {
    let session = start(Sound::Silence);
    let before = picture(&session).0;
    for i in 0..50_u8 {
        session.submit(plan(f64::from(i) / 100.0));
    }
    session.submit(plan(0.8));
    let after = await_some("new plan", || Some(picture(&session)).filter(|(_, red)| *red == 204));
    assert!(after.0 > before);
    // Nothing that waited comes later.
    for _ in 0..10 {
        assert_eq!(picture(&session).1, 204);
    }
}

#[test]
fn what_is_sent_is_done_and_shown_on_the_board() {
    let session = start(Sound::Silence);
    let target = "screen_1.level".to_owned();
    session.remote().unwrap().send(Event::Set { target, value: ParamValue::Float(0.6) });
    await_some("picture of 0.6", || Some(picture(&session)).filter(|(_, red)| *red == 153));
    let board = session.board().unwrap();
    await_some("reading", || {
        board.reading("screen_1", "level")?.base.filter(|base| (base - 0.6).abs() < 1e-6)
    });
}

#[test]
fn a_node_that_fails_is_told_of() {
    let session = start(Sound::Silence);
    session.submit(plan(-0.5));
    let report = await_some("report", || {
        session.happened().into_iter().find_map(|happened| match happened {
            Happened::Node(report) => Some(report),
            _ => None,
        })
    });
    assert_eq!(report.node, "screen_1");
    assert!(report.error.unwrap().to_string().contains("below 0"));
}

#[test]
fn the_sound_changes_while_the_picture_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 0.3);
    let mut session = start(Sound::Silence);
    assert!(session.deck().is_none());
    let mut readings = Readings::default();
    let mut last = picture(&session).0;
    let mut hears = |session: &Session, is_loud: bool| {
        await_some("change of sound", || {
            let (frame, _) = picture(session);
            assert!(frame > last, "frame {frame} after {last}");
            last = frame;
            peak(session, &mut readings).filter(|peak| (*peak > 0.4) == is_loud)
        })
    };
    hears(&session, false);
    for _ in 0..3 {
        session.set_sound(file(&path)).unwrap();
        hears(&session, true);
        assert_eq!(session.sound(), file(&path));
        // It is shorter than this, and begins again.
        let deck = session.deck().unwrap();
        assert!((deck.duration_secs().unwrap() - 0.3).abs() < 1e-3);
        let before = deck.position_secs();
        await_some("repeat", || {
            (deck.position_secs() < before).then_some(()).or_else(|| {
                hears(&session, true);
                None
            })
        });
        session.set_sound(Sound::Silence).unwrap();
        hears(&session, false);
        assert!(session.deck().is_none());
    }
}

#[test]
fn after_the_end_of_a_file_there_is_silence_until_it_is_put_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 0.3);
    let session = start(file(&path));
    let mut readings = Readings::default();
    let mut hears = |is_loud: bool| {
        await_some("change of sound", || {
            picture(&session);
            peak(&session, &mut readings).filter(|peak| (*peak > 0.4) == is_loud)
        });
    };
    hears(true);
    let deck = session.deck().unwrap();
    deck.set_repeats(false);
    hears(false);
    assert!((deck.position_secs() - 0.3).abs() < 0.05, "{}", deck.position_secs());
    deck.seek(0.0);
    hears(true);
    hears(false);
    let ended = session.happened().into_iter().any(|h| matches!(h, Happened::Ended(_)));
    assert!(!ended, "the show outlasts the sound");
}

#[test]
fn a_file_that_cannot_be_opened_leaves_the_sound_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 10.0);
    let mut session = start(file(&path));
    let mut readings = Readings::default();
    await_some("sound", || peak(&session, &mut readings).filter(|peak| *peak > 0.4));
    session.set_sound(file(&folder.path().join("none.wav"))).unwrap();
    let fault = unheard(&session);
    assert!(fault.contains("none.wav"), "{fault}");
    assert_eq!(session.sound(), file(&path));
    assert!(session.deck().is_some());
    readings = Readings::default();
    await_some("sound", || peak(&session, &mut readings).filter(|peak| *peak > 0.4));
    // A show without its music has its pictures all the same.
    let session = start(file(&folder.path().join("none.wav")));
    picture(&session);
    assert!(unheard(&session).contains("none.wav"));
    assert_eq!(session.sound(), Sound::Silence);
}

fn unheard(session: &Session) -> String {
    await_some("fault", || {
        session.happened().into_iter().find_map(|happened| match happened {
            Happened::Unheard(why) => Some(why),
            _ => None,
        })
    })
}

#[test]
fn of_the_files_that_are_opened_the_last_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 10.0);
    let mut session = start(Sound::Silence);
    picture(&session);
    session.set_sound(file(&path)).unwrap();
    session.set_sound(Sound::Silence).unwrap();
    for _ in 0..30 {
        picture(&session);
    }
    assert_eq!(session.sound(), Sound::Silence);
    assert!(session.deck().is_none());
    assert_eq!(peak(&session, &mut Readings::default()), Some(0.0));
}

#[test]
fn a_show_takes_the_place_of_another_and_the_music_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 100.0);
    let before = start(file(&path));
    picture(&before);
    let deck = await_some("deck", || before.deck());
    deck.seek(50.0);
    deck.set_repeats(false);
    await_some("place", || (deck.position_secs() >= 50.0).then_some(()));
    let target = "screen_1.level".to_owned();
    let opening = vec![Event::Set { target, value: ParamValue::Float(0.6) }];
    let mut session = Session::start(&kit(), Setup { opening, ..setup(Sound::Silence) }).unwrap();
    session.watch(vec![("peak_1".into(), "out".into())]);
    assert!(!session.has_picture());
    let pictures = before.pictures_until(Some(&session));
    // The first is as the show was steered to begin.
    assert_eq!(picture(&session).1, 153);
    assert!(session.has_picture());
    assert!(pictures().is_none());
    let slot = Arc::downgrade(&before.slot);
    drop(pictures);
    session.succeed(before, &file(&path)).unwrap();
    let mut readings = Readings::default();
    await_some("sound", || peak(&session, &mut readings).filter(|peak| *peak > 0.4));
    let deck = await_some("deck", || session.deck());
    await_some("place", || (deck.position_secs() >= 50.0).then_some(()));
    assert!(deck.position_secs() < 100.0 && !deck.repeats());
    await_some("end of the show before", || slot.upgrade().is_none().then_some(()));
}

#[test]
fn a_session_that_is_dropped_ends_the_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 0.3);
    let session = start(file(&path));
    picture(&session);
    let slot = Arc::downgrade(&session.slot);
    drop(session);
    // The engine's thread held it.
    await_some("end of the engine's thread", || slot.upgrade().is_none().then_some(()));
}

#[test]
fn closing_waits_for_the_engine() {
    let session = start(Sound::Silence);
    picture(&session);
    let slot = Arc::downgrade(&session.slot);
    session.close();
    assert!(slot.upgrade().is_none());
}

/// An OSC message of one real number (OSC 1.0: strings end in zeros, to a multiple of four bytes).
fn osc_message(address: &str, value: f32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in [address, ",f"] {
        bytes.extend(text.as_bytes());
        bytes.resize((bytes.len() + 4) / 4 * 4, 0);
    }
    bytes.extend(value.to_be_bytes());
    bytes
}

#[test]
fn osc_steers_the_show_while_it_may() {
    let mut session = start(Sound::Silence);
    assert_eq!(session.osc_at(), None);
    let listen = Listen { ip: Ipv4Addr::LOCALHOST.into(), port: 0, query_port: None };
    let outside = Outside { osc: Some(listen), ..Outside::default() };
    session.set_outside(&outside).unwrap();
    let at = session.osc_at().unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    await_some("picture of 0.4", || {
        socket.send_to(&osc_message("/lumawire/screen_1/level", 0.4), at).unwrap();
        Some(picture(&session)).filter(|(_, red)| *red == 102)
    });
    // Its port is free again at once, and taken where another has it.
    let outside = Outside {
        osc: Some(Listen { ip: Ipv4Addr::LOCALHOST.into(), port: at.port(), query_port: None }),
        ..Outside::default()
    };
    session.set_outside(&outside).unwrap();
    assert_eq!(session.osc_at(), Some(at));
    let mut other = start(Sound::Silence);
    other.set_outside(&outside).unwrap();
    let fault = await_some("fault", || {
        other.happened().into_iter().find_map(|happened| match happened {
            Happened::Osc(fault) => Some(fault),
            _ => None,
        })
    });
    assert!(fault.contains(&at.port().to_string()), "{fault}");
    assert_eq!(other.osc_at(), None);
    // A show that ends gives its port to the next.
    drop(session);
    await_some("port", || {
        other.set_outside(&outside).unwrap();
        other.osc_at().or_else(|| {
            thread::sleep(Duration::from_millis(30));
            other.osc_at()
        })
    });
}

#[test]
fn what_is_learnt_becomes_a_binding() {
    let session = start(Sound::Silence);
    let fault = session.learn("screen_1.level".into()).unwrap_err();
    assert!(fault.contains("turned off"), "{fault}");
    let registry = registry();
    let mut graph = Graph::new();
    let node = GraphNode { kind: "stub.screen".into(), version: 1, ..GraphNode::default() };
    graph.apply(Edit::AddNode { id: "s".into(), node, at: None }, &registry).unwrap();
    let midi = |number| Midi { device: None, channel: Some(3), source: MidiSource::Cc(number) };
    let old = Binding { osc: Some("/a".into()), midi: Some(midi(1)), ..Binding::default() };
    let old = Edit::SetBinding {
        target: "s.level".into(),
        binding: Some(serde_json::to_value(&old).unwrap()),
    };
    graph.apply(old, &registry).unwrap();
    graph.apply(learnt(&graph, &registry, "s.level", midi(7)).unwrap(), &registry).unwrap();
    let (score, faults) = Score::of(&graph);
    assert!(faults.is_empty(), "{faults:?}");
    let binding = &score.bindings["s.level"];
    assert_eq!(binding.midi, Some(midi(7)));
    assert_eq!((binding.osc.as_deref(), binding.mode), (Some("/a"), BindingMode::Follow));
}

#[test]
fn a_recording_has_the_pictures_and_the_sound_of_the_show() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("a.wav");
    write_wav(&wav, 10.0);
    let mut session = start(file(&wav));
    let mut readings = Readings::default();
    await_some("sound", || peak(&session, &mut readings).filter(|peak| *peak > 0.4));
    assert!(session.start_recording(folder.path().join("a.txt")).is_err());
    assert!(session.recording().is_none());
    session.start_recording(folder.path().join("take_%05d.png")).unwrap();
    let figures = await_some("recording", || {
        picture(&session);
        session.recording().filter(|figures| figures.num_frames >= 10)
    });
    assert_eq!(figures.error, None);
    session.stop_recording();
    assert!(session.recording().is_none());
    let mut happened = Vec::new();
    let recorded = await_some("recorded file", || {
        happened.extend(session.happened());
        happened.iter().find_map(|happened| match happened {
            Happened::Recorded(figures) => Some(figures.clone()),
            _ => None,
        })
    });
    assert!(happened.iter().any(|h| matches!(h, Happened::Recording(OutputEvent::Began(_)))));
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let pictures: Vec<_> =
        names.filter(|path| path.extension().is_some_and(|e| e == "png")).collect();
    assert_eq!(pictures.len() as u64, recorded.num_frames);
    let sound = std::fs::read(folder.path().join("sound.wav")).unwrap();
    // Two channels of 32 bits for each frame's time, after a header.
    let len = recorded.num_frames as usize * 800 * 8;
    assert!((len..len + 1_024).contains(&sound.len()), "{} for {len}", sound.len());
    let half = 0.5_f32.to_le_bytes();
    let num_heard = sound.chunks(4).filter(|sample| *sample == half).count();
    assert!(num_heard > len / 8, "{num_heard} of {}", len / 4);
    let image = image::open(&pictures[0]).unwrap().to_rgb8();
    assert_eq!((image.width(), image.height(), image.get_pixel(0, 0).0), (2, 2, [51, 0, 0]));
}
