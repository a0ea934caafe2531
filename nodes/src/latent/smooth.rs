//! `latent.smooth`

use std::any::Any;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space, Unit,
};

use super::points::{emit, is_finite};
use crate::control::{one_pole_gain, take_over};

const IN_LATENT: usize = 0;
const SMOOTH: usize = 0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.smooth",
    version: 1,
    label: "Smooth latent",
    doc: "Lets a latent glide instead of leap. \
        A one-pole on every value: y += (x − y)·(1 − exp(−dt/τ)), which lags by τ and looks the \
        same at every frame rate. It starts at the first latent, and again at one of another shape \
        or space. A z on its way may be shorter than its ends; generators normalise it.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::required("in", PortType::Latent, "The latent to follow, `[num_ws, dim]`.")],
    outputs: &[Port::output("latent", PortType::Latent, "The latent that follows.")],
    params: &[Param::float("smooth_secs", "Smooth", 0.25, (0.0, 5.0))
        .hard(0.0, 3600.0)
        .unit(Unit::Secs)
        .doc("Time constant τ; 0 follows at once.")],
    build: || Box::new(Smooth::default()),
};

#[derive(Default)]
struct Smooth {
    level: Vec<f32>,
    shape: Option<(Space, usize)>,
}

impl Node for Smooth {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(latent) = io.inputs.latent(IN_LATENT) else { return Ok(()) };
        if is_finite(latent) {
            let shape = Some((latent.space, latent.dim));
            if self.shape != shape || self.level.len() != latent.data.len() {
                self.shape = shape;
                self.level.clone_from(&latent.data);
            }
            let gain = one_pole_gain(io.tick.dt_secs(), io.params.float(SMOOTH));
            for (y, x) in self.level.iter_mut().zip(&latent.data) {
                *y += (x - *y) * gain;
            }
            // The way between two huge values is none.
            if !self.level.iter().all(|y| y.is_finite()) {
                self.level.clone_from(&latent.data);
            }
        }
        let Some((space, dim)) = self.shape else { return Ok(()) };
        let num_ws = self.level.len() / dim.max(1);
        emit(io, space, num_ws, dim, |rows| rows.copy_from_slice(&self.level));
        Ok(())
    }

    fn reset(&mut self) {
        self.shape = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, Latent, Value};

    use super::*;

    fn give(node: &mut Harness, data: &[f32]) -> Vec<f32> {
        let latent = Latent { space: Space::W, dim: 2, data: data.to_vec() };
        node.input("in", Value::Latent(latent.into()));
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.data.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn follows_exponentially_at_every_frame_rate() {
        for fps in [24, 60] {
            let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
            let node = Harness::new(&SPEC).clock(clock).param("smooth_secs", 0.5_f32);
            let mut node = node.prepare().unwrap();
            assert_eq!(give(&mut node, &[1.0, 0.0]), [1.0, 0.0]);
            let y = (0..fps).fold(vec![], |_, _| give(&mut node, &[0.0, 2.0]));
            let left = (-2.0_f32).exp();
            assert!((y[0] - left).abs() < 1e-4 && (y[1] - 2.0 * (1.0 - left)).abs() < 1e-4);
        }
    }

    #[test]
    fn starts_again_at_another_shape_and_passes_over_broken_ones() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        give(&mut node, &[1.0, 0.0]);
        assert_eq!(give(&mut node, &[f32::NAN, 5.0]), [1.0, 0.0]);
        assert_eq!(give(&mut node, &[4.0, 3.0, 2.0, 1.0]), [4.0, 3.0, 2.0, 1.0]);
        give(&mut node, &[-3e38, 0.0]);
        assert_eq!(give(&mut node, &[3e38, 1.0]), [3e38, 1.0], "an endless way is leapt");
    }
}
