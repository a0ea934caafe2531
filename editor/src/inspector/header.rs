//! What a node is: its name, kind and id, how it runs, what it does, and what is wrong with it.

use egui::{
    Align2, FontId, Id, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use lumawire_core::{Edit, GraphNode, Mode, NodeSpec};

use super::Tools;
use super::hand::is_entered;
use crate::command::Command;
use crate::cx::Cx;
use crate::theme;

/// Height of the name's line.
const TITLE: f32 = 26.0;
/// Height of the line of kind and id.
const LINE: f32 = 18.0;
/// Width of the buttons of the mode.
const MODES: f32 = 132.0;

/// Draws the header of a node.
pub fn show(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    id: &str,
    node: &GraphNode,
    spec: Option<&'static NodeSpec>,
) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), TITLE), Sense::hover());
    let category = node.kind.split('.').next().unwrap_or("");
    let bar = Rect::from_min_size(rect.min + vec2(0.0, 4.0), vec2(4.0, TITLE + LINE - 6.0));
    ui.painter().rect_filled(bar, 2.0, theme::category_colour(category).gamma_multiply(1.6));
    let modes = Rect::from_min_max(pos2(rect.right() - MODES, rect.top() + 3.0), rect.max);
    let name = Rect::from_min_max(
        pos2(bar.right() + 8.0, rect.top()),
        pos2(modes.left() - 6.0, rect.bottom()),
    );
    label(ui, cx, tools, id, node, spec, name);
    mode(ui, cx, id, node.mode, modes);
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::hover());
    identity(ui, cx, tools, id, node, line.with_min_x(name.left()));
    doc(ui, tools, spec);
    faults(ui, cx, id);
}

fn label(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    id: &str,
    node: &GraphNode,
    spec: Option<&'static NodeSpec>,
    rect: Rect,
) {
    let kind_label = spec.map_or(node.kind.as_str(), |spec| spec.label);
    let shown = node.label.as_deref().unwrap_or(kind_label);
    let field = ui.make_persistent_id(("label", id));
    if std::mem::take(&mut tools.is_renaming) {
        tools.hand.begin(field, shown.to_owned(), true);
    }
    if tools.hand.is_typing(field) {
        let typed = tools.hand.type_in(ui, field, rect, "Name", |text| Ok(text.trim().to_owned()));
        let label = typed.map(|text| Some(text).filter(|t| !t.is_empty() && t != kind_label));
        if let Some(label) = label.filter(|label| *label != node.label) {
            cx.edit(Edit::SetLabel { node: id.to_owned(), label }, "Rename");
        }
        return;
    }
    let response = ui.interact(rect, field, Sense::click());
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Button, ui.is_enabled(), format!("Name: {shown}"))
    });
    let mut job = egui::text::LayoutJob::simple_singleline(
        shown.to_owned(),
        FontId::proportional(17.0),
        theme::TEXT,
    );
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(
        pos2(rect.left(), rect.center().y - galley.size().y / 2.0),
        galley,
        theme::TEXT,
    );
    focus_ring(ui, &response, rect);
    if response.double_clicked() || is_entered(ui, &response) {
        tools.hand.begin(field, shown.to_owned(), true);
    } else if response.clicked() {
        response.request_focus();
    }
    response.on_hover_text("Double-click or F2 to rename");
}

fn focus_ring(ui: &Ui, response: &egui::Response, rect: Rect) {
    if response.has_focus() {
        let stroke = Stroke::new(1.0, theme::ACCENT.gamma_multiply(0.7));
        ui.painter().rect_stroke(rect, 4.0, stroke, StrokeKind::Outside);
    }
}

/// Active, bypassed or muted.
fn mode(ui: &Ui, cx: &mut Cx<'_>, id: &str, mode: Mode, rect: Rect) {
    let modes = [
        (Mode::Active, "On", "Active", "It runs"),
        (Mode::Bypassed, "Bypass", "Bypassed", "It does not run; what comes in goes out as it is"),
        (Mode::Muted, "Mute", "Muted", "It does not run and gives nothing"),
    ];
    ui.painter().rect_filled(rect, 4.0, theme::BACKGROUND);
    let widths = [0.24, 0.42, 0.34];
    let mut x = rect.left();
    for ((of, word, name, doc), width) in modes.into_iter().zip(widths) {
        let part = Rect::from_x_y_ranges(x..=x + width * rect.width(), rect.y_range());
        x = part.right();
        let response = ui.interact(part, ui.make_persistent_id((id, word)), Sense::click());
        let is_chosen = of == mode;
        response.widget_info(|| {
            WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), is_chosen, name)
        });
        let tile = part.shrink(2.0);
        if is_chosen {
            let fill = match of {
                Mode::Active => theme::HOVERED,
                Mode::Bypassed => theme::WARNING.gamma_multiply(0.35),
                Mode::Muted => theme::ERROR.gamma_multiply(0.4),
            };
            ui.painter().rect_filled(tile, 3.0, fill);
        }
        focus_ring(ui, &response, tile);
        let colour = if is_chosen || response.hovered() { theme::TEXT } else { theme::FAINT };
        ui.painter().text(part.center(), Align2::CENTER_CENTER, word, theme::small(), colour);
        if response.on_hover_text(doc).clicked() && !is_chosen {
            cx.edit(Edit::SetMode { node: id.to_owned(), mode: of }, format!("Set {word}"));
        }
    }
}

