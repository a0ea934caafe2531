//! Shaders in WGSL: what the text declares, and the module that it becomes.

use std::fmt::Write as _;
use std::path::Path;

use lumawire_core::NodeError;
use naga::{AddressSpace, ResourceBinding};

use super::bound::{bound_loops, check_costs};
use super::declared::{SlotKind, SoundRows};
use super::program::{FIRST_FIELD, NUM_BUILT_IN};
use super::source::{Lines, check_depth, fault, logical_lines, validate};
use super::{Compiled, Declared, Field, FieldType, Language, Pass, Slot, Texture, TextureKind};
use crate::gpu::PRELUDE;

/// WGSL.
pub(crate) const LANGUAGE: Language = Language { declare, compile };

const PARAM_TYPES: &str = "f32, i32, u32, bool, vec2<f32>, vec3<f32> or vec4<f32>";

/// What a text declares: the members of `struct Params` and the textures.
fn declare(path: &Path, text: &str) -> Result<Declared, NodeError> {
    let mut declared = Declared {
        doc: leading_comment(text),
        fields: Vec::new(),
        textures: Vec::new(),
        passes: vec![Pass::WHOLE],
        codes: false,
    };
    let mut in_params = false;
    // Comments on lines of their own belong to what follows.
    let mut waiting = String::new();
    for (i, line) in text.lines().enumerate() {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let mut code = code.trim();
        if !in_params && let Some(texture) = texture_of(code, comment) {
            declared.textures.push(texture);
        }
        if let Some(rest) = code.strip_prefix("struct").map(str::trim_start)
            && let Some(rest) = rest.strip_prefix("Params")
            && let Some(rest) =
                rest.trim_start().strip_prefix('{').or(rest.is_empty().then_some(""))
        {
            in_params = true;
            waiting.clear();
            code = rest;
        }
        if !in_params {
            continue;
        }
        let (members, ends) = code.split_once('}').map_or((code, false), |(m, _)| (m, true));
        let members = members.trim_start_matches('{').trim();
        if members.is_empty() {
            waiting = format!("{waiting} {comment}");
        } else {
            let notes = format!("{waiting} {comment}");
            waiting.clear();
            for member in members.split(',').map(str::trim).filter(|m| !m.is_empty()) {
                let field = field_of(member, &notes);
                declared.fields.push(field.map_err(|why| fault(path, i + 1, 1, why))?);
            }
        }
        in_params = !ends;
    }
    Ok(declared)
}

