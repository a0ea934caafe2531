//! `latent.walk`

use std::any::Any;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Space,
};
use lumawire_models::random::RandomState;

use super::points::{emit, is_finite, norm, rescale};
use crate::control::{finite, one_pole_gain, seeded};

const IN_BASE: usize = 0;
const IN_PUSH: usize = 1;
const IN_AMOUNT: usize = 2;
const IN_AMPLITUDE: usize = 3;
const MODE: usize = 0;
const SPEED: usize = 1;
const PUSH_GAIN: usize = 2;
const RADIUS: usize = 3;
const DIM: usize = 4;
const SEED: usize = 5;
const CHANGE_GAIN: usize = 6;
const MAGNITUDE: usize = 7;

/// Distance a second at speed 1 in the `vector` mode, from Autolume.
const VECTOR_SPEED: f32 = 10.0;
/// A bound far above any use, which keeps the arithmetic finite.
const MAX_SPEED: f32 = 1e6;
/// Distance at which a target counts as reached, from Autolume.
const ARRIVAL: f32 = 1.0;
/// Time constant over which the amplitude's change is taken, so that it has one at every frame rate.
const CHANGE_SECS: f32 = 0.05;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.walk",
    version: 1,
    label: "Latent walk",
    doc: "Wanders through the latent space at random, faster when the sound pushes. \
        s = (speed + |push|·push_gain + |da/dt|·change_gain)·amount·(1 + magnitude·(a − 1)), where \
        the amplitude a is 1 and does not change while it is open; its change is taken through a \
        one-pole of 0.05 s. `gaussian` (Autolume live) adds s·√dt·N(0, 1) to \
        every value each frame: after a second its deviation is s, at every frame rate. `vector` \
        (Autolume) goes 10·s·dt straight towards a random target, and to the next one when within \
        distance 1 (within a tenth of the radius, if that is less). It walks about the base: in Z \
        every row keeps the base's length, so that it stays on the shell; in W and W+ no row goes \
        farther from the base than the radius. Without a base it starts at the z that \
        `latent.bank` draws from the same seed. A base that moves takes the walk along.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::optional("base", PortType::Latent, "Where it starts, `[num_ws, dim]`."),
        Port::optional(
            "push",
            PortType::Control,
            "Adds to the speed, such as an amplitude's change.",
        ),
        Port::optional(
            "amount",
            PortType::Control,
            "Scales every step, such as a loudness; 1 while open.",
        ),
        Port::optional(
            "amplitude",
            PortType::Control,
            "A loudness of about 0..1, whose change and magnitude both drive the steps.",
        ),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "Where it is, `[num_ws, dim]`.")],
    params: &[
        Param::choice("mode", "Mode", &["gaussian", "vector"])
            .doc("A trembling or a straight way."),
        Param::float("speed", "Speed", 0.25, (0.0, 2.0))
            .hard(0.0, 100.0)
            .doc("How fast it goes by itself."),
        Param::float("push_gain", "Push gain", 1.0, (0.0, 10.0))
            .hard(0.0, 1000.0)
            .doc("How much a push of 1 adds to the speed."),
        Param::float("radius", "Radius", 4.0, (0.0, 20.0))
            .hard(0.0, 1e4)
            .doc("How far from the base a row may go in W and W+."),
        Param::int("dim", "Dimensions", 512, (16, 512))
            .hard_int(1, 8192)
            .rebuild()
            .doc("Values of the z that it starts from without a base."),
        Param::int("seed", "Seed", 0, (0, 999))
            .hard_int(0, u32::MAX as i64)
            .rebuild()
            .doc("Picks the start, and with the seed of the run the way."),
        Param::float("change_gain", "Change gain", 1.0, (0.0, 10.0))
            .hard(0.0, 1000.0)
            .doc("How much an amplitude that changes by 1 a second adds to the speed."),
        Param::float("magnitude", "Magnitude", 1.0, (0.0, 1.0))
            .doc("How far the amplitude itself scales every step: 1 in proportion, 0 not at all."),
    ],
    build: || Box::new(Walk::default()),
};

