//! A parameter of one node, or the same one of several, which are then edited together.

use std::collections::BTreeSet;

use lumawire_core::{Edit, NodeSpec, Param, ParamValue};

use crate::cx::spec_of;
use crate::document::Document;

/// What the document has a parameter of some nodes set to.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The value: the first node's.
    pub value: ParamValue,
    /// Whether others have another.
    pub is_mixed: bool,
    /// Whether it is set at any of them, be it to the default.
    pub is_set: bool,
}

impl Held {
    /// Reads the document.
    pub fn of(document: &Document, nodes: &[String], param: &Param) -> Self {
        let default = param.default_value();
        let of = |node: &String| param.accept(document.graph().node(node)?.params.get(param.id)?);
        let first = nodes.first().and_then(of);
        let mut is_set = first.is_some();
        let value = first.unwrap_or_else(|| default.clone());
        let mut is_mixed = false;
        for other in nodes.iter().skip(1).map(of) {
            is_set |= other.is_some();
            is_mixed |= other.as_ref().unwrap_or(&default) != &value;
        }
        Self { value, is_mixed, is_set }
    }
}

/// A parameter of some nodes.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The nodes, at least one.
    pub nodes: &'a [String],
    /// The parameter, which all of them have.
    pub param: &'static Param,
    /// What they have it set to.
    pub held: &'a Held,
}

impl Subject<'_> {
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
