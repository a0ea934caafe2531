//! What the parameters are now, for whoever shows them outside.

use std::sync::{Arc, Mutex, PoisonError};

use lumawire_core::ParamValue;
use lumawire_core::control::Score;
use lumawire_core::plan::Plan;

use crate::engine::Engine;

/// What a parameter is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// What it is bound to, or what the patch says; options are their indices. `None` for text and
    /// files.
    pub base: Option<f64>,
    /// With the wires that move it.
    pub value: Option<f64>,
}

/// The latest readings of all parameters. The engine writes, and never waits; others read.
#[derive(Debug, Default)]
pub struct Board {
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    plan: Option<Arc<Plan>>,
    sample: u64,
    /// By step and parameter.
    readings: Vec<Vec<Reading>>,
    cue: Option<String>,
    score: Option<Arc<Score>>,
}

impl Board {
    /// The plan that the readings belong to, once there is one.
    pub fn plan(&self) -> Option<Arc<Plan>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).plan.clone()
    }

    /// The sample at which the readings were taken.
    pub fn sample(&self) -> u64 {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).sample
    }

    /// The reading of a parameter.
    pub fn reading(&self, node: &str, param: &str) -> Option<Reading> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = latest.plan.as_ref()?;
        let step = plan.steps.iter().position(|step| step.id == node)?;
        let param = plan.steps[step].spec.param(param)?;
        latest.readings.get(step)?.get(param).copied()
    }

    /// Copies the readings into `readings`, by step and parameter of the plan that is returned.
    pub fn read_into(&self, readings: &mut Vec<Vec<Reading>>) -> Option<Arc<Plan>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        readings.clone_from(&latest.readings);
        latest.plan.clone()
    }

    /// The name of the cue that came last.
    pub fn cue(&self) -> Option<String> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).cue.clone()
    }

    /// The bindings, presets and cues that count now, once the engine runs.
    pub fn score(&self) -> Option<Arc<Score>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).score.clone()
    }

    /// The engine's side: takes new readings, unless somebody is just reading.
    pub(super) fn update(&self, engine: &Engine, score: &Arc<Score>, cue: Option<&str>) {
        let mut latest = match self.latest.try_lock() {
            Ok(latest) => latest,
            Err(std::sync::TryLockError::Poisoned(error)) => error.into_inner(),
            Err(std::sync::TryLockError::WouldBlock) => return,
        };
        let plan = engine.plan();
        if latest.plan.as_ref().is_none_or(|old| !Arc::ptr_eq(old, plan)) {
            latest.plan = Some(plan.clone());
            let blank = plan.steps.iter().map(|s| vec![Reading::default(); s.params.len()]);
            latest.readings = blank.collect();
        }
        latest.sample = engine.next_sample();
        if latest.score.as_ref().is_none_or(|old| !Arc::ptr_eq(old, score)) {
            latest.score = Some(score.clone());
        }
        if latest.cue.as_deref() != cue {
            latest.cue = cue.map(str::to_owned);
        }
        for (step, readings) in latest.readings.iter_mut().enumerate() {
            for (param, reading) in readings.iter_mut().enumerate() {
                let number = |value: Option<&ParamValue>| value.and_then(ParamValue::as_f64);
                reading.base = number(engine.base_at((step, param)));
                reading.value = number(engine.value_at((step, param)));
            }
        }
    }
}
