//! Records or sends a running show on a thread of its own. What fails is begun anew.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use lumawire_core::{Clock, HostImage};

use super::fan_out::{FanOut, Feed, Message, Waiting};
use crate::output::{LiveWriter, OutputError, SharedChild, Target, Timeline};

/// Wait before the first new try; each next one waits twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// What ran for so long has worked: the next failure waits the shortest time again.
const SETTLED: Duration = Duration::from_secs(30);
/// How late a stream may be; what is later is left out.
const MAX_LAG_SECS: f64 = 1.0;
/// How long a file may take to be completed.
const FILE_PATIENCE: Duration = Duration::from_secs(60);
/// How long a stream may take to end.
const STREAM_PATIENCE: Duration = Duration::from_secs(3);

/// What happens to an output.
#[derive(Debug)]
pub enum OutputEvent {
    /// It begins: what it is called, such as the name that a file got.
    Began(String),
    /// It failed, and is begun anew after this time. Told once for failures that say the same.
    Failed {
        /// What it is called.
        name: String,
        /// Why it failed.
        error: OutputError,
        /// How long it waits.
        wait: Duration,
    },
}

/// Figures of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFigures {
    /// What it is called: for a file, the name that it got.
    pub name: String,
    /// Frames written, those that repeat the one before included.
    pub num_frames: u64,
    /// Frames written that repeat the one before: late ones, and those that were dropped.
    pub num_repeated: u64,
    /// Pictures that found no room because the encoder was slower.
    pub num_dropped: u64,
    /// How often it was begun anew.
    pub num_restarts: u64,
    /// Why it does not run, where it does not.
    pub error: Option<String>,
}

/// Shows an output's figures to others, while it runs and after.
#[derive(Clone)]
pub struct OutputWatch {
    shared: Arc<Shared>,
    waiting: Arc<Waiting>,
}

impl OutputWatch {
    /// The figures at this moment.
    pub fn figures(&self) -> OutputFigures {
        let shared = &self.shared;
        let Named { name, error } = lock(&shared.named).clone();
        OutputFigures {
            name,
            num_frames: shared.num_frames.load(Ordering::Relaxed),
            num_repeated: shared.num_repeated.load(Ordering::Relaxed),
            num_dropped: self.waiting.num_dropped(),
            num_restarts: shared.num_restarts.load(Ordering::Relaxed),
            error,
        }
    }
}

#[derive(Clone)]
struct Named {
    name: String,
    error: Option<String>,
}

