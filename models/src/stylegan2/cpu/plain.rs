//! Plain convolutions of other networks, by the same kernels.

use rayon::prelude::*;

use super::Tools;
use super::direct;
use super::features::{Features, Pool, padded};
use super::panels::Panels;
use super::simd::Isa;

/// What follows a convolution's sum and bias.
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
    /// tanh x.
    Tanh,
    /// max(x, 0) + slope·min(x, 0), a slope for each channel.
    Prelu(Vec<f32>),
}

/// A convolution with zeros outside, which keeps the size.
struct Layer {
    inputs: usize,
    outputs: usize,
    /// Side of the kernel.
    side: usize,
    panels: Panels,
    /// Of each channel, padded, as are the slopes.
    bias: Vec<f32>,
    activation: Activation,
}

/// Convolutions one after the other, packed for the CPU.
pub struct Chain {
    tools: Tools,
    layers: Vec<Layer>,
}

impl Default for Chain {
    fn default() -> Self {
        let tools = Tools {
            isa: Isa::best(),
            buffers: Pool::default(),
            features: Pool::default(),
            panels: Pool::default(),
        };
        Self { tools, layers: Vec::new() }
    }
}

impl Chain {
    /// Adds a convolution by `weight`, `[outputs, inputs, side, side]` with an odd side, to whose
    /// outputs `bias` has a value each, as have the slopes.
    pub fn push(
        &mut self,
        weight: &[f32],
        (outputs, inputs, side): (usize, usize, usize),
        bias: &[f32],
        mut activation: Activation,
    ) {
        let isa = self.tools.isa;
        let panels = if side == 3 {
            direct::pack(&self.tools, weight, (outputs, inputs))
        } else {
            let taps = side * side;
            let by_tap: Vec<f32> = weight
                .chunks_exact(inputs * taps)
                .flat_map(|kernels| {
                    let places = (0..taps).flat_map(move |tap| (0..inputs).map(move |c| (c, tap)));
                    places.map(|(c, tap)| kernels[c * taps + tap])
                })
                .collect();
            Panels::transposed(isa, &by_tap, inputs * taps, outputs, 1.0)
        };
        let padded = |values: &[f32]| {
            let mut padded = values.to_vec();
            padded.resize(self::padded(outputs), 0.0);
            padded
        };
        if let Activation::Prelu(slopes) = &mut activation {
            *slopes = padded(slopes);
        }
        self.layers.push(Layer { inputs, outputs, side, panels, bias: padded(bias), activation });
    }

    /// The last convolution's planes `[outputs, height, width]` of the first's `[inputs, height,
    /// width]`. Every value is computed in one order, whatever the number of threads.
    pub fn run(&self, planes: &[f32], height: usize, width: usize) -> Vec<f32> {
        let Some(last) = self.layers.last() else { return planes.to_vec() };
        let (mut x, mut y) = (self.tools.features.take(), self.tools.features.take());
        let mut unfolded = self.tools.features.take();
        x.reshape(height, width, self.layers[0].inputs);
        x.set_planar(planes);
        for layer in &self.layers {
            y.reshape(height, width, layer.outputs);
            if layer.side == 3 {
                direct::convolve(&self.tools, &x, &layer.panels, layer.inputs, None, &mut y);
            } else {
                let inputs = layer.inputs * layer.side * layer.side;
                unfold(&x, layer.inputs, layer.side, &mut unfolded);
                direct::convolve(&self.tools, &unfolded, &layer.panels, inputs, None, &mut y);
            }
            layer.finish(&mut y);
            std::mem::swap(&mut *x, &mut *y);
        }
        x.to_planar(last.outputs)
    }
}

impl Layer {
    /// Adds the bias and applies the activation.
    fn finish(&self, y: &mut Features) {
        let step = y.channels;
        let end = (y.width + 1) * step;
        y.par_rows_mut(1).for_each(|row| {
            for pixel in row[step..end].chunks_exact_mut(step) {
                pixel.iter_mut().zip(&self.bias).for_each(|(v, bias)| *v += bias);
                match &self.activation {
                    Activation::None => {}
                    Activation::Relu => pixel.iter_mut().for_each(|v| *v = v.max(0.0)),
                    Activation::Tanh => pixel.iter_mut().for_each(|v| *v = v.tanh()),
                    Activation::Prelu(slopes) => {
                        for (v, slope) in pixel.iter_mut().zip(slopes) {
                            *v = v.max(0.0) + slope * v.min(0.0);
                        }
                    }
                }
            }
        });
    }
}

/// The neighbourhood of each pixel as channels, `[side, side, inputs]`, zeros outside.
fn unfold(x: &Features, inputs: usize, side: usize, out: &mut Features) {
    let (height, width, reach) = (x.height, x.width, side / 2);
    out.reshape(height, width, inputs * side * side);
    let step = out.channels;
    out.par_rows_mut(1).enumerate().for_each(|(y, row)| {
        for (column, pixel) in row[step..(width + 1) * step].chunks_exact_mut(step).enumerate() {
            for (tap, to) in pixel.chunks_exact_mut(inputs).take(side * side).enumerate() {
                let from_y = (y + tap / side).checked_sub(reach).filter(|y| *y < height);
                let from_x = (column + tap % side).checked_sub(reach).filter(|x| *x < width);
                match from_y.zip(from_x) {
                    Some((y, column)) => {
                        to.copy_from_slice(&x.row(y)[column * x.channels..][..inputs]);
                    }
                    None => to.fill(0.0),
                }
            }
        }
    });
}
