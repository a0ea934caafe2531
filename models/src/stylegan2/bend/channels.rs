//! Which channels of a layer are bent.

use std::sync::Arc;

use super::super::noise::mix;

/// Channels of a layer.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Channels {
    /// All.
    #[default]
    All,
    /// `len` channels from `first`.
    Range {
        /// The first.
        first: usize,
        /// How many.
        len: usize,
    },
    /// A random share. A larger share of the same seed holds all channels of a smaller one.
    Share {
        /// 0..1, rounded to whole channels; beyond it is held.
        share: f32,
        /// Which ones.
        seed: u64,
    },
    /// These; those that the layer lacks do not count.
    Set(Arc<[usize]>),
}

impl Channels {
    /// The channels of a layer that has `num_channels`, ascending, each once.
    pub fn indices(&self, num_channels: usize) -> Vec<usize> {
        match self {
            Self::All => (0..num_channels).collect(),
            Self::Range { first, len } => {
                (*first..first.saturating_add(*len).min(num_channels)).collect()
            }
            Self::Share { share, seed } => random_share(num_channels, *share, *seed),
            Self::Set(set) => {
                let mut indices: Vec<usize> =
                    set.iter().copied().filter(|c| *c < num_channels).collect();
                indices.sort_unstable();
                indices.dedup();
                indices
            }
        }
    }

    /// Whether there is none, whatever the layer.
    pub(super) fn are_none(&self) -> bool {
        match self {
            Self::All => false,
            Self::Range { len, .. } => *len == 0,
            Self::Share { share, .. } => share.is_nan() || *share <= 0.0,
            Self::Set(set) => set.is_empty(),
        }
    }
}

/// The first channels of an order that depends on the seed alone.
fn random_share(num_channels: usize, share: f32, seed: u64) -> Vec<usize> {
    let count = (share.clamp(0.0, 1.0) * num_channels as f32).round() as usize;
    let mut order: Vec<usize> = (0..num_channels).collect();
    order.sort_unstable_by_key(|&c| (mix(mix(seed) ^ c as u64), c));
    order.truncate(count);
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn channels_that_a_layer_lacks_do_not_count() {
        assert_eq!(Channels::All.indices(3), [0, 1, 2]);
        assert_eq!(Channels::Range { first: 2, len: 2 }.indices(8), [2, 3]);
        assert_eq!(Channels::Range { first: 6, len: usize::MAX }.indices(8), [6, 7]);
        assert!(Channels::Range { first: 9, len: 2 }.indices(8).is_empty());
        assert_eq!(Channels::Set(Arc::from([5, 1, 9, 5])).indices(8), [1, 5]);
    }

    proptest! {
        #[test]
        fn a_larger_share_holds_the_smaller(
            seed: u64, n in 0usize..600, a in 0f32..=1.0, b in 0f32..=1.0
        ) {
            let draw = |share| Channels::Share { share, seed }.indices(n);
            let (few, many) = (draw(a.min(b)), draw(a.max(b)));
            prop_assert_eq!(few.len(), (a.min(b) * n as f32).round() as usize);
            prop_assert!(few.iter().all(|c| many.binary_search(c).is_ok()));
            prop_assert!(many.is_sorted_by(|a, b| a < b) && many.last().is_none_or(|c| *c < n));
        }
    }

    #[test]
    fn every_channel_is_drawn_equally_often() {
        let mut hits = [0_i32; 64];
        for seed in 0..4000 {
            for c in (Channels::Share { share: 0.25, seed }).indices(64) {
                hits[c] += 1;
            }
        }
        // Binomial: 1000 with a standard deviation of 27.
        assert!(hits.iter().all(|h| (h - 1000).abs() < 150), "{hits:?}");
        for share in [f32::NAN, -1.0, f32::NEG_INFINITY] {
            let none = Channels::Share { share, seed: 0 };
            assert!(none.are_none() && none.indices(64).is_empty());
        }
        assert_eq!(Channels::Share { share: 7.0, seed: 0 }.indices(3), [0, 1, 2]);
    }
}
