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

/// The figures of one output, from a line of them.
fn output_count(figures: &Json, key: &str) -> u64 {
    figures["outputs"][0][key].as_u64().expect("a count")
}

#[test]
fn a_recording_holds_every_frame_and_all_the_sound() {
    let bench = Bench::new();
    let film = bench.path("show.mkv");
    let args = ["--headless", "--stats", "--audio-output", "no such device", "--audio"];
    let mut command = run(&bench, &args);
    command.arg(bench.path("sound.wav")).arg("--record").arg(&film);
    let output = command.output().expect("runs");
    let figures = whole(&common::stdout(&output));
    assert_eq!(num_frames(&figures), 90, "three seconds at 30 a second");
    assert_eq!(output_count(&figures, "frames_total"), 90);
    assert_eq!(figures["outputs"][0]["error"], Json::Null);
    assert_eq!(
        common::probe(&film, "v:0", "width,height,r_frame_rate,nb_read_frames"),
        "32,32,30/1,90"
    );
    let decode = |path: &std::path::Path| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-i"]).arg(path);
        let output =
            command.args(["-af", "aresample=48000,pan=mono|c0=c0", "-f", "f32le", "-"]).output();
        let bytes = output.expect("ffmpeg").stdout;
        bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<f32>>()
    };
    let (recorded, played) = (decode(&film), decode(&bench.path("sound.wav")));
    assert_eq!(recorded.len(), 144_000, "as long as the pictures");
    // Two resamplers: the same to their ripple, and not a sample apart.
    let energy: f32 = played.iter().map(|v| v * v).sum();
    let error: f32 = recorded.iter().zip(&played).map(|(a, b)| (a - b) * (a - b)).sum();
    assert!(error < 0.01 * energy, "{error} of {energy}");
}

#[test]
#[cfg(unix)]
fn a_show_that_is_killed_leaves_its_films_playable() {
    let bench = Bench::new();
    let films = ["a.mkv", "b.mp4"].map(|name| bench.path(name));
    let mut command = run(&bench, &["--headless", "--input", "none", "--secs", "60", "--stats"]);
    for film in &films {
        command.arg("--record").arg(film);
    }
    let mut show = command.stderr(Stdio::null()).stdout(Stdio::piped()).spawn().expect("runs");
    let mut lines = BufReader::new(show.stdout.take().expect("stdout")).lines();
    let has_some = |line: std::io::Result<String>| {
        let figures: Json = serde_json::from_str(&line.expect("a line")).expect("JSON");
        output_count(&figures, "frames_total") >= 60
    };
    assert!(lines.any(has_some));
    // As by `kill -9`.
    show.kill().expect("ends");
    show.wait().expect("ended");
    for film in films {
        // The encoder finds its input ended, and completes the file.
        let started = std::time::Instant::now();
        let num_frames =
            || common::probe(&film, "v:0", "nb_read_frames").parse::<u64>().unwrap_or(0);
        while num_frames() < 45 {
            assert!(started.elapsed().as_secs() < 30, "{}: {}", film.display(), num_frames());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert_eq!(common::probe(&film, "v:0", "r_frame_rate"), "30/1");
    }
}

#[test]
#[cfg(unix)]
fn an_encoder_that_hangs_holds_nobody_up() {
    let bench = Bench::new();
    let program = bench.path("ffmpeg");
    // Written by another process: a file that this one has open for writing could not be run.
    let write = "printf '#!/bin/sh\\nexec sleep 1000\\n' > \"$0\" && chmod +x \"$0\"";
    let version = write.replace("exec", "[ \"$6\" = -version ] && exit 0\\nexec");
    assert!(
        Command::new("sh").arg("-c").arg(version).arg(&program).status().expect("sh").success()
    );
    let args = ["--headless", "--input", "none", "--secs", "4", "--stats", "--stream"];
    let mut command = run(&bench, &args);
    command.arg("udp://127.0.0.1:9").env("LUMAWIRE_FFMPEG", &program);
    let output = command.output().expect("runs");
    let figures = whole(&common::stdout(&output));
    assert_eq!(num_frames(&figures), 120);
    assert!(output_count(&figures, "dropped_total") > 0, "{figures}");
}

#[test]
fn outputs_that_cannot_be_say_so_before_the_show() {
    let bench = Bench::new();
    let film = bench.path("show.avi");
    let mut cases = vec![
        (vec!["--record", film.to_str().expect("a path")], ".mp4, .mov, .mkv"),
        (vec!["--record", "no/folder/x.mkv"], "check the folder"),
    ];
    if cfg!(target_os = "linux") {
        cases.push((vec!["--v4l2", "/dev/video-that-is-not-there"], "modprobe v4l2loopback"));
        cases.push((vec!["--v4l2", "/dev/null"], "is no video device"));
    }
    for (args, expected) in cases {
        let mut command = run(&bench, &["--headless", "--input", "none", "--secs", "1"]);
        let error = common::failure(&command.args(args).output().expect("runs"));
        assert!(error.contains(expected), "{error}");
    }
    let mut command = run(&bench, &["--headless", "--stream", "file:///etc/passwd"]);
    let output = command.output().expect("runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("srt://"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_display_it_says_how_to_go_on() {
    let bench = Bench::new();
    let output = run(&bench, &["--input", "none", "--secs", "1"]).output().expect("runs");
    let error = common::failure(&output);
    assert!(error.contains("--headless"), "{error}");
}
