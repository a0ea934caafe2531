//! How nodes, wires and ports look.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Painter, Pos2, Rect, Shape, Stroke, StrokeKind,
    Vec2, pos2, vec2,
};
use lumawire_core::PortType;
use lumawire_core::graph::Mode;

use super::camera::Camera;
use super::scene::{Item, PORT, PortView, TITLE, What};
use crate::theme;

/// Text smaller than this is not drawn.
const LEAST_TEXT: f32 = 6.0;

/// What is special about an item.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marks {
    /// It is selected.
    pub is_selected: bool,
    /// Something is wrong with it.
    pub has_error: bool,
    /// It is what the preview shows.
    pub is_solo: bool,
    /// Share of a frame's time that it takes.
    pub load: f32,
    /// A wire is being dragged that fits nothing here.
    pub is_dim: bool,
}

/// Text of one line that ends in dots where it is too wide.
pub fn line(painter: &Painter, text: &str, size: f32, colour: Color32, width: f32) -> Arc<Galley> {
    let format =
        TextFormat { font_id: FontId::proportional(size), color: colour, ..TextFormat::default() };
    let mut job = LayoutJob::single_section(text.to_owned(), format);
    job.wrap = TextWrapping {
        max_width: width.max(0.0),
        max_rows: 1,
        break_anywhere: true,
        overflow_character: Some('…'),
    };
    painter.layout_job(job)
}

/// Draws a line of text with a point of it at `at`.
pub fn text(painter: &Painter, at: Pos2, anchor: Align2, galley: Arc<Galley>) {
    let rect = anchor.anchor_size(at, galley.size());
    painter.galley(rect.min, galley, theme::TEXT);
}

/// The size that text has at a zoom: in whole steps, so that few sizes are ever drawn.
pub fn text_size(points: f32, camera: &Camera) -> Option<f32> {
    let size = (points * camera.scale * 2.0).round() / 2.0;
    (size >= LEAST_TEXT).then_some(size)
}

/// Draws the grid.
pub fn grid(painter: &Painter, camera: &Camera) {
    painter.rect_filled(camera.area, 0.0, theme::CANVAS);
    let mut step = 32.0;
    while step * camera.scale < 16.0 {
        step *= 4.0;
    }
    let seen = camera.seen();
    let stroke = Stroke::new(1.0, theme::GRID);
    let mut x = (seen.left() / step).floor() * step;
    while x < seen.right() {
        painter.vline(camera.screen(pos2(x, 0.0)).x, camera.area.y_range(), stroke);
        x += step;
    }
    let mut y = (seen.top() / step).floor() * step;
    while y < seen.bottom() {
        painter.hline(camera.area.x_range(), camera.screen(pos2(0.0, y)).y, stroke);
        y += step;
    }
}

/// Draws an item without its face.
pub fn item(painter: &Painter, camera: &Camera, item: &Item, marks: Marks) {
    let rect = camera.screen_rect(item.rect);
    let rounding = (6.0 * camera.scale).min(6.0);
    let fade = if marks.is_dim || item.mode != Mode::Active { 0.45 } else { 1.0 };
    if camera.is_far() {
        far(painter, rect, item, marks, fade);
        return;
    }
    if item.what != What::Beyond {
        let shadow = rect.translate(vec2(0.0, 2.0 * camera.scale)).expand(1.5);
        painter.rect_filled(shadow, rounding + 1.5, Color32::from_black_alpha(90));
    }
    painter.rect_filled(rect, rounding, theme::RAISED.gamma_multiply(fade));
    let corner = CornerRadius::same(rounding as u8);
    let title = Rect::from_min_size(rect.min, vec2(rect.width(), TITLE * camera.scale));
    let is_folded = item.is_collapsed || title.height() >= rect.height();
    let below = if is_folded { corner.sw } else { 0 };
    painter.rect_filled(
        title,
        CornerRadius { sw: below, se: below, ..corner },
        item.colour.gamma_multiply(fade),
    );
    if item.what == What::Group {
        // A second edge behind it: there is more inside.
        let behind = rect.expand(3.0 * camera.scale);
        painter.rect_stroke(
            behind,
            rounding + 3.0,
            Stroke::new(1.0, item.colour),
            StrokeKind::Outside,
        );
    }
    outline(painter, rect, rounding, marks);
    if let Some(size) = text_size(13.0, camera) {
        let room = rect.width() - 16.0 * camera.scale - badges(painter, title, camera, item, marks);
        let galley = line(painter, &item.title, size, Color32::WHITE.gamma_multiply(fade), room);
        let at = title.left_center() + vec2(8.0 * camera.scale, 0.0);
        text(painter, at, Align2::LEFT_CENTER, galley);
    }
    if !item.is_collapsed
        && let Some(size) = text_size(11.0, camera)
    {
        labels(painter, camera, item, size, fade);
    }
    if marks.load > 0.02 {
        load(painter, rect, marks.load, camera.scale);
    }
}

