//! One modulated convolution with all that follows.

use std::sync::OnceLock;

use candle_core::Tensor;

use super::epilogue::Epilogue;
use super::features::{Buffer, Features, padded};
use super::panels::Panels;
use super::rule::{Algorithm, Shape, choose};
use super::style::Affine;
use super::{Space, Tools, direct, up, winograd};

/// A convolution's weights as the kernels read them.
pub enum Packed {
    Direct(Panels),
    Winograd(Panels),
    Up([Panels; 4]),
}

impl Packed {
    fn new(tools: &Tools, weight: &[f32], shape: Shape, algorithm: Algorithm) -> Self {
        let sizes = (shape.outputs, shape.inputs);
        match algorithm {
            Algorithm::Winograd => Self::Winograd(winograd::pack(tools, weight, sizes)),
            Algorithm::Direct if shape.up => Self::Up(up::pack(tools, weight, sizes)),
            Algorithm::Direct => Self::Direct(direct::pack(tools, weight, sizes)),
        }
    }

    /// Its size in memory.
    pub fn num_bytes(&self) -> usize {
        match self {
            Self::Direct(panels) | Self::Winograd(panels) => panels.num_bytes(),
            Self::Up(phases) => phases.iter().map(Panels::num_bytes).sum(),
        }
    }
}

/// A modulated convolution.
pub struct Layer {
    pub shape: Shape,
    /// `[outputs, inputs, 3, 3]`.
    pub weight: Tensor,
    pub affine: Affine,
    /// Σ weight² over each kernel, `[inputs, outputs]`.
    pub power: Panels,
    /// Padded.
    pub bias: Buffer,
    /// `[resolution, resolution]`, times the trained strength.
    pub noise: Vec<f32>,
    pub noise_strength: f32,
    pub gain: f32,
    pub clamp: Option<f32>,
    pub direct: OnceLock<Packed>,
    pub fast: OnceLock<Packed>,
}

/// What modulates a layer in one picture.
#[derive(Default)]
pub struct Modulation {
    /// Factor of each input channel, padded.
    pub styles: Buffer,
    /// Factor of each output channel, padded.
    pub demodulation: Buffer,
    squares: Buffer,
}

impl Layer {
    /// The layer's packed weights, made at first use.
    pub fn packed(&self, tools: &Tools, fast: bool) -> candle_core::Result<&Packed> {
        let (cell, algorithm) = if fast {
            (&self.fast, choose(self.shape))
        } else {
            (&self.direct, Algorithm::Direct)
        };
        if fast && algorithm == Algorithm::Direct {
            return self.packed(tools, false);
        }
        if let Some(packed) = cell.get() {
            return Ok(packed);
        }
        let weight = self.weight.flatten_all()?.to_vec1::<f32>()?;
        Ok(cell.get_or_init(|| Packed::new(tools, &weight, self.shape, algorithm)))
    }

    /// The modulation by `w` `[w_dim]`: demodulation is 1/√(Σ (weight·style)² + 1e-8) over each
    /// output's kernel.
    pub fn modulate(&self, tools: &Tools, w: &[f32], to: &mut Modulation) {
        self.affine.apply(tools, w, &mut to.styles);
        to.squares.resize(self.shape.inputs);
        for (square, style) in to.squares.iter_mut().zip(to.styles.iter()) {
            *square = style * style;
        }
        super::style::multiply(tools, &self.power, &to.squares, &mut to.demodulation);
        to.demodulation.iter_mut().for_each(|d| *d = 1.0 / (*d + 1e-8).sqrt());
    }

    /// `out` = the layer's features from `x`.
    pub fn run(
        &self,
        tools: &Tools,
        fast: bool,
        modulation: &Modulation,
        (noise, noise_gain): (&[f32], f32),
        x: &Features,
        out: &mut Features,
    ) -> candle_core::Result<()> {
        let scale = if self.shape.up { 2 } else { 1 };
        out.reshape(x.height * scale, x.width * scale, padded(self.shape.outputs));
        let epilogue = Epilogue {
            demodulation: &modulation.demodulation,
            noise,
            noise_gain,
            bias: &self.bias,
            gain: std::f32::consts::SQRT_2 * self.gain,
            bound: self.clamp.map_or(f32::INFINITY, |clamp| clamp * self.gain),
        };
        let inputs = self.shape.inputs;
        match self.packed(tools, fast)? {
            Packed::Winograd(panels) => {
                winograd::convolve(tools, x, &modulation.styles, panels, &epilogue, out);
            }
            Packed::Direct(panels) => styled(tools, x, &modulation.styles, |x| {
                direct::convolve(tools, x, panels, inputs, Some(&epilogue), out);
            }),
            Packed::Up(phases) => styled(tools, x, &modulation.styles, |x| {
                up::convolve(tools, x, phases, inputs, &epilogue, out);
            }),
        }
        Ok(())
    }
}

/// Calls `then` with the features times the styles.
fn styled(tools: &Tools, x: &Features, styles: &[f32], then: impl FnOnce(&Features)) {
    let mut scaled = tools.features.take();
    scaled.reshape(x.height, x.width, x.channels);
    scaled.assign_scaled(x, styles);
    then(&scaled);
}
