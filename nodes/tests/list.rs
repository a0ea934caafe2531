//! What holds for the description of every node kind.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lumawire_core::{Change, Domain, NodeSpec, Param, Port, Role};
use lumawire_nodes::ALL;

/// Folders with code that several categories share.
const SHARED: [&str; 2] = ["dsp", "gpu"];

/// Every file below `folder` that describes a node, with its kind.
fn described(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(described(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            if let Some((_, spec)) = text.split_once(" SPEC: NodeSpec =") {
                let kind = spec.split('"').nth(1).unwrap().to_owned();
                found.push((path, kind));
            }
        }
    }
    found
}

#[test]
fn the_list_is_complete() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let listed: BTreeSet<&str> = ALL.iter().map(|s| s.kind).collect();
    assert_eq!(listed.len(), ALL.len(), "a kind is listed twice");
    let mut in_files = BTreeSet::new();
    for (path, kind) in described(&src) {
        let path = path.strip_prefix(&src).unwrap();
        assert!(listed.contains(kind.as_str()), "{} is not in ALL: {kind}", path.display());
        let folder = path.iter().next().unwrap().to_str().unwrap();
        let category = kind.split('.').next().unwrap();
        assert!(folder == category || SHARED.contains(&folder), "{}: {kind}", path.display());
        assert!(in_files.insert(kind.clone()), "{kind} is described twice");
    }
    for kind in listed {
        assert!(in_files.contains(kind), "{kind} is in ALL, but no file under src/ describes it");
    }
}

fn is_snake_case(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn assert_sentence(doc: &str, what: &str) {
    assert!(!doc.trim().is_empty(), "{what} has no doc");
    assert!(doc.ends_with('.'), "{what}: no period ends `{doc}`");
}

#[test]
fn kinds_are_well_formed() {
    for spec in ALL {
        let parts: Vec<&str> = spec.kind.split('.').collect();
        assert!(parts.len() == 2 && parts.iter().all(|p| is_snake_case(p)), "{}", spec.kind);
        assert!(spec.version >= 1, "{}: versions start at 1", spec.kind);
        assert!(!spec.label.is_empty(), "{} has no label", spec.kind);
        assert_sentence(spec.doc, spec.kind);
    }
}

#[test]
fn ids_are_unique_and_documented() {
    for spec in ALL {
        let inputs = spec.inputs.iter().map(|p| p.id);
        let params = spec.params.iter().map(|p| p.id);
        assert_ids(spec, inputs.chain(params));
        assert_ids(spec, spec.outputs.iter().map(|p| p.id));
        for Port { id, doc, .. } in spec.inputs.iter().chain(spec.outputs) {
            assert_sentence(doc, &format!("{}.{id}", spec.kind));
        }
        for Param { id, doc, label, .. } in spec.params {
            assert_sentence(doc, &format!("{}.{id}", spec.kind));
            assert!(!label.is_empty(), "{}.{id} has no label", spec.kind);
        }
    }
}

fn assert_ids(spec: &NodeSpec, ids: impl Iterator<Item = &'static str>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(is_snake_case(id), "{}.{id} is not snake_case", spec.kind);
        assert!(seen.insert(id), "{}.{id} comes twice", spec.kind);
    }
}

#[test]
fn defaults_and_ranges_hold_together() {
    for spec in ALL {
        for param in spec.params {
            let name = format!("{}.{}", spec.kind, param.id);
            match param.domain {
                Domain::Float { default: d, soft, hard } => assert_range(&name, d, soft, hard),
                Domain::Int { default: d, soft, hard } => assert_range(&name, d, soft, hard),
                Domain::Choice { default, options } => {
                    assert!(options.contains(&default), "{name}: {default} is no option");
                    let ids: BTreeSet<_> = options.iter().collect();
                    assert!(ids.len() == options.len(), "{name}: an option comes twice");
                    assert!(options.iter().all(|o| !o.is_empty()), "{name}: {options:?}");
                }
                Domain::Bool { .. } | Domain::Text { .. } | Domain::File { .. } => {}
            }
        }
    }
}

fn assert_range<T: PartialOrd + std::fmt::Debug>(name: &str, d: T, soft: (T, T), hard: (T, T)) {
    let nested = hard.0 <= soft.0 && soft.0 < soft.1 && soft.1 <= hard.1;
    assert!(nested, "{name}: {soft:?} is no range within {hard:?}");
    assert!(soft.0 <= d && d <= soft.1, "{name}: the default {d:?} is off the slider {soft:?}");
}

#[test]
fn only_what_can_move_is_modulatable() {
    for spec in ALL {
        for param in spec.params.iter().filter(|p| p.modulatable) {
            let is_number = matches!(
                param.domain,
                Domain::Float { .. } | Domain::Int { .. } | Domain::Bool { .. }
            );
            assert!(is_number, "{}.{} is no number", spec.kind, param.id);
            assert!(param.change != Change::Rebuild, "{}.{} rebuilds", spec.kind, param.id);
        }
    }
}

#[test]
fn roles_fit_the_ports() {
    for spec in ALL {
        let takes = !spec.inputs.is_empty();
        let gives = !spec.outputs.is_empty();
        match spec.role {
            Role::Pure | Role::Stateful | Role::Source => assert!(gives, "{}", spec.kind),
            Role::Sink => assert!(takes, "{}", spec.kind),
            Role::Delay => assert!(takes && gives, "{}", spec.kind),
        }
    }
}
