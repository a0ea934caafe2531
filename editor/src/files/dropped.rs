//! Files that are dropped on the window.

use std::path::{Path, PathBuf};

use lumawire_core::{Edit, FileKind, Graph, GraphNode, NodeSpec, ParamValue, Registry};

use super::kinds::{SOUND, Wanted, file_kind, param_for};
use super::paths::as_patch_path;
use crate::command::Command;
use crate::document::Document;
use crate::session::Sound;

/// From one new node to the next, in points.
const STEP: f32 = 40.0;

/// Where on the canvas files are dropped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// The node there, if there is one.
    pub node: Option<String>,
    /// The place, `[x, y]` in points of the canvas.
    pub at: [f32; 2],
}

/// What a dropped file is good for.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the variants say what the fields are
pub enum Use {
    /// It is opened.
    Open,
    /// It is heard.
    Hear,
    /// It becomes the file of a node's parameter.
    Set { node: String, param: &'static str },
    /// A new node shows it, plays it or applies it.
    Add { kind: &'static str, param: &'static str },
    /// Nothing here takes it.
    Nothing,
}

/// What `path` is good for, dropped on the node `over` or on the empty canvas.
pub fn use_of(path: &Path, over: Option<(&str, &NodeSpec)>, registry: &Registry) -> Use {
    if Wanted::Patch.suits(path) {
        return Use::Open;
    }
    if let Some((node, spec)) = over
        && let Some(param) = param_for(spec, path)
    {
        return Use::Set { node: node.to_owned(), param: param.id };
    }
    if SOUND.suits(path) {
        return Use::Hear;
    }
    best_node(path, registry).unwrap_or(Use::Nothing)
}

/// The kind that is made for such a file: one that needs nothing else, whose first parameter it is.
fn best_node(path: &Path, registry: &Registry) -> Option<Use> {
    let fitting = registry.iter().filter_map(|spec| {
        let param = param_for(spec, path)?;
        // Groups of channels only refine what is set up already.
        if file_kind(param) == Some(FileKind::Clusters) {
            return None;
        }
        let num_required = spec.inputs.iter().filter(|input| input.required).count();
        Some((num_required, spec.param(param.id), spec.kind, param.id))
    });
    let (.., kind, param) = fitting.min()?;
    Some(Use::Add { kind, param })
}

/// The node at a place, and what it is.
fn over<'a>(place: Option<&'a Place>, document: &'a Document) -> Option<(&'a str, &'a NodeSpec)> {
    let node = place?.node.as_deref()?;
    Some((node, document.registry().of(document.graph().node(node)?)?))
}

/// What is to be done with files that were dropped. All new nodes and parameters are one edit. Beside
/// the canvas, with no place, patches are opened and sounds heard, and nothing else is taken.
pub fn commands(paths: &[PathBuf], place: Option<&Place>, document: &Document) -> Vec<Command> {
    let registry = document.registry();
    let over = over(place, document);
    let mut commands = Vec::new();
    let mut edits = Edits { graph: document.graph().clone(), registry, made: Vec::new() };
    let mut at = place.map(|place| place.at);
    for path in paths {
        let file = ParamValue::file(as_patch_path(path, document.folder()));
        match use_of(path, over, registry) {
            // One is open at a time: the first.
            Use::Open if commands.iter().any(|c| matches!(c, Command::Open(_))) => {}
            Use::Open => commands.push(Command::Open(path.clone())),
            Use::Hear => {
                commands.push(Command::Hear(Sound::File { path: path.clone(), output: None }));
            }
            Use::Set { node, param } => edits.set(node, param, file),
            Use::Add { kind, param } => match &mut at {
                Some(at) => {
                    edits.add(kind, param, file, *at);
                    *at = at.map(|x| x + STEP);
                }
                None => commands.push(Command::Tell(format!(
                    "Drop “{}” on the canvas, or on a node's parameter.",
                    path.file_name().unwrap_or_default().to_string_lossy()
                ))),
            },
            Use::Nothing => commands.push(Command::Tell(format!(
                "Nothing takes “{}”.",
                path.file_name().unwrap_or_default().to_string_lossy()
            ))),
        }
    }
    commands.extend(edits.command());
    commands
}

/// What a person reads before letting go.
pub fn describe(path: &Path, place: Option<&Place>, document: &Document) -> String {
    let registry = document.registry();
    let label = |kind: &str| registry.get(kind).map_or("node", |spec| spec.label);
    match use_of(path, over(place, document), registry) {
        Use::Open => "Opens the patch".into(),
        Use::Hear => "Plays the sound".into(),
        Use::Set { node, .. } => format!("Sets the file of {node}"),
        Use::Add { .. } if place.is_none() => "Drop it on the canvas".into(),
        Use::Add { kind, .. } => format!("Adds a {} node", label(kind)),
        Use::Nothing => "Nothing takes this file".into(),
    }
}

/// Edits that know of each other, so that two new nodes get two ids.
struct Edits<'a> {
    graph: Graph,
    registry: &'a Registry,
    made: Vec<Edit>,
}

impl Edits<'_> {
    fn make(&mut self, edit: Edit) {
        if self.graph.apply(edit.clone(), self.registry).is_ok() {
            self.made.push(edit);
        }
    }

    fn set(&mut self, node: String, param: &str, file: ParamValue) {
        self.make(Edit::SetParam { node, param: param.to_owned(), value: Some(file) });
    }

    fn add(&mut self, kind: &str, param: &str, file: ParamValue, at: [f32; 2]) {
        let Some(spec) = self.registry.get(kind) else { return };
        let id = self.graph.fresh_id(spec);
        let node = GraphNode::new(spec).with(param, file);
        self.make(Edit::AddNode { id, node, at: Some(at) });
    }

    fn command(mut self) -> Option<Command> {
        match self.made.len() {
            0 => None,
            1 => self.made.pop().map(|edit| Command::edit(edit, "Drop file")),
            _ => Some(Command::edit(Edit::Batch(self.made), "Drop files")),
        }
    }
}
