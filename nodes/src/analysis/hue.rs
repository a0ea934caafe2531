//! Colours for labels.

/// Hue of label `n`, 0..1: neighbours lie a golden section apart, so that any number of labels is told
/// apart, and a label keeps its colour however many follow.
pub fn hue_of_label(n: usize) -> f32 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    (n as f64 * GOLDEN).fract() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_labels_lie_far_apart() {
        let hues: Vec<f32> = (0..8).map(hue_of_label).collect();
        for (i, a) in hues.iter().enumerate() {
            assert!((0.0..1.0).contains(a));
            for b in &hues[..i] {
                let apart = (a - b).abs();
                assert!(apart.min(1.0 - apart) > 0.08, "{hues:?}");
            }
        }
    }
}
