//! The open patch: graph, history, file, and what is wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lumawire_core::graph::EditError;
use lumawire_core::patch::{self, PatchError};
use lumawire_core::plan::compile_whole;
use lumawire_core::{Cost, Edit, Fault, Graph, History, Plan, Registry};

use crate::files::{Recovered, Stamp, paths};
use crate::kit::Interfaces;

/// Changes of one document are numbered in so many bits: more than can be made.
const REVISION_BITS: u32 = 40;

/// The open patch. Everything that changes it goes through [`apply`](Self::apply).
pub struct Document {
    id: u64,
    graph: Graph,
    history: History,
    registry: Registry,
    interfaces: Interfaces,
    path: Option<PathBuf>,
    /// Folder from which relative paths start while there is no file.
    base_dir: PathBuf,
    faults: Vec<Fault>,
    plan: Option<Plan>,
    revision: u64,
    /// The mark of the history at which it is as in the file; none where it never was.
    saved_mark: Option<u64>,
    /// Whether there were edits since that the history knows nothing of.
    has_kept: bool,
    /// By what the file is known to be the one that was read or written.
    stamp: Option<Stamp>,
    recovered_from: Option<PathBuf>,
    num_refused: u64,
    /// Of the faults those of each node, by their indices.
    faulty: BTreeMap<String, Vec<usize>>,
}

/// Why a patch was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It cannot be written.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// Its file has become another since it was read or written.
    #[error("another program has changed the file")]
    Changed,
}

impl Document {
    /// An empty patch without a file.
    pub fn new(registry: Registry, interfaces: Interfaces) -> Self {
        Self::of(Graph::new(), None, PathBuf::new(), registry, interfaces)
    }

    /// A patch that was not read from where it is to be saved: a template, a recovered one.
    pub fn untitled(
        graph: Graph,
        base_dir: PathBuf,
        registry: Registry,
        interfaces: Interfaces,
    ) -> Self {
        Self::of(graph, None, paths::whole(&base_dir), registry, interfaces)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be read or is no patch; faults of its graph are no such error.
    pub fn open(
        path: &Path,
        registry: Registry,
        interfaces: Interfaces,
    ) -> Result<Self, PatchError> {
        let graph = patch::load(path)?.graph;
        let path = paths::whole(path);
        let base_dir = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self::of(graph, Some(path), base_dir, registry, interfaces))
    }

    /// Opens what a crash left of a patch, which differs from its file until it is saved.
    ///
    /// # Errors
    /// Where it cannot be read any more.
    pub fn recover(
        recovered: &Recovered,
        registry: Registry,
        interfaces: Interfaces,
    ) -> Result<Self, PatchError> {
        let graph = patch::load(&recovered.text)?.graph;
        let (path, base_dir) = (recovered.original.clone(), recovered.base_dir.clone());
        let mut document = Self::of(graph, path, base_dir, registry, interfaces);
        document.saved_mark = None;
        document.recovered_from = Some(recovered.text.clone());
        Ok(document)
    }

