//! `cargo xtask ci`: everything that must pass, the quick checks first.

use std::time::Instant;

use crate::shell::{self, Failure, Outcome};
use crate::{direction, setup};

/// The packages that the feature changes.
const CUDA: [&str; 6] =
    ["--package", "lumawire-models", "--package", "lumawire", "--features", "cuda"];

/// Runs all checks and stops at the first that fails.
pub fn run() -> Outcome {
    let started = Instant::now();
    step("setup", || setup::run(true))?;
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
    step("dependency direction", check_direction)?;
    step("licences, bans, sources", || {
        cargo(&["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
    })?;
    step("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    step("clippy with CUDA", || {
        cargo(&[&["clippy", "--all-targets"], &CUDA[..], &["--", "-D", "warnings"]].concat())
    })?;
    // With the feature, as it only adds: the driver's calls on a stand-in, and the command where
    // there is no GPU.
    step("tests", || cargo(&["test", "--workspace", "--features", "cuda"]))?;
    println!("All checks passed in {:.0} s.", started.elapsed().as_secs_f64());
    Ok(())
}

fn step(name: &str, check: impl FnOnce() -> Outcome) -> Outcome {
    println!("== {name}");
    let started = Instant::now();
    check().map_err(|failure| Failure {
        message: format!("{name}: {}", failure.message),
        ..failure
    })?;
    println!("== {name}: passed in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn cargo(args: &[&str]) -> Outcome {
    shell::run(&mut shell::cargo(args))
}

fn check_direction() -> Outcome {
    let faults = direction::faults(&shell::metadata(&["--no-deps"])?);
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(faults.join("\n"))) }
}
