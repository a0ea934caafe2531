//! The canvas: nodes and wires of the document, as a person sees and patches them. It keeps nothing of
//! the document but how one looks at it, and asks for edits
//! (`docs/decisions/0006-own-canvas.md`).

mod act;
mod arrange;
mod camera;
mod curve;
mod gesture;
pub mod gestures;
mod menus;
mod minimap;
mod paint;
mod scene;
#[cfg(test)]
mod tests;
pub(crate) mod wiring;

use std::collections::{BTreeMap, BTreeSet};

use egui::{
    Color32, CursorIcon, Event, Id, InputState, MouseWheelUnit, Painter, PointerButton, Pos2, Rect,
    Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, vec2,
};
use lumawire_core::WireEnds;
use lumawire_runtime::probe::{OutputId, Seen};

use crate::cx::Cx;
use crate::files::Place;
use crate::preview::{Face, activity, hover_text};
use crate::problems;
use crate::theme;
use camera::Camera;
use gesture::Drag;
use menus::Menus;
use paint::Marks;
use scene::{Item, PORT, PortView, Scene, SceneKey, What};

pub use paint::{line, port_sign};
pub use wiring::End;

/// How near a wire must be to be meant, in points of the screen.
const NEAR: f32 = 7.0;

/// How one looks at the document.
pub struct Canvas {
    scene: Scene,
    /// The points of each link, on the canvas.
    curves: Vec<Vec<Pos2>>,
    curves_key: Option<SceneKey>,
    camera: Camera,
    /// The open group, if one is.
    group: Option<String>,
    drag: Option<Drag>,
    num_gestures: u64,
    /// Items from the lowest to the topmost, as they were touched.
    raised: Vec<String>,
    wire: Option<WireEnds>,
    frame: Option<String>,
    menus: Menus,
    faces: Face,
    has_minimap: bool,
    has_faces: bool,
    solo: Option<OutputId>,
    /// What is shown when the canvas is next drawn.
    to_show: Option<Show>,
    /// Where the pointer was last, on the canvas.
    pointer: Option<Pos2>,
    watched: Vec<OutputId>,
    /// Where items stand.
    places: BTreeMap<String, Pos2>,
    /// Copies that are dragged before they are drawn, and where they begin.
    copies: Vec<(String, Pos2)>,
    renaming: Option<act::Renaming>,
    /// Whether there is a wheel: what scrolls then is no touchpad.
    has_wheel: bool,
}

/// What is brought into view.
#[derive(Debug, Clone)]
enum Show {
    All,
    Items(BTreeSet<String>),
}

impl Default for Canvas {
    fn default() -> Self {
        Self {
            scene: Scene::default(),
            curves: Vec::new(),
            curves_key: None,
            camera: Camera::default(),
            group: None,
            drag: None,
            num_gestures: 0,
            raised: Vec::new(),
            wire: None,
            frame: None,
            menus: Menus::default(),
            faces: Face::default(),
            has_minimap: true,
            has_faces: true,
            solo: None,
            to_show: Some(Show::All),
            pointer: None,
            watched: Vec::new(),
            places: BTreeMap::new(),
            copies: Vec::new(),
            renaming: None,
            has_wheel: false,
        }
    }
}

impl Canvas {
    /// Another document is open.
    pub fn forget(&mut self) {
        let (has_minimap, has_faces) = (self.has_minimap, self.has_faces);
        *self = Self { has_minimap, has_faces, ..Self::default() };
    }

    /// Says which output the preview shows in place of the patch's own.
    pub fn set_solo(&mut self, output: Option<OutputId>) {
        self.solo = output;
    }

    /// The outputs whose values are to be seen.
    pub fn watched(&self) -> &[OutputId] {
        &self.watched
    }

    /// What is under the pointer, for files that are dropped there.
    pub fn place(&self) -> Place {
        let middle = || self.camera.canvas(self.camera.area.center());
        let at = self.pointer.unwrap_or_else(middle);
        let node = self.pointer.and_then(|at| self.item_at(at));
        let node = node.filter(|item| item.what == What::Node).map(|item| item.id.clone());
        Place { node, at: scene::snapped(at).into() }
    }

    /// The selected wire.
    pub fn selected_wire(&self) -> Option<&WireEnds> {
        self.wire.as_ref()
    }

    /// The open group.
    pub fn open_group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Brings a node into view, into whatever group it is.
    pub fn reveal(&mut self, cx: &Cx<'_>, node: &str) {
        let graph = cx.document.graph();
        let group = graph.group(node).map_or(graph.group_of(node), |g| g.parent.as_deref());
        self.group = group.map(str::to_owned);
        self.to_show = Some(Show::Items([node.to_owned()].into()));
    }

    /// A number for the edits of one drag.
    fn new_gesture(&mut self) -> u64 {
        self.num_gestures += 1;
        // Apart from the numbers of other panels.
        0x0CA0_0000_0000 + self.num_gestures
    }

