//! Where particles are driven: a picture's slopes and a field of noise, on a grid.

use std::sync::Arc;

use lumawire_core::{HostImage, Pixels};

/// Grid points up and down. Across there are as many as the picture's shape asks for.
pub(super) const NUM_ROWS: usize = 54;
/// Grid points across, at most.
const MAX_COLUMNS: usize = 216;

/// Velocities in heights a second at the points of a grid, `[rows, columns]`, x to the right and y
/// down. The picture is `aspect` wide and 1 high.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    num_columns: usize,
    aspect: f32,
    potential: Vec<f32>,
    velocities: Vec<[f32; 2]>,
}

/// The colours of a picture at the grid's points.
#[derive(Debug, Clone, Default)]
pub(super) struct Colours {
    image: Option<Arc<HostImage>>,
}

/// Points across for a picture `aspect` times as wide as high.
pub(super) fn num_columns(aspect: f32) -> usize {
    ((NUM_ROWS as f32 * aspect).round() as usize).clamp(2, MAX_COLUMNS)
}

impl Colours {
    /// Takes a linear picture of the grid's size.
    pub fn new(image: Arc<HostImage>) -> Self {
        Self { image: Some(image) }
    }

    fn pixel(&self, x: usize, y: usize) -> [f32; 4] {
        let Some(image) = &self.image else { return [1.0; 4] };
        let i = (y * image.width_px as usize + x) * 4;
        match &image.pixels {
            Pixels::RgbaF32(p) => p.get(i..i + 4).map_or([0.0; 4], |p| [p[0], p[1], p[2], p[3]]),
            Pixels::Rgba8(p) => p
                .get(i..i + 4)
                .map_or([0.0; 4], |p| [p[0], p[1], p[2], p[3]].map(|v| f32::from(v) / 255.0)),
        }
    }

    /// Light at a place, `aspect` wide and 1 high: of the nearest point.
    pub fn at(&self, [x, y]: [f32; 2], aspect: f32) -> [f32; 3] {
        let Some(image) = &self.image else { return [1.0; 3] };
        let pick =
            |v: f32, len: u32| ((v * len as f32) as usize).min((len as usize).saturating_sub(1));
        let [r, g, b, a] = self.pixel(pick(x / aspect, image.width_px), pick(y, image.height_px));
        [r, g, b].map(|v| if v.is_finite() { (v * a).max(0.0) } else { 0.0 })
    }

    /// Luminance, as the eye sees it evenly: its square root, 0..1.
    fn luma(&self, x: usize, y: usize) -> f32 {
        let [r, g, b, a] = self.pixel(x, y);
        let light = (0.2126 * r + 0.7152 * g + 0.0722 * b) * a;
        if light.is_finite() { light.clamp(0.0, 1.0).sqrt() } else { 0.0 }
    }
}

/// How strongly each part drives, in heights a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Drive {
    /// Along the picture's slope, towards the light; against it where negative.
    pub slope: f32,
    /// Along its contours, with the light on the right hand.
    pub contour: f32,
    /// Curl of noise.
    pub noise: f32,
    /// Features of the noise in a height.
    pub noise_scale: f32,
    /// The noise's third coordinate: time.
    pub noise_phase: f32,
    pub seed: u32,
}

impl Flow {
    /// Computes the field anew.
    pub fn fill(&mut self, aspect: f32, colours: &Colours, drive: &Drive) {
        (self.num_columns, self.aspect) = (num_columns(aspect), aspect);
        let (columns, rows) = (self.num_columns, NUM_ROWS);
        self.velocities.clear();
        self.velocities.resize(columns * rows, [0.0; 2]);
        if drive.noise != 0.0 {
            self.add_noise(drive);
        }
        if (drive.slope != 0.0 || drive.contour != 0.0) && colours.image.is_some() {
            self.add_slopes(colours, drive);
        }
    }

