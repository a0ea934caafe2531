//! `latent.loop`

use std::any::Any;

use lumawire_core::{
    Io, LatentBank, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit,
};

use super::points::{between, catmull_rom, emit, is_slerp};
use super::spline;
use crate::control::phase::Phase;
use crate::control::{finite, take_over};

const IN_BANK: usize = 0;
const IN_PHASE: usize = 1;
const PERIOD: usize = 0;
const INTERPOLATION: usize = 1;

const CATMULL_ROM: usize = 3;
const CLOSED: usize = 4;
const OPEN: usize = 5;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.loop",
    version: 1,
    label: "Latent loop",
    doc: "Travels through a bank and back to its start, round and round. \
        At phase p it is p·N latents along, after the last comes the first, row by row: straight \
        lines, arcs (slerp), or a cubic spline through all latents, which turns no corner: `spline` \
        is Catmull-Rom's, slopes (next − previous)/2; `closed_spline` leaps in no curvature \
        either, all the way round; `open_spline` the same from the first latent to its return, \
        where it has a corner (not-a-knot, maua-stylegan2's spline loops). The phase is the absolute time over the \
        period, or comes in; a change of period bends it without a jump.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("bank", PortType::LatentBank, "At least one latent."),
        Port::optional("phase", PortType::Control, "Where in the loop, 0..1; wraps."),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "The point, `[num_ws, dim]`.")],
    params: &[
        Param::float("period_secs", "Period", 16.0, (1.0, 60.0))
            .hard(0.01, 86_400.0)
            .unit(Unit::Secs)
            .doc("Time once round, while no phase comes in."),
        Param::choice(
            "interpolation",
            "Interpolation",
            &["auto", "lerp", "slerp", "spline", "closed_spline", "open_spline"],
        )
        .doc("Straight lines, arcs or a spline; auto is slerp in Z and lerp in W and W+."),
    ],
    build: || Box::new(Loop::default()),
};

#[derive(Default)]
struct Loop {
    phase: Phase,
}

/// Fills `out` with the point at `place` latents along.
fn point(bank: &LatentBank, place: f64, interpolation: usize, out: &mut [f32]) {
    let num = bank.len();
    let (i, t) = (place as usize % num, place.fract() as f32);
    let key = |ahead: usize| bank.get((i + ahead) % num);
    match interpolation {
        CATMULL_ROM => catmull_rom([key(num - 1), key(0), key(1), key(2)], t, out),
        CLOSED => spline::closed(num, i, t, |j| bank.get(j), out),
        OPEN => spline::open(num, i, t, |j| bank.get(j % num), out),
        _ => between(key(0), key(1), bank.dim, t, is_slerp(interpolation, bank.space), out),
    }
}

impl Node for Loop {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(bank) = io.inputs.bank(IN_BANK) else { return Ok(()) };
        if bank.is_empty() {
            return Err(NodeError::input("bank", "holds no latent: give it at least one"));
        }
        let rate_hz = 1.0 / f64::from(io.params.float(PERIOD));
        let cycles = self.phase.cycles(io.tick.secs(), rate_hz);
        let phase = finite(io, IN_PHASE).map_or(cycles, f64::from).rem_euclid(1.0);
        let interpolation = io.params.choice(INTERPOLATION);
        emit(io, bank.space, bank.num_ws, bank.dim, |rows| {
            point(bank, phase * bank.len() as f64, interpolation, rows);
        });
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
    use lumawire_core::{Clock, Fps, Space, Value};

    use super::*;
    use crate::map::reference;

    /// The reference's four latents, their first `num_ws` rows of 16.
    fn keys(num_ws: usize) -> LatentBank {
        let data = reference("sel").chunks(48).flat_map(|l| l[..num_ws * 16].to_vec()).collect();
        LatentBank { space: Space::WPlus, num_ws, dim: 16, data }
    }

