//! A search field over a list, as palettes and finders have it: typing filters, the arrows move,
//! Enter takes.

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{
    Align2, Color32, FontId, Frame, Id, Key, Margin, Modifiers, Rect, Response, Role, ScrollArea,
    Sense, Stroke, TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::{icon, theme};

const HEAD_PX: f32 = 24.0;
/// Letters that can be typed.
const MAX_LEN: usize = 80;

/// What is typed, and which row the keys are on.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    /// What is typed.
    pub query: String,
    at: usize,
    page: usize,
    follows: bool,
}

/// What the keys asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing.
    Nothing,
    /// Moves to another row.
    Move,
    /// Takes the row and is done.
    Take,
    /// Takes the row and stays open.
    TakeAndStay,
}

impl Chooser {
    /// The row that the keys are on, of so many.
    pub fn at(&self, num_rows: usize) -> Option<usize> {
        (num_rows > 0).then(|| self.at.min(num_rows - 1))
    }

    /// Goes to a row.
    pub fn go(&mut self, row: usize) {
        (self.at, self.follows) = (row, true);
    }

    /// Takes the keys that move and choose, before the field sees them.
    pub fn keys(&mut self, ui: &Ui, num_rows: usize) -> Asked {
        let pressed = |modifiers, key| ui.input_mut(|i| i.count_and_consume_key(modifiers, key));
        let page = self.page.max(1) as isize;
        let steps =
            [(Key::ArrowDown, 1), (Key::ArrowUp, -1), (Key::PageDown, page), (Key::PageUp, -page)];
        let by: isize =
            steps.iter().map(|(key, by)| pressed(Modifiers::NONE, *key) as isize * by).sum();
        if by != 0 && num_rows > 0 {
            let last = num_rows - 1;
            // One step past an end comes in at the other; a page stops there.
            let row = match self.at.min(last).checked_add_signed(by) {
                None if by == -1 => last,
                None => 0,
                Some(row) if row > last => {
                    if by == 1 {
                        0
                    } else {
                        last
                    }
                }
                Some(row) => row,
            };
            self.go(row);
            return Asked::Move;
        }
        if pressed(Modifiers::SHIFT, Key::Enter) > 0 {
            return Asked::TakeAndStay;
        }
        if pressed(Modifiers::NONE, Key::Enter) > 0 { Asked::Take } else { Asked::Nothing }
    }

    /// The field. Whether the text is another than before.
    pub fn field(&mut self, ui: &mut Ui, name: &str, hint: &str) -> bool {
        let frame = Frame::new()
            .fill(theme::BACKGROUND)
            .corner_radius(theme::ROUNDING)
            .stroke(Stroke::new(1.0, theme::LINE))
            .inner_margin(Margin::symmetric(8, 6));
        let field = frame.show(ui, |ui| {
            ui.horizontal(|ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(16.0, 18.0), Sense::hover());
                icon::search(ui.painter(), rect.center(), theme::FAINT);
                let field = TextEdit::singleline(&mut self.query)
                    .id(Id::unique(("chooser", name)))
                    .hint_text(hint)
                    .char_limit(MAX_LEN)
                    .lock_focus(true)
                    .frame(Frame::NONE)
                    .margin(Margin::ZERO)
                    .align(Align2::LEFT_CENTER)
                    .desired_width(f32::INFINITY);
                ui.add(field)
            })
            .inner
        });
        let field = field.inner;
        field.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::TextInput, true, name);
            info.current_text_value = Some(self.query.clone());
            info
        });
        // Whatever was clicked, what is typed goes here.
        if ui.memory(|m| m.focused()) != Some(field.id) {
            field.request_focus();
        }
        if field.changed() {
            self.go(0);
        }
        field.changed()
    }

    /// The rows, each `row_px` high, under the headings that `head` gives some of them. `draw` draws
    /// those that are seen. The row that was clicked.
    pub fn list(
        &mut self,
        ui: &mut Ui,
        (num_rows, row_px): (usize, f32),
        head: &dyn Fn(usize) -> Option<&'static str>,
        mut draw: impl FnMut(&mut Ui, usize, Rect, bool) -> Response,
    ) -> Option<usize> {
        let mut clicked = None;
        let at = self.at(num_rows);
        self.page = ((ui.available_height() / row_px) as usize).saturating_sub(1);
        let scroll = ScrollArea::vertical().auto_shrink([false, true]).animated(false);
        scroll.show_viewport(ui, |ui, seen| {
            let area = ui.max_rect();
            let moves = ui.input(|i| i.pointer.delta() != Vec2::ZERO);
            let mut y = 0.0;
            for row in 0..num_rows {
                let head = head(row);
                let top = y;
                y += if head.is_some() { HEAD_PX } else { 0.0 };
                let rect = Rect::from_min_size(
                    pos2(area.left(), area.top() + y),
                    vec2(area.width(), row_px),
                );
                y += row_px;
                if self.follows && Some(row) == at {
                    ui.scroll_to_rect(rect.with_min_y(area.top() + top), None);
                }
                if y < seen.top() || top > seen.bottom() {
                    continue;
                }
                if let Some(head) = head {
                    heading(ui, rect, head);
                }
                let response = draw(ui, row, rect, Some(row) == at);
                if response.clicked() {
                    clicked = Some(row);
                }
                if response.hovered() && moves {
                    self.at = row;
                }
            }
            ui.set_height(y);
            self.follows = false;
        });
        clicked
    }
}

fn heading(ui: &Ui, row: Rect, text: &str) {
    let at = pos2(row.left() + 8.0, row.top() - 4.0);
    ui.painter().text(at, Align2::LEFT_BOTTOM, text, theme::small(), theme::FAINT);
}

/// A row's ground and its response, under a name for those who hear it.
pub(crate) fn row(ui: &Ui, rect: Rect, salt: usize, is_at: bool, name: &str) -> Response {
    // Not by Tab: the arrows go through the rows.
    let response = ui.interact(rect, ui.scope_id().with(salt), Sense::CLICK);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_at, name));
    if is_at {
        let ground = rect.shrink2(vec2(2.0, 1.0));
        ui.painter().rect_filled(ground, theme::ROUNDING, theme::HOVERED);
    }
    response
}

/// A line of text that ends in `…` where it is wider than `width`, with some characters marked.
pub(crate) fn marked(
    text: &str,
    marks: &[usize],
    (font, colour): (FontId, Color32),
    width: f32,
) -> LayoutJob {
    let mut job = LayoutJob {
        wrap: TextWrapping { max_rows: 1, break_anywhere: true, ..TextWrapping::default() },
        ..LayoutJob::default()
    };
    job.wrap.max_width = width;
    for (i, c) in text.chars().enumerate() {
        let is_marked = marks.binary_search(&i).is_ok();
        let colour = if is_marked { theme::ACCENT } else { colour };
        // Characters of one format become one section.
        job.append(c.encode_utf8(&mut [0; 4]), 0.0, TextFormat::simple(font.clone(), colour));
    }
    job
}
