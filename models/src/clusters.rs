//! Groups of a layer's channels that draw alike, to bend together.
//!
//! Broad, Leymarie and Grierson ("Network Bending", 2021) group channels by features that a second
//! network learnt from their activation maps; here the maps themselves are compared. A channel's
//! feature is its maps over some samples, averaged down to at most 8×8, less their mean, over their
//! norm: two channels are near where they are active at the same places of the same pictures,
//! however strongly. The groups are those of k-means.

use std::path::Path;

use candle_core::Tensor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::file::read_bounded;
use crate::ganspace::{Samples, check_layer};
use crate::random::RandomState;
use crate::stylegan2::{Generator, Shaping};

/// Side of the maps that are compared, at most.
const MAX_SIDE: usize = 8;
/// The most samples that are drawn.
pub const MAX_SAMPLES: usize = 1024;
/// Pictures at a time.
const BATCH: usize = 4;
/// Starts of k-means, of which the best counts, and the most steps of each.
const NUM_STARTS: usize = 8;
const MAX_STEPS: usize = 100;
/// The largest file that is read.
const MAX_FILE_LEN: u64 = 16 << 20;
/// The most channels that a file may name.
const MAX_CHANNELS: usize = 1 << 16;
const FORMAT: &str = "lumawire-clusters";
/// Raised when files mean something else than before.
const VERSION: u32 = 1;

/// What to group.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The layer: 0 is the learned constant, k the k-th convolution.
    pub layer: usize,
    /// Groups to make; fewer where fewer channels differ.
    pub num_clusters: usize,
    /// Random latents to draw, 1..[`MAX_SAMPLES`].
    pub num_samples: usize,
    /// Class of a conditional network; `None` for all in turn.
    pub class: Option<usize>,
    /// Seed of the latents and of the starts.
    pub seed: u32,
}

/// Which channel of a layer belongs to which group. Groups are numbered from the largest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clusters {
    format: String,
    version: u32,
    /// The network, such as `sha256:…`.
    pub model: String,
    /// The layer: 0 is the learned constant, k the k-th convolution.
    pub layer: usize,
    /// Number of groups.
    pub num_clusters: usize,
    /// How many latents were drawn.
    pub num_samples: usize,
    /// Their class; `None` for all or where there are none.
    pub class: Option<usize>,
    /// Their seed.
    pub seed: u32,
    /// The group of each channel, `[channels]`.
    pub assignment: Vec<usize>,
}

/// Groups the channels of a layer of `generator`, which is called `model` in their file. `progress`
/// is told how much is done, from 0 to 1.
pub fn find(
    generator: &Generator,
    model: String,
    settings: &Settings,
    progress: &mut dyn FnMut(f64),
) -> Result<Clusters, ModelError> {
    check_layer(generator, settings.layer)?;
    if !(1..=MAX_SAMPLES).contains(&settings.num_samples) {
        let why = format!("the number of samples must lie in 1..{MAX_SAMPLES}");
        return Err(ModelError::Input(why));
    }
    if settings.num_clusters == 0 {
        return Err(ModelError::Input("at least 1 cluster is needed".into()));
    }
    let features = features(generator, settings, progress)?;
    let (assignment, num_clusters) = kmeans(&features, settings.num_clusters, settings.seed);
    Ok(Clusters {
        format: FORMAT.to_owned(),
        version: VERSION,
        model,
        layer: settings.layer,
        num_clusters,
        num_samples: settings.num_samples,
        class: settings.class,
        seed: settings.seed,
        assignment,
    })
}

