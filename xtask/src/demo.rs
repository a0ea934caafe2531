//! `cargo xtask demo`: a shipped patch as a video.

use std::fs;

use crate::setup;
use crate::shell::{self, Failure, Outcome};

const PATCH: &str = "patches/chroma_bloom.lumawire";
const SOUND: &str = "patches/music/sectoid_war_of_freedom.flac";
const VIDEO: &str = "out/demo.mp4";
const LENGTH_SECS: &str = "20";

/// Renders the demo and says where it lies.
pub fn run() -> Outcome {
    setup::run(false)?;
    let video = shell::root().join(VIDEO);
    if let Some(folder) = video.parent() {
        fs::create_dir_all(folder)
            .map_err(|e| Failure::new(format!("{}: {e}", folder.display())))?;
    }
    println!("Building in release, which takes some minutes the first time.");
    shell::run(shell::cargo(["run", "--release", "--", "render", PATCH]).args([
        "--audio",
        SOUND,
        "-o",
        VIDEO,
        "--to",
        LENGTH_SECS,
    ]))?;
    println!("The video: {}", video.display());
    Ok(())
}
