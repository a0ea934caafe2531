use std::collections::BTreeSet;

use egui::{Key, Modifiers, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use lumawire_core::graph::Group;
use lumawire_core::plan::convert::{Fit, fit};
use lumawire_core::{Fault, PortType, compile};

use super::*;
use crate::testing::{self, KINDS, Scene, window};

type Window = Harness<'static, (Palette, Scene)>;

fn open(scene: Scene, drop: Option<WireDrop>) -> Window {
    let mut palette = Palette::default();
    palette.open(([40.0, 60.0], None), pos2(500.0, 300.0), drop);
    let mut window = window(palette, scene, |palette, ui, cx| palette.show(ui, cx));
    window.run();
    window
}

fn type_in(window: &mut Window, text: &str) {
    window.get_by_label("Find a kind").type_text(text);
    window.run();
}

/// The kinds in the list.
fn offered(window: &Window) -> Vec<&'static str> {
    let open = window.state().0.open.as_ref().unwrap();
    open.rows.iter().map(|row| row.spec.kind).collect()
}

fn drop_of(node: &str, port: &str, is_output: bool, ty: PortType) -> Option<WireDrop> {
    Some(WireDrop { node: node.into(), port: port.into(), is_output, ty })
}

#[test]
fn typing_finds_a_kind_and_enter_adds_it() {
    let mut window = open(Scene::new(testing::graph(&[], &[])), None);
    type_in(&mut window, "chrm");
    assert_eq!(offered(&window)[0], "analysis.chroma");
    window.key_press(Key::Enter);
    window.run();
    let (palette, scene) = window.state_mut();
    assert!(!palette.is_open());
    let others = scene.apply();
    assert!(matches!(&others[..], [Command::Select(ids)] if ids == &["chroma_1"]));
    let graph = scene.document.graph();
    assert_eq!(graph.node("chroma_1").unwrap().kind, "analysis.chroma");
    assert_eq!(graph.position("chroma_1"), Some([40.0, 60.0]));
    assert_eq!(scene.document.history().undo_label(), Some("add Chroma"));
    scene.document.undo().unwrap();
    assert_eq!(scene.document.graph().num_nodes(), 0);
}

#[test]
fn what_is_added_in_an_open_group_lies_in_it() {
    let group = Group { title: "G".into(), ..Group::default() };
    let mut scene = Scene::new(testing::graph(&[], &[]));
    let made = Edit::SetGroup { id: "g".into(), group: Some(group) };
    scene.document.apply(made, "group", None).unwrap();
    let mut window = open(scene, None);
    let (palette, _) = window.state_mut();
    palette.open(([0.0; 2], Some("g".into())), pos2(500.0, 300.0), None);
    type_in(&mut window, "blur");
    window.key_press(Key::Enter);
    window.run();
    let scene = &mut window.state_mut().1;
    scene.apply();
    assert_eq!(scene.document.graph().group_of("blur_1"), Some("g"));
    scene.document.undo().unwrap();
    assert_eq!(scene.document.graph().num_nodes(), 0);
}

#[test]
fn shift_enter_adds_and_stays() {
    let mut window = open(Scene::new(testing::graph(&[], &[])), None);
    type_in(&mut window, "blur");
    for num in 1..=2 {
        window.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
        window.run();
        let (palette, scene) = window.state_mut();
        assert!(palette.is_open());
        scene.apply();
        assert_eq!(scene.document.graph().num_nodes(), num);
    }
    let graph = window.state().1.document.graph();
    assert_ne!(graph.position("blur_1"), graph.position("blur_2"));
    window.key_press(Key::Escape);
    window.run();
    assert!(!window.state().0.is_open());
}

#[test]
fn a_dropped_picture_finds_what_takes_pictures_and_is_wired() {
    let scene = Scene::new(testing::graph(&["walk: latent.walk", "gen: generate.image"], &[]));
    let mut window = open(scene, drop_of("gen", "image", true, PortType::Image));
    let takes = |kind: &&str| ["post.blur", "post.mean", "output.image"].contains(kind);
    assert_eq!(offered(&window).len(), 3);
    assert!(offered(&window).iter().all(takes));
    type_in(&mut window, "blur");
    window.key_press(Key::Enter);
    window.run();
    let scene = &mut window.state_mut().1;
    scene.apply();
    let wires: Vec<String> = scene.document.graph().wires().map(ToString::to_string).collect();
    assert_eq!(wires, ["gen.image -> blur_1.image"]);
}

#[test]
fn a_control_that_is_dropped_moves_half_of_a_slider() {
    let scene = Scene::new(testing::graph(&["bl: post.blur"], &[]));
    let mut window = open(scene, drop_of("bl", "radius_px", false, PortType::Control));
    window.get_by_label("Add Loudness (analysis.loudness)").click();
    window.run();
    let scene = &mut window.state_mut().1;
    scene.apply();
    let wires: Vec<_> = scene.document.graph().wires().cloned().collect();
    assert_eq!(wires.len(), 1);
    assert_eq!((wires[0].ends.port.as_str(), wires[0].depth), ("radius_px", 32.0));
}

