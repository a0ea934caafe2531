//! A number on a slider: dragged, stepped, or typed.

use egui::accesskit::Action;
use egui::{
    Align2, Color32, CursorIcon, Event, EventFilter, Id, Key, Modifiers, Rect, Response, Sense,
    Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::hand::{Drag, Hand};
use super::number::Measure;
use super::scale::Scale;
use crate::theme;

/// How much finer a drag with Shift is.
const FINE: f64 = 0.1;
/// Height of the slider's groove.
const GROOVE: f32 = 14.0;

/// A number, and how it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Dial<'a> {
    /// What it is called.
    pub label: &'a str,
    /// In what it is shown and typed.
    pub measure: Measure,
    /// What places mean.
    pub scale: Scale,
    /// The value that is set.
    pub value: f64,
    /// Where it goes back to.
    pub default: f64,
    /// What it is now, with all that moves it.
    pub live: Option<f64>,
    /// Whether several have different values; `value` is then the first's.
    pub is_mixed: bool,
    /// Whether a drag counts only at its end, since every change costs.
    pub is_late: bool,
}

/// What was done to a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// It is to be this, as part of a drag if there is a gesture.
    To(f64, Option<u64>),
    /// It is to be the default.
    Reset,
}

impl Dial<'_> {
    /// Draws the slider into `rail` and the number into `value`.
    pub fn show(
        &self,
        ui: &mut Ui,
        hand: &mut Hand,
        id: Id,
        rail: Rect,
        value: Rect,
    ) -> Option<Turn> {
        let rect = rail.union(value);
        if hand.is_typing(id) {
            let parse = |text: &str| match text.trim() == self.measure.exact(self.value) {
                true => Ok(None),
                false => self.measure.parse(text).map(Some),
            };
            let typed = hand.type_in(ui, id, rect, self.label, parse)?;
            return typed.map(|v| Turn::To(v, None));
        }
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let response = response.on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
        let turn = self.drag(ui, hand, &response, rail).or_else(|| self.keys(ui, hand, &response));
        if response.double_clicked() {
            hand.begin(id, self.measure.exact(self.value), true);
        } else if response.clicked() {
            response.request_focus();
        }
        let shown = match (turn, hand.drag.filter(|drag| drag.id == id)) {
            (Some(Turn::To(v, _)), _) => v,
            (_, Some(drag)) => drag.value,
            _ => self.value,
        };
        response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), shown, self.label));
        self.tell_reader(ui, id);
        self.paint(ui, &response, rail, value, shown);
        turn
    }

    fn drag(&self, ui: &Ui, hand: &mut Hand, response: &Response, rail: Rect) -> Option<Turn> {
        if response.drag_started() {
            let place = self.scale.place(self.value);
            let limits = (place.min(0.0), place.max(1.0));
            let gesture = hand.new_gesture();
            hand.drag = Some(Drag { id: response.id, place, limits, value: self.value, gesture });
        }
        let drag = hand.drag.as_mut().filter(|drag| drag.id == response.id)?;
        let (from, gesture) = (drag.value, drag.gesture);
        if response.dragged() {
            // A drag begins some points after the press; those count too.
            let began = response.drag_started().then(|| response.total_drag_delta()).flatten();
            let points = began.unwrap_or(response.drag_delta()).x;
            let modifiers = ui.input(|i| i.modifiers);
            let speed = if modifiers.shift { FINE } else { 1.0 } / f64::from(rail.width().max(1.0));
            let place = drag.place + f64::from(points) * speed;
            drag.place = place.clamp(drag.limits.0, drag.limits.1);
            if points != 0.0 {
                let v = self.scale.value(drag.place);
                let is_coarse = modifiers.command || modifiers.ctrl;
                drag.value = if is_coarse {
                    self.scale.snap(v)
                } else {
                    self.scale.tidy(v, modifiers.shift)
                };
            }
        }
        let (now, is_over) = (drag.value, response.drag_stopped());
        if is_over {
            hand.drag = None;
        }
        let is_told = if self.is_late { is_over && now != self.value } else { now != from };
        is_told.then_some(Turn::To(now, (!self.is_late).then_some(gesture)))
    }

    fn keys(&self, ui: &Ui, hand: &mut Hand, response: &Response) -> Option<Turn> {
        let asked = |action| ui.input(|i| i.num_accesskit_action_requests(response.id, action));
        let mut steps = asked(Action::Increment) as f64 - asked(Action::Decrement) as f64;
        if response.has_focus() {
            let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
            // Taken, so that the window's own keys do not mean the node.
            let take = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
            if take(Key::Enter) {
                hand.begin(response.id, self.measure.exact(self.value), true);
            } else if let Some(text) = typed_digit(ui) {
                hand.begin(response.id, text, false);
            }
            if take(Key::Delete) || take(Key::Backspace) {
                return Some(Turn::Reset);
            }
            let (left, right, size) = ui.input(|i| {
                let size = if i.modifiers.shift { FINE } else { 1.0 };
                let size = if i.modifiers.command { 10.0 } else { size };
                (i.num_presses(Key::ArrowLeft), i.num_presses(Key::ArrowRight), size)
            });
            steps += (right as f64 - left as f64) * size;
        }
        (steps != 0.0).then(|| Turn::To(self.scale.step(self.value, steps), None))
    }

    fn tell_reader(&self, ui: &Ui, id: Id) {
        let (low, high) = (self.scale.value(0.0), self.scale.value(1.0));
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_min_numeric_value(low);
            node.set_max_numeric_value(high);
            node.add_action(Action::Increment);
            node.add_action(Action::Decrement);
        });
    }

    fn paint(&self, ui: &Ui, response: &Response, rail: Rect, value: Rect, shown: f64) {
        if !ui.is_rect_visible(response.rect) {
            return;
        }
        let groove = Rect::from_center_size(rail.center(), vec2(rail.width(), GROOVE));
        let is_hot = response.hovered() || response.dragged() || response.has_focus();
        self.paint_groove(ui, groove, shown, is_hot);
        if response.has_focus() {
            let stroke = Stroke::new(1.0, theme::ACCENT.gamma_multiply(0.7));
            ui.painter().rect_stroke(groove, 4.0, stroke, StrokeKind::Outside);
        }
        if self.is_mixed {
            let at = value.right_center();
            ui.painter().text(at, Align2::RIGHT_CENTER, "mixed", theme::small(), theme::FAINT);
        } else {
            paint_number(ui, value, self.measure, shown);
        }
    }

    fn paint_groove(&self, ui: &Ui, groove: Rect, shown: f64, is_hot: bool) {
        let painter = ui.painter();
        painter.rect_filled(groove, 4.0, theme::BACKGROUND);
        let inner = groove.shrink2(vec2(2.0, 2.0));
        let x_of = |v: f64| {
            let place = self.scale.place(v).clamp(0.0, 1.0) as f32;
            inner.left() + place * inner.width()
        };
        if shown != self.default || self.is_mixed {
            let tick = groove.bottom() - 3.0..=groove.bottom();
            let stroke = Stroke::new(1.5, theme::FAINT.gamma_multiply(0.8));
            painter.vline(x_of(self.default), tick, stroke);
        }
        if self.is_mixed {
            return;
        }
        let zero = x_of(0.0);
        let (x, is_changed) = (x_of(shown), shown != self.default);
        let fill = if is_changed { theme::ACCENT } else { theme::FAINT };
        let fill = fill.gamma_multiply(if is_hot { 0.55 } else { 0.38 });
        let bar = Rect::from_x_y_ranges(zero.min(x)..=zero.max(x), inner.y_range());
        painter.rect_filled(bar, 2.5, fill);
        let handle = if is_changed { theme::ACCENT } else { theme::TEXT.gamma_multiply(0.75) };
        let at = pos2(x.min(inner.right() - 1.0).max(inner.left() + 1.0), inner.center().y);
        painter.rect_filled(Rect::from_center_size(at, vec2(2.5, inner.height())), 1.0, handle);
        if let Some(live) = self.live.map(x_of).filter(|live| (live - x).abs() > 0.5) {
            paint_live(ui, groove, live);
        }
    }
}

