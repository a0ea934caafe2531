//! Particles in a flow.

use std::any::Any;

use lumawire_core::{
    Image, Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx, Rate, Role,
    Unit,
};
use rayon::prelude::*;

use super::canvas::{self, light_from_hsv};
use super::flow::{Colours, Drive, Flow, NUM_ROWS, mixed, num_columns};
use crate::gpu::{Fit, Form, Kernel, Meet, Resampler, Stroke, Strokes};

const IN_IMAGE: usize = 0;
const IN_BURST: usize = 1;
const OUT_IMAGE: usize = 0;

const RATE_HZ: usize = 0;
const NUM_IN_BURST: usize = 1;
const MAX_PARTICLES: usize = 2;
const LIFE_SECS: usize = 3;
const EMIT: usize = 4;
const EMIT_X: usize = 5;
const EMIT_Y: usize = 6;
const SPEED: usize = 7;
const SLOPE: usize = 8;
const CONTOUR: usize = 9;
const NOISE: usize = 10;
const NOISE_SCALE: usize = 11;
const NOISE_HZ: usize = 12;
const DRAG: usize = 13;
const GRAVITY: usize = 14;
const EDGES: usize = 15;
const SIZE_PERCENT: usize = 16;
const STREAK_SECS: usize = 17;
const COLOUR: usize = 18;
const HUE: usize = 19;
const SATURATION: usize = 20;
const BRIGHTNESS: usize = 21;
const ALPHA: usize = 22;
const BLEND: usize = 23;
const SEED: usize = 24;
const WIDTH: usize = 25;
const HEIGHT: usize = 26;

/// Steps of the simulation a second, whatever the frame rate.
const STEPS_PER_SEC: f64 = 120.0;
/// Particles that one thread takes at a time.
const MIN_PER_THREAD: usize = 2_048;
/// How far outside the picture a particle is let go, in heights.
const MARGIN: f32 = 0.1;

const EMIT_POINT: usize = 1;
const EMIT_LINE: usize = 2;
const EDGES_WRAP: usize = 1;

