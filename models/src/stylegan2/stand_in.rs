//! Made-up weights that draw lively pictures.
//!
//! The published initialisation draws grey noise. This one starts from plane waves, mixes channels
//! almost pixel by pixel and sharpens a little, which gives large soft shapes with some edges; its
//! styles vary widely; each output's weights sum to zero over the inputs, so that features stay
//! varied from layer to layer; and biases, noise and contrast are scaled to what a few pictures
//! show.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use super::Generator;
use super::config::{Architecture, Config};
use super::ops::upsample;
use super::shaping::{LayerOutput, Shaping, Tap};
use super::synthesis::Path;
use super::weights::Weights;
use crate::ModelError;
use crate::random::RandomState;

/// Raised when equal settings draw other pictures than before.
pub(super) const VERSION: u32 = 1;

/// Strength of a kernel's outer taps against its middle one, drawn apart from it.
const OUTER_TAPS: f32 = 0.12;
/// Share of its middle tap that every outer tap takes away: sharpens.
const SHARPENING: f32 = 0.04;
/// Spread of the constant's wave numbers, in radians a cell of the 4×4.
const WAVE_NUMBER: f32 = 0.9;
/// Spread of the styles.
const STYLE_SPREAD: f32 = 0.6;
/// Spread of the biases against the features.
const BIAS_SPREAD: f32 = 0.5;
/// Strength of the noise against the features.
const NOISE_STRENGTH: f32 = 0.02;
/// Standard deviation of the pictures: 1 is from grey to black or white.
const CONTRAST: f32 = 0.5;
/// Random w of which the means are taken.
const NUM_MEASURED: usize = 8;

/// Draws the weights, then measures a few pictures: biases and noise are scaled to the features of
/// their blocks, pictures to their share of the contrast.
pub(super) fn build(config: Config, seed: u32, key: u64) -> Result<Generator, ModelError> {
    let mut draw = Draw::new(seed);
    draw.mapping(&config)?;
    draw.synthesis(&config)?;
    let z: Vec<f32> = draw.normals(NUM_MEASURED * config.z_dim, 1.0);
    let z = Tensor::from_vec(z, (NUM_MEASURED, config.z_dim), &Device::Cpu)?;
    let bare = draw.generator(&config, key)?;
    let w = bare.map(&z, None)?;
    let ws = bare.broadcast(&w)?;
    draw.tensors.insert("mapping.w_avg".into(), w.mean(0)?);

    for block in blocks(&bare, &ws)? {
        draw.scale_to_features(&block)?;
    }
    let mut before: Option<Tensor> = None;
    for block in blocks(&draw.generator(&config, key)?, &ws)? {
        if let Some(image) = block.image {
            let own = match &before {
                Some(before) => (&image - upsample(before)?)?,
                None => image.clone(),
            };
            draw.balance_picture(&config, block.resolution, &own)?;
            before = Some(image);
        }
    }
    draw.generator(&config, key)
}

/// What a block makes of some latents.
struct BlockOutput {
    resolution: usize,
    /// `[n, channels, h, w]`.
    features: Tensor,
    /// `[n, img_channels, h, w]`.
    image: Option<Tensor>,
}

/// What every block makes of `ws`.
fn blocks(generator: &Generator, ws: &Tensor) -> Result<Vec<BlockOutput>, ModelError> {
    let config = generator.config();
    let last_layers: Vec<usize> = (1..config.num_layers()).step_by(2).collect();
    let mut outputs: Vec<Vec<LayerOutput>> = vec![Vec::new(); last_layers.len()];
    let mut take = |output: LayerOutput| outputs[output.layer / 2].push(output);
    let mut tap = Tap { layers: &last_layers, take: &mut take, stop_after: false };
    generator.synthesize_tapped(Path::Direct, ws, &Shaping::default(), &mut tap)?;
    let stack = |tensors: Vec<Tensor>| Tensor::stack(&tensors, 0);
    let blocks = outputs.into_iter().zip(config.resolutions()).map(|(outputs, resolution)| {
        let images: Vec<Tensor> = outputs.iter().filter_map(|o| o.image.clone()).collect();
        Ok(BlockOutput {
            resolution,
            features: stack(outputs.into_iter().map(|o| o.features).collect())?,
            image: if images.is_empty() { None } else { Some(stack(images)?) },
        })
    });
    blocks.collect()
}

