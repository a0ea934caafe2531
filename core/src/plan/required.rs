//! Pass 4: inputs that must be wired.

use std::collections::BTreeSet;

use super::{Fault, Ir};
use crate::graph::Graph;

/// Reports required inputs at which no wire ends. A wire with a fault of its own counts: the fault
/// is reported once.
pub(super) fn check(graph: &Graph, ir: &Ir, faults: &mut Vec<Fault>) {
    let wired: BTreeSet<(&str, &str)> =
        graph.wires().map(|w| (w.ends.to.as_str(), w.ends.port.as_str())).collect();
    for node in &ir.nodes {
        for port in node.spec.inputs {
            if port.required && !wired.contains(&(node.id.as_str(), port.id)) {
                faults.push(Fault::MissingInput {
                    node: node.id.clone(),
                    port: port.id.to_owned(),
                    ty: port.ty,
                });
            }
        }
    }
}
