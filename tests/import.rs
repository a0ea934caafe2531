//! `import` and `model info`.

mod common;

use common::{failure, root, run, stdout};
use serde_json::Value;

#[test]
fn a_network_of_another_program_is_imported_with_its_card() {
    let dir = tempfile::tempdir().expect("folder");
    let source = root().join("tests/reference/stylegan2/rosinality_64.pt");
    let out = dir.path().join("net.safetensors");
    let printed = stdout(&run([&"import", &source, &out, &"--licence", &"CC BY 4.0, A. Artist"]));
    for words in ["rosinality_64.pt", "torch zip", "64x64", "skip", "CC BY 4.0, A. Artist"] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let before = std::fs::read(&out).expect("written");
    assert!(failure(&run([&"import", &source, &out])).contains("--force"));
    assert_eq!(std::fs::read(&out).expect("still there"), before);
    stdout(&run([&"import", &source, &out, &"--force"]));
    assert_ne!(std::fs::read(&out).expect("written anew"), before);
    // The unfinished files are gone.
    assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 1);
    let elsewhere = dir.path().join("net.pt");
    assert!(failure(&run([&"import", &source, &elsewhere])).contains(".safetensors"));

    let info: Value =
        serde_json::from_str(&stdout(&run([&"model", &"info", &out, &"--json"]))).expect("JSON");
    assert_eq!(info["config"]["channels"], serde_json::json!([64, 64, 64, 48, 32]));
    assert_eq!(info["config"]["conv_clamp"], Value::Null);
    assert_eq!(info["layers"][9], serde_json::json!({ "resolution": 64, "channels": 32 }));
    assert_eq!(info["card"]["source"], "rosinality_64.pt");
    let printed = stdout(&run([&"model", &"info", &out]));
    assert!(printed.contains("imported from") && printed.contains("4²: 64"), "{printed}");
}

#[test]
fn a_network_that_makes_pictures_larger_is_imported_too() {
    let dir = tempfile::tempdir().expect("folder");
    let source = root().join("tests/reference/super_resolution/compact_x4.pth");
    let out = dir.path().join("net.safetensors");
    let printed = stdout(&run([&"import", &source, &out, &"--licence", &"CC0"]));
    for words in ["compact_x4.pth", "torch zip, SRVGGNetCompact", "CC0"] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let info: Value =
        serde_json::from_str(&stdout(&run([&"model", &"info", &out, &"--json"]))).expect("JSON");
    assert_eq!((&info["scale"], &info["num_convolutions"]), (&4.into(), &5.into()));
    // 3 to 16, three times 16 to 16, 16 to 48 channels, 3×3 each, biases, and four times 16 slopes.
    assert_eq!(info["num_parameters"], (9 * 16 * (3 + 48 + 48) + 4 * 16 + 48 + 4 * 16));
    assert_eq!(info["card"]["licence"], "CC0");
    assert!(stdout(&run([&"model", &"info", &source])).contains("SRVGGNetCompact"));
}

#[test]
fn a_hostile_file_is_refused_in_one_sentence() {
    let dir = tempfile::tempdir().expect("folder");
    let (evil, out) = (dir.path().join("evil.pkl"), dir.path().join("out.safetensors"));
    std::fs::write(&evil, b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.").expect("file");
    let said = failure(&run([&"import", &evil, &out]));
    assert!(said.contains("posix.system") && said.contains("Nothing was run"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!out.exists());
}
