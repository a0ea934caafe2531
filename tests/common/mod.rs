//! The command, a small patch and a sound to run it with.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::expect_used)] // each test uses a part

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The command, ready for arguments.
pub fn lumawire() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lumawire"))
}

/// Runs the command.
pub fn run<const N: usize>(args: [&dyn AsRef<OsStr>; N]) -> Output {
    lumawire().args(args.map(AsRef::as_ref)).output().expect("the command runs")
}

/// What a successful command printed.
pub fn stdout(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What a failed command said; it must have said it in `error:` and not panicked.
pub fn failure(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: "), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// A patch with every rate, state and feedback in it, and a network of 32² that draws in no time.
pub const SMALL: &str = r#"{
  "format": "lumawire-patch", "version": 1,
  "clock": { "sample_rate_hz": 48000, "fps": [30, 1] },
  "nodes": {
    "audio": { "kind": "source.audio@1" },
    "stft": { "kind": "analysis.stft@1" },
    "onset": { "kind": "analysis.onset@1" },
    "chroma": { "kind": "analysis.chroma@1" },
    "level": { "kind": "analysis.level@1" },
    "steps": { "kind": "control.counter@1" },
    "bank": { "kind": "latent.bank@1" },
    "chords": { "kind": "latent.chroma_mix@1" },
    "walk": { "kind": "latent.walk@1" },
    "model": { "kind": "generate.model@1", "params": { "standin_resolution": "32", "standin_detail": "2048" } },
    "generator": { "kind": "generate.stylegan2@1" },
    "feedback": { "kind": "post.feedback@1" },
    "trail": { "kind": "post.blend@1", "params": { "amount": 0.5 } },
    "video": { "kind": "output.video@1" }
  },
  "wires": [
    "audio.audio -> stft.audio", "stft.spectrum -> onset.spectrum", "stft.spectrum -> chroma.spectrum",
    "stft.spectrum -> level.spectrum", "onset.hit -> steps.trigger", "bank.bank -> chords.bank",
    "chroma.chroma -> chords.chroma", "chords.latent -> walk.base", "level.bass -> walk.speed",
    "steps.index -> generator.noise_strength * 0.2", "model.model -> generator.model",
    "walk.latent -> generator.latent", "generator.image -> trail.base", "feedback.image -> trail.over",
    "trail.image -> feedback.image", "trail.image -> video.image"
  ]
}"#;

/// A folder with the small patch and three seconds of sound: a chord with clicks.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("small.lumawire"), SMALL).expect("patch");
        let bench = Self { folder };
        let chord = "0.2*sin(2*PI*220*t)+0.2*sin(2*PI*277.2*t)+0.2*sin(2*PI*329.6*t)";
        let clicks = "0.4*random(0)*lt(mod(t,0.5),0.02)";
        let source = format!("aevalsrc='{chord}+{clicks}':s=44100:d=3");
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", &source])
            .arg(bench.path("sound.wav"))
            .status()
            .expect("ffmpeg: `cargo xtask setup` installs it");
        assert!(status.success());
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("folder");
        let mut names: Vec<_> =
            entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Renders the small patch with the sound; what it printed.
    pub fn render(&self, out: &str, more: &[&str]) -> Output {
        lumawire()
            .arg("render")
            .arg(self.path("small.lumawire"))
            .arg("--audio")
            .arg(self.path("sound.wav"))
            .arg("-o")
            .arg(self.path(out))
            .args(more)
            .output()
            .expect("the command runs")
    }
}

/// What ffprobe says of one entry of one stream (`v:0`, `a:0`).
pub fn probe(path: &Path, stream: &str, entry: &str) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-select_streams", stream, "-of", "csv=p=0"])
        .args(["-show_entries", &format!("stream={entry}")])
        .arg(path)
        .output()
        .expect("ffprobe: `cargo xtask setup` installs it");
    String::from_utf8_lossy(&output.stdout).trim().trim_end_matches(',').to_owned()
}
