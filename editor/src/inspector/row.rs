//! One parameter: its name, control and value, what moves it, and what it is bound to.

use egui::{
    Color32, Id, Popup, Pos2, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};
use lumawire_core::control::{Binding, Midi, MidiSource, Preset};
use lumawire_core::{Change, Edit, Param, ParamValue, PortType, Wire};
use serde_json::Value as Json;

use super::Tools;
use super::control::{self, Place, elided, plate};
use super::dial::{Dial, Turn};
use super::file::cross;
use super::number::Measure;
use super::scale::Scale;
use super::subject::Subject;
use crate::command::Command;
use crate::cx::{Cx, spec_of};
use crate::icon;
use crate::theme;

/// Height of a row.
pub const ROW: f32 = 24.0;
/// Height of a row below a parameter: a wire, a binding.
const SUB_ROW: f32 = 20.0;

/// The columns of a row.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// Whether the preset holds it.
    pub dot: Rect,
    /// What it is called.
    pub name: Rect,
    /// The slider.
    pub rail: Rect,
    /// The number.
    pub value: Rect,
    /// What else there is to do.
    pub more: Rect,
}

impl Columns {
    /// The columns of a row at `rect`: the same for all rows of one width.
    pub fn of(rect: Rect) -> Self {
        let dot = rect.left() + 10.0;
        let name = dot + (rect.width() * 0.36).clamp(84.0, 160.0);
        let more = rect.right() - 16.0;
        let value = more - 62.0;
        let part = |from: f32, to: f32| Rect::from_x_y_ranges(from..=to, rect.y_range());
        Self {
            dot: part(rect.left(), dot),
            name: part(dot, name - 6.0),
            rail: part(name, value - 2.0),
            value: part(value, more - 2.0),
            more: part(more, rect.right()),
        }
    }
}

/// Draws the row of a parameter, with its wires and its binding below it.
pub fn show(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    wires: &[Wire],
) {
    let size = vec2(ui.available_width(), ROW);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let columns = Columns::of(rect);
    let id = ui.make_persistent_id((subject.param.id, subject.nodes.first()));
    name(ui, cx, subject, id, columns.name);
    let place = Place { rail: columns.rail, value: columns.value };
    control::show(ui, cx, tools, subject, id, place);
    let [node] = subject.nodes else { return };
    inclusion(ui, cx, tools, subject, id, columns.dot);
    more(ui, cx, tools, subject, id, columns.more);
    let into = |w: &&Wire| w.ends.to == *node && w.ends.port == subject.param.id;
    for wire in wires.iter().filter(into) {
        wire_row(ui, cx, tools, wire, subject.param);
    }
    let target = lumawire_core::control::target(node, subject.param.id);
    if let Some(json) = cx.document.graph().bindings().get(&target) {
        binding_row(ui, cx, tools, &target, json);
    }
    if tools.binding.as_ref() == Some(&target) {
        super::binding::show(ui, cx, tools, &target, subject.param);
    }
    if tools.learning(cx) == Some(target) {
        listening(ui, cx);
    }
}

fn name(ui: &Ui, cx: &mut Cx<'_>, subject: &Subject<'_>, id: Id, rect: Rect) {
    let param = subject.param;
    let id = id.with("name");
    let response = ui.interact(rect, id, Sense::CLICK | Sense::HOVER);
    let label = format!("Reset {}", param.label);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), &label));
    let colour = if subject.held.is_set || response.hovered() { theme::TEXT } else { theme::FAINT };
    let is_rebuilt = param.change == Change::Rebuild;
    let mut words = rect;
    if is_rebuilt {
        words.max.x -= 12.0;
    }
    elided(ui, words, param.label, colour);
    if is_rebuilt {
        let width = ui
            .painter()
            .layout_no_wrap(param.label.to_owned(), theme::body(), colour)
            .size()
            .x
            .min(words.width());
        anew(ui, pos2(words.left() + width + 8.0, rect.center().y + 0.5));
    }
    if response.double_clicked() || response.secondary_clicked() {
        control::reset(cx, subject);
    }
    response.on_hover_ui(|ui| explain(ui, subject));
}

