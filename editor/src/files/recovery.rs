//! What a crash cannot take: every change is kept beside the settings, never in the person's file.
//!
//! A session keeps four files in `recovery/`, all named by its id: `.lock`, held as long as it
//! lives; `.json`, which says what the patch was opened from; `.lumawire`, the patch; and
//! `.previous.lumawire`, the one before, in case the last write broke off. The system lets go of a
//! lock when its process ends, however it ends, so what is left unlocked is what a crash left.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, unbounded};
use egui::Context;
use lumawire_core::{Graph, Registry, patch};
use serde::{Deserialize, Serialize};

use super::paths::secs_since_epoch;
use super::recent::replace;
use crate::document::Document;

/// Seconds from one write to the next, at least.
const EVERY_SECS: f64 = 1.0;

/// What the kept patch was opened from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    /// Its file, if it had one.
    original: Option<PathBuf>,
    /// Folder from which its relative paths start.
    base_dir: PathBuf,
}

/// A patch that a crash left, as it can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The kept text.
    pub text: PathBuf,
    /// The patch's own file, if it had one.
    pub original: Option<PathBuf>,
    /// Folder from which its relative paths start.
    pub base_dir: PathBuf,
}

/// A patch that a crash left. While this lives, no other window offers it.
#[derive(Debug)]
pub struct Leftover {
    slot: Slot,
    _lock: File,
    /// How it is opened.
    pub recovered: Recovered,
    /// When it was kept, in seconds since 1970.
    pub kept_secs: u64,
}

impl Leftover {
    /// What to call it.
    pub fn name(&self) -> String {
        let stem = self.recovered.original.as_deref().and_then(Path::file_stem);
        stem.map_or_else(|| "untitled".into(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Throws it away.
    pub fn discard(self) {
        self.slot.remove();
    }
}

/// The files of one session.
#[derive(Debug, Clone)]
struct Slot {
    folder: PathBuf,
    id: String,
}

impl Slot {
    fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.id))
    }

    fn text(&self) -> PathBuf {
        self.file("lumawire")
    }

    fn previous(&self) -> PathBuf {
        self.file("previous.lumawire")
    }

    fn header(&self) -> PathBuf {
        self.file("json")
    }

    /// Keeps a patch. At every moment a whole one is there, the new one or the one before.
    fn keep(&self, graph: &Graph, registry: &Registry) -> Result<(), String> {
        let text = self.text();
        if text.exists() {
            fs::rename(&text, self.previous()).map_err(|e| e.to_string())?;
        }
        patch::save(&text, graph, registry).map_err(|e| e.to_string())
    }

    /// Forgets the patch, the newest text last: a crash in between leaves no older one alone.
    fn clear(&self) {
        for file in [self.header(), self.previous(), self.text()] {
            // It may never have been there.
            let _ = fs::remove_file(file);
        }
    }

    /// Whether there is surely nothing to get back. A text that cannot be read may be that of a newer
    /// program, or on a disk that fails now: it is the only copy, and stays.
    fn is_empty(&self) -> bool {
        let is_gone = |file: PathBuf| matches!(file.try_exists(), Ok(false));
        is_gone(self.text()) && is_gone(self.previous())
    }

    /// What is kept, if it is whole.
    fn read(&self) -> Option<(Recovered, u64)> {
        let header = fs::read_to_string(self.header()).ok()?;
        let Header { original, base_dir } = serde_json::from_str(&header).ok()?;
        let is_whole = |text: &PathBuf| patch::load(text).is_ok();
        let text = [self.text(), self.previous()].into_iter().find(is_whole)?;
        let kept = fs::metadata(&text).and_then(|meta| meta.modified());
        let kept_secs = kept.map_or(0, secs_since_epoch);
        Some((Recovered { text, original, base_dir }, kept_secs))
    }

    /// Removes all files of the session, with those that a write left when it broke off.
    fn remove(&self) {
        self.clear();
        let begun = format!(".{}.", self.id);
        let found = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in found.filter(|e| e.file_name().to_string_lossy().starts_with(&begun)) {
            let _ = fs::remove_file(entry.path());
        }
        let _ = fs::remove_file(self.file("lock"));
    }
}

/// Lets one program at a time make or look for sessions, so that none is seen half made.
fn gate(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let gate = OpenOptions::new().create(true).append(true).open(folder.join("gate"))?;
    gate.lock()?;
    Ok(gate)
}

