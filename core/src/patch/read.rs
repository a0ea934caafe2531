//! From the text of the file to the document.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{FORMAT, MAX_BYTES, PatchError, canvas, json, migrate};
use crate::clock::Fps;
use crate::graph::{About, Edit, EditError, Extra, Graph, GraphNode, Mode, Wire};
use crate::param::{FileRef, ParamValue};
use crate::spec::Registry;

/// A patch that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The document.
    pub graph: Graph,
    /// Whether a newer program wrote it: this one would lose what it does not know, so it must not
    /// save over it.
    pub read_only: bool,
    /// What a person should know of it: migrated, newer, or left out.
    pub notes: Vec<String>,
}

/// Reads the text of a patch file of any version. Kinds, ports and values are not judged: what this
/// build does not know is kept as it stands.
pub fn parse(text: &str) -> Result<Loaded, PatchError> {
    if text.len() as u64 > MAX_BYTES {
        return Err(PatchError::TooLarge { len: text.len() as u64 });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut members = object("the file", json::read(text)?)?;
    match members.shift_remove("format") {
        Some(Json::String(format)) if format == FORMAT => {}
        found => {
            let found = found.map_or("missing".to_owned(), |v| v.to_string());
            return Err(PatchError::NotAPatch { found: shorten(&found) });
        }
    }
    let version = members.shift_remove("version").and_then(|v| v.as_u64());
    let version = version.ok_or_else(|| PatchError::field("version", "a whole number"))?;
    let mut notes = Vec::new();
    if version > migrate::CURRENT {
        notes.push(format!(
            "a newer program wrote this patch (version {version}, and this one knows {}): it is open for reading alone",
            migrate::CURRENT
        ));
    } else if version < migrate::CURRENT {
        migrate::migrate(&mut members, version)?;
        notes.push(format!("brought from version {version} to {}", migrate::CURRENT));
    }
    let read_only = version > migrate::CURRENT;
    let graph = document(members, &mut notes).map_err(|reason| match read_only {
        true => PatchError::Newer { version, reason: Box::new(reason) },
        false => reason,
    })?;
    Ok(Loaded { graph, read_only, notes })
}

fn document(mut members: Map<String, Json>, notes: &mut Vec<String>) -> Result<Graph, PatchError> {
    let mut graph = Graph::new();
    let mut edit = |place: &str, edit: Edit| -> Result<(), PatchError> {
        let applied = graph.apply(edit, &Registry::default());
        applied.map(drop).map_err(|reason| inconsistent(place, reason))
    };
    let mut take = |name: &str| members.shift_remove(name);
    if let Some(value) = take("about") {
        edit("about", Edit::SetAbout(about(object("about", value)?)?))?;
    }
    let clock_extra = match take("clock") {
        Some(value) => {
            let (clock, extra) = clock(object("clock", value)?)?;
            edit("clock", clock)?;
            extra
        }
        None => Extra::new(),
    };
    if let Some(value) = take("seed") {
        let seed = value.as_u64().ok_or_else(|| PatchError::field("seed", "a whole number"))?;
        edit("seed", Edit::SetSeed(seed))?;
    }
    let mut layout = layout(take("layout"))?;
    for (id, value) in optional_object("nodes", take("nodes"))? {
        let node = node(&id, value)?;
        let at = layout.remove(&id);
        edit(&format!("node `{id}`"), Edit::AddNode { id, node, at })?;
    }
    for id in layout.keys() {
        notes.push(format!("left out the place of `{id}`: there is no such node"));
    }
    for wire in wires(take("wires"))? {
        let place = format!("wire \"{wire}\"");
        edit(&place, Edit::Rewire { remove: Vec::new(), add: vec![wire] })?;
    }
    for (target, binding) in optional_object("bindings", take("bindings"))? {
        edit("bindings", Edit::SetBinding { target, binding: Some(binding) })?;
    }
    for (name, preset) in optional_object("presets", take("presets"))? {
        edit("presets", Edit::SetPreset { name, preset: Some(preset) })?;
    }
    if let Some(cues) = take("cues") {
        edit("cues", Edit::SetCues { cues: Some(cues) })?;
    }
    let canvas = take("canvas");
    graph.clock_extra = clock_extra;
    graph.extra = members.into_iter().collect();
    if let Some(value) = canvas {
        canvas::read(&mut graph, object("canvas", value)?, notes)?;
    }
    Ok(graph)
}

pub(super) fn inconsistent(place: &str, reason: EditError) -> PatchError {
    PatchError::Inconsistent { place: place.to_owned(), reason }
}

fn about(mut members: Map<String, Json>) -> Result<About, PatchError> {
    let mut text = |name: &str| match members.shift_remove(name) {
        None => Ok(String::new()),
        Some(Json::String(text)) => Ok(text),
        Some(_) => Err(PatchError::field(format!("about.{name}"), "text")),
    };
    let (title, author) = (text("title")?, text("author")?);
    let (licence, description) = (text("licence")?, text("description")?);
    Ok(About { title, author, licence, description, extra: members.into_iter().collect() })
}

fn clock(mut members: Map<String, Json>) -> Result<(Edit, Extra), PatchError> {
    let default = Graph::new().clock();
    let sample_rate_hz = match members.shift_remove("sample_rate_hz") {
        None => default.sample_rate_hz,
        Some(value) => whole(&value)
            .ok_or_else(|| PatchError::field("clock.sample_rate_hz", "a whole number"))?,
    };
    let fps = match members.shift_remove("fps") {
        None => default.fps,
        Some(value) => match value.as_array().map(Vec::as_slice) {
            Some([num, den]) => fps(num, den),
            _ => None,
        }
        .ok_or_else(|| {
            PatchError::field("clock.fps", "two whole numbers above 0, as [30000, 1001]")
        })?,
    };
    Ok((Edit::SetClock { sample_rate_hz, fps }, members.into_iter().collect()))
}

fn fps(num: &Json, den: &Json) -> Option<Fps> {
    let (num, den) = (whole(num)?, whole(den)?);
    (num > 0 && den > 0).then(|| Fps::new(num, den))
}

fn whole(value: &Json) -> Option<u32> {
    value.as_u64().and_then(|v| u32::try_from(v).ok())
}

fn node(id: &str, value: Json) -> Result<GraphNode, PatchError> {
    let at = |name: &str| format!("nodes.{id}{name}");
    let mut members = object(&at(""), value)?;
    let kind = members.shift_remove("kind");
    let (kind, version) = kind
        .as_ref()
        .and_then(Json::as_str)
        .and_then(|text| text.rsplit_once('@'))
        .and_then(|(kind, version)| Some((kind.to_owned(), version.parse().ok()?)))
        .ok_or_else(|| {
            PatchError::field(at(".kind"), "a kind with its version, as \"analysis.onset@1\"")
        })?;
    let label = match members.shift_remove("label") {
        None => None,
        Some(Json::String(label)) => Some(label),
        Some(_) => return Err(PatchError::field(at(".label"), "text")),
    };
    let mode = members.shift_remove("mode").map_or(Some(Mode::Active), |word| {
        let modes = [Mode::Bypassed, Mode::Muted];
        modes.into_iter().find(|mode| mode.word() == word.as_str())
    });
    let mode = mode.ok_or_else(|| PatchError::field(at(".mode"), "\"bypass\" or \"mute\""))?;
    let params = optional_object(&at(".params"), members.shift_remove("params"))?;
    let params = params.into_iter().map(|(id, value)| (id, param_value(value))).collect();
    Ok(GraphNode { kind, version, label, mode, params, extra: members.into_iter().collect() })
}

/// A parameter's value. What would not print again as it stands is kept raw.
fn param_value(value: Json) -> ParamValue {
    match &value {
        Json::Bool(v) => ParamValue::Bool(*v),
        Json::String(v) => ParamValue::Text(v.clone()),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(v), _) => ParamValue::Int(v),
            (None, Some(v)) if n.is_f64() => ParamValue::Float(v),
            _ => ParamValue::Raw(value),
        },
        Json::Object(map) => file_ref(map).map_or(ParamValue::Raw(value), ParamValue::File),
        Json::Null | Json::Array(_) => ParamValue::Raw(value),
    }
}

