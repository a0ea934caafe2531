//! Which of our packages may depend on which, and what each must never see. The table is that of
//! `ARCHITECTURE.md`.

use serde_json::Value as Json;

/// What a package may depend on.
struct Rule {
    package: &'static str,
    /// Our packages that it may name.
    ours: &'static [&'static str],
    /// Foreign packages that it must not name, nor those that begin with one of these and a dash or underscore.
    never: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        package: "lumawire-analysis",
        ours: &[],
        never: &["egui", "eframe", "cpal", "wgpu", "candle", "rosc"],
    },
    Rule {
        package: "lumawire-core",
        ours: &[],
        never: &["egui", "eframe", "cpal", "wgpu", "candle", "rosc", "rayon", "crossbeam"],
    },
    Rule { package: "lumawire-models", ours: &[], never: &["egui", "eframe", "wgpu"] },
    Rule {
        package: "lumawire-nodes",
        ours: &["lumawire-analysis", "lumawire-core", "lumawire-models"],
        never: &["egui", "eframe", "cpal", "rosc"],
    },
    Rule {
        package: "lumawire-runtime",
        ours: &["lumawire-core"],
        never: &["egui", "eframe", "candle"],
    },
    Rule {
        package: "lumawire-editor",
        ours: &["lumawire-core", "lumawire-runtime"],
        never: &["candle"],
    },
    Rule {
        package: "lumawire",
        ours: &[
            "lumawire-analysis",
            "lumawire-core",
            "lumawire-editor",
            "lumawire-models",
            "lumawire-nodes",
            "lumawire-runtime",
        ],
        never: &[],
    },
    Rule { package: "xtask", ours: &[], never: &["egui", "eframe", "wgpu", "candle", "clap"] },
];

/// Every dependency, of any kind, that breaks a rule, and every package without a rule.
/// `metadata` is what `cargo metadata --no-deps` prints.
pub fn faults(metadata: &Json) -> Vec<String> {
    let Some(packages) = metadata["packages"].as_array() else {
        return vec!["cargo metadata lists no packages".to_owned()];
    };
    let ours: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    packages.iter().flat_map(|package| faults_of(package, &ours)).collect()
}

fn faults_of(package: &Json, ours: &[&str]) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some(rule) = RULES.iter().find(|rule| rule.package == name) else {
        return vec![format!("{name} has no rule: add it to xtask/src/direction.rs")];
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    dependencies
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|dependency| !rule.allows(dependency, ours.contains(dependency)))
        .map(|dependency| format!("{name} must not depend on {dependency}"))
        .collect()
}

impl Rule {
    fn allows(&self, dependency: &str, is_ours: bool) -> bool {
        if is_ours {
            return self.ours.contains(&dependency);
        }
        !self.never.iter().any(|never| {
            dependency
                .strip_prefix(never)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(packages: &[(&str, &[&str])]) -> Json {
        let packages: Vec<Json> = packages
            .iter()
            .map(|(name, dependencies)| {
                let dependencies: Vec<Json> =
                    dependencies.iter().map(|d| json!({ "name": d, "kind": null })).collect();
                json!({ "name": name, "dependencies": dependencies })
            })
            .collect();
        json!({ "packages": packages })
    }

    #[test]
    fn the_direction_of_the_design_passes() {
        let all = metadata(&[
            ("lumawire-core", &["petgraph", "serde_json"]),
            ("lumawire-models", &["candle-core"]),
            ("lumawire-nodes", &["lumawire-core", "lumawire-models", "candle-core", "wgpu"]),
            ("lumawire-runtime", &["lumawire-core", "cpal", "rosc"]),
            ("lumawire-editor", &["lumawire-core", "lumawire-runtime", "egui"]),
            ("lumawire", &["lumawire-core", "lumawire-nodes", "lumawire-runtime"]),
        ]);
        assert_eq!(faults(&all), Vec::<String>::new());
    }

    #[test]
    fn every_wrong_edge_is_reported() {
        let wrong = metadata(&[
            ("lumawire-core", &["wgpu", "candle-core", "egui", "lumawire-nodes"]),
            ("lumawire-models", &["lumawire-core", "egui_plot", "egui-wgpu"]),
            ("lumawire-nodes", &["lumawire-runtime", "rosc"]),
            ("lumawire-runtime", &["lumawire-nodes"]),
            ("lumawire-editor", &["lumawire-nodes"]),
        ]);
        assert_eq!(
            faults(&wrong),
            [
                "lumawire-core must not depend on wgpu",
                "lumawire-core must not depend on candle-core",
                "lumawire-core must not depend on egui",
                "lumawire-core must not depend on lumawire-nodes",
                "lumawire-models must not depend on lumawire-core",
                "lumawire-models must not depend on egui_plot",
                "lumawire-models must not depend on egui-wgpu",
                "lumawire-nodes must not depend on lumawire-runtime",
                "lumawire-nodes must not depend on rosc",
                "lumawire-runtime must not depend on lumawire-nodes",
                "lumawire-editor must not depend on lumawire-nodes",
            ]
        );
    }

    #[test]
    fn a_package_without_a_rule_is_reported() {
        let faults = faults(&metadata(&[("lumawire-new", &[])]));
        assert_eq!(faults, ["lumawire-new has no rule: add it to xtask/src/direction.rs"]);
    }
}
