//! Planes moved, zoomed, turned, sheared and flipped.

use super::Border;

/// Entries beyond this say nothing about a picture, and their products would leave the numbers.
const MAX_ENTRY: f32 = 1e6;

/// An affine map from a pixel to the place of the source that it shows, in pixels, x to the right
/// and y down: source = matrix · (p − c − shift) + c, c = ((width − 1)/2, (height − 1)/2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Its rows.
    pub matrix: [[f32; 2]; 2],
    /// By how much what is shown moves to the right and down.
    pub shift_px: [f32; 2],
}

impl Affine {
    /// Moves what is shown by this much.
    pub fn translation(x_px: f32, y_px: f32) -> Self {
        Self { matrix: [[1.0, 0.0], [0.0, 1.0]], shift_px: [x_px, y_px] }
    }

    /// Enlarges about the centre, above 1.
    pub fn zoom(factor: f32) -> Self {
        Self { matrix: [[1.0 / factor, 0.0], [0.0, 1.0 / factor]], shift_px: [0.0; 2] }
    }

    /// Turns about the centre, anticlockwise on the screen.
    pub fn rotation(radians: f32) -> Self {
        let (sin, cos) = radians.sin_cos();
        Self { matrix: [[cos, -sin], [sin, cos]], shift_px: [0.0; 2] }
    }

    /// Shears about the centre: moves every row by `x` times its y, then every column by `y` times
    /// its x.
    pub fn shear(x: f32, y: f32) -> Self {
        Self { matrix: [[1.0 + x * y, -x], [-y, 1.0]], shift_px: [0.0; 2] }
    }

    /// Whether it is a map at all: no NaN, nothing infinite or absurdly large.
    pub fn is_sane(&self) -> bool {
        let mut entries = self.matrix.iter().flatten().chain(&self.shift_px);
        entries.all(|v| v.abs() <= MAX_ENTRY)
    }

    /// Fills `plane` from `source`, both `[height, width]`, bilinearly. A map that is not
    /// [sane](Self::is_sane) moves nothing.
    pub fn sample(
        &self,
        source: &[f32],
        plane: &mut [f32],
        height_px: usize,
        width_px: usize,
        border: Border,
    ) {
        if !self.is_sane() {
            plane.copy_from_slice(source);
            return;
        }
        let centre = [(width_px - 1) as f32 / 2.0, (height_px - 1) as f32 / 2.0];
        let source = Source { source, height_px, width_px, border };
        let [[xx, xy], [yx, yy]] = self.matrix;
        for (y, row) in plane.chunks_exact_mut(width_px).enumerate() {
            let dy = y as f32 - centre[1] - self.shift_px[1];
            for (x, out) in row.iter_mut().enumerate() {
                let dx = x as f32 - centre[0] - self.shift_px[0];
                *out = source.at(xx * dx + xy * dy + centre[0], yx * dx + yy * dy + centre[1]);
            }
        }
    }
}

/// A plane that is read between its samples and beyond its border.
struct Source<'a> {
    source: &'a [f32],
    height_px: usize,
    width_px: usize,
    border: Border,
}

impl Source<'_> {
    #[inline]
    fn at(&self, x: f32, y: f32) -> f32 {
        let ((left, u), (top, v)) = (split(x), split(y));
        let [a, b, c, d] = self.neighbours(left, top);
        let upper = a + u * (b - a);
        let lower = c + u * (d - c);
        upper + v * (lower - upper)
    }

    /// The samples at (x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1).
    #[inline]
    fn neighbours(&self, x: i32, y: i32) -> [f32; 4] {
        let (w, h) = (self.width_px, self.height_px);
        if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y))
            && x + 1 < w
            && y + 1 < h
        {
            let i = y * w + x;
            let s = self.source;
            return [s[i], s[i + 1], s[i + w], s[i + w + 1]];
        }
        let columns = [self.border.index(x, w), self.border.index(x + 1, w)];
        let rows = [self.border.index(y, h), self.border.index(y + 1, h)];
        let sample = |row: Option<usize>, column: Option<usize>| {
            row.zip(column).map_or(0.0, |(row, column)| self.source[row * w + column])
        };
        [
            sample(rows[0], columns[0]),
            sample(rows[0], columns[1]),
            sample(rows[1], columns[0]),
            sample(rows[1], columns[1]),
        ]
    }
}

/// The whole number at or below `v`, and what remains. Far beyond every border it is held.
#[inline]
fn split(v: f32) -> (i32, f32) {
    let v = v.clamp(-1e9, 1e9);
    let towards_zero = v as i32;
    let whole = towards_zero - i32::from(towards_zero as f32 > v);
    (whole, v - whole as f32)
}

/// Swaps left and right, or top and bottom, or both.
pub(super) fn flip(plane: &mut [f32], width_px: usize, is_across: bool, is_down: bool) {
    if is_across && is_down {
        plane.reverse();
    } else if is_across {
        plane.chunks_exact_mut(width_px).for_each(<[f32]>::reverse);
    } else if is_down {
        plane.reverse();
        plane.chunks_exact_mut(width_px).for_each(<[f32]>::reverse);
    }
}
