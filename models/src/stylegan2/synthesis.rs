//! The synthesis network: one w a layer to a picture. Here by plain tensor operations; `cpu` does
//! the same faster.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use super::config::{Architecture, Config};
use super::cpu::{Engine, Isa, Job};
use super::cuda;
use super::cuda::Precision;
use super::layers::{LayerWeights, ToRgbWeights};
use super::noise::{Noise, NoiseMode};
use super::ops::{bound, convolve, convolve_up, leaky_relu, mix_channels, upsample};
use super::shaping::{LayerOutput, Shaping, Tap};
use super::weights::Weights;
use crate::ModelError;
use crate::accelerator::{Accelerator, Event};

/// How the convolutions are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// By plain tensor operations, on any device.
    Reference,
    /// By the CPU's own code, every sum as it is defined.
    Direct,
    /// By the CPU's own code, in the fastest way that each layer allows.
    Fast,
    /// By kernels of the accelerator that the network was given.
    Accelerated,
}

/// The weights of the synthesis network.
pub(super) struct Synthesis {
    config: Config,
    /// `[channels, 4, 4]`.
    constant: Vec<f32>,
    /// Convolution 1, 2, …
    layers: Vec<LayerWeights>,
    engine: Engine,
    accelerated: OnceLock<cuda::Engine>,
}

/// One picture on its way through the network.
struct Pass<'a> {
    ws: &'a [f32],
    shaping: &'a Shaping,
    device: &'a Device,
}

impl Synthesis {
    pub fn load(weights: &Weights, config: &Config) -> Result<Self, ModelError> {
        let layers = (1..config.num_layers())
            .map(|layer| LayerWeights::load(weights, config, layer))
            .collect::<Result<Vec<_>, _>>()?;
        let constant = weights.values("synthesis.b4.const", &[config.layer_channels(0), 4, 4])?;
        let engine = Engine::new(Isa::best(), layers.len());
        let accelerated = OnceLock::new();
        Ok(Self { config: config.clone(), constant, layers, engine, accelerated })
    }

    /// The weights of convolution `layer` (1, 2, …).
    pub fn layer(&self, layer: usize) -> Option<&LayerWeights> {
        self.layers.get(layer.checked_sub(1)?)
    }

    /// `ws` `[num_ws, w_dim]` to the picture `[img_channels, h, w]`, number `picture` of its batch;
    /// `None` where `tap` has seen enough before.
    pub fn draw(
        &self,
        path: Path,
        picture: usize,
        ws: &[f32],
        shaping: &Shaping,
        tap: &mut Tap<'_>,
        device: &Device,
    ) -> Result<Option<Tensor>, ModelError> {
        let drawn = match path {
            Path::Reference => return Ok(self.draw_plainly(picture, ws, shaping, tap, device)?),
            Path::Direct | Path::Fast => {
                let job = Job { picture, fast: path == Path::Fast, ..self.job(ws, shaping) };
                self.engine.draw(&job, tap)?
            }
            Path::Accelerated => {
                let job = cuda::Job { picture, ..self.accelerated_job(ws, shaping) };
                self.accelerated()?.draw(&job, tap)?
            }
        };
        Ok(drawn.map(|image| image.to_device(device)).transpose()?)
    }

    /// Packs the network for an accelerator, unless it is for one already.
    pub fn use_accelerator(
        &self,
        accelerator: &Arc<dyn Accelerator>,
        precision: Precision,
    ) -> Result<(), ModelError> {
        if self.accelerated.get().is_none() {
            let engine = cuda::Engine::new(accelerator, precision, &self.config, &self.layers)?;
            let ws = vec![0.0; self.config.num_ws() * self.config.w_dim];
            for mode in [NoiseMode::Random, NoiseMode::Const] {
                let shaping =
                    Shaping { noise: Noise { mode, ..Noise::default() }, ..Shaping::default() };
                engine.warm_up(&self.accelerated_job(&ws, &shaping))?;
            }
            // Another thread may have been faster.
            let _ = self.accelerated.set(engine);
        }
        Ok(())
    }

    /// The accelerator's engine, where there is one.
    pub fn accelerated(&self) -> Result<&cuda::Engine, ModelError> {
        let engine = self.accelerated.get();
        engine.ok_or_else(|| ModelError::Input("the network was given no accelerator".into()))
    }

