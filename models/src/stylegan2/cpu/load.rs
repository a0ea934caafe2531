//! The engine from named weights.

use std::sync::OnceLock;

use super::features::{Buffer, Pool, padded};
use super::layer::Layer;
use super::panels::Panels;
use super::picture::ToRgb;
use super::residual::Residual;
use super::rule::Shape;
use super::style::Affine;
use super::{Block, Engine, Isa, Tools, values};
use crate::ModelError;
use crate::stylegan2::config::{Architecture, Config};
use crate::stylegan2::weights::Weights;

impl Engine {
    /// Reads all weights but those of the convolutions, which are packed at first use.
    pub fn load(weights: &Weights, config: &Config, isa: Isa) -> Result<Self, ModelError> {
        let tools = Tools { isa, buffers: Pool::default(), features: Pool::default() };
        let channels = config.channels.first().copied().unwrap_or(0);
        let constant = values(&weights.get("synthesis.b4.const", &[channels, 4, 4])?)?;
        let loader = Loader { weights, config, isa };
        let blocks =
            (0..config.channels.len()).map(|i| loader.block(i)).collect::<Result<_, _>>()?;
        let spaces = Pool::default();
        Ok(Self { tools, spaces, constant, channels, w_dim: config.w_dim, blocks })
    }
}

struct Loader<'a> {
    weights: &'a Weights,
    config: &'a Config,
    isa: Isa,
}

impl Loader<'_> {
    fn block(&self, index: usize) -> Result<Block, ModelError> {
        let resolution = 4 << index;
        let prefix = format!("synthesis.b{resolution}");
        let outputs = self.config.channels[index];
        let conv1 =
            Shape { inputs: outputs, outputs, resolution, up: false };
        let mut block = Block {
            conv0: None,
            conv1: self.layer(&format!("{prefix}.conv1"), conv1, 1.0)?,
            to_rgb: None,
            residual: None,
        };
        if let Some(before) = index.checked_sub(1) {
            let inputs = self.config.channels[before];
            let conv0 = Shape { inputs, outputs, resolution: resolution / 2, up: true };
            block.conv0 = Some(self.layer(&format!("{prefix}.conv0"), conv0, 1.0)?);
            if self.config.architecture == Architecture::Resnet {
                block.conv1.gain = std::f32::consts::FRAC_1_SQRT_2;
                block.residual = Some(self.residual(&format!("{prefix}.skip"), inputs, outputs)?);
            }
        }
        if self.config.has_to_rgb(resolution) {
            block.to_rgb = Some(self.to_rgb(&format!("{prefix}.torgb"), outputs)?);
        }
        Ok(block)
    }

    fn layer(&self, prefix: &str, shape: Shape, gain: f32) -> Result<Layer, ModelError> {
        let Shape { inputs, outputs, resolution, up } = shape;
        let key = |name: &str| format!("{prefix}.{name}");
        let weight = self.weights.get(&key("weight"), &[outputs, inputs, 3, 3])?;
        let side = if up { 2 * resolution } else { resolution };
        let noise_strength = self.weights.scalar(&key("noise_strength"))?;
        let noise = values(&self.weights.get(&key("noise_const"), &[side, side])?)?;
        let bias = values(&self.weights.get(&key("bias"), &[outputs])?)?;
        let power = values(&weight.sqr()?.sum((2, 3))?.t()?)?;
        Ok(Layer {
            shape,
            affine: self.affine(&key("affine"), inputs)?,
            power: Panels::matrix(self.isa, &power, inputs, outputs),
            bias: Buffer::padded(&bias, padded(outputs)),
            noise: noise.iter().map(|n| n * noise_strength).collect(),
            noise_strength,
            gain,
            clamp: self.config.conv_clamp,
            weight,
            direct: OnceLock::new(),
            fast: OnceLock::new(),
        })
    }

    fn affine(&self, prefix: &str, channels: usize) -> Result<Affine, ModelError> {
        let w_dim = self.config.w_dim;
        let weight = self.weights.get(&format!("{prefix}.weight"), &[channels, w_dim])?;
        let weight = values(&(weight.t()? / (w_dim as f64).sqrt())?)?;
        let bias = values(&self.weights.get(&format!("{prefix}.bias"), &[channels])?)?;
        Ok(Affine { weight: Panels::matrix(self.isa, &weight, w_dim, channels), bias })
    }

    fn to_rgb(&self, prefix: &str, channels: usize) -> Result<ToRgb, ModelError> {
        let colours = self.config.img_channels;
        let weight =
            values(&self.weights.get(&format!("{prefix}.weight"), &[colours, channels, 1, 1])?)?;
        let gain = 1.0 / (channels as f32).sqrt();
        let mut rows = Buffer::zeros(colours * padded(channels));
        let padded_rows = rows.chunks_exact_mut(padded(channels));
        for (to, from) in padded_rows.zip(weight.chunks_exact(channels)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from * gain);
        }
        Ok(ToRgb {
            affine: self.affine(&format!("{prefix}.affine"), channels)?,
            weight: rows,
            bias: values(&self.weights.get(&format!("{prefix}.bias"), &[colours])?)?,
            bound: self.config.conv_clamp.unwrap_or(f32::INFINITY),
        })
    }

    fn residual(
        &self,
        prefix: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Residual, ModelError> {
        let mix = self.weights.get(&format!("{prefix}.weight"), &[outputs, inputs, 1, 1])?;
        let mix = (mix.reshape((outputs, inputs))?.t()? / (inputs as f64).sqrt())?;
        Ok(Residual { weight: Panels::matrix(self.isa, &values(&mix)?, inputs, outputs) })
    }
}
