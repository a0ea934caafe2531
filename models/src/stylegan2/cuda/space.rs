//! Room for one picture in the making.

use std::sync::Arc;

use super::conv;
use super::features::{num_bytes, padded, to_bytes};
use super::layer::{Layer, PICTURE_CHANNELS};
use super::modulate::{self, DemodulationJob, StyleJob};
use super::{Numbers, Precision};
use crate::accelerator::{Accelerator, AcceleratorError, Memory, Recording};
use crate::stylegan2::canvas::Canvas;
use crate::stylegan2::config::{Architecture, Config};

const FLOAT_BYTES: usize = size_of::<f32>();

/// The sizes of a network's features on a canvas.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    pub config: Config,
    pub precision: Precision,
    pub canvas: Canvas,
}

impl Sizes {
    /// Height and width, in pixels, of layer `layer`'s features.
    pub fn size_px(&self, layer: usize) -> (usize, usize) {
        self.canvas.size_px(self.config.layer_resolution(layer))
    }

    /// The numbers in which convolution `layer` computes.
    pub fn numbers(&self, layer: usize) -> Numbers {
        self.precision.numbers(self.config.layer_resolution(layer), self.config.img_resolution)
    }

    /// The numbers of layer `layer`'s features: those that the next convolution takes.
    pub fn feature_numbers(&self, layer: usize) -> Numbers {
        self.numbers((layer + 1).min(self.config.num_layers() - 1))
    }

    /// The shape of convolution `layer`.
    pub fn shape(&self, layer: usize) -> conv::Shape {
        let (height, width) = self.size_px(layer - 1);
        conv::Shape {
            inputs: self.config.layer_channels(layer - 1),
            outputs: self.config.layer_channels(layer),
            height,
            width,
            up: layer.is_multiple_of(2),
            numbers: self.numbers(layer),
            out: self.feature_numbers(layer),
        }
    }

    /// Bytes of layer `layer`'s features.
    fn feature_bytes(&self, layer: usize) -> usize {
        let (height, width) = self.size_px(layer);
        num_bytes((height, width, self.config.layer_channels(layer)), self.feature_numbers(layer))
    }

    fn convolutions(&self) -> std::ops::Range<usize> {
        1..self.config.num_layers()
    }
}

/// What modulates a convolution and its toRGB layer in one picture, f32 a channel.
#[derive(Debug)]
pub(super) struct Modulation {
    pub styles: Memory,
    /// The styles by their largest, as the convolution takes them.
    pub scaled: Memory,
    pub demodulation: Memory,
    pub rgb_styles: Memory,
}

/// The work of the modulation of all layers, listed on the accelerator.
pub(super) struct Tables {
    /// The layers that it is for.
    layers: Vec<Arc<Layer>>,
    styles: (Memory, usize),
    demodulation: (Memory, usize),
}

/// The launches of a picture, and what they were recorded for.
pub(super) struct Recorded {
    pub layers: Vec<Arc<Layer>>,
    pub noises: Vec<Option<u64>>,
    /// `None`: seen once, not recorded yet.
    pub launches: Option<Box<dyn Recording>>,
}

/// Room for one picture in the making.
pub(super) struct Space {
    pub sizes: Sizes,
    /// `[num_ws, w_dim]`.
    pub ws: Memory,
    /// Factor of the noise of convolution 1, 2, …
    pub gains: Memory,
    /// Seed of random noise, u64.
    pub seed: Memory,
    /// The learned constant on the canvas.
    pub constant: Memory,
    /// As bytes on the host, to be copied where it is bent.
    pub constant_bytes: Vec<u8>,
    /// Features of the even layers and of the odd ones.
    pub features: [Memory; 2],
    /// What goes round a residual block.
    pub around: Option<Memory>,
    pub pictures: [Memory; 2],
    pub workspace: Memory,
    pub modulations: Vec<Modulation>,
    /// Noise that is not the stored one, of convolution 1, 2, …, made where it is used, with the
    /// layer whose stored noise it holds.
    pub noises: Vec<Option<(Memory, Option<Arc<Layer>>)>>,
    /// For bends.
    scratch: Option<Memory>,
    tables: Option<Tables>,
    pub recorded: Option<Recorded>,
}

