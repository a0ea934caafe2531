//! Looks that the dialogs share.

use egui::{
    Align2, Button, CornerRadius, Frame, Margin, Painter, Rect, Response, RichText, Shape, Stroke,
    StrokeKind, Ui, pos2, vec2,
};

use crate::theme::{self, ACCENT, BACKGROUND, FAINT, GAP, LINE, PANEL, RAISED};

/// The ground of a dialog.
pub fn dialog() -> Frame {
    Frame::new()
        .fill(PANEL)
        .stroke(Stroke::new(1.0, LINE))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::same(18))
        .shadow(egui::Shadow {
            offset: [0, 12],
            blur: 40,
            spread: 0,
            color: egui::Color32::from_black_alpha(160),
        })
}

/// The button that a dialog is about.
pub fn main_button(ui: &mut Ui, text: &str, is_enabled: bool) -> Response {
    let text = RichText::new(text).color(BACKGROUND).strong();
    ui.add_enabled(is_enabled, Button::new(text).fill(ACCENT).min_size(vec2(84.0, 26.0)))
}

/// A small word on a ground of its own.
pub fn chip(painter: &Painter, left_top: egui::Pos2, text: &str, colour: egui::Color32) -> Rect {
    let galley = painter.layout_no_wrap(text.to_owned(), egui::FontId::proportional(10.0), colour);
    let rect = Rect::from_min_size(left_top, galley.size() + vec2(10.0, 4.0));
    painter.rect_filled(rect, 4.0, colour.gamma_multiply(0.16));
    painter.galley(rect.min + vec2(5.0, 2.0), galley, colour);
    rect
}

/// Text on one line within a width, cut with an ellipsis.
pub fn line(
    painter: &Painter,
    at: egui::Pos2,
    width: f32,
    num_rows: usize,
    text: &str,
    font: egui::FontId,
    colour: egui::Color32,
) -> Rect {
    let mut job = egui::text::LayoutJob::simple(text.to_owned(), font, colour, width);
    job.wrap.max_rows = num_rows;
    // A path has no spaces to break at.
    job.wrap.break_anywhere = num_rows == 1;
    let galley = painter.layout_job(job);
    let rect = Rect::from_min_size(at, galley.size());
    painter.galley(at, galley, colour);
    rect
}

/// The sign of a folder, or of a file of some kind, in a square.
pub fn entry_icon(painter: &Painter, rect: Rect, is_folder: bool, colour: egui::Color32) {
    let stroke = Stroke::new(1.3, colour);
    let r = rect.shrink(rect.width() * 0.12);
    if is_folder {
        let tab = Rect::from_min_max(
            pos2(r.left(), r.top() + r.height() * 0.14),
            pos2(r.left() + r.width() * 0.42, r.top() + r.height() * 0.34),
        );
        let body = Rect::from_min_max(
            pos2(r.left(), r.top() + r.height() * 0.26),
            pos2(r.right(), r.bottom() - r.height() * 0.12),
        );
        painter.rect_filled(tab, 1.5, colour);
        painter.rect_filled(body, 2.0, colour);
        return;
    }
    let page = Rect::from_center_size(r.center(), vec2(r.width() * 0.72, r.height() * 0.94));
    let fold = page.width() * 0.36;
    let points = vec![
        page.left_top(),
        pos2(page.right() - fold, page.top()),
        pos2(page.right(), page.top() + fold),
        page.right_bottom(),
        page.left_bottom(),
    ];
    painter.add(Shape::closed_line(points, stroke));
    painter.line_segment(
        [pos2(page.right() - fold, page.top()), pos2(page.right() - fold, page.top() + fold)],
        stroke,
    );
    painter.line_segment(
        [pos2(page.right() - fold, page.top() + fold), pos2(page.right(), page.top() + fold)],
        stroke,
    );
}

/// A row that can be pressed, with room for painting; gives its response and rectangle.
pub fn row(ui: &mut Ui, label: &str, is_chosen: bool, height: f32) -> (Response, Rect) {
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
    let is_enabled = ui.is_enabled();
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::Button, is_enabled, is_chosen, label)
    });
    let fill = if is_chosen {
        ACCENT.gamma_multiply(0.22)
    } else if response.hovered() || response.has_focus() {
        RAISED
    } else {
        egui::Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect, theme::ROUNDING, fill);
    if response.has_focus() {
        ui.painter().rect_stroke(
            rect,
            theme::ROUNDING,
            Stroke::new(1.0, ACCENT),
            StrokeKind::Inside,
        );
    }
    (response, rect)
}

/// A heading over a group of rows.
pub fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(GAP);
    ui.label(RichText::new(text).font(theme::small()).color(FAINT));
}

/// Words in the middle of a place that is empty.
pub fn empty(ui: &Ui, rect: Rect, text: &str) {
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, theme::body(), FAINT);
}
