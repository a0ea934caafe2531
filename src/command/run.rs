//! `lumawire run`: a patch on stage.

mod keys;
mod midi;
pub mod osc;
mod outputs;
mod reload;
mod status;
mod take;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use lumawire_core::control::Score;
use lumawire_core::plan::Plan;
use lumawire_core::{Clock, Registry, Services, compile};
use lumawire_nodes::gpu::Rehearsal;
use lumawire_runtime::control::Desk;
use lumawire_runtime::control::osc::Counts as OscCounts;
use lumawire_runtime::live::{
    Backend, CpalBackend, Deck, Device, Direction, FanOut, Health, Keeper, LiveInput, Picture,
    PictureSlot, Reopen, Stage, StageEnd, Stats, Wanted, devices, open_input, open_playback,
};
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::{AudioFile, TransportError};
use lumawire_runtime::{Engine, Preparer, RunCx, prepare};

use crate::cli::RunArgs;
use crate::error::CommandError;
use crate::place::PlaceArgs;
use crate::settings::Settings;
use crate::window::{self, Wake, WindowSettings};
use keys::Keys;
use midi::Steering;
use outputs::Outputs;
use status::{Event, Status, Told};

/// Size of the window where none is asked for.
const WINDOW_PX: (u32, u32) = (1280, 720);
/// Events that may wait to be shown.
const MAX_EVENTS: usize = 64;
/// An `--input` that hears nothing.
const NO_INPUT: &str = "none";

/// Plays the patch until it is told to end, and prints what came of it.
pub fn run(args: &RunArgs, place: &PlaceArgs) -> Result<ExitCode, CommandError> {
    let mut registry = lumawire_nodes::registry();
    let graph = super::load_patch(&args.patch)?;
    let base_dir = args.patch.parent().unwrap_or(Path::new("")).to_owned();
    // What is wrong with a shader its node will say.
    lumawire_nodes::interfaces(&graph, &base_dir, &mut registry);
    let plan = compile(&graph, &registry)
        .map_err(|faults| CommandError::Faults { path: args.patch.clone(), faults })?;
    let base_dir = args.patch.parent().unwrap_or(Path::new("")).to_owned();
    let score = super::score_of(&graph, &base_dir);
    let opening = super::opening(args.preset.as_deref(), &score)?;
    let sink = super::render::choose_sink(&plan, args.output.as_deref())?;
    let sink = plan.steps.get(sink as usize).map(|step| step.id.clone()).unwrap_or_default();
    let services = Services::default();
    let place = place.open()?;
    place.tell();
    place.lend(&services);
    services.insert(Arc::<Rehearsal>::default());
    let osc = osc::Opened::new(&args.osc, &args.patch, &services)?;
    let cx = RunCx {
        base_dir,
        size_px: args.size,
        looks_ahead: false,
        seed: args.seed,
        services: services.clone(),
    };
    let source = Source::new(args, plan.clock)?;
    let stop = super::render::stop_on_ctrl_c()?;
    let stats = Arc::new(Stats::default());
    let slot = Arc::new(PictureSlot::default());
    let (events, happened) = bounded(MAX_EVENTS);
    let desk = Desk::new(score.clone());
    desk.remote().send_all(opening);
    let keys = Keys::new(&desk);
    let outputs = Outputs::start(args, plan.clock, &events)?;
    let told = Told::new(stats.clone(), slot.clone(), services.clone(), outputs.watches());
    let status = Status::start(happened, told, args.stats).map_err(cannot_start)?;
    let score = Arc::new(score);
    let steering = Steering::start(args, &desk, &score, &plan, &events)?;
    if !args.keep && plan.steps.iter().any(|step| step.spec.param("stored").is_some()) {
        let text =
            "latents that are stored last as long as the show; with --keep the patch keeps them";
        tell(&events, Event::Note(text.into()));
    }
    let take = take::start(args, &graph, &sink, Score::clone(&score), &events)?;
    let (patch, secs) = (args.patch.clone(), args.secs);
    let deck = keys.deck();
    let job = Job {
        plan,
        desk,
        deck,
        steering,
        osc,
        take,
        keeps: args.keep,
        cx,
        sink,
        source,
        patch,
        registry,
        secs,
        repeats: args.repeat,
        stats: stats.clone(),
        fan_out: outputs.fan_out.clone(),
        stop,
        events,
    };

    if args.headless {
        let ended = job.stop.clone();
        let show = job.start(move |picture: Picture| stats.shown(picture.heard), || ())?;
        let end = wait(show, &ended);
        outputs.stop();
        finish(status, end?);
        return Ok(ExitCode::SUCCESS);
    }
    let stopped = job.stop.clone();
    let mut show = None;
    let tap = job.steering.tapper();
    let opened = window::show(
        window_settings(args),
        &slot,
        &stats,
        &services,
        &|key| keys.press(key, &tap),
        |waker| {
            let (slot, wakes) = (slot.clone(), waker.clone());
            let present = move |picture| {
                slot.put(picture);
                // A window that is gone needs no waking.
                let _ = wakes.send_event(Wake::Picture);
            };
            let ended = move || {
                let _ = waker.send_event(Wake::End);
            };
            show = Some(job.start(present, ended)?);
            Ok(())
        },
    );
    stopped.store(true, Ordering::Relaxed);
    let end = show.map(|show| wait(show, &stopped)).transpose();
    outputs.stop();
    opened?;
    if let Some(end) = end? {
        finish(status, end);
    }
    Ok(ExitCode::SUCCESS)
}

