//! The whole editor, by mouse, keys and clipboard, with the real nodes and a running show.

#![allow(clippy::expect_used)] // helpers of tests are tests
#![allow(missing_docs)]

#[path = "editor/kit.rs"]
mod kit;

use std::fs;
use std::path::{Path, PathBuf};

use egui::{Event, Key, Modifiers, vec2};
use egui_kittest::kittest::Queryable as _;
use kit::*;
use lumawire_core::graph::Mode;
use lumawire_core::{Edit, Graph, ParamValue, patch};
use lumawire_editor::session::Sound;
use lumawire_editor::{Action, Command, Document, Editor};

const COMMAND: Modifiers = Modifiers::COMMAND;
const CONTROL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

/// Adds a node by the palette, at the pointer.
fn add(window: &mut Window, at: egui::Pos2, text: &str) {
    window.hover_at(at);
    steps(window);
    key(window, Modifiers::NONE, Key::Tab);
    assert!(shows(window, "Find a kind"), "Tab opens the palette");
    type_text(window, text);
    key(window, Modifiers::NONE, Key::Enter);
}

#[test]
fn nodes_are_added_wired_and_taken_back_by_keys() {
    let mut window = open(Graph::new());
    let middle = window.get_by_label("canvas").rect().center();
    add(&mut window, middle - vec2(250.0, 0.0), "blur");
    add(&mut window, middle + vec2(50.0, 0.0), "sharpen");
    assert_eq!(ids(&window), ["blur_1", "sharpen_1"]);
    wire(&mut window, "out blur_1.image", "in sharpen_1.image");
    assert_eq!(wires(&window), ["blur_1.image -> sharpen_1.image"]);
    // Each step back says what it takes, and each step forth makes it again.
    let made = ["wire image to image", "add Sharpen", "add Blur"];
    for label in made {
        assert_eq!(undo_label(&window), Some(label));
        key(&mut window, COMMAND, Key::Z);
        assert_eq!(redo_label(&window), Some(label));
    }
    assert!(ids(&window).is_empty() && undo_label(&window).is_none());
    for _ in made {
        key(&mut window, CONTROL_SHIFT, Key::Z);
    }
    assert_eq!(wires(&window), ["blur_1.image -> sharpen_1.image"]);
    assert!(redo_label(&window).is_none());
}

#[test]
fn a_wire_that_does_not_fit_is_refused() {
    let mut window = open(scope());
    let before = wires(&window);
    wire(&mut window, "out audio.audio", "in grade.image");
    assert_eq!(wires(&window), before);
    assert_eq!(undo_label(&window), None);
    assert!(window.state().document().faults().is_empty());
}

#[test]
fn copies_have_ids_of_their_own_and_go_into_another_window() {
    let mut window = open(scope());
    choose(&mut window, &["scope", "grade"]);
    let text = copied(&mut window);
    window.event(Event::Paste(text.clone()));
    steps(&mut window);
    assert_eq!(ids(&window).len(), 6, "{:?}", ids(&window));
    assert_eq!(undo_label(&window), Some("paste"));
    let pasted = window.state().selection().clone();
    assert_eq!(pasted.len(), 2);
    let inner = graph_of(&window)
        .wires()
        .filter(|wire| pasted.contains(&wire.ends.from) && pasted.contains(&wire.ends.to));
    assert_eq!(inner.count(), 1, "their own wire comes along");
    key(&mut window, COMMAND, Key::Z);
    assert_eq!(ids(&window).len(), 4);

    let mut other = open(Graph::new());
    other.event(Event::Paste(text));
    steps(&mut other);
    assert_eq!(ids(&other), ["grade", "scope"]);
    let grade = graph_of(&other).node("grade").expect("a node");
    assert_eq!(
        grade.params.get("invert"),
        graph_of(&window).node("grade").and_then(|n| n.params.get("invert"))
    );
    assert_eq!(wires(&other), ["scope.image -> grade.image"]);
    other.event(Event::Paste("no patch at all".into()));
    steps(&mut other);
    assert_eq!(ids(&other).len(), 2);
}

#[test]
fn a_node_is_renamed_in_place() {
    let mut window = open(scope());
    select(&mut window, "node grade");
    key(&mut window, Modifiers::NONE, Key::F2);
    key(&mut window, COMMAND, Key::A);
    type_text(&mut window, "Negative");
    key(&mut window, Modifiers::NONE, Key::Enter);
    let label = |window: &Window| graph_of(window).node("grade").and_then(|n| n.label.clone());
    assert_eq!(label(&window).as_deref(), Some("Negative"));
    key(&mut window, COMMAND, Key::Z);
    assert_eq!(label(&window), None);
}

