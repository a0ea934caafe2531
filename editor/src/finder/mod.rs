//! Finds nodes of the patch and actions; lists the keys.

use egui::Ui;

use crate::cx::Cx;

/// Finds nodes of the patch and actions; lists the keys.
#[derive(Default)]
pub struct Finder {}

impl Finder {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
