//! What the show hears, and how it comes to hear something else.

use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lumawire_core::Clock;
use lumawire_runtime::live::{
    AudioEvent, Backend, CpalBackend, Deck, Direction, HealthCounts, Keeper, LiveInput, Reopen,
    Switch, Wanted,
};
use lumawire_runtime::transport::AudioFile;

use super::{Sound, cannot_start};

/// The controls of the sound file that plays, for those who do not know when another does.
pub(super) type SharedDeck = Arc<Mutex<Option<Deck>>>;

/// The sound of a session.
pub(super) struct Ear {
    rate_hz: NonZero<u32>,
    /// Whether no device is opened.
    silent: bool,
    sound: Sound,
    deck: SharedDeck,
    /// `None` once the show is over.
    switch: Option<Switch>,
    keeper: Option<Keeper>,
}

impl Ear {
    /// Hears nothing yet; the engine hears it by the input.
    pub fn new(clock: Clock, silent: bool) -> (Self, LiveInput) {
        let rate_hz = NonZero::new(clock.sample_rate_hz).unwrap_or(NonZero::<u32>::MIN);
        let head = Duration::from_secs_f64(1.0 / clock.fps.hz());
        let (switch, input) = Switch::new(rate_hz, head);
        let (sound, switch) = (Sound::Silence, Some(switch));
        let deck = SharedDeck::default();
        (Self { rate_hz, silent, sound, deck, switch, keeper: None }, input)
    }

    /// Hears this from now on.
    pub fn hear(&mut self, sound: &Sound) -> Result<(), String> {
        let Some(switch) = &self.switch else { return Err("the show is over".into()) };
        let file = match sound {
            Sound::File { path, .. } => Some((open(path, self.rate_hz)?, path)),
            _ => None,
        };
        if !switch.has_room() {
            return Err("the show is busy; try again in a moment".into());
        }
        let backend = self.backend(sound);
        let before = self.keeper.take();
        let heard = match file {
            Some((file, path)) => {
                let reopen = reopening(path, self.rate_hz);
                let played = switch.play(backend, Box::new(file), reopen, before);
                played.map(|(keeper, deck)| (keeper, Some(deck)))
            }
            None => switch.hear(backend, before).map(|keeper| (keeper, None)),
        };
        let (keeper, deck) = heard.map_err(|error| cannot_start(&error))?;
        deck.iter().for_each(|deck| deck.set_repeats(true));
        *self.deck.lock().unwrap_or_else(PoisonError::into_inner) = deck;
        (self.keeper, self.sound) = (Some(keeper), sound.clone());
        Ok(())
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

    pub fn sound(&self) -> &Sound {
        &self.sound
    }

    pub fn deck(&self) -> Option<Deck> {
        self.deck.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn shared_deck(&self) -> SharedDeck {
        self.deck.clone()
    }

    /// What happened to it since the last call.
    pub fn events(&self) -> impl Iterator<Item = AudioEvent> + '_ {
        self.keeper.iter().flat_map(|keeper| keeper.events.try_iter())
    }

    pub fn health(&self) -> HealthCounts {
        self.keeper.as_ref().map(|keeper| keeper.health().counts()).unwrap_or_default()
    }

    pub fn take_peak(&self) -> f32 {
        self.keeper.as_ref().map_or(0.0, |keeper| keeper.health().take_peak())
    }

    /// Hears nothing more: the engine's input ends. A device that is slow to close is not waited for.
    pub fn close(&mut self) {
        self.switch = None;
        let Some(keeper) = self.keeper.take() else { return };
        let ending = std::thread::Builder::new().name("lumawire-sound-end".into());
        if ending.spawn(move || drop(keeper)).is_err() {
            tracing::warn!("the sound had to be ended in place");
        }
    }
}

fn open(path: &Path, rate_hz: NonZero<u32>) -> Result<AudioFile, String> {
    AudioFile::open(path, rate_hz).map_err(|error| error.to_string())
}

fn reopening(path: &Path, rate_hz: NonZero<u32>) -> Reopen {
    let path = path.to_owned();
    Box::new(move |sample, stop| Ok(Box::new(AudioFile::open_at(&path, rate_hz, sample, stop)?)))
}
