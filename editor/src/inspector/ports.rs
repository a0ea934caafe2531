//! The ports of a node: what they carry, and who they are wired to.

use egui::{Color32, Pos2, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use lumawire_core::{Edit, NodeSpec, Port, Wire};

use super::row::{Columns, remove, small};
use crate::command::Command;
use crate::cx::Cx;
use crate::icon;
use crate::theme;

const ROW: f32 = 20.0;

/// Draws the ports of a node. `wires` are those that start or end there.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, node: &str, spec: &'static NodeSpec, wires: &[Wire]) {
    ui.spacing_mut().item_spacing.y = 0.0;
    for port in spec.inputs {
        let wired = wires.iter().filter(|w| w.ends.to == node && w.ends.port == port.id);
        row(ui, cx, port, true, wired);
    }
    for port in spec.outputs {
        let wired = wires.iter().filter(|w| w.ends.from == node && w.ends.output == port.id);
        row(ui, cx, port, false, wired);
    }
}

fn row<'a>(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    port: &Port,
    is_input: bool,
    wired: impl Iterator<Item = &'a Wire>,
) {
    let mut wired = wired.peekable();
    let size = vec2(ui.available_width(), ROW);
    if wired.peek().is_none() {
        let columns = head(ui, port, is_input, size);
        let (text, colour) = match port.required && is_input {
            true => ("needs a wire", theme::WARNING),
            false => ("open", theme::FAINT.gamma_multiply(0.6)),
        };
        small(ui, columns.rail.union(columns.value), text, colour);
        return;
    }
    for (i, wire) in wired.enumerate() {
        let columns = match i {
            0 => head(ui, port, is_input, size),
            _ => Columns::of(ui.allocate_exact_size(size, Sense::hover()).0),
        };
        wire_link(ui, cx, columns, wire, is_input);
    }
}

/// The port itself: shape, name, and what it carries on hover.
fn head(ui: &mut Ui, port: &Port, is_input: bool, size: egui::Vec2) -> Columns {
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let columns = Columns::of(rect);
    let id = ui.make_persistent_id((port.id, is_input));
    let at = pos2(columns.dot.left() + 4.0, rect.center().y);
    icon::port(ui.painter(), at, 3.5, port.ty);
    let name = Rect::from_min_max(pos2(columns.name.left() + 4.0, rect.top()), columns.name.max);
    let response = ui.interact(columns.dot.union(name), id, Sense::HOVER);
    let way = if is_input { "Input" } else { "Output" };
    let label = format!("{way} {}", port.id);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
    small(ui, name, &super::control::words(port.id), theme::TEXT);
    response.on_hover_ui(|ui| {
        ui.set_max_width(280.0);
        ui.label(port.doc);
        let text = egui::RichText::new(format!("{way} `{}`, {}", port.id, port.ty));
        ui.label(text.small().color(theme::FAINT));
    });
    columns
}

fn wire_link(ui: &Ui, cx: &mut Cx<'_>, columns: Columns, wire: &Wire, is_input: bool) {
    let ends = &wire.ends;
    let (node, text) = match is_input {
        true => (&ends.from, format!("{}.{}", ends.from, ends.output)),
        false => (&ends.to, format!("{}.{}", ends.to, ends.port)),
    };
    let id = ui.make_persistent_id((ends, is_input));
    let rect = columns.rail.union(columns.value);
    let response = ui.interact(rect, id, Sense::click());
    let label = format!("Go to {text}");
    response.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), &label));
    let is_hot = response.hovered() || response.has_focus();
    let colour: Color32 = if is_hot { theme::ACCENT } else { theme::FAINT };
    let arrow = arrow(ui, pos2(rect.left() + 5.0, rect.center().y), is_input, colour);
    let words = Rect::from_min_max(pos2(arrow, rect.top()), rect.max);
    small(ui, words, &text, colour);
    if response.on_hover_text(format!("{wire}\nClick to go there")).clicked() {
        cx.commands.push(Command::Reveal(node.clone()));
    }
    if remove(ui, id.with("remove"), columns.more, &format!("Disconnect {text}")) {
        cx.edit(Edit::Disconnect { ends: ends.clone() }, format!("Disconnect {text}"));
    }
}

/// An arrow from or to the port; gives where it ends.
fn arrow(ui: &Ui, at: Pos2, is_input: bool, colour: Color32) -> f32 {
    let stroke = Stroke::new(1.0, colour);
    ui.painter().line_segment([at - vec2(4.0, 0.0), at + vec2(4.0, 0.0)], stroke);
    let way = if is_input { -1.0 } else { 1.0 };
    let tip = at + vec2(4.0 * way, 0.0);
    for side in [-1.0, 1.0] {
        ui.painter().line_segment([tip, tip + vec2(-3.0 * way, 2.5 * side)], stroke);
    }
    at.x + 9.0
}
