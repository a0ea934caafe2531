//! All keys by menu, and what the mouse does on the canvas.

use egui::{Frame, Margin, RichText, ScrollArea, Stroke, Ui};

use crate::canvas::gestures::GESTURES;
use crate::command::{Action, Menu};
use crate::theme;

/// The menus of each column; the mouse has one of its own.
const COLUMNS: [&[Menu]; 3] =
    [&[Menu::File, Menu::Edit], &[Menu::Node], &[Menu::View, Menu::Show, Menu::Help]];
const COLUMN_PX: f32 = 250.0;

pub(super) fn show(ui: &mut Ui) {
    let screen = ui.ctx().content_rect().size() - egui::Vec2::splat(72.0);
    ui.set_width(screen.x.min(COLUMN_PX * (COLUMNS.len() + 1) as f32));
    ui.label(RichText::new("Keys and gestures").size(18.0));
    ui.add_space(4.0);
    ScrollArea::both().max_height(screen.y - 60.0).min_scrolled_height(screen.y - 60.0).show(
        ui,
        |ui| {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing = egui::vec2(20.0, 3.0);
                ui.spacing_mut().interact_size.y = 17.0;
                for menus in COLUMNS {
                    column(ui, |ui| menus.iter().for_each(|menu| keys_of(ui, *menu)));
                }
                column(ui, mouse);
            });
        },
    );
}

fn column(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    ui.vertical(|ui| {
        ui.set_width(COLUMN_PX - 24.0);
        content(ui);
    });
}

fn keys_of(ui: &mut Ui, menu: Menu) {
    heading(ui, menu.label());
    for action in Action::ALL.iter().filter(|action| action.menu() == menu) {
        if let Some(keys) = action.shortcut() {
            let keys = ui.ctx().format_shortcut(&keys);
            ui.horizontal(|ui| {
                ui.label(RichText::new(action.label()).font(theme::small()))
                    .on_hover_text(action.doc());
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    cap(ui, &keys)
                });
            });
        }
    }
    ui.add_space(8.0);
}

fn mouse(ui: &mut Ui) {
    heading(ui, "Mouse");
    for (gesture, what) in GESTURES {
        ui.label(RichText::new(*gesture).font(theme::small()));
        ui.label(RichText::new(*what).font(theme::small()).color(theme::FAINT));
        ui.add_space(2.0);
    }
}

fn heading(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).color(theme::ACCENT));
}

/// Keys as on their caps.
fn cap(ui: &mut Ui, keys: &str) {
    Frame::new()
        .fill(theme::RAISED)
        .stroke(Stroke::new(1.0, theme::LINE))
        .corner_radius(4)
        .inner_margin(Margin::symmetric(5, 0))
        .show(ui, |ui| ui.label(RichText::new(keys).font(theme::small())));
}