/// What is offered compiles without a fault of that wire, and what is not has no port that does.
#[test]
fn just_what_fits_is_offered() {
    let own = ["sp: analysis.spectrum", "on: analysis.onset", "mean: post.mean", "bl: post.blur"];
    let drops = [
        drop_of("sp", "spectrum", true, PortType::Spectrum),
        drop_of("sp", "audio", false, PortType::Audio),
        drop_of("on", "hits", true, PortType::Trigger),
        drop_of("on", "threshold", false, PortType::Control),
        drop_of("mean", "mean", true, PortType::Control),
        drop_of("bl", "image", true, PortType::Image),
        drop_of("bl", "radius_px", false, PortType::Control),
    ];
    for drop in drops {
        let before = testing::graph(&own, &[]);
        let window = open(Scene::new(before.clone()), drop.clone());
        let offered: BTreeSet<&str> = offered(&window).into_iter().collect();
        let drop = drop.unwrap();
        for spec in KINDS {
            let ports: Vec<&str> = if drop.is_output {
                spec.inputs.iter().map(|p| p.id).chain(spec.params.iter().map(|p| p.id)).collect()
            } else {
                spec.outputs.iter().map(|p| p.id).collect()
            };
            let fits = ports.iter().any(|port| wire_compiles(&before, &drop, spec, port));
            assert_eq!(offered.contains(spec.kind), fits, "{drop:?} and {}", spec.kind);
        }
    }
}

/// Whether the compiler finds no fault in a wire.
fn wire_compiles(
    before: &lumawire_core::Graph,
    drop: &WireDrop,
    spec: &NodeSpec,
    port: &str,
) -> bool {
    let (mut graph, registry) = (before.clone(), testing::registry());
    let ends = drop.ends("new", port);
    let text = ends.to_string();
    for edit in [
        Edit::AddNode { id: "new".into(), node: GraphNode::new(spec), at: None },
        Edit::Connect { ends, depth: 1.0 },
    ] {
        graph.apply(edit, &registry).unwrap();
    }
    let faults = compile(&graph, &registry).err().unwrap_or_default();
    !faults.iter().any(|fault| fault.wire() == Some(&text))
}

#[test]
fn the_wire_lands_where_the_types_are_the_same_before_all_else() {
    for spec in KINDS {
        for ty in [PortType::Control, PortType::Trigger, PortType::Spectrum, PortType::Chroma] {
            let drop = drop_of("x", "y", true, ty).unwrap();
            let landing = drop.landing(spec, None);
            let same = spec.inputs.iter().find(|p| p.ty == ty);
            let via = spec.inputs.iter().find(|p| matches!(fit(ty, p.ty), Fit::Via(_)));
            if let Some(port) = same.or(via) {
                assert_eq!(landing.map(|l| l.port), Some(port.id), "{}", spec.kind);
            }
        }
    }
}

#[test]
fn favourites_and_the_last_used_come_first_and_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let scene = || {
        let mut scene = Scene::new(testing::graph(&[], &[]));
        scene.kit.settings = Some(folder.path().to_owned());
        scene
    };
    let mut window = open(scene(), None);
    assert_eq!(offered(&window).len(), KINDS.len());
    type_in(&mut window, "blur");
    window.key_press_modifiers(Modifiers::COMMAND, Key::D);
    window.run();
    type_in(&mut window, "");
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run();
    type_in(&mut window, "smooth");
    window.key_press(Key::Enter);
    window.run();
    let mut window = open(scene(), None);
    assert_eq!(offered(&window)[..2], ["post.blur", "control.smooth"]);
    window.get_all_by_label("Favourite Blur").next().unwrap().click();
    window.run();
    assert_eq!(offered(&window)[0], "control.smooth");
    assert!(window.state().1.commands.is_empty());
}

#[test]
fn the_arrows_go_through_the_list_and_tab_through_the_categories() {
    let mut window = open(Scene::new(testing::graph(&[], &[])), None);
    window.key_press(Key::ArrowDown);
    window.run();
    window.key_press(Key::ArrowDown);
    window.run();
    window.key_press(Key::ArrowUp);
    window.run();
    let second = offered(&window)[1];
    window.key_press(Key::Tab);
    window.run();
    assert_eq!(offered(&window), ["source.audio"]);
    window.key_press_modifiers(Modifiers::SHIFT, Key::Tab);
    window.run();
    assert_eq!(offered(&window).len(), KINDS.len());
    window.key_press(Key::ArrowDown);
    window.run();
    window.key_press(Key::Enter);
    window.run();
    let scene = &mut window.state_mut().1;
    scene.apply();
    let kinds: Vec<&str> = scene.document.graph().nodes().map(|(_, n)| n.kind.as_str()).collect();
    assert_eq!(kinds, [second]);
}

#[test]
fn a_click_adds_and_a_wire_drawn_back_finds_what_feeds_it() {
    let mut window = open(Scene::new(testing::graph(&["gen: generate.image"], &[])), None);
    window.get_by_label("Category output").click();
    window.run();
    window.get_by_label("Add Output (output.image)").click();
    window.run();
    let (palette, scene) = window.state_mut();
    assert!(!palette.is_open());
    scene.apply();
    assert!(scene.document.graph().node("image_1").is_some());
    palette.open(
        ([0.0; 2], None),
        pos2(10.0, 10.0),
        drop_of("image_1", "image", false, PortType::Image),
    );
    window.run();
    assert_eq!(offered(&window), ["generate.image", "post.blur"]);
    window.get_by_label("Add Generator (generate.image)").click();
    window.run();
    let scene = &mut window.state_mut().1;
    scene.apply();
    let open: Vec<&Fault> = scene.document.faults().iter().collect();
    assert!(open.iter().all(|f| f.node() != Some("image_1")), "{open:?}");
}