    /// Asks the accelerator for the picture at `to`.
    pub fn draw_to(
        &self,
        ws: &[f32],
        shaping: &Shaping,
        to: u64,
    ) -> Result<Box<dyn Event>, ModelError> {
        self.accelerated()?.draw_to(&self.accelerated_job(ws, shaping), to)
    }

    fn accelerated_job<'a>(&'a self, ws: &'a [f32], shaping: &'a Shaping) -> cuda::Job<'a> {
        let (config, constant, layers) = (&self.config, &self.constant[..], &self.layers[..]);
        cuda::Job { config, constant, layers, picture: 0, ws, shaping }
    }

    /// Draws by plain tensor operations.
    fn draw_plainly(
        &self,
        picture: usize,
        ws: &[f32],
        shaping: &Shaping,
        tap: &mut Tap<'_>,
        device: &Device,
    ) -> candle_core::Result<Option<Tensor>> {
        let pass = Pass { ws, shaping, device };
        let mut x = pass.constant(&self.constant, self.config.layer_channels(0))?;
        let mut image: Option<Tensor> = None;
        let mut around = None;
        for layer in 0..self.config.num_layers() {
            let rewritten = self.rewritten(layer, shaping);
            let weights = rewritten.as_ref().or_else(|| self.layer(layer));
            if let Some(weights) = weights {
                if let Some(mix) = &weights.residual {
                    around = Some(pass.residual(&x, mix, weights)?);
                }
                let ends_block = !weights.up;
                let resnet = self.config.architecture == Architecture::Resnet && layer > 1;
                let gain = if resnet && ends_block { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
                x = pass.convolve(&x, layer, weights, gain, self.config.conv_clamp)?;
                if ends_block && let Some(around) = around.take() {
                    x = (x + around)?;
                }
            }
            x = bend(x, layer, shaping)?;
            if let Some(to_rgb) = weights.and_then(|w| w.to_rgb.as_ref()) {
                let drawn = pass.to_rgb(&x, layer, to_rgb, self.config.conv_clamp)?;
                image = Some(match image {
                    Some(image) => (upsample(&image)? + drawn)?,
                    None => drawn,
                });
            }
            if tap.wants(layer) {
                let drawn = weights.is_some_and(|w| w.to_rgb.is_some());
                let image = image.as_ref().filter(|_| drawn).map(|i| i.squeeze(0)).transpose()?;
                (tap.take)(LayerOutput { picture, layer, features: x.squeeze(0)?, image });
            }
            if tap.ends_at(layer) {
                return Ok(None);
            }
        }
        let image =
            image.ok_or_else(|| candle_core::Error::Msg("no block draws a picture".into()))?;
        image.squeeze(0).map(Some)
    }

    /// Draws on the CPU, calling `done` after each step.
    pub fn draw_watched(&self, ws: &[f32], done: &dyn Fn(usize)) -> candle_core::Result<()> {
        let mut tap = Tap { layers: &[], take: &mut |_| (), stop_after: false };
        let shaping = Shaping::default();
        self.engine.draw(&Job { done, ..self.job(ws, &shaping) }, &mut tap).map(drop)
    }

    fn job<'a>(&'a self, ws: &'a [f32], shaping: &'a Shaping) -> Job<'a> {
        Job {
            config: &self.config,
            constant: &self.constant,
            layers: &self.layers,
            picture: 0,
            ws,
            shaping,
            fast: true,
            done: &|_| (),
        }
    }

    /// The weights of convolution `layer` after the rewrites, if there are any.
    fn rewritten(&self, layer: usize, shaping: &Shaping) -> Option<LayerWeights> {
        let mut changes = shaping.rewrites.iter().filter(|r| r.changes(layer)).peekable();
        changes.peek()?;
        let mut weights = self.layer(layer)?.clone();
        changes.for_each(|rewrite| rewrite.apply(layer, &mut weights));
        Some(weights)
    }
}

