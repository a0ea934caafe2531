//! `control.gate`

use std::any::Any;

use lumawire_analysis::envelope::gate::Gate;
use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use super::{finite, take_over};

const IN: usize = 0;
const OUT_GATE: usize = 0;
const OUT_RISE: usize = 1;
const OUT_FALL: usize = 2;
const THRESHOLD: usize = 0;
const HYSTERESIS: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.gate",
    version: 1,
    label: "Gate",
    doc: "Opens while a control is above a threshold, and triggers when it opens and closes. \
        It opens at x ≥ threshold and closes at x < threshold − hysteresis, so that a control \
        that trembles about the threshold counts once. It is closed at first.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[Port::required("in", PortType::Control, "The control to watch.")],
    outputs: &[
        Port::output("gate", PortType::Control, "1 while open, 0 while closed."),
        Port::output("rise", PortType::Trigger, "Comes when it opens."),
        Port::output("fall", PortType::Trigger, "Comes when it closes."),
    ],
    params: &[
        Param::float("threshold", "Threshold", 0.5, (0.0, 1.0))
            .hard(-1e6, 1e6)
            .doc("Where it opens."),
        Param::float("hysteresis", "Hysteresis", 0.05, (0.0, 0.5))
            .hard(0.0, 1e6)
            .doc("How far below the threshold it closes."),
    ],
    build: || Box::new(GateNode::default()),
};

/// State of `control.gate`.
#[derive(Default)]
struct GateNode {
    gate: Gate,
}

impl Node for GateNode {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let was_open = self.gate.is_open();
        if let Some(x) = finite(io, IN) {
            self.gate.push(x, io.params.float(THRESHOLD), io.params.float(HYSTERESIS));
        }
        let open = self.gate.is_open();
        io.outputs.set_control(OUT_GATE, f32::from(u8::from(open)));
        io.outputs.set_trigger(OUT_RISE, u32::from(open && !was_open));
        io.outputs.set_trigger(OUT_FALL, u32::from(was_open && !open));
        Ok(())
    }

    fn reset(&mut self) {
        self.gate = Gate::default();
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
    fn trembling_counts_once() {
        let node = Harness::new(&SPEC).param("threshold", 0.5_f32).param("hysteresis", 0.2_f32);
        let mut node = node.prepare().unwrap();
        let mut seen = Vec::new();
        for x in [0.4, 0.5, 0.45, 0.55, f32::NAN, 0.31, 0.29, 0.45, 0.6] {
            node.input("in", Value::Control(x));
            node.tick().unwrap();
            seen.push((node.control("gate"), node.trigger("rise"), node.trigger("fall")));
        }
        let (open, shut) = ((1.0, 0, 0), (0.0, 0, 0));
        let (rise, fall) = ((1.0, 1, 0), (0.0, 0, 1));
        assert_eq!(seen, [shut, rise, open, open, open, open, fall, shut, rise]);
    }
}