    /// The curl of a potential has no sources and no sinks: particles neither gather nor thin out
    /// (Bridson, Hourihan and Nordenstam, "Curl-Noise for Procedural Fluid Flow", 2007).
    fn add_noise(&mut self, drive: &Drive) {
        let (columns, rows) = (self.num_columns, NUM_ROWS);
        let step = 1.0 / (rows - 1) as f32;
        let across = self.aspect / (columns - 1) as f32;
        self.potential.clear();
        for y in 0..rows {
            for x in 0..columns {
                let at = [x as f32 * across, y as f32 * step].map(|v| v * drive.noise_scale);
                self.potential.push(noise([at[0], at[1], drive.noise_phase], drive.seed));
            }
        }
        let get = |x: usize, y: usize| self.potential[y * columns + x];
        // One feature's slope is about its scale: the speed does not depend on it.
        let factor = drive.noise / drive.noise_scale.max(1e-3);
        for y in 0..rows {
            for x in 0..columns {
                let [dx, dy] = slope(get, (x, y), (columns, rows), (across, step));
                let v = &mut self.velocities[y * columns + x];
                *v = [v[0] + factor * dy, v[1] - factor * dx];
            }
        }
    }

    fn add_slopes(&mut self, colours: &Colours, drive: &Drive) {
        let (columns, rows) = (self.num_columns, NUM_ROWS);
        let step = 1.0 / (rows - 1) as f32;
        let across = self.aspect / (columns - 1) as f32;
        for y in 0..rows {
            for x in 0..columns {
                let get = |x, y| colours.luma(x, y);
                let [dx, dy] = slope(get, (x, y), (columns, rows), (across, step));
                let v = &mut self.velocities[y * columns + x];
                v[0] += drive.slope * dx + drive.contour * dy;
                v[1] += drive.slope * dy - drive.contour * dx;
            }
        }
    }

    /// The velocity at a place, bilinear; at the edge's beyond it.
    pub fn at(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        if self.velocities.is_empty() {
            return [0.0; 2];
        }
        let (columns, rows) = (self.num_columns, NUM_ROWS);
        let place = |v: f32, len: usize| {
            let v = (v * (len - 1) as f32).clamp(0.0, (len - 1) as f32 - 1e-3);
            (v as usize, v.fract())
        };
        let ((i, tx), (j, ty)) = (place(x / self.aspect, columns), place(y, rows));
        let get = |i: usize, j: usize| self.velocities[j * columns + i];
        let (a, b, c, d) = (get(i, j), get(i + 1, j), get(i, j + 1), get(i + 1, j + 1));
        [0, 1].map(|k| {
            let (top, bottom) = (a[k] + (b[k] - a[k]) * tx, c[k] + (d[k] - c[k]) * tx);
            top + (bottom - top) * ty
        })
    }
}

/// Slopes of `value` at a point, by central differences, one-sided at the edges.
fn slope(
    value: impl Fn(usize, usize) -> f32,
    (x, y): (usize, usize),
    (columns, rows): (usize, usize),
    (across, step): (f32, f32),
) -> [f32; 2] {
    let (left, right) = (x.saturating_sub(1), (x + 1).min(columns - 1));
    let (above, below) = (y.saturating_sub(1), (y + 1).min(rows - 1));
    [
        (value(right, y) - value(left, y)) / ((right - left) as f32 * across),
        (value(x, below) - value(x, above)) / ((below - above) as f32 * step),
    ]
}