impl Pass<'_> {
    fn constant(&self, cells: &[f32], channels: usize) -> candle_core::Result<Tensor> {
        let canvas = &self.shaping.canvas;
        Tensor::from_vec(
            canvas.widen(cells, 4),
            (1, channels, canvas.rows, canvas.columns),
            self.device,
        )
    }

    /// Row `row` of the latent.
    fn w(&self, row: usize, w_dim: usize) -> &[f32] {
        &self.ws[row * w_dim..(row + 1) * w_dim]
    }

    fn convolve(
        &self,
        x: &Tensor,
        layer: usize,
        weights: &LayerWeights,
        gain: f64,
        clamp: Option<f32>,
    ) -> candle_core::Result<Tensor> {
        let w_dim = weights.affine.weight.len() / weights.inputs;
        let styles = weights.affine.styles(self.w(layer - 1, w_dim));
        let demodulation = demodulation(weights, &styles);
        let noise = self.shaping.noise.picture(layer, weights, &self.shaping.canvas);
        let per_channel =
            |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1, 1), self.device);
        let kernels = Tensor::from_slice(
            &weights.weight,
            (weights.outputs, weights.inputs, 3, 3),
            self.device,
        )?;
        let x = x.broadcast_mul(&per_channel(&styles)?)?;
        let y = if weights.up { convolve_up(&x, &kernels) } else { convolve(&x, &kernels) }?;
        let mut y = y.broadcast_mul(&per_channel(&demodulation)?)?;
        if let Some(noise) = noise {
            let (_, _, height, width) = y.dims4()?;
            y = y.broadcast_add(&Tensor::from_vec(noise, (1, 1, height, width), self.device)?)?;
        }
        leaky_relu(&y.broadcast_add(&per_channel(&weights.bias)?)?, gain, clamp)
    }

    /// What goes round a residual block.
    fn residual(
        &self,
        x: &Tensor,
        mix: &[f32],
        weights: &LayerWeights,
    ) -> candle_core::Result<Tensor> {
        let mix = Tensor::from_slice(mix, (1, weights.outputs, weights.inputs), self.device)?;
        let mix = (mix / (weights.inputs as f64).sqrt())?;
        upsample(&mix_channels(x, &mix)?)? * std::f64::consts::FRAC_1_SQRT_2
    }

    fn to_rgb(
        &self,
        x: &Tensor,
        layer: usize,
        weights: &ToRgbWeights,
        clamp: Option<f32>,
    ) -> candle_core::Result<Tensor> {
        let (inputs, outputs) = (weights.affine.bias.len(), weights.bias.len());
        // It shares its w with the next block's first convolution.
        let w = self.w(layer, weights.affine.weight.len() / inputs);
        let gain = 1.0 / (inputs as f32).sqrt();
        let styles = weights.affine.styles(w);
        let mix: Vec<f32> = weights
            .weight
            .chunks_exact(inputs)
            .flat_map(|row| row.iter().zip(&styles).map(move |(a, s)| a * s * gain))
            .collect();
        let y = mix_channels(x, &Tensor::from_vec(mix, (1, outputs, inputs), self.device)?)?;
        let bias = Tensor::from_slice(&weights.bias, (1, outputs, 1, 1), self.device)?;
        bound(y.broadcast_add(&bias)?, clamp)
    }
}

/// 1 / √(Σ (weight·style)² + 1e-8) over each output's kernel, `[outputs]`.
fn demodulation(weights: &LayerWeights, styles: &[f32]) -> Vec<f32> {
    let power = |kernels: &[f32]| -> f32 {
        let kernels = kernels.chunks_exact(9).zip(styles);
        kernels.map(|(kernel, s)| s * s * kernel.iter().map(|v| v * v).sum::<f32>()).sum()
    };
    let outputs = weights.weight.chunks_exact(9 * weights.inputs);
    outputs.map(|kernels| 1.0 / (power(kernels) + 1e-8).sqrt()).collect()
}

fn bend(x: Tensor, layer: usize, shaping: &Shaping) -> candle_core::Result<Tensor> {
    let mut bends = shaping.bends_at(layer).peekable();
    if bends.peek().is_none() {
        return Ok(x);
    }
    let (_, channels, height, width) = x.dims4()?;
    let mut planes = x.flatten_all()?.to_vec1::<f32>()?;
    bends.for_each(|bend| bend.apply(&mut planes, height, width));
    Tensor::from_vec(planes, (1, channels, height, width), x.device())
}
