//! What is still to be done to the parameters of one rate.
//!
//! Where a render looks ahead, the sound runs ahead of the frames: what counts from a sample on must
//! reach the steps of block rate in that sample's block, and those of frame rate in that sample's
//! frame. So each rate has a lane of its own, with the same events.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use lumawire_core::control::Curve;
use lumawire_core::{ParamValue, Rate};

use crate::engine::Engine;

/// Step and parameter of a target in the plan that runs.
pub(super) type Places = HashMap<String, (usize, usize)>;

/// What an event means for parameters.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Set(String, ParamValue),
    Free(String),
    Press(String, u32),
    Go(Arc<Goal>),
}

/// Values to go to.
#[derive(Debug)]
pub(super) struct Goal {
    pub values: Vec<(String, ParamValue)>,
    pub num_samples: u64,
    pub curve: Curve,
}

/// A parameter on its way.
#[derive(Debug)]
struct Morph {
    target: String,
    from: f64,
    to: f64,
    start: u64,
    goal: Arc<Goal>,
}

/// Waiting actions and running morphs of the steps of one rate.
#[derive(Debug)]
pub(super) struct Lane {
    rate: Rate,
    waiting: VecDeque<(u64, Action)>,
    /// What left 0 in this tick, and what goes back to 0 in the next for that: a button that was
    /// pressed between two ticks is seen pressed in one.
    pressed: Vec<String>,
    released: Vec<(u64, Action)>,
    morphs: Vec<Morph>,
}

impl Lane {
    pub fn new(rate: Rate) -> Self {
        let (pressed, released) = (Vec::new(), Vec::new());
        Self { rate, waiting: VecDeque::new(), pressed, released, morphs: Vec::new() }
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
        self.released.clear();
        self.morphs.clear();
    }

    /// Lets `action` count from `sample` on. Samples must not fall.
    pub fn put(&mut self, sample: u64, action: Action) {
        self.waiting.push_back((sample, action));
    }

    /// Does what counts up to and with `sample`.
    pub fn advance(&mut self, engine: &mut Engine, places: &Places, sample: u64) {
        self.pressed.clear();
        for (at, action) in std::mem::take(&mut self.released) {
            self.act(engine, places, at, action);
        }
        while self.waiting.front().is_some_and(|(at, _)| *at <= sample) {
            let Some((at, action)) = self.waiting.pop_front() else { break };
            if !self.waits(engine, places, at, &action) {
                self.act(engine, places, at, action);
            }
        }
        self.morphs.retain(|morph| {
            let elapsed = sample.saturating_sub(morph.start) as f64;
            let x = elapsed / morph.goal.num_samples.max(1) as f64;
            let v = morph.from + (morph.to - morph.from) * morph.goal.curve.at(x);
            if let Some(place) = places.get(&morph.target) {
                engine.bind_at(*place, Some(&ParamValue::Float(v)));
            }
            x < 1.0
        });
    }

    /// Whether it lets go of what was pressed in this tick, and so waits for the next.
    fn waits(&mut self, engine: &Engine, places: &Places, at: u64, action: &Action) -> bool {
        let Action::Set(target, value) = action else { return false };
        let Some(place) = self.place(engine, places, target) else { return false };
        self.released.retain(|(_, earlier)| !matches!(earlier, Action::Set(t, _) if t == target));
        let is_off = |value: Option<&ParamValue>| value.and_then(ParamValue::as_f64) == Some(0.0);
        match (is_off(engine.base_at(place)), is_off(Some(value))) {
            (true, false) => self.pressed.push(target.clone()),
            (false, true) if self.pressed.contains(target) => {
                self.released.push((at, action.clone()));
                return true;
            }
            _ => {}
        }
        false
    }

    fn act(&mut self, engine: &mut Engine, places: &Places, at: u64, action: Action) {
        match action {
            Action::Set(target, value) => self.bind(engine, places, &target, Some(&value)),
            Action::Free(target) => self.bind(engine, places, &target, None),
            Action::Press(target, hits) => {
                let Some(place) = self.place(engine, places, &target) else { return };
                let count = engine.base_at(place).and_then(ParamValue::as_f64).unwrap_or(0.0);
                let value = ParamValue::Int((count as i64).saturating_add(i64::from(hits)));
                self.bind(engine, places, &target, Some(&value));
            }
            Action::Go(goal) => {
                for (target, value) in &goal.values {
                    self.go(engine, places, at, target, value, &goal);
                }
            }
        }
    }

    /// Sets out for a value, or is there at once where nothing lies between.
    fn go(
        &mut self,
        engine: &mut Engine,
        places: &Places,
        at: u64,
        target: &str,
        value: &ParamValue,
        goal: &Arc<Goal>,
    ) {
        let Some(place) = self.place(engine, places, target) else { return };
        let from = match engine.base_at(place) {
            Some(ParamValue::Float(from)) if goal.num_samples > 0 => *from,
            _ => return self.bind(engine, places, target, Some(value)),
        };
        let Some(to) = value.as_f64().filter(|v| v.is_finite()) else { return };
        self.morphs.retain(|morph| morph.target != target);
        let (target, goal) = (target.to_owned(), goal.clone());
        self.morphs.push(Morph { target, from, to, start: at, goal });
    }

    fn bind(
        &mut self,
        engine: &mut Engine,
        places: &Places,
        target: &str,
        value: Option<&ParamValue>,
    ) {
        if let Some(place) = self.place(engine, places, target) {
            self.morphs.retain(|morph| morph.target != target);
            engine.bind_at(place, value);
        }
    }

    /// Where `target` is, if it is of this lane's rate.
    fn place(&self, engine: &Engine, places: &Places, target: &str) -> Option<(usize, usize)> {
        let place = *places.get(target)?;
        let rate = engine.plan().steps.get(place.0)?.rate;
        ((rate == Rate::Frame) == (self.rate == Rate::Frame)).then_some(place)
    }
}
