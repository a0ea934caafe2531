//! How well beats agree with the true ones: the measures of the field (Davies, Degara and Plumbley
//! 2009), with their usual numbers. Times are in seconds, ascending.

/// 2·hits/(found + truth): each found beat may hit one true beat within `tolerance_secs`.
pub fn f_measure(found: &[f64], truth: &[f64], tolerance_secs: f64) -> f64 {
    let (mut i, mut j, mut hits) = (0, 0, 0);
    while let (Some(f), Some(t)) = (found.get(i), truth.get(j)) {
        if (f - t).abs() <= tolerance_secs {
            (i, j, hits) = (i + 1, j + 1, hits + 1);
        } else if f < t {
            i += 1;
        } else {
            j += 1;
        }
    }
    2.0 * f64::from(hits) / (found.len() + truth.len()).max(1) as f64
}

/// The share of true beats that are found at the right level of the metre, phase and interval each
/// within 17.5 % of a beat: CMLt.
pub fn cmlt(found: &[f64], truth: &[f64]) -> f64 {
    if found.len() < 2 || truth.len() < 2 {
        return 0.0;
    }
    let right = |i: usize| {
        let t = (0..truth.len())
            .min_by(|&a, &b| (truth[a] - found[i]).abs().total_cmp(&(truth[b] - found[i]).abs()));
        let t = t.unwrap_or(0);
        let (a, b) = if t > 0 { (t - 1, t) } else { (0, 1) };
        let true_gap = truth[b] - truth[a];
        let gap = if i > 0 { found[i] - found[i - 1] } else { found[1] - found[0] };
        let phase_fits = (found[i] - truth[t]).abs() < 0.175 * true_gap;
        (phase_fits && (gap / true_gap - 1.0).abs() < 0.175).then_some(t)
    };
    let mut hit: Vec<usize> = (0..found.len()).filter_map(right).collect();
    hit.dedup();
    hit.len() as f64 / found.len().max(truth.len()) as f64
}

/// The best CMLt against the truth, its off-beats, twice as many beats, and each half of them: AMLt.
pub fn amlt(found: &[f64], truth: &[f64]) -> f64 {
    let off: Vec<f64> = truth.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
    let mut double: Vec<f64> = truth.iter().chain(&off).copied().collect();
    double.sort_by(f64::total_cmp);
    let half = |from: usize| truth.iter().skip(from).step_by(2).copied().collect::<Vec<_>>();
    let levels = [truth.to_vec(), off, double, half(0), half(1)];
    levels.iter().map(|level| cmlt(found, level)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_known_cases() {
        let truth: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!((f_measure(&truth, &truth, 0.07), cmlt(&truth, &truth)), (1.0, 1.0));
        let late: Vec<f64> = truth.iter().map(|t| t + 0.06).collect();
        assert_eq!((f_measure(&late, &truth, 0.07), f_measure(&late, &truth, 0.05)), (1.0, 0.0));
        let half: Vec<f64> = truth.iter().step_by(2).copied().collect();
        assert!((f_measure(&half, &truth, 0.05) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((cmlt(&half, &truth), amlt(&half, &truth)), (0.0, 1.0));
        let off: Vec<f64> = truth.iter().map(|t| t + 0.5).collect();
        assert_eq!((f_measure(&off, &truth, 0.07), cmlt(&off, &truth)), (0.0, 0.0));
        assert!(amlt(&off, &truth) > 0.9);
        assert_eq!(
            (f_measure(&[], &truth, 0.07), cmlt(&[], &truth), amlt(&[], &[])),
            (0.0, 0.0, 0.0)
        );
    }
}
