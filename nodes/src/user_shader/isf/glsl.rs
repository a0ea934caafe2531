//! From the GLSL of an ISF file to a module: names that the format gives, the words of GLSL that
//! have changed since, and the entry that sets up a pixel.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use lumawire_core::NodeError;
use naga::ShaderStage;
use naga::front::glsl::{Frontend, Options};

use super::super::bound::{bound_loops, check_costs};
use super::super::program::{FIRST_FIELD, NUM_BUILT_IN};
use super::super::returns::mend_returns;
use super::super::source::{Lines, read, tokens, validate};
use super::super::{Compiled, Declared, Field, FieldType};
use super::header::comment;
use super::macros;

/// Functions that every shader gets: finite colours, and light of sRGB code values.
const COMMON: &str = include_str!("common.glsl");

/// The module of a text.
pub(super) fn compile(path: &Path, text: &str, declared: &Declared) -> Result<Compiled, NodeError> {
    let vertex_path = path.with_extension("vs");
    let vertex = if vertex_path.is_file() { Some(read(&vertex_path)?) } else { None };
    let before = before(declared);
    let mut rewriter = Rewriter::new(declared);
    let fragment = rewriter.rewrite(&without_head(text), false);
    let lines = Lines { before: before.matches('\n').count(), count: text.lines().count() };
    let mut whole = format!("{before}{fragment}\n");
    // What is compiled is checked: words of the text may have gone since.
    macros::check(path, &fragment)?;
    if let Some(vertex) = &vertex {
        let vertex = rewriter.rewrite(vertex, true);
        macros::check(&vertex_path, &vertex)?;
        whole.push_str(&vertex);
    }
    whole.push_str(&entry(declared, vertex.is_some(), &rewriter.beginnings));
    if vertex.is_some() || !rewriter.beginnings.is_empty() {
        macros::check(path, &whole)?;
    }
    let mut module = Frontend::default()
        .parse(&Options::from(ShaderStage::Fragment), &whole)
        .map_err(|errors| match errors.errors.first() {
            Some(e) => lines.fault(path, Some(e.meta.location(&whole)), &e.kind),
            None => NodeError::file(path, "it cannot be read"),
        })?;
    mend_returns(&mut module);
    bound_loops(&mut module);
    validate(path, &module, &whole, lines)?;
    check_costs(&module).map_err(|why| NodeError::file(path, why))?;
    // Drops the sampler that the language asks for and no pixel is read by.
    naga::compact::compact(&mut module, naga::compact::KeepUnused::No);
    Ok(module)
}

/// The text with blanks in place of its head, so that lines stay.
fn without_head(text: &str) -> String {
    let Some((start, end)) = comment(text) else { return text.to_owned() };
    let kept: String = text[start..end].chars().filter(|c| *c == '\n').collect();
    format!("{}{kept}{}", &text[..start - 2], &text[end + 2..])
}

/// What stands before the person's text.
fn before(declared: &Declared) -> String {
    let num_slots = NUM_BUILT_IN + declared.fields.len();
    let mut text = format!(
        "#version 450
layout(set = 0, binding = 0) uniform IsfData {{ vec4 isf_data[{num_slots}]; }};
layout(set = 0, binding = 999) uniform sampler isf_sampler;
layout(location = 0) out vec4 isf_out;
int PASSINDEX; vec2 RENDERSIZE; vec2 isf_FragNormCoord; float TIME; float TIMEDELTA;
vec4 DATE; int FRAMEINDEX; vec4 isf_FragCoord; vec4 isf_FragColor; vec4 isf_Position;
void isf_vertShaderInit() {{ isf_Position = vec4(isf_FragNormCoord * 2.0 - 1.0, 0.0, 1.0); }}
{COMMON}
"
    );
    for field in &declared.fields {
        let _ = writeln!(text, "{} {};", type_name(field.ty), renamed(&field.name));
    }
    for (i, texture) in declared.textures.iter().enumerate() {
        let (name, binding) = (&texture.name, i + 1);
        let source = format!("sampler2D(isf_image_{name}, isf_sampler)");
        let _ = writeln!(
            text,
            "layout(set = 0, binding = {binding}) uniform texture2D isf_image_{name};
vec2 isf_size_{name}() {{ return vec2(textureSize({source}, 0)); }}
vec4 isf_rect_{name}() {{ return vec4(0.0, 0.0, isf_size_{name}()); }}
vec4 isf_texel_{name}(ivec2 at, ivec2 last) {{ return texelFetch({source}, clamp(at, ivec2(0), last), 0); }}
vec4 isf_norm_{name}(vec2 at) {{
    ivec2 last = textureSize({source}, 0) - 1;
    vec2 place = vec2(at.x, 1.0 - at.y) * vec2(last + 1) - 0.5;
    place = floor(place * 256.0 + 0.5) / 256.0;
    ivec2 corner = ivec2(floor(place));
    vec2 t = place - floor(place);
    vec4 top = mix(isf_texel_{name}(corner, last), isf_texel_{name}(corner + ivec2(1, 0), last), t.x);
    vec4 bottom = mix(isf_texel_{name}(corner + ivec2(0, 1), last), isf_texel_{name}(corner + ivec2(1, 1), last), t.x);
    return mix(top, bottom, t.y);
}}
vec4 isf_pixel_{name}(vec2 at) {{ return isf_norm_{name}(at / isf_size_{name}()); }}"
        );
    }
    text
}