/// `draw.particles`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "draw.particles",
    version: 1,
    label: "Particles",
    doc: "Lets particles drift in a flow, on clear ground. The flow is the sum of the picture's slope \
          (the gradient of the square root of its luminance: towards the light), its contours (the \
          slope turned by a quarter), and the curl of noise, which neither gathers nor scatters. A \
          particle nears the flow's velocity by exp(−drag·t), and falls by gravity. It is simulated \
          in steps of 1/120 s, whatever the frame rate, so that equal parameters give equal particles \
          at all rates, and drawn between the steps. Distances are in heights of the picture. Without \
          a picture, slopes are 0 and its colour is white. Equal seeds give equal particles. \
          Particles that cover 2³¹ pixels together (some 250 times a 4K picture) are drawn, the \
          rest are not. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::optional(
            "image",
            PortType::Image,
            "Drives and colours; gives the size, is not drawn.",
        ),
        Port::optional("burst", PortType::Trigger, "Lets out many at once."),
    ],
    outputs: &[Port::output("image", PortType::Image, "The particles on clear ground, linear.")],
    params: &[
        Param::float("rate_hz", "Rate", 2_000.0, (0.0, 20_000.0))
            .hard(0.0, 1e6)
            .unit(Unit::Hz)
            .doc("New particles a second."),
        Param::int("num_in_burst", "Burst", 1_000, (0, 10_000))
            .hard_int(0, 100_000)
            .doc("New particles at each hit of `burst`."),
        Param::int("max_particles", "At most", 20_000, (100, 50_000))
            .hard_int(1, 200_000)
            .doc("How many there are at once; no new ones come where it is reached."),
        Param::float("life_secs", "Life", 3.0, (0.1, 10.0))
            .hard(0.01, 600.0)
            .unit(Unit::Secs)
            .doc("How long they live: the longest of them, the shortest half as long."),
        Param::choice("emit", "Begin", &["everywhere", "point", "line"])
            .doc("Where they begin: everywhere, at the point, or on a level line through it."),
        Param::float("emit_x", "Begin x", 0.5, (0.0, 1.0))
            .hard(-1.0, 2.0)
            .doc("The point, of the width."),
        Param::float("emit_y", "Begin y", 0.5, (0.0, 1.0))
            .hard(-1.0, 2.0)
            .doc("The point, of the height, from the top."),
        Param::float("speed", "Speed", 0.0, (0.0, 1.0))
            .hard(0.0, 20.0)
            .doc("How fast they begin, in any direction, heights a second: the fastest of them."),
        Param::float("slope", "To the light", 0.0, (-1.0, 1.0))
            .hard(-20.0, 20.0)
            .doc("Flow along the picture's slope: towards the light, or away from it below 0."),
        Param::float("contour", "Round the light", 0.0, (-1.0, 1.0))
            .hard(-20.0, 20.0)
            .doc("Flow along the picture's contours."),
        Param::float("noise", "Noise", 0.15, (0.0, 1.0))
            .hard(-20.0, 20.0)
            .doc("Flow of noise, about in heights a second."),
        Param::float("noise_scale", "Noise scale", 3.0, (0.5, 8.0))
            .hard(0.01, 16.0)
            .doc("Features of the noise in a height."),
        Param::float("noise_hz", "Noise change", 0.2, (0.0, 2.0))
            .hard(0.0, 50.0)
            .unit(Unit::Hz)
            .doc("How often the noise is another one."),
        Param::float("drag_hz", "Drag", 4.0, (0.0, 20.0))
            .hard(0.0, 1_000.0)
            .unit(Unit::Hz)
            .doc("How fast they take up the flow: 1/drag is the time constant."),
        Param::float("gravity", "Gravity", 0.0, (-1.0, 1.0))
            .hard(-50.0, 50.0)
            .doc("Downwards, heights a second squared; up below 0."),
        Param::choice("edges", "Edges", &["leave", "wrap"])
            .doc("What leaves the picture is gone, or comes in again on the other side."),
        Param::float("size_percent", "Size", 0.5, (0.1, 5.0))
            .hard(0.01, 100.0)
            .doc("Width of a particle, in % of the height."),
        Param::float("streak_secs", "Streak", 0.0, (0.0, 0.2))
            .hard(0.0, 5.0)
            .unit(Unit::Secs)
            .doc("Draws each as the way of its last seconds."),
        Param::choice("colour", "Colour", &["fixed", "image"])
            .doc("One colour for all, or that of the picture where each is, times the colour."),
        canvas::HUE,
        canvas::SATURATION,
        canvas::BRIGHTNESS,
        canvas::ALPHA,
        Param::choice("blend", "Blend", &["add", "over"])
            .doc("Light adds up, or the newest is on top."),
        Param::int("seed", "Seed", 0, (0, 100)).hard_int(0, u32::MAX as i64).doc("Another swarm."),
        canvas::WIDTH,
        canvas::HEIGHT,
    ],
    build: || Box::new(Particles::default()),
};

#[derive(Debug, Clone, Copy, PartialEq)]
struct Particle {
    /// x and y in heights, from the top left corner.
    place: [f32; 2],
    /// Heights a second.
    velocity: [f32; 2],
    age_secs: f32,
    life_secs: f32,
}

struct Particles {
    painter: Strokes,
    resampler: Resampler,
    run_size_px: Option<(u32, u32)>,
    swarm: Swarm,
    colours: Colours,
    strokes: Vec<Stroke>,
}

/// The simulation, which knows no pixels.
#[derive(Default)]
struct Swarm {
    particles: Vec<Particle>,
    flow: Flow,
    num_steps: u64,
    /// The part of a particle that is due.
    due: f64,
    /// Particles that were let out so far.
    num_emitted: u32,
}

impl Default for Particles {
    fn default() -> Self {
        Self {
            painter: Strokes::new("draw.particles"),
            resampler: Resampler::default(),
            run_size_px: None,
            swarm: Swarm::default(),
            colours: Colours::default(),
            strokes: Vec::new(),
        }
    }
}

