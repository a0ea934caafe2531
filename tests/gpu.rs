//! Where the generator is computed, as the command tells it: without CUDA in the build, without a
//! driver, with one that is damaged, with one that finds no GPU or one that is too old.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::fs;
#[cfg(all(feature = "cuda", target_os = "linux"))]
use std::path::Path;
use std::process::{Command, Output};

use common::Bench;

const BEGINS: &str = "the generator runs on ";

/// Draws one small picture.
fn synth(bench: &Bench, args: &[&str]) -> Command {
    let mut command = common::lumawire();
    command.args(["synth", "standin:32:1024:0", "--seeds", "0", "--png"]);
    command.arg(bench.path("out.png")).args(args);
    command.env("LUMAWIRE_SETTINGS", bench.path("settings.json"));
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("runs")
}

/// The line that says where.
fn place(output: &Output) -> String {
    common::stdout(output);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut lines = told.lines().filter_map(|line| line.strip_prefix(BEGINS));
    let line = lines.next().expect("a line").to_owned();
    assert_eq!(lines.next(), None, "told once");
    assert!(!told.contains("panicked"), "{told}");
    line
}

#[test]
fn the_processor_draws_when_it_is_asked_for() {
    let bench = Bench::new();
    assert_eq!(place(&run(&mut synth(&bench, &["--device", "cpu"]))), "the processor");
    assert!(bench.files().contains(&"out.png".to_owned()));
    fs::write(bench.path("settings.json"), r#"{ "generator": { "device": "cpu" } }"#)
        .expect("file");
    assert_eq!(place(&run(&mut synth(&bench, &[]))), "the processor");
    fs::write(bench.path("settings.json"), r#"{ "generator": { "device": "abacus" } }"#)
        .expect("file");
    let why = common::failure(&run(&mut synth(&bench, &[])));
    assert!(why.contains("generator.device") && why.contains("`abacus`"), "{why}");
    assert_eq!(place(&run(&mut synth(&bench, &["--device=cpu"]))), "the processor");
}

#[test]
fn places_and_precisions_that_are_none_are_refused() {
    let bench = Bench::new();
    for (args, word) in [
        (["--device", "abacus"], "cuda:1"),
        (["--device", "cuda:x"], "cuda:1"),
        (["--precision", "f8"], "published, f32, tf32, f16, bf16"),
    ] {
        let output = run(&mut synth(&bench, &args));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(word), "{told}");
    }
}

#[test]
fn a_show_tells_where_its_generator_is_computed() {
    let bench = Bench::new();
    let mut command = common::lumawire();
    command.args(["--device", "cpu", "run"]).arg(bench.path("small.lumawire"));
    command.args(["--headless", "--input", "none", "--secs", "0.3", "--stats"]);
    let output = command.output().expect("runs");
    assert_eq!(place(&output), "the processor");
    let figures = common::stdout(&output);
    let last = figures.lines().last().expect("figures");
    let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(last["facts"]["generator"], "the processor");
}

#[test]
#[cfg(not(feature = "cuda"))]
fn without_cuda_in_the_build_the_processor_draws_and_says_why() {
    let bench = Bench::new();
    let why = "this build is without CUDA (feature `cuda`)";
    assert_eq!(place(&run(&mut synth(&bench, &[]))), format!("the processor: {why}"));
    let told = common::failure(&run(&mut synth(&bench, &["--device", "cuda"])));
    assert!(told.contains(&format!("--device cuda:0: {why}")), "{told}");
    assert!(told.contains("--device auto"), "{told}");
}

/// The whole way to a GPU, on a stand-in whose kernels do nothing: every kernel is found and takes what
/// it is given, and all is given back.
#[test]
#[cfg(all(feature = "cuda", target_os = "linux"))]
fn networks_are_drawn_by_the_driver_and_nothing_is_left() {
    for precision in ["published", "tf32", "bf16"] {
        let bench = Bench::new();
        let libraries = tempfile::tempdir().expect("folder");
        driver(libraries.path(), &stub());
        let mut command = synth(&bench, &["--device", "cuda", "--precision", precision]);
        command.env("LD_LIBRARY_PATH", libraries.path()).env("LUMAWIRE_STUB", "");
        command.env("LUMAWIRE_TRUST_GPU", "1");
        let output = run(command.env("LUMAWIRE_STUB_LOG", bench.path("log")));
        let line = place(&output);
        assert!(line.starts_with("Stub 1000 (cuda:0), driver "), "{line}");
        assert!(line.ends_with(&format!(", precision {precision}")), "{line}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("warning"), "{told}");
        let left = fs::read_to_string(bench.path("log")).expect("log");
        let nothing = "contexts 0 streams 0 events 0 modules 0 graphs 0 memory 0 host 0 outside 0";
        assert_eq!(left, nothing, "{precision}");
    }
}

#[test]
#[cfg(all(feature = "cuda", target_os = "linux"))]
fn a_show_goes_on_when_its_gpu_fails() {
    for what in ["", "faulty"] {
        let bench = Bench::new();
        let libraries = tempfile::tempdir().expect("folder");
        driver(libraries.path(), &stub());
        let mut command = common::lumawire();
        command.args(["--device", "cuda", "run"]).arg(bench.path("small.lumawire"));
        command.args(["--headless", "--input", "none", "--secs", "2", "--stats"]);
        command.env("LD_LIBRARY_PATH", libraries.path()).env("LUMAWIRE_STUB", what);
        command.env("LUMAWIRE_TRUST_GPU", "1");
        let output = run(&mut command);
        assert!(place(&output).starts_with("Stub 1000 (cuda:0)"));
        let figures = common::stdout(&output);
        let last = figures.lines().last().expect("figures");
        let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
        let count = |key: &str| last[key].as_u64().expect("a count");
        assert_eq!(count("drawn") + count("skipped"), 60, "{last}");
        assert!(count("drawn") > 10, "{last}");
    }
}

/// The kernels of the stand-in draw nothing.
#[test]
#[cfg(all(feature = "cuda", target_os = "linux"))]
fn a_gpu_that_draws_nonsense_is_not_taken() {
    let bench = Bench::new();
    let libraries = tempfile::tempdir().expect("folder");
    driver(libraries.path(), &stub());
    let with_stub = |args: &[&str]| {
        let mut command = synth(&bench, args);
        command.env("LD_LIBRARY_PATH", libraries.path()).env("LUMAWIRE_STUB", "");
        run(&mut command)
    };
    let why = "draws other pictures than the processor";
    let line = place(&with_stub(&[]));
    assert!(line.starts_with("the processor: ") && line.contains(why), "{line}");
    let told = common::failure(&with_stub(&["--device", "cuda"]));
    assert!(told.contains("--device cuda:0: ") && told.contains(why), "{told}");
}

#[cfg(all(feature = "cuda", target_os = "linux"))]
fn stub() -> std::path::PathBuf {
    common::root().join("models/tests/driver/libcuda.c")
}

/// Fills a folder with a driver's library under the names that are looked for first.
#[cfg(all(feature = "cuda", target_os = "linux"))]
fn driver(folder: &Path, source: &Path) {
    let library = folder.join("libcuda.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-pthread", "-o"]).arg(&library).arg(source);
    assert!(cc.status().expect("cc").success());
    fs::copy(&library, folder.join("libcuda.so.1")).expect("copy");
}

#[test]
#[cfg(all(feature = "cuda", target_os = "linux"))]
fn without_a_driver_that_serves_the_processor_draws_and_says_why() {
    let stub = stub();
    let empty = common::root().join("models/tests/driver/empty.c");
    for (source, what, why) in [
        (None, "", "no NVIDIA driver was found (libcuda.so.1)"),
        (Some(&empty), "", "the NVIDIA driver is too old or damaged: libcuda.so.1 lacks `cuInit`"),
        (Some(&stub), "none", "the NVIDIA driver: it finds no GPU"),
        (Some(&stub), "old", "Stub 1000 (cuda:0) is too old: its compute capability is 7.5"),
    ] {
        let bench = Bench::new();
        let libraries = tempfile::tempdir().expect("folder");
        match source {
            Some(source) => driver(libraries.path(), source),
            // Where there is a driver, these are found in its place, and are none.
            None => {
                for name in ["libcuda.so", "libcuda.so.1"] {
                    fs::write(libraries.path().join(name), "no library").expect("file");
                }
            }
        }
        let synth = |args: &[&str]| {
            let mut command = synth(&bench, args);
            run(command.env("LUMAWIRE_STUB", what).env("LD_LIBRARY_PATH", libraries.path()))
        };
        let line = place(&synth(&[]));
        assert!(line.starts_with(&format!("the processor: {why}")), "{line}");
        let told = common::failure(&synth(&["--device", "cuda"]));
        assert!(told.contains(&format!("--device cuda:0: {why}")), "{told}");
    }
}
