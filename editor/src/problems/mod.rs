//! What is wrong, in a list that jumps there and helps where it can.

mod remedy;
#[cfg(test)]
mod tests;

use egui::{
    Align, Button, Color32, Layout, Painter, Panel, Pos2, Rect, Response, RichText, Role,
    ScrollArea, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};
use lumawire_core::Fault;
use lumawire_runtime::live::HealthCounts;

use crate::chooser::marked;
use crate::command::Command;
use crate::cx::Cx;
use crate::{icon, theme};
use remedy::{Remedy, remedies};

const HEIGHT_PX: f32 = 150.0;
const ROW_PX: f32 = 40.0;

/// What is wrong, in a list that jumps there.
#[derive(Default)]
pub struct Problems {
    is_open: bool,
    /// Whether the keys are to go to the first row.
    is_new: bool,
    rows: Vec<Row>,
    /// What the rows were made from.
    made: Option<(u64, Vec<Fault>)>,
}

/// Something that is wrong.
struct Row {
    is_error: bool,
    node: Option<String>,
    text: String,
    help: String,
    remedies: Vec<Remedy>,
}

/// How much is wrong: faults of the patch, and nodes that fail.
pub fn count(cx: &Cx<'_>) -> usize {
    cx.document.faults().len() + cx.failures.len()
}

/// What is wrong with a node, if anything is.
pub fn of_node(cx: &Cx<'_>, id: &str) -> Option<String> {
    let fault = cx.document.faults_of(id).next();
    fault.map(ToString::to_string).or_else(|| cx.failures.get(id).map(ToString::to_string))
}

impl Problems {
    /// Opens it, with the keys on its first row, or closes it.
    pub fn toggle(&mut self) {
        self.is_open = !self.is_open;
        self.is_new = self.is_open;
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Draws it, where it is open.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if !self.is_open {
            return;
        }
        let panel = Panel::bottom("problems").resizable(true).default_size(HEIGHT_PX);
        panel.size_range(72.0..=480.0).show(ui, |ui| {
            self.head(ui, cx);
            self.refresh(cx);
            let scroll = ScrollArea::vertical().auto_shrink(false);
            scroll.show(ui, |ui| self.list(ui, cx));
        });
    }

    fn head(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        ui.horizontal(|ui| {
            ui.label(RichText::new("Problems").strong());
            let num = count(cx);
            if num > 0 {
                ui.label(RichText::new(num.to_string()).color(theme::ERROR));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let (rect, close) = ui.allocate_exact_size(vec2(22.0, 22.0), Sense::click());
                close.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Close problems"));
                let is_lit = close.hovered() || close.has_focus();
                let colour = if is_lit { theme::TEXT } else { theme::FAINT };
                icon::close(ui.painter(), rect.center(), colour);
                self.is_open &= !close.on_hover_text("Close").clicked();
            });
        });
    }

    /// Makes the rows of the faults anew where they changed.
    fn refresh(&mut self, cx: &Cx<'_>) {
        let (revision, faults) = (cx.document.revision(), cx.document.faults());
        if self.made.as_ref().is_some_and(|(r, f)| *r == revision && f == faults) {
            return;
        }
        self.made = Some((revision, faults.to_vec()));
        let row = |fault: &Fault| Row {
            is_error: true,
            node: fault.node().map(str::to_owned),
            text: fault.to_string(),
            help: fault.help(),
            remedies: remedies(fault, cx.document),
        };
        self.rows = faults.iter().map(row).collect();
    }

    fn list(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        ui.spacing_mut().item_spacing.y = 2.0;
        let failing = cx.failures.iter().map(|(node, error)| Row {
            is_error: true,
            node: Some(node.clone()),
            text: format!("node `{node}`: {error}"),
            help: String::new(),
            remedies: Vec::new(),
        });
        let health = cx.session.map(|session| session.health()).unwrap_or_default();
        let now: Vec<Row> = failing.chain(warnings(&health)).collect();
        if self.rows.is_empty() && now.is_empty() {
            ui.label(RichText::new("Nothing is wrong.").color(theme::GOOD));
        }
        let mut is_new = std::mem::take(&mut self.is_new);
        for row in self.rows.iter().chain(&now) {
            let response = row.show(ui, cx);
            if std::mem::take(&mut is_new) {
                response.request_focus();
            }
        }
    }
}