fn finish(status: Status, end: Ended) {
    let of_take = end.take.clone();
    status.finish(end);
    if let Some(text) = of_take {
        eprintln!("{text}");
    }
}

fn window_settings(args: &RunArgs) -> WindowSettings {
    let name = args.patch.file_stem().unwrap_or_default().to_string_lossy();
    WindowSettings {
        title: format!("{name} — Lumawire"),
        size_px: args.window.unwrap_or(WINDOW_PX),
        fullscreen: args.fullscreen.clone(),
        present: args.present.mode(),
    }
}

/// What is heard.
enum Source {
    Input(Option<Wanted>),
    File(AudioFile, PathBuf, Wanted),
}

impl Source {
    /// What the command line says, else the input that was chosen last, else the system's. A choice
    /// is remembered.
    fn new(args: &RunArgs, clock: Clock) -> Result<Self, CommandError> {
        let wanted = |direction, name| Wanted {
            direction,
            name,
            rate_hz: args.rate.and_then(NonZero::new),
            buffer_len: args.buffer,
        };
        if let Some(path) = &args.audio {
            let file = AudioFile::open(path, rate_of(clock))?;
            let output = wanted(Direction::Output, args.audio_output.clone());
            return Ok(Self::File(file, path.clone(), output));
        }
        if args.input.as_deref() == Some(NO_INPUT) {
            return Ok(Self::Input(None));
        }
        let path = Settings::path();
        let mut settings = path.as_deref().map(Settings::load).transpose()?.unwrap_or_default();
        let Some(input) = &args.input else {
            return Ok(Self::Input(Some(wanted(Direction::Input, settings.audio.input))));
        };
        if settings.audio.input.as_ref() != Some(input) && is_there(input) {
            settings.audio.input = Some(input.clone());
            path.as_deref().map(|path| settings.save(path)).transpose()?;
        }
        Ok(Self::Input(Some(wanted(Direction::Input, Some(input.clone())))))
    }

    fn open(self, clock: Clock) -> std::io::Result<(Keeper, LiveInput, Option<Deck>)> {
        let rate_hz = rate_of(clock);
        let head = Duration::from_secs_f64(1.0 / clock.fps.hz());
        let backend = |wanted| Box::new(CpalBackend::new(wanted)) as Box<dyn Backend>;
        match self {
            Self::Input(wanted) => {
                let (keeper, input) = open_input(wanted.map(backend), rate_hz, head)?;
                Ok((keeper, input, None))
            }
            Self::File(file, path, wanted) => {
                let reopen: Reopen = Box::new(move |sample, stop| {
                    Ok(Box::new(AudioFile::open_at(&path, rate_hz, sample, stop)?))
                });
                let device = Some(backend(wanted));
                let opened = open_playback(device, Box::new(file), reopen, rate_hz, head)?;
                let (keeper, input, deck) = opened;
                Ok((keeper, input, Some(deck)))
            }
        }
    }
}

/// Whether there is an input of this name: what was mistyped is not remembered.
fn is_there(name: &str) -> bool {
    let is_it = |device: &Device| device.direction == Direction::Input && device.is_called(name);
    devices().iter().any(is_it)
}

