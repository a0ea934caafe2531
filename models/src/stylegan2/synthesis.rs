//! The synthesis network: one w a layer to a picture.

use candle_core::{Device, Tensor};

use super::config::{Architecture, Config};
use super::cpu::old::{Epilogue, ModulatedConv};
use super::cpu::{Engine, Isa};
use super::mapping::Dense;
use super::noise::{self, Noise, NoiseMode};
use super::ops::{bound, convolve, convolve_up, leaky_relu, mix_channels, upsample};
use super::weights::Weights;
use crate::ModelError;

/// How the convolutions are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// By plain tensor operations, on any device.
    Reference,
    /// By the CPU's own code.
    Cpu,
    /// Direct
    Direct,
    /// Fast
    Fast,
}

/// What a block of the synthesis network has made.
#[derive(Debug, Clone)]
pub struct BlockOutput {
    /// Side of the block's features in pixels.
    pub resolution: usize,
    /// The features, `[n, channels, resolution, resolution]`.
    pub features: Tensor,
    /// The picture so far, `[n, img_channels, resolution, resolution]`, where there is one.
    pub image: Option<Tensor>,
}

pub(super) struct Synthesis {
    /// `[channels, 4, 4]`.
    constant: Tensor,
    blocks: Vec<Block>,
    engine: Engine,
}

struct Block {
    resolution: usize,
    conv0: Option<Conv>,
    conv1: Conv,
    to_rgb: Option<ToRgb>,
    /// Residual mix of the channels, `[1, out, in]`.
    residual: Option<Tensor>,
}

struct Conv {
    /// Its number among the convolutions, which is also the row of its w.
    layer: usize,
    up: bool,
    resolution: usize,
    affine: Dense,
    /// `[out, in, 3, 3]`.
    weight: Tensor,
    /// For the CPU: `[out, in·9]`, or `[out·9, in]` to go up.
    matrix: Tensor,
    /// Σ weight² over each kernel, `[in, out]`.
    power: Tensor,
    bias: Tensor,
    /// `[resolution, resolution]`, times the trained strength.
    noise: Tensor,
    noise_strength: f64,
    gain: f64,
    clamp: Option<f32>,
}

struct ToRgb {
    affine: Dense,
    /// `[1, img_channels, in]`.
    weight: Tensor,
    bias: Tensor,
    clamp: Option<f32>,
}

impl Synthesis {
    pub fn load(weights: &Weights, config: &Config) -> Result<Self, ModelError> {
        let constant = weights
            .get("synthesis.b4.const", &[config.channels.first().copied().unwrap_or(0), 4, 4])?;
        let blocks = (0..config.channels.len())
            .map(|i| Block::load(weights, config, i))
            .collect::<Result<_, _>>()?;
        let engine = Engine::load(weights, config, Isa::best())?;
        Ok(Self { constant, blocks, engine })
    }

    /// `ws` `[n, num_ws, w_dim]` to the picture `[n, img_channels, h, w]`. `tap` sees every block.
    pub fn forward(
        &self,
        ws: &Tensor,
        noise: &Noise,
        path: Path,
        mut tap: impl FnMut(BlockOutput),
    ) -> candle_core::Result<Tensor> {
        let n = ws.dim(0)?;
        if path == Path::Direct || path == Path::Fast {
            let mut out = vec![];
            for i in 0..n {
                let row = ws.get(i)?.flatten_all()?.to_vec1::<f32>()?;
                let (planar, h, w) = self.engine.draw(path == Path::Fast, &row, |_| {
                    (vec![], if noise.mode == NoiseMode::None { 0.0 } else { noise.strength })
                })?;
                let c = planar.len() / h / w;
                out.push(Tensor::from_vec(planar, (c, h, w), ws.device())?);
            }
            return Tensor::stack(&out, 0);
        }
        let w = |layer: usize| ws.narrow(1, layer, 1)?.squeeze(1)?.contiguous();
        let (c, h, width) = self.constant.dims3()?;
        let mut x = self.constant.unsqueeze(0)?.expand((n, c, h, width))?.contiguous()?;
        let mut image = None;
        for block in &self.blocks {
            let skipped = block
                .residual
                .as_ref()
                .map(|mix| upsample(&mix_channels(&x, mix)?)? * std::f64::consts::FRAC_1_SQRT_2);
            if let Some(conv0) = &block.conv0 {
                x = conv0.forward(&x, &w(conv0.layer)?, noise, path)?;
            }
            x = block.conv1.forward(&x, &w(block.conv1.layer)?, noise, path)?;
            if let Some(skipped) = skipped {
                x = (x + skipped?)?;
            }
            if let Some(to_rgb) = &block.to_rgb {
                // It shares its w with the next block's first convolution.
                let drawn = to_rgb.forward(&x, &w(block.conv1.layer + 1)?)?;
                image = Some(match image {
                    Some(image) => (upsample(&image)? + drawn)?,
                    None => drawn,
                });
            }
            tap(BlockOutput {
                resolution: block.resolution,
                features: x.clone(),
                image: image.clone(),
            });
        }
        image.ok_or_else(|| candle_core::Error::Msg("no block draws a picture".into()))
    }
}