impl Node for Particles {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.run_size_px = cx.size_px;
        self.resampler.prepare(cx.services)?;
        self.painter.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let p = io.params;
        let image = io.inputs.image(IN_IMAGE);
        let (width, height) =
            canvas::size_px((p.int(WIDTH), p.int(HEIGHT)), image, self.run_size_px);
        let aspect = width as f32 / height as f32;
        let wants_picture =
            p.float(SLOPE) != 0.0 || p.float(CONTOUR) != 0.0 || p.choice(COLOUR) == 1;
        self.colours = match image.filter(|_| wants_picture) {
            Some(image) => self.seen(image, aspect)?,
            None => Colours::default(),
        };
        let rules = Rules::new(p, aspect, io.tick.seed);
        self.swarm.burst(&rules, io.inputs.trigger(IN_BURST), p.int(NUM_IN_BURST));
        // In integers, so that no step is lost between two frames.
        let rate_hz = u64::from(io.tick.clock.sample_rate_hz).max(1);
        let steps = io.tick.sample.saturating_mul(STEPS_PER_SEC as u64);
        self.swarm.advance(&rules, &self.colours, steps / rate_hz);
        let ahead_secs = (steps % rate_hz) as f32 / rate_hz as f32 / STEPS_PER_SEC as f32;
        self.paint(p, aspect, height as f32, ahead_secs);
        let meet = if p.choice(BLEND) == 1 { Meet::Over } else { Meet::Add };
        let drawn = self.painter.draw(&self.strokes, meet, (width, height))?;
        io.outputs.set_image(OUT_IMAGE, drawn);
        Ok(())
    }

    fn reset(&mut self) {
        self.swarm = Swarm::default();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.swarm = std::mem::take(&mut old.swarm);
        }
    }
}

/// What the particles of a tick obey.
struct Rules {
    aspect: f32,
    rate_hz: f64,
    max_particles: usize,
    life_secs: f32,
    emit: usize,
    emit_at: [f32; 2],
    speed: f32,
    drive: Drive,
    noise_hz: f64,
    drag_hz: f32,
    gravity: f32,
    wraps: bool,
    seed: u32,
}

impl Rules {
    fn new(p: Params<'_>, aspect: f32, run_seed: u64) -> Self {
        let seed = mixed([p.int(SEED) as u32, run_seed as u32, (run_seed >> 32) as u32]) as u32;
        Self {
            aspect,
            rate_hz: f64::from(p.float(RATE_HZ)),
            max_particles: usize::try_from(p.int(MAX_PARTICLES)).unwrap_or(1),
            life_secs: p.float(LIFE_SECS),
            emit: p.choice(EMIT),
            emit_at: [p.float(EMIT_X) * aspect, p.float(EMIT_Y)],
            speed: p.float(SPEED),
            drive: Drive {
                slope: p.float(SLOPE),
                contour: p.float(CONTOUR),
                noise: p.float(NOISE),
                noise_scale: p.float(NOISE_SCALE),
                noise_phase: 0.0,
                seed,
            },
            noise_hz: f64::from(p.float(NOISE_HZ)),
            drag_hz: p.float(DRAG),
            gravity: p.float(GRAVITY),
            wraps: p.choice(EDGES) == EDGES_WRAP,
            seed,
        }
    }
}

impl Swarm {
    /// Runs all steps up to `num_steps` since sample 0. After a jump in time only the last second is
    /// made up for.
    fn advance(&mut self, rules: &Rules, colours: &Colours, num_steps: u64) {
        let oldest = num_steps.saturating_sub(STEPS_PER_SEC as u64);
        self.num_steps = self.num_steps.max(oldest).min(num_steps);
        while self.num_steps < num_steps {
            let secs = self.num_steps as f64 / STEPS_PER_SEC;
            let drive = Drive { noise_phase: (secs * rules.noise_hz) as f32, ..rules.drive };
            self.flow.fill(rules.aspect, colours, &drive);
            self.step(rules);
            self.due += rules.rate_hz / STEPS_PER_SEC;
            let num_due = self.due.floor();
            self.due -= num_due;
            self.emit(rules, num_due as usize);
            self.num_steps += 1;
        }
    }

    fn step(&mut self, rules: &Rules) {
        let dt = (1.0 / STEPS_PER_SEC) as f32;
        let keep = (-rules.drag_hz * dt).exp();
        let flow = &self.flow;
        self.particles.par_iter_mut().with_min_len(MIN_PER_THREAD).for_each(|particle| {
            let drift = flow.at(particle.place);
            for (v, drift) in particle.velocity.iter_mut().zip(drift) {
                *v = drift + (*v - drift) * keep;
            }
            particle.velocity[1] += rules.gravity * dt;
            for (place, v) in particle.place.iter_mut().zip(particle.velocity) {
                *place += v * dt;
            }
            particle.age_secs += dt;
            if rules.wraps {
                particle.place[0] = particle.place[0].rem_euclid(rules.aspect);
                particle.place[1] = particle.place[1].rem_euclid(1.0);
            }
        });
        let (right, bottom) = (rules.aspect + MARGIN, 1.0 + MARGIN);
        self.particles.retain(|p| {
            let [x, y] = p.place;
            p.age_secs < p.life_secs
                && (-MARGIN..right).contains(&x)
                && (-MARGIN..bottom).contains(&y)
        });
    }

