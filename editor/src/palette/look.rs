//! How the palette draws a kind: a row of the list, and all that is known of it beside.

use egui::{Color32, Painter, Rect, Response, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo};
use egui::{pos2, vec2};
use lumawire_core::{NodeSpec, Port, PortType};

use super::found::Row;
use crate::chooser::{self, marked};
use crate::{icon, theme};

/// Height of a row.
pub(super) const ROW_PX: f32 = 40.0;
/// Ports that a row shows on either side.
const NUM_PORTS: usize = 5;
const PORT_PX: f32 = 11.0;

/// What a person did with a row.
pub(super) struct Touched {
    pub row: Response,
    pub star: bool,
}

/// A colour of a category that stands out from the panel.
pub(crate) fn bright(category: &str) -> Color32 {
    theme::category_colour(category).lerp_to_gamma(Color32::WHITE, 0.28)
}

/// Draws a row.
pub(super) fn row(
    ui: &mut Ui,
    row: &Row,
    salt: usize,
    rect: Rect,
    (is_at, is_favourite): (bool, bool),
) -> Touched {
    let spec = row.spec;
    let name = format!("Add {} ({})", spec.label, spec.kind);
    let response = chooser::row(ui, rect, salt, is_at, &name);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let chip = Rect::from_min_size(rect.min + vec2(8.0, 8.0), vec2(4.0, ROW_PX - 16.0));
    painter.rect_filled(chip, 2.0, bright(spec.category()));

    let right = rect.right() - 26.0;
    let ports_left = ports(&painter, pos2(right, rect.top() + 13.0), spec);
    let text_left = chip.right() + 8.0;
    let label = marked(
        spec.label,
        &row.marks,
        (theme::body(), theme::TEXT),
        ports_left - text_left - theme::GAP,
    );
    let label = painter.layout_job(label);
    let label_right = text_left + label.size().x;
    painter.galley(pos2(text_left, rect.top() + 5.0), label, theme::TEXT);
    if let Some(landing) = row.landing {
        let lands = format!("→ {}", landing.port);
        let lands = (lands, theme::small(), theme::ACCENT.gamma_multiply(0.8));
        line(&painter, pos2(label_right + 8.0, rect.top() + 7.0), lands, ports_left);
    }
    let doc = (spec.summary().to_owned(), theme::small(), theme::FAINT);
    line(&painter, pos2(text_left, rect.top() + 22.0), doc, right);

    let star = Rect::from_center_size(pos2(rect.right() - 13.0, rect.center().y), vec2(20.0, 24.0));
    let star_response = ui.interact(star, ui.scope_id().with(("star", salt)), Sense::CLICK);
    star_response.widget_info(|| {
        let name = format!("Favourite {}", spec.label);
        WidgetInfo::selected(Role::CheckBox, true, is_favourite, name)
    });
    let colour = if is_favourite { theme::ACCENT } else { theme::FAINT.gamma_multiply(0.7) };
    if is_favourite || is_at {
        icon::star(&painter, star.center(), 6.0, colour, is_favourite);
    }
    Touched { star: star_response.clicked(), row: response }
}

/// The ports of a kind as small shapes, inputs first, right-aligned at `end`; gives the left end.
fn ports(painter: &Painter, end: egui::Pos2, spec: &NodeSpec) -> f32 {
    let (inputs, outputs) = (some(spec.inputs), some(spec.outputs));
    let mut x = end.x;
    let draw = |types: &[PortType], x: &mut f32| {
        for ty in types.iter().rev() {
            icon::port(painter, pos2(*x - PORT_PX / 2.0, end.y), 4.0, *ty);
            *x -= PORT_PX;
        }
    };
    draw(&outputs, &mut x);
    x -= 5.0;
    let stroke = egui::Stroke::new(1.0, theme::FAINT.gamma_multiply(0.7));
    painter.line_segment([pos2(x - 1.5, end.y - 3.0), pos2(x + 1.5, end.y)], stroke);
    painter.line_segment([pos2(x - 1.5, end.y + 3.0), pos2(x + 1.5, end.y)], stroke);
    x -= 5.0;
    draw(&inputs, &mut x);
    x
}

fn some(ports: &[Port]) -> Vec<PortType> {
    ports.iter().take(NUM_PORTS).map(|p| p.ty).collect()
}

/// Draws a line of text that ends before `right`.
fn line(
    painter: &Painter,
    at: egui::Pos2,
    (text, font, colour): (String, egui::FontId, Color32),
    right: f32,
) {
    if right - at.x > 20.0 {
        let job = marked(&text, &[], (font, colour), right - at.x);
        painter.galley(at, painter.layout_job(job), colour);
    }
}

/// Draws all that is known of a kind.
pub(super) fn details(ui: &mut Ui, spec: &NodeSpec) {
    ui.label(RichText::new(spec.label).size(16.0).strong());
    ui.label(RichText::new(spec.kind).font(theme::small()).color(theme::FAINT));
    ui.add_space(2.0);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.spacing_mut().interact_size.y = 15.0;
        ui.label(RichText::new(spec.doc).font(theme::small()).color(theme::TEXT));
        port_list(ui, "Inputs", spec.inputs);
        port_list(ui, "Outputs", spec.outputs);
        if !spec.params.is_empty() {
            heading(ui, "Parameters");
            let labels: Vec<&str> = spec.params.iter().map(|p| p.label).collect();
            let labels = RichText::new(labels.join(", ")).font(theme::small());
            ui.label(labels.color(theme::TEXT));
        }
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(text).font(theme::small()).color(theme::FAINT));
}

fn port_list(ui: &mut Ui, name: &str, ports: &[Port]) {
    if ports.is_empty() {
        return;
    }
    heading(ui, name);
    for port in ports {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            let (rect, _) = ui.allocate_exact_size(vec2(10.0, 14.0), Sense::hover());
            icon::port(ui.painter(), rect.center(), 4.5, port.ty);
            ui.label(RichText::new(port.id).font(theme::small()));
            let open = if port.required { ", required" } else { "" };
            let ty = RichText::new(format!("{}{open}", port.ty)).font(theme::small());
            ui.label(ty.color(theme::FAINT)).on_hover_text(port.doc);
        });
    }
}
