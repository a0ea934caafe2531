//! `noise.gaussian`

use std::any::Any;
use std::sync::Arc;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::emit;
use super::fields::smooth::{Cache, NUM_KNOTS, SIGMA_KNOTS, Smooth};
use super::time::{LOOP, PHASE, SPEED, Time};
use crate::control::{seeded, take_over};

const IN_PHASE: usize = 0;
const OUT_NOISE: usize = 0;
const SMOOTHING: usize = 0;
const SPEED_PARAM: usize = 1;
const BLUR: usize = 2;
const LOOP_PARAM: usize = 3;
const SEED: usize = 4;

/// Fewest knots of a loop: those of one picture differ.
const MIN_KNOTS: i64 = NUM_KNOTS as i64;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "noise.gaussian",
    version: 1,
    label: "Gaussian noise",
    doc: "White noise that changes smoothly, of deviation 1 at every time. \
        Each pixel of each layer is white noise under a Gaussian in time of deviation σ = \
        smoothing: Σ wₖ·nₖ/√Σ wₖ² with independent pictures of noise nₖ every √3·σ and the \
        cubic B-spline's weights, which are close to a Gaussian's. It follows from the time alone, \
        at any frame rate. maua-stylegan2 smooths by 5 and by 128 frames at 30 a second: 0.17 and \
        4.3 s; mix two such fields by an onset.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[PHASE],
    outputs: &[Port::output("noise", PortType::Noise, "Noise for all layers.")],
    params: &[
        Param::float("smoothing_secs", "Smoothing", 0.17, (0.02, 8.0))
            .hard(0.005, 3600.0)
            .unit(Unit::Secs)
            .doc(
                "Deviation of the Gaussian: from flicker to drift. A loop is fitted to it, so \
                 that a change jumps while it loops.",
            ),
        SPEED,
        Param::float("blur", "Blur", 0.0, (0.0, 0.2)).hard(0.0, 1.0).doc(
            "Blur in space: deviation of a Gaussian in shorter sides of the picture, round its \
             edges. The noise keeps its strength.",
        ),
        LOOP,
        Param::int("seed", "Seed", 0, (0, 999))
            .hard_int(0, u32::MAX as i64)
            .doc("Picks the noise, together with the seed of the run."),
    ],
    build: || Box::new(Gaussian::default()),
};

#[derive(Default)]
struct Gaussian {
    time: Time,
    cache: Arc<Cache>,
}

impl Node for Gaussian {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let step_secs = f64::from(io.params.float(SMOOTHING)) / SIGMA_KNOTS;
        let pace = (io.params.float(SPEED_PARAM), io.params.float(LOOP_PARAM));
        let place = self.time.place(io, IN_PHASE, step_secs, pace, MIN_KNOTS);
        let seed = seeded::node_seed(io.tick.seed, io.params.int(SEED));
        let blur = io.params.float(BLUR);
        let content = (SPEC.kind, seed, place.steps.to_bits(), place.num_steps, blur.to_bits());
        let (cache, num_knots) = (self.cache.clone(), place.num_steps);
        emit(io, OUT_NOISE, content, Smooth { seed, place: place.steps, num_knots, blur, cache });
        Ok(())
    }

    fn reset(&mut self) {
        self.time = Time::default();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, ParamValue, Value};

    use super::super::testing::{picture, power};
    use super::*;

    fn at_fps(fps: u32) -> Harness {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        Harness::new(&SPEC).clock(clock)
    }

    fn run(node: &mut Harness, num_frames: usize) -> Vec<(u64, Vec<f32>)> {
        let tick = |_| {
            node.tick().unwrap();
            picture(node, 3, 8, 12)
        };
        (0..num_frames).map(tick).collect()
    }

    #[test]
    fn frame_rates_sample_one_film() {
        let slow = run(&mut at_fps(30).prepare().unwrap(), 20);
        let fast = run(&mut at_fps(120).prepare().unwrap(), 80);
        for (a, b) in slow.iter().zip(fast.iter().step_by(4)) {
            assert_eq!(a, b);
        }
        assert!(slow.windows(2).all(|w| w[0].0 != w[1].0 && w[0].1 != w[1].1));
    }

    #[test]
    fn goes_back_to_the_start_and_to_any_phase() {
        let mut node = at_fps(30).prepare().unwrap();
        let first = run(&mut node, 10);
        node.reset();
        assert_eq!(run(&mut node, 10), first);
        node.input("phase", Value::Control(0.1));
        let there = run(&mut node, 2);
        assert_eq!(there[0], there[1]);
        for (a, b) in there[0].1.iter().zip(&first[3].1) {
            assert!((a - b).abs() < 1e-5);
        }
        node.input("phase", Value::Control(f32::NAN));
        assert!(run(&mut node, 1)[0].1.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn loops_in_its_period_and_stands_still() {
        let mut node = at_fps(8).param("loop_secs", 2.0_f32).prepare().unwrap();
        let film = run(&mut node, 40);
        assert_eq!(film[0].1, film[16].1);
        assert_eq!(film[5].1, film[21].1);
        assert_ne!(film[0].1, film[8].1);
        node.set_param("speed", 0.0_f32);
        let still = run(&mut node, 3);
        assert_eq!(still[0], still[2]);
    }

    #[test]
    fn its_speed_and_smoothing_change_without_a_jump() {
        for (id, value) in [("speed", 3.0_f32), ("smoothing_secs", 0.5)] {
            let mut node = at_fps(1000).param("smoothing_secs", 0.25_f32).prepare().unwrap();
            let before = run(&mut node, 100);
            node.set_param(id, value);
            let after = run(&mut node, 1);
            let step = after[0].1.iter().zip(&before[99].1).map(|(a, b)| (a - b).abs());
            assert!(step.fold(0.0, f32::max) < 0.05, "{id}");
        }
    }

    #[test]
    fn all_parameters_tell_in_the_key() {
        let mut keys = Vec::new();
        for (id, value) in [
            ("seed", ParamValue::from(0_i64)),
            ("seed", ParamValue::from(1_i64)),
            ("blur", ParamValue::from(0.1_f32)),
            ("loop_secs", ParamValue::from(4.0_f32)),
            ("speed", ParamValue::from(2.0_f32)),
        ] {
            let mut node = Harness::new(&SPEC).param(id, value).prepare().unwrap();
            let film = run(&mut node, 2);
            keys.push(film[1].0);
            assert!(power(&film[1].1) < 3.0);
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 5);
    }
}