    fn burst(&mut self, rules: &Rules, hits: u32, num_in_burst: i64) {
        let num = usize::try_from(num_in_burst).unwrap_or(0);
        self.emit(rules, num.saturating_mul(hits as usize));
    }

    fn emit(&mut self, rules: &Rules, num: usize) {
        let room = rules.max_particles.saturating_sub(self.particles.len());
        for _ in 0..num.min(room) {
            let random = |k: u32| {
                let bits = mixed([rules.seed, self.num_emitted, k]) >> 40;
                bits as f32 / (1_u64 << 24) as f32
            };
            let [x, y] = rules.emit_at;
            let place = match rules.emit {
                EMIT_POINT => [x, y],
                EMIT_LINE => [random(0) * rules.aspect, y],
                _ => [random(0) * rules.aspect, random(1)],
            };
            let (sin, cos) = (random(2) * std::f32::consts::TAU).sin_cos();
            // Evenly over a disc of velocities.
            let speed = rules.speed * random(3).sqrt();
            self.particles.push(Particle {
                place,
                velocity: [speed * cos, speed * sin],
                age_secs: 0.0,
                life_secs: rules.life_secs * (0.5 + 0.5 * random(4)),
            });
            self.num_emitted = self.num_emitted.wrapping_add(1);
        }
    }
}

impl Particles {
    /// The picture at the grid's points.
    fn seen(&mut self, image: &Image, aspect: f32) -> Result<Colours, NodeError> {
        let columns = u32::try_from(num_columns(aspect)).unwrap_or(2);
        let size = (columns, NUM_ROWS as u32);
        let small = self.resampler.resample(image, size, Fit::Stretch, Kernel::Bilinear)?;
        Ok(Colours::new(small.host()?))
    }

    /// Fills `strokes`.
    fn paint(&mut self, p: Params<'_>, aspect: f32, height: f32, ahead_secs: f32) {
        let radius_px = 0.005 * p.float(SIZE_PERCENT) * height;
        let streak_secs = p.float(STREAK_SECS);
        let light = light_from_hsv(p.float(HUE), p.float(SATURATION), p.float(BRIGHTNESS));
        let alpha = p.float(ALPHA);
        let of_image = p.choice(COLOUR) == 1;
        let (particles, colours) = (&self.swarm.particles, &self.colours);
        let stroke = |particle: &Particle| {
            let [x, y] = particle.place;
            let [vx, vy] = particle.velocity;
            let head = [(x + vx * ahead_secs) * height, (y + vy * ahead_secs) * height];
            let way = streak_secs.min(particle.age_secs) * height;
            let tail = [head[0] - vx * way, head[1] - vy * way];
            let seen = if of_image { colours.at(particle.place, aspect) } else { [1.0; 3] };
            let [r, g, b] = [0, 1, 2].map(|c| light[c] * seen[c]);
            let colour = [r, g, b, alpha * fade(particle)];
            // A dot whose edge fades over half of its width.
            Stroke::new(Form::Round, tail, head, radius_px, colour).soft(radius_px)
        };
        self.strokes.clear();
        self.strokes.extend(particles.iter().map(stroke));
    }
}

