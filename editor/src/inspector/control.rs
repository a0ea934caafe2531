//! The control of each kind of parameter, and what a change by it asks for.

use egui::{
    Align2, Color32, ComboBox, Context, Id, Key, Rect, Response, Role, Sense, Stroke, StrokeKind,
    Ui, WidgetInfo, pos2, vec2,
};
use lumawire_core::control::target;
use lumawire_core::{Change, Domain, Param, ParamValue};
use lumawire_runtime::control::Event;

use super::Tools;
use super::dial::{Dial, Turn};
use super::file;
use super::hand::inside;
use super::number::Measure;
use super::scale::Scale;
use super::subject::Subject;
use crate::command::Command;
use crate::cx::Cx;
use crate::session::Session;
use crate::theme;

/// Options that stand side by side as long as there are no more, and their names are this short.
const MAX_SEGMENTS: usize = 4;
/// Points beside the text of a segment.
const SEGMENT_PAD: f32 = 10.0;
/// Letters from which on a text is edited in a window of its own.
const LONG_TEXT: usize = 40;

/// Where a control goes: the slider's part of the row, and the number's.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The slider's.
    pub rail: Rect,
    /// The number's.
    pub value: Rect,
}

impl Place {
    fn whole(self) -> Rect {
        self.rail.union(self.value)
    }
}

/// Draws the control of a parameter.
pub fn show(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    id: Id,
    place: Place,
) {
    let (value, is_mixed) = (&subject.held.value, subject.held.is_mixed);
    match (subject.param.domain, value) {
        (Domain::Int { .. } | Domain::Bool { .. }, _) if subject.param.is_momentary => {
            button(ui, cx, tools, subject, id, place.whole());
        }
        (Domain::Float { .. } | Domain::Int { .. }, _) => {
            number(ui, cx, tools, subject, id, place, (value, is_mixed));
        }
        (Domain::Bool { .. }, _) => {
            let is_on = *value == ParamValue::Bool(true);
            if switch(ui, id, place.whole(), subject.param.label, is_on, is_mixed) {
                let on = ParamValue::Bool(is_mixed || !is_on);
                cx.commands.push(Command::edit(subject.edit(Some(&on)), subject.deed()));
            }
        }
        (Domain::Choice { options, .. }, ParamValue::Text(chosen)) => {
            let chosen = (!is_mixed).then_some(chosen.as_str());
            if let Some(option) =
                choice(ui, id, place.whole(), subject.param.label, options, chosen)
            {
                set(cx, subject, &option.into(), None);
            }
        }
        (Domain::Text { .. }, ParamValue::Text(current)) => {
            text(ui, cx, tools, subject, id, place.whole(), (current, is_mixed));
        }
        (Domain::File { kind }, ParamValue::File(chosen)) => {
            file::show(ui, cx, tools, subject, id, place.whole(), (kind, &chosen.path, is_mixed));
        }
        _ => {}
    }
}

fn number(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    id: Id,
    place: Place,
    (current, is_mixed): (&ParamValue, bool),
) {
    let param = subject.param;
    let Some(scale) = Scale::of(param) else { return };
    let dial = Dial {
        label: param.label,
        measure: Measure::of(param),
        scale,
        value: current.as_f64().unwrap_or(0.0),
        default: param.default_value().as_f64().unwrap_or(0.0),
        live: live(cx, subject),
        is_mixed,
        is_late: param.change == Change::Rebuild,
    };
    match dial.show(ui, &mut tools.hand, id, place.rail, place.value) {
        Some(Turn::To(v, gesture)) => set_number(cx, subject, v, gesture),
        Some(Turn::Reset) => reset(cx, subject),
        None => {}
    }
}

/// What a parameter of a running node is, with all that moves it.
fn live(cx: &Cx<'_>, subject: &Subject<'_>) -> Option<f64> {
    let [node] = subject.nodes else { return None };
    cx.session?.board()?.reading(node, subject.param.id)?.value
}

fn set_number(cx: &mut Cx<'_>, subject: &Subject<'_>, v: f64, gesture: Option<u64>) {
    let param = subject.param;
    let Some(value) = param.accept(&ParamValue::Float(v)) else { return };
    let is_clamped = value.as_f64().is_some_and(|taken| (taken - v).abs() > 0.5 + 1e-6 * v.abs())
        || !matches!(param.domain, Domain::Int { .. }) && value != ParamValue::Float(v);
    if is_clamped && gesture.is_none() {
        cx.commands.push(Command::Tell(range_notice(subject)));
    }
    set(cx, subject, &value, gesture);
}

