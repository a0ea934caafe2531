//! Pass 2: what each wire joins, and by which conversion.

use std::collections::BTreeMap;

use super::convert::{Fit, fit};
use super::{Fault, Ir, Link, Target};
use crate::graph::{Graph, Wire};
use crate::near::near;
use crate::spec::{Domain, NodeSpec, Port, Registry};
use crate::value::PortType;

/// Adds a link for every wire that fits. Wires at nodes of unknown kind are left out unreported, and
/// so are wires to what a node's file does not declare (see `plan::waiting`).
pub(super) fn link(graph: &Graph, registry: &Registry, ir: &mut Ir, faults: &mut Vec<Fault>) {
    let mut wires_at: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for wire in graph.wires() {
        let (from, to) = (ir.find(&wire.ends.from), ir.find(&wire.ends.to));
        let output = from.and_then(|from| output_of(ir.nodes[from].spec, wire, faults));
        let Some(to) = to else { continue };
        let Some(target) = target_of(ir.nodes[to].spec, wire, faults) else { continue };
        if let Target::Input(input) = target {
            wires_at.entry((to, input)).or_default().push(wire.ends.to_string());
        }
        let (Some(from), Some(output)) = (from, output) else { continue };
        let (source, dest) = (&ir.nodes[from].spec.outputs[output], ir.nodes[to].spec);
        let wanted = wanted_type(dest, target);
        let convert = match fit(source.ty, wanted) {
            Fit::Same => None,
            Fit::Via(spec) => Some(spec),
            Fit::No => {
                faults.push(mismatch(wire, source, wanted, registry));
                continue;
            }
        };
        ir.links.push(Link { text: wire.ends.to_string(), from, output, to, target, convert });
    }
    for ((node, input), wires) in wires_at {
        if wires.len() > 1 {
            let node = &ir.nodes[node];
            let port = node.spec.inputs[input].id.to_owned();
            faults.push(Fault::ManyWires { node: node.id.clone(), port, wires });
        }
    }
}

pub(super) fn wanted_type(spec: &NodeSpec, target: Target) -> PortType {
    match target {
        Target::Input(i) => spec.inputs[i].ty,
        Target::Param { .. } => PortType::Control,
    }
}

fn output_of(spec: &NodeSpec, wire: &Wire, faults: &mut Vec<Fault>) -> Option<usize> {
    let found = spec.output(&wire.ends.output);
    if found.is_none() {
        faults.push(Fault::UnknownOutput {
            node: wire.ends.from.clone(),
            port: wire.ends.output.clone(),
            kind: spec.kind.to_owned(),
            wire: wire.ends.to_string(),
            near: near(&wire.ends.output, spec.outputs.iter().map(|p| p.id)),
        });
    }
    found
}

fn target_of(spec: &NodeSpec, wire: &Wire, faults: &mut Vec<Fault>) -> Option<Target> {
    let (node, port) = (wire.ends.to.clone(), wire.ends.port.clone());
    let text = wire.ends.to_string();
    if let Some(input) = spec.input(&port) {
        if wire.depth != 1.0 {
            faults.push(Fault::DepthOnInput { node, port, wire: text });
        }
        return Some(Target::Input(input));
    }
    let Some(index) = spec.param(&port) else {
        if spec.is_open() {
            return None;
        }
        let ids = spec.inputs.iter().map(|p| p.id).chain(spec.params.iter().map(|p| p.id));
        let near = near(&port, ids);
        faults.push(Fault::UnknownInput { node, port, kind: spec.kind.into(), wire: text, near });
        return None;
    };
    let param = &spec.params[index];
    let reason = match param.domain {
        Domain::Choice { .. } | Domain::Text { .. } | Domain::File { .. } => {
            Some("it is no number")
        }
        _ if !param.modulatable => Some("its change rebuilds the node"),
        _ => None,
    };
    if let Some(reason) = reason {
        faults.push(Fault::NotModulatable { node, param: port, wire: text, reason });
        return None;
    }
    Some(Target::Param { index, depth: wire.depth })
}

fn mismatch(wire: &Wire, source: &Port, wanted: PortType, registry: &Registry) -> Fault {
    Fault::TypeMismatch {
        node: wire.ends.to.clone(),
        port: wire.ends.port.clone(),
        output: format!("{}.{}", wire.ends.from, wire.ends.output),
        wire: wire.ends.to_string(),
        from: source.ty,
        to: wanted,
        through: between(source.ty, wanted, registry),
    }
}

/// At most three kinds that take `from` and give `to`.
fn between(from: PortType, to: PortType, registry: &Registry) -> Vec<String> {
    let turns = |spec: &&NodeSpec| {
        spec.inputs.iter().any(|p| p.ty == from) && spec.outputs.iter().any(|p| p.ty == to)
    };
    registry.iter().filter(turns).take(3).map(|s| s.kind.to_owned()).collect()
}
