//! `cargo xtask live-check osc`: a flood of messages, and what it does to a show.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::Ended;
use crate::shell::{self, Failure, Outcome};

/// A show that a small machine draws in time.
const PATCH: &str = r#"{
  "format": "lumawire-patch", "version": 1,
  "clock": { "sample_rate_hz": 48000, "fps": [30, 1] },
  "nodes": {
    "walk": { "kind": "latent.walk@1" },
    "model": { "kind": "generate.model@1",
               "params": { "standin_resolution": "32", "standin_detail": "2048" } },
    "generator": { "kind": "generate.stylegan2@1" },
    "video": { "kind": "output.video@1" }
  },
  "wires": [ "model.model -> generator.model", "walk.latent -> generator.latent",
             "generator.image -> video.image" ]
}
"#;
/// The parameters that are moved, and one that is set last.
const MOVED: [&str; 3] = ["walk/speed", "walk/speed/normal", "generator/truncation"];
const LAST: (&str, f32) = ("/lumawire/walk/speed", 0.375);
const RATE_HZ: u64 = 100_000;
const DEFAULT_SECS: u64 = 10;
/// How often the sender looks at the time.
const SLICES_A_SEC: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// `cargo xtask live-check osc [secs] [--release]`.
pub fn run(args: &[String]) -> Outcome {
    let is_release = args.iter().any(|arg| arg == "--release");
    let secs = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(DEFAULT_SECS);
    let profile = if is_release { &["--release"][..] } else { &[] };
    let build = ["build", "--workspace", "--bin", "lumawire"];
    shell::run(&mut shell::cargo([&build, profile].concat()))?;
    let folder = std::env::temp_dir().join(format!("lumawire-osc-check-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|e| Failure::new(e.to_string()))?;
    let program = if is_release { "target/release/lumawire" } else { "target/debug/lumawire" };
    let outcome = perform(&folder, &shell::root().join(program), secs);
    let _ = fs::remove_dir_all(&folder);
    outcome
}

/// A show that runs, and its figures.
struct Playing {
    child: Ended,
    lines: Receiver<Json>,
    osc_port: u16,
    query_port: u16,
}

fn perform(folder: &Path, program: &Path, secs: u64) -> Outcome {
    let playing = Playing::start(folder, program)?;
    playing.next_line()?;
    let quiet_skipped = playing.count_skipped(secs)?;
    let before = memory_kib(&playing.child.0)?;
    let port = playing.osc_port;
    let flood = Builder::new().spawn(move || flood(port, secs));
    let flood = flood.map_err(|e| Failure::new(e.to_string()))?;
    let loud_skipped = playing.count_skipped(secs)?;
    let sent = flood.join().map_err(|_| Failure::new("the sender broke off"))??;
    let after = memory_kib(&playing.child.0)?;
    let last = playing.value(LAST.0, f64::from(LAST.1))?;
    let told = playing.finish(folder)?;
    println!("sent {sent} messages in {secs} s: {} a second", sent / secs.max(1));
    println!(
        "{}",
        told.lines()
            .find(|line| line.starts_with("OSC: ") && line.contains("messages"))
            .unwrap_or("no counts")
    );
    println!("frames skipped: {quiet_skipped} in {secs} s without, {loud_skipped} with them");
    println!("memory: {before} KiB before, {after} KiB after; last value in force: {last}");
    let heard = told.split_once("\nOSC: ").and_then(|(_, rest)| rest.split(' ').next());
    let heard: u64 = heard.and_then(|n| n.parse().ok()).unwrap_or(0);
    println!("heard {heard} of {sent}: the rest was dropped by the system's own buffer");
    let faults: Vec<&str> = [
        (loud_skipped > quiet_skipped, "frames were dropped by the messages"),
        (sent < RATE_HZ * secs * 95 / 100, "the sender was too slow to tell"),
        (after > before + before / 20, "memory grew by more than a twentieth"),
        ((last - f64::from(LAST.1)).abs() > 1e-6, "the last value is not in force"),
    ]
    .into_iter()
    .filter_map(|(is, fault)| is.then_some(fault))
    .collect();
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(faults.join("; "))) }
}

