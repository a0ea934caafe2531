//! The graph of a piece and its slowest modes.
//!
//! McFee and Ellis, *Analyzing song structure with spectral clustering* (ISMIR 2014), with the numbers
//! of librosa's gallery.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::Rows;
use crate::rhythm::onset_strength::Aggregate;
use crate::separate::median::LineMedian;

/// Affinity of each moment to the next, `[n, bins]` to `[n − 1]`: exp(−d/σ), d the squared Euclidean
/// distance, σ the median of all d.
pub fn path_affinity(features: &Rows) -> Vec<f32> {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let step = |i: usize| features.row(i).iter().zip(features.row(i + 1)).map(square).sum::<f64>();
    let steps: Vec<f32> =
        (0..features.num_frames().saturating_sub(1)).map(|i| step(i) as f32).collect();
    let sigma = Aggregate::Median.of(&mut steps.clone());
    // A piece that never changes is one path.
    let affinity = |d: f32| if d > 0.0 { (-d / sigma.max(f32::MIN_POSITIVE)).exp() } else { 1.0 };
    steps.into_iter().map(affinity).collect()
}

/// The graph of a piece: μ·recurrence + (1 − μ)·path, `[n, n]`. μ is chosen so that both weigh about
/// the same at each moment: p·(p + r)/‖p + r‖², p and r being the sums of their rows.
pub fn balance(recurrence: &Rows, path: &[f32]) -> Rows {
    let n = recurrence.num_frames();
    let link = |i: usize| f64::from(path.get(i).copied().unwrap_or(0.0));
    let (mut dot, mut norm) = (0.0, 0.0);
    for (i, row) in recurrence.iter().enumerate() {
        let along = link(i) + if i > 0 { link(i - 1) } else { 0.0 };
        let total = along + row.iter().copied().map(f64::from).sum::<f64>();
        dot += along * total;
        norm += total * total;
    }
    let mu = if norm > 0.0 { dot / norm } else { 0.0 };
    let mut graph = recurrence.map(|v| (mu * f64::from(v)) as f32);
    for i in 0..n.saturating_sub(1) {
        let path = ((1.0 - mu) * link(i)) as f32;
        graph.row_mut(i)[i + 1] += path;
        graph.row_mut(i + 1)[i] += path;
    }
    graph
}

/// The slowest modes of a graph: where its clusters lie.
#[derive(Debug, Clone)]
pub struct Modes {
    /// Eigenvalues of the Laplacian, ascending, `[n]`.
    pub values: Vec<f64>,
    /// Its eigenvectors, one a column, in their order, `[n, n]`.
    pub vectors: DMatrix<f64>,
}

/// The eigenvectors of the symmetric normalised Laplacian I − D^−½ A D^−½ of a graph `[n, n]`, or
/// `None` where the iteration does not settle.
///
/// The degrees D are the sums of columns, and where the graph is not symmetric its lower triangle
/// counts: that is what scipy's `laplacian` and `eigh` make of it.
pub fn modes(graph: &Rows) -> Option<Modes> {
    let n = graph.num_frames();
    let mut degrees = vec![0.0_f64; n];
    for (i, row) in graph.iter().enumerate() {
        for (j, (&v, degree)) in row.iter().zip(&mut degrees).enumerate() {
            *degree += if i == j { 0.0 } else { f64::from(v) };
        }
    }
    let root = |i: usize| if degrees[i] > 0.0 { degrees[i].sqrt() } else { 1.0 };
    let laplacian = DMatrix::from_fn(n, n, |i, j| {
        let (low, high) = (i.max(j), i.min(j));
        match low == high {
            true => f64::from(u8::from(degrees[i] > 0.0)),
            false => -f64::from(graph.row(low)[high]) / (root(low) * root(high)),
        }
    });
    if n == 0 {
        return Some(Modes { values: Vec::new(), vectors: laplacian });
    }
    let eigen = SymmetricEigen::try_new(laplacian, f64::EPSILON, 100 * n.max(10))?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[a].total_cmp(&eigen.eigenvalues[b]));
    Some(Modes {
        values: order.iter().map(|&i| eigen.eigenvalues[i]).collect(),
        vectors: DMatrix::from_fn(n, n, |i, j| eigen.eigenvectors[(i, order[j])]),
    })
}

