//! What the engine keeps for one step.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use lumawire_core::plan::{Accumulator, Plan, Step};
use lumawire_core::{Node, NodeError, ParamValue, PortType, Rate, Role, Value};

use super::prepare::Fresh;
use super::report::Reports;
use super::step::panicked;

/// One step's instance, its parameters, its health and its times.
pub(super) struct StepState {
    /// `None` where preparing failed and no earlier instance could go on.
    pub(super) node: Option<Box<dyn Node>>,
    /// Whether `node` is a new instance: what its outputs held no longer counts.
    rebuilt: bool,
    /// What the document says, with bound values in place of their parameters.
    pub(super) base: Vec<ParamValue>,
    /// What the node reads: the base with this tick's modulation.
    pub(super) params: Vec<ParamValue>,
    bound: Vec<Option<ParamValue>>,
    /// What is wrong with the last run.
    pub(super) error: Option<NodeError>,
    /// Why the instance that the plan asks for could not be prepared: it stays so until one can.
    prepare_error: Option<NodeError>,
    rate: Rate,
    /// Panicked: does not run again until it is rebuilt.
    pub(super) dead: bool,
    /// Whether its outputs may be kept while its key does not change.
    pub(super) cached: bool,
    /// Whether a cached step reads its outputs.
    pub(super) keyed: bool,
    /// Key of the last run of a cached step.
    pub(super) last_key: Option<u64>,
    /// Key of each slot.
    pub(super) keys: Box<[u64]>,
    pub(super) runs: u64,
    pub(super) skips: u64,
    pub(super) spent: Duration,
}

impl StepState {
    /// The state of `step` in a new plan, from a fresh instance or from what ran before. Takes the
    /// instance out of `old` where it goes on.
    pub(super) fn new(
        step: &Step,
        fresh: Fresh,
        old: Option<(&Step, &mut StepState)>,
        same_clock: bool,
        reports: &mut Reports,
    ) -> Self {
        let mut state = Self::blank(step);
        if let Some((old_step, old)) = &old {
            state.take_bound(step, old_step, old);
        }
        let is_like = old.as_ref().is_none_or(|(old_step, _)| old_step.spec.is_like(step.spec));
        let old = old.map(|(_, old)| old);
        let goes_on = match fresh {
            Fresh::Made(node) => {
                if old.as_ref().is_some_and(|old| old.fault().is_some()) {
                    reports.push(&step.id, None);
                }
                // State counted in ticks of another rate means nothing here.
                let fits = |o: &&mut StepState| same_clock && !o.dead && o.rate == step.rate;
                state.take_new(node, old.filter(fits).and_then(|o| o.node.as_deref_mut()));
                if let Some(error) = &state.error {
                    reports.push(&step.id, Some(error.clone()));
                }
                None
            }
            Fresh::Keep => old,
            Fresh::Failed(error) => {
                reports.push(&step.id, Some(error.clone()));
                state.prepare_error = Some(error);
                // An instance cannot go on by indices that mean something else now.
                old.filter(|_| is_like)
            }
        };
        if let Some(old) = goes_on {
            state.node = old.node.take();
            state.error.clone_from(&old.error);
            state.prepare_error = state.prepare_error.take().or_else(|| old.prepare_error.clone());
            (state.dead, state.runs) = (old.dead, old.runs);
            (state.skips, state.spent) = (old.skips, old.spent);
        }
        state.rebase(step);
        state
    }

    /// Takes over the bound values of the parameters that are still there.
    fn take_bound(&mut self, step: &Step, old_step: &Step, old: &StepState) {
        for (param, bound) in step.spec.params.iter().zip(&mut self.bound) {
            let before = old_step.spec.param(param.id);
            *bound = before.and_then(|p| old.bound.get(p).cloned().flatten());
        }
    }

    /// Takes a new instance, which adopts what it can from `old`. One that panics half-way is dead.
    fn take_new(&mut self, mut node: Box<dyn Node>, old: Option<&mut dyn Node>) {
        let adopted = catch_unwind(AssertUnwindSafe(|| {
            if let Some(old) = old {
                node.adopt(old);
            }
        }));
        self.error = adopted.err().map(|panic| panicked(panic.as_ref()));
        self.dead = self.error.is_some();
        self.node = Some(node);
        self.rebuilt = true;
    }