impl Playing {
    fn start(folder: &Path, program: &Path) -> Outcome<Self> {
        let fault = |e: std::io::Error| Failure::new(e.to_string());
        let patch = folder.join("flood.lumawire");
        fs::write(&patch, PATCH).map_err(fault)?;
        let log = File::create(folder.join("stderr.txt")).map_err(fault)?;
        let (osc_port, query_port) = (free_udp_port()?, free_tcp_port()?);
        let mut command = shell::command(program, ["run"]);
        command.arg(&patch).args(["--headless", "--stats", "--input", "none"]);
        command.args(["--osc", &osc_port.to_string()]);
        command.args(["--osc-query", &query_port.to_string()]);
        command.env("LUMAWIRE_SETTINGS", folder.join("settings.json"));
        command.stdout(Stdio::piped()).stderr(log);
        let mut child = Ended(command.spawn().map_err(fault)?);
        let stdout = child.0.stdout.take().ok_or_else(|| Failure::new("no output to read"))?;
        let (send, lines) = channel();
        let read = move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = serde_json::from_str(&line).map(|line| send.send(line));
            }
        };
        Builder::new().spawn(read).map_err(fault)?;
        Ok(Self { child, lines, osc_port, query_port })
    }

    /// The figures of the next second.
    fn next_line(&self) -> Outcome<Json> {
        let line = self.lines.recv_timeout(PATIENCE);
        line.map_err(|_| Failure::new("the show does not tell how it goes"))
    }

    fn count_skipped(&self, secs: u64) -> Outcome<u64> {
        (0..secs).try_fold(0, |sum, _| Ok(sum + self.next_line()?["skipped"].as_u64().unwrap_or(0)))
    }

    /// What OSCQuery says of an address, once it is `expected` or after a second.
    fn value(&self, address: &str, expected: f64) -> Outcome<f64> {
        let mut value = f64::NAN;
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(100));
            value = self.get(address).map_err(|e| Failure::new(e.to_string()))?;
            if (value - expected).abs() < 1e-6 {
                break;
            }
        }
        Ok(value)
    }

    fn get(&self, address: &str) -> std::io::Result<f64> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.query_port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {address}?VALUE HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let json: Json = serde_json::from_str(body)?;
        Ok(json["VALUE"][0].as_f64().unwrap_or(f64::NAN))
    }

    /// Ends the show as a person would, and gives what it told.
    fn finish(mut self, folder: &Path) -> Outcome<String> {
        let id = self.child.0.id().to_string();
        shell::run(&mut shell::command("kill", ["-INT", &id]))?;
        self.child.0.wait().map_err(|e| Failure::new(e.to_string()))?;
        fs::read_to_string(folder.join("stderr.txt")).map_err(|e| Failure::new(e.to_string()))
    }
}

/// Sends so many messages a second, in even slices, and the last one by itself. Returns how many.
fn flood(port: u16, secs: u64) -> Outcome<u64> {
    let fault = |e: std::io::Error| Failure::new(e.to_string());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(fault)?;
    socket.connect((Ipv4Addr::LOCALHOST, port)).map_err(fault)?;
    let addresses = MOVED.map(|name| format!("/lumawire/{name}"));
    let (started, slice_len) = (Instant::now(), RATE_HZ / SLICES_A_SEC);
    let mut sent = 0;
    for slice in 0..secs * SLICES_A_SEC {
        let due = Duration::from_micros(slice * 1_000_000 / SLICES_A_SEC);
        thread::sleep(due.saturating_sub(started.elapsed()));
        if started.elapsed() > Duration::from_secs(secs) {
            break;
        }
        for i in 0..slice_len {
            let address = &addresses[(i % addresses.len() as u64) as usize];
            let v = (sent % 1_000) as f32 / 1_000.0;
            socket.send(&message(address, v)).map_err(fault)?;
            sent += 1;
        }
    }
    socket.send(&message(LAST.0, LAST.1)).map_err(fault)?;
    Ok(sent + 1)
}

/// An OSC message with one real number.
fn message(address: &str, v: f32) -> Vec<u8> {
    let mut bytes = address.as_bytes().to_vec();
    bytes.resize(bytes.len() / 4 * 4 + 4, 0);
    bytes.extend_from_slice(b",f\0\0");
    bytes.extend_from_slice(&v.to_be_bytes());
    bytes
}

/// Memory that a process holds.
fn memory_kib(child: &Child) -> Outcome<u64> {
    let path = format!("/proc/{}/status", child.id());
    let text = fs::read_to_string(&path).map_err(|e| Failure::new(format!("{path}: {e}")))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| Failure::new("the system does not tell what memory it holds"))
}

fn free_udp_port() -> Outcome<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|s| s.local_addr());
    socket.map(|at| at.port()).map_err(|e| Failure::new(e.to_string()))
}

fn free_tcp_port() -> Outcome<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|s| s.local_addr());
    listener.map(|at| at.port()).map_err(|e| Failure::new(e.to_string()))
}