#[test]
fn a_group_is_made_entered_and_left() {
    let mut window = open(scope());
    choose(&mut window, &["scope", "grade"]);
    key(&mut window, COMMAND, Key::G);
    let group = graph_of(&window).groups().map(|(id, _)| id.to_owned()).next().expect("a group");
    let label = format!("group {group}");
    assert!(shows(&window, &label) && !shows(&window, "node scope"));
    let title = window.get_by_label(&label).rect().left_top() + vec2(40.0, 6.0);
    click_at(&mut window, title, 2);
    assert!(shows(&window, "node scope") && !shows(&window, "node video"));
    // The pointer rests on what may have a tooltip; Esc is to reach the canvas all the same.
    key(&mut window, Modifiers::NONE, Key::Escape);
    if !shows(&window, "node video") {
        key(&mut window, Modifiers::NONE, Key::Escape);
    }
    assert!(shows(&window, "node video") && shows(&window, &label));
    key(&mut window, COMMAND, Key::Z);
    assert_eq!(graph_of(&window).groups().count(), 0);
    assert!(shows(&window, "node scope"));
}

#[test]
fn faults_are_listed_and_lead_to_their_node_while_the_rest_runs() {
    let graph = graph(
        r#""audio": { "kind": "source.audio@1" },
        "scope": { "kind": "draw.scope@1", "params": { "width_px": 64, "height_px": 36 } },
        "video": { "kind": "output.video@1" },
        "lost": { "kind": "post.colour@1" }"#,
        &[
            "audio.audio -> scope.audio",
            "scope.image -> video.image",
            "lost.image -> scope.size_of",
        ],
        r#""audio": [0, 0], "scope": [240, 0], "video": [480, 0], "lost": [0, 300]"#,
    );
    let mut window = open(graph);
    let faults = window.state().document().faults();
    let (node, text) = faults
        .iter()
        .find_map(|fault| Some((fault.node()?.to_owned(), fault.to_string())))
        .expect("a fault of a node");
    assert_eq!(node, "lost");
    until(&mut window, "a picture of the good part", |w| w.state().num_pictures() > 2);
    key(&mut window, CONTROL_SHIFT, Key::M);
    assert!(shows(&window, &text), "{text}");
    click(&mut window, &text);
    assert_eq!(window.state().selection().iter().collect::<Vec<_>>(), ["lost"]);
}

#[test]
fn a_file_that_is_no_patch_is_told_and_the_patch_stays() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("notes.lumawire");
    fs::write(&path, "{ \"format\": ").expect("written");
    let mut window = open(scope());
    window.state_mut().command(Command::Open(path));
    steps(&mut window);
    assert!(window.query_all_by_label_contains("notes.lumawire").next().is_some());
    assert_eq!(ids(&window).len(), 4);
    until(&mut window, "a picture", |w| w.state().num_pictures() > 2);
}

/// The text that is kept in a folder of settings, if it is whole.
fn kept(settings: &Path) -> Option<Graph> {
    let found = fs::read_dir(settings.join("recovery")).ok()?.flatten().map(|entry| entry.path());
    let mut texts = found.filter(|path| path.extension().is_some_and(|e| e == "lumawire"));
    texts.find_map(|path| Some(patch::load(path).ok()?.graph))
}

