//! From keys to actions.

use egui::{Context, Event, FocusDirection, Key, KeyboardShortcut};

use crate::command::Action;

/// What the keys of this frame ask for. Keys without Ctrl mean nothing while a field or a button has
/// the focus, which takes them itself; while something is asked over the window, no key does.
pub fn pressed(ctx: &Context, is_asking: bool) -> Vec<Action> {
    if is_asking {
        return Vec::new();
    }
    let is_typing = ctx.text_edit_focused();
    let has_focus = is_typing || ctx.memory(|m| m.focused().is_some());
    let mut actions = Vec::new();
    ctx.input_mut(|input| {
        for action in Action::ALL {
            let Some(shortcut) = action.shortcut() else { continue };
            let is_plain = !shortcut.modifiers.command;
            let is_of_text =
                matches!(action, Action::Undo | Action::Redo | Action::SelectAll | Action::Delete);
            let is_function = matches!(shortcut.logical_key, Key::F1 | Key::F2 | Key::F11);
            if (is_plain && has_focus && !is_function) || (is_typing && is_of_text) {
                continue;
            }
            let is_it = |event: &Event| is_press(event, &shortcut);
            if input.events.iter().any(is_it) {
                input.events.retain(|event| !is_it(event));
                actions.push(*action);
            }
        }
        if !is_typing {
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
