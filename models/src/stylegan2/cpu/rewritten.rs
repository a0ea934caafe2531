//! Layers whose weights are changed while the network runs.

use std::sync::{Arc, Mutex, PoisonError};

use super::Tools;
use super::layer::Layer;
use crate::stylegan2::layers::LayerWeights;
use crate::stylegan2::rewrite::Rewrite;

/// How many rewritten forms of a layer are kept: two nodes may draw with one network at once.
const NUM_KEPT: usize = 2;

/// A layer as it was last rewritten: made again only where the rewrites differ.
#[derive(Default)]
pub struct Rewritten(Mutex<Vec<Kept>>);

struct Kept {
    /// The rewrites.
    key: String,
    pair: Arc<(Layer, LayerWeights)>,
}

impl Rewritten {
    /// Layer `number` after `changes` of its trained `weights`.
    pub fn get(
        &self,
        tools: &Tools,
        number: usize,
        weights: &LayerWeights,
        changes: &[&Rewrite],
    ) -> Arc<(Layer, LayerWeights)> {
        // Shows every setting to the last digit, and other networks by their content.
        let key = format!("{changes:?}");
        // Not held while the layer is made: a thread that waits there may take up another picture,
        // and come here for it.
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept().iter().find(|kept| kept.key == key) {
            return found.pair.clone();
        }
        let mut weights = weights.clone();
        changes.iter().for_each(|change| change.apply(number, &mut weights));
        let pair = Arc::new((Layer::new(tools, &weights), weights));
        let mut kept = kept();
        if kept.len() >= NUM_KEPT {
            kept.remove(0);
        }
        kept.push(Kept { key, pair: pair.clone() });
        pair
    }
}
