//! One step in one tick: parameters, cache, the node itself, keys.

use std::any::Any;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use lumawire_core::plan::{Plan, Step};
use lumawire_core::{AudioBlock, Inputs, Io, NodeError, Outputs, ParamValue, Params, Tick, Value};

use super::Engine;
use super::state::StepState;

/// The fault that a caught panic stands for.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> NodeError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    NodeError::Panicked(text.unwrap_or("panic without a message").to_owned())
}

impl Engine {
    /// Runs step `i`, unless its cached outputs serve.
    pub(super) fn run(&mut self, plan: &Plan, i: usize, tick: Tick, audio: &AudioBlock) {
        let step = &plan.steps[i];
        if !self.steps[i].can_run() {
            hush(&mut self.values[i][..step.spec.outputs.len()]);
            return;
        }
        self.modulate(step, i);
        let key = self.steps[i].cached.then(|| self.key_of(step, i, tick));
        if key.is_some() && key == self.steps[i].last_key && !holds_lost(&self.values[i]) {
            self.steps[i].skips += 1;
            return;
        }
        let result = self.process(step, i, tick, audio);
        let state = &mut self.steps[i];
        // After a failure the slots hold an older result: neither it nor what is made of it may pass
        // for this key's.
        let key = key.filter(|_| result.is_ok());
        state.last_key = key;
        state.runs += 1;
        if result.is_err() {
            hush(&mut self.values[i][..step.spec.outputs.len()]);
        }
        self.settle(step, i, result);
        if self.steps[i].keyed {
            self.write_keys(i, key);
        }
    }

    /// A delay takes its inputs.
    pub(super) fn latch(&mut self, plan: &Plan, i: usize, tick: Tick, audio: &AudioBlock) {
        let step = &plan.steps[i];
        if !self.steps[i].can_run() {
            return;
        }
        self.modulate(step, i);
        let state = &mut self.steps[i];
        let Some(node) = &mut state.node else { return };
        let io = Io {
            tick,
            inputs: Inputs::new(&self.values, &step.inputs),
            outputs: Outputs::new(&mut []),
            params: Params::new(&state.params),
            transport_audio: audio,
        };
        let result = guard(|| node.latch(&io));
        if result.is_err() {
            self.settle(step, i, result);
        }
    }

    fn process(&mut self, step: &Step, i: usize, tick: Tick, audio: &AudioBlock) -> Outcome {
        let _span = tracing::trace_span!("node", id = %step.id).entered();
        let started = self.timing.then(Instant::now);
        let mut slots = std::mem::take(&mut self.values[i]);
        let state = &mut self.steps[i];
        let num_outputs = step.spec.outputs.len();
        let mut io = Io {
            tick,
            inputs: Inputs::new(&self.values, &step.inputs),
            outputs: Outputs::new(&mut slots[..num_outputs]),
            params: Params::new(&state.params),
            transport_audio: audio,
        };
        let result = match &mut state.node {
            Some(node) => guard(|| node.process(&mut io)),
            None => Ok(()),
        };
        self.values[i] = slots;
        if let Some(started) = started {
            state.spent += started.elapsed();
        }
        result
    }

    /// Reports a change of health, once.
    fn settle(&mut self, step: &Step, i: usize, result: Outcome) {
        let state = &mut self.steps[i];
        let error = match result {
            Ok(()) => None,
            Err(Failure::Error(error)) => Some(error),
            Err(Failure::Panic(error)) => {
                state.dead = true;
                Some(error)
            }
        };
        if error != state.error {
            state.error = error;
            self.reports.push(&step.id, state.fault().cloned());
        }
    }

    /// `clamp(base + Σ control · depth)` for every parameter that a wire reaches: the one place
    /// where a parameter's value is decided.
    fn modulate(&mut self, step: &Step, i: usize) {
        let state = &mut self.steps[i];
        let mut from = 0;
        while let Some(first) = step.modulations.get(from) {
            let p = first.param as usize;
            let of_param = |m: &&lumawire_core::plan::Modulation| m.param as usize == p;
            let mut sum = 0.0_f64;
            for m in step.modulations[from..].iter().take_while(of_param) {
                let slots = &self.values[m.source.0 as usize];
                if let Some(Value::Control(v)) = slots.get(m.source.1 as usize) {
                    sum += f64::from(*v) * f64::from(m.depth);
                }
                from += 1;
            }
            let base = state.base[p].as_f64().unwrap_or(0.0);
            if let Some(value) = step.spec.params[p].accept(&ParamValue::Float(base + sum)) {
                state.params[p] = value;
            }
        }
    }

    /// The content key of a cached step: its kind, parameters, and the keys of what it reads.
    fn key_of(&self, step: &Step, i: usize, tick: Tick) -> u64 {
        let mut hasher = DefaultHasher::new();
        (step.spec.kind, step.spec.version, tick.seed).hash(&mut hasher);
        for param in &self.steps[i].params {
            hash_param(param, &mut hasher);
        }
        for source in &step.inputs {
            let key = source.map(|(s, o)| self.steps[s as usize].keys[o as usize]);
            key.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Keys of the outputs: derived from the step's own key where it has one, else from the
    /// content, else new at every run.
    fn write_keys(&mut self, i: usize, key: Option<u64>) {
        let state = &mut self.steps[i];
        for (o, (slot, value)) in state.keys.iter_mut().zip(&self.values[i]).enumerate() {
            let mut hasher = DefaultHasher::new();
            match (key, value.content_key()) {
                (Some(key), _) => (key, o).hash(&mut hasher),
                (None, Some(content)) => content.hash(&mut hasher),
                (None, None) => (i, o, state.runs).hash(&mut hasher),
            }
            *slot = hasher.finish();
        }
    }
}

impl StepState {
    fn can_run(&self) -> bool {
        self.node.is_some() && !self.dead
    }
}

/// Whether a picture went with its device: what made it must make it again.
fn holds_lost(slots: &[Value]) -> bool {
    slots.iter().any(|slot| matches!(slot, Value::Image(image) if image.is_lost()))
}

/// Takes back what is new in one tick only: a node that did not run has no hits and no new rows.
/// Levels, latents and pictures stay.
fn hush(slots: &mut [Value]) {
    for slot in slots {
        match slot {
            Value::Trigger(hits) => *hits = 0,
            Value::Bands(rows) | Value::Chroma(rows) if rows.num_fresh() > 0 => {
                let rows = Arc::make_mut(rows);
                rows.begin(rows.num_bins());
            }
            Value::Spectrum(spectrum) if spectrum.hops.num_fresh() > 0 => {
                let hops = &mut Arc::make_mut(spectrum).hops;
                hops.begin(hops.num_bins());
            }
            _ => {}
        }
    }
}

enum Failure {
    Error(NodeError),
    Panic(NodeError),
}

type Outcome = Result<(), Failure>;

fn guard(run: impl FnOnce() -> Result<(), NodeError>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(Failure::Error),
        Err(panic) => Err(Failure::Panic(panicked(panic.as_ref()))),
    }
}

fn hash_param(param: &ParamValue, hasher: &mut DefaultHasher) {
    match param {
        ParamValue::Bool(v) => v.hash(hasher),
        ParamValue::Int(v) => v.hash(hasher),
        ParamValue::Float(v) => v.to_bits().hash(hasher),
        ParamValue::Text(v) => v.hash(hasher),
        ParamValue::File(v) => (&v.path, &v.sha256).hash(hasher),
        ParamValue::Raw(v) => v.to_string().hash(hasher),
    }
}