/// Sets a parameter. Where the patch has that value already, it is told to the show alone.
fn set(cx: &mut Cx<'_>, subject: &Subject<'_>, value: &ParamValue, gesture: Option<u64>) {
    if subject.held.value == *value && !subject.held.is_mixed {
        return restate(cx, subject, value);
    }
    let (edit, label) = (subject.edit(Some(value)), subject.deed());
    cx.commands.push(Command::Edit { edit, label, gesture });
}

/// Brings the show back to a value of the patch, where a preset, OSC or MIDI has moved it.
fn restate(cx: &mut Cx<'_>, subject: &Subject<'_>, value: &ParamValue) {
    let param = subject.param;
    let Some(board) = cx.session.and_then(Session::board) else { return };
    if !param.is_steerable() || param.is_momentary {
        return;
    }
    for node in subject.nodes {
        let base = board.reading(node, param.id).and_then(|reading| reading.base);
        if is_elsewhere(param, base, value) {
            cx.send(Event::Set { target: target(node, param.id), value: value.clone() });
        }
    }
}

/// Whether what a running parameter is bound to is known to be another value. Options are read as
/// their indices.
fn is_elsewhere(param: &Param, base: Option<f64>, value: &ParamValue) -> bool {
    let wanted = match (param.domain, value) {
        (Domain::Choice { options, .. }, ParamValue::Text(text)) => {
            options.iter().position(|option| option == text).map(|i| i as f64)
        }
        _ => value.as_f64(),
    };
    // The engine counts in single precision.
    let differs = |(a, b): (f64, f64)| (a - b).abs() > 1e-6 * a.abs().max(b.abs());
    base.zip(wanted).is_some_and(differs)
}

fn range_notice(subject: &Subject<'_>) -> String {
    let measure = Measure::of(subject.param);
    let show = |v: f64| measure.show(v);
    let (low, high) = match subject.param.domain {
        Domain::Float { hard: (low, high), .. } => (f64::from(low), f64::from(high)),
        Domain::Int { hard: (low, high), .. } => (low as f64, high as f64),
        _ => return String::new(),
    };
    format!("{} goes from {} to {}", subject.param.label, show(low), show(high))
}

/// Returns a parameter to its default, unless it has it.
pub fn reset(cx: &mut Cx<'_>, subject: &Subject<'_>) {
    if subject.held.is_set {
        let label = format!("Reset {}", subject.param.label);
        cx.commands.push(Command::edit(subject.edit(None), label));
    } else {
        restate(cx, subject, &subject.param.default_value());
    }
}

/// A button that presses a counter, or holds a switch as long as it is down.
fn button(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    id: Id,
    rect: Rect,
) {
    let is_counter = matches!(subject.param.domain, Domain::Int { .. });
    let response = ui.interact(rect, id, Sense::click_and_drag());
    response
        .widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), subject.param.label));
    let is_down = response.is_pointer_button_down_on();
    let fill = if is_down { theme::ACCENT.gamma_multiply(0.6) } else { fill(&response) };
    ui.painter().rect_filled(rect.shrink2(vec2(0.0, 1.0)), 4.0, fill);
    let word = if is_counter { "Press" } else { "Hold" };
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, word, theme::body(), theme::TEXT);
    let targets = subject.nodes.iter().map(|node| target(node, subject.param.id));
    if is_counter {
        let is_pressed = is_down && ui.input(|i| i.pointer.any_pressed());
        let by_key = response.has_focus()
            && ui.input(|i| i.key_pressed(Key::Enter) || i.key_pressed(Key::Space));
        if is_pressed || by_key {
            targets.for_each(|target| cx.send(Event::Press { target, hits: 1 }));
        }
        return;
    }
    let pass = ui.ctx().cumulative_pass_nr();
    match tools.hold.as_mut().filter(|hold| hold.id == id) {
        Some(hold) if is_down => hold.pass = pass,
        Some(_) => tools.hold.take().iter().for_each(|hold| hold.send(cx, false)),
        None if is_down => {
            let hold = Hold { id, targets: targets.collect(), pass };
            hold.send(cx, true);
            tools.hold = Some(hold);
        }
        None => {}
    }
}

/// A switch that is held down.
#[derive(Debug)]
pub struct Hold {
    id: Id,
    targets: Vec<String>,
    /// When its button was drawn last.
    pass: u64,
}

impl Hold {
    fn send(&self, cx: &mut Cx<'_>, is_down: bool) {
        let value = ParamValue::Bool(is_down);
        let targets = self.targets.iter().cloned();
        targets.for_each(|target| cx.send(Event::Set { target, value: value.clone() }));
    }
}

/// Lets go of a switch whose button is not drawn any more.
pub fn let_go(ctx: &Context, cx: &mut Cx<'_>, tools: &mut Tools) {
    let pass = ctx.cumulative_pass_nr();
    let gone = tools.hold.take_if(|hold| hold.pass < pass);
    gone.iter().for_each(|hold| hold.send(cx, false));
}

