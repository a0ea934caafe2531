//! Perlin noise in space and time.

use lumawire_models::stylegan2::NoiseField;
use lumawire_models::stylegan2::noise::fill_normal;
use rayon::prelude::*;

use crate::control::seeded::mix;

/// Perlin noise (Perlin, "Improving noise", 2002) on a lattice of time, height and width that tiles
/// in space, and in time where it loops. Its gradients are uniform on the sphere. Deviation 1 at
/// every time and size.
pub(crate) struct Perlin {
    /// Names the stream.
    pub seed: u64,
    /// The time in planes of the lattice.
    pub place: f64,
    /// Planes until it starts again, at least 1; `None` for never.
    pub num_planes: Option<i64>,
    /// Cells of the lattice over a picture's height; as many a pixel go across. A picture takes no
    /// more than half its pixels.
    pub num_cells: usize,
    /// Lattices, each twice as fine and fast as the one before.
    pub num_octaves: usize,
    /// Strength of each against the one before.
    pub gain: f32,
}

/// A lattice at one time: what is left to be interpolated in height and width.
#[derive(Clone, Copy, Default)]
struct Corner {
    /// The part of the gradients along time, times the distance in time.
    value: f32,
    /// Slopes down and across.
    slope: [f32; 2],
}

/// 6u⁵ − 15u⁴ + 10u³.
fn fade(u: f32) -> f32 {
    u * u * u * (u * (u * 6.0 - 15.0) + 10.0)
}

/// Along one axis, the means over the places `us` in their cells of Σ s² and Σ s²d², where s are the
/// weights of the two corners and d the distances from them.
fn powers(us: impl ExactSizeIterator<Item = f32>) -> [f32; 2] {
    let n = us.len() as f32;
    let (mut plain, mut distant) = (0.0, 0.0);
    for u in us {
        let (far, near) = (fade(u).powi(2), (1.0 - fade(u)).powi(2));
        plain += near + far;
        distant += near * u * u + far * (1.0 - u) * (1.0 - u);
    }
    [plain / n, distant / n]
}

/// The lattice of `gradient(plane, row, column)` (along time, height, width) at time `place`, in
/// planes: `[num_rows + 1, num_columns + 1]`.
fn at_time(
    gradient: &(impl Fn(i64, usize, usize) -> [f32; 3] + Sync),
    place: f64,
    num_rows: usize,
    num_columns: usize,
) -> Vec<Corner> {
    let before = place.floor();
    let u = (place - before) as f32;
    let mut corners = vec![Corner::default(); (num_rows + 1) * (num_columns + 1)];
    for (plane, weight, distance) in [(0, 1.0 - fade(u), u), (1, fade(u), u - 1.0)] {
        let plane = (before as i64).wrapping_add(plane);
        corners.par_iter_mut().with_min_len(1024).enumerate().for_each(|(i, corner)| {
            let (row, column) = (i / (num_columns + 1), i % (num_columns + 1));
            let [t, y, x] = gradient(plane, row, column);
            corner.value += weight * distance * t;
            corner.slope[0] += weight * y;
            corner.slope[1] += weight * x;
        });
    }
    corners
}

/// Adds `gain` times the noise of `corners` at rows `ys` and columns `xs`, in cells, to `out`.
fn add(corners: &[Corner], num_columns: usize, ys: &[f32], xs: &[f32], gain: f32, out: &mut [f32]) {
    let rows = out.par_chunks_exact_mut(xs.len()).with_min_len(16).zip(ys);
    // Per column of the lattice: value and slope across, for one row of the picture.
    rows.for_each_init(Vec::new, |line: &mut Vec<[f32; 2]>, (out, &y)| {
        let (row, u) = (y as usize, y.fract());
        let above = &corners[row * (num_columns + 1)..][..num_columns + 1];
        let below = &corners[(row + 1) * (num_columns + 1)..][..num_columns + 1];
        let s = fade(u);
        line.clear();
        line.extend(above.iter().zip(below).map(|(a, b)| {
            let (top, bottom) = (a.value + a.slope[0] * u, b.value + b.slope[0] * (u - 1.0));
            let slope = a.slope[1] + s * (b.slope[1] - a.slope[1]);
            [gain * (top + s * (bottom - top)), gain * slope]
        }));
        for (v, &x) in out.iter_mut().zip(xs) {
            let (column, u) = (x as usize, x.fract());
            let ([left, left_slope], [right, right_slope]) = (line[column], line[column + 1]);
            let (left, right) = (left + left_slope * u, right + right_slope * (u - 1.0));
            *v += left + fade(u) * (right - left);
        }
    });
}

