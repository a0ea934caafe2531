//! The picture: each block's colours, added to the one before at twice its size.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::Tools;
use super::features::{Buffer, Features, padded};
use super::kernel::picture::ToRgbRow;
use super::style::Affine;
use crate::stylegan2::layers::ToRgbWeights;

/// A block's 1×1 convolution to colours.
pub struct ToRgb {
    affine: Affine,
    /// `[colours, channels]` with its gain, channels padded.
    weight: Buffer,
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

    fn row(&self, y: usize) -> &[f32] {
        &self.data[y * self.colours * self.width..][..self.colours * self.width]
    }
}

impl ToRgb {
    pub fn new(tools: &Tools, weights: &ToRgbWeights) -> Self {
        let channels = weights.affine.bias.len();
        let gain = 1.0 / (channels as f32).sqrt();
        let mut weight = Buffer::zeros(weights.bias.len() * padded(channels));
        let rows = weight.chunks_exact_mut(padded(channels));
        for (to, from) in rows.zip(weights.weight.chunks_exact(channels)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from * gain);
        }
        Self { affine: Affine::new(tools, &weights.affine), weight, bias: weights.bias.clone() }
    }

    /// `weights` = the weights times the styles by `w`.
    pub fn modulate(&self, tools: &Tools, w: &[f32], styles: &mut Buffer, weights: &mut Buffer) {
        self.affine.apply(tools, w, styles);
        weights.resize(self.weight.len());
        let channels = styles.len();
        let rows = weights.chunks_exact_mut(channels).zip(self.weight.chunks_exact(channels));
        for (to, from) in rows {
            for ((to, from), style) in to.iter_mut().zip(from).zip(styles.iter()) {
                *to = from * style;
            }
        }
    }

    /// `picture` = the block's colours by `weights` from [`modulate`](Self::modulate), bounded, on top of the picture `before` at twice its size.
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
            match before {
                Some(before) => upsample_row(before, y, row),
                None => row.fill(0.0),
            }
            let (channels, bias) = (x.channels, &self.bias);
            let features = x.row(y);
            tools
                .isa
                .run(channels, ToRgbRow { features, channels, weights, bias, bound, out: row });
        });
    }
}

/// Row `y` of `picture` at twice its size: zeros between the pixels, then [1, 3, 3, 1]/4 along both
/// axes, zeros outside.
fn upsample_row(picture: &Picture, y: usize, out: &mut [f32]) {
    let near = picture.row(y / 2);
    let beside = if y % 2 == 0 { (y / 2).checked_sub(1) } else { Some(y / 2 + 1) };
    let far = beside.filter(|&y| y < picture.height).map(|y| picture.row(y));
    let width = picture.width;
    for c in 0..picture.colours {
        let near = &near[c * width..(c + 1) * width];
        let far = far.map(|far| &far[c * width..(c + 1) * width]);
        let value = |x: usize| 0.75 * near[x] + far.map_or(0.0, |far| 0.25 * far[x]);
        let out = &mut out[2 * c * width..2 * (c + 1) * width];
        let mut before = 0.0;
        let mut here = value(0);
        for (x, pair) in out.chunks_exact_mut(2).enumerate() {
            let after = if x + 1 < width { value(x + 1) } else { 0.0 };
            pair[0] = 0.25 * before + 0.75 * here;
            pair[1] = 0.75 * here + 0.25 * after;
            (before, here) = (here, after);
        }
    }
}
