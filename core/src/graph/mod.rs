//! The document: what a person edits, what the patch file holds, and what compiles to a plan.
//!
//! It holds any kind, port and value, known to this build or not; `compile` judges them.

mod arrange;
mod canvas;
mod edit;
mod history;
mod mentions;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

pub use canvas::{Boundary, Frame, Group, MAX_NESTING};
pub use edit::{Applied, Cost, Edit, EditError};
pub use history::History;
pub use wire::{Wire, WireEnds, WireError, is_id};

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::stable_graph::{EdgeIndex, NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use serde_json::Value as Json;

use canvas::Canvas;

use crate::clock::{Clock, Fps};
use crate::param::ParamValue;
use crate::spec::NodeSpec;

/// JSON members by name that this build does not interpret.
pub type Extra = BTreeMap<String, Json>;

/// Who made the patch, and what it is. Empty texts are not written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// Name of the piece.
    pub title: String,
    /// Who made it.
    pub author: String,
    /// Under which terms others may use it, as an SPDX expression.
    pub licence: String,
    /// What it does, and what to play to it.
    pub description: String,
    /// Members that this build does not know.
    pub extra: Extra,
}

/// Whether a node runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It runs.
    #[default]
    Active,
    /// It does not run, and each output passes on what comes into the first input of its type, or
    /// else into the first that converts to it; nothing where there is none.
    Bypassed,
    /// It does not run, and its outputs give nothing.
    Muted,
}

impl Mode {
    /// How the patch file writes it; nothing for an active node.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Bypassed => Some("bypass"),
            Self::Muted => Some("mute"),
        }
    }
}

/// A node of the document: its kind and what differs from the kind's defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GraphNode {
    /// Kind, `category.name`; may be one that this build does not know.
    pub kind: String,
    /// Version of the kind for which the parameters were set.
    pub version: u32,
    /// Name on its face where a person gave one.
    pub label: Option<String>,
    /// Whether it runs.
    pub mode: Mode,
    /// Parameters that were set, by id.
    pub params: BTreeMap<String, ParamValue>,
    /// Members that this build does not know.
    pub extra: Extra,
}

impl GraphNode {
    /// A node of this kind at its defaults.
    pub fn new(spec: &NodeSpec) -> Self {
        Self { kind: spec.kind.to_owned(), version: spec.version, ..Self::default() }
    }

    /// Sets a parameter, for building graphs in code.
    pub fn with(mut self, param: &str, value: impl Into<ParamValue>) -> Self {
        self.params.insert(param.to_owned(), value.into());
        self
    }
}

#[derive(Debug, Clone)]
struct Entry {
    id: String,
    node: GraphNode,
}

/// The graph document. Every iterator runs in order of id or of text, however it was built.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    about: About,
    clock: Clock,
    pub(crate) clock_extra: Extra,
    seed: u64,
    bindings: BTreeMap<String, Json>,
    presets: BTreeMap<String, Json>,
    cues: Option<Json>,
    pub(crate) extra: Extra,
    layout: BTreeMap<String, [f32; 2]>,
    canvas: Canvas,
    graph: StableDiGraph<Entry, Wire>,
    // petgraph's indices follow insertion: everything is found, and listed, through these.
    by_id: BTreeMap<String, NodeIndex>,
    by_ends: BTreeMap<WireEnds, EdgeIndex>,
}

/// Samples a second that a patch may ask for.
pub(crate) const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;
/// Frames a second that a patch may ask for.
pub(crate) const FPS_HZ: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;

