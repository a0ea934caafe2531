//! Small drawings that text has no letters for.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};
use lumawire_core::PortType;

use crate::theme::{self, Shape as Outline};

/// A port of this type, filled, within `radius` of `at`.
pub fn port(painter: &Painter, at: Pos2, radius: f32, ty: PortType) {
    let colour = theme::port_colour(ty);
    let polygon = |num: usize, turn: f32| {
        painter.add(Shape::convex_polygon(corners(at, radius, num, turn), colour, Stroke::NONE));
    };
    let square = |width: f32, height: f32| Rect::from_center_size(at, radius * vec2(width, height));
    match theme::port_shape(ty) {
        Outline::Disc => {
            painter.circle_filled(at, radius * 0.9, colour);
        }
        Outline::Ring => {
            painter.circle_stroke(at, radius * 0.7, Stroke::new(radius * 0.5, colour));
        }
        Outline::Square => {
            painter.rect_filled(square(1.6, 1.6), radius * 0.2, colour);
        }
        Outline::Bar => {
            painter.rect_filled(square(0.9, 2.0), radius * 0.2, colour);
        }
        Outline::Diamond => polygon(4, 0.0),
        Outline::Triangle => polygon(3, 0.0),
        Outline::Hexagon => polygon(6, FRAC_PI_2),
        Outline::Cross => {
            let stroke = Stroke::new(radius * 0.55, colour);
            let arm = radius * 0.75;
            painter.line_segment([at - vec2(arm, arm), at + vec2(arm, arm)], stroke);
            painter.line_segment([at + vec2(-arm, arm), at + vec2(arm, -arm)], stroke);
        }
    }
}

/// A star, filled or as its outline.
pub fn star(painter: &Painter, at: Pos2, radius: f32, colour: Color32, is_filled: bool) {
    let points: Vec<Pos2> = corners(at, radius, 5, 0.0)
        .into_iter()
        .zip(corners(at, radius * 0.45, 5, PI / 5.0))
        .flat_map(|(tip, notch)| [tip, notch])
        .collect();
    if is_filled {
        // A star is not convex: triangles around its middle.
        let mut mesh = Mesh::default();
        mesh.colored_vertex(at, colour);
        points.iter().for_each(|p| mesh.colored_vertex(*p, colour));
        let num = points.len() as u32;
        (0..num).for_each(|i| mesh.add_triangle(0, 1 + i, 1 + (i + 1) % num));
        painter.add(mesh);
    }
    painter.add(Shape::closed_line(points, Stroke::new(1.0, colour)));
}

/// What is wrong: a disc with a stroke.
pub fn error(painter: &Painter, at: Pos2, colour: Color32) {
    painter.circle_filled(at, 6.0, colour);
    let stroke = Stroke::new(2.0, theme::BACKGROUND);
    painter.line_segment([at - vec2(3.0, 0.0), at + vec2(3.0, 0.0)], stroke);
}

/// What is to be looked at: a triangle with a mark.
pub fn warning(painter: &Painter, at: Pos2, colour: Color32) {
    let points = corners(at + vec2(0.0, 1.0), 7.0, 3, 0.0);
    painter.add(Shape::convex_polygon(points, colour, Stroke::NONE));
    let stroke = Stroke::new(1.5, theme::BACKGROUND);
    painter.line_segment([at - vec2(0.0, 2.0), at + vec2(0.0, 1.5)], stroke);
    painter.circle_filled(at + vec2(0.0, 3.5), 0.8, theme::BACKGROUND);
}

/// A looking glass.
pub fn search(painter: &Painter, at: Pos2, colour: Color32) {
    let stroke = Stroke::new(1.5, colour);
    painter.circle_stroke(at - vec2(1.5, 1.5), 4.0, stroke);
    painter.line_segment([at + vec2(1.5, 1.5), at + vec2(5.0, 5.0)], stroke);
}

/// A cross that closes.
pub fn close(painter: &Painter, at: Pos2, colour: Color32) {
    let stroke = Stroke::new(1.5, colour);
    painter.line_segment([at - vec2(4.0, 4.0), at + vec2(4.0, 4.0)], stroke);
    painter.line_segment([at + vec2(-4.0, 4.0), at + vec2(4.0, -4.0)], stroke);
}

/// Corners of a regular polygon, the first above the middle, turned by `turn` radians.
fn corners(at: Pos2, radius: f32, num: usize, turn: f32) -> Vec<Pos2> {
    let corner = |i: usize| {
        let angle = turn - FRAC_PI_2 + TAU * i as f32 / num as f32;
        pos2(at.x + radius * angle.cos(), at.y + radius * angle.sin())
    };
    (0..num).map(corner).collect()
}
