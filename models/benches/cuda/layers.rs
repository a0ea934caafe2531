//! Single convolutions, beside cuDNN's.

use std::collections::{BTreeMap, HashMap};

use lumawire_models::stylegan2::{Generator, LayerWeights};
use serde_json::{Value as Json, json};

use crate::kernels::Step;
use crate::{Bench, Outcome};

/// In which numbers single layers are measured.
pub const LAYER_NUMBERS: [&str; 3] = ["f32", "tf32", "f16"];

/// cuDNN's times in ms by inputs, outputs, side in, whether it is doubled, and numbers: of the
/// convolution that the engine computes, and of the published one where it is another.
pub type Cudnn = HashMap<(usize, usize, usize, bool, &'static str), [f64; 2]>;

impl Bench {
    /// Times of each convolution alone: the engine's, of its kernels in all numbers, and cuDNN's.
    pub fn layers(
        &mut self,
        generator: &Generator,
        steps: &BTreeMap<&'static str, Vec<Step>>,
    ) -> Outcome<Json> {
        println!(
            "  convolutions alone in ms: the engine's with all that it does on its way; cuDNN's"
        );
        println!("  of the same, and of the published one with its filter, channels last");
        print!("  {:>7} {:>9}", "side", "channels");
        for numbers in LAYER_NUMBERS {
            print!("  {numbers:>8} {:>8} {:>8}", "cuDNN", "publ.");
        }
        println!();
        let num_layers = generator.config().num_layers();
        let mut own = Vec::new();
        for numbers in LAYER_NUMBERS {
            let of_layers = convolutions(steps.get(numbers).map_or(&[][..], Vec::as_slice));
            if of_layers.len() + 1 != num_layers {
                let num = of_layers.len();
                return Err(format!("{num} convolutions were launched in {numbers}").into());
            }
            own.push((numbers, of_layers));
        }
        let mut rows = Vec::new();
        for layer in 1..num_layers {
            let Some(weights) = generator.layer_weights(layer) else { continue };
            let LayerWeights { inputs, outputs, up, resolution, .. } = *weights;
            let channels = format!("{inputs}→{outputs}");
            print!("  {:>7} {channels:>9}", format!("{}{resolution}", if up { "up " } else { "" }));
            for (numbers, of_layers) in &own {
                let own = of_layers[layer - 1];
                let [same, published] = self.cudnn(weights, numbers)?;
                let text = [own, same, published].map(|ms| match ms.is_nan() {
                    true => "-".into(),
                    false => format!("{ms:.4}"),
                });
                print!("  {:>8} {:>8} {:>8}", text[0], text[1], text[2]);
                rows.push(json!({
                    "layer": layer,
                    "inputs": inputs,
                    "outputs": outputs,
                    "resolution": resolution,
                    "up": up,
                    "numbers": numbers,
                    "lumawire_ms": own,
                    "cudnn_same_ms": same,
                    "cudnn_published_ms": published,
                }));
            }
            println!();
        }
        Ok(rows.into())
    }

    /// cuDNN's times of one layer; NaN for none.
    fn cudnn(&mut self, weights: &LayerWeights, numbers: &'static str) -> Outcome<[f64; 2]> {
        let LayerWeights { inputs, outputs, up, resolution, .. } = *weights;
        let side = if up { resolution / 2 } else { resolution };
        let key = (inputs, outputs, side, up, numbers);
        let Some(peer) = &mut self.peer else { return Ok([f64::NAN; 2]) };
        if let Some(times) = self.cudnn.get(&key) {
            return Ok(*times);
        }
        let answer = peer.ask(json!({
            "do": "layer",
            "inputs": inputs,
            "outputs": outputs,
            "side": side,
            "up": up,
            "numbers": numbers,
        }))?;
        let times = ["same", "published"].map(|name| answer[name].as_f64().unwrap_or(f64::NAN));
        self.cudnn.insert(key, times);
        Ok(times)
    }
}

/// Times of the convolutions among the kernels of a picture, one a layer.
fn convolutions(steps: &[Step]) -> Vec<f64> {
    steps.iter().filter(|step| step.kernel.starts_with("conv_")).map(|step| step.ms).collect()
}
