//! A clock that plays the part of a device where there is none: it calls at a steady pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::device::{Callback, Format};

/// Time between two calls.
const PERIOD: Duration = Duration::from_millis(5);

/// A thread that calls; dropping it ends it.
pub(super) struct Steady {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Steady {
    /// Calls `callback` for the samples of `format` that fall due after `since`: what a device that
    /// went away did not deliver is made up for at the first call. An input hears silence; what an
    /// output would play, nobody hears.
    pub fn start(callback: Callback, format: Format, since: Instant) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = Builder::new()
            .name("lumawire-steady".into())
            .spawn(move || run(callback, format, since, &stopped))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut callback: Callback, format: Format, since: Instant, stop: &AtomicBool) {
    let rate_hz = f64::from(format.rate_hz.get());
    let mut given = 0_u64;
    let mut unheard = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        let due = (now.saturating_duration_since(since).as_secs_f64() * rate_hz) as u64;
        let n = usize::try_from(due.saturating_sub(given)).unwrap_or(0);
        match &mut callback {
            Callback::Capture(capture) => capture.write_silence(n, now),
            Callback::Play(player) => {
                unheard.resize(n * format.num_channels, 0.0_f32);
                player.fill(&mut unheard, now);
            }
        }
        given = due;
        thread::sleep(PERIOD);
    }
}
