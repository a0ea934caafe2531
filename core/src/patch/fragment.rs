//! Parts of a patch as text: what a clipboard holds. It is a patch file like any other.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::read::inconsistent;
use super::{PatchError, parse, to_text};
use crate::graph::{Edit, Frame, Graph, Group, Wire, WireEnds};
use crate::spec::Registry;

/// How far to the right and down a copy lies of what it was made from, in points.
const OFFSET: [f32; 2] = [40.0, 40.0];

/// What is to be pasted.
#[derive(Debug, Clone, PartialEq)]
pub struct Pasted {
    /// Makes all of it at once.
    pub edit: Edit,
    /// Ids of the new nodes, in the order of the ids that they have in the text.
    pub nodes: Vec<String>,
}

/// The text of a patch of the nodes `ids` alone: with the wires among them and their bends, modes,
/// places, the bindings of their parameters, and the groups that lie wholly within. Ids that are not
/// there count nothing. Presets and cues stay behind.
pub fn fragment(graph: &Graph, registry: &Registry, ids: &BTreeSet<String>) -> String {
    let mut part = graph.part(|id| ids.contains(id), |_| true);
    let nodes: BTreeSet<String> = part.nodes().map(|(id, _)| id.to_owned()).collect();
    let mut edits = Vec::new();
    for node in &nodes {
        edits.push(Edit::Move { node: node.clone(), at: graph.position(node) });
        let collapsed = graph.is_collapsed(node);
        edits.push(Edit::SetCollapsed { node: node.clone(), collapsed });
    }
    let groups = whole_groups(graph, &nodes);
    for (id, group) in outermost_first(graph).into_iter().filter(|(id, _)| groups.contains(id)) {
        let mut group = group.clone();
        group.parent = group.parent.filter(|parent| groups.contains(parent.as_str()));
        group.promoted.retain(|target| nodes.contains(node_of(target)));
        edits.push(Edit::SetGroup { id: id.to_owned(), group: Some(group) });
    }
    for (node, group) in graph.memberships().filter(|(_, group)| groups.contains(group)) {
        let group = Some(group.to_owned());
        edits.push(Edit::SetMember { node: node.to_owned(), group });
    }
    for (ends, points) in graph.bent_wires().filter(|(ends, _)| part.wire(ends).is_some()) {
        edits.push(Edit::SetBends { ends: ends.clone(), points: points.to_vec() });
    }
    for (target, binding) in graph.bindings().iter().filter(|(t, _)| nodes.contains(node_of(t))) {
        let binding = Some(binding.clone());
        edits.push(Edit::SetBinding { target: target.clone(), binding });
    }
    // They name what is there: none can fail.
    let _ = part.apply(Edit::Batch(edits), registry);
    to_text(&part, registry)
}

/// The groups of which every node is among `nodes`. One without nodes goes with the one around it.
fn whole_groups<'a>(graph: &'a Graph, nodes: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let (mut whole, mut torn) = (BTreeSet::new(), BTreeSet::new());
    for (node, group) in graph.memberships() {
        let side = if nodes.contains(node) { &mut whole } else { &mut torn };
        side.extend(graph.path_of(group));
    }
    whole.retain(|group| !torn.contains(group));
    for (id, group) in outermost_first(graph) {
        if group.parent.as_deref().is_some_and(|parent| whole.contains(parent)) {
            whole.insert(id);
        }
    }
    whole
}

/// All groups, each after the one in which it lies.
fn outermost_first(graph: &Graph) -> Vec<(&str, &Group)> {
    let mut groups: Vec<(&str, &Group)> = graph.groups().collect();
    groups.sort_by_key(|(id, _)| graph.path_of(id).len());
    groups
}

/// The edit that adds the patch `text` to `graph`: its nodes with all that the canvas holds of them,
/// the upper left corner of those that show at `at`, or else a little off where they were, and
/// `into_group` where one is named. An id that is taken becomes a fresh one, `kick_1` to `kick_2`.
///
/// A binding comes along only where `graph` has no other to the same OSC address or MIDI control, so
/// that a copy is not steered by what steers the original, and what was cut keeps its controls.
/// Presets, cues, clock, seed and what the patch says of itself stay behind.
///
/// # Errors
/// As [`parse`], where `text` is no patch; and where there is no such group, or the groups would
/// lie too deep.
pub fn paste(
    text: &str,
    graph: &Graph,
    registry: &Registry,
    at: Option<[f32; 2]>,
    into_group: Option<&str>,
) -> Result<Pasted, PatchError> {
    let part = parse(text)?.graph;
    let new = New {
        nodes: fresh_ids(part.nodes().map(|(id, _)| id), &graph.taken_ids()),
        groups: fresh_ids(part.groups().map(|(id, _)| id), &ids_of(graph.groups())),
        frames: fresh_ids(part.frames().map(|(id, _)| id), &ids_of(graph.frames())),
        by: shift(&part, at),
        into_group,
    };
    let mut edits = new.nodes_and_wires(&part);
    edits.extend(new.canvas(&part));
    edits.extend(new.bindings(&part, graph));
    let edit = Edit::Batch(edits);
    let tried = graph.clone().apply(edit.clone(), registry);
    tried.map_err(|reason| inconsistent("what is pasted", reason))?;
    Ok(Pasted { edit, nodes: new.nodes.into_values().collect() })
}

/// How a patch changes as it is pasted.
struct New<'a> {
    /// New ids by those in the text.
    nodes: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
    frames: BTreeMap<String, String>,
    by: [f32; 2],
    into_group: Option<&'a str>,
}

