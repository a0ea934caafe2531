//! Takes up the patch anew when its file or one of its shaders changes, while the show goes on, and
//! writes into it what the show would have it keep.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// Held by whoever of the show reads the patch's file to write it changed.
static WRITING: Mutex<()> = Mutex::new(());

/// Lets nobody else of this program write the patch's file meanwhile.
pub fn writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        let mut kept = Kept::default();
        while matches!(quit.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
            self.gather(&mut kept);
            let now = files.stamps();
            let is_settled = seen == now;
            seen.clone_from(&now);
            // An editor may be writing still: what has just changed waits for the next look.
            if now.first().is_none_or(Option::is_none) || !is_settled {
                continue;
            }
            if now != running {
                let was = std::mem::replace(&mut running, now);
                self.tell_of_take(&was, &running);
                let event = match self.take_up() {
                    Ok(graph) => {
                        let shaders = shaders(&self.path, &graph, &self.registry);
                        if shaders != files.shaders {
                            files.shaders = shaders;
                            // The patch as it was taken up, which may have changed since.
                            let patch = running.first().copied();
                            running = files.stamps();
                            running.splice(..1, patch);
                            seen.clone_from(&running);
                        }
                        Event::Note(format!("{}: taken up anew", self.path.display()))
                    }
                    Err(fault) => Event::Note(format!("{fault}\nthe show goes on as before")),
                };
                tell(&self.events, event);
            } else if !kept.edits.is_empty() {
                let known = running.first().copied().flatten();
                // The show has all of it already.
                if let Some(written) = self.keep(&mut kept, known)
                    && let Some(patch) = running.first_mut()
                {
                    *patch = Some(written);
                }
            }
        }
        self.gather(&mut kept);
        if !kept.edits.is_empty() {
            kept.has_failed = false;
            self.keep(&mut kept, None);
        }
    }

    /// A take has no copy of the shaders.
    fn tell_of_take(&self, was: &[Stamp], now: &[Stamp]) {
        if self.recorder.is_some() && was.get(1..) != now.get(1..) {
            let text = "THE TAKE IS NOT EXACT: a shader was edited, and a take renders shaders as they \
                        are when it is rendered";
            tell(&self.events, Event::Note(text.into()));
        }
    }

    /// Takes what was told since.
    fn gather(&self, kept: &mut Kept) {
        let edits = self.notices.try_iter().filter_map(|notice| match notice {
            Notice::Keep(target, value) => {
                let (node, param) = target.split_once('.')?;
                let (node, param) = (node.to_owned(), param.to_owned());
                Some(Edit::SetParam { node, param, value: Some(value) })
            }
            Notice::Stored(name, preset) => {
                Some(Edit::SetPreset { name, preset: serde_json::to_value(preset).ok() })
            }
            Notice::Unknown(name) => {
                let text = format!("there is no preset or cue `{name}`");
                tell(&self.events, Event::Note(text));
                None
            }
            Notice::Full(name) => {
                let text = format!("`{name}` is not stored: there are too many presets");
                tell(&self.events, Event::Note(text));
                None
            }
            Notice::Cue(_) => None,
        });
        let edits: Vec<Edit> = edits.collect();
        if self.keeps {
            edits.into_iter().for_each(|edit| kept.put(edit));
        } else if !edits.is_empty() && !std::mem::replace(&mut kept.has_said, true) {
            let text = "what is stored lasts as long as the show; with --keep the patch keeps it";
            tell(&self.events, Event::Note(text.into()));
        }
    }

    /// Writes edits into the patch's file as it is now; if it is the one that is `known`, where that
    /// matters. What cannot be written waits for the next try. Gives the stamp of the file, unless
    /// somebody has changed it since.
    fn keep(&self, kept: &mut Kept, known: Stamp) -> Stamp {
        let _writing = writing();
        if known.is_some() && known != stamp(&self.path) {
            // To be taken up first.
            return None;
        }
        let write = || {
            let registry = &self.registry;
            let mut graph = patch::load(&self.path).map_err(|error| error.to_string())?.graph;
            for edit in &kept.edits {
                // A node that is gone keeps nothing.
                let _ = graph.apply(edit.clone(), registry);
            }
            patch::save(&self.path, &graph, registry).map_err(|error| error.to_string())?;
            Ok::<_, String>(patch::to_text(&graph, registry))
        };
        let (text, written) = match write() {
            Ok(text) => {
                kept.edits.clear();
                kept.has_failed = false;
                // The stamp first: what comes after it is seen at the next look.
                let written = stamp(&self.path);
                let is_it = std::fs::read(&self.path).is_ok_and(|bytes| bytes == text.as_bytes());
                ("what was stored is kept".to_owned(), written.filter(|_| is_it))
            }
            Err(_) if std::mem::replace(&mut kept.has_failed, true) => return None,
            Err(error) => {
                (format!("what was stored is not kept yet, it is tried again: {error}"), None)
            }
        };
        tell(&self.events, Event::Note(format!("{}: {text}", self.path.display())));
        written
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

/// What the patch is to keep.
#[derive(Default)]
struct Kept {
    edits: Vec<Edit>,
    /// Whether it was said that the patch keeps nothing.
    has_said: bool,
    /// Whether it was said that the file cannot be written.
    has_failed: bool,
}

impl Kept {
    /// Of two edits of the same thing the later counts.
    fn put(&mut self, edit: Edit) {
        self.edits.retain(|old| match (old, &edit) {
            (
                Edit::SetParam { node: a, param: b, .. },
                Edit::SetParam { node: c, param: d, .. },
            ) => (a, b) != (c, d),
            (Edit::SetPreset { name: a, .. }, Edit::SetPreset { name: b, .. }) => a != b,
            _ => true,
        });
        self.edits.push(edit);
    }
}

/// Length and time of the last change of a file that is there.
type Stamp = Option<(u64, SystemTime)>;

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

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;
    use lumawire_core::control::Score;
    use lumawire_core::{ParamValue, Services};
    use lumawire_runtime::control::Desk;
    use lumawire_runtime::{Engine, RunCx, prepare};

    use super::*;

    const PATCH: &str = r#"{ "format": "lumawire-patch", "version": 1,
        "nodes": { "fader_1": { "kind": "source.fader@1" }, "text": { "kind": "source.text@1" },
                   "video": { "kind": "output.video@1" } },
        "wires": [ "text.image -> video.image" ] }"#;

    fn edit(value: f64) -> Edit {
        let (node, param) = ("fader_1".to_owned(), "value".to_owned());
        Edit::SetParam { node, param, value: Some(ParamValue::Float(value)) }
    }

    #[test]
    fn what_cannot_be_kept_waits_and_what_others_write_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lumawire");
        std::fs::write(&path, PATCH).unwrap();
        let registry = lumawire_nodes::registry();
        let plan = compile(&patch::load(&path).unwrap().graph, &registry).unwrap();
        let cx = RunCx {
            base_dir: folder.path().to_owned(),
            size_px: None,
            looks_ahead: false,
            seed: None,
            services: Services::default(),
        };
        let clock = plan.clock;
        let engine = Engine::new(prepare(plan, &cx, None));
        let (preparer, _swaps) = Preparer::start(&engine).unwrap();
        let desk = Desk::new(Score::default());
        let (events, told) = unbounded();
        let (notify, notices) = unbounded();
        let watch = Watch {
            path: path.clone(),
            clock,
            registry,
            preparer,
            remote: desk.remote(),
            listeners: Vec::new(),
            events,
            recorder: None,
            notices,
            keeps: true,
        };
        let notes = || -> Vec<String> {
            let text = |event| if let Event::Note(text) = event { Some(text) } else { None };
            told.try_iter().filter_map(text).collect()
        };
        let mut kept = Kept::default();
        kept.put(edit(0.25));
        kept.put(edit(0.75));
        assert_eq!(kept.edits.len(), 1);
        // A patch that an editor is in the middle of.
        std::fs::write(&path, &PATCH[..60]).unwrap();
        for num_told in [1, 0] {
            assert_eq!(watch.keep(&mut kept, stamp(&path)), None);
            assert_eq!((kept.edits.len(), notes().len()), (1, num_told));
        }
        // Somebody else has written it meanwhile: that is taken up first.
        let known = stamp(&path);
        std::fs::write(&path, PATCH).unwrap();
        assert_eq!(watch.keep(&mut kept, known), None);
        assert_eq!((kept.edits.len(), std::fs::read_to_string(&path).unwrap()), (1, PATCH.into()));
        let written = watch.keep(&mut kept, stamp(&path));
        assert!(written.is_some() && written == stamp(&path) && kept.edits.is_empty());
        let graph = patch::load(&path).unwrap().graph;
        let value = graph.node("fader_1").unwrap().params.get("value").cloned();
        assert_eq!(value, Some(ParamValue::Float(0.75)));
        notes();
        notify.send(Notice::Unknown("storm".into())).unwrap();
        watch.gather(&mut kept);
        assert_eq!(notes(), ["there is no preset or cue `storm`"]);
    }
}
