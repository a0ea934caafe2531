//! The synthesis network on the CPU.
//!
//! Features lie channels last with a border of zeros. Styles scale the features on their way into
//! a convolution, so that the weights are packed once; demodulation, noise, bias, activation and
//! bound follow each sum while it is in registers. Every value is computed by one thread in one
//! order, by an algorithm that the layer's shape decides: equal inputs give equal pictures,
//! whatever the number of threads.

mod bend;
mod direct;
mod epilogue;
mod features;
mod kernel;
mod layer;
mod panels;
mod picture;
pub(crate) mod plain;
mod residual;
mod rule;
mod simd;
mod style;
#[cfg(test)]
mod tests;
mod up;
mod up_winograd;
mod winograd;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::config::{Architecture, Config};
use super::layers::LayerWeights;
use super::noise::NoiseMode;
use super::rewritten::Rewritten;
use super::shaping::{LayerOutput, Shaping, Tap};
use features::{Buffer, Features, Pool, made};
use layer::{Layer, Modulation, Run};
use panels::Panels;
use picture::Picture;
pub use rule::Cost;
pub(super) use rule::cost;
pub use simd::Isa;

/// What all computations share.
struct Tools {
    isa: Isa,
    buffers: Pool<Buffer>,
    features: Pool<Features>,
    panels: Pool<[Panels; 4]>,
}

/// The synthesis network, packed for the CPU.
pub(super) struct Engine {
    tools: Tools,
    spaces: Pool<Space>,
    /// Convolution 1, 2, …
    slots: Vec<Slot>,
}

/// A convolution as it was trained, made at first use, and as it was last rewritten.
#[derive(Default)]
struct Slot {
    trained: OnceLock<Layer>,
    rewritten: Rewritten<Layer>,
}

/// What a picture is drawn from.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub config: &'a Config,
    /// `[channels, 4, 4]`.
    pub constant: &'a [f32],
    /// Convolution 1, 2, …
    pub layers: &'a [LayerWeights],
    /// Number of the picture in its batch.
    pub picture: usize,
    /// `[num_ws, w_dim]`.
    pub ws: &'a [f32],
    pub shaping: &'a Shaping,
    /// Whether each layer may take the fastest algorithm.
    pub fast: bool,
    /// Called when a layer is done: 0 when the styles are, 1 with the first convolution, …
    pub done: &'a dyn Fn(usize),
}

impl Job<'_> {
    /// The noise of convolution `number`, empty for none, and its factor; made in `room` where it is
    /// not the stored one.
    fn noise<'b>(
        &self,
        number: usize,
        weights: &'b LayerWeights,
        room: &'b mut Vec<f32>,
    ) -> (&'b [f32], f32) {
        let (noise, canvas) = (&self.shaping.noise, &self.shaping.canvas);
        let gain = noise.gain(number, weights);
        match noise.mode {
            _ if gain == 0.0 => (&[], gain),
            NoiseMode::Const if canvas.is_square() => (&weights.noise, gain),
            _ => {
                noise.fill(number, weights, canvas, room);
                (room, gain)
            }
        }
    }
}

/// Room for one picture in the making.
#[derive(Default)]
struct Space {
    x: Features,
    y: Features,
    modulations: Vec<Modulation>,
    picture: Picture,
    before: Picture,
    noise: Vec<f32>,
    rgb_styles: Buffer,
    rgb_weights: Buffer,
}

/// A convolution in use: its packed form, and the weights that it was made of.
#[derive(Clone)]
enum Current<'a> {
    Trained(&'a Layer, &'a LayerWeights),
    Rewritten(Arc<(Layer, LayerWeights)>),
}

impl Current<'_> {
    fn parts(&self) -> (&Layer, &LayerWeights) {
        match self {
            Self::Trained(layer, weights) => (layer, weights),
            Self::Rewritten(pair) => (&pair.0, &pair.1),
        }
    }
}

impl Engine {
    /// For a network of so many convolutions.
    pub fn new(isa: Isa, num_convolutions: usize) -> Self {
        let tools = Tools {
            isa,
            buffers: Pool::default(),
            features: Pool::default(),
            panels: Pool::default(),
        };
        let slots = (0..num_convolutions).map(|_| Slot::default()).collect();
        Self { tools, spaces: Pool::default(), slots }
    }

    /// The picture `[img_channels, h, w]`; `None` where `tap` has seen enough before.
    pub fn draw(&self, job: &Job<'_>, tap: &mut Tap<'_>) -> candle_core::Result<Option<Tensor>> {
        let mut space = self.spaces.take();
        self.draw_in(&mut space, job, tap)
    }

