//! The palette: every kind of node, found by typing.

use egui::Ui;

use crate::cx::Cx;

/// The palette: every kind of node, found by typing.
#[derive(Default)]
pub struct Palette {}

impl Palette {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
