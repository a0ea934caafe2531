//! Edits: each says what it changes, and applying it gives back its inverse and its cost.

use std::collections::BTreeMap;

use petgraph::Direction;
use petgraph::stable_graph::NodeIndex;
use petgraph::visit::EdgeRef;
use serde_json::Value as Json;
use thiserror::Error;

use super::{
    About, Entry, Frame, Graph, GraphNode, Group, Mode, Wire, WireEnds, clock_is_sane, is_id,
    mentions,
};
use crate::clock::Fps;
use crate::param::ParamValue;
use crate::spec::{Change, Registry};

/// A change of the document.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the variants say what the fields are
pub enum Edit {
    /// Adds a node, at a place on the canvas if one is given.
    AddNode { id: String, node: GraphNode, at: Option<[f32; 2]> },
    /// Removes a node with its wires, bindings, place and all that the canvas holds of it.
    RemoveNode { id: String },
    /// Gives a node another id; wires, bindings, presets, cues and what the canvas holds follow.
    RenameNode { id: String, to: String },
    /// Lays a wire. It takes the place of those into the same input, and of one with the same ends;
    /// several into one parameter are summed.
    Connect { ends: WireEnds, depth: f32 },
    /// Removes a wire.
    Disconnect { ends: WireEnds },
    /// Removes and lays wires exactly as listed: the inverse of the other edits of wires.
    Rewire { remove: Vec<WireEnds>, add: Vec<Wire> },
    /// Sets the depth of a wire.
    SetDepth { ends: WireEnds, depth: f32 },
    /// Sets a parameter, or returns it to its default.
    SetParam { node: String, param: String, value: Option<ParamValue> },
    /// Puts a node on the canvas, `[x, y]` in points, or leaves its place open.
    Move { node: String, at: Option<[f32; 2]> },
    /// Names a node's face, or returns it to the name of its kind.
    SetLabel { node: String, label: Option<String> },
    /// Lets a node run, or passes it by, or silences it.
    SetMode { node: String, mode: Mode },
    /// Binds OSC or MIDI to a target `node.param`, or frees it.
    SetBinding { target: String, binding: Option<Json> },
    /// Stores a preset, or deletes it.
    SetPreset { name: String, preset: Option<Json> },
    /// Sets the cue list, or removes it.
    SetCues { cues: Option<Json> },
    /// Sets who made the patch, and what it is.
    SetAbout(About),
    /// Sets sample rate and frame rate.
    SetClock { sample_rate_hz: u32, fps: Fps },
    /// Sets the seed.
    SetSeed(u64),
    /// Puts a frame on the canvas, or removes it.
    SetFrame { id: String, frame: Option<Frame> },
    /// Shows the title of a node alone, or all of it.
    SetCollapsed { node: String, collapsed: bool },
    /// Leads a wire through points, `[x, y]`, from its output on; without any it runs straight.
    /// They go with the wire.
    SetBends { ends: WireEnds, points: Vec<[f32; 2]> },
    /// Makes or changes a group, or dissolves it: what lies in it moves to its parent.
    SetGroup { id: String, group: Option<Group> },
    /// Puts a node into a group, out of the one in which it was; without one onto the canvas.
    SetMember { node: String, group: Option<String> },
    /// Several edits in turn, all or none.
    Batch(Vec<Edit>),
}

/// What an edit asks of the engine, the cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cost {
    /// Nothing: only the editor shows it.
    View,
    /// A number that the running plan takes over.
    Value,
    /// A new plan, in which the nodes that stay keep their instances.
    Structure,
    /// New instances in place of running ones, prepared on a worker.
    Device,
}

/// What an edit did.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The edit that takes it back.
    pub inverse: Edit,
    /// What it asks of the engine.
    pub cost: Cost,
}