#[test]
fn what_a_crash_left_is_recovered() {
    let (folder, later) =
        (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let editor = |settings: &Path, graph: Graph| {
        let kit = lumawire_editor::Kit { settings: Some(settings.to_owned()), ..kit() };
        let document =
            Document::untitled(graph, PathBuf::new(), kit.registry.clone(), kit.interfaces);
        window(Editor::silent(kit, document, Sound::Silence))
    };
    let mut first = editor(folder.path(), scope());
    choose(&mut first, &["grade"]);
    key(&mut first, Modifiers::NONE, Key::Delete);
    until(&mut first, "the change is kept", |_| {
        kept(folder.path()).is_some_and(|graph| graph.node("grade").is_none())
    });
    // What the disk holds at this moment is what a crash leaves; its locks are nobody's.
    let copies = later.path().join("recovery");
    fs::create_dir_all(&copies).expect("folder");
    for entry in fs::read_dir(folder.path().join("recovery")).expect("folder").flatten() {
        fs::copy(entry.path(), copies.join(entry.file_name())).expect("copied");
    }
    first.state_mut().command(Command::Do(Action::Quit));
    until(&mut first, "the question", |w| shows(w, "Don't save"));
    click(&mut first, "Don't save");
    drop(first);
    assert!(kept(folder.path()).is_none(), "an end in peace leaves nothing");

    let mut second = editor(later.path(), Graph::new());
    until(&mut second, "the offer", |w| shows(w, "Recover"));
    click(&mut second, "Recover");
    assert_eq!(ids(&second), ["audio", "scope", "video"]);
    assert!(second.state().document().is_dirty());
    until(&mut second, "a picture", |w| w.state().num_pictures() > 2);
}

#[test]
fn a_slider_moves_the_running_show_and_undo_moves_it_back() {
    let mut window = open(scope());
    until(&mut window, "a reading", |w| base(w, "grade", "contrast").is_some());
    select(&mut window, "node grade");
    let before = (window.state().num_pictures(), sample(&window));
    slide(&mut window, "Contrast", -30.0);
    let set = graph_of(&window).node("grade").and_then(|n| n.params.get("contrast")?.as_f64());
    let set = set.expect("the drag sets it");
    assert!(set < 0.9, "{set}");
    let is = |value: f64| {
        move |w: &Window| {
            base(w, "grade", "contrast").is_some_and(|base| (base - value).abs() < 1e-6)
        }
    };
    until(&mut window, "the show has the new value", is(set));
    until(&mut window, "pictures go on", |w| w.state().num_pictures() > before.0 + 2);
    key(&mut window, COMMAND, Key::Z);
    assert_eq!(graph_of(&window).node("grade").and_then(|n| n.params.get("contrast")), None);
    until(&mut window, "the show has the old value", is(1.0));
    assert!(sample(&window) > before.1, "time went on");
}

#[test]
fn bypass_and_mute_change_the_picture_that_arrives() {
    let mut window = open(scope());
    let seen = |w: &Window| brightness(w, "video", "picture");
    until(&mut window, "a picture of the output", |w| seen(w).is_some());
    let inverted = seen(&window).expect("a picture");
    choose(&mut window, &["grade"]);
    key(&mut window, Modifiers::NONE, Key::B);
    let mode = |w: &Window| graph_of(w).node("grade").map(|node| node.mode);
    assert_eq!(mode(&window), Some(Mode::Bypassed));
    until(&mut window, "another picture", |w| seen(w).is_some_and(|v| (v - inverted).abs() > 20.0));
    key(&mut window, COMMAND, Key::Z);
    until(&mut window, "the first picture again", |w| {
        seen(w).is_some_and(|v| (v - inverted).abs() < 2.0)
    });
    choose(&mut window, &["scope"]);
    key(&mut window, Modifiers::NONE, Key::M);
    assert_eq!(graph_of(&window).node("scope").map(|node| node.mode), Some(Mode::Muted));
    let before = sample(&window);
    until(&mut window, "the show goes on", |w| sample(w) > before + 4_800);
    key(&mut window, COMMAND, Key::Z);
    let before = window.state().num_pictures();
    until(&mut window, "pictures come again", |w| w.state().num_pictures() > before + 2);
}

#[test]
fn a_running_show_takes_new_nodes_without_a_new_start() {
    let mut window = open(scope());
    until(&mut window, "pictures", |w| w.state().num_pictures() > 5 && sample(w) > 0);
    let mut last = sample(&window);
    for mode in [Key::Delete, Key::Z, Key::D] {
        choose(&mut window, &["grade"]);
        let modifiers = if mode == Key::Delete { Modifiers::NONE } else { COMMAND };
        let pictures = window.state().num_pictures();
        key(&mut window, modifiers, mode);
        until(&mut window, "pictures go on", |w| w.state().num_pictures() > pictures + 3);
        let now = sample(&window);
        assert!(now > last, "the clock went on from {last} to {now}");
        last = now;
    }
    let board = window.state().session().and_then(|s| s.board()?.plan()).expect("a plan");
    assert!(board.steps.iter().any(|step| step.id == "grade"));
}

#[test]
fn unsaved_changes_are_asked_about_and_cancel_keeps_them() {
    let mut window = open(scope());
    choose(&mut window, &["grade"]);
    key(&mut window, Modifiers::NONE, Key::Delete);
    key(&mut window, COMMAND, Key::N);
    assert_eq!(ids(&window).len(), 3, "nothing is lost unasked");
    click(&mut window, "Cancel");
    assert!(!shows(&window, "Don't save"));
    assert_eq!(ids(&window).len(), 3);
    assert!(!window.state_mut().may_close(), "closing asks too");
    steps(&mut window);
    click(&mut window, "Cancel");
    key(&mut window, COMMAND, Key::N);
    click(&mut window, "Don't save");
    steps(&mut window);
    assert!(ids(&window).is_empty());
    assert!(!window.state().document().is_dirty());
}

#[test]
fn a_preset_keeps_values_and_brings_them_back() {
    let mut window = open(scope());
    until(&mut window, "a reading", |w| base(w, "grade", "contrast").is_some());
    click(&mut window, "Store a new preset");
    until(&mut window, "the preset is in the patch", |w| {
        graph_of(w).presets().contains_key("look 1")
    });
    let edit = Edit::SetParam {
        node: "grade".into(),
        param: "contrast".into(),
        value: Some(ParamValue::Float(0.25)),
    };
    window.state_mut().command(Command::edit(edit, "contrast"));
    let is = |value: f64| {
        move |w: &Window| {
            base(w, "grade", "contrast").is_some_and(|base| (base - value).abs() < 1e-6)
        }
    };
    until(&mut window, "the show has the new value", is(0.25));
    click(&mut window, "look 1");
    until(&mut window, "the show has the kept value", is(1.0));
}

/// Ten seconds of a tone, as a WAV file.
fn tone(folder: &Path) -> PathBuf {
    const RATE_HZ: u32 = 8_000;
    let num_samples = 10 * RATE_HZ;
    let sample = |i| ((f64::from(i) * 0.17).sin() * 8_000.0) as i16;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + 2 * num_samples).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    for word in [16, 0x0001_0001, RATE_HZ, 2 * RATE_HZ, 0x0010_0002] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend(b"data");
    bytes.extend((2 * num_samples).to_le_bytes());
    bytes.extend((0..num_samples).flat_map(|i| i16::to_le_bytes(sample(i))));
    let path = folder.join("tone.wav");
    fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn the_transport_pauses_and_seeks() {
    let folder = tempfile::tempdir().expect("folder");
    let path = tone(folder.path());
    let kit = kit();
    let document =
        Document::untitled(scope(), PathBuf::new(), kit.registry.clone(), kit.interfaces);
    let mut window = window(Editor::silent(kit, document, Sound::File { path, output: None }));
    let deck = |w: &Window| w.state().session().and_then(|session| session.deck());
    until(&mut window, "the file plays", |w| {
        deck(w).is_some_and(|deck| deck.position_secs() > 0.1)
    });
    key(&mut window, Modifiers::NONE, Key::Space);
    until(&mut window, "it pauses", |w| deck(w).is_some_and(|deck| deck.is_paused()));
    let rect = window.get_by_label_contains("Position").rect();
    click_at(&mut window, rect.left_top() + vec2(rect.width() * 0.7, 12.0), 1);
    until(&mut window, "it is there", |w| {
        deck(w).is_some_and(|deck| (deck.position_secs() - 7.0).abs() < 0.3)
    });
    key(&mut window, Modifiers::NONE, Key::Home);
    until(&mut window, "it is at the beginning", |w| {
        deck(w).is_some_and(|deck| deck.position_secs() < 0.2)
    });
    key(&mut window, Modifiers::NONE, Key::Space);
    until(&mut window, "it plays", |w| deck(w).is_some_and(|deck| deck.position_secs() > 0.3));
}

/// Keys as the guide writes them.
fn keys_of(action: Action) -> String {
    let Some(shortcut) = action.shortcut() else { return String::new() };
    let mut text = String::new();
    for (is_held, name) in
        [(shortcut.modifiers.command, "Ctrl+"), (shortcut.modifiers.shift, "Shift+")]
    {
        text.push_str(if is_held { name } else { "" });
    }
    let name = match shortcut.logical_key {
        Key::Num0 => "0",
        Key::Comma => ",",
        Key::Period => ".",
        key => key.name(),
    };
    format!("`{text}{name}`")
}

#[test]
fn the_guide_lists_every_action_with_its_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/editor.md");
    let guide = fs::read_to_string(&path).expect("the guide");
    let heading = "| Menu | Action | Keys | |\n|---|---|---|---|\n";
    let row = |action: &Action| {
        let (menu, keys) = (action.menu().label(), keys_of(*action));
        format!("| {menu} | {} | {keys} | {} |\n", action.label(), action.doc())
    };
    let table: String = Action::ALL.iter().map(row).collect();
    let (before, rest) = guide.split_once(heading).expect("the table of actions");
    let end = rest.find("\n\n").map_or(rest.len(), |i| i + 1);
    if std::env::var_os("LUMAWIRE_BLESS").is_some() {
        fs::write(&path, format!("{before}{heading}{table}{}", &rest[end..])).expect("written");
        return;
    }
    assert_eq!(&rest[..end], table, "`LUMAWIRE_BLESS=1 cargo test --test editor` writes it anew");
}
