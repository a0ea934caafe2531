//! `lumawire render`: a patch and a sound to a file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::Builder;

use indicatif::{ProgressBar, ProgressStyle};
use lumawire_core::plan::{Plan, Step};
use lumawire_core::{
    Clock, Domain, Edit, Facts, Graph, Offline, ParamValue, Registry, Services, compile, patch,
};
use lumawire_runtime::control::{Desk, Entry, Stamped};
use lumawire_runtime::output::{
    Codec, FrameWriter, OutputError, Sound, ThreadedWriter, VideoSettings, names_folder,
    names_still, writer_for,
};
use lumawire_runtime::render::{FrameRange, Progress, Summary, render};
use lumawire_runtime::show::Show;
use lumawire_runtime::study::study;
use lumawire_runtime::take::{Changed, Replay, Take};
use lumawire_runtime::transport::{AudioFile, Silence, Transport};
use lumawire_runtime::{Engine, NodeReport, RunCx, prepare};

use crate::cli::{ProgressForm, RenderArgs};
use crate::error::CommandError;
use crate::place::PlaceArgs;
use crate::progress::Lines;

/// Events that may wait to be shown.
const MAX_WAITING: usize = 64;

/// Renders, showing progress, and prints what came of it.
pub fn run(args: &RenderArgs, place: &PlaceArgs) -> Result<ExitCode, CommandError> {
    let mut registry = lumawire_nodes::registry();
    let Piece { path, graph, base_dir, take } = Piece::load(args, &registry)?;
    let score = super::score_of(&graph, &base_dir);
    let opening = super::opening(args.preset.as_deref(), &score)?;
    // What is wrong with a shader its node will say.
    lumawire_nodes::interfaces(&graph, &base_dir, &mut registry);
    let plan =
        compile(&graph, &registry).map_err(|faults| CommandError::Faults { path, faults })?;
    let of_take = take.as_ref().map(|take| &take.manifest);
    let output = args.output.as_deref().or(of_take.map(|of| of.output.as_str()));
    let sink = choose_sink(&plan, output)?;
    let (seed, size_px) = (
        args.seed.or(of_take.and_then(|of| of.seed)),
        args.size.or(of_take.and_then(|of| of.size_px)),
    );
    let replay = take.as_ref().map(|take| replay_of(take, args, &registry)).transpose()?;
    // The sound of a take may be joined in a folder that lasts as long as the render.
    let (sound, _joined) = match &take {
        Some(take) => take.sound_file()?,
        None => (sound_file(args, &graph, &registry, &base_dir), None),
    };
    let looks_ahead = if take.is_some() { args.look_ahead } else { !args.causal };
    let source = SoundSource { take, path: sound.clone(), secs: args.to, clock: plan.clock };
    let transport = source.open()?;
    check_out(&args.out, sound.as_deref())?;
    let range = frame_range(args, &plan, sink)?;
    let total = total_frames(range, transport.num_samples(), plan.clock);
    let settings = WriterSettings::new(args, &plan, sink, range, sound);
    let services = Services::default();
    services.insert(Arc::new(Offline));
    let place = place.open()?;
    if !args.quiet && args.progress == ProgressForm::Bar {
        place.tell();
    }
    place.lend(&services);
    let cx = RunCx { base_dir, size_px, looks_ahead, seed, services };
    let stop = stop_on_ctrl_c()?;

    let (send, progress) = mpsc::sync_channel(MAX_WAITING);
    let desk = Desk::new(score).with_opening(opening);
    let job = Job { plan, desk, replay, cx, source, sink, range, settings, stop: stop.clone() };
    let engine = Builder::new()
        .name("lumawire-engine".into())
        .spawn(move || job.run(transport, &send))
        .map_err(|source| CommandError::Io { what: "starting the engine".into(), source })?;
    match args.progress {
        ProgressForm::Bar => show_progress(args.quiet, range, total, &stop, &progress),
        ProgressForm::Json => tell_progress(range, total, &progress),
    }
    let done = engine
        .join()
        .map_err(|_| CommandError::Usage("the engine stopped by an internal fault".into()))??;
    print_summary(args, &done);
    Ok(ExitCode::SUCCESS)
}

/// What is rendered.
struct Piece {
    /// The patch's file.
    path: PathBuf,
    graph: Graph,
    base_dir: PathBuf,
    take: Option<Take>,
}

