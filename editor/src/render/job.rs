//! A render: a process of its own, in a folder of its own beside its target, so that nothing is left
//! of one that is cancelled and an old file stays until the new one is whole.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};

use super::progress::{Pace, Phase, Progress};

/// Of what a process says on stderr, the last bytes are kept.
const MAX_SAID: usize = 8_192;
/// Longest line of progress.
const MAX_LINE: u64 = 4_096;
/// How often the process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// What is to be rendered.
#[derive(Debug, Clone)]
pub struct Task {
    /// The program.
    pub program: PathBuf,
    /// Where to.
    pub target: PathBuf,
    /// The patch, as text.
    pub patch: String,
}

/// How far a render is.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It waits for those before it.
    Waiting,
    /// It runs.
    Running,
    /// It is whole.
    Done,
    /// It was given up.
    Cancelled,
    /// It failed, and why.
    Failed(String),
}

/// What the job's thread tells.
enum Told {
    Progress(Progress, u64),
    Ended(State),
}

/// Makes the arguments from the patch's file and the file to write.
pub type MakeArgs = Box<dyn FnOnce(&Path, &Path) -> Vec<OsString> + Send>;

/// A render.
pub struct Job {
    /// What it renders.
    pub task: Task,
    /// How far it is.
    pub state: State,
    /// What it told last.
    pub progress: Option<Progress>,
    /// How fast it is.
    pub pace: Pace,
    /// Bytes written so far.
    pub num_bytes: u64,
    args: Option<MakeArgs>,
    running: Option<Running>,
}

struct Running {
    told: Receiver<Told>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Job {
    /// One that waits.
    pub fn new(task: Task, args: MakeArgs) -> Self {
        Self {
            task,
            state: State::Waiting,
            progress: None,
            pace: Pace::default(),
            num_bytes: 0,
            args: Some(args),
            running: None,
        }
    }

    /// Begins; `wake` is called when there is something new to see.
    pub fn start(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        let Some(args) = self.args.take() else { return };
        let (send, told) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let (task, flag) = (self.task.clone(), stop.clone());
        let work = move || {
            let tell = |told| {
                // Nobody listens where the editor is gone.
                let _ = send.send(told);
                wake();
            };
            let state = match run(&task, args, &flag, &tell) {
                _ if flag.load(Ordering::Relaxed) => State::Cancelled,
                Ok(()) => State::Done,
                Err(why) => State::Failed(why),
            };
            tell(Told::Ended(state));
        };
        match thread::Builder::new().name("lumawire-render".into()).spawn(work) {
            Ok(thread) => {
                self.state = State::Running;
                self.running = Some(Running { told, stop, thread: Some(thread) });
            }
            Err(error) => self.state = State::Failed(format!("starting a thread: {error}")),
        }
    }

    /// Gives it up. Its process ends, and what it wrote goes.
    pub fn cancel(&mut self) {
        match &self.running {
            Some(running) => running.stop.store(true, Ordering::Relaxed),
            None if self.state == State::Waiting => self.state = State::Cancelled,
            None => {}
        }
    }

    /// Takes what was told since.
    pub fn poll(&mut self) {
        let Some(running) = &self.running else { return };
        let mut ended = None;
        for told in running.told.try_iter() {
            match told {
                Told::Progress(progress, num_bytes) => {
                    self.pace.hear(&progress);
                    (self.progress, self.num_bytes) = (Some(progress), num_bytes);
                }
                Told::Ended(state) => ended = Some(state),
            }
        }
        if let Some(state) = ended {
            (self.state, self.running) = (state, None);
        }
    }

    /// Whether nothing more comes of it.
    pub fn has_ended(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Running)
    }

    /// What the file will have, by what was written so far, after the first seconds.
    pub fn expected_bytes(&self) -> Option<u64> {
        self.pace.frames_per_sec()?;
        let progress = self.progress.filter(|p| p.phase == Phase::Write && p.frame > 0)?;
        Some((self.num_bytes as f64 * progress.total? as f64 / progress.frame as f64) as u64)
    }
}

impl Drop for Running {
    /// The process ends with the editor, and leaves nothing.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Renders, and moves what came of it to its place.
fn run(
    task: &Task,
    args: MakeArgs,
    stop: &AtomicBool,
    tell: &(impl Fn(Told) + Sync),
) -> Result<(), String> {
    let target = std::path::absolute(&task.target).map_err(|error| error.to_string())?;
    let folder = Folder::beside(&target)?;
    let patch = folder.path.join("patch.lumawire");
    fs::write(&patch, &task.patch).map_err(|e| format!("writing {}: {e}", patch.display()))?;
    let name = target.file_name().ok_or("there is no name to render to")?;
    let out = folder.out().join(name);
    let child = Command::new(&task.program)
        .args(args(&patch, &out))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("starting {}: {error}", task.program.display()))?;
    let said = attend(child, stop, |progress| {
        tell(Told::Progress(progress, bytes_in(&folder.out())));
    })?;
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    said?;
    move_all(&folder.out(), target.parent().unwrap_or(Path::new("")))
        .map_err(|error| format!("moving the render to {}: {error}", target.display()))
}

