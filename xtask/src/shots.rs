//! `cargo xtask shots`: the guide's pictures of the editor, drawn by the editor itself.

use std::fs;
use std::path::Path;

use crate::setup;
use crate::shell::{self, Failure, Outcome};

const FOLDER: &str = "docs/images/editor";
const SIZE: &str = "1440x900";
const WHOLE: &str = "patches/stage_set.lumawire";
/// No picture of a guide is to be larger.
const MAX_LEN: u64 = 250_000;

/// Name, patch, and what is done before the picture is taken.
const SHOTS: &[(&str, Option<&str>, &str)] = &[
    ("first_launch", None, "wait-picture; wait 4"),
    ("stage_set", Some(WHOLE), "wait-picture; wait 14; do ZoomToFit; wait 2"),
    ("palette", Some(WHOLE), "wait-picture; wait 4; move 500,430; do AddNode; type bl; wait 1"),
    ("inspector", Some(WHOLE), "wait-picture; wait 4; reveal bloom; wait 3"),
    (
        "problems",
        Some(WHOLE),
        "wait-picture; wait 6; select model; key Delete; do Problems; wait 2",
    ),
    ("examples", Some(WHOLE), "do Examples; wait 4"),
    ("output_window", Some(WHOLE), "wait-picture; wait 3; do OutputWindow; wait 4"),
    (
        "render",
        Some(WHOLE),
        // Paths of the machine that drew it are nobody's.
        "wait-picture; wait 3; do Render; wait 1; click 270,113; key Ctrl+A; type films/stage_set.mp4; \
         click 311,267; key Ctrl+A; type music/set.flac; wait 1",
    ),
    ("commands", Some(WHOLE), "wait-picture; wait 4; do CommandPalette; type zoom; wait 1"),
];

/// Draws all pictures, or the one of this name.
pub fn run(only: Option<&str>) -> Outcome {
    setup::run(false)?;
    let folder = shell::root().join(FOLDER);
    fs::create_dir_all(&folder).map_err(|e| failure(&folder, &e))?;
    let asked: Vec<_> = SHOTS.iter().filter(|(name, ..)| only.is_none_or(|o| o == *name)).collect();
    if asked.is_empty() {
        let names: Vec<_> = SHOTS.iter().map(|(name, ..)| *name).collect();
        return Err(Failure::usage(format!("there are the pictures {}", names.join(", "))));
    }
    asked.into_iter().try_for_each(|(name, patch, script)| draw(&folder, name, *patch, script))
}

fn draw(folder: &Path, name: &str, patch: Option<&str>, script: &str) -> Outcome {
    let target = shell::root().join("target/shots");
    fs::create_dir_all(&target).map_err(|e| failure(&target, &e))?;
    let frame = target.join(name).with_extension("png");
    let picture = folder.join(name).with_extension("jpg");
    // Settings of its own: what somebody opened last is nobody's first launch.
    let settings = target.join("settings");
    if settings.exists() {
        fs::remove_dir_all(&settings).map_err(|e| failure(&settings, &e))?;
    }
    let mut edit = shell::cargo(["run", "--quiet", "--", "edit"]);
    edit.env("LUMAWIRE_SETTINGS", settings.join("settings.json"));
    edit.args(patch.map(|patch| shell::root().join(patch)));
    edit.args(["--size", SIZE, "--after", "3", "--script", script]);
    shell::run(edit.arg("--screenshot").arg(&frame))?;
    let mut shrink = shell::command("ffmpeg", ["-loglevel", "error", "-y", "-i"]);
    shell::run(shrink.arg(&frame).args(["-q:v", "4", "-bitexact"]).arg(&picture))?;
    let len = fs::metadata(&picture).map_err(|e| failure(&picture, &e))?.len();
    if len > MAX_LEN {
        return Err(Failure::new(format!("{}: {len} bytes are too many", picture.display())));
    }
    println!("drew {FOLDER}/{name}.jpg");
    Ok(())
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
