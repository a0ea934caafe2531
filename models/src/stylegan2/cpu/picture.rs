//! The picture: each block's colours, added to the one before at twice its size.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::Tools;
use super::features::{Buffer, Features};
use super::kernel::product::{Product, Raster};
use super::style::Affine;
use crate::stylegan2::layers::ToRgbWeights;

/// Colours with padding: a vector of the product.
const LANES: usize = 8;

/// A block's 1×1 convolution to colours.
pub struct ToRgb {
    affine: Affine,
    /// `[channels, LANES]` with its gain, colours padded.
    weight: Vec<f32>,
    /// `[colours]`.
    bias: Vec<f32>,
}

/// A picture in the making, `[height, colours, width]`.
#[derive(Default)]
pub struct Picture {
    height: usize,
    width: usize,
    colours: usize,
    data: Buffer,
}

impl Picture {
    fn reshape(&mut self, height: usize, width: usize, colours: usize) {
        (self.height, self.width, self.colours) = (height, width, colours);
        self.data.resize(height * colours * width);
    }

    /// As planes `[colours, height, width]`.
    pub fn to_tensor(&self) -> candle_core::Result<Tensor> {
        let mut planar = Vec::with_capacity(self.data.len());
        for colour in 0..self.colours {
            let rows = self.data.chunks_exact(self.width).skip(colour).step_by(self.colours);
            rows.for_each(|row| planar.extend_from_slice(row));
        }
        Tensor::from_vec(planar, (self.colours, self.height, self.width), &Device::Cpu)
    }

    /// Row `y` of the picture at twice its size: zeros between the pixels, then [1, 3, 3, 1]/4 along
    /// both axes, zeros outside.
    fn upsample_row(&self, y: usize, scratch: &mut [f32], out: &mut [f32]) {
        let width = self.width;
        let near = self.row(y / 2);
        let beside = if y.is_multiple_of(2) { (y / 2).checked_sub(1) } else { Some(y / 2 + 1) };
        let far = beside.filter(|&y| y < self.height).map(|y| self.row(y));
        let mixed = &mut scratch[..width + 2];
        for (colour, out) in out.chunks_exact_mut(2 * width).enumerate() {
            let part = colour * width..(colour + 1) * width;
            let far = far.map_or(&[][..], |far| &far[part.clone()]);
            (mixed[0], mixed[width + 1]) = (0.0, 0.0);
            for (mixed, near) in mixed[1..].iter_mut().zip(&near[part]) {
                *mixed = 0.75 * near;
            }
            for (mixed, far) in mixed[1..].iter_mut().zip(far) {
                *mixed += 0.25 * far;
            }
            for (pair, around) in out.chunks_exact_mut(2).zip(mixed.windows(3)) {
                pair[0] = 0.25 * around[0] + 0.75 * around[1];
                pair[1] = 0.75 * around[1] + 0.25 * around[2];
            }
        }
    }

    fn row(&self, y: usize) -> &[f32] {
        &self.data[y * self.colours * self.width..][..self.colours * self.width]
    }
}

impl ToRgb {
    pub fn new(tools: &Tools, weights: &ToRgbWeights) -> Self {
        let channels = weights.affine.bias.len();
        let gain = 1.0 / (channels as f32).sqrt();
        let mut weight = vec![0.0; channels * LANES];
        for (colour, row) in weights.weight.chunks_exact(channels).enumerate().take(LANES) {
            for (c, v) in row.iter().enumerate() {
                weight[c * LANES + colour] = v * gain;
            }
        }
        Self { affine: Affine::new(tools, &weights.affine), weight, bias: weights.bias.clone() }
    }

    /// `weights` = the weights times the styles by `w`.
    pub fn modulate(&self, tools: &Tools, w: &[f32], styles: &mut Buffer, weights: &mut Buffer) {
        self.affine.apply(tools, w, styles);
        weights.resize(self.weight.len());
        let rows = weights.chunks_exact_mut(LANES).zip(self.weight.chunks_exact(LANES));
        for ((to, from), style) in rows.zip(styles.iter()) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from * style);
        }
    }

    /// `picture` = the block's colours by `weights` from [`modulate`](Self::modulate), bounded, on
    /// top of the picture `before` at twice its size.
    pub fn draw(
        &self,
        tools: &Tools,
        x: &Features,
        weights: &[f32],
        bound: f32,
        before: Option<&Picture>,
        picture: &mut Picture,
    ) {
        let (colours, width) = (self.bias.len(), x.width);
        picture.reshape(x.height, width, colours);
        picture.data.par_chunks_mut(colours * width).enumerate().for_each(|(y, row)| {
            let mut scratch = tools.buffers.take();
            scratch.resize(width * LANES);
            match before {
                Some(before) => before.upsample_row(y, &mut scratch, row),
                None => row.fill(0.0),
            }
            product(tools, x.row(y), x.channels, weights, &mut scratch);
            for (colour, (out, bias)) in row.chunks_exact_mut(width).zip(&self.bias).enumerate() {
                for (out, sums) in out.iter_mut().zip(scratch.chunks_exact(LANES)) {
                    *out += (sums[colour] + bias).min(bound).max(-bound);
                }
            }
        });
    }
}

/// The colours of a row of features, `[width, LANES]`.
fn product(tools: &Tools, x: &[f32], step: usize, weights: &[f32], out: &mut [f32]) {
    let product = Product {
        x,
        input: Raster::line(0, step),
        taps: &[0],
        channels: weights.len() / LANES,
        weights,
        vectors: 1,
        pixels: x.len() / step,
        out,
        output: Raster::line(0, LANES),
        finish: None,
    };
    tools.isa.run(LANES, product);
}