impl Block {
    fn load(weights: &Weights, config: &Config, index: usize) -> Result<Self, ModelError> {
        let resolution = 4 << index;
        let prefix = format!("synthesis.b{resolution}");
        let channels = config.channels[index];
        let resnet = index > 0 && config.architecture == Architecture::Resnet;
        let conv = |name: &str, layer, inputs, up, gain| {
            let shape = ConvShape { layer, inputs, outputs: channels, resolution, up, gain };
            Conv::load(weights, config, &format!("{prefix}.{name}"), &shape)
        };
        let conv0 = match index.checked_sub(1) {
            Some(before) => Some(conv("conv0", 2 * index - 1, config.channels[before], true, 1.0)?),
            None => None,
        };
        let gain = if resnet { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let conv1 = conv("conv1", 2 * index, channels, false, gain)?;
        let residual = match index.checked_sub(1) {
            Some(before) if resnet => {
                let inputs = config.channels[before];
                let mix =
                    weights.get(&format!("{prefix}.skip.weight"), &[channels, inputs, 1, 1])?;
                Some((mix.reshape((1, channels, inputs))? / (inputs as f64).sqrt())?)
            }
            _ => None,
        };
        let to_rgb = match config.has_to_rgb(resolution) {
            true => Some(ToRgb::load(weights, config, &format!("{prefix}.torgb"), channels)?),
            false => None,
        };
        Ok(Self { resolution, conv0, conv1, to_rgb, residual })
    }
}

struct ConvShape {
    layer: usize,
    inputs: usize,
    outputs: usize,
    resolution: usize,
    up: bool,
    gain: f64,
}

impl Conv {
    fn load(
        weights: &Weights,
        config: &Config,
        prefix: &str,
        shape: &ConvShape,
    ) -> Result<Self, ModelError> {
        let &ConvShape { layer, inputs, outputs, resolution, up, gain } = shape;
        let key = |name: &str| format!("{prefix}.{name}");
        let weight = weights.get(&key("weight"), &[outputs, inputs, 3, 3])?;
        let matrix = if up {
            weight.flatten_from(2)?.transpose(1, 2)?.reshape((outputs * 9, inputs))?
        } else {
            weight.reshape((outputs, inputs * 9))?
        };
        let noise_strength = f64::from(weights.scalar(&key("noise_strength"))?);
        let noise = weights.get(&key("noise_const"), &[resolution, resolution])?;
        Ok(Self {
            layer,
            up,
            resolution,
            affine: Dense::load(weights, &key("affine"), config.w_dim, inputs, 1.0)?,
            power: weight.sqr()?.sum((2, 3))?.t()?.contiguous()?,
            weight,
            matrix: matrix.contiguous()?,
            bias: weights.get(&key("bias"), &[outputs])?,
            noise: (noise * noise_strength)?,
            noise_strength,
            gain,
            clamp: config.conv_clamp,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        w: &Tensor,
        noise: &Noise,
        path: Path,
    ) -> candle_core::Result<Tensor> {
        let styles = self.affine.forward(w)?;
        // 1 / √(Σ (weight·style)² + 1e-8) over each output's kernel.
        let demodulation = (styles.sqr()?.matmul(&self.power)? + 1e-8)?.sqrt()?.recip()?;
        let noise = self.noise(noise)?;
        match path {
            Path::Cpu => self.forward_cpu(x, &styles, &demodulation, noise.as_ref()),
            _ => self.forward_reference(x, &styles, &demodulation, noise.as_ref()),
        }
    }

    fn noise(&self, noise: &Noise) -> candle_core::Result<Option<Tensor>> {
        let strength = f64::from(noise.strength);
        match noise.mode {
            NoiseMode::None => Ok(None),
            NoiseMode::Const => Ok(Some((&self.noise * strength)?)),
            NoiseMode::Random => {
                let drawn =
                    noise::random(noise.seed, self.layer, self.resolution, self.weight.device())?;
                Ok(Some((drawn * (strength * self.noise_strength))?))
            }
        }
    }

    fn forward_cpu(
        &self,
        x: &Tensor,
        styles: &Tensor,
        demodulation: &Tensor,
        noise: Option<&Tensor>,
    ) -> candle_core::Result<Tensor> {
        x.apply_op1_no_bwd(&ModulatedConv {
            weight: self.matrix.clone(),
            up: self.up,
            styles: values(styles)?,
            epilogue: Epilogue {
                demodulation: values(demodulation)?,
                noise: noise.map_or(Ok(Vec::new()), values)?,
                bias: values(&self.bias)?,
                gain: self.gain as f32,
                clamp: self.clamp,
            },
        })
    }

    fn forward_reference(
        &self,
        x: &Tensor,
        styles: &Tensor,
        demodulation: &Tensor,
        noise: Option<&Tensor>,
    ) -> candle_core::Result<Tensor> {
        let x = x.broadcast_mul(&per_channel(styles)?)?;
        let y = if self.up { convolve_up(&x, &self.weight) } else { convolve(&x, &self.weight) }?;
        let mut y = y.broadcast_mul(&per_channel(demodulation)?)?;
        if let Some(noise) = noise {
            y = y.broadcast_add(noise)?;
        }
        let y = y.broadcast_add(&per_channel(&self.bias.unsqueeze(0)?)?)?;
        leaky_relu(&y, self.gain, self.clamp)
    }
}

impl ToRgb {
    fn load(
        weights: &Weights,
        config: &Config,
        prefix: &str,
        inputs: usize,
    ) -> Result<Self, ModelError> {
        let outputs = config.img_channels;
        let weight = weights.get(&format!("{prefix}.weight"), &[outputs, inputs, 1, 1])?;
        let weight = weight.reshape((1, outputs, inputs))?;
        Ok(Self {
            affine: Dense::load(weights, &format!("{prefix}.affine"), config.w_dim, inputs, 1.0)?,
            weight: (weight / (inputs as f64).sqrt())?,
            bias: weights.get(&format!("{prefix}.bias"), &[outputs])?,
            clamp: config.conv_clamp,
        })
    }

    fn forward(&self, x: &Tensor, w: &Tensor) -> candle_core::Result<Tensor> {
        let styles = self.affine.forward(w)?.unsqueeze(1)?;
        let y = mix_channels(x, &self.weight.broadcast_mul(&styles)?)?;
        bound(y.broadcast_add(&per_channel(&self.bias.unsqueeze(0)?)?)?, self.clamp)
    }
}

/// `[n, c]` as `[n, c, 1, 1]`.
fn per_channel(x: &Tensor) -> candle_core::Result<Tensor> {
    x.unsqueeze(2)?.unsqueeze(3)
}

fn values(x: &Tensor) -> candle_core::Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}

/// The faster way that `device` offers.
pub(super) fn best_path(device: &Device) -> Path {
    if device.is_cpu() { Path::Cpu } else { Path::Reference }
}
