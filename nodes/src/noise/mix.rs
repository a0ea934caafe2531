//! `noise.mix`

use std::sync::Arc;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Value};
use lumawire_models::stylegan2::NoiseField;

use super::{emit, required};

const IN_A: usize = 0;
const IN_B: usize = 1;
const OUT_NOISE: usize = 0;
const AMOUNT: usize = 0;
const NORMALISE: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "noise.mix",
    version: 1,
    label: "Mix noise",
    doc: "Crossfades two fields of noise. a·(1 − t) + b·t over √((1 − t)² + t²), the deviation of \
        the sum of two independent fields, so that the noise is as strong half way as at the ends. \
        At 0 it is exactly a, at 1 exactly b. Let an onset mix a slow and a fast field.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("a", PortType::Noise, "The field at 0."),
        Port::required("b", PortType::Noise, "The field at 1."),
    ],
    outputs: &[Port::output("noise", PortType::Noise, "The mix.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("t: 0 is a, 1 is b."),
        Param::switch("normalise", "Normalise", true)
            .doc("Keeps the deviation on the way; off, it falls to √½ half way."),
    ],
    build: || Box::new(Mix),
};

struct Mix;

/// Two fields, each with its weight.
struct Mixed {
    a: Arc<dyn NoiseField>,
    b: Arc<dyn NoiseField>,
    weights: [f32; 2],
}

impl NoiseField for Mixed {
    fn fill(&self, layer: usize, height_px: usize, width_px: usize, out: &mut [f32]) {
        self.a.fill(layer, height_px, width_px, out);
        let mut other = vec![0.0; out.len()];
        self.b.fill(layer, height_px, width_px, &mut other);
        for (a, b) in out.iter_mut().zip(other) {
            *a = self.weights[0] * *a + self.weights[1] * b;
        }
    }
}

impl Node for Mix {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (a, b) = (io.inputs.noise(IN_A), io.inputs.noise(IN_B));
        let mixed = (required("a", a)?, required("b", b)?);
        let t = io.params.float(AMOUNT);
        let whole = if t <= 0.0 {
            a
        } else if t >= 1.0 {
            b
        } else {
            None
        };
        if let Some(handle) = whole {
            io.outputs.set(OUT_NOISE, Value::Noise(handle.clone()));
            return Ok(());
        }
        let norm = if io.params.switch(NORMALISE) { (1.0 - t).hypot(t) } else { 1.0 };
        let weights = [(1.0 - t) / norm, t / norm];
        let content = (SPEC.kind, a.map(|h| h.key), b.map(|h| h.key), weights.map(f32::to_bits));
        emit(io, OUT_NOISE, content, Mixed { a: mixed.0, b: mixed.1, weights });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Handle;
    use lumawire_core::harness::Harness;

    use super::super::testing::{picture, picture_of, power, white};
    use super::*;

    fn mix(amount: f32, normalise: bool) -> (u64, Vec<f32>) {
        let node = Harness::new(&SPEC).param("normalise", normalise);
        let mut node = node.param("amount", amount).prepare().unwrap();
        node.input("a", white(1));
        node.input("b", white(2));
        node.tick().unwrap();
        picture(&node, 7, 64, 112)
    }

    #[test]
    fn is_exactly_one_of_them_at_the_ends() {
        for normalise in [false, true] {
            assert_eq!(mix(0.0, normalise), picture_of(&white(1), 7, 64, 112));
            assert_eq!(mix(1.0, normalise), picture_of(&white(2), 7, 64, 112));
        }
    }

    #[test]
    fn keeps_the_deviation_where_asked() {
        for t in [0.1_f32, 0.3, 0.5, 0.8] {
            assert!((power(&mix(t, true).1) - 1.0).abs() < 0.05);
            let expected = (1.0 - t).powi(2) + t * t;
            assert!((power(&mix(t, false).1) / expected - 1.0).abs() < 0.05);
        }
        assert_ne!(mix(0.3, true).0, mix(0.4, true).0);
        assert_ne!(mix(0.3, true).0, mix(0.3, false).0);
    }

    #[test]
    fn what_is_no_noise_is_refused() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("a", white(1));
        assert!(node.tick().unwrap_err().to_string().contains("no noise has arrived"));
        node.input("b", Value::Noise(Handle::new(1, Arc::new(3_u8))));
        assert!(node.tick().unwrap_err().to_string().contains("wire a `noise` node"));
    }
}
