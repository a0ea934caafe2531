//! The JSON at the head of an ISF file.

use std::path::{Path, PathBuf};

use lumawire_core::NodeError;
use lumawire_core::graph::is_id;
use serde_json::{Map, Value as Json};

use super::super::declared::{SlotKind, SoundRows};
use super::super::source::fault;
use super::super::{Declared, Field, FieldType, Pass, Side, Slot, Texture, TextureKind};
use super::Expr;

/// The picture that a filter changes, by the name that the format gives it.
const MAIN: &str = "inputImage";
/// Passes of a shader.
const MAX_PASSES: usize = 32;
/// Where a number has no range.
const UNIT: (f32, f32) = (0.0, 1.0);

/// What the head of `text` declares.
pub(super) fn declare(path: &Path, text: &str) -> Result<Declared, NodeError> {
    let (start, end) = comment(text).ok_or_else(|| {
        fault(path, 1, 1, "an ISF file begins with /* and the JSON that describes it, closed by */")
    })?;
    let line = text[..start].matches('\n').count();
    let json: Json = serde_json::from_str(&text[start..end])
        .map_err(|e| fault(path, line + e.line(), e.column().max(1), e))?;
    let head = json.as_object().ok_or_else(|| fault(path, line + 1, 1, "the head is no object"))?;
    declare_all(head)
        .map_err(|why| fault(path, line + line_of(&text[start..end], &why), 1, why.why))
}

/// What is wrong, and the word of the head that shows where.
struct Wrong {
    word: String,
    why: String,
}

fn wrong(word: &str, why: impl Into<String>) -> Wrong {
    Wrong { word: format!("\"{word}\""), why: why.into() }
}

fn line_of(head: &str, wrong: &Wrong) -> usize {
    head.find(&wrong.word).map_or(0, |at| head[..at].matches('\n').count()) + 1
}

/// Where the first comment's text begins and ends.
pub(super) fn comment(text: &str) -> Option<(usize, usize)> {
    let start = text.find("/*")? + 2;
    Some((start, start + text[start..].find("*/")?))
}

fn declare_all(head: &Map<String, Json>) -> Result<Declared, Wrong> {
    let text = |key: &str| head.get(key).and_then(Json::as_str).unwrap_or_default();
    let doc = match (text("DESCRIPTION"), text("CREDIT")) {
        (doc, "") => doc.to_owned(),
        ("", credit) => format!("By {credit}."),
        (doc, credit) => format!("{} By {credit}.", with_full_stop(doc)),
    };
    let mut declared =
        Declared { doc, fields: Vec::new(), textures: Vec::new(), passes: Vec::new(), codes: true };
    for input in list(head, "INPUTS") {
        let input = input.as_object().ok_or_else(|| wrong("INPUTS", "an input is no object"))?;
        let name = input.get("NAME").and_then(Json::as_str).unwrap_or_default();
        if !is_id(name) || name.is_empty() {
            return Err(wrong("NAME", format!("`{name}` cannot name an input")));
        }
        add_input(name, input, &mut declared)?;
    }
    for (name, what) in imported(head) {
        let path = what.get("PATH").and_then(Json::as_str).unwrap_or_default();
        let path = PathBuf::from(path);
        if !is_id(&name) || path.as_os_str().is_empty() || path.is_absolute() {
            let why = "an imported picture has a name and a PATH that starts from the shader";
            return Err(wrong("IMPORTED", why));
        }
        let kind = TextureKind::Imported { path };
        declared.textures.push(Texture { label: name.clone(), name, kind });
    }
    add_passes(head, &mut declared)?;
    Ok(declared)
}

fn with_full_stop(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn list<'a>(head: &'a Map<String, Json>, key: &str) -> &'a [Json] {
    head.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// Version 1 wrote a list with names, version 2 an object by name.
fn imported(head: &Map<String, Json>) -> Vec<(String, Json)> {
    match head.get("IMPORTED") {
        Some(Json::Object(all)) => all.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        Some(Json::Array(all)) => {
            let name =
                |v: &Json| v.get("NAME").and_then(Json::as_str).unwrap_or_default().to_owned();
            all.iter().map(|v| (name(v), v.clone())).collect()
        }
        _ => Vec::new(),
    }
}

