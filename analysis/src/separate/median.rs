//! The median of a sliding window.

/// Replaces `old`, which must be there, by `new` in a window's values `sorted`. The values between
/// their places move by one, which for the few dozen of a median filter beats any tree.
pub fn replace_sorted(sorted: &mut [f32], old: f32, new: f32) {
    let len = sorted.len();
    let mut i = sorted.partition_point(|&v| v < old).min(len.saturating_sub(1));
    while i + 1 < len && sorted[i + 1] < new {
        sorted[i] = sorted[i + 1];
        i += 1;
    }
    while i > 0 && sorted[i - 1] > new {
        sorted[i] = sorted[i - 1];
        i -= 1;
    }
    if let Some(slot) = sorted.get_mut(i) {
        *slot = new;
    }
}

/// Median of each value of `row` and its neighbours, an odd number of values in all, into `out`.
/// Beyond the ends the row is mirrored, its end values repeated: `c b a | a b c`. `sorted` is scratch
/// of as many values as the window has.
pub fn median_filter(row: &[f32], sorted: &mut [f32], out: &mut [f32]) {
    let half = sorted.len() as isize / 2;
    let at = |i: isize| mirrored(row, i);
    for (slot, i) in sorted.iter_mut().zip(-half..) {
        *slot = at(i);
    }
    sorted.sort_unstable_by(f32::total_cmp);
    for (i, out) in (0_isize..).zip(out.iter_mut()) {
        if i > 0 {
            replace_sorted(sorted, at(i - half - 1), at(i + half));
        }
        *out = sorted[sorted.len() / 2];
    }
}

/// The value at `i` of a row that is mirrored beyond its ends; 0 where there is no row.
fn mirrored(row: &[f32], i: isize) -> f32 {
    let len = row.len() as isize;
    if len == 0 {
        return 0.0;
    }
    let folded = i.rem_euclid(2 * len);
    row[folded.min(2 * len - 1 - folded) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed sequence with ties and runs.
    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * i * 7 + i * 3) % 23) as f32).collect()
    }

    #[test]
    fn equals_sorting_every_window() {
        for (len, kernel) in [(1, 5), (4, 7), (40, 1), (100, 31)] {
            let row = values(len);
            let mut out = vec![0.0; len];
            median_filter(&row, &mut vec![0.0; kernel], &mut out);
            for (i, &found) in out.iter().enumerate() {
                let half = kernel as isize / 2;
                let mut window: Vec<f32> =
                    (-half..=half).map(|d| mirrored(&row, i as isize + d)).collect();
                window.sort_unstable_by(f32::total_cmp);
                assert_eq!(found, window[kernel / 2], "{len} values, kernel {kernel}, at {i}");
            }
        }
    }

    #[test]
    fn mirrors_with_the_end_repeated() {
        let at: Vec<f32> = (-4..7).map(|i| mirrored(&[1.0, 2.0, 3.0], i)).collect();
        assert_eq!(at, [3.0, 3.0, 2.0, 1.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 1.0]);
    }
}
