//! `control.hold`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use super::{finite, take_over};

const IN: usize = 0;
const IN_TRIGGER: usize = 1;
const INITIAL: usize = 0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.hold",
    version: 1,
    label: "Hold",
    doc: "Takes a control at each trigger and keeps it until the next. \
        Also known as sample and hold.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[
        Port::required("in", PortType::Control, "The control to take."),
        Port::required("trigger", PortType::Trigger, "When to take it."),
    ],
    outputs: &[Port::output("out", PortType::Control, "The control at the last trigger.")],
    params: &[Param::float("initial", "Initial", 0.0, (0.0, 1.0))
        .hard(-1e6, 1e6)
        .doc("The value before the first trigger.")],
    build: || Box::new(Hold::default()),
};

/// State of `control.hold`.
#[derive(Default)]
struct Hold {
    held: Option<f32>,
}

impl Node for Hold {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if io.inputs.trigger(IN_TRIGGER) > 0 {
            self.held = finite(io, IN).or(self.held);
        }
        io.outputs.set_control(0, self.held.unwrap_or(io.params.float(INITIAL)));
        Ok(())
    }

    fn reset(&mut self) {
        self.held = None;
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
    fn changes_at_triggers_alone() {
        let mut node = Harness::new(&SPEC).param("initial", 0.5_f32).prepare().unwrap();
        let mut y = Vec::new();
        for (x, hits) in [(1.0, 0), (2.0, 3), (3.0, 0), (f32::NAN, 1), (4.0, 1)] {
            node.input("in", Value::Control(x));
            node.input("trigger", Value::Trigger(hits));
            node.tick().unwrap();
            y.push(node.control("out"));
        }
        assert_eq!(y, [0.5, 2.0, 2.0, 2.0, 4.0]);
    }
}
