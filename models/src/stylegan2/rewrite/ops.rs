//! The changes themselves, on plain numbers.

use super::super::noise::fill_normal;

/// Keeps the random numbers of `add_noise` apart from those of `scale` under the same seed.
const NOISE_STREAM: u64 = 1 << 32;

fn normals(len: usize, seed: u64, stream: u64) -> Vec<f32> {
    let mut normals = vec![0.0; len];
    fill_normal(seed, stream, &mut normals);
    normals
}

/// w·(1 + amount·(f − 1)), f ~ N(mean, deviation).
pub(super) fn scale(
    weights: &mut [f32],
    amount: f32,
    (mean, deviation): (f32, f32),
    seed: u64,
    layer: usize,
) {
    let normals = normals(weights.len(), seed, layer as u64);
    for (w, n) in weights.iter_mut().zip(normals) {
        *w *= 1.0 + amount * (mean + deviation * n - 1.0);
    }
}

/// w + amount·σ·n.
pub(super) fn add_noise(weights: &mut [f32], amount: f32, seed: u64, layer: usize) {
    let strength = amount * deviation(weights);
    let normals = normals(weights.len(), seed, NOISE_STREAM + layer as u64);
    for (w, n) in weights.iter_mut().zip(normals) {
        *w += strength * n;
    }
}

fn deviation(values: &[f32]) -> f32 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let power = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
    power.sqrt() as f32
}

/// The `share` of `weights` that is nearest to 0 becomes 0; among equals the first ones.
pub(super) fn prune(weights: &mut [f32], share: f32) {
    let num_pruned = (f64::from(share) * weights.len() as f64).round() as usize;
    if num_pruned >= weights.len() {
        return weights.fill(0.0);
    }
    if num_pruned == 0 {
        return;
    }
    // The bits of positive floats are in the order of the floats.
    let size = |w: &f32| w.abs().to_bits();
    let mut sizes: Vec<u32> = weights.iter().map(size).collect();
    let (below, &mut largest, _) = sizes.select_nth_unstable(num_pruned - 1);
    let mut num_equal = 1 + below.iter().filter(|s| **s == largest).count();
    for w in weights {
        if size(w) < largest {
            *w = 0.0;
        } else if size(w) == largest && num_equal > 0 {
            num_equal -= 1;
            *w = 0.0;
        }
    }
}

/// Row r of `values` `[num_rows, …]` goes to row r + shift, round the end; between whole numbers
/// neighbours are interpolated.
pub(super) fn rotate_rows(values: &mut [f32], num_rows: usize, shift: f32) {
    if num_rows == 0 || values.is_empty() {
        return;
    }
    let row_len = values.len() / num_rows;
    let (whole, part) = (shift.floor(), shift - shift.floor());
    // An f32's whole part can be far beyond an integer's range, but its remainder cannot.
    let whole = whole.rem_euclid(num_rows as f32) as usize % num_rows;
    values.rotate_right(whole * row_len);
    if part == 0.0 {
        return;
    }
    let mut further = values.to_vec();
    further.rotate_right(row_len);
    for (v, f) in values.iter_mut().zip(further) {
        *v += part * (f - *v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_weights(len: usize) -> Vec<f32> {
        normals(len, 9, 9).iter().map(|n| 0.3 * n + 0.1).collect()
    }

    #[test]
    fn factors_are_normally_distributed() {
        let (amount, mean, spread) = (0.5, -1.0, 0.4);
        let before = some_weights(60_000);
        let mut after = before.clone();
        scale(&mut after, amount, (mean, spread), 3, 2);
        let factors: Vec<f64> = after
            .iter()
            .zip(&before)
            .map(|(a, b)| f64::from((a / b - 1.0) / amount + 1.0))
            .collect();
        let moment = |k: i32| {
            let standard = |f: &f64| ((f - f64::from(mean)) / f64::from(spread)).powi(k);
            factors.iter().map(standard).sum::<f64>() / factors.len() as f64
        };
        assert!(moment(1).abs() < 0.02, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "{}", moment(2));
        assert!(moment(3).abs() < 0.06, "{}", moment(3));
        // Twelve uniforms have a kurtosis of 2.9.
        assert!((moment(4) - 2.9).abs() < 0.12, "{}", moment(4));
        let (mut again, mut other) = (before.clone(), before);
        scale(&mut again, amount, (mean, spread), 3, 2);
        scale(&mut other, amount, (mean, spread), 3, 4);
        assert!(again == after && other != after);
    }

    #[test]
    fn noise_is_measured_by_the_weights() {
        let before = some_weights(60_000);
        let mut after = before.clone();
        add_noise(&mut after, 0.5, 3, 2);
        let added: Vec<f32> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
        assert!((deviation(&added) / deviation(&before) - 0.5).abs() < 0.01);
        assert!((deviation(&before) - 0.3).abs() < 0.01);
    }

    #[test]
    fn the_share_of_zeros_is_the_share_pruned() {
        let before = some_weights(1000);
        for (share, num_zeros) in [(0.0, 0), (0.0004, 0), (0.25, 250), (0.999, 999), (1.0, 1000)] {
            let mut after = before.clone();
            prune(&mut after, share);
            assert_eq!(after.iter().filter(|w| **w == 0.0).count(), num_zeros, "{share}");
            let largest_pruned = before.iter().zip(&after).filter(|(_, a)| **a == 0.0);
            let largest_pruned = largest_pruned.map(|(b, _)| b.abs()).fold(0.0, f32::max);
            assert!(after.iter().all(|a| *a == 0.0 || a.abs() >= largest_pruned));
            assert!(before.iter().zip(&after).all(|(b, a)| *a == 0.0 || a == b));
        }
        let mut equal = [1.0, -1.0, 1.0, -1.0];
        prune(&mut equal, 0.5);
        assert_eq!(equal, [0.0, 0.0, 1.0, -1.0]);
        prune(&mut [], 0.5);
    }

    #[test]
    fn rows_go_round() {
        let rows = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        let rotated = |shift: f32| {
            let mut values = rows;
            rotate_rows(&mut values, 3, shift);
            values
        };
        assert_eq!(rotated(1.0), [3.0, 30.0, 1.0, 10.0, 2.0, 20.0]);
        assert_eq!(rotated(-1.0), [2.0, 20.0, 3.0, 30.0, 1.0, 10.0]);
        assert_eq!(rotated(3.0), rows);
        assert_eq!(rotated(-300.0), rows);
        assert_eq!(rotated(0.5), [2.0, 20.0, 1.5, 15.0, 2.5, 25.0]);
        assert_eq!(rotated(-0.5), [1.5, 15.0, 2.5, 25.0, 2.0, 20.0]);
        assert!(rotated(f32::MAX).iter().all(|v| v.is_finite()));
        rotate_rows(&mut [], 0, 1.0);
    }
}
