//! Model rewriting: changes of the weights while the network runs.

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

/// What happens to a convolution's weights.
#[derive(Clone)]
pub enum RewriteOp {
    /// Each layer's weights move towards another network's of like shape.
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
            Self::Mix { other, amount } => f
                .debug_struct("Mix")
                .field("other", &other.content_key())
                .field("amount", amount)
                .finish(),
        }
    }
}

impl Rewrite {
    /// Whether it changes layer `layer`.
    pub fn changes(&self, layer: usize) -> bool {
        (self.first_layer..=self.last_layer).contains(&layer) && !self.is_identity()
    }

    /// Whether it changes nothing.
    pub fn is_identity(&self) -> bool {
        match self.op {
            RewriteOp::Mix { amount, .. } => amount == 0.0,
        }
    }

    /// Changes the weights of layer `layer`.
    pub fn apply(&self, layer: usize, weights: &mut LayerWeights) {
        if !self.changes(layer) {
            return;
        }
        match &self.op {
            RewriteOp::Mix { other, amount } => {
                if let Some(other) = other.layer_weights(layer) {
                    weights.mix(other, *amount);
                }
            }
        }
    }
}
