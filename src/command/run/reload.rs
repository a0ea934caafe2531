//! Takes up the patch anew when its file or one of its shaders changes, while the show goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use lumawire_core::{Clock, FileKind, Graph, Registry, compile, patch};
use lumawire_runtime::Preparer;
use lumawire_runtime::control::Remote;

use super::midi::ScoreListener;
use super::status::Event;
use super::tell;

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

/// Watches a patch; dropping it ends that.
pub struct Reloader {
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is to take the changes up.
pub struct Show {
    /// The clock by which it runs.
    pub clock: Clock,
    /// The kinds that it knows, with what its shaders declare.
    pub registry: Registry,
    /// Who gets what the patch becomes.
    pub preparer: Preparer,
    /// And its presets and cues.
    pub remote: Remote,
    /// And its bindings.
    pub listeners: Vec<ScoreListener>,
}

/// Watches `patch` and its shaders, and hands what it becomes to `show`.
pub fn start(patch: &Path, show: Show, events: Sender<Event>) -> std::io::Result<Reloader> {
    let (quit, quitting) = bounded(0);
    let patch = patch.to_owned();
    let thread = Builder::new()
        .name("lumawire-reload".into())
        .spawn(move || watch(&patch, show, &events, &quitting))?;
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

fn watch(path: &Path, mut show: Show, events: &Sender<Event>, quit: &Receiver<()>) {
    let mut files = Files::of(path, &show.registry);
    let mut running = files.stamps();
    let mut seen = running.clone();
    while matches!(quit.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
        let now = files.stamps();
        let is_settled = seen == now;
        seen.clone_from(&now);
        // An editor may be writing still: what has just changed waits for the next look.
        if now.first().is_none_or(Option::is_none) || now == running || !is_settled {
            continue;
        }
        running = now;
        let event = match take_up(path, &mut show) {
            Ok(graph) => {
                let shaders = shaders(path, &graph, &show.registry);
                if shaders != files.shaders {
                    files.shaders = shaders;
                    running = files.stamps();
                    seen.clone_from(&running);
                }
                Event::Note(format!("{}: taken up anew", path.display()))
            }
            Err(fault) => Event::Note(format!("{fault}\nthe show goes on as before")),
        };
        tell(events, event);
    }
}

/// The files of a show.
struct Files {
    patch: PathBuf,
    shaders: Vec<PathBuf>,
}

impl Files {
    /// Those of the patch as it is now.
    fn of(path: &Path, registry: &Registry) -> Self {
        let graph = patch::load(path).map(|loaded| loaded.graph).unwrap_or_default();
        Self { patch: path.to_owned(), shaders: shaders(path, &graph, registry) }
    }

    /// The patch's stamp, and those of its shaders.
    fn stamps(&self) -> Vec<Option<(u64, SystemTime)>> {
        std::iter::once(&self.patch).chain(&self.shaders).map(|path| stamp(path)).collect()
    }
}

/// The shaders of a patch.
fn shaders(path: &Path, graph: &Graph, registry: &Registry) -> Vec<PathBuf> {
    let base_dir = path.parent().unwrap_or(Path::new(""));
    let files = patch::files(graph, registry).into_iter();
    let shaders = files.filter(|file| file.kind == Some(FileKind::Shader));
    shaders.map(|file| base_dir.join(file.file.path)).collect()
}

/// Length and time of the last change.
fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn take_up(path: &Path, show: &mut Show) -> Result<Graph, String> {
    let loaded = patch::load(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let base_dir = path.parent().unwrap_or(Path::new(""));
    // What is wrong with a shader its node will say.
    lumawire_nodes::interfaces(&loaded.graph, base_dir, &mut show.registry);
    let clock = show.clock;
    let plan = compile(&loaded.graph, &show.registry).map_err(|faults| {
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
    show.listeners.iter().for_each(|listener| listener(&score));
    show.remote.set_score(score);
    if show.preparer.submit(plan) { Ok(loaded.graph) } else { Err("the worker is gone".into()) }
}
