use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lumawire_core::{
    AudioBlock, Clock, Edit, Encoding, Fps, Graph, GraphNode, HostImage, Image, Io, Node,
    NodeError, NodeSpec, Param, ParamValue, Pixels, Plan, Port, PortType, Rate, Registry, Role,
    Space, Spectrum, Tick, Value, compile,
};

use super::*;
use crate::engine::{Engine, FrameMode, RunCx, prepare};
use crate::show::Show;
use crate::transport::{Memory, Silence, Transport};

/// Gives what `give` makes of the tick.
struct Giver(fn(&mut Io<'_>));

impl Node for Giver {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        (self.0)(io);
        Ok(())
    }
}

const fn source(
    kind: &'static str,
    rate: Rate,
    outputs: &'static [Port],
    params: &'static [Param],
    build: fn() -> Box<dyn Node>,
) -> NodeSpec {
    let (label, doc, inputs) = (kind, "A stub.", &[]);
    let role = Role::Sink;
    NodeSpec { kind, version: 1, label, doc, rate, role, inputs, outputs, params, build }
}

/// Hits of the block with this number: some have several.
fn hits(block: u64) -> u32 {
    [0, 1, 0, 2, 3][(block % 5) as usize]
}

fn block_of(tick: &Tick) -> u64 {
    tick.sample / tick.clock.block_len as u64
}

/// All block-rate types at once.
static BLOCKS: NodeSpec = source(
    "stub.blocks",
    Rate::Block,
    &[
        Port::output("count", PortType::Control, ""),
        Port::output("hits", PortType::Trigger, ""),
        Port::output("sound", PortType::Audio, ""),
        Port::output("bands", PortType::Bands, ""),
        Port::output("spectrum", PortType::Spectrum, ""),
    ],
    &[Param::float("add", "Add", 0.0, (0.0, 1e6))],
    || Box::new(Giver(give_blocks)),
);

const NUM_BANDS: usize = 300;

fn give_blocks(io: &mut Io<'_>) {
    let n = block_of(&io.tick);
    let add = io.params.float(0);
    io.outputs.set_control(0, n as f32 + add);
    io.outputs.set_trigger(1, hits(n));
    let heard: AudioBlock = io.transport_audio.clone();
    io.outputs.set(2, Value::Audio(heard.into()));
    let mut bands = lumawire_core::Bands::default();
    bands.begin(NUM_BANDS);
    for (i, band) in bands.push().iter_mut().enumerate() {
        *band = ((i * 37) % 101) as f32 - 50.0;
    }
    io.outputs.set(3, Value::Bands(bands.into()));
    let mut spectrum = Spectrum::default();
    spectrum.hops.begin(3);
    for (i, bin) in spectrum.hops.push().iter_mut().enumerate() {
        (bin.re, bin.im) = (3.0 * i as f32, -4.0 * i as f32);
    }
    io.outputs.set(4, Value::Spectrum(spectrum.into()));
}

/// Frame-rate types.
static FRAMES: NodeSpec = source(
    "stub.frames",
    Rate::Frame,
    &[
        Port::output("image", PortType::Image, ""),
        Port::output("hits", PortType::Trigger, ""),
        Port::output("latent", PortType::Latent, ""),
        Port::output("other", PortType::Image, ""),
    ],
    &[],
    || Box::new(Giver(give_frames)),
);

fn give_frames(io: &mut Io<'_>) {
    let picture = |width_px: u32| {
        let pixels = Pixels::Rgba8(vec![0; 4 * width_px as usize]);
        Image::from_host(HostImage { width_px, height_px: 1, pixels }, Encoding::Srgb)
    };
    io.outputs.set_image(0, picture(io.tick.frame as u32 + 1));
    io.outputs.set_trigger(1, 2);
    let data = (0..1_000_u16).map(f32::from).collect();
    let latent = lumawire_core::Latent { space: Space::W, dim: 1_000, data };
    io.outputs.set(2, Value::Latent(latent.into()));
    io.outputs.set_image(3, picture(7));
}

/// Three blocks and a bit a frame.
fn clock() -> Clock {
    Clock { sample_rate_hz: 48_000, block_len: 256, fps: Fps::new(60, 1) }
}

/// A plan of nodes, as id, kind and `add`.
fn plan(nodes: &[(&str, &str, f64)]) -> Plan {
    let registry = Registry::new([&BLOCKS, &FRAMES]);
    let mut graph = Graph::new();
    for (id, kind, add) in nodes {
        let params = if *kind == "stub.blocks" {
            [("add".to_owned(), ParamValue::Float(*add))].into()
        } else {
            Default::default()
        };
        let node = GraphNode { kind: (*kind).into(), version: 1, params, ..Default::default() };
        graph.apply(Edit::AddNode { id: (*id).into(), node, at: None }, &registry).unwrap();
    }
    let plan = compile(&graph, &registry).unwrap();
    assert_eq!(plan.clock, clock());
    plan
}

fn engine(nodes: &[(&str, &str, f64)]) -> Engine {
    Engine::new(prepare(plan(nodes), &RunCx::default(), None))
}

fn id(node: &str, port: &str) -> OutputId {
    (node.into(), port.into())
}

/// Runs so many frames.
fn run<T: Transport>(show: &mut Show<T>, num_frames: usize) {
    for _ in 0..num_frames {
        show.run_until_frame().unwrap().unwrap();
        show.engine.frame(FrameMode::Full);
    }
}

/// A show that looks at these outputs, from its first frame on.
fn watched(
    nodes: &[(&str, &str, f64)],
    outputs: &[OutputId],
    thumbnails: impl Thumbnails + 'static,
) -> (Probe, Show<Silence>) {
    let (probe, tap) = Probe::new(Box::new(thumbnails));
    probe.watch(outputs.to_vec());
    let mut show = Show::new(engine(nodes), Silence::new(2, None)).with_tap(tap);
    run(&mut show, 2);
    (probe, show)
}

fn seen(probe: &Probe, readings: &mut Readings, output: &OutputId) -> Seen {
    probe.read(readings);
    readings.outputs.get(output).cloned().unwrap_or_default()
}

#[test]
fn a_control_is_what_each_frame_left_it() {
    let count = id("a", "count");
    let (probe, mut show) = watched(&[("a", "stub.blocks", 0.0)], std::slice::from_ref(&count), ());
    run(&mut show, HISTORY_LEN + 50);
    let Seen::Control { latest, recent } = seen(&probe, &mut Readings::default(), &count) else {
        panic!("a control")
    };
    // The block before the one that comes next.
    let last_frame = show.engine.next_frame() - 1;
    // Frame n is drawn after the block that has its sample; the look comes before the next one.
    let block_of_frame = |n: u64| (clock().frame_due(n) / 256) as f32;
    assert_eq!(recent.len(), HISTORY_LEN);
    assert_eq!(recent.last(), Some(&latest));
    let last_seen = block_of_frame(last_frame - 1);
    assert_eq!(latest, last_seen);
    let num = HISTORY_LEN as u64;
    let expected: Vec<f32> = (last_frame - num..last_frame).map(block_of_frame).collect();
    assert_eq!(recent, expected);
}

#[test]
fn no_hit_is_lost_or_counted_twice() {
    let [of_blocks, of_frames] = [id("a", "hits"), id("b", "hits")];
    let nodes = [("a", "stub.blocks", 0.0), ("b", "stub.frames", 0.0)];
    let (probe, mut show) = watched(&nodes, &[of_blocks.clone(), of_frames.clone()], ());
    // The list was taken after frame 0, before block 1 ran.
    let (first, first_frame) = (1, 1);
    let mut readings = Readings::default();
    run(&mut show, 1);
    let _ = seen(&probe, &mut readings, &of_blocks);
    for num in [1, 7, HISTORY_LEN + 3] {
        run(&mut show, num);
        let Seen::Trigger { total, recent } = seen(&probe, &mut readings, &of_blocks) else {
            panic!("hits")
        };
        // The frame in hand is seen before the next block, so the last look was a frame ago.
        let last = clock().frame_due(show.engine.next_frame() - 2) / 256;
        let expected: u64 = (first..=last).map(|block| u64::from(hits(block))).sum();
        assert_eq!(total, expected);
        if recent.len() < HISTORY_LEN {
            assert_eq!(recent.iter().sum::<f32>() as u64, total);
        }
        let Seen::Trigger { total, .. } = seen(&probe, &mut readings, &of_frames) else {
            panic!("hits")
        };
        assert_eq!(total, 2 * (show.engine.next_frame() - 1 - first_frame));
    }
}

#[test]
fn rows_are_pooled_by_their_largest_numbers() {
    let [bands, spectrum] = [id("a", "bands"), id("a", "spectrum")];
    let outputs = [bands.clone(), spectrum.clone()];
    let (probe, mut show) = watched(&[("a", "stub.blocks", 0.0)], &outputs, ());
    run(&mut show, 2);
    let mut readings = Readings::default();
    let Seen::Row(row) = seen(&probe, &mut readings, &bands) else { panic!("a row") };
    assert_eq!(row.len(), ROW_LEN);
    let value = |i: usize| ((i * 37) % 101) as f32 - 50.0;
    let mut covered = 0;
    for (i, shown) in row.iter().enumerate() {
        let stretch = i * NUM_BANDS / ROW_LEN..(i + 1) * NUM_BANDS / ROW_LEN;
        assert_eq!(stretch.start, covered);
        covered = stretch.end;
        let largest = stretch.map(value).max_by(f32::total_cmp);
        assert_eq!(Some(*shown), largest, "{i}");
    }
    assert_eq!(covered, NUM_BANDS);
    assert_eq!(seen(&probe, &mut readings, &spectrum), Seen::Row(vec![0.0, 5.0, 10.0]));
}

#[test]
fn sound_is_shown_by_its_ends_and_a_latent_by_its_first_numbers() {
    let (probe, tap) = Probe::new(Box::new(()));
    let [sound, latent] = [id("a", "sound"), id("b", "latent")];
    probe.watch(vec![sound.clone(), latent.clone()]);
    let num_blocks = 400;
    let mut samples = AudioBlock::silent(2, 256 * num_blocks);
    for n in 0..num_blocks {
        samples.channel_mut(0)[256 * n + n % 256] = n as f32 / 1_000.0;
        samples.channel_mut(1)[256 * n + 3] = -(n as f32) / 500.0;
    }
    let nodes = [("a", "stub.blocks", 0.0), ("b", "stub.frames", 0.0)];
    let mut show = Show::new(engine(&nodes), Memory::new(samples)).with_tap(tap);
    run(&mut show, 90);
    let mut readings = Readings::default();
    let Seen::Wave(wave) = seen(&probe, &mut readings, &sound) else { panic!("sound") };
    let last = clock().frame_due(show.engine.next_frame() - 2) / 256;
    assert_eq!(wave.len(), WAVE_LEN);
    for (i, ends) in wave.iter().rev().enumerate() {
        let n = (last - i as u64) as f32;
        assert_eq!(*ends, (-n / 500.0, n / 1_000.0), "{i} back");
    }
    let Seen::Latent(numbers, len) = seen(&probe, &mut readings, &latent) else { panic!("latent") };
    assert_eq!((numbers.len(), len), (LATENT_LEN, 1_000));
    assert!(numbers.iter().enumerate().all(|(i, v)| *v == i as f32));
}

#[test]
fn a_new_plan_is_followed_and_what_stays_keeps_its_history() {
    let [count, other] = [id("z", "count"), id("a", "count")];
    let outputs = [count.clone(), other.clone()];
    let (probe, mut show) = watched(&[("z", "stub.blocks", 0.0)], &outputs, ());
    run(&mut show, 10);
    let mut readings = Readings::default();
    let Seen::Control { recent, .. } = seen(&probe, &mut readings, &count) else { panic!("seen") };
    assert_eq!(seen(&probe, &mut readings, &other), Seen::Nothing);
    // The steps change places.
    let nodes = [("a", "stub.blocks", 5_000.0), ("z", "stub.blocks", 0.0)];
    let prepared = prepare(plan(&nodes), &RunCx::default(), Some(show.engine.running()));
    assert!(show.engine.swap(prepared).is_ok());
    run(&mut show, 10);
    let Seen::Control { recent: longer, .. } = seen(&probe, &mut readings, &count) else {
        panic!("seen")
    };
    assert_eq!(longer[..recent.len()], recent);
    assert_eq!(longer.len(), recent.len() + 10);
    assert!(longer.windows(2).all(|pair| pair[0] < pair[1] && pair[1] < 1_000.0), "{longer:?}");
    let Seen::Control { latest, .. } = seen(&probe, &mut readings, &other) else { panic!("seen") };
    assert!(latest > 5_000.0);
    // What is gone stays as it was seen last.
    let prepared = prepare(
        plan(&[("a", "stub.blocks", 5_000.0)]),
        &RunCx::default(),
        Some(show.engine.running()),
    );
    assert!(show.engine.swap(prepared).is_ok());
    let before = seen(&probe, &mut readings, &count);
    run(&mut show, 3);
    assert_eq!(seen(&probe, &mut readings, &count), before);
}

#[test]
fn other_outputs_are_looked_at_and_those_that_stay_keep_their_history() {
    let [count, hit] = [id("a", "count"), id("a", "hits")];
    let (probe, mut show) = watched(&[("a", "stub.blocks", 0.0)], std::slice::from_ref(&count), ());
    run(&mut show, 10);
    let unknown = [id("a", "none"), id("none", "count"), id("", "")];
    probe.watch([&unknown[..], &[hit.clone(), count.clone()]].concat());
    run(&mut show, 10);
    let mut readings = Readings::default();
    let Seen::Control { recent, .. } = seen(&probe, &mut readings, &count) else { panic!("seen") };
    assert!(recent.len() >= 19, "{}", recent.len());
    assert!(matches!(seen(&probe, &mut readings, &hit), Seen::Trigger { .. }));
    assert_eq!(readings.outputs.len(), 2, "nothing of unknown ones");
}

#[test]
fn whoever_holds_the_readings_does_not_hold_up_the_engine() {
    let [count, hit] = [id("a", "count"), id("a", "hits")];
    let outputs = [count.clone(), hit.clone()];
    let (probe, mut show) = watched(&[("a", "stub.blocks", 0.0)], &outputs, ());
    run(&mut show, 5);
    let mut readings = Readings::default();
    let Seen::Trigger { total: before, .. } = seen(&probe, &mut readings, &hit) else {
        panic!("seen")
    };
    let from = clock().frame_due(show.engine.next_frame() - 2) / 256;
    {
        let _held = probe.lock();
        // On this thread: it would never end if it waited.
        run(&mut show, 20);
    }
    run(&mut show, 1);
    let Seen::Trigger { total, .. } = seen(&probe, &mut readings, &hit) else { panic!("seen") };
    let to = clock().frame_due(show.engine.next_frame() - 2) / 256;
    let missed: u64 = (from + 1..=to).map(|block| u64::from(hits(block))).sum();
    assert_eq!(total - before, missed, "hits are counted all the same");
    let Seen::Control { recent, .. } = seen(&probe, &mut readings, &count) else { panic!("seen") };
    let steps: Vec<f32> = recent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (3.0..=4.0).contains(step)), "no frame is missing: {steps:?}");
}