/// Why an edit cannot be made. The document is then as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    /// A node that the edit names is not there.
    #[error("there is no node `{0}`")]
    NoSuchNode(String),
    /// A wire that the edit names is not there.
    #[error("there is no wire `{0}`")]
    NoSuchWire(String),
    /// The id belongs to a node, or bindings, presets or cues name one that is missing.
    #[error("the id `{0}` is taken")]
    IdTaken(String),
    /// A group that the edit names is not there.
    #[error("there is no group `{0}`")]
    NoSuchGroup(String),
    /// The group would lie in itself.
    #[error("the group `{0}` cannot lie in itself")]
    GroupInItself(String),
    /// Too many groups would lie one in the other.
    #[error("the group `{0}` lies too deep: {max} groups may lie one in the other", max = super::canvas::MAX_NESTING)]
    TooDeep(String),
    /// There is such a wire already.
    #[error("there is a wire `{0}` already")]
    WireTaken(String),
    /// The name does not follow the grammar of ids.
    #[error("`{0}` cannot be an id: use letters, digits and underscores, and begin with no digit")]
    BadId(String),
    /// A number is infinite or not a number, which the file cannot hold.
    #[error("{0} must be a finite number")]
    NotFinite(String),
    /// Sample rate or frame rate is out of range.
    #[error(
        "{sample_rate_hz} Hz at {fps_hz} frames a second is out of range: 1000 to 768000 Hz, 0.01 to 1000 frames a second"
    )]
    BadClock {
        /// Samples a second.
        sample_rate_hz: u32,
        /// Frames a second, as text.
        fps_hz: String,
    },
}

pub(super) type Outcome = Result<Applied, EditError>;

pub(super) fn done(cost: Cost, inverse: Edit) -> Outcome {
    Ok(Applied { inverse, cost })
}

impl Graph {
    /// Makes an edit. `registry` tells inputs from parameters, and what a parameter's change costs;
    /// values, kinds and ports are not judged here but by `compile`.
    pub fn apply(&mut self, edit: Edit, registry: &Registry) -> Outcome {
        match edit {
            Edit::AddNode { id, node, at } => self.add_node(id, node, at),
            Edit::RemoveNode { id } => self.remove_node(&id),
            Edit::RenameNode { id, to } => self.rename_node(id, to),
            Edit::Connect { ends, depth } => self.connect(ends, depth, registry),
            Edit::Disconnect { ends } => self.rewire(vec![ends], Vec::new()),
            Edit::Rewire { remove, add } => self.rewire(remove, add),
            Edit::SetDepth { ends, depth } => self.set_depth(ends, depth),
            Edit::SetParam { node, param, value } => self.set_param(node, param, value, registry),
            Edit::Move { node, at } => self.move_node(node, at),
            Edit::SetLabel { node, label } => {
                let old = std::mem::replace(&mut self.node_mut(&node)?.label, label);
                done(Cost::View, Edit::SetLabel { node, label: old })
            }
            Edit::SetMode { node, mode } => {
                let old = std::mem::replace(&mut self.node_mut(&node)?.mode, mode);
                done(Cost::Structure, Edit::SetMode { node, mode: old })
            }
            Edit::SetBinding { target, binding } => {
                let old = replace(&mut self.bindings, &target, binding);
                done(Cost::Value, Edit::SetBinding { target, binding: old })
            }
            Edit::SetPreset { name, preset } => {
                let old = replace(&mut self.presets, &name, preset);
                done(Cost::View, Edit::SetPreset { name, preset: old })
            }
            Edit::SetCues { cues } => {
                let old = std::mem::replace(&mut self.cues, cues);
                done(Cost::View, Edit::SetCues { cues: old })
            }
            Edit::SetAbout(about) => {
                done(Cost::View, Edit::SetAbout(std::mem::replace(&mut self.about, about)))
            }
            Edit::SetClock { sample_rate_hz, fps } => self.set_clock(sample_rate_hz, fps),
            Edit::SetSeed(seed) => {
                done(Cost::Structure, Edit::SetSeed(std::mem::replace(&mut self.seed, seed)))
            }
            Edit::SetFrame { id, frame } => self.set_frame(id, frame),
            Edit::SetCollapsed { node, collapsed } => self.set_collapsed(node, collapsed),
            Edit::SetBends { ends, points } => self.set_bends(ends, points),
            Edit::SetGroup { id, group } => self.set_group(id, group),
            Edit::SetMember { node, group } => self.set_member(node, group),
            Edit::Batch(edits) => self.batch(edits, registry),
        }
    }

