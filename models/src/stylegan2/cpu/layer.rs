//! One modulated convolution with all that belongs to it, as the kernels read it.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::direct;
use super::epilogue::Epilogue;
use super::features::{Buffer, Features, Lease, made, padded};
use super::kernel::up_winograd::ByPhases;
use super::kernel::winograd::{Four, Six};
use super::panels::Panels;
use super::picture::ToRgb;
use super::residual::Residual;
use super::rule::{Algorithm, Shape, choose};
use super::style::{Affine, multiply};
use super::{Tools, up, up_winograd, winograd};
use crate::stylegan2::layers::LayerWeights;

/// A convolution's kernels, packed for one algorithm.
enum Packed {
    Direct(Panels),
    Winograd4(Panels),
    Winograd6(Panels),
    Up([Panels; 4]),
    UpWinograd(Panels),
}

impl Packed {
    fn new(tools: &Tools, weights: &LayerWeights, algorithm: Algorithm) -> Self {
        let (sizes, up, weight) = ((weights.outputs, weights.inputs), weights.up, &weights.weight);
        match algorithm {
            Algorithm::Direct if up => Self::Up(up::pack(tools, weight, sizes)),
            Algorithm::Direct => Self::Direct(direct::pack(tools, weight, sizes)),
            Algorithm::Winograd4 if up => {
                Self::UpWinograd(winograd::pack(tools, ByPhases, weight, sizes))
            }
            Algorithm::Winograd4 => Self::Winograd4(winograd::pack(tools, Four, weight, sizes)),
            Algorithm::Winograd6 => Self::Winograd6(winograd::pack(tools, Six, weight, sizes)),
        }
    }
}

/// A modulated convolution.
pub struct Layer {
    shape: Shape,
    affine: Affine,
    /// Σ weight² over each kernel, `[inputs, outputs]`.
    power: Panels,
    /// Padded.
    bias: Buffer,
    pub to_rgb: Option<ToRgb>,
    pub residual: Option<Residual>,
    /// Made at first use.
    direct: OnceLock<Packed>,
    winograd: OnceLock<Packed>,
}

/// What modulates a layer in one picture.
#[derive(Default)]
pub struct Modulation {
    /// Factor of each input channel, padded.
    styles: Buffer,
    /// Factor of each output channel, padded.
    demodulation: Buffer,
    squares: Buffer,
}

/// How a layer is run.
pub struct Run<'a> {
    pub weights: &'a LayerWeights,
    pub modulation: &'a Modulation,
    /// `[height, width]`, empty for none.
    pub noise: &'a [f32],
    /// Factor of the noise.
    pub noise_gain: f32,
    /// Factor after the activation.
    pub gain: f32,
    /// Bound of the activations.
    pub clamp: Option<f32>,
    /// Whether the rule chooses the algorithm.
    pub fast: bool,
}

impl Layer {
    /// All but the kernels, which are packed at first use.
    pub fn new(tools: &Tools, weights: &LayerWeights) -> Self {
        let &LayerWeights { inputs, outputs, .. } = weights;
        let residual = weights.residual.as_ref();
        Self {
            shape: Shape::of(weights),
            affine: Affine::new(tools, &weights.affine),
            power: power(tools, weights),
            bias: Buffer::padded(&weights.bias, padded(outputs)),
            to_rgb: weights.to_rgb.as_ref().map(|to_rgb| ToRgb::new(tools, to_rgb)),
            residual: residual.map(|mix| Residual::new(tools, mix, inputs, outputs)),
            direct: OnceLock::new(),
            winograd: OnceLock::new(),
        }
    }

    fn packed(&self, tools: &Tools, weights: &LayerWeights, fast: bool) -> &Packed {
        let algorithm = if fast { choose(self.shape) } else { Algorithm::Direct };
        let cell = match algorithm {
            Algorithm::Direct => &self.direct,
            Algorithm::Winograd4 | Algorithm::Winograd6 => &self.winograd,
        };
        made(cell, || Packed::new(tools, weights, algorithm))
    }

