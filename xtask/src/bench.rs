//! One table of all benchmarks, from criterion's own results.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::command::{self, Outcome, cargo, root};

/// Runs the benchmarks whose names contain `filter`, and prints their medians.
pub fn run(filter: Option<&str>) -> Outcome {
    let benches = ["-p", "lumawire-runtime", "-p", "lumawire-nodes", "-p", "lumawire-models"];
    let mut command = cargo();
    command.arg("bench").args(benches).args(["--benches", "--", "--noplot"]);
    command::run(command.args(filter))?;
    let mut rows = Vec::new();
    collect(&root().join("target").join("criterion"), &mut rows)?;
    rows.sort();
    rows.retain(|(name, ..)| filter.is_none_or(|f| name.contains(f)));
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    println!("\n{:width$}  {:>12}  {:>12}  {:>12}", "benchmark", "median", "from", "to");
    for (name, median, low, high) in rows {
        println!("{name:width$}  {:>12}  {:>12}  {:>12}", time(median), time(low), time(high));
    }
    Ok(())
}

/// Name, median, and its 95 % interval, in ns (whole, so that rows sort).
type Row = (String, u64, u64, u64);

fn collect(folder: &Path, rows: &mut Vec<Row>) -> Outcome {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.ends_with("new") {
            rows.extend(read(&path));
        } else if path.is_dir() {
            collect(&path, rows)?;
        }
    }
    Ok(())
}

fn read(folder: &Path) -> Option<Row> {
    let json = |file: &str| -> Option<Json> {
        serde_json::from_str(&fs::read_to_string(folder.join(file)).ok()?).ok()
    };
    let name = json("benchmark.json")?["full_id"].as_str()?.to_owned();
    let median = &json("estimates.json")?["median"];
    let ns = |v: &Json| v.as_f64().map(|v| v.round() as u64);
    let interval = &median["confidence_interval"];
    Some((
        name,
        ns(&median["point_estimate"])?,
        ns(&interval["lower_bound"])?,
        ns(&interval["upper_bound"])?,
    ))
}

fn time(ns: u64) -> String {
    let ns = ns as f64;
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}
