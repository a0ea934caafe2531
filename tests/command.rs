//! `check`, `nodes` and `new`.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use common::{Bench, failure, lumawire, root, run, stdout};

#[test]
fn check_lists_all_faults() {
    let bench = Bench::new();
    let small = bench.path("small.lumawire");
    assert!(stdout(&run([&"check", &small])).contains("ok, 14 nodes, 16 wires"));
    let faulty = common::SMALL
        .replace("analysis.onset@1", "analysis.onsets@1")
        .replace("\"model.model -> generator.model\",", "")
        .replace("bank.bank -> chords.bank", "chroma.chroma -> chords.bank");
    std::fs::write(&small, faulty).expect("patch");
    let output = run([&"check", &small]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("3 fault(s)"), "{printed}");
    for word in ["analysis.onset", "generator", "latent bank", "chroma"] {
        assert!(printed.contains(word), "{word}: {printed}");
    }
}

/// The names of the shipped patches, in order.
fn patches() -> Vec<String> {
    let files = std::fs::read_dir(root().join("patches")).expect("patches").flatten();
    let mut names: Vec<String> = files
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".lumawire")?.to_owned()))
        .collect();
    names.sort();
    names
}

#[test]
fn every_shipped_patch_is_sound_and_says_what_it_does() {
    for name in patches() {
        let path = root().join("patches").join(&name).with_extension("lumawire");
        let printed = stdout(&run([&"check", &path]));
        assert!(!printed.contains("warning"), "{printed}");
        let patch = lumawire_core::patch::load(&path).expect("loads");
        let description = patch.graph.about().description.clone();
        assert!(description.len() > 100, "{name} describes itself");
    }
}

/// A patch is shipped where it can be started from, and where a golden frame is kept of it.
#[test]
fn every_patch_is_listed_and_has_a_golden_frame() {
    let listed = stdout(&run([&"new", &"x", &"--from", &"list"]));
    assert_eq!(listed.lines().collect::<Vec<_>>(), patches());
    let golden = std::fs::read_to_string(root().join("tests/golden.rs")).expect("golden.rs");
    for name in patches() {
        assert!(golden.contains(&format!("golden(\"{name}\")")), "{name} has no golden frame");
    }
}

#[test]
fn shipped_patches_stand_in_their_canonical_form() {
    let registry = lumawire_nodes::registry();
    for name in patches() {
        let path = root().join("patches").join(&name).with_extension("lumawire");
        let graph = lumawire_core::patch::load(&path).expect("loads").graph;
        let written = lumawire_core::patch::to_text(&graph, &registry);
        if std::env::var_os("LUMAWIRE_BLESS").is_some() {
            std::fs::write(&path, &written).expect("writes");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), written, "{name}");
    }
}

#[test]
fn nodes_are_listed_described_and_exported() {
    let list = stdout(&run([&"nodes"]));
    assert_eq!(list.lines().count(), lumawire_nodes::ALL.len());
    let one = stdout(&run([&"nodes", &"analysis.chroma"]));
    assert!(one.contains("spectrum (spectrum, required)") && one.contains("tuning"), "{one}");
    let category = stdout(&run([&"nodes", &"latent"]));
    assert!(category.lines().all(|line| line.starts_with("latent.")), "{category}");
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&run([&"nodes", &"--json"]))).expect("JSON");
    let kinds: Vec<_> = json.as_array().expect("list").iter().map(|n| &n["kind"]).collect();
    assert_eq!(kinds.len(), lumawire_nodes::ALL.len());
    assert!(failure(&run([&"nodes", &"no.such"])).contains("no.such"));
}

#[test]
fn the_reference_is_what_the_nodes_say() {
    let kept = std::fs::read_to_string(root().join("docs/nodes.md")).expect("docs");
    let said = stdout(&run([&"nodes", &"--markdown"]));
    assert!(kept == said, "docs/nodes.md is out of date; `cargo xtask docs` writes it");
}

#[test]
fn a_new_patch_renders_and_nothing_is_overwritten() {
    let bench = Bench::new();
    let file = bench.path("mine.lumawire");
    stdout(&run([&"new", &file]));
    assert!(stdout(&run([&"check", &file])).contains("ok, "));
    assert!(failure(&run([&"new", &file])).contains("exists"));
    assert!(
        failure(&run([&"new", &bench.path("b.lumawire"), &"--from", &"x"])).contains("kick_snare")
    );
    let names = stdout(&run([&"new", &"x", &"--from", &"list"]));
    let still = |name: &str| {
        let file = bench.path(name).with_extension("lumawire");
        stdout(&run([&"new", &file, &"--from", &name]));
        let output = lumawire()
            .arg("render")
            .arg(&file)
            .arg("--audio")
            .arg(bench.path("sound.wav"))
            .args(["--size", "64x64", "--from", "0.2", "--quiet", "-o"])
            .arg(bench.path(name).with_extension("png"))
            .output();
        stdout(&output.expect("runs"));
        image::open(bench.path(name).with_extension("png")).expect("a picture")
    };
    for name in names.lines() {
        assert_eq!(still(name).width(), 64);
    }
}
