//! Small buttons with drawn signs.

use egui::{
    Color32, Painter, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};

use crate::theme;

/// What a button shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// An arrow that leaves a frame.
    PopOut,
    /// Four corners.
    FullScreen,
    /// Three lines.
    Menu,
    /// A cross.
    Close,
}

/// A button of 22 × 22 points with a name for those who do not see it, and what it does.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: &str, doc: &str) -> Response {
    let side = ui.spacing().interact_size.y;
    inked_button(ui, icon, name, doc, (side, theme::FAINT))
}

/// The same, so large, and of this colour where the pointer is not.
pub fn inked_button(
    ui: &mut Ui,
    icon: Icon,
    name: &str,
    doc: &str,
    (side, ink): (f32, Color32),
) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    let visuals = ui.style().interact(&response);
    let is_bright = response.hovered() || response.has_focus();
    if is_bright {
        ui.painter().rect_filled(rect, visuals.corner_radius, visuals.bg_fill);
    }
    let colour = if is_bright { theme::TEXT } else { ink };
    paint(ui.painter(), rect.shrink(0.27 * side), icon, Stroke::new(1.5, colour));
    response.on_hover_text(doc)
}

fn paint(painter: &Painter, rect: Rect, icon: Icon, stroke: Stroke) {
    let at = |x: f32, y: f32| rect.lerp_inside(vec2(x, y));
    let line = |from: (f32, f32), to: (f32, f32)| {
        painter.line_segment([at(from.0, from.1), at(to.0, to.1)], stroke);
    };
    match icon {
        Icon::PopOut => {
            let frame = Rect::from_min_max(at(0.0, 0.25), at(0.75, 1.0));
            let [left, right] = [frame.left_top(), frame.right_bottom()];
            let path = vec![at(0.4, 0.25), left, frame.left_bottom(), right, at(0.75, 0.6)];
            painter.line(path, stroke);
            line((0.45, 0.55), (1.0, 0.0));
            painter.line(vec![at(0.62, 0.0), at(1.0, 0.0), at(1.0, 0.38)], stroke);
        }
        Icon::FullScreen => {
            for (x, y) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                let inner = |v: f32| v + (0.5 - v) * 0.7;
                painter.line(vec![at(inner(x), y), at(x, y), at(x, inner(y))], stroke);
            }
        }
        Icon::Menu => [0.1, 0.5, 0.9].iter().for_each(|y| line((0.0, *y), (1.0, *y))),
        Icon::Close => {
            line((0.05, 0.05), (0.95, 0.95));
            line((0.95, 0.05), (0.05, 0.95));
        }
    }
}

/// A frame of one pixel's width around something.
pub fn outline(painter: &Painter, rect: Rect, colour: Color32) {
    let stroke = Stroke::new(1.0 / painter.pixels_per_point().max(0.1), colour);
    painter.rect_stroke(rect, 2.0, stroke, StrokeKind::Inside);
}
