use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use lumawire_core::NodeError;

use super::*;
use crate::testing::{Scene, graph, window};

type Window = Harness<'static, (Problems, Scene)>;

fn open(scene: Scene) -> Window {
    let mut problems = Problems::default();
    problems.toggle();
    let mut window = window(problems, scene, |problems, ui, cx| problems.show(ui, cx));
    window.run();
    window
}

fn broken() -> Scene {
    Scene::new(graph(
        &[
            "walk: latent.walk",
            "gen: generate.image",
            "shown: output.image",
            "l: analysis.loudness",
        ],
        &["walk.laten -> gen.latent", "gen.image -> shown.image"],
    ))
}

#[test]
fn a_row_jumps_to_its_node() {
    let mut window = open(broken());
    assert_eq!(count(&window.state_mut().1.cx()), 2);
    window.get_by_label_contains("input `audio` needs audio").click();
    window.run();
    let commands = &window.state().1.commands;
    assert!(matches!(&commands[..], [Command::Reveal(id)] if id == "l"), "{commands:?}");
}

#[test]
fn a_row_jumps_by_the_keys_too() {
    let mut window = open(broken());
    // It opens with the keys on its first row.
    assert!(window.get_by_label_contains("has no output `laten`").is_focused());
    window.key_press(Key::ArrowDown);
    window.run();
    window.key_press(Key::Enter);
    window.run();
    let commands = &window.state().1.commands;
    assert!(matches!(&commands[..], [Command::Reveal(id)] if id == "l"), "{commands:?}");
}

#[test]
fn a_button_helps() {
    let mut window = open(broken());
    window.get_by_label("Use `latent`").click();
    window.run();
    let scene = &mut window.state_mut().1;
    assert!(scene.apply().is_empty());
    let wires: Vec<String> = scene.document.graph().wires().map(ToString::to_string).collect();
    assert_eq!(wires[1], "walk.latent -> gen.latent");
    assert_eq!(scene.document.history().undo_label(), Some("use `latent`"));
    window.run();
    assert!(window.query_by_label("Use `latent`").is_none());
}

#[test]
fn each_node_has_its_own_faults() {
    let scene = broken();
    let document = &scene.document;
    let mut num_faults = 0;
    for (id, _) in document.graph().nodes() {
        let all = document.faults().iter().filter(|fault| fault.node() == Some(id));
        assert!(document.faults_of(id).eq(all.inspect(|_| num_faults += 1)), "{id}");
    }
    assert!(num_faults > 1);
    assert_eq!(document.faults_of("nowhere").count(), 0);
}

#[test]
fn what_fails_while_it_runs_is_listed_too() {
    let mut scene = Scene::new(graph(&["a: source.audio"], &[]));
    scene.failures.insert("a".into(), NodeError::device("Box", "unplugged"));
    assert_eq!(of_node(&scene.cx(), "a").as_deref(), Some("Box: unplugged"));
    assert_eq!(of_node(&scene.cx(), "b"), None);
    let mut window = open(scene);
    window.get_by_label("node `a`: Box: unplugged").click();
    window.run();
    let commands = &window.state().1.commands;
    assert!(matches!(&commands[..], [Command::Reveal(id)] if id == "a"), "{commands:?}");
}

#[test]
fn it_closes_and_says_when_all_is_well() {
    let scene = Scene::new(graph(
        &["w: latent.walk", "g: generate.image", "o: output.image"],
        &["w.latent -> g.latent", "g.image -> o.image"],
    ));
    let mut window = open(scene);
    window.get_by_label("Nothing is wrong.");
    window.get_by_label("Close problems").click();
    window.run();
    assert!(!window.state().0.is_open());
    assert!(window.query_by_label("Nothing is wrong.").is_none());
}

#[test]
fn lost_sound_is_a_warning() {
    assert!(warnings(&HealthCounts::default()).is_empty());
    let health = HealthCounts { num_xruns: 3, num_underruns: 1, ..HealthCounts::default() };
    let texts: Vec<String> = warnings(&health).into_iter().map(|row| row.text).collect();
    assert_eq!(
        texts,
        ["the system lost sound 3 times", "the sound file was not read in time once"]
    );
}
