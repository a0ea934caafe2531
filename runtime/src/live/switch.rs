//! Lets a show hear something else while it goes on.

use std::io::{Error, Result};
use std::num::NonZero;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::deck::{Deck, Reopen};
use super::device::Backend;
use super::input::{Heard, LiveInput};
use super::keeper::{Keeper, Turn, hear, play};
use crate::transport::Transport;

/// Sounds that may wait for an engine that is busy.
const MAX_WAITING: usize = 64;

/// Decides what a [`LiveInput`] hears. Each sound has a [`Keeper`] of its own; the input goes over to
/// the newest as soon as that speaks, which is at once: until its device runs there is silence at a
/// steady pace. The samples are counted on, so that the show goes on. It ends when the switch and
/// the keepers are gone.
///
/// No device is opened before the show begins to hear: what must be loaded first misses nothing.
pub struct Switch {
    heard: Sender<Heard>,
    begun: Receiver<()>,
    rate_hz: NonZero<u32>,
}

impl Switch {
    /// A switch and the input that follows it, which hears nothing yet, at `rate_hz`. A callback
    /// that is longer than `head` is read bit by bit.
    pub fn new(rate_hz: NonZero<u32>, head: Duration) -> (Self, LiveInput) {
        let (heard, switched) = bounded(MAX_WAITING);
        let (begins, begun) = bounded(0);
        let input = LiveInput::switched(switched, begins, rate_hz, head);
        (Self { heard, begun, rate_hz }, input)
    }

    /// Hears the device that `backend` opens from now on; `None` hears silence. What was heard
    /// `before`, by whichever switch, ends first.
    ///
    /// # Errors
    /// Where no thread can be started, or the engine has not answered for long.
    pub fn hear(
        &self,
        backend: Option<Box<dyn Backend>>,
        before: impl IntoIterator<Item = Keeper>,
    ) -> Result<Keeper> {
        let (keeper, heard) = hear(backend, self.rate_hz, Some(self.turn(before)))?;
        self.go_over(heard)?;
        Ok(keeper)
    }

    /// Plays `sound` from now on, as [`open_playback`](super::open_playback) does, once what was
    /// heard `before` has ended. After its end there is silence, and it may be put elsewhere still.
    ///
    /// # Errors
    /// As [`hear`](Self::hear).
    pub fn play(
        &self,
        backend: Option<Box<dyn Backend>>,
        sound: Box<dyn Transport>,
        reopen: Reopen,
        before: impl IntoIterator<Item = Keeper>,
    ) -> Result<(Keeper, Deck)> {
        let deck = Deck::staying(self.rate_hz.get(), sound.num_samples());
        let turn = Some(self.turn(before));
        let (keeper, heard) = play(backend, sound, reopen, &deck, self.rate_hz, turn)?;
        self.go_over(heard)?;
        Ok((keeper, deck))
    }

    /// Whether the engine can take another sound: it cannot where it has not looked for many.
    pub fn has_room(&self) -> bool {
        !self.heard.is_full()
    }

    fn turn(&self, before: impl IntoIterator<Item = Keeper>) -> Turn {
        Turn { begun: self.begun.clone(), before: before.into_iter().collect() }
    }

    fn go_over(&self, heard: Heard) -> Result<()> {
        self.heard.try_send(heard).map_err(|_| Error::other("the engine does not answer"))
    }
}