/// Opacity by age: it comes within an eighth of its life and goes over the second half.
fn fade(particle: &Particle) -> f32 {
    let age = particle.age_secs / particle.life_secs;
    (8.0 * age).min(2.0 * (1.0 - age)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, ParamValue, Value};

    use super::*;
    use crate::gpu::testing::{picture, services, values};

    fn node(params: &[(&str, ParamValue)], fps: u32) -> Harness {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        let mut node = Harness::new(&SPEC).services(&services()).size_px(64, 32).clock(clock);
        for (id, value) in params {
            node.set_param(id, value.clone());
        }
        node.prepare().unwrap()
    }

    fn swarm(node: &mut Harness) -> &Particles {
        (node.node_mut() as &mut dyn Any).downcast_ref::<Particles>().unwrap()
    }

    fn run(params: &[(&str, ParamValue)], fps: u32, num_frames: u32) -> Vec<Particle> {
        let mut node = node(params, fps);
        (0..num_frames).for_each(|_| node.tick().unwrap());
        swarm(&mut node).swarm.particles.clone()
    }

    #[test]
    fn the_frame_rate_changes_nothing() {
        // Frames 30, 60 and 120 of a second begin at the same sample.
        let params = [("noise", 0.5_f32.into()), ("speed", 0.3_f32.into())];
        let at_60 = run(&params, 60, 61);
        assert!(at_60.len() > 1_900, "{}", at_60.len());
        assert_eq!(run(&params, 30, 31), at_60);
        assert_eq!(run(&params, 120, 121), at_60);
        assert_ne!(
            run(
                &[("noise", 0.5_f32.into()), ("speed", 0.3_f32.into()), ("seed", 1_i64.into())],
                60,
                61
            ),
            at_60
        );
    }

    #[test]
    fn gravity_and_drag_follow_their_formulas() {
        let params = [
            ("noise", 0.0_f32.into()),
            ("emit", "point".into()),
            ("emit_y", 0.0_f32.into()),
            ("rate_hz", 120.0_f32.into()),
            ("drag_hz", 0.0_f32.into()),
            ("gravity", 0.5_f32.into()),
        ];
        let particles = run(&params, 60, 61);
        let oldest = particles[0];
        // Fallen from rest: g·t²/2, to a step's error.
        let t = oldest.age_secs;
        assert!((oldest.place[1] - 0.25 * t * t).abs() < 0.5 * t / 120.0, "{oldest:?}");
        assert_eq!(oldest.place[0], 1.0);
        let params = [
            ("noise", 0.0_f32.into()),
            ("speed", 0.4_f32.into()),
            ("rate_hz", 120.0_f32.into()),
            ("drag_hz", 3.0_f32.into()),
            ("emit", "point".into()),
        ];
        let particles = run(&params, 60, 61);
        let speed = |p: &Particle| p.velocity[0].hypot(p.velocity[1]) * (3.0 * p.age_secs).exp();
        assert!(particles.iter().all(|p| speed(p) < 0.4001));
        assert!(particles.iter().any(|p| speed(p) > 0.35));
    }

    #[test]
    fn as_many_live_as_the_rate_and_the_life_say() {
        let params = [
            ("rate_hz", 1_000.0_f32.into()),
            ("life_secs", 1.0_f32.into()),
            ("edges", "wrap".into()),
        ];
        // Lives are spread evenly from 0.5 to 1 s: 0.75 in the mean.
        let found = run(&params, 60, 181).len();
        assert!((700..800).contains(&found), "{found}");
        let params = [("max_particles", 300_i64.into())];
        assert_eq!(run(&params, 60, 61).len(), 300);
    }

    #[test]
    fn a_burst_lets_many_out_at_once() {
        let mut node = node(&[("rate_hz", 0.0_f32.into()), ("num_in_burst", 70_i64.into())], 60);
        for hits in [0, 2, 0] {
            node.input("burst", Value::Trigger(hits));
            node.tick().unwrap();
        }
        assert_eq!(swarm(&mut node).swarm.particles.len(), 140);
    }

    #[test]
    fn a_bright_side_draws_them_and_colours_them() {
        let image = picture(64, 32, |x, _| {
            let v = (x as f32 / 63.0).powi(2);
            [v, 0.0, 0.0, 1.0]
        });
        let params = [
            ("slope", 3.0_f32.into()),
            ("noise", 0.0_f32.into()),
            ("colour", "image".into()),
            ("life_secs", 10.0_f32.into()),
            ("edges", "leave".into()),
        ];
        let mut node = node(&params, 60);
        node.input("image", Value::Image(image));
        (0..30).for_each(|_| node.tick().unwrap());
        let particles = &swarm(&mut node).swarm.particles;
        assert!(particles.iter().filter(|p| p.age_secs > 0.1).all(|p| p.velocity[0] > 0.0));
        let Value::Image(drawn) = node.output("image") else { panic!("no picture") };
        let all = values(drawn);
        let sum = |c: usize| all.chunks_exact(4).map(|p| p[c] * p[3]).sum::<f32>();
        assert!(sum(0) > 1.0 && sum(1) < 1e-3 * sum(0), "{} {}", sum(0), sum(1));
    }

    #[test]
    fn after_a_reset_all_repeats() {
        let params = [("noise", 0.5_f32.into())];
        let mut node = node(&params, 30);
        let mut run = || {
            (0..10).for_each(|_| node.tick().unwrap());
            let Value::Image(drawn) = node.output("image") else { panic!("no picture") };
            let found = values(drawn);
            node.reset();
            found
        };
        let once = run();
        assert_eq!(run(), once);
        assert!(once.iter().any(|v| *v > 0.0));
    }
}
