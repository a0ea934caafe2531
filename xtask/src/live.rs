//! `cargo xtask live-check`: a live run against a real sound server, without a sound card; hot edits
//! and killed saves by the thousand.

mod osc;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::live_midi;
use crate::shell::{self, Failure, Outcome};

const PATCH: &str = "patches/calm_drift.lumawire";
const SOUND: &str = "patches/music/sectoid_war_of_freedom.flac";
const INPUT: &str = "pulseaudio:stage.monitor";
const SINK: [&str; 4] = ["module-null-sink", "sink_name=stage", "rate=48000", "channels=2"];
const DEFAULT_SECS: u64 = 20;
/// How long anything of the server's may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A child that ends with this.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A sound server of our own, in a folder of its own.
struct Server {
    folder: PathBuf,
    _process: Ended,
}

/// Tests that run longer where they are told to: their chore, name, variable and usual number.
const TORTURES: [(&str, &str, &str, &str); 2] = [
    ("edits", "a_show_goes_on", "LUMAWIRE_TORTURE_EDITS", "10000"),
    ("saves", "a_program_that_is_killed", "LUMAWIRE_TORTURE_SAVES", "1000"),
];

/// `cargo xtask live-check [secs] [--release] [patch] [lumawire's own arguments]`, or `edits [num] [--release]`,
/// `saves [num]`, `midi`, `osc`.
pub fn run(args: &[String]) -> Outcome {
    let asked = args.first().map(String::as_str);
    match asked {
        Some("midi") => return live_midi::run(),
        Some("osc") => return osc::run(&args[1..]),
        _ => {}
    }
    if let Some((_, test, variable, usual)) = TORTURES.iter().find(|t| asked == Some(t.0)) {
        let (profile, rest): (Vec<&str>, Vec<&str>) =
            args[1..].iter().map(String::as_str).partition(|arg| *arg == "--release");
        let num = rest.first().unwrap_or(usual);
        if num.parse::<u32>().is_err() {
            return Err(Failure::usage(format!("`{num}` is no number")));
        }
        let mut command = shell::cargo(["test", "--workspace", "--test", "torture"]);
        command.args(profile).args(["--", test, "--nocapture"]);
        return shell::run(command.env(variable, num));
    }
    let (secs, more) = match args.split_first() {
        Some((first, more)) if first.parse::<u64>().is_ok() => {
            (first.parse().unwrap_or(DEFAULT_SECS), more)
        }
        _ => (DEFAULT_SECS, args),
    };
    for (program, package) in [("pulseaudio", "pulseaudio"), ("pactl", "pulseaudio-utils")] {
        if shell::find_program(program).is_none() {
            return Err(Failure::new(format!("`{program}` is missing: install {package}")));
        }
    }
    let (profile, more): (Vec<&str>, Vec<&str>) =
        more.iter().map(String::as_str).partition(|arg| *arg == "--release");
    let (patches, more): (Vec<&str>, Vec<&str>) =
        more.into_iter().partition(|arg| arg.ends_with(".lumawire"));
    let patch = patches.first().copied().unwrap_or(PATCH);
    let folder = if profile.is_empty() { "debug" } else { "release" };
    let program = shell::root().join("target").join(folder).join("lumawire");
    shell::run(shell::cargo(["build", "--workspace", "--bin", "lumawire"]).args(profile))?;
    let server = Server::start()?;
    let _music = server.play()?;
    let log = server.folder.join("stderr.txt");
    let lines = perform(
        server.command(&program.to_string_lossy()).args(["run", patch]).args(more),
        &server,
        secs,
        &log,
    )?;
    let events = fs::read_to_string(&log).unwrap_or_default();
    print!("{events}");
    judge(&lines, &events, secs)
}

/// Runs the patch; half-way the device goes away and returns. Gives the figures' lines.
fn perform(command: &mut Command, server: &Server, secs: u64, log: &Path) -> Outcome<Vec<Json>> {
    let file = File::create(log).map_err(|e| Failure::new(e.to_string()))?;
    command.args(["--headless", "--stats", "--input", INPUT, "--secs", &secs.to_string()]);
    command.stdout(Stdio::piped()).stderr(file);
    let mut child = Ended(command.spawn().map_err(|e| Failure::new(format!("lumawire: {e}")))?);
    let stdout = child.0.stdout.take().ok_or_else(|| Failure::new("no output to read"))?;
    let mut lines = Vec::new();
    let mut is_away = false;
    let mut module = server.module()?;
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let line: Json = serde_json::from_str(&line)
            .map_err(|e| Failure::new(format!("not a line of figures: {line}: {e}")))?;
        println!("{line}");
        lines.push(line);
        let n = lines.len() as u64;
        if n == secs / 2 {
            println!("-- the device goes away");
            server.pactl(&["unload-module", &module])?;
            is_away = true;
        } else if is_away && n >= secs / 2 + 3 {
            println!("-- the device returns");
            module = server.load()?;
            is_away = false;
        }
    }
    let status = child.0.wait().map_err(|e| Failure::new(e.to_string()))?;
    if status.success() { Ok(lines) } else { Err(Failure::new(format!("lumawire: {status}"))) }
}

