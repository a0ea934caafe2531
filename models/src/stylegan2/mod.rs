//! StyleGAN2-ADA's generator (Karras et al., "Training Generative Adversarial Networks with
//! Limited Data", 2020), by the names of the published checkpoints.

mod bend;
mod config;
mod cpu;
mod mapping;
mod noise;
mod ops;
mod stand_in;
mod synthesis;
mod weights;

use std::hash::{DefaultHasher, Hash, Hasher};

use candle_core::{Device, Tensor};

pub use bend::{Bend, BendOp, Border, Channels, Keep};
pub use config::{Architecture, Config};
pub use noise::{Noise, NoiseMode};
pub use synthesis::{BlockOutput, Path};

use crate::ModelError;
use crate::file::read_bounded;
use mapping::Mapping;
use synthesis::Synthesis;
use weights::Weights;

/// Bytes of the largest file that is read: published networks have up to 0.4 GB.
const MAX_FILE_LEN: u64 = 4 << 30;

/// A StyleGAN2 generator: z → w → picture.
pub struct Generator {
    config: Config,
    content_key: u64,
    device: Device,
    mapping: Mapping,
    synthesis: Synthesis,
}

impl Generator {
    /// Loads a safetensors file with the published names. The configuration comes from the
    /// metadata entry `config`, or else from names and shapes. Fails on the first weight that is
    /// missing, misshapen or not finite, and names it.
    pub fn load(path: &std::path::Path, device: &Device) -> Result<Self, ModelError> {
        Self::from_bytes(&read_bounded(path, MAX_FILE_LEN)?, device)
    }

    /// As [`load`](Self::load), from the bytes of a file.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self, ModelError> {
        let (weights, config) = Weights::read(bytes, device)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self::build(&weights, config, hasher.finish(), device)
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

    /// `ws` `[n, num_ws, w_dim]` to pictures `[n, img_channels, h, w]`, about -1..1, not clamped.
    pub fn synthesize(&self, ws: &Tensor, noise: &Noise) -> Result<Tensor, ModelError> {
        self.synthesize_by(synthesis::best_path(&self.device), ws, noise, |_| ())
    }

    /// As [`synthesize`](Self::synthesize), by a given path, showing `tap` what each block made.
    pub fn synthesize_by(
        &self,
        path: Path,
        ws: &Tensor,
        noise: &Noise,
        tap: impl FnMut(BlockOutput),
    ) -> Result<Tensor, ModelError> {
        self.expect_ws(ws)?;
        Ok(self.synthesis.forward(ws, noise, path, tap)?)
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

    fn expect_ws(&self, ws: &Tensor) -> Result<(), ModelError> {
        let (num_ws, w_dim) = (self.config.num_ws(), self.config.w_dim);
        match *ws.dims() {
            [n, l, d] if n > 0 && l == num_ws && d == w_dim => Ok(()),
            _ => Err(ModelError::Input(format!(
                "ws have shape {:?}, the network takes [n, {num_ws}, {w_dim}]",
                ws.dims()
            ))),
        }
    }
}