fn outline(painter: &Painter, rect: Rect, rounding: f32, marks: Marks) {
    let (width, colour) = if marks.is_selected {
        (2.0, theme::ACCENT)
    } else if marks.has_error {
        (1.5, theme::ERROR)
    } else {
        (1.0, theme::LINE)
    };
    painter.rect_stroke(rect, rounding, Stroke::new(width, colour), StrokeKind::Outside);
}

fn far(painter: &Painter, rect: Rect, item: &Item, marks: Marks, fade: f32) {
    painter.rect_filled(rect, 2.0, item.colour.gamma_multiply(fade));
    if marks.is_selected || marks.has_error {
        outline(painter, rect, 2.0, marks);
    }
    let size = (rect.width() / 9.0).min(12.0).round();
    if size >= LEAST_TEXT {
        let galley =
            line(painter, &item.title, size, theme::TEXT.gamma_multiply(fade), rect.width() - 4.0);
        text(painter, rect.left_top() + vec2(2.0, 1.0), Align2::LEFT_TOP, galley);
    }
}

/// Draws the signs at the right end of a title; gives the width that they take.
fn badges(painter: &Painter, title: Rect, camera: &Camera, item: &Item, marks: Marks) -> f32 {
    let mut x = title.right() - 8.0 * camera.scale;
    let words = [
        (marks.has_error, "!", theme::ERROR),
        (item.mode == Mode::Bypassed, "bypass", theme::WARNING),
        (item.mode == Mode::Muted, "mute", theme::WARNING),
        (marks.is_solo, "solo", theme::ACCENT),
    ];
    let Some(size) = text_size(10.0, camera) else { return 0.0 };
    for (_, word, colour) in words.into_iter().filter(|(is_shown, ..)| *is_shown) {
        let galley = line(painter, word, size, theme::BACKGROUND, f32::INFINITY);
        let pill = Rect::from_min_max(
            pos2(x - galley.size().x - 6.0, title.center().y - galley.size().y * 0.5 - 1.0),
            pos2(x, title.center().y + galley.size().y * 0.5 + 1.0),
        );
        painter.rect_filled(pill, 3.0, colour);
        text(painter, pill.center(), Align2::CENTER_CENTER, galley);
        x = pill.left() - 3.0;
    }
    title.right() - 8.0 * camera.scale - x
}

fn labels(painter: &Painter, camera: &Camera, item: &Item, size: f32, fade: f32) {
    let indent = 10.0 * camera.scale;
    let has_both = item.what == What::Node && !item.inputs.is_empty() && !item.outputs.is_empty();
    let room = item.rect.width() * camera.scale * if has_both { 0.5 } else { 1.0 } - indent - 2.0;
    for port in &item.inputs {
        let colour = if port.is_param { theme::FAINT } else { theme::TEXT };
        let galley = line(painter, &port.label, size, colour.gamma_multiply(fade), room);
        text(painter, camera.screen(port.at) + vec2(indent, 0.0), Align2::LEFT_CENTER, galley);
    }
    for port in &item.outputs {
        let galley = line(painter, &port.label, size, theme::TEXT.gamma_multiply(fade), room);
        text(painter, camera.screen(port.at) - vec2(indent, 0.0), Align2::RIGHT_CENTER, galley);
    }
}

