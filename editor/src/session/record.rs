//! Records the show into a file.

use std::path::PathBuf;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::Clock;
use lumawire_runtime::live::{FanOut, OutputFigures, Recorder};
use lumawire_runtime::output::Target;

use super::{Happened, cannot_start};

/// Events that may wait to be read.
const MAX_EVENTS: usize = 64;

/// The recordings of a session.
pub(super) struct Recording {
    fan_out: FanOut,
    recorder: Option<Recorder>,
    /// Those that are being completed.
    ending: Vec<JoinHandle<()>>,
    tell: Sender<Happened>,
    told: Receiver<Happened>,
}

impl Recording {
    /// Records what is given to `fan_out`.
    pub fn new(fan_out: FanOut) -> Self {
        let (tell, told) = bounded(MAX_EVENTS);
        Self { fan_out, recorder: None, ending: Vec::new(), tell, told }
    }

    pub fn start(&mut self, path: PathBuf, clock: Clock) -> Result<(), String> {
        let tell = self.tell.clone();
        let report = move |event| put(&tell, Happened::Recording(event));
        let started = Recorder::start(&self.fan_out, Target::File(path), clock, report);
        let recorder = started.map_err(|error| error.to_string())?;
        self.stop();
        self.recorder = Some(recorder);
        Ok(())
    }

    pub fn stop(&mut self) {
        self.ending.retain(|thread| !thread.is_finished());
        let Some(recorder) = self.recorder.take() else { return };
        let tell = self.tell.clone();
        let end = move || put(&tell, Happened::Recorded(recorder.stop()));
        match Builder::new().name("lumawire-output-end".into()).spawn(end) {
            Ok(thread) => self.ending.push(thread),
            Err(error) => tracing::warn!("{}", cannot_start(&error)),
        }
    }

    pub fn figures(&self) -> Option<OutputFigures> {
        self.recorder.as_ref().map(|recorder| recorder.watch().figures())
    }

    pub fn events(&self) -> impl Iterator<Item = Happened> + '_ {
        self.told.try_iter()
    }

    /// The threads that complete what was recorded.
    pub fn take_ending(&mut self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.ending)
    }

    /// Waits until all is complete.
    pub fn finish(&mut self) {
        for thread in self.take_ending() {
            let _ = thread.join();
        }
    }
}

fn put(tell: &Sender<Happened>, happened: Happened) {
    if tell.try_send(happened).is_err() {
        tracing::warn!("nobody reads what happens to the recordings");
    }
}
