//! From the moves of controls to events, by a patch's bindings.

use std::sync::Arc;
use std::time::Duration;

use lumawire_core::control::{Binding, BindingMode, Midi, Score};
use lumawire_core::plan::Plan;
use lumawire_core::{Domain, Param, ParamValue};

use super::keys::Keys;
use super::message::Message;
use super::touch::{Hands, Moved, Touch, is_same};
use crate::control::Event;

/// What is sent is taken for what is, for so long: the board shows it later.
const SETTLED: Duration = Duration::from_millis(150);
/// From here on a control of 7 bits counts as pressed.
const PRESSED: u8 = 64;
/// How near, in parts of the range, a fader must come to pick a value up.
const NEAR: f64 = 0.02;
/// Steps of an endless knob from one end of a range to the other.
const STEPS: f64 = 128.0;

/// Where a parameter stands, by its target: its own value, without what wires add. Options count as
/// their indices.
pub type Readings<'a> = &'a dyn Fn(&str) -> Option<f64>;

/// A device's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// A number of its own.
    pub number: u32,
    /// Its name.
    pub name: String,
}

/// A parameter and the control that it is bound to.
#[derive(Debug)]
pub(super) struct Bound {
    pub target: String,
    pub midi: Midi,
    binding: Binding,
    param: &'static Param,
    /// The value that was sent last, and when.
    sent: Option<(Duration, f64)>,
    /// The control's last place and 7 bits.
    last: Option<(f64, u8)>,
    /// Soft take-over: whether the fader has come past the value.
    has_picked_up: bool,
    /// The port whose key is held.
    held_by: Option<u32>,
    /// When the control moved, and on which channel.
    pub moved: Option<(Duration, u8)>,
}

/// Turns messages into events.
#[derive(Default)]
pub struct Mapper {
    plan: Option<Arc<Plan>>,
    score: Arc<Score>,
    bound: Vec<Bound>,
    hands: Hands,
    keys: Keys,
}

impl Mapper {
    /// Takes the bindings and presets of a patch.
    pub fn set_score(&mut self, score: Arc<Score>) {
        self.score = score;
        self.bind();
    }

    /// Takes the plan that runs, from which it knows the parameters.
    pub fn set_plan(&mut self, plan: Option<Arc<Plan>>) {
        let is_same = match (&plan, &self.plan) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (new, old) => new.is_none() && old.is_none(),
        };
        if !is_same {
            self.plan = plan;
            self.bind();
        }
    }

    pub(super) fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// What a message of a port means, at `now` of a clock of the caller's.
    pub fn take(
        &mut self,
        port: &Port,
        now: Duration,
        message: &Message,
        readings: Readings<'_>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if let Message::Program { number, .. } = message {
            let meant = self.score.presets.iter().filter(|(_, p)| p.program == Some(*number));
            let recall = |name: &String| Event::Recall { preset: name.clone(), morph_secs: None };
            events.extend(meant.map(|(name, _)| recall(name)));
        }
        for moved in self.hands.take(port.number, message).into_iter().flatten() {
            let meant = self.bound.iter_mut().filter(|bound| bound.is_meant(port, &moved));
            events.extend(meant.filter_map(|bound| bound.take(port, now, &moved, readings)));
        }
        if let Some(plan) = &self.plan {
            events.extend(self.keys.take(port.number, message, plan));
        }
        events
    }

    /// Releases what is held on a port that is gone.
    pub fn forget(&mut self, port: &Port) -> Vec<Event> {
        self.hands.forget(port.number);
        let held = self.bound.iter_mut().filter(|bound| bound.held_by == Some(port.number));
        let mut events: Vec<Event> = held.filter_map(Bound::release).collect();
        if let Some(plan) = &self.plan {
            events.extend(self.keys.forget(port.number, plan));
        }
        events
    }

    /// Finds the parameters that are bound. What a binding knew goes on where it is the same.
    fn bind(&mut self) {
        let mut old = std::mem::take(&mut self.bound);
        let Some(plan) = &self.plan else { return };
        for (target, binding) in &self.score.bindings {
            let (Some(midi), Some(param)) = (&binding.midi, param_of(plan, target)) else {
                continue;
            };
            let is_it = |b: &Bound| b.target == *target && b.binding == *binding;
            let bound = match old.iter().position(is_it) {
                Some(i) => Bound { param, ..old.swap_remove(i) },
                None => Bound::new(target, midi, binding, param),
            };
            self.bound.push(bound);
        }
    }
}

