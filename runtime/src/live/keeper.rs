//! Keeps sound coming: opens the device, watches it, and opens it again when it went away. In the
//! meantime a steady clock plays its part.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select};

use super::deck::{Deck, Reopen};
use super::device::{Backend, Callback, DeviceError, Format, Opened, Watch};
use super::health::Health;
use super::input::{Heard, LiveInput};
use super::line::{Line, line};
use super::player::{Feed, Feeder, Player};
use super::steady::Steady;
use crate::transport::{Transport, TransportError};

/// A device that has not called for so long is gone: five times the largest usual buffers, so that a
/// busy machine is not taken for an unplugged device.
const STALL: Duration = Duration::from_secs(1);
/// A device may take so long until its first call.
const FIRST_CALL: Duration = Duration::from_secs(3);
/// Time between two looks at the device.
const WATCH: Duration = Duration::from_millis(20);
/// Time between two trials to open it.
const RETRY: Duration = Duration::from_millis(500);
/// How long a stream may take to end.
const END: Duration = Duration::from_secs(2);
/// Events that may wait to be shown.
const MAX_EVENTS: usize = 64;
/// Lines that may wait for the engine.
const MAX_LINES: usize = 64;
/// Channels of silence.
const SILENT_CHANNELS: usize = 2;

/// What happened to the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioEvent {
    /// A device runs.
    Opened {
        /// Its name.
        device: String,
        /// How it runs.
        format: Format,
        /// How its samples are stored.
        sample_format: String,
    },
    /// The device went away; the show goes on without it, and it is looked for.
    Lost {
        /// Its name.
        device: String,
        /// What the system said.
        reason: String,
    },
    /// There is no device, and why; it is looked for.
    Absent(DeviceError),
    /// The sound file could not be read on.
    Broken(String),
}

/// The thread that keeps sound coming. Dropping it ends the sound.
pub struct Keeper {
    /// What happens.
    pub events: Receiver<AudioEvent>,
    health: Arc<Health>,
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _feeder: Option<Feeder>,
}

/// Hears the device that `backend` opens, at `rate_hz`; `None` hears silence. A callback that is
/// longer than `head` is read bit by bit.
pub fn open_input(
    backend: Option<Box<dyn Backend>>,
    rate_hz: NonZero<u32>,
    head: Duration,
) -> std::io::Result<(Keeper, LiveInput)> {
    let (keeper, heard) = hear(backend, rate_hz, None)?;
    Ok((keeper, LiveInput::new(heard, rate_hz, head)))
}

/// Plays `sound`, which is at `rate_hz` and which `reopen` opens at any of its samples, through the device that `backend` opens, and hears what is
/// played; `None` plays it for the engine alone.
pub fn open_playback(
    backend: Option<Box<dyn Backend>>,
    sound: Box<dyn Transport>,
    reopen: Reopen,
    rate_hz: NonZero<u32>,
    head: Duration,
) -> std::io::Result<(Keeper, LiveInput, Deck)> {
    let deck = Deck::new(rate_hz.get(), sound.num_samples());
    let (keeper, heard) = play(backend, sound, reopen, &deck, rate_hz, None)?;
    Ok((keeper, LiveInput::new(heard, rate_hz, head), deck))
}

/// What waits for its turn.
pub(super) struct Turn {
    /// Closed when the show begins to hear.
    pub begun: Receiver<()>,
    /// What is heard until then, which ends before a device is opened: there may be one only.
    pub before: Vec<Keeper>,
}

/// What hears a device, or silence. With `turn` there is silence until the device speaks.
pub(super) fn hear(
    backend: Option<Box<dyn Backend>>,
    rate_hz: NonZero<u32>,
    turn: Option<Turn>,
) -> std::io::Result<(Keeper, Heard)> {
    start(backend, Way::Hear, rate_hz, None, turn)
}

