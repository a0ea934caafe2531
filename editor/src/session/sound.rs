//! What the show hears, and how it comes to hear something else.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::Clock;
use lumawire_runtime::live::{
    Backend, CpalBackend, Deck, Direction, HealthCounts, Keeper, LiveInput, Reopen, Switch, Wanted,
};
use lumawire_runtime::transport::AudioFile;

use super::{Happened, Sound, cannot_start};

/// Failures that may wait to be read.
const MAX_FAILURES: usize = 16;

/// The controls of the sound file that plays, for those who do not know when another does.
pub(super) type SharedDeck = Arc<Mutex<Option<Deck>>>;

/// The sound of a session. Files are opened on a thread of their own, which may take its time.
pub(super) struct Ear {
    rate_hz: NonZero<u32>,
    /// Whether no device is opened.
    silent: bool,
    deck: SharedDeck,
    state: Arc<Mutex<State>>,
    tell: Sender<Happened>,
    told: Receiver<Happened>,
}

struct State {
    sound: Sound,
    /// `None` once the show is over.
    switch: Option<Switch>,
    /// What is heard, and what is heard no more once there is something else.
    keepers: Vec<Keeper>,
    /// Counts what was asked for: of files that are being opened the last counts.
    num_asked: u64,
}

/// What a show heard, for the one that comes after it.
pub(super) struct Given {
    sound: Sound,
    deck: Option<Deck>,
    keepers: Vec<Keeper>,
}

impl Ear {
    /// Hears nothing yet; the engine hears it by the input.
    pub fn new(clock: Clock, silent: bool) -> (Self, LiveInput) {
        let rate_hz = NonZero::new(clock.sample_rate_hz).unwrap_or(NonZero::<u32>::MIN);
        let head = Duration::from_secs_f64(1.0 / clock.fps.hz());
        let (switch, input) = Switch::new(rate_hz, head);
        let (tell, told) = bounded(MAX_FAILURES);
        let state = State {
            sound: Sound::Silence,
            switch: Some(switch),
            keepers: Vec::new(),
            num_asked: 0,
        };
        let (deck, state) = (SharedDeck::default(), Arc::new(Mutex::new(state)));
        (Self { rate_hz, silent, deck, state, tell, told }, input)
    }

    /// Hears this from now on, or, where it is a file, from when it is open.
    pub fn hear(&self, sound: &Sound) -> Result<(), String> {
        self.go_over(sound, None)
    }

    /// Hears this in place of what another show heard: where it stood, if it is the same.
    pub fn hear_after(&self, mut given: Given, sound: &Sound) -> Result<(), String> {
        self.lock().keepers.append(&mut given.keepers);
        self.go_over(sound, given.deck.filter(|_| given.sound == *sound))
    }

    /// Hands over what is heard. The show that heard it must end then.
    pub fn give(&self) -> Given {
        let mut state = self.lock();
        state.num_asked += 1;
        let keepers = std::mem::take(&mut state.keepers);
        Given { sound: state.sound.clone(), deck: self.deck(), keepers }
    }

    fn go_over(&self, sound: &Sound, before: Option<Deck>) -> Result<(), String> {
        let mut state = self.lock();
        state.num_asked += 1;
        if state.switch.as_ref().is_some_and(|switch| !switch.has_room()) {
            return Err("the show is busy; try again in a moment".into());
        }
        let Sound::File { path, .. } = sound else {
            state.hear(sound.clone(), self.backend(sound))?;
            *self.deck.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Ok(());
        };
        if state.keepers.is_empty() {
            // The show does not wait for the file.
            state.hear(Sound::Silence, None)?;
        }
        let number = state.num_asked;
        drop(state);
        self.open(path.clone(), sound.clone(), number, before)
    }