    fn add_node(&mut self, id: String, node: GraphNode, at: Option<[f32; 2]>) -> Outcome {
        if !is_id(&id) {
            return Err(EditError::BadId(id));
        }
        if self.by_id.contains_key(&id) {
            return Err(EditError::IdTaken(id));
        }
        for (param, value) in &node.params {
            check_value(&id, param, value)?;
        }
        check_place(&id, at)?;
        // Removing the node again must leave the bindings that were there before it.
        let mut inverse = vec![Edit::RemoveNode { id: id.clone() }];
        inverse.extend(self.bindings_of(&id).map(|(target, binding)| restore(target, binding)));
        replace(&mut self.layout, &id, at);
        let index = self.graph.add_node(Entry { id: id.clone(), node });
        self.by_id.insert(id, index);
        done(Cost::Structure, one_or_batch(inverse))
    }

    fn remove_node(&mut self, id: &str) -> Outcome {
        let index = *self.by_id.get(id).ok_or_else(|| EditError::NoSuchNode(id.to_owned()))?;
        let wires: Vec<Wire> = self.wires_of(id).cloned().collect();
        let bindings: Vec<Edit> = self.bindings_of(id).map(|(t, b)| restore(t, b)).collect();
        self.bindings.retain(|target, _| target.split_once('.').is_none_or(|(n, _)| n != id));
        for wire in &wires {
            self.by_ends.remove(&wire.ends);
        }
        let bends: Vec<Edit> = wires.iter().filter_map(|w| self.take_bends(&w.ends)).collect();
        let canvas = self.take_off_canvas(id);
        let at = self.layout.remove(id);
        self.by_id.remove(id);
        let Some(entry) = self.graph.remove_node(index) else {
            return Err(EditError::NoSuchNode(id.to_owned()));
        };
        let mut inverse = vec![Edit::AddNode { id: entry.id, node: entry.node, at }];
        if !wires.is_empty() {
            inverse.push(Edit::Rewire { remove: Vec::new(), add: wires });
        }
        inverse.extend(bindings.into_iter().chain(bends).chain(canvas));
        done(Cost::Structure, one_or_batch(inverse))
    }

    fn rename_node(&mut self, id: String, to: String) -> Outcome {
        let index = *self.by_id.get(&id).ok_or_else(|| EditError::NoSuchNode(id.clone()))?;
        if !is_id(&to) {
            return Err(EditError::BadId(to));
        }
        if id != to && (self.by_id.contains_key(&to) || self.is_steered(&to)) {
            return Err(EditError::IdTaken(to));
        }
        self.rename_wire_ends(index, &id, &to);
        self.bindings = std::mem::take(&mut self.bindings)
            .into_iter()
            .map(|(target, binding)| match target.strip_prefix(&id) {
                Some(rest) if rest.starts_with('.') => (format!("{to}{rest}"), binding),
                _ => (target, binding),
            })
            .collect();
        for json in self.presets.values_mut().chain(&mut self.cues) {
            mentions::rename(json, &id, &to);
        }
        if let Some(at) = self.layout.remove(&id) {
            self.layout.insert(to.clone(), at);
        }
        self.rename_on_canvas(&id, &to);
        self.by_id.remove(&id);
        self.by_id.insert(to.clone(), index);
        if let Some(entry) = self.graph.node_weight_mut(index) {
            entry.id.clone_from(&to);
        }
        done(Cost::Structure, Edit::RenameNode { id: to, to: id })
    }

