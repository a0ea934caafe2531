//! Takes up the patch anew when its file changes, while the show goes on.

use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use lumawire_core::{Clock, compile, patch};
use lumawire_runtime::Preparer;
use lumawire_runtime::control::Remote;

use super::midi::ScoreListener;
use super::status::Event;
use super::tell;

/// Time between two looks at the file.
const LOOK: Duration = Duration::from_millis(200);

/// Watches a patch; dropping it ends that.
pub struct Reloader {
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Who takes what a patch becomes.
struct Takers {
    preparer: Preparer,
    remote: Remote,
    listeners: Vec<ScoreListener>,
}

/// Watches `patch`, which runs by `clock`, and hands what it becomes to `preparer`, `remote` and
/// `listeners`.
pub fn start(
    patch: &Path,
    clock: Clock,
    preparer: Preparer,
    remote: Remote,
    listeners: Vec<ScoreListener>,
    events: Sender<Event>,
) -> std::io::Result<Reloader> {
    let (quit, quitting) = bounded(0);
    let patch = patch.to_owned();
    let thread = Builder::new().name("lumawire-reload".into()).spawn(move || {
        let takers = Takers { preparer, remote, listeners };
        watch(&patch, clock, &takers, &events, &quitting);
    })?;
    Ok(Reloader { quit: Some(quit), thread: Some(thread) })
}

impl Drop for Reloader {
    fn drop(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(path: &Path, clock: Clock, takers: &Takers, events: &Sender<Event>, quit: &Receiver<()>) {
    let mut running = stamp(path);
    let mut seen = running;
    while matches!(quit.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
        let now = stamp(path);
        let is_settled = std::mem::replace(&mut seen, now) == now;
        // An editor may be writing still: what has just changed waits for the next look.
        if now.is_none() || now == running || !is_settled {
            continue;
        }
        running = now;
        let event = match take_up(path, clock, takers) {
            Ok(()) => Event::Note(format!("{}: taken up anew", path.display())),
            Err(fault) => Event::Note(format!("{fault}\nthe show goes on as before")),
        };
        tell(events, event);
    }
}

/// Length and time of the last change.
fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn take_up(path: &Path, clock: Clock, takers: &Takers) -> Result<(), String> {
    let loaded = patch::load(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let plan = compile(&loaded.graph, &lumawire_nodes::registry()).map_err(|faults| {
        let list: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        format!("{} has {} fault(s):{}", path.display(), faults.len(), list.concat())
    })?;
    if plan.clock.sample_rate_hz != clock.sample_rate_hz {
        return Err(format!(
            "{}: a show keeps its sample rate of {} Hz; start it again for {} Hz",
            path.display(),
            clock.sample_rate_hz,
            plan.clock.sample_rate_hz
        ));
    }
    let score = Arc::new(super::super::score_of(&loaded.graph));
    takers.listeners.iter().for_each(|listener| listener(&score));
    takers.remote.set_score(score);
    if takers.preparer.submit(plan) { Ok(()) } else { Err("the worker is gone".into()) }
}