fn type_name(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Float => "float",
        FieldType::Int => "int",
        FieldType::Uint => "uint",
        FieldType::Bool => "bool",
        FieldType::Vec(2) => "vec2",
        FieldType::Vec(3) => "vec3",
        FieldType::Vec(_) => "vec4",
    }
}

/// The entry: the format has its origin at the lower left, the device's pictures at the upper.
fn entry(declared: &Declared, has_vertex: bool, beginnings: &str) -> String {
    let mut text = String::from(
        "
void main() {
    TIME = isf_data[0].x; TIMEDELTA = isf_data[0].y; FRAMEINDEX = int(isf_data[0].z);
    PASSINDEX = int(isf_data[0].w); RENDERSIZE = isf_data[1].xy; DATE = isf_data[2];
",
    );
    for (i, Field { name, ty, .. }) in (FIRST_FIELD..).zip(&declared.fields) {
        let value = match ty {
            FieldType::Float => format!("isf_data[{i}].x"),
            FieldType::Int => format!("int(isf_data[{i}].x)"),
            FieldType::Uint => format!("uint(isf_data[{i}].x)"),
            FieldType::Bool => format!("isf_data[{i}].x > 0.5"),
            FieldType::Vec(2) => format!("isf_data[{i}].xy"),
            FieldType::Vec(3) => format!("isf_data[{i}].xyz"),
            FieldType::Vec(_) => format!("isf_data[{i}]"),
        };
        let _ = writeln!(text, "    {} = {value};", renamed(name));
    }
    text.push_str(
        "    isf_FragCoord = vec4(gl_FragCoord.x, RENDERSIZE.y - gl_FragCoord.y, 0.0, 1.0);
    isf_FragNormCoord = isf_FragCoord.xy / RENDERSIZE;
",
    );
    text.push_str(beginnings);
    if has_vertex {
        text.push_str("    isf_vertex_main();\n");
    }
    text.push_str(
        "    isf_user_main();\n    isf_out = isf_finish(isf_FragColor, isf_data[1].z);\n}\n",
    );
    text
}

/// Words that later versions of GLSL keep for themselves.
const RESERVED: &[&str] = &[
    "sample",
    "texture",
    "buffer",
    "shared",
    "input",
    "output",
    "filter",
    "common",
    "active",
    "half",
    "fixed",
    "patch",
    "resource",
    "partition",
    "superp",
    "noinline",
    "smooth",
    "flat",
    "coherent",
    "readonly",
    "writeonly",
    "precise",
    "image2D",
    "sampler",
    "subroutine",
    "centroid",
    "invariant",
];

/// `name`, or another for it where GLSL has taken it meanwhile.
fn renamed(name: &str) -> String {
    if RESERVED.contains(&name) { format!("isf_word_{name}") } else { name.to_owned() }
}

struct Rewriter {
    textures: BTreeSet<String>,
    /// What the fragment shader has from the vertex shader.
    varyings: BTreeSet<String>,
    /// Names whose values differ from frame to frame or pixel to pixel.
    changing: BTreeSet<String>,
    /// What the entry must do for variables that begin with such a value: constants alone may
    /// stand outside functions now.
    beginnings: String,
}

/// Types of variables that may begin with such a value.
const TYPES: &[&str] = &["float", "int", "bool", "vec2", "vec3", "vec4", "ivec2", "mat2", "mat3"];

fn is_blank(token: &str) -> bool {
    token.trim().is_empty() || token.starts_with("//") || token.starts_with("/*")
}

/// The next token from `i` on that is no blank.
fn next<'a>(tokens: &[&'a str], i: usize) -> Option<(usize, &'a str)> {
    let rest = tokens.iter().enumerate().skip(i);
    rest.map(|(i, t)| (i, *t)).find(|(_, t)| !is_blank(t))
}

