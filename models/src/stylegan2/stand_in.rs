//! Made-up weights that draw lively pictures.
//!
//! The published initialisation draws grey noise. This one mixes channels almost pixel by pixel
//! over smoothly up-sampled features, which gives large shapes with crisp edges; its styles vary
//! widely; each output's weights sum to zero over the inputs, so that features stay varied from
//! layer to layer; and the brightness of its pictures is measured and evened out.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use super::Generator;
use super::config::{Architecture, Config};
use super::noise::Noise;
use super::weights::Weights;
use crate::ModelError;
use crate::random::RandomState;

/// Raised when equal settings draw other pictures than before.
pub(super) const VERSION: u32 = 1;

/// Strength of a kernel's outer taps against its middle one.
const OUTER_TAPS: f32 = 0.12;
/// Spread of the styles.
const STYLE_SPREAD: f32 = 0.7;
/// Spread of the biases against features of unit power.
const BIAS_SPREAD: f32 = 0.4;
/// Standard deviation of the pictures: 1 is from black or white to grey.
const CONTRAST: f32 = 0.55;
/// Random w of which the means are taken.
const NUM_MEASURED: usize = 16;

/// Draws the weights, then centres w and evens out the brightness by what a few pictures show.
pub(super) fn build(config: Config, seed: u32, key: u64) -> Result<Generator, ModelError> {
    let mut draw = Draw::new(seed);
    draw.mapping(&config)?;
    draw.synthesis(&config)?;
    let z: Vec<f32> = draw.normals(NUM_MEASURED * config.z_dim, 1.0);
    let z = Tensor::from_vec(z, (NUM_MEASURED, config.z_dim), &Device::Cpu)?;

    let first = draw.generator(&config, key)?;
    draw.tensors.insert("mapping.w_avg".into(), first.map(&z, None)?.mean(0)?);
    let ws = first.broadcast(&first.map(&z, None)?)?;
    let image = first.synthesize(&ws, &Noise::default())?;
    let mean = image.mean((0, 2, 3))?.to_vec1::<f32>()?;
    let power = image.sqr()?.mean((0, 2, 3))?.to_vec1::<f32>()?;
    let variance: f32 = power.iter().zip(&mean).map(|(p, m)| p - m * m).sum();
    let deviation = (variance / mean.len() as f32).max(1e-12).sqrt();
    draw.even_out(&config, f64::from(CONTRAST / deviation), &mean)?;
    draw.generator(&config, key)
}

struct Draw {
    random: RandomState,
    tensors: BTreeMap<String, Tensor>,
}

impl Draw {
    fn new(seed: u32) -> Self {
        Self { random: RandomState::new(seed), tensors: BTreeMap::new() }
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
        let constant = self.normals(first * 16, 1.0);
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
                self.to_rgb(config, &format!("{prefix}.torgb"), outputs)?;
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
        self.put(format!("{prefix}.bias"), bias, &[outputs])?;
        let noise = self.normals(resolution * resolution, 1.0);
        self.put(format!("{prefix}.noise_const"), noise, &[resolution, resolution])?;
        self.put(format!("{prefix}.noise_strength"), vec![0.02], &[1])
    }

    /// Kernels that sum to zero over the inputs, `[outputs, inputs, 3, 3]`.
    fn kernels(&mut self, inputs: usize, outputs: usize) -> Vec<f32> {
        let mut weight = self.normals(outputs * inputs * 9, 1.0);
        for kernel in weight.chunks_exact_mut(9) {
            for (tap, v) in kernel.iter_mut().enumerate() {
                *v *= if tap == 4 { 1.0 } else { OUTER_TAPS };
            }
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

    fn to_rgb(&mut self, config: &Config, prefix: &str, inputs: usize) -> Result<(), ModelError> {
        self.affine(config, prefix, inputs)?;
        let outputs = config.img_channels;
        let weight = self.normals(outputs * inputs, 1.0);
        self.put(format!("{prefix}.weight"), weight, &[outputs, inputs, 1, 1])?;
        self.put(format!("{prefix}.bias"), vec![0.0; outputs], &[outputs])
    }

    /// Scales all toRGB layers by `gain` and takes the mean picture's colour off the last one.
    fn even_out(&mut self, config: &Config, gain: f64, mean: &[f32]) -> Result<(), ModelError> {
        for resolution in config.resolutions().filter(|&r| config.has_to_rgb(r)) {
            let key = format!("synthesis.b{resolution}.torgb.weight");
            if let Some(weight) = self.tensors.get_mut(&key) {
                *weight = (&*weight * gain)?;
            }
        }
        let bias = mean.iter().map(|m| -m * gain as f32).collect();
        let key = format!("synthesis.b{}.torgb.bias", config.img_resolution);
        self.put(key, bias, &[config.img_channels])
    }
}