/// The parameter of a plan that a target names, if it can be steered.
pub(super) fn param_of(plan: &Plan, target: &str) -> Option<&'static Param> {
    let (node, param) = target.split_once('.')?;
    let step = plan.steps.iter().find(|step| step.id == node)?;
    let param = step.spec.params.get(step.spec.param(param)?)?;
    param.is_steerable().then_some(param)
}

impl Bound {
    fn new(target: &str, midi: &Midi, binding: &Binding, param: &'static Param) -> Self {
        Self {
            target: target.to_owned(),
            midi: midi.clone(),
            binding: binding.clone(),
            param,
            sent: None,
            last: None,
            has_picked_up: false,
            held_by: None,
            moved: None,
        }
    }

    fn is_meant(&self, port: &Port, moved: &Moved) -> bool {
        is_same(self.midi.source, moved.source)
            && self.midi.channel.is_none_or(|channel| channel == moved.channel)
            && self.is_on(&port.name)
    }

    /// Whether it is bound to the device of this name.
    pub fn is_on(&self, name: &str) -> bool {
        let lower = |s: &str| s.to_lowercase();
        self.midi.device.as_ref().is_none_or(|part| lower(name).contains(&lower(part)))
    }

    /// Whether its value can be shown by the control.
    pub fn gives_back(&self) -> bool {
        self.binding.mode != BindingMode::Press
    }

    /// Where a value stands between what 0 and 1 of the control mean.
    pub fn place(&self, value: f64) -> f64 {
        let on_slider = || self.param.place_of(&ParamValue::Float(value));
        match self.binding.range {
            Some([low, high]) if low != high => ((value - low) / (high - low)).clamp(0.0, 1.0),
            Some(_) => 0.0,
            None => on_slider().unwrap_or(0.0),
        }
    }

    fn value_at(&self, x: f64) -> Option<ParamValue> {
        match self.binding.range {
            Some([low, high]) => Some(ParamValue::Float(low + x * (high - low))),
            None => self.param.at(x),
        }
    }

    fn take(
        &mut self,
        port: &Port,
        now: Duration,
        moved: &Moved,
        readings: Readings<'_>,
    ) -> Option<Event> {
        self.moved = Some((now, moved.channel));
        let touch = moved.touch;
        let pressed = self.is_press(touch);
        let before = self.last;
        if let Touch::Level { x, raw } = touch {
            self.last = Some((x, raw));
        }
        self.held_by = matches!(touch, Touch::On(_)).then_some(port.number);
        let value = match self.binding.mode {
            BindingMode::Press => {
                return pressed.then(|| Event::Press { target: self.target.clone(), hits: 1 });
            }
            BindingMode::Toggle if !pressed => return None,
            BindingMode::Toggle => self.turned(self.current(now, readings)),
            BindingMode::Relative => {
                let Touch::Level { raw, .. } = touch else { return None };
                self.stepped(self.current(now, readings), self.binding.steps.steps(raw))
            }
            BindingMode::Follow => {
                let x = self.followed(touch);
                let is_fader = matches!(touch, Touch::Level { .. }) && self.binding.pickup;
                if is_fader && !self.picks_up(now, before.map(|(x, _)| x), x, readings) {
                    return None;
                }
                self.value_at(x)
            }
        };
        self.set(now, value?)
    }