impl Piece {
    fn load(args: &RenderArgs, registry: &Registry) -> Result<Self, CommandError> {
        let Some(folder) = &args.take else {
            let path = args.patch.clone().unwrap_or_default();
            let graph = with_fps(super::load_patch(&path)?, args, registry)?;
            let base_dir = path.parent().unwrap_or(Path::new("")).to_owned();
            return Ok(Self { path, graph, base_dir, take: None });
        };
        let take = Take::open(folder)?;
        let graph = patch_of(&take, 0, args, registry)?;
        let base_dir = take.manifest.base_dir.clone();
        tell_doubts(&take, &base_dir);
        Ok(Self { path: take.patch_path(0), graph, base_dir, take: Some(take) })
    }
}

/// The patch with the frame rate of the command line.
fn with_fps(
    mut graph: Graph,
    args: &RenderArgs,
    registry: &Registry,
) -> Result<Graph, CommandError> {
    if let Some(fps) = args.fps {
        let edit = Edit::SetClock { sample_rate_hz: graph.clock().sample_rate_hz, fps };
        graph.apply(edit, registry).map_err(|error| CommandError::Usage(error.to_string()))?;
    }
    Ok(graph)
}

/// A patch of a take, which must be for its sound.
fn patch_of(
    take: &Take,
    number: u64,
    args: &RenderArgs,
    registry: &Registry,
) -> Result<Graph, CommandError> {
    let graph = with_fps(patch::parse(&take.patch(number)?)?.graph, args, registry)?;
    let (is, should) = (graph.clock().sample_rate_hz, take.manifest.sample_rate_hz);
    if is != should {
        let path = take.patch_path(number);
        let why = format!("{}: runs at {is} Hz, but the take at {should} Hz", path.display());
        return Err(CommandError::Usage(why));
    }
    Ok(graph)
}

/// Says why a take may not come out as it was played.
fn tell_doubts(take: &Take, base_dir: &Path) {
    let rate_hz = f64::from(take.manifest.sample_rate_hz);
    if let Some(sample) = take.lost_from {
        let secs = sample as f64 / rate_hz;
        eprintln!("warning: the take is not exact from {secs:.1} s on: the disk was too slow then");
    }
    if !take.is_whole {
        eprintln!("note: the show broke off; what was written until then is rendered");
    }
    for changed in take.changed_files(base_dir) {
        match changed {
            Changed::Within(path) => {
                let path = path.display();
                eprintln!("warning: {path} was edited during the take: it is used as it is now");
            }
            Changed::Other(path) => {
                eprintln!("warning: {} has changed since the take", path.display());
            }
            Changed::Gone(path) => {
                eprintln!("warning: {} was there in the take and is not now", path.display());
            }
        }
    }
}

/// What the engine is given beside the sound of a take.
fn replay_of(
    take: &Take,
    args: &RenderArgs,
    registry: &Registry,
) -> Result<(Vec<Stamped<Entry>>, Replay), CommandError> {
    if args.look_ahead && !take.swaps.is_empty() {
        let why = "the patch was edited during the take, which looking ahead cannot follow: leave \
            out --look-ahead";
        return Err(CommandError::Usage(why.into()));
    }
    let mut plans: BTreeMap<u64, Plan> = BTreeMap::new();
    let mut swaps = Vec::new();
    for &(sample, number) in &take.swaps {
        let plan = match plans.entry(number) {
            Slot::Occupied(plan) => plan.into_mut(),
            Slot::Vacant(free) => {
                let graph = patch_of(take, number, args, registry)?;
                let path = take.patch_path(number);
                let mut registry = registry.clone();
                lumawire_nodes::interfaces(&graph, &take.manifest.base_dir, &mut registry);
                let plan = compile(&graph, &registry);
                free.insert(plan.map_err(|faults| CommandError::Faults { path, faults })?)
            }
        };
        swaps.push((sample, plan.clone()));
    }
    Ok((take.entries.clone(), Replay::new(swaps)))
}

