//! What the keys of the window do to the show.

use std::sync::{Arc, OnceLock};

use lumawire_runtime::control::{Board, Desk, Event, Remote};
use lumawire_runtime::live::Deck;
use winit::keyboard::{Key, NamedKey};

/// Seconds by which the arrows move the sound.
const STEP_SECS: f64 = 5.0;

/// The keys' meaning: space stops the sound file or lets it go on, arrows and Home move in it, T (and
/// space where no file plays) taps the tempo,
/// Page Down and Page Up (and what pointing devices for talks send) step through the cues, and 1 to
/// 9 go to the presets in order of name.
#[derive(Clone)]
pub struct Keys {
    remote: Remote,
    /// The sound file's controls, once it plays.
    deck: Arc<OnceLock<Deck>>,
    board: Arc<Board>,
}

impl Keys {
    /// Keys that steer what `desk` does.
    pub fn new(desk: &Desk) -> Self {
        Self { remote: desk.remote(), deck: Arc::default(), board: desk.board() }
    }

    /// Where the sound file's controls are put when it plays.
    pub fn deck(&self) -> Arc<OnceLock<Deck>> {
        self.deck.clone()
    }

    /// A key was pressed; `tap` taps the tempo.
    pub fn press(&self, key: &Key, tap: &dyn Fn()) {
        let deck = self.deck.get();
        let step = |by| self.remote.send(Event::StepCue { by });
        match key {
            Key::Named(NamedKey::Space) => match deck {
                Some(deck) => deck.set_paused(!deck.is_paused()),
                None => tap(),
            },
            Key::Character(c) if c.eq_ignore_ascii_case("t") => tap(),
            Key::Named(NamedKey::ArrowLeft) => drop(deck.inspect(|deck| deck.seek_by(-STEP_SECS))),
            Key::Named(NamedKey::ArrowRight) => drop(deck.inspect(|deck| deck.seek_by(STEP_SECS))),
            Key::Named(NamedKey::Home) => drop(deck.inspect(|deck| deck.seek(0.0))),
            Key::Named(NamedKey::PageDown) => step(1),
            Key::Named(NamedKey::PageUp) => step(-1),
            Key::Character(c) => self.recall(c),
            _ => {}
        }
    }

    fn recall(&self, digit: &str) {
        let number = digit.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let score = self.board.score();
        let presets = score.iter().flat_map(|score| score.presets.keys());
        if let Some(preset) = number.and_then(|i| presets.into_iter().nth(i)) {
            self.remote.send(Event::Recall { preset: preset.clone(), morph_secs: None });
        }
    }
}
