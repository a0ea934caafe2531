//! `latent.grid`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space};
use lumawire_models::random::RandomState;
use lumawire_models::stylegan2::Generator;

use super::points::{emit, norm, rescale};
use crate::generate::{mapping, network};

const IN_MODEL: usize = 0;
const OUT_X: usize = 1;
const OUT_Y: usize = 2;
const X: usize = 0;
const Y: usize = 1;
const SPEED_X: usize = 2;
const SPEED_Y: usize = 3;
const SEED: usize = 4;
const ROW_STEP: usize = 5;
const DIM: usize = 6;

/// Corners kept; those of a cell are four, and of the cells about it twelve more.
const MAX_CORNERS: usize = 16;
/// Cells from end to end: the place wraps here, long before an f64 gets coarse.
const EXTENT: f64 = 4_294_967_296.0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.grid",
    version: 1,
    label: "Seed grid",
    doc: "Roams an endless grid that has a seed at every crossing. \
        The crossing (i, j) has the latent of seed + i + j·row_step (modulo 2³², Autolume's row_step \
        is 100), drawn as numpy's `RandomState(seed).randn(z_dim)`. Between crossings it is the \
        bilinear mean of the four about it: Σ (1 − |x − i|)·(1 − |y − j|)·latent. With a model \
        each corner is mapped to W first, and the mean lies in W; without, in Z, scaled to the mean \
        of the corners' lengths. Mapped corners are kept while they are near. The place is (x, y) \
        and what the speeds have added since the start.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::optional("model", PortType::Model, "The network that maps the corners to W.")],
    outputs: &[
        Port::output("latent", PortType::Latent, "The latent there, in W or Z, `[1, dim]`."),
        Port::output("x", PortType::Control, "Where it is, in cells."),
        Port::output("y", PortType::Control, "Where it is, in cells."),
    ],
    params: &[
        Param::float("x", "X", 0.0, (-10.0, 10.0))
            .hard(-1e6, 1e6)
            .doc("Place along a row, in cells."),
        Param::float("y", "Y", 0.0, (-10.0, 10.0))
            .hard(-1e6, 1e6)
            .doc("Place from row to row, in cells."),
        Param::float("speed_x", "Speed X", 0.0, (-2.0, 2.0))
            .hard(-1000.0, 1000.0)
            .doc("Cells a second along a row."),
        Param::float("speed_y", "Speed Y", 0.0, (-2.0, 2.0))
            .hard(-1000.0, 1000.0)
            .doc("Cells a second from row to row."),
        Param::int("seed", "Seed", 0, (0, 999))
            .hard_int(0, u32::MAX as i64)
            .doc("Seed of the crossing (0, 0). The seed of the run does not move it."),
        Param::int("row_step", "Row step", 100, (1, 1000))
            .hard_int(1, u32::MAX as i64)
            .doc("From a crossing's seed to that of the next row."),
        Param::int("dim", "Dimensions", 512, (16, 512))
            .hard_int(1, 8192)
            .doc("Values of a z, without a model."),
    ],
    build: || Box::new(Grid::default()),
};

/// State of `latent.grid`.
#[derive(Default)]
struct Grid {
    /// Cells that the speeds have added.
    drift: [f64; 2],
    corners: Corners,
    /// The latent, until it is known that all of it is there.
    latent: Vec<f32>,
}

/// Latents at crossings.
#[derive(Default)]
struct Corners {
    /// The network that mapped them, and what they are made of.
    source: Option<(Option<u64>, usize)>,
    /// Those wanted last come last.
    kept: Vec<(u32, Vec<f32>)>,
}

impl Corners {
    /// Forgets what another network mapped.
    fn fit(&mut self, key: Option<u64>, dim: usize) {
        if self.source != Some((key, dim)) {
            self.kept.clear();
            self.source = Some((key, dim));
        }
    }

