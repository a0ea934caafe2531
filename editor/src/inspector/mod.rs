//! The inspector: everything about the selected node, built from its spec.

use egui::Ui;

use crate::cx::Cx;

/// The inspector: everything about the selected node, built from its spec.
#[derive(Default)]
pub struct Inspector {}

impl Inspector {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
