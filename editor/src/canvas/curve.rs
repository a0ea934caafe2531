//! The shape of wires.

use egui::{Pos2, Rect, Vec2, vec2};

/// Points of a curve between two ports or bends.
const NUM_POINTS: usize = 20;

/// The points of a wire, from its output through its bends to its input.
pub fn points(from: Pos2, bends: &[Pos2], to: Pos2) -> Vec<Pos2> {
    let stops: Vec<Pos2> =
        std::iter::once(from).chain(bends.iter().copied()).chain(std::iter::once(to)).collect();
    let last = stops.len() - 1;
    let mut points = Vec::with_capacity(last * NUM_POINTS + 1);
    points.push(from);
    for i in 0..last {
        let (a, b) = (stops[i], stops[i + 1]);
        let reach = ((b.x - a.x).abs() * 0.5).clamp(24.0, 140.0).min((b - a).length().max(24.0));
        // At a bend a wire goes where its neighbours lie; at a port straight out or in.
        let leave = if i == 0 { vec2(reach, 0.0) } else { slope(stops[i - 1], b) };
        let enter = if i + 1 == last { vec2(reach, 0.0) } else { slope(a, stops[i + 2]) };
        let (c, d) = (a + leave, b - enter);
        points.extend((1..=NUM_POINTS).map(|k| bezier(a, c, d, b, k as f32 / NUM_POINTS as f32)));
    }
    points
}

fn slope(before: Pos2, after: Pos2) -> Vec2 {
    (after - before) / 6.0
}

fn bezier(a: Pos2, b: Pos2, c: Pos2, d: Pos2, t: f32) -> Pos2 {
    let s = 1.0 - t;
    let (wa, wb, wc, wd) = (s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t);
    Pos2::ZERO + (a.to_vec2() * wa + b.to_vec2() * wb + c.to_vec2() * wc + d.to_vec2() * wd)
}

/// What holds a wire, without computing it.
pub fn bounds(from: Pos2, bends: &[Pos2], to: Pos2) -> Rect {
    let mut rect = Rect::from_two_pos(from, to).expand2(vec2(140.0, 8.0));
    bends.iter().for_each(|bend| rect.extend_with(*bend));
    rect
}

/// How far `at` is from a line of points.
pub fn distance(points: &[Pos2], at: Pos2) -> f32 {
    let to_segment = |pair: &[Pos2]| {
        let (a, b) = (pair[0], pair[1]);
        let along = b - a;
        let t = ((at - a).dot(along) / along.length_sq().max(1e-6)).clamp(0.0, 1.0);
        (at - (a + along * t)).length()
    };
    points.windows(2).map(to_segment).fold(f32::INFINITY, f32::min)
}

/// Whether the segment `a..b` crosses a line of points.
pub fn crosses(points: &[Pos2], a: Pos2, b: Pos2) -> bool {
    let side = |p: Pos2, q: Pos2, r: Pos2| (q - p).x * (r - p).y - (q - p).y * (r - p).x;
    points.windows(2).any(|pair| {
        let (c, d) = (pair[0], pair[1]);
        // A point on the line counts for one side, so that it is crossed once there.
        let parts = |p, q, r, s| (side(p, q, r) >= 0.0) != (side(p, q, s) >= 0.0);
        parts(a, b, c, d) && parts(c, d, a, b)
    })
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    #[test]
    fn a_wire_begins_and_ends_at_its_ports_and_passes_its_bends() {
        let (from, bend, to) = (pos2(0.0, 0.0), pos2(100.0, 80.0), pos2(240.0, 10.0));
        let points = points(from, &[bend], to);
        assert_eq!(points.first(), Some(&from));
        assert!((*points.last().unwrap() - to).length() < 1e-3);
        assert!(distance(&points, bend) < 1e-3);
        assert!(points.iter().all(|p| bounds(from, &[bend], to).contains(*p)));
    }

    #[test]
    fn distance_and_crossing_follow_geometry() {
        let line = [pos2(0.0, 0.0), pos2(10.0, 0.0), pos2(10.0, 10.0)];
        assert!((distance(&line, pos2(5.0, 3.0)) - 3.0).abs() < 1e-6);
        assert!((distance(&line, pos2(13.0, 14.0)) - 5.0).abs() < 1e-6);
        assert!(crosses(&line, pos2(5.0, -1.0), pos2(5.0, 1.0)));
        assert!(!crosses(&line, pos2(5.0, 1.0), pos2(5.0, 2.0)));
        let halved = [pos2(0.0, 0.0), pos2(5.0, 0.0), pos2(10.0, 0.0)];
        assert!(crosses(&halved, pos2(5.0, -1.0), pos2(5.0, 1.0)), "where two pieces meet");
    }
}