impl Rewriter {
    fn new(declared: &Declared) -> Self {
        let textures = declared.textures.iter().map(|t| t.name.clone()).collect();
        let given = ["TIME", "TIMEDELTA", "DATE", "FRAMEINDEX", "PASSINDEX", "RENDERSIZE"];
        let places = ["isf_FragNormCoord", "vv_FragNormCoord", "gl_FragCoord"];
        let fields = declared.fields.iter().map(|f| f.name.clone());
        let changing = given.into_iter().chain(places).map(str::to_owned).chain(fields).collect();
        Self { textures, varyings: BTreeSet::new(), changing, beginnings: String::new() }
    }

    /// The text in the GLSL of today, line by line.
    fn rewrite(&mut self, text: &str, is_vertex: bool) -> String {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let tokens = tokens(&text);
        let mut out = String::with_capacity(text.len() * 2);
        let ends = ends(&tokens);
        let mut depth = 0_i32;
        // How far declarations were looked at, and whether this line holds `const` or `#`.
        let mut seen = 0;
        let mut is_constant = false;
        let mut i = 0;
        while i < tokens.len() {
            let token = tokens[i];
            is_constant = match token {
                "const" | "#" => true,
                _ => is_constant && !token.contains('\n'),
            };
            let used = match token {
                "IMG_NORM_PIXEL"
                | "IMG_PIXEL"
                | "IMG_THIS_PIXEL"
                | "IMG_THIS_NORM_PIXEL"
                | "IMG_SIZE"
                | "texture2D"
                | "texture2DRect"
                | "texture" => self.fetch(&tokens, i, &mut out),
                "#" => directive(&tokens, i),
                "varying" | "in" | "out" if depth == 0 && i < seen => Some(i + 1),
                "varying" | "in" | "out" if depth == 0 => {
                    seen = ends[i];
                    self.varying(&tokens, i..ends[i], is_vertex, &mut out)
                }
                _ if depth == 0 && i >= seen && TYPES.contains(&token) => {
                    seen = ends[i];
                    if is_constant { None } else { self.beginning(&tokens, i, &ends, &mut out) }
                }
                "precision" => Some(ends[i]),
                "lowp" | "mediump" | "highp" | "attribute" => Some(i + 1),
                _ => None,
            };
            if let Some(used) = used {
                depth += i32::from(tokens[used - 1] == "," && out.ends_with('('));
                i = used;
                continue;
            }
            match token {
                "(" | "{" => depth += 1,
                ")" | "}" => depth -= 1,
                _ => {}
            }
            self.word(&tokens, i, is_vertex, &mut out);
            i += 1;
        }
        out
    }

    /// `float name = TIME * 2.0;` outside functions: the entry sets it.
    fn beginning(
        &mut self,
        tokens: &[&str],
        i: usize,
        ends: &[usize],
        out: &mut String,
    ) -> Option<usize> {
        let (name_at, name) = next(tokens, i + 1)?;
        let (equals, _) = next(tokens, name_at + 1).filter(|(_, t)| *t == "=")?;
        let end = ends[equals];
        if tokens[end - 1] != ";" {
            return None;
        }
        let value = &tokens[equals + 1..end - 1];
        if !value.iter().any(|t| self.changing.contains(*t) || t.starts_with("IMG_")) {
            return None;
        }
        let value = self.rewrite(&format!("({})", value.concat()), false);
        let name = renamed(name);
        let _ = writeln!(self.beginnings, "    {name} = {};", value.replace('\n', " "));
        self.changing.insert(name.clone());
        let lines: String = tokens[i..end].concat().chars().filter(|c| *c == '\n').collect();
        let _ = write!(out, "{} {name};{lines}", tokens[i]);
        Some(end)
    }

