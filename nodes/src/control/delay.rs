//! `control.delay`

use std::any::Any;

use lumawire_analysis::envelope::delay::DelayLine;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::{finite, take_over};

const IN: usize = 0;
const DELAY: usize = 0;
const INITIAL: usize = 1;

/// The longest delay, in seconds.
const MAX_DELAY_SECS: f32 = 30.0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.delay",
    version: 1,
    label: "Delay",
    doc: "Gives a control later than it came, and so may close a loop. \
        Never less than one tick; between two ticks the value is interpolated in a straight line. \
        Before the first value has come through, it gives the initial one.",
    rate: Rate::Inherit,
    role: Role::Delay,
    inputs: &[Port::required("in", PortType::Control, "The control to delay.")],
    outputs: &[Port::output("out", PortType::Control, "The control of `delay_secs` ago.")],
    params: &[
        Param::float("delay_secs", "Delay", 0.0, (0.0, 5.0))
            .hard(0.0, MAX_DELAY_SECS)
            .unit(Unit::Secs)
            .doc("How much later; 0 is one tick."),
        Param::float("initial", "Initial", 0.0, (0.0, 1.0))
            .hard(-1e6, 1e6)
            .doc("The value before the first has come through."),
    ],
    build: || Box::new(Delay::default()),
};

/// State of `control.delay`.
#[derive(Default)]
struct Delay {
    line: DelayLine,
}

impl Node for Delay {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let max_ticks = f64::from(MAX_DELAY_SECS) / cx.clock.dt_secs(cx.rate);
        self.line = DelayLine::new(max_ticks.ceil() as usize + 1);
        Ok(())
    }

    fn latch(&mut self, io: &Io<'_>) -> Result<(), NodeError> {
        let last = self.line.newest().unwrap_or(io.params.float(INITIAL));
        self.line.push(finite(io, IN).unwrap_or(last));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mut ticks = f64::from(io.params.float(DELAY)) / io.tick.dt_secs();
        // A delay of whole ticks, but for the rounding of its seconds, is meant as one.
        if (ticks - ticks.round()).abs() < 1e-4 {
            ticks = ticks.round();
        }
        // The newest value is of the tick before.
        io.outputs.set_control(0, self.line.at((ticks - 1.0).max(0.0), io.params.float(INITIAL)));
        Ok(())
    }

    fn reset(&mut self) {
        self.line.clear();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps};

    use super::*;

    /// What a reader sees in each tick: the delay is read before it takes that tick's value, and
    /// the harness shows it just after.
    fn seen(delay_secs: f32, values: &[f32]) -> Vec<f32> {
        let clock = Clock { fps: Fps::new(10, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).rate(Rate::Frame);
        let node = node.param("delay_secs", delay_secs).param("initial", 9.0_f32);
        let mut node = node.prepare().unwrap();
        node.controls("in", "out", values)
    }

    #[test]
    fn gives_what_came_so_many_ticks_before() {
        // Shown after tick t, seen in tick t + 1.
        assert_eq!(seen(0.0, &[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
        assert_eq!(seen(0.1, &[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
        assert_eq!(seen(0.3, &[1.0, 2.0, 3.0, 4.0]), [9.0, 9.0, 1.0, 2.0]);
    }

    #[test]
    fn halfway_between_ticks_is_halfway_between_values() {
        let y = seen(0.15, &[1.0, 2.0, 4.0]);
        assert!((y[1] - 1.5).abs() < 1e-5 && (y[2] - 3.0).abs() < 1e-5, "{y:?}");
    }

    #[test]
    fn what_is_no_number_keeps_the_last() {
        assert_eq!(seen(0.0, &[f32::NAN, 2.0, f32::INFINITY]), [9.0, 2.0, 2.0]);
    }
}
