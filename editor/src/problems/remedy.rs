//! What one edit can do against a fault.

use lumawire_core::plan::convert::{Fit, fit};
use lumawire_core::{Edit, Fault, GraphNode, NodeSpec, PortType, Wire, WireEnds};

use crate::cx::spec_of;
use crate::document::Document;

/// Buttons that one fault has at most.
const NUM_MOST: usize = 3;
/// Where a node goes that stands to the right of all others.
const APART: f32 = 260.0;

/// An edit that takes a fault away.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remedy {
    /// What its button says.
    pub label: String,
    /// The edit.
    pub edit: Edit,
}

fn remedy(label: impl Into<String>, edit: Edit) -> Remedy {
    Remedy { label: label.into(), edit }
}

/// What helps against a fault, the likeliest first; nothing where a person must choose.
pub(super) fn remedies(fault: &Fault, document: &Document) -> Vec<Remedy> {
    let mut all = match fault {
        Fault::UnknownKind { node, near, .. } => {
            near.iter().filter_map(|kind| become_kind(document, node, kind)).collect()
        }
        Fault::UnknownOutput { wire, near, .. } => {
            with_end(document, wire, near, |ends, port| ends.output = port)
        }
        Fault::UnknownInput { wire, near, .. } => {
            with_end(document, wire, near, |ends, port| ends.port = port)
        }
        Fault::UnknownParam { node, param, near, .. } => rename_param(document, node, param, near),
        Fault::BadValue { node, param, .. } => {
            vec![remedy("Return to default", set_param(node, param, None))]
        }
        Fault::TypeMismatch { wire, through, .. } => between(document, wire, through),
        Fault::FrameIntoBlock { wire, delays, .. } => between(document, wire, delays),
        Fault::Cycle { nodes, delays } => break_loop(document, nodes, delays),
        Fault::NotModulatable { .. } => Vec::new(),
        Fault::ManyWires { wires, .. } => keep_one(wires),
        Fault::DepthOnInput { wire, .. } => wire
            .parse()
            .map(|ends| remedy("Remove the depth", Edit::SetDepth { ends, depth: 1.0 }))
            .into_iter()
            .collect(),
        Fault::NoSink { sinks, .. } => {
            sinks.iter().filter_map(|kind| add_last(document, kind)).collect()
        }
        Fault::NewerKind { .. } | Fault::MissingInput { .. } => Vec::new(),
    };
    all.truncate(NUM_MOST);
    if let Some(Ok(ends)) = fault.wire().map(str::parse)
        && !matches!(fault, Fault::DepthOnInput { .. })
    {
        all.push(remedy("Remove the wire", Edit::Disconnect { ends }));
    }
    all
}

fn set_param(node: &str, param: &str, value: Option<lumawire_core::ParamValue>) -> Edit {
    Edit::SetParam { node: node.to_owned(), param: param.to_owned(), value }
}

/// Makes a node one of another kind, which keeps all else that the patch holds of it.
fn become_kind(document: &Document, id: &str, kind: &str) -> Option<Remedy> {
    let spec = document.registry().get(kind)?;
    let remove = Edit::RemoveNode { id: id.to_owned() };
    // What would bring the removed node back brings back the other.
    let removed = document.graph().clone().apply(remove.clone(), document.registry());
    let mut back = removed.ok()?.inverse;
    let edits = match &mut back {
        Edit::Batch(edits) => edits.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for edit in edits {
        if let Edit::AddNode { node, .. } = edit {
            (node.kind, node.version) = (kind.to_owned(), spec.version);
        }
    }
    Some(remedy(format!("Make it {}", spec.label), Edit::Batch(vec![remove, back])))
}

/// Moves an end of a wire to one of the ports that may have been meant.
fn with_end(
    document: &Document,
    wire: &str,
    near: &[String],
    put: impl Fn(&mut WireEnds, String),
) -> Vec<Remedy> {
    let Some(wire) = wire_of(document, wire) else { return Vec::new() };
    let moved = near.iter().filter_map(|port| {
        let mut other = wire.clone();
        put(&mut other.ends, port.clone());
        // Two wires with the same ends there cannot be.
        if document.graph().wire(&other.ends).is_some() {
            return None;
        }
        let edit = Edit::Rewire { remove: vec![wire.ends.clone()], add: vec![other] };
        Some(remedy(format!("Use `{port}`"), edit))
    });
    moved.collect()
}

fn wire_of<'a>(document: &'a Document, text: &str) -> Option<&'a Wire> {
    document.graph().wire(&text.parse().ok()?)
}

