//! `source.button`

use std::any::Any;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing,
};

use super::presses::{self, Presses};

const OUT_PRESSED: usize = 0;
const OUT_HELD: usize = 1;
const OUT_VELOCITY: usize = 2;
const OUT_TOGGLED: usize = 3;
const PRESSES: usize = 0;
const HELD: usize = 1;
const VELOCITY: usize = 2;

/// `source.button`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.button",
    version: 1,
    label: "Button",
    doc: "A button, pad or key that is pressed from outside: by OSC, MIDI, a cue or the mouse. Bind \
          `presses` to what hits (mode `press`), `held` to what is held, `velocity` to how hard. \
          Each time that the count of presses grows by one is a hit. No latency: a press counts \
          with the block in which it came.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[],
    outputs: &[
        Port::output("pressed", PortType::Trigger, "Presses since the last tick."),
        Port::output("held", PortType::Control, "1 as long as it is held, else 0."),
        Port::output(
            "velocity",
            PortType::Control,
            "How hard it was pressed last, 0..1; it stays until the next press.",
        ),
        Port::output(
            "toggled",
            PortType::Control,
            "Turns over with every press: 0 at first, then 1.",
        ),
    ],
    params: &[
        Param::int("presses", "Presses", 0, (0, 100))
            .momentary()
            .hard_int(presses::RANGE.0, presses::RANGE.1)
            .doc("How often it was pressed: counted up from outside."),
        Param::switch("held", "Held", false).momentary().doc("Whether it is held."),
        Param::float("velocity", "Velocity", 1.0, (0.0, 1.0))
            .momentary()
            .doc("How hard it is pressed; what is released, at 0, keeps the last."),
    ],
    build: || Box::<Button>::default(),
};

/// State of `source.button`.
#[derive(Default)]
struct Button {
    presses: Presses,
    toggled: bool,
    velocity: f32,
}

impl Node for Button {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.presses = Presses::new(cx.params.int(PRESSES));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let hits = self.presses.take(io.params.int(PRESSES));
        self.toggled ^= hits % 2 == 1;
        let velocity = io.params.float(VELOCITY);
        if velocity > 0.0 {
            self.velocity = velocity;
        }
        io.outputs.set_trigger(OUT_PRESSED, hits);
        io.outputs.set_control(OUT_HELD, f32::from(u8::from(io.params.switch(HELD))));
        io.outputs.set_control(OUT_VELOCITY, self.velocity);
        io.outputs.set_control(OUT_TOGGLED, f32::from(u8::from(self.toggled)));
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn reset(&mut self) {
        self.presses.reset();
        (self.toggled, self.velocity) = (false, 0.0);
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        crate::control::take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;

    #[test]
    fn every_count_up_is_a_press() {
        let mut node = Harness::new(&SPEC).param("presses", 5_i64).prepare().unwrap();
        let mut seen = Vec::new();
        // Set back to 2 is no press; the patch's own 5 is none either.
        for count in [5_i64, 6, 6, 9, 2, 3, 5] {
            node.set_param("presses", count);
            node.tick().unwrap();
            seen.push((node.trigger("pressed"), node.control("toggled")));
        }
        let expected = [(0, 0.0), (1, 1.0), (0, 1.0), (3, 0.0), (0, 0.0), (1, 1.0), (2, 1.0)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_press_before_the_first_block_counts_and_repeats_after_a_reset() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        for _ in 0..2 {
            node.set_param("presses", 1_i64);
            node.tick().unwrap();
            assert_eq!((node.trigger("pressed"), node.control("toggled")), (1, 1.0));
            node.reset();
        }
    }

    #[test]
    fn velocity_outlasts_the_release() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        let mut after = |held: bool, velocity: f32| {
            node.set_param("held", held);
            node.set_param("velocity", velocity);
            node.tick().unwrap();
            (node.control("held"), node.control("velocity"))
        };
        assert_eq!(after(true, 0.5), (1.0, 0.5));
        assert_eq!(after(false, 0.0), (0.0, 0.5));
        assert_eq!(after(true, 0.25), (1.0, 0.25));
    }
}