struct Shared {
    named: Mutex<Named>,
    num_frames: AtomicU64,
    num_repeated: AtomicU64,
    num_restarts: AtomicU64,
    /// The program that encodes, to be ended if it hangs.
    child: Mutex<Option<SharedChild>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records or sends a show from the moment it is started until it is stopped or dropped.
///
/// Picture `n` of a file is at `n/fps` of the clock that it was started with, its sound is the
/// engine's, sample for sample, and both are equally long. Frames that were late or found no room
/// repeat the picture before; where the sound is missing there is silence. A picture of another
/// size begins a new file, and so does what failed. A stream leaves out what is late by more than a
/// second.
pub struct Recorder {
    fan_out: FanOut,
    feed: Option<Arc<Feed>>,
    watch: OutputWatch,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
}

impl Recorder {
    /// Begins to send what comes to `fan_out` to `target`, on the clock of the show. `report` is
    /// called on the output's own thread. Fails where it can be told at once that nothing can be
    /// sent there.
    pub fn start(
        fan_out: &FanOut,
        target: Target,
        clock: Clock,
        report: impl Fn(OutputEvent) + Send + 'static,
    ) -> Result<Self, OutputError> {
        target.check()?;
        let shared = Arc::new(Shared {
            named: Mutex::new(Named { name: target.to_string(), error: None }),
            num_frames: AtomicU64::new(0),
            num_repeated: AtomicU64::new(0),
            num_restarts: AtomicU64::new(0),
            child: Mutex::new(None),
        });
        let is_watched = target.is_watched();
        let patience = if is_watched { STREAM_PATIENCE } else { FILE_PATIENCE };
        let (feed, messages, waiting) = fan_out.add();
        let watch = OutputWatch { shared: shared.clone(), waiting: waiting.clone() };
        let max_lag = (MAX_LAG_SECS * f64::from(clock.sample_rate_hz)) as u64;
        let max_gap = (MAX_LAG_SECS * clock.fps.hz()) as u64;
        let work = Work {
            clock,
            shared,
            waiting,
            report,
            max_lag: if is_watched { max_lag } else { u64::MAX },
            max_gap: if is_watched { max_gap } else { u64::MAX },
            session: None,
            picture: None,
            before: (0, 0),
            retry: Retry::default(),
            target,
        };
        let (told, done) = bounded(1);
        let run = move || {
            work.run(&messages);
            let _ = told.send(());
        };
        let thread = Builder::new().name("lumawire-output".into()).spawn(run);
        let thread = match thread {
            Ok(thread) => thread,
            Err(source) => {
                fan_out.remove(&feed);
                let path = watch.figures().name.into();
                return Err(OutputError::Write { path, source });
            }
        };
        let (fan_out, feed, thread) = (fan_out.clone(), Some(feed), Some(thread));
        Ok(Self { fan_out, feed, watch, done, thread, patience })
    }

    /// Shows its figures.
    pub fn watch(&self) -> OutputWatch {
        self.watch.clone()
    }

    /// Ends it with the frame in hand, waits until it is complete, and gives its last figures.
    /// What hangs is cut off after a minute, a stream after three seconds.
    pub fn stop(mut self) -> OutputFigures {
        self.end();
        self.watch.figures()
    }

