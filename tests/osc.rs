//! `lumawire run` and another program's OSC: liblo's oscsend and oscdump.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::Bench;

/// Nothing here takes so long, on a slow machine either.
const PATIENCE: Duration = Duration::from_secs(60);

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("socket");
    socket.local_addr().expect("address").port()
}

fn free_tcp_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listener");
    listener.local_addr().expect("address").port()
}

/// The lines of a pipe, as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    let read = move || {
        BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
    };
    std::thread::Builder::new().spawn(read).expect("thread");
    lines
}

fn wait_for(lines: &Receiver<String>, text: &str) -> String {
    let started = Instant::now();
    let mut all = Vec::new();
    while let Some(left) = PATIENCE.checked_sub(started.elapsed()) {
        match lines.recv_timeout(left) {
            Ok(line) if line.contains(text) => return line,
            Ok(line) => all.push(line),
            Err(_) => break,
        }
    }
    panic!("`{text}` never came: {all:#?}");
}

fn oscsend(port: u16, args: &[&str]) {
    let port = port.to_string();
    let sent = Command::new("oscsend").args(["127.0.0.1", &port]).args(args).status();
    assert!(sent.expect("oscsend is installed: cargo xtask setup").success());
}

/// The answer to a plain HTTP client.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connects");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("writes");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("reads");
    text
}

/// The small patch with an OSC out to `host`, at `port`.
fn patch(bench: &Bench, host: &str, port: u16) {
    let node = format!(
        r#""tell": {{ "kind": "output.osc@1", "params": {{ "address": "/steps", "host": "{host}",
            "port": {port}, "only_changes": false }} }}, "video""#
    );
    let text = common::SMALL.replace(r#""video""#, &node);
    let text = text.replace(r#""onset.hit"#, r#""steps.index -> tell.control", "onset.hit"#);
    let text = text.replace(
        r#""wires""#,
        r#""bindings": { "walk.radius": { "osc": "/1/fader2", "range": [0, 20] } }, "wires""#,
    );
    fs::write(bench.path("small.lumawire"), text).expect("writes");
}

fn run(bench: &Bench, args: &[&str]) -> Ended {
    let mut command = common::lumawire();
    command.arg("run").arg(bench.path("small.lumawire"));
    command.args(["--headless", "--input", "none"]).args(args);
    command.env("LUMAWIRE_SETTINGS", bench.path("settings.json"));
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    Ended(command.spawn().expect("runs"))
}

#[test]
fn liblo_drives_parameters_and_reads_them_back() {
    let bench = Bench::new();
    let (osc, query, hearing) = (free_udp_port(), free_tcp_port(), free_udp_port());
    patch(&bench, "127.0.0.1", hearing);
    let mut dump = Command::new("oscdump");
    dump.args(["-L", &hearing.to_string()]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut dump = Ended(dump.spawn().expect("oscdump is installed: cargo xtask setup"));
    let heard = lines(dump.0.stdout.take().expect("stdout"));
    let feedback = format!("127.0.0.1:{hearing}");
    let (osc_text, query_text) = (osc.to_string(), query.to_string());
    let _show =
        run(&bench, &["--osc", &osc_text, "--osc-query", &query_text, "--osc-feedback", &feedback]);
    wait_for(&heard, "/steps f 0.000000");
    wait_for(&heard, "/lumawire/walk/magnitude f 1.000000");
    oscsend(osc, &["/lumawire/walk/magnitude", "f", "0.375"]);
    wait_for(&heard, "/lumawire/walk/magnitude f 0.375000");
    oscsend(osc, &["/lumawire/walk/magnitude", "s", "0.5"]);
    wait_for(&heard, "/lumawire/walk/magnitude f 0.500000");
    oscsend(osc, &["/1/fader2", "f", "0.25"]);
    wait_for(&heard, "/lumawire/walk/radius f 5.000000");
    wait_for(&heard, "/1/fader2 f 0.250000");
    oscsend(osc, &["/lumawire/walk/mode", "s", "vector"]);
    wait_for(&heard, "/lumawire/walk/mode s \"vector\"");
    let answer = get(query, "/lumawire/walk/radius?VALUE");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"{"VALUE":[5.0]}"#), "{answer}");
}

#[test]
fn a_patch_may_not_send_to_other_machines_unless_it_is_allowed() {
    let bench = Bench::new();
    patch(&bench, "192.0.2.1", 9_000);
    let mut show = run(&bench, &[]);
    let told = lines(show.0.stderr.take().expect("stderr"));
    let line = wait_for(&told, "may not send");
    assert!(line.contains("`tell`") && line.contains("--osc-send 192.0.2.1:9000"), "{line}");
    drop(show);
    let mut show = run(&bench, &["--osc-send", "192.0.2.1", "--stats", "--secs", "0.5"]);
    let told = lines(show.0.stderr.take().expect("stderr"));
    let all: Vec<String> = told.iter().collect();
    let summary = all.iter().find(|line| line.contains("pictures shown")).expect("a summary");
    assert!(!summary.contains(" 0 pictures shown"), "`tell` makes none, `video` does: {summary}");
    assert!(!all.iter().any(|line| line.contains("may not send")), "{all:#?}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let bench = Bench::new();
    patch(&bench, "127.0.0.1", 9_000);
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("socket");
    let port = taken.local_addr().expect("address").port().to_string();
    let mut command = common::lumawire();
    command.arg("run").arg(bench.path("small.lumawire"));
    let output = command.args(["--headless", "--input", "none", "--osc", &port]).output();
    let error = common::failure(&output.expect("runs"));
    assert!(error.contains(&format!("UDP 127.0.0.1:{port}")), "{error}");
}