pub(super) fn choose_sink(plan: &Plan, asked: Option<&str>) -> Result<u32, CommandError> {
    let id = |i: &u32| plan.steps[*i as usize].id.as_str();
    let mut sinks: Vec<u32> = plan.picture_sinks().collect();
    sinks.sort_by_key(|i| id(i).to_owned());
    let found = match asked {
        None => sinks.first(),
        Some(asked) => sinks.iter().find(|i| id(i) == asked),
    };
    found.copied().ok_or_else(|| {
        let ids: Vec<_> = sinks.iter().map(id).collect();
        if ids.is_empty() {
            let advice =
                "no output node of this patch makes a picture: add one, such as output.video";
            return CommandError::Usage(advice.into());
        }
        let asked = asked.unwrap_or_default();
        CommandError::Usage(format!(
            "`{asked}` is no output node of this patch; it has {}",
            ids.join(", ")
        ))
    })
}

/// The sound to play: the command's, else the one that the patch brings along.
fn sound_file(
    args: &RenderArgs,
    graph: &Graph,
    registry: &Registry,
    base_dir: &Path,
) -> Option<PathBuf> {
    args.audio.clone().or_else(|| {
        patch::files(graph, registry)
            .into_iter()
            .find(|found| graph.node(&found.node).is_some_and(|n| n.kind == "source.audio"))
            .map(|found| base_dir.join(found.file.path))
    })
}

/// The sound of the render, which may be heard more than once.
struct SoundSource {
    take: Option<Take>,
    path: Option<PathBuf>,
    /// Seconds of silence where there is no file.
    secs: Option<f64>,
    clock: Clock,
}

impl SoundSource {
    /// The sound from its beginning.
    fn open(&self) -> Result<Box<dyn Transport>, CommandError> {
        if let Some(take) = &self.take {
            return Ok(Box::new(take.sound()?));
        }
        match (&self.path, self.secs) {
            (Some(path), _) => {
                let rate_hz =
                    NonZero::new(self.clock.sample_rate_hz).unwrap_or(NonZero::<u32>::MIN);
                Ok(Box::new(AudioFile::open(path, rate_hz)?))
            }
            (None, Some(secs)) => {
                let num_samples = (secs * f64::from(self.clock.sample_rate_hz)).ceil() as u64;
                Ok(Box::new(Silence::new(2, Some(num_samples))))
            }
            (None, None) => Err(CommandError::NoSound),
        }
    }
}

/// The frames to render: one where a still picture is asked for.
fn frame_range(args: &RenderArgs, plan: &Plan, sink: u32) -> Result<FrameRange, CommandError> {
    let step = &plan.steps[sink as usize];
    if names_still(&args.out) {
        let secs = args.from.or_else(|| float_param(step, "at_secs")).unwrap_or(0.0);
        let from = plan.clock.frame_at_secs(secs);
        return Ok(FrameRange { from, to: Some(from + 1) });
    }
    let from = plan.clock.frame_at_secs(args.from.unwrap_or(0.0));
    let to = args.to.map(|secs| plan.clock.frame_at_secs(secs));
    if to.is_some_and(|to| to <= from) {
        return Err(CommandError::Usage("no frame lies between --from and --to".into()));
    }
    Ok(FrameRange { from, to })
}

/// Refuses to write the film over the sound that goes into it.
fn check_out(out: &Path, sound: Option<&Path>) -> Result<(), CommandError> {
    let same = sound.is_some_and(|sound| {
        let (sound, out) = (sound.canonicalize(), out.canonicalize());
        sound.is_ok_and(|sound| out.is_ok_and(|out| out == sound))
    });
    if same {
        let why = format!("{} is the sound itself; choose another name for -o", out.display());
        return Err(CommandError::Usage(why));
    }
    Ok(())
}

fn total_frames(range: FrameRange, num_samples: Option<u64>, clock: Clock) -> Option<u64> {
    let in_sound = num_samples.map(|n| clock.frames_in(n));
    match (range.to, in_sound) {
        (Some(to), Some(end)) => Some(to.min(end)),
        (to, end) => to.or(end),
    }
}

fn float_param(step: &Step, id: &str) -> Option<f64> {
    step.spec.param(id).and_then(|p| step.params[p].as_f64())
}

/// The codec that the output node names; `None` for what suits the file.
fn codec_of(step: &Step) -> Option<Codec> {
    let p = step.spec.param("codec")?;
    let Domain::Choice { options, .. } = step.spec.params[p].domain else { return None };
    let ParamValue::Int(index) = step.params[p] else { return None };
    match *options.get(usize::try_from(index).ok()?)? {
        "h264" => Some(Codec::H264),
        "h265" => Some(Codec::H265),
        "vp9" => Some(Codec::Vp9),
        "prores" => Some(Codec::ProRes),
        "ffv1" => Some(Codec::Ffv1),
        _ => None,
    }
}

