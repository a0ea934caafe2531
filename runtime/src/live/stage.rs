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

/// However late it is, a picture is drawn so often a second, if pictures take no longer than that.
const MIN_FPS: f64 = 2.0;

/// Frames that may be left out for each that the last picture took: to make up for it, and a little more.
const MAX_HELD: f64 = 1.5;

/// Which frames are drawn. A machine that is too slow for the frame rate leaves out as many frames as
/// the last picture took, and draws the newest.
#[derive(Default)]
struct Pace {
    /// Frames left out since the last picture.
    num_held: u64,
    /// By how many frames the show was late before that picture.
    lag: Option<f64>,
    /// How many frames it took.
    took: f64,
}

impl Pace {
    /// Whether to draw the frame of which `backlog` samples more than due have come: unless it is late
    /// by a whole frame of `frame_len`, so that the next one's sound is there already.
    fn draws(&mut self, backlog: u64, frame_len: u64, fps: f64) -> bool {
        let lag = backlog as f64 / frame_len.max(1) as f64;
        if self.num_held == 0 {
            // A frame's own time goes by meanwhile.
            self.took = self.lag.map_or(0.0, |before| lag - before + 1.0);
        }
        let max_held = (fps / MIN_FPS).max(self.took * MAX_HELD);
        let draws = lag < 1.0 || self.num_held as f64 >= max_held;
        if draws {
            (self.num_held, self.lag) = (0, Some(lag));
        } else {
            self.num_held += 1;
        }
        draws
    }
}

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
        let mut pace = Pace::default();
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
            if !pace.draws(self.show.transport_mut().backlog(), frame_len, clock.fps.hz()) {
                self.show.engine.frame(FrameMode::Late);
                self.stats.skipped();
                self.outputs.show(due, None);
            } else {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames drawn in `secs` at 60 frames a second, where a picture takes `drawn_secs` and a frame that
    /// is left out `late_secs`; the longest time from picture to picture; and by how much it is late at
    /// the end.
    fn play(secs: f64, drawn_secs: f64, late_secs: f64) -> (u64, f64, f64) {
        let (fps, frame_len) = (60.0, 800);
        let (mut pace, mut now) = (Pace::default(), 0.0_f64);
        let (mut num_drawn, mut last, mut longest) = (0, 0.0, 0.0_f64);
        for frame in 0..(secs * fps) as u64 {
            let due = frame as f64 / fps;
            now = now.max(due);
            let backlog = ((now - due) * 48_000.0) as u64;
            if pace.draws(backlog, frame_len, fps) {
                now += drawn_secs;
                num_drawn += 1;
                longest = longest.max(now - last);
                last = now;
            } else {
                now += late_secs;
            }
        }
        (num_drawn, longest, now - secs)
    }

    #[test]
    fn a_slow_machine_shows_a_steady_rate_and_a_fast_one_every_frame() {
        let (num_drawn, longest, _) = play(10.0, 0.016, 0.0);
        assert_eq!(num_drawn, 600);
        assert!(longest < 1.0 / 60.0 + 1e-6, "{longest}");
        for drawn_secs in [0.02_f64, 0.05, 0.1, 0.3, 0.9, 1.9] {
            let (num_drawn, longest, lag) = play(10.0, drawn_secs, 0.0005);
            // At least every whole number of frames that a picture takes, and one for luck.
            let every = (drawn_secs * 60.0).ceil() + 1.0;
            assert!(num_drawn as f64 >= (600.0 / every).floor(), "{drawn_secs}: {num_drawn}");
            assert!(longest <= 1.1 * drawn_secs + 3.0 / 60.0, "{drawn_secs}: {longest}");
            assert!(lag <= drawn_secs + 0.1, "{drawn_secs}: the sound is not lost");
        }
    }

    #[test]
    fn pictures_come_even_where_the_machine_never_catches_up() {
        let (num_drawn, longest, _) = play(10.0, 0.1, 0.02);
        assert_eq!(num_drawn, 20, "one frame in 31");
        assert!(longest < 0.1 + 31.0 * 0.02 + 1e-6, "{longest}");
    }
}
