//! Layers whose weights are changed while the network runs.

use std::sync::{Arc, Mutex, PoisonError};

use super::layers::LayerWeights;
use super::rewrite::Rewrite;

/// How many rewritten forms of a layer are kept: two nodes may draw with one network at once.
const NUM_KEPT: usize = 2;

/// A layer as it was last rewritten, in the form `L` that draws: made again only where the rewrites
/// differ.
pub(super) struct Rewritten<L>(Mutex<Vec<Kept<L>>>);

struct Kept<L> {
    /// The rewrites.
    key: String,
    pair: Arc<(L, LayerWeights)>,
}

impl<L> Default for Rewritten<L> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<L> Rewritten<L> {
    /// Layer `number` after `changes` of its trained `weights`, as `make` makes it of them.
    pub fn get<E>(
        &self,
        number: usize,
        weights: &LayerWeights,
        changes: &[&Rewrite],
        make: impl FnOnce(&LayerWeights) -> Result<L, E>,
    ) -> Result<Arc<(L, LayerWeights)>, E> {
        // Shows every setting to the last digit, and other networks by their content.
        let key = format!("{changes:?}");
        // Not held while the layer is made: a thread that waits there may take up another picture,
        // and come here for it.
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept().iter().find(|kept| kept.key == key) {
            return Ok(found.pair.clone());
        }
        let mut weights = weights.clone();
        changes.iter().for_each(|change| change.apply(number, &mut weights));
        let pair = Arc::new((make(&weights)?, weights));
        let mut kept = kept();
        if kept.len() >= NUM_KEPT {
            kept.remove(0);
        }
        kept.push(Kept { key, pair: pair.clone() });
        Ok(pair)
    }
}
