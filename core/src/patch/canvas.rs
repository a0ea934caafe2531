//! `canvas` in the file: what a person arranged beyond the places of nodes.
//!
//! ```json
//! "canvas": {
//!   "frames": {
//!     "frame_1": { "title": "Listening", "colour": [40, 90, 120], "rect": [0, 0, 400, 300] }
//!   },
//!   "groups": {
//!     "group_1": { "title": "Beat", "colour": [90, 40, 40], "at": [20, 40], "promoted": ["onset_1.threshold"] },
//!     "group_2": { "title": "Kick", "colour": [90, 40, 40], "parent": "group_1", "at": [0, 0] }
//!   },
//!   "members": {
//!     "onset_1": "group_2"
//!   },
//!   "collapsed": [
//!     "walk_1"
//!   ],
//!   "bends": {
//!     "onset_1.strength -> walk_1.speed": [[200, 80], [200, 120]]
//!   }
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::PatchError;
use super::json::{Inline, quote};
use super::read::{inconsistent, object, optional_object};
use crate::graph::{Edit, Extra, Frame, Graph, Group, MAX_NESTING, WireEnds, is_id};
use crate::param::ParamValue;
use crate::spec::Registry;

/// The text of the member, sorted, an entry a line; none where nothing is arranged.
pub(super) fn write(graph: &Graph) -> Option<String> {
    let entry = |key: &str, value: Json| format!("{}: {}", quote(key), Inline(&value));
    let frames = graph.frames().map(|(id, frame)| entry(id, frame_json(frame))).collect();
    let groups = graph.groups().map(|(id, group)| entry(id, group_json(group))).collect();
    let members = graph.memberships().map(|(node, group)| entry(node, group.into())).collect();
    let collapsed = graph.collapsed().map(quote).collect();
    let bends = graph.bent_wires().map(|(ends, points)| {
        entry(&ends.to_string(), points.iter().map(|p| numbers(p)).collect::<Vec<_>>().into())
    });
    let parts = [
        ("frames", ["{", "}"], frames),
        ("groups", ["{", "}"], groups),
        ("members", ["{", "}"], members),
        ("collapsed", ["[", "]"], collapsed),
        ("bends", ["{", "}"], bends.collect::<Vec<String>>()),
    ];
    let parts = parts.into_iter().filter(|(.., lines)| !lines.is_empty());
    let parts = parts.map(|(name, [open, close], lines)| {
        format!("    {}: {open}\n      {}\n    {close}", quote(name), lines.join(",\n      "))
    });
    let extra =
        graph.canvas_extra().iter().map(|(key, v)| format!("    {}", entry(key, v.clone())));
    let lines: Vec<String> = parts.chain(extra).collect();
    (!lines.is_empty()).then(|| format!("{{\n{}\n  }}", lines.join(",\n")))
}

fn frame_json(frame: &Frame) -> Json {
    let mut members = Map::new();
    members.insert("title".into(), frame.title.as_str().into());
    members.insert("colour".into(), frame.colour.to_vec().into());
    members.insert("rect".into(), numbers(&frame.rect));
    members.extend(frame.extra.clone());
    Json::Object(members)
}

fn group_json(group: &Group) -> Json {
    let mut members = Map::new();
    members.insert("title".into(), group.title.as_str().into());
    members.insert("colour".into(), group.colour.to_vec().into());
    if let Some(parent) = &group.parent {
        members.insert("parent".into(), parent.as_str().into());
    }
    members.insert("at".into(), numbers(&group.at));
    if !group.promoted.is_empty() {
        members.insert("promoted".into(), group.promoted.clone().into());
    }
    members.extend(group.extra.clone());
    Json::Object(members)
}

/// Numbers with the fewest digits that read back as the same.
fn numbers(values: &[f32]) -> Json {
    let number = |v: &f32| match ParamValue::from(*v) {
        ParamValue::Float(v) if v.fract() == 0.0 && v.abs() < 1e15 => (v as i64).into(),
        ParamValue::Float(v) => v.into(),
        _ => Json::from(0),
    };
    values.iter().map(number).collect::<Vec<_>>().into()
}

/// Arranges `graph`, whose nodes and wires are there. What names something that is not is left out,
/// and said in `notes`: a patch plays without it.
pub(super) fn read(
    graph: &mut Graph,
    mut members: Map<String, Json>,
    notes: &mut Vec<String>,
) -> Result<(), PatchError> {
    let mut part = |name: &str| members.shift_remove(name);
    let mut edits = Vec::new();
    for (id, value) in optional_object("canvas.frames", part("frames"))? {
        let frame = frame(&format!("canvas.frames.{id}"), value)?;
        edits.push(Edit::SetFrame { id, frame: Some(frame) });
    }
    let groups = groups(graph, part("groups"), notes)?;
    let known: BTreeSet<&str> = groups.iter().map(|(id, _)| id.as_str()).collect();
    for (node, group) in optional_object("canvas.members", part("members"))? {
        let Json::String(group) = group else {
            return Err(PatchError::field(format!("canvas.members.{node}"), "the id of a group"));
        };
        if graph.node(&node).is_some() && known.contains(group.as_str()) {
            edits.push(Edit::SetMember { node, group: Some(group) });
        } else {
            notes.push(format!("left out that `{node}` lies in `{group}`: one of them is missing"));
        }
    }
    for node in texts("canvas.collapsed", part("collapsed"))? {
        if graph.node(&node).is_some() {
            edits.push(Edit::SetCollapsed { node, collapsed: true });
        } else {
            notes.push(format!("left out that `{node}` is collapsed: there is no such node"));
        }
    }
    for (text, points) in optional_object("canvas.bends", part("bends"))? {
        let points = bends(&format!("canvas.bends.{text}"), &points)?;
        match text.parse::<WireEnds>().ok().filter(|ends| graph.wire(ends).is_some()) {
            Some(ends) => edits.push(Edit::SetBends { ends, points }),
            None => notes.push(format!("left out the bends of `{text}`: there is no such wire")),
        }
    }
    graph.set_canvas_extra(members.into_iter().collect());
    let groups = groups.into_iter().map(|(id, group)| Edit::SetGroup { id, group: Some(group) });
    for edit in groups.chain(edits) {
        let applied = graph.apply(edit, &Registry::default());
        applied.map_err(|reason| inconsistent("canvas", reason))?;
    }
    Ok(())
}

