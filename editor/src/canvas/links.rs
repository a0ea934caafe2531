//! Wires: how they are drawn, and which is meant.

use egui::{Id, Painter, Rect, Response, Stroke, StrokeKind, Ui, vec2};
use lumawire_runtime::probe::Seen;

use super::{Canvas, curve, paint};
use crate::cx::Cx;
use crate::preview::{activity, face_height, hover_text};
use crate::theme;

/// How near a wire must be to be meant, in points of the screen.
const NEAR: f32 = 7.0;

/// Width of what is shown of the wire under the pointer.
const FACE_WIDTH: f32 = 200.0;
/// Tells that from the faces of nodes, whose ids have no space.
const WIRE_FACE: &str = "wire under pointer";
/// Below this zoom wires are straight.
const STRAIGHT: f32 = 0.2;

impl Canvas {
    pub(super) fn wire_under_pointer(&self, ui: &Ui, background: &Response) -> Option<usize> {
        let at = background.hover_pos().filter(|_| self.drag.is_none())?;
        let on_canvas = self.camera.canvas(at);
        let near = NEAR / self.camera.scale;
        if ui.ctx().any_popup_open() {
            return None;
        }
        let candidates = self.scene.links.iter().zip(&self.curves).enumerate();
        let close = candidates.filter_map(|(i, (link, curve))| {
            let bounds = curve::bounds(link.from, &link.bends, link.to).expand(near);
            let distance = bounds.contains(on_canvas).then(|| curve::distance(curve, on_canvas))?;
            (distance < near).then_some((i, distance))
        });
        close.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
    }

    pub(super) fn show_links(&self, painter: &Painter, cx: &Cx<'_>, hovered: Option<usize>) {
        let seen = self.camera.seen();
        let scale = self.camera.scale;
        let detached = self.detached();
        for (i, (link, curve)) in self.scene.links.iter().zip(&self.curves).enumerate() {
            let is_hidden = detached == Some(&link.ends);
            if is_hidden || !curve::bounds(link.from, &link.bends, link.to).intersects(seen) {
                continue;
            }
            let lively = cx.seen(&link.ends.from, &link.ends.output).map_or(0.0, activity);
            let is_meant = hovered == Some(i) || self.wire.as_ref() == Some(&link.ends);
            let colour = match (link.is_wrong, self.wire.as_ref() == Some(&link.ends)) {
                (true, _) => theme::ERROR,
                (_, true) => theme::ACCENT,
                _ => link.ty.map_or(theme::FAINT, theme::port_colour),
            };
            let glow = if is_meant { 1.0 } else { 0.5 + 0.5 * lively };
            let base = if link.is_modulation { 1.4 } else { 2.2 };
            let width = (base + 1.2 * lively + if is_meant { 1.0 } else { 0.0 }) * scale.sqrt();
            let stroke = Stroke::new(width.max(0.75), colour.gamma_multiply(glow));
            if self.camera.scale < STRAIGHT {
                let ends = [self.camera.screen(link.from), self.camera.screen(link.to)];
                painter.line_segment(ends, stroke);
                continue;
            }
            let points = curve.iter().map(|p| self.camera.screen(*p)).collect();
            paint::wire(painter, points, stroke, link.is_modulation);
            if link.conversion.is_some() {
                let middle = self.camera.screen(curve[curve.len() / 2]);
                paint::conversion(painter, middle, scale);
            }
            for bend in &link.bends {
                painter.circle_filled(self.camera.screen(*bend), 3.5 * scale.max(0.7), colour);
            }
        }
    }

    /// What runs along the wire under the pointer.
    pub(super) fn tell_of_wire(&mut self, painter: &Painter, cx: &Cx<'_>, i: usize) {
        let link = &self.scene.links[i];
        let seen = cx.seen(&link.ends.from, &link.ends.output).unwrap_or(&Seen::Nothing);
        let Some(at) = self.pointer.map(|at| self.camera.screen(at)) else { return };
        let mut text = link.ends.to_string();
        let spec = cx.spec(&link.ends.from);
        if let Some(port) = spec.and_then(|s| s.outputs.get(s.output(&link.ends.output)?)) {
            text.push('\n');
            text.push_str(&hover_text(seen, port));
        }
        if let Some(conversion) = link.conversion {
            text.push_str(&format!("\nconverted: {}", conversion.doc));
        }
        let galley = painter.layout(text, theme::small(), theme::TEXT, 320.0);
        // A scope, a spectrum, a picture: as on a node's face.
        let face = link.ty.map_or(0.0, |ty| face_height(ty, FACE_WIDTH));
        let room = if face > 0.0 { vec2(FACE_WIDTH, face + 6.0) } else { vec2(0.0, 0.0) };
        let text_size = galley.size();
        let size = vec2(text_size.x.max(room.x) + 16.0, text_size.y + room.y + 10.0);
        let rect = Rect::from_min_size(at + vec2(14.0, 14.0), size);
        let mut painter = painter.clone();
        painter.set_layer_id(egui::LayerId::new(egui::Order::Tooltip, Id::unique("wire")));
        painter.rect(rect, 4.0, theme::PANEL, Stroke::new(1.0, theme::LINE), StrokeKind::Inside);
        painter.galley(rect.min + vec2(8.0, 5.0), galley, theme::TEXT);
        if let Some(ty) = link.ty.filter(|_| face > 0.0) {
            let corner = rect.min + vec2(8.0, text_size.y + 9.0);
            let well = Rect::from_min_size(corner, vec2(size.x - 16.0, face));
            self.faces.paint(&painter, well, WIRE_FACE, ty, seen);
        }
    }
}
