//! `cargo xtask gpu`: what has to do with NVIDIA GPUs. Only `check` needs one.

mod kernels;
mod pack;
mod toolkit;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::bench;
use crate::shell::{self, Failure, Outcome};

/// Runs the kernels' tests on a GPU instead of on the emulator.
const ON_GPU: (&str, &str) = ("LUMAWIRE_ACCELERATOR", "cuda");
/// Tests of this name run kernels; of those the second compare files of the repository alone.
const TESTS: &str = "cuda";
const NO_TESTS: &str = "ptx";
/// The benchmark, and the program that it measures against.
const BENCH: &str = "cuda";
const PEER: &str = "stylegan2_cuda.py";
/// Packages that have the feature. The second is named so that cargo chooses the features of
/// dependencies as for everyday builds.
const PACKAGES: [&str; 6] =
    ["--package", "lumawire-models", "--package", "lumawire", "--features", "cuda"];

/// `cargo xtask gpu …`.
pub fn run(args: &[String]) -> Outcome {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["kernels"] => kernels::write(),
        ["kernels", "--check"] => kernels::check(),
        ["build"] => build().map(drop),
        ["pack"] => pack::run(),
        ["check"] => check(),
        _ => Err(Failure::usage(
            "`gpu` takes one of: kernels [--check], build, pack, check; see `cargo xtask help`",
        )),
    }
}

/// Builds the command with the feature, and says how large it is and what it needs.
fn build() -> Outcome<PathBuf> {
    let binary = executable(
        &["build", "--release", "--package", "lumawire", "--features", "cuda"],
        "lumawire",
    )?;
    let stripped = binary.with_file_name("lumawire-cuda");
    strip(&binary, &stripped)?;
    println!("{}: {}", stripped.display(), size(&stripped)?);
    let needed = needed(&stripped)?;
    println!("needs {}", needed.join(", "));
    match needed.iter().find(|name| name.contains("cuda") || name.contains("cublas")) {
        Some(name) => Err(Failure::new(format!("the command does not start without {name}"))),
        None => Ok(stripped),
    }
}

/// Tests and measures the kernels on the GPU of this machine.
fn check() -> Outcome {
    if !has_gpu() {
        return Err(Failure::new(
            "there is no NVIDIA GPU here, so nothing was checked. `cargo xtask gpu pack` makes a \
             folder that runs on a machine that has one; the tests run the same kernels on an \
             emulator",
        ));
    }
    let mut tests = shell::cargo(["test", "--release", "--lib"]);
    tests.args(PACKAGES).args(["--", TESTS, "--skip", NO_TESTS]).env(ON_GPU.0, ON_GPU.1);
    shell::run(&mut tests)?;
    let mut bench = shell::cargo(["bench", "--bench", BENCH]);
    if let Some(peer) = bench::peer("torch", PEER) {
        bench.env("LUMAWIRE_PEER", peer);
    }
    shell::run(bench.args(PACKAGES))
}

fn has_gpu() -> bool {
    let mut smi = shell::command("nvidia-smi", ["-L"]);
    shell::succeeds(&mut smi)
        || ["/dev/nvidiactl", "/dev/dxg"].iter().any(|f| Path::new(f).exists())
}

/// Runs `cargo args…` and returns the program that it made of the target `name`.
fn executable(args: &[&str], name: &str) -> Outcome<PathBuf> {
    let format = "--message-format=json-render-diagnostics";
    let lines = shell::read(shell::cargo(args).arg(format))?;
    let made = lines.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let mut named = made.filter(|made| made["target"]["name"] == name);
    let found = named.find_map(|made| made["executable"].as_str().map(PathBuf::from));
    found.ok_or_else(|| Failure::new(format!("cargo made no program of `{name}`")))
}

/// Copies a program without its symbols.
fn strip(from: &Path, to: &Path) -> Outcome {
    shell::run(shell::command("strip", ["-o"]).arg(to).arg(from))
}

/// The libraries that a program does not start without.
fn needed(program: &Path) -> Outcome<Vec<String>> {
    let text = shell::read(shell::command("readelf", ["--dynamic", "--wide"]).arg(program))?;
    let lines = text.lines().filter(|line| line.contains("(NEEDED)"));
    let name = |line: &str| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned());
    Ok(lines.filter_map(name).collect())
}

/// A file's size in words.
fn size(file: &Path) -> Outcome<String> {
    let bytes = fs::metadata(file).map_err(|error| failed(file, error))?.len();
    Ok(format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64))
}

fn failed(file: &Path, error: std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", file.display()))
}

/// The folder that cargo builds in.
fn target() -> Outcome<PathBuf> {
    let metadata = shell::metadata(&["--no-deps"])?;
    Ok(metadata["target_directory"].as_str().unwrap_or("target").into())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_a_program_needs_are_told() {
        let this = std::env::current_exe().expect("this program");
        let needed = needed(&this).unwrap_or_default();
        assert!(needed.iter().any(|name| name.starts_with("libc.so")), "{needed:?}");
    }
}
