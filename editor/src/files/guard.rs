//! Nothing unsaved is lost: what would close the patch waits for an answer.

use egui::{Context, Id, Key, Modal, RichText};

use crate::command::{Action, Command};
use crate::theme;

/// Where a command that closes the patch stands.
#[derive(Debug, Default)]
pub enum Guard {
    /// Nothing waits.
    #[default]
    Idle,
    /// The person is asked.
    Asking(Command),
    /// The patch is being saved, then this goes on.
    Saving(Command),
    /// The next command passes unasked.
    Open,
}

/// What the person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Save it, then go on.
    Save,
    /// Go on without.
    Discard,
    /// Stay.
    Cancel,
}

impl Guard {
    /// Whether a command that closes the patch may be done now, where something would be lost by it
    /// only after the person was asked. If not it is kept, and asked again once the person has decided.
    pub fn admit(&mut self, command: &Command, is_asked: bool) -> bool {
        let is_open = matches!(self, Self::Open);
        *self = Self::Idle;
        if is_open || !is_asked {
            return true;
        }
        *self = Self::Asking(command.clone());
        false
    }

    /// Lets the next command pass.
    pub fn open(&mut self) {
        *self = Self::Open;
    }

    /// Takes the answer; gives what is to be done.
    pub fn answer(&mut self, answer: Answer) -> Option<Command> {
        let Self::Asking(command) = self.take_if(|guard| matches!(guard, Self::Asking(_))) else {
            return None;
        };
        match answer {
            Answer::Save => {
                *self = Self::Saving(command);
                Some(Command::Do(Action::Save))
            }
            Answer::Discard => {
                *self = Self::Open;
                Some(command)
            }
            Answer::Cancel => None,
        }
    }

    /// To be called once a frame: gives what waited for the save, once the patch is saved. A save
    /// that failed, or a file that was not chosen after all, ends the waiting.
    pub fn go_on(&mut self, is_dirty: bool, is_choosing: bool) -> Option<Command> {
        let Self::Saving(command) = self.take_if(|guard| matches!(guard, Self::Saving(_))) else {
            return None;
        };
        if !is_dirty {
            return Some(command);
        }
        if is_choosing {
            *self = Self::Saving(command);
        }
        None
    }

    fn take_if(&mut self, is_it: impl Fn(&Self) -> bool) -> Self {
        if is_it(self) { std::mem::take(self) } else { Self::Idle }
    }

    /// Draws the question, if there is one; gives what is to be done.
    pub fn show(&mut self, ctx: &Context, stakes: &Stakes) -> Option<Command> {
        if !matches!(self, Self::Asking(_)) {
            return None;
        }
        if !stakes.is_dirty {
            return ask_renders(ctx).and_then(|answer| self.answer(answer));
        }
        let mut answer = None;
        let is_quit = matches!(self, Self::Asking(Command::Do(Action::Quit)));
        let frame = super::look::dialog();
        let modal = Modal::new(Id::unique("unsaved")).frame(frame).show(ctx, |ui| {
            ui.set_width(380.0);
            ui.label(RichText::new(format!("Save “{}” first?", stakes.name)).heading());
            ui.label(RichText::new("It has changes that are in no file yet.").color(theme::FAINT));
            if stakes.is_rendering && is_quit {
                ui.label(RichText::new(RENDERS_END).color(theme::WARNING));
            }
            ui.add_space(2.0 * theme::GAP);
            ui.horizontal(|ui| {
                if ui.button("Don't save").on_hover_text("Loses the changes (D)").clicked() {
                    answer = Some(Answer::Discard);
                }
                let right = egui::Layout::right_to_left(egui::Align::Center);
                ui.with_layout(right, |ui| {
                    if super::look::main_button(ui, "Save", true).clicked() {
                        answer = Some(Answer::Save);
                    }
                    if ui.button("Cancel").on_hover_text("Goes back to the patch (Esc)").clicked() {
                        answer = Some(Answer::Cancel);
                    }
                });
            });
            let key = |key| ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, key));
            if ui.memory(|m| m.focused().is_none()) {
                if key(Key::Enter) || key(Key::S) {
                    answer = Some(Answer::Save);
                } else if key(Key::D) {
                    answer = Some(Answer::Discard);
                }
            }
        });
        if modal.should_close() {
            answer = Some(Answer::Cancel);
        }
        answer.and_then(|answer| self.answer(answer))
    }
}