/// State of `latent.walk`.
#[derive(Default)]
struct Walk {
    /// The base while none is wired.
    start: Vec<f32>,
    way: Way,
    follower: Follower,
}

/// Follows the amplitude.
#[derive(Default)]
struct Follower {
    level: Option<f32>,
}

impl Follower {
    /// How fast the amplitude changes, a second. Whatever the frame rate, a leap of 1 adds up to a
    /// change of 1.
    fn change(&mut self, amplitude: f32, dt_secs: f64) -> f32 {
        let level = self.level.get_or_insert(amplitude);
        let step = (amplitude - *level) * one_pole_gain(dt_secs, CHANGE_SECS);
        *level += step;
        (step.abs() / dt_secs as f32).min(MAX_SPEED)
    }
}

/// Where the walk is, relative to the base.
#[derive(Default)]
struct Way {
    shape: Option<(Space, usize)>,
    offset: Vec<f32>,
    /// Where the `vector` mode goes, relative to the base.
    target: Option<Vec<f32>>,
    /// Memory for a step's random numbers, and for a target that is not in use.
    random: Vec<f32>,
    /// Random numbers drawn so far.
    drawn: u64,
}

/// What a walk may not leave.
#[derive(Clone, Copy)]
struct Bounds<'a> {
    space: Space,
    dim: usize,
    base: &'a [f32],
    radius: f32,
}

impl Bounds<'_> {
    /// Takes `offset` back within the bounds, row by row.
    fn hold(&self, offset: &mut [f32]) {
        let dim = self.dim.max(1);
        for (row, base) in offset.chunks_mut(dim).zip(self.base.chunks(dim)) {
            if self.space == Space::Z {
                row.iter_mut().zip(base).for_each(|(o, b)| *o += b);
                rescale(row, norm(base));
                row.iter_mut().zip(base).for_each(|(o, b)| *o -= b);
            } else if norm(row) > self.radius {
                rescale(row, self.radius);
            }
        }
    }

    /// A standard normal `random` as a target: a z on the shell, or about a radius from the base.
    fn make_target(&self, random: &mut [f32]) {
        if self.space == Space::Z {
            random.iter_mut().zip(self.base).for_each(|(r, b)| *r -= b);
        } else {
            let scale = self.radius / (self.dim.max(1) as f32).sqrt();
            random.iter_mut().for_each(|r| *r *= scale);
        }
        self.hold(random);
    }

    /// Distance at which a target counts as reached.
    fn arrival(&self) -> f32 {
        if self.space == Space::Z { ARRIVAL } else { ARRIVAL.min(0.1 * self.radius) }
    }
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt() as f32
}

impl Way {
    /// Starts again if the base is of another shape than before.
    fn fit(&mut self, bounds: Bounds<'_>) {
        let shape = Some((bounds.space, bounds.dim));
        if self.shape != shape || self.offset.len() != bounds.base.len() {
            self.shape = shape;
            for values in [&mut self.offset, &mut self.random] {
                values.clear();
                values.resize(bounds.base.len(), 0.0);
            }
            self.target = None;
        }
    }

    /// Starts again at the base where the way has left the numbers that there are.
    fn mend(&mut self) {
        if !self.offset.iter().all(|o| o.is_finite()) {
            self.offset.fill(0.0);
            self.target = None;
        }
    }

    fn draw(&mut self, seed: u64) {
        seeded::fill_normal(seed, self.drawn, &mut self.random);
        self.drawn += self.random.len().next_multiple_of(2) as u64;
    }

    fn step_gaussian(&mut self, deviation: f32, seed: u64) {
        self.draw(seed);
        self.offset.iter_mut().zip(&self.random).for_each(|(o, r)| *o += deviation * r);
    }

    fn step_vector(&mut self, length: f32, seed: u64, bounds: Bounds<'_>) {
        // The bounds move with the radius and the base; a target left outside is never reached.
        if let Some(target) = &mut self.target {
            bounds.hold(target);
        }
        let arrived = |target: &Vec<f32>| distance(target, &self.offset) < bounds.arrival();
        if self.target.as_ref().is_none_or(arrived) {
            self.draw(seed);
            bounds.make_target(&mut self.random);
            self.target.get_or_insert_default().clone_from(&self.random);
        }
        let Some(target) = &self.target else { return };
        let fraction = (length / distance(target, &self.offset).max(f32::MIN_POSITIVE)).min(1.0);
        self.offset.iter_mut().zip(target).for_each(|(o, t)| *o += (t - *o) * fraction);
    }
}

