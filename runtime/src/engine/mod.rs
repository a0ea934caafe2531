//! The engine: runs a plan's blocks and frames, and takes a new plan without losing state.

mod prepare;
mod report;
mod state;
mod step;
mod study;

use std::collections::BTreeMap;
use std::sync::Arc;

use lumawire_core::plan::{Accumulator, Plan};
use lumawire_core::{AudioBlock, Image, ParamValue, Rate, Tick, Value};

pub use prepare::{Prepared, RunCx, Running, prepare, prepare_while};
pub use report::{NodeReport, NodeTime};
use state::StepState;

/// How much of a frame to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameMode {
    /// All of it.
    Full,
    /// Only what later ticks depend on: rolls state forward without drawing.
    StateOnly,
    /// As little as a show that is late must: what later ticks depend on and needs no picture. The
    /// rest goes on at the next frame that is drawn, which gives it the hits, rows and samples gathered
    /// meanwhile and tells it how much time has passed.
    Late,
}

/// What a swap left over. Drop it on a thread where freeing may take its time.
pub struct Garbage {
    _running: Running,
    _steps: Vec<StepState>,
    _values: Vec<Box<[Value]>>,
}

/// Owns a plan and its instances. One thread ticks it; others prepare plans for it.
pub struct Engine {
    running: Running,
    cx: RunCx,
    steps: Vec<StepState>,
    /// Outputs and accumulators of every step: the slots that wires read.
    values: Vec<Box<[Value]>>,
    reports: report::Reports,
    silence: AudioBlock,
    next_sample: u64,
    next_frame: u64,
    /// Frames since the last one that was not late.
    num_missed: u32,
    timing: bool,
    keeps: bool,
    study: Option<study::Study>,
}

impl Engine {
    /// An engine at sample 0 with a prepared plan.
    pub fn new(prepared: Prepared) -> Self {
        let mut engine = Self {
            running: Running::nothing(prepared.plan().clock),
            cx: prepared.cx().clone(),
            steps: Vec::new(),
            values: Vec::new(),
            reports: report::Reports::default(),
            silence: AudioBlock::default(),
            next_sample: 0,
            next_frame: 0,
            num_missed: 0,
            timing: false,
            keeps: true,
            study: None,
        };
        // Against nothing there is nothing that could have changed meanwhile.
        engine.install(prepared);
        engine
    }

