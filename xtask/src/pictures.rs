//! `cargo xtask pictures`: what the start screen shows of each shipped patch.

use std::fs;
use std::path::{Path, PathBuf};

use crate::setup;
use crate::shell::{self, Failure, Outcome};

const SIZE: &str = "480x270";
const AT_SECS: &str = "6";
/// Where a patch brings no music, which would say how long it is.
const TO_SECS: &str = "6.1";

/// Draws a frame of every shipped patch and template to `pictures/` beside it.
pub fn run() -> Outcome {
    setup::run(false)?;
    println!("Building in release, which takes some minutes the first time.");
    for folder in ["patches", "patches/templates"].map(|folder| shell::root().join(folder)) {
        let pictures = folder.join("pictures");
        fs::create_dir_all(&pictures).map_err(|e| failure(&pictures, &e))?;
        for patch in patches_in(&folder)? {
            draw(&patch, &pictures)?;
        }
    }
    Ok(())
}

fn draw(patch: &Path, pictures: &Path) -> Outcome {
    let name = patch.file_stem().unwrap_or_default();
    let frame = shell::root().join("target").join(name).with_extension("png");
    let picture = pictures.join(name).with_extension("jpg");
    let text = fs::read_to_string(patch).map_err(|e| failure(patch, &e))?;
    let mut render = shell::cargo(["run", "--quiet", "--release", "--", "render", "--quiet"]);
    render.args(["--size", SIZE, "--from", AT_SECS]).arg(patch).arg("-o").arg(&frame);
    if !text.contains("\"source.audio@") {
        render.args(["--to", TO_SECS]);
    }
    shell::run(&mut render)?;
    let mut shrink = shell::command("ffmpeg", ["-loglevel", "error", "-y", "-i"]);
    shell::run(shrink.arg(&frame).args(["-q:v", "3", "-bitexact"]).arg(&picture))?;
    fs::remove_file(&frame).map_err(|e| failure(&frame, &e))
}

fn patches_in(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let found = fs::read_dir(folder).map_err(|e| failure(folder, &e))?;
    let paths = found.flatten().map(|entry| entry.path());
    let mut patches: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "lumawire")).collect();
    patches.sort();
    Ok(patches)
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
