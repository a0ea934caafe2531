//! Ableton Link by way of Carabiner, a program of its own that takes part in Link and tells of it in
//! lines of text over TCP.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::{ClockNews, Conductor};

/// Where Carabiner listens unless it is told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:17000";
/// Time between two questions.
const ASK: Duration = Duration::from_millis(125);
/// Longest wait for a connection, and time between two tries.
const CONNECT: Duration = Duration::from_secs(1);
/// A Carabiner that answers nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(3);
/// Longest line that counts.
const MAX_LINE: usize = 4_096;
/// Link's range of tempos.
const BPM: std::ops::RangeInclusive<f64> = 20.0..=999.0;
/// What is asked for once: whether the others' players play.
const GREETING: &[u8] = b"enable-start-stop-sync\n";
const QUESTION: &[u8] = b"status\n";

/// What Carabiner says of the Link session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkStatus {
    /// Other programs in the session.
    pub num_peers: u32,
    /// Beats a minute.
    pub bpm: f64,
    /// The beat that is now.
    pub beats: f64,
    /// Whether its players play; without word of it they do.
    pub is_playing: bool,
}

impl LinkStatus {
    /// Reads `status { :peers 0 :bpm 120.000000 :start 73743731220 :beat 597.737570 :playing true }`.
    /// `None` for other messages, and for numbers that cannot be.
    pub fn parse(line: &str) -> Option<Self> {
        let map = line.trim().strip_prefix("status")?.trim();
        let map = map.strip_prefix('{')?.strip_suffix('}')?;
        let words: Vec<&str> = map.split_whitespace().collect();
        let value = |key: &str| {
            words.chunks_exact(2).find(|pair| pair.first() == Some(&key))?.get(1).copied()
        };
        let number = |key: &str| value(key)?.parse::<f64>().ok().filter(|v| v.is_finite());
        Some(Self {
            num_peers: value(":peers").and_then(|v| v.parse().ok()).unwrap_or(0),
            bpm: number(":bpm").filter(|bpm| BPM.contains(bpm))?,
            beats: number(":beat").filter(|beats| beats.abs() < 1e12)?,
            is_playing: value(":playing").is_none_or(|v| v == "true"),
        })
    }
}

/// What is told of the connection, when it changes.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkTold {
    /// Carabiner answers.
    Connected {
        /// Other programs in the session.
        num_peers: u32,
    },
    /// There is no Carabiner, for this reason; it is looked for again and again.
    Absent(String),
}

/// Follows a Link session until it is dropped.
pub struct Link {
    quit: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Link {
    /// Follows the Carabiner at `address`, `host:port`, and looks for it where it is not there.
    pub fn start(
        address: String,
        conductor: Conductor,
        tell: impl Fn(LinkTold) + Send + 'static,
    ) -> std::io::Result<Self> {
        let quit = Arc::new(AtomicBool::new(false));
        let quitting = quit.clone();
        let thread = Builder::new().name("lumawire-link".into()).spawn(move || {
            let mut told = None;
            let mut tell = |news: LinkTold| {
                if told.as_ref() != Some(&news) {
                    told = Some(news.clone());
                    tell(news);
                }
            };
            while !quitting.load(Ordering::Relaxed) {
                let error = follow(&address, &conductor, &quitting, &mut tell).err();
                let why = error.map(|e| e.to_string()).unwrap_or_default();
                if !quitting.load(Ordering::Relaxed) {
                    tell(LinkTold::Absent(format!("{address}: {why}")));
                    std::thread::park_timeout(CONNECT);
                }
            }
        })?;
        Ok(Self { quit, thread: Some(thread) })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Follows one connection to its end.
fn follow(
    address: &str,
    conductor: &Conductor,
    quit: &AtomicBool,
    tell: &mut impl FnMut(LinkTold),
) -> std::io::Result<()> {
    let mut stream = connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(CONNECT))?;
    stream.set_read_timeout(Some(ASK))?;
    stream.write_all(GREETING)?;
    let (mut lines, mut heard, mut asked) = (Lines::default(), Instant::now(), None);
    while !quit.load(Ordering::Relaxed) {
        let now = Instant::now();
        if asked.is_none_or(|asked| now.duration_since(asked) >= ASK) {
            stream.write_all(QUESTION)?;
            asked = Some(now);
        }
        if now.duration_since(heard) > SILENCE {
            return Err(ErrorKind::TimedOut.into());
        }
        for line in lines.read(&mut stream)? {
            let Some(status) = LinkStatus::parse(&line) else { continue };
            heard = Instant::now();
            let LinkStatus { num_peers, bpm, beats, is_playing } = status;
            tell(LinkTold::Connected { num_peers });
            conductor.tell("Ableton Link", heard, ClockNews { bpm, beats, runs: is_playing });
        }
    }
    Ok(())
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut error = ErrorKind::AddrNotAvailable.into();
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(e) => error = e,
        }
    }
    Err(error)
}

/// Cuts what comes into lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The whole lines of one read; none where nothing came in time.
    fn read(&mut self, from: &mut impl Read) -> std::io::Result<Vec<String>> {
        let mut buffer = [0; 1_024];
        let num = match from.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(num) => num,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(e) if e.kind() == ErrorKind::Interrupted => 0,
            Err(e) => return Err(e),
        };
        self.rest.extend_from_slice(buffer.get(..num).unwrap_or_default());
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        if self.rest.len() > MAX_LINE {
            self.rest.clear();
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_carabiner_documents() {
        let text = "status { :peers 0 :bpm 120.000000 :start 73743731220 :beat 597.737570 }\n";
        let expected =
            LinkStatus { num_peers: 0, bpm: 120.0, beats: 597.737_570, is_playing: true };
        assert_eq!(LinkStatus::parse(text), Some(expected));
        let text = "status { :peers 2 :bpm 99.5 :start 7 :beat -3.25 :playing false }";
        let expected = LinkStatus { num_peers: 2, bpm: 99.5, beats: -3.25, is_playing: false };
        assert_eq!(LinkStatus::parse(text), Some(expected));
        for other in [
            "",
            "status",
            "status {",
            "status { }",
            "status { :bpm }",
            "status { :bpm NaN :beat 1 }",
            "status { :bpm 120 :beat inf }",
            "status { :bpm 5000 :beat 1 }",
            "bad-bpm ",
            "version { :version \"1.1.2\" }",
        ] {
            assert_eq!(LinkStatus::parse(other), None, "{other}");
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"status { :a 1 }\nversion\nhalf";
        for len in [1, 3, 16, 100] {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for mut part in text.chunks(len) {
                found.extend(lines.read(&mut part).unwrap());
            }
            assert_eq!(found, ["status { :a 1 }\n", "version\n"], "{len}");
        }
        let (mut lines, endless) = (Lines::default(), [b'x'; 1_000]);
        for _ in 0..100 {
            assert!(lines.read(&mut &endless[..]).unwrap().is_empty());
        }
        assert!(lines.rest.len() <= MAX_LINE + 1_024);
    }
}