/// The kind, and the id, which can be changed.
fn identity(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    id: &str,
    node: &GraphNode,
    rect: Rect,
) {
    let kind = ui.painter().layout_no_wrap(node.kind.clone(), theme::small(), theme::FAINT);
    let at = pos2(rect.left(), rect.center().y - kind.size().y / 2.0);
    let left = at.x + kind.size().x + 10.0;
    ui.painter().galley(at, kind, theme::FAINT);
    let rect = Rect::from_min_max(pos2(left.min(rect.right() - 80.0), rect.top()), rect.max);
    let field = ui.make_persistent_id(("id", id));
    if tools.hand.is_typing(field) {
        let check = |text: &str| check_id(cx, id, text.trim());
        if let Some(to) = tools.hand.type_in(ui, field, rect, "Id", check).flatten() {
            cx.edit(Edit::RenameNode { id: id.to_owned(), to: to.clone() }, "Change id");
            cx.commands.push(Command::Select(vec![to]));
        }
        return;
    }
    let response = ui.interact(rect, field, Sense::click());
    response
        .widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), format!("Id: {id}")));
    let is_hot = response.hovered() || response.has_focus();
    let colour = if is_hot { theme::TEXT } else { theme::FAINT };
    let font = FontId::monospace(11.0);
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, id, font, colour);
    if response.clicked() || is_entered(ui, &response) {
        tools.hand.begin(field, id.to_owned(), true);
    }
    response.on_hover_text("The id in files, OSC addresses and wires. Click to change it.");
}

/// The new id; `None` where it is the old one. The document itself says whether it would do.
fn check_id(cx: &Cx<'_>, id: &str, to: &str) -> Result<Option<String>, String> {
    if to == id {
        return Ok(None);
    }
    let edit = Edit::RenameNode { id: id.to_owned(), to: to.to_owned() };
    let tried = cx.document.graph().clone().apply(edit, cx.document.registry());
    tried.map(|_| Some(to.to_owned())).map_err(|error| error.to_string())
}

/// The first sentence, and the rest once it is asked for.
fn doc(ui: &mut Ui, tools: &mut Tools, spec: Option<&'static NodeSpec>) {
    let Some(spec) = spec else { return };
    let first = spec.summary();
    let rest = spec.doc[first.len()..].trim_start();
    let text = if tools.is_doc_open { spec.doc } else { first };
    ui.add_space(4.0);
    ui.add(egui::Label::new(RichText::new(text).size(12.0).color(theme::FAINT)).wrap());
    if rest.is_empty() {
        return;
    }
    let word = if tools.is_doc_open { "Less" } else { "More" };
    let link = egui::Link::new(RichText::new(word).small().color(theme::FAINT).underline());
    if ui.add(link).on_hover_text("The whole description, with its formula").clicked() {
        tools.is_doc_open = !tools.is_doc_open;
    }
}

/// What fails while it runs, and what keeps the patch from being run.
fn faults(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let failure = cx.failures.get(id).map(ToString::to_string);
    let faults: Vec<(String, String)> =
        cx.document.faults_of(id).map(|fault| (fault.to_string(), fault.help())).collect();
    let all = failure.into_iter().map(|text| (text, String::new())).chain(faults);
    for (text, help) in all {
        let frame = egui::Frame::new().fill(theme::ERROR.gamma_multiply(0.14));
        frame.corner_radius(4).inner_margin(6).show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(egui::Label::new(RichText::new(text).size(12.0).color(theme::ERROR)).wrap());
            if !help.is_empty() {
                ui.add(egui::Label::new(RichText::new(help).small().color(theme::FAINT)).wrap());
            }
        });
    }
}

/// A line above a section, with its name.
pub fn section(ui: &mut Ui, name: &str) {
    ui.add_space(8.0);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let id: Id = ui.make_persistent_id(("section", name));
    let text = ui.painter().layout_no_wrap(name.to_owned(), theme::small(), theme::FAINT);
    let right = rect.left() + text.size().x + 8.0;
    ui.painter().galley(
        pos2(rect.left(), rect.center().y - text.size().y / 2.0),
        text,
        theme::FAINT,
    );
    ui.painter().hline(
        right..=rect.right(),
        rect.center().y + 1.0,
        Stroke::new(1.0, theme::LINE.gamma_multiply(0.7)),
    );
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    ui.add_space(2.0);
}
