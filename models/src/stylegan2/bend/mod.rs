//! Network bending: changes of a layer's features, channel by channel (Broad, Leymarie and
//! Grierson, "Network Bending", 2021).

use std::sync::Arc;

/// The channels that a bend changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Channels {
    /// All of them.
    #[default]
    All,
    /// Those from `first` on.
    Range {
        /// The first.
        first: usize,
        /// How many.
        len: usize,
    },
    /// A random share.
    Share {
        /// 0 none, 1 all.
        share: f32,
        /// Which ones.
        seed: u64,
    },
    /// These.
    Set(Arc<[usize]>),
}

impl Channels {
    /// The channels meant, of `num_channels`, ascending.
    pub fn indices(&self, num_channels: usize) -> Vec<usize> {
        match self {
            Self::All => (0..num_channels).collect(),
            Self::Range { first, len } => {
                (*first..first.saturating_add(*len).min(num_channels)).collect()
            }
            Self::Share { .. } => Vec::new(),
            Self::Set(set) => set.iter().copied().filter(|&c| c < num_channels).collect(),
        }
    }
}

/// A change of one channel's plane.
#[derive(Debug, Clone, PartialEq)]
pub enum BendOp {
    /// Times a factor.
    Scale {
        /// 1 changes nothing.
        factor: f32,
    },
}

impl BendOp {
    /// Changes `plane` `[height_px, width_px]`.
    pub fn apply(&self, plane: &mut [f32], _height_px: usize, _width_px: usize, _: &mut Vec<f32>) {
        let Self::Scale { factor } = self;
        plane.iter_mut().for_each(|v| *v *= factor);
    }
}

/// A change of a layer's features, after its activation.
#[derive(Debug, Clone, PartialEq)]
pub struct Bend {
    /// 0 the constant, 1 the first convolution, …; a layer that the network lacks changes nothing.
    pub layer: usize,
    /// The channels changed.
    pub channels: Channels,
    /// What happens to them.
    pub op: BendOp,
    /// How much of it: x + amount·(op(x) - x).
    pub amount: f32,
}

impl Bend {
    /// Whether it changes nothing.
    pub fn is_identity(&self) -> bool {
        self.amount == 0.0
    }

    /// Changes one channel's plane; `original` and `scratch` are reused memory.
    pub fn apply_to(
        &self,
        plane: &mut [f32],
        height_px: usize,
        width_px: usize,
        original: &mut Vec<f32>,
        scratch: &mut Vec<f32>,
    ) {
        if self.amount == 1.0 {
            return self.op.apply(plane, height_px, width_px, scratch);
        }
        original.clear();
        original.extend_from_slice(plane);
        self.op.apply(plane, height_px, width_px, scratch);
        for (bent, v) in plane.iter_mut().zip(original) {
            *bent = *v + self.amount * (*bent - *v);
        }
    }
}