/// What a parameter is, in a tooltip.
fn explain(ui: &mut Ui, subject: &Subject<'_>) {
    let param = subject.param;
    ui.set_max_width(300.0);
    if !param.doc.is_empty() {
        ui.label(param.doc);
    }
    let mut faint = |text: String| {
        ui.label(egui::RichText::new(text).small().color(theme::FAINT));
    };
    if let Some(text) = range_of(param) {
        faint(text);
    }
    if param.change == Change::Rebuild {
        faint("Changing this prepares the node anew.".into());
    }
    if let [node] = subject.nodes {
        faint(osc_address(node, param.id));
    }
    faint("Double-click or right-click the name for the default.".into());
}

/// The range of a number's slider, in words.
fn range_of(param: &Param) -> Option<String> {
    let scale = Scale::of(param)?;
    let measure = Measure::of(param);
    let default = param.default_value().as_f64()?;
    let (low, high) = (measure.show(scale.value(0.0)), measure.show(scale.value(1.0)));
    Some(format!("{low} to {high}, default {}", measure.show(default)))
}

fn osc_address(node: &str, param: &str) -> String {
    format!("/lumawire/{node}/{param}")
}

/// A ring with an arrow: what is changed is prepared anew.
fn anew(ui: &Ui, at: Pos2) {
    let point = |turns: f32| at + 3.2 * egui::Vec2::angled(turns * std::f32::consts::TAU);
    let ring: Vec<Pos2> = (0..=12).map(|i| point(0.05 + i as f32 * 0.065)).collect();
    let stroke = Stroke::new(1.0, theme::FAINT.gamma_multiply(0.8));
    ui.painter().line(ring, stroke);
    let tip = point(0.87);
    ui.painter().line_segment([tip, tip + vec2(-2.6, -0.2)], stroke);
    ui.painter().line_segment([tip, tip + vec2(0.3, -2.6)], stroke);
}

/// The dot that says whether the preset in use holds the parameter.
fn inclusion(ui: &Ui, cx: &mut Cx<'_>, tools: &Tools, subject: &Subject<'_>, id: Id, rect: Rect) {
    let param = subject.param;
    let (Some(target), Some((name, score))) = (subject.target(), tools.active.clone()) else {
        return;
    };
    let Some(preset) = score.presets.get(&name) else { return };
    if param.is_momentary || !param.is_steerable() {
        return;
    }
    let is_held = preset.values.contains_key(&target);
    let response = ui.interact(rect, id.with("preset"), Sense::click());
    let label = format!("{} in preset {name}", param.label);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), is_held, &label));
    let at = pos2(rect.left() + 3.0, rect.center().y);
    let edge = if response.hovered() || response.has_focus() { theme::TEXT } else { theme::LINE };
    if is_held {
        ui.painter().circle_filled(at, 2.75, theme::ACCENT);
    } else {
        ui.painter().circle_stroke(at, 2.5, Stroke::new(1.0, edge));
    }
    let hint = match is_held {
        true => format!("Preset \"{name}\" holds this. Click to leave it out."),
        false => format!("Click to put this value into preset \"{name}\"."),
    };
    if response.on_hover_text(hint).clicked() {
        let value = (!is_held).then(|| now(cx, subject));
        include(cx, &name, preset.clone(), target, value);
    }
}

/// The value of a parameter now: what the show has bound it to, or else the patch's.
fn now(cx: &Cx<'_>, subject: &Subject<'_>) -> ParamValue {
    let value = subject.held.value.clone();
    let Some(node) = subject.nodes.first() else { return value };
    let board = cx.session.and_then(|session| session.board());
    let base = board.and_then(|b| b.reading(node, subject.param.id)?.base);
    match (subject.param.domain, base) {
        (lumawire_core::Domain::Choice { .. }, _) | (_, None) => value,
        (_, Some(base)) => subject.param.accept(&ParamValue::Float(base)).unwrap_or(value),
    }
}

fn include(
    cx: &mut Cx<'_>,
    name: &str,
    mut preset: Preset,
    target: String,
    value: Option<ParamValue>,
) {
    let label = match value {
        Some(value) => {
            preset.values.insert(target, value);
            format!("Put into preset {name}")
        }
        None => {
            preset.values.remove(&target);
            format!("Leave out of preset {name}")
        }
    };
    let Ok(json) = serde_json::to_value(preset) else { return };
    cx.edit(Edit::SetPreset { name: name.to_owned(), preset: Some(json) }, label);
}