/// Gives each picture back as it is, two frames later.
struct Later {
    waiting: Vec<(usize, Arc<HostImage>, u32)>,
    num_asked: Arc<AtomicUsize>,
}

impl Thumbnails for Later {
    fn ask(&mut self, key: usize, image: &Image) {
        self.num_asked.fetch_add(1, Ordering::Relaxed);
        self.waiting.push((key, image.host().unwrap(), 2));
    }

    fn take(&mut self) -> Option<(usize, Arc<HostImage>)> {
        for waiting in &mut self.waiting {
            waiting.2 = waiting.2.saturating_sub(1);
        }
        let ready = self.waiting.iter().position(|(_, _, frames)| *frames == 0)?;
        let (key, image, _) = self.waiting.remove(ready);
        Some((key, image))
    }
}

#[test]
fn pictures_take_turns_and_are_asked_for_no_more_often_than_they_are_needed() {
    let num_asked = Arc::new(AtomicUsize::new(0));
    let later = Later { waiting: Vec::new(), num_asked: num_asked.clone() };
    let outputs = [id("b", "image"), id("b", "other"), id("c", "image")];
    let nodes = [("b", "stub.frames", 0.0), ("c", "stub.frames", 0.0)];
    let (probe, mut show) = watched(&nodes, &outputs, later);
    let mut readings = Readings::default();
    let before = num_asked.load(Ordering::Relaxed);
    run(&mut show, 60);
    let asked = num_asked.load(Ordering::Relaxed) - before;
    // A second: fifteen of each at most, and all are served.
    assert!((3 * 12..=3 * 15).contains(&asked), "{asked}");
    for output in &outputs {
        let Seen::Picture(image, size) = seen(&probe, &mut readings, output) else {
            panic!("{output:?}")
        };
        assert_eq!((image.width_px, image.height_px), size);
        let is_recent = size.0 == 7 || size.0 > show.engine.next_frame() as u32 - 10;
        assert!(is_recent, "{size:?} of {output:?}");
    }
}

