//! What is to be seen of the document, with its geometry in points at 100 %. Everything follows from
//! the document and the specs, so it is made anew at a change and not at a frame.

use std::collections::{BTreeMap, BTreeSet};

use egui::{Color32, Pos2, Rect, Vec2, pos2, vec2};
use lumawire_core::graph::Mode;
use lumawire_core::plan::convert::{Fit, fit};
use lumawire_core::{Graph, GraphNode, NodeSpec, Port, PortType, Registry, WireEnds};

use super::arrange;
use crate::document::Document;
use crate::preview::face_height;
use crate::theme;

/// Width of a node.
pub const WIDTH: f32 = 176.0;
/// Height of its title.
pub const TITLE: f32 = 26.0;
/// Height of a row of ports.
pub const ROW: f32 = 19.0;
/// Space within a node.
pub const PAD: f32 = 6.0;
/// Radius of a port.
pub const PORT: f32 = 5.0;
/// Where nodes come to stand.
pub const SNAP: f32 = 8.0;

/// What an item of the canvas stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A node of the document.
    Node,
    /// A group, seen from outside.
    Group,
    /// A node outside of the open group that something inside is wired to.
    Beyond,
}

/// A box on the canvas.
#[derive(Debug, Clone)]
pub struct Item {
    /// The node's or group's id.
    pub id: String,
    /// What it stands for.
    pub what: What,
    /// What its title says.
    pub title: String,
    /// Its kind, for a node of a known kind.
    pub spec: Option<&'static NodeSpec>,
    /// Whether it runs.
    pub mode: Mode,
    /// Colour of its title.
    pub colour: Color32,
    /// Where it stands.
    pub rect: Rect,
    /// Where it shows an output, and which, if it does.
    pub face: Option<(Rect, &'static Port)>,
    /// Whether only its title is seen.
    pub is_collapsed: bool,
    /// On its left edge.
    pub inputs: Vec<PortView>,
    /// On its right edge.
    pub outputs: Vec<PortView>,
    /// `node.param` of the parameters on a group's face, and where.
    pub promoted: Vec<(String, Rect)>,
}

/// A port of an item.
#[derive(Debug, Clone)]
pub struct PortView {
    /// The node that has it.
    pub node: String,
    /// The port, or the parameter.
    pub port: String,
    /// What it is called.
    pub label: String,
    /// What it carries; `None` where nobody knows.
    pub ty: Option<PortType>,
    /// Whether it is a parameter.
    pub is_param: bool,
    /// Its centre.
    pub at: Pos2,
}

/// A wire as it is drawn.
#[derive(Debug, Clone)]
pub struct Link {
    /// The wire.
    pub ends: WireEnds,
    /// Where it begins.
    pub from: Pos2,
    /// Where it ends.
    pub to: Pos2,
    /// Points that it passes.
    pub bends: Vec<Pos2>,
    /// What the output gives.
    pub ty: Option<PortType>,
    /// The conversion on it.
    pub conversion: Option<&'static NodeSpec>,
    /// Whether it moves a parameter.
    pub is_modulation: bool,
    /// Whether its types do not fit.
    pub is_wrong: bool,
}

/// A titled frame behind nodes.
#[derive(Debug, Clone)]
pub struct FrameView {
    /// Its id.
    pub id: String,
    /// What it says.
    pub title: String,
    /// Its colour.
    pub colour: Color32,
    /// Where it is.
    pub rect: Rect,
}

/// What the scene was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SceneKey {
    /// Of the document.
    pub revision: u64,
    /// The open group.
    pub group: Option<String>,
    /// Whether nodes show their outputs.
    pub has_faces: bool,
}

/// Everything that is to be seen.
#[derive(Debug, Default)]
pub struct Scene {
    key: Option<SceneKey>,
    /// Boxes, in order of id.
    pub items: Vec<Item>,
    /// Wires.
    pub links: Vec<Link>,
    /// Frames.
    pub frames: Vec<FrameView>,
    by_id: BTreeMap<String, usize>,
}

impl Scene {
    /// Makes it anew if anything changed.
    pub fn update(&mut self, document: &Document, key: SceneKey) {
        if self.key.as_ref() != Some(&key) {
            *self = Builder::new(document, &key).build();
            self.key = Some(key);
        }
    }

    /// The item with this id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.get(*self.by_id.get(id)?)
    }

    /// What holds everything; `None` where there is nothing.
    pub fn bounds(&self) -> Option<Rect> {
        let items = self.items.iter().map(|item| item.rect);
        let all = items.chain(self.frames.iter().map(|frame| frame.rect));
        all.reduce(Rect::union)
    }

    /// The port at the end of a wire, on whatever item shows it.
    pub fn port(&self, node: &str, port: &str, is_output: bool) -> Option<(&Item, &PortView)> {
        let is_it = |p: &&PortView| p.node == node && p.port == port;
        self.items.iter().find_map(|item| {
            let ports = if is_output { &item.outputs } else { &item.inputs };
            Some((item, ports.iter().find(is_it)?))
        })
    }
}

