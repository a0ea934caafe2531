//! `noise.perlin`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::emit;
use super::fields::perlin::Perlin as Field;
use super::time::{LOOP, PHASE, SPEED, Time};
use crate::control::{seeded, take_over};

const IN_PHASE: usize = 0;
const OUT_NOISE: usize = 0;
const NUM_CELLS: usize = 0;
const NUM_OCTAVES: usize = 1;
const GAIN: usize = 2;
const STEP: usize = 3;
const SPEED_PARAM: usize = 4;
const LOOP_PARAM: usize = 5;
const SEED: usize = 6;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "noise.perlin",
    version: 1,
    label: "Perlin noise",
    doc: "Clouds of noise that drift, of deviation 1 at every time. \
        Gradient noise (Perlin, 2002) on a lattice of time, height and width, smoothed by \
        6u⁵ − 15u⁴ + 10u³, over its deviation at that time; each octave is twice as fine and \
        fast. It tiles in space, and in time when it loops. Each layer has noise of its own, in \
        as many cells as its pixels can show.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[PHASE],
    outputs: &[Port::output("noise", PortType::Noise, "Noise for all layers.")],
    params: &[
        Param::int("num_cells", "Cells", 4, (1, 16))
            .hard_int(1, 256)
            .doc("Cells of the coarsest lattice from top to bottom: the number of clouds."),
        Param::int("num_octaves", "Octaves", 3, (1, 6))
            .hard_int(1, 8)
            .doc("Lattices, each twice as fine as the one before, while a layer can show them."),
        Param::float("gain", "Gain", 0.5, (0.0, 1.0))
            .doc("Strength of each octave against the one before."),
        Param::float("step_secs", "Step", 1.0, (0.1, 10.0))
            .hard(0.01, 3600.0)
            .unit(Unit::Secs)
            .doc("Time from one plane of the lattice to the next, in which clouds come and go."),
        SPEED,
        LOOP,
        Param::int("seed", "Seed", 0, (0, 999))
            .hard_int(0, u32::MAX as i64)
            .doc("Picks the noise, together with the seed of the run."),
    ],
    build: || Box::new(Perlin::default()),
};

#[derive(Default)]
struct Perlin {
    time: Time,
}

impl Node for Perlin {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let pace = (io.params.float(SPEED_PARAM), io.params.float(LOOP_PARAM));
        let step_secs = f64::from(io.params.float(STEP));
        // One plane alone would stand still.
        let place = self.time.place(io, IN_PHASE, step_secs, pace, 2);
        let count = |i| usize::try_from(io.params.int(i)).unwrap_or(1);
        let field = Field {
            seed: seeded::node_seed(io.tick.seed, io.params.int(SEED)),
            place: place.steps,
            num_planes: place.num_steps,
            num_cells: count(NUM_CELLS),
            num_octaves: count(NUM_OCTAVES),
            gain: io.params.float(GAIN),
        };
        let space = (field.num_cells, field.num_octaves, field.gain.to_bits());
        let time = (field.place.to_bits(), field.num_planes);
        emit(io, OUT_NOISE, (SPEC.kind, field.seed, time, space), field);
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
    use lumawire_core::{Clock, Fps};

    use super::super::testing::picture;
    use super::*;

    fn run(node: Harness, num_frames: usize) -> Vec<(u64, Vec<f32>)> {
        let clock = Clock { fps: Fps::new(8, 1), ..Clock::default() };
        let mut node = node.clock(clock).prepare().unwrap();
        let tick = |_| {
            node.tick().unwrap();
            picture(&node, 5, 16, 28)
        };
        (0..num_frames).map(tick).collect()
    }

    #[test]
    fn drifts_and_loops() {
        let film = run(Harness::new(&SPEC).param("loop_secs", 2.0_f32), 24);
        assert_eq!(film[3].1, film[19].1);
        assert_ne!(film[3].1, film[11].1);
        let step = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / a.len() as f32
        };
        for frames in film.windows(2) {
            assert!(step(&frames[0].1, &frames[1].1) < 0.6);
        }
        assert!(step(&film[0].1, &film[8].1) > 0.6);
    }

    #[test]
    fn its_parameters_tell() {
        let first = |node: Harness| run(node, 2).pop().unwrap();
        let fresh = first(Harness::new(&SPEC));
        for (id, value) in [("num_cells", 2_i64), ("num_octaves", 1), ("seed", 5)] {
            let other = first(Harness::new(&SPEC).param(id, value));
            assert!(other.0 != fresh.0 && other.1 != fresh.1, "{id}");
        }
        for (id, value) in [("gain", 0.9_f32), ("step_secs", 3.0), ("speed", 2.0)] {
            let other = first(Harness::new(&SPEC).param(id, value));
            assert!(other.0 != fresh.0 && other.1 != fresh.1, "{id}");
        }
    }
}
