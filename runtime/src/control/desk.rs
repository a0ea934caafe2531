//! The desk: everything that steers the engine, in one order of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::control::{Cue, Curve, Moment, Preset, Score, target};
use lumawire_core::{Domain, ParamValue, Rate, Value};

use super::board::Board;
use super::event::{Event, Stamped};
use super::inbox::Remote;
use super::lane::{Action, Goal, Lane, Places};
use crate::engine::Engine;
use crate::transport::Song;

/// Frames between two readings for the board: nobody outside needs more.
const BOARD_HZ: f64 = 30.0;
/// Notices that may wait to be read.
const MAX_NOTICES: usize = 256;

/// Samples by which the sound may be off before that counts as a jump: a fiftieth of a second.
const MAX_DRIFT: u64 = 960;

/// What the desk did that somebody may want to keep or show.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A preset was stored: it belongs into the patch.
    Stored(String, Preset),
    /// A cue came.
    Cue(String),
    /// There is no preset or cue of this name.
    Unknown(String),
}

/// What steers an engine. [`Show`](crate::show::Show) calls it between blocks and before frames.
pub struct Desk {
    score: Arc<Score>,
    remote: Remote,
    board: Arc<Board>,
    notices: (Sender<Notice>, Receiver<Notice>),
    /// A recorded show's events, and how many of them have come.
    replay: (Vec<Stamped>, usize),
    record: Option<Box<dyn FnMut(&Stamped) + Send>>,
    batch: Vec<Event>,
    lanes: [Lane; 2],
    places: Places,
    generation: Option<u64>,
    cues: CueList,
    next_reading: u64,
}

/// Where the show is in the cue list.
#[derive(Debug, Default)]
struct CueList {
    /// Cues with a time, in order of it: sample and index.
    timed: Vec<(u64, usize)>,
    /// How many of them have come.
    num_come: usize,
    /// The cue that came last.
    last: Option<usize>,
    /// What the controls were that cues wait for.
    seen: Vec<Option<f64>>,
    /// The sound's sample less the engine's, after jumps.
    offset: i64,
    /// Whether the sound stands still, and with it the cues.
    stands: bool,
}

impl Desk {
    /// A desk with the presets and cues of a patch.
    pub fn new(score: Score) -> Self {
        Self {
            score: Arc::new(score),
            remote: Remote::default(),
            board: Arc::default(),
            notices: bounded(MAX_NOTICES),
            replay: (Vec::new(), 0),
            record: None,
            batch: Vec::new(),
            lanes: [Lane::new(Rate::Block), Lane::new(Rate::Frame)],
            places: Places::new(),
            generation: None,
            cues: CueList::default(),
            next_reading: 0,
        }
    }

    /// Plays recorded events, which must be in order of their samples.
    pub fn with_replay(mut self, events: Vec<Stamped>) -> Self {
        self.replay = (events, 0);
        self
    }

    /// Tells `record` every event that comes from outside. It must not block.
    pub fn with_record(mut self, record: impl FnMut(&Stamped) + Send + 'static) -> Self {
        self.record = Some(Box::new(record));
        self
    }

    /// What sends events to it.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Its bindings, presets and cues.
    pub fn score(&self) -> Arc<Score> {
        self.score.clone()
    }

    /// What shows the parameters.
    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    /// What it tells. What nobody reads is dropped.
    pub fn notices(&self) -> Receiver<Notice> {
        self.notices.1.clone()
    }

    /// Back to sample 0, with an engine that was reset: what was bound is free.
    pub(crate) fn reset(&mut self, engine: &mut Engine) {
        engine.free_all();
        self.lanes.iter_mut().for_each(Lane::clear);
        self.replay.1 = 0;
        self.generation = None;
        self.cues = CueList::default();
        self.next_reading = 0;
    }

    /// Before the engine's next block: notices where the sound was put meanwhile.
    pub(crate) fn hear(&mut self, engine: &Engine, song: Song) {
        let sample = engine.next_sample();
        let is_off = self.song_sample(sample).abs_diff(song.sample) > MAX_DRIFT;
        if song.runs == self.cues.stands || (song.runs && is_off) {
            let rate_hz = f64::from(engine.plan().clock.sample_rate_hz);
            let event = Event::Jump { secs: song.sample as f64 / rate_hz, stands: !song.runs };
            self.take(engine, sample, event);
        }
    }

