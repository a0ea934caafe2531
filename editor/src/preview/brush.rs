//! Many small shapes in one mesh, which costs the painter as much as one shape.

use egui::epaint::{Vertex, WHITE_UV};
use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, pos2};

/// A stretch of a band from left to right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Where it stands.
    pub x: f32,
    /// Its upper end.
    pub top: f32,
    /// Its lower end.
    pub bottom: f32,
}

/// Gathers triangles of flat and running colours.
pub struct Brush {
    mesh: Mesh,
    /// Width of a soft edge, in points: one pixel; 0 where edges are hard.
    soft: f32,
}

impl Brush {
    /// A brush without paint. Hard edges cost half as much.
    pub fn new(painter: &Painter, is_soft: bool) -> Self {
        let soft = if is_soft { 1.0 / painter.pixels_per_point().max(0.1) } else { 0.0 };
        Self { mesh: Mesh::default(), soft }
    }

    /// A rectangle with hard edges.
    pub fn rect(&mut self, rect: Rect, colour: Color32) {
        self.mesh.add_colored_rect(rect, colour);
    }

    /// A rectangle whose colour runs from top to bottom.
    pub fn gradient(&mut self, rect: Rect, top: Color32, bottom: Color32) {
        let columns = [rect.left(), rect.right()];
        self.strip(columns.map(|x| [(pos2(x, rect.top()), top), (pos2(x, rect.bottom()), bottom)]));
    }

    /// The area between a curve, from left to right, and a level. It is `near` at the level and runs
    /// to `far` over `reach` points.
    pub fn area(
        &mut self,
        curve: &[Pos2],
        level: f32,
        reach: f32,
        (near, far): (Color32, Color32),
    ) {
        self.strip(curve.iter().map(|p| {
            let share = ((p.y - level).abs() / reach.max(1.0)).min(1.0);
            [(*p, near.lerp_to_gamma(far, share)), (pos2(p.x, level), near)]
        }));
    }

    /// A band with soft edges, without gaps where it jumps.
    pub fn joined_band(&mut self, columns: &mut [Column], colour: Color32) {
        for i in 1..columns.len() {
            let (before, here) = (columns[i - 1], columns[i]);
            if before.bottom < here.top {
                let middle = 0.5 * (before.bottom + here.top);
                (columns[i - 1].bottom, columns[i].top) = (middle, middle);
            } else if before.top > here.bottom {
                let middle = 0.5 * (before.top + here.bottom);
                (columns[i - 1].top, columns[i].bottom) = (middle, middle);
            }
        }
        self.band(columns, colour);
    }

    /// A band with soft edges.
    pub fn band(&mut self, columns: &[Column], colour: Color32) {
        let soft = self.soft;
        if soft == 0.0 {
            let ends = |c: &Column| [pos2(c.x, c.top), pos2(c.x, c.bottom)].map(|at| (at, colour));
            return self.strip(columns.iter().map(ends));
        }
        let none = Color32::TRANSPARENT;
        self.strip(columns.iter().map(|c| {
            let ends = [(c.top - soft, none), (c.top, colour), (c.bottom, colour)];
            let [above, top, bottom] = ends.map(|(y, colour)| (pos2(c.x, y), colour));
            [above, top, bottom, (pos2(c.x, c.bottom + soft), none)]
        }));
    }

    /// A curve from left to right, `width` wide; steep stretches are as wide as flat ones.
    pub fn curve(&mut self, points: &[Pos2], width: f32, colour: Color32) {
        let half = 0.5 * (width - self.soft).max(0.0);
        let columns: Vec<Column> = (0..points.len())
            .map(|i| {
                let here = points[i];
                let half_way = |j: Option<&Pos2>| j.map_or(here.y, |p| 0.5 * (p.y + here.y));
                let before = half_way(i.checked_sub(1).and_then(|i| points.get(i)));
                let after = half_way(points.get(i + 1));
                let top = here.y.min(before).min(after) - half;
                Column { x: here.x, top, bottom: here.y.max(before).max(after) + half }
            })
            .collect();
        self.band(&columns, colour);
    }

    /// A disc that is `inner` in the middle and fades to nothing at its rim.
    pub fn glow(&mut self, centre: Pos2, radius: f32, inner: Color32) {
        const NUM_CORNERS: u32 = 16;
        let first = self.mesh.vertices.len() as u32;
        self.vertex(centre, inner);
        for i in 0..NUM_CORNERS {
            let angle = std::f32::consts::TAU * i as f32 / NUM_CORNERS as f32;
            let corner = centre + radius * egui::Vec2::angled(angle);
            self.vertex(corner, Color32::TRANSPARENT);
            self.mesh.add_triangle(first, first + 1 + i, first + 1 + (i + 1) % NUM_CORNERS);
        }
    }