    /// Opens a file, and plays it if nothing else was asked for meanwhile.
    fn open(
        &self,
        path: PathBuf,
        sound: Sound,
        number: u64,
        before: Option<Deck>,
    ) -> Result<(), String> {
        let (rate_hz, backend) = (self.rate_hz, self.backend(&sound));
        let (state, shared_deck, tell) = (self.state.clone(), self.deck.clone(), self.tell.clone());
        let open = move || {
            let file = AudioFile::open(&path, rate_hz).map_err(|error| error.to_string());
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.num_asked != number {
                return;
            }
            match file.and_then(|file| state.play(file, &path, rate_hz, sound, backend)) {
                Ok(deck) => {
                    deck.set_repeats(true);
                    before.iter().for_each(|before| go_on(&deck, before));
                    *shared_deck.lock().unwrap_or_else(PoisonError::into_inner) = Some(deck);
                }
                Err(why) => {
                    // What another show heard is heard no more.
                    let own = state.keepers.len().min(1);
                    let given = state.keepers.split_off(own);
                    drop(state);
                    drop(given);
                    if tell.try_send(Happened::Unheard(why)).is_err() {
                        tracing::warn!("nobody reads what happens to the sound");
                    }
                }
            }
        };
        let thread = Builder::new().name("lumawire-sound-open".into());
        thread.spawn(open).map(drop).map_err(|error| cannot_start(&error))
    }

    /// What is opened for it.
    fn backend(&self, sound: &Sound) -> Option<Box<dyn Backend>> {
        let (direction, name) = match sound {
            Sound::Silence => return None,
            Sound::Input(name) => (Direction::Input, name.clone()),
            Sound::File { output, .. } => (Direction::Output, output.clone()),
        };
        let wanted = Wanted { direction, name, rate_hz: None, buffer_len: None };
        (!self.silent).then(|| Box::new(CpalBackend::new(wanted)) as Box<dyn Backend>)
    }

    /// What is heard; a file only once it is open.
    pub fn sound(&self) -> Sound {
        self.lock().sound.clone()
    }

    pub fn deck(&self) -> Option<Deck> {
        self.deck.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn shared_deck(&self) -> SharedDeck {
        self.deck.clone()
    }

    /// What happened to it since the last call.
    pub fn events(&self) -> Vec<Happened> {
        let state = self.lock();
        let events = state.keepers.last().into_iter().flat_map(|keeper| keeper.events.try_iter());
        self.told.try_iter().chain(events.map(Happened::Audio)).collect()
    }

    pub fn health(&self) -> HealthCounts {
        self.lock().keepers.last().map(|keeper| keeper.health().counts()).unwrap_or_default()
    }

    pub fn take_peak(&self) -> f32 {
        self.lock().keepers.last().map_or(0.0, |keeper| keeper.health().take_peak())
    }

    /// Hears nothing more: the engine's input ends. A device that is slow to close is not waited for.
    pub fn close(&self) {
        let mut state = self.lock();
        state.num_asked += 1;
        state.switch = None;
        let keepers = std::mem::take(&mut state.keepers);
        if keepers.is_empty() {
            return;
        }
        let ending = Builder::new().name("lumawire-sound-end".into());
        if ending.spawn(move || drop(keepers)).is_err() {
            tracing::warn!("the sound had to be ended in place");
        }
    }

    /// Nobody holds it for long: files are opened without it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hear(&mut self, sound: Sound, backend: Option<Box<dyn Backend>>) -> Result<(), String> {
        let Some(switch) = &self.switch else { return Err(OVER.into()) };
        let before = std::mem::take(&mut self.keepers);
        let keeper = switch.hear(backend, before).map_err(|error| cannot_start(&error))?;
        (self.keepers, self.sound) = (vec![keeper], sound);
        Ok(())
    }

    fn play(
        &mut self,
        file: AudioFile,
        path: &Path,
        rate_hz: NonZero<u32>,
        sound: Sound,
        backend: Option<Box<dyn Backend>>,
    ) -> Result<Deck, String> {
        let Some(switch) = &self.switch else { return Err(OVER.into()) };
        let before = std::mem::take(&mut self.keepers);
        let played = switch.play(backend, Box::new(file), reopening(path, rate_hz), before);
        let (keeper, deck) = played.map_err(|error| cannot_start(&error))?;
        (self.keepers, self.sound) = (vec![keeper], sound);
        Ok(deck)
    }
}

const OVER: &str = "the show is over";

/// Lets a file go on as it played before.
fn go_on(deck: &Deck, before: &Deck) {
    deck.set_repeats(before.repeats());
    deck.set_loop(before.loop_secs());
    deck.set_paused(before.is_paused());
    deck.seek(before.position_secs());
}

fn reopening(path: &Path, rate_hz: NonZero<u32>) -> Reopen {
    let path = path.to_owned();
    Box::new(move |sample, stop| Ok(Box::new(AudioFile::open_at(&path, rate_hz, sample, stop)?)))
}
