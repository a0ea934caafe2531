//! `control.counter`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use super::take_over;

const IN_TRIGGER: usize = 0;
const IN_RESET: usize = 1;
const OUT_INDEX: usize = 0;
const OUT_PHASE: usize = 1;
const OUT_WRAP: usize = 2;
const MODULO: usize = 0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.counter",
    version: 1,
    label: "Counter",
    doc: "Counts triggers round a circle of N steps. \
        Index (number of hits) mod N from 0, and the same as a phase, index/N. \
        A tick with a reset ends at index 0, whatever else it brings.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[
        Port::required("trigger", PortType::Trigger, "Each hit is one step."),
        Port::optional("reset", PortType::Trigger, "Back to index 0."),
    ],
    outputs: &[
        Port::output("index", PortType::Control, "0, 1, … N − 1."),
        Port::output("phase", PortType::Control, "Index over N, in [0, 1)."),
        Port::output("wrap", PortType::Trigger, "Comes when the index passes N − 1."),
    ],
    params: &[Param::int("modulo", "Steps", 4, (1, 64))
        .hard_int(1, 1_000_000)
        .doc("N, the number of steps.")],
    build: || Box::new(Counter::default()),
};

/// State of `control.counter`.
#[derive(Default)]
struct Counter {
    index: u64,
}

impl Node for Counter {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let modulo = u64::try_from(io.params.int(MODULO)).unwrap_or(1).max(1);
        let resets = io.inputs.trigger(IN_RESET) > 0;
        let hits = if resets { 0 } else { u64::from(io.inputs.trigger(IN_TRIGGER)) };
        // A circle that became smaller takes the index along.
        let count = if resets { 0 } else { self.index % modulo } + hits;
        self.index = count % modulo;
        io.outputs.set_control(OUT_INDEX, self.index as f32);
        io.outputs.set_control(OUT_PHASE, self.index as f32 / modulo as f32);
        io.outputs.set_trigger(OUT_WRAP, u32::try_from(count / modulo).unwrap_or(u32::MAX));
        Ok(())
    }

    fn reset(&mut self) {
        self.index = 0;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    #[test]
    fn counts_round_and_resets() {
        let mut node = Harness::new(&SPEC).param("modulo", 3_i64).prepare().unwrap();
        let mut seen = Vec::new();
        for (hits, resets) in [(0, 0), (1, 0), (4, 0), (1, 0), (0, 0), (2, 1), (7, 0)] {
            node.input("trigger", Value::Trigger(hits));
            node.input("reset", Value::Trigger(resets));
            node.tick().unwrap();
            seen.push((node.control("index"), node.trigger("wrap")));
        }
        let expected = [(0.0, 0), (1.0, 0), (2.0, 1), (0.0, 1), (0.0, 0), (0.0, 0), (1.0, 2)];
        assert_eq!(seen, expected);
        assert!((node.control("phase") - 1.0 / 3.0).abs() < 1e-6);
    }
}
