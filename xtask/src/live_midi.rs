//! `cargo xtask live-check midi`: MIDI against the virtual ports of a real server, without a device.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::live::Ended;
use crate::shell::{self, Failure, Outcome};

const MANIFEST: &str = "xtask/midi-check/Cargo.toml";
/// A server without sound; the name keeps it apart from one that plays.
const SERVER: [&str; 9] = ["-r", "-n", "lumawire-check", "-d", "dummy", "-r", "48000", "-p", "512"];
/// The server is ready by then.
const BEGUN: Duration = Duration::from_secs(2);

/// Builds the check, starts a server and runs it there.
pub fn run() -> Outcome {
    if shell::find_program("jackd").is_none() {
        let hint = "`jackd` is missing: install jackd2 and libjack-jackd2-dev";
        return Err(Failure::new(hint));
    }
    let check = |what: &str| {
        let mut command = shell::cargo([what, "--manifest-path", MANIFEST]);
        command.args(["--target-dir", "target/midi-check"]);
        command
    };
    shell::run(&mut check("build"))?;
    let mut server = shell::command("jackd", SERVER);
    server.env("JACK_NO_AUDIO_RESERVATION", "1").stdin(Stdio::null());
    server.stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Ended(server.spawn().map_err(|e| Failure::new(format!("jackd: {e}")))?);
    thread::sleep(BEGUN);
    shell::run(check("run").env("JACK_DEFAULT_SERVER", "lumawire-check"))
}
