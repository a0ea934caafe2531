//! Windows of short-time transforms.

use std::f64::consts::TAU;

/// Shape of a window. All are periodic: they repeat after `len` samples, as spectra want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// 0.5 − 0.5·cos.
    Hann,
    /// 0.54 − 0.46·cos.
    Hamming,
    /// 0.42 − 0.5·cos + 0.08·cos 2.
    Blackman,
    /// All ones.
    Rect,
}

impl Window {
    /// Ids of the shapes, for a choice.
    pub const OPTIONS: &'static [&'static str] = &["hann", "hamming", "blackman", "rect"];

    /// The shape at an index of [`Self::OPTIONS`]; Hann beyond them.
    pub fn from_index(index: usize) -> Self {
        [Self::Hann, Self::Hamming, Self::Blackman, Self::Rect]
            .get(index)
            .copied()
            .unwrap_or(Self::Hann)
    }

    /// The window, `[len]`.
    pub fn periodic(self, len: usize) -> Vec<f64> {
        let at = |i: usize| {
            let phase = TAU * i as f64 / len as f64;
            match self {
                Self::Hann => 0.5 - 0.5 * phase.cos(),
                Self::Hamming => 0.54 - 0.46 * phase.cos(),
                Self::Blackman => 0.42 - 0.5 * phase.cos() + 0.08 * (2.0 * phase).cos(),
                Self::Rect => 1.0,
            }
        };
        (0..len).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periodic_windows_overlap_to_a_constant() {
        for (index, sum) in [(0, 2.0), (1, 2.16), (2, 1.68), (3, 4.0)] {
            let w = Window::from_index(index).periodic(64);
            for i in 0..16 {
                let overlapped: f64 = (0..4).map(|k| w[i + 16 * k]).sum();
                assert!((overlapped - sum).abs() < 1e-12, "{index}: {overlapped}");
            }
        }
    }
}
