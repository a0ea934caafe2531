//! The transport: what is heard, where in it, and the output's master controls.

use egui::Ui;

use crate::cx::Cx;

/// The transport: what is heard, where in it, and the output's master controls.
#[derive(Default)]
pub struct Transport {}

impl Transport {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
