//! Opening, saving, examples, recent files, and getting back what a crash took.

use egui::Ui;

use crate::cx::Cx;

/// Opening, saving, examples, recent files, and getting back what a crash took.
#[derive(Default)]
pub struct Files {}

impl Files {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
