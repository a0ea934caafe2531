//! What the user does with the sound file that plays: pause, seek, loop.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::transport::{Transport, TransportError};

/// Opens the sound anew, at the sample with this number; a true flag says that nobody waits for it.
pub type Reopen =
    Box<dyn FnMut(u64, &AtomicBool) -> Result<Box<dyn Transport>, TransportError> + Send>;

/// Jumps whose way through the ring is remembered.
const MAX_SPANS: usize = 64;

/// The controls of a playing sound file; clones control the same.
#[derive(Debug, Clone)]
pub struct Deck {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rate_hz: u32,
    num_samples: Option<u64>,
    /// Whether the show outlasts the sound: at its end there is silence, until it is put elsewhere.
    stays: bool,
    is_paused: AtomicBool,
    /// Whether the sound is being opened at another place.
    is_seeking: AtomicBool,
    /// Samples of the ring, counted from its first, that are no longer to be played.
    discard_until: AtomicU64,
    /// The sound's sample that is played next.
    position: AtomicU64,
    wishes: Mutex<Wishes>,
}

#[derive(Debug, Default)]
struct Wishes {
    seek: Option<u64>,
    /// First sample, and the first after it.
    region: Option<(u64, u64)>,
    repeats: bool,
    /// Where spans of the sound begin in the ring, and in the sound.
    spans: VecDeque<(u64, u64)>,
}

impl Deck {
    /// Controls of a sound of so many samples at `rate_hz`.
    pub(super) fn new(rate_hz: u32, num_samples: Option<u64>) -> Self {
        Self::with(rate_hz, num_samples, false)
    }

    /// As [`new`](Self::new), where the show goes on in silence after the sound's end.
    pub(super) fn staying(rate_hz: u32, num_samples: Option<u64>) -> Self {
        Self::with(rate_hz, num_samples, true)
    }

