//! `noise.layers`

use std::ops::RangeInclusive;
use std::sync::Arc;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Value};
use lumawire_models::stylegan2::NoiseField;

use super::{emit, field, required};

const IN_NOISE: usize = 0;
const IN_OTHERS: usize = 1;
const OUT_NOISE: usize = 0;
const STRENGTH: usize = 0;
const FIRST_LAYER: usize = 1;
const LAST_LAYER: usize = 2;
const OTHERS_STRENGTH: usize = 3;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "noise.layers",
    version: 1,
    label: "Noise by layer",
    doc: "Sets how strong noise is in some of the layers, and in the others. \
        Coarse layers move shapes, fine ones grain. Several in a row set several ranges; with \
        another field for the other layers, each range moves to music of its own.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("noise", PortType::Noise, "The noise of the layers in the range."),
        Port::optional("others", PortType::Noise, "That of the others; the same where it is open."),
    ],
    outputs: &[Port::output("noise", PortType::Noise, "The noise of all layers.")],
    params: &[
        Param::float("strength", "Strength", 1.0, (0.0, 4.0))
            .hard(-1000.0, 1000.0)
            .doc("Factor on the noise of the layers in the range."),
        Param::int("first_layer", "First layer", 1, (1, 17)).doc(
            "The first layer of the range: 1 at 4 px, 2 and 3 at 8 px, 4 and 5 at 16 px, and so on.",
        ),
        Param::int("last_layer", "Last layer", 17, (1, 17)).doc("The last one."),
        Param::float("others_strength", "Others", 1.0, (0.0, 4.0))
            .hard(-1000.0, 1000.0)
            .doc("Factor on the noise of the other layers."),
    ],
    build: || Box::new(Layers),
};

struct Layers;

/// One field in some layers, another in the others.
struct Layered {
    layers: RangeInclusive<usize>,
    noise: (Arc<dyn NoiseField>, f32),
    others: (Arc<dyn NoiseField>, f32),
}

impl NoiseField for Layered {
    fn fill(&self, layer: usize, height_px: usize, width_px: usize, out: &mut [f32]) {
        let (field, strength) =
            if self.layers.contains(&layer) { &self.noise } else { &self.others };
        if *strength == 0.0 {
            return out.fill(0.0);
        }
        field.fill(layer, height_px, width_px, out);
        out.iter_mut().for_each(|v| *v *= strength);
    }
}

impl Node for Layers {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (input, others_input) = (io.inputs.noise(IN_NOISE), io.inputs.noise(IN_OTHERS));
        let noise = required("noise", input)?;
        let others = others_input.map(|handle| field("others", handle)).transpose()?;
        let (strength, others_strength) =
            (io.params.float(STRENGTH), io.params.float(OTHERS_STRENGTH));
        if let (Some(input), None, 1.0, 1.0) = (input, &others, strength, others_strength) {
            io.outputs.set(OUT_NOISE, Value::Noise(input.clone()));
            return Ok(());
        }
        let layer = |i| usize::try_from(io.params.int(i)).unwrap_or(1);
        let layers = layer(FIRST_LAYER)..=layer(LAST_LAYER);
        let keys = (input.map(|h| h.key), others_input.map(|h| h.key));
        let strengths = [strength, others_strength].map(f32::to_bits);
        let content = (SPEC.kind, keys, layers.clone(), strengths);
        let others = others.unwrap_or_else(|| noise.clone());
        let field = Layered { layers, noise: (noise, strength), others: (others, others_strength) };
        emit(io, OUT_NOISE, content, field);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::super::testing::{Flat, picture, value};
    use super::*;

    fn node() -> Harness {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("noise", value(5, Flat(1.0)));
        node
    }

    fn levels(node: &mut Harness) -> (u64, Vec<f32>) {
        node.tick().unwrap();
        let levels = (1..=5).map(|layer| picture(node, layer, 2, 3).1[5] / layer as f32);
        (picture(node, 1, 1, 1).0, levels.collect())
    }

    #[test]
    fn a_fresh_one_passes_its_input() {
        assert_eq!(levels(&mut node()), (5, vec![1.0; 5]));
    }

    #[test]
    fn ranges_have_their_own_strength_and_field() {
        let mut node = node();
        node.set_param("first_layer", 2_i64);
        node.set_param("last_layer", 3_i64);
        node.set_param("strength", 2.0_f32);
        let first = levels(&mut node);
        assert_eq!(first.1, [1.0, 2.0, 2.0, 1.0, 1.0]);
        node.set_param("others_strength", 0.0_f32);
        let second = levels(&mut node);
        assert_eq!(second.1, [0.0, 2.0, 2.0, 0.0, 0.0]);
        node.input("others", value(6, Flat(10.0)));
        node.set_param("others_strength", 0.5_f32);
        let third = levels(&mut node);
        assert_eq!(third.1, [5.0, 2.0, 2.0, 5.0, 5.0]);
        node.set_param("last_layer", 1_i64);
        assert_eq!(levels(&mut node).1, [5.0; 5]);
        assert!(first.0 != second.0 && second.0 != third.0);
    }
}
