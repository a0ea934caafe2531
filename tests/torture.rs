//! Editing and saving as nobody would: thousands of random edits of a running show, and a program
//! that is killed while it saves. `cargo xtask live-check edits` and `live-check saves` run more of
//! them, and show the figures.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use lumawire_core::{
    AudioBlock, Domain, Edit, Graph, GraphNode, NodeSpec, ParamValue, PortType, Registry, Role,
    Value, WireEnds, compile, patch,
};
use lumawire_nodes::gpu::Rehearsal;
use lumawire_runtime::live::{
    Distribution, FanOut, Picture, Stage, StageEnd, Stats, StatsReport, open_playback,
};
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::Memory;
use lumawire_runtime::{Engine, FrameMode, Preparer, RunCx, SwapTimes, prepare};

/// More than anything here needs: what hangs fails.
const PATIENCE: Duration = Duration::from_secs(120);
const RATE_HZ: u32 = 48_000;

/// A count that the environment may raise.
fn count(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Numbers without a pattern, the same in every run (splitmix64, Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

// ---- Edits ----

/// Nodes that are never edited: their state must not notice anything.
const KEPT: [&str; 5] = ["audio", "stft", "onset", "level", "steps"];
/// What holds the picture.
const SHOWN: [&str; 8] =
    ["bank", "chroma", "chords", "walk", "model", "generator", "feedback", "trail"];
/// Nodes that are added at most.
const MAX_ADDED: usize = 40;
/// Effects among them at most: each draws, on the processor too.
const MAX_EFFECTS: usize = 4;
/// Effects that change the size, without end where they follow each other.
const SIZING: [&str; 2] = ["post.resize", "post.upscale"];

/// Edits a copy of the small patch at random.
struct Editor {
    graph: Graph,
    registry: Registry,
    kinds: Vec<&'static NodeSpec>,
    effects: Vec<&'static NodeSpec>,
    dice: Dice,
}

impl Editor {
    fn new() -> Self {
        let is_small = |spec: &&NodeSpec| {
            ["control.", "map."].iter().any(|category| spec.kind.starts_with(category))
        };
        let kinds = lumawire_nodes::ALL.iter().copied().filter(is_small).collect();
        let is_effect = |spec: &&NodeSpec| {
            let required = spec.inputs.iter().filter(|port| port.required).map(|port| port.id);
            spec.kind.starts_with("post.")
                && !SIZING.contains(&spec.kind)
                && spec.role != Role::Delay
                && required.eq(["image"])
                && spec.outputs.first().is_some_and(|port| port.id == "image")
        };
        let effects: Vec<_> = lumawire_nodes::ALL.iter().copied().filter(is_effect).collect();
        assert!(effects.len() > 30, "{} effects", effects.len());
        let graph = patch::parse(common::SMALL).expect("the small patch").graph;
        Self { graph, registry: lumawire_nodes::registry(), kinds, effects, dice: Dice(1) }
    }

    /// Ids of the nodes that were added.
    fn added(&self) -> Vec<String> {
        let is_added = |id: &&str| !KEPT.contains(id) && !SHOWN.contains(id) && *id != "video";
        self.graph.nodes().map(|(id, _)| id).filter(is_added).map(str::to_owned).collect()
    }

    fn next(&mut self) -> Option<Edit> {
        let added = self.added();
        match self.dice.below(11) {
            0 | 1 if added.len() < MAX_ADDED => {
                let spec = *self.dice.pick(&self.kinds)?;
                let id = self.graph.fresh_id(spec);
                Some(Edit::AddNode { id, node: GraphNode::new(spec), at: None })
            }
            0..=2 => self.dice.pick(&added).cloned().map(|id| self.remove(id)),
            3 => {
                let id = self.dice.pick(&added).cloned()?;
                let to = format!("n{}", self.dice.roll());
                Some(Edit::RenameNode { id, to })
            }
            4 | 5 => self.wire(&added),
            6 => {
                let is_ours = |ends: &&WireEnds| added.contains(&ends.to);
                let wires: Vec<_> =
                    self.graph.wires().map(|wire| &wire.ends).filter(is_ours).cloned().collect();
                self.dice.pick(&wires).cloned().map(|ends| Edit::Disconnect { ends })
            }
            7 => self.effect(&added),
            _ => self.param(&added),
        }
    }

    /// Where the picture of this node comes from.
    fn shown_by(&self, id: &str) -> Option<WireEnds> {
        let is_picture = |ends: &&WireEnds| ends.to == id && ends.port == "image";
        self.graph.wires().map(|wire| &wire.ends).find(is_picture).cloned()
    }

    /// Puts an effect before the output.
    fn effect(&mut self, added: &[String]) -> Option<Edit> {
        let is_effect = |id: &&String| self.shown_by(id).is_some();
        if added.iter().filter(is_effect).count() >= MAX_EFFECTS {
            return None;
        }
        let spec = *self.dice.pick(&self.effects)?;
        let (id, before) = (self.graph.fresh_id(spec), self.shown_by("video")?);
        let wire = |ends| Edit::Connect { ends, depth: 1.0 };
        Some(Edit::Batch(vec![
            Edit::AddNode { id: id.clone(), node: GraphNode::new(spec), at: None },
            wire(WireEnds::new(&before.from, &before.output, &id, "image")),
            wire(WireEnds::new(&id, "image", "video", "image")),
        ]))
    }

    /// Takes a node out; what came before an effect goes to what came after it.
    fn remove(&self, id: String) -> Edit {
        let Some(before) = self.shown_by(&id) else { return Edit::RemoveNode { id } };
        let after = self.graph.wires().map(|wire| &wire.ends);
        let after = after.filter(|ends| ends.from == id && ends.output == "image");
        let over =
            after.map(|ends| WireEnds::new(&before.from, &before.output, &ends.to, &ends.port));
        let wires: Vec<_> = over.map(|ends| Edit::Connect { ends, depth: 1.0 }).collect();
        Edit::Batch([vec![Edit::RemoveNode { id }], wires].concat())
    }

    /// A control or a trigger to an input or a parameter, of the right type or not.
    fn wire(&mut self, added: &[String]) -> Option<Edit> {
        let mut sources = added.to_vec();
        sources.extend(["level", "steps", "onset"].map(str::to_owned));
        let from = self.dice.pick(&sources)?.clone();
        let mut targets = added.to_vec();
        targets.extend(["walk", "trail", "generator"].map(str::to_owned));
        let to = self.dice.pick(&targets)?.clone();
        let spec = |id: &str| self.registry.get(&self.graph.node(id)?.kind);
        let (source, target) = (spec(&from)?, spec(&to)?);
        let is_small = |ty: PortType| matches!(ty, PortType::Control | PortType::Trigger);
        let outputs: Vec<_> =
            source.outputs.iter().filter(|port| is_small(port.ty)).map(|port| port.id).collect();
        let inputs = target.inputs.iter().filter(|port| is_small(port.ty)).map(|port| port.id);
        let params = target.params.iter().map(|param| param.id);
        let ports: Vec<_> = inputs.chain(params).collect();
        let (output, port) = (*self.dice.pick(&outputs)?, *self.dice.pick(&ports)?);
        let depth = self.dice.unit() as f32 * 2.0 - 1.0;
        Some(Edit::Connect { ends: WireEnds::new(&from, output, &to, port), depth })
    }

    fn param(&mut self, added: &[String]) -> Option<Edit> {
        let mut nodes = added.to_vec();
        nodes.extend(["walk", "trail"].map(str::to_owned));
        let node = self.dice.pick(&nodes)?.clone();
        let spec = self.registry.get(&self.graph.node(&node)?.kind)?;
        let param = self.dice.pick(spec.params)?;
        let value = match param.domain {
            Domain::Float { soft, .. } => {
                ParamValue::Float(f64::from(soft.0) + f64::from(soft.1 - soft.0) * self.dice.unit())
            }
            Domain::Int { soft, .. } => {
                let span = usize::try_from(soft.1 - soft.0).unwrap_or(0) + 1;
                ParamValue::Int(soft.0 + self.dice.below(span) as i64)
            }
            Domain::Bool { .. } => ParamValue::Bool(self.dice.below(2) == 1),
            Domain::Choice { options, .. } => {
                ParamValue::Text((*self.dice.pick(options)?).to_owned())
            }
            _ => return None,
        };
        Some(Edit::SetParam { node, param: param.id.to_owned(), value: Some(value) })
    }
}

/// What became of the edits.
#[derive(Debug, Default)]
struct Fates {
    landed: usize,
    /// The document refused them.
    refused: usize,
    /// The patch would have had faults; they were told, and the edit taken back.
    faulty: usize,
}

/// Makes `num_edits` edits, one every `pause`, and waits until all that could have landed.
fn edit(preparer: &Preparer, num_edits: usize, pause: Duration) -> Fates {
    let mut editor = Editor::new();
    let mut fates = Fates::default();
    while fates.landed + fates.refused + fates.faulty < num_edits {
        let Some(edit) = editor.next() else { continue };
        match editor.graph.apply(edit, &editor.registry) {
            Err(_) => fates.refused += 1,
            Ok(applied) => match compile(&editor.graph, &editor.registry) {
                Ok(plan) => {
                    assert!(preparer.submit(plan), "the worker is there");
                    fates.landed += 1;
                }
                Err(faults) => {
                    assert!(!faults.is_empty(), "a refusal has its reason");
                    editor.graph.apply(applied.inverse, &editor.registry).expect("undone");
                    fates.faulty += 1;
                }
            },
        }
        thread::sleep(pause);
    }
    let started = Instant::now();
    while preparer.swap_times().num < fates.landed as u64 {
        assert!(started.elapsed() < PATIENCE, "{fates:?}, {:?}", preparer.swap_times());
        thread::sleep(Duration::from_millis(5));
    }
    fates
}

/// A tone with a click every half second, again and again.
fn sound(secs: usize) -> AudioBlock {
    let mut block = AudioBlock::silent(2, secs * RATE_HZ as usize);
    for c in 0..2 {
        for (i, v) in block.channel_mut(c).iter_mut().enumerate() {
            let is_click = i % (RATE_HZ as usize / 2) < 400;
            *v = 0.1 * (i as f32 * 0.03).sin() + if is_click { 0.5 } else { 0.0 };
        }
    }
    block
}

/// What a show came to.
struct Run {
    fates: Fates,
    swaps: SwapTimes,
    stats: StatsReport,
    frames: Vec<u64>,
    num_reports: usize,
    /// Samples that did not reach the engine in time.
    num_lost: u64,
    /// What did.
    heard: Vec<AudioBlock>,
    engine: Engine,
}

/// A live show that is edited until `num_edits` edits are over.
fn show(num_edits: usize, pause: Duration) -> Run {
    let graph = patch::parse(common::SMALL).expect("the small patch").graph;
    let plan = compile(&graph, &lumawire_nodes::registry()).expect("compiles");
    let rate = NonZero::new(RATE_HZ).expect("a rate");
    let cx = RunCx::default();
    cx.services.insert(Arc::<Rehearsal>::default());
    let engine = Engine::new(prepare(plan, &cx, None));
    let (preparer, swaps) = Preparer::start(&engine).expect("a worker");
    let secs = (num_edits as f64 * pause.as_secs_f64()) as usize + PATIENCE.as_secs() as usize;
    let head = Duration::from_millis(33);
    let memory = Box::new(Memory::new(sound(secs)));
    let reopen = Box::new(|_, _: &AtomicBool| panic!("nobody jumps"));
    let (_keeper, input, _deck) = open_playback(None, memory, reopen, rate, head).expect("sound");
    let (stats, stop) = (Stats::default(), AtomicBool::new(false));
    let mut show = Show::new(engine, input).with_swaps(swaps);
    let (tell, heard) = channel();
    // Where the machine is too slow, a live show loses sound: what it heard is what counts.
    show.add_tap(move |_, block: &AudioBlock| drop(tell.send(block.clone())));
    let (mut frames, mut num_reports) = (Vec::new(), 0);
    let (outputs, sink) = (FanOut::default(), "video".to_owned());
    let mut stage = Stage { show, sink, stats: &stats, outputs, stop: &stop, secs: None };
    let (fates, swaps) = thread::scope(|scope| {
        let editor = scope.spawn(|| {
            // Whatever happens here, the show ends.
            let fates = catch_unwind(AssertUnwindSafe(|| edit(&preparer, num_edits, pause)));
            stop.store(true, Ordering::Relaxed);
            fates.map(|fates| (fates, preparer.swap_times()))
        });
        let take = |picture: Picture| frames.push(picture.frame);
        let end = stage.run(take, |_| num_reports += 1).expect("sound");
        assert_eq!(end, StageEnd::Stopped);
        editor.join().expect("a thread").unwrap_or_else(|panic| resume_unwind(panic))
    });
    let num_lost = stage.show.transport().health().counts().num_lost;
    let heard = heard.try_iter().collect();
    let engine = stage.show.engine;
    Run { fates, swaps, stats: stats.whole(), frames, num_reports, num_lost, heard, engine }
}

fn print(name: &str, run: &Run) {
    let Run { fates, swaps, stats, num_reports, num_lost, .. } = run;
    let Distribution { median_ms, p99_ms, max_ms, .. } = stats.frame_time;
    let mean = swaps.total.checked_div(swaps.num as u32).unwrap_or_default();
    println!(
        "{name}: {} edits landed, {} refused, {} faulty and taken back, {num_reports} reports of \
         nodes; swaps hold the engine up {:.3} ms on average, {:.3} ms at most; {} frames drawn, \
         {} skipped in {:.1} s; frame: median {median_ms:.1} ms, p99 {p99_ms:.1} ms, longest \
         {max_ms:.1} ms; {num_lost} samples lost",
        fates.landed,
        fates.refused,
        fates.faulty,
        mean.as_secs_f64() * 1e3,
        swaps.longest.as_secs_f64() * 1e3,
        stats.num_drawn,
        stats.num_skipped,
        stats.secs
    );
}

#[test]
fn a_show_goes_on_through_any_number_of_edits_and_keeps_its_state() {
    let num_edits = count("LUMAWIRE_TORTURE_EDITS", 300);
    let run = show(num_edits, Duration::from_millis(10));
    print("edited", &run);
    let Fates { landed, refused, faulty } = run.fates;
    assert_eq!(landed + refused + faulty, num_edits);
    assert_eq!(run.swaps.num, landed as u64, "every edit landed or was told");
    assert!(landed > num_edits / 2, "the test edits: {:?}", run.fates);
    // Every frame was drawn or counted, and pictures never stop for more than half a second.
    assert_eq!(run.stats.num_drawn + run.stats.num_skipped, run.engine.next_frame());
    assert!(run.frames.windows(2).all(|pair| (1..=16).contains(&(pair[1] - pair[0]))));
    assert_eq!(run.frames.len() as u64, run.stats.num_drawn, "every drawn frame was shown");
    // What nobody edited is where it is in a show that nobody edits.
    let graph = patch::parse(common::SMALL).expect("the small patch").graph;
    let plan = compile(&graph, &lumawire_nodes::registry()).expect("compiles");
    let mut calm = Engine::new(prepare(plan, &RunCx::default(), None));
    for block in &run.heard {
        while calm.frame_is_due() {
            calm.frame(FrameMode::StateOnly);
        }
        calm.block(block);
    }
    assert_eq!(calm.next_sample(), run.engine.next_sample());
    assert_eq!(calm.next_frame(), run.engine.next_frame());
    for (node, output) in [("steps", "index"), ("level", "bass_smooth"), ("onset", "flux")] {
        let value = |engine: &Engine| match engine.output_of(node, output) {
            Value::Control(v) => v.to_bits(),
            other => panic!("`{node}.{output}` is {other:?}"),
        };
        assert_eq!(value(&run.engine), value(&calm), "`{node}.{output}`");
    }
    if std::env::var_os("LUMAWIRE_TORTURE_EDITS").is_some() {
        // As long a show with nothing to do: what is late in it is late by the machine.
        let calm = show(1, Duration::from_secs_f64(run.stats.secs));
        print("edited once", &calm);
        let late = |run: &Run| run.stats.num_skipped;
        println!("late by the edits: {} frames", late(&run).saturating_sub(late(&calm)));
    }
}

// ---- Saves ----

const SAVER: &str = "LUMAWIRE_TORTURE_SAVER";
const SAVES: &str = "a_program_that_is_killed_while_it_saves_leaves_a_whole_patch";

/// Version `n` of a patch of some size: all of it tells its number.
fn version(n: u64, registry: &Registry) -> Graph {
    let mut graph = Graph::new();
    let mut apply = |edit| drop(graph.apply(edit, registry).expect("an edit"));
    apply(Edit::SetSeed(n));
    let spec = registry.get("map.math").expect("a kind");
    // More of them and fewer, so that the file's length changes.
    for i in 0..100 + n % 100 {
        let node = GraphNode::new(spec).with("b_value", n as f32 / 7.0);
        apply(Edit::AddNode { id: format!("n{i}"), node, at: Some([n as f32, i as f32]) });
    }
    graph
}

/// Saves one version after the other until it is killed.
fn save_without_end(told: &str) {
    let (first, path) = told.split_once(':').expect("a number and a path");
    let registry = lumawire_nodes::registry();
    for n in first.parse().expect("a number").. {
        patch::save(path, &version(n, &registry), &registry).expect("saved");
    }
}

/// The number of the version that lies there, if it is whole.
fn version_at(path: &Path, registry: &Registry) -> u64 {
    let loaded = patch::load(path).expect("it opens");
    let n = loaded.graph.seed();
    let text = std::fs::read_to_string(path).expect("it reads");
    assert!(text == patch::to_text(&version(n, registry), registry), "version {n} is not whole");
    n
}

#[test]
fn a_program_that_is_killed_while_it_saves_leaves_a_whole_patch() {
    if let Ok(told) = std::env::var(SAVER) {
        return save_without_end(&told);
    }
    let num_kills = count("LUMAWIRE_TORTURE_SAVES", 50);
    let registry = lumawire_nodes::registry();
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("show.lumawire");
    patch::save(&path, &version(0, &registry), &registry).expect("saved");
    let (mut dice, mut newest, mut num_amidst) = (Dice(2), 0, 0);
    for kill in 0..num_kills {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", SAVES]).stdout(Stdio::null()).stderr(Stdio::null());
        command.env(SAVER, format!("{}:{}", newest + 1, path.display()));
        let mut saver = command.spawn().expect("starts");
        let started = Instant::now();
        let stamp = || std::fs::metadata(&path).and_then(|m| m.modified()).expect("it is there");
        let before = stamp();
        while stamp() == before {
            assert!(started.elapsed() < PATIENCE, "nothing was saved");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(dice.roll() % 30_000));
        saver.kill().expect("killed");
        saver.wait().expect("ended");
        let n = version_at(&path, &registry);
        assert!(n > newest, "kill {kill}: version {n} after {newest}");
        newest = n;
        for entry in std::fs::read_dir(dir.path()).expect("a folder").flatten() {
            if entry.path() != path {
                // What the killed save was writing.
                num_amidst += 1;
                std::fs::remove_file(entry.path()).expect("removed");
            }
        }
    }
    println!("{num_kills} kills, {num_amidst} of them amidst a save, {newest} versions saved");
}