impl Graph {
    /// An empty document at 48 kHz and 60 frames a second.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who made it, and what it is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Its sample rate and frame rate, at the usual block length.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Its seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// All nodes with their ids, in order of id.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &GraphNode)> {
        self.by_id
            .values()
            .filter_map(|&i| self.graph.node_weight(i))
            .map(|e| (e.id.as_str(), &e.node))
    }

    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&GraphNode> {
        self.graph.node_weight(*self.by_id.get(id)?).map(|e| &e.node)
    }

    /// Number of nodes.
    pub fn num_nodes(&self) -> usize {
        self.by_id.len()
    }

    /// All wires, in order of their text.
    pub fn wires(&self) -> impl Iterator<Item = &Wire> {
        self.by_ends.values().filter_map(|&i| self.graph.edge_weight(i))
    }

    /// The wire between these ends.
    pub fn wire(&self, ends: &WireEnds) -> Option<&Wire> {
        self.graph.edge_weight(*self.by_ends.get(ends)?)
    }

    /// The wires that start or end at a node, in order of their text.
    pub fn wires_of(&self, id: &str) -> impl Iterator<Item = &Wire> {
        let node = self.by_id.get(id).copied();
        let mut wires: Vec<&Wire> = node
            .into_iter()
            .flat_map(|i| {
                let out = self.graph.edges_directed(i, Direction::Outgoing);
                // A wire from a node to itself is among both.
                let into = self
                    .graph
                    .edges_directed(i, Direction::Incoming)
                    .filter(move |e| e.source() != i);
                out.chain(into).map(|e| e.weight())
            })
            .collect();
        wires.sort_by(|a, b| a.ends.cmp(&b.ends));
        wires.into_iter()
    }

    /// Some of its nodes and wires alone, with its clock and seed.
    pub(crate) fn part(
        &self,
        has_node: impl Fn(&str) -> bool,
        has_wire: impl Fn(&Wire) -> bool,
    ) -> Self {
        let mut part = Self { clock: self.clock, seed: self.seed, ..Self::default() };
        for (id, node) in self.nodes().filter(|(id, _)| has_node(id)) {
            let entry = Entry { id: id.to_owned(), node: node.clone() };
            part.by_id.insert(id.to_owned(), part.graph.add_node(entry));
        }
        for wire in self.wires().filter(|wire| has_wire(wire)) {
            let ends = [&wire.ends.from, &wire.ends.to].map(|id| part.by_id.get(id).copied());
            let [Some(from), Some(to)] = ends else { continue };
            let edge = part.graph.add_edge(from, to, wire.clone());
            part.by_ends.insert(wire.ends.clone(), edge);
        }
        part
    }

    /// What OSC or MIDI is bound to, by `node.param`: raw, in order of target.
    pub fn bindings(&self) -> &BTreeMap<String, Json> {
        &self.bindings
    }

    /// Presets by name: raw.
    pub fn presets(&self) -> &BTreeMap<String, Json> {
        &self.presets
    }

    /// The cue list: raw.
    pub fn cues(&self) -> Option<&Json> {
        self.cues.as_ref()
    }

    /// Top-level members of the file that this build does not know.
    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    /// Where a node's upper left corner stands on the canvas, `[x, y]` in points.
    pub fn position(&self, id: &str) -> Option<[f32; 2]> {
        self.layout.get(id).copied()
    }

    /// All positions, in order of id.
    pub fn layout(&self) -> impl Iterator<Item = (&str, [f32; 2])> {
        self.layout.iter().map(|(id, at)| (id.as_str(), *at))
    }

    /// A free id for a new node of this kind: `chroma_1`, `chroma_2`, …
    pub fn fresh_id(&self, spec: &NodeSpec) -> String {
        canvas::fresh(spec.stem(), |id| self.by_id.contains_key(id) || self.is_steered(id))
    }

    /// Ids that no new node may have: those of nodes, and what bindings, presets or cues name.
    pub(crate) fn taken_ids(&self) -> BTreeSet<String> {
        let bound = self.bindings.keys().filter_map(|target| target.split_once('.'));
        let named = self.presets.values().chain(&self.cues).flat_map(mentions::nodes);
        let bound = bound.map(|(node, _)| node.to_owned());
        self.by_id.keys().cloned().chain(bound).chain(named).collect()
    }

    /// Whether bindings, presets or cues name the node.
    fn is_steered(&self, id: &str) -> bool {
        self.bindings_of(id).next().is_some()
            || self.presets.values().chain(&self.cues).any(|json| mentions::mentions(json, id))
    }

    /// Bindings of the parameters of a node.
    fn bindings_of(&self, id: &str) -> impl Iterator<Item = (&String, &Json)> {
        let start = format!("{id}.");
        self.bindings.range(start.clone()..).take_while(move |(t, _)| t.starts_with(&start))
    }
}

/// Whether a patch may run by these rates.
pub(crate) fn clock_is_sane(sample_rate_hz: u32, fps: Fps) -> bool {
    SAMPLE_RATES_HZ.contains(&sample_rate_hz) && FPS_HZ.contains(&fps.hz())
}
