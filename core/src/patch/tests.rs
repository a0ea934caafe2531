use std::fs;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::graph::{Edit, EditError, Graph, GraphNode, WireError};
use crate::param::{FileRef, ParamValue};
use crate::spec::{FileKind, Registry};
use crate::stubs::{add, registry};

const FULL: &str = include_str!("../../tests/corpus/v1_full.lumawire");
const CANVAS: &str = include_str!("../../tests/corpus/v1_canvas.lumawire");
const DRAFT: &str = include_str!("../../tests/corpus/v0_draft.lumawire");

/// A patch of these members after the format and version.
fn patch(members: &str) -> String {
    format!(r#"{{ "format": "lumawire-patch", "version": 1, {members} }}"#)
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn what_this_build_does_not_know_survives_byte_for_byte() {
    let loaded = parse(FULL).unwrap();
    assert!(!loaded.read_only && loaded.notes.is_empty());
    assert_eq!(to_text(&loaded.graph, &registry()), FULL);
    assert_eq!(loaded.graph.node("onset_1").unwrap().label.as_deref(), Some("Kick\n\u{1}"));
    assert_eq!(loaded.graph.seed(), u64::MAX);
}

#[test]
fn a_migration_is_said() {
    let loaded = parse(DRAFT).unwrap();
    assert_eq!(loaded.notes, ["brought from version 0 to 1"]);
    assert!(!loaded.read_only);
}

/// Each file opens, and prints as the `.expected` beside it, or else as it stands.
#[test]
fn every_file_of_the_corpus_opens() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut num_files = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "lumawire") {
            let expected = fs::read_to_string(path.with_extension("expected"))
                .unwrap_or_else(|_| fs::read_to_string(&path).unwrap());
            assert_eq!(to_text(&load(&path).unwrap().graph, &registry()), expected, "{path:?}");
            num_files += 1;
        }
    }
    assert!(num_files >= 3);
}

#[test]
fn draft_frame_rates_become_fractions() {
    for (hz, fraction) in [
        ("60", "[60, 1]"),
        ("25.0", "[25, 1]"),
        ("23.976", "[24000, 1001]"),
        ("59.94", "[60000, 1001]"),
        ("12.5", "[12500, 1000]"),
    ] {
        let text = DRAFT.replace("29.97", hz);
        let text = to_text(&parse(&text).unwrap().graph, &registry());
        assert!(text.contains(&format!("\"fps\": {fraction}")), "{text}");
    }
    for (broken, message) in [
        (DRAFT.replace("29.97", "0"), "`clock.fps` must be a number above 0"),
        (DRAFT.replace("\"from\"", "\"form\""), "`wires.from` must be text, as \"node.port\""),
        (DRAFT.replace("\"depth\": 0.5", "\"depth\": []"), "`wires.depth` must be a number"),
    ] {
        assert_eq!(error(&broken), message);
    }
}

