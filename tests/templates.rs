//! The templates: starting points that show a picture at once, and the pictures of the start screen.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::path::{Path, PathBuf};

use common::{lumawire, root, run, stdout};

fn patches_in(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).expect("folder").flatten().map(|entry| entry.path());
    let mut paths: Vec<_> =
        found.filter(|path| path.extension().is_some_and(|e| e == "lumawire")).collect();
    paths.sort();
    paths
}

#[test]
fn every_template_shows_a_picture() {
    let folder = tempfile::tempdir().expect("folder");
    let registry = lumawire_nodes::registry();
    let templates = patches_in(&root().join("patches/templates"));
    assert!(templates.len() >= 4);
    for template in templates {
        let name = template.display();
        assert!(!stdout(&run([&"check", &template])).contains("warning"), "{name}");
        let graph = lumawire_core::patch::load(&template).expect("loads").graph;
        assert!(!graph.about().title.is_empty() && !graph.about().description.is_empty());
        let written = lumawire_core::patch::to_text(&graph, &registry);
        assert_eq!(std::fs::read_to_string(&template).expect("reads"), written, "{name}");
        let picture = folder.path().join("frame.png");
        let output = lumawire()
            .arg("render")
            .arg(&template)
            .args(["--size", "96x96", "--from", "1", "--to", "1.1", "--quiet", "-o"])
            .arg(&picture)
            .output();
        stdout(&output.expect("the command runs"));
        let values = image::open(&picture).expect("picture").into_luma8().into_raw();
        let (least, greatest) = (values.iter().min(), values.iter().max());
        assert!(greatest.zip(least).is_some_and(|(g, l)| g - l > 40), "{name} is plain");
    }
}

#[test]
fn every_shipped_patch_has_a_picture_for_the_start_screen() {
    for folder in ["patches", "patches/templates"].map(|folder| root().join(folder)) {
        for patch in patches_in(&folder) {
            let name = patch.file_stem().expect("name");
            let picture = folder.join("pictures").join(name).with_extension("jpg");
            let picture = image::open(&picture).expect("picture; `cargo xtask pictures` draws it");
            assert_eq!((picture.width(), picture.height()), (480, 270), "{}", patch.display());
        }
    }
}