fn fill(response: &Response) -> Color32 {
    if response.hovered() || response.has_focus() { theme::HOVERED } else { theme::RAISED }
}

/// A switch; gives whether it was turned over.
fn switch(ui: &mut Ui, id: Id, rect: Rect, label: &str, is_on: bool, is_mixed: bool) -> bool {
    let size = vec2(28.0, 15.0);
    let pill = Rect::from_min_size(pos2(rect.left(), rect.center().y - size.y / 2.0), size);
    let response = ui.interact(pill.expand(3.0), id, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), is_on, label));
    let (fill, knob) = match is_on && !is_mixed {
        true => (theme::ACCENT.gamma_multiply(0.75), theme::TEXT),
        false => {
            (if response.hovered() { theme::HOVERED } else { theme::BACKGROUND }, theme::FAINT)
        }
    };
    let t = if is_mixed { 0.5 } else { ui.ctx().animate_bool(id, is_on) };
    ui.painter().rect_filled(pill, size.y / 2.0, fill);
    if !is_on || response.has_focus() {
        let line = if response.has_focus() { theme::ACCENT } else { theme::LINE };
        let stroke = Stroke::new(1.0, line);
        ui.painter().rect_stroke(pill, size.y / 2.0, stroke, StrokeKind::Inside);
    }
    let radius = size.y / 2.0;
    let x = egui::lerp(pill.left() + radius..=pill.right() - radius, t);
    ui.painter().circle_filled(pos2(x, pill.center().y), radius - 3.0, knob);
    if is_mixed {
        let at = rect.right_center();
        ui.painter().text(at, Align2::RIGHT_CENTER, "mixed", theme::small(), theme::FAINT);
    }
    response.clicked()
}

/// What a person reads of an option's id.
pub fn words(id: &str) -> String {
    id.replace('_', " ")
}

/// One of several: side by side where that fits, else a list. Gives the one that is pressed.
fn choice(
    ui: &mut Ui,
    id: Id,
    rect: Rect,
    label: &str,
    options: &'static [&'static str],
    chosen: Option<&str>,
) -> Option<&'static str> {
    let widths = || options.iter().map(|option| width_of(ui, option) + SEGMENT_PAD);
    if options.len() <= MAX_SEGMENTS && widths().sum::<f32>() <= rect.width() {
        let widths: Vec<f32> = widths().collect();
        return segments(ui, id, rect, (label, options), &widths, chosen);
    }
    let mut picked = None;
    let mut child = inside(ui, rect, id);
    child.spacing_mut().interact_size.y = rect.height() - 2.0;
    child.name_inputs(label, |ui| {
        let shown = chosen.map_or_else(|| "mixed".to_owned(), words);
        let combo = ComboBox::from_id_salt(id).width(rect.width()).selected_text(shown).truncate();
        combo.show_ui(ui, |ui| {
            for option in options {
                if ui.selectable_label(chosen == Some(option), words(option)).clicked() {
                    picked = Some(*option);
                }
            }
        });
    });
    picked
}

fn width_of(ui: &Ui, text: &str) -> f32 {
    ui.painter().layout_no_wrap(words(text), theme::body(), theme::TEXT).size().x
}

fn segments(
    ui: &mut Ui,
    id: Id,
    rect: Rect,
    (label, options): (&str, &'static [&'static str]),
    widths: &[f32],
    chosen: Option<&str>,
) -> Option<&'static str> {
    let spare = (rect.width() - widths.iter().sum::<f32>()) / widths.len().max(1) as f32;
    let groove = rect.shrink2(vec2(0.0, 1.0));
    ui.painter().rect_filled(groove, 4.0, theme::BACKGROUND);
    let mut x = rect.left();
    let mut picked = None;
    for (option, width) in options.iter().zip(widths) {
        let part = Rect::from_x_y_ranges(x..=x + width + spare, groove.y_range());
        x = part.right();
        let is_chosen = chosen == Some(option);
        let response = ui.interact(part, id.with(option), Sense::click());
        let name = format!("{label}: {}", words(option));
        response.widget_info(|| {
            WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), is_chosen, &name)
        });
        let tile = part.shrink(2.0);
        if is_chosen {
            ui.painter().rect_filled(tile, 3.0, theme::HOVERED);
        }
        if response.has_focus() {
            let stroke = Stroke::new(1.0, theme::ACCENT);
            ui.painter().rect_stroke(tile, 3.0, stroke, StrokeKind::Inside);
        }
        let colour = if is_chosen || response.hovered() { theme::TEXT } else { theme::FAINT };
        let words = words(option);
        ui.painter().text(part.center(), Align2::CENTER_CENTER, words, theme::body(), colour);
        if response.clicked() {
            picked = Some(*option);
        }
    }
    picked
}

