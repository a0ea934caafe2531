//! Finds nodes of the patch and actions; lists the keys; says what this is.

mod about;
mod commands;
mod nodes;
mod shortcuts;
#[cfg(test)]
mod tests;
mod wires;

use egui::vec2;
use egui::{
    Align2, Area, Color32, Frame, Id, Margin, Modal, Order, Sense, Stroke, Ui, UiKind, Vec2,
};

use crate::cx::Cx;
use crate::theme;

const LIST_SIZE: Vec2 = vec2(520.0, 440.0);

/// What can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The nodes of the patch.
    Nodes,
    /// What the selected node could be wired to.
    Wires,
    /// The actions.
    Commands,
    /// All keys, and what the mouse does.
    Shortcuts,
    /// What this is.
    About,
}

/// Finds nodes of the patch and actions; lists the keys; says what this is.
#[derive(Default)]
pub struct Finder {
    open: Option<Open>,
}

enum Open {
    Nodes(nodes::Nodes),
    Wires(wires::Wires),
    Commands(commands::Commands),
    Shortcuts,
    About,
}

impl Finder {
    /// Opens one of its windows in place of the one before.
    pub fn open(&mut self, view: View) {
        self.open = Some(match view {
            View::Nodes => Open::Nodes(nodes::Nodes::default()),
            View::Wires => Open::Wires(wires::Wires::default()),
            View::Commands => Open::Commands(commands::Commands::default()),
            View::Shortcuts => Open::Shortcuts,
            View::About => Open::About,
        });
    }

    /// Whether one is open, so that keys are its own.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Draws what is open.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let stays = match &mut self.open {
            None => return,
            Some(Open::Nodes(nodes)) => list(ui, "find", |ui| nodes.show(ui, cx)),
            Some(Open::Wires(wires)) => list(ui, "wires", |ui| wires.show(ui, cx)),
            Some(Open::Commands(commands)) => list(ui, "commands", |ui| commands.show(ui, cx)),
            Some(Open::Shortcuts) => dialog(ui, "shortcuts", shortcuts::show),
            Some(Open::About) => dialog(ui, "about", about::show),
        };
        if !stays {
            self.open = None;
        }
    }
}

/// A search field with a list, near the upper edge so that the canvas stays in view.
fn list(ui: &Ui, name: &str, content: impl FnOnce(&mut Ui) -> bool) -> bool {
    let screen = ui.ctx().content_rect().size() - Vec2::splat(24.0);
    let size = LIST_SIZE.min(screen);
    let area = area(name).anchor(Align2::CENTER_TOP, vec2(0.0, 44.0_f32.min(screen.y / 10.0)));
    let modal = modal(ui, name, 8).area(area).backdrop_color(Color32::TRANSPARENT);
    let modal = modal.show(ui.ctx(), |ui| {
        ui.set_width(size.x);
        ui.set_max_height(size.y);
        content(ui)
    });
    modal.inner && !modal.should_close()
}

/// Something to read.
fn dialog(ui: &Ui, name: &str, content: impl FnOnce(&mut Ui)) -> bool {
    let area = area(name).anchor(Align2::CENTER_CENTER, Vec2::ZERO);
    let modal = modal(ui, name, 18).area(area).backdrop_color(Color32::from_black_alpha(110));
    !modal.show(ui.ctx(), content).should_close()
}

fn area(name: &str) -> Area {
    Area::new(Id::unique(("finder", name)))
        .kind(UiKind::Modal)
        .sense(Sense::hover())
        .order(Order::Foreground)
}

fn modal(ui: &Ui, name: &str, margin: i8) -> Modal {
    let frame = Frame::new()
        .fill(theme::PANEL)
        .stroke(Stroke::new(1.0, theme::LINE))
        .corner_radius(8)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin::same(margin));
    Modal::new(Id::unique(("finder", name))).frame(frame)
}
