//! StyleGAN2-ADA's generator (Karras et al., "Training Generative Adversarial Networks with
//! Limited Data", 2020), by the names of the published checkpoints.

pub mod bend;
mod canvas;
mod config;
mod cpu;
pub(crate) mod cuda;
mod layers;
mod mapping;
pub mod noise;
mod ops;
pub mod rewrite;
mod rewritten;
mod shaping;
mod stand_in;
mod synthesis;
#[cfg(test)]
mod testing;
mod weights;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use candle_core::{Device, Tensor};

pub use bend::{Bend, BendOp, Border, Channels, Keep};
pub use canvas::{Canvas, Fill};
pub(crate) use mapping::mean_w;
pub(crate) use weights::infer_config;

pub use config::{Architecture, Config};
pub use cpu::Cost;
use cpu::Isa;
pub(crate) use cpu::plain;
pub use cuda::{Numbers, Precision, verify};
pub use layers::{Affine, LayerWeights, ToRgbWeights};
pub use noise::{Noise, NoiseField, NoiseMode};
pub use rewrite::{Rewrite, RewriteOp};
pub use shaping::{LayerOutput, Shaping, Tap};
pub use synthesis::Path;

use crate::ModelError;
use crate::accelerator::{Accelerator, Event};
use crate::checkpoint::{self, Checkpoint};
use mapping::Mapping;
use synthesis::Synthesis;
use weights::Weights;

/// A network and the changes that are made to it while it runs.
#[derive(Clone)]
pub struct Model {
    /// The network.
    pub generator: Arc<Generator>,
    /// Changes of its weights, in order.
    pub rewrites: Vec<Rewrite>,
}

/// A StyleGAN2 generator: z → w → picture.
pub struct Generator {
    config: Config,
    content_key: u64,
    device: Device,
    mapping: Mapping,
    synthesis: Synthesis,
}

impl Generator {
    /// Loads a file of any format that [`checkpoint`] opens, told by its content. Fails on the first
    /// weight that is missing, misshapen or not finite, and names it.
    pub fn load(path: &std::path::Path, device: &Device) -> Result<Self, ModelError> {
        Self::from_checkpoint(checkpoint::open(path)?, device)
    }

