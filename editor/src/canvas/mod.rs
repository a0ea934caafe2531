//! The canvas: nodes and wires of the document, as a person sees and patches them.

pub mod gestures;

use egui::Ui;

use crate::cx::Cx;

/// The canvas: nodes and wires of the document, as a person sees and patches them.
#[derive(Default)]
pub struct Canvas {}

impl Canvas {
    /// Draws it.
    pub fn show(&mut self, _ui: &mut Ui, _cx: &mut Cx<'_>) {}
}
