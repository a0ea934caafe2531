//! Tells how the show goes: a line a second, events as they come, a summary at the end.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use lumawire_core::{Facts, Services};
use lumawire_nodes::gpu::Gpu;
use lumawire_runtime::NodeReport;
use lumawire_runtime::live::{
    AudioEvent, Distribution, Health, HealthCounts, OutputFigures, OutputWatch, PictureSlot,
    StageEnd, Stats, StatsReport,
};
use serde_json::{Value as Json, json};

use super::{Ended, OscCounts};

/// Time between two lines.
const PERIOD: Duration = Duration::from_secs(1);
/// What silence is called in dB.
const FLOOR_DB: f32 = -120.0;

/// What happened.
pub enum Event {
    /// The show has begun, and this is where its sound tells of itself.
    Begun {
        /// What happens to the sound.
        audio: Receiver<AudioEvent>,
        /// Its counts.
        health: Arc<Health>,
        /// What OSC has to say.
        osc: Receiver<String>,
    },
    /// A node's health changed.
    Node(NodeReport),
    /// Something to tell as it is.
    Note(String),
}

/// The thread that tells.
pub struct Status {
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    told: Told,
}

/// What the lines are made of.
#[derive(Clone)]
pub struct Told {
    stats: Arc<Stats>,
    slot: Arc<PictureSlot>,
    services: Services,
    outputs: Vec<OutputWatch>,
    device: Arc<Mutex<Option<String>>>,
    as_json: bool,
    is_terminal: bool,
}

impl Status {
    /// Tells of `events` until it is finished or dropped.
    pub fn start(events: Receiver<Event>, told: Told, as_json: bool) -> std::io::Result<Self> {
        let told = Told { as_json, ..told };
        let (quit, quitting) = bounded(0);
        let teller = told.clone();
        let thread = Builder::new()
            .name("lumawire-status".into())
            .spawn(move || teller.run(&events, &quitting))?;
        Ok(Self { quit: Some(quit), thread: Some(thread), told })
    }

    /// Tells how it went.
    pub(super) fn finish(mut self, ended: Ended) {
        self.end();
        self.told.summary(&ended);
    }

    fn end(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.end();
    }
}

