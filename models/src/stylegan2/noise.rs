//! The noise that the synthesis network adds to its features.

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::canvas::Canvas;
use super::layers::LayerWeights;

/// Pictures of noise that somebody else makes, layer by layer.
pub trait NoiseField: Send + Sync {
    /// Fills `out` `[height_px, width_px]` with the noise of convolution `layer` (1, 2, …): about
    /// mean 0 and deviation 1 where it has the strength that the network was trained with.
    fn fill(&self, layer: usize, height_px: usize, width_px: usize, out: &mut [f32]);
}

/// Where the noise comes from.
#[derive(Clone, Default)]
pub enum NoiseMode {
    /// The pictures of noise that were stored with the weights.
    #[default]
    Const,
    /// No noise.
    None,
    /// Drawn from the seed.
    Random,
    /// Made elsewhere.
    Field(Arc<dyn NoiseField>),
}

impl fmt::Debug for NoiseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Const => "Const",
            Self::None => "None",
            Self::Random => "Random",
            Self::Field(_) => "Field",
        })
    }
}

/// Noise of one synthesis. Every picture of a batch gets the same, so that a picture does not
/// depend on what else is in its batch.
#[derive(Debug, Clone)]
pub struct Noise {
    /// Where it comes from.
    pub mode: NoiseMode,
    /// Factor on the trained strength of every layer; 1 as trained.
    pub strength: f32,
    /// Further factors, of convolution 1, 2, …; 1 where there is none.
    pub layer_strengths: Vec<f32>,
    /// Seed of random noise.
    pub seed: u64,
}

impl Default for Noise {
    fn default() -> Self {
        Self { mode: NoiseMode::Const, strength: 1.0, layer_strengths: Vec::new(), seed: 0 }
    }
}

impl Noise {
    /// What is added to all channels of convolution `layer`, `[height, width]`, or `None` for
    /// nothing. What is no finite number counts as 0.
    pub fn picture(
        &self,
        layer: usize,
        weights: &LayerWeights,
        canvas: &Canvas,
    ) -> Option<Vec<f32>> {
        let gain = self.gain(layer, weights);
        if gain == 0.0 {
            return None;
        }
        let mut picture = Vec::new();
        self.fill(layer, weights, canvas, &mut picture);
        picture.iter_mut().for_each(|v| *v *= gain);
        Some(picture)
    }

    /// Factor on the noise of convolution `layer`, 0 where there is none.
    pub(super) fn gain(&self, layer: usize, weights: &LayerWeights) -> f32 {
        let own = self.layer_strengths.get(layer - 1).copied().unwrap_or(1.0);
        let gain = weights.noise_strength * self.strength * own;
        if gain.is_finite() && !matches!(self.mode, NoiseMode::None) { gain } else { 0.0 }
    }

    /// Makes `out` the noise of convolution `layer` before its factor, `[height, width]`.
    pub(super) fn fill(
        &self,
        layer: usize,
        weights: &LayerWeights,
        canvas: &Canvas,
        out: &mut Vec<f32>,
    ) {
        let (height, width) = canvas.size_px(weights.resolution);
        out.resize(height * width, 0.0);
        match &self.mode {
            NoiseMode::None => out.fill(0.0),
            NoiseMode::Const => *out = canvas.widen(&weights.noise, weights.resolution),
            NoiseMode::Random => fill_normal(self.seed, layer as u64, out),
            NoiseMode::Field(field) => {
                field.fill(layer, height, width, out);
                out.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
            }
        }
    }
}

/// Numbers that one thread draws at a time.
const PARALLEL_LEN: usize = 4096;

/// Fills `out` with standard normal numbers: the same for equal seeds and streams, on every machine.
pub fn fill_normal(seed: u64, stream: u64, out: &mut [f32]) {
    let stream = mix(seed ^ mix(stream));
    out.par_chunks_mut(PARALLEL_LEN).enumerate().for_each(|(chunk, out)| {
        for (i, v) in ((chunk * PARALLEL_LEN) as u64..).zip(out) {
            *v = normal(stream, i);
        }
    });
}

/// The sum of twelve uniforms less 6: mean 0, variance 1, within ±6. In integers, as a libm's
/// logarithm differs from machine to machine.
fn normal(stream: u64, i: u64) -> f32 {
    let sum: u64 = (0..3)
        .map(|k| mix(stream.wrapping_add(3 * i + k)))
        .map(|bits| (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48))
        .sum();
    (sum as f32 + 6.0) / 65536.0 - 6.0
}

/// A step of splitmix64 (Steele, Lea and Flood, 2014).
pub(super) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_noise_is_standard_normal_and_repeats() {
        let draw = |seed, layer| {
            let mut noise = vec![0.0; 3 * PARALLEL_LEN];
            fill_normal(seed, layer, &mut noise);
            noise
        };
        let a = draw(3, 1);
        let n = a.len() as f32;
        let mean = a.iter().sum::<f32>() / n;
        let variance = a.iter().map(|v| v * v).sum::<f32>() / n;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        assert_eq!(a, draw(3, 1));
        let mut few = vec![0.0; 100];
        fill_normal(3, 1, &mut few);
        assert_eq!(a[..100], few);
        for other in [draw(4, 1), draw(3, 2)] {
            let correlation = a.iter().zip(&other).map(|(a, b)| a * b).sum::<f32>() / n;
            assert!(correlation.abs() < 0.03, "{correlation}");
        }
    }
}
