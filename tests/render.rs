//! `lumawire render` as its users run it.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Bench, failure, lumawire, probe, stdout};

fn hash_of(printed: &str) -> &str {
    printed.lines().find_map(|line| line.strip_prefix("sha256 ")).expect("a hash")
}

#[test]
fn a_video_has_its_frames_its_rate_and_its_sound() {
    let bench = Bench::new();
    let printed = stdout(&bench.render("film.mp4", &["--size", "64x48", "--fps", "24"]));
    assert!(printed.contains("72 frames, 64x48, 3.00 s"), "{printed}");
    assert!(printed.contains("graphics: ") && printed.contains("generate.stylegan2"), "{printed}");
    let film = bench.path("film.mp4");
    assert_eq!(probe(&film, "v:0", "nb_read_frames"), "72");
    assert_eq!(probe(&film, "v:0", "width,height,r_frame_rate"), "64,48,24/1");
    let sound_secs: f64 = probe(&film, "a:0", "duration").parse().expect("seconds");
    assert!((sound_secs - 3.0).abs() < 1.0 / 24.0, "{sound_secs}");
    assert_eq!(bench.files(), ["film.mp4", "small.lumawire", "sound.wav"]);
}

#[test]
fn two_renders_are_equal_and_another_seed_is_another_film() {
    let bench = Bench::new();
    let render = |seed: &str| {
        let args = ["--to", "1", "--size", "64x64", "--hash", "--quiet", "--seed", seed];
        hash_of(&stdout(&bench.render("frames/", &args))).to_owned()
    };
    let first = render("1");
    assert_eq!(first, render("1"));
    assert_ne!(first, render("2"));
}

/// With feedback every earlier picture counts; without it none is drawn on the way to the part. The
/// noise of so small a network flickers, and the limit of flashes begins afresh with the part: off.
#[test]
fn a_part_has_the_frames_of_the_whole() {
    let unlimited = common::SMALL.replace(
        r#""output.video@1" }"#,
        r#""output.video@1", "params": { "strobe_limit": false } }"#,
    );
    assert_ne!(unlimited, common::SMALL);
    let bench = Bench::new();
    fs::write(bench.path("small.lumawire"), &unlimited).expect("patch");
    part_equals_whole(&bench, true);
    let bench = Bench::new();
    let plain = unlimited.replace("trail.image -> video.image", "generator.image -> video.image");
    fs::write(bench.path("small.lumawire"), plain).expect("patch");
    part_equals_whole(&bench, false);
}

