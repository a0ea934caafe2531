//! The address space as JSON.

use std::net::SocketAddr;

use lumawire_core::control::BindingMode;
use lumawire_core::{Domain, Param, Unit};
use rosc::OscType;
use serde_json::{Map, Value as Json, json};
use tungstenite::http::StatusCode;

use super::values::Values;
use crate::control::osc::space::{Action, Alias, Method, Place, ROOT, Space};
use crate::control::osc::value::is_long;

/// Attributes that are served.
const SERVED: &[&str] = &[
    "FULL_PATH",
    "CONTENTS",
    "TYPE",
    "ACCESS",
    "VALUE",
    "RANGE",
    "DESCRIPTION",
    "UNIT",
    "CLIPMODE",
    "CRITICAL",
];
/// Attributes that the proposal knows and that are not served.
const NOT_SERVED: &[&str] = &["TAGS", "EXTENDED_TYPE", "OVERLOADS", "HTML"];

const READ: u8 = 1;
const WRITE: u8 = 2;

/// Whom the clients talk to.
pub(super) struct Host {
    pub name: String,
    pub osc: SocketAddr,
    pub query: SocketAddr,
}

/// The answer to `?HOST_INFO`.
pub(super) fn host_info(host: &Host) -> Json {
    let mut info = json!({
        "NAME": host.name,
        "OSC_PORT": host.osc.port(),
        "OSC_TRANSPORT": "UDP",
        "WS_PORT": host.query.port(),
        "EXTENSIONS": {
            "ACCESS": true, "VALUE": true, "RANGE": true, "DESCRIPTION": true, "UNIT": true,
            "CLIPMODE": true, "CRITICAL": true, "TAGS": false, "EXTENDED_TYPE": false,
            "LISTEN": true, "PATH_CHANGED": true, "PATH_ADDED": true, "PATH_REMOVED": true,
        },
    });
    // Where it listens to all networks, the client knows best how it came here.
    if !host.osc.ip().is_unspecified() {
        info["OSC_IP"] = json!(host.osc.ip().to_string());
        info["WS_IP"] = json!(host.query.ip().to_string());
    }
    info
}

/// The node at `path` with all that it holds; `None` where there is nothing.
pub(super) fn node(space: &Space, values: &Values, path: &str) -> Option<Json> {
    let path = path.trim_end_matches('/');
    let mut found = None;
    let mut root = container(if path.is_empty() { "/" } else { path });
    for method in space.methods.iter().filter(|m| is_published(m)) {
        let Some(rest) = method.address.strip_prefix(path) else { continue };
        if rest.is_empty() {
            describe(space, values, method, &mut root);
        } else if let Some(rest) = rest.strip_prefix('/') {
            insert(space, values, method, path, rest, &mut root);
        } else {
            continue;
        }
        found = Some(());
    }
    found.map(|()| Json::Object(root))
}

/// Whether clients are shown a method. What stands below a parameter's own address is not: there
/// they would take the parameter for a folder.
pub(in super::super) fn is_published(method: &Method) -> bool {
    let is_below = |action: &Action| {
        use Action::{Free, Press, Refresh, SetNormal};
        matches!(action, SetNormal(_) | Press(_) | Free(_) | Refresh)
    };
    !method.actions.iter().all(is_below)
}

fn container(path: &str) -> Map<String, Json> {
    let mut node = Map::new();
    node.insert("FULL_PATH".into(), json!(path));
    node.insert("ACCESS".into(), json!(0));
    if path == "/" {
        node.insert("DESCRIPTION".into(), json!("A show of Lumawire."));
    }
    node
}

/// Puts a method where it belongs below `node`.
fn insert(
    space: &Space,
    values: &Values,
    method: &Method,
    path: &str,
    rest: &str,
    node: &mut Map<String, Json>,
) {
    let (name, deeper) = match rest.split_once('/') {
        Some((name, deeper)) => (name, Some(deeper)),
        None => (rest, None),
    };
    let path = format!("{path}/{name}");
    let contents = node.entry("CONTENTS").or_insert_with(|| json!({}));
    let Some(contents) = contents.as_object_mut() else { return };
    let child = contents.entry(name).or_insert_with(|| {
        let mut child = container(&path);
        if let Some(label) = label_of(space, &path) {
            child.insert("DESCRIPTION".into(), json!(label));
        }
        Json::Object(child)
    });
    let Some(child) = child.as_object_mut() else { return };
    match deeper {
        Some(deeper) => insert(space, values, method, &path, deeper, child),
        None => describe(space, values, method, child),
    }
}