/// Where a node is, seen from the open group.
enum Place {
    Here,
    Inside,
    Outside,
}

fn place(graph: &Graph, node: &str, open: Option<&str>) -> Place {
    let mut at = graph.group_of(node);
    if at == open {
        return Place::Here;
    }
    while let Some(group) = at {
        let parent = graph.group(group).and_then(|g| g.parent.as_deref());
        if parent == open {
            return Place::Inside;
        }
        at = parent;
    }
    Place::Outside
}

struct Builder<'a> {
    graph: &'a Graph,
    registry: &'a Registry,
    open: Option<&'a str>,
    has_faces: bool,
    scene: Scene,
    /// By node, output or not, and port: the item and its port.
    ports: BTreeMap<(String, bool, String), (usize, usize)>,
    fallback: BTreeMap<String, Pos2>,
}

impl<'a> Builder<'a> {
    fn new(document: &'a Document, key: &'a SceneKey) -> Self {
        let (graph, registry) = (document.graph(), document.registry());
        let is_placed = graph.nodes().all(|(id, _)| graph.position(id).is_some());
        let fallback = if is_placed { BTreeMap::new() } else { arrange::places(graph, registry) };
        let (open, has_faces) = (key.group.as_deref(), key.has_faces);
        let (scene, ports) = (Scene::default(), BTreeMap::new());
        Self { graph, registry, open, has_faces, scene, ports, fallback }
    }

    fn build(mut self) -> Scene {
        for (id, node) in self.graph.nodes() {
            if matches!(place(self.graph, id, self.open), Place::Here) {
                let item = self.node(id, node);
                self.push(item);
            }
        }
        for (id, group) in self.graph.groups() {
            if group.parent.as_deref() == self.open {
                let item = self.group(id);
                self.push(item);
            }
        }
        self.beyond();
        self.links();
        self.frames();
        self.scene
    }

    fn push(&mut self, item: Item) {
        let index = self.scene.items.len();
        for (list, is_output) in [(&item.inputs, false), (&item.outputs, true)] {
            for (i, port) in list.iter().enumerate() {
                let key = (port.node.clone(), is_output, port.port.clone());
                self.ports.insert(key, (index, i));
            }
        }
        self.scene.by_id.insert(item.id.clone(), index);
        self.scene.items.push(item);
    }

    fn position(&self, id: &str) -> Pos2 {
        let placed = self.graph.position(id).map(|[x, y]| pos2(x, y));
        placed.or_else(|| self.fallback.get(id).copied()).unwrap_or_default()
    }

    fn node(&self, id: &str, node: &GraphNode) -> Item {
        let spec = self.registry.of(node);
        let (inputs, outputs) = self.ports_of(id, spec);
        let title = node.label.clone().unwrap_or_else(|| {
            spec.map_or_else(|| node.kind.clone(), |spec| spec.label.to_owned())
        });
        let category = node.kind.split('.').next().unwrap_or_default();
        let face = spec.filter(|_| self.has_faces).and_then(|spec| self.shown_output(id, spec));
        let mut item = Item {
            id: id.to_owned(),
            what: What::Node,
            title,
            spec,
            mode: node.mode,
            colour: theme::category_colour(category),
            rect: Rect::NOTHING,
            face: None,
            is_collapsed: self.graph.is_collapsed(id),
            inputs,
            outputs,
            promoted: Vec::new(),
        };
        lay_out(&mut item, self.position(id), face);
        item
    }