    /// As [`load`](Self::load), from the bytes of a file.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self, ModelError> {
        Self::from_checkpoint(checkpoint::open_bytes(bytes)?, device)
    }

    /// Builds the network of a checkpoint.
    pub fn from_checkpoint(checkpoint: Checkpoint, device: &Device) -> Result<Self, ModelError> {
        let mut hasher = DefaultHasher::new();
        checkpoint.source_sha256.hash(&mut hasher);
        let tensors = checkpoint.tensors.into_iter();
        let tensors = tensors.map(|(name, tensor)| Ok((name, tensor.to_device(device)?)));
        let weights = Weights::new(tensors.collect::<candle_core::Result<_>>()?);
        Self::build(&weights, checkpoint.config, hasher.finish(), device)
    }

    /// A network of made-up weights, equal for equal arguments, that draws lively abstract
    /// pictures: something to play with while no trained network is at hand.
    pub fn stand_in(config: Config, seed: u32) -> Result<Self, ModelError> {
        config.validate()?;
        let mut hasher = DefaultHasher::new();
        (stand_in::VERSION, seed, format!("{config:?}")).hash(&mut hasher);
        stand_in::build(config, seed, hasher.finish())
    }

    fn build(
        weights: &Weights,
        config: Config,
        content_key: u64,
        device: &Device,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        Ok(Self {
            mapping: Mapping::load(weights, &config)?,
            synthesis: Synthesis::load(weights, &config)?,
            config,
            content_key,
            device: device.clone(),
        })
    }

    /// Its sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Hash of the file's bytes, or of the stand-in's settings: equal keys draw equal pictures.
    pub fn content_key(&self) -> u64 {
        self.content_key
    }

    /// Where its weights lie.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The mean w, `[w_dim]`.
    pub fn w_avg(&self) -> &Tensor {
        &self.mapping.w_avg
    }

    /// `z` `[n, z_dim]` to w `[n, w_dim]`. A conditional network takes `label` `[n, c_dim]`
    /// (usually one-hot; zeros where it is `None`), an unconditional one ignores it.
    pub fn map(&self, z: &Tensor, label: Option<&Tensor>) -> Result<Tensor, ModelError> {
        let (n, _) = self.expect_row("z", z, self.config.z_dim)?;
        let c_dim = self.config.c_dim;
        let label = match label {
            Some(label) => label.clone(),
            None => Tensor::zeros((n, c_dim), z.dtype(), &self.device)?,
        };
        if c_dim > 0 && label.dims() != [n, c_dim] {
            return Err(ModelError::Input(format!(
                "labels have shape {:?}, the network takes [{n}, {c_dim}]",
                label.dims()
            )));
        }
        Ok(self.mapping.forward(z, (c_dim > 0).then_some(&label))?)
    }

    /// w `[n, w_dim]` to one w a layer `[n, num_ws, w_dim]`.
    pub fn broadcast(&self, w: &Tensor) -> Result<Tensor, ModelError> {
        let (n, dim) = self.expect_row("w", w, self.config.w_dim)?;
        Ok(w.unsqueeze(1)?.expand((n, self.config.num_ws(), dim))?.contiguous()?)
    }

    /// Draws the first `cutoff` layers (all for `None`) of `ws` `[n, num_ws, w_dim]` towards the
    /// mean: w_avg + ψ·(w - w_avg).
    pub fn truncate(
        &self,
        ws: &Tensor,
        psi: f32,
        cutoff: Option<usize>,
    ) -> Result<Tensor, ModelError> {
        self.expect_ws(ws)?;
        let num_ws = self.config.num_ws();
        let cutoff = cutoff.unwrap_or(num_ws).min(num_ws);
        if psi == 1.0 || cutoff == 0 {
            return Ok(ws.clone());
        }
        let near = ws.narrow(1, 0, cutoff)?.broadcast_sub(&self.mapping.w_avg)?;
        let near = (near * f64::from(psi))?.broadcast_add(&self.mapping.w_avg)?;
        if cutoff == num_ws {
            return Ok(near);
        }
        Ok(Tensor::cat(&[&near, &ws.narrow(1, cutoff, num_ws - cutoff)?], 1)?)
    }

    /// The weights of convolution `layer` (1, 2, …), or `None` where there is none.
    pub fn layer_weights(&self, layer: usize) -> Option<&LayerWeights> {
        self.synthesis.layer(layer)
    }

    /// Draws on `accelerator` from now on, unless it has one already: its convolutions are packed
    /// and copied there. Where that fails it goes on as before.
    pub fn use_accelerator(
        &self,
        accelerator: &Arc<dyn Accelerator>,
        precision: Precision,
    ) -> Result<(), ModelError> {
        self.synthesis.use_accelerator(accelerator, precision)
    }

    /// The accelerator that draws, where one does.
    pub fn accelerator(&self) -> Option<&Arc<dyn Accelerator>> {
        self.synthesis.accelerated().ok().map(cuda::Engine::accelerator)
    }

    /// In which numbers the accelerator draws, where one does.
    pub fn precision(&self) -> Option<Precision> {
        self.synthesis.accelerated().ok().map(cuda::Engine::precision)
    }

    /// Asks the accelerator for the picture of `ws` `[1, num_ws, w_dim]` and returns at once: RGBA
    /// halves `[height, width, 4]`, linear light, alpha 1, at address `to` of the accelerator. It is
    /// there when the mark is reached.
    pub fn draw_to(
        &self,
        ws: &Tensor,
        shaping: &Shaping,
        to: u64,
    ) -> Result<Box<dyn Event>, ModelError> {
        self.expect_ws(ws)?;
        expect_canvas(&self.config, &shaping.canvas)?;
        self.synthesis.draw_to(&ws.flatten_all()?.to_vec1::<f32>()?, shaping, to)
    }

    /// `ws` `[n, num_ws, w_dim]` to pictures `[n, img_channels, h, w]`, about -1..1, not clamped.
    /// What an accelerator fails at, the processor draws.
    pub fn synthesize(&self, ws: &Tensor, shaping: &Shaping) -> Result<Tensor, ModelError> {
        self.by_best_path(|path| self.synthesize_by(path, ws, shaping))
    }

    /// Calls `draw` with the best path there is, and where the accelerator fails with the
    /// processor's.
    fn by_best_path<T>(
        &self,
        mut draw: impl FnMut(Path) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        if self.accelerator().is_some() {
            match draw(Path::Accelerated) {
                Err(ModelError::Accelerator(_)) => {}
                drawn => return drawn,
            }
        }
        draw(if self.device.is_cpu() { Path::Fast } else { Path::Reference })
    }

    /// As [`synthesize`](Self::synthesize), by a given path.
    pub fn synthesize_by(
        &self,
        path: Path,
        ws: &Tensor,
        shaping: &Shaping,
    ) -> Result<Tensor, ModelError> {
        let mut tap = Tap { layers: &[], take: &mut |_| (), stop_after: false };
        let pictures = self.synthesize_tapped(path, ws, shaping, &mut tap)?;
        pictures.ok_or_else(|| ModelError::Input("nothing was drawn".into()))
    }

    /// Draws `ws` `[1, num_ws, w_dim]` on the CPU to measure it: `done` is called when the styles
    /// are computed (0) and when convolution 1, 2, … is.
    pub fn synthesize_watched(&self, ws: &Tensor, done: &dyn Fn(usize)) -> Result<(), ModelError> {
        self.expect_ws(ws)?;
        let ws = ws.flatten_all()?.to_vec1::<f32>()?;
        Ok(self.synthesis.draw_watched(&ws, done)?)
    }

    /// What each convolution costs on the CPU, and by which instruction set it is computed.
    pub fn costs(&self) -> (Vec<Cost>, &'static str) {
        let layers = (1..self.config.num_layers()).filter_map(|layer| self.layer_weights(layer));
        (layers.map(cpu::cost).collect(), Isa::best().name())
    }

    /// As [`synthesize_by`](Self::synthesize_by), showing `tap` what its layers make. `None` where
    /// it stops after its last layer.
    pub fn synthesize_tapped(
        &self,
        path: Path,
        ws: &Tensor,
        shaping: &Shaping,
        tap: &mut Tap<'_>,
    ) -> Result<Option<Tensor>, ModelError> {
        let n = self.expect_ws(ws)?;
        expect_canvas(&self.config, &shaping.canvas)?;
        let rows = ws.flatten_all()?.to_vec1::<f32>()?;
        let mut pictures = Vec::with_capacity(n);
        for (i, ws) in rows.chunks_exact(rows.len() / n).enumerate() {
            pictures.extend(self.synthesis.draw(path, i, ws, shaping, tap, &self.device)?);
        }
        if pictures.is_empty() {
            return Ok(None);
        }
        Ok(Some(Tensor::stack(&pictures, 0)?))
    }

    /// The features of layer `layer` for `ws`, `[n, channels, h, w]`; nothing beyond is computed.
    pub fn activations(
        &self,
        ws: &Tensor,
        shaping: &Shaping,
        layer: usize,
    ) -> Result<Tensor, ModelError> {
        if layer >= self.config.num_layers() {
            let last = self.config.num_layers() - 1;
            return Err(ModelError::Input(format!("has no layer {layer}: its last is {last}")));
        }
        self.by_best_path(|path| {
            let mut features = Vec::new();
            let mut take = |output: LayerOutput| features.push(output.features);
            let mut tap = Tap { layers: &[layer], take: &mut take, stop_after: true };
            self.synthesize_tapped(path, ws, shaping, &mut tap)?;
            Ok(Tensor::stack(&features, 0)?)
        })
    }

    fn expect_row(&self, name: &str, x: &Tensor, dim: usize) -> Result<(usize, usize), ModelError> {
        match *x.dims() {
            [n, d] if n > 0 && d == dim => Ok((n, d)),
            _ => Err(ModelError::Input(format!(
                "{name} has shape {:?}, the network takes [n, {dim}]",
                x.dims()
            ))),
        }
    }

    fn expect_ws(&self, ws: &Tensor) -> Result<usize, ModelError> {
        let (num_ws, w_dim) = (self.config.num_ws(), self.config.w_dim);
        match *ws.dims() {
            [n, l, d] if n > 0 && l == num_ws && d == w_dim => Ok(n),
            _ => Err(ModelError::Input(format!(
                "ws have shape {:?}, the network takes [n, {num_ws}, {w_dim}]",
                ws.dims()
            ))),
        }
    }
}

/// Most values of a layer's features: 1 GiB of them.
const MAX_FEATURES: usize = 1 << 28;

fn expect_canvas(config: &Config, canvas: &Canvas) -> Result<(), ModelError> {
    let cells = 1..=Canvas::MAX_CELLS;
    if !cells.contains(&canvas.columns) || !cells.contains(&canvas.rows) {
        return Err(ModelError::Input(format!(
            "a canvas of {}×{} cells: each side is 1 to {}",
            canvas.columns,
            canvas.rows,
            Canvas::MAX_CELLS
        )));
    }
    let features = |layer| {
        let (height, width) = canvas.size_px(config.layer_resolution(layer));
        config.layer_channels(layer) * height * width
    };
    if !canvas.is_square() && (0..config.num_layers()).map(features).max() > Some(MAX_FEATURES) {
        return Err(ModelError::Input(format!(
            "a canvas of {}×{} cells takes too much memory at {} pixels: choose fewer cells",
            canvas.columns, canvas.rows, config.img_resolution
        )));
    }
    Ok(())
}
