//! How a value goes from one to another.

use serde::{Deserialize, Serialize};

/// The course of a morph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// Straight.
    Linear,
    /// Slow at both ends: 3x² − 2x³.
    #[default]
    Smooth,
    /// Slow at the beginning: x².
    EaseIn,
    /// Slow at the end: 1 − (1 − x)².
    EaseOut,
    /// Nothing until the end, then all at once.
    Hold,
}

impl Curve {
    /// How far it is, 0..1, at `x` of the time; `x` outside 0..1 counts as the nearer end.
    pub fn at(self, x: f64) -> f64 {
        let x = if x.is_nan() { 1.0 } else { x.clamp(0.0, 1.0) };
        match self {
            Self::Linear => x,
            Self::Smooth => x * x * (3.0 - 2.0 * x),
            Self::EaseIn => x * x,
            Self::EaseOut => 1.0 - (1.0 - x) * (1.0 - x),
            Self::Hold => x.floor(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_goes_from_0_to_1_and_never_back() {
        for curve in [Curve::Linear, Curve::Smooth, Curve::EaseIn, Curve::EaseOut, Curve::Hold] {
            let values: Vec<f64> = (-10..=110).map(|i| curve.at(f64::from(i) / 100.0)).collect();
            assert_eq!((values[0], values[120]), (0.0, 1.0), "{curve:?}");
            assert!(values.windows(2).all(|v| v[0] <= v[1]), "{curve:?}");
        }
        assert_eq!(Curve::Smooth.at(0.25), 0.15625);
        assert_eq!(Curve::Hold.at(0.999), 0.0);
    }
}
