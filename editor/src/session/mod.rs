//! The running show of the open patch: an engine, its sound, and what the editor asks of them.
//!
//! The editor's thread only sends and looks; nothing here waits for the engine.
//!
//! ```text
//! submit ─▶ PlanSlot ─▶ worker ─┐
//! remote ─▶ Desk ───────────────┼─▶ engine ─▶ PictureSlot ─▶ picture
//! set_sound ─▶ Switch ─▶ input ─┘      ├────▶ Board, Probe, Stats
//!                                      └────▶ FanOut ─▶ Recorder
//! ```

mod control;
mod record;
mod show;
mod sound;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::Receiver;
use lumawire_core::control::Score;
use lumawire_core::{Clock, Plan};
use lumawire_runtime::control::midi::MidiEvent;
use lumawire_runtime::control::{Board, Desk, Event, Notice, Remote};
use lumawire_runtime::live::{
    AudioEvent, Deck, FanOut, HealthCounts, OutputEvent, OutputFigures, Picture, PictureSlot,
    Stats, StatsReport,
};
use lumawire_runtime::probe::{OutputId, Probe, Readings};
use lumawire_runtime::{NodeReport, PlanSlot, RunCx};

use crate::kit::Kit;
use control::Control;
pub use control::{Outside, learnt};
use record::Recording;
use show::Show;
use sound::Ear;

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sound {
    /// Nothing.
    #[default]
    Silence,
    /// A device; `None` is the system's choice.
    Input(Option<String>),
    /// A sound file, played through a device; `None` is the system's choice.
    File {
        /// The file.
        path: PathBuf,
        /// Where it is played.
        output: Option<String>,
    },
}

/// What a session is started with.
pub struct Setup {
    /// The plan.
    pub plan: Plan,
    /// Bindings, presets and cues.
    pub score: Score,
    /// What is sent to it before its first picture.
    pub opening: Vec<Event>,
    /// Folder of the patch.
    pub base_dir: PathBuf,
    /// What is heard.
    pub sound: Sound,
    /// Size of the picture in place of the output node's, `[width, height]`.
    pub size_px: Option<(u32, u32)>,
    /// Whether no sound device is opened: files are played for the engine alone, at a steady pace.
    pub silent: bool,
}

/// What happened in a session.
#[derive(Debug)]
pub enum Happened {
    /// A node fell ill or got well.
    Node(NodeReport),
    /// The desk did something that the patch may keep.
    Notice(Notice),
    /// Something about the sound.
    Audio(AudioEvent),
    /// A sound cannot be heard, and why: what was heard before goes on.
    Unheard(String),
    /// A recording began, or failed and is begun anew.
    Recording(OutputEvent),
    /// A MIDI device came or went, or a control was moved for a target that was to be learnt: see
    /// [`learnt`].
    Midi(MidiEvent),
    /// What somebody should know of OSC.
    Osc(String),
    /// A recording is complete.
    Recorded(OutputFigures),
    /// The show ended, and why: nothing more will come.
    Ended(String),
}

/// A running show. Dropping it ends it, and completes its recording, on other threads;
/// [`close`](Self::close) waits for that.
pub struct Session {
    clock: Clock,
    ear: Ear,
    plans: PlanSlot,
    remote: Remote,
    board: Arc<Board>,
    score: Mutex<Arc<Score>>,
    slot: Arc<PictureSlot>,
    has_picture: Arc<AtomicBool>,
    stats: Arc<Stats>,
    probe: Probe,
    wake: Wake,
    notices: Receiver<Notice>,
    reports: Receiver<NodeReport>,
    ended: Receiver<String>,
    control: Control,
    recording: Recording,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What is called at every picture.
#[derive(Clone, Default)]
struct Wake {
    call: Arc<Mutex<Option<Call>>>,
}

type Call = Arc<dyn Fn() + Send + Sync>;

impl Wake {
    fn set(&self, call: Call) {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }

    /// Calls, unless another call is just being set.
    fn call(&self) {
        let call = self.call.try_lock().ok().and_then(|call| call.clone());
        if let Some(call) = call {
            call();
        }
    }
}

impl Session {
    /// Starts a show. The patch is prepared on the engine's thread; until then nothing is heard, and
    /// there is no picture. A sound file is opened meanwhile; [`Happened::Unheard`] tells where it
    /// cannot be.
    ///
    /// # Errors
    /// Where a thread cannot be started: what to tell.
    pub fn start(kit: &Kit, setup: Setup) -> Result<Self, String> {
        let clock = setup.plan.clock;
        let (ear, input) = Ear::new(clock, setup.silent);
        ear.hear(&setup.sound)?;
        let desk = Desk::new(setup.score).with_opening(setup.opening);
        let (remote, board, notices) = (desk.remote(), desk.board(), desk.notices());
        let control = Control::start(&desk, &setup.plan, &kit.services)?;
        let score = Mutex::new(desk.score());
        let plans = PlanSlot::default();
        let (slot, stats) = (Arc::<PictureSlot>::default(), Arc::<Stats>::default());
        let (has_picture, stop) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (probe, wake, fan_out) = (Probe::default(), Wake::default(), FanOut::default());
        let cx = RunCx {
            base_dir: setup.base_dir,
            size_px: setup.size_px,
            looks_ahead: false,
            seed: None,
            services: kit.services.clone(),
        };
        let show = Show {
            plan: setup.plan,
            cx,
            plans: plans.clone(),
            desk,
            input,
            probe: probe.clone(),
            thumbnails: kit.thumbnails.clone(),
            slot: slot.clone(),
            has_picture: has_picture.clone(),
            stats: stats.clone(),
            wake: wake.clone(),
            outputs: fan_out.clone(),
            stop: stop.clone(),
        };
        let (thread, reports, ended) = show.start().map_err(|error| cannot_start(&error))?;
        let recording = Recording::new(fan_out);
        let thread = Some(thread);
        Ok(Self {
            clock,
            ear,
            plans,
            remote,
            board,
            score,
            slot,
            has_picture,
            stats,
            probe,
            wake,
            notices,
            reports,
            ended,
            control,
            recording,
            stop,
            thread,
        })
    }

    /// Samples a second, which stay as long as the session.
    pub fn rate_hz(&self) -> u32 {
        self.clock.sample_rate_hz
    }

    /// Goes over to another plan as soon as it is prepared. Of plans that wait only the newest counts.
    pub fn submit(&self, plan: Plan) {
        self.plans.put(plan);
    }

    /// As [`submit`](Self::submit), of a patch that lies in the folder `base_dir` from now on.
    pub fn submit_at(&self, plan: Plan, base_dir: PathBuf) {
        self.plans.put_at(plan, base_dir);
    }

    /// Takes the patch's bindings, presets and cues anew.
    pub fn set_score(&self, score: Score) {
        let score = Arc::new(score);
        *self.score.lock().unwrap_or_else(PoisonError::into_inner) = score.clone();
        self.control.set_score(&score);
        self.remote.set_score(score);
    }

    /// The patch's bindings, presets and cues, as they were given last.
    pub fn score(&self) -> Arc<Score> {
        self.score.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hears something else from now on. What runs keeps its state, and the picture goes on. A file is
    /// opened on a thread of its own, and the old sound goes on until it is; where it cannot be opened
    /// [`Happened::Unheard`] tells why.
    ///
    /// # Errors
    /// Where the show is busy or over, or a thread cannot be started; the old sound goes on.
    pub fn set_sound(&mut self, sound: Sound) -> Result<(), String> {
        self.ear.hear(&sound)
    }

    /// Takes the place of the show `before`, which ends: there is one that hears a device. A sound
    /// that both hear goes on where it was.
    ///
    /// # Errors
    /// As for [`set_sound`](Self::set_sound).
    pub fn succeed(&mut self, before: Self, sound: &Sound) -> Result<(), String> {
        self.ear.hear_after(before.ear.give(), sound)
    }

    /// What is heard; a file only once it is open.
    pub fn sound(&self) -> Sound {
        self.ear.sound()
    }

    /// What steers it.
    pub fn remote(&self) -> Option<&Remote> {
        Some(&self.remote)
    }

    /// What its parameters are.
    pub fn board(&self) -> Option<&Arc<Board>> {
        Some(&self.board)
    }

    /// The controls of the sound file, where one plays. It repeats unless it is told otherwise.
    pub fn deck(&self) -> Option<Deck> {
        self.ear.deck()
    }

    /// The picture that is new since the last call. Call it when it can be shown at once: its latency
    /// is counted until here.
    pub fn picture(&self) -> Option<Arc<Picture>> {
        let picture = self.slot.take()?;
        self.stats.shown(picture.heard);
        Some(picture)
    }

    /// Whether there has been a picture.
    pub fn has_picture(&self) -> bool {
        self.has_picture.load(Ordering::Acquire)
    }

    /// Gives pictures as [`picture`](Self::picture) does, on any thread, until `next` has one.
    pub fn pictures_until(
        &self,
        next: Option<&Self>,
    ) -> impl Fn() -> Option<Arc<Picture>> + Send + Sync + 'static {
        let (slot, stats) = (self.slot.clone(), self.stats.clone());
        let is_over = next.map(|next| next.has_picture.clone());
        move || {
            if is_over.as_ref().is_some_and(|is_over| is_over.load(Ordering::Acquire)) {
                return None;
            }
            let picture = slot.take()?;
            stats.shown(picture.heard);
            Some(picture)
        }
    }

