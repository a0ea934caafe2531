//! `cargo xtask bench`: the benchmarks, and one table of what they measured. Those of the generator
//! and of the features print their own, beside the times of PyTorch and librosa, and so does that
//! of the ways to make pictures larger, beside their quality.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use serde_json::Value as Json;

use crate::shell::{self, Failure, Outcome};

const NAMES: [&str; 7] = ["engine", "generator", "analysis", "noise", "post", "upscale", "editor"];

/// Benchmarks with a peer: where they look for its command, the module that it needs, its script.
const PEERS: [(&str, &str, &str, &str); 2] = [
    ("generator", "LUMAWIRE_PEER", "torch", "stylegan2_torch.py"),
    ("analysis", "LUMAWIRE_LIBROSA", "librosa", "features_librosa.py"),
];

/// What criterion measured of one benchmark: the median time of an iteration and its confidence
/// interval, in ns.
#[derive(Debug, PartialEq)]
struct Measured {
    name: String,
    median_ns: f64,
    low_ns: f64,
    high_ns: f64,
}

/// Runs all benchmarks or those of one name, and prints what this run measured.
pub fn run(name: Option<&str>) -> Outcome {
    let mut cargo = shell::cargo(["bench", "--workspace"]);
    match name {
        Some(name) if NAMES.contains(&name) => cargo.args(["--bench", name]),
        Some(name) => {
            let known = NAMES.join(", ");
            return Err(Failure::usage(format!(
                "no benchmark is called `{name}`; there are {known}"
            )));
        }
        None => NAMES.iter().fold(&mut cargo, |cargo, name| cargo.args(["--bench", name])),
    };
    for (bench, variable, module, script) in PEERS {
        let is_run = name.is_none_or(|name| name == bench);
        if is_run && let Some(peer) = peer(module, script) {
            cargo.env(variable, peer);
        }
    }
    let started = SystemTime::now();
    shell::run(&mut cargo)?;
    let metadata = shell::metadata(&["--no-deps"])?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let mut measured = Vec::new();
    for folder in result_folders(&Path::new(target).join("criterion")) {
        if is_newer(&folder.join("estimates.json"), started) {
            measured.push(read(&folder)?);
        }
    }
    measured.sort_by(|a, b| a.name.cmp(&b.name));
    if !measured.is_empty() {
        print!("{}", table(&measured));
    }
    Ok(())
}

/// The command of a peer, where a Python with the module that it needs is found.
pub fn peer(module: &str, script: &str) -> Option<OsString> {
    let python = std::env::var_os("LUMAWIRE_PYTHON").unwrap_or_else(|| "python3".into());
    let mut import = shell::command(&python, ["-c", &format!("import {module}")]);
    let import = import.stderr(Stdio::null()).status();
    if !import.is_ok_and(|status| status.success()) {
        println!("no Python with {module} to measure against (LUMAWIRE_PYTHON may name one)");
        return None;
    }
    let script = shell::root().join("xtask/peers").join(script);
    let mut command = python;
    command.push("\n");
    command.push(script);
    Some(command)
}

/// All folders `new` below `folder` that hold estimates.
fn result_folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.ends_with("new") && path.join("estimates.json").is_file() {
            found.push(path);
        } else if path.is_dir() {
            found.extend(result_folders(&path));
        }
    }
    found
}

fn is_newer(file: &Path, than: SystemTime) -> bool {
    file.metadata().and_then(|m| m.modified()).is_ok_and(|modified| modified >= than)
}

fn read(folder: &Path) -> Outcome<Measured> {
    let json = |name: &str| -> Outcome<Json> {
        let path = folder.join(name);
        let fail = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", path.display()));
        let text = fs::read_to_string(&path).map_err(|e| fail(&e))?;
        serde_json::from_str(&text).map_err(|e| fail(&e))
    };
    measured(&json("benchmark.json")?, &json("estimates.json")?)
        .ok_or_else(|| Failure::new(format!("{}: not criterion's format", folder.display())))
}

fn measured(benchmark: &Json, estimates: &Json) -> Option<Measured> {
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    Some(Measured {
        name: benchmark["full_id"].as_str()?.to_owned(),
        median_ns: median["point_estimate"].as_f64()?,
        low_ns: interval["lower_bound"].as_f64()?,
        high_ns: interval["upper_bound"].as_f64()?,
    })
}

/// One line a benchmark, under a heading.
fn table(measured: &[Measured]) -> String {
    let width = measured.iter().map(|m| m.name.chars().count()).max().unwrap_or(0).max(9);
    let mut text = format!("{:<width$}  {:>11}  95 % interval\n", "benchmark", "median");
    for m in measured {
        let (median, low, high) = (time(m.median_ns), time(m.low_ns), time(m.high_ns));
        text += &format!("{:<width$}  {median:>11}  {low} .. {high}\n", m.name);
    }
    text
}

/// A time in the unit that suits it.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{value:.2} {unit}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn criterions_files_become_a_line() {
        let estimates = json!({
            "mean": { "point_estimate": 1.0 },
            "median": {
                "confidence_interval":
                    { "confidence_level": 0.95, "lower_bound": 1_200.0, "upper_bound": 2_500_000.0 },
                "point_estimate": 1_500.0,
                "standard_error": 3.0
            }
        });
        let found = measured(&json!({ "full_id": "engine/block" }), &estimates);
        let found = found.expect("complete");
        assert_eq!((found.name.as_str(), found.median_ns), ("engine/block", 1_500.0));
        let text = table(&[found]);
        let line = text.lines().nth(1).expect("a line");
        assert_eq!(line, "engine/block      1.50 µs  1.20 µs .. 2.50 ms");
        assert_eq!(measured(&json!({}), &estimates), None);
        assert_eq!(measured(&json!({ "full_id": "x" }), &json!({})), None);
    }

    #[test]
    fn times_get_the_unit_that_suits_them() {
        let text = [999.0, 1e3, 34.5e6, 2e9].map(time);
        assert_eq!(text, ["999.00 ns", "1.00 µs", "34.50 ms", "2.00 s"]);
    }
}