    /// Before the engine's next block: takes what came, and steers what runs at blocks.
    pub(crate) fn before_block(&mut self, engine: &mut Engine) {
        self.follow(engine);
        let first = engine.next_sample();
        let last = first + (engine.plan().clock.block_len as u64).saturating_sub(1);
        self.take_mail(engine, first);
        while let Some(stamped) = self.replay.0.get(self.replay.1) {
            if stamped.sample > first {
                break;
            }
            let event = stamped.event.clone();
            self.replay.1 += 1;
            self.enact(engine, first, event);
        }
        self.cue_by_time(engine, last);
        self.lanes[0].advance(engine, &self.places, last);
    }

    /// After a block: looks whether a control has turned to what a cue waits for.
    pub(crate) fn after_block(&mut self, engine: &mut Engine) {
        for i in 0..self.score.cues.len() {
            let Moment::Turns { node, output, value } = &self.score.cues[i].0 else { continue };
            let now = match engine.output_of(node, output) {
                Value::Control(v) => Some(f64::from(*v)),
                _ => None,
            };
            let is_it = |v: Option<f64>| v.is_some_and(|v| (v - value).abs() < 1e-6);
            let turned = is_it(now) && !is_it(self.cues.seen.get(i).copied().flatten());
            if let Some(seen) = self.cues.seen.get_mut(i) {
                *seen = now;
            }
            if turned {
                let sample = engine.next_sample();
                self.call_cue(engine, sample, i);
            }
        }
    }

    /// Before a frame that falls due at `due`: steers what runs at frames.
    pub(crate) fn before_frame(&mut self, engine: &mut Engine, due: u64) {
        self.follow(engine);
        self.lanes[1].advance(engine, &self.places, due);
        if engine.next_sample() >= self.next_reading {
            let rate_hz = f64::from(engine.plan().clock.sample_rate_hz);
            self.next_reading = engine.next_sample() + (rate_hz / BOARD_HZ) as u64;
            let cue = self.cues.last.and_then(|i| self.score.cues.get(i));
            self.board.update(engine, &self.score, cue.map(|(_, cue)| cue.name.as_str()));
        }
    }

    /// Finds the parameters of a new plan.
    fn follow(&mut self, engine: &Engine) {
        if self.generation == Some(engine.generation()) {
            return;
        }
        self.generation = Some(engine.generation());
        self.places.clear();
        for (s, step) in engine.plan().steps.iter().enumerate() {
            for (p, param) in step.spec.params.iter().enumerate() {
                self.places.insert(target(&step.id, param.id), (s, p));
            }
        }
        self.time_cues(engine);
    }

    /// Puts the cues in order of time; those before the present moment do not come any more.
    fn time_cues(&mut self, engine: &Engine) {
        let rate_hz = f64::from(engine.plan().clock.sample_rate_hz);
        let timed =
            self.score.cues.iter().enumerate().filter_map(|(i, (moment, _))| match moment {
                Moment::Secs(secs) => Some(((secs * rate_hz).round().max(0.0) as u64, i)),
                _ => None,
            });
        self.cues.timed = timed.collect();
        self.cues.timed.sort_unstable();
        self.cues.seen.resize(self.score.cues.len(), None);
        self.skip_cues(engine.next_sample());
    }

    fn skip_cues(&mut self, sample: u64) {
        let now = self.song_sample(sample);
        self.cues.num_come = self.cues.timed.partition_point(|(at, _)| *at < now);
    }

    fn song_sample(&self, sample: u64) -> u64 {
        sample.saturating_add_signed(self.cues.offset)
    }

    fn take_mail(&mut self, engine: &Engine, sample: u64) {
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(score) = self.remote.take(&mut batch) {
            self.score = score;
            self.cues.last = None;
            self.time_cues(engine);
        }
        for event in batch.drain(..) {
            self.take(engine, sample, event);
        }
        self.batch = batch;
    }

    /// Something from outside: it is recorded, and done.
    fn take(&mut self, engine: &Engine, sample: u64, event: Event) {
        if let Some(record) = &mut self.record {
            record(&Stamped { sample, event: event.clone() });
        }
        self.enact(engine, sample, event);
    }

    fn cue_by_time(&mut self, engine: &Engine, last: u64) {
        if self.cues.stands {
            return;
        }
        let end = self.song_sample(last);
        while let Some(&(at, i)) = self.cues.timed.get(self.cues.num_come) {
            if at > end {
                break;
            }
            self.cues.num_come += 1;
            let sample = at.saturating_add_signed(-self.cues.offset);
            self.call_cue(engine, sample, i);
        }
    }

