//! `lumawire nodes`: the reference, from the specs.

use std::fmt::Write;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use lumawire_core::{Domain, NodeSpec, Param, ParamValue, Port};
use serde_json::{Value as Json, json};

use crate::error::CommandError;

/// Lists all kinds, or those that `kind` names: one kind, or a category.
pub fn run(kind: Option<&str>, json: bool, markdown: bool) -> Result<ExitCode, CommandError> {
    let registry = lumawire_nodes::registry();
    let asked = |s: &&NodeSpec| kind.is_none_or(|k| s.kind == k || s.category() == k);
    let specs: Vec<_> = registry.iter().filter(asked).collect();
    if specs.is_empty() {
        let kind = kind.unwrap_or_default();
        return Err(CommandError::Usage(format!(
            "no node kind or category is called `{kind}`; `lumawire nodes` lists them"
        )));
    }
    let text = match () {
        () if json => json_of(&specs),
        () if markdown => markdown_of(&specs),
        () if specs.len() == 1 => describe(specs[0]),
        () => list(&specs),
    };
    // A reader who has seen enough, such as `head`, is no error.
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(CommandError::Io { what: "printing".into(), source })
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn list(specs: &[&NodeSpec]) -> String {
    let width = specs.iter().map(|s| s.kind.len()).max().unwrap_or(0);
    specs.iter().map(|s| format!("{:width$}  {}\n", s.kind, s.summary())).collect()
}

fn describe(spec: &NodeSpec) -> String {
    let mut text = format!("{}  {}\n{}\n", spec.kind, spec.label, spec.doc);
    let mut ports = |title: &str, ports: &[Port]| {
        if !ports.is_empty() {
            let _ = writeln!(text, "\n{title}");
        }
        for p in ports {
            let must = if p.required { ", required" } else { "" };
            let _ = writeln!(text, "  {} ({}{must})  {}", p.id, p.ty, p.doc);
        }
    };
    ports("inputs", spec.inputs);
    ports("outputs", spec.outputs);
    if !spec.params.is_empty() {
        text.push_str("\nparameters\n");
    }
    for p in spec.params {
        let _ = writeln!(text, "  {} = {}  {}\n      {}", p.id, default_of(p), range_of(p), p.doc);
    }
    text
}

fn default_of(param: &Param) -> String {
    match param.default_value().to_string() {
        empty if empty.is_empty() => "none".into(),
        value => value,
    }
}

fn range_of(param: &Param) -> String {
    let unit = match param.unit.symbol() {
        "" => String::new(),
        symbol => format!(" {symbol}"),
    };
    match param.domain {
        Domain::Float { soft, hard, .. } if soft == hard => {
            format!("{} to {}{unit}", hard.0, hard.1)
        }
        Domain::Float { soft, hard, .. } => {
            format!("{} to {}{unit}, at most {} to {}", soft.0, soft.1, hard.0, hard.1)
        }
        Domain::Int { soft, hard, .. } if soft == hard => format!("{} to {}{unit}", hard.0, hard.1),
        Domain::Int { soft, hard, .. } => {
            format!("{} to {}{unit}, at most {} to {}", soft.0, soft.1, hard.0, hard.1)
        }
        Domain::Bool { .. } => "true or false".into(),
        Domain::Choice { options, .. } => options.join(", "),
        Domain::Text { .. } => "text".into(),
        Domain::File { .. } => "a file".into(),
    }
}

fn markdown_of(specs: &[&NodeSpec]) -> String {
    let mut text = String::from(
        "# Node reference\n\nMade by `cargo xtask docs` from the nodes' own descriptions; edit \
         those, not this file.\n",
    );
    let mut category = "";
    for spec in specs {
        if spec.category() != category {
            category = spec.category();
            let _ = write!(text, "\n## {category}\n");
        }
        let _ = write!(text, "\n### {} (`{}`)\n\n{}\n", spec.label, spec.kind, spec.doc);
        table(&mut text, "Input", spec.inputs);
        table(&mut text, "Output", spec.outputs);
        if !spec.params.is_empty() {
            text.push_str("\n| Parameter | Default | Range | |\n|---|---|---|---|\n");
        }
        for p in spec.params {
            let wire = if p.modulatable { " Takes a wire." } else { "" };
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {}{wire} |",
                p.id,
                default_of(p),
                range_of(p),
                p.doc.replace('|', "\\|")
            );
        }
    }
    text
}

fn table(text: &mut String, title: &str, ports: &[Port]) {
    if !ports.is_empty() {
        let _ = write!(text, "\n| {title} | Type | |\n|---|---|---|\n");
    }
    for p in ports {
        let must = if p.required { ", required" } else { "" };
        let _ = writeln!(text, "| `{}` | {}{must} | {} |", p.id, p.ty, p.doc.replace('|', "\\|"));
    }
}

fn json_of(specs: &[&NodeSpec]) -> String {
    let all: Vec<Json> = specs.iter().map(|s| spec_json(s)).collect();
    format!("{:#}\n", Json::Array(all))
}

fn spec_json(spec: &NodeSpec) -> Json {
    let port = |p: &Port| json!({ "id": p.id, "type": p.ty, "required": p.required, "doc": p.doc });
    let param = |p: &Param| {
        let mut json = json!({
            "id": p.id, "label": p.label, "unit": p.unit.symbol(), "default": p.default_value(),
            "change": format!("{:?}", p.change).to_lowercase(), "modulatable": p.modulatable,
            "doc": p.doc,
        });
        match p.domain {
            Domain::Float { soft, hard, .. } => {
                let short = |(min, max)| json!([ParamValue::from(min), ParamValue::from(max)]);
                json["type"] = "float".into();
                (json["soft"], json["hard"]) = (short(soft), short(hard));
            }
            Domain::Int { soft, hard, .. } => {
                json["type"] = "int".into();
                (json["soft"], json["hard"]) = (json!(soft), json!(hard));
            }
            Domain::Bool { .. } => json["type"] = "bool".into(),
            Domain::Choice { options, .. } => {
                (json["type"], json["options"]) = ("choice".into(), json!(options));
            }
            Domain::Text { .. } => json["type"] = "text".into(),
            Domain::File { .. } => json["type"] = "file".into(),
        }
        json
    };
    json!({
        "kind": spec.kind, "version": spec.version, "label": spec.label,
        "category": spec.category(), "doc": spec.doc,
        "rate": format!("{:?}", spec.rate).to_lowercase(),
        "role": format!("{:?}", spec.role).to_lowercase(),
        "inputs": spec.inputs.iter().map(port).collect::<Vec<_>>(),
        "outputs": spec.outputs.iter().map(port).collect::<Vec<_>>(),
        "params": spec.params.iter().map(param).collect::<Vec<_>>(),
    })
}
