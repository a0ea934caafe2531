//! Clusters of points.

use crate::Rows;

/// How to cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KmeansSettings {
    /// Number of clusters.
    pub num_clusters: usize,
    /// Starts, of which the best counts.
    pub num_starts: usize,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// Clusters of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// Cluster of each point, `[n]`, numbered by first appearance.
    pub labels: Vec<usize>,
    /// Sum of the squared distances of all points to the means of their clusters.
    pub inertia: f64,
}

/// Steps of one start at the most.
const MAX_STEPS: usize = 300;

/// Lloyd's k-means of points `[n, dim]` from several starts, each spread out as k-means++ does (Arthur
/// and Vassilvitskii 2007). The same points and seed give the same clusters.
pub fn kmeans(points: &Rows, settings: &KmeansSettings) -> Clusters {
    let mut random = Random(settings.seed);
    let num_clusters = settings.num_clusters.clamp(1, points.num_frames().max(1));
    let mut best = Clusters { labels: vec![0; points.num_frames()], inertia: f64::INFINITY };
    for _ in 0..settings.num_starts.max(1) {
        let found = descend(points, spread(points, num_clusters, &mut random));
        if found.inertia < best.inertia {
            best = found;
        }
    }
    renumber(&mut best.labels);
    best
}

/// Numbers labels by first appearance.
pub fn renumber(labels: &mut [usize]) {
    let mut seen: Vec<usize> = Vec::new();
    for label in labels {
        *label = seen.iter().position(|l| l == label).unwrap_or_else(|| {
            seen.push(*label);
            seen.len() - 1
        });
    }
}

fn square_distance(a: &[f32], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum()
}

/// Index of the nearest mean, and the squared distance to it.
fn nearest(point: &[f32], means: &[Vec<f64>]) -> (usize, f64) {
    let distances = means.iter().map(|m| square_distance(point, m)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// First means: points, each drawn with a probability proportional to its squared distance to those
/// drawn before.
fn spread(points: &Rows, num_clusters: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let point = |i: usize| points.row(i).iter().copied().map(f64::from).collect::<Vec<_>>();
    let n = points.num_frames();
    let mut means = vec![point((random.next() * n as f64) as usize)];
    while means.len() < num_clusters {
        let weights: Vec<f64> = points.iter().map(|p| nearest(p, &means).1).collect();
        let mut rest = random.next() * weights.iter().sum::<f64>();
        let drawn = weights.iter().position(|w| {
            rest -= w;
            rest < 0.0
        });
        means.push(point(drawn.unwrap_or(n.saturating_sub(1))));
    }
    means
}

/// Moves means and labels in turn until nothing changes.
fn descend(points: &Rows, mut means: Vec<Vec<f64>>) -> Clusters {
    let mut labels = vec![usize::MAX; points.num_frames()];
    let mut inertia = 0.0;
    for _ in 0..MAX_STEPS {
        inertia = 0.0;
        let mut changes = false;
        let mut farthest = (0, -1.0);
        for (i, (point, label)) in points.iter().zip(&mut labels).enumerate() {
            let (cluster, distance) = nearest(point, &means);
            changes |= *label != cluster;
            *label = cluster;
            inertia += distance;
            farthest = if distance > farthest.1 { (i, distance) } else { farthest };
        }
        if !changes {
            break;
        }
        let mut counts = vec![0_usize; means.len()];
        means.iter_mut().for_each(|m| m.fill(0.0));
        for (point, &label) in points.iter().zip(&labels) {
            counts[label] += 1;
            means[label].iter_mut().zip(point).for_each(|(m, &x)| *m += f64::from(x));
        }
        for (mean, &count) in means.iter_mut().zip(&counts) {
            match count {
                // A cluster that lost all its points begins anew at the one worst served.
                0 => {
                    let far = points.row(farthest.0).iter().copied().map(f64::from);
                    mean.iter_mut().zip(far).for_each(|(m, x)| *m = x);
                }
                count => mean.iter_mut().for_each(|m| *m /= count as f64),
            }
        }
    }
    Clusters { labels, inertia }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    /// A number within 0..1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reference;

    fn settings(num_clusters: usize, seed: u64) -> KmeansSettings {
        KmeansSettings { num_clusters, num_starts: 50, seed }
    }

    /// scikit-learn, 50 starts: 0.91188.
    #[test]
    fn is_as_tight_as_the_reference() {
        let points = Rows::from_vec(5, reference("librosa/structure/X.bin"));
        for seed in 0..20 {
            let clusters = kmeans(&points, &settings(5, seed));
            assert!(clusters.inertia <= 1.01 * 0.911_879_568, "{seed}: {}", clusters.inertia);
        }
        assert_eq!(kmeans(&points, &settings(5, 3)), kmeans(&points, &settings(5, 3)));
    }

    #[test]
    fn finds_heaps() {
        let points: Vec<f32> =
            (0..30).map(|i| (i % 3) as f32 * 10.0 + (i / 3) as f32 * 0.1).collect();
        let clusters = kmeans(&Rows::from_vec(1, points), &settings(3, 0));
        assert!(clusters.labels.iter().enumerate().all(|(i, &l)| l == i % 3));
        // Three times Σ (0.1·i − 0.45)², i from 0 to 9.
        assert!((clusters.inertia - 3.0 * 0.825).abs() < 1e-4);
    }

    #[test]
    fn more_clusters_than_points_are_no_fault() {
        let clusters = kmeans(&Rows::from_vec(1, vec![1.0, 1.0]), &settings(5, 0));
        assert_eq!(clusters.labels.len(), 2);
        assert!(kmeans(&Rows::new(0, 3), &settings(5, 0)).labels.is_empty());
    }
}
