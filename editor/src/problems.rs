//! What is wrong, in a list that jumps there.

use egui::Ui;

use crate::cx::Cx;

/// What is wrong, in a list that jumps there.
#[derive(Default)]
pub struct Problems {}

impl Problems {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