    /// Puts it on the canvas.
    pub fn paint(self, painter: &Painter) {
        if !self.mesh.is_empty() {
            painter.add(Shape::mesh(self.mesh));
        }
    }

    /// Columns of `N` vertices, each joined with the one before.
    fn strip<const N: usize>(&mut self, columns: impl IntoIterator<Item = [(Pos2, Color32); N]>) {
        let columns = columns.into_iter();
        let num = columns.size_hint().0;
        self.mesh.reserve_vertices(num * N);
        self.mesh.reserve_triangles(2 * num * N.saturating_sub(1));
        let mut before: Option<u32> = None;
        for column in columns {
            let first = self.mesh.vertices.len() as u32;
            for (place, colour) in column {
                self.vertex(place, colour);
            }
            let Some(before) = before.replace(first) else { continue };
            for i in 0..(N as u32).saturating_sub(1) {
                self.mesh.add_triangle(before + i, before + i + 1, first + i);
                self.mesh.add_triangle(before + i + 1, first + i, first + i + 1);
            }
        }
    }

    fn vertex(&mut self, pos: Pos2, color: Color32) {
        self.mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brush(soft: f32) -> Brush {
        Brush { mesh: Mesh::default(), soft }
    }

    /// The area that the triangles cover, soft edges counted half.
    fn covered(mesh: &Mesh) -> f32 {
        let triangle = |[a, b, c]: [u32; 3]| {
            let [a, b, c] = [a, b, c].map(|i| mesh.vertices[i as usize]);
            let (u, v) = (b.pos - a.pos, c.pos - a.pos);
            let alpha = [a, b, c].iter().map(|v| f32::from(v.color.a())).sum::<f32>() / 3.0 / 255.0;
            0.5 * (u.x * v.y - u.y * v.x).abs() * alpha
        };
        mesh.triangles().map(triangle).sum()
    }

    #[test]
    fn a_flat_curve_covers_its_length_times_its_width() {
        let points: Vec<Pos2> = (0..=100).map(|x| pos2(x as f32, 7.0)).collect();
        for soft in [0.0, 0.5, 1.0] {
            let mut brush = brush(soft);
            brush.curve(&points, 2.0, Color32::WHITE);
            assert!((covered(&brush.mesh) - 200.0).abs() < 0.1, "{soft}");
        }
    }

    #[test]
    fn an_area_covers_what_lies_between_curve_and_level() {
        let curve = [pos2(0.0, 10.0), pos2(10.0, 0.0)];
        let mut brush = brush(1.0);
        brush.area(&curve, 10.0, 10.0, (Color32::WHITE, Color32::WHITE));
        assert!((covered(&brush.mesh) - 50.0).abs() < 1e-3);
        let greys = (Color32::from_gray(0), Color32::from_gray(100));
        brush.mesh.clear();
        brush.area(&curve, 10.0, 20.0, greys);
        let greys: Vec<u8> = brush.mesh.vertices.iter().map(|v| v.color.r()).collect();
        assert_eq!(greys, [0, 0, 50, 0]);
    }

    #[test]
    fn a_joined_band_has_no_gaps() {
        let column = |x: f32, top: f32, bottom: f32| Column { x, top, bottom };
        let mut columns = [
            column(0.0, 0.0, 1.0),
            column(1.0, 5.0, 6.0),
            column(2.0, 5.5, 9.0),
            column(3.0, 1.0, 2.0),
        ];
        brush(1.0).joined_band(&mut columns, Color32::WHITE);
        for pair in columns.windows(2) {
            assert!(pair[0].top <= pair[1].bottom && pair[1].top <= pair[0].bottom, "{pair:?}");
        }
        assert_eq!((columns[0].bottom, columns[1].top), (3.0, 3.0));
        assert_eq!(columns[2].bottom, 9.0);
    }

    #[test]
    fn a_glow_is_a_disc_that_fades() {
        let mut brush = brush(1.0);
        brush.glow(pos2(3.0, 4.0), 2.0, Color32::WHITE);
        assert_eq!(brush.mesh.triangles().count(), 16);
        let centre = brush.mesh.vertices[0];
        assert_eq!((centre.pos, centre.color), (pos2(3.0, 4.0), Color32::WHITE));
        let rim = &brush.mesh.vertices[1..];
        assert!(rim.iter().all(|v| (v.pos.distance(centre.pos) - 2.0).abs() < 1e-5));
        assert!(rim.iter().all(|v| v.color == Color32::TRANSPARENT));
    }
}
