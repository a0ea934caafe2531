//! What can be run of a document that has faults.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Plan, compile, passed_input};
use crate::graph::{Graph, GraphNode, Mode, WireEnds};
use crate::spec::{Registry, Role};
use crate::value::PortType;

/// Compiles what is whole of a document: all faults, as [`compile`] reports them, and a plan without
/// the nodes and wires that have one, without what then lacks an input that it needs, and so on.
/// There is a plan only if every node that makes a picture to show is in it. So a node that is wired
/// by halves does not hold a show up, and a torn main path leaves the last good plan running.
pub fn compile_whole(graph: &Graph, registry: &Registry) -> (Option<Plan>, Vec<Fault>) {
    match compile(graph, registry) {
        Ok(plan) => (Some(plan), Vec::new()),
        Err(faults) => (compile_rest(graph, registry, &faults), faults),
    }
}

fn compile_rest(graph: &Graph, registry: &Registry, faults: &[Fault]) -> Option<Plan> {
    let mut lost = Lost::new(graph, registry);
    let mut losses = losses(faults);
    loop {
        let (num_nodes, num_wires) = (lost.nodes.len(), lost.wires.len());
        lost.spread(losses);
        let is_lost = |(id, node): (&str, &GraphNode)| {
            lost.nodes.contains(id) && makes_picture(node, registry)
        };
        let is_stuck = (num_nodes, num_wires) == (lost.nodes.len(), lost.wires.len());
        if is_stuck || graph.nodes().any(is_lost) {
            return None;
        }
        let rest =
            graph.part(|id| !lost.nodes.contains(id), |wire| !lost.wires.contains(&wire.ends));
        match compile(&rest, registry) {
            Ok(plan) => return Some(plan),
            Err(faults) => losses = self::losses(&faults),
        }
    }
}

/// Whether it is a sink that runs and shows a picture.
fn makes_picture(node: &GraphNode, registry: &Registry) -> bool {
    let spec = registry.of(node).filter(|s| s.role == Role::Sink && node.mode == Mode::Active);
    spec.and_then(|s| s.outputs.first()).is_some_and(|port| port.ty == PortType::Image)
}

enum Loss {
    Node(String),
    Wire(WireEnds),
}

/// What faults take with them. Wires that crowd an input go only where nothing else is wrong: one
/// of them may be the only one that fits.
fn losses(faults: &[Fault]) -> Vec<Loss> {
    let is_crowd = |fault: &&Fault| matches!(fault, Fault::ManyWires { .. });
    let (crowds, others): (Vec<&Fault>, Vec<&Fault>) = faults.iter().partition(is_crowd);
    let faults = if others.is_empty() { crowds } else { others };
    faults.into_iter().flat_map(losses_of).collect()
}

fn losses_of(fault: &Fault) -> Vec<Loss> {
    let wire = |text: &str| text.parse().ok().map(Loss::Wire);
    match fault {
        Fault::ManyWires { wires, .. } => wires.iter().filter_map(|text| wire(text)).collect(),
        Fault::Cycle { nodes, .. } => nodes.iter().cloned().map(Loss::Node).collect(),
        _ => {
            let node = || fault.node().map(|id| Loss::Node(id.to_owned()));
            fault.wire().map_or_else(node, wire).into_iter().collect()
        }
    }
}

/// What is left out.
struct Lost<'a> {
    graph: &'a Graph,
    registry: &'a Registry,
    nodes: BTreeSet<String>,
    wires: BTreeSet<WireEnds>,
    /// Wires that are left at each node and port where one ends.
    num_left: BTreeMap<(&'a str, &'a str), usize>,
}

impl<'a> Lost<'a> {
    fn new(graph: &'a Graph, registry: &'a Registry) -> Self {
        let mut num_left = BTreeMap::new();
        for wire in graph.wires() {
            *num_left.entry((wire.ends.to.as_str(), wire.ends.port.as_str())).or_default() += 1;
        }
        Self { graph, registry, nodes: BTreeSet::new(), wires: BTreeSet::new(), num_left }
    }

    /// Adds losses, and all that they take with them.
    fn spread(&mut self, mut losses: Vec<Loss>) {
        while let Some(loss) = losses.pop() {
            match loss {
                Loss::Node(id) => {
                    if self.nodes.insert(id.clone()) {
                        self.lose_outputs(&id, |_| true, &mut losses);
                    }
                }
                Loss::Wire(ends) => {
                    if self.wires.insert(ends.clone()) && self.was_last(&ends) {
                        self.lose_input(&ends, &mut losses);
                    }
                }
            }
        }
    }

    /// Counts a wire that is lost; whether none is left where it ends.
    fn was_last(&mut self, ends: &WireEnds) -> bool {
        let wire = self.graph.wire(ends);
        let port = wire.map(|wire| (wire.ends.to.as_str(), wire.ends.port.as_str()));
        port.and_then(|port| self.num_left.get_mut(&port)).is_some_and(|left| {
            *left = left.saturating_sub(1);
            *left == 0
        })
    }

    /// The wires from those outputs of a node that `is_lost` names.
    fn lose_outputs(&self, id: &str, is_lost: impl Fn(&str) -> bool, losses: &mut Vec<Loss>) {
        let wires =
            self.graph.wires_of(id).filter(|w| w.ends.from == id && is_lost(&w.ends.output));
        losses.extend(wires.map(|w| Loss::Wire(w.ends.clone())));
    }

    /// What goes with the last wire into an input: the node, where it needs one. A bypassed node
    /// then has nothing to pass on, though something was meant to come.
    fn lose_input(&self, ends: &WireEnds, losses: &mut Vec<Loss>) {
        let node = self.graph.node(&ends.to);
        let Some((node, spec)) = node.and_then(|node| Some((node, self.registry.of(node)?))) else {
            return;
        };
        let Some(input) = spec.input(&ends.port) else { return };
        match node.mode {
            Mode::Active if spec.inputs[input].required => {
                losses.push(Loss::Node(ends.to.clone()));
            }
            Mode::Bypassed => {
                let passes = |output: &str| {
                    let output = spec.output(output);
                    output.and_then(|output| passed_input(spec, output)) == Some(input)
                };
                self.lose_outputs(&ends.to, passes, losses);
            }
            Mode::Active | Mode::Muted => {}
        }
    }
}