/// The name of the node whose parameters lie at `path`.
fn label_of<'a>(space: &'a Space, path: &str) -> Option<&'a str> {
    let id = path.strip_prefix(ROOT)?.strip_prefix('/')?;
    let is_of = |place: &&Place| place.target.split_once('.').is_some_and(|(node, _)| node == id);
    space.places.iter().find(is_of).map(|place| place.node_label)
}

/// Says all that is known of a method.
fn describe(space: &Space, values: &Values, method: &Method, node: &mut Map<String, Json>) {
    let mut put = |key: &str, value: Json| {
        node.insert(key.to_owned(), value);
    };
    let place = |i: usize| space.places.get(i);
    let shown = method.actions.iter().find(|action| !matches!(action, Action::Free(_)));
    let simple = |tag: &str, access: u8, text: &str| (tag.to_owned(), access, text.to_owned());
    let (tag, access, text) = match shown {
        Some(Action::Set(i)) => match place(*i) {
            Some(place) => {
                describe_param(place.param, &mut put);
                let access = match (place.param.is_steerable(), place.param.domain) {
                    (true, Domain::Text { .. }) => WRITE,
                    (true, _) => READ | WRITE,
                    (false, _) => READ,
                };
                (tag_of(place.param).to_owned(), access, doc_of(place.param))
            }
            None => return,
        },
        Some(Action::Alias(alias)) => match place(alias.place) {
            Some(place) => describe_alias(place, alias, &mut put),
            None => return,
        },
        Some(Action::RecallThis(name)) => {
            simple("I", WRITE, &format!("Goes to the preset `{name}`."))
        }
        Some(Action::Recall) => simple("s", WRITE, "Goes to the preset of this name."),
        Some(Action::Store) => simple("s", WRITE, "Stores what is now as the preset of this name."),
        Some(Action::CueThis(name)) => simple("I", WRITE, &format!("Goes to the cue `{name}`.")),
        Some(Action::Cue) => simple("s", WRITE, "Goes to the cue of this name."),
        Some(Action::StepCue(by)) => {
            simple("I", WRITE, if *by > 0 { "Goes to the next cue." } else { "Goes back a cue." })
        }
        Some(Action::CurrentCue) => simple("s", READ, "The cue that came last."),
        Some(Action::Play) => simple("I", WRITE, "Plays the sound."),
        Some(Action::Pause) => simple("I", WRITE, "Pauses the sound."),
        Some(Action::Seek) => {
            put("UNIT", json!(["time.second"]));
            simple("f", WRITE, "Goes to this second of the sound.")
        }
        _ => return,
    };
    let is_vital = !matches!(shown, Some(Action::Set(_) | Action::Alias(_) | Action::CurrentCue));
    put("TYPE", json!(tag));
    put("ACCESS", json!(access));
    put("DESCRIPTION", json!(text));
    if is_vital {
        put("CRITICAL", json!(true));
    }
    if access & READ != 0
        && let Some(value) = values.of(space, method)
    {
        put("VALUE", json!([json_of(&value)]));
    }
}

fn describe_param(param: &Param, put: &mut impl FnMut(&str, Json)) {
    if let Some(range) = range_of(param) {
        put("RANGE", json!([range]));
    }
    if let Some(mode) = clip_mode(param) {
        put("CLIPMODE", json!([mode]));
    }
    if let Some(unit) = unit_of(param.unit) {
        put("UNIT", json!([unit]));
    }
}

