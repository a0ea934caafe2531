//! What this is, and whose fonts it shows.

use egui::{RichText, Ui};

use crate::theme;

/// The fonts, and their licences.
const FONTS: &[(&str, &str)] = &[
    ("Inter", "© The Inter Project Authors, SIL Open Font License 1.1"),
    ("Ubuntu Light", "© Canonical Ltd., Ubuntu Font Licence 1.0"),
    ("Hack", "© Source Foundry Authors, MIT; Bitstream Vera License"),
    ("Emoji icon font", "© John Slegers, MIT"),
];

pub(super) fn show(ui: &mut Ui) {
    ui.set_width(420.0);
    ui.label(RichText::new("Lumawire").size(26.0).color(theme::ACCENT));
    let version = concat!("Version ", env!("CARGO_PKG_VERSION"));
    ui.label(RichText::new(version).color(theme::FAINT));
    ui.add_space(6.0);
    ui.label("Wires sound to neural imagery by a graph of nodes. One patch plays live and renders offline with the same maths.");
    ui.add_space(6.0);
    ui.label(concat!("Licence: ", env!("CARGO_PKG_LICENSE")));
    ui.add_space(10.0);
    ui.label(RichText::new("Fonts").color(theme::FAINT));
    egui::Grid::new("fonts").spacing([16.0, 4.0]).show(ui, |ui| {
        for (font, licence) in FONTS {
            ui.label(RichText::new(*font).font(theme::small()));
            ui.label(RichText::new(*licence).font(theme::small()).color(theme::FAINT));
            ui.end_row();
        }
    });
    ui.add_space(10.0);
    if ui.button("Close").clicked() {
        ui.close();
    }
}
