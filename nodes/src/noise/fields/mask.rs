//! Fields in parts of a picture.

use std::sync::Arc;

use lumawire_models::stylegan2::NoiseField;
use rayon::prelude::*;

use super::plane::Plane;

/// Where a mask is 1, and how it falls to 0.
#[derive(Clone)]
pub(crate) enum Mask {
    /// 1 everywhere.
    All,
    /// Drawn.
    Shape(Shape),
    /// From a picture, stretched over the noise.
    Picture(Arc<Plane>),
}

/// A drawn mask. Lengths are in heights of the picture, so that a circle is round in every format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub outline: Outline,
    /// Its middle, in widths and heights of the picture from the upper left corner.
    pub centre: [f32; 2],
    /// Half its size along its own axes.
    pub radii: [f32; 2],
    /// How far its first axis is turned from the horizontal, clockwise.
    pub radians: f32,
    /// Width of the ramp from 0 to 1 about the outline: in radii, or in heights for the half plane.
    pub softness: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outline {
    Ellipse,
    Rectangle,
    /// All that lies beyond the centre along the first axis; softened, a linear gradient.
    Half,
}

/// Smallest length, which keeps quotients finite.
const TINY: f32 = 1e-6;

impl Shape {
    /// The mask at (dx, dy) from the centre.
    fn level(&self, dx: f32, dy: f32, (sin, cos): (f32, f32)) -> f32 {
        let (x, y) = (dx * cos + dy * sin, dy * cos - dx * sin);
        let [rx, ry] = self.radii.map(|r| r.max(TINY));
        // Above 0 inside.
        let inside = match self.outline {
            Outline::Ellipse => 1.0 - (x / rx).hypot(y / ry),
            Outline::Rectangle => 1.0 - (x / rx).abs().max((y / ry).abs()),
            Outline::Half => x,
        };
        (0.5 + inside / self.softness.max(TINY)).clamp(0.0, 1.0)
    }
}

impl Mask {
    /// Row `y` of the mask at `height` by `width` pixels.
    fn row(&self, y: usize, height: usize, width: usize, out: &mut Vec<f32>) {
        match self {
            Self::All => {
                out.clear();
                out.resize(width, 1.0);
            }
            Self::Shape(shape) => {
                let turn = shape.radians.sin_cos();
                let (h, w) = (height as f32, width as f32);
                let dy = (y as f32 + 0.5) / h - shape.centre[1];
                let left = 0.5 / h - shape.centre[0] * w / h;
                out.clear();
                out.extend((0..width).map(|x| shape.level(x as f32 / h + left, dy, turn)));
            }
            Self::Picture(plane) => plane.row(y, height, width, out),
        }
    }
}

/// A field times a mask, and another times what the mask leaves.
pub(crate) struct Masked {
    pub mask: Mask,
    /// Whether inside and outside change places.
    pub invert: bool,
    pub inside: (Arc<dyn NoiseField>, f32),
    pub outside: Option<(Arc<dyn NoiseField>, f32)>,
}

impl NoiseField for Masked {
    fn fill(&self, layer: usize, height_px: usize, width_px: usize, out: &mut [f32]) {
        if height_px == 0 || width_px == 0 {
            return;
        }
        let (inside, strength) = &self.inside;
        inside.fill(layer, height_px, width_px, out);
        let mut beyond = vec![0.0; if self.outside.is_some() { out.len() } else { 0 }];
        let mut outside_strength = 0.0;
        if let Some((field, strength)) = &self.outside {
            field.fill(layer, height_px, width_px, &mut beyond);
            outside_strength = *strength;
        }
        let rows = out.par_chunks_exact_mut(width_px).with_min_len(32).enumerate();
        rows.for_each_init(Vec::new, |levels, (y, row)| {
            self.mask.row(y, height_px, width_px, levels);
            if self.invert {
                levels.iter_mut().for_each(|m| *m = 1.0 - *m);
            }
            row.iter_mut().zip(&*levels).for_each(|(v, m)| *v *= strength * m);
            if let Some(beyond) = beyond.get(y * width_px..(y + 1) * width_px) {
                for ((v, m), b) in row.iter_mut().zip(&*levels).zip(beyond) {
                    *v += outside_strength * (1.0 - m) * b;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(shape: Shape, height: usize, width: usize) -> Vec<Vec<f32>> {
        let mut row = Vec::new();
        (0..height)
            .map(|y| {
                Mask::Shape(shape).row(y, height, width, &mut row);
                row.clone()
            })
            .collect()
    }

    fn shape(outline: Outline) -> Shape {
        let (centre, radii) = ([0.5, 0.5], [0.25, 0.25]);
        Shape { outline, centre, radii, radians: 0.0, softness: 0.0 }
    }

    #[test]
    fn outlines_have_their_areas() {
        for (height, width) in [(256, 256), (256, 448), (448, 256)] {
            let area = |shape| {
                let sum: f32 = rows(shape, height, width).iter().flatten().sum();
                sum / (height * height) as f32
            };
            let close = |a: f32, b: f32| assert!((a - b).abs() < 4e-3, "{a}, {b}");
            let (ellipse, rectangle) = (shape(Outline::Ellipse), shape(Outline::Rectangle));
            let r = if width < height { [0.1, 0.2] } else { [0.125, 0.375] };
            close(area(Shape { radii: r, ..ellipse }), std::f32::consts::PI * r[0] * r[1]);
            close(area(Shape { radii: r, radians: 0.7, ..rectangle }), 4.0 * r[0] * r[1]);
            // A ramp about the outline of a half plane through the centre leaves its area.
            let half = Shape { radians: 0.3, softness: 0.4, ..shape(Outline::Half) };
            close(area(half), 0.5 * width as f32 / height as f32);
        }
    }

    #[test]
    fn halves_and_gradients_face_their_angle() {
        let half = shape(Outline::Half);
        assert_eq!(rows(half, 2, 4), [[0.0, 0.0, 1.0, 1.0]; 2]);
        let down = Shape { radians: std::f32::consts::FRAC_PI_2, ..half };
        assert_eq!(rows(down, 2, 2), [[0.0; 2], [1.0; 2]]);
        let gradient = Shape { softness: 1.0, ..half };
        assert_eq!(rows(gradient, 4, 4)[1], [0.125, 0.375, 0.625, 0.875]);
    }

    #[test]
    fn no_number_breaks_it() {
        for outline in [Outline::Ellipse, Outline::Rectangle, Outline::Half] {
            for (radius, centre) in [(0.0, 0.5), (1e30, -1e6), (0.3, 1e6)] {
                let radii = [radius, radius];
                let shape = Shape { radii, centre: [centre, 0.5], ..shape(outline) };
                for level in rows(shape, 3, 5).into_iter().flatten() {
                    assert!((0.0..=1.0).contains(&level), "{outline:?}, {radius}: {level}");
                }
            }
        }
    }
}