    fn blank(step: &Step) -> Self {
        Self {
            node: None,
            rebuilt: false,
            base: step.params.clone(),
            params: step.params.clone(),
            bound: vec![None; step.params.len()],
            error: None,
            prepare_error: None,
            rate: step.rate,
            dead: false,
            cached: is_cached(step),
            keyed: false,
            last_key: None,
            keys: vec![0; step.num_slots()].into(),
            runs: 0,
            skips: 0,
            spent: Duration::ZERO,
        }
    }

    /// What is wrong with the node: with its last run, or else with its instance.
    pub(super) fn fault(&self) -> Option<&NodeError> {
        self.error.as_ref().or(self.prepare_error.as_ref())
    }

    /// Notes that the instance could not learn from the sound: it plays its causal form.
    pub(super) fn has_not_learnt(&mut self, error: NodeError) {
        self.prepare_error = Some(error);
    }

    /// Whether the instance is a new one, so that what its outputs held no longer counts.
    pub(super) fn is_rebuilt(&self) -> bool {
        self.rebuilt
    }

    /// Binds parameter `p` to a value, or frees it. Says whether it can take it.
    pub(super) fn bind(&mut self, step: &Step, p: usize, value: Option<&ParamValue>) -> bool {
        let Some(param) = step.spec.params.get(p) else { return false };
        let taken = value.map(|value| param.take(value));
        if taken == Some(None) {
            return false;
        }
        self.bound[p] = taken.flatten();
        let base = self.bound[p].as_ref().unwrap_or(&step.params[p]);
        self.base[p].clone_from(base);
        self.params[p].clone_from(base);
        true
    }

    /// Gives all parameters back to the patch.
    pub(super) fn free_all(&mut self, step: &Step) {
        self.bound.fill(None);
        self.rebase(step);
    }

    fn rebase(&mut self, step: &Step) {
        self.base.clone_from(&step.params);
        for ((base, bound), param) in self.base.iter_mut().zip(&self.bound).zip(step.spec.params) {
            // A new plan may know the parameter otherwise.
            if let Some(bound) = bound.as_ref().and_then(|bound| param.take(bound)) {
                *base = bound;
            }
        }
        self.params.clone_from(&self.base);
    }

    /// What the patch should keep of the instance.
    pub(super) fn keepsake(&mut self) -> Option<(&'static str, ParamValue)> {
        let node = self.node.as_mut().filter(|_| !self.dead)?;
        let kept = catch_unwind(AssertUnwindSafe(|| node.keepsake()));
        self.dead = kept.is_err();
        kept.ok().flatten()
    }

    pub(super) fn reset(&mut self) {
        if let Some(node) = &mut self.node
            && catch_unwind(AssertUnwindSafe(|| node.reset())).is_err()
        {
            self.dead = true;
        }
        self.last_key = None;
    }
}

/// Takes over what an earlier plan's slots held: the outputs where the instance goes on, and what
/// was gathered and no frame has seen yet in any case. Their slots may lie elsewhere now.
pub(super) fn carry_slots(
    step: &Step,
    slots: &mut [Value],
    old_step: &Step,
    old_slots: &mut [Value],
    state: &StepState,
) {
    if !state.is_rebuilt() {
        let num_outputs = step.spec.outputs.len();
        for (new, old) in slots.iter_mut().zip(old_slots.iter_mut()).take(num_outputs) {
            *new = std::mem::take(old);
        }
    }
    for accumulator in &step.accumulators {
        let of = |a: &Accumulator| (a.output, a.awaits_picture);
        let same = |a: &&Accumulator| of(a) == of(accumulator);
        let old = old_step.accumulators.iter().find(same);
        if let Some(gathered) = old.and_then(|a| old_slots.get_mut(a.slot as usize)) {
            slots[accumulator.slot as usize] = std::mem::take(gathered);
        }
    }
}

/// Pure steps at frame rate whose outputs are worth keeping. At block rate rows of hops are new
/// in one tick only, so nothing there may be skipped.
fn is_cached(step: &Step) -> bool {
    let heavy = |ty: PortType| !matches!(ty, PortType::Control | PortType::Trigger);
    step.spec.role == Role::Pure
        && step.rate == Rate::Frame
        && step.spec.outputs.iter().any(|o| heavy(o.ty))
}

/// Marks the steps whose outputs a cached step reads: only these need keys.
pub(super) fn mark_key_readers(plan: &Plan, states: &mut [StepState]) {
    for (i, step) in plan.steps.iter().enumerate() {
        if !states[i].cached {
            continue;
        }
        let wired = step.inputs.iter().flatten().map(|(source, _)| *source);
        for source in wired.chain(step.modulations.iter().map(|m| m.source.0)) {
            states[source as usize].keyed = true;
        }
    }
}
