//! A video from real music, with one command.

use crate::command::{self, Outcome, cargo, root};
use crate::setup;

/// 20 seconds of the shipped music.
fn render(out: &str) -> Outcome {
    command::run(
        cargo()
            .args(["run", "--release", "--quiet", "--", "render", "patches/chroma_bloom.lumawire"])
            .args([
                "--audio",
                "patches/music/sectoid_war_of_freedom.flac",
                "--to",
                "20",
                "-o",
                out,
            ]),
    )
}

/// Sets up, builds, renders, and says where the video is.
pub fn run() -> Outcome {
    setup::install()?;
    let out = root().join("out").join("demo.mp4");
    std::fs::create_dir_all(root().join("out")).map_err(|e| format!("out/: {e}"))?;
    println!("building in release, which takes some minutes the first time");
    render(&out.to_string_lossy())?;
    println!("\nthe video: {}", out.display());
    Ok(())
}
