//! Hearing the whole sound before the render, for nodes that look ahead over all of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lumawire_core::plan::Plan;

use super::Engine;
use super::step::panicked;

/// One time of hearing.
pub(super) struct Study {
    /// Counts from 1.
    pass: usize,
    /// Which steps run: all that a node that studies depends on.
    heard: Vec<bool>,
}

impl Engine {
    /// How often the whole sound is to be heard before the render: nodes that study and depend on
    /// each other learn one after the other. 0 where none does.
    pub fn num_studies(&self) -> usize {
        self.study_passes().into_iter().max().unwrap_or(0)
    }

    /// Begins hearing `pass`, 1 to [`num_studies`](Self::num_studies), at sample 0. Until `learn`
    /// only what is studied runs.
    pub fn begin_study(&mut self, pass: usize) {
        let plan = self.running.plan.clone();
        let passes = self.study_passes();
        let studying = (0..plan.steps.len()).filter(|&i| passes[i] >= pass);
        let heard = upstream(&plan, studying.collect());
        self.reset();
        self.study = Some(Study { pass, heard });
    }

    /// The sound has been heard: the nodes of this pass learn, and all go back to sample 0.
    pub fn learn(&mut self) {
        let Some(study) = self.study.take() else { return };
        let passes = self.study_passes();
        let plan = self.running.plan.clone();
        for (i, step) in plan.steps.iter().enumerate() {
            let state = &mut self.steps[i];
            let Some(node) = state.node.as_mut().filter(|_| passes[i] == study.pass) else {
                continue;
            };
            let learnt = catch_unwind(AssertUnwindSafe(|| node.learn()))
                .unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
            if let Err(error) = learnt {
                self.reports.push(&step.id, Some(error.clone()));
                state.has_not_learnt(error);
            }
        }
        self.reset();
    }

    /// Whether step `i` runs now: all do, unless the sound is only heard.
    pub(super) fn is_heard(&self, i: u32) -> bool {
        self.study.as_ref().is_none_or(|s| s.heard.get(i as usize).copied().unwrap_or(false))
    }

    /// For each step the pass after which it learns; 0 for those that study nothing.
    fn study_passes(&self) -> Vec<usize> {
        let plan = &self.running.plan;
        let studies: Vec<bool> =
            self.steps.iter().map(|s| s.node.as_ref().is_some_and(|node| node.studies())).collect();
        let mut passes = vec![0; plan.steps.len()];
        // Each round settles at least those whose studying sources are settled; a loop through
        // delays settles by the number of steps.
        for _ in 0..studies.iter().filter(|s| **s).count() {
            let before = passes.clone();
            for (i, pass) in passes.iter_mut().enumerate().filter(|(i, _)| studies[*i]) {
                let heard = upstream(plan, vec![i]);
                let sources = (0..heard.len()).filter(|&s| heard[s] && s != i);
                *pass = 1 + sources.map(|s| before[s]).max().unwrap_or(0);
            }
            if passes == before {
                break;
            }
        }
        passes
    }
}

/// The steps of `stack` and all that leads to them.
fn upstream(plan: &Plan, mut stack: Vec<usize>) -> Vec<bool> {
    let mut marked = vec![false; plan.steps.len()];
    while let Some(i) = stack.pop() {
        if !std::mem::replace(&mut marked[i], true) {
            let step = &plan.steps[i];
            let wired = step.inputs.iter().flatten().map(|w| w.0);
            let sources = wired.chain(step.modulations.iter().map(|m| m.source.0));
            stack.extend(sources.map(|s| s as usize));
        }
    }
    marked
}