impl Told {
    /// Lines of these figures.
    pub fn new(
        stats: Arc<Stats>,
        slot: Arc<PictureSlot>,
        services: Services,
        outputs: Vec<OutputWatch>,
    ) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let device = Arc::default();
        Self { stats, slot, services, outputs, device, as_json: false, is_terminal }
    }

    fn run(&self, events: &Receiver<Event>, quit: &Receiver<()>) {
        let mut events = events.clone();
        let mut audio = never();
        let mut osc = never();
        let mut health: Option<Arc<Health>> = None;
        let mut known = Vec::new();
        let mut next = Instant::now() + PERIOD;
        loop {
            select! {
                recv(events) -> event => match event {
                    Ok(Event::Begun { audio: from, health: of, osc: notes }) => {
                        (audio, osc, health) = (from, notes, Some(of));
                        next = Instant::now() + PERIOD;
                    }
                    Ok(Event::Node(report)) => self.node(&report),
                    Ok(Event::Note(text)) => self.note(&text),
                    Err(_) => events = never(),
                },
                recv(audio) -> event => match event {
                    Ok(event) => self.audio(event),
                    Err(_) => audio = never(),
                },
                recv(osc) -> note => match note {
                    Ok(note) => self.note(&note),
                    Err(_) => osc = never(),
                },
                recv(quit) -> _ => return,
                default(next.saturating_duration_since(Instant::now())) => {
                    next += PERIOD;
                    self.facts(&mut known);
                    if let Some(health) = &health {
                        self.line(&self.stats.recent(), health);
                    }
                }
            }
        }
    }

    fn audio(&self, event: AudioEvent) {
        let device = match &event {
            AudioEvent::Opened { device, .. } => Some(device.clone()),
            _ => None,
        };
        if !matches!(event, AudioEvent::Broken(_)) {
            *self.device.lock().unwrap_or_else(PoisonError::into_inner) = device;
        }
        match event {
            AudioEvent::Opened { device, format, sample_format } => self.note(&format!(
                "sound: {device}, {} Hz, {} channel(s), {sample_format}",
                format.rate_hz, format.num_channels
            )),
            AudioEvent::Lost { device, reason } => self.note(&format!(
                "sound: {device} is gone ({reason}); the show goes on without it until it returns"
            )),
            AudioEvent::Absent(error) => self.note(&format!(
                "sound: {error}; the show goes on in silence until there is a device"
            )),
            AudioEvent::Broken(reason) => self.note(&format!("sound: {reason}")),
        }
    }

    fn node(&self, report: &NodeReport) {
        match &report.error {
            Some(error) => self.note(&format!("`{}`: {error}", report.node)),
            None => self.note(&format!("`{}` works again", report.node)),
        }
    }

    /// Tells what is new since the last call.
    fn facts(&self, known: &mut Vec<(&'static str, String)>) {
        let facts = Facts::of(&self.services).all();
        for fact in facts.iter().filter(|fact| !known.contains(fact)) {
            self.note(&format!("{}: {}", fact.0, fact.1));
        }
        *known = facts;
    }

    fn note(&self, text: &str) {
        eprintln!("{}{text}", self.clear());
    }

    /// Takes the status line away, so that another can stand there.
    fn clear(&self) -> &'static str {
        if self.is_terminal { "\r\x1b[K" } else { "" }
    }

    fn device(&self) -> Option<String> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn line(&self, report: &StatsReport, health: &Health) {
        let (counts, peak_db) = (health.counts(), db(health.take_peak()));
        if self.as_json {
            println!("{}", self.json("recent", report, counts, Some(peak_db)));
        } else if self.is_terminal {
            let (fps, time, latency) = (report.fps, report.frame_time, report.latency);
            let device = self.device().unwrap_or_else(|| "silence".to_owned());
            let (skipped, lost) = (report.num_skipped, counts.num_xruns + counts.num_overflows);
            eprint!(
                "{}{fps:.1} fps  frame {:.1} ms  sound to picture {:.1} ms (p99 {:.1})  \
                 {skipped} skipped  {lost} xruns  {peak_db:.0} dB  {device}{}",
                self.clear(),
                time.median_ms,
                latency.median_ms,
                latency.p99_ms,
                self.outputs_in_short(),
            );
        }
    }

    /// For the line of every second: how many frames went out, and what is wrong.
    fn outputs_in_short(&self) -> String {
        let one = |watch: &OutputWatch| {
            let figures = watch.figures();
            let dropped = match figures.num_dropped {
                0 => String::new(),
                n => format!(" ({n} dropped)"),
            };
            let state = if figures.error.is_some() { "failed" } else { "out" };
            format!("  {state} {}{dropped}", figures.num_frames)
        };
        self.outputs.iter().map(one).collect()
    }

    fn json(
        &self,
        kind: &str,
        report: &StatsReport,
        counts: HealthCounts,
        peak_db: Option<f32>,
    ) -> Json {
        json!({
            "kind": kind,
            "secs": rounded(report.secs),
            "fps": rounded(report.fps),
            "drawn": report.num_drawn,
            "skipped": report.num_skipped,
            "shown": report.num_shown,
            "unshown_total": self.slot.num_unshown(),
            "frame_time": spread(&report.frame_time),
            "latency": spread(&report.latency),
            "xruns_total": counts.num_xruns,
            "overflows_total": counts.num_overflows,
            "lost_samples_total": counts.num_lost,
            "underruns_total": counts.num_underruns,
            "peak_db": peak_db.map(|db| rounded(f64::from(db))),
            "device": self.device(),
            "graphics": self.graphics(),
            "facts": Facts::of(&self.services).all().into_iter().collect::<BTreeMap<_, _>>(),
            "outputs": self.outputs.iter().map(|o| output_json(o.figures())).collect::<Vec<_>>(),
        })
    }

    fn graphics(&self) -> Option<String> {
        self.services.get::<Gpu>().map(|gpu| gpu.describe().to_owned())
    }

    fn summary(&self, ended: &Ended) {
        let (report, counts) = (self.stats.whole(), ended.health.counts());
        if self.as_json {
            println!("{}", self.json("whole", &report, counts, None));
        }
        let why = match ended.why {
            StageEnd::Stopped => "ended",
            StageEnd::TimeOver => "time is over",
            StageEnd::SoundOver => "the sound is over",
        };
        let latency = &report.latency;
        self.note(&format!(
            "{why} after {:.1} s: {} frames drawn, {} skipped, {} pictures shown ({:.1} fps), {} \
             replaced unseen",
            report.secs,
            report.num_drawn,
            report.num_skipped,
            report.num_shown,
            report.fps,
            self.slot.num_unshown()
        ));
        eprintln!(
            "sound to picture: median {:.1} ms, p99 {:.1} ms, longest {:.1} ms; frame: median \
             {:.1} ms, longest {:.1} ms",
            latency.median_ms,
            latency.p99_ms,
            latency.max_ms,
            report.frame_time.median_ms,
            report.frame_time.max_ms
        );
        eprintln!(
            "sound: {} xruns, {} overflows ({} samples lost), {} underruns",
            counts.num_xruns, counts.num_overflows, counts.num_lost, counts.num_underruns
        );
        for OutputFigures { name, num_frames, num_repeated, num_dropped, num_restarts, error } in
            self.outputs.iter().map(OutputWatch::figures)
        {
            let error = error.map(|error| format!("; it ended with: {error}")).unwrap_or_default();
            eprintln!(
                "output: {name}: {num_frames} frames ({num_repeated} repeated), {num_dropped} \
                 dropped, begun anew {num_restarts} times{error}"
            );
        }
        if ended.osc != OscCounts::default() {
            let osc = ended.osc;
            eprintln!(
                "OSC: {} messages, {} malformed, {} to unknown addresses, {} refused, {} late; {} \
                 of nodes not sent",
                osc.num_messages,
                osc.num_malformed,
                osc.num_unknown,
                osc.num_refused,
                osc.num_late,
                osc.num_unsent
            );
        }
        if let Some(graphics) = self.graphics() {
            eprintln!("graphics: {graphics}");
        }
        for (subject, line) in Facts::of(&self.services).all() {
            eprintln!("{subject}: {line}");
        }
    }
}

fn output_json(figures: OutputFigures) -> Json {
    json!({
        "name": figures.name,
        "frames_total": figures.num_frames,
        "repeated_total": figures.num_repeated,
        "dropped_total": figures.num_dropped,
        "restarts_total": figures.num_restarts,
        "error": figures.error,
    })
}

fn spread(times: &Distribution) -> Json {
    json!({
        "num": times.num,
        "median_ms": rounded(times.median_ms),
        "p99_ms": rounded(times.p99_ms),
        "max_ms": rounded(times.max_ms),
    })
}

fn rounded(v: f64) -> f64 {
    (v * 100.0).round() / 100.0
}

/// Full scale is 0 dB.
fn db(peak: f32) -> f32 {
    if peak > 0.0 { (20.0 * peak.log10()).max(FLOOR_DB) } else { FLOOR_DB }
}