fn add_input(name: &str, input: &Map<String, Json>, declared: &mut Declared) -> Result<(), Wrong> {
    let label = input.get("LABEL").and_then(Json::as_str).filter(|l| !l.trim().is_empty());
    let label = label.unwrap_or(name).to_owned();
    let ty = input.get("TYPE").and_then(Json::as_str).unwrap_or_default();
    let texture = |kind| Texture { name: name.to_owned(), label: label.clone(), kind };
    let sound = |rows| {
        let width = input.get("MAX").and_then(number).map_or(512.0, |v| v.clamp(1.0, 512.0));
        texture(TextureKind::Sound { id: name.to_owned(), rows, width: width as u32 })
    };
    let mut field = |ty, slots| {
        declared.fields.push(Field { name: name.to_owned(), ty, slots });
    };
    let slot = |kind| vec![Slot { id: name.to_owned(), label: label.clone(), kind }];
    let default = input.get("DEFAULT");
    match ty {
        "image" => {
            let id = if name == MAIN { "image" } else { name };
            declared.textures.push(texture(TextureKind::Image { id: id.to_owned() }));
        }
        "audio" => declared.textures.push(sound(SoundRows::Wave)),
        "audioFFT" => declared.textures.push(sound(SoundRows::Spectrum)),
        "event" => field(FieldType::Bool, slot(SlotKind::Event)),
        "bool" => {
            let default = default.and_then(number).is_some_and(|v| v > 0.5);
            field(FieldType::Bool, slot(SlotKind::Bool { default }));
        }
        "float" => field(FieldType::Float, slot(float(input, None))),
        "long" => field(FieldType::Int, slot(long(input))),
        "point2D" => field(FieldType::Vec(2), parts(name, &label, input, &["x", "y"])),
        "color" => field(FieldType::Vec(4), parts(name, &label, input, &["r", "g", "b", "a"])),
        other => {
            return Err(wrong(
                name,
                format!("`{name}` is of a type that ISF does not have: `{other}`"),
            ));
        }
    }
    Ok(())
}

/// A number, however it is written.
fn number(json: &Json) -> Option<f64> {
    match json {
        Json::Number(v) => v.as_f64(),
        Json::Bool(v) => Some(f64::from(u8::from(*v))),
        Json::String(v) => v.trim().parse().ok(),
        Json::Array(v) => v.first().and_then(number),
        _ => None,
    }
    .filter(|v| v.is_finite())
}

/// The real number `part` of an input, or the whole.
fn float(input: &Map<String, Json>, part: Option<usize>) -> SlotKind {
    let get = |key: &str| {
        let json = input.get(key)?;
        let json = match (part, json) {
            (Some(i), Json::Array(all)) => all.get(i)?,
            _ => json,
        };
        number(json).map(|v| v as f32).filter(|v| v.is_finite())
    };
    let default = get("DEFAULT");
    let range = match (get("MIN"), get("MAX")) {
        (Some(min), Some(max)) if min < max => (min, max),
        (Some(max), Some(min)) if min < max => (min, max),
        // A default beyond the unit says what the range may be: points used to be in pixels.
        (min, max) => {
            let far = default.map_or(1.0, |v| if v > 1.0 { (2.0 * v).min(f32::MAX) } else { 1.0 });
            let (min, max) = (min.unwrap_or(default.unwrap_or(0.0).min(0.0)), max.unwrap_or(far));
            if min < max { (min, max) } else { UNIT }
        }
    };
    SlotKind::Float { default: default.unwrap_or(range.0).clamp(range.0, range.1), range }
}

fn parts(name: &str, label: &str, input: &Map<String, Json>, names: &[&str]) -> Vec<Slot> {
    let part = |(i, part): (usize, &&str)| {
        let mut kind = float(input, Some(i));
        // A colour without a word about its alpha is opaque.
        if let SlotKind::Float { default, range } = &mut kind
            && *part == "a"
            && input.get("DEFAULT").and_then(Json::as_array).is_none_or(|all| all.len() < 4)
        {
            *default = 1.0_f32.clamp(range.0, range.1);
        }
        Slot { id: format!("{name}_{part}"), label: format!("{label} {part}"), kind }
    };
    names.iter().enumerate().map(part).collect()
}

