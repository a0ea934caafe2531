//! Which crate may depend on which: the table of the architecture, held against cargo's metadata.

use serde_json::Value as Json;

use crate::command::Outcome;

/// A package and what it must never depend on, itself or by its own packages' doing.
const NEVER: &[(&str, &[&str])] = &[
    ("lumawire-core", &["lumawire-*", "egui", "cpal", "wgpu", "candle-core", "rosc"]),
    (
        "lumawire-models",
        &["lumawire-core", "lumawire-nodes", "lumawire-runtime", "lumawire-editor", "egui", "wgpu"],
    ),
    ("lumawire-nodes", &["lumawire-runtime", "lumawire-editor", "egui", "cpal", "rosc"]),
    ("lumawire-runtime", &["lumawire-nodes", "lumawire-models", "lumawire-editor", "egui"]),
    ("lumawire-editor", &["lumawire-nodes", "lumawire-models"]),
];

/// Fails with every edge that goes the wrong way.
pub fn check(metadata: &str) -> Outcome {
    let metadata: Json = serde_json::from_str(metadata).map_err(|e| format!("metadata: {e}"))?;
    let wrong = wrong_edges(&metadata);
    if wrong.is_empty() {
        println!("dependencies go the right way");
        return Ok(());
    }
    Err(format!("dependencies that go the wrong way:\n  {}", wrong.join("\n  ")))
}

fn wrong_edges(metadata: &Json) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, never)) = NEVER.iter().find(|(p, _)| *p == name) else { continue };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Tests may look at more than the code.
            let in_tests = dependency["kind"].as_str() == Some("dev");
            let on = dependency["name"].as_str().unwrap_or_default();
            if !in_tests && never.iter().any(|banned| matches(banned, on)) {
                wrong.push(format!("{name} -> {on}"));
            }
        }
    }
    wrong
}

fn matches(banned: &str, name: &str) -> bool {
    banned.strip_suffix('*').map_or(banned == name, |prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_edges_are_found_and_those_of_tests_allowed() {
        let metadata = json!({ "packages": [
            { "name": "lumawire-core", "dependencies": [
                { "name": "serde", "kind": null }, { "name": "lumawire-nodes", "kind": null } ] },
            { "name": "lumawire-runtime", "dependencies": [
                { "name": "lumawire-core", "kind": null }, { "name": "egui", "kind": "build" },
                { "name": "lumawire-nodes", "kind": "dev" } ] },
        ] });
        assert_eq!(
            wrong_edges(&metadata),
            ["lumawire-core -> lumawire-nodes", "lumawire-runtime -> egui"]
        );
    }
}
