//! What a running show sends out: recordings, streams, a video device.

use crossbeam_channel::Sender;
use lumawire_core::Clock;
use lumawire_runtime::live::{FanOut, OutputEvent, OutputWatch, Recorder};
use lumawire_runtime::output::Target;

use super::status::Event;
use super::tell;
use crate::cli::RunArgs;
use crate::error::CommandError;

/// The outputs that the command line asks for. Dropping them completes them.
#[derive(Default)]
pub struct Outputs {
    /// The show's end of them.
    pub fan_out: FanOut,
    recorders: Vec<Recorder>,
}

impl Outputs {
    /// Begins all of them, on the show's clock.
    pub fn start(
        args: &RunArgs,
        clock: Clock,
        events: &Sender<Event>,
    ) -> Result<Self, CommandError> {
        let files = args.record.iter().cloned().map(Target::File);
        let streams = args.stream.iter().cloned().map(Target::Stream);
        let devices = args.v4l2.iter().cloned().map(Target::V4l2);
        let mut outputs = Self::default();
        for target in files.chain(streams).chain(devices) {
            let events = events.clone();
            let report = move |event| tell(&events, Event::Note(text(&event)));
            outputs.recorders.push(Recorder::start(&outputs.fan_out, target, clock, report)?);
        }
        Ok(outputs)
    }

    /// Shows their figures.
    pub fn watches(&self) -> Vec<OutputWatch> {
        self.recorders.iter().map(Recorder::watch).collect()
    }

    /// Completes them.
    pub fn stop(self) {
        for recorder in self.recorders {
            recorder.stop();
        }
    }
}

fn text(event: &OutputEvent) -> String {
    match event {
        OutputEvent::Began(name) => format!("output: {name}"),
        OutputEvent::Failed { error, wait, .. } => {
            format!("output: {error}\nit is tried again after {} s", wait.as_secs())
        }
    }
}
