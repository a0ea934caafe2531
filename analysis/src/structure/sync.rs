//! From frames to the spans between beats.

use crate::Rows;

/// How the rows of a span become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The mean of each bin.
    Mean,
    /// The median of each bin; of an even number the mean of the middle two.
    Median,
}

/// The first frame of each span, and the number of frames at the end: 0, the boundaries within the
/// piece, in order and each once, and `num_frames`.
pub fn edges(boundaries: &[usize], num_frames: usize) -> Vec<usize> {
    let within = boundaries.iter().copied().filter(|&b| b < num_frames);
    let mut edges: Vec<usize> = [0, num_frames].into_iter().chain(within).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// One row for each span between boundaries, those before the first and after the last included:
/// `[frames, bins]` to `[spans, bins]`, librosa's `util.sync` with padding. `edges` are those of
/// [`edges`].
pub fn sync(rows: &Rows, edges: &[usize], aggregate: Aggregate) -> Rows {
    let mut out = Rows::new(edges.len().saturating_sub(1), rows.num_bins());
    out.par_fill(|span, out| {
        let frames = edges[span]..edges[span + 1].min(rows.num_frames());
        let mut column = Vec::with_capacity(frames.len());
        for (bin, out) in out.iter_mut().enumerate() {
            column.clear();
            column.extend(frames.clone().map(|f| rows.row(f)[bin]));
            *out = match aggregate {
                Aggregate::Mean => mean(&column),
                Aggregate::Median => median(&mut column),
            };
        }
    });
    out
}

fn mean(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    (sum / values.len().max(1) as f64) as f32
}

/// The median, the mean of the middle two of an even number; 0 of none. Orders `values`.
pub fn median(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let (n, get) = (values.len(), |i: usize| values.get(i).copied().unwrap_or(0.0));
    if n % 2 == 1 { get(n / 2) } else { 0.5 * (get((n / 2).saturating_sub(1)) + get(n / 2)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_begin_at_the_start_and_at_each_boundary() {
        assert_eq!(edges(&[3, 3, 7, 12], 10), [0, 3, 7, 10]);
        assert_eq!(edges(&[0, 4], 4), [0, 4]);
        let rows = Rows::from_vec(2, (0..20).map(|v| v as f32).collect());
        let spans = sync(&rows, &edges(&[3, 7], 10), Aggregate::Mean);
        assert_eq!(spans.data(), [2.0, 3.0, 9.0, 10.0, 16.0, 17.0]);
        // numpy.median([6, 8, 10, 12]) = 9
        let spans = sync(&rows, &[3, 7], Aggregate::Median);
        assert_eq!(spans.data(), [9.0, 10.0]);
    }
}
