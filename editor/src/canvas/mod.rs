//! The canvas: nodes and wires of the document, as a person sees and patches them. It keeps nothing of
//! the document but how one looks at it, and asks for edits
//! (`docs/decisions/0006-own-canvas.md`).

mod act;
mod arrange;
mod camera;
mod curve;
mod gesture;
pub mod gestures;
mod items;
mod links;
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
use lumawire_runtime::probe::OutputId;

use crate::cx::Cx;
use crate::files::Place;
use crate::preview::Face;
use crate::theme;
use camera::Camera;
use gesture::Drag;
use menus::Menus;
use scene::{Item, Scene, SceneKey, What};

pub use wiring::End;

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
    copies: Vec<(String, What, Pos2)>,
    /// Whether the drag in hand has changed the patch.
    has_dragged: bool,
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
            has_dragged: false,
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

    /// What is under the pointer, for files that are dropped there; `None` over another panel. Some
    /// systems do not tell where the pointer is while a file is dragged.
    pub fn place(&self, ctx: &egui::Context) -> Option<Place> {
        let is_elsewhere = |at: Pos2| !self.camera.area.contains(at);
        if ctx.pointer_latest_pos().is_some_and(is_elsewhere) {
            return None;
        }
        let middle = || self.camera.canvas(self.camera.area.center());
        let at = self.pointer.unwrap_or_else(middle);
        let node = self.pointer.and_then(|at| self.item_at(at));
        let node = node.filter(|item| item.what == What::Node).map(|item| item.id.clone());
        Some(Place { node, at: scene::snapped(at).into() })
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
        if let Some(wire) = hovered_wire {
            self.tell_of_wire(&painter, cx, wire);
        }
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
        // A wire or a frame is selected alone.
        if !cx.selection.is_empty() {
            self.wire = None;
        }
        self.frame = self.frame.take().filter(|frame| cx.selection.contains(frame));
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

/// The colour of what is drawn to select or cut.
const SELECTION: Color32 = theme::ACCENT;
