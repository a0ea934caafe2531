//! `lumawire run` without a display and without a sound card.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::Bench;
use serde_json::Value as Json;

/// `run` on the small patch, with settings of its own and away from the machine's sound.
fn run(bench: &Bench, args: &[&str]) -> Command {
    let mut command = common::lumawire();
    command.arg("run").arg(bench.path("small.lumawire")).args(args);
    command.env("LUMAWIRE_SETTINGS", bench.path("settings.json"));
    for display in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(display);
    }
    command
}

/// The figures of the whole run, from what it printed.
fn whole(stdout: &str) -> Json {
    let last = stdout.lines().last().expect("a line of figures");
    let figures: Json = serde_json::from_str(last).expect("JSON");
    assert_eq!(figures["kind"], "whole");
    figures
}

fn num_frames(figures: &Json) -> u64 {
    let count = |key: &str| figures[key].as_u64().expect("a count");
    assert!(count("drawn") > 0, "{figures}");
    assert_eq!(figures["latency"]["num"], figures["drawn"], "each picture is timed");
    count("drawn") + count("skipped")
}

#[test]
fn every_frame_of_the_asked_time_is_drawn_or_counted_as_skipped() {
    let bench = Bench::new();
    let args = ["--headless", "--input", "none", "--secs", "1.5", "--stats"];
    let output = run(&bench, &args).output().expect("runs");
    assert_eq!(num_frames(&whole(&common::stdout(&output))), 45);
    assert!(!bench.files().contains(&"settings.json".to_owned()), "nothing was chosen");
}

#[test]
fn a_file_is_played_to_its_end_though_there_is_no_device_for_it() {
    let bench = Bench::new();
    let sound = bench.path("sound.wav");
    let args = ["--headless", "--stats", "--audio-output", "no such device", "--audio"];
    let output = run(&bench, &args).arg(sound).output().expect("runs");
    assert_eq!(num_frames(&whole(&common::stdout(&output))), 90, "three seconds at 30 a second");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no output device is called `no such device`"), "{told}");
    assert!(told.contains("the sound is over"), "{told}");
}

#[test]
fn an_input_that_is_not_there_is_told_and_not_remembered() {
    let bench = Bench::new();
    let args = ["--headless", "--input", "no such device", "--secs", "0.5"];
    let output = run(&bench, &args).output().expect("runs");
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no input device is called `no such device`"), "{told}");
    assert!(!bench.files().contains(&"settings.json".to_owned()));
}

#[test]
fn a_changed_patch_is_taken_up_and_a_broken_one_is_not() {
    let bench = Bench::new();
    let patch = bench.path("small.lumawire");
    let args = ["--headless", "--input", "none", "--secs", "60", "--stats"];
    let mut command = run(&bench, &args);
    let mut show = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("runs");
    // The first figures: the show has begun.
    let mut figures = BufReader::new(show.stdout.take().expect("stdout")).lines();
    assert!(figures.next().is_some_and(|line| line.is_ok()));
    let mut told = BufReader::new(show.stderr.take().expect("stderr")).lines();
    let mut wait_for = |text: &str| {
        let found = told.by_ref().map_while(Result::ok).any(|line| line.contains(text));
        assert!(found, "`{text}` was never told");
    };
    fs::write(&patch, common::SMALL.replace("post.blend", "post.nosuch")).expect("writes");
    wait_for("this build has no kind `post.nosuch`");
    wait_for("the show goes on as before");
    fs::write(&patch, common::SMALL.replace("\"amount\": 0.5", "\"amount\": 0.25"))
        .expect("writes");
    wait_for("taken up anew");
    assert!(show.try_wait().expect("a child").is_none(), "the show goes on");
    show.kill().expect("ends");
    show.wait().expect("ended");
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_display_it_says_how_to_go_on() {
    let bench = Bench::new();
    let output = run(&bench, &["--input", "none", "--secs", "1"]).output().expect("runs");
    let error = common::failure(&output);
    assert!(error.contains("--headless"), "{error}");
}
