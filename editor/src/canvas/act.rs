//! The actions that concern nodes and the view of them.

use std::collections::BTreeSet;

use egui::{Context, Id, Key, Order, Pos2, Rect, TextEdit, Ui, Vec2, vec2};
use lumawire_core::graph::{Frame, Group, Mode};
use lumawire_core::{Edit, PortType, patch};

use super::arrange::{self, Line};
use super::scene::{SNAP, TITLE, WIDTH, What, snapped};
use super::{Canvas, Show, wiring};
use crate::command::{Action, Command};
use crate::cx::Cx;

/// How far a copy stands from what it was copied from.
const BESIDE: Vec2 = Vec2::splat(4.0 * SNAP);
/// Space between a frame and what is in it; more above, for the title.
const FRAME_SPACE: f32 = 20.0;
const FRAME_TITLE: f32 = 28.0;
/// Colours of new groups and frames.
const GROUP_COLOUR: [u8; 3] = [70, 88, 120];
const FRAME_COLOUR: [u8; 3] = [86, 120, 170];

/// A title that is being typed.
#[derive(Debug, Clone)]
pub(super) struct Renaming {
    id: String,
    text: String,
    is_new: bool,
}

impl Canvas {
    /// Does an action that concerns the canvas; false where it is none.
    pub fn act(&mut self, ctx: &Context, action: Action, cx: &mut Cx<'_>) -> bool {
        match action {
            Action::SelectAll => {
                let all = self.scene.items.iter().filter(|item| item.what != What::Beyond);
                cx.commands.push(Command::Select(all.map(|item| item.id.clone()).collect()));
            }
            Action::Copy => self.copy(ctx, cx),
            Action::Cut => {
                self.copy(ctx, cx);
                self.delete(cx, "cut");
            }
            // The window answers with the text, which comes to `paste`.
            Action::Paste => ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            Action::Duplicate => drop(self.duplicate(cx, &cx.selection.clone(), BESIDE)),
            Action::Delete => {
                if !self.delete_wire_or_frame(cx) {
                    self.delete(cx, "delete");
                }
            }
            Action::AddNode => {
                let middle = self.camera.canvas(self.camera.area.center());
                let at = snapped(self.pointer.unwrap_or(middle)).into();
                cx.commands.push(Command::OpenPalette { at, drop: None });
            }
            Action::Rename => self.begin_renaming(cx),
            Action::Bypass => self.set_mode(cx, Mode::Bypassed),
            Action::Mute => self.set_mode(cx, Mode::Muted),
            Action::Solo => self.toggle_solo(cx),
            Action::Collapse => self.collapse(cx),
            Action::Group => self.group(cx),
            Action::Ungroup => self.ungroup(cx),
            Action::EnterGroup => self.enter(cx),
            Action::LeaveGroup => self.leave(cx),
            Action::Frame => self.draw_frame(cx),
            Action::AlignLeft => self.line_up(cx, Line::Left),
            Action::AlignTop => self.line_up(cx, Line::Top),
            Action::DistributeAcross => self.line_up(cx, Line::Across),
            Action::DistributeDown => self.line_up(cx, Line::Down),
            Action::Arrange => self.arrange(cx),
            Action::ZoomToFit => self.to_show = Some(Show::All),
            Action::ZoomToSelection => self.to_show = Some(Show::Items(cx.selection.clone())),
            Action::ZoomToOne => {
                let factor = 1.0 / self.camera.scale;
                self.camera.zoom(factor, self.camera.area.center());
            }
            Action::Minimap => self.has_minimap = !self.has_minimap,
            Action::Previews => self.has_faces = !self.has_faces,
            _ => return false,
        }
        true
    }

    /// The nodes that are selected, those in selected groups included.
    fn selected_nodes(&self, cx: &Cx<'_>) -> BTreeSet<String> {
        nodes_of(cx, cx.selection)
    }

    fn copy(&self, ctx: &Context, cx: &mut Cx<'_>) {
        let nodes = self.selected_nodes(cx);
        if !nodes.is_empty() {
            let document = cx.document;
            ctx.copy_text(patch::fragment(document.graph(), document.registry(), &nodes));
        }
    }

