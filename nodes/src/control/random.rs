//! `control.random`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::{seeded, take_over};

const IN_TRIGGER: usize = 0;
const MIN: usize = 0;
const MAX: usize = 1;
const GLIDE: usize = 2;
const SEED: usize = 3;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.random",
    version: 1,
    label: "Random",
    doc: "Picks a new random value at each trigger. \
        Uniform in [min, max); the n-th value follows from n and the seeds alone. It glides to the \
        new value in a straight line; number 0 stands before the first trigger.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[Port::required("trigger", PortType::Trigger, "Each hit moves on by one value.")],
    outputs: &[Port::output("out", PortType::Control, "The value.")],
    params: &[
        Param::float("min", "Min", 0.0, (-1.0, 1.0)).hard(-1e6, 1e6).doc("The lowest value."),
        Param::float("max", "Max", 1.0, (-1.0, 1.0)).hard(-1e6, 1e6).doc("The highest value."),
        Param::float("glide_secs", "Glide", 0.0, (0.0, 5.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("Time from one value to the next."),
        Param::int("seed", "Seed", 0, (0, 999))
            .hard_int(0, u32::MAX as i64)
            .doc("Picks the numbers, together with the seed of the run."),
    ],
    build: || Box::new(Random::default()),
};

/// State of `control.random`.
#[derive(Default)]
struct Random {
    number: u64,
    /// Where the glide began, 0..1, and when.
    glide: Option<(f32, f64)>,
}

impl Random {
    /// The value at `secs`, 0..1.
    fn value(&self, secs: f64, glide_secs: f64, seed: u64) -> f32 {
        let target = seeded::uniform(seed, self.number);
        match self.glide {
            Some((from, started)) if secs - started < glide_secs => {
                from + (target - from) * ((secs - started) / glide_secs) as f32
            }
            _ => target,
        }
    }
}

impl Node for Random {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let seed = seeded::node_seed(io.tick.seed, io.params.int(SEED));
        let (secs, glide_secs) = (io.tick.secs(), f64::from(io.params.float(GLIDE)));
        let hits = io.inputs.trigger(IN_TRIGGER);
        if hits > 0 {
            self.glide = Some((self.value(secs, glide_secs, seed), secs));
            self.number = self.number.wrapping_add(u64::from(hits));
        }
        let (min, max) = (io.params.float(MIN), io.params.float(MAX));
        io.outputs.set_control(0, min + (max - min) * self.value(secs, glide_secs, seed));
        Ok(())
    }

    fn reset(&mut self) {
        *self = Self::default();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, Value};

    use super::*;

    fn run(glide_secs: f32, seed: u64, hits: &[u32]) -> Vec<f32> {
        let clock = Clock { fps: Fps::new(10, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).rate(Rate::Frame).seed(seed);
        let mut node = node.param("glide_secs", glide_secs).prepare().unwrap();
        let tick = |n: &u32| {
            node.input("trigger", Value::Trigger(*n));
            node.tick().unwrap();
            node.control("out")
        };
        hits.iter().map(tick).collect()
    }

    #[test]
    fn values_follow_from_number_and_seed() {
        let y = run(0.0, 1, &[0, 1, 0, 1, 1]);
        assert!(y[1] == y[2] && y[0] != y[1] && y[2] != y[3]);
        assert_eq!(run(0.0, 1, &[3])[0], y[4], "three hits at once");
        assert_ne!(run(0.0, 2, &[0])[0], y[0]);
    }

    #[test]
    fn glides_in_a_straight_line() {
        let (a, b) = (run(0.0, 1, &[0])[0], run(0.0, 1, &[1])[0]);
        let y = run(0.4, 1, &[1, 0, 0, 0, 0]);
        for (i, y) in y.iter().enumerate() {
            assert!((y - (a + (b - a) * i as f32 / 4.0)).abs() < 1e-5, "{i}");
        }
    }
}
