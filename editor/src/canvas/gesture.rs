//! What is dragged on the canvas: nodes, wires, frames, bends, selections, cuts.

use std::collections::BTreeSet;

use egui::{
    CornerRadius, CursorIcon, Key, Modifiers, Painter, PointerButton, Pos2, Rect, Response, Sense,
    Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};
use lumawire_core::{Edit, PortType, WireEnds};

use super::scene::{FrameView, Item, PortView, What, snapped};
use super::wiring::{self, End};
use super::{Canvas, SELECTION, Show, curve, paint};
use crate::command::{Action, Command};
use crate::cx::Cx;
use crate::theme;

/// How near the edge a drag must come for the canvas to move along.
const EDGE: f32 = 28.0;
/// Points a frame by which it then moves.
const EDGE_PAN: f32 = 9.0;
/// The least size of a frame.
const LEAST_FRAME: f32 = 48.0;

/// What is being dragged.
#[derive(Debug, Clone)]
pub enum Drag {
    /// Items, each from where it stood.
    Items {
        /// Number of the drag.
        gesture: u64,
        /// Where it was taken hold of.
        grabbed: Pos2,
        /// What moves, from where.
        starts: Vec<(String, What, Pos2)>,
        /// A frame that moves with them, from where.
        frame: Option<(String, Rect)>,
    },
    /// The lower right corner of a frame.
    Corner {
        /// Number of the drag.
        gesture: u64,
        /// The frame.
        frame: String,
        /// Its upper left corner.
        min: Pos2,
    },
    /// A wire by one end.
    Wire {
        /// The end that stays.
        end: End,
        /// The wire that was taken off its input.
        detached: Option<WireEnds>,
    },
    /// A box that selects.
    Select {
        /// Its first corner.
        from: Pos2,
        /// What was selected before and stays so.
        before: BTreeSet<String>,
    },
    /// A line that cuts wires.
    Cut {
        /// Where it begins.
        from: Pos2,
    },
    /// A bend of a wire.
    Bend {
        /// Number of the drag.
        gesture: u64,
        /// The wire.
        ends: WireEnds,
        /// Which of its bends.
        index: usize,
    },
}

impl Canvas {
    /// The wire that hangs on the pointer instead of where it was.
    pub(super) fn detached(&self) -> Option<&WireEnds> {
        match &self.drag {
            Some(Drag::Wire { detached, .. }) => detached.as_ref(),
            _ => None,
        }
    }

    /// Clicks and the beginning of drags on an item.
    pub(super) fn take_item(
        &mut self,
        ui: &Ui,
        cx: &mut Cx<'_>,
        item: &Item,
        response: &Response,
        error: Option<&str>,
    ) {
        if item.what == What::Beyond {
            if response.clicked() || response.double_clicked() {
                cx.commands.push(Command::Reveal(item.id.clone()));
            }
            return;
        }
        let modifiers = ui.input(|i| i.modifiers);
        if response.clicked() {
            self.select_by_click(cx, &item.id, modifiers.shift || modifiers.command);
        }
        if response.double_clicked() {
            match item.what {
                What::Group => {
                    self.group = Some(item.id.clone());
                    self.to_show = Some(Show::All);
                }
                _ => cx.edit(
                    Edit::SetCollapsed { node: item.id.clone(), collapsed: !item.is_collapsed },
                    if item.is_collapsed { "unfold" } else { "fold" },
                ),
            }
        }
        if response.secondary_clicked() && !cx.selection.contains(&item.id) {
            self.select_by_click(cx, &item.id, false);
        }
        if response.drag_started_by(PointerButton::Primary) {
            self.begin_items(ui, cx, item, modifiers.command);
        }
        self.item_menu(cx, response);
        if self.drag.is_none() {
            tell(response, item, error);
        }
    }

    fn select_by_click(&mut self, cx: &mut Cx<'_>, id: &str, is_added: bool) {
        let mut selection: BTreeSet<String> =
            if is_added { cx.selection.clone() } else { BTreeSet::new() };
        if !selection.insert(id.to_owned()) && is_added {
            selection.remove(id);
        }
        self.raise(id);
        self.wire = None;
        self.frame = None;
        cx.commands.push(Command::Select(selection.into_iter().collect()));
    }

