//! Kinds, a kit and a window for the tests of the panels.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use egui::{Ui, Vec2};
use egui_kittest::Harness;
use lumawire_core::control::Score;
use lumawire_core::{
    Edit, Graph, GraphNode, Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Registry,
    Role, Services, Wire,
};
use lumawire_runtime::probe::Readings;

use crate::command::Command;
use crate::cx::Cx;
use crate::document::Document;
use crate::kit::{Kit, Overview};
use crate::theme;

/// The font of the window, so that the tests tell where a letter is missing.
const FONT: &[u8] = include_bytes!("../../nodes/src/source/font/Inter.ttf");

struct Idle;

impl Node for Idle {
    fn process(&mut self, _: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }
}

const fn spec(
    (kind, label, doc): (&'static str, &'static str, &'static str),
    (rate, role): (Rate, Role),
    inputs: &'static [Port],
    outputs: &'static [Port],
    params: &'static [Param],
) -> NodeSpec {
    let build = || -> Box<dyn Node> { Box::new(Idle) };
    NodeSpec { kind, version: 1, label, doc, rate, role, inputs, outputs, params, build }
}

const fn out(id: &'static str, ty: PortType) -> Port {
    Port::output(id, ty, "")
}

const fn req(id: &'static str, ty: PortType) -> Port {
    Port::required(id, ty, "")
}

const fn opt(id: &'static str, ty: PortType) -> Port {
    Port::optional(id, ty, "")
}

const BLOCK: (Rate, Role) = (Rate::Block, Role::Stateful);
const PURE: (Rate, Role) = (Rate::Inherit, Role::Pure);
const FRAME: (Rate, Role) = (Rate::Frame, Role::Pure);

/// Kinds with the ports of real ones, which do nothing.
pub(crate) static KINDS: &[NodeSpec] = &[
    spec(
        ("source.audio", "Audio", "What is heard. It comes from the transport."),
        (Rate::Block, Role::Source),
        &[],
        &[out("audio", PortType::Audio)],
        &[],
    ),
    spec(
        ("analysis.spectrum", "Spectrum", "The short-time spectrum. By Hann windows."),
        BLOCK,
        &[req("audio", PortType::Audio)],
        &[out("spectrum", PortType::Spectrum)],
        &[Param::int("n_fft", "Window", 2048, (64, 8192)).rebuild()],
    ),
    spec(
        ("analysis.chroma", "Chroma", "Energy of the twelve pitch classes. It sums bins."),
        BLOCK,
        &[req("spectrum", PortType::Spectrum)],
        &[out("chroma", PortType::Chroma)],
        &[],
    ),
    spec(
        ("analysis.loudness", "Loudness", "How loud it is."),
        BLOCK,
        &[req("audio", PortType::Audio)],
        &[out("loudness", PortType::Control)],
        &[Param::float("gain", "Gain", 1.0, (0.0, 2.0))],
    ),
    spec(
        ("analysis.onset", "Onset", "Hits where something begins."),
        BLOCK,
        &[req("spectrum", PortType::Spectrum)],
        &[out("hits", PortType::Trigger), out("strength", PortType::Control)],
        &[
            Param::float("threshold", "Threshold", 0.3, (0.0, 1.0)),
            Param::choice("mode", "Mode", &["flux", "energy"]),
        ],
    ),
    spec(
        ("control.smooth", "Smooth", "Lets a control glide."),
        (Rate::Inherit, Role::Stateful),
        &[req("in", PortType::Control)],
        &[out("out", PortType::Control)],
        &[],
    ),
    spec(
        ("control.delay", "Delay", "Gives a control one tick later."),
        (Rate::Inherit, Role::Delay),
        &[req("in", PortType::Control)],
        &[out("out", PortType::Control)],
        &[],
    ),
    spec(
        ("map.bands", "Band", "One of the bands, as a control."),
        PURE,
        &[req("bands", PortType::Bands)],
        &[out("out", PortType::Control)],
        &[],
    ),
    spec(
        ("latent.walk", "Walk", "Goes from seed to seed."),
        (Rate::Frame, Role::Stateful),
        &[opt("step", PortType::Trigger)],
        &[out("latent", PortType::Latent)],
        &[Param::float("speed", "Speed", 0.1, (0.0, 1.0))],
    ),
    spec(
        ("generate.image", "Generator", "Draws what a latent says."),
        FRAME,
        &[req("latent", PortType::Latent)],
        &[out("image", PortType::Image)],
        &[],
    ),
    spec(
        ("post.blur", "Blur", "Softens a picture."),
        FRAME,
        &[req("image", PortType::Image)],
        &[out("image", PortType::Image)],
        &[Param::float("radius_px", "Radius", 0.0, (0.0, 64.0))],
    ),
    spec(
        ("post.mean", "Brightness", "The mean brightness of a picture."),
        FRAME,
        &[req("image", PortType::Image)],
        &[out("mean", PortType::Control)],
        &[],
    ),
    spec(
        ("output.image", "Output", "Shows the picture."),
        (Rate::Frame, Role::Sink),
        &[req("image", PortType::Image)],
        &[],
        &[],
    ),
];

/// The stub kinds.
pub(crate) fn registry() -> Registry {
    Registry::new(KINDS)
}

/// A kit of these kinds that lends nothing else.
pub(crate) fn kit(registry: Registry) -> Kit {
    Kit {
        registry,
        interfaces: |_, _, _| {},
        score: |graph, _| Score::of(graph).0,
        thumbnails: Arc::new(|_| Box::new(())),
        overview: |_, _| Ok(Overview::default()),
        services: Services::default(),
        font: &[],
        examples: None,
        settings: None,
        program: None,
        program_args: Vec::new(),
        learning: None,
    }
}

/// A graph of nodes, as `id: kind`, and wires.
pub(crate) fn graph(nodes: &[&str], wires: &[&str]) -> Graph {
    let (mut graph, registry) = (Graph::new(), registry());
    for (i, node) in nodes.iter().enumerate() {
        let (id, kind) = node.split_once(": ").unwrap();
        let node = GraphNode { kind: kind.into(), version: 1, ..GraphNode::default() };
        let at = Some([200.0 * i as f32, 0.0]);
        graph.apply(Edit::AddNode { id: id.into(), node, at }, &registry).unwrap();
    }
    let add = wires.iter().map(|wire| wire.parse::<Wire>().unwrap()).collect();
    graph.apply(Edit::Rewire { remove: Vec::new(), add }, &registry).unwrap();
    graph
}

/// What a panel is shown, and what it asked for.
pub(crate) struct Scene {
    pub kit: Kit,
    pub document: Document,
    pub failures: BTreeMap<String, NodeError>,
    pub selection: BTreeSet<String>,
    pub readings: Readings,
    pub commands: Vec<Command>,
}

impl Scene {
    /// A patch in a program that lends nothing.
    pub fn new(graph: Graph) -> Self {
        let kit = Kit { font: FONT, ..kit(registry()) };
        let document =
            Document::untitled(graph, PathBuf::new(), kit.registry.clone(), kit.interfaces);
        Self {
            kit,
            document,
            failures: BTreeMap::new(),
            selection: BTreeSet::new(),
            readings: Readings::default(),
            commands: Vec::new(),
        }
    }

    /// What a panel sees.
    pub fn cx(&mut self) -> Cx<'_> {
        Cx {
            kit: &self.kit,
            document: &self.document,
            session: None,
            readings: &self.readings,
            failures: &self.failures,
            selection: &self.selection,
            commands: &mut self.commands,
        }
    }

    /// Makes the edits that were asked for, and gives what else was.
    pub fn apply(&mut self) -> Vec<Command> {
        let mut others = Vec::new();
        for command in std::mem::take(&mut self.commands) {
            match command {
                Command::Edit { edit, label, gesture } => {
                    self.document.apply(edit, label, gesture).unwrap();
                }
                other => others.push(other),
            }
        }
        others
    }
}

/// A window with a panel that shows a scene.
pub(crate) fn window<P: 'static>(
    panel: P,
    scene: Scene,
    mut show: impl FnMut(&mut P, &mut Ui, &mut Cx<'_>) + 'static,
) -> Harness<'static, (P, Scene)> {
    let mut is_dressed = false;
    let draw = move |ui: &mut Ui, (panel, scene): &mut (P, Scene)| {
        if !std::mem::replace(&mut is_dressed, true) {
            theme::apply(ui.ctx(), FONT);
        }
        show(panel, ui, &mut scene.cx());
    };
    Harness::builder()
        .with_size(Vec2::new(1200.0, 800.0))
        .with_step_dt(1.0 / 60.0)
        .build_ui_state(draw, (panel, scene))
}