/// What plays a sound as `deck` says; `turn` as for [`hear`].
pub(super) fn play(
    backend: Option<Box<dyn Backend>>,
    sound: Box<dyn Transport>,
    reopen: Reopen,
    deck: &Deck,
    rate_hz: NonZero<u32>,
    turn: Option<Turn>,
) -> std::io::Result<(Keeper, Heard)> {
    let num_channels = sound.num_channels().max(1);
    let (told, broken) = bounded(1);
    let failed = move |error: TransportError| {
        let _ = told.try_send(AudioEvent::Broken(error.to_string()));
    };
    let (feeder, feed) = Feeder::start(sound, reopen, deck.clone(), rate_hz.get(), failed)?;
    let (give_back, given_back) = bounded(1);
    // There is room: the channel is new.
    let _ = give_back.try_send(feed);
    let way = Way::Play { num_channels, give_back, given_back, broken };
    start(backend, way, rate_hz, Some(feeder), turn)
}

/// What the streams do.
enum Way {
    Hear,
    Play {
        num_channels: usize,
        /// The feed lies in this channel while nobody plays it.
        give_back: Sender<Feed>,
        given_back: Receiver<Feed>,
        broken: Receiver<AudioEvent>,
    },
}

fn start(
    backend: Option<Box<dyn Backend>>,
    way: Way,
    rate_hz: NonZero<u32>,
    feeder: Option<Feeder>,
    turn: Option<Turn>,
) -> std::io::Result<(Keeper, Heard)> {
    let health = Arc::new(Health::default());
    let (lines, heard_lines) = bounded(MAX_LINES);
    let (events, happened) = bounded(MAX_EVENTS);
    let (quit, quitting) = bounded(0);
    let heard = Heard { lines: heard_lines, health: health.clone() };
    let (steady, bridge, has_spoken) = (None, None, Arc::default());
    let of_work = health.clone();
    let work = Work { way, rate_hz, health: of_work, lines, events, steady, bridge, has_spoken };
    let run = move || work.begin(backend, turn, &quitting);
    let thread = Some(Builder::new().name("lumawire-audio".into()).spawn(run)?);
    let quit = Some(quit);
    Ok((Keeper { events: happened, health, quit, thread, _feeder: feeder }, heard))
}

impl Keeper {
    /// What is known of the sound's health.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    way: Way,
    rate_hz: NonZero<u32>,
    health: Arc<Health>,
    lines: Sender<Line>,
    events: Sender<AudioEvent>,
    /// Plays the device's part until it speaks.
    steady: Option<Steady>,
    /// Silence until the first stream speaks.
    bridge: Option<Steady>,
    /// Whether the stream that was made last has called.
    has_spoken: Arc<AtomicBool>,
}

impl Work {
    fn begin(mut self, backend: Option<Box<dyn Backend>>, turn: Option<Turn>, quit: &Receiver<()>) {
        if let Some(Turn { begun, before }) = turn {
            select! {
                recv(begun) -> _ => {}
                recv(quit) -> _ => return,
            }
            self.begin_bridge();
            drop(before);
        }
        self.run(backend, quit);
    }

    fn run(mut self, backend: Option<Box<dyn Backend>>, quit: &Receiver<()>) {
        let Some(mut backend) = backend else {
            self.begin_steady(Instant::now());
            let _ = quit.recv();
            return;
        };
        let mut is_first = true;
        loop {
            match self.open(&mut *backend) {
                Ok((opened, lost)) => {
                    let device = opened.name.clone();
                    self.tell(AudioEvent::Opened {
                        device: device.clone(),
                        format: opened.format,
                        sample_format: opened.sample_format.clone(),
                    });
                    let Some(reason) = self.watch(&lost, quit) else { return };
                    self.replace(opened);
                    self.tell(AudioEvent::Lost { device, reason });
                }
                Err(error) => {
                    self.begin_steady(self.health.last_callback());
                    if is_first {
                        self.tell(AudioEvent::Absent(error));
                    } else {
                        tracing::debug!("still no device: {error}");
                    }
                }
            }
            is_first = false;
            if !self.rest(RETRY, quit) {
                return;
            }
        }
    }

