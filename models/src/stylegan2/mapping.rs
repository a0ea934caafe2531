//! The mapping network: z (and a label) to w.

use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Tensor};

use super::config::Config;
use super::ops::leaky_relu;
use super::weights::Weights;
use crate::ModelError;
use crate::random::RandomState;

/// A fully connected layer with its equalised learning rate folded in.
pub(super) struct Dense {
    /// `[inputs, outputs]`.
    weight: Tensor,
    /// `[outputs]`.
    bias: Tensor,
}

impl Dense {
    /// `prefix.weight` (`[outputs, inputs]`, times lr/√inputs) and `prefix.bias` (times lr).
    pub fn load(
        weights: &Weights,
        prefix: &str,
        inputs: usize,
        outputs: usize,
        lr_multiplier: f64,
    ) -> Result<Self, ModelError> {
        let weight = weights.get(&format!("{prefix}.weight"), &[outputs, inputs])?;
        let bias = weights.get(&format!("{prefix}.bias"), &[outputs])?;
        let gain = lr_multiplier / (inputs as f64).sqrt();
        Ok(Self { weight: (weight.t()?.contiguous()? * gain)?, bias: (bias * lr_multiplier)? })
    }

    /// `[n, inputs]` to `[n, outputs]`.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

/// The mapping network.
pub(super) struct Mapping {
    embed: Option<Dense>,
    layers: Vec<Dense>,
    /// Running mean of w over the training, `[w_dim]`.
    pub w_avg: Tensor,
}

/// Learning-rate multiplier of the published mapping network: its stored weights are 100 times
/// what takes effect.
const LR_MULTIPLIER: f64 = 0.01;

impl Mapping {
    pub fn load(weights: &Weights, config: &Config) -> Result<Self, ModelError> {
        let embed = match config.c_dim {
            0 => None,
            c_dim => Some(Dense::load(weights, "mapping.embed", c_dim, config.w_dim, 1.0)?),
        };
        let embedded = if embed.is_some() { config.w_dim } else { 0 };
        let layers = (0..config.num_mapping_layers)
            .map(|i| {
                let inputs = if i == 0 { config.z_dim + embedded } else { config.w_dim };
                let prefix = format!("mapping.fc{i}");
                Dense::load(weights, &prefix, inputs, config.w_dim, LR_MULTIPLIER)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { embed, layers, w_avg: weights.get("mapping.w_avg", &[config.w_dim])? })
    }

    /// `z` `[n, z_dim]` and, for a conditional network, `label` `[n, c_dim]` to `[n, w_dim]`.
    pub fn forward(&self, z: &Tensor, label: Option<&Tensor>) -> candle_core::Result<Tensor> {
        let mut x = normalize_second_moment(z)?;
        if let (Some(embed), Some(label)) = (&self.embed, label) {
            let y = normalize_second_moment(&embed.forward(label)?)?;
            x = Tensor::cat(&[x, y], 1)?;
        }
        for layer in &self.layers {
            x = leaky_relu(&layer.forward(&x)?, 1.0, None)?;
        }
        Ok(x)
    }
}

/// Random w that [`mean_w`] is taken over.
const NUM_MEAN_SAMPLES: usize = 1 << 14;
/// Of which so many are mapped at a time.
const MEAN_BATCH: usize = 1 << 10;

/// The mean w `[w_dim]` over 2¹⁴ z of seed 0, for weights whose training kept none. A conditional
/// network takes them with a label of zeros, which favours no class.
pub(crate) fn mean_w(
    tensors: &BTreeMap<String, Tensor>,
    config: &Config,
) -> Result<Tensor, ModelError> {
    let mut tensors = tensors.clone();
    let mut mean = Tensor::zeros(config.w_dim, DType::F32, &Device::Cpu)?;
    tensors.insert("mapping.w_avg".to_owned(), mean.clone());
    let mapping = Mapping::load(&Weights::new(tensors), config)?;
    let label = Tensor::zeros((MEAN_BATCH, config.c_dim), DType::F32, &Device::Cpu)?;
    let mut random = RandomState::new(0);
    for _ in 0..NUM_MEAN_SAMPLES / MEAN_BATCH {
        let mut z = vec![0.0; MEAN_BATCH * config.z_dim];
        random.fill_normal(&mut z);
        let z = Tensor::from_vec(z, (MEAN_BATCH, config.z_dim), &Device::Cpu)?;
        let w = mapping.forward(&z, (config.c_dim > 0).then_some(&label))?;
        mean = (mean + (w.sum(0)? / NUM_MEAN_SAMPLES as f64)?)?;
    }
    Ok(mean)
}

/// x / √(mean x² + 1e-8) over each row.
fn normalize_second_moment(x: &Tensor) -> candle_core::Result<Tensor> {
    x.broadcast_div(&(x.sqr()?.mean_keepdim(D::Minus1)? + 1e-8)?.sqrt()?)
}