    fn raise(&mut self, id: &str) {
        self.raised.retain(|raised| raised != id);
        self.raised.push(id.to_owned());
        // Those that were touched long ago lie low enough.
        if self.raised.len() > 64 {
            self.raised.remove(0);
        }
    }

    fn begin_items(&mut self, ui: &Ui, cx: &mut Cx<'_>, item: &Item, copies: bool) {
        let Some(grabbed) = self.pressed(ui) else { return };
        let mut moved = cx.selection.clone();
        if !moved.contains(&item.id) {
            moved = BTreeSet::from([item.id.clone()]);
            cx.commands.push(Command::Select(vec![item.id.clone()]));
        }
        self.raise(&item.id);
        if copies {
            moved = self.duplicate(cx, &moved, Vec2::ZERO);
        }
        let starts = self.starts(cx, &moved);
        let gesture = self.new_gesture();
        self.drag = Some(Drag::Items { gesture, grabbed, starts, frame: None });
    }

    /// Where items stand now. A copy that is not drawn yet stands where its original does.
    fn starts(&self, cx: &Cx<'_>, ids: &BTreeSet<String>) -> Vec<(String, What, Pos2)> {
        let graph = cx.document.graph();
        let start = |id: &String| {
            if let Some(copied) = self.copies.iter().find(|(copy, ..)| copy == id) {
                return Some(copied.clone());
            }
            let what = if graph.node(id).is_some() { What::Node } else { What::Group };
            // What is being drawn has been taken out of the scene: the document knows all places.
            let place = match what {
                What::Group => graph.group(id).map(|g| pos2(g.at[0], g.at[1])),
                _ => graph.position(id).map(|[x, y]| pos2(x, y)),
            };
            place.or_else(|| self.places.get(id).copied()).map(|at| (id.clone(), what, at))
        };
        ids.iter().filter_map(start).collect()
    }

    /// Clicks and drags on a frame's title, and on its lower right corner.
    pub(super) fn interact_frame(
        &mut self,
        ui: &Ui,
        cx: &mut Cx<'_>,
        frame: &FrameView,
        rect: Rect,
        bar: Rect,
    ) {
        let id = ui.scope_id().with(("frame", &frame.id));
        let title = ui.interact(bar, id, Sense::click_and_drag());
        title.widget_info(|| {
            egui::WidgetInfo::labeled(
                egui::accesskit::Role::GenericContainer,
                true,
                format!("frame {}", frame.title),
            )
        });
        if title.clicked() {
            self.frame = Some(frame.id.clone());
            cx.commands.push(Command::Select(vec![frame.id.clone()]));
        }
        if title.drag_started_by(PointerButton::Primary) {
            let inside = self.scene.items.iter().filter(|item| frame.rect.contains_rect(item.rect));
            let inside: BTreeSet<String> = inside.map(|item| item.id.clone()).collect();
            let starts = self.starts(cx, &inside);
            if let Some(grabbed) = self.pressed(ui) {
                let (gesture, frame) = (self.new_gesture(), Some((frame.id.clone(), frame.rect)));
                self.drag = Some(Drag::Items { gesture, grabbed, starts, frame });
            }
        }
        let corner = Rect::from_center_size(rect.right_bottom(), vec2(14.0, 14.0));
        let corner = ui.interact(corner, id.with("corner"), Sense::drag());
        if corner.hovered() {
            ui.ctx().set_cursor_icon(CursorIcon::ResizeNwSe);
        }
        if corner.drag_started_by(PointerButton::Primary) {
            let gesture = self.new_gesture();
            let (frame, min) = (frame.id.clone(), frame.rect.min);
            self.drag = Some(Drag::Corner { gesture, frame, min });
        }
    }

