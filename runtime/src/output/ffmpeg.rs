//! The ffmpeg program as a child process.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::OutputError;

/// Bytes of its messages that are kept: the last ones say why it failed.
const MAX_LOG_BYTES: usize = 4_096;
/// Time between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Where the program is.
#[derive(Debug, Clone)]
pub(super) struct Ffmpeg {
    pub program: OsString,
}

/// How it failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub status: String,
    pub log: String,
}

impl Ffmpeg {
    /// What LUMAWIRE_FFMPEG names, or `ffmpeg` as the system finds it.
    pub fn from_env() -> Self {
        let program = env::var_os("LUMAWIRE_FFMPEG").filter(|p| !p.is_empty());
        Self { program: program.unwrap_or_else(|| "ffmpeg".into()) }
    }

    /// Starts it with `args`, to be fed through [`Process::write`].
    pub fn start(&self, args: &[OsString]) -> Result<Process, OutputError> {
        let mut command = Command::new(&self.program);
        command
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // A group of its own: Ctrl-C in the terminal reaches us alone, who finish the file.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let no_ffmpeg = |source| OutputError::NoFfmpeg {
            program: self.program.to_string_lossy().into_owned(),
            source,
        };
        let mut child = command.spawn().map_err(no_ffmpeg)?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let child = SharedChild(Arc::new(Mutex::new(child)));
        let mut process = Process { child, stdin, log: None };
        let keep = move || stderr.map(keep_log).unwrap_or_default();
        let thread = thread::Builder::new().name("lumawire-ffmpeg".into()).spawn(keep);
        process.log = Some(thread.map_err(no_ffmpeg)?);
        Ok(process)
    }

    /// Runs it to its end without input.
    pub fn run(&self, args: &[OsString]) -> Result<Result<(), Failure>, OutputError> {
        Ok(self.start(args)?.finish())
    }
}

/// The child itself, for whoever may have to end it while another waits for it.
#[derive(Debug, Clone)]
pub(crate) struct SharedChild(Arc<Mutex<Child>>);

impl SharedChild {
    /// Ends it at once: whoever feeds it or waits for it is told.
    pub fn kill(&self) {
        // Fails only if it has ended already.
        let _ = self.lock().kill();
    }

    /// Waits until it has ended, and lets others end it meanwhile.
    fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.lock().try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running ffmpeg. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Process {
    child: SharedChild,
    stdin: Option<ChildStdin>,
    log: Option<JoinHandle<String>>,
}

impl Process {
    /// Its process id.
    #[cfg(test)]
    pub fn id(&self) -> u32 {
        self.child.lock().id()
    }

    /// The child, to end it from elsewhere.
    pub fn child(&self) -> SharedChild {
        self.child.clone()
    }

    /// Feeds it; waits while it is busy.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdin.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |s| s.write_all(bytes))
    }

    /// Ends its input and waits until it is done.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.stdin = None;
        let status = self.child.wait();
        let log = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure { status: status.to_string(), log }),
            Err(error) => Err(Failure { status: error.to_string(), log }),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill();
        // Fails only if it has ended already.
        let _ = self.child.wait();
    }
}

/// Reads messages to their end and keeps the last of them.
fn keep_log(mut stderr: ChildStderr) -> String {
    let (mut log, mut chunk) = (Vec::new(), [0; 1_024]);
    while let Ok(n @ 1..) = stderr.read(&mut chunk) {
        log.extend_from_slice(&chunk[..n]);
        log.drain(..log.len().saturating_sub(MAX_LOG_BYTES));
    }
    String::from_utf8_lossy(&log).trim().to_owned()
}

/// A path as ffmpeg's argument: always a file, whatever it looks like, never a network address
/// or an option.
pub(super) fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// Appends arguments.
pub(super) fn push<S: AsRef<OsStr>>(args: &mut Vec<OsString>, more: impl IntoIterator<Item = S>) {
    args.extend(more.into_iter().map(|a| a.as_ref().to_owned()));
}
