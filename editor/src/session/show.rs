//! What the engine's thread does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::Plan;
use lumawire_runtime::control::Desk;
use lumawire_runtime::live::{FanOut, LiveInput, PictureSlot, Stage, StageEnd, Stats};
use lumawire_runtime::probe::Probe;
use lumawire_runtime::{Engine, NodeReport, PlanSlot, Preparer, RunCx, prepare_while, show};

use super::Wake;
use crate::kit::MakeThumbnails;

/// Reports that may wait to be read.
const MAX_REPORTS: usize = 256;

/// What it tells where it was told to end.
const ENDED: &str = "the show was ended";

/// Everything that the engine's thread needs.
pub(super) struct Show {
    pub plan: Plan,
    pub cx: RunCx,
    pub plans: PlanSlot,
    pub desk: Desk,
    pub input: LiveInput,
    pub probe: Probe,
    pub thumbnails: MakeThumbnails,
    pub slot: Arc<PictureSlot>,
    pub has_picture: Arc<AtomicBool>,
    pub stats: Arc<Stats>,
    pub wake: Wake,
    pub outputs: FanOut,
    pub stop: Arc<AtomicBool>,
}

type Started = (JoinHandle<()>, Receiver<NodeReport>, Receiver<String>);

impl Show {
    /// Starts the thread; it tells of its nodes, and of its end.
    pub fn start(self) -> std::io::Result<Started> {
        let (reports, told) = bounded(MAX_REPORTS);
        let (ends, ended) = bounded(1);
        let wake = self.wake.clone();
        let run = move || {
            let end = catch_unwind(AssertUnwindSafe(|| self.run(&reports)));
            let why = end.unwrap_or_else(|panic| fault(panic.as_ref()));
            // The first that is told; there is room.
            let _ = ends.try_send(why);
            wake.call();
        };
        let thread = Builder::new().name("lumawire-engine".into()).spawn(run)?;
        Ok((thread, told, ended))
    }

    /// Runs the show to its end, and says why it ended.
    fn run(self, reports: &Sender<NodeReport>) -> String {
        let services = self.cx.services.clone();
        let goes_on = || !self.stop.load(Ordering::Relaxed);
        let Some(prepared) = prepare_while(self.plan, &self.cx, None, goes_on) else {
            return ENDED.into();
        };
        let mut engine = Engine::new(prepared);
        engine.set_timing(true);
        let (preparer, swaps) = match Preparer::start_from(&engine, &self.plans) {
            Ok(started) => started,
            Err(error) => return super::cannot_start(&error),
        };
        // Made here, where the nodes have opened the device that it uses too.
        let tap = self.probe.tap((self.thumbnails)(&services));
        let show = show::Show::new(engine, self.input)
            .with_swaps(swaps)
            .with_desk(self.desk)
            .with_tap(tap);
        self.stats.restart();
        let (stats, stop, outputs) = (&*self.stats, &*self.stop, self.outputs);
        // The first by name.
        let sink = String::new();
        let mut stage = Stage { show, sink, stats, outputs, stop, secs: None };
        let present = |picture| {
            self.slot.put(picture);
            self.has_picture.store(true, Ordering::Release);
            self.wake.call();
        };
        let report = |report| {
            if reports.try_send(report).is_err() {
                tracing::warn!("nobody reads what happens to the nodes");
            }
        };
        let end = stage.run(present, report);
        stage.show.close();
        drop(preparer);
        match end {
            Ok(StageEnd::Stopped | StageEnd::TimeOver) => ENDED.into(),
            Ok(StageEnd::SoundOver) => "the sound is over".into(),
            Err(error) => error.to_string(),
        }
    }
}

fn fault(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the engine stopped by an internal fault: {}", text.unwrap_or("no more is known"))
}