    /// The latent of `seed`.
    fn get(
        &mut self,
        seed: u32,
        dim: usize,
        generator: Option<&Generator>,
    ) -> Result<&[f32], NodeError> {
        match self.kept.iter().position(|(kept, _)| *kept == seed) {
            Some(i) => self.kept[i..].rotate_left(1),
            None => {
                let corner = corner(seed, dim, generator)?;
                if self.kept.len() >= MAX_CORNERS {
                    self.kept.remove(0);
                }
                self.kept.push((seed, corner));
            }
        }
        Ok(self.kept.last().map_or(&[], |(_, corner)| corner))
    }
}

/// The z of `seed`, or the w that it is mapped to.
fn corner(seed: u32, dim: usize, generator: Option<&Generator>) -> Result<Vec<f32>, NodeError> {
    let mut z = vec![0.0; dim];
    RandomState::new(seed).fill_normal(&mut z);
    match generator {
        Some(generator) => mapping::map(generator, "model", dim, &z),
        None => Ok(z),
    }
}

impl Node for Grid {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let handle = io.inputs.model(IN_MODEL);
        if handle.is_none() && io.inputs.is_wired(IN_MODEL) {
            return Ok(());
        }
        let model = handle.map(|handle| network("model", Some(handle))).transpose()?;
        let generator = model.as_deref().map(|model| &*model.generator);
        let z_dim = match generator {
            Some(generator) => generator.config().z_dim,
            None => usize::try_from(io.params.int(DIM)).unwrap_or(1),
        };
        let (space, dim) = match generator {
            Some(generator) => (Space::W, generator.config().w_dim),
            None => (Space::Z, z_dim),
        };
        let place = [X, Y].map(|i| f64::from(io.params.float(i)) + self.drift[i]);
        let [x, y] = place.map(f64::floor);
        let [u, v] = [(place[0] - x) as f32, (place[1] - y) as f32];
        let seed = |i: i64, j: i64| {
            let row = (y as i64 + j).wrapping_mul(io.params.int(ROW_STEP));
            // Seeds go round after 2³².
            io.params.int(SEED).wrapping_add(x as i64 + i).wrapping_add(row) as u32
        };
        let cell = [
            (seed(0, 0), (1.0 - u) * (1.0 - v)),
            (seed(1, 0), u * (1.0 - v)),
            (seed(0, 1), (1.0 - u) * v),
            (seed(1, 1), u * v),
        ];
        self.corners.fit(generator.map(Generator::content_key), z_dim);
        self.mix(&cell, [z_dim, dim], generator)?;
        emit(io, space, 1, dim, |row| row.copy_from_slice(&self.latent));
        io.outputs.set_control(OUT_X, place[0] as f32);
        io.outputs.set_control(OUT_Y, place[1] as f32);
        for (drift, speed) in self.drift.iter_mut().zip([SPEED_X, SPEED_Y]) {
            let step = f64::from(io.params.float(speed)) * io.tick.dt_secs();
            *drift = (*drift + step) % EXTENT;
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.drift = [0.0; 2];
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        crate::control::take_over(self, old);
    }
}

