//! Pass 7: what reaches a sink, through delays too.

use super::{Fault, Ir, IrNode, kinds_of_role};
use crate::graph::Graph;
use crate::spec::{Registry, Role};

/// Marks what reaches a sink; the rest does not run. Reports a document without a sink that runs,
/// unless a node of unknown kind might be one. `off` are the nodes that do not run.
pub(super) fn mark(
    ir: &mut Ir,
    graph: &Graph,
    off: &[IrNode],
    registry: &Registry,
    faults: &mut Vec<Fault>,
) {
    let sinks = (0..ir.nodes.len()).filter(|&n| ir.nodes[n].spec.role == Role::Sink);
    let upstream = ir.neighbours(|l| Some((l.to, l.from)));
    let reaches = ir.flood(sinks, &upstream);
    if !reaches.contains(&true) && graph.num_nodes() == ir.nodes.len() + off.len() {
        let off = off.iter().filter(|n| n.spec.role == Role::Sink).map(|n| n.id.clone()).collect();
        faults.push(Fault::NoSink { off, sinks: kinds_of_role(registry, Role::Sink) });
    }
    for (node, reaches_sink) in ir.nodes.iter_mut().zip(reaches) {
        node.reaches_sink = reaches_sink;
    }
}