fn rate_of(clock: Clock) -> NonZero<u32> {
    NonZero::new(clock.sample_rate_hz).unwrap_or(NonZero::<u32>::MIN)
}

/// Everything that the engine's thread needs.
struct Job {
    plan: Plan,
    desk: Desk,
    deck: Arc<OnceLock<Deck>>,
    steering: Steering,
    osc: osc::Opened,
    take: Option<take::Started>,
    /// Whether what is stored goes into the patch.
    keeps: bool,
    cx: RunCx,
    sink: String,
    source: Source,
    patch: PathBuf,
    registry: Registry,
    secs: Option<f64>,
    repeats: bool,
    stats: Arc<Stats>,
    fan_out: FanOut,
    stop: Arc<AtomicBool>,
    events: Sender<Event>,
}

type ShowThread = JoinHandle<Result<Ended, CommandError>>;

/// How a show ended.
struct Ended {
    why: StageEnd,
    health: Arc<Health>,
    osc: OscCounts,
    /// What became of the take.
    take: Option<String>,
}

impl Job {
    /// Starts the engine's thread. `present` gets the pictures; `ended` is called at the end.
    fn start(
        self,
        present: impl FnMut(Picture) + Send + 'static,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<ShowThread, CommandError> {
        let run = move || {
            let _told = Last(Some(ended));
            self.run(present)
        };
        Builder::new().name("lumawire-engine".into()).spawn(run).map_err(cannot_start)
    }

    fn run(self, present: impl FnMut(Picture)) -> Result<Ended, CommandError> {
        let clock = self.plan.clock;
        let mut engine = Engine::new(prepare(self.plan, &self.cx, None));
        engine.set_keeps(self.keeps);
        let (preparer, swaps) = Preparer::start(&engine).map_err(cannot_start)?;
        let file_deck = matches!(self.source, Source::File(..)).then_some(&self.deck);
        let osc = self.osc.start(&engine, &self.desk, file_deck)?;
        let (desk, tape, recorder) = take::attach(self.desk, self.take);
        let watch = reload::Watch {
            path: self.patch,
            clock,
            registry: self.registry,
            preparer,
            remote: desk.remote(),
            listeners: self.steering.listeners(),
            events: self.events.clone(),
            recorder: recorder.clone(),
            notices: desk.notices(),
            keeps: self.keeps,
        };
        let reloader = watch.start().map_err(cannot_start)?;
        // Last, so that no sound waits for what must be loaded first.
        let (keeper, input, deck) = self.source.open(clock).map_err(cannot_start)?;
        if let Some(deck) = deck {
            deck.set_repeats(self.repeats);
            // A job runs once.
            let _ = self.deck.set(deck);
        }
        let health = input.health().clone();
        tell(
            &self.events,
            Event::Begun { audio: keeper.events.clone(), health: health.clone(), osc: osc.notes() },
        );
        let mut show = Show::new(engine, input).with_swaps(swaps).with_desk(desk);
        if let Some(tape) = tape {
            show.add_tap(tape);
        }
        self.stats.restart();
        let (sink, stats, stop) = (self.sink, &*self.stats, &*self.stop);
        let (outputs, secs) = (self.fan_out, self.secs);
        let mut stage = Stage { show, sink, stats, outputs, stop, secs };
        let events = self.events;
        let why = stage.run(present, |report| tell(&events, Event::Node(report)));
        let why = why.map_err(|error: TransportError| CommandError::from(error))?;
        drop(keeper);
        stage.show.close();
        drop(reloader);
        let take = take::finish(recorder);
        Ok(Ended { why, health, osc: osc.counts(), take })
    }
}

/// Calls at its end, however that comes.
struct Last<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Last<F> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

/// Tells what happened, unless nobody keeps up with it: the show does not wait.
fn tell(events: &Sender<Event>, event: Event) {
    if events.try_send(event).is_err() {
        tracing::warn!("an event was not shown");
    }
}

fn wait(show: ShowThread, stop: &AtomicBool) -> Result<Ended, CommandError> {
    let end = show.join();
    stop.store(true, Ordering::Relaxed);
    end.map_err(|_| CommandError::Usage("the engine stopped by an internal fault".into()))?
}

fn cannot_start(source: std::io::Error) -> CommandError {
    CommandError::Io { what: "starting a thread".into(), source }
}
