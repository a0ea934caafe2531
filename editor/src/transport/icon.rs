//! The buttons of the transport, whose faces are drawn.

use std::f32::consts::TAU;

use egui::{
    Color32, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo,
    accesskit, pos2, vec2,
};

use crate::theme;

/// The faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // their names say it
pub enum Icon {
    Play,
    Pause,
    ToBeginning,
    Loop,
    Record,
}

/// A button with a face, as wide as it is high. `is_on` says of a switch how it stands.
pub fn button(
    ui: &mut Ui,
    icon: Icon,
    label: &str,
    doc: &str,
    side: f32,
    is_on: Option<bool>,
) -> Response {
    let sense = if ui.is_enabled() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), sense);
    let visuals = ui.style().interact(&response);
    let stroke =
        if response.has_focus() { Stroke::new(1.0, theme::ACCENT) } else { visuals.bg_stroke };
    ui.painter().rect(rect, theme::ROUNDING, visuals.weak_bg_fill, stroke, StrokeKind::Inside);
    let colour = match (is_on, ui.is_enabled()) {
        (_, false) => theme::FAINT.gamma_multiply(0.6),
        (Some(true), true) if icon == Icon::Record => theme::ERROR,
        (Some(true), true) => theme::ACCENT,
        _ => theme::TEXT,
    };
    draw(ui.painter(), icon, rect.shrink(side * 0.3), colour);
    response.widget_info(|| match is_on {
        Some(is_on) => WidgetInfo::selected(accesskit::Role::Button, ui.is_enabled(), is_on, label),
        None => WidgetInfo::labeled(accesskit::Role::Button, ui.is_enabled(), label),
    });
    response.on_hover_text(doc).on_disabled_hover_text(doc)
}

fn draw(painter: &Painter, icon: Icon, rect: Rect, colour: Color32) {
    let fill = |points: Vec<Pos2>| {
        painter.add(Shape::convex_polygon(points, colour, Stroke::NONE));
    };
    let triangle = |tip: Pos2, left: f32| {
        fill(vec![tip, pos2(left, rect.bottom()), pos2(left, rect.top())]);
    };
    match icon {
        Icon::Play => triangle(pos2(rect.right() + 1.0, rect.center().y), rect.left() + 1.0),
        Icon::Pause => {
            let width = rect.width() * 0.32;
            for left in [rect.left() + 1.0, rect.right() - width - 1.0] {
                let bar = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
                painter.rect_filled(bar, 1.0, colour);
            }
        }
        Icon::ToBeginning => {
            let bar = Rect::from_min_size(rect.min, vec2(2.0, rect.height()));
            painter.rect_filled(bar, 0.0, colour);
            let tip = pos2(rect.left() + 3.0, rect.center().y);
            fill(vec![tip, rect.right_top(), rect.right_bottom()]);
        }
        Icon::Loop => {
            // A ring that is open at the upper right, with an arrow head there.
            let radius = rect.width() * 0.5;
            let at =
                |turn: f32| rect.center() + radius * vec2((turn * TAU).cos(), (turn * TAU).sin());
            let points = (0..=24).map(|i| at(0.03 + 0.84 * i as f32 / 24.0)).collect();
            painter.add(Shape::line(points, Stroke::new(1.6, colour)));
            let end = at(0.87);
            fill(vec![end + vec2(3.6, 1.0), end + vec2(-2.4, 2.6), end + vec2(-0.2, -4.0)]);
        }
        Icon::Record => drop(painter.circle_filled(rect.center(), rect.width() * 0.5, colour)),
    }
}