    fn rename_wire_ends(&mut self, index: NodeIndex, id: &str, to: &str) {
        let outgoing = self.graph.edges_directed(index, Direction::Outgoing);
        let incoming = self.graph.edges_directed(index, Direction::Incoming);
        let edges: Vec<_> = outgoing.chain(incoming).map(|e| e.id()).collect();
        for edge in edges {
            let Some(Wire { ends, .. }) = self.graph.edge_weight_mut(edge) else { continue };
            self.by_ends.remove(ends);
            let bends = self.canvas.bends.remove(ends);
            for end in [&mut ends.from, &mut ends.to] {
                if end == id {
                    to.clone_into(end);
                }
            }
            self.by_ends.insert(ends.clone(), edge);
            if let Some(points) = bends {
                self.canvas.bends.insert(ends.clone(), points);
            }
        }
    }

    fn connect(&mut self, ends: WireEnds, depth: f32, registry: &Registry) -> Outcome {
        let spec = self.node(&ends.to).and_then(|n| registry.of(n));
        let is_input = spec.is_some_and(|s| s.input(&ends.port).is_some());
        let remove = self
            .wires_of(&ends.to)
            .filter(|w| {
                w.ends == ends || is_input && (&w.ends.to, &w.ends.port) == (&ends.to, &ends.port)
            })
            .map(|w| w.ends.clone())
            .collect();
        self.rewire(remove, vec![Wire { ends, depth }])
    }

    fn rewire(&mut self, remove: Vec<WireEnds>, add: Vec<Wire>) -> Outcome {
        let mut removed = Vec::new();
        let mut added = Vec::new();
        if let Err(error) = self.try_rewire(remove, add, &mut removed, &mut added) {
            self.try_rewire(added, removed, &mut Vec::new(), &mut Vec::new())?;
            return Err(error);
        }
        let gone = removed.iter().filter(|w| !self.by_ends.contains_key(&w.ends));
        let gone: Vec<WireEnds> = gone.map(|w| w.ends.clone()).collect();
        let mut inverse = vec![Edit::Rewire { remove: added, add: removed }];
        inverse.extend(gone.iter().filter_map(|ends| self.take_bends(ends)));
        done(Cost::Structure, one_or_batch(inverse))
    }

    fn try_rewire(
        &mut self,
        remove: Vec<WireEnds>,
        add: Vec<Wire>,
        removed: &mut Vec<Wire>,
        added: &mut Vec<WireEnds>,
    ) -> Result<(), EditError> {
        for ends in remove {
            let edge = self.by_ends.remove(&ends);
            let wire = edge.and_then(|e| self.graph.remove_edge(e));
            removed.push(wire.ok_or_else(|| EditError::NoSuchWire(ends.to_string()))?);
        }
        for wire in add {
            added.push(self.lay(wire)?);
        }
        Ok(())
    }

    fn lay(&mut self, wire: Wire) -> Result<WireEnds, EditError> {
        let ends = wire.ends.clone();
        let find = |id: &String| {
            self.by_id.get(id).copied().ok_or_else(|| EditError::NoSuchNode(id.clone()))
        };
        let (from, to) = (find(&ends.from)?, find(&ends.to)?);
        if !ends.is_well_formed() {
            return Err(EditError::BadId(ends.to_string()));
        }
        if self.by_ends.contains_key(&ends) {
            return Err(EditError::WireTaken(ends.to_string()));
        }
        check_depth(&ends, wire.depth)?;
        let edge = self.graph.add_edge(from, to, wire);
        self.by_ends.insert(ends.clone(), edge);
        Ok(ends)
    }

    fn set_depth(&mut self, ends: WireEnds, depth: f32) -> Outcome {
        check_depth(&ends, depth)?;
        let edge = self.by_ends.get(&ends).copied();
        let wire = edge
            .and_then(|e| self.graph.edge_weight_mut(e))
            .ok_or_else(|| EditError::NoSuchWire(ends.to_string()))?;
        let old = std::mem::replace(&mut wire.depth, depth);
        done(Cost::Value, Edit::SetDepth { ends, depth: old })
    }