impl Node for Walk {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.start.resize(usize::try_from(cx.params.int(DIM)).unwrap_or(1), 0.0);
        let seed = u32::try_from(cx.params.int(SEED)).unwrap_or(0);
        RandomState::new(seed).fill_normal(&mut self.start);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let radius = io.params.float(RADIUS);
        let bounds = match io.inputs.latent(IN_BASE) {
            Some(base) if is_finite(base) => {
                Bounds { space: base.space, dim: base.dim, base: &base.data, radius }
            }
            // A base that is yet to come, or broken: wait for it.
            _ if io.inputs.is_wired(IN_BASE) => return Ok(()),
            _ => Bounds { space: Space::Z, dim: self.start.len(), base: &self.start, radius },
        };
        let push = finite(io, IN_PUSH).unwrap_or(0.0).abs() * io.params.float(PUSH_GAIN);
        let amount = finite(io, IN_AMOUNT).unwrap_or(1.0).max(0.0);
        let (change, magnitude) = match finite(io, IN_AMPLITUDE) {
            Some(a) => {
                let a = a.clamp(0.0, MAX_SPEED);
                let change = self.follower.change(a, io.tick.dt_secs());
                (
                    change * io.params.float(CHANGE_GAIN),
                    1.0 + io.params.float(MAGNITUDE) * (a - 1.0),
                )
            }
            None => {
                self.follower.level = None;
                (0.0, 1.0)
            }
        };
        let speed = (io.params.float(SPEED) + push + change).min(MAX_SPEED) * amount;
        let speed = (speed.min(MAX_SPEED) * magnitude).min(MAX_SPEED);
        let seed = seeded::node_seed(io.tick.seed, io.params.int(SEED));
        let dt_secs = io.tick.dt_secs() as f32;
        self.way.fit(bounds);
        if io.params.choice(MODE) == 0 {
            self.way.step_gaussian(speed * dt_secs.sqrt(), seed);
        } else {
            self.way.step_vector(VECTOR_SPEED * speed * dt_secs, seed, bounds);
        }
        bounds.hold(&mut self.way.offset);
        self.way.mend();
        let num_ws = bounds.base.len() / bounds.dim.max(1);
        emit(io, bounds.space, num_ws, bounds.dim, |rows| {
            for ((r, b), o) in rows.iter_mut().zip(bounds.base).zip(&self.way.offset) {
                *r = b + o;
            }
        });
        Ok(())
    }

    fn reset(&mut self) {
        self.way.shape = None;
        self.way.drawn = 0;
        self.follower.level = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            std::mem::swap(&mut self.way, &mut old.way);
            std::mem::swap(&mut self.follower, &mut old.follower);
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, Latent, Value};

    use super::*;

    fn at_fps(fps: u32, mode: &str) -> Harness {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        Harness::new(&SPEC).clock(clock).param("mode", mode)
    }

    fn run(node: &mut Harness, num_frames: u32) -> Vec<Vec<f32>> {
        let tick = |_| {
            node.tick().unwrap();
            match node.output("latent") {
                Value::Latent(latent) => latent.data.clone(),
                other => panic!("{other:?}"),
            }
        };
        (0..num_frames).map(tick).collect()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / (norm(a) * norm(b))
    }

    fn start(seed: u32, dim: usize) -> Vec<f32> {
        let mut start = vec![0.0; dim];
        RandomState::new(seed).fill_normal(&mut start);
        start
    }

    #[test]
    fn a_new_instance_goes_on_where_the_old_one_was() {
        for mode in ["gaussian", "vector"] {
            let mut whole = at_fps(30, mode).prepare().unwrap();
            let expected = run(&mut whole, 40);
            let mut old = at_fps(30, mode).prepare().unwrap();
            assert_eq!(run(&mut old, 25), expected[..25]);
            let mut new = at_fps(30, mode).prepare().unwrap();
            assert_ne!(run(&mut new, 25)[24..], expected[23..24], "{mode} stands still");
            new.node_mut().adopt(old.node_mut());
            assert_eq!(run(&mut new, 15), expected[25..], "{mode}");
        }
    }

    #[test]
    fn recovers_from_a_base_without_a_finite_length() {
        for mode in ["gaussian", "vector"] {
            let mut node = at_fps(30, mode).prepare().unwrap();
            let base = |v: f32| Latent { space: Space::Z, dim: 16, data: vec![v; 16] };
            node.input("base", Value::Latent(base(2e38).into()));
            assert!(run(&mut node, 3).iter().flatten().all(|v| *v == 2e38));
            node.input("base", Value::Latent(base(1.0).into()));
            let way = run(&mut node, 3);
            assert!(way.iter().all(|z| (norm(z) - 4.0).abs() < 1e-3) && way[0] != way[2]);
        }
    }

    #[test]
    fn an_amplitude_that_comes_back_is_no_leap() {
        let node = at_fps(30, "gaussian").param("speed", 0.0_f32).param("magnitude", 0.0_f32);
        let mut node = node.prepare().unwrap();
        node.input("amplitude", Value::Control(0.0));
        run(&mut node, 1);
        node.input("amplitude", Value::Empty);
        let before = run(&mut node, 1);
        node.input("amplitude", Value::Control(1.0));
        assert_eq!(run(&mut node, 1), before);
    }

    #[test]
    fn a_second_of_diffusion_is_the_same_at_every_frame_rate() {
        // Brownian motion on a sphere of radius R in d dimensions: E cos = exp(−s²t(d − 1)/2R²).
        let from = start(3, 2048);
        let (s, radius) = (0.8_f32, norm(&from));
        let expected = (-s * s * 2047.0 / (2.0 * radius * radius)).exp();
        for fps in [30, 120] {
            let node = at_fps(fps, "gaussian").param("speed", s).param("seed", 3_i64);
            let mut node = node.param("dim", 2048_i64).prepare().unwrap();
            let ways = run(&mut node, fps);
            let found = cosine(ways.last().unwrap(), &from);
            assert!((found - expected).abs() < 0.04, "{fps}: {found} against {expected}");
            assert!(ways.iter().all(|z| (norm(z) - radius).abs() < 1e-3 * radius));
        }
    }

    #[test]
    fn vector_steps_are_as_long_as_said_and_change_target() {
        let node = at_fps(50, "vector").param("speed", 1.0_f32).param("dim", 64_i64);
        let ways = run(&mut node.prepare().unwrap(), 500);
        for pair in ways.windows(2) {
            // A step of 10·1/50, less what the shell takes back.
            let step = distance(&pair[0], &pair[1]);
            assert!(step < 0.2001, "{step}");
        }
        let length: f32 = ways.windows(2).map(|p| distance(&p[0], &p[1])).sum();
        assert!((60.0..100.0).contains(&length), "{length}");
        // It has been at several targets: far from where it was, in different directions.
        assert!(cosine(&ways[0], &ways[250]) < 0.7 && cosine(&ways[250], &ways[499]) < 0.7);
    }

    #[test]
    fn w_stays_within_the_radius_and_follows_its_base() {
        for mode in ["gaussian", "vector"] {
            let node = at_fps(30, mode).param("speed", 5.0_f32).param("radius", 2.0_f32);
            let mut node = node.prepare().unwrap();
            let base = |v: f32| Latent { space: Space::WPlus, dim: 8, data: vec![v; 24] };
            node.input("base", Value::Latent(base(1.0).into()));
            let mut farthest = 0.0_f32;
            for rows in run(&mut node, 100) {
                for row in rows.chunks(8) {
                    farthest = farthest.max(distance(row, &[1.0; 8]));
                }
            }
            assert!(farthest <= 2.0001 && farthest > 1.0, "{mode}: {farthest}");
            node.input("base", Value::Latent(base(100.0).into()));
            assert!(distance(&run(&mut node, 1)[0][..8], &[100.0; 8]) < 2.01);
        }
    }

    #[test]
    fn a_smaller_radius_does_not_stop_it() {
        let node = at_fps(30, "vector").param("speed", 5.0_f32).param("radius", 8.0_f32);
        let mut node = node.prepare().unwrap();
        let base = Latent { space: Space::W, dim: 16, data: vec![0.0; 16] };
        node.input("base", Value::Latent(base.into()));
        run(&mut node, 20);
        node.set_param("radius", 1.0_f32);
        let ways = run(&mut node, 200);
        let late: f32 = ways[100..].windows(2).map(|p| distance(&p[0], &p[1])).sum();
        assert!(late > 5.0, "{late}");
    }

    #[test]
    fn stands_still_without_amount_and_runs_when_pushed() {
        for mode in ["gaussian", "vector"] {
            let moved = |push: f32, amount: f32| {
                let node = at_fps(60, mode).param("speed", 0.1_f32).param("dim", 64_i64);
                let mut node = node.prepare().unwrap();
                node.input("push", Value::Control(push));
                node.input("amount", Value::Control(amount));
                distance(&run(&mut node, 1)[0], &start(0, 64))
            };
            assert!(moved(1.0, 0.0) < 1e-5);
            // s is 0.1 and 0.6; on the shell a small step is nearly straight.
            let ratio = moved(-0.5, 1.0) / moved(0.0, 1.0);
            assert!((ratio - 6.0).abs() < 0.1, "{mode}: {ratio}");
        }
    }

    #[test]
    fn an_amplitude_drives_by_its_change_and_its_magnitude() {
        for fps in [24, 30, 60] {
            let way = |change_gain: f32, magnitude: f32, amplitude: &dyn Fn(u32) -> f32| {
                let node = at_fps(fps, "vector").param("change_gain", change_gain);
                let node = node.param("magnitude", magnitude).param("speed", 0.2_f32);
                let mut node = node.param("radius", 1e3_f32).prepare().unwrap();
                let base = Latent { space: Space::W, dim: 64, data: vec![0.0; 64] };
                node.input("base", Value::Latent(base.into()));
                let step = |frame| {
                    node.input("amplitude", Value::Control(amplitude(frame)));
                    run(&mut node, 1).remove(0)
                };
                let ways: Vec<_> = (0..fps).map(step).collect();
                // The first step, which starts from the base.
                norm(&ways[0]) + ways.windows(2).map(|p| distance(&p[0], &p[1])).sum::<f32>()
            };
            // A second at an even 0.5: 10·0.2·0.5, or 10·0.2 where the magnitude is let be.
            assert!((way(1.0, 1.0, &|_| 0.5) - 1.0).abs() < 1e-3);
            assert!((way(1.0, 0.0, &|_| 0.5) - 2.0).abs() < 1e-3);
            // A leap by 0.4 adds 10·3·0.4, however many frames it takes.
            let leap = |frame: u32| if frame < 3 { 0.1 } else { 0.5 };
            let found = way(3.0, 0.0, &leap);
            assert!((found - 14.0).abs() < 0.05, "{fps}: {found}");
            assert!(way(3.0, 1.0, &|_| 0.0) < 1e-6, "silence stands still");
        }
    }

    #[test]
    fn a_leap_of_the_amplitude_scatters_alike_at_every_frame_rate() {
        // The variance that a leap of 1 adds to the gaussian walk: ∫ (e^(−t/τ)/τ)² dt = 1/2τ.
        for fps in [24, 30, 60] {
            let dt = 1.0 / f64::from(fps);
            let mut follower = Follower::default();
            follower.change(0.0, dt);
            let squares = (0..fps).map(|_| f64::from(follower.change(1.0, dt)).powi(2) * dt);
            let variance: f64 = squares.sum();
            assert!((variance - 10.0).abs() < 0.8, "{fps}: {variance}");
        }
    }

    #[test]
    fn seeds_pick_the_way() {
        let way = |run_seed| {
            let node = at_fps(60, "gaussian").param("dim", 16_i64).seed(run_seed);
            run(&mut node.prepare().unwrap(), 5)
        };
        assert_eq!(way(1), way(1));
        assert_ne!(way(1), way(2));
    }
}