    /// Takes hold of a port: of a new wire, or of the one that ends there.
    pub(super) fn begin_wire(&mut self, cx: &Cx<'_>, port: &PortView, is_output: bool) {
        let graph = cx.document.graph();
        let into = || {
            let mut wires = graph.wires_of(&port.node);
            wires.find(|w| w.ends.to == port.node && w.ends.port == port.port)
        };
        let drag = match (!is_output).then(into).flatten() {
            Some(wire) => Drag::Wire {
                end: End {
                    node: wire.ends.from.clone(),
                    port: wire.ends.output.clone(),
                    is_output: true,
                    ty: output_type(cx, &wire.ends),
                },
                detached: Some(wire.ends.clone()),
            },
            None => Drag::Wire {
                end: End {
                    node: port.node.clone(),
                    port: port.port.clone(),
                    is_output,
                    ty: port.ty,
                },
                detached: None,
            },
        };
        self.drag = Some(drag);
    }

    /// Clicks and the beginning of drags on the background and on wires.
    pub(super) fn take_background(
        &mut self,
        ui: &Ui,
        cx: &mut Cx<'_>,
        background: &Response,
        wire: Option<usize>,
    ) {
        let Some(at) = self.pointer else { return };
        let modifiers = ui.input(|i| i.modifiers);
        let ends = wire.map(|i| self.scene.links[i].ends.clone());
        if background.clicked() {
            cx.commands.push(Command::Select(Vec::new()));
            self.frame = None;
            self.wire.clone_from(&ends);
        }
        if background.double_clicked() {
            match &ends {
                Some(ends) => self.add_bend(cx, ends, at),
                None => cx.commands.push(Command::OpenPalette { at: at.into(), drop: None }),
            }
        }
        if background.secondary_clicked() {
            self.wire.clone_from(&ends);
            self.menus.at = Some(at);
        }
        self.background_menu(cx, background);
        if background.drag_started_by(PointerButton::Primary) {
            let from = self.pressed(ui).unwrap_or(at);
            self.drag = Some(match self.bend_at(cx, from) {
                _ if modifiers.alt => Drag::Cut { from },
                Some((ends, index)) => Drag::Bend { gesture: self.new_gesture(), ends, index },
                None => {
                    let before =
                        if modifiers.shift { cx.selection.clone() } else { BTreeSet::new() };
                    Drag::Select { from, before }
                }
            });
        }
    }

    /// Where the button went down, on the canvas: a drag is noticed only when the pointer has moved.
    fn pressed(&self, ui: &Ui) -> Option<Pos2> {
        let at = ui.input(|i| i.pointer.press_origin())?;
        Some(self.camera.canvas(at))
    }

    fn bend_at(&self, cx: &Cx<'_>, at: Pos2) -> Option<(WireEnds, usize)> {
        let near = 8.0 / self.camera.scale;
        let of_link = |ends: &WireEnds| {
            let bends = cx.document.graph().bends(ends).iter();
            bends.clone().position(|[x, y]| (pos2(*x, *y) - at).length() < near)
        };
        self.scene.links.iter().find_map(|link| Some((link.ends.clone(), of_link(&link.ends)?)))
    }