/// What closing would take.
#[derive(Debug)]
pub struct Stakes {
    /// What the patch is called.
    pub name: String,
    /// Whether it has unsaved changes.
    pub is_dirty: bool,
    /// Whether renders run, which end with the program.
    pub is_rendering: bool,
}

const RENDERS_END: &str = "Renders still run. They end with the window, and leave no file.";

/// Asks whether to close the window while renders run.
fn ask_renders(ctx: &Context) -> Option<Answer> {
    let mut answer = None;
    let frame = super::look::dialog();
    let modal = Modal::new(Id::unique("renders run")).frame(frame).show(ctx, |ui| {
        ui.set_width(380.0);
        ui.label(RichText::new("Close and end the renders?").heading());
        ui.label(RichText::new(RENDERS_END).color(theme::FAINT));
        ui.add_space(2.0 * theme::GAP);
        ui.horizontal(|ui| {
            if ui.button("Close anyway").clicked() {
                answer = Some(Answer::Discard);
            }
            let right = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(right, |ui| {
                if super::look::main_button(ui, "Keep rendering", true).clicked() {
                    answer = Some(Answer::Cancel);
                }
            });
        });
    });
    if modal.should_close() {
        answer = Some(Answer::Cancel);
    }
    answer
}

/// What a save does that would overwrite what another program has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // their names say it
pub enum Conflict {
    Replace,
    SaveAs,
    Cancel,
}

/// Asks what to do with a file that has become another since it was read or written.
pub fn ask_conflict(ctx: &Context, name: &str) -> Option<Conflict> {
    let mut answer = None;
    let frame = super::look::dialog();
    let modal = Modal::new(Id::unique("save conflict")).frame(frame).show(ctx, |ui| {
        ui.set_width(420.0);
        ui.label(RichText::new(format!("Replace “{name}”?")).heading());
        let text = "Another program has changed the file since it was opened or saved.";
        ui.label(RichText::new(text).color(theme::FAINT));
        ui.add_space(2.0 * theme::GAP);
        ui.horizontal(|ui| {
            let replace = RichText::new("Replace").color(theme::WARNING);
            if ui.button(replace).on_hover_text("Loses what the other has written").clicked() {
                answer = Some(Conflict::Replace);
            }
            let right = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(right, |ui| {
                if super::look::main_button(ui, "Save as…", true).clicked() {
                    answer = Some(Conflict::SaveAs);
                }
                if ui.button("Cancel").clicked() {
                    answer = Some(Conflict::Cancel);
                }
            });
        });
    });
    if modal.should_close() {
        answer = Some(Conflict::Cancel);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quit() -> Command {
        Command::Do(Action::Quit)
    }

    fn is_quit(command: Option<Command>) -> bool {
        matches!(command, Some(Command::Do(Action::Quit)))
    }

    #[test]
    fn a_clean_patch_closes_unasked() {
        assert!(Guard::default().admit(&quit(), false));
    }

    #[test]
    fn unsaved_changes_are_discarded_only_when_told() {
        let mut guard = Guard::default();
        assert!(!guard.admit(&quit(), true));
        // Frames go by until the person answers, and until the command comes again.
        assert!(guard.go_on(true, false).is_none());
        assert!(is_quit(guard.answer(Answer::Discard)));
        assert!(guard.go_on(true, false).is_none());
        assert!(guard.admit(&quit(), true));
        // Only once.
        assert!(!guard.admit(&quit(), true));
        assert!(guard.answer(Answer::Cancel).is_none());
        assert!(guard.go_on(false, false).is_none());
        assert!(!guard.admit(&quit(), true));
    }

    #[test]
    fn what_waited_goes_on_after_the_save() {
        let mut guard = Guard::default();
        guard.admit(&quit(), true);
        assert!(matches!(guard.answer(Answer::Save), Some(Command::Do(Action::Save))));
        // While the person still chooses a file.
        assert!(guard.go_on(true, true).is_none());
        assert!(is_quit(guard.go_on(false, false)));
        assert!(guard.admit(&quit(), false));
        assert!(guard.go_on(false, false).is_none());
    }

    #[test]
    fn a_save_that_fails_closes_nothing_later() {
        let mut guard = Guard::default();
        guard.admit(&quit(), true);
        guard.answer(Answer::Save);
        assert!(guard.go_on(true, false).is_none());
        // Saved by hand, much later.
        assert!(guard.go_on(false, false).is_none());
    }
}
