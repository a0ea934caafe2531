//! Model rewriting: changes of the weights while the network runs.

mod ops;

use std::fmt;
use std::sync::Arc;

use super::Generator;
use super::layers::LayerWeights;

/// A change of the weights of some convolutions.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// The first convolution changed, from 1.
    pub first_layer: usize,
    /// The last one changed.
    pub last_layer: usize,
    /// What happens to them.
    pub op: RewriteOp,
}

/// What happens to a convolution's weights. All but the last change its kernels alone. The random
/// numbers of a layer follow from seed and layer, and are the same on every machine.
#[derive(Clone)]
pub enum RewriteOp {
    /// Each weight times a random factor: w·(1 + amount·(f − 1)) with f normally distributed.
    Scale {
        /// 0 as trained, 1 the whole factor.
        amount: f32,
        /// Mean of f.
        mean: f32,
        /// Standard deviation of f.
        deviation: f32,
        /// Which random numbers.
        seed: u64,
    },
    /// Noise on the weights: w + amount·σ·n, where σ is the deviation of the layer's weights and n
    /// is standard normal.
    Noise {
        /// 0 as trained, 1 as much noise as weights.
        amount: f32,
        /// Which random numbers.
        seed: u64,
    },
    /// The smallest weights become 0.
    Prune {
        /// Which share of them, 0..=1.
        share: f32,
    },
    /// The output channels move on: what channel c made, channel c + shift makes, round the end.
    /// Between whole numbers neighbours are interpolated. Biases move with the kernels.
    RotateChannels {
        /// By how many channels.
        shift: f32,
    },
    /// All of a layer's weights move towards another network's of like shape.
    Mix {
        /// The other network.
        other: Arc<Generator>,
        /// 0 this network, 1 the other.
        amount: f32,
    },
}

impl fmt::Debug for RewriteOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale { amount, mean, deviation, seed } => {
                write!(f, "Scale({amount}, N({mean}, {deviation}), seed {seed})")
            }
            Self::Noise { amount, seed } => write!(f, "Noise({amount}, seed {seed})"),
            Self::Prune { share } => write!(f, "Prune({share})"),
            Self::RotateChannels { shift } => write!(f, "RotateChannels({shift})"),
            Self::Mix { other, amount } => {
                write!(f, "Mix({:016x}, {amount})", other.content_key())
            }
        }
    }
}

impl Rewrite {
    /// Whether it changes layer `layer`.
    pub fn changes(&self, layer: usize) -> bool {
        (self.first_layer..=self.last_layer).contains(&layer) && !self.is_identity()
    }

    /// Whether it changes nothing: its amount is 0, or some number in it is not finite.
    pub fn is_identity(&self) -> bool {
        let is_nothing = |amount: f32| amount == 0.0 || !amount.is_finite();
        match self.op {
            RewriteOp::Scale { amount, mean, deviation, .. } => {
                is_nothing(amount)
                    || (mean == 1.0 && deviation == 0.0)
                    || !(mean.is_finite() && deviation.is_finite())
            }
            RewriteOp::Prune { share } => is_nothing(share) || share < 0.0,
            RewriteOp::Noise { amount, .. }
            | RewriteOp::RotateChannels { shift: amount }
            | RewriteOp::Mix { amount, .. } => is_nothing(amount),
        }
    }

    /// Changes the weights of layer `layer`.
    pub fn apply(&self, layer: usize, weights: &mut LayerWeights) {
        if !self.changes(layer) {
            return;
        }
        match self.op {
            RewriteOp::Scale { amount, mean, deviation, seed } => {
                ops::scale(&mut weights.weight, amount, (mean, deviation), seed, layer);
            }
            RewriteOp::Noise { amount, seed } => {
                ops::add_noise(&mut weights.weight, amount, seed, layer);
            }
            RewriteOp::Prune { share } => ops::prune(&mut weights.weight, share),
            RewriteOp::RotateChannels { shift } => {
                let outputs = weights.outputs;
                ops::rotate_rows(&mut weights.weight, outputs, shift);
                ops::rotate_rows(&mut weights.bias, outputs, shift);
            }
            RewriteOp::Mix { ref other, amount } => {
                if let Some(other) = other.layer_weights(layer) {
                    weights.mix(other, amount);
                }
            }
        }
    }
}
