//! From keys to actions.

use egui::{Context, Event, FocusDirection, Key, KeyboardShortcut};

use crate::command::{Action, Menu};

/// What takes keys before the window's own do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Focus {
    /// A field is typed in.
    pub is_typing: bool,
    /// A field, slider or button has the focus.
    pub has_focus: bool,
    /// Something is asked over the window, or a menu is open.
    pub is_asking: bool,
}

impl Focus {
    /// What takes keys now.
    pub fn now(ctx: &Context, is_asking: bool) -> Self {
        let is_typing = ctx.text_edit_focused();
        let has_focus = is_typing || ctx.memory(|m| m.focused().is_some());
        Self { is_typing, has_focus, is_asking: is_asking || egui::Popup::is_any_open(ctx) }
    }

    /// What takes keys now or did before: Escape and Enter end it before anybody else sees them.
    pub fn or(self, before: Self) -> Self {
        Self {
            is_typing: self.is_typing || before.is_typing,
            has_focus: self.has_focus || before.has_focus,
            is_asking: self.is_asking || before.is_asking,
        }
    }

    fn lets_pass(self, action: Action) -> bool {
        let Some(shortcut) = action.shortcut() else { return false };
        let is_function = matches!(shortcut.logical_key, Key::F1 | Key::F2 | Key::F11);
        let is_of_window =
            action.menu() == Menu::File || matches!(action, Action::Find | Action::CommandPalette);
        match self {
            Self { is_asking: true, .. } => false,
            Self { is_typing: true, .. } => is_function || is_of_window,
            Self { has_focus: true, .. } => is_function || shortcut.modifiers.command,
            _ => true,
        }
    }
}

/// What the keys of this frame ask for.
pub fn pressed(ctx: &Context, focus: Focus) -> Vec<Action> {
    let mut actions = Vec::new();
    ctx.input_mut(|input| {
        for action in Action::ALL {
            let Some(shortcut) = action.shortcut() else { continue };
            if !focus.lets_pass(*action) {
                continue;
            }
            let is_it = |event: &Event| is_press(event, &shortcut);
            if input.events.iter().any(is_it) {
                input.events.retain(|event| !is_it(event));
                actions.push(*action);
            }
        }
        if !focus.is_typing && !focus.is_asking {
            // Systems have their own keys for these, and egui tells what was meant.
            actions.extend(input.events.iter().filter_map(|event| match event {
                Event::Copy => Some(Action::Copy),
                Event::Cut => Some(Action::Cut),
                _ => None,
            }));
        }
    });
    actions
}

fn is_press(event: &Event, shortcut: &KeyboardShortcut) -> bool {
    match event {
        Event::Key { key, pressed: true, modifiers, repeat, .. } => {
            let is_step = matches!(shortcut.logical_key, Key::Z | Key::Comma | Key::Period);
            *key == shortcut.logical_key
                && modifiers.matches_exact(shortcut.modifiers)
                && (!*repeat || is_step)
        }
        _ => false,
    }
}

/// Tab adds a node where nothing has the focus: it is not to move the focus as well.
pub fn keep_tab(ctx: &Context) {
    let is_free = ctx.memory(|m| m.focused().is_none());
    let is_tab = |event: &Event| matches!(event, Event::Key { key: Key::Tab, pressed: true, modifiers, .. } if modifiers.is_none());
    if is_free && ctx.input(|input| input.events.iter().any(is_tab)) {
        ctx.memory_mut(|m| m.move_focus(FocusDirection::None));
    }
}

/// The text that was pasted in this frame.
pub fn pasted(ctx: &Context) -> Option<String> {
    if ctx.text_edit_focused() {
        return None;
    }
    ctx.input(|input| {
        input.events.iter().find_map(|event| match event {
            Event::Paste(text) => Some(text.clone()),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_to_who_has_the_focus() {
        let free = Focus::default();
        let slider = Focus { has_focus: true, ..free };
        let field = Focus { is_typing: true, ..slider };
        let asking = Focus { is_asking: true, ..free };
        let passes = |action| [free, slider, field, asking].map(|focus| focus.lets_pass(action));
        // Plain keys, those with Ctrl, those that text has a meaning for, and those of the window.
        assert_eq!(passes(Action::Delete), [true, false, false, false]);
        assert_eq!(passes(Action::LeaveGroup), [true, false, false, false]);
        assert_eq!(passes(Action::Group), [true, true, false, false]);
        assert_eq!(passes(Action::Undo), [true, true, false, false]);
        assert_eq!(passes(Action::AlignLeft), [true, true, false, false]);
        assert_eq!(passes(Action::Save), [true, true, true, false]);
        assert_eq!(passes(Action::OutputFullscreen), [true, true, true, false]);
        assert_eq!(slider.or(asking), Focus { has_focus: true, is_asking: true, is_typing: false });
    }
}
