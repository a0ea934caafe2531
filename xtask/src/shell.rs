//! Running other programs, and how a chore fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value as Json;

/// Why a chore stopped.
#[derive(Debug)]
pub struct Failure {
    /// What to tell.
    pub message: String,
    /// The exit code to leave with.
    pub code: u8,
}

/// What a chore ends in.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure of the chore itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// Arguments that mean nothing.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }
}

/// The repository's root.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// `program args…`, to run in the repository's root.
pub fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// `cargo args…`, with the cargo that runs this program.
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// Prints the command, runs it to its end, and fails with its exit code if it fails.
pub fn run(command: &mut Command) -> Outcome {
    let line = announce(command);
    let status = command.status().map_err(|e| Failure::new(format!("{line}: {e}")))?;
    check(status, &line)
}

/// As `run`, but returns what the command prints to its standard output.
pub fn read(command: &mut Command) -> Outcome<String> {
    let line = announce(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Failure::new(format!("{line}: {e}")))?;
    check(output.status, &line)?;
    String::from_utf8(output.stdout).map_err(|e| Failure::new(format!("{line}: {e}")))
}

/// Whether the command succeeds, without a word.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Where a program lies on the PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(&file)).find(|path| path.is_file())
}

/// What cargo knows of the workspace; with `--no-deps` of its own packages alone.
pub fn metadata(args: &[&str]) -> Outcome<Json> {
    let text = read(cargo(["metadata", "--format-version", "1"]).args(args))?;
    serde_json::from_str(&text).map_err(|e| Failure::new(format!("cargo metadata: {e}")))
}

fn announce(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    let line = words.collect::<Vec<_>>().join(" ");
    eprintln!("$ {line}");
    line
}

fn check(status: ExitStatus, line: &str) -> Outcome {
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure { message: format!("`{line}` failed ({status})"), code })
}
