//! A parameter of one node, or the same one of several, which are then edited together.

use std::collections::BTreeSet;

use lumawire_core::{Edit, NodeSpec, Param, ParamValue};

use crate::cx::spec_of;
use crate::document::Document;

/// A parameter of some nodes.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The nodes, at least one.
    pub nodes: &'a [String],
    /// The parameter, which all of them have.
    pub param: &'static Param,
}

impl Subject<'_> {
    /// What a node has it set to; `None` for its default.
    pub fn set_value(&self, document: &Document, node: &str) -> Option<ParamValue> {
        let value = document.graph().node(node)?.params.get(self.param.id)?;
        self.param.accept(value)
    }

    /// The value in the document, and whether the nodes have different ones: then the first's.
    pub fn value(&self, document: &Document) -> (ParamValue, bool) {
        let default = self.param.default_value();
        let of = |node: &String| self.set_value(document, node);
        let first = self.nodes.first().and_then(of).unwrap_or_else(|| default.clone());
        let differs = |node: &String| of(node).as_ref().unwrap_or(&default) != &first;
        let is_mixed = self.nodes.iter().skip(1).any(differs);
        (first, is_mixed)
    }

    /// Sets it, or returns it to its default.
    pub fn edit(&self, value: Option<&ParamValue>) -> Edit {
        let set = |node: &String| Edit::SetParam {
            node: node.clone(),
            param: self.param.id.to_owned(),
            value: value.cloned(),
        };
        match self.nodes {
            [node] => set(node),
            nodes => Edit::Batch(nodes.iter().map(set).collect()),
        }
    }

    /// What undo calls a change of it.
    pub fn deed(&self) -> String {
        format!("Set {}", self.param.label)
    }

    /// Its name in bindings, presets and events, where it is of one node.
    pub fn target(&self) -> Option<String> {
        match self.nodes {
            [node] => Some(lumawire_core::control::target(node, self.param.id)),
            _ => None,
        }
    }
}

/// The parameters that all of these nodes have, by id, domain and unit, in the first one's order.
pub fn shared_params<'a>(
    document: &Document,
    nodes: impl IntoIterator<Item = &'a String>,
) -> Vec<&'static Param> {
    let mut nodes = nodes.into_iter();
    let Some(first) = nodes.next().and_then(|node| spec_of(document, node)) else {
        return Vec::new();
    };
    let mut specs: Vec<&'static NodeSpec> = Vec::new();
    let mut kinds = BTreeSet::new();
    for node in nodes {
        let Some(spec) = spec_of(document, node) else { return Vec::new() };
        // Files give nodes of one kind parameters of their own.
        if kinds.insert(spec.kind) || spec.is_open() {
            specs.push(spec);
        }
    }
    let is_like = |a: &Param, b: &Param| (a.id, a.domain, a.unit) == (b.id, b.domain, b.unit);
    let all_have = |param: &&Param| {
        specs.iter().all(|spec| spec.params.iter().any(|other| is_like(param, other)))
    };
    first.params.iter().filter(all_have).collect()
}
