//! What a panel sees of everything, and what it asks for.

use std::collections::{BTreeMap, BTreeSet};

use lumawire_core::{Edit, NodeError, NodeSpec};
use lumawire_runtime::control::Event;
use lumawire_runtime::probe::{Readings, Seen};

use crate::command::{Action, Command};
use crate::document::Document;
use crate::kit::Kit;
use crate::session::Session;

/// What a panel sees in one frame. What it asks for is done after the frame.
pub struct Cx<'a> {
    /// What the program lends.
    pub kit: &'a Kit,
    /// The open patch.
    pub document: &'a Document,
    /// The running show, if one runs.
    pub session: Option<&'a Session>,
    /// What runs along the wires.
    pub readings: &'a Readings,
    /// Nodes that fail while they run, and why.
    pub failures: &'a BTreeMap<String, NodeError>,
    /// The selected nodes.
    pub selection: &'a BTreeSet<String>,
    /// What is to be done.
    pub commands: &'a mut Vec<Command>,
}

impl<'a> Cx<'a> {
    /// Asks for a named action.
    pub fn act(&mut self, action: Action) {
        self.commands.push(Command::Do(action));
    }

    /// Asks for a change of the patch.
    pub fn edit(&mut self, edit: Edit, label: impl Into<String>) {
        self.commands.push(Command::edit(edit, label));
    }

    /// Steers the show.
    pub fn send(&mut self, event: Event) {
        self.commands.push(Command::Send(event));
    }

    /// The description of a node of the patch; `None` for a kind that this build does not know.
    pub fn spec(&self, node: &str) -> Option<&'static NodeSpec> {
        spec_of(self.document, node)
    }

    /// What an output carries.
    pub fn seen(&self, node: &str, output: &str) -> Option<&'a Seen> {
        self.readings.outputs.get(&(node.to_owned(), output.to_owned()))
    }
}

/// The description of a node of the patch.
pub fn spec_of(document: &Document, node: &str) -> Option<&'static NodeSpec> {
    document.registry().of(document.graph().node(node)?)
}