/// A whole number: one of several by name, or within a range.
fn long(input: &Map<String, Json>) -> SlotKind {
    let default = input.get("DEFAULT").and_then(number).unwrap_or(0.0) as i64;
    let values: Vec<i64> =
        list(input, "VALUES").iter().filter_map(number).map(|v| v as i64).collect();
    let mut options: Vec<(String, i32)> = Vec::new();
    for (label, value) in list(input, "LABELS").iter().zip(&values) {
        let label = label.as_str().map_or_else(|| label.to_string(), str::to_owned);
        let is_taken = options.iter().any(|(known, _)| *known == label);
        let label = if is_taken { format!("{label} {value}") } else { label };
        options.push((label, i32::try_from(*value).unwrap_or(0)));
    }
    if !options.is_empty() {
        let default = values.iter().position(|v| *v == default).unwrap_or(0);
        return SlotKind::Choice { default: default.min(options.len() - 1), options };
    }
    let bound = |key: &str, of_values: Option<i64>, otherwise: i64| {
        of_values.or(input.get(key).and_then(number).map(|v| v as i64)).unwrap_or(otherwise)
    };
    let min = bound("MIN", values.iter().min().copied(), default.min(0));
    let max = bound("MAX", values.iter().max().copied(), default.max(10)).max(min);
    SlotKind::Int { default: default.clamp(min, max), range: (min, max) }
}

fn add_passes(head: &Map<String, Json>, declared: &mut Declared) -> Result<(), Wrong> {
    let passes = list(head, "PASSES");
    if passes.len() > MAX_PASSES {
        return Err(wrong("PASSES", format!("a shader may have {MAX_PASSES} passes")));
    }
    for pass in passes {
        let name = pass.get("TARGET").and_then(Json::as_str).filter(|name| !name.is_empty());
        let target = name.map(|name| target_of(name, declared)).transpose()?;
        // Version 1 described the buffers apart from the passes.
        let old = name.and_then(|name| persistent_buffer(head, name));
        let of = |key: &str| pass.get(key).or_else(|| old.as_ref()?.get(key));
        let is_on = |key: &str| of(key).and_then(number).is_some_and(|v| v > 0.0);
        let persistent = is_on("PERSISTENT") || is_on("persistent") || old.is_some();
        let float = is_on("FLOAT");
        let (width, height) = (side(of("WIDTH"))?, side(of("HEIGHT"))?);
        declared.passes.push(Pass { target, persistent, float, width, height });
    }
    if passes.is_empty() {
        declared.passes.push(Pass { float: false, ..Pass::WHOLE });
    }
    Ok(())
}

fn target_of(name: &str, declared: &mut Declared) -> Result<usize, Wrong> {
    if !is_id(name) {
        return Err(wrong("TARGET", format!("`{name}` cannot name a buffer")));
    }
    let is_it = |t: &Texture| t.name == name && t.kind == TextureKind::Target;
    Ok(declared.textures.iter().position(is_it).unwrap_or_else(|| {
        let (name, label) = (name.to_owned(), name.to_owned());
        declared.textures.push(Texture { name, label, kind: TextureKind::Target });
        declared.textures.len() - 1
    }))
}

/// What version 1 says of a buffer, an empty object where it only names it.
fn persistent_buffer(head: &Map<String, Json>, name: &str) -> Option<Json> {
    match head.get("PERSISTENT_BUFFERS")? {
        Json::Object(all) => all.get(name).cloned(),
        Json::Array(all) => {
            all.iter().any(|v| v.as_str() == Some(name)).then(|| Json::Object(Map::new()))
        }
        _ => None,
    }
}

fn side(json: Option<&Json>) -> Result<Side, Wrong> {
    let text = match json {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Expr::parse(&text).map(Some).map_err(|why| wrong("PASSES", format!("`{text}`: {why}")))
}
