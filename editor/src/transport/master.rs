//! The last hand on the picture: fader, blackout, freeze, record.

use std::path::PathBuf;

use egui::{
    Color32, Rect, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit, pos2, vec2,
};
use lumawire_core::{Mode, ParamValue, PortType, Role};
use lumawire_runtime::control::Event;

use super::icon::{self, Icon};
use super::time;
use crate::document::Document;
use crate::files::paths::made_folder;
use crate::session::Session;
use crate::theme;

/// The master section.
#[derive(Default)]
pub struct Master {
    /// The output node, and the document's revision at which it was found.
    node: Option<(u64, Option<String>)>,
    /// Where the fader is held.
    held: Option<f64>,
    /// What the record button asked for.
    pub recording: Option<Recording>,
}

/// What the record button asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recording {
    /// Records what is shown and heard into this file, or another number of it.
    Start(PathBuf),
    /// Ends the recording.
    Stop,
}

/// The output node that is shown: the first by name that runs and makes a picture.
pub(crate) fn output_node(document: &Document) -> Option<String> {
    let mut nodes: Vec<&str> = document.graph().nodes().map(|(id, _)| id).collect();
    nodes.sort_unstable();
    let found = nodes.into_iter().find(|id| {
        let node = document.graph().node(id).filter(|node| node.mode == Mode::Active);
        let spec = node.and_then(|node| document.registry().of(node));
        spec.is_some_and(|spec| {
            let is_picture = spec.outputs.first().is_some_and(|port| port.ty == PortType::Image);
            spec.role == Role::Sink && is_picture && spec.param("blackout").is_some()
        })
    });
    found.map(str::to_owned)
}

/// What a parameter is: as the show runs, or as the patch says.
fn reading(document: &Document, session: Option<&Session>, node: &str, param: &str) -> f64 {
    let running = session.and_then(Session::board).and_then(|board| board.reading(node, param));
    if let Some(value) = running.and_then(|reading| reading.value) {
        return value;
    }
    let Some(graph_node) = document.graph().node(node) else { return 0.0 };
    let spec = document.registry().of(graph_node);
    let found = spec.and_then(|spec| spec.params.get(spec.param(param)?));
    found.and_then(|p| p.resolve(graph_node.params.get(param)).as_f64()).unwrap_or(0.0)
}

fn set(node: &str, param: &str, value: impl Into<ParamValue>) -> Event {
    Event::Set { target: format!("{node}.{param}"), value: value.into() }
}

impl Master {
    /// The output node, looked for once a revision.
    fn output(&mut self, document: &Document) -> Option<&str> {
        let revision = document.revision();
        if self.node.as_ref().is_none_or(|(found_at, _)| *found_at != revision) {
            self.node = Some((revision, output_node(document)));
        }
        self.node.as_ref().and_then(|(_, node)| node.as_deref())
    }

    /// What turns a switch of the output over.
    pub fn toggle(
        &mut self,
        document: &Document,
        session: Option<&Session>,
        param: &str,
    ) -> Option<Event> {
        let node = self.output(document)?;
        let is_on = reading(document, session, node, param) > 0.5;
        Some(set(node, param, !is_on))
    }

