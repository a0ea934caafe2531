//! The engine's side of a probe.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use lumawire_core::plan::Plan;
use lumawire_core::{AudioBlock, Rate, Value};

use super::thumbnails::Thumbnails;
use super::trace::{Thumbnail, Trace};
use super::{Load, Output, OutputId, Seen, Shared};
use crate::engine::Engine;
use crate::show::Tap;

/// Thumbnails of one output a second, at most.
const THUMBNAIL_HZ: f64 = 15.0;
/// Thumbnails that are taken at one frame, at most.
const MAX_TAKEN: usize = 4;
/// Seconds of sound over which a node's time is averaged.
const LOAD_SECS: f64 = 0.5;

/// Looks at what an engine's outputs hold, as the block before left them. It never waits, and looks
/// only at what the [`Probe`](super::Probe) was told to.
pub struct ProbeTap {
    shared: Arc<Mutex<Shared>>,
    thumbnails: Box<dyn Thumbnails>,
    plan: Option<Arc<Plan>>,
    /// Whether the outputs were found in the plan.
    is_found: bool,
    /// In the order of the shared ones.
    watched: Vec<Watched>,
    /// The key of the next output that is looked at.
    next_key: usize,
    /// The output whose picture is asked for next.
    next_asked: usize,
    /// The engine's frame at the last look.
    frame: u64,
    loads: Loads,
}

struct Watched {
    id: OutputId,
    key: usize,
    place: Option<Place>,
    trace: Trace,
}

/// Where an output is in the plan.
#[derive(Clone, Copy)]
struct Place {
    step: u32,
    output: usize,
    rate: Rate,
}

impl Watched {
    fn value<'a>(&self, engine: &'a Engine) -> &'a Value {
        self.place.map_or(&Value::Empty, |place| engine.output(place.step, place.output))
    }

    fn thumbnail(&mut self) -> Option<&mut Thumbnail> {
        match &mut self.trace {
            Trace::Picture(thumbnail) => Some(thumbnail),
            _ => None,
        }
    }
}

impl Tap for ProbeTap {
    fn hear(&mut self, engine: &Engine, _block: &AudioBlock, _num_samples: usize) {
        if self.plan.as_ref().is_none_or(|plan| !Arc::ptr_eq(plan, engine.plan())) {
            self.plan = Some(engine.plan().clone());
            self.is_found = false;
            self.loads.follow(engine);
        }
        if !self.is_found {
            self.find_all(engine.plan());
        }
        let is_new_frame = self.frame != engine.next_frame();
        self.frame = engine.next_frame();
        for watched in self.watched.iter_mut().filter(|watched| watched.trace.sees_ticks()) {
            let rate = watched.place.map(|place| place.rate);
            if is_new_frame || rate == Some(Rate::Block) {
                let value = watched.value(engine);
                watched.trace.tick(value);
            }
        }
        if is_new_frame {
            self.look(engine);
        }
    }
}

impl ProbeTap {
    pub(super) fn new(shared: Arc<Mutex<Shared>>, thumbnails: Box<dyn Thumbnails>) -> Self {
        Self {
            shared,
            thumbnails,
            plan: None,
            is_found: false,
            watched: Vec::new(),
            next_key: 0,
            next_asked: 0,
            frame: 0,
            loads: Loads::default(),
        }
    }

    /// What is looked at once a frame.
    fn look(&mut self, engine: &Engine) {
        for watched in self.watched.iter_mut().filter(|watched| watched.place.is_some()) {
            let value = watched.value(engine);
            watched.trace.frame(value);
        }
        self.take_thumbnails();
        self.ask_thumbnail(engine);
        self.loads.look(engine);
        let shared = self.shared.clone();
        let Some(mut shared) = try_lock(&shared) else { return };
        let outputs = self.watched.iter_mut().zip(&mut shared.outputs);
        for (watched, output) in outputs.filter(|(watched, _)| watched.place.is_some()) {
            let value = watched.value(engine);
            output.is_new |= watched.trace.show(value, &mut output.seen);
        }
        self.loads.show(&mut shared);
        if let Some(wanted) = shared.wanted.take() {
            self.watch(wanted, &mut shared);
        }
    }

    /// Goes over to other outputs. Those that were looked at before keep their histories.
    fn watch(&mut self, wanted: Vec<OutputId>, shared: &mut Shared) {
        let before = self.watched.drain(..).zip(shared.outputs.drain(..));
        let mut before: HashMap<_, _> = before.map(|old| (old.0.id.clone(), old)).collect();
        for id in wanted {
            let (watched, output) = before.remove(&id).unwrap_or_else(|| {
                self.next_key += 1;
                let (key, trace) = (self.next_key, Trace::Latest);
                let output = Output { id: id.clone(), seen: Seen::Nothing, is_new: false };
                (Watched { id, key, place: None, trace }, output)
            });
            self.watched.push(watched);
            shared.outputs.push(output);
        }
        // Looked for at the next block.
        self.is_found = false;
    }

