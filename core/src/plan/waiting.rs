//! What the document says of ports and parameters that a node's file does not declare now.

use std::fmt;

use crate::graph::Graph;
use crate::near::near;
use crate::spec::Registry;

/// A wire or a value without a port. It stays in the document and takes no part in the plan, until
/// the file is there or declares the port again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The node.
    pub node: String,
    /// The port or parameter that is not there, or that does not take the value.
    pub port: String,
    /// The wire that ends there; `None` for a value.
    pub wire: Option<String>,
    /// What it may have been meant to be, the likeliest first.
    pub near: Vec<String>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, port, wire, near } = self;
        match wire {
            Some(wire) => write!(f, "`{wire}` waits: the file of `{node}` has no `{port}`")?,
            None => write!(f, "the value of `{node}.{port}` waits: its file takes none such")?,
        }
        near.first().map_or(Ok(()), |near| write!(f, "; is it `{near}`?"))
    }
}

/// All that waits for a file, in order of node and port, wires first.
pub fn waiting(graph: &Graph, registry: &Registry) -> Vec<Waiting> {
    let mut all = Vec::new();
    for (id, node) in graph.nodes() {
        let Some(spec) = registry.of(node).filter(|spec| spec.is_open()) else { continue };
        let known = || spec.inputs.iter().map(|p| p.id).chain(spec.params.iter().map(|p| p.id));
        let wires = graph.wires_of(id).filter(|w| w.ends.to == id);
        for wire in wires.filter(|w| !known().any(|k| k == w.ends.port)) {
            let port = wire.ends.port.clone();
            let (wire, near) = (Some(wire.ends.to_string()), near(&port, known()));
            all.push(Waiting { node: id.to_owned(), port, wire, near });
        }
        for (port, value) in &node.params {
            let param = spec.param(port).and_then(|i| spec.params.get(i));
            if param.is_none_or(|p| p.accept(value).is_none()) {
                let near = if param.is_none() { near(port, known()) } else { Vec::new() };
                all.push(Waiting { node: id.to_owned(), port: port.clone(), wire: None, near });
            }
        }
    }
    all
}
