//! The engine bar: frames, times, latency, device.

use egui::Ui;

use crate::cx::Cx;

/// The engine bar: frames, times, latency, device.
#[derive(Default)]
pub struct EngineBar {}

impl EngineBar {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