/// Share of the contrast that the picture of the block at `resolution` has: most lies in the finer
/// half of the blocks, where the shapes have edges, less in the finest, which is thin.
fn share(config: &Config, resolution: usize) -> f32 {
    if config.architecture != Architecture::Skip {
        return 1.0;
    }
    let weight = |resolution: usize| match config.img_resolution / resolution {
        1 => 0.7,
        2 | 4 => 1.0,
        8 => 0.6,
        _ => 0.25,
    };
    let power: f32 = config.resolutions().map(|r| f32::powi(weight(r), 2)).sum();
    weight(resolution) / power.sqrt()
}

/// Mean and standard deviation of all values.
fn spread(x: &Tensor) -> candle_core::Result<(f32, f32)> {
    let mean = x.mean_all()?.to_scalar::<f32>()?;
    let power = x.sqr()?.mean_all()?.to_scalar::<f32>()?;
    Ok((mean, (power - mean * mean).max(1e-20).sqrt()))
}

struct Draw {
    random: RandomState,
    tensors: BTreeMap<String, Tensor>,
    /// Biases that wait for the scale of their block's features.
    unscaled: BTreeMap<String, Vec<f32>>,
}

impl Draw {
    fn new(seed: u32) -> Self {
        Self { random: RandomState::new(seed), tensors: BTreeMap::new(), unscaled: BTreeMap::new() }
    }

    fn generator(&self, config: &Config, key: u64) -> Result<Generator, ModelError> {
        let weights = Weights::new(self.tensors.clone());
        Generator::build(&weights, config.clone(), key, &Device::Cpu)
    }

    fn normals(&mut self, len: usize, spread: f32) -> Vec<f32> {
        let mut values = vec![0.0; len];
        self.random.fill_normal(&mut values);
        values.iter_mut().for_each(|v| *v *= spread);
        values
    }

    fn put(&mut self, key: String, values: Vec<f32>, shape: &[usize]) -> Result<(), ModelError> {
        self.tensors.insert(key, Tensor::from_vec(values, shape, &Device::Cpu)?);
        Ok(())
    }

    fn mapping(&mut self, config: &Config) -> Result<(), ModelError> {
        let w_dim = config.w_dim;
        let mut inputs = config.z_dim;
        if config.c_dim > 0 {
            let embed = self.normals(w_dim * config.c_dim, 1.0);
            self.put("mapping.embed.weight".into(), embed, &[w_dim, config.c_dim])?;
            self.put("mapping.embed.bias".into(), vec![0.0; w_dim], &[w_dim])?;
            inputs += w_dim;
        }
        for i in 0..config.num_mapping_layers {
            let weight = self.normals(w_dim * inputs, 100.0);
            self.put(format!("mapping.fc{i}.weight"), weight, &[w_dim, inputs])?;
            self.put(format!("mapping.fc{i}.bias"), vec![0.0; w_dim], &[w_dim])?;
            inputs = w_dim;
        }
        self.put("mapping.w_avg".into(), vec![0.0; w_dim], &[w_dim])
    }

    fn synthesis(&mut self, config: &Config) -> Result<(), ModelError> {
        let first = config.channels[0];
        let constant = self.waves(first);
        self.put("synthesis.b4.const".into(), constant, &[first, 4, 4])?;
        let mut inputs = first;
        for (&outputs, resolution) in config.channels.iter().zip(config.resolutions()) {
            let prefix = format!("synthesis.b{resolution}");
            if resolution > 4 {
                self.conv(config, &format!("{prefix}.conv0"), inputs, outputs, resolution)?;
                if config.architecture == Architecture::Resnet {
                    let mix = self.normals(outputs * inputs, 1.0);
                    self.put(format!("{prefix}.skip.weight"), mix, &[outputs, inputs, 1, 1])?;
                }
            }
            self.conv(config, &format!("{prefix}.conv1"), outputs, outputs, resolution)?;
            if config.has_to_rgb(resolution) {
                self.picture(config, &format!("{prefix}.torgb"), outputs)?;
            }
            inputs = outputs;
        }
        Ok(())
    }

    fn conv(
        &mut self,
        config: &Config,
        prefix: &str,
        inputs: usize,
        outputs: usize,
        resolution: usize,
    ) -> Result<(), ModelError> {
        self.affine(config, prefix, inputs)?;
        let weight = self.kernels(inputs, outputs);
        self.put(format!("{prefix}.weight"), weight, &[outputs, inputs, 3, 3])?;
        let bias = self.normals(outputs, BIAS_SPREAD);
        self.unscaled.insert(format!("{prefix}.bias"), bias);
        self.put(format!("{prefix}.bias"), vec![0.0; outputs], &[outputs])?;
        let noise = self.normals(resolution * resolution, 1.0);
        self.put(format!("{prefix}.noise_const"), noise, &[resolution, resolution])?;
        self.put(format!("{prefix}.noise_strength"), vec![0.0], &[1])
    }