fn part_equals_whole(bench: &Bench, draws_on_the_way: bool) {
    stdout(&bench.render("whole/", &["--size", "64x64", "--quiet"]));
    stdout(&bench.render("part/", &["--size", "64x64", "--quiet", "--from", "1.5", "--to", "2"]));
    let names = |folder: &str| {
        let entries = fs::read_dir(bench.path(folder)).expect("folder");
        let mut names: Vec<_> = entries.flatten().map(|e| e.file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("whole").len(), 90);
    assert_eq!(names("part").len(), 15);
    for name in names("part") {
        let read = |folder: &str| fs::read(bench.path(folder).join(&name)).expect("frame");
        assert_eq!(read("part"), read("whole"), "{}", name.to_string_lossy());
    }
    let printed = stdout(&bench.render("still.png", &["--size", "64x64", "--from", "1.5"]));
    let drawn = printed.lines().find(|line| line.contains("generate.stylegan2")).expect("a line");
    let expected = if draws_on_the_way { "46 runs" } else { " 1 runs" };
    assert!(drawn.contains(expected), "{drawn}");
    let whole = fs::read(bench.path("whole").join("frame_00045.png")).expect("frame");
    assert_eq!(fs::read(bench.path("still.png")).expect("still"), whole);
}

#[test]
fn a_folder_gets_as_many_digits_as_the_node_says() {
    let bench = Bench::new();
    let patch = common::SMALL
        .replace(r#""output.video@1""#, r#""output.sequence@1", "params": { "digits": 3 }"#);
    fs::write(bench.path("small.lumawire"), patch).expect("patch");
    stdout(
        &bench.render("frames", &["--size", "32x32", "--from", "0.1", "--to", "0.2", "--quiet"]),
    );
    for frame in 3..6 {
        assert!(bench.path("frames").join(format!("frame_{frame:03}.png")).is_file());
    }
}

#[test]
fn the_picture_follows_the_sound() {
    let bench = Bench::new();
    let hash = |audio: &[&str]| {
        let args = ["--to", "1", "--size", "32x32", "--hash", "--quiet"];
        let mut command = lumawire();
        command.arg("render").arg(bench.path("small.lumawire")).args(args).args(audio);
        command.arg("-o").arg(bench.path("frames/"));
        hash_of(&stdout(&command.output().expect("runs"))).to_owned()
    };
    let sound = bench.path("sound.wav");
    assert_ne!(hash(&["--audio", &sound.to_string_lossy()]), hash(&[]), "sound and silence");
}

#[cfg(unix)]
#[test]
fn ctrl_c_finishes_the_file() {
    let bench = Bench::new();
    let film = bench.path("film.mp4");
    let mut child = lumawire()
        .arg("render")
        .arg(bench.path("small.lumawire"))
        .args(["--to", "100000", "--size", "64x64", "-o"])
        .arg(&film)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command runs");
    // The encoder's temporary file says that frames are under way.
    let started = Instant::now();
    while bench.files().len() < 3 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert_eq!(bench.files(), ["film.mp4", "small.lumawire", "sound.wav"]);
    let frames: u32 = probe(&film, "v:0", "nb_read_frames").parse().expect("a playable film");
    assert!(frames > 0);
}

#[test]
fn bad_input_gets_one_clear_message_and_leaves_no_file() {
    let bench = Bench::new();
    fs::write(bench.path("broken.lumawire"), "{ \"format\": ").expect("file");
    fs::write(bench.path("noise.wav"), [7_u8; 4096]).expect("file");
    fs::write(
        bench.path("faulty.lumawire"),
        common::SMALL
            .replace("analysis.onset", "analysis.onsett")
            .replace("walk.base", "walk.bass"),
    )
    .expect("file");
    let before = bench.files();
    let small = bench.path("small.lumawire");
    let small = small.to_string_lossy();
    let sound = bench.path("sound.wav");
    let sound = sound.to_string_lossy();
    let path = |name: &str| bench.path(name).to_string_lossy().into_owned();
    let cases: &[(&[&str], &[&str])] = &[
        (&[&path("absent.lumawire")], &["absent.lumawire"]),
        (&[&path("broken.lumawire")], &["line 1"]),
        (
            &[&path("faulty.lumawire"), "--audio", &sound],
            &["2 fault(s)", "analysis.onset", "walk", "bass"],
        ),
        (&[&small], &["--audio", "--to"]),
        (&[&small, "--audio", &path("absent.wav")], &["absent.wav"]),
        (&[&small, "--audio", &path("noise.wav")], &["noise.wav", "FLAC"]),
        (&[&small, "--audio", &sound, "--from", "60"], &["90 frames", "--from"]),
        (&[&small, "--audio", &sound, "--from", "2", "--to", "1"], &["--from", "--to"]),
        (&[&small, "--audio", &sound, "--output", "screen"], &["screen", "video"]),
    ];
    for (args, said) in cases {
        let mut command = lumawire();
        command.arg("render").args(*args).arg("-o").arg(bench.path("out.mp4"));
        let stderr = failure(&command.output().expect("runs"));
        for word in *said {
            assert!(stderr.contains(word), "`{word}` is missing in: {stderr}");
        }
    }
    let mut command = lumawire();
    command.arg("render").args([&*small, "--audio", &*sound, "-o", &*sound]);
    assert!(failure(&command.output().expect("runs")).contains("the sound itself"));
    let mut command = lumawire();
    command.arg("render").args([&*small, "--audio", &*sound, "-o"]).arg(bench.path("film.xyz"));
    assert!(failure(&command.output().expect("runs")).contains(".mp4"));
    assert_eq!(bench.files(), before);
}

#[test]
fn a_missing_model_is_told_and_a_stand_in_draws() {
    let bench = Bench::new();
    let patch = common::SMALL.replace(
        r#""standin_detail""#,
        r#""file": { "path": "gone.safetensors" }, "standin_detail""#,
    );
    fs::write(bench.path("small.lumawire"), patch).expect("patch");
    let output = bench.render("still.png", &["--size", "32x32"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    stdout(&output);
    assert!(stderr.contains("`model`") && stderr.contains("gone.safetensors"), "{stderr}");
    assert_eq!(stderr.matches("gone.safetensors").count(), 1, "told once: {stderr}");
}

#[test]
fn a_preset_is_there_from_the_first_frame() {
    let bench = Bench::new();
    let hash = |patch: &str, args: &[&str]| {
        fs::write(bench.path("small.lumawire"), patch).expect("patch");
        let all = ["--to", "0.3", "--size", "32x32", "--hash", "--quiet"];
        hash_of(&stdout(&bench.render("frames/", &[&all[..], args].concat()))).to_owned()
    };
    let presets = r#""presets": { "faint": { "morph_secs": 9, "values": { "trail.amount": 0.125 } } },
        "wires":"#;
    let with = common::SMALL.replace("\"wires\":", presets);
    let faint = common::SMALL.replace("\"amount\": 0.5", "\"amount\": 0.125");
    assert_eq!(hash(&with, &["--preset", "faint"]), hash(&faint, &[]));
    assert_ne!(hash(&with, &[]), hash(&faint, &[]));
    let output = bench.render("none.mp4", &["--preset", "loud"]);
    assert!(failure(&output).contains("no preset `loud`"));
}
