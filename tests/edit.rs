//! `lumawire edit` without a display.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use common::Bench;
use image::{Rgb, RgbImage};

/// The editor, with settings of its own and away from the machine's display.
fn edit(bench: &Bench) -> Command {
    let mut command = common::lumawire();
    command.arg("edit").env("LUMAWIRE_SETTINGS", bench.path("settings.json"));
    for display in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(display);
    }
    command
}

/// Draws the editor of a patch; what it said, and the picture.
fn shoot(bench: &Bench, patch: &Path, args: &[&str]) -> (Output, RgbImage) {
    let out = bench.path("editor.png");
    let mut command = edit(bench);
    command.arg(patch).arg("--screenshot").arg(&out).args(["--after", "1"]).args(args);
    let output = command.output().expect("runs");
    common::stdout(&output);
    (output, image::open(out).expect("a picture").to_rgb8())
}

/// The colours of a part of a picture, given in shares of its width and height.
fn colours(picture: &RgbImage, x: [f64; 2], y: [f64; 2]) -> BTreeSet<[u8; 3]> {
    let (width, height) = picture.dimensions();
    let is_in = |i: u32, of: u32, part: [f64; 2]| {
        (part[0]..part[1]).contains(&(f64::from(i) / f64::from(of)))
    };
    let inside =
        picture.enumerate_pixels().filter(|(i, j, _)| is_in(*i, width, x) && is_in(*j, height, y));
    inside.map(|(_, _, Rgb(colour))| *colour).collect()
}

#[test]
fn the_editor_is_drawn_with_its_nodes_and_the_picture_that_they_make() {
    let bench = Bench::new();
    let sound = bench.path("sound.wav");
    let sound = sound.to_string_lossy();
    let args = ["--size", "960x600", "--audio", &sound, "--script", "wait-picture; wait 0.5"];
    let (_, picture) = shoot(&bench, &bench.path("small.lumawire"), &args);
    assert_eq!(picture.dimensions(), (960, 600));
    let canvas = colours(&picture, [0.05, 0.6], [0.1, 0.7]);
    assert!(canvas.len() > 50, "nodes and wires have {} colours", canvas.len());
    let shown = colours(&picture, [0.7, 0.97], [0.1, 0.35]);
    assert!(shown.len() > 500, "the picture has {} colours", shown.len());
    let is_bright = |colour: &&[u8; 3]| colour.iter().any(|value| *value > 96);
    assert!(shown.iter().filter(is_bright).count() > 100, "the picture is no darkness");
}

#[test]
fn a_script_leads_to_another_picture_and_a_scale_to_a_larger_one() {
    let bench = Bench::new();
    let patch = bench.path("small.lumawire");
    let still = ["--size", "640x400", "--input", "none"];
    let (_, before) = shoot(&bench, &patch, &still);
    let script = ["--script", "do CommandPalette; type zoom; wait 0.2"];
    let (_, after) = shoot(&bench, &patch, &[&still[..], &script].concat());
    let differ = before.pixels().zip(after.pixels()).filter(|(a, b)| a != b).count();
    assert!(differ > 640 * 400 / 20, "an overlay covers some of it: {differ} pixels");
    let (_, dense) = shoot(&bench, &patch, &["--size", "640x400", "--scale", "2"]);
    assert_eq!(dense.dimensions(), (640, 400));
}

#[test]
fn a_patch_that_cannot_be_opened_is_told_and_the_editor_is_there() {
    let bench = Bench::new();
    let patch = bench.path("broken.lumawire");
    std::fs::write(&patch, r#"{ "format": "lumawire-patch", "version": 1, "nodes": "#)
        .expect("written");
    let (output, picture) = shoot(&bench, &patch, &["--size", "640x400"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("broken.lumawire") && !told.contains("panicked"), "{told}");
    assert!(colours(&picture, [0.0, 1.0], [0.0, 1.0]).len() > 20);
    let (output, _) = shoot(&bench, &bench.path("absent.lumawire"), &["--size", "640x400"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("absent.lumawire"));
}

#[test]
fn without_a_display_the_window_is_refused_with_advice() {
    let bench = Bench::new();
    let output = edit(&bench).arg(bench.path("small.lumawire")).output().expect("runs");
    let told = common::failure(&output);
    for advice in ["no display answers", "DISPLAY", "--screenshot", "--headless"] {
        assert!(told.contains(advice), "{told}");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let bench = Bench::new();
    let out = bench.path("editor.png");
    let refuse = |args: &[&str], code: i32, part: &str| {
        let mut command = edit(&bench);
        command.arg(bench.path("small.lumawire")).arg("--screenshot").arg(&out);
        let output = command.args(["--after", "0", "--input", "none"]).args(args).output();
        let output = output.expect("runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && told.contains(part), "{args:?}: {told}");
        assert!(!out.exists());
    };
    refuse(&["--script", "fly"], 2, "fly");
    refuse(&["--script", "press no such label"], 1, "no such label");
    refuse(&["--size", "16384x16384", "--scale", "9"], 2, "0.5 to 4");
}
