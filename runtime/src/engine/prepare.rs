//! Makes the instances of a plan, on any thread but the engine's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use lumawire_core::plan::{self, Plan, Step};
use lumawire_core::{
    Change, FileRef, Node, NodeError, ParamValue, Params, PrepareCx, Services, Timing,
};

/// What all instances of a run are prepared with.
#[derive(Clone, Default)]
pub struct RunCx {
    /// Folder of the patch: relative paths start here.
    pub base_dir: PathBuf,
    /// Size that was asked for, `[width, height]`.
    pub size_px: Option<(u32, u32)>,
    /// Whether nodes may look ahead: offline, with the whole sound at hand. Then all paths are
    /// aligned, and plans are not swapped.
    pub looks_ahead: bool,
    /// Seed of the run, in place of the patch's own.
    pub seed: Option<u64>,
    /// What the program lends the nodes.
    pub services: Services,
}

/// A step's instance.
pub(super) enum Fresh {
    /// The running instance goes on.
    Keep,
    /// A new one.
    Made(Box<dyn Node>),
    /// A new one that could not be prepared.
    Failed(NodeError),
}

/// A file, and its length and time of change; `None` for one that is absent.
type Stamped = (PathBuf, Option<(u64, SystemTime)>);

/// What an instance was made from, besides its step.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    failed: bool,
    /// The files that it names, from wherever the patch lies.
    files: Vec<Stamped>,
}

/// What runs, as far as the preparing of the next plan must know it.
#[derive(Clone)]
pub struct Running {
    pub(super) plan: Arc<Plan>,
    pub(super) generation: u64,
    made: Arc<BTreeMap<String, Made>>,
}

impl Running {
    /// Nothing: everything is made anew.
    pub(super) fn nothing(clock: lumawire_core::Clock) -> Self {
        let plan = Plan {
            clock,
            seed: 0,
            steps: Vec::new(),
            block_order: Vec::new(),
            frame_order: Vec::new(),
            delays: Vec::new(),
            sinks: Vec::new(),
            lead_blocks: 0,
        };
        Self { plan: Arc::new(plan), generation: 0, made: Arc::default() }
    }
}

/// A plan with its instances, ready to be taken by the engine.
pub struct Prepared {
    plan: Arc<Plan>,
    cx: RunCx,
    fresh: Vec<Fresh>,
    made: Arc<BTreeMap<String, Made>>,
    generation: u64,
}

impl Prepared {
    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(super) fn cx(&self) -> &RunCx {
        &self.cx
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// What runs once the engine has taken this.
    pub fn once_running(&self) -> Running {
        let (plan, made) = (self.plan.clone(), self.made.clone());
        Running { plan, generation: self.generation + 1, made }
    }

    pub(super) fn into_parts(self) -> (Running, RunCx, Vec<Fresh>) {
        (self.once_running(), self.cx, self.fresh)
    }

    /// The nodes that could not be prepared, with the reasons.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &NodeError)> {
        self.plan.steps.iter().zip(&self.fresh).filter_map(|(step, fresh)| match fresh {
            Fresh::Failed(error) => Some((step.id.as_str(), error)),
            _ => None,
        })
    }
}

/// Prepares `plan`, with the same `cx` as what runs, but for the folder of a patch that was saved
/// elsewhere. Instances of `running` that may go on are not made anew; those that failed, or whose
/// files have changed on disk, are. A node that fails to prepare fails alone.
pub fn prepare(plan: Plan, cx: &RunCx, running: Option<&Running>) -> Prepared {
    prepare_while(plan, cx, running, || true).unwrap_or_else(|| unreachable!("it is not stopped"))
}

