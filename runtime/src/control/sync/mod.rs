//! The tempo of others: MIDI clock and Ableton Link, for the `source.tempo` nodes of a patch.

mod carabiner;
mod midi_clock;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lumawire_core::ParamValue;
use lumawire_core::control::target;
use lumawire_core::plan::Step;

pub use carabiner::{DEFAULT_ADDRESS, Link, LinkStatus, LinkTold};
pub use midi_clock::MidiClock;

use super::{Board, Event, Remote};

/// The kind of node that follows a clock, and those of its parameters that the clock sets.
pub const TEMPO_KIND: &str = "source.tempo";
/// Beats a minute.
pub const CLOCK_BPM: &str = "clock_bpm";
/// Whole beats since the start.
pub const CLOCK_BEAT: &str = "clock_beat";
/// Phase in the beat.
pub const CLOCK_PHASE: &str = "clock_phase";
/// Whether the player plays.
pub const CLOCK_RUNS: &str = "clock_runs";
/// Counts taps, of whoever taps.
pub const TAPS: &str = "taps";

/// A clock that says nothing for so long gives the lead away.
const LEAD: Duration = Duration::from_secs(2);

/// Where a clock is at the moment in which this is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockNews {
    /// Beats a minute.
    pub bpm: f64,
    /// Beats since its start, with their fraction.
    pub beats: f64,
    /// Whether its player plays.
    pub runs: bool,
}

impl ClockNews {
    /// What it means for one `source.tempo` node.
    fn events(&self, node: &str) -> [Event; 4] {
        let set = |param, value| Event::Set { target: target(node, param), value };
        // Whole and part go apart: a parameter has 24 bits, too few for both late in a night.
        [
            set(CLOCK_BPM, ParamValue::Float(self.bpm)),
            set(CLOCK_BEAT, ParamValue::Int(self.beats.floor() as i64)),
            set(CLOCK_PHASE, ParamValue::Float(self.beats.rem_euclid(1.0))),
            set(CLOCK_RUNS, ParamValue::Bool(self.runs)),
        ]
    }
}

/// Hands one clock at a time on to the show: the one that came first, until it falls silent. Clones
/// share that choice.
#[derive(Debug, Clone)]
pub struct Conductor {
    remote: Remote,
    board: Arc<Board>,
    leader: Arc<Mutex<Option<(String, Instant)>>>,
}

impl Conductor {
    /// Conducts the show that `remote` steers and `board` shows.
    pub fn new(remote: Remote, board: Arc<Board>) -> Self {
        Self { remote, board, leader: Arc::default() }
    }

    /// Hands on what the clock of this name says at `now`, and tells whether it leads.
    pub fn tell(&self, clock: &str, now: Instant, news: ClockNews) -> bool {
        if !self.leads(clock, now) {
            return false;
        }
        let Some(plan) = self.board.plan() else { return true };
        let nodes = plan.steps.iter().filter(|step| step.spec.kind == TEMPO_KIND);
        self.remote.send_all(nodes.flat_map(|step| news.events(&step.id)));
        true
    }

    /// Taps all tempos: the beat is now.
    pub fn tap(&self) {
        let Some(plan) = self.board.plan() else { return };
        let nodes = plan.steps.iter().filter(|step| step.spec.kind == TEMPO_KIND);
        let press = |step: &Step| Event::Press { target: target(&step.id, TAPS), hits: 1 };
        self.remote.send_all(nodes.map(press));
    }

    fn leads(&self, clock: &str, now: Instant) -> bool {
        let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *leader {
            Some((name, heard))
                if name != clock && now.saturating_duration_since(*heard) < LEAD =>
            {
                false
            }
            Some((name, heard)) if name == clock => {
                *heard = now;
                true
            }
            other => {
                *other = Some((clock.to_owned(), now));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_clock_leads_until_it_falls_silent() {
        let conductor = Conductor::new(Remote::default(), Arc::default());
        let start = Instant::now();
        let news = ClockNews { bpm: 120.0, beats: 0.0, runs: true };
        let tell = |clock, ms| conductor.tell(clock, start + Duration::from_millis(ms), news);
        assert!(tell("a", 0));
        assert!(!tell("b", 100));
        assert!(tell("a", 1_500));
        assert!(!tell("b", 3_400));
        assert!(tell("b", 3_500), "the other was silent for two seconds");
        assert!(!tell("a", 3_600));
    }

    #[test]
    fn news_keep_their_precision_late_in_the_night() {
        let news = ClockNews { bpm: 128.0, beats: 123_456.789, runs: false };
        let values: Vec<f64> = news
            .events("tempo_1")
            .iter()
            .map(|event| match event {
                Event::Set { value, .. } => value.as_f64().unwrap(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!((values[0], values[1], values[3]), (128.0, 123_456.0, 0.0));
        assert!((values[2] - 0.789).abs() < 1e-9);
    }
}