impl Modes {
    /// Each moment by its first `num_modes` modes, `[n, num_modes]`: the eigenvectors, each smoothed
    /// by a median over 9 moments, over the norm of the row.
    pub fn embedding(&self, num_modes: usize) -> Rows {
        let n = self.vectors.nrows();
        let mut columns = Rows::new(num_modes.min(n), n);
        let mut medians = LineMedian::new(9);
        medians.resize(self.vectors.nrows());
        for (j, column) in columns.iter_mut().enumerate() {
            let mode: Vec<f32> = self.vectors.column(j).iter().map(|&v| v as f32).collect();
            medians.run(&mode, column);
        }
        let mut rows = columns.transposed();
        for row in rows.iter_mut() {
            let norm = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            if norm > 0.0 {
                row.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
            }
        }
        rows
    }

    /// The number of clusters within `range` after which the eigenvalues leap most: the eigengap (von
    /// Luxburg, *A tutorial on spectral clustering*, 2007). The least of equals.
    pub fn num_clusters(&self, range: std::ops::RangeInclusive<usize>) -> usize {
        let gap = |k: usize| match (self.values.get(k.wrapping_sub(1)), self.values.get(k)) {
            (Some(below), Some(above)) => above - below,
            _ => f64::MIN,
        };
        let first = *range.start();
        range.fold(first, |best, k| if gap(k) > gap(best) { k } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{columns, max_abs_diff, reference};

    const N: usize = 36;

    fn graph() -> Rows {
        Rows::from_vec(N, reference("librosa/structure/A.bin"))
    }

    #[test]
    fn the_graph_matches_the_reference() {
        let timbre = Rows::from_vec(20, columns(&reference("librosa/structure/Msync.bin"), N));
        let path = path_affinity(&timbre);
        let expected = reference("librosa/structure/Rpath_offdiag.bin");
        assert!(max_abs_diff(&path, &expected) < 1e-4);
        let recurrence = Rows::from_vec(N, reference("librosa/structure/Rf.bin"));
        let error = max_abs_diff(balance(&recurrence, &path).data(), graph().data());
        assert!(error < 1e-4, "{error}");
    }

    #[test]
    fn the_modes_match_the_reference() {
        let modes = modes(&graph()).unwrap();
        let values: Vec<f32> = modes.values.iter().map(|&v| v as f32).collect();
        assert!(max_abs_diff(&values, &reference("librosa/structure/evals.bin")) < 1e-4);
        let expected = columns(&reference("librosa/structure/evecs_first10.bin"), 10);
        for (j, expected) in expected.chunks(N).enumerate() {
            let mode: Vec<f32> = modes.vectors.column(j).iter().map(|&v| v as f32).collect();
            let flipped: Vec<f32> = mode.iter().map(|v| -v).collect();
            let error = max_abs_diff(&mode, expected).min(max_abs_diff(&flipped, expected));
            assert!(error < 1e-3, "{j}: {error}");
        }
        let expected = columns(&reference("librosa/structure/X.bin"), 5);
        let found = modes.embedding(5).transposed();
        for (j, (found, expected)) in found.iter().zip(expected.chunks(N)).enumerate() {
            let flipped: Vec<f32> = found.iter().map(|v| -v).collect();
            let error = max_abs_diff(found, expected).min(max_abs_diff(&flipped, expected));
            assert!(error < 1e-3, "{j}: {error}");
        }
    }

    /// Three cliques, faintly joined: three eigenvalues near 0, then a leap.
    #[test]
    fn clusters_are_counted_by_the_leap() {
        let clique = |i: usize, j: usize| i != j && i / 8 == j / 8;
        let link = |i: usize, j: usize| if clique(i, j) { 1.0 } else { 0.001 };
        let graph = Rows::from_vec(24, (0..576).map(|k| link(k / 24, k % 24)).collect());
        assert_eq!(modes(&graph).unwrap().num_clusters(2..=8), 3);
    }

    #[test]
    fn graphs_without_links_have_modes() {
        for n in 0..4 {
            let modes = modes(&balance(&Rows::new(n, n), &vec![0.0; n.saturating_sub(1)])).unwrap();
            assert!(modes.values.iter().all(|&v| v == 0.0));
            assert_eq!(modes.embedding(5).num_frames(), n);
        }
    }
}