/// The button at the end of the row, and its menu.
fn more(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    id: Id,
    rect: Rect,
) {
    let Some(target) = subject.target() else { return };
    let param = subject.param;
    let [node] = subject.nodes else { return };
    let response = ui.interact(rect, id.with("more"), Sense::click());
    let name = format!("More of {}", param.label);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &name));
    let is_hot = response.hovered() || response.has_focus();
    let colour = if is_hot { theme::TEXT } else { theme::FAINT.gamma_multiply(0.6) };
    for i in [-1.0, 0.0, 1.0] {
        ui.painter().circle_filled(rect.center() + vec2(0.0, i * 4.0), 1.1, colour);
    }
    Popup::menu(&response).show(|ui| {
        ui.set_min_width(190.0);
        if ui.button("Return to default").clicked() {
            control::reset(cx, subject);
        }
        let address = osc_address(node, param.id);
        let copy = ui.button("Copy OSC address").on_hover_text(&address);
        if copy.clicked() {
            ui.ctx().copy_text(address);
        }
        if !param.is_steerable() {
            return;
        }
        ui.separator();
        promote(ui, cx, node, &target);
        if ui.button("Bind OSC or MIDI…").clicked() {
            tools.binding = Some(target.clone());
        }
        let learning = cx.kit.learning.as_ref();
        let learn = ui.add_enabled(learning.is_some(), egui::Button::new("Learn MIDI"));
        let learn = learn.on_hover_text("The next control that is moved steers this");
        if learn.on_disabled_hover_text("No MIDI is heard").clicked()
            && let Some(learning) = learning
        {
            learning.begin(target.clone());
        }
    });
    response.on_hover_text("Default, OSC, MIDI");
}

/// Puts the parameter on the face of the node's group, or takes it off.
fn promote(ui: &mut Ui, cx: &mut Cx<'_>, node: &str, target: &str) {
    let graph = cx.document.graph();
    let Some(id) = graph.group_of(node) else { return };
    let Some(group) = graph.group(id) else { return };
    let is_there = group.promoted.iter().any(|promoted| promoted == target);
    let word = if is_there { "Take off the group" } else { "Promote to group" };
    if ui.button(word).on_hover_text("The group shows it on its own face").clicked() {
        let mut group = group.clone();
        match is_there {
            true => group.promoted.retain(|promoted| promoted != target),
            false => group.promoted.push(target.to_owned()),
        }
        let edit = Edit::SetGroup { id: id.to_owned(), group: Some(group) };
        cx.edit(edit, format!("{word}: {target}"));
    }
}

fn sub_row(ui: &mut Ui) -> Columns {
    let size = vec2(ui.available_width(), SUB_ROW);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    Columns::of(rect)
}

/// A name that is pressed to go to what it names.
fn link(ui: &Ui, id: Id, rect: Rect, text: &str, name: &str) -> Response {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), name));
    let is_hot = response.hovered() || response.has_focus();
    small(ui, rect, text, if is_hot { theme::ACCENT } else { theme::FAINT });
    response
}

/// Small text from the left, cut off with an ellipsis.
pub fn small(ui: &Ui, rect: Rect, text: &str, colour: Color32) {
    let job = egui::text::LayoutJob::simple_singleline(text.to_owned(), theme::small(), colour);
    let mut job = job;
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
    let galley = ui.painter().layout_job(job);
    let at = pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, colour);
}

/// The small button that takes something away.
pub fn remove(ui: &Ui, id: Id, rect: Rect, name: &str) -> bool {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    let is_hot = response.hovered() || response.has_focus();
    cross(ui, rect, if is_hot { theme::TEXT } else { theme::FAINT.gamma_multiply(0.6) });
    response.on_hover_text(name).clicked()
}

