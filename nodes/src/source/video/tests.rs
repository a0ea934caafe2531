//! Films are made by ffmpeg itself: each frame's red says its number.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lumawire_core::harness::Harness;
use lumawire_core::{Clock, Fps, ParamValue, Value};

use super::*;
use crate::gpu::srgb8_from_linear;
use crate::gpu::testing::{pixel, services};

const LOSSLESS: &[&str] = &["-c:v", "ffv1", "-pix_fmt", "bgr0"];

/// A film of `num` frames of 15 × 9 pixels, frame k of red 5·k.
fn make(path: &Path, fps: &str, num: u8, codec: &[&str]) {
    let mut child = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"])
        .args(["-s", "16x10", "-r", fps, "-i", "pipe:0"])
        .args(codec)
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut stdin = child.stdin.take().unwrap();
    for k in 0..num {
        stdin.write_all(&[k * 5, 128, 64].repeat(160)).unwrap();
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

fn node(
    dir: &Path,
    name: &str,
    fps: u32,
    params: &[(&str, ParamValue)],
) -> Result<Harness, NodeError> {
    let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
    let mut node = Harness::new(&SPEC).services(&services()).base_dir(dir).clock(clock);
    node.set_param("file", ParamValue::file(name));
    for (id, value) in params {
        node.set_param(id, value.clone());
    }
    node.looks_ahead().prepare()
}

/// The number of the frame that is shown.
fn number(node: &Harness) -> usize {
    let Value::Image(image) = node.output("image") else { panic!("no picture") };
    let red = srgb8_from_linear(pixel(image, 7, 4)[0]);
    usize::from(red + 2) / 5
}

fn numbers(node: &mut Harness, num_ticks: usize) -> Vec<usize> {
    let tick = |_| {
        node.tick().unwrap();
        number(node)
    };
    (0..num_ticks).map(tick).collect()
}

#[test]
fn every_tick_shows_the_frame_of_its_time() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "10", 20, LOSSLESS);
    for (fps, speed) in [(30, 1), (25, 1), (60, 2), (10, 1), (8, 4)] {
        let mut node = node(dir.path(), "a.mkv", fps, &[("speed", (speed as f32).into())]).unwrap();
        // Two and a half rounds of 2 s, in integers: floor(n·speed·10/fps) of 20.
        let num = 5 * fps as usize / speed;
        let expected: Vec<usize> = (0..num).map(|n| n * speed * 10 / fps as usize % 20).collect();
        assert_eq!(numbers(&mut node, num), expected, "{fps} fps, speed {speed}");
        node.reset();
        assert_eq!(numbers(&mut node, 9), expected[..9]);
        assert_eq!(node.control("late"), 0.0);
    }
}

#[test]
fn rates_that_containers_round_lose_no_frame() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "30", 45, LOSSLESS);
    let mut node = node(dir.path(), "a.mkv", 30, &[]).unwrap();
    assert_eq!(numbers(&mut node, 100), (0..100).map(|n| n % 45).collect::<Vec<_>>());
}

#[test]
fn frames_that_are_stored_out_of_order_are_shown_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let h264 = ["-c:v", "libx264", "-pix_fmt", "yuv444p", "-qp", "4", "-bf", "3", "-g", "12"];
    make(&dir.path().join("a.mp4"), "25", 48, &h264);
    let mut node = node(dir.path(), "a.mp4", 25, &[]).unwrap();
    assert_eq!(numbers(&mut node, 60), (0..60).map(|n| n % 48).collect::<Vec<_>>());
}

#[test]
fn a_part_is_played_over_and_over_or_once() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "10", 20, LOSSLESS);
    let part = |repeat: &str| {
        let params = [
            ("start_secs", 0.5_f32.into()),
            ("end_secs", 1.2_f32.into()),
            ("repeat", repeat.into()),
        ];
        numbers(&mut node(dir.path(), "a.mkv", 10, &params).unwrap(), 20)
    };
    assert_eq!(part("loop"), (0..20).map(|n| 5 + n % 7).collect::<Vec<_>>());
    assert_eq!(part("once"), (0..20).map(|n| (5 + n).min(11)).collect::<Vec<_>>());
    let params = [("repeat", "once".into()), ("speed", 3.0_f32.into())];
    let whole = numbers(&mut node(dir.path(), "a.mkv", 10, &params).unwrap(), 12);
    assert_eq!(whole, (0..12).map(|n| (3 * n).min(19)).collect::<Vec<_>>());
}