    fn set_param(
        &mut self,
        node: String,
        param: String,
        value: Option<ParamValue>,
        registry: &Registry,
    ) -> Outcome {
        if let Some(value) = &value {
            check_value(&node, &param, value)?;
        }
        let target = self.node_mut(&node)?;
        let spec = registry.of(target);
        let rebuild = spec
            .and_then(|s| s.params.get(s.param(&param)?))
            .is_some_and(|p| p.change == Change::Rebuild);
        let old = replace(&mut target.params, &param, value);
        let cost = if rebuild { Cost::Device } else { Cost::Value };
        done(cost, Edit::SetParam { node, param, value: old })
    }

    fn move_node(&mut self, node: String, at: Option<[f32; 2]>) -> Outcome {
        self.node_mut(&node)?;
        check_place(&node, at)?;
        let old = replace(&mut self.layout, &node, at);
        done(Cost::View, Edit::Move { node, at: old })
    }

    fn set_clock(&mut self, sample_rate_hz: u32, fps: Fps) -> Outcome {
        if !clock_is_sane(sample_rate_hz, fps) {
            return Err(EditError::BadClock { sample_rate_hz, fps_hz: fps.hz().to_string() });
        }
        let old = (self.clock.sample_rate_hz, self.clock.fps);
        (self.clock.sample_rate_hz, self.clock.fps) = (sample_rate_hz, fps);
        done(Cost::Device, Edit::SetClock { sample_rate_hz: old.0, fps: old.1 })
    }

    fn batch(&mut self, edits: Vec<Edit>, registry: &Registry) -> Outcome {
        let mut cost = Cost::View;
        let mut inverse = Vec::with_capacity(edits.len());
        for edit in edits {
            match self.apply(edit, registry) {
                Ok(applied) => {
                    cost = cost.max(applied.cost);
                    inverse.push(applied.inverse);
                }
                Err(error) => {
                    for edit in inverse.into_iter().rev() {
                        self.apply(edit, registry)?;
                    }
                    return Err(error);
                }
            }
        }
        inverse.reverse();
        done(cost, Edit::Batch(inverse))
    }

    fn node_mut(&mut self, id: &str) -> Result<&mut GraphNode, EditError> {
        let index = self.by_id.get(id).copied();
        index
            .and_then(|i| self.graph.node_weight_mut(i))
            .map(|entry| &mut entry.node)
            .ok_or_else(|| EditError::NoSuchNode(id.to_owned()))
    }
}

/// Sets or removes the entry of `key`, and gives what was there.
pub(super) fn replace<T>(map: &mut BTreeMap<String, T>, key: &str, value: Option<T>) -> Option<T> {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    }
}

fn restore(target: &str, binding: &Json) -> Edit {
    Edit::SetBinding { target: target.to_owned(), binding: Some(binding.clone()) }
}

pub(super) fn one_or_batch(mut edits: Vec<Edit>) -> Edit {
    match edits.pop() {
        Some(edit) if edits.is_empty() => edit,
        last => {
            edits.extend(last);
            Edit::Batch(edits)
        }
    }
}

fn check_value(node: &str, param: &str, value: &ParamValue) -> Result<(), EditError> {
    match value {
        ParamValue::Float(v) if !v.is_finite() => {
            Err(EditError::NotFinite(format!("`{node}.{param}`")))
        }
        _ => Ok(()),
    }
}

fn check_depth(ends: &WireEnds, depth: f32) -> Result<(), EditError> {
    if depth.is_finite() {
        Ok(())
    } else {
        Err(EditError::NotFinite(format!("the depth of `{ends}`")))
    }
}

fn check_place(node: &str, at: Option<[f32; 2]>) -> Result<(), EditError> {
    if at.is_none_or(|at| at.iter().all(|v| v.is_finite())) {
        Ok(())
    } else {
        Err(EditError::NotFinite(format!("the place of `{node}`")))
    }
}
