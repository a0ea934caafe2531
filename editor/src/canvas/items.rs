//! Nodes, groups and their ports: how they are drawn, and what is done to them.

use egui::accesskit::Role;
use egui::{Align2, Id, Painter, PointerButton, Rect, Response, Sense, Ui, WidgetInfo, vec2};
use lumawire_core::PortType;
use lumawire_runtime::probe::Seen;

use super::gesture::Drag;
use super::paint::Marks;
use super::scene::{Item, PORT, PortView, Scene, What};
use super::{Canvas, paint, wiring};
use crate::cx::Cx;
use crate::preview::hover_text;
use crate::problems;
use crate::theme;

/// What the pointer is over.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// A port that a dragged wire may end at: node, port, whether it is an output.
    pub port: Option<(String, String, bool)>,
}

impl Canvas {
    /// Draws the items and takes what is done to them.
    pub(super) fn show_items(
        &mut self,
        ui: &Ui,
        painter: &Painter,
        cx: &mut Cx<'_>,
        id: Id,
    ) -> Touched {
        let seen = self.camera.seen().expand(PORT * 2.0);
        let is_far = self.camera.is_far();
        let frame_ms = 1e3 / cx.document.graph().clock().fps.hz();
        let mut touched = Touched::default();
        self.watched.clear();
        // Taken out so that methods may borrow the rest.
        let scene = std::mem::take(&mut self.scene);
        for i in self.drawing_order(&scene) {
            let item = &scene.items[i];
            self.watch(item, seen);
            if !item.rect.expand(PORT).intersects(seen) {
                continue;
            }
            let rect = self.camera.screen_rect(item.rect);
            let response =
                ui.interact(rect, id.with(("item", &item.id, i)), Sense::click_and_drag());
            response
                .widget_info(|| WidgetInfo::labeled(Role::GenericContainer, true, name_of(item)));
            let error = problems::of_node(cx, &item.id);
            let marks = Marks {
                is_selected: item.what != What::Beyond && cx.selection.contains(&item.id),
                has_error: error.is_some(),
                is_solo: self.solo.as_ref().is_some_and(|(node, _)| *node == item.id),
                load: cx
                    .readings
                    .loads
                    .get(&item.id)
                    .map_or(0.0, |l| (l.frame_ms / frame_ms) as f32),
                is_dim: self.is_dim(cx, item),
            };
            paint::item(painter, &self.camera, item, marks);
            if let Some((face, port)) = item.face {
                let nothing = Seen::Nothing;
                let value = cx.seen(&item.id, port.id).unwrap_or(&nothing);
                let face = self.camera.screen_rect(face);
                self.faces.paint(painter, face, &item.id, port.ty, value);
            }
            self.show_promoted(painter, cx, item);
            self.take_item(ui, cx, item, &response, error.as_deref());
            if !is_far {
                self.show_ports(ui, painter, cx, item, response.id, &mut touched);
            }
        }
        self.scene = scene;
        touched
    }

    /// Lower items first.
    pub(super) fn drawing_order(&self, scene: &Scene) -> Vec<usize> {
        let mut order: Vec<usize> = (0..scene.items.len()).collect();
        if !self.raised.is_empty() {
            let rank = |i: &usize| {
                let id = &scene.items[*i].id;
                self.raised.iter().position(|r| r == id).map_or(0, |at| at + 1)
            };
            order.sort_by_key(rank);
        }
        order
    }

    pub(super) fn watch(&mut self, item: &Item, seen: Rect) {
        let is_seen = item.rect.intersects(seen);
        for port in &item.outputs {
            let is_picture = port.ty == Some(PortType::Image);
            let is_shown = is_seen && item.face.is_some_and(|(_, shown)| shown.id == port.port);
            if is_shown || !is_picture {
                self.watched.push((port.node.clone(), port.port.clone()));
            }
        }
    }

    /// While a wire is dragged, what takes it nowhere steps back.
    pub(super) fn is_dim(&self, cx: &Cx<'_>, item: &Item) -> bool {
        let Some(Drag::Wire { end, .. }) = &self.drag else { return false };
        let Some(spec) = item.spec else {
            let ports = if end.is_output { &item.inputs } else { &item.outputs };
            return !ports
                .iter()
                .any(|p| wiring::accepts(end, &p.node, &p.port, !end.is_output, p.ty));
        };
        item.id == end.node
            || wiring::candidates(cx.document.graph(), spec, &item.id, end).is_empty()
    }

