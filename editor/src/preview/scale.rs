//! Where numbers stand in a picture of them.

use egui::{Pos2, Rect, Vec2};

/// What a spectrum shows below its top, in dB.
pub const DEPTH_DB: f32 = 80.0;

/// What a curve's height stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// At the foot.
    pub low: f32,
    /// At the top.
    pub high: f32,
}

impl Range {
    /// That of most controls.
    pub const UNIT: Self = Self { low: 0.0, high: 1.0 };

    /// 0..1 where all numbers lie in it, else from the least to the greatest and zero. What is no
    /// finite number does not count.
    pub fn of(values: impl IntoIterator<Item = f32>) -> Self {
        let finite = values.into_iter().filter(|v| v.is_finite());
        let (low, high) = finite.fold((0.0_f32, 0.0_f32), |(l, h), v| (l.min(v), h.max(v)));
        if low >= 0.0 && high <= 1.0 { Self::UNIT } else { Self { low, high } }
    }

    /// Takes in `target` at once, and gives up this share of what `target` does not need.
    pub fn follow(self, target: Self, share: f32) -> Self {
        let close = 0.01 * (target.high - target.low);
        let shrink = |now: f32, target: f32| {
            let next = now + (target - now) * share.clamp(0.0, 1.0);
            if (next - target).abs() < close { target } else { next }
        };
        Self {
            low: if target.low < self.low { target.low } else { shrink(self.low, target.low) },
            high: if target.high > self.high {
                target.high
            } else {
                shrink(self.high, target.high)
            },
        }
    }

    /// How high `value` stands, 0 at the foot and 1 at the top; what is no number stands at zero.
    pub fn place(self, value: f32) -> f32 {
        let value = if value.is_nan() { 0.0 } else { value };
        let span = (self.high - self.low).max(f32::MIN_POSITIVE);
        ((value - self.low) / span).clamp(0.0, 1.0)
    }
}

/// `20 log10 |magnitude|`, at least −200 dB.
pub fn decibels(magnitude: f32) -> f32 {
    let magnitude = if magnitude.is_finite() { magnitude.abs() } else { 0.0 };
    20.0 * magnitude.max(1e-10).log10()
}

/// How high a level stands under a top, 0 at [`DEPTH_DB`] below it.
pub fn db_place(level_db: f32, top_db: f32) -> f32 {
    (1.0 + (level_db - top_db) / DEPTH_DB).clamp(0.0, 1.0)
}

/// Where a share of a spectrum's width begins, as a share of its bins: the square, which gives low
/// frequencies more room than an even axis and needs no lowest one as a logarithm does.
pub fn bin_place(x: f32) -> f32 {
    x * x
}

/// The largest rectangle of `size`'s shape in the middle of `into`.
pub fn letterbox(size: Vec2, into: Rect) -> Rect {
    if size.x <= 0.0 || size.y <= 0.0 {
        return Rect::from_center_size(into.center(), Vec2::ZERO);
    }
    let scale = (into.width() / size.x).min(into.height() / size.y).max(0.0);
    Rect::from_center_size(into.center(), size * scale)
}

/// How brightly the last hit still glows: 1 on its frame, less by a tenth with each one after.
pub fn flash(recent: &[f32]) -> f32 {
    let age = recent.iter().rev().position(|hits| *hits > 0.0);
    age.map_or(0.0, |age| 0.9_f32.powf(age as f32))
}

/// In how many rows `num` cells fill `size` with cells that are nearest to squares; full rows where
/// that takes no more than half as many again.
pub fn num_rows(num: usize, size: Vec2) -> usize {
    let ideal = (num as f32 * size.y / size.x.max(1.0)).max(0.0).sqrt().max(1.0);
    let far = |rows: usize| (rows as f32 / ideal).ln().abs();
    let full = (1..=num).filter(|rows| num.is_multiple_of(*rows));
    let nearest = full.min_by(|a, b| far(*a).total_cmp(&far(*b)));
    let rounded = (ideal.round() as usize).clamp(1, num.max(1));
    nearest.filter(|rows| far(*rows) <= 1.5_f32.ln()).unwrap_or(rounded)
}