fn describe_alias(
    place: &Place,
    alias: &Alias,
    put: &mut impl FnMut(&str, Json),
) -> (String, u8, String) {
    let text = format!("{} of {}: {}", place.param.label, place.node_label, place.param.doc);
    match (alias.mode, alias.range) {
        (BindingMode::Press | BindingMode::Toggle, _) => ("I".into(), WRITE, text),
        (BindingMode::Relative, _) => ("f".into(), WRITE, text),
        (BindingMode::Follow, Some(_)) => {
            put("RANGE", json!([{ "MIN": 0.0, "MAX": 1.0 }]));
            put("CLIPMODE", json!(["both"]));
            ("f".into(), READ | WRITE, text)
        }
        (BindingMode::Follow, None) => {
            describe_param(place.param, put);
            let is_text = matches!(place.param.domain, Domain::Text { .. });
            let access = if is_text { WRITE } else { READ | WRITE };
            (tag_of(place.param).into(), access, text)
        }
    }
}

fn doc_of(param: &Param) -> String {
    format!("{}: {}", param.label, param.doc)
}

fn tag_of(param: &Param) -> &'static str {
    match param.domain {
        Domain::Float { .. } => "f",
        Domain::Int { .. } if is_long(param) => "h",
        Domain::Int { .. } => "i",
        Domain::Bool { .. } => "T",
        Domain::Choice { .. } | Domain::Text { .. } | Domain::File { .. } => "s",
    }
}

/// The slider's range: what lies beyond is taken as far as `CLIPMODE` says.
fn range_of(param: &Param) -> Option<Json> {
    match param.domain {
        Domain::Float { soft: (low, high), .. } => {
            Some(json!({ "MIN": short(low), "MAX": short(high) }))
        }
        Domain::Int { soft: (low, high), .. } => Some(json!({ "MIN": low, "MAX": high })),
        Domain::Choice { options, .. } => Some(json!({ "VALS": options })),
        Domain::Bool { .. } | Domain::Text { .. } | Domain::File { .. } => None,
    }
}

/// Which ends of the slider cut; a menu has none.
fn clip_mode(param: &Param) -> Option<&'static str> {
    let (low, high) = match param.domain {
        Domain::Float { soft, hard, .. } => (soft.0 <= hard.0, soft.1 >= hard.1),
        Domain::Int { soft, hard, .. } => (soft.0 <= hard.0, soft.1 >= hard.1),
        _ => return None,
    };
    Some(match (low, high) {
        (true, true) => "both",
        (true, false) => "low",
        (false, true) => "high",
        (false, false) => "none",
    })
}

/// As the proposal's list of units writes it.
fn unit_of(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::None => None,
        Unit::Hz => Some("time.hz"),
        Unit::Secs => Some("time.second"),
        Unit::Db => Some("gain.db-raw"),
        Unit::Radians => Some("angle.radian"),
        Unit::Px => Some("distance.pixels"),
        Unit::Samples => Some("time.samples"),
        Unit::Bpm => Some("time.bpm"),
        // The list has none; its form is kept.
        Unit::Semitones => Some("time.semitones"),
    }
}

fn json_of(value: &OscType) -> Json {
    match value {
        OscType::Float(v) => json!(short(*v)),
        OscType::Double(v) => json!(v),
        OscType::Int(v) => json!(v),
        OscType::Long(v) => json!(v),
        OscType::Bool(v) => json!(v),
        OscType::String(v) => json!(v),
        _ => Json::Null,
    }
}

/// The number with the same shortest decimal: 0.1, not 0.10000000149.
fn short(v: f32) -> f64 {
    v.to_string().parse().unwrap_or_else(|_| f64::from(v))
}

/// One attribute of a node, as `?NAME` asks for it; the error is the status that the proposal gives.
pub(super) fn attribute(node: &Json, name: &str) -> Result<Json, StatusCode> {
    if NOT_SERVED.contains(&name) {
        return Err(StatusCode::NO_CONTENT);
    }
    if !SERVED.contains(&name) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let is_readable = node["ACCESS"].as_u64().is_some_and(|access| access & u64::from(READ) != 0);
    if name == "VALUE" && !is_readable {
        return Err(StatusCode::NO_CONTENT);
    }
    Ok(match node.get(name) {
        Some(value) => json!({ name: value }),
        None => json!({}),
    })
}