#[test]
fn a_picture_that_does_not_change_is_asked_for_once() {
    let num_asked = Arc::new(AtomicUsize::new(0));
    let later = Later { waiting: Vec::new(), num_asked: num_asked.clone() };
    let output = id("b", "image");
    let (probe, mut show) =
        watched(&[("b", "stub.frames", 0.0)], std::slice::from_ref(&output), later);
    // Frames of which only the state is run draw nothing anew.
    for _ in 0..60 {
        show.run_until_frame().unwrap().unwrap();
        show.engine.frame(FrameMode::StateOnly);
    }
    assert_eq!(num_asked.load(Ordering::Relaxed), 1);
    assert!(matches!(seen(&probe, &mut Readings::default(), &output), Seen::Picture(..)));
}

#[test]
fn loads_are_the_time_of_a_node_in_a_frame() {
    let (probe, mut show) = watched(&[("a", "stub.blocks", 0.0)], &[], ());
    show.engine.set_timing(true);
    let mut readings = Readings::default();
    run(&mut show, 200);
    probe.read(&mut readings);
    let spent = show.engine.times().next().unwrap().total.as_secs_f64() * 1e3;
    let load = readings.loads["a"].frame_ms;
    // A part of the time in a part of the frames.
    assert!(load > 0.0 && load * 30.0 <= spent, "{load} of {spent}");
    let prepared =
        prepare(plan(&[("b", "stub.blocks", 0.0)]), &RunCx::default(), Some(show.engine.running()));
    assert!(show.engine.swap(prepared).is_ok());
    run(&mut show, 200);
    probe.read(&mut readings);
    // A node that is gone takes no time.
    assert_eq!(readings.loads.keys().collect::<Vec<_>>(), ["b"]);
}