/// The middles of `len` pixels, in cells of which `num_cells` cover them.
fn middles(len: usize, num_cells: usize) -> Vec<f32> {
    (0..len).map(|i| ((i as f64 + 0.5) / len as f64 * num_cells as f64) as f32).collect()
}

impl Perlin {
    /// The gradient at a corner of octave stream `stream`: uniform on the sphere.
    fn gradient(stream: u64, plane: i64, row: usize, column: usize) -> [f32; 3] {
        let place = mix(mix(plane.cast_unsigned(), row as u64), column as u64);
        let mut normals = [0.0; 3];
        fill_normal(stream, place, &mut normals);
        let length = normals.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
        normals.map(|v| v / length)
    }
}

impl NoiseField for Perlin {
    fn fill(&self, layer: usize, height_px: usize, width_px: usize, out: &mut [f32]) {
        out.fill(0.0);
        if height_px == 0 || width_px == 0 {
            return;
        }
        let most = |len: usize| (len / 2).max(1);
        let octave_gain = |octave: usize| self.gain.powi(octave as i32);
        let octaves = (0..self.num_octaves.max(1)).filter(|&octave| {
            octave == 0 || (self.num_cells << octave) <= most(height_px.min(width_px))
        });
        let octaves: Vec<usize> = octaves.collect();
        let norm = octaves.iter().map(|&o| octave_gain(o).powi(2)).sum::<f32>().sqrt();
        for octave in octaves {
            let cells = self.num_cells << octave;
            let rows = cells.clamp(1, most(height_px));
            let across = (cells as f64 * width_px as f64 / height_px as f64).round() as usize;
            let columns = across.clamp(1, most(width_px));
            let speed = f64::from(1 << octave);
            let planes = self.num_planes.map(|n| n << octave);
            let place = match planes {
                Some(n) => (self.place * speed).rem_euclid(n as f64),
                None => self.place * speed,
            };
            let stream = mix(mix(self.seed, layer as u64), octave as u64);
            let gradient = |plane: i64, row: usize, column: usize| {
                let plane = planes.map_or(plane, |n| plane.rem_euclid(n));
                Self::gradient(stream, plane, row % rows, column % columns)
            };
            let (ys, xs) = (middles(height_px, rows), middles(width_px, columns));
            let [t, y, x] = [
                powers(std::iter::once((place - place.floor()) as f32)),
                powers(ys.iter().map(|y| y.fract())),
                powers(xs.iter().map(|x| x.fract())),
            ];
            // A gradient's square is 1/3 along each axis.
            let power = (t[1] * y[0] * x[0] + t[0] * y[1] * x[0] + t[0] * y[0] * x[1]) / 3.0;
            let gain = octave_gain(octave) / (norm * power.sqrt().max(1e-6));
            let corners = at_time(&gradient, place, rows, columns);
            add(&corners, columns, &ys, &xs, gain, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str) -> Vec<f32> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/noise");
        let bytes = std::fs::read(format!("{folder}/{name}.bin")).unwrap();
        bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    #[test]
    fn equals_the_reference_with_its_gradients() {
        // 12 planes of 8 by 8 over 2 by 2 by 4 cells; the last plane of gradients is the first.
        let (theta, phi) = (reference("perlin_theta"), reference("perlin_phi"));
        let gradient = |plane: i64, row: usize, column: usize| {
            let i = ((plane.rem_euclid(2) as usize) * 3 + row) * 5 + column;
            let (theta, phi) = (theta[i], phi[i]);
            [phi.sin() * theta.cos(), phi.sin() * theta.sin(), phi.cos()]
        };
        let ys: Vec<f32> = (0..8).map(|i| i as f32 / 4.0).collect();
        let xs: Vec<f32> = (0..8).map(|i| i as f32 / 2.0).collect();
        for (plane, expected) in reference("perlin").chunks(64).enumerate() {
            let mut out = vec![0.0; 64];
            let corners = at_time(&gradient, plane as f64 / 6.0, 2, 4);
            add(&corners, 4, &ys, &xs, 1.0, &mut out);
            for (v, e) in out.iter().zip(expected) {
                // It is stretched there as if it lay in 0..1.
                assert!((2.0 * v - 1.0 - e).abs() < 1e-5, "{v}, {e} in plane {plane}");
            }
        }
    }

    fn perlin(place: f64) -> Perlin {
        Perlin { seed: 3, place, num_planes: Some(4), num_cells: 4, num_octaves: 3, gain: 0.5 }
    }

    fn picture(field: &Perlin, layer: usize, height: usize, width: usize) -> Vec<f32> {
        let mut out = vec![9.0; height * width];
        field.fill(layer, height, width, &mut out);
        out
    }

    #[test]
    fn deviates_by_one_at_every_time_and_size() {
        for (height, width) in [(4, 4), (16, 16), (32, 56), (64, 36)] {
            for place in [0.0, 0.25, 0.5, 1.0, 2.9] {
                let layers: Vec<f32> = (1..200)
                    .flat_map(|layer| picture(&perlin(place), layer, height, width))
                    .collect();
                let power = layers.iter().map(|v| v * v).sum::<f32>() / layers.len() as f32;
                assert!((power - 1.0).abs() < 0.1, "{height}×{width} at {place}: {power}");
            }
        }
    }

    #[test]
    fn tiles_in_space_and_time() {
        let (height, width) = (64, 96);
        let now = picture(&perlin(1.3), 1, height, width);
        for (a, b) in now.iter().zip(picture(&perlin(5.3), 1, height, width)) {
            assert!((a - b).abs() < 1e-4);
        }
        // Across an edge it steps no further than elsewhere.
        let step = |from: usize, to: usize| (now[from] - now[to]).abs();
        let rows = |y: usize| -> f32 {
            (0..width).map(|x| step(y * width + x, (y + 1) % height * width + x)).sum()
        };
        let columns = |x: usize| -> f32 {
            (0..height).map(|y| step(y * width + x, y * width + (x + 1) % width)).sum()
        };
        let largest = |n: usize, f: &dyn Fn(usize) -> f32| (0..n - 1).map(f).fold(0.0, f32::max);
        assert!(rows(height - 1) <= 1.2 * largest(height, &rows));
        assert!(columns(width - 1) <= 1.2 * largest(width, &columns));
        let (before, after) =
            (picture(&perlin(3.999), 1, height, width), picture(&perlin(0.0), 1, height, width));
        let worst = before.iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 0.05, "{worst}");
    }

    #[test]
    fn no_shape_or_place_breaks_it() {
        for (height, width) in [(1, 1), (1, 7), (2, 3), (128, 4)] {
            for place in [0.0, -1e300, 1e300] {
                for num_planes in [None, Some(1), Some(1 << 40)] {
                    let field = Perlin { num_planes, num_cells: 64, ..perlin(place) };
                    let out = picture(&field, 1, height, width);
                    assert!(out.iter().all(|v| v.is_finite()), "{height}×{width}, {place}");
                }
            }
        }
    }
}