    /// The output that a node shows: the first that somebody reads, else the first.
    fn shown_output(&self, id: &str, spec: &'static NodeSpec) -> Option<&'static Port> {
        let is_read = |port: &&Port| {
            self.graph.wires_of(id).any(|w| w.ends.from == id && w.ends.output == port.id)
        };
        spec.outputs.iter().find(is_read).or(spec.outputs.first())
    }

    /// Inputs, wired parameters and outputs of a node; of an unknown kind, those that wires name.
    fn ports_of(
        &self,
        id: &str,
        spec: Option<&'static NodeSpec>,
    ) -> (Vec<PortView>, Vec<PortView>) {
        let mut wired_in = BTreeSet::new();
        let mut wired_out = BTreeSet::new();
        for wire in self.graph.wires_of(id) {
            if wire.ends.to == id {
                wired_in.insert(wire.ends.port.as_str());
            }
            if wire.ends.from == id {
                wired_out.insert(wire.ends.output.as_str());
            }
        }
        let view = |port: &str, label: String, ty, is_param| PortView {
            node: id.to_owned(),
            port: port.to_owned(),
            label,
            ty,
            is_param,
            at: Pos2::ZERO,
        };
        let port = |p: &Port| view(p.id, spoken(p.id), Some(p.ty), false);
        let mut inputs: Vec<PortView> =
            spec.map(|s| s.inputs.iter().map(port).collect()).unwrap_or_default();
        let mut outputs: Vec<PortView> =
            spec.map(|s| s.outputs.iter().map(port).collect()).unwrap_or_default();
        for param in spec.map(|s| s.params).unwrap_or_default() {
            if wired_in.remove(param.id) {
                inputs.push(view(param.id, param.label.into(), Some(PortType::Control), true));
            }
        }
        let unknown = |list: &mut Vec<PortView>, wired: BTreeSet<&str>| {
            for port in wired {
                if !list.iter().any(|p| p.port == port) {
                    list.push(view(port, spoken(port), None, false));
                }
            }
        };
        unknown(&mut inputs, wired_in);
        unknown(&mut outputs, wired_out);
        (inputs, outputs)
    }

    fn port_at(&self, node: &str, port: &str, is_output: bool) -> PortView {
        let spec = self.graph.node(node).and_then(|node| self.registry.of(node));
        let ports = spec.map_or(&[][..], |s| if is_output { s.outputs } else { s.inputs });
        let declared = ports.iter().find(|p| p.id == port);
        let param = spec.and_then(|s| s.params.iter().find(|p| p.id == port));
        let is_param = !is_output && declared.is_none() && param.is_some();
        PortView {
            node: node.to_owned(),
            port: port.to_owned(),
            label: param.filter(|_| is_param).map_or_else(|| spoken(port), |p| p.label.into()),
            ty: declared.map(|p| p.ty).or(is_param.then_some(PortType::Control)),
            is_param,
            at: Pos2::ZERO,
        }
    }

    fn name_of(&self, node: &str) -> String {
        let Some(known) = self.graph.node(node) else { return node.to_owned() };
        let of_kind = || self.registry.of(known).map(|spec| spec.label.to_owned());
        known.label.clone().or_else(of_kind).unwrap_or_else(|| known.kind.clone())
    }

    /// A group from outside: a port for each inner port that something outside is wired to.
    fn group(&self, id: &str) -> Item {
        let boundary = self.graph.boundary(id);
        let inputs: BTreeSet<_> = boundary.into.iter().map(|e| (&e.to, &e.port)).collect();
        let outputs: BTreeSet<_> = boundary.out_of.iter().map(|e| (&e.from, &e.output)).collect();
        let view = |(node, port): (&String, &String), is_output| {
            let view = self.port_at(node, port, is_output);
            let label = format!("{} · {}", self.name_of(node), view.label);
            PortView { label, ..view }
        };
        let group = self.graph.group(id);
        let [r, g, b] = group.map_or([64; 3], |g| g.colour);
        let promoted = group.map(|g| g.promoted.clone()).unwrap_or_default();
        let mut item = Item {
            id: id.to_owned(),
            what: What::Group,
            title: group.map(|g| g.title.clone()).unwrap_or_default(),
            spec: None,
            mode: Mode::Active,
            colour: Color32::from_rgb(r, g, b),
            rect: Rect::NOTHING,
            face: None,
            is_collapsed: false,
            inputs: inputs.into_iter().map(|p| view(p, false)).collect(),
            outputs: outputs.into_iter().map(|p| view(p, true)).collect(),
            promoted: promoted.into_iter().map(|p| (p, Rect::NOTHING)).collect(),
        };
        let [x, y] = group.map_or([0.0; 2], |g| g.at);
        lay_out(&mut item, pos2(x, y), None);
        item
    }

    /// Nodes outside of the open group that are wired to what is inside, in a column on either side.
    fn beyond(&mut self) {
        if self.open.is_none() {
            return;
        }
        let Some(bounds) = self.scene.bounds() else { return };
        let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
        for wire in self.graph.wires() {
            let is_outside =
                |node: &str| matches!(place(self.graph, node, self.open), Place::Outside);
            match (is_outside(&wire.ends.from), is_outside(&wire.ends.to)) {
                (true, false) => drop(left.insert((&wire.ends.from, &wire.ends.output))),
                (false, true) => drop(right.insert((&wire.ends.to, &wire.ends.port))),
                _ => {}
            }
        }
        let columns =
            [(left, bounds.left() - WIDTH - 80.0, true), (right, bounds.right() + 80.0, false)];
        for (ports, x, is_output) in columns {
            for (i, (node, port)) in ports.into_iter().enumerate() {
                let view = self.port_at(node, port, is_output);
                let title = format!("{} · {}", self.name_of(node), view.label);
                let (inputs, outputs) =
                    if is_output { (Vec::new(), vec![view]) } else { (vec![view], Vec::new()) };
                let mut item = Item {
                    id: node.clone(),
                    what: What::Beyond,
                    title,
                    spec: None,
                    mode: Mode::Active,
                    colour: theme::RAISED,
                    rect: Rect::NOTHING,
                    face: None,
                    is_collapsed: true,
                    inputs,
                    outputs,
                    promoted: Vec::new(),
                };
                lay_out(&mut item, pos2(x, bounds.top() + i as f32 * (TITLE + 12.0)), None);
                self.push(item);
            }
        }
    }

    fn links(&mut self) {
        for wire in self.graph.wires() {
            let key = |node: &str, is_output, port: &str| {
                let found = self.ports.get(&(node.to_owned(), is_output, port.to_owned())).copied();
                found.map(|(item, port)| {
                    let item = &self.scene.items[item];
                    let ports = if is_output { &item.outputs } else { &item.inputs };
                    &ports[port]
                })
            };
            let ends = &wire.ends;
            let from = key(&ends.from, true, &ends.output);
            let to = key(&ends.to, false, &ends.port);
            // Both within one closed group, or both outside.
            let (Some(from), Some(to)) = (from, to) else { continue };
            let fits = from.ty.zip(to.ty).map(|(from, to)| fit(from, to));
            let link = Link {
                ends: ends.clone(),
                from: from.at,
                to: to.at,
                bends: self.graph.bends(ends).iter().map(|[x, y]| pos2(*x, *y)).collect(),
                ty: from.ty,
                conversion: match fits {
                    Some(Fit::Via(spec)) => Some(spec),
                    _ => None,
                },
                is_modulation: to.is_param,
                is_wrong: matches!(fits, Some(Fit::No)),
            };
            self.scene.links.push(link);
        }
    }

    fn frames(&mut self) {
        if self.open.is_some() {
            return;
        }
        for (id, frame) in self.graph.frames() {
            let [x, y, width, height] = frame.rect;
            let [r, g, b] = frame.colour;
            self.scene.frames.push(FrameView {
                id: id.to_owned(),
                title: frame.title.clone(),
                colour: Color32::from_rgb(r, g, b),
                rect: Rect::from_min_size(pos2(x, y), vec2(width, height)),
            });
        }
    }
}

/// Gives an item its size and its ports their places.
fn lay_out(item: &mut Item, at: Pos2, shown: Option<&'static Port>) {
    let (num_inputs, num_outputs) = (item.inputs.len(), item.outputs.len());
    // The ports of a group have long names: outputs stand below the inputs.
    let below = if item.what == What::Group { num_inputs } else { 0 };
    let num_rows = if item.is_collapsed { 0 } else { num_inputs.max(below + num_outputs) };
    let mut height = TITLE;
    if num_rows > 0 {
        height += PAD + num_rows as f32 * ROW;
    }
    if !item.is_collapsed {
        for (_, rect) in &mut item.promoted {
            let corner = at + vec2(PAD, height);
            *rect = Rect::from_min_size(corner, vec2(WIDTH - 2.0 * PAD, ROW));
            height += ROW;
        }
        let face_height = shown.map_or(0.0, |port| face_height(port.ty, WIDTH - 2.0));
        if let Some(port) = shown.filter(|_| face_height > 0.0) {
            let corner = at + vec2(1.0, height + PAD * 0.5);
            let rect = Rect::from_min_size(corner, vec2(WIDTH - 2.0, face_height));
            item.face = Some((rect, port));
            height += PAD * 0.5 + face_height + 1.0;
        } else {
            height += PAD * 0.5;
        }
    }
    item.rect = Rect::from_min_size(at, vec2(WIDTH, height));
    let is_collapsed = item.is_collapsed;
    let sides = [(&mut item.inputs, 0.0, 0), (&mut item.outputs, WIDTH, below)];
    for (ports, x, first) in sides {
        let num = ports.len().max(1) as f32;
        for (i, port) in ports.iter_mut().enumerate() {
            let y = if is_collapsed {
                TITLE * (i as f32 + 0.5) / num
            } else {
                TITLE + PAD * 0.5 + ROW * ((first + i) as f32 + 0.5)
            };
            port.at = at + vec2(x, y);
        }
    }
}

/// An id as a person reads it.
pub fn spoken(id: &str) -> String {
    id.replace('_', " ")
}

/// A place on the grid on which nodes come to stand.
pub fn snapped(at: Pos2) -> Pos2 {
    pos2((at.x / SNAP).round() * SNAP, (at.y / SNAP).round() * SNAP)
}

/// Size that a node of this kind has before it is wired.
pub fn size_of(spec: &NodeSpec) -> Vec2 {
    let rows = spec.inputs.len().max(spec.outputs.len()) as f32;
    let face = spec.outputs.first().map_or(0.0, |port| face_height(port.ty, WIDTH - 2.0));
    vec2(WIDTH, TITLE + PAD + rows * ROW + face + PAD)
}
