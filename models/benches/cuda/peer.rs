//! The program to measure against.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

use crate::Outcome;

/// Another program that draws by the same weights.
pub struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub fn start() -> Outcome<Option<Self>> {
        let Ok(command) = std::env::var("LUMAWIRE_PEER") else { return Ok(None) };
        let mut words = command.lines();
        let program = words.next().ok_or("LUMAWIRE_PEER is empty")?;
        let process =
            Command::new(program).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.map_err(|error| format!("{program}: {error}"))?;
        let input = process.stdin.take().ok_or("the peer has no input")?;
        let output = BufReader::new(process.stdout.take().ok_or("the peer has no output")?);
        Ok(Some(Self { process, input, output }))
    }

    /// Its answer, or its error.
    pub fn ask(&mut self, request: Json) -> Outcome<Json> {
        writeln!(self.input, "{request}").map_err(|error| format!("the peer is gone: {error}"))?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let answer: Json =
            serde_json::from_str(&line).map_err(|_| format!("the peer answered `{line}`"))?;
        match answer["error"].as_str() {
            Some(error) => Err(format!("the peer fails: {error}").into()),
            None => Ok(answer),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when its input does; nothing is lost if it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