#[test]
fn a_part_after_the_end_is_the_last_frame_and_what_follows_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "10", 20, LOSSLESS);
    for start_secs in [2.0_f32, 1.9995, 500.0] {
        let mut node = node(dir.path(), "a.mkv", 10, &[("start_secs", start_secs.into())]).unwrap();
        assert_eq!(numbers(&mut node, 5), [19; 5], "{start_secs}");
        node.set_param("start_secs", 0.5_f32);
        let found = numbers(&mut node, 1)[0];
        assert!((5..20).contains(&found), "{found}");
    }
    // Parts shorter than a frame.
    let params = [("start_secs", 1.04_f32.into()), ("end_secs", 1.045_f32.into())];
    let mut node = node(dir.path(), "a.mkv", 10, &params).unwrap();
    assert_eq!(numbers(&mut node, 5), [10; 5]);
}

#[test]
fn the_position_goes_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "10", 50, LOSSLESS);
    let mut node = node(dir.path(), "a.mkv", 30, &[("speed", 0.0_f32.into())]).unwrap();
    for k in [0, 3, 2, 40, 41, 10, 49, 0, 25, 24] {
        node.set_param("position_secs", k as f32 / 10.0 + 0.05);
        assert_eq!(numbers(&mut node, 2), [k, k]);
        assert!((node.control("phase") - (k as f32 + 0.5) / 50.0).abs() < 1e-4);
    }
}

#[test]
fn a_hit_restarts_and_speeds_may_change() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "10", 40, LOSSLESS);
    let mut node = node(dir.path(), "a.mkv", 10, &[]).unwrap();
    assert_eq!(numbers(&mut node, 3), [0, 1, 2]);
    node.set_param("speed", 2.0_f32);
    assert_eq!(numbers(&mut node, 3), [3, 5, 7]);
    node.input("restart", Value::Trigger(1));
    assert_eq!(numbers(&mut node, 1), [0]);
    node.input("restart", Value::Trigger(0));
    assert_eq!(numbers(&mut node, 2), [2, 4]);
}

#[test]
fn frames_may_last_unlike_long() {
    let dir = tempfile::tempdir().unwrap();
    // Frame k begins at k²/20 s: the last of 8 at 2.45 s.
    let vfr = ["-vf", "setpts=N*N/20/TB", "-fps_mode", "passthrough"];
    make(&dir.path().join("a.mkv"), "1000", 8, &[&vfr, LOSSLESS].concat());
    let params = [("repeat", "once".into())];
    let mut node = node(dir.path(), "a.mkv", 20, &params).unwrap();
    let expected: Vec<usize> = (0..60).map(|n: usize| n.isqrt().min(7)).collect();
    assert_eq!(numbers(&mut node, 60), expected);
    // And from any place.
    node.set_param("speed", 0.0_f32);
    node.input("restart", Value::Trigger(1));
    for n in [30_usize, 2, 47, 17] {
        node.set_param("position_secs", n as f32 / 20.0 + 0.01);
        assert_eq!(numbers(&mut node, 1), [n.isqrt().min(7)]);
    }
}

#[test]
fn on_stage_it_keeps_a_picture_and_comes_to_the_same_frame() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "10", 20, LOSSLESS);
    let node = Harness::new(&SPEC).services(&services()).base_dir(dir.path());
    let node = node.param("file", ParamValue::file("a.mkv")).param("speed", 0.0_f32);
    let mut node = node.prepare().unwrap();
    node.set_param("position_secs", 1.25_f32);
    // The first tick comes before any frame could: the first picture is there all the same.
    node.tick().unwrap();
    assert!([0, 12].contains(&number(&node)));
    let found = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        node.tick().unwrap();
        number(&node) == 12
    });
    assert!(found && node.control("late") > 0.0);
}