    fn draw_in(
        &self,
        space: &mut Space,
        job: &Job<'_>,
        tap: &mut Tap<'_>,
    ) -> candle_core::Result<Option<Tensor>> {
        let layers: Vec<Current<'_>> = (1..=self.slots.len()).map(|k| self.layer(k, job)).collect();
        let w_dim = job.config.w_dim;
        let w = |row: usize| &job.ws[row * w_dim..(row + 1) * w_dim];
        space.modulations.resize_with(layers.len(), Modulation::default);
        space.modulations.par_iter_mut().zip(&layers).enumerate().for_each(|(i, (to, layer))| {
            layer.parts().0.modulate(&self.tools, w(i), to);
        });
        (job.done)(0);
        self.begin(&mut space.x, job);
        if self.look(job, 0, &space.x, None, tap)? {
            return Ok(None);
        }
        let mut around = None;
        let mut is_drawn = false;
        for (index, current) in layers.iter().enumerate() {
            let number = index + 1;
            let (layer, weights) = current.parts();
            if let Some(residual) = &layer.residual {
                around = Some(residual.mix(&self.tools, &space.x));
            }
            let ends_block = !weights.up;
            let is_residual = job.config.architecture == Architecture::Resnet && number > 1;
            let (noise, noise_gain) = job.noise(number, weights, &mut space.noise);
            let run = Run {
                weights,
                modulation: &space.modulations[index],
                noise,
                noise_gain,
                gain: if is_residual && ends_block { std::f32::consts::FRAC_1_SQRT_2 } else { 1.0 },
                clamp: job.config.conv_clamp,
                fast: job.fast,
            };
            layer.run(&self.tools, &run, &space.x, &mut space.y);
            std::mem::swap(&mut space.x, &mut space.y);
            if ends_block && let Some(around) = around.take() {
                residual::add_upsampled(&self.tools, &around, &mut space.x);
            }
            bend::apply(&self.tools, job.shaping, number, weights.outputs, &mut space.x);
            if let Some(to_rgb) = &layer.to_rgb {
                // It shares its w with the next block's first convolution.
                let styles = &mut space.rgb_styles;
                to_rgb.modulate(&self.tools, w(number), styles, &mut space.rgb_weights);
                std::mem::swap(&mut space.picture, &mut space.before);
                let before = is_drawn.then_some(&space.before);
                let bound = job.config.conv_clamp.unwrap_or(f32::INFINITY);
                let colours = &space.rgb_weights;
                to_rgb.draw(&self.tools, &space.x, colours, bound, before, &mut space.picture);
                is_drawn = true;
            }
            (job.done)(number);
            let drawn = layer.to_rgb.is_some().then_some(&space.picture);
            if self.look(job, number, &space.x, drawn, tap)? {
                return Ok(None);
            }
        }
        if !is_drawn {
            return Err(candle_core::Error::Msg("no block draws a picture".into()));
        }
        space.picture.to_tensor().map(Some)
    }

    /// Convolution `number` with the rewrites of this picture.
    fn layer<'a>(&'a self, number: usize, job: &Job<'a>) -> Current<'a> {
        let (slot, weights) = (&self.slots[number - 1], &job.layers[number - 1]);
        let mut changes = job.shaping.rewrites.iter().filter(|r| r.changes(number)).peekable();
        if changes.peek().is_some() {
            let changes: Vec<_> = changes.collect();
            let make = |weights: &_| Ok::<_, Infallible>(Layer::new(&self.tools, weights));
            let Ok(rewritten) = slot.rewritten.get(number, weights, &changes, make);
            return Current::Rewritten(rewritten);
        }
        let layer = made(&slot.trained, || Layer::new(&self.tools, weights));
        Current::Trained(layer, weights)
    }

    /// The learned constant on its canvas, bent.
    fn begin(&self, x: &mut Features, job: &Job<'_>) {
        let (canvas, channels) = (&job.shaping.canvas, job.config.layer_channels(0));
        x.reshape(canvas.rows, canvas.columns, channels);
        x.set_planar(&canvas.widen(job.constant, 4));
        bend::apply(&self.tools, job.shaping, 0, channels, x);
    }

    /// Shows layer `layer` to the tap if it is wanted; whether nothing is wanted beyond it.
    fn look(
        &self,
        job: &Job<'_>,
        layer: usize,
        x: &Features,
        picture: Option<&Picture>,
        tap: &mut Tap<'_>,
    ) -> candle_core::Result<bool> {
        if tap.wants(layer) {
            let channels = job.config.layer_channels(layer);
            let shape = (channels, x.height, x.width);
            let features = Tensor::from_vec(x.to_planar(channels), shape, &Device::Cpu)?;
            let image = picture.map(Picture::to_tensor).transpose()?;
            (tap.take)(LayerOutput { picture: job.picture, layer, features, image });
        }
        Ok(tap.ends_at(layer))
    }
}
