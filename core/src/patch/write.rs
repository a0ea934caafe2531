//! From the document to the text of the file.

use std::fmt::Display;

use serde_json::{Map, Value as Json};

use super::json::{Inline, quote};
use super::{FORMAT, canvas, migrate};
use crate::graph::{About, Graph, GraphNode};
use crate::param::ParamValue;
use crate::spec::{NodeSpec, Registry};

/// The text of the patch file: the same for the same content, however it came about. `registry`
/// tells which parameters are at their defaults and can be left out.
pub fn to_text(graph: &Graph, registry: &Registry) -> String {
    let mut members = vec![
        ("format".to_owned(), quote(FORMAT)),
        ("version".to_owned(), migrate::CURRENT.to_string()),
    ];
    let about = about(graph.about());
    if !about.is_empty() {
        members.push(("about".to_owned(), Inline(&Json::Object(about)).to_string()));
    }
    members.push(("clock".to_owned(), Inline(&clock(graph)).to_string()));
    if graph.seed() != 0 {
        members.push(("seed".to_owned(), graph.seed().to_string()));
    }
    let nodes = graph.nodes().map(|(id, node)| {
        let node = Json::Object(node_members(node, registry.get(&node.kind)));
        format!("{}: {}", quote(id), Inline(&node))
    });
    members.push(("nodes".to_owned(), lines("{", nodes, "}")));
    let wires = graph.wires().map(|wire| quote(&wire.to_string()));
    members.push(("wires".to_owned(), lines("[", wires, "]")));
    for (name, map) in [("bindings", graph.bindings()), ("presets", graph.presets())] {
        if !map.is_empty() {
            let entries =
                map.iter().map(|(key, value)| format!("{}: {}", quote(key), Inline(value)));
            members.push((name.to_owned(), lines("{", entries, "}")));
        }
    }
    if let Some(cues) = graph.cues() {
        members.push(("cues".to_owned(), self::cues(cues)));
    }
    let extra = graph.extra().iter().map(|(key, value)| (key.clone(), Inline(value).to_string()));
    members.extend(extra);
    let mut layout = graph.layout().peekable();
    if layout.peek().is_some() {
        let places = layout.map(|(id, [x, y])| format!("{}: [{x}, {y}]", quote(id)));
        members.push(("layout".to_owned(), lines("{", places, "}")));
    }
    members.extend(canvas::write(graph).map(|text| ("canvas".to_owned(), text)));
    let members: Vec<String> =
        members.into_iter().map(|(key, value)| format!("  {}: {value}", quote(&key))).collect();
    format!("{{\n{}\n}}\n", members.join(",\n"))
}

/// The cue list, one cue a line.
fn cues(cues: &Json) -> String {
    let Json::Object(members) = cues else { return Inline(cues).to_string() };
    let members = members.iter().map(|(name, value)| match value.as_array() {
        Some(list) if !list.is_empty() => {
            let list: Vec<_> = list.iter().map(|cue| format!("      {}", Inline(cue))).collect();
            format!("{}: [\n{}\n    ]", quote(name), list.join(",\n"))
        }
        _ => format!("{}: {}", quote(name), Inline(value)),
    });
    lines("{", members, "}")
}

/// An array or object of one item a line.
fn lines<T: Display>(open: &str, items: impl Iterator<Item = T>, close: &str) -> String {
    let items: Vec<String> = items.map(|item| format!("    {item}")).collect();
    if items.is_empty() {
        format!("{open}{close}")
    } else {
        format!("{open}\n{}\n  {close}", items.join(",\n"))
    }
}

fn about(about: &About) -> Map<String, Json> {
    let known = [
        ("title", &about.title),
        ("author", &about.author),
        ("licence", &about.licence),
        ("description", &about.description),
    ];
    let known = known.into_iter().filter(|(_, text)| !text.is_empty());
    let known = known.map(|(key, text)| (key.to_owned(), Json::from(text.as_str())));
    known.chain(about.extra.clone()).collect()
}

fn clock(graph: &Graph) -> Json {
    let clock = graph.clock();
    let mut members = Map::new();
    members.insert("sample_rate_hz".into(), clock.sample_rate_hz.into());
    members.insert("fps".into(), vec![clock.fps.num, clock.fps.den].into());
    members.extend(graph.clock_extra.clone());
    Json::Object(members)
}

fn node_members(node: &GraphNode, spec: Option<&NodeSpec>) -> Map<String, Json> {
    let mut members = Map::new();
    members.insert("kind".into(), format!("{}@{}", node.kind, node.version).into());
    if let Some(label) = &node.label {
        members.insert("label".into(), label.as_str().into());
    }
    if let Some(word) = node.mode.word() {
        members.insert("mode".into(), word.into());
    }
    let set = node.params.iter().filter(|(id, value)| !is_default(node, spec, id, value));
    let params: Map<String, Json> = set.map(|(id, value)| (id.clone(), to_json(value))).collect();
    if !params.is_empty() {
        members.insert("params".into(), Json::Object(params));
    }
    members.extend(node.extra.clone());
    members
}

/// Whether a parameter says no more than its absence would. A kind of another version may have
/// other defaults, so that there all are written.
fn is_default(node: &GraphNode, spec: Option<&NodeSpec>, id: &str, value: &ParamValue) -> bool {
    let Some(spec) = spec.filter(|s| s.version == node.version) else { return false };
    let param = spec.param(id).and_then(|i| spec.params.get(i));
    param.map(|p| p.default_value()).is_some_and(|default| {
        let numbers = (value.as_f64(), default.as_f64());
        *value == default || matches!(numbers, (Some(a), Some(b)) if a == b)
    })
}

fn to_json(value: &ParamValue) -> Json {
    match value {
        ParamValue::Bool(v) => (*v).into(),
        ParamValue::Int(v) => (*v).into(),
        ParamValue::Float(v) => (*v).into(),
        ParamValue::Text(v) => v.as_str().into(),
        ParamValue::File(file) => {
            let mut members = Map::new();
            members.insert("path".into(), file.path.as_str().into());
            if let Some(sha256) = &file.sha256 {
                members.insert("sha256".into(), sha256.as_str().into());
            }
            Json::Object(members)
        }
        ParamValue::Raw(v) => v.clone(),
    }
}