#[test]
fn films_are_turned_and_their_pixels_made_square() {
    let dir = tempfile::tempdir().unwrap();
    let size = |name: &str| {
        let mut node = node(dir.path(), name, 10, &[]).unwrap();
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no picture") };
        (image.width_px, image.height_px)
    };
    let h264 = ["-c:v", "libx264", "-pix_fmt", "yuv444p"];
    make(&dir.path().join("a.mp4"), "10", 3, &h264);
    let turn = ["-hide_banner", "-loglevel", "error", "-y", "-display_rotation", "90", "-i"];
    let copy = |args: &[&str], from: &str, to: &str, more: &[&str]| {
        let mut command = Command::new("ffmpeg");
        command.args(args).arg(dir.path().join(from)).args(more).arg(dir.path().join(to));
        command.stderr(Stdio::null()).status().unwrap().success()
    };
    // Newer ffmpegs take the turn as an option of the input, older ones as a tag of the output.
    let is_turned = copy(&turn, "a.mp4", "turned.mp4", &["-c", "copy"])
        || copy(
            &turn[..4].iter().chain(&["-i"]).copied().collect::<Vec<_>>(),
            "a.mp4",
            "turned.mp4",
            &["-c", "copy", "-metadata:s:v:0", "rotate=90"],
        );
    assert!(is_turned);
    assert_eq!((size("a.mp4"), size("turned.mp4")), ((16, 10), (10, 16)));
    make(&dir.path().join("wide.mkv"), "10", 3, &[&["-vf", "setsar=2/1"], LOSSLESS].concat());
    assert_eq!(size("wide.mkv"), (32, 10));
    make(&dir.path().join("odd.mkv"), "10", 3, &[&["-vf", "crop=15:9:exact=1"], LOSSLESS].concat());
    assert_eq!(size("odd.mkv"), (15, 9));
}

#[test]
fn what_is_no_film_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let why = |name: &str| node(dir.path(), name, 10, &[]).err().unwrap().to_string();
    make(&dir.path().join("a.mkv"), "10", 3, LOSSLESS);
    let sound = dir.path().join("sound.mkv");
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", "sine=d=0.2", "-y"])
        .arg(sound)
        .status();
    assert!(made.unwrap().success());
    assert!(why("sound.mkv").contains("no video stream"), "{}", why("sound.mkv"));
    // Lists that name other files, here or elsewhere, are not followed.
    std::fs::write(dir.path().join("list.ffconcat"), "ffconcat version 1.0\nfile a.mkv\n").unwrap();
    let m3u8 = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.3,\na.mkv\n#EXT-X-ENDLIST\n";
    std::fs::write(dir.path().join("list.m3u8"), m3u8).unwrap();
    std::fs::write(dir.path().join("text.mp4"), "no film").unwrap();
    for name in ["list.ffconcat", "list.m3u8", "text.mp4"] {
        let why = why(name);
        assert!(why.contains("no film") || why.contains("cannot be decoded"), "{why}");
    }
    assert!(why(".").contains("regular file"), "{}", why("."));
}

#[test]
fn an_absent_film_is_told_and_an_open_one_plays_on() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("a.mkv"), "10", 20, LOSSLESS);
    let mut old = node(dir.path(), "a.mkv", 10, &[]).unwrap();
    numbers(&mut old, 3);
    std::fs::remove_file(dir.path().join("a.mkv")).unwrap();
    let mut new = node(dir.path(), "a.mkv", 10, &[]).unwrap();
    assert!(matches!(new.tick(), Err(NodeError::File { .. })));
    assert!(matches!(new.output("image"), Value::Image(_)), "a test card");
    new.node_mut().adopt(old.node_mut());
    assert!(matches!(new.tick(), Err(NodeError::File { .. })));
    assert!(number(&new) < 3);
    let mut none = Harness::new(&SPEC).services(&services()).prepare().unwrap();
    none.tick().unwrap();
}

/// Children of this name, by the system's list of processes.
#[cfg(target_os = "linux")]
fn num_children(name: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(name))
        .count()
}

#[cfg(target_os = "linux")]
#[test]
fn its_child_goes_with_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let name = "child_goes_with_the_node.mkv";
    // Frames that no pipe holds all of.
    make(&dir.path().join(name), "10", 50, &[&["-vf", "scale=640:360"], LOSSLESS].concat());
    let mut node = node(dir.path(), name, 10, &[]).unwrap();
    numbers(&mut node, 2);
    assert_eq!(num_children(name), 1);
    drop(node);
    let is_gone = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        num_children(name) == 0
    });
    assert!(is_gone);
}