fn rename_param(document: &Document, node: &str, param: &str, near: &[String]) -> Vec<Remedy> {
    let params = document.graph().node(node).map(|n| &n.params);
    let Some((params, value)) = params.and_then(|p| Some((p, p.get(param)?))) else {
        return Vec::new();
    };
    let free = near.iter().filter(|name| !params.contains_key(*name));
    let renamed = free.map(|name| {
        let edits = vec![set_param(node, param, None), set_param(node, name, Some(value.clone()))];
        remedy(format!("Use `{name}`"), Edit::Batch(edits))
    });
    renamed.chain([remedy("Remove it", set_param(node, param, None))]).collect()
}

fn between(document: &Document, wire: &str, kinds: &[String]) -> Vec<Remedy> {
    let Some(wire) = wire_of(document, wire) else { return Vec::new() };
    kinds.iter().filter_map(|kind| insert(document, wire, kind)).collect()
}

/// Puts a node of this kind on a wire, if its ports fit.
fn insert(document: &Document, wire: &Wire, kind: &str) -> Option<Remedy> {
    let graph = document.graph();
    let ends = &wire.ends;
    let spec = document.registry().get(kind)?;
    let (from, to) = types(document, ends)?;
    let fits = |a, b| !matches!(fit(a, b), Fit::No);
    let input = spec.inputs.iter().find(|p| fits(from, p.ty))?.id;
    let output = spec.outputs.iter().find(|p| fits(p.ty, to))?.id;
    let id = graph.fresh_id(spec);
    let middle = |a: [f32; 2], b: [f32; 2]| [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])];
    let at = graph.position(&ends.from).zip(graph.position(&ends.to)).map(|(a, b)| middle(a, b));
    let into = Wire { ends: WireEnds::new(&ends.from, &ends.output, &id, input), depth: 1.0 };
    let out = Wire { ends: WireEnds::new(&id, output, &ends.to, &ends.port), depth: wire.depth };
    let group = graph.group_of(&ends.to).map(str::to_owned);
    let edits = vec![
        Edit::AddNode { id: id.clone(), node: GraphNode::new(spec), at },
        Edit::SetMember { node: id, group },
        Edit::Rewire { remove: vec![ends.clone()], add: vec![into, out] },
    ];
    Some(remedy(format!("Put {} between", spec.label), Edit::Batch(edits)))
}

/// What a wire carries, and what is wanted at its end.
fn types(document: &Document, ends: &WireEnds) -> Option<(PortType, PortType)> {
    let source: &NodeSpec = spec_of(document, &ends.from)?;
    let from = source.outputs.get(source.output(&ends.output)?)?.ty;
    let target: &NodeSpec = spec_of(document, &ends.to)?;
    let input = target.input(&ends.port).and_then(|i| target.inputs.get(i));
    Some((from, input.map_or(PortType::Control, |p| p.ty)))
}

/// Puts a delay where the loop closes, or else on the first of its wires that takes one.
fn break_loop(document: &Document, nodes: &[String], delays: &[String]) -> Vec<Remedy> {
    let starts = nodes.iter().rev();
    let ends = nodes.first().into_iter().chain(nodes.iter().rev());
    let only_wires = starts.zip(ends).filter_map(|(from, to)| {
        let mut wires =
            document.graph().wires_of(from).filter(|w| (&w.ends.from, &w.ends.to) == (from, to));
        // With a second wire beside it the loop would stay closed.
        wires.next().filter(|_| wires.next().is_none())
    });
    let mut found = only_wires.map(|wire| between(document, &wire.ends.to_string(), delays));
    found.find(|remedies| !remedies.is_empty()).unwrap_or_default()
}

fn keep_one(wires: &[String]) -> Vec<Remedy> {
    let all: Vec<WireEnds> = wires.iter().filter_map(|wire| wire.parse().ok()).collect();
    let keep = |kept: &WireEnds| {
        let remove = all.iter().filter(|ends| *ends != kept).cloned().collect();
        let label = format!("Keep `{}.{}`", kept.from, kept.output);
        remedy(label, Edit::Rewire { remove, add: Vec::new() })
    };
    all.iter().map(keep).collect()
}

/// Adds a node to the right of all others.
fn add_last(document: &Document, kind: &str) -> Option<Remedy> {
    let graph = document.graph();
    let spec = document.registry().get(kind)?;
    let last = graph.layout().map(|(_, at)| at).max_by(|a, b| a[0].total_cmp(&b[0]));
    let at = last.map_or([0.0, 0.0], |[x, y]| [x + APART, y]);
    let edit = Edit::AddNode { id: graph.fresh_id(spec), node: GraphNode::new(spec), at: Some(at) };
    Some(remedy(format!("Add {}", spec.label), edit))
}