/// What is to be said of the sound.
fn warnings(health: &HealthCounts) -> Vec<Row> {
    let times = |n: u64| if n == 1 { "once".to_owned() } else { format!("{n} times") };
    let counts = [
        (
            health.num_xruns,
            "the system lost sound",
            "close other programs, or ask for longer blocks",
        ),
        (health.num_overflows, "the engine was too slow for the sound", "take work from the patch"),
        (health.num_underruns, "the sound file was not read in time", "play it from a faster disk"),
    ];
    let some = counts.into_iter().filter(|(num, ..)| *num > 0);
    let row = |(num, text, help): (u64, &str, &str)| Row {
        is_error: false,
        node: None,
        text: format!("{text} {}", times(num)),
        help: help.to_owned(),
        remedies: Vec::new(),
    };
    some.map(row).collect()
}

impl Row {
    fn show(&self, ui: &mut Ui, cx: &mut Cx<'_>) -> Response {
        let (sense, role) = match &self.node {
            Some(_) => (Sense::click(), Role::Button),
            None => (Sense::focusable_noninteractive(), Role::Label),
        };
        let (rect, row) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PX), sense);
        row.widget_info(|| WidgetInfo::labeled(role, true, &self.text));
        if row.hovered() && self.node.is_some() {
            ui.painter().rect_filled(rect, theme::ROUNDING, theme::RAISED);
        }
        if row.has_focus() {
            let stroke = Stroke::new(1.0, theme::ACCENT);
            ui.painter().rect_stroke(rect, theme::ROUNDING, stroke, StrokeKind::Inside);
        }
        let at = rect.left_center() + vec2(14.0, 0.0);
        let (draw, colour): (fn(&Painter, Pos2, Color32), _) = match self.is_error {
            true => (icon::error, theme::ERROR),
            false => (icon::warning, theme::WARNING),
        };
        draw(ui.painter(), at, colour);
        let buttons = self.buttons(ui, rect, cx);
        let left = rect.left() + 28.0;
        self.words(ui, Rect::from_x_y_ranges(left..=(buttons - 10.0).max(left), rect.y_range()));
        let Some(node) = &self.node else { return row };
        let more = format!("{}\n{}", self.text, self.help);
        let row = row.on_hover_text(more.trim_end());
        if row.clicked() {
            cx.commands.push(Command::Reveal(node.clone()));
        }
        row
    }

    fn words(&self, ui: &Ui, rect: Rect) {
        let has_help = !self.help.is_empty();
        let top = rect.top() + if has_help { 4.0 } else { 11.0 };
        let line = |text: &str, y: f32, font, colour| {
            let galley = ui.painter().layout_job(marked(text, &[], (font, colour), rect.width()));
            ui.painter().galley(pos2(rect.left(), y), galley, colour);
        };
        line(&self.text, top, theme::body(), theme::TEXT);
        if has_help {
            line(&self.help, top + 17.0, theme::small(), theme::FAINT);
        }
    }

    /// The remedies, at the right; gives their left end.
    fn buttons(&self, ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) -> f32 {
        let layout = Layout::right_to_left(Align::Center);
        let inner = rect.shrink2(vec2(6.0, 4.0));
        let builder = UiBuilder::new().id_salt(&self.text).max_rect(inner).layout(layout);
        let mut ui = ui.new_child(builder);
        for remedy in self.remedies.iter().rev() {
            let text = RichText::new(&remedy.label).font(theme::small());
            if ui.add(Button::new(text)).on_hover_text(&self.help).clicked() {
                cx.edit(remedy.edit.clone(), remedy.label.to_lowercase());
            }
        }
        ui.min_rect().left()
    }
}
