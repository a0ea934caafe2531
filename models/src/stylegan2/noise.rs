//! The noise that the synthesis network adds to its features.

use candle_core::{Device, Tensor};

/// Where the noise comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoiseMode {
    /// The pictures of noise that were stored with the weights.
    #[default]
    Const,
    /// No noise.
    None,
    /// Drawn from the seed.
    Random,
}

/// Noise of one synthesis. Every picture of a batch gets the same, so that a picture does not
/// depend on what else is in its batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Where it comes from.
    pub mode: NoiseMode,
    /// Factor on the trained strength of every layer; 1 as trained.
    pub strength: f32,
    /// Seed of random noise.
    pub seed: u64,
}

impl Default for Noise {
    fn default() -> Self {
        Self { mode: NoiseMode::Const, strength: 1.0, seed: 0 }
    }
}

/// Standard normal noise of layer `layer`, `[resolution, resolution]`: the same on every machine.
pub(super) fn random(
    seed: u64,
    layer: usize,
    resolution: usize,
    device: &Device,
) -> candle_core::Result<Tensor> {
    let stream = mix(seed ^ mix(layer as u64));
    let values: Vec<f32> =
        (0..(resolution * resolution) as u64).map(|i| normal(stream, i)).collect();
    Tensor::from_vec(values, (resolution, resolution), device)
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
fn mix(x: u64) -> u64 {
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
            let noise = random(seed, layer, 128, &Device::Cpu).unwrap();
            noise.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let a = draw(3, 1);
        let n = a.len() as f32;
        let mean = a.iter().sum::<f32>() / n;
        let variance = a.iter().map(|v| v * v).sum::<f32>() / n;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        assert_eq!(a, draw(3, 1));
        for other in [draw(4, 1), draw(3, 2)] {
            let correlation = a.iter().zip(&other).map(|(a, b)| a * b).sum::<f32>() / n;
            assert!(correlation.abs() < 0.03, "{correlation}");
        }
    }
}