fn leading_comment(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|line| line.starts_with("//"));
    let lines: Vec<&str> = lines.map(|line| line.trim_start_matches('/').trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// `var name: texture_2d<f32>;`, with or without the places that WGSL has for bindings.
fn texture_of(code: &str, comment: &str) -> Option<Texture> {
    let (before, after) = code.split_once("var ")?;
    if !(before.is_empty() || before.trim_start().starts_with('@')) {
        return None;
    }
    let (name, ty) = after.split_once(':')?;
    let name = name.trim().to_owned();
    if !ty.replace(' ', "").starts_with("texture_2d<f32>") {
        return None;
    }
    let label = note(comment, "label").map_or_else(|| readable(&name), unquoted);
    let is_sound = name == "fft" || note(comment, "audio").is_some();
    let id = name.clone();
    let kind = if is_sound {
        TextureKind::Sound { id, rows: SoundRows::Both, width: 512 }
    } else {
        TextureKind::Image { id }
    };
    Some(Texture { name, label, kind })
}

/// `name: type`, as the notes of its comment describe it.
fn field_of(member: &str, notes: &str) -> Result<Field, String> {
    let (name, ty) = member.split_once(':').ok_or("a parameter is written `name: type,`")?;
    let (name, ty) = (name.trim(), ty.replace(' ', ""));
    let ty = match ty.as_str() {
        "f32" => FieldType::Float,
        "i32" => FieldType::Int,
        "u32" => FieldType::Uint,
        "bool" => FieldType::Bool,
        "vec2<f32>" | "vec2f" => FieldType::Vec(2),
        "vec3<f32>" | "vec3f" => FieldType::Vec(3),
        "vec4<f32>" | "vec4f" => FieldType::Vec(4),
        _ => return Err(format!("a parameter is {PARAM_TYPES}, not {ty}")),
    };
    let label = note(notes, "label").map_or_else(|| readable(name), unquoted);
    let defaults = numbers(note(notes, "default").unwrap_or_default(), "@default")?;
    let range = note(notes, "range").map(range_of).transpose()?;
    let is_colour = note(notes, "colour").or_else(|| note(notes, "color")).is_some();
    let default = |i: usize| defaults.get(i).or(defaults.first()).copied();
    let float = |i: usize| {
        let range = range.unwrap_or((0.0, 1.0));
        let default = default(i).unwrap_or(if is_colour { 1.0 } else { range.0 });
        SlotKind::Float { default: default.clamp(range.0, range.1), range }
    };
    let whole = || {
        let (min, max) = range.unwrap_or((if ty == FieldType::Uint { 0.0 } else { -16.0 }, 16.0));
        let range = (min as i64, max as i64);
        let default = default(0).map_or(0, |v| v as i64).clamp(range.0, range.1);
        SlotKind::Int { default, range }
    };
    let options = note(notes, "options").map(options_of).filter(|options| !options.is_empty());
    let one = |kind| vec![Slot { id: name.to_owned(), label: label.clone(), kind }];
    let slots = match (ty, options) {
        (FieldType::Int | FieldType::Uint, Some(options)) => {
            let default = default(0).map_or(0, |v| v as usize).min(options.len() - 1);
            one(SlotKind::Choice { default, options: (options.into_iter().zip(0..)).collect() })
        }
        (FieldType::Int | FieldType::Uint, None) => one(whole()),
        (FieldType::Float, _) => one(float(0)),
        (FieldType::Bool, _) => {
            let text = note(notes, "default").unwrap_or_default().trim();
            one(SlotKind::Bool { default: text == "true" || text == "1" })
        }
        (FieldType::Vec(n), _) => {
            let names = if is_colour { ["r", "g", "b", "a"] } else { ["x", "y", "z", "w"] };
            let part = |(i, part): (usize, &str)| Slot {
                id: format!("{name}_{part}"),
                label: format!("{label} {part}"),
                kind: float(i),
            };
            names.into_iter().enumerate().take(usize::from(n)).map(part).collect()
        }
    };
    Ok(Field { name: name.to_owned(), ty, slots })
}

/// What follows `@word` in a comment, up to the next such word.
fn note<'a>(notes: &'a str, word: &str) -> Option<&'a str> {
    let parts = notes.split('@').skip(1);
    let mut found = parts.filter_map(|part| part.strip_prefix(word));
    found.find(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')).map(str::trim)
}

fn unquoted(text: &str) -> String {
    text.trim_matches('"').to_owned()
}