    /// Calls `wake` from the engine's thread at every picture. It must not wait.
    pub fn on_picture(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.wake.set(Arc::new(wake));
    }

    /// Says which outputs to look at, in place of those before.
    pub fn watch(&self, outputs: Vec<OutputId>) {
        self.probe.watch(outputs);
    }

    /// Takes what was seen since, in place of what `readings` has; those that nobody saw stay.
    pub fn read(&self, readings: &mut Readings) {
        self.probe.read(readings);
    }

    /// What happened since the last call.
    pub fn happened(&self) -> Vec<Happened> {
        let mut happened: Vec<_> = self.reports.try_iter().map(Happened::Node).collect();
        happened.extend(self.notices.try_iter().map(Happened::Notice));
        happened.extend(self.ear.events());
        happened.extend(self.recording.events());
        happened.extend(self.control.events());
        happened.extend(self.ended.try_iter().map(Happened::Ended));
        happened
    }

    /// Figures since the last call of this; call it about once a second.
    pub fn stats(&self) -> Option<StatsReport> {
        Some(self.stats.recent())
    }

    /// What went wrong with the sound that is heard, counted.
    pub fn health(&self) -> HealthCounts {
        self.ear.health()
    }

    /// The largest sample heard since the last call, full scale 1.
    pub fn take_peak(&self) -> f32 {
        self.ear.take_peak()
    }

    /// Says who may steer the show from outside, in place of those before; at first nobody may. MIDI
    /// devices are opened on a thread of their own, and so is a port that is busy, for a moment: then
    /// [`Happened::Osc`] tells that it cannot be.
    ///
    /// # Errors
    /// Where a thread cannot be started: what to tell.
    pub fn set_outside(&mut self, outside: &Outside) -> Result<(), String> {
        self.control.set_outside(outside, &self.score(), self.ear.shared_deck())
    }

    /// Where OSC comes in, if it does.
    pub fn osc_at(&self) -> Option<SocketAddr> {
        self.control.osc_at()
    }

    /// Binds the next MIDI control that moves to `target`, `node.param`: [`Happened::Midi`] tells of
    /// it, and [`learnt`] makes the edit.
    ///
    /// # Errors
    /// Where no MIDI is heard, and why.
    pub fn learn(&self, target: String) -> Result<(), String> {
        self.control.learn(target)
    }

    /// Taps all tempos: the beat is now.
    pub fn tap(&self) {
        self.control.tap();
    }

    /// Records what is heard and shown from now on into this file, whose name says how: see
    /// `lumawire run --record`. A recording that runs is completed.
    ///
    /// # Errors
    /// Where it can be told at once that it cannot be recorded there.
    pub fn start_recording(&mut self, path: PathBuf) -> Result<(), String> {
        // The frame rate may be another one since.
        let clock = self.board.plan().map_or(self.clock, |plan| plan.clock);
        self.recording.start(path, clock)
    }

    /// Ends the recording. It is completed on another thread, which tells of it by
    /// [`Happened::Recorded`].
    pub fn stop_recording(&mut self) {
        self.recording.stop();
    }

    /// Figures of the recording, while one runs.
    pub fn recording(&self) -> Option<OutputFigures> {
        self.recording.figures()
    }

    /// Ends the show and waits until its threads have ended and its recordings are complete: for the
    /// end of the program.
    pub fn close(mut self) {
        self.end();
        self.recording.finish();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.recording.stop();
        self.ear.close();
        self.control.close();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
        let Some(thread) = self.thread.take() else { return };
        let recordings = self.recording.take_ending();
        // What a node loads, or a disk that is slow, may hold them up; the window does not wait.
        let wait = move || {
            for thread in recordings.into_iter().chain([thread]) {
                let _ = thread.join();
            }
        };
        match Builder::new().name("lumawire-session-end".into()).spawn(wait) {
            Ok(ending) => {
                let mut all = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
                all.retain(|ending| !ending.is_finished());
                all.push(ending);
            }
            Err(error) => tracing::warn!("the show ends by itself: {error}"),
        }
    }
}

/// What waits for shows that were dropped.
static ENDING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Waits until every show that was dropped has ended: for the end of the program, which must not take
/// the graphics driver away from a show that still draws.
pub fn await_ended() {
    let ending = std::mem::take(&mut *ENDING.lock().unwrap_or_else(PoisonError::into_inner));
    for thread in ending {
        let _ = thread.join();
    }
}

fn cannot_start(error: &std::io::Error) -> String {
    format!("the show cannot be started: {error}; close other programs and try again")
}

#[cfg(test)]
mod tests;
