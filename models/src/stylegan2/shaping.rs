//! How a synthesis departs from the network as it was trained, and how to look inside.

use candle_core::Tensor;

use super::bend::Bend;
use super::canvas::Canvas;
use super::noise::Noise;
use super::rewrite::Rewrite;

/// How a synthesis departs from the network as it was trained. The default does not.
#[derive(Debug, Clone, Default)]
pub struct Shaping {
    /// The noise that is added to the features.
    pub noise: Noise,
    /// Changes of the features, applied in order, each after its layer.
    pub bends: Vec<Bend>,
    /// Changes of the weights, applied in order.
    pub rewrites: Vec<Rewrite>,
    /// The shape of the picture.
    pub canvas: Canvas,
}

impl Shaping {
    /// The bends after layer `layer` that change anything, in order.
    pub fn bends_at(&self, layer: usize) -> impl Iterator<Item = &Bend> {
        self.bends.iter().filter(move |bend| bend.layer == layer && !bend.is_identity())
    }
}

/// What a layer has made of one picture.
#[derive(Debug, Clone)]
pub struct LayerOutput {
    /// Its place in the batch.
    pub picture: usize,
    /// Which layer: 0 the constant, 1 the first convolution, …
    pub layer: usize,
    /// Its features after the activation and the bends, `[channels, height, width]`.
    pub features: Tensor,
    /// The picture so far, `[img_channels, height, width]`, after a block's last layer, where the
    /// network draws one there.
    pub image: Option<Tensor>,
}

/// A look at the features on the way.
pub struct Tap<'a> {
    /// The layers to look at.
    pub layers: &'a [usize],
    /// Gets what they make, picture by picture, coarse to fine.
    pub take: &'a mut dyn FnMut(LayerOutput),
    /// Whether nothing is wanted beyond the last of them; then there is no picture.
    pub stop_after: bool,
}

impl Tap<'_> {
    /// Whether layer `layer` is looked at.
    pub fn wants(&self, layer: usize) -> bool {
        self.layers.contains(&layer)
    }

    /// Whether nothing is wanted beyond layer `layer`.
    pub fn ends_at(&self, layer: usize) -> bool {
        self.stop_after && self.layers.iter().all(|&l| l <= layer)
    }
}