impl Space {
    pub fn new(
        accelerator: &Arc<dyn Accelerator>,
        sizes: Sizes,
        constant: &[f32],
    ) -> Result<Self, AcceleratorError> {
        let new = |num_bytes: usize| Memory::new(accelerator, num_bytes.max(1));
        let config = &sizes.config;
        let (height, width) = sizes.size_px(0);
        let widened = sizes.canvas.widen(constant, 4);
        let constant_bytes =
            to_bytes(&widened, (height, width, config.layer_channels(0)), sizes.feature_numbers(0));
        let most = |layers: &mut dyn Iterator<Item = usize>| {
            layers.map(|layer| sizes.feature_bytes(layer)).max().unwrap_or(0)
        };
        let (rows, columns) = sizes.canvas.size_px(config.img_resolution);
        let picture_bytes = rows * columns * PICTURE_CHANNELS * FLOAT_BYTES;
        let workspace = sizes
            .convolutions()
            .map(|layer| sizes.shape(layer).workspace_bytes(accelerator.as_ref()))
            .max();
        let is_residual = config.architecture == Architecture::Resnet;
        let modulations = sizes.convolutions().map(|layer| {
            let (inputs, outputs) =
                (config.layer_channels(layer - 1), config.layer_channels(layer));
            let channels = |n: usize| new(padded(n) * FLOAT_BYTES);
            Ok(Modulation {
                styles: channels(inputs)?,
                scaled: channels(inputs)?,
                demodulation: channels(outputs)?,
                rgb_styles: channels(outputs)?,
            })
        });
        Ok(Self {
            ws: new(config.num_ws() * config.w_dim * FLOAT_BYTES)?,
            gains: new(config.num_layers() * FLOAT_BYTES)?,
            seed: new(size_of::<u64>())?,
            constant: Memory::holding(accelerator, &constant_bytes)?,
            constant_bytes,
            features: [
                new(most(&mut (0..config.num_layers()).step_by(2)))?,
                new(most(&mut (1..config.num_layers()).step_by(2)))?,
            ],
            around: if is_residual {
                Some(new(most(&mut (2..config.num_layers())))?)
            } else {
                None
            },
            pictures: [new(picture_bytes)?, new(picture_bytes)?],
            workspace: new(workspace.unwrap_or(0))?,
            modulations: modulations.collect::<Result<_, AcceleratorError>>()?,
            noises: sizes.convolutions().map(|_| None).collect(),
            scratch: None,
            tables: None,
            recorded: None,
            sizes,
        })
    }

    /// Room for what a bend needs.
    pub fn scratch(
        &mut self,
        accelerator: &Arc<dyn Accelerator>,
        num_bytes: usize,
    ) -> Result<u64, AcceleratorError> {
        if self.scratch.as_ref().is_none_or(|scratch| scratch.num_bytes() < num_bytes) {
            self.scratch = None;
        }
        let scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Memory::new(accelerator, num_bytes.max(1))?,
        };
        Ok(self.scratch.insert(scratch).address())
    }

    /// The lists of the modulation's work for `layers`, made anew where they are others than before.
    pub fn list_modulation(
        &mut self,
        accelerator: &Arc<dyn Accelerator>,
        layers: &[Arc<Layer>],
    ) -> Result<(), AcceleratorError> {
        let is_listed = |tables: &Tables| are_same(&tables.layers, layers);
        if !self.tables.as_ref().is_some_and(is_listed) {
            self.tables = Some(Tables::new(accelerator, layers, self)?);
        }
        Ok(())
    }

    /// Computes what modulates all layers.
    pub fn modulate(&self, accelerator: &dyn Accelerator) -> Result<(), AcceleratorError> {
        let Some(tables) = &self.tables else { return Ok(()) };
        let config = &self.sizes.config;
        let most_channels = config.channels.iter().copied().max().unwrap_or(1);
        let (jobs, num_jobs) = &tables.styles;
        let ws = self.ws.address();
        modulate::styles(accelerator, jobs, *num_jobs, most_channels, ws, config.w_dim)?;
        let (jobs, num_jobs) = &tables.demodulation;
        modulate::demodulate(accelerator, jobs, *num_jobs, most_channels)
    }
}

impl Tables {
    fn new(
        accelerator: &Arc<dyn Accelerator>,
        layers: &[Arc<Layer>],
        space: &Space,
    ) -> Result<Self, AcceleratorError> {
        let (config, mut styles, mut demodulation) = (&space.sizes.config, Vec::new(), Vec::new());
        let gain = 1.0 / (config.w_dim as f32).sqrt();
        let style = |affine: &super::layer::Affine, to: &Memory, row: usize| StyleJob {
            weight: affine.weight.address(),
            bias: affine.bias.address(),
            styles: to.address(),
            row: row as u32,
            channels: affine.num_styles as u32,
            gain,
            _pad: 0,
        };
        for (index, (layer, modulation)) in layers.iter().zip(&space.modulations).enumerate() {
            styles.push(style(&layer.affine, &modulation.styles, index));
            if let Some(to_rgb) = &layer.to_rgb {
                // It shares its w with the next block's first convolution.
                styles.push(style(&to_rgb.affine, &modulation.rgb_styles, index + 1));
            }
            demodulation.push(DemodulationJob {
                power: layer.power.address(),
                styles: modulation.styles.address(),
                scaled: modulation.scaled.address(),
                demodulation: modulation.demodulation.address(),
                inputs: config.layer_channels(index) as u32,
                outputs: config.layer_channels(index + 1) as u32,
            });
        }
        let list = |bytes: &[u8]| Memory::holding(accelerator, bytes);
        Ok(Self {
            layers: layers.to_vec(),
            styles: (list(bytemuck::cast_slice(&styles))?, styles.len()),
            demodulation: (list(bytemuck::cast_slice(&demodulation))?, demodulation.len()),
        })
    }
}

/// Whether two lists hold the same layers, not only equal ones.
pub(super) fn are_same(a: &[Arc<Layer>], b: &[Arc<Layer>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}
