//! A convolution with all that belongs to it, as it lies on the accelerator.

use std::f32::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

use super::Numbers;
use super::conv;
use super::features::padded;
use super::modulate;
use crate::accelerator::{Accelerator, AcceleratorError, Memory};
use crate::stylegan2::layers::{Affine as AffineWeights, LayerWeights, ToRgbWeights};

/// What a picture's pixels have room for, channels of colour.
pub(super) const PICTURE_CHANNELS: usize = 4;

/// A modulated convolution.
#[derive(Debug)]
pub(super) struct Layer {
    /// In which numbers it computes and its features come in.
    pub numbers: Numbers,
    pub kernels: Memory,
    pub affine: Affine,
    /// Σ weight² over each kernel, f32 `[outputs, padded inputs]`.
    pub power: Memory,
    pub bias: Memory,
    /// The stored picture of noise, f32 `[resolution, resolution]`.
    pub noise: Memory,
    pub to_rgb: Option<ToRgb>,
    pub residual: Option<Residual>,
}

/// An affine layer from a w to styles.
#[derive(Debug)]
pub(super) struct Affine {
    pub weight: Memory,
    pub bias: Memory,
    pub num_styles: usize,
}

/// A toRGB layer.
#[derive(Debug)]
pub(super) struct ToRgb {
    pub affine: Affine,
    /// f32 `[4, padded inputs]`, divided by √inputs.
    pub weight: Memory,
    /// f32 `[4]`.
    pub bias: Memory,
}

/// What goes round a residual block, as a convolution: its kernels are 0 but for the middle, where
/// up-sampling by the convolution and by the filter alone are the same.
#[derive(Debug)]
pub(super) struct Residual {
    pub kernels: Memory,
    pub ones: Memory,
    pub factors: Memory,
    pub zeros: Memory,
}

impl Layer {
    /// Packs `weights` and copies them over.
    pub fn new(
        accelerator: &Arc<dyn Accelerator>,
        weights: &LayerWeights,
        numbers: Numbers,
    ) -> Result<Self, AcceleratorError> {
        let &LayerWeights { inputs, outputs, up, .. } = weights;
        let pack = |kernels: &[f32]| {
            Memory::holding(accelerator, &conv::pack(kernels, inputs, outputs, up, numbers))
        };
        let to_rgb = weights.to_rgb.as_ref().map(|to_rgb| ToRgb::new(accelerator, to_rgb));
        let residual = weights.residual.as_ref().map(|mix| {
            Ok(Residual {
                kernels: pack(&in_the_middle(mix))?,
                ones: channels(accelerator, &vec![1.0; inputs])?,
                factors: channels(
                    accelerator,
                    &vec![FRAC_1_SQRT_2 / (inputs as f32).sqrt(); outputs],
                )?,
                zeros: channels(accelerator, &vec![0.0; outputs])?,
            })
        });
        Ok(Self {
            numbers,
            kernels: pack(&weights.weight)?,
            affine: Affine::new(accelerator, &weights.affine)?,
            power: floats(accelerator, &modulate::power(&weights.weight, inputs, outputs))?,
            bias: channels(accelerator, &weights.bias)?,
            noise: floats(accelerator, &weights.noise)?,
            to_rgb: to_rgb.transpose()?,
            residual: residual.transpose()?,
        })
    }
}

impl Affine {
    fn new(
        accelerator: &Arc<dyn Accelerator>,
        weights: &AffineWeights,
    ) -> Result<Self, AcceleratorError> {
        Ok(Self {
            weight: floats(accelerator, &weights.weight)?,
            bias: floats(accelerator, &weights.bias)?,
            num_styles: weights.bias.len(),
        })
    }
}

impl ToRgb {
    fn new(
        accelerator: &Arc<dyn Accelerator>,
        weights: &ToRgbWeights,
    ) -> Result<Self, AcceleratorError> {
        let inputs = weights.affine.bias.len();
        let gain = 1.0 / (inputs as f32).sqrt();
        let mut weight = vec![0.0; PICTURE_CHANNELS * padded(inputs)];
        let rows = weight.chunks_exact_mut(padded(inputs));
        for (row, from) in rows.zip(weights.weight.chunks_exact(inputs)) {
            row.iter_mut().zip(from).for_each(|(to, from)| *to = from * gain);
        }
        let mut bias = weights.bias.clone();
        bias.resize(PICTURE_CHANNELS, 0.0);
        Ok(Self {
            affine: Affine::new(accelerator, &weights.affine)?,
            weight: floats(accelerator, &weight)?,
            bias: floats(accelerator, &bias)?,
        })
    }
}

/// 3×3 kernels that are 0 but for the middle.
fn in_the_middle(mix: &[f32]) -> Vec<f32> {
    let mut kernels = vec![0.0; 9 * mix.len()];
    kernels.iter_mut().skip(4).step_by(9).zip(mix).for_each(|(to, from)| *to = *from);
    kernels
}

/// One number a channel, with zeros for the channels of the padding.
fn channels(
    accelerator: &Arc<dyn Accelerator>,
    values: &[f32],
) -> Result<Memory, AcceleratorError> {
    let mut values = values.to_vec();
    values.resize(padded(values.len()), 0.0);
    floats(accelerator, &values)
}

fn floats(accelerator: &Arc<dyn Accelerator>, values: &[f32]) -> Result<Memory, AcceleratorError> {
    Memory::holding(accelerator, bytemuck::cast_slice(values))
}