/// Begins a session of its own.
fn begin(folder: &Path) -> io::Result<(Slot, File)> {
    let _gate = gate(folder)?;
    let now = secs_since_epoch(SystemTime::now());
    let mut n = 0_u32;
    loop {
        let id = format!("{now}-{}-{n}", std::process::id());
        let slot = Slot { folder: folder.to_owned(), id };
        match OpenOptions::new().write(true).create_new(true).open(slot.file("lock")) {
            Ok(lock) => {
                lock.lock()?;
                return Ok((slot, lock));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && n < 1_000 => n += 1,
            Err(error) => return Err(error),
        }
    }
}

/// What crashed sessions left, the latest first. Sessions that left no patch are removed.
fn leftovers(folder: &Path) -> io::Result<Vec<Leftover>> {
    let _gate = gate(folder)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        let (Some(id), true) = (id, path.extension().is_some_and(|e| e == "lock")) else {
            continue;
        };
        let Ok(lock) = OpenOptions::new().write(true).open(&path) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        let slot = Slot { folder: folder.to_owned(), id };
        match slot.read() {
            Some((recovered, kept_secs)) => {
                found.push(Leftover { slot, _lock: lock, recovered, kept_secs });
            }
            None if slot.is_empty() => slot.remove(),
            None => tracing::warn!(id = slot.id, "what a crash left cannot be read; it stays"),
        }
    }
    found.sort_by_key(|leftover| std::cmp::Reverse(leftover.kept_secs));
    Ok(found)
}

#[allow(clippy::large_enum_variant)] // one waits at a time
enum Job {
    Keep { document: u64, header: Header, graph: Graph, registry: Registry },
    Clear,
    Close,
}

/// Keeps the open patch, on a thread. Dropping it ends the session, in peace where nothing is
/// unsaved or the person has [said so](Self::leave): then nothing is left. Else what is kept stays.
#[derive(Debug)]
pub struct Recovery {
    jobs: Sender<Job>,
    found: Receiver<Vec<Leftover>>,
    /// Why changes are not kept.
    troubles: Receiver<String>,
    /// Whether there is something that a crash would take.
    is_dirty: bool,
    /// Whether the person has decided about that.
    is_leaving: bool,
    /// The document that was kept last.
    kept_document: Arc<AtomicU64>,
    /// Document and revision that were handed over last.
    handed: Option<(u64, u64)>,
    next_secs: f64,
    worker: Option<JoinHandle<()>>,
}

impl Recovery {
    /// Begins a session in the folder of settings, and looks for what others left.
    pub fn new(settings: &Path, ctx: &Context) -> Self {
        let (jobs, todo) = unbounded();
        let (tell, found) = unbounded();
        let (complain, troubles) = unbounded();
        let kept_document = Arc::new(AtomicU64::new(u64::MAX));
        let (folder, ctx, kept) = (settings.join("recovery"), ctx.clone(), kept_document.clone());
        let worker = crate::worker::start("recovery", move || {
            // A session must not find itself: what others left is looked for first.
            match leftovers(&folder) {
                Ok(left) => drop(tell.send(left)),
                Err(error) => tracing::warn!(%error, "crashed sessions cannot be looked for"),
            }
            ctx.request_repaint();
            match begin(&folder) {
                Ok((slot, lock)) => {
                    let complain = |why: String| {
                        // Nobody listens any more where the window is gone.
                        let _ = complain.send(why);
                        ctx.request_repaint();
                    };
                    work(&slot, lock, &todo, (&kept, &complain));
                }
                Err(error) => drop(complain.send(error.to_string())),
            }
        });
        let (handed, next_secs) = (None, 0.0);
        let (is_dirty, is_leaving) = (false, false);
        Self {
            jobs,
            found,
            troubles,
            is_dirty,
            is_leaving,
            kept_document,
            handed,
            next_secs,
            worker,
        }
    }

    /// What crashed sessions left, once it is known.
    pub fn take_leftovers(&self) -> Option<Vec<Leftover>> {
        self.found.try_recv().ok()
    }

    /// Why changes are not kept, once for each time that it begins.
    pub fn take_trouble(&self) -> Option<String> {
        self.troubles.try_recv().ok()
    }

    /// Says that the program ends as the person wants it to, whatever is unsaved.
    pub fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// Hands over the document where it is due. `now_secs` may start anywhere.
    pub fn tick(&mut self, document: &Document, now_secs: f64, ctx: &Context) {
        self.is_dirty = document.is_dirty();
        if !self.is_dirty {
            if self.handed.take().is_some() {
                self.send(Job::Clear);
            }
            return;
        }
        let state = (document.id(), document.revision());
        if self.handed == Some(state) {
            return;
        }
        if now_secs < self.next_secs {
            let wait_secs = (self.next_secs - now_secs).min(EVERY_SECS);
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(wait_secs));
            return;
        }
        self.next_secs = now_secs + EVERY_SECS;
        self.handed = Some(state);
        self.send(Job::Keep {
            document: document.id(),
            header: Header {
                original: document.path().map(Path::to_owned),
                base_dir: document.base_dir().to_owned(),
            },
            graph: document.graph().clone(),
            registry: document.registry().clone(),
        });
    }

    /// Whether this document is on the disk by now, so that what it came from may go.
    pub fn has_kept(&self, document: &Document) -> bool {
        self.kept_document.load(Ordering::Acquire) == document.id()
    }

    fn send(&self, job: Job) {
        // The worker ended where it could not begin, and has said so.
        let _ = self.jobs.send(job);
    }
}

