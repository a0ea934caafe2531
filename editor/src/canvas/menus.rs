//! Menus on the canvas.

use egui::{Button, Frame, Id, Key, Order, Pos2, ScrollArea, Ui};
use lumawire_core::WireEnds;

use super::Canvas;
use super::wiring::{self, Candidate, End};
use crate::command::Action;
use crate::cx::Cx;
use crate::theme;

/// What the right button on a node offers.
const OF_NODES: &[&[Action]] = &[
    &[Action::Cut, Action::Copy, Action::Duplicate, Action::Delete],
    &[Action::Rename, Action::Bypass, Action::Mute, Action::Solo, Action::Collapse],
    &[Action::Group, Action::Ungroup, Action::EnterGroup, Action::Frame],
    &[Action::AlignLeft, Action::AlignTop, Action::DistributeAcross, Action::DistributeDown],
];

/// The menus' state.
#[derive(Debug, Default)]
pub struct Menus {
    /// Where the background's menu was opened, on the canvas.
    pub at: Option<Pos2>,
    port: Option<PortMenu>,
}

/// Asks where a wire that was dropped on a node is to end.
#[derive(Debug, Clone)]
struct PortMenu {
    at: Pos2,
    end: End,
    node: String,
    candidates: Vec<Candidate>,
    in_place_of: Option<WireEnds>,
    is_new: bool,
}

impl Menus {
    /// Asks which port is meant.
    pub fn ask_port(
        &mut self,
        at: Pos2,
        end: End,
        node: String,
        candidates: Vec<Candidate>,
        in_place_of: Option<WireEnds>,
    ) {
        self.port = Some(PortMenu { at, end, node, candidates, in_place_of, is_new: true });
    }
}

/// Buttons for actions, with their keys.
pub fn actions(ui: &mut Ui, cx: &mut Cx<'_>, list: &[Action]) {
    for action in list {
        let mut button = Button::new(action.label());
        if let Some(shortcut) = action.shortcut() {
            button = button.shortcut_text(ui.ctx().format_shortcut(&shortcut));
        }
        if ui.add(button).on_hover_text(action.doc()).clicked() {
            cx.act(*action);
            ui.close();
        }
    }
}

/// The menu of the selected nodes.
pub fn item_menu(ui: &mut Ui, cx: &mut Cx<'_>) {
    for (i, list) in OF_NODES.iter().enumerate() {
        if i > 0 {
            ui.separator();
        }
        actions(ui, cx, list);
    }
}

impl Canvas {
    pub(super) fn show_menus(&mut self, ui: &Ui, cx: &mut Cx<'_>) {
        let Some(menu) = self.menus.port.take() else { return };
        let mut chosen = None;
        let area = egui::Area::new(Id::unique("port menu")).order(Order::Foreground);
        let area = area.fixed_pos(menu.at).constrain_to(self.camera.area).show(ui.ctx(), |ui| {
            Frame::menu(ui.style()).show(ui, |ui| {
                ui.set_max_width(240.0);
                ui.label(egui::RichText::new("Wire to").small().color(theme::FAINT));
                ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
                    let mut was_param = false;
                    for candidate in &menu.candidates {
                        if candidate.is_param && !was_param {
                            ui.separator();
                            was_param = true;
                        }
                        let text = if candidate.is_taken {
                            format!("{}  (wired)", candidate.label)
                        } else {
                            candidate.label.clone()
                        };
                        let button = ui.add(Button::new(text).min_size(egui::vec2(220.0, 0.0)));
                        if button.on_hover_text(candidate.doc).clicked() {
                            chosen = Some(candidate.port.clone());
                        }
                    }
                });
            });
        });
        if let Some(port) = chosen {
            wiring::connect(cx, wiring::ends(&menu.end, &menu.node, &port), menu.in_place_of);
            return;
        }
        let is_elsewhere = ui.input(|i| i.pointer.any_pressed())
            && !area.response.contains_pointer()
            && !menu.is_new;
        if !ui.input(|i| i.key_pressed(Key::Escape)) && !is_elsewhere {
            self.menus.port = Some(PortMenu { is_new: false, ..menu });
        }
    }
}