    /// Opens the device. An input's steady clock goes on until the device speaks; an output's
    /// ends first, for there is one feed.
    fn open(
        &mut self,
        backend: &mut dyn Backend,
    ) -> Result<(Opened, Receiver<String>), DeviceError> {
        let (lost, losses) = bounded(1);
        let watch = Watch::new(self.health.clone(), lost);
        let connect = &mut |format: Format| {
            if matches!(self.way, Way::Play { .. }) {
                self.steady = None;
            }
            self.callback(format)
        };
        backend.open(connect, watch).map(|opened| (opened, losses))
    }

    /// What a stream of `format` is to call; its line goes to the engine.
    fn callback(&mut self, format: Format) -> Option<Callback> {
        let (callback, line) = match &self.way {
            Way::Hear => {
                let (capture, line) = line(format, &self.health);
                self.has_spoken = capture.has_spoken();
                (Callback::Capture(capture), line)
            }
            Way::Play { num_channels, give_back, given_back, .. } => {
                let feed = given_back.recv_timeout(END).ok()?;
                let heard = Format { rate_hz: self.rate_hz, num_channels: *num_channels };
                let (echo, line) = line(heard, &self.health);
                self.has_spoken = echo.has_spoken();
                let (rate_hz, health) = (self.rate_hz.get(), self.health.clone());
                let player = Player::new(feed, rate_hz, format, echo, health, give_back.clone());
                (Callback::Play(Box::new(player.ok()?)), line)
            }
        };
        // The engine takes lines as fast as devices come; if it is gone nobody needs them.
        self.lines.try_send(line).ok()?;
        Some(callback)
    }

    /// Waits until the device is gone and says why; `None` when the show is over.
    fn watch(&mut self, lost: &Receiver<String>, quit: &Receiver<()>) -> Option<String> {
        let opened = Instant::now();
        let has_spoken = self.has_spoken.clone();
        loop {
            if let Ok(reason) = lost.try_recv() {
                return Some(reason);
            }
            let is_silent = if has_spoken.load(Ordering::Relaxed) {
                (self.steady, self.bridge) = (None, None);
                self.health.last_callback().elapsed() > STALL && !self.health.has_ended()
            } else {
                opened.elapsed() > FIRST_CALL
            };
            if is_silent {
                return Some("it went silent".to_owned());
            }
            if !self.rest(WATCH, quit) {
                return None;
            }
        }
    }

    /// Ends a stream and goes on with a steady clock, from where the stream left off. Ending it
    /// may take as long as the system likes, so that it happens on a thread of its own.
    fn replace(&mut self, opened: Opened) {
        let since = self.health.last_callback();
        let ending = Builder::new().name("lumawire-stream-end".into()).spawn(move || drop(opened));
        if ending.is_err() {
            tracing::warn!("a lost stream had to be ended in place");
        }
        self.begin_steady(since);
    }

    /// Lets a steady clock play the device's part, if none does.
    fn begin_steady(&mut self, since: Instant) {
        if self.steady.is_some() {
            return;
        }
        let num_channels = match self.way {
            Way::Hear => SILENT_CHANNELS,
            Way::Play { num_channels, .. } => num_channels,
        };
        let format = Format { rate_hz: self.rate_hz, num_channels };
        let Some(callback) = self.callback(format) else { return };
        match Steady::start(callback, format, since) {
            Ok(steady) => (self.steady, self.bridge) = (Some(steady), None),
            Err(error) => tracing::error!("no thread for silence: {error}"),
        }
    }

    /// Lets the engine hear silence meanwhile: a device may take long to open, and a file is not to
    /// play unheard until then.
    fn begin_bridge(&mut self) {
        let format = Format { rate_hz: self.rate_hz, num_channels: SILENT_CHANNELS };
        let (capture, line) = line(format, &self.health);
        if self.lines.try_send(line).is_ok() {
            self.bridge = Steady::start(Callback::Capture(capture), format, Instant::now()).ok();
        }
    }

    /// Waits; false when the show is over.
    fn rest(&self, time: Duration, quit: &Receiver<()>) -> bool {
        if let Way::Play { broken, .. } = &self.way
            && let Ok(event) = broken.try_recv()
        {
            self.tell(event);
        }
        matches!(quit.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    fn tell(&self, event: AudioEvent) {
        if self.events.try_send(event).is_err() {
            tracing::warn!("nobody reads the sound's events");
        }
    }
}