    fn of(
        graph: Graph,
        path: Option<PathBuf>,
        base_dir: PathBuf,
        registry: Registry,
        interfaces: Interfaces,
    ) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let stamp = path.as_deref().and_then(Stamp::of);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let mut document = Self {
            id,
            graph,
            history: History::default(),
            registry,
            interfaces,
            path,
            base_dir,
            faults: Vec::new(),
            plan: None,
            revision: id << REVISION_BITS,
            saved_mark: Some(0),
            has_kept: false,
            stamp,
            recovered_from: None,
            num_refused: 0,
            faulty: BTreeMap::new(),
        };
        document.compile();
        document
    }

    /// Tells it from all others of this run.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The kinds, with what the files of open nodes declare.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where it is saved.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Folder from which relative paths start.
    pub fn base_dir(&self) -> &Path {
        &self.base_dir
    }

    /// Folder of its file; none for a patch that has none yet, which names files in full.
    pub fn folder(&self) -> Option<&Path> {
        self.path.as_ref().map(|_| self.base_dir.as_path())
    }

    /// Name for the title: of the file, or `untitled`.
    pub fn name(&self) -> String {
        let stem = self.path.as_deref().and_then(Path::file_stem);
        stem.map_or_else(|| "untitled".into(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Whether it differs from the file.
    pub fn is_dirty(&self) -> bool {
        self.has_kept || Some(self.history.mark()) != self.saved_mark
    }

    /// By what its file is known to be the one that was read or written last.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// What a crash left and this was opened from.
    pub fn recovered_from(&self) -> Option<&Path> {
        self.recovered_from.as_deref()
    }

    /// Stays as it is although the file has become another: it differs from it until it is saved.
    pub fn keep_mine(&mut self) {
        self.stamp = self.path.as_deref().and_then(Stamp::of);
        self.saved_mark = None;
    }

    /// Counts the changes; no other document of this run has the same number.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What is wrong with it now.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What is wrong with one of its nodes.
    pub fn faults_of(&self, node: &str) -> impl Iterator<Item = &Fault> {
        self.faulty.get(node).into_iter().flatten().filter_map(|i| self.faults.get(*i))
    }

    /// How many saves were refused, since the file had become another: the person is to be asked.
    pub fn num_refused(&self) -> u64 {
        self.num_refused
    }

    /// What can be run of it, once for each change that made a new plan.
    pub fn take_plan(&mut self) -> Option<Plan> {
        self.plan.take()
    }

    /// Undo and redo, to name what they would do.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Makes an edit under a name that undo shows. Edits of one gesture have the same `gesture`.
    ///
    /// # Errors
    /// Where the edit cannot be made; the document is then as it was.
    pub fn apply(
        &mut self,
        edit: Edit,
        label: impl Into<String>,
        gesture: Option<u64>,
    ) -> Result<Cost, EditError> {
        let cost = self.history.apply(&mut self.graph, &self.registry, edit, label, gesture)?;
        self.changed(cost);
        Ok(cost)
    }

    /// Makes an edit that undo passes over: what the show itself would have the patch keep.
    ///
    /// # Errors
    /// Where the edit cannot be made.
    pub fn keep(&mut self, edit: Edit) -> Result<(), EditError> {
        self.graph.apply(edit, &self.registry)?;
        self.revision += 1;
        self.has_kept = true;
        Ok(())
    }

    /// Takes back the last edit; gives its cost.
    ///
    /// # Errors
    /// Where it cannot be taken back any more.
    pub fn undo(&mut self) -> Result<Option<Cost>, EditError> {
        let cost = self.history.undo(&mut self.graph, &self.registry)?;
        cost.iter().for_each(|cost| self.changed(*cost));
        Ok(cost)
    }

    /// Makes again what was taken back; gives its cost.
    ///
    /// # Errors
    /// Where it cannot be made any more.
    pub fn redo(&mut self) -> Result<Option<Cost>, EditError> {
        let cost = self.history.redo(&mut self.graph, &self.registry)?;
        cost.iter().for_each(|cost| self.changed(*cost));
        Ok(cost)
    }

    /// Writes it to its file, or to another that is its file from then on. In another folder, files
    /// that it names by relative paths are named from there; undo still takes back to names from the
    /// old folder.
    ///
    /// # Errors
    /// Where the file cannot be written, or its own file has become another since it was read or
    /// written; the old file and the document are then as they were.
    pub fn save(&mut self, path: Option<&Path>) -> Result<(), SaveError> {
        // Who names a file is asked about what lies there.
        let own = self.path.as_deref().filter(|_| path.is_none());
        let now = own.and_then(Stamp::of);
        if now.is_some() && now != self.stamp {
            self.num_refused += 1;
            return Err(SaveError::Changed);
        }
        let Some(path) = path.map(Path::to_owned).or_else(|| self.path.clone()) else {
            return Ok(());
        };
        let path = paths::whole(&path);
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        if folder == self.base_dir {
            patch::save(&path, &self.graph, &self.registry)?;
        } else {
            let mut moved = self.graph.clone();
            for edit in patch::rebase(&self.graph, &self.registry, &self.base_dir, &folder) {
                // The node is there: it named the file.
                let _ = moved.apply(edit, &self.registry);
            }
            patch::save(&path, &moved, &self.registry)?;
            (self.graph, self.base_dir) = (moved, folder);
            self.revision += 1;
            self.compile();
        }
        self.stamp = Stamp::of(&path);
        self.path = Some(path);
        (self.saved_mark, self.has_kept) = (Some(self.history.mark()), false);
        Ok(())
    }

    fn changed(&mut self, cost: Cost) {
        self.revision += 1;
        if cost > Cost::Value {
            self.compile();
        } else if cost == Cost::Value && !self.faults.is_empty() {
            // A value may be what was at fault; what runs already takes it without a new plan.
            let (faults, plan) = (self.faults.clone(), self.plan.is_some());
            self.compile();
            if !plan && self.faults == faults {
                self.plan = None;
            }
        }
    }

    /// Takes up files that it names and that were changed.
    pub fn reread(&mut self) {
        self.revision += 1;
        self.compile();
    }

    /// Compiles anew.
    pub fn compile(&mut self) {
        (self.interfaces)(&self.graph, &self.base_dir, &mut self.registry);
        let (plan, faults) = compile_whole(&self.graph, &self.registry);
        self.faulty.clear();
        for (i, fault) in faults.iter().enumerate() {
            let Some(node) = fault.node() else { continue };
            self.faulty.entry(node.to_owned()).or_default().push(i);
        }
        self.faults = faults;
        if plan.is_some() {
            self.plan = plan;
        }
    }
}
