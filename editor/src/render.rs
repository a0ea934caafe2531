//! The render dialog.

use egui::Ui;

use crate::cx::Cx;

/// The render dialog.
#[derive(Default)]
pub struct Render {}

impl Render {
    /// Opens it.
    pub fn open(&mut self) {}

    /// Renders to this file.
    pub fn set_target(&mut self, _path: std::path::PathBuf) {}

    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
