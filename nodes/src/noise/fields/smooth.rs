//! White noise that changes smoothly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lumawire_models::stylegan2::NoiseField;
use lumawire_models::stylegan2::noise::fill_normal;
use rayon::prelude::*;

use super::blur::blur;
use crate::control::seeded::mix;

/// Knots that a picture is made of.
pub(crate) const NUM_KNOTS: usize = 5;
/// Knots that a row of it is made of.
const ROW_KNOTS: usize = 4;
/// From row to row the knots lie this far apart in time, which spreads them evenly (the golden
/// ratio): else the whole picture would change faster between knots than on them, and pulse.
const ROW_STEP: f64 = 0.618_033_988_749_894_9;
/// Values that are kept in all: 256 MiB, several times what a network of 1024 px asks for.
const MAX_KEPT_VALUES: usize = 1 << 26;
/// Fewest pixels that are worth a second thread.
const MIN_SHARE: usize = 1 << 15;

/// Deviation of a cubic B-spline in knots: its variance is 1/3.
pub(crate) const SIGMA_KNOTS: f64 = 0.577_350_269_189_625_8;

/// White noise under a Gaussian in time: independent pictures of white noise, the knots, weighted by
/// a cubic B-spline, which is close to a Gaussian, over the root of the weights' squares. So the
/// deviation is 1 at every time, and every time can be gone to at once.
pub(crate) struct Smooth {
    /// Names the stream.
    pub seed: u64,
    /// The time in knots.
    pub place: f64,
    /// Knots until it starts again, at least [`NUM_KNOTS`]; `None` for never.
    pub num_knots: Option<i64>,
    /// Blur of each picture: deviation of a Gaussian in its shorter sides.
    pub blur: f32,
    /// Kept knots, shared by the fields of all times.
    pub cache: Arc<Cache>,
}

/// Layer, height and width.
type Place = (usize, usize, usize);

/// Knots about the time that was last asked for.
#[derive(Default)]
pub(crate) struct Cache(Mutex<BTreeMap<Place, Vec<Knot>>>);

struct Knot {
    seed: u64,
    white: Vec<f32>,
}

impl Smooth {
    /// The time in knots, within the first round of a loop.
    fn place(&self) -> f64 {
        self.num_knots.map_or(self.place, |n| self.place.rem_euclid(n as f64))
    }

    /// The seeds of the knots about now.
    fn seeds(&self) -> [u64; NUM_KNOTS] {
        let first = self.place().floor() as i64;
        std::array::from_fn(|i| {
            let knot = first.wrapping_add(i as i64);
            let knot = self.num_knots.map_or(knot, |n| knot.rem_euclid(n));
            mix(self.seed, knot.cast_unsigned())
        })
    }

    /// Their weights in row `row`, of which the squares sum to 1.
    fn weights(&self, row: usize) -> [f32; NUM_KNOTS] {
        let place = self.place();
        let u = place - place.floor() + (row as f64 * ROW_STEP).fract();
        let spline = spline_weights(u.fract());
        let norm = spline.iter().map(|w| w * w).sum::<f64>().sqrt();
        let first = usize::from(u >= 1.0);
        let mut weights = [0.0; NUM_KNOTS];
        for (weight, w) in weights[first..].iter_mut().zip(spline) {
            *weight = (w / norm) as f32;
        }
        weights
    }
}

/// Weights of the four knots about place `u` of the second interval: the uniform cubic B-spline.
fn spline_weights(u: f64) -> [f64; ROW_KNOTS] {
    let v = 1.0 - u;
    let far = |v: f64| v * v * v / 6.0;
    let near = |v: f64| 2.0 / 3.0 - v * v + v * v * v / 2.0;
    [far(v), near(u), near(v), far(u)]
}

impl Cache {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<Place, Vec<Knot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends `read` the white noise of a layer at the knots `seeds`.
    fn with(&self, place: Place, seeds: [u64; NUM_KNOTS], read: impl FnOnce([&[f32]; NUM_KNOTS])) {
        let (layer, height, width) = place;
        // Nothing is locked while threads share work: one of them could come back here.
        let mut knots = self.kept().remove(&place).unwrap_or_default();
        for (i, seed) in seeds.into_iter().enumerate() {
            // Knot i goes to place i; what is still good is moved there.
            if let Some(found) = knots.iter().skip(i).position(|k| k.seed == seed) {
                knots.swap(i, i + found);
                continue;
            }
            let spare = knots.iter().skip(i).position(|k| !seeds.contains(&k.seed));
            match spare {
                Some(spare) => knots.swap(i, i + spare),
                None => {
                    knots.push(Knot { seed, white: vec![0.0; height * width] });
                    let last = knots.len() - 1;
                    knots.swap(i, last);
                }
            }
            let knot = &mut knots[i];
            knot.seed = seed;
            fill_normal(seed, layer as u64, &mut knot.white);
        }
        read(std::array::from_fn(|i| knots[i].white.as_slice()));
        keep(&mut self.kept(), place, knots, MAX_KEPT_VALUES);
    }
}

