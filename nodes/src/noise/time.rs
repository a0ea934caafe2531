//! Where a field stands in time.

use lumawire_core::{Io, Param, Port, PortType, Unit};

use crate::control::finite;
use crate::control::phase::Phase;

/// The input that takes the place of the clock.
pub(super) const PHASE: Port = Port::optional(
    "phase",
    PortType::Control,
    "Where in time, in place of the clock: in rounds of a loop, else in seconds.",
);

/// Speed of time.
pub(super) const SPEED: Param = Param::float("speed", "Speed", 1.0, (0.0, 4.0))
    .hard(-1000.0, 1000.0)
    .doc("Speed of time: 0 stands still, below 0 goes back. Changes bend time without a jump.");

/// Length of a loop.
pub(super) const LOOP: Param = Param::float("loop_secs", "Loop", 0.0, (0.0, 60.0))
    .hard(0.0, 86_400.0)
    .unit(Unit::Secs)
    .doc("Time after which all repeats exactly; 0 never does. A change of it jumps.");

/// Time in steps of a field's own.
#[derive(Default)]
pub(super) struct Time(Phase);

/// A place in time.
pub(super) struct Place {
    /// In steps.
    pub steps: f64,
    /// Steps until it repeats.
    pub num_steps: Option<i64>,
}

impl Time {
    /// The place at this tick, when a step takes `step_secs` at speed 1. A loop takes a whole number
    /// of steps, no fewer than `min_steps`, and its steps are stretched or shortened to fit.
    pub fn place(
        &mut self,
        io: &Io<'_>,
        phase_input: usize,
        step_secs: f64,
        (speed, loop_secs): (f32, f32),
        min_steps: i64,
    ) -> Place {
        let loop_secs = f64::from(loop_secs);
        let num_steps =
            (loop_secs > 0.0).then(|| ((loop_secs / step_secs).round() as i64).max(min_steps));
        let steps_hz = num_steps.map_or(1.0 / step_secs, |n| n as f64 / loop_secs);
        let steps = self.0.cycles(io.tick.secs(), f64::from(speed) * steps_hz);
        let steps = match finite(io, phase_input) {
            Some(phase) => f64::from(phase) * num_steps.map_or(steps_hz, |n| n as f64),
            None => steps,
        };
        Place { steps, num_steps }
    }
}
