//! The live loop: frames when they are due, late ones without their pictures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lumawire_core::{AudioBlock, Pixels};

use super::fan_out::FanOut;
use super::input::LiveInput;
use super::slot::Picture;
use super::stats::Stats;
use crate::engine::{FrameMode, NodeReport};
use crate::show::Show;
use crate::transport::TransportError;

/// However late it is, a picture is drawn so often a second.
const MIN_FPS: f64 = 2.0;

/// A show on stage.
pub struct Stage<'a> {
    /// The engine and its sound.
    pub show: Show<LiveInput>,
    /// Id of the output node whose picture is shown. Where a new plan lacks it, the first by name
    /// is.
    pub sink: String,
    /// Where the figures go.
    pub stats: &'a Stats,
    /// Who records or sends what is heard and shown.
    pub outputs: FanOut,
    /// Ends the show after the frame in hand.
    pub stop: &'a AtomicBool,
    /// Seconds of sound after which it ends.
    pub secs: Option<f64>,
}

/// Why a show ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageEnd {
    /// It was told to.
    Stopped,
    /// Its time was over.
    TimeOver,
    /// The sound was over.
    SoundOver,
}

impl Stage<'_> {
    /// Runs the show; call it on the engine's thread. `present` gets every picture drawn, `report`
    /// every change in a node's health. Dropping the stage ends the sound.
    pub fn run(
        &mut self,
        mut present: impl FnMut(Picture),
        mut report: impl FnMut(NodeReport),
    ) -> Result<StageEnd, TransportError> {
        let mut num_held = 0_u64;
        let outputs = self.outputs.clone();
        self.show.add_tap(move |start, block: &AudioBlock| outputs.hear(start, block));
        while let Some(frame) = self.show.run_until_frame()? {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(StageEnd::Stopped);
            }
            let clock = self.show.engine.plan().clock;
            let due = clock.frame_due(frame);
            let limit = self.secs.map(|secs| secs * f64::from(clock.sample_rate_hz));
            if limit.is_some_and(|limit| due as f64 >= limit) {
                return Ok(StageEnd::TimeOver);
            }
            let frame_len = clock.frame_due(frame + 1) - due;
            // Late by a frame: the next one's sound is there already.
            let is_late = self.show.transport_mut().backlog() >= frame_len.max(1);
            let is_held = num_held as f64 >= clock.fps.hz() / MIN_FPS;
            if is_late && !is_held {
                self.show.engine.frame(FrameMode::StateOnly);
                self.stats.skipped();
                self.outputs.show(due, None);
                num_held += 1;
            } else {
                num_held = 0;
                let started = Instant::now();
                self.show.engine.frame(FrameMode::Full);
                let picture = self.picture(frame, due);
                self.stats.drawn(started.elapsed());
                self.outputs.show(due, picture.as_ref());
                picture.into_iter().for_each(&mut present);
            }
            self.show.engine.take_reports().into_iter().for_each(&mut report);
        }
        Ok(StageEnd::SoundOver)
    }

    fn picture(&self, frame: u64, due: u64) -> Option<Picture> {
        let sink = self.show.engine.sink_of(&self.sink)?;
        let image = self.show.engine.picture(sink)?.host().ok()?;
        let is_final = matches!(image.pixels, Pixels::Rgba8(_));
        let heard = self.show.transport().arrival_of(due);
        is_final.then_some(Picture { image, frame, heard })
    }
}
