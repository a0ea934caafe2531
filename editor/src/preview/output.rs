//! The picture: in its panel, and in a window of its own.

use egui::Ui;

use crate::cx::Cx;

/// The picture: in its panel, and in a window of its own.
#[derive(Default)]
pub struct Output {}

impl Output {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
