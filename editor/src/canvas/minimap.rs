//! The small map in the corner: everything, and what of it is seen.

use std::collections::BTreeSet;

use egui::{Rect, Sense, Stroke, StrokeKind, Ui, vec2};

use super::camera::Camera;
use super::scene::Scene;
use crate::theme;

/// Its size.
const SIZE: egui::Vec2 = vec2(176.0, 112.0);

/// Draws it, and goes where it is clicked.
pub fn show(ui: &Ui, scene: &Scene, camera: &mut Camera, selection: &BTreeSet<String>) {
    let area = camera.area;
    let Some(bounds) = scene.bounds() else { return };
    // All is in view: there is nothing to find.
    if camera.seen().contains_rect(bounds) || area.width() < 3.0 * SIZE.x {
        return;
    }
    let map = Rect::from_min_size(area.max - SIZE - vec2(12.0, 12.0), SIZE);
    let whole = bounds.union(camera.seen());
    let scale = (SIZE.x / whole.width()).min(SIZE.y / whole.height());
    let place = |at: egui::Pos2| map.center() + (at - whole.center()) * scale;
    let painter = ui.painter_at(map);
    painter.rect_filled(map, 4.0, theme::BACKGROUND.gamma_multiply(0.88));
    for item in &scene.items {
        let rect = Rect::from_min_max(place(item.rect.min), place(item.rect.max));
        let colour = if selection.contains(&item.id) {
            theme::ACCENT
        } else {
            item.colour.gamma_multiply(1.4)
        };
        painter.rect_filled(rect, 0.0, colour);
    }
    let seen = camera.seen();
    let seen = Rect::from_min_max(place(seen.min), place(seen.max));
    painter.rect_stroke(seen, 1.0, Stroke::new(1.0, theme::TEXT), StrokeKind::Inside);
    painter.rect_stroke(map, 4.0, Stroke::new(1.0, theme::LINE), StrokeKind::Inside);
    let response = ui.interact(map, ui.scope_id().with("minimap"), Sense::click_and_drag());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::accesskit::Role::GenericContainer, true, "minimap")
    });
    if let Some(at) = response.interact_pointer_pos() {
        camera.look_at(whole.center() + (at - map.center()) / scale);
    }
}
