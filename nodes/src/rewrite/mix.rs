//! `rewrite.mix`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};
use lumawire_models::stylegan2::{Generator, LayerWeights, Rewrite, RewriteOp};

use super::shared::{FIRST_LAYER, IN_MODEL, LAST_LAYER, MODEL, OUT_MODEL, OUTPUTS, append, layer};
use crate::generate::network;

const IN_OTHER: usize = 1;
const AMOUNT: usize = 0;
const FIRST: usize = 1;
const LAST: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "rewrite.mix",
    version: 1,
    label: "Mix networks",
    doc: "Mixes two networks layer by layer. All weights of the chosen layers become \
        own + amount·(other − own): convolution, styles, bias, noise, and the toRGB layer that \
        follows. Several in a row give several ranges of layers their own amounts. The networks \
        must have like sizes in those layers; relatives, one trained on from the other, mix best. \
        Latents are mapped by whichever network `generate.mapping` gets. Other changes of the \
        second network's weights do not count.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        MODEL,
        Port::required("other", PortType::Model, "The network that is mixed in, as it was loaded."),
    ],
    outputs: OUTPUTS,
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0))
            .hard(-1.0, 2.0)
            .doc("0 this network, 1 the other; beyond, what tells them apart is exaggerated."),
        FIRST_LAYER,
        LAST_LAYER,
    ],
    build: || Box::new(Mix),
};

struct Mix;

impl Node for Mix {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let own = network("model", io.inputs.model(IN_MODEL))?;
        let other = network("other", io.inputs.model(IN_OTHER))?.generator.clone();
        let (first_layer, last_layer) = (layer(io.params, FIRST), layer(io.params, LAST));
        if let Err(error) = expect_like(&own.generator, &other, first_layer, last_layer) {
            // The network goes on unmixed.
            let input = io.inputs.value(IN_MODEL).clone();
            io.outputs.set(OUT_MODEL, input);
            return Err(error);
        }
        let op = RewriteOp::Mix { other, amount: io.params.float(AMOUNT) };
        append(io, Rewrite { first_layer, last_layer, op })
    }
}

/// Refuses networks that differ in the shape of a layer from `first` to `last`, and names it.
fn expect_like(
    own: &Generator,
    other: &Generator,
    first: usize,
    last: usize,
) -> Result<(), NodeError> {
    for layer in first..=last.min(own.config().num_layers() - 1) {
        let (own, other) = (own.layer_weights(layer), other.layer_weights(layer));
        let alike = own.zip(other).is_some_and(|(own, other)| own.is_like(other));
        if !alike {
            return Err(NodeError::input(
                "other",
                format!(
                    "has {} in layer {layer}, the network has {}: choose networks of like sizes, \
                     or other layers",
                    sizes(other),
                    sizes(own)
                ),
            ));
        }
    }
    Ok(())
}

fn sizes(layer: Option<&LayerWeights>) -> String {
    let Some(layer) = layer else { return "nothing".into() };
    let w_dim = layer.affine.weight.len() / layer.inputs.max(1);
    let (inputs, outputs, resolution) = (layer.inputs, layer.outputs, layer.resolution);
    let to_rgb = if layer.to_rgb.is_some() { ", toRGB" } else { "" };
    let residual = if layer.residual.is_some() { ", skip" } else { "" };
    format!("{inputs} to {outputs} channels (w {w_dim}{to_rgb}{residual}) at {resolution} px")
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Services, Value};

    use super::*;
    use crate::generate::testing::{reference_model, small_model};

    #[test]
    fn networks_of_other_shapes_are_refused_by_the_layer() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("model", reference_model("sg2ada_a"));
        node.input("other", small_model(&Services::default()));
        let error = node.tick().unwrap_err().to_string();
        assert!(
            error.contains("in layer 1, the network has 64 to 64 channels (w 64, toRGB) at 4 px"),
            "{error}"
        );
        assert!(matches!(node.output("model"), Value::Model(_)));
        // A skip network has a toRGB in each block, a residual one has none in layer 1.
        node.input("other", reference_model("sg2ada_d"));
        assert!(node.tick().unwrap_err().to_string().contains("layer 1"));
        node.input("other", reference_model("sg2ada_b"));
        node.tick().unwrap();
    }
}
