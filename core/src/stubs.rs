//! Node kinds for the tests of this crate: specs that matter, and a node that does nothing.

use crate::error::NodeError;
use crate::graph::{Edit, Graph, GraphNode, Wire};
use crate::node::{Io, Node};
use crate::param::ParamValue;
use crate::spec::{FileKind, NodeSpec, Param, Port, Rate, Registry, Role};
use crate::value::PortType;

struct Stub;

impl Node for Stub {
    fn process(&mut self, _: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }
}

const fn spec(
    kind: &'static str,
    rate: Rate,
    role: Role,
    inputs: &'static [Port],
    outputs: &'static [Port],
    params: &'static [Param],
) -> NodeSpec {
    let (label, doc) = (kind, "For tests.");
    let build = || -> Box<dyn Node> { Box::new(Stub) };
    NodeSpec { kind, version: 2, label, doc, rate, role, inputs, outputs, params, build }
}

const fn out(id: &'static str, ty: PortType) -> Port {
    Port::output(id, ty, "")
}

const fn opt(id: &'static str, ty: PortType) -> Port {
    Port::optional(id, ty, "")
}

const fn req(id: &'static str, ty: PortType) -> Port {
    Port::required(id, ty, "")
}

use PortType::{Audio, Bands, Chroma, Control, Image, Latent, LatentBank, Spectrum, Trigger};

pub static ALL: &[NodeSpec] = &[
    spec("stub.audio", Rate::Block, Role::Source, &[], &[out("audio", Audio)], &[]),
    spec(
        "stub.onset",
        Rate::Block,
        Role::Stateful,
        &[req("audio", Audio)],
        &[out("strength", Control), out("hits", Trigger)],
        &[
            Param::float("threshold", "Threshold", 0.3, (0.0, 1.0)),
            Param::int("window_len", "Window", 1024, (64, 8192)).rebuild(),
            Param::choice("mode", "Mode", &["flux", "energy"]),
        ],
    ),
    spec(
        "stub.spectrum",
        Rate::Block,
        Role::Stateful,
        &[req("audio", Audio)],
        &[out("spectrum", Spectrum)],
        &[],
    ),
    spec(
        "stub.chroma",
        Rate::Block,
        Role::Pure,
        &[req("spectrum", Spectrum)],
        &[out("chroma", Chroma)],
        &[],
    ),
    spec(
        "stub.smooth",
        Rate::Inherit,
        Role::Stateful,
        &[req("control", Control)],
        &[out("control", Control)],
        &[Param::float("secs", "Seconds", 0.1, (0.0, 10.0)).smooth()],
    ),
    spec(
        "stub.mix",
        Rate::Inherit,
        Role::Pure,
        &[opt("a", Control), opt("b", Control)],
        &[out("control", Control)],
        &[Param::float("gain", "Gain", 1.0, (0.0, 4.0)), Param::switch("invert", "Invert", false)],
    ),
    spec(
        "stub.count",
        Rate::Inherit,
        Role::Stateful,
        &[req("hits", Trigger)],
        &[out("count", Control)],
        &[],
    ),
    spec(
        "stub.gate",
        Rate::Block,
        Role::Pure,
        &[opt("control", Control)],
        &[out("control", Control)],
        &[Param::float("hold", "Hold", 0.0, (0.0, 1.0))],
    ),
    spec("stub.latent", Rate::Frame, Role::Pure, &[], &[out("latent", Latent)], &[]),
    spec(
        "stub.draw",
        Rate::Frame,
        Role::Pure,
        &[
            opt("level", Control),
            opt("hits", Trigger),
            opt("bands", Bands),
            opt("bank", LatentBank),
            opt("back", Image),
        ],
        &[out("image", Image), out("brightness", Control)],
        &[
            Param::float("size", "Size", 0.5, (0.0, 1.0)),
            Param::text("title", "Title", ""),
            Param::file("model", "Model", FileKind::Model),
        ],
    ),
    spec(
        "stub.roll",
        Rate::Frame,
        Role::Stateful,
        &[opt("audio", Audio), opt("bands", Bands)],
        &[out("image", Image)],
        &[],
    ),
    spec(
        "stub.delay",
        Rate::Inherit,
        Role::Delay,
        &[opt("control", Control)],
        &[out("control", Control)],
        &[Param::float("initial", "Initial", 0.0, (0.0, 1.0))],
    ),
    spec(
        "stub.feedback",
        Rate::Inherit,
        Role::Delay,
        &[opt("image", Image)],
        &[out("image", Image)],
        &[],
    ),
    spec(
        "stub.screen",
        Rate::Frame,
        Role::Sink,
        &[req("image", Image)],
        &[out("image", Image)],
        &[],
    ),
];

/// A registry of all stubs.
pub fn registry() -> Registry {
    Registry::new(ALL)
}

/// An edit that adds a node `id` of kind `stub.{stem}` with parameters.
pub fn add(id: &str, stem: &str, params: &[(&str, ParamValue)]) -> Edit {
    let kind = format!("stub.{stem}");
    let params = params.iter().map(|(id, v)| ((*id).to_owned(), v.clone())).collect();
    let node = GraphNode { kind, version: 2, params, ..GraphNode::default() };
    Edit::AddNode { id: id.to_owned(), node, at: None }
}

/// An edit that lays a wire beside those that are there.
pub fn lay(wire: &str) -> Edit {
    let wire: Wire = wire.parse().unwrap();
    Edit::Rewire { remove: Vec::new(), add: vec![wire] }
}

/// A graph of nodes `id: stem`, laid out as `"onset_1: onset, mix_1: mix"`, and wires.
pub fn graph(nodes: &str, wires: &[&str]) -> Graph {
    let mut graph = Graph::new();
    let registry = registry();
    for node in nodes.split(", ") {
        let (id, stem) = node.split_once(": ").unwrap();
        graph.apply(add(id, stem, &[]), &registry).unwrap();
    }
    for wire in wires {
        graph.apply(lay(wire), &registry).unwrap();
    }
    graph
}