    fn set(&mut self, now: Duration, value: ParamValue) -> Option<Event> {
        let value = self.param.take(&value)?;
        self.sent = value.as_f64().map(|v| (now, v));
        Some(Event::Set { target: self.target.clone(), value })
    }

    fn release(&mut self) -> Option<Event> {
        self.held_by = None;
        if self.binding.mode != BindingMode::Follow {
            return None;
        }
        let value = self.param.take(&self.value_at(0.0)?)?;
        Some(Event::Set { target: self.target.clone(), value })
    }

    /// Whether the move is a press: a key struck, or a control that rises to its upper half. One
    /// that says the same again is a pad that sends nothing when it is released.
    fn is_press(&self, touch: Touch) -> bool {
        match touch {
            Touch::On(_) => true,
            Touch::Off => false,
            Touch::Level { raw, .. } => {
                let before = self.last.map(|(_, raw)| raw);
                raw >= PRESSED && before.is_none_or(|b| b < PRESSED || b == raw)
            }
        }
    }

    fn followed(&self, touch: Touch) -> f64 {
        match touch {
            Touch::Level { x, .. } => x,
            // A switch is on however softly the key was struck.
            Touch::On(_) if matches!(self.param.domain, Domain::Bool { .. }) => 1.0,
            Touch::On(velocity) => velocity,
            Touch::Off => 0.0,
        }
    }

    /// What it is now: what was just sent, or else what the board shows.
    fn current(&self, now: Duration, readings: Readings<'_>) -> f64 {
        let recent = self.sent.filter(|(at, _)| now.saturating_sub(*at) < SETTLED);
        let shown = || readings(&self.target);
        let default = || self.param.default_value().as_f64();
        recent.map(|(_, v)| v).or_else(shown).or_else(default).unwrap_or(0.0)
    }

    fn turned(&self, current: f64) -> Option<ParamValue> {
        if matches!(self.param.domain, Domain::Bool { .. }) {
            return Some(ParamValue::Bool(current <= 0.5));
        }
        self.value_at(if self.place(current) > 0.5 { 0.0 } else { 1.0 })
    }

    fn stepped(&self, current: f64, steps: i32) -> Option<ParamValue> {
        if steps == 0 {
            return None;
        }
        let ends = self.binding.range.map(|[a, b]| (a.min(b), a.max(b)));
        // What has few values goes from one to the next; a wide range takes as many as a real one.
        let whole = |low: f64, high: f64| {
            let (low, high) = ends.unwrap_or((low, high));
            let step = ((high - low) / STEPS).round().max(1.0);
            ParamValue::Float((current + f64::from(steps) * step).clamp(low, high))
        };
        match self.param.domain {
            Domain::Bool { .. } => Some(ParamValue::Bool(steps > 0)),
            Domain::Int { soft: (low, high), .. } => Some(whole(low as f64, high as f64)),
            Domain::Choice { options, .. } => {
                Some(whole(0.0, options.len().saturating_sub(1) as f64))
            }
            _ => {
                let x = self.place(current) + f64::from(steps) / STEPS;
                self.value_at(x.clamp(0.0, 1.0))
            }
        }
    }

    /// Soft take-over: whether the fader has the value, or just came near or past it.
    fn picks_up(
        &mut self,
        now: Duration,
        before: Option<f64>,
        x: f64,
        readings: Readings<'_>,
    ) -> bool {
        let place = self.place(self.current(now, readings));
        let sent = self.sent.map(|(_, v)| self.place(v));
        // Somebody else has moved it.
        if sent.is_some_and(|sent| (sent - place).abs() > NEAR) {
            self.has_picked_up = false;
        }
        let has_passed = before.is_some_and(|before| (before - place) * (x - place) <= 0.0);
        self.has_picked_up |= has_passed || (x - place).abs() <= NEAR;
        self.has_picked_up
    }
}