    /// Adds the nodes of a text that was copied here or in another window.
    pub fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        let middle = self.camera.canvas(self.camera.area.center());
        let at = snapped(self.pointer.unwrap_or(middle));
        self.paste_at(cx, text, Some(at), "paste");
    }

    /// Copies nodes beside themselves; gives the copies.
    pub(super) fn duplicate(
        &mut self,
        cx: &mut Cx<'_>,
        ids: &BTreeSet<String>,
        by: Vec2,
    ) -> BTreeSet<String> {
        let nodes = nodes_of(cx, ids);
        if nodes.is_empty() {
            return BTreeSet::new();
        }
        let corner = ids.iter().filter_map(|id| self.places.get(id));
        let corner = corner.copied().reduce(|a, b| a.min(b)).unwrap_or_default();
        let text = patch::fragment(cx.document.graph(), cx.document.registry(), &nodes);
        self.paste_at(cx, &text, Some(corner + by), "duplicate")
    }

    fn paste_at(
        &mut self,
        cx: &mut Cx<'_>,
        text: &str,
        at: Option<Pos2>,
        label: &str,
    ) -> BTreeSet<String> {
        let (graph, registry) = (cx.document.graph(), cx.document.registry());
        let at = at.map(<[f32; 2]>::from);
        match patch::paste(text, graph, registry, at, self.group.as_deref()) {
            Ok(pasted) => {
                self.copies = shown_in(&pasted.edit, self.group.as_deref());
                let shown: Vec<String> = self.copies.iter().map(|(id, ..)| id.clone()).collect();
                cx.edit(pasted.edit, label);
                cx.commands.push(Command::Select(shown.clone()));
                shown.into_iter().collect()
            }
            Err(error) => {
                cx.commands.push(Command::Tell(format!("nothing was pasted: {error}")));
                BTreeSet::new()
            }
        }
    }

    fn delete(&mut self, cx: &mut Cx<'_>, label: &str) {
        let nodes = self.selected_nodes(cx);
        let graph = cx.document.graph();
        let mut edits = Vec::new();
        // Several at once are meant to leave a gap.
        if let (1, Some(only)) = (nodes.len(), nodes.first()) {
            edits.extend(wiring::heal(cx.document, only));
        }
        edits.extend(nodes.iter().map(|id| Edit::RemoveNode { id: id.clone() }));
        let is_in = |id: &str| graph.path_of(id).iter().any(|group| cx.selection.contains(*group));
        let groups = graph.groups().map(|(id, _)| id).filter(|id| is_in(id));
        edits.extend(groups.map(|id| Edit::SetGroup { id: id.to_owned(), group: None }));
        let frames = cx.selection.iter().filter(|id| graph.frame(id).is_some());
        edits.extend(frames.map(|id| Edit::SetFrame { id: id.clone(), frame: None }));
        if !edits.is_empty() {
            cx.edit(Edit::Batch(edits), label);
            cx.commands.push(Command::Select(Vec::new()));
        }
    }

    /// Sets a mode, or takes it away where all have it.
    fn set_mode(&self, cx: &mut Cx<'_>, mode: Mode) {
        let nodes = self.selected_nodes(cx);
        let graph = cx.document.graph();
        let have_it = nodes.iter().all(|id| graph.node(id).is_some_and(|node| node.mode == mode));
        let mode = if have_it { Mode::Active } else { mode };
        let edits = nodes.into_iter().map(|node| Edit::SetMode { node, mode }).collect();
        batch(
            cx,
            edits,
            match mode {
                Mode::Active => "switch on",
                Mode::Bypassed => "bypass",
                Mode::Muted => "mute",
            },
        );
    }

    fn toggle_solo(&self, cx: &mut Cx<'_>) {
        let only = cx.selection.first();
        let spec = only.and_then(|id| cx.spec(id));
        let output = spec.and_then(|s| s.outputs.iter().find(|p| p.ty == PortType::Image));
        let wanted = only.zip(output).map(|(id, port)| (id.clone(), port.id.to_owned()));
        cx.commands.push(Command::Solo(wanted.filter(|wanted| self.solo.as_ref() != Some(wanted))));
    }

    fn collapse(&self, cx: &mut Cx<'_>) {
        let graph = cx.document.graph();
        let nodes: Vec<&String> =
            cx.selection.iter().filter(|id| graph.node(id).is_some()).collect();
        let collapsed = !nodes.iter().all(|id| graph.is_collapsed(id));
        let edits = nodes.into_iter();
        let edits = edits.map(|id| Edit::SetCollapsed { node: id.clone(), collapsed }).collect();
        batch(cx, edits, if collapsed { "fold" } else { "unfold" });
    }

    fn group(&self, cx: &mut Cx<'_>) {
        let graph = cx.document.graph();
        let items = || self.scene.items.iter().filter(|item| cx.selection.contains(&item.id));
        let Some(bounds) = items().map(|item| item.rect).reduce(Rect::union) else { return };
        let id = cx.document.graph().fresh_group_id();
        let group = Group {
            title: "Group".into(),
            colour: GROUP_COLOUR,
            parent: self.group.clone(),
            at: snapped(bounds.center() - vec2(WIDTH, TITLE) * 0.5).into(),
            ..Group::default()
        };
        let mut edits = vec![Edit::SetGroup { id: id.clone(), group: Some(group) }];
        for item in items() {
            match (item.what, graph.group(&item.id)) {
                (What::Node, _) => {
                    let (node, group) = (item.id.clone(), Some(id.clone()));
                    edits.push(Edit::SetMember { node, group });
                }
                (What::Group, Some(inner)) => {
                    let inner = Group { parent: Some(id.clone()), ..inner.clone() };
                    edits.push(Edit::SetGroup { id: item.id.clone(), group: Some(inner) });
                }
                _ => {}
            }
        }
        batch(cx, edits, "group");
        cx.commands.push(Command::Select(vec![id]));
    }

    fn ungroup(&self, cx: &mut Cx<'_>) {
        let graph = cx.document.graph();
        let groups = cx.selection.iter().filter(|id| graph.group(id).is_some());
        let edits = groups.map(|id| Edit::SetGroup { id: id.clone(), group: None }).collect();
        batch(cx, edits, "ungroup");
    }

    fn enter(&mut self, cx: &Cx<'_>) {
        let graph = cx.document.graph();
        if let Some(id) = cx.selection.iter().find(|id| graph.group(id).is_some()) {
            self.group = Some(id.clone());
            self.to_show = Some(Show::All);
        }
    }

    fn leave(&mut self, cx: &mut Cx<'_>) {
        if !cx.selection.is_empty() || self.wire.is_some() {
            self.wire = None;
            cx.commands.push(Command::Select(Vec::new()));
        } else if let Some(open) = self.group.take() {
            let group = cx.document.graph().group(&open);
            self.group = group.and_then(|group| group.parent.clone());
            self.to_show = Some(Show::All);
            cx.commands.push(Command::Select(vec![open]));
        }
    }

    fn draw_frame(&self, cx: &mut Cx<'_>) {
        let items = self.scene.items.iter().filter(|item| cx.selection.contains(&item.id));
        let Some(bounds) = items.map(|item| item.rect).reduce(Rect::union) else { return };
        let mut rect = bounds.expand(FRAME_SPACE);
        rect.min.y -= FRAME_TITLE - FRAME_SPACE * 0.5;
        let id = cx.document.graph().fresh_frame_id();
        let rect = [rect.min.x, rect.min.y, rect.width(), rect.height()];
        let frame = Frame { title: "Frame".into(), colour: FRAME_COLOUR, rect, ..Frame::default() };
        cx.edit(Edit::SetFrame { id, frame: Some(frame) }, "frame");
    }

    fn line_up(&self, cx: &mut Cx<'_>, line: Line) {
        let items: Vec<_> =
            self.scene.items.iter().filter(|item| cx.selection.contains(&item.id)).collect();
        let boxes: Vec<(Pos2, Vec2)> =
            items.iter().map(|item| (item.rect.min, item.rect.size())).collect();
        let corners = arrange::line_up(&boxes, line);
        let moves = items
            .iter()
            .zip(corners)
            .filter_map(|(item, at)| move_edit(cx, &item.id, item.what, at));
        let edits = moves.collect();
        batch(cx, edits, "align");
    }

    fn arrange(&mut self, cx: &mut Cx<'_>) {
        let is_chosen = |id: &str| cx.selection.len() < 2 || cx.selection.contains(id);
        let items: Vec<_> = self
            .scene
            .items
            .iter()
            .filter(|item| item.what == What::Node && is_chosen(&item.id))
            .collect();
        let ids = items.iter().map(|item| item.id.as_str()).collect();
        let (graph, registry) = (cx.document.graph(), cx.document.registry());
        let places = arrange::places_of(graph, registry, &ids);
        let Some(bounds) = items.iter().map(|i| i.rect).reduce(Rect::union) else { return };
        let to = |id: &String, at: &Pos2| {
            let at = snapped(bounds.min + at.to_vec2());
            Edit::Move { node: id.clone(), at: Some(at.into()) }
        };
        let edits = places.iter().map(|(id, at)| to(id, at)).collect();
        batch(cx, edits, "arrange");
        self.to_show = Some(Show::All);
    }

    fn begin_renaming(&mut self, cx: &Cx<'_>) {
        let graph = cx.document.graph();
        let Some(id) = self.frame.clone().or_else(|| cx.selection.first().cloned()) else { return };
        let of_item = || self.scene.item(&id).map(|item| item.title.clone());
        let title = graph.frame(&id).map(|frame| frame.title.clone()).or_else(of_item);
        if let Some(text) = title {
            self.renaming = Some(Renaming { id, text, is_new: true });
        }
    }

    /// The field in which a title is typed.
    pub(super) fn show_renaming(&mut self, ui: &Ui, cx: &mut Cx<'_>) {
        let Some(mut renaming) = self.renaming.take() else { return };
        let frame = self.scene.frames.iter().find(|frame| frame.id == renaming.id);
        let item = self.scene.item(&renaming.id).map(|item| item.rect);
        let Some(rect) = item.or(frame.map(|frame| frame.rect)) else { return };
        let at = self.camera.screen(rect.min);
        let area = egui::Area::new(Id::unique("rename")).order(Order::Foreground).fixed_pos(at);
        let field = area.show(ui.ctx(), |ui| {
            let edit = TextEdit::singleline(&mut renaming.text).desired_width(180.0);
            let response = ui.add(edit.margin(vec2(8.0, 5.0)));
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::accesskit::Role::TextInput, true, "title")
            });
            response
        });
        if std::mem::take(&mut renaming.is_new) {
            field.inner.request_focus();
        }
        let is_left = ui.input(|i| i.key_pressed(Key::Escape));
        if field.inner.lost_focus() && !is_left {
            rename(cx, &renaming.id, renaming.text.trim());
        } else if !is_left {
            self.renaming = Some(renaming);
        }
    }

    /// Arrows go to the next node that way; with Shift they move what is selected.
    pub(super) fn take_arrows(&mut self, ui: &Ui, cx: &mut Cx<'_>) {
        let pressed = |key| ui.input(|i| i.key_pressed(key) && !i.modifiers.command);
        let ways = [
            (Key::ArrowLeft, vec2(-1.0, 0.0)),
            (Key::ArrowRight, vec2(1.0, 0.0)),
            (Key::ArrowUp, vec2(0.0, -1.0)),
            (Key::ArrowDown, vec2(0.0, 1.0)),
        ];
        let Some((_, way)) = ways.into_iter().find(|(key, _)| pressed(*key)) else { return };
        if ui.ctx().text_edit_focused() || ui.ctx().memory(|m| m.focused().is_some()) {
            return;
        }
        if ui.input(|i| i.modifiers.shift) {
            let moves = self.scene.items.iter().filter(|item| cx.selection.contains(&item.id));
            let moves = moves
                .filter_map(|item| move_edit(cx, &item.id, item.what, item.rect.min + way * SNAP));
            let edits = moves.collect();
            batch(cx, edits, "move");
        } else if let Some(next) = self.next(cx, way) {
            cx.commands.push(Command::Select(vec![next.clone()]));
            let is_seen = |id: &str| {
                self.scene.item(id).is_some_and(|i| self.camera.seen().contains_rect(i.rect))
            };
            if !is_seen(&next) {
                self.to_show = Some(Show::Items([next].into()));
            }
        }
    }

    /// The nearest item that way from the selected one; what lies aside counts as farther.
    fn next(&self, cx: &Cx<'_>, way: Vec2) -> Option<String> {
        let from = cx.selection.first().and_then(|id| self.scene.item(id));
        let Some(from) = from else { return self.scene.items.first().map(|item| item.id.clone()) };
        let others = self.scene.items.iter().filter(|i| i.id != from.id && i.what != What::Beyond);
        let distance = |item: &&super::Item| {
            let by = item.rect.center() - from.rect.center();
            let (along, aside) = (by.dot(way), by.dot(way.rot90()).abs());
            (along > 1.0).then_some(along + 2.0 * aside)
        };
        let reachable = others.filter_map(|item| Some((distance(&item)?, &item.id)));
        reachable.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id.clone())
    }
}

