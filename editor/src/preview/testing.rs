//! A kit, a patch of stubs and a context to draw panels in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumawire_core::{
    Edit, GraphNode, HostImage, Io, Node, NodeError, NodeSpec, Pixels, Port, PortType, Rate,
    Registry, Role,
};
use lumawire_runtime::live::Picture;
use lumawire_runtime::probe::Readings;

use crate::command::Command;
use crate::cx::Cx;
use crate::document::Document;
use crate::kit::Kit;

struct Stub;

impl Node for Stub {
    fn process(&mut self, _: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }
}

const fn spec(kind: &'static str, outputs: &'static [Port]) -> NodeSpec {
    let (label, doc) = (kind, "For tests.");
    let build = || -> Box<dyn Node> { Box::new(Stub) };
    let (rate, role, inputs, params) = (Rate::Frame, Role::Stateful, &[], &[]);
    NodeSpec { kind, version: 1, label, doc, rate, role, inputs, outputs, params, build }
}

/// A picture's maker.
pub static PICTURE: NodeSpec = spec("stub.picture", &[Port::output("image", PortType::Image, "")]);
/// A control's maker.
pub static CONTROL: NodeSpec =
    spec("stub.control", &[Port::output("value", PortType::Control, "")]);

/// What a panel is drawn with.
pub struct Bench {
    kit: Kit,
    pub document: Document,
    pub readings: Readings,
    pub failures: BTreeMap<String, NodeError>,
    pub commands: Vec<Command>,
}

impl Bench {
    /// A patch of a picture's and a control's maker, called as their kinds.
    pub fn new() -> Self {
        let registry = Registry::new([&PICTURE, &CONTROL]);
        let mut document = Document::new(registry.clone(), |_, _, _| {});
        for spec in [&PICTURE, &CONTROL] {
            let (id, node) = (spec.stem().to_owned(), GraphNode::new(spec));
            document.apply(Edit::AddNode { id, node, at: None }, "add", None).unwrap();
        }
        let kit = crate::testing::kit(registry);
        let (readings, failures, commands) = (Readings::default(), BTreeMap::new(), Vec::new());
        Self { kit, document, readings, failures, commands }
    }

    /// What the panel sees.
    pub fn cx(&mut self) -> Cx<'_> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        Cx {
            kit: &self.kit,
            document: &self.document,
            session: None,
            readings: &self.readings,
            failures: &self.failures,
            selection: &NONE,
            commands: &mut self.commands,
        }
    }

    /// What was asked for, in words.
    pub fn asked(&self) -> Vec<String> {
        self.commands.iter().map(|command| format!("{command:?}")).collect()
    }
}

/// A picture of one colour.
pub fn picture(width_px: u32, height_px: u32, colour: [u8; 4]) -> Arc<Picture> {
    let image = Arc::new(image(width_px, height_px, |_, _| colour));
    Arc::new(Picture { image, frame: 0, heard: None })
}

/// A picture by a function of its pixels' places.
pub fn image(width_px: u32, height_px: u32, at: impl Fn(u32, u32) -> [u8; 4]) -> HostImage {
    let places = (0..height_px).flat_map(|y| (0..width_px).map(move |x| (x, y)));
    let pixels = Pixels::Rgba8(places.flat_map(|(x, y)| at(x, y)).collect());
    HostImage { width_px, height_px, pixels }
}
