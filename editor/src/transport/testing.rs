//! What tests of the transport and of renders are lent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lumawire_core::{
    Edit, GraphNode, Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Registry, Role,
};
use lumawire_runtime::probe::Readings;

use super::wave::Wave;
use crate::command::Command;
use crate::cx::Cx;
use crate::document::Document;
use crate::kit::{Kit, Overview};

struct Still;

impl Node for Still {
    fn process(&mut self, _io: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }
}

static OUTPUT: NodeSpec = NodeSpec {
    kind: "output.video",
    version: 1,
    label: "Video",
    doc: "An output for tests.",
    rate: Rate::Frame,
    role: Role::Sink,
    inputs: &[],
    outputs: &[Port::output("picture", PortType::Image, "")],
    params: &[
        Param::switch("strobe_limit", "Strobe limit", true),
        Param::float("level", "Level", 1.0, (0.0, 1.0)),
        Param::switch("blackout", "Blackout", false),
        Param::switch("freeze", "Freeze", false),
    ],
    build: || Box::new(Still),
};

fn overview(path: &Path, columns: usize) -> Result<Overview, String> {
    let Wave { secs, peaks, levels } = Wave::read(path, columns)?;
    let sections = vec![(0.0, "A".to_owned()), (6.0, "B".to_owned())];
    let beats_secs = (0..20).map(|i| f64::from(i) * 0.5).collect();
    Ok(Overview { secs, peaks, levels, beats_secs, sections, ..Overview::default() })
}

/// A kit with one kind of node, an output.
pub fn kit() -> Kit {
    Kit { overview, ..crate::testing::kit(Registry::new([&OUTPUT])) }
}

/// A patch with an output node, and cues at bars.
pub fn document(kit: &Kit) -> Document {
    let mut document = Document::new(kit.registry.clone(), kit.interfaces);
    let node = GraphNode::new(&OUTPUT);
    let cues = serde_json::json!({
        "tempo": { "bpm": 120.0 },
        "list": [ { "name": "calm", "at_bar": 1 }, { "name": "storm", "at_secs": 5.0 } ],
    });
    document.apply(Edit::AddNode { id: "video_1".into(), node, at: None }, "Add", None).unwrap();
    document.apply(Edit::SetCues { cues: Some(cues) }, "Cues", None).unwrap();
    document
}

/// Calls `with` with what panels see, and gives what was asked for.
pub fn with_cx(kit: &Kit, document: &Document, with: impl FnOnce(&mut Cx<'_>)) -> Vec<Command> {
    let (readings, failures, selection) = (Readings::default(), BTreeMap::new(), BTreeSet::new());
    let mut commands = Vec::new();
    with(&mut Cx {
        kit,
        document,
        session: None,
        readings: &readings,
        failures: &failures,
        selection: &selection,
        commands: &mut commands,
    });
    commands
}
