//! The menu bar, and which actions are possible now.

use std::borrow::Cow;

use egui::{Align, Align2, Button, Layout, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use crate::command::{Action, Menu};
use crate::cx::Cx;
use crate::theme;

/// The actions above which a menu has a line.
const BREAKS: &[Action] = &[
    Action::Save,
    Action::Render,
    Action::Quit,
    Action::Cut,
    Action::SelectAll,
    Action::Rename,
    Action::Group,
    Action::Frame,
    Action::AlignLeft,
    Action::Arrange,
    Action::Minimap,
    Action::Inspector,
    Action::OutputWindow,
    Action::Blackout,
    Action::NextCue,
    Action::About,
];

const MENU_PX: f32 = 240.0;

/// Whether an action makes sense now: what menus, the command palette and keys go by.
pub fn is_possible(action: Action, cx: &Cx<'_>) -> bool {
    let graph = cx.document.graph();
    let num_selected = cx.selection.len();
    let has_group = || cx.selection.iter().any(|id| graph.group(id).is_some());
    let history = cx.document.history();
    match action {
        Action::Undo => history.undo_label().is_some(),
        Action::Redo => history.redo_label().is_some(),
        Action::Save => cx.document.is_dirty() || cx.document.path().is_none(),
        Action::Render => cx.document.faults().is_empty(),
        Action::SelectAll | Action::Find | Action::ZoomToFit => graph.num_nodes() > 0,
        Action::Arrange => graph.num_nodes() > 1,
        Action::Cut
        | Action::Copy
        | Action::Duplicate
        | Action::Delete
        | Action::Bypass
        | Action::Mute
        | Action::Collapse
        | Action::Group
        | Action::Frame
        | Action::ZoomToSelection => num_selected > 0,
        Action::Rename | Action::Solo => num_selected == 1,
        Action::Ungroup => has_group(),
        Action::EnterGroup => num_selected == 1 && has_group(),
        Action::AlignLeft | Action::AlignTop => num_selected > 1,
        Action::DistributeAcross | Action::DistributeDown => num_selected > 2,
        Action::PlayPause | Action::Rewind | Action::Back | Action::Forward | Action::Loop => {
            cx.session.is_some_and(|session| session.deck().is_some())
        }
        Action::Blackout | Action::Freeze => cx.session.is_some(),
        Action::NextCue => cx.session.is_some() && graph.cues().is_some(),
        _ => true,
    }
}

/// What a menu calls an action now: undo and redo say what of.
pub fn label(action: Action, cx: &Cx<'_>) -> Cow<'static, str> {
    let history = cx.document.history();
    let of = match action {
        Action::Undo => history.undo_label(),
        Action::Redo => history.redo_label(),
        _ => None,
    };
    match of {
        Some(of) => format!("{} {of}", action.label()).into(),
        None => action.label().into(),
    }
}

/// The menu bar.
#[derive(Default)]
pub struct MenuBar {}

impl MenuBar {
    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        egui::MenuBar::new().ui(ui, |ui| {
            let bar = ui.max_rect();
            for menu in Menu::ALL {
                ui.menu_button(menu.label(), |ui| items(ui, *menu, cx));
            }
            let left = ui.cursor().left();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                quick(ui, Action::OutputWindow, "Output", cx);
                quick(ui, Action::Render, "Render", cx);
                let room = bar.with_min_x(left).with_max_x(ui.min_rect().left());
                name(ui, room.shrink2(vec2(12.0, 0.0)), bar.center().x, cx);
            });
        });
    }
}

fn items(ui: &mut Ui, menu: Menu, cx: &mut Cx<'_>) {
    ui.set_min_width(MENU_PX);
    ui.spacing_mut().item_spacing.y = 2.0;
    for action in Action::ALL.iter().copied().filter(|a| a.menu() == menu) {
        if BREAKS.contains(&action) {
            ui.separator();
        }
        let keys = action.shortcut().map(|keys| ui.ctx().format_shortcut(&keys));
        let button = Button::new(label(action, cx)).shortcut_text(keys.unwrap_or_default());
        let item = ui.add_enabled(is_possible(action, cx), button);
        if item.on_hover_text(action.doc()).clicked() {
            cx.act(action);
            ui.close();
        }
    }
}

fn quick(ui: &mut Ui, action: Action, text: &str, cx: &mut Cx<'_>) {
    let keys = action.shortcut().map(|keys| ui.ctx().format_shortcut(&keys));
    let doc = format!("{} {}", action.doc(), keys.unwrap_or_default());
    let button = ui.add_enabled(is_possible(action, cx), Button::new(text).fill(theme::RAISED));
    if button.on_hover_text(doc).clicked() {
        cx.act(action);
    }
}