/// A mark where the value is now: a wedge from above and a fine line.
fn paint_live(ui: &Ui, groove: Rect, x: f32) {
    let top = groove.top();
    let stroke = Stroke::new(1.0, theme::TEXT.gamma_multiply(0.8));
    ui.painter().vline(x, groove.y_range(), stroke);
    let wedge = vec![pos2(x - 3.0, top - 2.0), pos2(x + 3.0, top - 2.0), pos2(x, top + 2.5)];
    ui.painter().add(Shape::convex_polygon(wedge, theme::TEXT, Stroke::NONE));
}

/// The number from the right, its unit fainter.
fn paint_number(ui: &Ui, rect: Rect, measure: Measure, v: f64) {
    let painter = ui.painter().with_clip_rect(rect.expand(1.0).intersect(ui.clip_rect()));
    let (digits, symbol) = measure.parts(v);
    let mut right = rect.right_center();
    if !symbol.is_empty() {
        let unit = painter.layout_no_wrap(symbol.to_owned(), theme::small(), theme::FAINT);
        let size = unit.size();
        painter.galley(right - vec2(size.x, size.y / 2.0 - 0.5), unit, Color32::PLACEHOLDER);
        right.x -= size.x + if symbol == "°" { 0.5 } else { 3.0 };
    }
    painter.text(right, Align2::RIGHT_CENTER, digits, theme::body(), theme::TEXT);
}

/// The digit, sign or point that begins to be typed over a number.
fn typed_digit(ui: &Ui) -> Option<String> {
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "-.".contains(c));
    ui.input(|i| {
        i.events.iter().find_map(|event| match event {
            Event::Text(text) if begins(text) => Some(text.clone()),
            _ => None,
        })
    })
}