#[test]
fn a_newer_file_opens_for_reading_alone() {
    let loaded = parse(&FULL.replace("\"version\": 1", "\"version\": 99")).unwrap();
    assert!(loaded.read_only);
    assert!(loaded.notes[0].contains("version 99"), "{:?}", loaded.notes);
    assert_eq!(loaded.graph.num_nodes(), 3);
    let strange = patch(r#""wires": [{}]"#).replace("\"version\": 1", "\"version\": 9");
    assert_eq!(
        error(&strange),
        "a newer program wrote this patch (version 9), and this one cannot read it: `wires` must be a list of texts"
    );
}

#[test]
fn defaults_are_left_out_and_floats_are_short() {
    let registry = registry();
    let mut g = Graph::new();
    let params: [(&str, ParamValue); 4] = [
        ("threshold", 0.3_f32.into()),
        ("window_len", 1024_i64.into()),
        ("mode", "energy".into()),
        ("unknown", 0.1_f32.into()),
    ];
    g.apply(add("onset_1", "onset", &params), &registry).unwrap();
    let line =
        r#""onset_1": { "kind": "stub.onset@2", "params": { "mode": "energy", "unknown": 0.1 } }"#;
    assert!(to_text(&g, &registry).contains(line), "{}", to_text(&g, &registry));
    // Another version's defaults may be others.
    let newer = GraphNode { version: 3, ..g.node("onset_1").unwrap().clone() };
    g.apply(Edit::RemoveNode { id: "onset_1".into() }, &registry).unwrap();
    g.apply(Edit::AddNode { id: "onset_1".into(), node: newer, at: None }, &registry).unwrap();
    assert!(to_text(&g, &registry).contains("\"threshold\": 0.3"));
}

#[test]
fn an_empty_patch_is_short() {
    let expected = "{\n  \"format\": \"lumawire-patch\",\n  \"version\": 1,\n  \"clock\": { \"sample_rate_hz\": 48000, \"fps\": [60, 1] },\n  \"nodes\": {},\n  \"wires\": []\n}\n";
    assert_eq!(to_text(&Graph::new(), &Registry::default()), expected);
    assert_eq!(to_text(&parse(&patch(r#""nodes": {}"#)).unwrap().graph, &registry()), expected);
}

#[test]
fn a_place_without_its_node_is_left_out_and_said() {
    let loaded = parse(&patch(r#""layout": { "ghost": [1, 2] }"#)).unwrap();
    assert_eq!(loaded.notes, ["left out the place of `ghost`: there is no such node"]);
    assert_eq!(loaded.graph.layout().count(), 0);
}

/// What the canvas names and the patch has not is left out: none of it is worth a show.
#[test]
fn a_canvas_that_names_what_is_missing_opens() {
    let nodes = r#""nodes": { "a": { "kind": "x.y@1" } }"#;
    let canvas = r#""canvas": {
        "groups": {
            "g": { "parent": "h", "promoted": ["a.x", "b.x", "a"] }, "h": { "parent": "g" },
            "i": { "parent": "none" }, "j": { "parent": "h" }
        },
        "members": { "a": "j", "b": "j" },
        "collapsed": ["a", "b"],
        "bends": { "a.x -> b.y": [[0, 0]], "?": [] }
    }"#;
    let loaded = parse(&patch(&format!("{nodes}, {canvas}"))).unwrap();
    let g = &loaded.graph;
    assert_eq!((g.path_of("j"), g.path_of("i")), (vec!["g", "h", "j"], vec!["i"]));
    assert_eq!(g.group("g").unwrap().promoted, ["a.x"]);
    assert_eq!((g.group_of("a"), g.is_collapsed("a")), (Some("j"), true));
    let expected = [
        "left out `b.x` on `g`: there is no such parameter",
        "left out `a` on `g`: there is no such parameter",
        "took `g` out of its group, which is missing or lies in itself",
        "took `i` out of its group, which is missing or lies in itself",
        "left out that `b` lies in `j`: one of them is missing",
        "left out that `b` is collapsed: there is no such node",
        "left out the bends of `a.x -> b.y`: there is no such wire",
        "left out the bends of `?`: there is no such wire",
    ];
    assert_eq!(loaded.notes, expected);
}

#[test]
fn broken_json_is_located() {
    for (text, line, column, message) in [
        ("{\n  \"format\": \"lumawire-patch\",,\n}", 2, 30, "key must be a string"),
        ("", 1, 0, "EOF while parsing a value"),
        ("{ \"a\": 1e999 }", 1, 12, "number out of range"),
        ("{} {}", 1, 4, "trailing characters"),
        ("{\n \"nodes\": {\n  \"a\": {},\n  \"a\": {}\n } }", 4, 5, "`a` stands here twice"),
    ] {
        match parse(text) {
            Err(PatchError::Json { line: l, column: c, message: m }) => {
                assert_eq!((l, c, m.as_str()), (line, column, message));
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(parse(&deep), Err(PatchError::Json { .. })));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, message) in [
        ("[]".to_owned(), "`the file` must be an object"),
        ("{}".to_owned(), "this is no patch: `format` must be \"lumawire-patch\", and is missing"),
        (
            r#"{ "format": "other" }"#.to_owned(),
            "this is no patch: `format` must be \"lumawire-patch\", and is \"other\"",
        ),
        (r#"{ "format": "lumawire-patch" }"#.to_owned(), "`version` must be a whole number"),
        (patch(r#""about": { "title": 3 }"#), "`about.title` must be text"),
        (
            patch(r#""clock": { "sample_rate_hz": -1 }"#),
            "`clock.sample_rate_hz` must be a whole number",
        ),
        (
            patch(r#""clock": { "fps": [60, 0] }"#),
            "`clock.fps` must be two whole numbers above 0, as [30000, 1001]",
        ),
        (
            patch(r#""clock": { "fps": [4000000000, 1] }"#),
            "clock: 48000 Hz at 4000000000 frames a second is out of range: 1000 to 768000 Hz, 0.01 to 1000 frames a second",
        ),
        (patch(r#""seed": -1"#), "`seed` must be a whole number"),
        (patch(r#""nodes": []"#), "`nodes` must be an object"),
        (
            patch(r#""nodes": { "a": { "kind": "x.y" } }"#),
            "`nodes.a.kind` must be a kind with its version, as \"analysis.onset@1\"",
        ),
        (
            patch(r#""nodes": { "a": { "kind": "x.y@1", "label": 1 } }"#),
            "`nodes.a.label` must be text",
        ),
        (
            patch(r#""nodes": { "a": { "kind": "x.y@1", "params": 1 } }"#),
            "`nodes.a.params` must be an object",
        ),
        (patch(r#""wires": {}"#), "`wires` must be a list of texts"),
        (patch(r#""wires": [1]"#), "`wires` must be a list of texts"),
        (patch(r#""layout": { "a": [1] }"#), "`layout.a` must be two numbers"),
        (patch(r#""bindings": []"#), "`bindings` must be an object"),
        (
            patch(r#""nodes": { "a": { "kind": "x.y@1", "mode": "solo" } }"#),
            "`nodes.a.mode` must be \"bypass\" or \"mute\"",
        ),
        (patch(r#""canvas": []"#), "`canvas` must be an object"),
        (
            patch(r#""canvas": { "frames": { "f": { "rect": [0, 0, 1] } } }"#),
            "`canvas.frames.f.rect` must be four numbers",
        ),
        (
            patch(r#""canvas": { "frames": { "f": { "colour": [0, 0, 256] } } }"#),
            "`canvas.frames.f.colour` must be three whole numbers from 0 to 255",
        ),
        (
            patch(r#""canvas": { "frames": { "1f": { "rect": [0, 0, 1, 1] } } }"#),
            "canvas: `1f` cannot be an id: use letters, digits and underscores, and begin with no digit",
        ),
        (
            patch(r#""canvas": { "groups": { "g": { "at": [0, 1e39] } } }"#),
            "`canvas.groups.g.at` must be two numbers",
        ),
        (
            patch(r#""canvas": { "groups": { "g": { "promoted": [1] } } }"#),
            "`canvas.groups.g.promoted` must be a list of texts",
        ),
        (
            patch(r#""canvas": { "members": { "a": 1 } }"#),
            "`canvas.members.a` must be the id of a group",
        ),
        (
            patch(r#""canvas": { "bends": { "a.b -> c.d": [[0]] } }"#),
            "`canvas.bends.a.b -> c.d` must be a list of points, as [[0, 0], [40, 0]]",
        ),
    ] {
        assert_eq!(error(&text), message);
    }
}

#[test]
fn bad_wires_and_ids_are_quoted() {
    let nodes = r#""nodes": { "a": { "kind": "x.y@1" } }"#;
    match parse(&patch(r#""wires": ["a.b > c.d"]"#)) {
        Err(PatchError::Wire { text, reason: WireError::Arrow }) => assert_eq!(text, "a.b > c.d"),
        other => panic!("{other:?}"),
    }
    for (text, place, reason) in [
        (
            patch(r#""nodes": { "a b": { "kind": "x.y@1" } }"#),
            "node `a b`",
            EditError::BadId("a b".into()),
        ),
        (
            patch(&format!(r#"{nodes}, "wires": ["a.b -> ghost.d * 2"]"#)),
            "wire \"a.b -> ghost.d * 2\"",
            EditError::NoSuchNode("ghost".into()),
        ),
        (
            patch(&format!(r#"{nodes}, "wires": ["a.b -> a.d", "a.b -> a.d * 2"]"#)),
            "wire \"a.b -> a.d * 2\"",
            EditError::WireTaken("a.b -> a.d".into()),
        ),
    ] {
        match parse(&text) {
            Err(PatchError::Inconsistent { place: p, reason: r }) => {
                assert_eq!((p.as_str(), r), (place, reason));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn absurd_sizes_are_refused() {
    let long = " ".repeat(usize::try_from(MAX_BYTES).unwrap() + 1);
    assert!(matches!(parse(&long), Err(PatchError::TooLarge { .. })));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.lumawire");
    fs::File::create(&path).unwrap().set_len(MAX_BYTES * 3).unwrap();
    assert!(matches!(load(&path), Err(PatchError::TooLarge { len }) if len == MAX_BYTES * 3));
    fs::write(&path, b"\xff\xfe").unwrap();
    assert!(matches!(load(&path), Err(PatchError::NotText)));
    assert!(matches!(load(dir.path().join("none")), Err(PatchError::Io { .. })));
}

#[test]
fn files_are_found_in_known_and_unknown_kinds() {
    let registry = registry();
    let mut g = parse(FULL).unwrap().graph;
    for (id, value) in [("a", ParamValue::from("m.pt")), ("b", ParamValue::file(""))] {
        g.apply(add(id, "draw", &[("model", value), ("title", "no.file".into())]), &registry)
            .unwrap();
    }
    let found = files(&g, &registry);
    let file = |path: &str, sha256: Option<&str>| FileRef {
        path: path.into(),
        sha256: sha256.map(String::from),
    };
    let expected = [
        ("a", file("m.pt", None), Some(FileKind::Model)),
        ("take_1", file("models/köln.safetensors", Some("00ff")), None),
    ];
    let expected = expected.map(|(node, file, kind)| FileUse {
        node: node.into(),
        param: "model".into(),
        file,
        kind,
    });
    assert_eq!(found, expected);
}

#[test]
fn a_file_is_saved_whole_over_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.lumawire");
    let graph = parse(FULL).unwrap().graph;
    save(&path, &Graph::new(), &registry()).unwrap();
    save(&path, &graph, &registry()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), FULL);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(to_text(&load(&path).unwrap().graph, &registry()), FULL);
}

#[test]
fn a_save_that_fails_leaves_the_folder_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let names = || -> Vec<_> {
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // A folder stands where the file should go: the last step, the rename, fails.
    let path = dir.path().join("taken.lumawire");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "kept").unwrap();
    assert!(matches!(save(&path, &Graph::new(), &registry()), Err(PatchError::Io { .. })));
    assert_eq!(names(), ["taken.lumawire"]);
    assert_eq!(fs::read_to_string(path.join("inside")).unwrap(), "kept");
    // There is no such folder: the first step fails.
    let nowhere = dir.path().join("no/such/a.lumawire");
    assert!(matches!(save(nowhere, &Graph::new(), &registry()), Err(PatchError::Io { .. })));
}

#[cfg(unix)]
#[test]
fn an_unwritable_folder_gives_an_error_and_keeps_the_old_file() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.lumawire");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write everywhere: for them no folder is unwritable.
    let is_superuser = fs::write(dir.path().join("probe"), "").is_ok();
    let saved = save(&path, &Graph::new(), &registry());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(saved.is_ok(), is_superuser);
    assert_eq!(fs::read_to_string(&path).unwrap() == "old", !is_superuser);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("a.lumawire"), dir.path().join("link.lumawire"));
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&path, &link).unwrap();
    save(&link, &parse(FULL).unwrap().graph, &registry()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(&path).unwrap(), FULL);
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<f32>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn members() -> impl Strategy<Value = Map<String, Json>> {
    prop::collection::vec((any::<String>(), json()), 0..4).prop_map(|m| m.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Members of any name and content, wherever a file may have them, survive in canonical form.
    #[test]
    fn odd_members_and_strings_survive(
        (extra, about, clock, node) in (members(), members(), members(), members()),
        (params, bindings, presets, cues) in (members(), members(), members(), members()),
        kind in any::<String>(),
        label in any::<String>(),
    ) {
        let mut file = json!({ "format": FORMAT, "version": 1 });
        let set = |to: &mut Json, more: Map<String, Json>, known: &[&str]| {
            for (key, value) in more.into_iter().filter(|(k, _)| !known.contains(&k.as_str())) {
                to[key] = value;
            }
        };
        set(&mut file, extra, &["about", "clock", "seed", "nodes", "wires", "bindings", "presets", "cues", "layout", "canvas"]);
        file["about"] = json!({});
        set(&mut file["about"], about, &["title", "author", "licence", "description"]);
        file["clock"] = json!({});
        set(&mut file["clock"], clock, &["sample_rate_hz", "fps"]);
        file["nodes"] = json!({ "n": { "kind": format!("{kind}@3"), "label": label, "params": params } });
        set(&mut file["nodes"]["n"], node, &["kind", "label", "mode", "params"]);
        file["bindings"] = Json::Object(bindings);
        file["presets"] = Json::Object(presets);
        file["cues"] = Json::Object(cues);

        let graph = parse(&file.to_string()).unwrap().graph;
        let text = to_text(&graph, &registry());
        prop_assert_eq!(to_text(&parse(&text).unwrap().graph, &registry()), text.clone());
        // Nothing was lost on the way: the canonical text holds every value of the first file.
        let written: Json = serde_json::from_str(&text).unwrap();
        for (key, value) in file.as_object().unwrap() {
            match (key.as_str(), value.as_object()) {
                ("about" | "bindings" | "presets", Some(map)) if map.is_empty() => {}
                ("clock", Some(map)) => {
                    for (key, value) in map {
                        prop_assert_eq!(&written["clock"][key], value);
                    }
                }
                ("nodes", _) => {
                    for (key, value) in value["n"].as_object().unwrap() {
                        if key != "params" || value != &json!({}) {
                            prop_assert_eq!(&written["nodes"]["n"][key], value);
                        }
                    }
                }
                _ => prop_assert_eq!(&written[key], value),
            }
        }
    }

    /// No text makes the reader panic.
    #[test]
    fn any_text_is_read_or_refused(
        whole in prop::sample::select(&[FULL, CANVAS][..]),
        cut in any::<prop::sample::Index>(),
        insert in ".{0,3}",
        len in 0..8_usize,
    ) {
        let cut = cut.index(whole.len());
        let floor = |i: usize| (0..=i).rev().find(|i| whole.is_char_boundary(*i)).unwrap_or(0);
        let (start, end) = (floor(cut), floor((cut + len).min(whole.len())));
        let text = format!("{}{insert}{}", &whole[..start], &whole[end..]);
        if let Ok(loaded) = parse(&text) {
            let text = to_text(&loaded.graph, &registry());
            prop_assert_eq!(to_text(&parse(&text).unwrap().graph, &registry()), text);
        }
    }
}
