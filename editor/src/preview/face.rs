//! The picture or curve on a node's face.

use egui::{Painter, Rect};
use lumawire_core::{NodeSpec, PortType};
use lumawire_runtime::probe::Seen;

/// Height of what a node shows of its first output, in points at 100 %, on a face that is
/// `width` wide; 0 for nothing.
pub fn face_height(spec: &NodeSpec, width: f32) -> f32 {
    match spec.outputs.first().map(|port| port.ty) {
        Some(PortType::Image) => width * 9.0 / 16.0,
        Some(PortType::Model | PortType::Bends | PortType::Noise) | None => 0.0,
        Some(_) => 36.0,
    }
}

/// Draws faces, and keeps the textures of their pictures.
#[derive(Default)]
pub struct Face {}

impl Face {
    /// Draws what the first output of `node` carries into `rect`.
    pub fn paint(
        &mut self,
        _painter: &Painter,
        _rect: Rect,
        _node: &str,
        _spec: &NodeSpec,
        _seen: &Seen,
    ) {
    }
}
