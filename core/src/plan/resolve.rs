//! Pass 1: kinds and parameters.

use super::{Fault, Ir, IrNode};
use crate::graph::{Graph, GraphNode};
use crate::near::near;
use crate::param::ParamValue;
use crate::spec::{Domain, NodeSpec, Param, Rate, Registry};

/// The nodes whose kind and version are known, in order of id, with their parameters as the nodes read them.
pub(super) fn resolve(graph: &Graph, registry: &Registry, faults: &mut Vec<Fault>) -> Ir {
    let mut ir = Ir::default();
    for (id, node) in graph.nodes() {
        let Some(spec) = registry.of(node) else {
            faults.push(Fault::UnknownKind {
                node: id.to_owned(),
                kind: node.kind.clone(),
                near: near(&node.kind, registry.iter().map(|s| s.kind)),
            });
            continue;
        };
        if node.version > spec.version {
            faults.push(Fault::NewerKind {
                node: id.to_owned(),
                kind: node.kind.clone(),
                version: node.version,
                known: spec.version,
            });
            continue;
        }
        let known = registry.get(&node.kind).filter(|s| s.is_open()).unwrap_or(spec);
        check_params(id, node, known, faults);
        ir.nodes.push(IrNode {
            id: id.to_owned(),
            spec,
            mode: node.mode,
            params: spec.params.iter().map(|p| p.resolve(node.params.get(p.id))).collect(),
            rate: Rate::Block,
            reaches_sink: false,
        });
    }
    ir
}

/// What a file declares may come and go: a value that it does not take waits unreported (see
/// `plan::waiting`).
fn check_params(id: &str, node: &GraphNode, spec: &NodeSpec, faults: &mut Vec<Fault>) {
    for (name, value) in &node.params {
        let Some(param) = spec.param(name).and_then(|i| spec.params.get(i)) else {
            if spec.is_open() {
                continue;
            }
            faults.push(Fault::UnknownParam {
                node: id.to_owned(),
                param: name.clone(),
                kind: node.kind.clone(),
                near: near(name, spec.params.iter().map(|p| p.id)),
            });
            continue;
        };
        if param.accept(value).is_none() {
            faults.push(Fault::BadValue {
                node: id.to_owned(),
                param: name.clone(),
                takes: takes(param),
                value: describe(value),
            });
        }
    }
}

fn takes(param: &Param) -> String {
    match param.domain {
        Domain::Float { .. } => "a number".into(),
        Domain::Int { .. } => "a whole number".into(),
        Domain::Bool { .. } => "true or false".into(),
        Domain::Choice { options, .. } => {
            let quoted: Vec<String> = options.iter().map(|o| format!("\"{o}\"")).collect();
            format!("one of {}", quoted.join(", "))
        }
        Domain::Text { .. } => "text".into(),
        Domain::File { .. } => "a file".into(),
    }
}

fn describe(value: &ParamValue) -> String {
    match value {
        ParamValue::Text(text) => format!("\"{text}\""),
        ParamValue::File(file) => format!("the file \"{}\"", file.path),
        other => other.to_string(),
    }
}