    fn word(&self, tokens: &[&str], i: usize, is_vertex: bool, out: &mut String) {
        let token = tokens[i];
        let is_call = token == "main" && next(tokens, i + 1).is_some_and(|(_, t)| t == "(");
        match token {
            "gl_FragCoord" => out.push_str("isf_FragCoord"),
            "gl_FragColor" => out.push_str("isf_FragColor"),
            "gl_Position" => out.push_str("isf_Position"),
            "vv_FragNormCoord" => out.push_str("isf_FragNormCoord"),
            "vv_vertShaderInit" => out.push_str("isf_vertShaderInit"),
            "main" if is_call && is_vertex => out.push_str("isf_vertex_main"),
            "main" if is_call => out.push_str("isf_user_main"),
            _ if RESERVED.contains(&token) => out.push_str(&renamed(token)),
            _ => match self.about(token) {
                Some(call) => out.push_str(&call),
                None => out.push_str(token),
            },
        }
    }

    /// `_image_imgRect` and `_image_imgSize`, which the format's first hosts declared.
    fn about(&self, token: &str) -> Option<String> {
        let token = token.strip_prefix('_')?;
        let (name, what) = token.rsplit_once('_')?;
        let function = match what {
            "imgRect" => "rect",
            "imgSize" => "size",
            _ => return None,
        };
        self.textures.contains(name).then(|| format!("isf_{function}_{name}()"))
    }

    /// A call that reads a texture, whose name must be the first argument.
    fn fetch(&self, tokens: &[&str], i: usize, out: &mut String) -> Option<usize> {
        let (open, _) = next(tokens, i + 1).filter(|(_, t)| *t == "(")?;
        let (name_at, name) = next(tokens, open + 1)?;
        if !self.textures.contains(name) {
            return None;
        }
        let (after, punctuation) = next(tokens, name_at + 1)?;
        let lines: String = tokens[i..after].concat().chars().filter(|c| *c == '\n').collect();
        out.push_str(&lines);
        match (tokens[i], punctuation) {
            ("IMG_SIZE", ")") => {
                let _ = write!(out, "isf_size_{name}()");
                Some(after + 1)
            }
            ("IMG_THIS_PIXEL" | "IMG_THIS_NORM_PIXEL", ")") => {
                let _ = write!(out, "isf_norm_{name}(isf_FragNormCoord)");
                Some(after + 1)
            }
            ("IMG_PIXEL" | "texture2DRect", ",") => {
                let _ = write!(out, "isf_pixel_{name}");
                self.rest_of_call(out, after)
            }
            ("IMG_NORM_PIXEL" | "texture2D" | "texture", ",") => {
                let _ = write!(out, "isf_norm_{name}");
                self.rest_of_call(out, after)
            }
            _ => None,
        }
    }

    /// What follows the comma is read on as it comes.
    fn rest_of_call(&self, out: &mut String, comma: usize) -> Option<usize> {
        // The bracket that closes the call is counted when it comes.
        out.push('(');
        Some(comma + 1)
    }

    /// `varying vec2 place;`: a variable that the vertex shader's part sets.
    fn varying(
        &mut self,
        tokens: &[&str],
        place: Range<usize>,
        is_vertex: bool,
        out: &mut String,
    ) -> Option<usize> {
        let (i, all) = (place.start, &tokens[place.clone()]);
        let mut names = all.iter().copied().skip(1).filter(|t| !is_blank(t) && *t != ";").skip(1);
        if is_vertex {
            let name = names.next().unwrap_or_default();
            if self.varyings.contains(name) {
                out.extend(all.iter().flat_map(|t| t.chars()).filter(|c| *c == '\n'));
                return Some(place.end);
            }
        } else {
            self.varyings.extend(names.map(str::to_owned));
        }
        Some(i + 1)
    }
}

/// `#version` and `#extension` say nothing here; other directives stay.
fn directive(tokens: &[&str], i: usize) -> Option<usize> {
    let (at, word) = next(tokens, i + 1)?;
    if !matches!(word, "version" | "extension") {
        return None;
    }
    let end = tokens.iter().enumerate().skip(at).find(|(_, t)| t.contains('\n'));
    Some(end.map_or(tokens.len(), |(i, _)| i))
}

/// Where the statement ends that each token belongs to, past its semicolon.
fn ends(tokens: &[&str]) -> Vec<usize> {
    let mut end = tokens.len();
    let each = tokens.iter().enumerate().rev().map(|(i, token)| {
        if *token == ";" {
            end = i + 1;
        }
        end
    });
    let mut ends: Vec<usize> = each.collect();
    ends.reverse();
    ends
}