#[cfg(test)]
mod tests {
    use lumawire_core::graph::Group;
    use lumawire_core::{Graph, ParamValue};

    use super::*;
    use crate::testing::{self, Scene};

    /// A patch with a fault of every kind that has a remedy.
    fn broken() -> Vec<Graph> {
        let registry = testing::registry();
        let with = |mut graph: Graph, node: &str, param: &str, value: ParamValue| {
            graph.apply(set_param(node, param, Some(value)), &registry).unwrap();
            graph
        };
        let walk = || testing::graph(&["w: latent.walk"], &[]);
        vec![
            testing::graph(&["c: analysis.chrom", "b: map.bands"], &["c.chroma -> b.bands"]),
            testing::graph(&["a: source.audio", "l: analysis.loudness"], &["a.adio -> l.audio"]),
            testing::graph(&["a: source.audio", "l: analysis.loudness"], &["a.audio -> l.adio"]),
            with(walk(), "w", "sped", ParamValue::Float(0.5)),
            with(walk(), "w", "speed", ParamValue::Text("fast".into())),
            testing::graph(&["a: source.audio", "b: control.smooth"], &["a.audio -> b.in"]),
            testing::graph(&["m: post.mean", "l: analysis.loudness"], &["m.mean -> l.gain"]),
            testing::graph(
                &["a: control.smooth", "b: control.smooth"],
                &["a.out -> b.in", "b.out -> a.in"],
            ),
            testing::graph(
                &["l: analysis.loudness", "s: analysis.spectrum"],
                &["l.loudness -> s.n_fft"],
            ),
            testing::graph(
                &["a: latent.walk", "b: latent.walk", "g: generate.image"],
                &["a.latent -> g.latent", "b.latent -> g.latent"],
            ),
            testing::graph(
                &["a: latent.walk", "g: generate.image"],
                &["a.latent -> g.latent * 0.5"],
            ),
        ]
    }

    /// Each remedy takes its fault away, and undo brings the patch back.
    #[test]
    fn remedies_help() {
        let mut helped = std::collections::BTreeSet::new();
        for graph in broken() {
            let faults = Scene::new(graph.clone()).document.faults().to_vec();
            for fault in faults {
                for remedy in remedies(&fault, &Scene::new(graph.clone()).document) {
                    let mut scene = Scene::new(graph.clone());
                    scene.document.apply(remedy.edit.clone(), "help", None).unwrap();
                    let left = scene.document.faults();
                    assert!(!left.contains(&fault), "{}: {fault}", remedy.label);
                    scene.document.undo().unwrap();
                    let nodes = |g: &Graph| {
                        g.nodes().map(|(i, n)| (i.to_owned(), n.clone())).collect::<Vec<_>>()
                    };
                    assert_eq!(nodes(scene.document.graph()), nodes(&graph));
                    assert!(scene.document.graph().wires().eq(graph.wires()));
                    helped.insert(format!("{fault:?}").split(' ').next().map(str::to_owned));
                }
            }
        }
        assert_eq!(helped.len(), 12, "{helped:?}");
    }

    #[test]
    fn the_other_kind_keeps_what_the_node_had() {
        let mut graph =
            testing::graph(&["c: latent.wlk", "g: generate.image"], &["c.latent -> g.latent"]);
        let registry = testing::registry();
        graph.apply(set_param("c", "speed", Some(0.25_f64.into())), &registry).unwrap();
        let binding = Some(serde_json::json!({"osc": "/x"}));
        let group = Some(Group::default());
        graph.apply(Edit::SetGroup { id: "g_1".into(), group }, &registry).unwrap();
        let member = Edit::SetMember { node: "c".into(), group: Some("g_1".into()) };
        graph.apply(member, &registry).unwrap();
        let target = "c.speed".to_owned();
        graph.apply(Edit::SetBinding { target, binding }, &registry).unwrap();
        let mut scene = Scene::new(graph.clone());
        let fault = scene.document.faults().iter().find(|f| matches!(f, Fault::UnknownKind { .. }));
        let first = remedies(&fault.unwrap().clone(), &scene.document).remove(0);
        assert_eq!(first.label, "Make it Walk");
        scene.document.apply(first.edit, "help", None).unwrap();
        let now = scene.document.graph();
        let node = now.node("c").unwrap();
        assert_eq!((node.kind.as_str(), node.params.len()), ("latent.walk", 1));
        assert!(now.wires().eq(graph.wires()));
        assert_eq!(now.bindings(), graph.bindings());
        assert_eq!(now.position("c"), graph.position("c"));
        assert_eq!(now.group_of("c"), Some("g_1"));
    }
}
