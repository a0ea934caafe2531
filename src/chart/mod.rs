//! Charts over time: what they are drawn with.

pub mod axis;
pub mod colour;

use image::{Rgb, RgbImage};

/// A rectangle of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub left: u32,
    /// Upper edge.
    pub top: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Area {
    /// The column of a share of the width, 0 at the left and 1 at the right.
    pub fn x(&self, share: f64) -> u32 {
        self.left + ((share.clamp(0.0, 1.0) * f64::from(self.width)) as u32).min(self.width - 1)
    }

    /// Below its lower edge.
    pub fn bottom(&self) -> u32 {
        self.top + self.height
    }

    /// Beyond its right edge.
    pub fn right(&self) -> u32 {
        self.left + self.width
    }
}

/// Lays `colour` over a pixel; `share` 1 covers it. What lies outside is left out.
pub fn blend(canvas: &mut RgbImage, x: u32, y: u32, colour: Rgb<u8>, share: f32) {
    if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
        for (to, from) in pixel.0.iter_mut().zip(colour.0) {
            let (below, above) = (f32::from(*to), f32::from(from));
            *to = (below + (above - below) * share.clamp(0.0, 1.0)).round() as u8;
        }
    }
}

/// Fills an area with a colour, of which `share` 1 covers.
pub fn fill(canvas: &mut RgbImage, area: Area, colour: Rgb<u8>, share: f32) {
    for y in area.top..area.bottom() {
        for x in area.left..area.right() {
            blend(canvas, x, y, colour, share);
        }
    }
}

/// Draws an area pixel by pixel: `colour` gets the column and the row within it.
pub fn paint(canvas: &mut RgbImage, area: Area, colour: impl Fn(u32, u32) -> Rgb<u8>) {
    for y in 0..area.height {
        for x in 0..area.width {
            blend(canvas, area.left + x, area.top + y, colour(x, y), 1.0);
        }
    }
}

/// Half the width of a curve's line, in pixels.
const HALF_LINE_PX: f32 = 0.9;

/// Draws a curve of one value a column, 0 at the bottom and 1 at the top, over a veil of its colour
/// that covers by `veil`.
pub fn curve(canvas: &mut RgbImage, area: Area, values: &[f32], colour: Rgb<u8>, veil: f32) {
    let y_of =
        |v: f32| area.top as f32 + (1.0 - v.clamp(0.0, 1.0)) * (area.height - 1) as f32 + 0.5;
    let at = |i: usize| values.get(i).copied().map(y_of);
    for x in 0..area.width as usize {
        let Some(y) = at(x) else { break };
        // Each column reaches halfway to its neighbours, so that steep lines stay whole.
        let before = x.checked_sub(1).and_then(at).map_or(y, |before| (before + y) / 2.0);
        let after = at(x + 1).map_or(y, |after| (after + y) / 2.0);
        let low = y.min(before).min(after) - HALF_LINE_PX;
        let high = y.max(before).max(after) + HALF_LINE_PX;
        for row in area.top..area.bottom() {
            let top = row as f32;
            let line = (high.min(top + 1.0) - low.max(top)).clamp(0.0, 1.0);
            let below = if top > y { veil } else { 0.0 };
            blend(canvas, area.left + x as u32, row, colour, line.max(below));
        }
    }
}

/// One value for each of `num_columns` columns of values at equal distances: the mean of those in the
/// column, or by `loudest` their maximum; between two values where columns are narrower.
pub fn columns(values: &[f32], num_columns: usize, loudest: bool) -> Vec<f32> {
    let column = |x: usize| {
        let (start, end) = span(values.len(), num_columns, x);
        if end - start < 1.0 {
            return between(values, (start + end) / 2.0);
        }
        let part = values.get(start as usize..(end.ceil() as usize).min(values.len()));
        let part = part.unwrap_or_default();
        if loudest {
            part.iter().copied().fold(f32::MIN, f32::max)
        } else {
            part.iter().sum::<f32>() / part.len().max(1) as f32
        }
    };
    (0..num_columns).map(column).collect()
}

/// Where column `x` begins and ends, counted in values.
pub fn span(num_values: usize, num_columns: usize, x: usize) -> (f64, f64) {
    let step = num_values as f64 / num_columns.max(1) as f64;
    (x as f64 * step, (x + 1) as f64 * step)
}

/// The value at a place between two, by a line; the first and last go on beyond the ends.
fn between(values: &[f32], place: f64) -> f32 {
    let low = place.max(0.0) as usize;
    let (Some(&a), Some(last)) = (values.get(low), values.last()) else {
        return values.last().copied().unwrap_or(0.0);
    };
    let b = values.get(low + 1).unwrap_or(last);
    a + (b - a) * (place - low as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_take_the_mean_the_maximum_or_the_line_between() {
        let values = [1.0, 3.0, 5.0, 1.0];
        assert_eq!(columns(&values, 2, false), [2.0, 3.0]);
        assert_eq!(columns(&values, 2, true), [3.0, 5.0]);
        let wide = columns(&[0.0, 8.0], 8, false);
        assert!(wide.windows(2).all(|pair| pair[0] <= pair[1]), "{wide:?}");
        assert_eq!(columns(&[], 2, false), [0.0, 0.0]);
    }

    #[test]
    fn curves_lie_where_their_values_say() {
        let area = Area { left: 2, top: 3, width: 10, height: 21 };
        let mut canvas = RgbImage::new(14, 30);
        curve(&mut canvas, area, &[0.5; 10], Rgb([200; 3]), 0.25);
        let light = |y: u32| canvas.get_pixel(6, y).0[0];
        assert_eq!((light(10), light(13), light(20), light(25)), (0, 200, 50, 0));
        assert_eq!(canvas.get_pixel(1, 13).0, [0; 3]);
    }
}