    fn enact(&mut self, engine: &Engine, sample: u64, event: Event) {
        match event {
            Event::Set { target, value } => self.put(sample, &Action::Set(target, value)),
            Event::Free { target } => self.put(sample, &Action::Free(target)),
            Event::Press { target, hits } => self.put(sample, &Action::Press(target, hits)),
            Event::Recall { preset, morph_secs } => {
                self.recall(engine, sample, &preset, morph_secs)
            }
            Event::Store { preset } => self.store(engine, &preset),
            Event::Cue { name } => {
                match self.score.cues.iter().position(|(_, cue)| cue.name == name) {
                    Some(i) => self.call_cue(engine, sample, i),
                    None => self.tell(Notice::Unknown(name)),
                }
            }
            Event::StepCue { by } => {
                let next = match self.cues.last {
                    Some(last) => last as i64 + i64::from(by),
                    None => i64::from(by) - 1,
                };
                if let Ok(i) = usize::try_from(next) {
                    self.call_cue(engine, sample, i);
                }
            }
            Event::Jump { secs, stands } => {
                let rate_hz = f64::from(engine.plan().clock.sample_rate_hz);
                let song = (secs.max(0.0) * rate_hz).round() as i64;
                self.cues.offset = song.saturating_sub(i64::try_from(sample).unwrap_or(i64::MAX));
                self.cues.stands = stands;
                self.skip_cues(sample);
            }
        }
    }

    fn put(&mut self, sample: u64, action: &Action) {
        for lane in &mut self.lanes {
            lane.put(sample, action.clone());
        }
    }

    fn recall(&mut self, engine: &Engine, sample: u64, name: &str, morph_secs: Option<f64>) {
        let Some(preset) = self.score.presets.get(name) else {
            return self.tell(Notice::Unknown(name.to_owned()));
        };
        let secs = morph_secs.unwrap_or(preset.morph_secs);
        let goal = goal(engine, preset.values.clone(), secs, preset.curve);
        self.put(sample, &goal);
    }

    fn call_cue(&mut self, engine: &Engine, sample: u64, i: usize) {
        let score = self.score.clone();
        let Some((_, cue)) = score.cues.get(i) else { return };
        self.cues.last = Some(i);
        let (secs, curve) = course(&score, cue);
        let goal = goal(engine, score.values_of(cue), secs, curve);
        self.put(sample, &goal);
        for target in &cue.press {
            self.put(sample, &Action::Press(target.clone(), 1));
        }
        self.tell(Notice::Cue(cue.name.clone()));
    }

    fn store(&mut self, engine: &Engine, name: &str) {
        let mut preset = self.score.presets.get(name).cloned().unwrap_or_default();
        let held: Vec<String> = preset.values.keys().cloned().collect();
        let is_meant = |target: &str| held.is_empty() || held.iter().any(|t| t == target);
        let places = self.places.iter().filter(|(target, _)| is_meant(target));
        let now: BTreeMap<_, _> =
            places.filter_map(|(t, place)| value_now(engine, t, *place)).collect();
        preset.values.extend(now);
        Arc::make_mut(&mut self.score).presets.insert(name.to_owned(), preset.clone());
        self.tell(Notice::Stored(name.to_owned(), preset));
    }

    fn tell(&self, notice: Notice) {
        // A full queue means that nobody reads.
        let _ = self.notices.0.try_send(notice);
    }
}

/// A steerable parameter's value as a patch writes it: options by their ids.
fn value_now(engine: &Engine, target: &str, place: (usize, usize)) -> Option<(String, ParamValue)> {
    let param = engine.plan().steps.get(place.0)?.spec.params.get(place.1)?;
    if !param.is_steerable() {
        return None;
    }
    let value = engine.base_at(place)?.clone();
    let value = match (param.domain, &value) {
        (Domain::Choice { options, .. }, ParamValue::Int(i)) => {
            ParamValue::Text((*options.get(usize::try_from(*i).ok()?)?).to_owned())
        }
        _ => value,
    };
    Some((target.to_owned(), value))
}

/// Seconds and curve of a cue: its own, or its preset's.
fn course(score: &Score, cue: &Cue) -> (f64, Curve) {
    let preset = cue.recall.as_ref().and_then(|name| score.presets.get(name));
    let secs = cue.morph_secs.or(preset.map(|p| p.morph_secs)).unwrap_or(0.0);
    (secs, cue.curve.or(preset.map(|p| p.curve)).unwrap_or_default())
}

fn goal(engine: &Engine, values: BTreeMap<String, ParamValue>, secs: f64, curve: Curve) -> Action {
    let rate_hz = f64::from(engine.plan().clock.sample_rate_hz);
    let num_samples = if secs.is_finite() { (secs.max(0.0) * rate_hz).round() as u64 } else { 0 };
    Action::Go(Arc::new(Goal { values: values.into_iter().collect(), num_samples, curve }))
}