    /// Finds what is looked at in a plan.
    fn find_all(&mut self, plan: &Plan) {
        let steps: HashMap<_, _> = plan.steps.iter().map(|s| s.id.as_str()).zip(0_u32..).collect();
        for watched in &mut self.watched {
            let (node, port) = &watched.id;
            let found = steps.get(node.as_str()).and_then(|&i| {
                let step = plan.steps.get(i as usize)?;
                let output = step.spec.output(port)?;
                let ty = step.spec.outputs.get(output)?.ty;
                Some((Place { step: i, output, rate: step.rate }, ty))
            });
            watched.place = found.map(|(place, _)| place);
            let Some((_, ty)) = found else { continue };
            let fresh = Trace::new(ty);
            if std::mem::discriminant(&fresh) != std::mem::discriminant(&watched.trace) {
                watched.trace = fresh;
            }
            if let Some(thumbnail) = watched.thumbnail() {
                // Another instance may have run as often.
                (thumbnail.shown_runs, thumbnail.asked) = (None, None);
            }
        }
        self.is_found = true;
    }

    fn take_thumbnails(&mut self) {
        for _ in 0..MAX_TAKEN {
            let Some((key, image)) = self.thumbnails.take() else { return };
            let watched = self.watched.iter_mut().find(|watched| watched.key == key);
            let Some(thumbnail) = watched.and_then(Watched::thumbnail) else { continue };
            let asked = thumbnail.asked.take();
            let size = asked.map_or((image.width_px, image.height_px), |(_, size)| size);
            thumbnail.shown_runs = asked.map(|(runs, _)| runs);
            (thumbnail.ready, thumbnail.is_new) = (Some((image, size)), true);
        }
    }

    /// Asks for one picture, of those that changed, each in its turn.
    fn ask_thumbnail(&mut self, engine: &Engine) {
        let clock = engine.plan().clock;
        let period = (f64::from(clock.sample_rate_hz) / THUMBNAIL_HZ) as u64;
        let now = engine.next_sample();
        let num = self.watched.len();
        for i in (0..num).map(|i| (self.next_asked + i) % num) {
            let watched = &mut self.watched[i];
            let (Some(place), Value::Image(image)) = (watched.place, watched.value(engine)) else {
                continue;
            };
            let key = watched.key;
            let Some(thumbnail) = watched.thumbnail() else { continue };
            let is_early = thumbnail.asked_at.is_some_and(|at| now.saturating_sub(at) < period);
            if is_early || image.is_lost() {
                continue;
            }
            let runs = engine.times().nth(place.step as usize).map_or(0, |time| time.runs);
            if thumbnail.shown_runs == Some(runs) {
                continue;
            }
            thumbnail.asked = Some((runs, (image.width_px, image.height_px)));
            thumbnail.asked_at = Some(now);
            self.thumbnails.ask(key, image);
            self.next_asked = i + 1;
            return;
        }
    }
}

/// How long the steps took.
#[derive(Default)]
struct Loads {
    /// By step of the plan: its id, its time at the last measure, its load.
    steps: Vec<(String, Duration, Load)>,
    /// The engine's sample and frame at the last measure.
    since: (u64, u64),
    is_new: bool,
}

impl Loads {
    fn follow(&mut self, engine: &Engine) {
        self.steps.clear();
        self.steps.extend(engine.times().map(|t| (t.id.to_owned(), t.total, Load::default())));
        self.since = (engine.next_sample(), engine.next_frame());
    }

    fn look(&mut self, engine: &Engine) {
        let period = f64::from(engine.plan().clock.sample_rate_hz) * LOAD_SECS;
        let (sample, frame) = (engine.next_sample(), engine.next_frame());
        let num_frames = frame.saturating_sub(self.since.1);
        if (sample.saturating_sub(self.since.0) as f64) < period || num_frames == 0 {
            return;
        }
        for ((_, before, load), time) in self.steps.iter_mut().zip(engine.times()) {
            let spent = time.total.saturating_sub(*before);
            *before = time.total;
            load.frame_ms = spent.as_secs_f64() * 1e3 / num_frames as f64;
        }
        (self.since, self.is_new) = ((sample, frame), true);
    }

    fn show(&mut self, shared: &mut Shared) {
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        let is_like = shared.loads.len() == self.steps.len()
            && shared.loads.iter().zip(&self.steps).all(|((id, _), (step, _, _))| id == step);
        if is_like {
            let steps = self.steps.iter().map(|(_, _, load)| *load);
            shared.loads.iter_mut().zip(steps).for_each(|((_, to), load)| *to = load);
        } else {
            shared.loads = self.steps.iter().map(|(id, _, load)| (id.clone(), *load)).collect();
        }
        shared.has_new_loads = true;
    }
}

fn try_lock(shared: &Mutex<Shared>) -> Option<MutexGuard<'_, Shared>> {
    match shared.try_lock() {
        Ok(shared) => Some(shared),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