/// A well-mixed number of three whole ones (splitmix64's finaliser).
pub(super) fn mixed(numbers: [u32; 3]) -> u64 {
    let [a, b, c] = numbers.map(u64::from);
    let mut v =
        (a << 32 | b).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ c.wrapping_mul(0xd1b5_4a32_d192_ed03);
    v = (v ^ (v >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    v = (v ^ (v >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    v ^ (v >> 31)
}

/// Gradient noise in three dimensions, about −1..1 (Perlin, "Improving Noise", 2002, with hashed
/// gradients towards the edges of a cube).
fn noise(at: [f32; 3], seed: u32) -> f32 {
    let cell = at.map(f32::floor);
    let t = [0, 1, 2].map(|c| at[c] - cell[c]);
    let fade = t.map(|t| t * t * t * (t * (t * 6.0 - 15.0) + 10.0));
    let corner = |dx: i32, dy: i32, dz: i32| {
        let [x, y, z] = [(0, dx), (1, dy), (2, dz)].map(|(c, d)| (cell[c] as i32).wrapping_add(d));
        let hash = mixed([x as u32, y as u32 ^ seed.rotate_left(16), z as u32]) >> 40;
        let [u, v, w] = [t[0] - dx as f32, t[1] - dy as f32, t[2] - dz as f32];
        let (a, b) = match (hash >> 2) % 3 {
            0 => (u, v),
            1 => (v, w),
            _ => (w, u),
        };
        (if hash & 1 == 0 { a } else { -a }) + (if hash & 2 == 0 { b } else { -b })
    };
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let plane = |dz: i32| {
        let row = |dy: i32| mix(corner(0, dy, dz), corner(1, dy, dz), fade[0]);
        mix(row(0), row(1), fade[1])
    };
    mix(plane(0), plane(1), fade[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::picture;

    const STILL: Drive =
        Drive { slope: 0.0, contour: 0.0, noise: 0.0, noise_scale: 3.0, noise_phase: 0.4, seed: 1 };

    fn ramp() -> Colours {
        // The square root of the light rises by 1 over the width.
        let (columns, rows) = (num_columns(2.0) as u32, NUM_ROWS as u32);
        let image = picture(columns, rows, |x, _| {
            let v = (x as f32 / (columns - 1) as f32).powi(2);
            [v, v, v, 1.0]
        });
        Colours::new(image.host().unwrap())
    }

    fn field(colours: &Colours, drive: Drive) -> Flow {
        let mut flow = Flow::default();
        flow.fill(2.0, colours, &drive);
        flow
    }

    #[test]
    fn slopes_lead_to_the_light_and_contours_along_it() {
        let close = |found: [f32; 2], expected: [f32; 2]| {
            let is_close = (found[0] - expected[0]).hypot(found[1] - expected[1]) < 1e-3;
            assert!(is_close, "{found:?} for {expected:?}");
        };
        for place in [[0.3, 0.2], [1.0, 0.5], [1.9, 0.99]] {
            close(field(&ramp(), Drive { slope: 2.0, ..STILL }).at(place), [1.0, 0.0]);
            close(field(&ramp(), Drive { contour: 2.0, ..STILL }).at(place), [0.0, -1.0]);
            close(field(&ramp(), STILL).at(place), [0.0, 0.0]);
        }
    }

    #[test]
    fn noise_has_no_sources_and_about_its_speed() {
        let flow = field(&Colours::default(), Drive { noise: 1.0, ..STILL });
        let (columns, rows) = (flow.num_columns, NUM_ROWS);
        let (across, step) = (2.0 / (columns - 1) as f32, 1.0 / (rows - 1) as f32);
        let (mut divergence, mut curl, mut speed) = (0.0_f32, 0.0_f32, 0.0_f32);
        for y in 2..rows - 2 {
            for x in 2..columns - 2 {
                let v = |x: usize, y: usize| flow.velocities[y * columns + x];
                let [dx, dy] = [
                    [0, 1].map(|k| (v(x + 1, y)[k] - v(x - 1, y)[k]) / (2.0 * across)),
                    [0, 1].map(|k| (v(x, y + 1)[k] - v(x, y - 1)[k]) / (2.0 * step)),
                ];
                divergence += (dx[0] + dy[1]).abs();
                curl += (dx[1] - dy[0]).abs();
                speed += v(x, y)[0].hypot(v(x, y)[1]);
            }
        }
        let num = ((rows - 4) * (columns - 4)) as f32;
        assert!(divergence < 1e-3 * curl, "{divergence} of {curl}");
        assert!((0.3..2.0).contains(&(speed / num)), "{}", speed / num);
    }

    #[test]
    fn noise_follows_its_seed_and_flows_in_time() {
        let at = |drive| field(&Colours::default(), drive).at([0.7, 0.4]);
        let base = Drive { noise: 1.0, ..STILL };
        assert_eq!(at(base), at(base));
        assert_ne!(at(base), at(Drive { seed: 2, ..base }));
        let near = at(Drive { noise_phase: 0.401, ..base });
        assert!((near[0] - at(base)[0]).abs() < 0.05 && near != at(base));
    }
}