/// A folder's pictures are numbered with as many digits as the output node asks for.
fn with_digits(out: &Path, step: &Step) -> PathBuf {
    match float_param(step, "digits") {
        Some(digits) if names_folder(out) => out.join(format!("frame_%0{}d.png", digits as u32)),
        _ => out.to_owned(),
    }
}

/// What the writer needs besides the size of the picture.
struct WriterSettings {
    out: PathBuf,
    first_frame: u64,
    video: VideoSettings,
}

impl WriterSettings {
    fn new(
        args: &RenderArgs,
        plan: &Plan,
        sink: u32,
        range: FrameRange,
        sound: Option<PathBuf>,
    ) -> Self {
        let step = &plan.steps[sink as usize];
        let with_sound = float_param(step, "sound").is_none_or(|v| v > 0.5);
        let rate_hz = f64::from(plan.clock.sample_rate_hz);
        let start_secs = plan.clock.frame_due(range.from) as f64 / rate_hz;
        let sound = sound.filter(|_| with_sound);
        let video = VideoSettings {
            size_px: (0, 0), // known with the first picture
            fps: plan.clock.fps,
            codec: codec_of(step),
            crf: float_param(step, "quality_crf").map(|crf| crf as u8),
            sound: sound.map(|path| Sound { path, start_secs, duration_secs: None }),
        };
        Self { out: with_digits(&args.out, step), first_frame: range.from, video }
    }

    fn open(self, size_px: (u32, u32)) -> Result<Box<dyn FrameWriter>, OutputError> {
        let video = VideoSettings { size_px, ..self.video };
        let writer = writer_for(&self.out, &video, self.first_frame)?;
        Ok(Box::new(ThreadedWriter::new(writer)))
    }
}

/// Everything that the engine's thread needs.
struct Job {
    plan: Plan,
    desk: Desk,
    /// What came into a take, and its changed patches.
    replay: Option<(Vec<Stamped<Entry>>, Replay)>,
    cx: RunCx,
    source: SoundSource,
    sink: u32,
    range: FrameRange,
    settings: WriterSettings,
    stop: Arc<AtomicBool>,
}

/// What a render leaves to tell.
struct Done {
    summary: Summary,
    clock: Clock,
    size_px: Option<(u32, u32)>,
    graphics: Option<String>,
    facts: Vec<(&'static str, String)>,
    /// Kind, id, runs, skips, seconds; slowest first.
    nodes: Vec<NodeCost>,
}

struct NodeCost {
    id: String,
    kind: &'static str,
    runs: u64,
    skips: u64,
    secs: f64,
}

impl Job {
    fn run(
        self,
        transport: Box<dyn Transport>,
        progress: &SyncSender<Progress>,
    ) -> Result<Done, CommandError> {
        let services = self.cx.services.clone();
        let clock = self.plan.clock;
        let mut engine = Engine::new(prepare(self.plan, &self.cx, None));
        engine.set_timing(true);
        let mut show = Show::new(engine, transport);
        show = match self.replay {
            Some((entries, swaps)) => {
                show.with_desk(self.desk.with_replay(entries)).with_swaps(swaps)
            }
            None => show.with_desk(self.desk),
        };
        let mut size_px = None;
        let settings = self.settings;
        let open = |size| {
            size_px = Some(size);
            settings.open(size)
        };
        // How far it is may be told late or not at all; what nodes report may not get lost.
        let tell = |event| {
            let _ = match event {
                Progress::Node(_) => progress.send(event).is_ok(),
                _ => progress.try_send(event).is_ok(),
            };
        };
        // Silence teaches nothing, however long it is; on stage nothing was learnt.
        let was_on_stage = self.source.take.is_some() && !self.cx.looks_ahead;
        if self.source.path.is_some() && !was_on_stage {
            study(&mut show, || self.source.open(), &self.stop, tell)?;
        }
        let summary = render(&mut show, self.sink, self.range, open, &self.stop, tell)?;
        let graphics =
            services.get::<lumawire_nodes::gpu::Gpu>().map(|gpu| gpu.describe().to_owned());
        let facts = Facts::of(&services).all();
        Ok(Done { summary, clock, size_px, graphics, facts, nodes: costs(&show.engine) })
    }
}

fn costs(engine: &Engine) -> Vec<NodeCost> {
    let mut costs: Vec<_> = engine
        .times()
        .map(|t| NodeCost {
            id: t.id.to_owned(),
            kind: t.kind,
            runs: t.runs,
            skips: t.skips,
            secs: t.total.as_secs_f64(),
        })
        .collect();
    costs.sort_by(|a, b| b.secs.total_cmp(&a.secs));
    costs
}

/// Sets a flag at the first Ctrl-C, so that the file is finished; a second one leaves at once.
pub(super) fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>, CommandError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .map_err(|error| CommandError::Usage(format!("cannot watch for Ctrl-C: {error}")))?;
    Ok(stop)
}

