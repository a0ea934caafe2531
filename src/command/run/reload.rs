//! Takes up the patch anew when its file or one of its shaders changes, while the show goes on, and
//! writes into it what the show would have it keep.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use lumawire_core::{Clock, Edit, FileKind, Graph, Registry, compile, patch};
use lumawire_runtime::Preparer;
use lumawire_runtime::control::{Notice, Remote};
use lumawire_runtime::take::Recorder;

use super::midi::ScoreListener;
use super::status::Event;
use super::{take, tell};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

/// What is needed to watch a patch.
pub struct Watch {
    /// The patch.
    pub path: PathBuf,
    /// What the show runs by.
    pub clock: Clock,
    /// The kinds that it knows, with what its shaders declare.
    pub registry: Registry,
    /// Prepares what the patch becomes.
    pub preparer: Preparer,
    /// Takes its presets and cues.
    pub remote: Remote,
    /// Take its bindings.
    pub listeners: Vec<ScoreListener>,
    /// Where to tell.
    pub events: Sender<Event>,
    /// The take, where there is one.
    pub recorder: Option<Arc<Recorder>>,
    /// What the show would have the patch keep.
    pub notices: Receiver<Notice>,
    /// Whether the patch keeps it.
    pub keeps: bool,
}

/// Watches a patch; dropping it ends that.
pub struct Reloader {
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Reloader {
    fn drop(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Watch {
    /// Watches on a thread of its own.
    pub fn start(self) -> std::io::Result<Reloader> {
        let (quit, quitting) = bounded(0);
        let thread =
            Builder::new().name("lumawire-reload".into()).spawn(move || self.run(&quitting))?;
        Ok(Reloader { quit: Some(quit), thread: Some(thread) })
    }

    fn run(mut self, quit: &Receiver<()>) {
        let mut files = Files::of(&self.path, &self.registry);
        let mut running = files.stamps();
        let mut seen = running.clone();
        let mut kept = Vec::new();
        let mut has_said = false;
        while matches!(quit.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
            self.gather(&mut kept, &mut has_said);
            let now = files.stamps();
            let is_settled = seen == now;
            seen.clone_from(&now);
            // An editor may be writing still: what has just changed waits for the next look.
            if now.first().is_none_or(Option::is_none) || !is_settled {
                continue;
            }
            if now != running {
                running = now;
                let event = match self.take_up() {
                    Ok(graph) => {
                        let shaders = shaders(&self.path, &graph, &self.registry);
                        if shaders != files.shaders {
                            files.shaders = shaders;
                            running = files.stamps();
                            seen.clone_from(&running);
                        }
                        Event::Note(format!("{}: taken up anew", self.path.display()))
                    }
                    Err(fault) => Event::Note(format!("{fault}\nthe show goes on as before")),
                };
                tell(&self.events, event);
            } else if !kept.is_empty() {
                self.keep(std::mem::take(&mut kept));
                // The show has all of it already.
                running = files.stamps();
                seen.clone_from(&running);
            }
        }
        self.gather(&mut kept, &mut has_said);
        if !kept.is_empty() {
            self.keep(kept);
        }
    }

    /// Takes what was told since.
    fn gather(&self, kept: &mut Vec<Edit>, has_said: &mut bool) {
        let edits = self.notices.try_iter().filter_map(|notice| match notice {
            Notice::Keep(target, value) => {
                let (node, param) = target.split_once('.')?;
                let (node, param) = (node.to_owned(), param.to_owned());
                Some(Edit::SetParam { node, param, value: Some(value) })
            }
            Notice::Stored(name, preset) => {
                Some(Edit::SetPreset { name, preset: serde_json::to_value(preset).ok() })
            }
            _ => None,
        });
        let edits: Vec<Edit> = edits.collect();
        if self.keeps {
            kept.extend(edits);
        } else if !edits.is_empty() && !std::mem::replace(has_said, true) {
            let text = "what is stored lasts as long as the show; with --keep the patch keeps it";
            tell(&self.events, Event::Note(text.into()));
        }
    }

    /// Writes edits into the patch's file as it is now.
    fn keep(&self, edits: Vec<Edit>) {
        let write = || {
            let registry = &self.registry;
            let mut graph = patch::load(&self.path).map_err(|error| error.to_string())?.graph;
            for edit in edits {
                // A node that is gone keeps nothing.
                let _ = graph.apply(edit, registry);
            }
            patch::save(&self.path, &graph, registry).map_err(|error| error.to_string())
        };
        let text = match write() {
            Ok(()) => "what was stored is kept".to_owned(),
            Err(error) => format!("what was stored is not kept: {error}"),
        };
        tell(&self.events, Event::Note(format!("{}: {text}", self.path.display())));
    }

    fn take_up(&mut self) -> Result<Graph, String> {
        let path = &self.path;
        let loaded = patch::load(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let base_dir = path.parent().unwrap_or(Path::new(""));
        // What is wrong with a shader its node will say.
        lumawire_nodes::interfaces(&loaded.graph, base_dir, &mut self.registry);
        let plan = compile(&loaded.graph, &self.registry).map_err(|faults| {
            let list: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            format!("{} has {} fault(s):{}", path.display(), faults.len(), list.concat())
        })?;
        if plan.clock.sample_rate_hz != self.clock.sample_rate_hz {
            return Err(format!(
                "{}: a show keeps its sample rate of {} Hz; start it again for {} Hz",
                path.display(),
                self.clock.sample_rate_hz,
                plan.clock.sample_rate_hz
            ));
        }
        let score = Arc::new(super::super::score_of(&loaded.graph, base_dir));
        self.listeners.iter().for_each(|listener| listener(&score));
        self.remote.set_score(score);
        if let Some(recorder) = &self.recorder
            && let Err(why) = take::keep_patch(recorder, &loaded.graph)
        {
            tell(&self.events, Event::Note(why));
        }
        if self.preparer.submit(plan) { Ok(loaded.graph) } else { Err("the worker is gone".into()) }
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

/// The shaders of a patch, each with the vertex shader that may lie beside it.
fn shaders(path: &Path, graph: &Graph, registry: &Registry) -> Vec<PathBuf> {
    let base_dir = path.parent().unwrap_or(Path::new(""));
    let files = patch::files(graph, registry).into_iter();
    let shaders = files.filter(|file| file.kind == Some(FileKind::Shader));
    let paths = shaders.map(|file| base_dir.join(file.file.path));
    paths.flat_map(|path| [path.with_extension("vs"), path]).collect()
}

/// Length and time of the last change.
fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
