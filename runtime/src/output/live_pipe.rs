//! Pictures and sound of a running show, encoded by ffmpeg as they come.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use lumawire_core::HostImage;

use super::ffmpeg::{Failure, Ffmpeg, Process, SharedChild, push};
use super::matroska::{self, Shape};
use super::timeline::LiveWriter;
use super::{OutputError, rgba8};

/// What ffmpeg is to do with pictures and sound.
#[derive(Debug, Clone)]
pub(crate) struct Encoding {
    /// Arguments after the input, the output's address included.
    pub args: Vec<OsString>,
    /// What the output is called in messages.
    pub name: PathBuf,
    /// Whether that is a file: one that stays empty is removed.
    pub is_file: bool,
    /// What must not be shown, and is replaced in messages by the name: an address may hold a
    /// password.
    pub secret: Option<String>,
}

impl Encoding {
    /// Removes the file in which nothing is, after a failure.
    fn tidy(&self) {
        if self.is_file && fs::metadata(&self.name).is_ok_and(|file| file.len() == 0) {
            // It may be in nobody's way.
            let _ = fs::remove_file(&self.name);
        }
    }
}

/// A running ffmpeg that is fed with a show.
pub(crate) struct LivePipe {
    shape: Shape,
    /// `None` once it has failed.
    process: Option<Process>,
    encoding: Encoding,
    bytes: Vec<u8>,
}

impl LivePipe {
    /// Starts ffmpeg for a show of this shape.
    pub fn start(shape: Shape, encoding: Encoding) -> Result<Self, OutputError> {
        let mut args = Vec::new();
        // All is known from the head: nothing to wait for.
        push(&mut args, ["-probesize", "32", "-analyzeduration", "0"]);
        push(&mut args, ["-f", "matroska", "-i", "pipe:0"]);
        args.extend_from_slice(&encoding.args);
        let started = Ffmpeg::from_env().start(&args).inspect_err(|_| encoding.tidy());
        let process = Some(started?);
        let mut pipe = Self { shape, process, encoding, bytes: Vec::new() };
        pipe.feed(&matroska::head(shape))?;
        Ok(pipe)
    }

    /// The child, to end it from elsewhere.
    pub fn child(&self) -> Option<SharedChild> {
        self.process.as_ref().map(Process::child)
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        match self.process.as_mut().map(|p| p.write(bytes)) {
            Some(Ok(())) => Ok(()),
            _ => self.end(),
        }
    }

    /// Ends the input and tells how ffmpeg ended; that is an error where it was not told to.
    fn end(&mut self) -> Result<(), OutputError> {
        let early = || Failure { status: "it ended early".into(), log: String::new() };
        let failure = match self.process.take().map(Process::finish) {
            Some(Err(failure)) => failure,
            _ => early(),
        };
        Err(self.failed(failure))
    }

    fn failed(&self, failure: Failure) -> OutputError {
        self.encoding.tidy();
        let Failure { status, log } = failure;
        let mut log = without_addresses(&log);
        if let Some(secret) = &self.encoding.secret {
            log = log.replace(secret, &self.encoding.name.to_string_lossy());
        }
        OutputError::Ffmpeg { path: self.encoding.name.clone(), status, log }
    }
}

/// Leaves out `[tcp @ 0x55d0c0]` before messages: it differs from run to run, so that the same failure
/// would be told again and again.
fn without_addresses(log: &str) -> String {
    let message = |line: &str| match line.split_once("] ") {
        Some((part, message)) if part.starts_with('[') && part.contains(" @ 0x") => message.into(),
        _ => line.to_owned(),
    };
    log.lines().map(message).collect::<Vec<_>>().join("\n")
}

impl LiveWriter for LivePipe {
    fn picture(&mut self, n: u64, image: &HostImage, _: bool) -> Result<(), OutputError> {
        let pixels = rgba8(image, self.shape.size_px, n)?;
        self.feed(&matroska::picture_head(self.shape, n, pixels.len()))?;
        self.feed(pixels)
    }

    fn sound(&mut self, first: u64, samples: &[f32]) -> Result<(), OutputError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes.extend(matroska::sound_head(self.shape, first, size_of_val(samples)));
        bytes.extend(samples.iter().flat_map(|v| v.to_le_bytes()));
        let fed = self.feed(&bytes);
        self.bytes = bytes;
        fed
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        match self.process.take().map(Process::finish) {
            Some(Ok(())) => Ok(()),
            Some(Err(failure)) => Err(self.failed(failure)),
            None => self.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Fps;

    use super::*;

    #[test]
    fn a_recording_that_fails_leaves_nothing_empty() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content, stays) in [("a.mkv", "", false), ("b.mkv", "x", true)] {
            let name = dir.path().join(name);
            fs::write(&name, content).unwrap();
            let args = vec!["-no_such_option".into(), "1".into(), dir.path().join("x.mkv").into()];
            let encoding = Encoding { args, name: name.clone(), is_file: true, secret: None };
            let shape = Shape { size_px: (4, 4), fps: Fps::new(30, 1), rate_hz: 48_000 };
            let ended = LivePipe::start(shape, encoding).and_then(|pipe| Box::new(pipe).finish());
            assert!(ended.is_err());
            assert_eq!(name.exists(), stays);
        }
    }

    #[test]
    fn the_same_failure_reads_the_same() {
        let log = |at| format!("[tcp @ {at}] refused\n[1] and [so] on\nudp://h: no");
        assert_eq!(without_addresses(&log("0x55d0c0")), "refused\n[1] and [so] on\nudp://h: no");
        assert_eq!(without_addresses(&log("0x55d0c0")), without_addresses(&log("0x60aa10")));
    }
}
