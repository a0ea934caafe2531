//! Pass 6: what reaches a sink, through delays too.

use super::{Fault, Ir, kinds_of_role};
use crate::graph::Graph;
use crate::spec::{Registry, Role};

/// Marks what reaches a sink; the rest does not run. Reports a document without a sink, unless a
/// node of unknown kind might be one.
pub(super) fn mark(ir: &mut Ir, graph: &Graph, registry: &Registry, faults: &mut Vec<Fault>) {
    let sinks = (0..ir.nodes.len()).filter(|&n| ir.nodes[n].spec.role == Role::Sink);
    let upstream = ir.neighbours(|l| Some((l.to, l.from)));
    let reaches = ir.flood(sinks, &upstream);
    if !reaches.contains(&true) && graph.num_nodes() == ir.nodes.len() {
        faults.push(Fault::NoSink { sinks: kinds_of_role(registry, Role::Sink) });
    }
    for (node, reaches_sink) in ir.nodes.iter_mut().zip(reaches) {
        node.reaches_sink = reaches_sink;
    }
}