    fn node(interpolation: &str, bank: LatentBank) -> Harness {
        let clock = Clock { fps: Fps::new(8, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).param("interpolation", interpolation);
        let mut node = node.param("period_secs", 4.0_f32).prepare().unwrap();
        node.input("bank", Value::LatentBank(bank.into()));
        node
    }

    fn give(node: &mut Harness) -> Vec<f32> {
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.data.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn at(node: &mut Harness, phase: f32) -> Vec<f32> {
        node.input("phase", Value::Control(phase));
        give(node)
    }

    fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance));
    }

    /// Mean with weights `exp(−k²/2)`, k = −4..4, round the end.
    fn smoothed(rows: &[Vec<f32>], i: usize) -> Vec<f32> {
        let mut sum = vec![0.0; rows[0].len()];
        let mut weights = 0.0;
        for k in 0..9_usize {
            let weight = (-0.5 * (k as f32 - 4.0).powi(2)).exp();
            weights += weight;
            let row = &rows[(i + rows.len() + k - 4) % rows.len()];
            sum.iter_mut().zip(row).for_each(|(s, v)| *s += weight * v);
        }
        sum.iter().map(|s| s / weights).collect()
    }

    #[test]
    fn slerp_equals_the_loops_of_maua() {
        let mut node = node("slerp", keys(1));
        // Its loop takes ten points from each latent to the next, both ends among them, rests ten
        // points on the first, and is smoothed.
        let mut rows = Vec::new();
        for place in 0..50 {
            let (from, t) = (place / 10, (place % 10) as f32 / 9.0);
            rows.push(at(&mut node, if from == 4 { 0.0 } else { (from as f32 + t) / 4.0 }));
        }
        for (i, expected) in reference("slerp_loops_100_2").chunks(16).enumerate() {
            assert_close(&smoothed(&rows, i % 50), expected, 1e-5);
        }
    }

    #[test]
    fn the_spline_passes_every_latent_without_a_corner() {
        let bank = keys(3);
        let expected = reference("spline_loops_97_1");
        let mut node = node("spline", bank.clone());
        for key in 0..5 {
            // Frame 24·key of the reference lies on a latent too.
            let p = at(&mut node, key as f32 / 4.0);
            assert_close(&p, bank.get(key % 4), 1e-5);
            assert_close(&p, &expected[24 * key * 48..][..48], 1e-5);
        }
        let h = 1e-3;
        for key in 0..4 {
            let place = key as f32 / 4.0;
            let (p, before, after) =
                (at(&mut node, place), at(&mut node, place - h), at(&mut node, place + h));
            for ((p, b), a) in p.iter().zip(&before).zip(&after) {
                assert!(((a - p) - (p - b)).abs() < 2e-3, "the slopes about {place} differ");
            }
        }
    }

    #[test]
    fn the_open_spline_equals_the_loops_of_maua() {
        let mut node = node("open_spline", keys(3));
        for (i, expected) in reference("spline_loops_97_1").chunks(48).enumerate() {
            assert_close(&at(&mut node, i as f32 / 96.0), expected, 2e-5);
        }
    }

    #[test]
    fn the_closed_spline_keeps_to_a_circle() {
        let angle = |place: f32| place * std::f32::consts::TAU;
        let data = (0..8).flat_map(|i| [angle(i as f32 / 8.0).cos(), angle(i as f32 / 8.0).sin()]);
        let bank = LatentBank { space: Space::W, num_ws: 1, dim: 2, data: data.collect() };
        let farthest = |interpolation: &str| {
            let mut node = node(interpolation, bank.clone());
            let off = |i| {
                let place = i as f32 / 64.0;
                let p = at(&mut node, place);
                (p[0] - angle(place).cos()).hypot(p[1] - angle(place).sin())
            };
            (0..64).map(off).fold(0.0, f32::max)
        };
        // Cubic splines err by 5/384·h⁴ at the most, here with h = 2π/8.
        assert!(farthest("closed_spline") < 0.005);
        assert!(farthest("spline") > 0.008 && farthest("lerp") > 0.07);
    }

    #[test]
    fn time_goes_round_in_a_period() {
        let mut node = node("lerp", keys(1));
        // 32 frames a period, 8 from latent to latent.
        let rows: Vec<_> = (0..64).map(|_| give(&mut node)).collect();
        let bank = keys(1);
        for i in 0..4 {
            assert_close(&rows[8 * i], bank.get(i), 1e-6);
            assert_close(&rows[8 * i + 32], bank.get(i), 1e-6);
        }
        let middle: Vec<f32> =
            bank.get(3).iter().zip(bank.get(0)).map(|(a, b)| 0.5 * (a + b)).collect();
        assert_close(&rows[28], &middle, 1e-6);
    }

    #[test]
    fn one_or_two_latents_suffice() {
        for num in [1, 2] {
            for interpolation in ["lerp", "slerp", "spline", "closed_spline", "open_spline"] {
                let mut bank = keys(1);
                bank.data.truncate(16 * num);
                let first = bank.get(0).to_vec();
                assert_close(&at(&mut node(interpolation, bank), 1.0), &first, 1e-5);
            }
        }
    }
}
