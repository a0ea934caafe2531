//! The desk: everything that steers the engine, in one order of time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::control::{Cue, Curve, Moment, Preset, Score, target};
use lumawire_core::{Domain, ParamValue, Rate, Value};

use super::board::Board;
use super::event::{Entry, Event, Stamped};
use super::inbox::Remote;
use super::lane::{Action, Goal, Lane, Places};
use crate::engine::Engine;
use crate::transport::Song;

/// Frames between two readings for the board: nobody outside needs more.
const BOARD_HZ: f64 = 30.0;
/// Times a second of sound at which the nodes are asked what to keep.
const KEEP_HZ: f64 = 2.0;
/// Notices that may wait to be read.
const MAX_NOTICES: usize = 256;

/// Samples by which the sound may be off before that counts as a jump: a fiftieth of a second.
const MAX_DRIFT: u64 = 960;

/// Presets that a patch and a show may have together before no more are stored.
const MAX_PRESETS: usize = 256;
/// Bytes of the name of a preset that is stored.
const MAX_NAME_LEN: usize = 200;
/// Events that are taken before one block; the others wait for the next.
const MAX_EVENTS: usize = 1_024;

/// What the desk did that somebody may want to keep or show.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A preset was stored: it belongs into the patch.
    Stored(String, Preset),
    /// A node changed what the patch should keep of it: this value, in this parameter.
    Keep(String, ParamValue),
    /// A cue came.
    Cue(String),
    /// There is no preset or cue of this name.
    Unknown(String),
    /// There are too many presets to store one of this name, or the name is too long.
    Full(String),
}

/// Gets everything that comes from outside.
type Record = Box<dyn FnMut(Stamped<Entry>) + Send>;

/// What steers an engine. [`Show`](crate::show::Show) calls it between blocks and before frames.
pub struct Desk {
    score: Arc<Score>,
    /// The score as the patch has it.
    given: Arc<Score>,
    /// Presets that were stored since, or stored anew.
    stored: BTreeMap<String, Preset>,
    remote: Remote,
    board: Arc<Board>,
    notices: RefCell<Vec<Sender<Notice>>>,
    /// What comes at sample 0, and whether it has come.
    opening: (Vec<Event>, bool),
    /// What a recorded show keeps, and how much of it has come.
    replay: Option<(Vec<Stamped<Entry>>, usize)>,
    record: Option<Record>,
    batch: Vec<Event>,
    lanes: [Lane; 2],
    places: Places,
    generation: Option<u64>,
    cues: CueList,
    next_reading: u64,
    next_keep: u64,
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
    /// Where the sound stands still, and with it the cues.
    stood_at: Option<u64>,
}

impl CueList {
    /// Takes along what is known of the cues of a list into another: the one that came last, by its
    /// name or else its place, and what the controls were that cues wait for.
    fn carry(&mut self, old: &Score, new: &Score) {
        let name = |score: &Score, i: usize| score.cues.get(i).map(|(_, cue)| cue.name.clone());
        self.last = self.last.and_then(|last| match name(old, last) {
            Some(name) if !name.is_empty() => new.cues.iter().position(|(_, cue)| cue.name == name),
            _ => Some(last).filter(|last| *last < new.cues.len()),
        });
        let seen = |moment: &Moment| {
            let i = old.cues.iter().position(|(before, _)| before == moment)?;
            self.seen.get(i).copied().flatten()
        };
        self.seen = new.cues.iter().map(|(moment, _)| seen(moment)).collect();
    }
}

impl Desk {
    /// A desk with the presets and cues of a patch.
    pub fn new(score: Score) -> Self {
        let score = Arc::new(score);
        Self {
            given: score.clone(),
            score,
            stored: BTreeMap::new(),
            remote: Remote::default(),
            board: Arc::default(),
            notices: RefCell::default(),
            opening: (Vec::new(), false),
            replay: None,
            record: None,
            batch: Vec::new(),
            lanes: [Lane::new(Rate::Block), Lane::new(Rate::Frame)],
            places: Places::new(),
            generation: None,
            cues: CueList::default(),
            next_reading: 0,
            next_keep: 0,
        }
    }

    /// Lets `events` come at sample 0, every time that the show begins.
    pub fn with_opening(mut self, events: Vec<Event>) -> Self {
        self.opening.0 = events;
        self
    }

    /// Plays what was recorded, in order of the samples. Cues that wait for a control come when they
    /// came then.
    pub fn with_replay(mut self, entries: Vec<Stamped<Entry>>) -> Self {
        self.replay = Some((entries, 0));
        self
    }