    /// Draws the canvas and takes what is done on it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let area = ui.available_rect_before_wrap();
        ui.allocate_rect(area, Sense::hover());
        self.camera.area = area;
        self.update(cx);
        self.look(ui);
        let id = ui.scope_id().with("canvas");
        let background = ui.interact(area, id, Sense::click_and_drag());
        background.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "canvas"));
        let pointer = ui.ctx().pointer_latest_pos();
        self.pointer = pointer.filter(|at| area.contains(*at)).map(|at| self.camera.canvas(at));
        self.navigate(ui, &background);

        let painter = ui.painter_at(area);
        paint::grid(&painter, &self.camera);
        self.show_frames(ui, &painter, cx);
        let hovered_wire = self.wire_under_pointer(ui, &background);
        self.show_links(&painter, cx, hovered_wire);
        let touched = self.show_items(ui, &painter, cx, id);
        self.take_background(ui, cx, &background, hovered_wire);
        self.go_on_dragging(ui, &painter, cx, touched.port);
        self.breadcrumbs(ui, cx);
        if self.has_minimap && self.scene.items.len() > 1 {
            minimap::show(ui, &self.scene, &mut self.camera, cx.selection);
        }
        self.show_menus(ui, cx);
        self.show_renaming(ui, cx);
        self.take_arrows(ui, cx);
    }

    fn update(&mut self, cx: &Cx<'_>) {
        let graph = cx.document.graph();
        if self.group.as_deref().is_some_and(|group| graph.group(group).is_none()) {
            self.group = None;
        }
        let key = SceneKey {
            revision: cx.document.revision(),
            group: self.group.clone(),
            has_faces: self.has_faces,
        };
        self.scene.update(cx.document, key.clone());
        if self.curves_key.as_ref() != Some(&key) {
            let links = self.scene.links.iter();
            self.curves =
                links.map(|link| curve::points(link.from, &link.bends, link.to)).collect();
            self.curves_key = Some(key);
            let items = self.scene.items.iter();
            self.places = items.map(|item| (item.id.clone(), item.rect.min)).collect();
            self.wire = self.wire.take().filter(|ends| graph.wire(ends).is_some());
        }
    }

    fn look(&mut self, ui: &Ui) {
        let rect = match &self.to_show {
            None => return,
            Some(Show::All) => self.scene.bounds(),
            Some(Show::Items(ids)) => {
                let items = ids.iter().filter_map(|id| self.scene.item(id));
                items.map(|item| item.rect).reduce(Rect::union)
            }
        };
        // Not before there is room to look at anything.
        if self.camera.area.width() < 50.0 {
            return;
        }
        self.to_show = None;
        match rect {
            Some(rect) => self.camera.fit(rect),
            None => self.camera.look_at(Pos2::ZERO),
        }
        ui.ctx().request_repaint();
    }

    /// The wheel zooms, two fingers on a touchpad move, and so does the middle or right button.
    fn navigate(&mut self, ui: &Ui, background: &Response) {
        let Some(at) = ui.ctx().pointer_latest_pos() else { return };
        let is_over = self.camera.area.contains(at)
            && ui.ctx().layer_id_at(at).is_none_or(|layer| layer == ui.layer_id());
        if is_over {
            let (zoom, wheel, touch) =
                ui.input(|i| (i.zoom_delta(), turned(i), i.smooth_scroll_delta()));
            if zoom != 1.0 {
                self.camera.zoom(zoom, at);
            } else if wheel != 0.0 {
                self.camera.zoom((wheel * 0.18).exp(), at);
            } else if !self.has_wheel {
                self.camera.pan(touch);
            }
            self.has_wheel |= wheel != 0.0;
        }
        let drags = |button| background.dragged_by(button);
        let held = |button| ui.input(|i| i.pointer.button_down(button));
        if drags(PointerButton::Secondary) || (is_over && held(PointerButton::Middle)) {
            self.camera.pan(ui.input(|i| i.pointer.delta()));
            ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        }
    }

    fn show_frames(&mut self, ui: &Ui, painter: &Painter, cx: &mut Cx<'_>) {
        for i in 0..self.scene.frames.len() {
            let frame = self.scene.frames[i].clone();
            let rect = self.camera.screen_rect(frame.rect);
            if !rect.intersects(self.camera.area) {
                continue;
            }
            let is_selected = self.frame.as_deref() == Some(frame.id.as_str());
            painter.rect_filled(rect, 8.0, frame.colour.gamma_multiply(0.16));
            let stroke = if is_selected {
                Stroke::new(2.0, theme::ACCENT)
            } else {
                Stroke::new(1.0, frame.colour.gamma_multiply(0.7))
            };
            painter.rect_stroke(rect, 8.0, stroke, StrokeKind::Inside);
            let size = paint::text_size(15.0, &self.camera).unwrap_or(0.0).max(9.0);
            let title = paint::line(painter, &frame.title, size, theme::TEXT, rect.width() - 16.0);
            paint::text(painter, rect.min + vec2(8.0, 5.0), egui::Align2::LEFT_TOP, title);
            let bar = Rect::from_min_size(rect.min, vec2(rect.width(), size + 10.0));
            self.interact_frame(ui, cx, &frame, rect, bar);
        }
    }

    fn wire_under_pointer(&self, ui: &Ui, background: &Response) -> Option<usize> {
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

    fn show_links(&self, painter: &Painter, cx: &Cx<'_>, hovered: Option<usize>) {
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
            if self.camera.is_far() {
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
        if let Some(i) = hovered {
            self.tell_of_wire(painter, cx, i);
        }
    }

    /// What runs along the wire under the pointer.
    fn tell_of_wire(&self, painter: &Painter, cx: &Cx<'_>, i: usize) {
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
        let rect = Rect::from_min_size(at + vec2(14.0, 14.0), galley.size() + vec2(16.0, 10.0));
        let mut painter = painter.clone();
        painter.set_layer_id(egui::LayerId::new(egui::Order::Tooltip, Id::unique("wire")));
        painter.rect(rect, 4.0, theme::PANEL, Stroke::new(1.0, theme::LINE), StrokeKind::Inside);
        painter.galley(rect.min + vec2(8.0, 5.0), galley, theme::TEXT);
    }

    /// Draws the items and takes what is done to them.
    fn show_items(&mut self, ui: &Ui, painter: &Painter, cx: &mut Cx<'_>, id: Id) -> Touched {
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
    fn drawing_order(&self, scene: &Scene) -> Vec<usize> {
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

    fn watch(&mut self, item: &Item, seen: Rect) {
        let is_seen = item.rect.intersects(seen);
        for port in &item.outputs {
            let is_picture = port.ty == Some(lumawire_core::PortType::Image);
            let is_shown = is_seen && item.face.is_some_and(|(_, shown)| shown.id == port.port);
            if is_shown || !is_picture {
                self.watched.push((port.node.clone(), port.port.clone()));
            }
        }
    }

    /// While a wire is dragged, what takes it nowhere steps back.
    fn is_dim(&self, cx: &Cx<'_>, item: &Item) -> bool {
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

    fn show_ports(
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
        let _ = ui;
    }

    fn tell_of_port(&self, response: Response, cx: &Cx<'_>, port: &PortView, is_output: bool) {
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

    fn show_promoted(&self, painter: &Painter, cx: &Cx<'_>, item: &Item) {
        let Some(size) = paint::text_size(11.0, &self.camera) else { return };
        for (target, rect) in &item.promoted {
            let rect = self.camera.screen_rect(*rect);
            let Some((node, param)) = target.split_once('.') else { continue };
            let spec = cx.spec(node).and_then(|s| s.params.iter().find(|p| p.id == param));
            let label = spec.map_or(param, |p| p.label);
            let reading = cx.session.and_then(|s| s.board()).and_then(|b| b.reading(node, param));
            painter.rect_filled(rect.shrink(1.0), 3.0, theme::BACKGROUND);
            let name = paint::line(painter, label, size, theme::FAINT, rect.width() * 0.6);
            paint::text(
                painter,
                rect.left_center() + vec2(6.0, 0.0),
                egui::Align2::LEFT_CENTER,
                name,
            );
            if let Some(value) = reading.and_then(|r| r.value) {
                let value =
                    paint::line(painter, &format!("{value:.3}"), size, theme::TEXT, rect.width());
                paint::text(
                    painter,
                    rect.right_center() - vec2(6.0, 0.0),
                    egui::Align2::RIGHT_CENTER,
                    value,
                );
            }
        }
    }

    /// Where the open group is, each part of the way a button.
    fn breadcrumbs(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(open) = self.group.clone() else { return };
        let graph = cx.document.graph();
        let mut path = vec![None];
        path.extend(graph.path_of(&open).into_iter().map(|id| Some(id.to_owned())));
        let at = self.camera.area.min + vec2(12.0, 10.0);
        let area = egui::Area::new(Id::unique("breadcrumbs")).fixed_pos(at);
        area.show(ui.ctx(), |ui| {
            ui.horizontal(|ui| {
                for (i, group) in path.iter().enumerate() {
                    if i > 0 {
                        ui.label("›");
                    }
                    let title =
                        group.as_deref().and_then(|id| graph.group(id)).map(|g| g.title.clone());
                    if ui.button(title.unwrap_or_else(|| "Patch".into())).clicked() {
                        self.group.clone_from(group);
                        self.to_show = Some(Show::All);
                    }
                }
            });
        });
    }
}

/// Steps that a wheel was turned; 0 for a touchpad, whose way is in points.
fn turned(input: &InputState) -> f32 {
    let steps = input.raw.events.iter().filter_map(|event| match event {
        Event::MouseWheel { unit: MouseWheelUnit::Line, delta, modifiers, .. }
            if !modifiers.command =>
        {
            Some(delta.y)
        }
        _ => None,
    });
    steps.sum()
}

/// What the pointer is over.
#[derive(Debug, Default)]
struct Touched {
    /// A port that a dragged wire may end at: node, port, whether it is an output.
    port: Option<(String, String, bool)>,
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

/// The colour of what is drawn to select or cut.
const SELECTION: Color32 = theme::ACCENT;