/// `edge_width` as a person reads it: `Edge width`.
fn readable(name: &str) -> String {
    let text = name.replace('_', " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn numbers(text: &str, what: &str) -> Result<Vec<f32>, String> {
    let words = text.split([' ', ',', '\t']).filter(|w| !w.is_empty());
    let mut all = Vec::new();
    for word in words {
        match (word, word.parse::<f32>()) {
            ("true", _) => all.push(1.0),
            ("false", _) => all.push(0.0),
            (_, Ok(v)) if v.is_finite() => all.push(v),
            _ => return Err(format!("`{word}` in {what} is no number")),
        }
    }
    Ok(all)
}

fn range_of(text: &str) -> Result<(f32, f32), String> {
    let help = || format!("`{text}` is no range: write it as @range 0..4");
    let (min, max) = text.split_once("..").ok_or_else(help)?;
    let number = |s: &str| s.trim().parse::<f32>().ok().filter(|v| v.is_finite());
    match (number(min), number(max)) {
        (Some(min), Some(max)) if min < max => Ok((min, max)),
        _ => Err(help()),
    }
}

/// `one, two` or `"one" "two"`.
fn options_of(text: &str) -> Vec<String> {
    let words: Vec<String> = if text.contains('"') {
        text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    } else {
        text.split(',').map(|w| w.trim().to_owned()).collect()
    };
    words.into_iter().filter(|w| !w.is_empty()).collect()
}

/// The module of a text.
fn compile(path: &Path, text: &str, declared: &Declared) -> Result<Compiled, NodeError> {
    check_depth(path, &logical_lines(text, true), |_| None)?;
    let lines = Lines { before: 0, count: text.lines().count() };
    let whole = format!("{text}\n{}\n{PRELUDE}", glue(text, declared));
    let mut module = naga::front::wgsl::parse_str(&whole)
        .map_err(|error| lines.fault(path, error.location(&whole), error.message()))?;
    module.entry_points.retain(|entry| entry.name == "user_fragment");
    bind(path, &mut module, declared)?;
    bound_loops(&mut module);
    validate(path, &module, &whole, lines)?;
    check_costs(&module).map_err(|why| NodeError::file(path, why))?;
    Ok(module)
}

/// Gives the textures their bindings, in the order in which they are declared.
fn bind(path: &Path, module: &mut Compiled, declared: &Declared) -> Result<(), NodeError> {
    for (_, variable) in module.global_variables.iter_mut() {
        let name = variable.name.as_deref().unwrap_or_default();
        let place = declared.textures.iter().position(|texture| texture.name == name);
        match (variable.space, place) {
            (AddressSpace::Handle, Some(i)) => {
                let binding = u32::try_from(i + 1).unwrap_or(u32::MAX);
                variable.binding = Some(ResourceBinding { group: 0, binding });
            }
            (AddressSpace::Handle, None) => {
                let reason = format!(
                    "`{name}` is not given to shaders; pictures are `var name: texture_2d<f32>;`, read \
                     by textureLoad or bilinear_clamped"
                );
                return Err(NodeError::file(path, reason));
            }
            (AddressSpace::Uniform | AddressSpace::Storage { .. }, _) if name != "user_data" => {
                let reason = format!(
                    "`{name}` is not given to shaders; numbers are members of `struct Params`, read \
                     as `params.name`"
                );
                return Err(NodeError::file(path, reason));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the text may name, and the entry that fills it.
fn glue(text: &str, declared: &Declared) -> String {
    let num_slots = NUM_BUILT_IN + declared.fields.len();
    let mut glue = format!(
        "struct UserFrame {{ time_secs: f32, delta_secs: f32, frame: u32, seed: u32, size_px: vec2<f32> }}
var<private> u: UserFrame;
@group(0) @binding(0) var<uniform> user_data: array<vec4<f32>, {num_slots}>;
@fragment
fn user_fragment(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {{
    let a = user_data[0];
    let b = user_data[1];
    u = UserFrame(a.x, a.y, u32(a.z), u32(b.w), b.xy);
"
    );
    let values: Vec<String> = (FIRST_FIELD..).zip(&declared.fields).map(value).collect();
    if !values.is_empty() {
        let _ = writeln!(glue, "    params = Params({});", values.join(", "));
    }
    glue.push_str("    return finite(effect(vec2<i32>(position.xy)));\n}\n");
    if !values.is_empty() && text.contains("Params") {
        glue.push_str("var<private> params: Params;\n");
    }
    glue
}

fn value((i, field): (usize, &Field)) -> String {
    match field.ty {
        FieldType::Float => format!("user_data[{i}].x"),
        FieldType::Int => format!("i32(user_data[{i}].x)"),
        FieldType::Uint => format!("u32(user_data[{i}].x)"),
        FieldType::Bool => format!("user_data[{i}].x > 0.5"),
        FieldType::Vec(2) => format!("user_data[{i}].xy"),
        FieldType::Vec(3) => format!("user_data[{i}].xyz"),
        FieldType::Vec(_) => format!("user_data[{i}]"),
    }
}