    /// Draws it; gives what is to be sent to the show.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        document: &Document,
        session: Option<&Session>,
    ) -> Option<Event> {
        let Some(node) = self.output(document).map(str::to_owned) else {
            let text = "No output node: add one, such as output.video.";
            ui.label(RichText::new(text).size(11.0).color(theme::FAINT));
            return None;
        };
        let read = |param: &str| reading(document, session, &node, param);
        let (level, is_black, is_frozen) =
            (read("level"), read("blackout") > 0.5, read("freeze") > 0.5);
        let mut event = self.fader(ui, &node, level);
        ui.horizontal(|ui| {
            let half = (ui.available_width() - theme::GAP) / 2.0;
            let switches = [
                (
                    "Blackout",
                    "blackout",
                    is_black,
                    theme::ERROR,
                    "Black at once; the graph runs on.",
                ),
                ("Freeze", "freeze", is_frozen, FROZEN, "Holds the picture; the graph runs on."),
            ];
            for (label, param, is_on, colour, doc) in switches {
                if switch(ui, label, doc, is_on, colour, half) {
                    event = Some(set(&node, param, !is_on));
                }
            }
        });
        ui.horizontal(|ui| {
            self.record(ui, document, session);
            strobe_mark(ui, read("strobe_limit") > 0.5);
        });
        event
    }

    /// The fader: drag, wheel or arrow keys; a double click gives it back to the patch.
    fn fader(&mut self, ui: &mut Ui, node: &str, level: f64) -> Option<Event> {
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::click_and_drag());
        let mut wanted = None;
        if let Some(pos) = response.interact_pointer_pos().filter(|_| response.dragged()) {
            wanted = Some(f64::from(((pos.x - rect.left()) / rect.width()).clamp(0.0, 1.0)));
        }
        if response.clicked() {
            response.request_focus();
        }
        if response.has_focus() {
            for (key, by) in [(egui::Key::ArrowLeft, -0.05), (egui::Key::ArrowRight, 0.05)] {
                if ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, key)) {
                    wanted = Some((level + by).clamp(0.0, 1.0));
                }
            }
        }
        self.held = if response.dragged() { wanted.or(self.held) } else { None };
        let shown = self.held.or(wanted).unwrap_or(level).clamp(0.0, 1.0);
        draw_fader(ui, rect, shown as f32, response.hovered() || response.has_focus());
        response.widget_info(|| WidgetInfo::slider(true, shown, "Master"));
        let is_freed = response.double_clicked();
        response
            .on_hover_text("Master fader: the picture's light. Double-click: as the patch says.");
        if is_freed {
            return Some(Event::Free { target: format!("{node}.level") });
        }
        wanted.map(|value| set(node, "level", ParamValue::Float(value)))
    }

    fn record(&mut self, ui: &mut Ui, document: &Document, session: Option<&Session>) {
        let figures = session.and_then(Session::recording);
        let doc = match (&figures, session) {
            (Some(figures), _) => match &figures.error {
                Some(why) => format!("{}: {why}", figures.name),
                None => format!("Records to {}. Click to end it.", figures.name),
            },
            (None, Some(_)) if document.path().is_some() => {
                "Records what is shown and heard, beside the patch.".into()
            }
            (None, Some(_)) => "Records what is shown and heard, among your videos.".into(),
            (None, None) => "Nothing runs that could be recorded.".into(),
        };
        let (side, is_on) = (22.0, Some(figures.is_some()));
        let rect = ui.allocate_space(vec2(side, side)).1;
        let mut child = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        if session.is_none() {
            child.disable();
        }
        if icon::button(&mut child, Icon::Record, "Record", &doc, side, is_on).clicked() {
            let path = made_folder(document).join(format!("{}.mkv", document.name()));
            let start = Recording::Start(path);
            self.recording = Some(if figures.is_some() { Recording::Stop } else { start });
        }
        if let Some(figures) = figures {
            let secs = figures.num_frames as f64 / document.graph().clock().fps.hz();
            ui.label(RichText::new(time::length(secs)).size(11.0).color(theme::ERROR));
        }
    }
}

/// Frozen.
const FROZEN: Color32 = Color32::from_rgb(0x56, 0xb4, 0xe9);

/// A switch that cannot be overlooked when it is on; whether it was pressed.
fn switch(ui: &mut Ui, label: &str, doc: &str, is_on: bool, colour: Color32, width: f32) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(width, 22.0), Sense::click());
    let visuals = ui.style().interact(&response);
    let (fill, text) = match is_on {
        true => (colour, theme::BACKGROUND),
        false => (visuals.weak_bg_fill, theme::TEXT),
    };
    let stroke =
        if response.has_focus() { Stroke::new(1.0, theme::ACCENT) } else { visuals.bg_stroke };
    ui.painter().rect(rect, theme::ROUNDING, fill, stroke, StrokeKind::Inside);
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, label, theme::body(), text);
    response.widget_info(|| WidgetInfo::selected(accesskit::Role::Button, true, is_on, label));
    response.on_hover_text(doc).clicked()
}

fn draw_fader(ui: &Ui, rect: Rect, level: f32, is_hot: bool) {
    let painter = ui.painter();
    painter.rect_filled(rect, theme::ROUNDING, theme::BACKGROUND);
    let filled =
        Rect::from_min_max(rect.min, pos2(rect.left() + level * rect.width(), rect.bottom()));
    let colour = if level < 1.0 { theme::WARNING.gamma_multiply(0.45) } else { theme::HOVERED };
    painter.rect_filled(filled, theme::ROUNDING, colour);
    let x = (rect.left() + level * rect.width()).min(rect.right() - 1.5).max(rect.left() + 1.5);
    let handle = if is_hot { theme::ACCENT } else { theme::TEXT };
    painter.vline(x, rect.y_range(), Stroke::new(3.0, handle));
    let left = rect.left_center() + vec2(8.0, 0.0);
    painter.text(left, egui::Align2::LEFT_CENTER, "Master", theme::body(), theme::TEXT);
    let right = rect.right_center() - vec2(8.0, 0.0);
    let text = format!("{:.0} %", level * 100.0);
    painter.text(right, egui::Align2::RIGHT_CENTER, text, theme::body(), theme::TEXT);
}

fn strobe_mark(ui: &mut Ui, is_limited: bool) {
    let (text, colour, doc) = match is_limited {
        true => ("Strobe limit on", theme::FAINT, "Flashes are held to three in any second."),
        false => (
            "Strobe limit off",
            theme::WARNING,
            "Flashes are not limited, which can give viewers seizures: see the output node.",
        ),
    };
    ui.label(RichText::new(text).size(11.0).color(colour)).on_hover_text(doc);
}