/// The point at these shares of a rectangle, `y` from below.
pub fn point(rect: Rect, x: f32, y: f32) -> Pos2 {
    Pos2::new(rect.left() + x * rect.width(), rect.bottom() - y * rect.height())
}

#[cfg(test)]
mod tests {
    use egui::{pos2, vec2};

    use super::*;

    #[test]
    fn a_range_is_the_unit_or_what_it_must_be() {
        assert_eq!(Range::of([0.2, 0.9]), Range::UNIT);
        assert_eq!(Range::of([]), Range::UNIT);
        assert_eq!(Range::of([f32::NAN, f32::INFINITY]), Range::UNIT);
        assert_eq!(Range::of([-0.5, 0.25]), Range { low: -0.5, high: 0.25 });
        assert_eq!(Range::of([3.0, 8.0]), Range { low: 0.0, high: 8.0 });
    }

    #[test]
    fn a_range_widens_at_once_and_shrinks_by_its_share() {
        let wide = Range { low: -2.0, high: 9.0 };
        assert_eq!(Range::UNIT.follow(wide, 0.1), wide);
        assert_eq!(wide.follow(Range::UNIT, 0.25), Range { low: -1.5, high: 7.0 });
        let mut range = wide;
        for _ in 0..100 {
            range = range.follow(Range::UNIT, 0.25);
        }
        assert_eq!(range, Range::UNIT);
    }

    #[test]
    fn places_are_linear_within_the_range_and_stop_at_its_ends() {
        let range = Range { low: -1.0, high: 3.0 };
        let places = [-9.0, -1.0, 0.0, 1.0, 3.0, f32::INFINITY, f32::NAN].map(|v| range.place(v));
        assert_eq!(places, [0.0, 0.0, 0.25, 0.5, 1.0, 1.0, 0.25]);
        assert_eq!(Range { low: 0.0, high: 0.0 }.place(0.0), 0.0);
    }

    #[test]
    fn decibels_stand_where_the_definition_puts_them() {
        assert!((decibels(0.1) + 20.0).abs() < 1e-4);
        assert!((decibels(-1000.0) - 60.0).abs() < 1e-4);
        assert_eq!((decibels(0.0), decibels(f32::NAN)), (-200.0, -200.0));
        assert_eq!([0.0, -40.0, -80.0, -90.0].map(|db| db_place(db, 0.0)), [1.0, 0.5, 0.0, 0.0]);
        assert_eq!(db_place(14.0, 54.0), 0.5);
    }

    #[test]
    fn a_letterbox_keeps_the_shape_and_touches_two_sides() {
        let into = Rect::from_min_size(pos2(10.0, 20.0), vec2(320.0, 320.0));
        let wide = letterbox(vec2(1920.0, 1080.0), into);
        assert_eq!(wide, Rect::from_min_size(pos2(10.0, 90.0), vec2(320.0, 180.0)));
        let tall = letterbox(vec2(1.0, 2.0), into);
        assert_eq!(tall, Rect::from_min_size(pos2(90.0, 20.0), vec2(160.0, 320.0)));
        assert_eq!(letterbox(vec2(0.0, 5.0), into).size(), Vec2::ZERO);
    }

    #[test]
    fn a_flash_fades_from_the_last_hit() {
        assert_eq!(flash(&[]), 0.0);
        assert_eq!(flash(&[0.0; 9]), 0.0);
        assert_eq!(flash(&[0.0, 2.0]), 1.0);
        assert!((flash(&[1.0, 0.0, 0.0]) - 0.81).abs() < 1e-6);
    }

    #[test]
    fn cells_are_near_to_squares() {
        assert_eq!(num_rows(64, vec2(64.0, 64.0)), 8);
        assert_eq!(num_rows(64, vec2(176.0, 36.0)), 4);
        assert_eq!(num_rows(64, vec2(160.0, 90.0)), 8);
        assert_eq!(num_rows(61, vec2(160.0, 90.0)), 6);
        assert_eq!(num_rows(3, vec2(300.0, 1.0)), 1);
        assert_eq!(num_rows(0, vec2(0.0, 10.0)), 1);
    }
}