impl Grid {
    /// Fills `latent` with the mean of a cell's corners, pairs of seed and weight. `dims`: values
    /// of a z, and of the latent.
    fn mix(
        &mut self,
        cell: &[(u32, f32)],
        dims: [usize; 2],
        generator: Option<&Generator>,
    ) -> Result<(), NodeError> {
        self.latent.clear();
        self.latent.resize(dims[1], 0.0);
        let mut length = 0.0;
        for (seed, weight) in cell.iter().filter(|(_, weight)| *weight > 0.0) {
            let corner = self.corners.get(*seed, dims[0], generator)?;
            self.latent.iter_mut().zip(corner).for_each(|(o, c)| *o += weight * c);
            length += weight * norm(corner);
        }
        if generator.is_none() {
            rescale(&mut self.latent, length);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, Value};

    use super::*;
    use crate::generate::testing::{golden, reference_model};

    fn latent(node: &mut Harness) -> Vec<f32> {
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.data.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn at(node: &mut Harness, x: f32, y: f32) -> Vec<f32> {
        node.set_param("x", x);
        node.set_param("y", y);
        latent(node)
    }

    fn mapped() -> Harness {
        let mut node = Harness::new(&SPEC).param("row_step", 2_i64).prepare().unwrap();
        node.input("model", reference_model("sg2ada_a"));
        node
    }

    fn distance(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }

    #[test]
    fn mixes_the_mapped_corners() {
        // The reference maps seeds 0 to 3: with two seeds a row, a cell.
        let ws = golden("sg2ada_a", "ws_psi1");
        let corner = |seed: usize| &ws[seed * 640..seed * 640 + 64];
        let mut node = mapped();
        assert!(distance(&at(&mut node, 0.0, 0.0), corner(0)) < 2e-4);
        assert!(distance(&at(&mut node, 1.0, 1.0), corner(3)) < 2e-4);
        let expected: Vec<f32> = (0..64)
            .map(|k| {
                let [a, b, c, d] = [0, 1, 2, 3].map(|seed| corner(seed)[k]);
                0.75 * (0.25 * a + 0.75 * b) + 0.25 * (0.25 * c + 0.75 * d)
            })
            .collect();
        assert!(distance(&at(&mut node, 0.75, 0.25), &expected) < 2e-4);
        let Value::Latent(latent) = node.output("latent") else { panic!("no latent") };
        assert_eq!(latent.space, Space::W);
    }

    #[test]
    fn is_continuous_everywhere() {
        let mut node = mapped();
        let h = 1e-3;
        let mut last = at(&mut node, -1.5, -2.2);
        let mut farthest = 0.0_f32;
        for step in 1..=4000 {
            let s = step as f32 * h;
            let now = at(&mut node, -1.5 + s, -2.2 + 0.7 * s);
            farthest = farthest.max(distance(&now, &last));
            last = now;
        }
        // Corners are about 10 apart; a leap would be of that order.
        assert!(farthest < 0.05, "{farthest}");
    }

    #[test]
    fn without_a_network_it_stays_on_the_shell_of_z() {
        let mut node = Harness::new(&SPEC).param("dim", 64_i64).prepare().unwrap();
        let draw = |seed| {
            let mut z = vec![0.0; 64];
            RandomState::new(seed).fill_normal(&mut z);
            z
        };
        assert_eq!(at(&mut node, 7.0, 2.0), draw(207));
        assert_eq!(at(&mut node, -1.0, 0.0), draw(u32::MAX), "seeds go round");
        let (a, b) = (norm(&draw(0)), norm(&draw(1)));
        let length = norm(&at(&mut node, 0.5, 0.0));
        assert!((length - 0.5 * (a + b)).abs() < 1e-4, "{length}");
    }

    #[test]
    fn drifts_alike_at_every_frame_rate() {
        for fps in [24, 30, 60] {
            let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
            let node = Harness::new(&SPEC).clock(clock).param("dim", 4_i64);
            let mut node = node.param("speed_x", 0.5_f32).param("x", 1.0_f32).prepare().unwrap();
            (0..=3 * fps).for_each(|_| drop(latent(&mut node)));
            assert!((node.control("x") - 2.5).abs() < 1e-5 && node.control("y") == 0.0, "{fps}");
            let mut new = Harness::new(&SPEC).clock(clock).param("dim", 4_i64).prepare().unwrap();
            new.node_mut().adopt(node.node_mut());
            latent(&mut new);
            assert!((new.control("x") - 1.5).abs() < 0.03, "it goes on from where it was");
            new.reset();
            latent(&mut new);
            assert_eq!(new.control("x"), 0.0);
        }
    }

    #[test]
    fn keeps_a_bounded_number_of_corners() {
        let mut corners = Corners::default();
        corners.fit(None, 4);
        for seed in 0..100 {
            assert_eq!(corners.get(seed, 4, None).unwrap(), corner(seed, 4, None).unwrap());
            assert_eq!(
                corners.get(99 - seed, 4, None).unwrap(),
                corner(99 - seed, 4, None).unwrap()
            );
        }
        assert_eq!(corners.kept.len(), MAX_CORNERS);
        corners.fit(Some(1), 4);
        assert!(corners.kept.is_empty());
    }
}