/// Draws how much of a frame's time a node takes, along its lower edge.
fn load(painter: &Painter, rect: Rect, load: f32, scale: f32) {
    let colour = match load {
        l if l > 0.6 => theme::ERROR,
        l if l > 0.25 => theme::WARNING,
        _ => theme::GOOD,
    };
    let width = (rect.width() - 8.0) * load.min(1.0);
    let at = rect.left_bottom() + vec2(4.0, -2.5 * scale);
    painter.rect_filled(Rect::from_min_size(at, vec2(width, 2.0 * scale)), 1.0, colour);
}

/// Draws a port: filled where it is wired.
pub fn port(painter: &Painter, camera: &Camera, view: &PortView, is_wired: bool, glow: f32) {
    let colour = view.ty.map_or(theme::FAINT, theme::port_colour);
    let radius = PORT * camera.scale * (1.0 + 0.35 * glow.clamp(0.0, 1.0));
    let fill = if is_wired { colour } else { theme::CANVAS };
    let fade: f32 = if glow < 0.0 { 0.25 } else { 1.0 };
    port_sign(
        painter,
        camera.screen(view.at),
        radius,
        view.ty,
        fill.gamma_multiply(fade.max(0.6)),
        Stroke::new(1.5 * camera.scale.min(1.2), colour.gamma_multiply(fade)),
    );
}

/// Draws the sign of a type.
fn port_sign(
    painter: &Painter,
    at: Pos2,
    radius: f32,
    ty: Option<PortType>,
    fill: Color32,
    stroke: Stroke,
) {
    use theme::Shape as Sign;
    let polygon = |offsets: &[(f32, f32)]| {
        let points = offsets.iter().map(|(x, y)| at + vec2(*x, *y) * radius).collect();
        painter.add(Shape::convex_polygon(points, fill, stroke));
    };
    match ty.map_or(Sign::Disc, theme::port_shape) {
        Sign::Disc => drop(painter.circle(at, radius, fill, stroke)),
        Sign::Ring => {
            painter.circle(at, radius, theme::CANVAS, stroke);
            painter.circle_filled(at, radius * 0.45, stroke.color);
        }
        Sign::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        Sign::Diamond => polygon(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)]),
        Sign::Triangle => polygon(&[(-0.9, -1.1), (1.2, 0.0), (-0.9, 1.1)]),
        Sign::Bar => polygon(&[(-0.55, -1.2), (0.55, -1.2), (0.55, 1.2), (-0.55, 1.2)]),
        Sign::Hexagon => {
            polygon(&[
                (-1.1, 0.0),
                (-0.55, -1.0),
                (0.55, -1.0),
                (1.1, 0.0),
                (0.55, 1.0),
                (-0.55, 1.0),
            ]);
        }
        Sign::Cross => {
            painter.circle(at, radius, fill, stroke);
            painter.line_segment(
                [at - vec2(radius, radius) * 0.6, at + vec2(radius, radius) * 0.6],
                stroke,
            );
            painter.line_segment(
                [at - vec2(radius, -radius) * 0.6, at + vec2(radius, -radius) * 0.6],
                stroke,
            );
        }
    }
}

/// Draws a wire through points of the screen.
pub fn wire(painter: &Painter, points: Vec<Pos2>, stroke: Stroke, is_dashed: bool) {
    if is_dashed {
        let (dash, gap) = (6.0 + stroke.width, 4.0 + stroke.width);
        painter.extend(Shape::dashed_line(&points, stroke, dash, gap));
    } else {
        painter.add(Shape::line(points, stroke));
    }
}

/// Draws the sign of an implicit conversion: a small diamond on the wire.
pub fn conversion(painter: &Painter, at: Pos2, scale: f32) {
    let stroke = Stroke::new(1.0, theme::TEXT);
    let points = [vec2(0.0, -1.0), vec2(1.0, 0.0), vec2(0.0, 1.0), vec2(-1.0, 0.0)];
    let points = points.map(|v: Vec2| at + v * 5.0 * scale.clamp(0.6, 1.4)).to_vec();
    painter.add(Shape::convex_polygon(points, theme::CANVAS, stroke));
}