fn file_ref(map: &Map<String, Json>) -> Option<FileRef> {
    let members: Vec<(&str, &Json)> = map.iter().map(|(k, v)| (k.as_str(), v)).collect();
    match members.as_slice() {
        [("path", Json::String(path))] => Some(FileRef { path: path.clone(), sha256: None }),
        [("path", Json::String(path)), ("sha256", Json::String(sha256))]
        | [("sha256", Json::String(sha256)), ("path", Json::String(path))] => {
            Some(FileRef { path: path.clone(), sha256: Some(sha256.clone()) })
        }
        _ => None,
    }
}

fn wires(value: Option<Json>) -> Result<Vec<Wire>, PatchError> {
    let items = match value {
        None => Vec::new(),
        Some(Json::Array(items)) => items,
        Some(_) => return Err(PatchError::field("wires", "a list of texts")),
    };
    let wire = |item: Json| match item {
        Json::String(text) => {
            text.parse().map_err(|reason| PatchError::Wire { text: shorten(&text), reason })
        }
        _ => Err(PatchError::field("wires", "a list of texts")),
    };
    items.into_iter().map(wire).collect()
}

fn layout(value: Option<Json>) -> Result<BTreeMap<String, [f32; 2]>, PatchError> {
    let place = |(id, value): (String, Json)| {
        let number = |i: usize| value.get(i).and_then(Json::as_f64).map(|v| v as f32);
        let at = match (number(0), number(1), value.as_array().map(Vec::len)) {
            (Some(x), Some(y), Some(2)) if x.is_finite() && y.is_finite() => [x, y],
            _ => return Err(PatchError::field(format!("layout.{id}"), "two numbers")),
        };
        Ok((id, at))
    };
    optional_object("layout", value)?.into_iter().map(place).collect()
}

pub(super) fn object(path: &str, value: Json) -> Result<Map<String, Json>, PatchError> {
    match value {
        Json::Object(map) => Ok(map),
        _ => Err(PatchError::field(path, "an object")),
    }
}

pub(super) fn optional_object(
    path: &str,
    value: Option<Json>,
) -> Result<Map<String, Json>, PatchError> {
    value.map_or(Ok(Map::new()), |value| object(path, value))
}

/// Text short enough for a message.
fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