impl Drop for Recovery {
    fn drop(&mut self) {
        // After a panic, and where the program ends by an error, what is kept is what is needed.
        if !std::thread::panicking() && (self.is_leaving || !self.is_dirty) {
            self.send(Job::Close);
        }
        // The channel closes, whatever was sent.
        self.jobs = unbounded().0;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Does the jobs; says by `complain` when keeping begins to fail.
fn work(
    slot: &Slot,
    lock: File,
    todo: &Receiver<Job>,
    (kept, complain): (&AtomicU64, &dyn Fn(String)),
) {
    let mut header_kept: Option<Header> = None;
    let mut fails = false;
    while let Ok(job) = todo.recv() {
        // Of what has piled up only the newest counts.
        let job = todo.try_iter().last().unwrap_or(job);
        match job {
            Job::Keep { document, header, graph, registry } => {
                let result = keep(slot, &mut header_kept, header, &graph, &registry);
                let failed = std::mem::replace(&mut fails, result.is_err());
                match result {
                    Ok(()) => kept.store(document, Ordering::Release),
                    Err(error) if !failed => complain(error),
                    Err(_) => {}
                }
            }
            Job::Clear => {
                header_kept = None;
                slot.clear();
            }
            Job::Close => {
                slot.remove();
                return;
            }
        }
    }
    drop(lock);
}

fn keep(
    slot: &Slot,
    kept: &mut Option<Header>,
    header: Header,
    graph: &Graph,
    registry: &Registry,
) -> Result<(), String> {
    if kept.as_ref() != Some(&header) {
        // The text of one patch must not stand under the name of another.
        slot.clear();
        *kept = None;
        let text = serde_json::to_vec_pretty(&header).map_err(|e| e.to_string())?;
        replace(&slot.header(), &text).map_err(|e| e.to_string())?;
        *kept = Some(header);
    }
    slot.keep(graph, registry)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use lumawire_core::Edit;
    use lumawire_core::graph::GraphNode;

    use super::*;

    fn graph_of(num: u64) -> Graph {
        let mut graph = Graph::new();
        let registry = Registry::default();
        graph.apply(Edit::SetSeed(num), &registry).unwrap();
        // Long enough that a write takes its time.
        for i in 0..200 {
            let node = GraphNode { kind: "a.b".into(), version: 1, ..GraphNode::default() };
            let id = format!("node_{i}");
            graph.apply(Edit::AddNode { id, node, at: None }, &registry).unwrap();
        }
        graph
    }

    fn header() -> Header {
        Header { original: Some("/shows/a.lumawire".into()), base_dir: "/shows".into() }
    }

    /// What a session leaves that kept patches of these seeds and crashed.
    pub fn crash(folder: &Path, seeds: &[u64]) {
        crashed(folder, seeds);
    }

    fn crashed(folder: &Path, seeds: &[u64]) -> Slot {
        let (slot, _lock) = begin(folder).unwrap();
        for seed in seeds {
            let (graph, registry) = (graph_of(*seed), Registry::default());
            keep(&slot, &mut (*seed != seeds[0]).then(header), header(), &graph, &registry)
                .unwrap();
        }
        slot
    }

    fn seed_of(leftover: &Leftover) -> u64 {
        patch::load(&leftover.recovered.text).unwrap().graph.seed()
    }

    #[test]
    fn a_crashed_session_is_offered_once_and_a_living_one_never() {
        let dir = tempfile::tempdir().unwrap();
        let (living, _lock) = begin(dir.path()).unwrap();
        keep(&living, &mut None, header(), &graph_of(1), &Registry::default()).unwrap();
        crashed(dir.path(), &[7]);
        let left = leftovers(dir.path()).unwrap();
        assert_eq!(left.iter().map(seed_of).collect::<Vec<_>>(), [7]);
        assert_eq!(left[0].recovered.original.as_deref(), Some(Path::new("/shows/a.lumawire")));
        assert_eq!(left[0].name(), "a");
        // Another window that starts meanwhile.
        assert!(leftovers(dir.path()).unwrap().is_empty());
        left.into_iter().for_each(Leftover::discard);
        assert!(leftovers(dir.path()).unwrap().is_empty());
        assert!(living.read().is_some());
        living.remove();
        // The gate alone stays.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_torn_text_gives_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let slot = crashed(dir.path(), &[1, 2]);
        let whole = fs::read(slot.text()).unwrap();
        for len in (0..whole.len()).step_by(whole.len() / 50) {
            fs::write(slot.text(), &whole[..len]).unwrap();
            let (recovered, _) = slot.read().expect("an older one");
            assert_eq!(patch::load(&recovered.text).unwrap().graph.seed(), 1, "{len}");
        }
        fs::write(slot.text(), &whole).unwrap();
        let (recovered, _) = slot.read().unwrap();
        assert_eq!(patch::load(&recovered.text).unwrap().graph.seed(), 2);
        fs::remove_file(slot.text()).unwrap();
        assert!(slot.read().is_some());
    }

    #[test]
    fn what_cannot_be_read_stays_and_what_is_empty_goes() {
        let dir = tempfile::tempdir().unwrap();
        let slot = crashed(dir.path(), &[1]);
        let newer = r#"{ "lumawire_patch": 999, "nodes": {} }"#;
        fs::write(slot.text(), newer).unwrap();
        assert!(leftovers(dir.path()).unwrap().is_empty());
        assert_eq!(fs::read_to_string(slot.text()).unwrap(), newer);
        fs::remove_file(slot.text()).unwrap();
        assert!(leftovers(dir.path()).unwrap().is_empty());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn that_changes_are_not_kept_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let (slot, lock) = begin(&dir.path().join("recovery")).unwrap();
        // No file can be made in what is no folder.
        fs::remove_dir_all(&slot.folder).unwrap();
        fs::write(&slot.folder, "full").unwrap();
        let (jobs, todo) = unbounded();
        let (complain, told) = unbounded();
        let kept = AtomicU64::new(u64::MAX);
        let work = crate::worker::start("test", move || {
            work(&slot, lock, &todo, (&kept, &|why| complain.send(why).unwrap()));
        });
        for _ in 0..3 {
            let (graph, registry) = (graph_of(1), Registry::default());
            jobs.send(Job::Keep { document: 0, header: header(), graph, registry }).unwrap();
            // What piles up would count as one.
            while !jobs.is_empty() {
                std::thread::yield_now();
            }
        }
        drop(jobs);
        work.unwrap().join().unwrap();
        assert_eq!(told.try_iter().count(), 1);
    }

    #[test]
    fn another_patch_never_stands_under_the_old_name() {
        let dir = tempfile::tempdir().unwrap();
        let (slot, _lock) = begin(dir.path()).unwrap();
        let registry = Registry::default();
        let mut kept = None;
        for seed in [1, 2] {
            keep(&slot, &mut kept, header(), &graph_of(seed), &registry).unwrap();
        }
        let other = Header { original: None, base_dir: PathBuf::new() };
        keep(&slot, &mut kept, other, &graph_of(3), &registry).unwrap();
        assert!(!slot.previous().exists());
        let (recovered, _) = slot.read().unwrap();
        assert_eq!(recovered.original, None);
        assert_eq!(patch::load(&recovered.text).unwrap().graph.seed(), 3);
    }

    const CHILD: &str = "LUMAWIRE_TEST_RECOVERY";

    /// Not a test of its own: what the next one runs as a process and kills.
    #[test]
    fn child_that_keeps_patches() {
        let Some(folder) = std::env::var_os(CHILD) else { return };
        let (slot, _lock) = begin(Path::new(&folder)).unwrap();
        let mut kept = None;
        for seed in 1.. {
            keep(&slot, &mut kept, header(), &graph_of(seed), &Registry::default()).unwrap();
            println!("kept {seed}");
        }
    }

    #[test]
    fn killed_at_any_moment_it_leaves_what_was_kept_last() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..12 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["child_that_keeps_patches", "--nocapture"])
                .env(CHILD, dir.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let said = lines
                .by_ref()
                .filter_map(|line| line.unwrap().split("kept ").nth(1)?.trim().parse::<u64>().ok());
            let seen = said.take(2 + round).last().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            let left = leftovers(dir.path()).unwrap();
            assert_eq!(left.len(), 1, "round {round}");
            // What was said to be kept, or what came after it; the one before where the process
            // ended between the two names.
            assert!(seed_of(&left[0]) >= seen, "round {round}: {} of {seen}", seed_of(&left[0]));
            left.into_iter().for_each(Leftover::discard);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