/// The groups, each after the one in which it lies.
fn groups(
    graph: &Graph,
    value: Option<Json>,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Group)>, PatchError> {
    let mut groups = BTreeMap::new();
    for (id, value) in optional_object("canvas.groups", value)? {
        let mut group = group(&format!("canvas.groups.{id}"), value)?;
        group.promoted.retain(|target| {
            let parts = target.split_once('.');
            let is_there = parts.is_some_and(|(n, p)| graph.node(n).is_some() && is_id(p));
            if !is_there {
                notes.push(format!("left out `{target}` on `{id}`: there is no such parameter"));
            }
            is_there
        });
        groups.insert(id, group);
    }
    let ids: Vec<String> = groups.keys().cloned().collect();
    for id in &ids {
        if depth(&groups, id).is_none()
            && let Some(group) = groups.get_mut(id)
        {
            group.parent = None;
            notes.push(format!("took `{id}` out of its group, which is missing or lies in itself"));
        }
    }
    let mut sorted: Vec<(usize, String)> =
        ids.into_iter().map(|id| (depth(&groups, &id).unwrap_or(0), id)).collect();
    sorted.sort();
    let take = |(_, id): (usize, String)| groups.remove(&id).map(|group| (id, group));
    Ok(sorted.into_iter().filter_map(take).collect())
}

/// How many groups lie around this one; none where one is missing, or they are too many or a loop.
fn depth(groups: &BTreeMap<String, Group>, id: &str) -> Option<usize> {
    let mut group = groups.get(id)?;
    for depth in 0..MAX_NESTING {
        match &group.parent {
            None => return Some(depth),
            Some(parent) => group = groups.get(parent)?,
        }
    }
    None
}

fn frame(path: &str, value: Json) -> Result<Frame, PatchError> {
    let mut members = object(path, value)?;
    let (title, colour) = face(path, &mut members)?;
    let rect = members.shift_remove("rect").and_then(|v| array(&v));
    let rect = rect.ok_or_else(|| PatchError::field(format!("{path}.rect"), "four numbers"))?;
    Ok(Frame { title, colour, rect, extra: members.into_iter().collect::<Extra>() })
}

fn group(path: &str, value: Json) -> Result<Group, PatchError> {
    let mut members = object(path, value)?;
    let (title, colour) = face(path, &mut members)?;
    let parent = text(&format!("{path}.parent"), members.shift_remove("parent"))?;
    let at = members.shift_remove("at").map_or(Some([0.0; 2]), |v| array(&v));
    let at = at.ok_or_else(|| PatchError::field(format!("{path}.at"), "two numbers"))?;
    let promoted = texts(&format!("{path}.promoted"), members.shift_remove("promoted"))?;
    Ok(Group { title, colour, parent, at, promoted, extra: members.into_iter().collect::<Extra>() })
}

/// Title and colour.
fn face(path: &str, members: &mut Map<String, Json>) -> Result<(String, [u8; 3]), PatchError> {
    let title = text(&format!("{path}.title"), members.shift_remove("title"))?;
    let colour = members.shift_remove("colour").map_or(Some([0; 3]), |value| {
        let level = |v: &Json| v.as_u64().and_then(|v| u8::try_from(v).ok());
        value.as_array()?.iter().map(level).collect::<Option<Vec<u8>>>()?.try_into().ok()
    });
    let three = "three whole numbers from 0 to 255";
    let colour = colour.ok_or_else(|| PatchError::field(format!("{path}.colour"), three))?;
    Ok((title.unwrap_or_default(), colour))
}

fn text(path: &str, value: Option<Json>) -> Result<Option<String>, PatchError> {
    match value {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(PatchError::field(path, "text")),
    }
}

fn texts(path: &str, value: Option<Json>) -> Result<Vec<String>, PatchError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let items = value.as_array().map(|items| items.iter().map(|v| v.as_str().map(String::from)));
    let texts = items.and_then(|items| items.collect::<Option<Vec<_>>>());
    texts.ok_or_else(|| PatchError::field(path, "a list of texts"))
}

fn bends(path: &str, value: &Json) -> Result<Vec<[f32; 2]>, PatchError> {
    let points = value.as_array().and_then(|points| points.iter().map(array).collect());
    points.ok_or_else(|| PatchError::field(path, "a list of points, as [[0, 0], [40, 0]]"))
}

/// `N` finite numbers.
fn array<const N: usize>(value: &Json) -> Option<[f32; N]> {
    let number = |v: &Json| v.as_f64().map(|v| v as f32).filter(|v| v.is_finite());
    value.as_array()?.iter().map(number).collect::<Option<Vec<f32>>>()?.try_into().ok()
}
