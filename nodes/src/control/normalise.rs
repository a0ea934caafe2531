//! `control.normalise`

use std::any::Any;

use lumawire_analysis::envelope::normalise::{sorted, stretch};
use lumawire_analysis::envelope::recent::{Recent, percentile};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::finite;
use super::study::Study;
use crate::analysis::look_ahead::{HEARING, looks_ahead};

const IN: usize = 0;
const MEMORY: usize = 0;
const LOW: usize = 1;
const HIGH: usize = 2;
const FLOOR: usize = 3;
const HEARING_PARAM: usize = 4;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.normalise",
    version: 1,
    label: "Normalise",
    doc: "Stretches a control to 0..1 by what it did lately, or does in the whole sound. \
        (x − low)/(high − low), clamped, where low and high are percentiles, linear between ranks; \
        0 and 100 are minimum and maximum. Causal they are those of the last `memory_secs` \
        seconds; looking ahead those of the whole sound, which is heard once before the render. \
        0 while they lie closer than the floor. No latency.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[Port::required("in", PortType::Control, "The control to stretch.")],
    outputs: &[Port::output("out", PortType::Control, "The control within 0..1.")],
    params: &[
        Param::float("memory_secs", "Memory", 10.0, (0.5, 60.0))
            .hard(0.01, 600.0)
            .unit(Unit::Secs)
            .rebuild()
            .doc("How far back it looks."),
        Param::float("low_percent", "Low", 0.0, (0.0, 100.0)).doc("Percentile that becomes 0."),
        Param::float("high_percent", "High", 100.0, (0.0, 100.0)).doc("Percentile that becomes 1."),
        Param::float("floor", "Floor", 1e-4, (0.0, 0.1))
            .hard(0.0, 1e6)
            .doc("The least range that is stretched, so that near silence stays dark."),
        HEARING,
    ],
    build: || Box::new(Normalise::default()),
};

/// State of `control.normalise`.
#[derive(Default)]
struct Normalise {
    recent: Recent,
    study: Study,
    last: f32,
}

impl Node for Normalise {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let ticks = f64::from(cx.params.float(MEMORY)) / cx.clock.dt_secs(cx.rate);
        self.recent = Recent::new((ticks.round() as usize).max(2));
        self.study = Study::new(looks_ahead(cx, HEARING_PARAM));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(x) = finite(io, IN) {
            self.recent.advance(Some(x));
            self.study.hear(x);
            let values = self.study.learnt().unwrap_or(self.recent.sorted());
            let low = percentile(values, io.params.float(LOW));
            let high = percentile(values, io.params.float(HIGH));
            self.last = stretch(x, low, high, io.params.float(FLOOR));
        }
        io.outputs.set_control(0, self.last);
        Ok(())
    }

    fn studies(&self) -> bool {
        self.study.is_wanted()
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        self.study.learn(|heard| sorted(heard.iter().copied()));
        Ok(())
    }

    fn reset(&mut self) {
        self.recent.clear();
        self.study.reset();
        self.last = 0.0;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.recent.adopt(&old.recent);
            self.last = old.last;
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps};

    use super::*;

    fn node(memory_secs: f32) -> Harness {
        let clock = Clock { fps: Fps::new(10, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).rate(Rate::Frame);
        node.param("memory_secs", memory_secs)
    }

    fn run(node: &mut Harness, values: &[f32]) -> Vec<f32> {
        node.controls("in", "out", values)
    }

    #[test]
    fn forgets_what_is_older_than_its_memory() {
        let mut node = node(0.3).prepare().unwrap();
        // Windows: 8; 8 0; 8 0 4; 0 4 3; 4 3 3.5; 3 3.5 3
        let y = run(&mut node, &[8.0, 0.0, 4.0, 3.0, 3.5, 3.0]);
        assert_eq!(y, [0.0, 0.0, 0.5, 0.75, 0.5, 0.0]);
    }

    #[test]
    fn percentiles_are_those_of_numpy() {
        // numpy.percentile([0, 1, 2, 3, 10], [10, 60]) = [0.4, 2.4]
        let node = node(9.0).param("low_percent", 10.0_f32).param("high_percent", 60.0_f32);
        let y = run(&mut node.prepare().unwrap(), &[10.0, 0.0, 3.0, 2.0, 1.0]);
        assert!((y[4] - 0.3).abs() < 1e-6, "{y:?}");
    }

    #[test]
    fn looking_ahead_it_knows_the_whole() {
        let mut node = node(0.3).looks_ahead().prepare().unwrap();
        assert!(node.node_mut().studies());
        let x = [2.0, 0.0, 4.0, 3.0, 8.0];
        run(&mut node, &x);
        for _ in 0..2 {
            node.learn().unwrap();
            assert_eq!(run(&mut node, &x), [0.25, 0.0, 0.5, 0.375, 1.0]);
        }
    }

    #[test]
    fn flat_or_broken_input_is_dark() {
        let mut node = node(1.0).prepare().unwrap();
        assert_eq!(run(&mut node, &[0.7, 0.7, 0.70001]), [0.0; 3]);
        let y = run(&mut node, &[1.7, f32::NAN, f32::NEG_INFINITY, 1.2]);
        assert_eq!(&y[..3], [1.0; 3]);
        assert!((y[3] - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_shorter_memory_keeps_the_newest() {
        let mut old = node(1.0).prepare().unwrap();
        run(&mut old, &[9.0, 1.0, 2.0]);
        let mut new = node(0.3).prepare().unwrap();
        new.node_mut().adopt(old.node_mut());
        assert_eq!(run(&mut new, &[1.5]), [0.5]);
    }
}
