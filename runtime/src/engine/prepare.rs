//! Makes the instances of a plan, on any thread but the engine's.

use std::path::PathBuf;
use std::sync::Arc;

use lumawire_core::plan::{Plan, Step};
use lumawire_core::{Change, Node, NodeError, Params, PrepareCx, Services};

/// What all instances of a run are prepared with.
#[derive(Clone, Default)]
pub struct RunCx {
    /// Folder of the patch: relative paths start here.
    pub base_dir: PathBuf,
    /// Size that was asked for, `[width, height]`.
    pub size_px: Option<(u32, u32)>,
    /// Seed of the run.
    pub seed: u64,
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

/// A plan with its instances, ready to be taken by the engine.
pub struct Prepared {
    plan: Arc<Plan>,
    cx: RunCx,
    fresh: Vec<Fresh>,
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

    pub(super) fn into_parts(self) -> (Arc<Plan>, RunCx, Vec<Fresh>) {
        (self.plan, self.cx, self.fresh)
    }

    /// The nodes that could not be prepared, with the reasons.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &NodeError)> {
        self.plan.steps.iter().zip(&self.fresh).filter_map(|(step, fresh)| match fresh {
            Fresh::Failed(error) => Some((step.id.as_str(), error)),
            _ => None,
        })
    }
}

/// Prepares `plan`. With `running` (the plan that an engine runs, and its generation) instances
/// that may go on are not made anew. A node that fails to prepare fails alone.
pub fn prepare(plan: Plan, cx: &RunCx, running: Option<(&Plan, u64)>) -> Prepared {
    let fresh = plan
        .steps
        .iter()
        .map(|step| match running {
            Some((old, _)) if old.clock == plan.clock && keeps(old, step) => Fresh::Keep,
            _ => make(step, &plan, cx),
        })
        .collect();
    Prepared {
        plan: Arc::new(plan),
        cx: cx.clone(),
        fresh,
        generation: running.map_or(0, |(_, g)| g),
    }
}

/// Whether the running plan has an instance that serves `step` as it is.
fn keeps(old: &Plan, step: &Step) -> bool {
    old.steps.iter().any(|o| {
        o.id == step.id
            && o.spec.kind == step.spec.kind
            && o.spec.version == step.spec.version
            && o.rate == step.rate
            && rebuild_params(o).eq(rebuild_params(step))
    })
}

fn rebuild_params(step: &Step) -> impl Iterator<Item = &lumawire_core::ParamValue> {
    let rebuilds = step.spec.params.iter().map(|p| p.change == Change::Rebuild);
    step.params.iter().zip(rebuilds).filter(|(_, r)| *r).map(|(v, _)| v)
}

fn make(step: &Step, plan: &Plan, cx: &RunCx) -> Fresh {
    let _span = tracing::info_span!("prepare", node = %step.id).entered();
    let prepare = || {
        let mut node = (step.spec.build)();
        node.prepare(&PrepareCx {
            node: &step.id,
            params: Params::new(&step.params),
            clock: plan.clock,
            rate: step.rate,
            size_px: cx.size_px,
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