impl New<'_> {
    fn node(&self, id: &str) -> String {
        renamed(&self.nodes, id)
    }

    /// The group in place of one of the text, or of none.
    fn group(&self, id: Option<&str>) -> Option<String> {
        id.map_or(self.into_group.map(String::from), |id| Some(renamed(&self.groups, id)))
    }

    fn ends(&self, ends: &WireEnds) -> WireEnds {
        let (from, to) = (self.node(&ends.from), self.node(&ends.to));
        WireEnds { from, to, ..ends.clone() }
    }

    fn target(&self, target: &str) -> String {
        match target.split_once('.') {
            Some((node, param)) => format!("{}.{param}", self.node(node)),
            None => target.to_owned(),
        }
    }

    /// A place, moved along; what would lie beyond all numbers stays at their end.
    fn place(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x + self.by[0], y + self.by[1]].map(|v| v.clamp(f32::MIN, f32::MAX))
    }

    fn nodes_and_wires(&self, part: &Graph) -> Vec<Edit> {
        let nodes = part.nodes().map(|(id, node)| {
            let at = part.position(id).map(|at| self.place(at));
            Edit::AddNode { id: self.node(id), node: node.clone(), at }
        });
        let wires = part.wires().map(|w| Wire { ends: self.ends(&w.ends), depth: w.depth });
        let wires = Edit::Rewire { remove: Vec::new(), add: wires.collect() };
        nodes.chain([wires]).collect()
    }

    fn canvas(&self, part: &Graph) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (id, group) in outermost_first(part) {
            let promoted = group.promoted.iter().map(|target| self.target(target)).collect();
            let (parent, at) = (self.group(group.parent.as_deref()), self.place(group.at));
            let group = Group { parent, at, promoted, ..group.clone() };
            edits.push(Edit::SetGroup { id: renamed(&self.groups, id), group: Some(group) });
        }
        for (id, _) in part.nodes() {
            let group = self.group(part.group_of(id));
            edits.extend(
                group.map(|group| Edit::SetMember { node: self.node(id), group: Some(group) }),
            );
        }
        for (id, frame) in part.frames() {
            let [x, y, width, height] = frame.rect;
            let [x, y] = self.place([x, y]);
            let frame = Frame { rect: [x, y, width, height], ..frame.clone() };
            edits.push(Edit::SetFrame { id: renamed(&self.frames, id), frame: Some(frame) });
        }
        let collapsed = part.collapsed().map(|id| self.node(id));
        edits.extend(collapsed.map(|node| Edit::SetCollapsed { node, collapsed: true }));
        edits.extend(part.bent_wires().map(|(ends, points)| {
            let points = points.iter().map(|at| self.place(*at)).collect();
            Edit::SetBends { ends: self.ends(ends), points }
        }));
        edits
    }

    fn bindings(&self, part: &Graph, graph: &Graph) -> Vec<Edit> {
        let taken: BTreeSet<String> = graph.bindings().values().flat_map(controls).collect();
        let is_free = |binding: &Json| controls(binding).all(|control| !taken.contains(&control));
        let of_nodes = part.bindings().iter().filter(|(t, _)| self.nodes.contains_key(node_of(t)));
        let free = of_nodes.filter(|(_, binding)| is_free(binding));
        free.map(|(target, binding)| {
            let binding = Some(binding.clone());
            Edit::SetBinding { target: self.target(target), binding }
        })
        .collect()
    }
}

/// What a binding listens to: its OSC address and its MIDI control, as text.
fn controls(binding: &Json) -> impl Iterator<Item = String> {
    ["osc", "midi"].into_iter().filter_map(|name| Some(format!("{name} {}", binding.get(name)?)))
}

/// From where it lies to where it should: by its upper left corner, that of the nodes and groups
/// which show.
fn shift(part: &Graph, at: Option<[f32; 2]>) -> [f32; 2] {
    let nodes = part.layout().filter(|(id, _)| part.group_of(id).is_none()).map(|(_, at)| at);
    let groups = part.groups_in(None).map(|(_, group)| group.at);
    let corner = nodes.chain(groups).reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1])]);
    match (at, corner) {
        (Some(at), Some(corner)) => [at[0] - corner[0], at[1] - corner[1]],
        (Some(_), None) => [0.0; 2],
        (None, _) => OFFSET,
    }
}

fn ids_of<'a, T>(entries: impl Iterator<Item = (&'a str, T)>) -> BTreeSet<String> {
    entries.map(|(id, _)| id.to_owned()).collect()
}

fn renamed(ids: &BTreeMap<String, String>, id: &str) -> String {
    ids.get(id).map_or(id, String::as_str).to_owned()
}

fn node_of(target: &str) -> &str {
    target.split_once('.').map_or(target, |(node, _)| node)
}

/// An id that is not taken for each of `ids`: itself, or its stem with the first free number.
fn fresh_ids<'a>(
    ids: impl Iterator<Item = &'a str>,
    taken: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    let (renamed, kept): (Vec<&str>, Vec<&str>) = ids.partition(|id| taken.contains(*id));
    let mut fresh: BTreeMap<String, String> =
        kept.iter().map(|id| ((*id).to_owned(), (*id).to_owned())).collect();
    let kept: BTreeSet<&str> = kept.into_iter().collect();
    let mut numbers = BTreeMap::<&str, u64>::new();
    for id in renamed {
        let stem = stem(id);
        let number = numbers.entry(stem).or_default();
        let new = loop {
            *number += 1;
            let new = format!("{stem}_{number}");
            if !taken.contains(&new) && !kept.contains(new.as_str()) {
                break new;
            }
        };
        fresh.insert(id.to_owned(), new);
    }
    fresh
}

/// An id without the number at its end.
fn stem(id: &str) -> &str {
    match id.rsplit_once('_') {
        Some((stem, number)) if number.chars().all(|c| c.is_ascii_digit()) => stem,
        _ => id,
    }
}
