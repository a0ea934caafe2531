//! `control.lfo`

use std::any::Any;
use std::f64::consts::TAU;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::phase::Phase;
use super::{seeded, take_over};

const IN_SYNC: usize = 0;
const SHAPE: usize = 0;
const RATE: usize = 1;
const PHASE: usize = 2;
const MIN: usize = 3;
const MAX: usize = 4;
const SEED: usize = 5;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.lfo",
    version: 1,
    label: "LFO",
    doc: "Swings between two values at a steady rate. \
        With c = rate·t + phase/2π cycles, t being the absolute time, and u the fraction of c: \
        sine ½ + ½·sin 2πu; triangle 0 at u = 0, 1 at ½; saw u; square 1 before ½; random a new \
        number each cycle; smooth_random eases (3u² − 2u³) from one to the next. The result is \
        min + (max − min)·shape. A change of rate bends the phase without a jump.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[Port::optional("sync", PortType::Trigger, "Starts a new cycle.")],
    outputs: &[Port::output("out", PortType::Control, "Between min and max.")],
    params: &[
        Param::choice(
            "shape",
            "Shape",
            &["sine", "triangle", "saw", "square", "random", "smooth_random"],
        )
        .doc("Form of a cycle."),
        Param::float("rate_hz", "Rate", 0.25, (0.0, 10.0))
            .hard(0.0, 1000.0)
            .unit(Unit::Hz)
            .doc("Cycles a second."),
        Param::float("phase", "Phase", 0.0, (0.0, TAU as f32))
            .hard(-1000.0, 1000.0)
            .unit(Unit::Radians)
            .doc("Where in the cycle it starts."),
        Param::float("min", "Min", 0.0, (-1.0, 1.0)).hard(-1e6, 1e6).doc("The lowest value."),
        Param::float("max", "Max", 1.0, (-1.0, 1.0)).hard(-1e6, 1e6).doc("The highest value."),
        Param::int("seed", "Seed", 0, (0, 999))
            .hard_int(0, u32::MAX as i64)
            .doc("Picks the random numbers, together with the seed of the run."),
    ],
    build: || Box::new(Lfo::default()),
};

/// State of `control.lfo`.
#[derive(Default)]
struct Lfo {
    phase: Phase,
}

/// The form of option `shape` after `cycles`, 0..1.
fn wave(shape: usize, cycles: f64, seed: u64) -> f32 {
    let u = cycles.rem_euclid(1.0);
    let number = |ahead: i64| {
        let cycle = (cycles.floor() as i64).wrapping_add(ahead);
        seeded::uniform(seed, cycle.cast_unsigned())
    };
    match shape {
        0 => (0.5 + 0.5 * (TAU * u).sin()) as f32,
        1 => (1.0 - (2.0 * u - 1.0).abs()) as f32,
        2 => u as f32,
        3 => f32::from(u8::from(u < 0.5)),
        4 => number(0),
        _ => {
            let eased = (u * u * (3.0 - 2.0 * u)) as f32;
            number(0) + (number(1) - number(0)) * eased
        }
    }
}

impl Node for Lfo {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (secs, rate_hz) = (io.tick.secs(), f64::from(io.params.float(RATE)));
        if io.inputs.trigger(IN_SYNC) > 0 {
            self.phase.restart(secs, rate_hz);
        }
        let cycles = self.phase.cycles(secs, rate_hz) + f64::from(io.params.float(PHASE)) / TAU;
        let seed = seeded::node_seed(io.tick.seed, io.params.int(SEED));
        let (min, max) = (io.params.float(MIN), io.params.float(MAX));
        let value = wave(io.params.choice(SHAPE), cycles, seed);
        io.outputs.set_control(0, min + (max - min) * value);
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

    fn at_fps(shape: &str, fps: u32) -> Harness {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).rate(Rate::Frame).seed(7);
        node.param("shape", shape).param("rate_hz", 1.0_f32).prepare().unwrap()
    }

    fn run(node: &mut Harness, n: usize) -> Vec<f32> {
        let tick = |_| {
            node.tick().unwrap();
            node.control("out")
        };
        (0..n).map(tick).collect()
    }

    #[test]
    fn shapes_are_their_closed_forms() {
        for (shape, quarters) in [
            ("sine", [0.5, 1.0, 0.5, 0.0]),
            ("triangle", [0.0, 0.5, 1.0, 0.5]),
            ("saw", [0.0, 0.25, 0.5, 0.75]),
            ("square", [1.0, 1.0, 0.0, 0.0]),
        ] {
            let y = run(&mut at_fps(shape, 4), 8);
            let expected = quarters.repeat(2);
            assert!(y.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{shape}: {y:?}");
        }
    }

    #[test]
    fn frame_rates_sample_one_curve() {
        for shape in ["sine", "random", "smooth_random"] {
            let (slow, fast) = (run(&mut at_fps(shape, 30), 90), run(&mut at_fps(shape, 120), 360));
            for (a, b) in slow.iter().zip(fast.iter().step_by(4)) {
                assert_eq!(a, b, "{shape}");
            }
        }
    }

    #[test]
    fn random_holds_for_a_cycle_and_follows_the_seed() {
        let y = run(&mut at_fps("random", 4), 12);
        assert!(y[0] == y[3] && y[3] != y[4] && y[4] == y[7]);
        let other = Harness::new(&SPEC).rate(Rate::Frame).seed(8).param("shape", "random");
        assert_ne!(run(&mut other.prepare().unwrap(), 1)[0], y[0]);
        let smooth = run(&mut at_fps("smooth_random", 4), 12);
        assert_eq!([smooth[0], smooth[4]], [y[0], y[4]]);
    }

    #[test]
    fn sync_starts_a_cycle_and_a_new_rate_does_not_jump() {
        let mut lfo = at_fps("saw", 10);
        run(&mut lfo, 4);
        lfo.input("sync", Value::Trigger(1));
        assert_eq!(run(&mut lfo, 1), [0.0]);
        lfo.input("sync", Value::Trigger(0));
        assert!((run(&mut lfo, 1)[0] - 0.1).abs() < 1e-6);
        lfo.set_param("rate_hz", 2.0_f32);
        let y = run(&mut lfo, 2);
        assert!((y[0] - 0.2).abs() < 1e-6 && (y[1] - 0.4).abs() < 1e-6, "{y:?}");
    }
}
