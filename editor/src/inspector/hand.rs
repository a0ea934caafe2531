//! What the pointer and the keys are about: one drag, one number or text that is being typed.

use egui::{Align, Id, Key, Layout, Rect, Response, TextEdit, Ui, UiBuilder};

/// Where the inspector's gestures count from: apart from those of other panels.
const FIRST_GESTURE: u64 = 1 << 40;

/// A drag of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drag {
    /// The control.
    pub id: Id,
    /// Where it stands on the slider, before rounding.
    pub place: f64,
    /// Places that it may go to: the slider's, and where it began.
    pub limits: (f64, f64),
    /// The value that it has brought.
    pub value: f64,
    /// The same for all its edits.
    pub gesture: u64,
}

/// A text that is being typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// Why it was refused.
    pub error: Option<String>,
    /// Whether it has yet to be given the focus.
    pub is_new: bool,
    /// Whether all of it is selected then.
    pub is_selected: bool,
}

/// What a person is doing to the inspector's controls.
#[derive(Debug, Default)]
pub struct Hand {
    num_gestures: u64,
    stroke: Option<(Id, u64)>,
    /// The drag that goes on.
    pub drag: Option<Drag>,
    draft: Option<(Id, Draft)>,
    /// What was typed where another control has begun to be typed into since: its own control takes
    /// it when it is drawn next.
    left: Option<(Id, String)>,
}

impl Hand {
    /// A number for the edits of one more drag.
    pub fn new_gesture(&mut self) -> u64 {
        self.num_gestures += 1;
        FIRST_GESTURE + self.num_gestures
    }

    /// The gesture of a control that says only that it changed: the same from press to release.
    pub fn stroke(&mut self, ui: &Ui, id: Id) -> u64 {
        let is_new = ui.input(|i| i.pointer.any_pressed());
        match self.stroke {
            Some((of, gesture)) if of == id && !is_new => gesture,
            _ => {
                let gesture = self.new_gesture();
                self.stroke = Some((id, gesture));
                gesture
            }
        }
    }

    /// Whether a text is being typed into this control.
    pub fn is_typing(&self, id: Id) -> bool {
        let is_drafted = self.draft.as_ref().is_some_and(|(of, _)| *of == id);
        is_drafted || self.left.as_ref().is_some_and(|(of, _)| *of == id)
    }

    /// Puts a draft in place of the one before, whose control has yet to hear that it was left.
    fn replace(&mut self, id: Id, draft: Draft) {
        let before = self.draft.replace((id, draft)).filter(|(of, _)| *of != id);
        self.left = before.map(|(of, draft)| (of, draft.text)).or(self.left.take());
    }

    /// What was typed into this control before another one was.
    fn take_left(&mut self, id: Id) -> Option<String> {
        self.left.take_if(|(of, _)| *of == id).map(|(_, text)| text)
    }

    /// Begins to type into a control. `is_selected` lets the next key replace the text.
    pub fn begin(&mut self, id: Id, text: String, is_selected: bool) {
        self.replace(id, Draft { text, error: None, is_new: true, is_selected });
    }

    /// Types into `rect`. Gives the text once it is entered and `check` takes it; until then the
    /// reason stands beside it. Escape, and leaving with a text that is refused, end it.
    pub fn type_in<T>(
        &mut self,
        ui: &mut Ui,
        id: Id,
        rect: Rect,
        label: &str,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if let Some(text) = self.take_left(id) {
            return check(&text).ok();
        }
        let (_, draft) = self.draft.as_mut().filter(|(of, _)| *of == id)?;
        let field = id.with("text");
        let edit = TextEdit::singleline(&mut draft.text)
            .id(field)
            .desired_width(rect.width())
            .margin(egui::vec2(5.0, 2.0));
        let mut inside = inside(ui, rect, field);
        let response = inside.add_sized(rect.size(), edit).accessible_name(label);
        if std::mem::take(&mut draft.is_new) {
            response.request_focus();
            select(ui, field, &draft.text, draft.is_selected);
        }
        if let Some(error) = &draft.error {
            let stroke = egui::Stroke::new(1.0, crate::theme::ERROR);
            ui.painter().rect_stroke(rect, 4.0, stroke, egui::StrokeKind::Inside);
            response.show_tooltip_text(error.clone());
        }
        if response.changed() {
            draft.error = None;
        }
        if !is_left(ui, &response) {
            return None;
        }
        if ui.input(|i| i.key_pressed(Key::Escape)) {
            self.draft = None;
            return None;
        }
        match check(&draft.text) {
            Ok(value) => {
                self.draft = None;
                Some(value)
            }
            Err(error) if ui.input(|i| i.key_pressed(Key::Enter)) => {
                (draft.error, draft.is_new) = (Some(error), true);
                None
            }
            Err(_) => {
                self.draft = None;
                None
            }
        }
    }

    /// A field that always shows `current`, and gives what it is changed to once that is entered.
    pub fn field(
        &mut self,
        ui: &mut Ui,
        id: Id,
        label: &str,
        current: &str,
        hint: &str,
        num_rows: usize,
    ) -> Option<String> {
        let left = self.take_left(id);
        let mut text = match &mut self.draft {
            Some((of, draft)) if *of == id => std::mem::take(&mut draft.text),
            _ => left.clone().unwrap_or_else(|| current.to_owned()),
        };
        let edit = match num_rows {
            0 | 1 => TextEdit::singleline(&mut text),
            _ => TextEdit::multiline(&mut text).desired_rows(num_rows),
        };
        let edit = edit.id(id).hint_text(hint.to_owned()).desired_width(f32::INFINITY);
        let response = ui.add(edit).accessible_name(label);
        let is_over = is_left(ui, &response);
        let escaped = is_over && ui.input(|i| i.key_pressed(Key::Escape));
        if is_over {
            self.draft = self.draft.take().filter(|(of, _)| *of != id);
            return (!escaped && text != current).then_some(text);
        }
        if response.has_focus() {
            self.replace(id, Draft { text, ..Draft::default() });
        }
        left.filter(|text| text != current)
    }
}

/// Whether a text field is left: also at a press elsewhere, since that may change what is shown
/// before egui takes the focus away.
fn is_left(ui: &Ui, response: &Response) -> bool {
    let is_elsewhere = ui.input(|i| i.pointer.any_pressed()) && !response.contains_pointer();
    if response.has_focus() && is_elsewhere {
        response.surrender_focus();
        return true;
    }
    response.lost_focus()
}

/// Selects all of a text field, or puts the cursor behind it.
fn select(ui: &Ui, field: Id, text: &str, all: bool) {
    use egui::text::{CCursor, CCursorRange};
    let mut state = TextEdit::load_state(ui.ctx(), field).unwrap_or_default();
    let end = CCursor::new(text.chars().count());
    let range = if all { CCursorRange::select_all_str(text) } else { CCursorRange::one(end) };
    state.cursor.set_char_range(Some(range));
    state.store(ui.ctx(), field);
}

/// A `Ui` in a part of a row that is laid out by hand.
pub fn inside(ui: &mut Ui, rect: Rect, salt: impl egui::AsIdSalt) -> Ui {
    let layout = Layout::left_to_right(Align::Center);
    ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect).layout(layout))
}

/// Whether Enter or F2 was pressed on a control that has the focus.
pub fn is_entered(ui: &Ui, response: &Response) -> bool {
    response.has_focus() && ui.input(|i| i.key_pressed(Key::Enter) || i.key_pressed(Key::F2))
}