fn wire_row(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, wire: &Wire, param: &Param) {
    let columns = sub_row(ui);
    let id = ui.make_persistent_id(&wire.ends);
    let source = format!("{}.{}", wire.ends.from, wire.ends.output);
    let spec = spec_of(cx.document, &wire.ends.from);
    let ty = spec.and_then(|s| s.outputs.get(s.output(&wire.ends.output)?)).map(|port| port.ty);
    let ty = ty.unwrap_or(PortType::Control);
    let at = pos2(columns.name.left() + 8.0, columns.name.center().y);
    icon::port(ui.painter(), at, 3.0, ty);
    let words = Rect::from_min_max(pos2(at.x + 8.0, columns.name.top()), columns.name.max);
    let response = link(ui, id.with("from"), words, &source, &format!("Go to {source}"));
    if response.on_hover_text(format!("Moved by {source}. Click to go there.")).clicked() {
        cx.commands.push(Command::Reveal(wire.ends.from.clone()));
    }
    let label = format!("Depth of {source} on {}", param.label);
    let dial = Dial {
        label: &label,
        measure: Measure::Factor,
        scale: depth_scale(param, wire.depth),
        value: ParamValue::from(wire.depth).as_f64().unwrap_or(1.0),
        default: 1.0,
        live: None,
        is_mixed: false,
        is_late: false,
    };
    let turned = dial.show(ui, &mut tools.hand, id.with("depth"), columns.rail, columns.value);
    let (depth, gesture) = match turned {
        Some(Turn::To(v, gesture)) => (v as f32, gesture),
        Some(Turn::Reset) => (1.0, None),
        None => (wire.depth, None),
    };
    if depth != wire.depth && depth.is_finite() {
        let edit = Edit::SetDepth { ends: wire.ends.clone(), depth };
        let label = format!("Set depth on {}", param.label);
        cx.commands.push(Command::Edit { edit, label, gesture });
    }
    if remove(ui, id.with("remove"), columns.more, &format!("Disconnect {source}")) {
        let edit = Edit::Disconnect { ends: wire.ends.clone() };
        cx.edit(edit, format!("Disconnect {source}"));
    }
}

/// The depths of a slider: as far as a control of 0..1 crosses the parameter's range, at least 1.
fn depth_scale(param: &Param, depth: f32) -> Scale {
    let span = Scale::of(param).map_or(1.0, |scale| (scale.value(1.0) - scale.value(0.0)).abs());
    let reach = span.max(1.0).max(f64::from(depth.abs()));
    Scale::even(-reach, reach)
}

fn binding_row(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, target: &str, json: &Json) {
    let columns = sub_row(ui);
    let id = ui.make_persistent_id(("binding", target));
    let rect = columns.name.union(columns.value);
    let rect = Rect::from_min_max(pos2(rect.left() + 2.0, rect.top()), rect.max);
    let response = plate(ui, id, rect.shrink2(vec2(0.0, 1.0)), &format!("Binding of {target}"));
    let text = serde_json::from_value::<Binding>(json.clone())
        .map_or_else(|_| "This binding cannot be read".to_owned(), |binding| summary(&binding));
    small(ui, rect.shrink2(vec2(8.0, 0.0)), &text, theme::FAINT);
    if response.on_hover_text("What steers this from outside. Click to change it.").clicked() {
        let is_open = tools.binding.as_deref() == Some(target);
        tools.binding = (!is_open).then(|| target.to_owned());
    }
    if remove(ui, id.with("remove"), columns.more, &format!("Remove the binding of {target}")) {
        let edit = Edit::SetBinding { target: target.to_owned(), binding: None };
        cx.edit(edit, "Remove binding");
    }
}

/// A binding in a few words.
pub fn summary(binding: &Binding) -> String {
    let mut parts = Vec::new();
    if let Some(midi) = &binding.midi {
        parts.push(midi_words(midi));
    }
    if let Some(osc) = &binding.osc {
        parts.push(format!("OSC {osc}"));
    }
    if let Some([low, high]) = binding.range {
        parts.push(format!("{low} to {high}"));
    }
    if parts.is_empty() { "Bound to nothing".into() } else { parts.join("  ·  ") }
}

fn midi_words(midi: &Midi) -> String {
    let source = match midi.source {
        MidiSource::Cc(n) => format!("MIDI CC {n}"),
        MidiSource::Cc14(n) => format!("MIDI CC {n} + {}", u16::from(n) + 32),
        MidiSource::Note(n) => format!("MIDI note {n}"),
        MidiSource::Bend(_) => "MIDI pitch bend".into(),
        MidiSource::Pressure(_) => "MIDI pressure".into(),
    };
    let channel = midi.channel.map(|channel| format!(" ch {channel}")).unwrap_or_default();
    let device = midi.device.as_ref().map(|device| format!(" of {device}")).unwrap_or_default();
    source + &channel + &device
}

fn listening(ui: &mut Ui, cx: &Cx<'_>) {
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        ui.label(egui::RichText::new("Move a MIDI control…").color(theme::ACCENT));
        if ui.small_button("Stop").clicked()
            && let Some(learning) = &cx.kit.learning
        {
            learning.cancel();
        }
    });
}
