//! The synthesis network on the CPU.
//!
//! Features lie channels last with a border of zeros. Styles scale the features on their way into
//! a convolution, so that the weights are packed once; demodulation, noise, bias, activation and
//! bound follow each sum while it is in registers. Every value is computed by one thread in one
//! order, by an algorithm that the layer's shape decides: equal inputs give equal pictures,
//! whatever the number of threads.

mod direct;
mod epilogue;
mod features;
mod kernel;
mod layer;
mod load;
pub mod old;
mod panels;
mod picture;
mod residual;
mod rule;
mod simd;
mod style;
mod up;
mod winograd;

use candle_core::Tensor;
use rayon::prelude::*;

use features::{Buffer, Features, Pool};
use layer::{Layer, Modulation};
use picture::{Picture, ToRgb};
use residual::Residual;
pub use simd::Isa;

/// What all computations share.
pub(super) struct Tools {
    isa: Isa,
    buffers: Pool<Buffer>,
    features: Pool<Features>,
}

/// The synthesis network, packed for the CPU.
pub(super) struct Engine {
    tools: Tools,
    spaces: Pool<Space>,
    /// `[channels, 4, 4]`.
    constant: Vec<f32>,
    channels: usize,
    w_dim: usize,
    blocks: Vec<Block>,
}

struct Block {
    conv0: Option<Layer>,
    conv1: Layer,
    to_rgb: Option<ToRgb>,
    residual: Option<Residual>,
}

/// Room for one picture in the making.
#[derive(Default)]
struct Space {
    x: Features,
    y: Features,
    modulations: Vec<Modulation>,
    picture: Picture,
    before: Picture,
    rgb_styles: Buffer,
    rgb_weights: Buffer,
}

impl Engine {
    /// `ws` `[num_ws, w_dim]` to the picture `[colours, height, width]`.
    pub fn draw(
        &self,
        fast: bool,
        ws: &[f32],
        noise: impl Fn(usize) -> (Vec<f32>, f32) + Sync,
    ) -> candle_core::Result<(Vec<f32>, usize, usize)> {
        let mut space = self.spaces.take();
        let Space { x, y, modulations, picture, before, rgb_styles, rgb_weights } = &mut *space;
        let w = |row: usize| &ws[row * self.w_dim..(row + 1) * self.w_dim];
        let layers: Vec<&Layer> = self.layers().collect();
        modulations.resize_with(layers.len(), Modulation::default);
        modulations.par_iter_mut().zip(&layers).enumerate().for_each(|(i, (to, layer))| {
            layer.modulate(&self.tools, w(i), to);
        });
        x.reshape(4, 4, self.channels);
        x.set_planar(&self.constant);
        let mut index = 0;
        let mut any = false;
        for block in &self.blocks {
            let skipped = block.residual.as_ref().map(|residual| residual.mix(&self.tools, x));
            for layer in block.layers() {
                let (noise, gain) = noise(index);
                let plane: &[f32] = if noise.is_empty() { &layer.noise } else { &noise };
                let plane = if gain == 0.0 { &[] } else { plane };
                layer.run(&self.tools, fast, &modulations[index], (plane, gain), x, y)?;
                std::mem::swap(x, y);
                index += 1;
            }
            if let Some(skipped) = skipped {
                residual::add_upsampled(&self.tools, &skipped, x);
            }
            if let Some(to_rgb) = &block.to_rgb {
                to_rgb.modulate(&self.tools, w(index), rgb_styles, rgb_weights);
                to_rgb.draw(&self.tools, x, rgb_weights, any.then_some(&*before), picture);
                std::mem::swap(picture, before);
                any = true;
            }
        }
        Ok((before.to_planar(), before.height, before.width))
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.blocks.iter().flat_map(Block::layers)
    }
}

impl Block {
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.conv0.iter().chain([&self.conv1])
    }
}

fn values(x: &Tensor) -> candle_core::Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}
