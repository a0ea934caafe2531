//! A patch of stubs and a bench on which the inspector is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::f32::consts::PI;
use std::sync::{Arc, Mutex};

use egui_kittest::Harness;
use lumawire_core::{
    Edit, FileKind, Graph, GraphNode, Io, Node, NodeError, NodeSpec, Param, ParamValue, Port,
    PortType, Rate, Registry, Role, Unit,
};
use lumawire_runtime::probe::Readings;
use serde_json::Value as Json;

use super::Inspector;
use super::learn::Learning;
use crate::cx::Cx;
use crate::{Command, Document, Kit};

struct Nothing;

impl Node for Nothing {
    fn process(&mut self, _io: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }
}

const fn spec(
    (kind, label, doc): (&'static str, &'static str, &'static str),
    inputs: &'static [Port],
    outputs: &'static [Port],
    params: &'static [Param],
) -> NodeSpec {
    let (rate, role) = (Rate::Frame, Role::Stateful);
    NodeSpec {
        kind,
        version: 1,
        label,
        doc,
        rate,
        role,
        inputs,
        outputs,
        params,
        build: || Box::new(Nothing),
    }
}

static LFO: NodeSpec = spec(
    ("control.lfo", "LFO", "Goes up and down."),
    &[],
    &[Port::output("value", PortType::Control, "The wave, 0..1.")],
    &[
        Param::float("rate_hz", "Rate", 1.0, (0.01, 20.0)).hard(0.0, 100.0).unit(Unit::Hz),
        Param::float("amount", "Amount", 1.0, (0.0, 2.0)).hard(0.0, 10.0),
    ],
);

static AMPLITUDE: NodeSpec = spec(
    ("analysis.rms", "RMS", "How loud it is."),
    &[],
    &[Port::output("value", PortType::Control, "Loudness, 0..1.")],
    &[],
);

static WALK: NodeSpec = spec(
    (
        "latent.walk",
        "Latent walk",
        "Wanders through the latent space at random, faster when the sound pushes. \
         s = (speed + |push|·push_gain)·amount. `gaussian` adds s·√dt·N(0, 1) to every value each \
         frame. `vector` goes 10·s·dt straight towards a random target.",
    ),
    &[
        Port::optional("base", PortType::Latent, "Where it starts, `[num_ws, dim]`."),
        Port::optional("push", PortType::Control, "Adds to the speed."),
        Port::required("bank", PortType::LatentBank, "Points."),
    ],
    &[Port::output("latent", PortType::Latent, "Where it is, `[num_ws, dim]`.")],
    &[
        Param::choice("mode", "Mode", &["gaussian", "vector"])
            .doc("A trembling or a straight way."),
        Param::float("speed", "Speed", 0.25, (0.0, 2.0))
            .hard(0.0, 100.0)
            .smooth()
            .doc("How fast it goes by itself."),
        Param::float("push_gain", "Push gain", 1.0, (0.0, 10.0)).hard(0.0, 1000.0),
        Param::float("radius", "Radius", 4.0, (0.0, 20.0)).hard(0.0, 1e4),
        Param::int("dim", "Dimensions", 512, (16, 512)).hard_int(1, 8192).rebuild(),
        Param::int("seed", "Seed", 0, (0, 999)).hard_int(0, u32::MAX as i64).rebuild(),
        Param::float("change_gain", "Change gain", 1.0, (0.0, 10.0)).hard(0.0, 1000.0),
        Param::float("magnitude", "Magnitude", 1.0, (0.0, 1.0)),
    ],
);

static BLOOM: NodeSpec = spec(
    ("post.bloom", "Bloom", "Adds the glow of what is bright, as lenses and eyes do. With more."),
    &[Port::required("image", PortType::Image, "The picture.")],
    &[Port::output("image", PortType::Image, "The picture with its glow, linear.")],
    &[
        Param::float("intensity", "Intensity", 0.0, (0.0, 2.0)).hard(0.0, 100.0),
        Param::float("threshold", "Threshold", 0.6, (0.0, 2.0)).hard(0.0, 1e4),
        Param::float("knee", "Knee", 0.5, (0.0, 1.0)),
        Param::float("radius", "Radius", 0.1, (0.0, 0.3)).hard(0.0, 2.0),
        Param::float("angle_radians", "Angle", 0.0, (-PI, PI)).unit(Unit::Radians),
        Param::switch("tinted", "Tinted", false).doc("Whether the glow is tinted."),
        Param::float("tint_r", "Tint r", 1.0, (0.0, 1.0)),
        Param::float("tint_g", "Tint g", 0.7, (0.0, 1.0)),
        Param::float("tint_b", "Tint b", 0.2, (0.0, 1.0)),
    ],
);

static STFT: NodeSpec = spec(
    (
        "analysis.stft",
        "STFT",
        "Splits the sound into its frequencies, many times a second. And so on.",
    ),
    &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    &[Port::output("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    &[
        Param::choice("n_fft", "Length", &["256", "512", "1024", "2048", "4096"])
            .unit(Unit::Samples)
            .rebuild(),
        Param::int("hop", "Hop", 512, (128, 2048)).hard_int(16, 8192).unit(Unit::Samples).rebuild(),
        Param::choice("window", "Window", &["hann", "hamming", "blackman", "rectangle", "kaiser"])
            .rebuild(),
        Param::switch("center", "Centred", true).rebuild(),
    ],
);

static TEXT: NodeSpec = spec(
    ("source.text", "Text", "Writes text on clear ground. Several lines."),
    &[Port::optional("size_of", PortType::Image, "A picture that gives the size; not drawn.")],
    &[Port::output("image", PortType::Image, "The text on clear ground.")],
    &[
        Param::text("text", "Text", "Lumawire").doc("What is written."),
        Param::file("font", "Font", FileKind::Font).doc("A TTF or OTF file. None: Inter."),
        Param::float("size_percent", "Size", 15.0, (1.0, 100.0)).hard(0.1, 400.0),
        Param::int("weight", "Weight", 500, (100, 900)).hard_int(1, 1_000),
        Param::choice("align", "Align", &["centre", "left", "right"]),
        Param::choice("place", "Stands", &["middle", "top", "bottom"]),
        Param::float("x", "X", 0.5, (0.0, 1.0)).hard(-4.0, 5.0),
        Param::float("y", "Y", 0.5, (0.0, 1.0)).hard(-4.0, 5.0),
        Param::float("wrap_percent", "Wrap", 90.0, (10.0, 100.0)).hard(1.0, 1_000.0),
        Param::float("line_height", "Line height", 1.2, (0.8, 2.0)).hard(0.1, 10.0),
        Param::float("spacing", "Letter spacing", 0.0, (-0.1, 0.5)).hard(-1.0, 5.0),
        Param::float("hue_turns", "Hue", 0.0, (0.0, 1.0)).hard(-1e4, 1e4),
        Param::float("saturation", "Saturation", 0.0, (0.0, 1.0)),
        Param::float("brightness", "Brightness", 1.0, (0.0, 2.0)).hard(0.0, 100.0),
        Param::float("alpha", "Alpha", 1.0, (0.0, 1.0)),
        Param::int("presses", "Presses", 0, (0, 100)).momentary(),
        Param::switch("held", "Held", false).momentary(),
    ],
);

static VIEW: NodeSpec = {
    let mut view = spec(
        ("output.view", "View", "Shows the picture."),
        &[Port::optional("image", PortType::Image, "The picture.")],
        &[Port::output("image", PortType::Image, "The picture.")],
        &[],
    );
    view.role = Role::Sink;
    view
};

/// The stubs' kinds.
pub fn registry() -> Registry {
    Registry::new([&LFO, &AMPLITUDE, &WALK, &BLOOM, &STFT, &TEXT, &VIEW])
}

/// A patch with one node of each kind, wired, bound and with presets and cues.
pub fn graph() -> Graph {
    let registry = registry();
    let mut graph = Graph::new();
    let mut apply = |edit| drop(graph.apply(edit, &registry).unwrap());
    for spec in registry.iter() {
        let id = format!("{}_1", spec.stem());
        apply(Edit::AddNode { id, node: GraphNode::new(spec), at: None });
    }
    let walk_2 = GraphNode::new(&WALK).with("speed", 0.75_f64);
    apply(Edit::AddNode { id: "walk_2".into(), node: walk_2, at: None });
    for wire in [
        "lfo_1.value -> walk_1.speed * 0.5",
        "rms_1.value -> walk_1.speed * 0.25",
        "rms_1.value -> walk_1.push",
        "text_1.image -> bloom_1.image",
        "bloom_1.image -> view_1.image",
    ] {
        let wire: lumawire_core::Wire = wire.parse().unwrap();
        apply(Edit::Connect { ends: wire.ends, depth: wire.depth });
    }
    let binding = serde_json::json!({ "osc": "/walk/speed", "midi": { "cc": 21, "channel": 1 } });
    apply(Edit::SetBinding { target: "walk_1.radius".into(), binding: Some(binding) });
    for (name, value) in [("calm", 0.1), ("storm", 1.5)] {
        let preset = serde_json::json!({
            "morph_secs": 4, "curve": "smooth", "values": { "walk_1.speed": value }
        });
        apply(Edit::SetPreset { name: name.into(), preset: Some(preset) });
    }
    let cues = serde_json::json!({ "list": [
        { "name": "intro", "at_secs": 0, "recall": "calm" },
        { "name": "drop", "at_secs": 61.5, "recall": "storm", "morph_secs": 0.5 },
        { "name": "outro", "recall": "calm" }
    ] });
    apply(Edit::SetCues { cues: Some(cues) });
    graph
}

/// Learns what a test says.
#[derive(Default)]
pub struct Teacher {
    /// What is listened for.
    pub target: Mutex<Option<String>>,
    /// What it learns next.
    pub lesson: Mutex<Option<Json>>,
}

impl Learning for Teacher {
    fn begin(&self, target: String) {
        *self.target.lock().unwrap() = Some(target);
    }

    fn cancel(&self) {
        *self.target.lock().unwrap() = None;
    }

    fn waiting(&self) -> Option<String> {
        self.target.lock().unwrap().clone()
    }

    fn take(&self) -> Option<(String, Json)> {
        let lesson = self.lesson.lock().unwrap().take()?;
        Some((self.target.lock().unwrap().take()?, lesson))
    }
}

/// The inspector of a document without a show.
pub struct Bench {
    kit: Kit,
    /// The document, which takes the edits.
    pub document: Document,
    inspector: Inspector,
    /// What is selected.
    pub selection: BTreeSet<String>,
    failures: BTreeMap<String, NodeError>,
    /// All that was asked for.
    pub commands: Vec<Command>,
    /// What learns.
    pub teacher: Arc<Teacher>,
}

impl Bench {
    /// A bench with these nodes selected.
    pub fn new(selection: &[&str]) -> Self {
        let teacher = Arc::new(Teacher::default());
        let kit = Kit { learning: Some(teacher.clone()), ..crate::testing::kit(registry()) };
        let document = Document::untitled(graph(), "/nowhere".into(), registry(), kit.interfaces);
        Self {
            kit,
            document,
            inspector: Inspector::default(),
            selection: selection.iter().map(|id| (*id).to_owned()).collect(),
            failures: BTreeMap::new(),
            commands: Vec::new(),
            teacher,
        }
    }

    /// A node that fails.
    pub fn fail(&mut self, node: &str, error: NodeError) {
        self.failures.insert(node.to_owned(), error);
    }

    /// Draws a frame, and makes the edits that were asked for.
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        let mut asked = Vec::new();
        let mut cx = Cx {
            kit: &self.kit,
            document: &self.document,
            session: None,
            readings: &Readings::default(),
            failures: &self.failures,
            selection: &self.selection,
            commands: &mut asked,
        };
        self.inspector.show(ui, &mut cx);
        for command in &asked {
            match command {
                Command::Edit { edit, label, gesture } => {
                    let _ = self.document.apply(edit.clone(), label.clone(), *gesture);
                }
                Command::Select(nodes) => self.selection = nodes.iter().cloned().collect(),
                _ => {}
            }
        }
        self.commands.extend(asked);
    }

    /// What a parameter is set to.
    pub fn param(&self, node: &str, param: &str) -> Option<&ParamValue> {
        self.document.graph().node(node)?.params.get(param)
    }

    /// The edits that were asked for, with their gestures.
    pub fn edits(&self) -> Vec<(&Edit, Option<u64>)> {
        let edits = self.commands.iter().filter_map(|command| match command {
            Command::Edit { edit, gesture, .. } => Some((edit, *gesture)),
            _ => None,
        });
        edits.collect()
    }

    /// What was told.
    pub fn told(&self) -> Vec<&str> {
        let told = self.commands.iter().filter_map(|command| match command {
            Command::Tell(text) => Some(text.as_str()),
            _ => None,
        });
        told.collect()
    }
}

/// A harness in which the inspector stands, as wide as in the window.
pub fn harness(selection: &[&str]) -> Harness<'static, Bench> {
    let mut harness = Harness::builder()
        .with_size(egui::vec2(320.0, 900.0))
        // Two clicks within a double-click's time.
        .with_step_dt(0.02)
        .with_max_steps(40)
        .build_ui_state(|ui, bench: &mut Bench| bench.ui(ui), Bench::new(selection));
    crate::theme::apply(&harness.ctx, &[]);
    harness.run_ok();
    harness
}
