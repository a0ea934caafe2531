//! The command palette: every action, found by typing.

use egui::{Align2, Rect, Response, RichText, Ui, pos2, vec2};

use crate::chooser::{self, Asked, Chooser, marked};
use crate::command::{Action, Command};
use crate::cx::Cx;
use crate::fuzzy::{Field, Query};
use crate::{menu, theme};

const ROW_PX: f32 = 40.0;

/// The actions that were found.
pub(super) struct Commands {
    chooser: Chooser,
    found: Vec<(Action, Vec<usize>)>,
}

impl Default for Commands {
    fn default() -> Self {
        Self { chooser: Chooser::default(), found: find("") }
    }
}

impl Commands {
    /// Draws it; whether it stays open.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) -> bool {
        let asked = self.chooser.keys(ui, self.found.len());
        if self.chooser.field(ui, "Find a command", "What shall be done") {
            self.found = find(&self.chooser.query);
        }
        let found = &self.found;
        if found.is_empty() {
            ui.add_space(12.0);
            ui.label(RichText::new("No command is called so.").color(theme::FAINT));
            return true;
        }
        let is_empty = self.chooser.query.trim().is_empty();
        let menu = |i: usize| found[i].0.menu();
        let head =
            |i: usize| (is_empty && (i == 0 || menu(i - 1) != menu(i))).then(|| menu(i).label());
        let draw = |ui: &mut Ui, i: usize, rect: Rect, is_at: bool| {
            let (action, marks) = &found[i];
            row(ui, i, rect, is_at, (*action, marks), cx)
        };
        let clicked = self.chooser.list(ui, (found.len(), ROW_PX), &head, draw);
        let row = match asked {
            Asked::Take | Asked::TakeAndStay => self.chooser.at(found.len()),
            Asked::Nothing | Asked::Move => clicked,
        };
        let action = row.map(|row| found[row].0).filter(|action| menu::is_possible(*action, cx));
        let Some(action) = action else { return true };
        cx.commands.push(Command::Do(action));
        asked == Asked::TakeAndStay
    }
}

/// The actions that a query finds, with the characters of the label that it found.
fn find(query: &str) -> Vec<(Action, Vec<usize>)> {
    let query = Query::new(query);
    let mut ranked: Vec<(i32, Action, Vec<usize>)> = Action::ALL
        .iter()
        .filter(|action| **action != Action::CommandPalette)
        .filter_map(|action| {
            let menu = action.menu().label();
            let fields =
                [Field::Name(action.label()), Field::Prose(menu), Field::Prose(action.doc())];
            let mut rank = query.rank(&fields)?;
            Some((rank.score, *action, rank.marks.swap_remove(0)))
        })
        .collect();
    // Stable, so that equals stay in the order of the menus.
    ranked.sort_by_key(|(score, ..)| -score);
    ranked.into_iter().map(|(_, action, marks)| (action, marks)).collect()
}

fn row(
    ui: &Ui,
    salt: usize,
    rect: Rect,
    is_at: bool,
    (action, marks): (Action, &[usize]),
    cx: &Cx<'_>,
) -> Response {
    let response = chooser::row(ui, rect, salt, is_at, action.label());
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let is_possible = menu::is_possible(action, cx);
    let dim = |colour: egui::Color32| if is_possible { colour } else { colour.gamma_multiply(0.5) };
    let left = rect.left() + 12.0;
    let mut right = rect.right() - 10.0;
    if let Some(keys) = action.shortcut() {
        let keys = ui.ctx().format_shortcut(&keys);
        let at = pos2(right, rect.center().y);
        let drawn = painter.text(at, Align2::RIGHT_CENTER, keys, theme::small(), dim(theme::FAINT));
        right = drawn.left() - 12.0;
    }
    let label = menu::label(action, cx);
    let label = marked(&label, marks, (theme::body(), dim(theme::TEXT)), right - left);
    painter.galley(rect.min + vec2(12.0, 5.0), painter.layout_job(label), theme::TEXT);
    let doc = marked(action.doc(), &[], (theme::small(), dim(theme::FAINT)), right - left);
    painter.galley(rect.min + vec2(12.0, 22.0), painter.layout_job(doc), theme::FAINT);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_its_action_first() {
        for action in Action::ALL.iter().filter(|a| **a != Action::CommandPalette) {
            assert_eq!(find(action.label())[0].0, *action);
        }
        assert!(find("qqq").is_empty());
    }
}