/// Listens to a process to its end, or ends it. The inner error is what it said where it failed.
fn attend(
    mut child: Child,
    stop: &AtomicBool,
    mut hear: impl FnMut(Progress) + Send,
) -> Result<Result<(), String>, String> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let said = Mutex::new(Vec::new());
    let status = thread::scope(|scope| {
        scope.spawn(|| {
            let mut lines = BufReader::new(stdout.into_iter().next()?);
            let mut line = String::new();
            while lines.by_ref().take(MAX_LINE).read_line(&mut line).is_ok_and(|n| n > 0) {
                Progress::read(&line).into_iter().for_each(&mut hear);
                line.clear();
            }
            Some(())
        });
        scope.spawn(|| keep_last(stderr?, &said));
        wait(&mut child, stop)
    });
    let status = status.map_err(|error| format!("waiting for the render: {error}"))?;
    if status.success() {
        return Ok(Ok(()));
    }
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    let why = if said.is_empty() { format!("the render ended with {status}") } else { said };
    Ok(Err(why))
}

fn wait(child: &mut Child, stop: &AtomicBool) -> io::Result<std::process::ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stop.load(Ordering::Relaxed) {
            child.kill()?;
            return child.wait();
        }
        thread::sleep(POLL);
    }
}

fn keep_last(mut from: impl Read, kept: &Mutex<Vec<u8>>) -> Option<()> {
    let mut bytes = [0; 1024];
    loop {
        let n = from.read(&mut bytes).ok().filter(|n| *n > 0)?;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes.get(..n)?);
        let surplus = kept.len().saturating_sub(MAX_SAID);
        kept.drain(..surplus);
    }
}

/// A folder that goes with all that is in it.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn beside(target: &Path) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".lumawire-render-{}-{number}", std::process::id());
        let path = target.parent().unwrap_or(Path::new("")).join(name);
        let fault = |error: io::Error| format!("writing beside {}: {error}", target.display());
        fs::create_dir(&path).map_err(fault)?;
        let folder = Self { path };
        fs::create_dir(folder.out()).map_err(fault)?;
        Ok(folder)
    }

    /// Where the render goes.
    fn out(&self) -> PathBuf {
        self.path.join("out")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // An encoder that outlived its program for a moment may still write here.
        for _ in 0..50 {
            if fs::remove_dir_all(&self.path).is_ok() || !self.path.exists() {
                return;
            }
            thread::sleep(POLL);
        }
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_in(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// Moves all from one folder into another, in place of files of the same names; folders that are
/// there already keep what else they hold.
fn move_all(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() && place.is_dir() {
            move_all(&entry.path(), &place)?;
        } else {
            fs::rename(entry.path(), &place)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// A job whose program is a shell script, which finds the patch in `$1` and the file to write
    /// in `$2`.
    fn job(folder: &Path, script: &str) -> Job {
        let path = folder.join("program");
        fs::write(&path, script).unwrap();
        let (program, target) = (PathBuf::from("/bin/sh"), folder.join("a.mp4"));
        let task = Task { program, target, patch: "the patch".into() };
        Job::new(task, Box::new(move |patch, out| vec![path.into(), patch.into(), out.into()]))
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn wait_for(job: &mut Job, is_there: impl Fn(&Job) -> bool) {
        while !is_there(job) {
            job.poll();
            thread::yield_now();
        }
    }

    #[test]
    fn a_render_tells_its_progress_and_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"cat "$1" > "$2"; echo '{"phase":"write","frame":3,"total":4,"secs":1}'"#;
        let mut job = job(folder.path(), script);
        fs::write(&job.task.target, "an old one").unwrap();
        job.start(|| {});
        wait_for(&mut job, Job::has_ended);
        assert_eq!(job.state, State::Done);
        assert_eq!(job.progress.and_then(|p| p.share()), Some(0.75));
        assert_eq!(fs::read_to_string(&job.task.target).unwrap(), "the patch");
        assert_eq!(names(folder.path()), ["a.mp4", "program"]);
    }

    #[test]
    fn a_cancelled_render_leaves_nothing_and_the_old_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"echo part > "$2"; echo '{"phase":"write","frame":1,"secs":1}'
            while true; do sleep 0.05; done"#;
        let mut job = job(folder.path(), script);
        fs::write(&job.task.target, "an old one").unwrap();
        job.start(|| {});
        wait_for(&mut job, |job| job.progress.is_some());
        assert_eq!(names(folder.path()).len(), 3);
        job.cancel();
        wait_for(&mut job, Job::has_ended);
        assert_eq!(job.state, State::Cancelled);
        assert_eq!(fs::read_to_string(&job.task.target).unwrap(), "an old one");
        assert_eq!(names(folder.path()), ["a.mp4", "program"]);
    }

    #[test]
    fn a_job_that_is_dropped_ends_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut job = job(folder.path(), "while true; do sleep 0.05; done");
        job.start(|| {});
        drop(job);
        assert_eq!(names(folder.path()), ["program"]);
    }

    #[test]
    fn a_failed_render_says_what_its_program_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut failed = job(folder.path(), r#"echo "the disk is full" >&2; exit 3"#);
        failed.start(|| {});
        wait_for(&mut failed, Job::has_ended);
        assert_eq!(failed.state, State::Failed("the disk is full".into()));
        assert_eq!(names(folder.path()), ["program"]);
        let mut missing = job(folder.path(), "");
        missing.task.program = folder.path().join("none");
        missing.start(|| {});
        wait_for(&mut missing, Job::has_ended);
        assert!(matches!(missing.state, State::Failed(why) if why.contains("none")));
    }

    #[test]
    fn pictures_join_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for path in ["from/frames/2.png", "from/x.png", "to/frames/1.png", "to/frames/2.png"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, path.to_string_lossy().as_bytes()).unwrap();
        }
        move_all(&from, &to).unwrap();
        assert_eq!(names(&to), ["frames", "x.png"]);
        assert_eq!(names(&to.join("frames")), ["1.png", "2.png"]);
        assert!(fs::read_to_string(to.join("frames/2.png")).unwrap().contains("from"));
    }
}