/// Keeps `knots` for `place`; what was kept before goes where all together would be too much.
fn keep(kept: &mut BTreeMap<Place, Vec<Knot>>, place: Place, knots: Vec<Knot>, max_values: usize) {
    let values = |knots: &[Knot]| knots.iter().map(|k| k.white.len()).sum::<usize>();
    let own = values(&knots);
    if own + kept.values().map(|k| values(k)).sum::<usize>() > max_values {
        kept.clear();
    }
    if own <= max_values {
        kept.insert(place, knots);
    }
}

impl NoiseField for Smooth {
    fn fill(&self, layer: usize, height_px: usize, width_px: usize, out: &mut [f32]) {
        if height_px == 0 || width_px == 0 {
            return;
        }
        self.cache.with((layer, height_px, width_px), self.seeds(), |white| {
            let rows = out.par_chunks_exact_mut(width_px).with_min_len(MIN_SHARE / width_px);
            rows.enumerate().for_each(|(row, out)| {
                let [p, q, r, s, t] = self.weights(row);
                let [a, b, c, d, e] = white.map(|knot| &knot[row * width_px..][..out.len()]);
                for (i, v) in out.iter_mut().enumerate() {
                    *v = p * a[i] + q * b[i] + r * c[i] + s * d[i] + t * e[i];
                }
            });
        });
        blur(out, height_px, width_px, self.blur * height_px.min(width_px) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smooth(place: f64, num_knots: Option<i64>) -> Smooth {
        Smooth { seed: 7, place, num_knots, blur: 0.0, cache: Arc::default() }
    }

    fn picture(field: &Smooth, layer: usize) -> Vec<f32> {
        let mut out = vec![0.0; 96 * 128];
        field.fill(layer, 96, 128, &mut out);
        out
    }

    fn correlation(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>() / a.len() as f64
    }

    #[test]
    fn is_noise_smoothed_by_a_gaussian_of_unit_deviation_at_every_time() {
        let sigma = SIGMA_KNOTS;
        for start in [0.0, 0.21, 0.5, 17.9, -3.3] {
            let a = picture(&smooth(start, None), 3);
            for lag in [0.0, 0.3, 0.7, 1.0, 1.5, 2.2, 5.0] {
                let b = picture(&smooth(start + lag, None), 3);
                let expected = (-lag * lag / (4.0 * sigma * sigma)).exp();
                let found = correlation(&a, &b);
                // 12 288 pixels leave an error of about 0.01.
                assert!((found - expected).abs() < 0.05, "{start}, {lag}: {found}, {expected}");
            }
            assert!((correlation(&a, &a) - 1.0).abs() < 0.04);
        }
    }

    #[test]
    fn layers_and_seeds_are_streams_apart() {
        let a = picture(&smooth(0.4, None), 3);
        let mut other = smooth(0.4, None);
        other.seed = 8;
        for b in [picture(&smooth(0.4, None), 4), picture(&other, 3)] {
            assert!(correlation(&a, &b).abs() < 0.04);
        }
    }

    #[test]
    fn what_was_asked_before_changes_nothing() {
        let cache = Arc::<Cache>::default();
        for place in [0.0, 0.5, 1.2, 7.0, 6.5, 1.0, -2.0, 3.9, 4.1, 4.0] {
            let kept = Smooth { cache: cache.clone(), ..smooth(place, Some(9)) };
            assert_eq!(picture(&kept, 2), picture(&smooth(place, Some(9)), 2), "{place}");
        }
        let kept = cache.0.lock().unwrap();
        assert!(kept.values().all(|knots| knots.len() == NUM_KNOTS));
    }

    #[test]
    fn no_more_is_kept_than_memory_allows() {
        let knots = |len: usize| vec![Knot { seed: 0, white: vec![0.0; len] }];
        let mut kept = BTreeMap::new();
        for (layer, len) in [(0, 40), (1, 60), (2, 10), (3, 90), (4, 101)] {
            keep(&mut kept, (layer, 1, len), knots(len), 100);
            let values: usize = kept.keys().map(|(.., len)| len).sum();
            assert!(values <= 100, "{values} after layer {layer}");
        }
        assert!(kept.is_empty(), "the last one is too large by itself");
        keep(&mut kept, (0, 1, 40), knots(40), 100);
        keep(&mut kept, (1, 1, 60), knots(60), 100);
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn loops_repeat_exactly() {
        let at = |place| picture(&smooth(place, Some(5)), 1);
        assert_eq!(at(0.25), at(5.25));
        assert_eq!(at(4.5), at(-0.5));
        assert!(correlation(&at(4.999), &at(0.0)) > 0.95);
        assert!(correlation(&at(2.5), &at(0.0)) < 0.2);
    }

    #[test]
    fn no_place_is_too_far() {
        for place in [1e300, -1e300, f64::from(f32::MAX)] {
            assert!(picture(&smooth(place, None), 1).iter().all(|v| v.is_finite()));
            assert!(picture(&smooth(place, Some(5)), 1).iter().all(|v| v.is_finite()));
        }
    }
}
