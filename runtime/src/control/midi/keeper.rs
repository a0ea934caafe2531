//! The thread that waits for MIDI.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, bounded, select};
use lumawire_core::control::Score;

use super::Session;

/// Time between two looks at the devices.
const SCAN: Duration = Duration::from_secs(1);
/// Time between two looks at what changed: 30 times a second.
const GIVE_BACK: Duration = Duration::from_millis(33);
/// Commands that may wait.
const MAX_COMMANDS: usize = 64;

enum Command {
    Score(Arc<Score>),
    Learn(String),
}

/// Keeps MIDI going until it is dropped.
pub struct MidiKeeper {
    commands: Sender<Command>,
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MidiKeeper {
    /// Keeps a session on a thread of its own, and opens its devices.
    pub fn start(session: Session) -> std::io::Result<Self> {
        let (commands, receiver) = bounded(MAX_COMMANDS);
        let (quit, quitting) = bounded(0);
        let run = move || keep(session, &receiver, &quitting);
        let thread = Builder::new().name("lumawire-midi".into()).spawn(run)?;
        Ok(Self { commands, quit: Some(quit), thread: Some(thread) })
    }

    /// What hands it the bindings of a changed patch, from any thread.
    pub fn scores(&self) -> impl Fn(&Arc<Score>) + Send + 'static {
        let commands = self.commands.clone();
        move |score| {
            // A thread that is gone needs none.
            let _ = commands.send_timeout(Command::Score(score.clone()), SCAN);
        }
    }

    /// Binds the next control that moves to `target`.
    pub fn learn(&self, target: String) {
        let _ = self.commands.send_timeout(Command::Learn(target), SCAN);
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

fn keep(mut session: Session, commands: &Receiver<Command>, quit: &Receiver<()>) {
    let messages = session.waiting();
    let mut next_scan = Instant::now();
    let mut next_give_back = next_scan;
    loop {
        let now = Instant::now();
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
            recv(commands) -> command => match command {
                Ok(Command::Score(score)) => session.set_score(score),
                Ok(Command::Learn(target)) => session.learn(target),
                Err(_) => return,
            },
            recv(quit) -> _ => return,
            recv(after(next_give_back.saturating_duration_since(now))) -> _ => {}
        }
    }
}