/// A line of text; a long one opens a window.
fn text(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    id: Id,
    rect: Rect,
    (current, is_mixed): (&str, bool),
) {
    let is_long = current.contains('\n') || current.chars().count() > LONG_TEXT;
    let open = Rect::from_min_max(pos2(rect.right() - 20.0, rect.top()), rect.max);
    let line = Rect::from_min_max(rect.min, pos2(open.left() - 4.0, rect.bottom()));
    let label = subject.param.label;
    if is_long {
        let first = current.lines().next().unwrap_or("");
        let response = plate(ui, id, line, &format!("Edit {label}"));
        elided(ui, line.shrink2(vec2(6.0, 0.0)), first, theme::TEXT);
        if response.clicked() {
            tools.open_text = Some(id);
        }
    } else {
        let mut child = inside(ui, line, id.with("line"));
        let shown = if is_mixed { "" } else { current };
        let hint = if is_mixed { "mixed" } else { "" };
        if let Some(text) = tools.hand.field(&mut child, id.with("text"), label, shown, hint, 1) {
            let edit = subject.edit(Some(&text.as_str().into()));
            cx.commands.push(Command::edit(edit, subject.deed()));
        }
    }
    let response = ui.interact(open, id.with("open"), Sense::click());
    let name = format!("Open {label} in a window");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &name));
    three_lines(ui, open, if response.hovered() { theme::TEXT } else { theme::FAINT });
    if response.on_hover_text("Edits the text in a window, with several lines").clicked() {
        tools.open_text = Some(id);
    }
    if tools.open_text == Some(id) {
        text_window(ui, cx, tools, subject, id, current);
    }
}

fn text_window(
    ui: &Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    id: Id,
    current: &str,
) {
    let mut is_open = true;
    let title = format!("{} of {}", subject.param.label, subject.nodes.join(", "));
    let title = egui::RichText::new(title).size(13.0);
    let window = egui::Window::new(title).id(id.with("window")).open(&mut is_open);
    window.default_size([360.0, 200.0]).show(ui.ctx(), |ui| {
        let field = id.with("lines");
        if let Some(text) = tools.hand.field(ui, field, subject.param.label, current, "", 8) {
            let edit = subject.edit(Some(&text.as_str().into()));
            cx.commands.push(Command::edit(edit, subject.deed()));
        }
    });
    if !is_open {
        tools.open_text = None;
    }
}

/// A flat button without words of its own.
pub fn plate(ui: &Ui, id: Id, rect: Rect, name: &str) -> Response {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    let rect = rect.shrink2(vec2(0.0, 1.0));
    ui.painter().rect_filled(rect, 4.0, fill(&response));
    if response.has_focus() {
        let stroke = Stroke::new(1.0, theme::ACCENT);
        ui.painter().rect_stroke(rect, 4.0, stroke, StrokeKind::Inside);
    }
    response
}

/// Text from the left, cut off with an ellipsis.
pub fn elided(ui: &Ui, rect: Rect, text: &str, colour: Color32) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), theme::body(), colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width().max(0.0));
    let galley = ui.painter().layout_job(job);
    let at = pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, colour);
}

fn three_lines(ui: &Ui, rect: Rect, colour: Color32) {
    for (i, width) in [10.0, 10.0, 6.0].into_iter().enumerate() {
        let (x, y) = (rect.center().x - 5.0, rect.center().y + (i as f32 - 1.0) * 3.5);
        ui.painter().hline(x..=x + width, y, Stroke::new(1.2, colour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_show_is_elsewhere_when_it_was_steered_to_another_value() {
        let float = Param::float("x", "X", 0.1, (0.0, 1.0));
        // What a node reads is the nearest single.
        assert!(!is_elsewhere(&float, Some(f64::from(0.1_f32)), &ParamValue::Float(0.1)));
        assert!(is_elsewhere(&float, Some(0.5), &ParamValue::Float(0.1)));
        assert!(is_elsewhere(&float, Some(0.1), &ParamValue::Float(0.0)));
        assert!(!is_elsewhere(&float, Some(0.0), &ParamValue::Float(0.0)));
        assert!(!is_elsewhere(&float, None, &ParamValue::Float(0.1)));
        let choice = Param::choice("x", "X", &["a", "b"]);
        assert!(!is_elsewhere(&choice, Some(1.0), &"b".into()));
        assert!(is_elsewhere(&choice, Some(0.0), &"b".into()));
        let switch = Param::switch("x", "X", false);
        assert!(is_elsewhere(&switch, Some(1.0), &ParamValue::Bool(false)));
    }
}
