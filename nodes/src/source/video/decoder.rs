//! A thread that decodes ahead, and the queue between it and the node.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use lumawire_core::HostImage;

use super::ffmpeg::{Frame, Leash, Part, Run, SILENCE, TIMEOUT};

/// Frames that wait for the node, at most.
const MAX_WAITING: usize = 6;
/// Frames count from this long before their time on: containers round times, to the millisecond in
/// Matroska.
pub(super) const SLACK_SECS: f64 = 1e-3;
/// How long before the end of a round the next one's ffmpeg is started.
const HEAD_START_SECS: f64 = 1.0;

/// What `prepare` found out about a file.
#[derive(Debug, Clone)]
pub(super) struct Film {
    pub path: PathBuf,
    /// Its first frame.
    pub first: Arc<HostImage>,
    /// When the first frame begins, in the file's own time.
    origin_secs: f64,
    /// What the container's own time starts with.
    start_secs: f64,
    /// From the first frame's begin to the last one's end.
    pub duration_secs: f64,
    /// How long a frame is shown, about.
    pub frame_secs: f64,
    /// The same by the film's nominal rate.
    nominal_secs: Option<f64>,
}

impl Film {
    /// Decodes the first frame and the times of the last ones.
    pub fn open(path: &Path) -> Result<Self, String> {
        let mut head = Run::start(path, Part::First)?;
        let Some(first) = head.next_frame()? else {
            if head.lacks_fps_mode() {
                return Err("cannot be opened: this ffmpeg is too old; install 5.1 or later".into());
            }
            return Err(head.reason());
        };
        let mut film = Self {
            path: path.to_owned(),
            first: Arc::new(first.picture),
            origin_secs: first.file_secs,
            start_secs: head.start_secs(),
            duration_secs: 0.0,
            frame_secs: head.nominal_secs().unwrap_or(0.04),
            nominal_secs: head.nominal_secs(),
        };
        drop(head);
        let (last, frame_secs) = film.tail()?;
        film.frame_secs = frame_secs.unwrap_or(film.frame_secs);
        film.duration_secs = film.end_secs((last - film.origin_secs).max(0.0));
        Ok(film)
    }

    /// When the last frame, which begins at `last_secs`, ends: as long after as the frame before
    /// lasted. Where that is the nominal time but for the container's rounding, exactly, so that no
    /// round is longer than the film.
    fn end_secs(&self, last_secs: f64) -> f64 {
        let is_near = |a: f64, b: f64| (a - b).abs() < 1.5 * SLACK_SECS;
        if let Some(nominal_secs) = self.nominal_secs.filter(|n| is_near(*n, self.frame_secs)) {
            let number = (last_secs / nominal_secs).round();
            if is_near(number * nominal_secs, last_secs) {
                return (number + 1.0) * nominal_secs;
            }
        }
        last_secs + self.frame_secs
    }

    /// When the last frame begins, and how long after the one before it.
    fn tail(&self) -> Result<(f64, Option<f64>), String> {
        for part in [Part::Tail(5.0), Part::Tail(60.0), Part::Times] {
            let mut run = Run::start(&self.path, part)?;
            let (mut last, mut frame_secs) = (f64::MIN, None);
            let mut count = 0;
            while let Some((secs, ..)) = run.next_time()? {
                if secs > last && count > 0 {
                    frame_secs = Some(secs - last);
                }
                last = last.max(secs);
                count += 1;
            }
            // A single one may be the film's only one; else more tell how long it lasts.
            if count > 1 || (count == 1 && part == Part::Times) {
                return Ok((last, frame_secs));
            }
        }
        Ok((self.origin_secs, None))
    }

    /// A run whose frames begin at `secs` or a little before.
    fn run(&self, secs: f64, back_secs: f64) -> Result<Run, String> {
        let in_container = self.origin_secs - self.start_secs + secs - back_secs;
        Run::start(&self.path, Part::From(in_container))
    }
}

/// Where a frame lies: how often the part has been played before, and the time in the film.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub round: i64,
    pub secs: f64,
}

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// From here.
    pub from_secs: f64,
    /// To here.
    pub to_secs: f64,
    /// Over and over.
    pub loops: bool,
}

#[derive(Debug, Clone, Copy)]
struct Request {
    number: u64,
    place: Place,
    part: Span,
}

/// What the thread says.
pub(super) enum Event {
    Frame(Place, HostImage),
    /// Nothing follows.
    End,
    Fault(String),
}

/// The thread's other end. Dropped, it ends thread and child.
pub(super) struct Decoder {
    requests: Sender<Request>,
    events: Receiver<(u64, Event)>,
    number: u64,
    leash: Held,
}

/// What ends the child that the thread reads from; none once the node is gone.
type Held = Arc<Mutex<Option<Leash>>>;

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Some(leash) = self.leash.lock().unwrap_or_else(PoisonError::into_inner).take() {
            leash.kill();
        }
    }
}

impl Decoder {
    /// Starts the thread, which waits to be asked.
    pub fn start(film: Film) -> std::io::Result<Self> {
        let (requests, asked) = mpsc::channel();
        let (send, events) = mpsc::sync_channel(MAX_WAITING);
        let leash = Held::new(Mutex::new(Some(Leash::default())));
        let worker = Worker { film, asked, send, leash: leash.clone() };
        thread::Builder::new().name("lumawire-video".into()).spawn(move || worker.work())?;
        Ok(Self { requests, events, number: 0, leash })
    }

    /// Asks for the frames from the one at `place` on. Earlier ones no longer come.
    pub fn seek(&mut self, place: Place, part: Span) {
        self.number += 1;
        let _ = self.requests.send(Request { number: self.number, place, part });
        // Makes room, so that the thread hears of it.
        while let Ok((number, _)) = self.events.try_recv() {
            debug_assert!(number < self.number);
        }
    }