    /// The plan that runs.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.running.plan
    }

    /// What runs, for `prepare`.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// What the instances were prepared with.
    pub fn cx(&self) -> &RunCx {
        &self.cx
    }

    /// Counts the plans taken, so that a plan prepared against another one is noticed.
    pub fn generation(&self) -> u64 {
        self.running.generation
    }

    /// Samples that have been run: the next block starts here.
    pub fn next_sample(&self) -> u64 {
        self.next_sample
    }

    /// The frame that comes next.
    pub fn next_frame(&self) -> u64 {
        self.next_frame
    }

    /// Whether the next frame's sample has been run, and with it the plan's lead.
    pub fn frame_is_due(&self) -> bool {
        let plan = &self.running.plan;
        let lead = plan.lead_blocks.saturating_mul(plan.clock.block_len as u64);
        plan.clock.frame_due(self.next_frame).saturating_add(lead) < self.next_sample
    }

    /// Measures the time of every step from now on (two clock readings a step).
    pub fn set_timing(&mut self, on: bool) {
        self.timing = on;
    }

    /// Time and runs of every step since it came into the plan, in the plan's order.
    pub fn times(&self) -> impl Iterator<Item = NodeTime<'_>> {
        self.running.plan.steps.iter().zip(&self.steps).map(|(step, state)| NodeTime {
            id: &step.id,
            kind: step.spec.kind,
            runs: state.runs,
            skips: state.skips,
            total: state.spent,
        })
    }

    /// What changed in the health of the nodes since the last call.
    pub fn take_reports(&mut self) -> Vec<NodeReport> {
        self.reports.take()
    }

    /// Runs one block. `audio` is what the transport delivered, `[channels, block_len]`.
    pub fn block(&mut self, audio: &AudioBlock) {
        let plan = self.running.plan.clone();
        let tick = self.tick(Rate::Block, self.next_sample);
        for &i in &plan.block_order {
            if self.is_heard(i) {
                self.run(&plan, i as usize, tick, audio);
                self.accumulate(&plan, i as usize);
            }
        }
        self.run_delays(&plan, Rate::Block, FrameMode::Full, tick, audio);
        self.next_sample += plan.clock.block_len as u64;
    }

    /// Runs the next frame.
    pub fn frame(&mut self, mode: FrameMode) {
        let plan = self.running.plan.clone();
        let tick = self.tick(Rate::Frame, plan.clock.frame_due(self.next_frame));
        let silence = std::mem::take(&mut self.silence);
        for &i in &plan.frame_order {
            let step = &plan.steps[i as usize];
            let wanted = match mode {
                FrameMode::Full => true,
                FrameMode::StateOnly => step.keeps_state,
                FrameMode::Late => step.runs_late,
            };
            if wanted && self.is_heard(i) {
                let num_missed = if step.runs_late { 0 } else { self.num_missed };
                self.run(&plan, i as usize, Tick { num_missed, ..tick }, &silence);
                self.accumulate(&plan, i as usize);
            }
        }
        self.run_delays(&plan, Rate::Frame, mode, tick, &silence);
        self.silence = silence;
        self.clear_accumulators(&plan, mode);
        // What delays show now is seen at the next frame.
        for &i in plan.delays.iter().filter(|&&i| plan.steps[i as usize].rate == Rate::Frame) {
            if mode != FrameMode::Late || plan.steps[i as usize].runs_late {
                self.accumulate(&plan, i as usize);
            }
        }
        let max_missed = plan.clock.fps.hz() as u32;
        self.num_missed = match mode {
            FrameMode::Late => self.num_missed.saturating_add(1).min(max_missed),
            FrameMode::Full | FrameMode::StateOnly => 0,
        };
        self.next_frame += 1;
    }

    /// Back to sample 0: what follows repeats exactly.
    pub fn reset(&mut self) {
        for state in &mut self.steps {
            state.reset();
        }
        for slot in self.values.iter_mut().flat_map(|slots| slots.iter_mut()) {
            *slot = Value::Empty;
        }
        (self.next_sample, self.next_frame, self.num_missed) = (0, 0, 0);
        self.emit_delays();
    }

    /// What step `i` of the plan holds at output `output`.
    pub fn output(&self, step: u32, output: usize) -> &Value {
        self.values.get(step as usize).and_then(|slots| slots.get(output)).unwrap_or(&Value::Empty)
    }

    /// What the node with this id holds at the output with this id.
    pub fn output_of(&self, node: &str, output: &str) -> &Value {
        let Some(i) = self.running.plan.steps.iter().position(|s| s.id == node) else {
            return &Value::Empty;
        };
        let output = self.running.plan.steps[i].spec.output(output).unwrap_or(usize::MAX);
        self.values[i].get(output).unwrap_or(&Value::Empty)
    }

    /// The step of the sink with this id, else of the first by name that makes a picture.
    pub fn sink_of(&self, id: &str) -> Option<u32> {
        let plan = &self.running.plan;
        let id_of = |i: &u32| plan.steps.get(*i as usize).map(|step| step.id.as_str());
        let named = plan.sinks.iter().copied().find(|i| id_of(i) == Some(id));
        named.or_else(|| plan.picture_sinks().min_by_key(id_of))
    }

    /// The picture of a sink: its first output.
    pub fn picture(&self, sink: u32) -> Option<&Image> {
        match self.output(sink, 0) {
            Value::Image(image) => Some(image),
            _ => None,
        }
    }

    /// Says what OSC, MIDI or a preset wants a parameter to be, in place of the patch's value;
    /// `None` gives it back. Returns whether there is such a parameter and it takes the value: one
    /// that must be rebuilt for a change takes none.
    pub fn bind(&mut self, node: &str, param: &str, value: Option<&ParamValue>) -> bool {
        let plan = &self.running.plan;
        let Some(i) = plan.steps.iter().position(|s| s.id == node) else { return false };
        let Some(p) = plan.steps[i].spec.param(param) else { return false };
        self.bind_at((i, p), value)
    }

    /// As [`bind`](Self::bind), for a step and parameter by their indices in the plan.
    pub fn bind_at(&mut self, (step, param): (usize, usize), value: Option<&ParamValue>) -> bool {
        match (self.running.plan.steps.get(step), self.steps.get_mut(step)) {
            (Some(step), Some(state)) => state.bind(step, param, value),
            _ => false,
        }
    }

    /// Gives all parameters back to the patch.
    pub fn free_all(&mut self) {
        for (step, state) in self.running.plan.steps.iter().zip(&mut self.steps) {
            state.free_all(step);
        }
    }

    /// What a parameter is before wires move it: what it is bound to, or what the patch says.
    /// Options are their indices.
    pub fn base_at(&self, (step, param): (usize, usize)) -> Option<&ParamValue> {
        self.steps.get(step)?.base.get(param)
    }

    /// What a parameter was in the last tick, with the wires that move it.
    pub fn value_at(&self, (step, param): (usize, usize)) -> Option<&ParamValue> {
        self.steps.get(step)?.params.get(param)
    }

    /// Whether the nodes are asked what the patch should keep, as they are unless told otherwise. To
    /// write that down takes them time, which is wasted where nobody keeps it.
    pub fn set_keeps(&mut self, on: bool) {
        self.keeps = on;
    }

    /// Asks the nodes what the patch should keep; `keep` gets node, parameter and value.
    pub fn keepsakes(&mut self, mut keep: impl FnMut(&str, &str, ParamValue)) {
        let num_asked = if self.keeps { self.steps.len() } else { 0 };
        let asked = self.steps.iter_mut().take(num_asked);
        for (step, state) in self.running.plan.steps.iter().zip(asked) {
            if let Some((param, value)) = state.keepsake() {
                keep(&step.id, param, value);
            }
        }
    }

    /// Takes a prepared plan. Instances that need no rebuilding go on with their state; rebuilt
    /// ones adopt it. Gives the plan back untouched if another was taken since it was prepared.
    #[allow(clippy::result_large_err)] // the plan is moved, not copied, and the case is rare
    pub fn swap(&mut self, prepared: Prepared) -> Result<Garbage, Prepared> {
        if prepared.generation() != self.running.generation {
            return Err(prepared);
        }
        Ok(self.install(prepared))
    }

    fn install(&mut self, prepared: Prepared) -> Garbage {
        let (running, cx, fresh) = prepared.into_parts();
        let plan = running.plan.clone();
        let same_clock = plan.clock == self.running.plan.clock;
        let old_plan = self.running.plan.clone();
        let old: BTreeMap<&str, usize> =
            old_plan.steps.iter().enumerate().map(|(i, s)| (s.id.as_str(), i)).collect();
        let mut steps = Vec::with_capacity(plan.steps.len());
        let mut values: Vec<Box<[Value]>> = Vec::with_capacity(plan.steps.len());
        for (step, fresh) in plan.steps.iter().zip(fresh) {
            let before = old.get(step.id.as_str()).copied();
            let before = before.filter(|&i| old_plan.steps[i].spec.kind == step.spec.kind);
            let old = before.map(|i| (&old_plan.steps[i], &mut self.steps[i]));
            let state = StepState::new(step, fresh, old, same_clock, &mut self.reports);
            let mut slots = vec![Value::Empty; step.num_slots()];
            if let Some(i) = before {
                state::carry_slots(
                    step,
                    &mut slots,
                    &old_plan.steps[i],
                    &mut self.values[i],
                    &state,
                );
            }
            values.push(slots.into());
            steps.push(state);
        }
        state::mark_key_readers(&plan, &mut steps);
        let garbage = Garbage {
            _running: std::mem::replace(&mut self.running, running),
            _steps: std::mem::replace(&mut self.steps, steps),
            _values: std::mem::replace(&mut self.values, values),
        };
        self.cx = cx;
        if !same_clock {
            self.next_frame = self.running.plan.clock.frames_in(self.next_sample);
        }
        self.emit_delays();
        garbage
    }

    fn tick(&self, rate: Rate, sample: u64) -> Tick {
        Tick {
            rate,
            sample,
            frame: self.next_frame,
            clock: self.running.plan.clock,
            seed: self.cx.seed.unwrap_or(self.running.plan.seed),
            num_missed: 0,
        }
    }

    /// All delays take their inputs before any of them gives its output, so that a chain of
    /// delays delays by its length.
    fn run_delays(
        &mut self,
        plan: &Plan,
        rate: Rate,
        mode: FrameMode,
        tick: Tick,
        audio: &AudioBlock,
    ) {
        let missed = if rate == Rate::Frame { self.num_missed } else { 0 };
        // The tick of a delay that runs now.
        let tick_of = |engine: &Self, i: u32| {
            let step = &plan.steps[i as usize];
            let runs = step.rate == rate
                && (mode != FrameMode::Late || step.runs_late)
                && engine.is_heard(i);
            let num_missed = if step.runs_late { 0 } else { missed };
            runs.then_some(Tick { num_missed, ..tick })
        };
        for &i in &plan.delays {
            if let Some(tick) = tick_of(self, i) {
                self.latch(plan, i as usize, tick, audio);
            }
        }
        for &i in &plan.delays {
            if let Some(tick) = tick_of(self, i) {
                self.run(plan, i as usize, tick, audio);
            }
        }
    }

    /// Delays show their first value before the first tick.
    fn emit_delays(&mut self) {
        let plan = self.running.plan.clone();
        let silence = std::mem::take(&mut self.silence);
        for &i in &plan.delays {
            if self.values[i as usize].iter().all(|v| matches!(v, Value::Empty)) {
                let tick = self.tick(plan.steps[i as usize].rate, self.next_sample);
                self.run(&plan, i as usize, tick, &silence);
            }
        }
        self.silence = silence;
    }

    fn accumulate(&mut self, plan: &Plan, i: usize) {
        let step = &plan.steps[i];
        let (outputs, gathered) = self.values[i].split_at_mut(step.spec.outputs.len());
        for acc in &step.accumulators {
            let slot = (acc.slot as usize).checked_sub(outputs.len());
            let slot = slot.and_then(|s| gathered.get_mut(s));
            if let (Some(slot), Some(output)) = (slot, outputs.get(acc.output as usize)) {
                slot.gather(output);
            }
        }
    }

    fn clear_accumulators(&mut self, plan: &Plan, mode: FrameMode) {
        for (step, slots) in plan.steps.iter().zip(&mut self.values) {
            let is_seen = |acc: &&Accumulator| mode != FrameMode::Late || !acc.awaits_picture;
            for acc in step.accumulators.iter().filter(is_seen) {
                if let Some(slot) = slots.get_mut(acc.slot as usize) {
                    slot.clear_gathered();
                }
            }
        }
    }
}