/// The patch's name in the middle of the window, or as near as there is room, with a dot where it
/// is not saved.
fn name(ui: &Ui, room: Rect, middle: f32, cx: &Cx<'_>) {
    let name = cx.document.name();
    let galley = ui.painter().layout_no_wrap(name.clone(), theme::body(), theme::TEXT);
    let size = galley.size();
    if size.x + 14.0 > room.width() {
        return;
    }
    let left = (middle - size.x / 2.0).clamp(room.left(), room.right() - size.x - 14.0);
    let rect = Align2::LEFT_CENTER.anchor_size(egui::pos2(left, room.center().y), size);
    ui.painter().galley(rect.min, galley, theme::TEXT);
    let is_dirty = cx.document.is_dirty();
    if is_dirty {
        let at = rect.right_center() + vec2(10.0, 0.0);
        ui.painter().circle_filled(at, 3.5, theme::ACCENT);
    }
    let response = ui.interact(rect, ui.scope_id().with("name"), Sense::hover());
    let state = if is_dirty { ", not saved" } else { "" };
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name}{state}")));
    let path = cx.document.path().map(|path| path.display().to_string());
    response.on_hover_text(path.unwrap_or_else(|| "It has no file yet.".into()));
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};
    use lumawire_core::Edit;
    use lumawire_core::graph::Group;

    use super::*;
    use crate::command::Command;
    use crate::testing::{Scene, graph, window};

    type Window = Harness<'static, (MenuBar, Scene)>;

    fn open(scene: Scene, menu: &str) -> Window {
        let mut window = window(MenuBar::default(), scene, |bar, ui, cx| bar.show(ui, cx));
        window.run();
        window.get_by_label(menu).click();
        window.run();
        window
    }

    fn is_enabled(window: &Window, label: &str) -> bool {
        !window.get_by_label_contains(label).accesskit_node().is_disabled()
    }

    fn scene() -> Scene {
        Scene::new(graph(&["a: control.smooth", "b: control.smooth"], &[]))
    }

    #[test]
    fn what_makes_no_sense_is_disabled() {
        let window = open(scene(), "Edit");
        assert!(["Undo", "Redo", "Cut", "Delete"].iter().all(|l| !is_enabled(&window, l)));
        assert!(is_enabled(&window, "Select all"));
        let mut chosen = scene();
        chosen.selection.insert("a".into());
        let window = open(chosen, "Edit");
        assert!(["Cut", "Delete"].iter().all(|l| is_enabled(&window, l)));
    }

    #[test]
    fn undo_says_of_what() {
        let mut scene = scene();
        scene.document.apply(Edit::RemoveNode { id: "a".into() }, "delete Smooth", None).unwrap();
        let mut window = open(scene, "Edit");
        assert!(is_enabled(&window, "Undo delete Smooth"));
        window.get_by_label_contains("Undo delete Smooth").click();
        window.run();
        let scene = &mut window.state_mut().1;
        assert!(matches!(scene.commands[..], [Command::Do(Action::Undo)]));
        scene.document.undo().unwrap();
        let window = open(scene_of(window), "Edit");
        assert!(is_enabled(&window, "Redo delete Smooth"));
    }

    fn scene_of(window: Window) -> Scene {
        window.into_state().1
    }

    #[test]
    fn what_is_possible_follows_the_selection() {
        let mut scene = scene();
        let mut possible = |num: usize| {
            scene.selection = ["a", "b", "c"].iter().take(num).map(ToString::to_string).collect();
            let cx = scene.cx();
            let actions =
                [Action::Delete, Action::Rename, Action::AlignTop, Action::DistributeDown];
            actions.map(|action| is_possible(action, &cx))
        };
        assert_eq!(possible(0), [false, false, false, false]);
        assert_eq!(possible(1), [true, true, false, false]);
        assert_eq!(possible(2), [true, false, true, false]);
        assert_eq!(possible(3), [true, false, true, true]);
    }

    #[test]
    fn only_groups_are_entered_and_taken_apart() {
        let mut scene = scene();
        let edit = Edit::SetGroup { id: "g".into(), group: Some(Group::default()) };
        scene.document.apply(edit, "group", None).unwrap();
        let mut possible = |id: &str| {
            scene.selection = [id.to_owned()].into();
            let cx = scene.cx();
            [Action::Ungroup, Action::EnterGroup].map(|action| is_possible(action, &cx))
        };
        assert_eq!(possible("a"), [false, false]);
        assert_eq!(possible("g"), [true, true]);
    }

    #[test]
    fn every_action_is_in_a_menu_and_the_bar_names_the_patch() {
        for menu in Menu::ALL {
            let window = open(scene(), menu.label());
            window.get_by_label("untitled");
            for action in Action::ALL.iter().filter(|a| a.menu() == *menu) {
                let mut items = window.get_all_by_label_contains(action.label());
                assert!(items.next().is_some(), "{action:?}");
            }
        }
        let mut scene = scene();
        scene.document.apply(Edit::SetSeed(7), "set the seed", None).unwrap();
        open(scene, "File").get_by_label("untitled, not saved");
    }
}