/// As [`prepare`], as long as `goes_on`, which is asked before each node; `None` where it was given
/// up.
pub fn prepare_while(
    mut plan: Plan,
    cx: &RunCx,
    running: Option<&Running>,
    goes_on: impl Fn() -> bool,
) -> Option<Prepared> {
    let mut all_made = BTreeMap::new();
    let mut fresh = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        if !goes_on() {
            return None;
        }
        let mut made = Made { failed: false, files: stamps(step, &cx.base_dir) };
        let is_kept = running.is_some_and(|r| r.plan.clock == plan.clock && keeps(r, step, &made));
        let instance = if is_kept { Fresh::Keep } else { make(step, &plan, cx) };
        made.failed = matches!(instance, Fresh::Failed(_));
        all_made.insert(step.id.clone(), made);
        fresh.push(instance);
    }
    if cx.looks_ahead {
        align_all(&mut plan, &mut fresh, cx);
    }
    let generation = running.map_or(0, |r| r.generation);
    let (plan, made) = (Arc::new(plan), Arc::new(all_made));
    Some(Prepared { plan, cx: cx.clone(), fresh, made, generation })
}

/// Aligns the plan by what its instances say of themselves, and makes those of the steps that wait.
fn align_all(plan: &mut Plan, fresh: &mut Vec<Fresh>, cx: &RunCx) {
    plan::align(plan, |step, inputs| match &fresh[step] {
        Fresh::Made(node) => node.timing(inputs),
        Fresh::Keep | Fresh::Failed(_) => Timing::punctual(inputs),
    });
    let added = &plan.steps[fresh.len()..];
    fresh.extend(added.iter().map(|step| make(step, plan, cx)).collect::<Vec<_>>());
}

/// Whether what runs has an instance that serves `step` as it is.
fn keeps(running: &Running, step: &Step, made: &Made) -> bool {
    running.made.get(&step.id) == Some(made)
        && running.plan.steps.iter().any(|o| {
            o.id == step.id
                && o.spec.kind == step.spec.kind
                && o.spec.version == step.spec.version
                && o.spec.is_like(step.spec)
                && o.rate == step.rate
                && rebuild_params(o).eq(rebuild_params(step))
        })
}

fn stamps(step: &Step, base_dir: &Path) -> Vec<Stamped> {
    let stamp = |path: &Path| {
        let path = base_dir.join(path);
        let metadata = std::fs::metadata(&path).ok();
        let stamp = metadata.and_then(|m| Some((m.len(), m.modified().ok()?)));
        (whole(path), stamp)
    };
    let files = step.params.iter().filter_map(|value| match value {
        ParamValue::File(file) if !file.path.is_empty() => Some(Path::new(&file.path)),
        _ => None,
    });
    // The vertex shader beside a shader is a part of it.
    files.flat_map(|path| [stamp(path), stamp(&path.with_extension("vs"))]).collect()
}

/// The one name of a file that may be absent, however it is named.
fn whole(path: PathBuf) -> PathBuf {
    let in_folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or(path)
}

/// The values that count for whether an instance may go on; of files the path is left out, which
/// [`stamps`] resolves.
fn rebuild_params(step: &Step) -> impl Iterator<Item = Cow<'_, ParamValue>> {
    let rebuilds = step.spec.params.iter().map(|p| p.change == Change::Rebuild);
    step.params.iter().zip(rebuilds).filter(|(_, r)| *r).map(|(value, _)| match value {
        ParamValue::File(file) if !file.path.is_empty() => {
            let sha256 = file.sha256.clone();
            Cow::Owned(ParamValue::File(FileRef { path: String::new(), sha256 }))
        }
        other => Cow::Borrowed(other),
    })
}

fn make(step: &Step, plan: &Plan, cx: &RunCx) -> Fresh {
    let _span = tracing::info_span!("prepare", node = %step.id).entered();
    let prepare = || {
        let mut node = (step.spec.build)();
        node.prepare(&PrepareCx {
            node: &step.id,
            spec: step.spec,
            params: Params::new(&step.params),
            clock: plan.clock,
            rate: step.rate,
            size_px: cx.size_px,
            looks_ahead: cx.looks_ahead,
            base_dir: &cx.base_dir,
            services: &cx.services,
        })
        .map(|()| node)
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(prepare)) {
        Ok(Ok(node)) => Fresh::Made(node),
        Ok(Err(error)) => Fresh::Failed(error),
        Err(panic) => Fresh::Failed(super::step::panicked(panic.as_ref())),
    }
}
