//! The weights of the synthesis network as plain numbers, layer by layer.

use super::config::{Architecture, Config};
use super::weights::Weights;
use crate::ModelError;

/// An affine layer `y = A·x·gain + b` from a w to styles, as stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Affine {
    /// `[outputs, w_dim]`; takes effect divided by √w_dim.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// A toRGB layer: a modulated 1×1 convolution without demodulation.
#[derive(Debug, Clone, PartialEq)]
pub struct ToRgbWeights {
    /// Styles of the inputs.
    pub affine: Affine,
    /// `[img_channels, inputs]`; takes effect divided by √inputs.
    pub weight: Vec<f32>,
    /// `[img_channels]`.
    pub bias: Vec<f32>,
}

/// All weights of one convolution, and of what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWeights {
    /// Channels that come in.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// Side of its features in pixels.
    pub resolution: usize,
    /// Whether it doubles the size.
    pub up: bool,
    /// Styles of the inputs.
    pub affine: Affine,
    /// Kernels, `[outputs, inputs, 3, 3]`.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
    /// The stored picture of noise, `[resolution, resolution]`.
    pub noise: Vec<f32>,
    /// The trained factor on noise.
    pub noise_strength: f32,
    /// The toRGB layer that draws its features, where there is one.
    pub to_rgb: Option<ToRgbWeights>,
    /// On the first convolution of a residual block: the mix of the block's input that goes round
    /// it, `[outputs, inputs]`; takes effect divided by √inputs.
    pub residual: Option<Vec<f32>>,
}

impl LayerWeights {
    /// Loads convolution `layer` (1, 2, …).
    pub(super) fn load(
        weights: &Weights,
        config: &Config,
        layer: usize,
    ) -> Result<Self, ModelError> {
        let resolution = config.layer_resolution(layer);
        let (inputs, outputs) = (config.layer_channels(layer - 1), config.layer_channels(layer));
        let up = layer.is_multiple_of(2);
        let block = format!("synthesis.b{resolution}");
        let conv = format!("{block}.conv{}", usize::from(!up));
        let key = |name: &str| format!("{conv}.{name}");
        let to_rgb = if !up && config.has_to_rgb(resolution) {
            Some(ToRgbWeights::load(weights, config, &format!("{block}.torgb"), outputs)?)
        } else {
            None
        };
        let residual = if up && config.architecture == Architecture::Resnet {
            let shape = [outputs, inputs, 1, 1];
            Some(weights.values(&format!("{block}.skip.weight"), &shape)?)
        } else {
            None
        };
        Ok(Self {
            inputs,
            outputs,
            resolution,
            up,
            affine: Affine::load(weights, config, &key("affine"), inputs)?,
            weight: weights.values(&key("weight"), &[outputs, inputs, 3, 3])?,
            bias: weights.values(&key("bias"), &[outputs])?,
            noise: weights.values(&key("noise_const"), &[resolution, resolution])?,
            noise_strength: weights.scalar(&key("noise_strength"))?,
            to_rgb,
            residual,
        })
    }

    /// Whether `other` has the same shapes, so that the two can be mixed.
    pub fn is_like(&self, other: &Self) -> bool {
        let shape = |l: &Self| {
            let to_rgb = l.to_rgb.as_ref().map(|t| (t.affine.weight.len(), t.weight.len()));
            let residual = l.residual.as_ref().map(Vec::len);
            let (conv, affine) = ((l.inputs, l.outputs, l.up), l.affine.weight.len());
            (conv, l.resolution, affine, to_rgb, residual)
        };
        shape(self) == shape(other)
    }

    /// Moves all weights towards `other`'s: (1 - amount)·own + amount·other's. Does nothing where
    /// the shapes differ.
    pub fn mix(&mut self, other: &Self, amount: f32) {
        if !self.is_like(other) {
            return;
        }
        if amount == 1.0 {
            return self.clone_from(other);
        }
        lerp(&mut self.affine.weight, &other.affine.weight, amount);
        lerp(&mut self.affine.bias, &other.affine.bias, amount);
        lerp(&mut self.weight, &other.weight, amount);
        lerp(&mut self.bias, &other.bias, amount);
        lerp(&mut self.noise, &other.noise, amount);
        self.noise_strength += amount * (other.noise_strength - self.noise_strength);
        if let (Some(own), Some(other)) = (&mut self.to_rgb, &other.to_rgb) {
            lerp(&mut own.affine.weight, &other.affine.weight, amount);
            lerp(&mut own.affine.bias, &other.affine.bias, amount);
            lerp(&mut own.weight, &other.weight, amount);
            lerp(&mut own.bias, &other.bias, amount);
        }
        if let (Some(own), Some(other)) = (&mut self.residual, &other.residual) {
            lerp(own, other, amount);
        }
    }
}

fn lerp(own: &mut [f32], other: &[f32], amount: f32) {
    own.iter_mut().zip(other).for_each(|(a, b)| *a += amount * (b - *a));
}

impl Affine {
    fn load(
        weights: &Weights,
        config: &Config,
        prefix: &str,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            weight: weights.values(&format!("{prefix}.weight"), &[outputs, config.w_dim])?,
            bias: weights.values(&format!("{prefix}.bias"), &[outputs])?,
        })
    }

    /// The styles of `w` `[w_dim]`: A·w/√w_dim + b, `[outputs]`.
    pub fn styles(&self, w: &[f32]) -> Vec<f32> {
        let gain = 1.0 / (w.len() as f32).sqrt();
        let rows = self.weight.chunks_exact(w.len().max(1));
        rows.zip(&self.bias)
            .map(|(row, bias)| gain * row.iter().zip(w).map(|(a, b)| a * b).sum::<f32>() + bias)
            .collect()
    }
}

impl ToRgbWeights {
    fn load(
        weights: &Weights,
        config: &Config,
        prefix: &str,
        inputs: usize,
    ) -> Result<Self, ModelError> {
        let outputs = config.img_channels;
        Ok(Self {
            affine: Affine::load(weights, config, &format!("{prefix}.affine"), inputs)?,
            weight: weights.values(&format!("{prefix}.weight"), &[outputs, inputs, 1, 1])?,
            bias: weights.values(&format!("{prefix}.bias"), &[outputs])?,
        })
    }
}
