//! The render dialog.

use egui::Ui;

use crate::cx::Cx;

/// The render dialog.
#[derive(Default)]
pub struct Render {}

impl Render {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
