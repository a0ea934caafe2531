use std::collections::BTreeSet;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use lumawire_core::{Edit, ParamValue};

use super::*;
use crate::canvas::gestures::GESTURES;
use crate::command::{Action, Command};
use crate::testing::{Scene, graph, window};

type Window = Harness<'static, (Finder, Scene)>;

fn open(view: View) -> Window {
    let mut scene = Scene::new(graph(
        &["soft: post.blur", "walk: latent.walk", "walk_2: latent.walk", "shown: output.image"],
        &[],
    ));
    let edits = [
        Edit::SetLabel { node: "walk_2".into(), label: Some("Café drift".into()) },
        Edit::SetParam {
            node: "soft".into(),
            param: "radius_px".into(),
            value: Some(ParamValue::Float(12.5)),
        },
    ];
    for edit in edits {
        scene.document.apply(edit, "set", None).unwrap();
    }
    let mut finder = Finder::default();
    finder.open(view);
    let mut window = window(finder, scene, |finder, ui, cx| finder.show(ui, cx));
    window.run();
    window
}

fn find(window: &mut Window, field: &str, text: &str) {
    window.get_by_label(field).type_text(text);
    window.run();
}

fn press(window: &mut Window, key: Key) -> Vec<Command> {
    window.key_press(key);
    window.run();
    std::mem::take(&mut window.state_mut().1.commands)
}

fn revealed(commands: &[Command]) -> Vec<&str> {
    let ids = commands.iter().map(|command| match command {
        Command::Reveal(id) => id.as_str(),
        other => panic!("{other:?}"),
    });
    ids.collect()
}

#[test]
fn a_node_is_found_by_all_that_it_says() {
    for (text, id) in [
        ("shwn", "shown"),
        ("cafe", "walk_2"),
        ("post.blur", "soft"),
        ("radius", "soft"),
        ("12.5", "soft"),
    ] {
        let mut window = open(View::Nodes);
        find(&mut window, "Find a node", text);
        let commands = press(&mut window, Key::Enter);
        assert_eq!(revealed(&commands), [id], "{text}");
        assert!(!window.state().0.is_open());
    }
}

#[test]
fn the_arrows_walk_the_hits() {
    let mut window = open(View::Nodes);
    find(&mut window, "Find a node", "walk");
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let commands = press(&mut window, Key::ArrowDown);
        seen.extend(revealed(&commands).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, BTreeSet::from(["walk".to_owned(), "walk_2".to_owned()]));
    assert!(window.state().0.is_open());
    assert!(press(&mut window, Key::Escape).is_empty());
    assert!(!window.state().0.is_open());
}

#[test]
fn the_search_follows_the_patch() {
    let mut window = open(View::Nodes);
    find(&mut window, "Find a node", "shown");
    let document = &mut window.state_mut().1.document;
    document.apply(Edit::RemoveNode { id: "shown".into() }, "delete", None).unwrap();
    window.run();
    assert!(window.query_by_label("Go to shown").is_none());
    assert!(press(&mut window, Key::Enter).is_empty());
}

#[test]
fn a_wire_is_laid_and_cut_by_keys() {
    let mut window = open(View::About);
    let mut take = |selected: &str, text: &str| {
        let (finder, scene) = window.state_mut();
        scene.selection = [selected.to_owned()].into();
        finder.open(View::Wires);
        window.run();
        find(&mut window, "Wire to", text);
        let commands = press(&mut window, Key::Enter);
        assert!(!window.state().0.is_open());
        window.state_mut().1.commands = commands;
        assert!(window.state_mut().1.apply().is_empty());
        let wires = window.state().1.document.graph().wires();
        wires.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(take("soft", "shown"), ["soft.image -> shown.image"]);
    // From the other end, and to a parameter where there is nothing else.
    assert_eq!(take("shown", "cut"), Vec::<String>::new());
    assert_eq!(take("shown", "soft"), ["soft.image -> shown.image"]);
}

#[test]
fn a_command_is_found_and_done() {
    let mut window = open(View::Commands);
    find(&mut window, "Find a command", "zom fit");
    let commands = press(&mut window, Key::Enter);
    assert!(matches!(commands[..], [Command::Do(Action::ZoomToFit)]), "{commands:?}");
    assert!(!window.state().0.is_open());
}

#[test]
fn what_is_not_possible_is_not_done() {
    let mut window = open(View::Commands);
    find(&mut window, "Find a command", "delete");
    assert!(press(&mut window, Key::Enter).is_empty());
    assert!(window.state().0.is_open());
    window.state_mut().1.selection.insert("soft".into());
    let commands = press(&mut window, Key::Enter);
    assert!(matches!(commands[..], [Command::Do(Action::Delete)]), "{commands:?}");
}

#[test]
fn all_keys_and_gestures_are_listed() {
    let mut window = open(View::Shortcuts);
    for action in Action::ALL.iter().filter(|a| a.shortcut().is_some()) {
        assert!(window.query_all_by_label(action.label()).next().is_some(), "{action:?}");
    }
    for (gesture, _) in GESTURES {
        window.get_by_label(gesture);
    }
    window.key_press_modifiers(Modifiers::NONE, Key::Escape);
    window.run();
    assert!(!window.state().0.is_open());
}

#[test]
fn about_says_version_and_closes() {
    let mut window = open(View::About);
    window.get_by_label_contains(env!("CARGO_PKG_VERSION"));
    window.get_by_label("Close").click();
    window.run();
    assert!(!window.state().0.is_open());
}