    /// One plane wave a channel, of any direction and phase, `[channels, 4, 4]`: where the middle of
    /// a cell lies does not show.
    fn waves(&mut self, channels: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(16 * channels);
        for _ in 0..channels {
            let wave = self.normals(2, WAVE_NUMBER);
            let phase = self.random.uniform() as f32 * std::f32::consts::TAU;
            for cell in 0..16 {
                let (y, x) = ((cell / 4) as f32, (cell % 4) as f32);
                values.push(std::f32::consts::SQRT_2 * (wave[0] * x + wave[1] * y + phase).cos());
            }
        }
        values
    }

    /// Kernels that sum to zero over the inputs, `[outputs, inputs, 3, 3]`.
    fn kernels(&mut self, inputs: usize, outputs: usize) -> Vec<f32> {
        let mut weight = self.normals(outputs * inputs * 9, 1.0);
        for kernel in weight.chunks_exact_mut(9) {
            let middle = kernel[4];
            for v in kernel.iter_mut() {
                *v = *v * OUTER_TAPS - middle * SHARPENING;
            }
            kernel[4] = middle;
        }
        for kernels in weight.chunks_exact_mut(inputs * 9) {
            for tap in 0..9 {
                let mean = kernels.iter().skip(tap).step_by(9).sum::<f32>() / inputs as f32;
                kernels.iter_mut().skip(tap).step_by(9).for_each(|v| *v -= mean);
            }
        }
        weight
    }

    fn affine(&mut self, config: &Config, prefix: &str, inputs: usize) -> Result<(), ModelError> {
        let weight = self.normals(inputs * config.w_dim, STYLE_SPREAD);
        self.put(format!("{prefix}.affine.weight"), weight, &[inputs, config.w_dim])?;
        self.put(format!("{prefix}.affine.bias"), vec![1.0; inputs], &[inputs])
    }

    fn picture(&mut self, config: &Config, prefix: &str, inputs: usize) -> Result<(), ModelError> {
        self.affine(config, prefix, inputs)?;
        let outputs = config.img_channels;
        let weight = self.normals(outputs * inputs, 1.0);
        self.put(format!("{prefix}.weight"), weight, &[outputs, inputs, 1, 1])?;
        self.put(format!("{prefix}.bias"), vec![0.0; outputs], &[outputs])
    }

    /// Gives a block's convolutions biases and noise in proportion to its features.
    fn scale_to_features(&mut self, block: &BlockOutput) -> Result<(), ModelError> {
        let (_, deviation) = spread(&block.features)?;
        for conv in ["conv0", "conv1"] {
            let prefix = format!("synthesis.b{}.{conv}", block.resolution);
            let Some(mut bias) = self.unscaled.remove(&format!("{prefix}.bias")) else { continue };
            bias.iter_mut().for_each(|b| *b *= deviation);
            let outputs = bias.len();
            self.put(format!("{prefix}.bias"), bias, &[outputs])?;
            let strength = vec![NOISE_STRENGTH * deviation];
            self.put(format!("{prefix}.noise_strength"), strength, &[1])?;
        }
        Ok(())
    }

    /// Scales a block's picture, of which `own` are samples, to its share of the contrast and takes
    /// its mean colour off, so that the zeros around a picture do not show.
    fn balance_picture(
        &mut self,
        config: &Config,
        resolution: usize,
        own: &Tensor,
    ) -> Result<(), ModelError> {
        let mean = own.mean((0, 2, 3))?.to_vec1::<f32>()?;
        let centred = own.broadcast_sub(&own.mean_keepdim((0, 2, 3))?)?;
        let gain = CONTRAST * share(config, resolution) / spread(&centred)?.1;
        let key = format!("synthesis.b{resolution}.torgb");
        if let Some(weight) = self.tensors.get_mut(&format!("{key}.weight")) {
            *weight = (&*weight * f64::from(gain))?;
        }
        let bias = mean.iter().map(|m| -m * gain).collect();
        self.put(format!("{key}.bias"), bias, &[config.img_channels])
    }
}