    fn end(&mut self) {
        let Some(feed) = self.feed.take() else { return };
        self.fan_out.remove(&feed);
        drop(feed);
        if self.done.recv_timeout(self.patience).is_err()
            && let Some(child) = &*lock(&self.watch.shared.child)
        {
            child.kill();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

/// A file or a connection from its first picture to its last.
struct Session {
    timeline: Timeline,
    /// `None` until the first picture, whose size it takes.
    writer: Option<Box<dyn LiveWriter>>,
    size_px: (u32, u32),
    began: Instant,
}

/// When what failed may be tried again.
#[derive(Default)]
struct Retry {
    at: Option<Instant>,
    wait: Duration,
    told: Option<String>,
}

/// The output's thread.
struct Work<R> {
    target: Target,
    clock: Clock,
    shared: Arc<Shared>,
    waiting: Arc<Waiting>,
    report: R,
    max_lag: u64,
    max_gap: u64,
    session: Option<Session>,
    /// The picture that came last.
    picture: Option<Arc<HostImage>>,
    /// Frames, and repeated ones, of the sessions before.
    before: (u64, u64),
    retry: Retry,
}

impl<R: Fn(OutputEvent)> Work<R> {
    fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            let has_picture = matches!(message, Message::Frame { picture: Some(_), .. });
            let taken = self.take(message);
            if has_picture {
                self.waiting.picture_done();
            }
            if let Err(error) = taken {
                self.fail(error);
            }
        }
        if let Err(error) = self.finish() {
            self.fail(error);
        }
    }

    fn take(&mut self, message: Message) -> Result<(), OutputError> {
        if self.retry.at.is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        self.retry.at = None;
        match message {
            Message::Sound { start, samples } => {
                let session = self
                    .session
                    .get_or_insert_with(|| Session::new(Timeline::new(self.clock, self.max_gap)));
                session.timeline.hear(start, samples);
                match &mut session.writer {
                    Some(writer) => session.timeline.release(&mut **writer),
                    None => Ok(()),
                }
            }
            Message::Frame { sample, picture } => {
                let lag = self.waiting.newest().saturating_sub(sample);
                if lag > self.max_lag {
                    return Ok(());
                }
                self.frame(sample, picture)
            }
        }
    }

    fn frame(&mut self, sample: u64, picture: Option<Arc<HostImage>>) -> Result<(), OutputError> {
        let is_resized = |session: &Session| {
            let size_px = picture.as_ref().map(|image| (image.width_px, image.height_px));
            session.writer.is_some() && size_px.is_some_and(|size_px| size_px != session.size_px)
        };
        if self.session.as_ref().is_some_and(is_resized) {
            self.finish()?;
            // The next sound begins a new one.
            self.picture = picture;
            return Ok(());
        }
        let Some(session) = &mut self.session else { return Ok(()) };
        if picture.is_some() {
            self.picture.clone_from(&picture);
        }
        // A new session shows at once what was shown before.
        let picture = picture.or(self.picture.clone().filter(|_| session.writer.is_none()));
        if !session.timeline.is_ready(sample, picture.as_ref()) {
            return Ok(());
        }
        let writer = match &mut session.writer {
            Some(writer) => writer,
            None => {
                let Some(image) = &self.picture else { return Ok(()) };
                session.size_px = (image.width_px, image.height_px);
                let opened = self.target.open(self.clock, session.size_px)?;
                *lock(&self.shared.child) = opened.child;
                *lock(&self.shared.named) = Named { name: opened.name.clone(), error: None };
                session.began = Instant::now();
                (self.report)(OutputEvent::Began(opened.name));
                session.writer.insert(opened.writer)
            }
        };
        session.timeline.write(sample, picture, &mut **writer)?;
        self.count();
        Ok(())
    }

    fn count(&self) {
        let put = self.session.as_ref().map(|session| session.timeline.put()).unwrap_or_default();
        let (num_frames, num_repeated) = self.before;
        self.shared.num_frames.store(num_frames + put.num_frames, Ordering::Relaxed);
        self.shared.num_repeated.store(num_repeated + put.num_repeated, Ordering::Relaxed);
    }

    /// Completes the session, if there is one.
    fn finish(&mut self) -> Result<(), OutputError> {
        let Some(mut session) = self.close() else { return Ok(()) };
        let Some(mut writer) = session.writer.take() else { return Ok(()) };
        session.timeline.finish(&mut *writer)?;
        writer.finish()
    }

    fn close(&mut self) -> Option<Session> {
        self.count();
        let session = self.session.take()?;
        let put = session.timeline.put();
        self.before = (self.before.0 + put.num_frames, self.before.1 + put.num_repeated);
        Some(session)
    }

    /// Gives the session up, and begins another after a while.
    fn fail(&mut self, error: OutputError) {
        let has_worked = self.session.as_ref().is_some_and(Session::has_settled);
        // Without its end: whoever writes knows already that it failed.
        self.close();
        *lock(&self.shared.child) = None;
        let retry = &mut self.retry;
        if has_worked {
            *retry = Retry::default();
        }
        retry.wait = (2 * retry.wait).clamp(FIRST_WAIT, MAX_WAIT);
        retry.at = Some(Instant::now() + retry.wait);
        self.shared.num_restarts.fetch_add(1, Ordering::Relaxed);
        let text = error.to_string();
        let mut named = lock(&self.shared.named);
        named.error = Some(text.clone());
        if retry.told.as_ref() != Some(&text) {
            let name = named.name.clone();
            drop(named);
            retry.told = Some(text);
            (self.report)(OutputEvent::Failed { name, error, wait: retry.wait });
        }
    }
}

impl Session {
    fn new(timeline: Timeline) -> Self {
        Self { timeline, writer: None, size_px: (0, 0), began: Instant::now() }
    }

    fn has_settled(&self) -> bool {
        self.writer.is_some() && self.began.elapsed() > SETTLED
    }
}