/// Draws the bar until the engine is done; prints what nodes report as it comes.
fn show_progress(
    quiet: bool,
    range: FrameRange,
    total: Option<u64>,
    stop: &AtomicBool,
    progress: &Receiver<Progress>,
) {
    let bar = if quiet { ProgressBar::hidden() } else { new_bar(range, total) };
    for event in progress {
        match event {
            Progress::Heard { pass, num_passes, frame } => {
                bar.set_message(format!("hearing {pass} of {num_passes}, frame {frame}"));
            }
            Progress::Rolled(frame) => bar.set_message(format!("rolling to frame {frame}")),
            Progress::Wrote(frame) => {
                bar.set_position(frame + 1 - range.from);
                let stopping = stop.load(Ordering::Relaxed);
                bar.set_message(if stopping { "finishing the file" } else { "" });
            }
            Progress::Node(report) => bar.suspend(|| print_report(&report)),
        }
    }
    bar.finish_and_clear();
}

/// Tells progress in lines until the engine is done; frames are counted from the first that is
/// written.
fn tell_progress(range: FrameRange, total: Option<u64>, progress: &Receiver<Progress>) {
    let mut lines = Lines::new();
    let to_write = total.map(|total| total.saturating_sub(range.from));
    for event in progress {
        match event {
            Progress::Heard { frame, .. } => lines.tell("hear", frame, total),
            Progress::Rolled(frame) => lines.tell("roll", frame, Some(range.from)),
            Progress::Wrote(frame) => {
                lines.tell("write", frame + 1 - range.from, to_write);
            }
            Progress::Node(report) => print_report(&report),
        }
    }
}

fn new_bar(range: FrameRange, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total.saturating_sub(range.from)),
            "{bar:30} {pos}/{len} frames  {per_sec}  {eta} left  {msg}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} frames  {per_sec}  {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn print_report(report: &NodeReport) {
    match &report.error {
        Some(error) => eprintln!("warning: `{}`: {error}", report.node),
        None => eprintln!("note: `{}` works again", report.node),
    }
}

fn print_summary(args: &RenderArgs, done: &Done) {
    let summary = &done.summary;
    if args.hash {
        println!("sha256 {}", summary.hash);
    }
    if args.quiet || args.progress == ProgressForm::Json {
        return;
    }
    let frames = summary.written.frames;
    let secs = frames as f64 / done.clock.fps.hz();
    let elapsed = summary.elapsed.as_secs_f64();
    let (w, h) = done.size_px.unwrap_or_default();
    let early = if summary.stopped { ", stopped early" } else { "" };
    let plural = if frames == 1 { "" } else { "s" };
    println!("wrote {}: {frames} frame{plural}, {w}x{h}, {secs:.2} s{early}", args.out.display());
    println!(
        "took {elapsed:.1} s: {:.1} frames a second, {:.2} times real time",
        frames as f64 / elapsed,
        secs / elapsed
    );
    println!("graphics: {}", done.graphics.as_deref().unwrap_or("not used"));
    for (subject, line) in &done.facts {
        println!("{subject}: {line}");
    }
    println!("slowest nodes:");
    for node in done.nodes.iter().take(5).filter(|n| n.runs > 0) {
        println!(
            "  {:<20} {:<22} {:>9.3} ms a run  {:>7} runs  {:>6} cached  {:>5.1} %",
            node.id,
            node.kind,
            1e3 * node.secs / node.runs as f64,
            node.runs,
            node.skips,
            100.0 * node.secs / elapsed
        );
    }
}