    fn with(rate_hz: u32, num_samples: Option<u64>, stays: bool) -> Self {
        let shared = Shared {
            rate_hz,
            num_samples,
            stays,
            is_paused: AtomicBool::new(false),
            is_seeking: AtomicBool::new(false),
            discard_until: AtomicU64::new(0),
            position: AtomicU64::new(0),
            wishes: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Stops the sound, or lets it go on. The picture goes on in silence.
    pub fn set_paused(&self, is_paused: bool) {
        self.shared.is_paused.store(is_paused, Ordering::Relaxed);
    }

    /// Whether it is stopped.
    pub fn is_paused(&self) -> bool {
        self.shared.is_paused.load(Ordering::Relaxed)
    }

    /// Goes to a place, in seconds from the beginning.
    pub fn seek(&self, secs: f64) {
        self.wishes().seek = Some(self.sample_of(secs));
    }

    /// Goes on or back by so many seconds, from where the last seek goes if it is still on its way.
    pub fn seek_by(&self, secs: f64) {
        let pending = self.wishes().seek;
        let from = pending.map(|sample| sample as f64 / f64::from(self.shared.rate_hz));
        self.seek(from.unwrap_or_else(|| self.position_secs()) + secs);
    }

    /// Plays `from..to` seconds again and again, once it comes there; `None` ends that.
    pub fn set_loop(&self, region_secs: Option<(f64, f64)>) {
        let region = region_secs.map(|(from, to)| (self.sample_of(from), self.sample_of(to)));
        self.wishes().region = region.filter(|(from, to)| from < to);
    }

    /// Whether it begins again at its end.
    pub fn set_repeats(&self, repeats: bool) {
        self.wishes().repeats = repeats;
    }

    /// Whether it begins again at its end.
    pub fn repeats(&self) -> bool {
        self.wishes().repeats
    }

    /// The stretch that is played again and again, in seconds.
    pub fn loop_secs(&self) -> Option<(f64, f64)> {
        let secs = |sample: u64| sample as f64 / f64::from(self.shared.rate_hz);
        self.wishes().region.map(|(from, to)| (secs(from), secs(to)))
    }

    /// Whether the show goes on after the sound's end.
    pub(super) fn stays(&self) -> bool {
        self.shared.stays
    }

    /// What is played now, in seconds from the beginning.
    pub fn position_secs(&self) -> f64 {
        self.shared.position.load(Ordering::Relaxed) as f64 / f64::from(self.shared.rate_hz)
    }

    /// How long the sound is, where that is known.
    pub fn duration_secs(&self) -> Option<f64> {
        self.shared.num_samples.map(|n| n as f64 / f64::from(self.shared.rate_hz))
    }

    fn sample_of(&self, secs: f64) -> u64 {
        let sample = (secs.max(0.0) * f64::from(self.shared.rate_hz)).round() as u64;
        sample.min(self.shared.num_samples.unwrap_or(u64::MAX).saturating_sub(1))
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.shared.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The feeder's side: where it must read on, from `at` on, having read so far or to the end.
impl Deck {
    /// Where to jump before the sample `at` is read, if anywhere, and whether what waits in the ring
    /// is to be dropped.
    pub(super) fn jump_at(&self, at: u64) -> Option<(u64, bool)> {
        let mut wishes = self.wishes();
        if let Some(to) = wishes.seek.take() {
            return Some((to, true));
        }
        wishes.region.filter(|(_, end)| at == *end).map(|(from, _)| (from, false))
    }

    /// Whether what is read on will not be played.
    pub(super) fn wants_to_seek(&self) -> bool {
        self.wishes().seek.is_some()
    }

    /// How many samples may be read from `at` on before the next jump.
    pub(super) fn until_jump(&self, at: u64) -> u64 {
        let region = self.wishes().region;
        region.filter(|(_, end)| at < *end).map_or(u64::MAX, |(_, end)| end - at)
    }

    /// Where it goes on after its end, and whether what waits in the ring is to be dropped.
    pub(super) fn after_end(&self) -> Option<(u64, bool)> {
        let mut wishes = self.wishes();
        let seek = wishes.seek.take().map(|to| (to, true));
        seek.or_else(|| wishes.repeats.then_some((0, false)))
    }

    /// Says whether the sound is being opened at another place.
    pub(super) fn set_seeking(&self, is_seeking: bool) {
        self.shared.is_seeking.store(is_seeking, Ordering::Relaxed);
    }

    /// A span of the sound, from its sample `song` on, begins in the ring after `num_pushed`
    /// samples; with `drops` nothing before it is played any more.
    pub(super) fn begin_span(&self, num_pushed: u64, song: u64, drops: bool) {
        let mut wishes = self.wishes();
        if wishes.spans.len() == MAX_SPANS {
            wishes.spans.pop_front();
        }
        wishes.spans.push_back((num_pushed, song));
        drop(wishes);
        if drops {
            self.shared.discard_until.store(num_pushed, Ordering::Release);
        }
    }
}

/// The callback's side: no lock is waited for.
impl Deck {
    /// How many samples of the ring are to be thrown away, after `num_pulled`.
    pub(super) fn num_to_discard(&self, num_pulled: u64) -> u64 {
        self.shared.discard_until.load(Ordering::Acquire).saturating_sub(num_pulled)
    }

    /// Whether the sound is being opened at another place: what is missing meanwhile is silence.
    pub(super) fn is_seeking(&self) -> bool {
        self.shared.is_seeking.load(Ordering::Relaxed)
    }

    /// The sound's sample after `num_pulled` samples of the ring, and how many of these belong to its
    /// span; without an answer the old one goes on.
    pub(super) fn place_at(&self, num_pulled: u64) -> Option<(u64, u64)> {
        let wishes = self.shared.wishes.try_lock().ok()?;
        let span = wishes.spans.iter().rev().find(|(start, _)| *start <= num_pulled);
        let (start, song) = span.copied().unwrap_or_default();
        drop(wishes);
        let since = num_pulled - start;
        self.shared.position.store(song + since, Ordering::Relaxed);
        Some((song + since, since))
    }
}