/// One feature a channel, all as long.
fn features(
    generator: &Generator,
    settings: &Settings,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<Vec<f32>>, ModelError> {
    let mut samples = Samples::new(generator, settings.seed, settings.class)?;
    let mut features = vec![Vec::new(); generator.config().layer_channels(settings.layer)];
    let mut done = 0;
    while done < settings.num_samples {
        let n = BATCH.min(settings.num_samples - done);
        let ws = generator.broadcast(&samples.next(n)?)?;
        let maps = generator.activations(&ws, &Shaping::default(), settings.layer)?;
        let by_channel = shrink(&maps)?.transpose(0, 1)?.flatten_from(1)?;
        for (feature, maps) in features.iter_mut().zip(by_channel.to_vec2::<f32>()?) {
            feature.extend(maps);
        }
        done += n;
        progress(done as f64 / settings.num_samples as f64);
    }
    features.iter_mut().for_each(|feature| normalize(feature));
    Ok(features)
}

/// Maps `[n, c, h, w]` averaged down to at most `MAX_SIDE` each way.
fn shrink(maps: &Tensor) -> Result<Tensor, ModelError> {
    let (_, _, height, width) = maps.dims4()?;
    let factor = |side: usize| (side / MAX_SIDE).max(1);
    Ok(maps.avg_pool2d((factor(height), factor(width)))?)
}

/// Mean 0 and norm 1; zeros where nothing varies or something is no finite number.
fn normalize(feature: &mut [f32]) {
    let mean = feature.iter().map(|v| f64::from(*v)).sum::<f64>() / feature.len().max(1) as f64;
    let power: f64 = feature.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum();
    let varies = power.is_finite() && power.sqrt() > 1e-6 * mean.abs() && power > 0.0;
    for v in feature {
        *v = if varies { ((f64::from(*v) - mean) / power.sqrt()) as f32 } else { 0.0 };
    }
}

impl Clusters {
    /// The channels of group `i`, in order; none beyond the last group.
    pub fn channels(&self, i: usize) -> Vec<usize> {
        let group = self.assignment.iter().enumerate().filter(|(_, cluster)| **cluster == i);
        group.map(|(channel, _)| channel).collect()
    }

    /// The text of a JSON file.
    pub fn to_json(&self) -> Result<String, ModelError> {
        serde_json::to_string(self)
            .map(|text| text + "\n")
            .map_err(|e| ModelError::Input(format!("cannot be written: {e}")))
    }
}

/// Reads a file of [`Clusters::to_json`], and checks it.
pub fn load(path: &Path) -> Result<Clusters, ModelError> {
    parse(&read_bounded(path, MAX_FILE_LEN)?)
}

fn parse(bytes: &[u8]) -> Result<Clusters, ModelError> {
    let refuse = |why: String| {
        Err(ModelError::Input(format!("{why}: make the file with `lumawire clusters`")))
    };
    let clusters: Clusters = match serde_json::from_slice(bytes) {
        Ok(clusters) => clusters,
        Err(e) => return refuse(format!("holds no clusters of channels ({e})")),
    };
    if clusters.format != FORMAT {
        return refuse(format!("has format `{}`, not `{FORMAT}`", clusters.format));
    }
    if clusters.version > VERSION {
        return Err(ModelError::Input(format!(
            "has version {} of its format, this build reads up to {VERSION}: update Lumawire",
            clusters.version
        )));
    }
    let num_channels = clusters.assignment.len();
    if !(1..=MAX_CHANNELS).contains(&num_channels) {
        return refuse(format!("names {num_channels} channels"));
    }
    let highest = clusters.assignment.iter().max().copied().unwrap_or(0);
    if highest >= clusters.num_clusters || clusters.num_clusters > num_channels {
        let num_clusters = clusters.num_clusters;
        return refuse(format!("has {num_clusters} clusters, but names cluster {highest}"));
    }
    Ok(clusters)
}

/// k-means (Lloyd, 1982) from several k-means++ starts (Arthur and Vassilvitskii, 2007): the group
/// of each row in the best of them, and the number of groups, which is below `k` where fewer rows
/// differ.
fn kmeans(rows: &[Vec<f32>], k: usize, seed: u32) -> (Vec<usize>, usize) {
    let mut random = RandomState::new(seed);
    let mut best: Option<(f64, Vec<usize>)> = None;
    for _ in 0..NUM_STARTS {
        let (inertia, assignment) = descend(rows, start(rows, k, &mut random));
        if best.as_ref().is_none_or(|(least, _)| inertia < *least) {
            best = Some((inertia, assignment));
        }
    }
    by_size(best.map(|(_, assignment)| assignment).unwrap_or_default())
}

fn distance2(a: &[f32], b: &[f32]) -> f64 {
    f64::from(a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>())
}

/// Centres: rows drawn one after the other, each by the square of its distance from those before.
fn start(rows: &[Vec<f32>], k: usize, random: &mut RandomState) -> Vec<Vec<f32>> {
    let mut distances = vec![1.0; rows.len()];
    let mut centres: Vec<Vec<f32>> = Vec::new();
    while centres.len() < k.min(rows.len()) {
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = random.uniform() * total;
        let drawn = distances.iter().position(|d| {
            left -= d;
            left < 0.0
        });
        // Rounding may leave a little beyond the last.
        let drawn = drawn.or_else(|| distances.iter().rposition(|d| *d > 0.0)).unwrap_or(0);
        let centre = rows[drawn].clone();
        let is_first = centres.is_empty();
        distances.par_iter_mut().zip(rows).for_each(|(d, row)| {
            let new = distance2(row, &centre);
            *d = if is_first { new } else { d.min(new) };
        });
        centres.push(centre);
    }
    centres
}

/// Steps until nothing changes: the sum of squared distances, and the group of each row.
fn descend(rows: &[Vec<f32>], mut centres: Vec<Vec<f32>>) -> (f64, Vec<usize>) {
    let mut assignment: Vec<usize> = Vec::new();
    let mut inertia = 0.0;
    for _ in 0..MAX_STEPS {
        let nearest: Vec<(usize, f64)> =
            rows.par_iter().map(|row| nearest(row, &centres)).collect();
        inertia = nearest.iter().map(|(_, d)| d).sum();
        let next = without_empty(&nearest, centres.len());
        if next == assignment {
            break;
        }
        assignment = next;
        for (i, centre) in centres.iter_mut().enumerate() {
            let members: Vec<&Vec<f32>> =
                rows.iter().zip(&assignment).filter(|(_, c)| **c == i).map(|(r, _)| r).collect();
            let scale = 1.0 / members.len().max(1) as f32;
            for (j, v) in centre.iter_mut().enumerate() {
                *v = members.iter().map(|row| row[j]).sum::<f32>() * scale;
            }
        }
    }
    (inertia, assignment)
}

/// The nearest centre, the first of equals, and the square of its distance.
fn nearest(row: &[f32], centres: &[Vec<f32>]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (i, centre) in centres.iter().enumerate() {
        let d = distance2(row, centre);
        if d < best.1 {
            best = (i, d);
        }
    }
    best
}

/// The groups, where each that nobody is nearest to takes the row that lies farthest out.
fn without_empty(nearest: &[(usize, f64)], k: usize) -> Vec<usize> {
    let mut groups: Vec<usize> = nearest.iter().map(|(c, _)| *c).collect();
    let mut sizes = vec![0_usize; k];
    groups.iter().for_each(|c| sizes[*c] += 1);
    let mut by_distance: Vec<usize> = (0..groups.len()).collect();
    by_distance.sort_by(|a, b| nearest[*b].1.total_cmp(&nearest[*a].1));
    for empty in 0..k {
        if sizes[empty] == 0
            && let Some(row) = by_distance.iter().copied().find(|row| sizes[groups[*row]] > 1)
        {
            sizes[groups[row]] -= 1;
            sizes[empty] = 1;
            groups[row] = empty;
        }
    }
    groups
}

/// The groups numbered from the largest, of equals the one with the first row; and their number.
fn by_size(groups: Vec<usize>) -> (Vec<usize>, usize) {
    let k = groups.iter().max().map_or(0, |c| c + 1);
    let size = |c: usize| groups.iter().filter(|g| **g == c).count();
    let mut order: Vec<usize> = (0..k).filter(|c| size(*c) > 0).collect();
    let first = |c: usize| groups.iter().position(|g| *g == c);
    order.sort_by_key(|c| (std::cmp::Reverse(size(*c)), first(*c)));
    let rank = |c: usize| order.iter().position(|o| *o == c).unwrap_or(0);
    (groups.iter().map(|c| rank(*c)).collect(), order.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stylegan2::Config;

    fn network() -> Generator {
        let mut config = Config::new(32, 1024, 32);
        (config.z_dim, config.w_dim, config.num_mapping_layers) = (24, 20, 2);
        Generator::stand_in(config, 1).unwrap()
    }

    fn settings() -> Settings {
        Settings { layer: 3, num_clusters: 5, num_samples: 6, class: None, seed: 2 }
    }

    fn found(settings: &Settings) -> Clusters {
        find(&network(), "test".into(), settings, &mut |_| ()).unwrap()
    }

    #[test]
    fn planted_groups_are_found_whatever_their_scale() {
        let mut random = RandomState::new(0);
        let mut patterns = vec![vec![0.0_f32; 40]; 4];
        patterns.iter_mut().for_each(|p| random.fill_normal(p));
        let group = |i: usize| [0, 0, 0, 0, 1, 1, 1, 2, 2, 3][i % 10];
        let rows: Vec<Vec<f32>> = (0..50)
            .map(|i| {
                let (gain, offset) = (10.0_f32.powi(i as i32 % 5 - 2), random.normal() as f32);
                let row = patterns[group(i)].iter();
                let mut row: Vec<f32> =
                    row.map(|v| gain * (v + 0.2 * random.normal() as f32) + offset).collect();
                normalize(&mut row);
                row
            })
            .collect();
        let expected: Vec<usize> = (0..50).map(group).collect();
        for seed in 0..5 {
            assert_eq!(kmeans(&rows, 4, seed), (expected.clone(), 4));
        }
    }

    #[test]
    fn fewer_different_rows_than_groups_give_fewer_groups() {
        let rows = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]].map(Vec::from);
        assert_eq!(kmeans(&rows, 5, 0), (vec![0, 1, 0], 2));
        assert_eq!(kmeans(&rows[..1], 3, 0), (vec![0], 1));
    }

    #[test]
    fn no_group_stays_empty() {
        let nearest = [(0, 0.1), (0, 0.5), (0, 0.3)];
        assert_eq!(without_empty(&nearest, 3), [0, 1, 2]);
    }

    /// Channels of one group are more alike than channels of different ones.
    #[test]
    fn groups_of_a_network_are_alike() {
        let clusters = found(&settings());
        assert_eq!((clusters.assignment.len(), clusters.num_clusters), (32, 5));
        assert_eq!(
            clusters.channels(0).len(),
            clusters.assignment.iter().filter(|c| **c == 0).count()
        );
        assert!(clusters.channels(5).is_empty());
        let features = features(&network(), &settings(), &mut |_| ()).unwrap();
        let (mut within, mut across) = ((0.0, 0), (0.0, 0));
        for (i, a) in features.iter().enumerate() {
            for (j, b) in features.iter().enumerate().take(i) {
                let same = clusters.assignment[i] == clusters.assignment[j];
                let sum = if same { &mut within } else { &mut across };
                sum.0 += a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
                sum.1 += 1;
            }
        }
        let (within, across) = (within.0 / within.1 as f32, across.0 / across.1 as f32);
        assert!(within > across + 0.2, "{within} {across}");
    }

    #[test]
    fn files_keep_everything_and_repeat() {
        let clusters = found(&settings());
        let text = clusters.to_json().unwrap();
        assert_eq!(parse(text.as_bytes()).unwrap(), clusters);
        assert_eq!(found(&settings()).to_json().unwrap(), text);
    }

    #[test]
    fn broken_files_say_so() {
        let good = found(&settings());
        let error = |change: fn(&mut Clusters)| {
            let mut bad = good.clone();
            change(&mut bad);
            parse(bad.to_json().unwrap().as_bytes()).unwrap_err().to_string()
        };
        assert!(error(|c| c.assignment[3] = 5).contains("names cluster 5"));
        assert!(error(|c| c.assignment.clear()).contains("0 channels"));
        assert!(error(|c| c.version = 9).contains("update Lumawire"));
        assert!(error(|c| c.format = "x".into()).contains("format `x`"));
        assert!(parse(b"[1, 2]").unwrap_err().to_string().contains("lumawire clusters"));
    }

    #[test]
    fn what_cannot_be_grouped_is_refused() {
        for (settings, word) in [
            (Settings { layer: 8, ..settings() }, "layers 0 to 7"),
            (Settings { num_samples: 0, ..settings() }, "1..1024"),
            (Settings { num_clusters: 0, ..settings() }, "at least 1"),
        ] {
            let error = find(&network(), "test".into(), &settings, &mut |_| ()).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