/// Whether the run was what a live run must be.
fn judge(lines: &[Json], events: &str, secs: u64) -> Outcome {
    let recent = lines.iter().filter(|line| line["kind"] == "recent");
    // Until the first picture the patch is being prepared.
    let recent: Vec<&Json> = recent.skip_while(|line| line["shown"] == 0).collect();
    let whole = lines.iter().find(|line| line["kind"] == "whole");
    let whole = whole.ok_or_else(|| Failure::new("no figures of the whole run"))?;
    let peak = |line: &&&Json| line["peak_db"].as_f64().unwrap_or(-200.0) > -60.0;
    let half = recent.len() / 2;
    let faults: Vec<&str> = [
        (recent.len() as u64 + 2 < secs, "the run ended early"),
        (!recent[..half].iter().any(|line| peak(&line)), "no music was heard"),
        (!recent[half..].iter().rev().take(2).any(|line| peak(&line)), "no music after the return"),
        (recent.iter().any(|line| line["shown"] == 0), "a second without a picture"),
        (!events.contains("is gone"), "the loss of the device was not told"),
        (events.matches("sound: pulseaudio:stage.monitor, ").count() < 2, "no return was told"),
    ]
    .into_iter()
    .filter_map(|(is, fault)| is.then_some(fault))
    .collect();
    let (latency, total) = (&whole["latency"], |key: &str| whole[key].to_string());
    println!(
        "{} frames drawn, {} skipped, {} xruns, {} overflows; sound to picture: median {} ms, p99 \
         {} ms, longest {} ms",
        total("drawn"),
        total("skipped"),
        total("xruns_total"),
        total("overflows_total"),
        latency["median_ms"],
        latency["p99_ms"],
        latency["max_ms"]
    );
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(faults.join("; "))) }
}

impl Server {
    fn start() -> Outcome<Self> {
        let name = format!("lumawire-live-check-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let fault = |e: std::io::Error| Failure::new(format!("{}: {e}", folder.display()));
        fs::create_dir_all(&folder).map_err(fault)?;
        let script = folder.join("server.pa");
        let socket = "load-module module-native-protocol-unix auth-anonymous=1";
        fs::write(&script, format!("{socket}\nload-module {}\n", SINK.join(" "))).map_err(fault)?;
        let mut command = in_folder("pulseaudio", &folder);
        command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]);
        command.args(["--realtime=no", "--high-priority=no", "-F"]).arg(&script);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let process = Ended(command.spawn().map_err(|e| Failure::new(format!("pulseaudio: {e}")))?);
        let server = Self { folder, _process: process };
        let started = Instant::now();
        while !shell::succeeds(server.command("pactl").arg("info")) {
            if started.elapsed() > PATIENCE {
                return Err(Failure::new("the sound server does not answer"));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// A program that finds this server alone.
    fn command(&self, program: &str) -> Command {
        let mut command = in_folder(program, &self.folder);
        command.env("LUMAWIRE_SETTINGS", self.folder.join("settings.json"));
        command
    }

    fn pactl(&self, args: &[&str]) -> Outcome<String> {
        shell::read(self.command("pactl").args(args)).map(|text| text.trim().to_owned())
    }

    fn load(&self) -> Outcome<String> {
        self.pactl(&[&["load-module"], &SINK[..]].concat())
    }

    /// The number of the device's module.
    fn module(&self) -> Outcome<String> {
        let list = self.pactl(&["list", "short", "modules"])?;
        let line = list.lines().find(|line| line.contains("module-null-sink"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.map(str::to_owned).ok_or_else(|| Failure::new("the server has no null sink"))
    }

    /// Plays the music to the device, again and again, whenever it is there.
    fn play(&self) -> Outcome<Ended> {
        let wav = self.folder.join("music.wav");
        let convert = ["-v", "error", "-i", SOUND, "-ar", "48000", "-y"];
        shell::run(shell::command("ffmpeg", convert).arg(&wav))?;
        let mut command = self.command("sh");
        let script =
            "while :; do paplay --device=stage --latency-msec=20 \"$0\" || sleep 0.2; done";
        command.args(["-c", script]).arg(&wav).stdin(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Ended).map_err(|e| Failure::new(format!("paplay: {e}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn in_folder(program: &str, folder: &Path) -> Command {
    let mut command = shell::command(program, std::iter::empty::<&str>());
    command.env("XDG_RUNTIME_DIR", folder).env("HOME", folder).env_remove("PULSE_SERVER");
    command
}