    pub(super) fn show_ports(
        &mut self,
        ui: &Ui,
        painter: &Painter,
        cx: &mut Cx<'_>,
        item: &Item,
        id: Id,
        touched: &mut Touched,
    ) {
        for (ports, is_output) in [(&item.inputs, false), (&item.outputs, true)] {
            for port in ports {
                let at = self.camera.screen(port.at);
                let side = (16.0 * self.camera.scale).max(10.0);
                let rect = Rect::from_center_size(at, vec2(side, side));
                let response = ui.interact(
                    rect,
                    id.with((is_output, &port.node, &port.port)),
                    Sense::click_and_drag(),
                );
                response.widget_info(|| {
                    let way = if is_output { "out" } else { "in" };
                    let name = format!("{way} {}.{}", port.node, port.port);
                    WidgetInfo::labeled(Role::GenericContainer, true, name)
                });
                let fits = match &self.drag {
                    Some(Drag::Wire { end, .. }) => {
                        Some(wiring::accepts(end, &port.node, &port.port, is_output, port.ty))
                    }
                    _ => None,
                };
                let is_under = response.contains_pointer();
                let glow = match fits {
                    Some(false) => -1.0,
                    Some(true) if is_under => 1.0,
                    _ if is_under => 0.7,
                    _ => 0.0,
                };
                let is_wired = is_wired(cx, port, is_output);
                paint::port(painter, &self.camera, port, is_wired, glow);
                if is_under && fits != Some(false) {
                    touched.port = Some((port.node.clone(), port.port.clone(), is_output));
                }
                if response.drag_started_by(PointerButton::Primary) {
                    self.begin_wire(cx, port, is_output);
                }
                if fits.is_none() {
                    self.tell_of_port(response, cx, port, is_output);
                }
            }
        }
    }

    pub(super) fn tell_of_port(
        &self,
        response: Response,
        cx: &Cx<'_>,
        port: &PortView,
        is_output: bool,
    ) {
        if !response.hovered() {
            return;
        }
        let spec = cx.spec(&port.node);
        let ports = spec.map_or(&[][..], |s| if is_output { s.outputs } else { s.inputs });
        let declared = ports.iter().find(|p| p.id == port.port);
        let param = spec.and_then(|s| s.params.iter().find(|p| p.id == port.port)).map(|p| p.doc);
        let doc = declared.map(|p| p.doc).or(param).unwrap_or_default();
        let ty = port.ty.map_or("unknown", |ty| ty.name());
        let mut text = format!("{} ({ty})\n{doc}", port.label);
        if let (true, Some(declared)) = (is_output, declared) {
            let seen = cx.seen(&port.node, &port.port).unwrap_or(&Seen::Nothing);
            text.push('\n');
            text.push_str(&hover_text(seen, declared));
        }
        response.on_hover_text(text);
    }

    pub(super) fn show_promoted(&self, painter: &Painter, cx: &Cx<'_>, item: &Item) {
        let Some(size) = paint::text_size(11.0, &self.camera) else { return };
        for (target, rect) in &item.promoted {
            let rect = self.camera.screen_rect(*rect);
            let Some((node, param)) = target.split_once('.') else { continue };
            let spec = cx.spec(node).and_then(|s| s.params.iter().find(|p| p.id == param));
            let label = spec.map_or(param, |p| p.label);
            let reading = cx.session.and_then(|s| s.board()).and_then(|b| b.reading(node, param));
            painter.rect_filled(rect.shrink(1.0), 3.0, theme::BACKGROUND);
            let name = paint::line(painter, label, size, theme::FAINT, rect.width() * 0.6);
            paint::text(painter, rect.left_center() + vec2(6.0, 0.0), Align2::LEFT_CENTER, name);
            if let Some(value) = reading.and_then(|r| r.value) {
                let value =
                    paint::line(painter, &format!("{value:.3}"), size, theme::TEXT, rect.width());
                paint::text(
                    painter,
                    rect.right_center() - vec2(6.0, 0.0),
                    Align2::RIGHT_CENTER,
                    value,
                );
            }
        }
    }
}

fn is_wired(cx: &Cx<'_>, port: &PortView, is_output: bool) -> bool {
    cx.document.graph().wires_of(&port.node).any(|wire| {
        let (node, name) = if is_output {
            (&wire.ends.from, &wire.ends.output)
        } else {
            (&wire.ends.to, &wire.ends.port)
        };
        (node, name) == (&port.node, &port.port)
    })
}

fn name_of(item: &Item) -> String {
    match item.what {
        What::Node => format!("node {}", item.id),
        What::Group => format!("group {}", item.id),
        What::Beyond => format!("beyond {}", item.id),
    }
}