    /// Tells `record` all that comes from outside, and cues that a control called. It must not block.
    pub fn with_record(mut self, record: impl FnMut(Stamped<Entry>) + Send + 'static) -> Self {
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

    /// What it tells from now on, to each who asks. What nobody reads is dropped.
    pub fn notices(&self) -> Receiver<Notice> {
        let (send, notices) = bounded(MAX_NOTICES);
        self.notices.borrow_mut().push(send);
        notices
    }

    /// Back to sample 0, with an engine that was reset: what was bound is free.
    pub(crate) fn reset(&mut self, engine: &mut Engine) {
        engine.free_all();
        self.lanes.iter_mut().for_each(Lane::clear);
        self.opening.1 = false;
        if let Some((_, num_come)) = &mut self.replay {
            *num_come = 0;
        }
        self.score = self.given.clone();
        self.stored.clear();
        self.generation = None;
        self.cues = CueList::default();
        (self.next_reading, self.next_keep) = (0, 0);
    }

    /// Before the engine's next block: notices where the sound was put meanwhile.
    pub(crate) fn hear(&mut self, engine: &Engine, song: Song) {
        let sample = engine.next_sample();
        let is_off = self.song_sample(sample).abs_diff(song.sample) > MAX_DRIFT;
        if song.runs == self.cues.stood_at.is_some() || (song.runs && is_off) {
            let clock = engine.plan().clock;
            let secs = song.sample as f64 / f64::from(clock.sample_rate_hz);
            // Noticed at a block's first sample only: less than a block of it has passed.
            let back = song.since.min((clock.block_len as u64).saturating_sub(1));
            let event = Event::Jump { secs, stands: !song.runs, back };
            self.take(engine, sample, event);
        }
    }

    /// Before the engine's next block: takes what came, and steers what runs at blocks.
    pub(crate) fn before_block(&mut self, engine: &mut Engine) {
        self.follow(engine);
        let first = engine.next_sample();
        let last = first + (engine.plan().clock.block_len as u64).saturating_sub(1);
        if !std::mem::replace(&mut self.opening.1, true) {
            for i in 0..self.opening.0.len() {
                self.enact(engine, first, self.opening.0[i].clone());
            }
        }
        self.take_mail(engine, first);
        while let Some(entry) = self.next_entry(first) {
            match entry {
                Entry::Event(event) => self.enact(engine, first, event),
                Entry::Score(score) => self.take_score(engine, Arc::new(*score)),
                Entry::Turned { cue } => self.call_cue(engine, first, cue),
                _ => {}
            }
        }
        self.cue_by_time(engine, last);
        self.lanes[0].advance(engine, &self.places, last);
    }

    /// The next of the recorded entries that have come by `sample`.
    fn next_entry(&mut self, sample: u64) -> Option<Entry> {
        let (entries, num_come) = self.replay.as_mut()?;
        let entry = entries.get(*num_come).filter(|entry| entry.sample <= sample)?;
        *num_come += 1;
        Some(entry.event.clone())
    }

    /// After a block: looks whether a control has turned to what a cue waits for, and from time to
    /// time what is to be kept.
    pub(crate) fn after_block(&mut self, engine: &mut Engine) {
        if engine.next_sample() >= self.next_keep {
            let rate_hz = f64::from(engine.plan().clock.sample_rate_hz);
            self.next_keep = engine.next_sample() + (rate_hz / KEEP_HZ) as u64;
            self.keep(engine);
        }
        // In a take they are entries: a control of frames was not always run when it was recorded.
        if self.replay.is_none() {
            self.watch_controls(engine);
        }
    }

    /// Tells what the nodes would have the patch keep.
    pub(crate) fn keep(&self, engine: &mut Engine) {
        engine.keepsakes(|node, param, value| {
            self.tell(Notice::Keep(target(node, param), value));
        });
    }

    fn watch_controls(&mut self, engine: &Engine) {
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
                self.note(sample, || Entry::Turned { cue: i });
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
                Moment::Secs(secs) => Some((std::slice::from_ref(secs), i)),
                Moment::AnyOf(secs) => Some((secs.as_slice(), i)),
                _ => None,
            });
        let sample = |secs: &f64| (secs * rate_hz).round().max(0.0) as u64;
        self.cues.timed =
            timed.flat_map(|(secs, i)| secs.iter().map(move |secs| (sample(secs), i))).collect();
        self.cues.timed.sort_unstable();
        self.cues.seen.resize(self.score.cues.len(), None);
        self.skip_cues(self.song_sample(engine.next_sample()));
    }

    /// Cues before the sound's sample `song` do not come.
    fn skip_cues(&mut self, song: u64) {
        self.cues.num_come = self.cues.timed.partition_point(|(at, _)| *at < song);
    }

    fn song_sample(&self, sample: u64) -> u64 {
        sample.saturating_add_signed(self.cues.offset)
    }

    fn take_mail(&mut self, engine: &Engine, sample: u64) {
        let mut batch = std::mem::take(&mut self.batch);
        // What is left from the last block comes first.
        if batch.is_empty()
            && let Some(score) = self.remote.take(&mut batch)
        {
            self.note(sample, || Entry::Score(Box::new((*score).clone())));
            self.take_score(engine, score);
        }
        let num = batch.len().min(MAX_EVENTS);
        for event in batch.drain(..num).filter(Event::is_finite) {
            self.take(engine, sample, event);
        }
        self.batch = batch;
    }

    /// Something from outside: it is recorded, and done.
    fn take(&mut self, engine: &Engine, sample: u64, event: Event) {
        self.note(sample, || Entry::Event(event.clone()));
        self.enact(engine, sample, event);
    }

    fn note(&mut self, sample: u64, entry: impl FnOnce() -> Entry) {
        if let Some(record) = &mut self.record {
            record(Stamped { sample, event: entry() });
        }
    }

    /// Goes over to a changed patch's presets and cues. What was stored stays, but where the patch
    /// has changed the preset itself.
    fn take_score(&mut self, engine: &Engine, score: Arc<Score>) {
        let before = std::mem::replace(&mut self.given, score.clone());
        self.cues.carry(&self.score, &score);
        self.stored.retain(|name, _| before.presets.get(name) == score.presets.get(name));
        self.score = score;
        if !self.stored.is_empty() {
            Arc::make_mut(&mut self.score).presets.extend(self.stored.clone());
        }
        self.time_cues(engine);
    }

    fn cue_by_time(&mut self, engine: &Engine, last: u64) {
        if self.cues.stood_at.is_some() {
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
            Event::Blend { presets, morph_secs } => {
                self.blend(engine, sample, &presets, morph_secs)
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
            Event::Jump { secs, stands, back } => self.jump(engine, sample, secs, stands, back),
        }
    }

    /// The sound was put to another place, or stopped.
    fn jump(&mut self, engine: &Engine, sample: u64, secs: f64, stands: bool, back: u64) {
        let rate_hz = f64::from(engine.plan().clock.sample_rate_hz);
        let song = (secs.max(0.0) * rate_hz).round() as u64;
        let signed = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
        self.cues.offset = signed(song).saturating_sub(signed(sample));
        let stood_at = self.cues.stood_at.take();
        if stands {
            self.cues.stood_at = Some(song);
            return;
        }
        let from = song.saturating_sub(back);
        // What came before a pause does not come again after it.
        if stood_at.is_none_or(|at| at.abs_diff(from) > 1) {
            self.skip_cues(from);
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

    fn blend(
        &mut self,
        engine: &Engine,
        sample: u64,
        parts: &[(String, f64)],
        morph_secs: Option<f64>,
    ) {
        for (name, _) in parts.iter().filter(|(name, _)| !self.score.presets.contains_key(name)) {
            self.tell(Notice::Unknown(name.clone()));
        }
        let is_real = |target: &str| {
            let place = self.places.get(target);
            place.is_some_and(|place| matches!(engine.base_at(*place), Some(ParamValue::Float(_))))
        };
        let Some(blend) = self.score.blend(parts, is_real) else { return };
        let secs = morph_secs.unwrap_or(blend.morph_secs);
        let goal = goal(engine, blend.values, secs, blend.curve);
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
        let is_new = !self.score.presets.contains_key(name);
        if is_new && (self.score.presets.len() >= MAX_PRESETS || name.len() > MAX_NAME_LEN) {
            return self.tell(Notice::Full(name.to_owned()));
        }
        let mut preset = self.score.presets.get(name).cloned().unwrap_or_default();
        let held: Vec<String> = preset.values.keys().cloned().collect();
        let is_lasting = |(step, param): (usize, usize)| {
            let step = engine.plan().steps.get(step);
            step.and_then(|s| s.spec.params.get(param)).is_some_and(|p| !p.is_momentary)
        };
        let is_meant = |target: &str, place| {
            if held.is_empty() { is_lasting(place) } else { held.iter().any(|t| t == target) }
        };
        let places = self.places.iter().filter(|(target, place)| is_meant(target, **place));
        let now: BTreeMap<_, _> =
            places.filter_map(|(t, place)| value_now(engine, t, *place)).collect();
        preset.values.extend(now);
        Arc::make_mut(&mut self.score).presets.insert(name.to_owned(), preset.clone());
        self.stored.insert(name.to_owned(), preset.clone());
        self.tell(Notice::Stored(name.to_owned(), preset));
    }

    fn tell(&self, notice: Notice) {
        for reader in self.notices.borrow().iter() {
            // A full queue means that nobody reads.
            let _ = reader.try_send(notice.clone());
        }
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