    fn add_bend(&self, cx: &mut Cx<'_>, ends: &WireEnds, at: Pos2) {
        let Some(link) = self.scene.links.iter().find(|link| link.ends == *ends) else { return };
        let mut points = cx.document.graph().bends(ends).to_vec();
        // Between the stops between which the wire is nearest.
        let stops: Vec<Pos2> = std::iter::once(link.from)
            .chain(link.bends.iter().copied())
            .chain(std::iter::once(link.to))
            .collect();
        let spans = stops.windows(2).enumerate();
        let nearest = spans
            .map(|(i, span)| (i, curve::distance(span, at)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        points.insert(nearest.map_or(0, |(i, _)| i), snapped(at).into());
        cx.edit(Edit::SetBends { ends: ends.clone(), points }, "add a bend");
    }

    /// Goes on with what is dragged, and ends it where the button is let go.
    pub(super) fn go_on_dragging(
        &mut self,
        ui: &Ui,
        painter: &Painter,
        cx: &mut Cx<'_>,
        port: Option<(String, String, bool)>,
    ) {
        let Some(drag) = self.drag.take() else { return };
        // What was dragged goes back, and nothing else is left by this key.
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
            if std::mem::take(&mut self.has_dragged) {
                cx.act(Action::Undo);
            }
            self.copies.clear();
            return;
        }
        let is_over = !ui.input(|i| i.pointer.primary_down());
        let Some(at) = ui.ctx().pointer_latest_pos() else { return };
        self.follow(ui, at);
        let to = self.camera.canvas(at);
        match &drag {
            Drag::Items { gesture, grabbed, starts, frame } => {
                let is_free = ui.input(|i| i.modifiers.alt);
                let by = to - *grabbed;
                self.has_dragged |= move_items(cx, starts, frame.as_ref(), by, *gesture, is_free);
            }
            Drag::Corner { gesture, frame, min } => {
                let size = (snapped(to) - *min).max(Vec2::splat(LEAST_FRAME));
                if let Some(mut resized) = cx.document.graph().frame(frame).cloned() {
                    resized.rect = [min.x, min.y, size.x, size.y];
                    let edit = Edit::SetFrame { id: frame.clone(), frame: Some(resized) };
                    cx.commands.push(Command::drag(edit, "resize frame", *gesture));
                    self.has_dragged = true;
                }
            }
            Drag::Bend { gesture, ends, index } => {
                let mut points = cx.document.graph().bends(ends).to_vec();
                if let Some(point) = points.get_mut(*index) {
                    *point = snapped(to).into();
                    let edit = Edit::SetBends { ends: ends.clone(), points };
                    cx.commands.push(Command::drag(edit, "move bend", *gesture));
                    self.has_dragged = true;
                }
            }
            Drag::Wire { end, detached } => {
                self.draw_wire(painter, end, at, port.as_ref());
                if is_over {
                    self.drop_wire(ui, cx, end, detached.clone(), port);
                    return;
                }
            }
            Drag::Select { from, before } => {
                let rect = Rect::from_two_pos(*from, to);
                let screen = self.camera.screen_rect(rect);
                painter.rect_filled(screen, 0.0, SELECTION.gamma_multiply(0.08));
                painter.rect_stroke(
                    screen,
                    CornerRadius::ZERO,
                    Stroke::new(1.0, SELECTION),
                    StrokeKind::Inside,
                );
                if is_over {
                    let within = self.scene.items.iter();
                    let within =
                        within.filter(|i| i.what != What::Beyond && i.rect.intersects(rect));
                    let mut selection = before.clone();
                    selection.extend(within.map(|item| item.id.clone()));
                    cx.commands.push(Command::Select(selection.into_iter().collect()));
                }
            }
            Drag::Cut { from } => {
                let line = [self.camera.screen(*from), at];
                painter.line_segment(line, Stroke::new(2.0, theme::ERROR));
                if is_over {
                    self.cut(cx, *from, to);
                }
            }
        }
        if !is_over {
            self.drag = Some(drag);
            ui.ctx().request_repaint();
        } else {
            self.copies.clear();
            self.has_dragged = false;
        }
    }

    /// The canvas moves along where a drag comes to its edge.
    fn follow(&mut self, ui: &Ui, at: Pos2) {
        let area = self.camera.area;
        let inner = area.shrink(EDGE);
        if inner.is_negative() || inner.contains(at) || !area.expand(EDGE).contains(at) {
            return;
        }
        let beyond = at - inner.clamp(at);
        self.camera.pan(-beyond.normalized() * EDGE_PAN);
        ui.ctx().request_repaint();
    }

    fn draw_wire(
        &self,
        painter: &Painter,
        end: &End,
        at: Pos2,
        port: Option<&(String, String, bool)>,
    ) {
        let Some((_, view)) = self.scene.port(&end.node, &end.port, end.is_output) else { return };
        let target = port
            .and_then(|(node, port, is_output)| self.scene.port(node, port, *is_output))
            .filter(|(_, p)| p.node != end.node || p.port != end.port);
        let free = target.map_or_else(|| self.camera.canvas(at), |(_, p)| p.at);
        let (from, to) = if end.is_output { (view.at, free) } else { (free, view.at) };
        let colour = end.ty.map_or(theme::FAINT, theme::port_colour);
        let points = curve::points(from, &[], to).into_iter().map(|p| self.camera.screen(p));
        let width = 2.5 * self.camera.scale.sqrt();
        paint::wire(painter, points.collect(), Stroke::new(width, colour), target.is_none());
    }

    fn drop_wire(
        &mut self,
        ui: &Ui,
        cx: &mut Cx<'_>,
        end: &End,
        detached: Option<WireEnds>,
        port: Option<(String, String, bool)>,
    ) {
        if let Some((node, port, is_output)) = port
            && is_output != end.is_output
        {
            wiring::connect(cx, wiring::ends(end, &node, &port), detached);
            return;
        }
        let Some(at) = self.pointer else {
            disconnect(cx, detached);
            return;
        };
        if let Some(item) = self.item_at(at) {
            if item.id != end.node && item.what == What::Node {
                let id = item.id.clone();
                self.drop_on_node(ui, cx, end, &id, detached);
            }
            return;
        }
        if detached.is_some() {
            disconnect(cx, detached);
        } else {
            let drop = Some(end.clone());
            cx.commands.push(Command::OpenPalette { at: snapped(at).into(), drop });
        }
    }

    /// A wire was dropped on a node's face: the one port that fits takes it, or a menu asks.
    fn drop_on_node(
        &mut self,
        ui: &Ui,
        cx: &mut Cx<'_>,
        end: &End,
        node: &str,
        detached: Option<WireEnds>,
    ) {
        let Some(spec) = cx.spec(node) else { return };
        let candidates = wiring::candidates(cx.document.graph(), spec, node, end);
        let mut inputs = candidates.iter().filter(|c| !c.is_param && !c.is_taken);
        match (inputs.next(), inputs.next(), candidates.len()) {
            (_, _, 0) => {
                let text = format!(
                    "nothing of {} takes {}",
                    spec.label,
                    end.ty.map_or("this", PortType::name)
                );
                cx.commands.push(Command::Tell(text));
            }
            (Some(only), None, 1) => {
                wiring::connect(cx, wiring::ends(end, node, &only.port), detached);
            }
            _ => {
                let at = ui.ctx().pointer_latest_pos().unwrap_or_default();
                self.menus.ask_port(at, end.clone(), node.to_owned(), candidates, detached);
            }
        }
    }

    /// The topmost item at a point of the canvas.
    pub(super) fn item_at(&self, at: Pos2) -> Option<&Item> {
        let order = self.drawing_order(&self.scene);
        let mut items = order.iter().rev().map(|i| &self.scene.items[*i]);
        items.find(|item| item.rect.contains(at))
    }

    fn cut(&self, cx: &mut Cx<'_>, from: Pos2, to: Pos2) {
        let links = self.scene.links.iter().zip(&self.curves);
        let cut = links.filter(|(_, curve)| curve::crosses(curve, from, to));
        let edits: Vec<Edit> =
            cut.map(|(link, _)| Edit::Disconnect { ends: link.ends.clone() }).collect();
        if !edits.is_empty() {
            let label = if edits.len() == 1 { "cut a wire" } else { "cut wires" };
            cx.edit(Edit::Batch(edits), label);
        }
    }

    /// Deletes what is selected besides nodes: a wire or a frame. Says whether there was any.
    pub(super) fn delete_wire_or_frame(&mut self, cx: &mut Cx<'_>) -> bool {
        if let Some(ends) = self.wire.take() {
            cx.edit(Edit::Disconnect { ends }, "cut a wire");
            return true;
        }
        if let Some(id) = self.frame.take() {
            cx.edit(Edit::SetFrame { id, frame: None }, "delete frame");
            return true;
        }
        false
    }

    fn item_menu(&mut self, cx: &mut Cx<'_>, response: &Response) {
        response.context_menu(|ui| super::menus::item_menu(ui, cx));
    }

    fn background_menu(&mut self, cx: &mut Cx<'_>, response: &Response) {
        let wire = self.wire.clone();
        let at = self.menus.at;
        response.context_menu(|ui| match &wire {
            Some(ends) => {
                if ui.button("Cut this wire").clicked() {
                    cx.edit(Edit::Disconnect { ends: ends.clone() }, "cut a wire");
                    ui.close();
                }
                if ui.button("Add a bend").clicked() {
                    if let Some(at) = at {
                        self.add_bend(cx, ends, at);
                    }
                    ui.close();
                }
                let has_bends = !cx.document.graph().bends(ends).is_empty();
                if ui.add_enabled(has_bends, egui::Button::new("Straighten")).clicked() {
                    let edit = Edit::SetBends { ends: ends.clone(), points: Vec::new() };
                    cx.edit(edit, "straighten a wire");
                    ui.close();
                }
            }
            None => {
                if ui.button("Add node…").clicked() {
                    let at = at.unwrap_or_default().into();
                    cx.commands.push(Command::OpenPalette { at, drop: None });
                    ui.close();
                }
                super::menus::actions(ui, cx, &[Action::Paste, Action::SelectAll]);
                ui.separator();
                super::menus::actions(ui, cx, &[Action::Arrange, Action::ZoomToFit]);
            }
        });
    }
}

fn disconnect(cx: &mut Cx<'_>, ends: Option<WireEnds>) {
    if let Some(ends) = ends {
        cx.edit(Edit::Disconnect { ends }, "cut a wire");
    }
}

fn output_type(cx: &Cx<'_>, ends: &WireEnds) -> Option<PortType> {
    let spec = cx.spec(&ends.from)?;
    Some(spec.outputs.get(spec.output(&ends.output)?)?.ty)
}

/// Puts what is dragged `by` from where it stood; says whether anything moved.
fn move_items(
    cx: &mut Cx<'_>,
    starts: &[(String, What, Pos2)],
    frame: Option<&(String, Rect)>,
    by: Vec2,
    gesture: u64,
    is_free: bool,
) -> bool {
    let graph = cx.document.graph();
    let placed = |at: Pos2| if is_free { at + by } else { snapped(at + by) };
    let mut has_moved = false;
    let mut edits = Vec::new();
    for (id, what, start) in starts {
        let at = placed(*start);
        if *what == What::Group {
            if let Some(mut group) = graph.group(id).cloned() {
                has_moved |= group.at != <[f32; 2]>::from(at);
                group.at = at.into();
                edits.push(Edit::SetGroup { id: id.clone(), group: Some(group) });
            }
        } else {
            has_moved |= graph.position(id).map_or(at != *start, |old| old != <[f32; 2]>::from(at));
            edits.push(Edit::Move { node: id.clone(), at: Some(at.into()) });
        }
    }
    if let Some((id, rect)) = frame
        && let Some(mut frame) = graph.frame(id).cloned()
    {
        let at = placed(rect.min);
        let moved = [at.x, at.y, rect.width(), rect.height()];
        has_moved |= frame.rect != moved;
        frame.rect = moved;
        edits.push(Edit::SetFrame { id: id.clone(), frame: Some(frame) });
    }
    if has_moved {
        cx.commands.push(Command::drag(Edit::Batch(edits), "move", gesture));
    }
    has_moved
}

fn tell(response: &Response, item: &Item, error: Option<&str>) {
    if !response.hovered() || (item.spec.is_none() && error.is_none()) {
        return;
    }
    let mut text = item.title.clone();
    if let Some(spec) = item.spec {
        text.push_str(&format!("  ·  {}\n{}", spec.kind, spec.summary()));
    }
    if let Some(error) = error {
        text.push_str(&format!("\n\n{error}"));
    }
    response.clone().on_hover_text_at_pointer(text);
}