    /// What comes next; none where it is not there yet, and `waits` does not ask to wait.
    pub fn next(&mut self, waits: bool) -> Option<Event> {
        loop {
            let event = if waits {
                match self.events.recv_timeout(TIMEOUT) {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Timeout) => {
                        return Some(Event::Fault(SILENCE.into()));
                    }
                    Err(RecvTimeoutError::Disconnected) => return Some(Event::End),
                }
            } else {
                match self.events.try_recv() {
                    Ok(event) => event,
                    Err(TryRecvError::Empty) => return None,
                    Err(TryRecvError::Disconnected) => return Some(Event::End),
                }
            };
            if event.0 == self.number {
                return Some(event.1);
            }
        }
    }
}

struct Worker {
    film: Film,
    asked: Receiver<Request>,
    send: SyncSender<(u64, Event)>,
    leash: Held,
}

/// The node is gone.
struct Gone;

impl Worker {
    fn work(self) {
        let mut next = self.asked.recv().ok();
        while let Some(request) = next {
            // Only the newest counts.
            let request = self.asked.try_iter().last().unwrap_or(request);
            next = match self.play(request) {
                Ok(Some(newer)) => Some(newer),
                Ok(None) => self.asked.recv().ok(),
                Err(Gone) => return,
            };
        }
    }

    fn tell(&self, request: Request, event: Event) -> Result<(), Gone> {
        self.send.send((request.number, event)).map_err(|_| Gone)
    }

    /// Plays until another request comes, or to the end.
    fn play(&self, request: Request) -> Result<Option<Request>, Gone> {
        match self.rounds(request)? {
            Ok(newer) => Ok(newer),
            Err(fault) => self.tell(request, Event::Fault(fault)).map(|()| None),
        }
    }

    fn rounds(&self, request: Request) -> Result<Result<Option<Request>, String>, Gone> {
        let Request { place, part, .. } = request;
        let mut run = match self.run_at(place.secs) {
            Ok(run) => run,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut round = place.round;
        loop {
            if let Some(newer) = self.newer()? {
                return Ok(Ok(Some(newer)));
            }
            let mut follower = None;
            // Each round tells of a frame, however short it is: else none would wait for the node.
            let mut has_told = false;
            loop {
                let frame = match run.next() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(fault) => return Ok(Err(fault)),
                };
                let secs = frame.file_secs - self.film.origin_secs;
                if has_told && secs >= part.to_secs - SLACK_SECS {
                    break;
                }
                self.tell(request, Event::Frame(Place { round, secs }, frame.picture))?;
                has_told = true;
                if let Some(newer) = self.newer()? {
                    return Ok(Ok(Some(newer)));
                }
                let is_near = secs > part.to_secs - HEAD_START_SECS;
                if part.loops && is_near && follower.is_none() {
                    follower = self.run_at_unread(part.from_secs).ok();
                }
            }
            if !part.loops {
                return self.tell(request, Event::End).map(|()| Ok(None));
            }
            round += 1;
            let next = match follower {
                Some(follower) => self.ahead(follower, part.from_secs),
                None => self.run_at(part.from_secs),
            };
            run = match next {
                Ok(run) => run,
                Err(fault) => return Ok(Err(fault)),
            };
        }
    }

    /// The newest request, if there is one.
    fn newer(&self) -> Result<Option<Request>, Gone> {
        let mut newest = None;
        loop {
            match self.asked.try_recv() {
                Ok(request) => newest = Some(request),
                Err(TryRecvError::Empty) => return Ok(newest),
                Err(TryRecvError::Disconnected) => return Err(Gone),
            }
        }
    }

    /// Lets the node end this run with itself; where it is gone, that is now.
    fn hold(&self, run: &Run) {
        match &mut *self.leash.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(leash) => *leash = run.leash(),
            None => run.leash().kill(),
        }
    }

    fn run_at(&self, secs: f64) -> Result<Ahead, String> {
        self.ahead(self.run_at_unread(secs)?, secs)
    }

    /// Reads up to the frame that is shown at `secs`, which counts from there on; farther back where
    /// frames last longer.
    fn ahead(&self, unread: Unread, secs: f64) -> Result<Ahead, String> {
        let Unread { mut run, mut back_secs } = unread;
        let file_secs = self.film.origin_secs + secs;
        loop {
            self.hold(&run);
            let mut shown = None;
            let mut after = None;
            while let Some(frame) = run.next_frame()? {
                if frame.file_secs > file_secs + SLACK_SECS {
                    after = Some(frame);
                    break;
                }
                shown = Some(Frame { file_secs, ..frame });
            }
            if shown.is_some() || back_secs > secs {
                let read: VecDeque<Frame> = [shown, after].into_iter().flatten().collect();
                return if read.is_empty() { Err(run.reason()) } else { Ok(Ahead { run, read }) };
            }
            back_secs *= 8.0;
            run = self.film.run(secs, back_secs.min(secs + 1.0))?;
        }
    }

    /// A run that may begin too late yet, since nothing has been read from it.
    fn run_at_unread(&self, secs: f64) -> Result<Unread, String> {
        let back_secs = (3.0 * self.film.frame_secs).max(0.1);
        let run = self.film.run(secs, back_secs)?;
        Ok(Unread { run, back_secs })
    }
}

struct Unread {
    run: Run,
    back_secs: f64,
}

/// A run with the frames that were read ahead.
struct Ahead {
    run: Run,
    read: VecDeque<Frame>,
}

impl Ahead {
    fn next(&mut self) -> Result<Option<Frame>, String> {
        match self.read.pop_front() {
            Some(frame) => Ok(Some(frame)),
            None => self.run.next_frame(),
        }
    }
}
