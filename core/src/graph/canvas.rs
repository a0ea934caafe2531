//! What a person arranged on the canvas: frames, folded nodes, bends of wires, groups. It is a view
//! of the flat graph: `compile` never sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Extra, Graph, WireEnds};

/// Groups that may lie one in the other, the outermost included.
pub const MAX_NESTING: usize = 32;

/// A titled rectangle behind the nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// What it says.
    pub title: String,
    /// Red, green, blue: sRGB.
    pub colour: [u8; 3],
    /// `[x, y, width, height]` in points.
    pub rect: [f32; 4],
    /// Members that this build does not know.
    pub extra: Extra,
}

/// Several nodes that show as one. Their ids stay what they are, and so do all addresses.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Name on its face.
    pub title: String,
    /// Red, green, blue: sRGB.
    pub colour: [u8; 3],
    /// The group in which it lies; none where it lies on the canvas itself.
    pub parent: Option<String>,
    /// Where its upper left corner stands, `[x, y]` in points.
    pub at: [f32; 2],
    /// Parameters on its face, `node.param`, in the order in which they show.
    pub promoted: Vec<String>,
    /// Members that this build does not know.
    pub extra: Extra,
}

/// The wires that cross the edge of a group, in order of their ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Boundary {
    /// From outside to a node inside.
    pub into: Vec<WireEnds>,
    /// From a node inside to one outside.
    pub out_of: Vec<WireEnds>,
}

/// All that is arranged. Its edits keep to what is there: nodes, wires and groups that it names
/// exist, and no group lies in itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Canvas {
    pub(super) frames: BTreeMap<String, Frame>,
    pub(super) collapsed: BTreeSet<String>,
    pub(super) bends: BTreeMap<WireEnds, Vec<[f32; 2]>>,
    pub(super) groups: BTreeMap<String, Group>,
    /// Group by node.
    pub(super) members: BTreeMap<String, String>,
    pub(crate) extra: Extra,
}

impl Graph {
    /// All frames, in order of id.
    pub fn frames(&self) -> impl Iterator<Item = (&str, &Frame)> {
        self.canvas.frames.iter().map(|(id, frame)| (id.as_str(), frame))
    }

    /// The frame with this id.
    pub fn frame(&self, id: &str) -> Option<&Frame> {
        self.canvas.frames.get(id)
    }

    /// Whether a node shows its title alone.
    pub fn is_collapsed(&self, id: &str) -> bool {
        self.canvas.collapsed.contains(id)
    }

    /// The nodes that show their title alone, in order of id.
    pub fn collapsed(&self) -> impl Iterator<Item = &str> {
        self.canvas.collapsed.iter().map(String::as_str)
    }

    /// The points through which a wire is led, from its output on; none where it runs straight.
    pub fn bends(&self, ends: &WireEnds) -> &[[f32; 2]] {
        self.canvas.bends.get(ends).map_or(&[], Vec::as_slice)
    }

    /// All wires that are led through points, in order of their ends.
    pub fn bent_wires(&self) -> impl Iterator<Item = (&WireEnds, &[[f32; 2]])> {
        self.canvas.bends.iter().map(|(ends, points)| (ends, points.as_slice()))
    }

    /// All groups, in order of id.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &Group)> {
        self.canvas.groups.iter().map(|(id, group)| (id.as_str(), group))
    }

    /// The group with this id.
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.canvas.groups.get(id)
    }

    /// The groups that lie directly in `parent`, or on the canvas itself, in order of id.
    pub fn groups_in(&self, parent: Option<&str>) -> impl Iterator<Item = (&str, &Group)> {
        self.groups().filter(move |(_, group)| group.parent.as_deref() == parent)
    }

    /// The group in which a node lies directly.
    pub fn group_of(&self, node: &str) -> Option<&str> {
        self.canvas.members.get(node).map(String::as_str)
    }

    /// All nodes that lie in a group, each with the group, in order of node.
    pub fn memberships(&self) -> impl Iterator<Item = (&str, &str)> {
        self.canvas.members.iter().map(|(node, group)| (node.as_str(), group.as_str()))
    }

    /// The nodes that lie directly in a group, in order of id.
    pub fn members(&self, group: &str) -> impl Iterator<Item = &str> {
        self.memberships().filter(move |(_, g)| *g == group).map(|(node, _)| node)
    }

    /// The nodes that lie in a group and in the groups inside it, in order of id.
    pub fn nodes_within(&self, group: &str) -> impl Iterator<Item = &str> {
        let groups: BTreeSet<&str> = self
            .groups()
            .map(|(id, _)| id)
            .filter(|id| self.path_of(id).contains(&group))
            .collect();
        self.memberships().filter(move |(_, g)| groups.contains(g)).map(|(node, _)| node)
    }

    /// The way to a group: the groups around it from the outermost on, and itself at the end. Empty
    /// where there is no such group.
    pub fn path_of(&self, group: &str) -> Vec<&str> {
        let entry = |id: &str| self.canvas.groups.get_key_value(id);
        let around = |(_, group): &(&String, &Group)| entry(group.parent.as_deref()?);
        let mut path: Vec<&str> = std::iter::successors(entry(group), around)
            .take(MAX_NESTING)
            .map(|(id, _)| id.as_str())
            .collect();
        path.reverse();
        path
    }

    /// The wires that cross the edge of a group: its ports, as seen from its parent. What lies in
    /// groups inside it lies inside.
    pub fn boundary(&self, group: &str) -> Boundary {
        let inside: BTreeSet<&str> = self.nodes_within(group).collect();
        let mut boundary = Boundary::default();
        for ends in self.by_ends.keys() {
            match (inside.contains(ends.from.as_str()), inside.contains(ends.to.as_str())) {
                (false, true) => boundary.into.push(ends.clone()),
                (true, false) => boundary.out_of.push(ends.clone()),
                _ => {}
            }
        }
        boundary
    }

    /// A free id for a new frame: `frame_1`, `frame_2`, …
    pub fn fresh_frame_id(&self) -> String {
        fresh("frame", |id| self.canvas.frames.contains_key(id))
    }

    /// A free id for a new group: `group_1`, `group_2`, …
    pub fn fresh_group_id(&self) -> String {
        fresh("group", |id| self.canvas.groups.contains_key(id))
    }

    /// Members of `canvas` in the file that this build does not know.
    pub(crate) fn canvas_extra(&self) -> &Extra {
        &self.canvas.extra
    }

    pub(crate) fn set_canvas_extra(&mut self, extra: Extra) {
        self.canvas.extra = extra;
    }
}

/// The first of `{stem}_1`, `{stem}_2`, … that is not taken.
pub(crate) fn fresh(stem: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut n = 1_u64;
    loop {
        let id = format!("{stem}_{n}");
        if !is_taken(&id) {
            return id;
        }
        n += 1;
    }
}
