//! What goes wrong with the sound, counted without locks.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Counters that the callbacks write and everybody may read.
#[derive(Debug)]
pub struct Health {
    epoch: Instant,
    last_callback_us: AtomicU64,
    num_xruns: AtomicU64,
    num_overflows: AtomicU64,
    num_lost: AtomicU64,
    num_underruns: AtomicU64,
    /// Bits of a number that is not negative: they order as the numbers do.
    peak: AtomicU32,
    has_ended: AtomicBool,
}

/// [`Health`] at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealthCounts {
    /// Times that the system reported samples lost or not delivered in time.
    pub num_xruns: u64,
    /// Callbacks whose samples did not fit into the ring: the engine was too far behind.
    pub num_overflows: u64,
    /// Samples a channel that were lost by these.
    pub num_lost: u64,
    /// Callbacks that the sound file could not fill in time.
    pub num_underruns: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            last_callback_us: AtomicU64::new(0),
            num_xruns: AtomicU64::new(0),
            num_overflows: AtomicU64::new(0),
            num_lost: AtomicU64::new(0),
            num_underruns: AtomicU64::new(0),
            peak: AtomicU32::new(0),
            has_ended: AtomicBool::new(false),
        }
    }
}

impl Health {
    /// All counts.
    pub fn counts(&self) -> HealthCounts {
        HealthCounts {
            num_xruns: self.num_xruns.load(Relaxed),
            num_overflows: self.num_overflows.load(Relaxed),
            num_lost: self.num_lost.load(Relaxed),
            num_underruns: self.num_underruns.load(Relaxed),
        }
    }

    /// The largest magnitude that the engine heard since the last call, full scale 1.
    pub fn take_peak(&self) -> f32 {
        f32::from_bits(self.peak.swap(0, Relaxed))
    }

    pub(super) fn hear(&self, peak: f32) {
        self.peak.fetch_max(peak.to_bits(), Relaxed);
    }

    pub(super) fn count_xrun(&self) {
        self.num_xruns.fetch_add(1, Relaxed);
    }

    pub(super) fn count_underrun(&self) {
        self.num_underruns.fetch_add(1, Relaxed);
    }

    pub(super) fn count_overflow(&self, num_lost: usize) {
        self.num_overflows.fetch_add(1, Relaxed);
        self.num_lost.fetch_add(num_lost as u64, Relaxed);
    }

    /// A callback came at `now`.
    pub(super) fn touch(&self, now: Instant) {
        let since = now.saturating_duration_since(self.epoch).as_micros();
        self.last_callback_us.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Relaxed);
    }

    /// When the last callback came; the start of the run if none has.
    pub(super) fn last_callback(&self) -> Instant {
        self.epoch + Duration::from_micros(self.last_callback_us.load(Relaxed))
    }

    /// The sound file has been played to its end.
    pub(super) fn end(&self) {
        self.has_ended.store(true, std::sync::atomic::Ordering::Release);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(std::sync::atomic::Ordering::Acquire)
    }
}