/// Nodes, and all that are in groups.
fn nodes_of(cx: &Cx<'_>, ids: &BTreeSet<String>) -> BTreeSet<String> {
    let graph = cx.document.graph();
    let own = ids.iter().filter(|id| graph.node(id).is_some()).map(String::as_str);
    let groups = ids.iter().filter(|id| graph.group(id).is_some());
    own.chain(groups.flat_map(|id| graph.nodes_within(id))).map(str::to_owned).collect()
}

fn batch(cx: &mut Cx<'_>, edits: Vec<Edit>, label: &str) {
    if !edits.is_empty() {
        cx.edit(Edit::Batch(edits), label);
    }
}

fn move_edit(cx: &Cx<'_>, id: &str, what: What, at: Pos2) -> Option<Edit> {
    match what {
        What::Node => Some(Edit::Move { node: id.to_owned(), at: Some(at.into()) }),
        What::Group => {
            let group = cx.document.graph().group(id)?.clone();
            let group = Some(Group { at: at.into(), ..group });
            Some(Edit::SetGroup { id: id.to_owned(), group })
        }
        What::Beyond => None,
    }
}

fn rename(cx: &mut Cx<'_>, id: &str, title: &str) {
    let graph = cx.document.graph();
    let edit = if let Some(frame) = graph.frame(id) {
        let frame = Frame { title: title.to_owned(), ..frame.clone() };
        Edit::SetFrame { id: id.to_owned(), frame: Some(frame) }
    } else if let Some(group) = graph.group(id) {
        let group = Group { title: title.to_owned(), ..group.clone() };
        Edit::SetGroup { id: id.to_owned(), group: Some(group) }
    } else {
        let of_kind = cx.spec(id).map(|spec| spec.label);
        // The name of the kind is what a node has without one.
        let label = Some(title).filter(|t| !t.is_empty() && Some(*t) != of_kind);
        Edit::SetLabel { node: id.to_owned(), label: label.map(str::to_owned) }
    };
    cx.edit(edit, "rename");
}

/// What an edit adds to the open group, and where: nodes and groups, without what is in those.
fn shown_in(edit: &Edit, open: Option<&str>) -> Vec<(String, What, Pos2)> {
    let mut edits = vec![edit];
    let (mut shown, mut hidden) = (Vec::new(), BTreeSet::new());
    while let Some(edit) = edits.pop() {
        match edit {
            Edit::Batch(inner) => edits.extend(inner),
            Edit::AddNode { id, at: Some(at), .. } => {
                shown.push((id.clone(), What::Node, (*at).into()));
            }
            Edit::SetGroup { id, group: Some(group) } if group.parent.as_deref() == open => {
                shown.push((id.clone(), What::Group, group.at.into()));
            }
            Edit::SetMember { node, group } if group.as_deref() != open => {
                hidden.insert(node.clone());
            }
            _ => {}
        }
    }
    shown.retain(|(id, ..)| !hidden.contains(id));
    shown
}
