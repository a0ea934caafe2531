//! The thread that waits for MIDI.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, bounded, select};
use lumawire_core::control::Score;

use super::Session;

/// Time between two looks at the devices.
const SCAN: Duration = Duration::from_secs(1);
/// Time between two looks at what changed: 30 times a second.
const GIVE_BACK: Duration = Duration::from_millis(33);
/// Targets that may wait to be taken.
const MAX_TARGETS: usize = 64;

/// The bindings that are to be taken next; the newest count.
type Next = Arc<Mutex<Option<Arc<Score>>>>;

/// Keeps MIDI going until it is dropped.
pub struct MidiKeeper {
    targets: Sender<String>,
    next_score: Next,
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MidiKeeper {
    /// Keeps a session on a thread of its own, and opens its devices.
    pub fn start(session: Session) -> std::io::Result<Self> {
        let (targets, to_learn) = bounded(MAX_TARGETS);
        let (quit, quitting) = bounded(0);
        let next_score = Next::default();
        let next = next_score.clone();
        let run = move || keep(session, &to_learn, &next, &quitting);
        let thread = Builder::new().name("lumawire-midi".into()).spawn(run)?;
        Ok(Self { targets, next_score, quit: Some(quit), thread: Some(thread) })
    }

    /// What hands it the bindings of a changed patch, from any thread and without waiting.
    pub fn scores(&self) -> impl Fn(&Arc<Score>) + Send + 'static {
        let next = self.next_score.clone();
        move |score| *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(score.clone())
    }

    /// Binds the next control that moves to `target`. What is too much at once is not learnt.
    pub fn learn(&self, target: String) {
        let _ = self.targets.try_send(target);
    }
}

impl Drop for MidiKeeper {
    fn drop(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(mut session: Session, targets: &Receiver<String>, next: &Next, quit: &Receiver<()>) {
    let messages = session.waiting();
    let mut next_scan = Instant::now();
    let mut next_give_back = next_scan;
    loop {
        let now = Instant::now();
        if let Some(score) = next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            session.set_score(score);
        }
        if now >= next_scan {
            session.scan();
            next_scan = now + SCAN;
        }
        if now >= next_give_back {
            session.give_back(now);
            next_give_back = now + GIVE_BACK;
        }
        select! {
            recv(messages) -> raw => if let Ok(raw) = raw {
                session.take(raw);
                session.take_all();
            },
            recv(targets) -> target => match target {
                Ok(target) => session.learn(target),
                Err(_) => return,
            },
            recv(quit) -> _ => return,
            recv(after(next_give_back.saturating_duration_since(now))) -> _ => {}
        }
    }
}
