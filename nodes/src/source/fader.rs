//! `source.fader`

use std::any::Any;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Timing, Unit,
};

use crate::control::one_pole_gain;

const OUT: usize = 0;
const VALUE: usize = 0;
const LOW: usize = 1;
const HIGH: usize = 2;
const SMOOTHING: usize = 3;

/// `source.fader`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.fader",
    version: 1,
    label: "Fader",
    doc: "A fader or knob that is moved from outside, for as many wires as you like. \
          Bind `value` to a control of OSC or MIDI. out = low + (high − low)·y, where y follows the \
          value: y += (value − y)·(1 − exp(−dt/τ)) with the smoothing τ, which hides the steps of \
          7 bits. It starts at the value, and lags by τ.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[],
    outputs: &[Port::output("out", PortType::Control, "Where the fader stands, low to high.")],
    params: &[
        Param::float("value", "Value", 0.0, (0.0, 1.0)).smooth().doc("Where it stands."),
        Param::float("low", "Low", 0.0, (-1.0, 1.0))
            .hard(-1e6, 1e6)
            .doc("What is given at 0; it may be above the high."),
        Param::float("high", "High", 1.0, (-1.0, 1.0)).hard(-1e6, 1e6).doc("What is given at 1."),
        Param::float("smoothing_secs", "Smoothing", 0.03, (0.0, 2.0))
            .hard(0.0, 3_600.0)
            .unit(Unit::Secs)
            .doc("Time constant: 63 % of a step is reached after it; at 0 it jumps."),
    ],
    build: || Box::<Fader>::default(),
};

/// State of `source.fader`.
#[derive(Default)]
struct Fader {
    smoothed: Option<f32>,
}

impl Node for Fader {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let params = io.params;
        let value = params.float(VALUE);
        let before = self.smoothed.unwrap_or(value);
        let gain = one_pole_gain(io.tick.dt_secs(), params.float(SMOOTHING));
        let y = before + (value - before) * gain;
        self.smoothed = Some(y);
        let (low, high) = (params.float(LOW), params.float(HIGH));
        io.outputs.set_control(OUT, low + (high - low) * y);
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn reset(&mut self) {
        self.smoothed = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        crate::control::take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps};

    use super::*;

    #[test]
    fn goes_from_low_to_high_by_its_time_constant() {
        for fps in [30, 120] {
            let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
            let node = Harness::new(&SPEC).clock(clock).rate(Rate::Frame).param("low", 4.0_f32);
            let node = node.param("high", 2.0_f32).param("smoothing_secs", 0.5_f32);
            let mut node = node.param("value", 0.25_f32).prepare().unwrap();
            node.tick().unwrap();
            assert_eq!(node.control("out"), 3.5, "it starts where it stands");
            node.set_param("value", 1.0_f32);
            for _ in 0..fps {
                node.tick().unwrap();
            }
            let y = 1.0 - 0.75 * (-2.0_f32).exp();
            assert!((node.control("out") - (4.0 - 2.0 * y)).abs() < 1e-4, "{fps}");
        }
    }

    #[test]
    fn without_smoothing_it_jumps() {
        let mut node = Harness::new(&SPEC).param("smoothing_secs", 0.0_f32).prepare().unwrap();
        for value in [0.0_f32, 1.0, 0.3] {
            node.set_param("value", value);
            node.tick().unwrap();
            assert_eq!(node.control("out"), value);
        }
    }
}