    /// The modulation by `w` `[w_dim]`: demodulation is 1/√(Σ (weight·style)² + 1e-8) over each
    /// output's kernel.
    pub fn modulate(&self, tools: &Tools, w: &[f32], to: &mut Modulation) {
        self.affine.apply(tools, w, &mut to.styles);
        to.squares.resize(self.shape.inputs);
        for (square, style) in to.squares.iter_mut().zip(to.styles.iter()) {
            *square = style * style;
        }
        multiply(tools, &self.power, &to.squares, &mut to.demodulation);
        to.demodulation.iter_mut().for_each(|d| *d = 1.0 / (*d + 1e-8).sqrt());
    }

    /// `out` = the layer's features from `x`.
    pub fn run(&self, tools: &Tools, run: &Run<'_>, x: &Features, out: &mut Features) {
        let scale = if self.shape.up { 2 } else { 1 };
        out.reshape(x.height * scale, x.width * scale, self.shape.outputs);
        let epilogue = Epilogue {
            demodulation: &run.modulation.demodulation,
            noise: run.noise,
            noise_gain: run.noise_gain,
            bias: &self.bias,
            gain: std::f32::consts::SQRT_2 * run.gain,
            bound: run.clamp.map_or(f32::INFINITY, |clamp| clamp * run.gain),
        };
        let (inputs, styles) = (self.shape.inputs, &run.modulation.styles);
        match self.packed(tools, run.weights, run.fast) {
            Packed::Winograd4(panels) => {
                winograd::convolve(tools, Four, x, styles, panels, &epilogue, out);
            }
            Packed::Winograd6(panels) => {
                winograd::convolve(tools, Six, x, styles, panels, &epilogue, out);
            }
            Packed::UpWinograd(panels) => {
                up_winograd::convolve(tools, x, styles, panels, &epilogue, out);
            }
            Packed::Direct(panels) if self.has_small_kernels(x) => {
                let mut scaled = tools.panels.take();
                scaled[0].assign_scaled(panels, &styles[..inputs]);
                direct::convolve(tools, x, &scaled[0], inputs, Some(&epilogue), out);
            }
            Packed::Direct(panels) => {
                let x = styled(tools, x, styles);
                direct::convolve(tools, &x, panels, inputs, Some(&epilogue), out);
            }
            Packed::Up(phases) if self.has_small_kernels(x) => {
                let mut scaled = tools.panels.take();
                for (to, from) in scaled.iter_mut().zip(phases) {
                    to.assign_scaled(from, &styles[..inputs]);
                }
                up::convolve(tools, x, &scaled, inputs, &epilogue, out);
            }
            Packed::Up(phases) => {
                up::convolve(tools, &styled(tools, x, styles), phases, inputs, &epilogue, out);
            }
        }
    }

    /// Whether there are fewer kernel values than features, and so fewer to multiply by styles.
    fn has_small_kernels(&self, x: &Features) -> bool {
        9 * self.shape.outputs < x.height * x.width
    }
}

/// Σ weight² over each kernel, `[inputs, outputs]`.
fn power(tools: &Tools, weights: &LayerWeights) -> Panels {
    let squared = |kernel: &[f32]| kernel.iter().map(|v| v * v).sum::<f32>();
    let power: Vec<f32> =
        weights.weight.par_chunks_exact(9).with_min_len(4096).map(squared).collect();
    Panels::transposed(tools.isa, &power, weights.inputs, weights.outputs, 1.0)
}

/// The features times the styles.
fn styled<'a>(tools: &'a Tools, x: &Features, styles: &[f32]) -> Lease<'a, Features> {
    let mut scaled = tools.features.take();
    scaled.reshape(x.height, x.width, x.channels);
    scaled.assign_scaled(x, styles);
    scaled
}
