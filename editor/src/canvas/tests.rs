use egui::{Key, Modifiers, PointerButton, Pos2, Rect, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use lumawire_core::graph::Mode;
use lumawire_core::{Edit, Graph};

use super::Canvas;
use crate::command::{Action, Command};
use crate::testing::{Scene, graph, window};

type Window = Harness<'static, (Canvas, Scene)>;

fn open(graph: Graph) -> Window {
    let mut window = window(Canvas::default(), Scene::new(graph), Canvas::show);
    settle(&mut window);
    window
}

/// Draws until all that was asked for is done.
fn settle(window: &mut Window) {
    for _ in 0..4 {
        window.step();
        obey(window);
    }
}

/// Does what was asked, as the editor would.
fn obey(window: &mut Window) -> Vec<Command> {
    let scene = &mut window.state_mut().1;
    let mut others = scene.apply();
    others.retain(|command| match command {
        Command::Select(ids) => {
            scene.selection = ids.iter().cloned().collect();
            false
        }
        _ => true,
    });
    others
}

fn at(window: &Window, label: &str) -> Rect {
    window.get_by_label(label).rect()
}

fn drag(window: &mut Window, from: Pos2, to: Pos2, modifiers: Modifiers) -> Vec<Command> {
    let mut others = Vec::new();
    window.hover_at(from);
    window.step();
    window.event_modifiers(
        egui::Event::PointerButton {
            pos: from,
            button: PointerButton::Primary,
            pressed: true,
            modifiers,
        },
        modifiers,
    );
    window.step();
    for i in 1..=6 {
        window.event_modifiers(
            egui::Event::PointerMoved(from + (to - from) * (i as f32 / 6.0)),
            modifiers,
        );
        window.step();
        others.extend(obey(window));
    }
    window.event_modifiers(
        egui::Event::PointerButton {
            pos: to,
            button: PointerButton::Primary,
            pressed: false,
            modifiers,
        },
        modifiers,
    );
    for _ in 0..3 {
        window.step();
        others.extend(obey(window));
    }
    others
}

fn act(window: &mut Window, action: Action) {
    let ctx = window.ctx.clone();
    let (canvas, scene) = window.state_mut();
    assert!(canvas.act(&ctx, action, &mut scene.cx()), "{action:?} is the canvas's");
    settle(window);
}

fn wires(window: &Window) -> Vec<String> {
    window.state().1.document.graph().wires().map(ToString::to_string).collect()
}

fn selection(window: &Window) -> Vec<&str> {
    window.state().1.selection.iter().map(String::as_str).collect()
}

fn chain() -> Graph {
    graph(
        &["walk: latent.walk", "gen: generate.image", "blur: post.blur", "out: output.image"],
        &["walk.latent -> gen.latent", "gen.image -> blur.image", "blur.image -> out.image"],
    )
}

#[test]
fn a_wire_is_drawn_by_mouse_and_only_where_it_fits() {
    let mut window = open(graph(
        &[
            "audio: source.audio",
            "loud: analysis.loudness",
            "walk: latent.walk",
            "gen: generate.image",
        ],
        &[],
    ));
    let from = at(&window, "out audio.audio").center();
    let to = at(&window, "in loud.audio").center();
    drag(&mut window, from, to, Modifiers::NONE);
    assert_eq!(wires(&window), ["audio.audio -> loud.audio"]);
    // Sound does not go into a generator, and not into an output.
    for label in ["in gen.latent", "out walk.latent"] {
        let to = at(&window, label).center();
        drag(&mut window, from, to, Modifiers::NONE);
        assert_eq!(wires(&window), ["audio.audio -> loud.audio"], "{label}");
    }
    // From input to output it is the same wire.
    let (from, to) =
        (at(&window, "in gen.latent").center(), at(&window, "out walk.latent").center());
    drag(&mut window, from, to, Modifiers::NONE);
    assert_eq!(wires(&window), ["audio.audio -> loud.audio", "walk.latent -> gen.latent"]);
    assert_eq!(window.state().1.document.history().undo_label(), Some("wire latent to latent"));
}

#[test]
fn a_wire_dropped_on_nothing_asks_for_a_node() {
    let mut window = open(graph(&["audio: source.audio", "loud: analysis.loudness"], &[]));
    let from = at(&window, "out audio.audio").center();
    let others = drag(&mut window, from, Pos2::new(500.0, 700.0), Modifiers::NONE);
    let asked = others.iter().find_map(|command| match command {
        Command::OpenPalette { drop: Some(end), .. } => Some(end.clone()),
        _ => None,
    });
    assert_eq!(asked.map(|end| (end.node, end.port)), Some(("audio".into(), "audio".into())));
}

#[test]
fn a_wire_dropped_on_a_node_asks_for_the_port() {
    let mut window = open(graph(&["loud: analysis.loudness", "walk: latent.walk"], &[]));
    let from = at(&window, "out loud.loudness").center();
    let node = at(&window, "node walk");
    drag(&mut window, from, node.left_top() + vec2(90.0, 8.0), Modifiers::NONE);
    // A control fits its trigger (by a conversion) and its parameter.
    assert_eq!(wires(&window), Vec::<String>::new());
    window.get_by_label("Speed").click();
    settle(&mut window);
    assert_eq!(wires(&window), ["loud.loudness -> walk.speed * 0.5"]);
    // From now on the parameter has a port of its own.
    assert!(window.query_by_label("in walk.speed").is_some());
}

#[test]
fn a_wire_taken_off_its_input_goes_where_it_is_dropped() {
    let mut window = open(graph(
        &["a: latent.walk", "g: generate.image", "h: generate.image"],
        &["a.latent -> g.latent"],
    ));
    let (g, h) = (at(&window, "in g.latent").center(), at(&window, "in h.latent").center());
    drag(&mut window, g, h, Modifiers::NONE);
    assert_eq!(wires(&window), ["a.latent -> h.latent"]);
    drag(&mut window, h, Pos2::new(500.0, 720.0), Modifiers::NONE);
    assert_eq!(wires(&window), Vec::<String>::new());
    let scene = &mut window.state_mut().1;
    scene.document.undo().unwrap();
    scene.document.undo().unwrap();
    settle(&mut window);
    assert_eq!(wires(&window), ["a.latent -> g.latent"]);
}

#[test]
fn a_drag_moves_what_is_selected_and_is_undone_as_one() {
    let mut window = open(chain());
    let before: Vec<_> =
        window.state().1.document.graph().layout().map(|(id, at)| (id.to_owned(), at)).collect();
    let node = at(&window, "node gen");
    let scale = window.state().0.camera.scale;
    let by = vec2(80.0, 48.0);
    let from = node.left_top() + vec2(60.0, 6.0);
    drag(&mut window, from, from + by * scale, Modifiers::NONE);
    assert_eq!(selection(&window), ["gen"]);
    let graph = window.state().1.document.graph();
    let moved = graph.position("gen").unwrap();
    let old = before.iter().find(|(id, _)| id == "gen").unwrap().1;
    assert!((moved[0] - old[0] - by.x).abs() <= 8.0 && (moved[1] - old[1] - by.y).abs() <= 8.0);
    assert_eq!((moved[0] % 8.0, moved[1] % 8.0), (0.0, 0.0), "on the grid");
    window.state_mut().1.document.undo().unwrap();
    let graph = window.state().1.document.graph();
    assert!(before.iter().all(|(id, at)| graph.position(id) == Some(*at)));
    assert_eq!(window.state().1.document.history().undo_label(), None);
}

#[test]
fn a_box_selects_and_shift_adds() {
    let mut window = open(chain());
    let (walk, generator) = (at(&window, "node walk"), at(&window, "node gen"));
    let corner = walk.min - vec2(10.0, 10.0);
    drag(&mut window, corner, generator.center(), Modifiers::NONE);
    assert_eq!(selection(&window), ["gen", "walk"]);
    let out = at(&window, "node out").left_top() + vec2(60.0, 6.0);
    window.hover_at(out);
    window.step();
    for pressed in [true, false] {
        let button = PointerButton::Primary;
        let modifiers = Modifiers::SHIFT;
        window.event_modifiers(
            egui::Event::PointerButton { pos: out, button, pressed, modifiers },
            modifiers,
        );
        window.step();
    }
    settle(&mut window);
    assert_eq!(selection(&window), ["gen", "out", "walk"]);
}

#[test]
fn alt_cuts_the_wires_it_crosses() {
    let mut window = open(chain());
    let (a, b) = (at(&window, "out gen.image").center(), at(&window, "in blur.image").center());
    let middle = a + (b - a) * 0.5;
    drag(&mut window, middle - vec2(0.0, 120.0), middle + vec2(0.0, 120.0), Modifiers::ALT);
    assert_eq!(wires(&window), ["blur.image -> out.image", "walk.latent -> gen.latent"]);
}

#[test]
fn deleting_a_node_wires_its_neighbours() {
    let mut window = open(chain());
    window.state_mut().1.selection = ["blur".to_owned()].into();
    act(&mut window, Action::Delete);
    assert_eq!(wires(&window), ["gen.image -> out.image", "walk.latent -> gen.latent"]);
    window.state_mut().1.document.undo().unwrap();
    assert_eq!(wires(&window).len(), 3);
}

#[test]
fn modes_and_folding_are_set_and_taken_away() {
    let mut window = open(chain());
    window.state_mut().1.selection = ["blur".to_owned()].into();
    let mode = |window: &Window| window.state().1.document.graph().node("blur").unwrap().mode;
    act(&mut window, Action::Bypass);
    assert_eq!(mode(&window), Mode::Bypassed);
    act(&mut window, Action::Mute);
    assert_eq!(mode(&window), Mode::Muted);
    act(&mut window, Action::Mute);
    assert_eq!(mode(&window), Mode::Active);
    let height = at(&window, "node blur").height();
    act(&mut window, Action::Collapse);
    assert!(at(&window, "node blur").height() < height);
    act(&mut window, Action::Collapse);
    assert_eq!(at(&window, "node blur").height(), height);
}

#[test]
fn a_group_stands_for_its_nodes_and_opens() {
    let mut window = open(chain());
    window.state_mut().1.selection = ["gen".to_owned(), "blur".to_owned()].into();
    act(&mut window, Action::Group);
    assert!(window.query_by_label("node gen").is_none());
    // The wires that cross its edge end at ports of its own.
    for label in ["group group_1", "in gen.latent", "out blur.image"] {
        assert!(window.query_by_label(label).is_some(), "{label}");
    }
    assert_eq!(wires(&window).len(), 3, "the patch runs as before");
    let (input, output) = (at(&window, "in gen.latent"), at(&window, "out blur.image"));
    assert!(input.bottom() <= output.top() + 1.0, "each has a row of its own");
    act(&mut window, Action::EnterGroup);
    assert!(window.query_by_label("node gen").is_some());
    assert!(window.query_by_label("node walk").is_none());
    assert!(window.query_by_label("beyond walk").is_some());
    window.state_mut().1.selection.clear();
    act(&mut window, Action::LeaveGroup);
    assert!(window.query_by_label("node walk").is_some());
    assert_eq!(selection(&window), ["group_1"]);
    act(&mut window, Action::Ungroup);
    assert!(window.query_by_label("node gen").is_some());
    assert_eq!(window.state().1.document.graph().groups().count(), 0);
}

#[test]
fn a_group_is_copied_and_deleted_with_what_is_in_it() {
    let mut window = open(chain());
    window.state_mut().1.selection = ["gen".to_owned(), "blur".to_owned()].into();
    act(&mut window, Action::Group);
    let before = at(&window, "group group_1");
    act(&mut window, Action::Duplicate);
    assert_eq!(window.state().1.document.graph().num_nodes(), 6);
    assert_eq!(selection(&window), ["group_2"], "the copy, not what is in it");
    let copy = at(&window, "group group_2");
    let scale = window.state().0.camera.scale;
    assert!(((copy.min - before.min) / scale - vec2(32.0, 32.0)).length() < 1.0);
    act(&mut window, Action::Delete);
    let graph = window.state().1.document.graph();
    assert_eq!((graph.num_nodes(), graph.groups().count()), (4, 1));
}

#[test]
fn escape_takes_a_drag_back() {
    let mut window = open(chain());
    let old = window.state().1.document.graph().position("gen");
    let from = at(&window, "node gen").left_top() + vec2(60.0, 6.0);
    let button = PointerButton::Primary;
    window.hover_at(from);
    window.step();
    window.event(egui::Event::PointerButton {
        pos: from,
        button,
        pressed: true,
        modifiers: Modifiers::NONE,
    });
    window.step();
    for i in 1..4 {
        window.hover_at(from + vec2(0.0, 40.0 * i as f32));
        settle(&mut window);
    }
    assert_ne!(window.state().1.document.graph().position("gen"), old);
    window.key_press(Key::Escape);
    window.step();
    let asked = obey(&mut window);
    assert!(asked.iter().any(|command| matches!(command, Command::Do(Action::Undo))));
}

#[test]
fn a_clicked_wire_is_deleted_and_nothing_else() {
    let mut window = open(chain());
    let (a, b) = (at(&window, "out gen.image").center(), at(&window, "in blur.image").center());
    let middle = a + (b - a) * 0.5;
    drag(&mut window, middle, middle, Modifiers::NONE);
    act(&mut window, Action::Delete);
    assert_eq!(wires(&window), ["blur.image -> out.image", "walk.latent -> gen.latent"]);
    // A node that is selected after a wire is what Delete means.
    window.state_mut().1.document.undo().unwrap();
    settle(&mut window);
    drag(&mut window, middle, middle, Modifiers::NONE);
    window.state_mut().1.selection = ["walk".to_owned()].into();
    settle(&mut window);
    act(&mut window, Action::Delete);
    assert_eq!(window.state().1.document.graph().num_nodes(), 3);
    assert_eq!(wires(&window).len(), 2);
}

#[test]
fn a_title_is_typed_in_place() {
    let mut window = open(chain());
    window.state_mut().1.selection = ["blur".to_owned()].into();
    act(&mut window, Action::Rename);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    settle(&mut window);
    window.get_by_label("title").type_text("Haze");
    settle(&mut window);
    window.key_press(Key::Enter);
    settle(&mut window);
    let graph = window.state().1.document.graph();
    assert_eq!(graph.node("blur").unwrap().label.as_deref(), Some("Haze"));
}

#[test]
fn copies_stand_beside_and_paste_comes_from_text() {
    let mut window = open(chain());
    window.state_mut().1.selection = ["gen".to_owned(), "blur".to_owned()].into();
    act(&mut window, Action::Duplicate);
    let graph = window.state().1.document.graph();
    assert_eq!((graph.num_nodes(), graph.wires().count()), (6, 4));
    assert_eq!(window.state().1.selection.len(), 2);
    let (canvas, scene) = window.state_mut();
    canvas.paste(&mut scene.cx(), "no patch");
    let commands = std::mem::take(&mut scene.commands);
    assert!(matches!(&commands[..], [Command::Tell(text)] if text.contains("nothing was pasted")));
}

#[test]
fn nodes_line_up_and_arrange_without_overlaps() {
    let mut window = open(chain());
    act(&mut window, Action::SelectAll);
    act(&mut window, Action::AlignLeft);
    let xs: Vec<f32> = window.state().1.document.graph().layout().map(|(_, at)| at[0]).collect();
    assert!(xs.iter().all(|x| *x == xs[0]));
    act(&mut window, Action::Arrange);
    let rects: Vec<Rect> = window.state().0.scene.items.iter().map(|item| item.rect).collect();
    for (i, a) in rects.iter().enumerate() {
        assert!(rects[i + 1..].iter().all(|b| !a.intersects(*b)));
    }
    // A signal goes to the right.
    let graph = window.state().1.document.graph();
    for wire in graph.wires() {
        let x = |id: &str| graph.position(id).unwrap()[0];
        assert!(x(&wire.ends.from) < x(&wire.ends.to), "{wire}");
    }
}

#[test]
fn a_bend_is_added_and_goes_with_undo() {
    let mut window = open(chain());
    let (a, b) = (at(&window, "out gen.image").center(), at(&window, "in blur.image").center());
    let middle = a + (b - a) * 0.5;
    window.hover_at(middle);
    window.step();
    for _ in 0..2 {
        for pressed in [true, false] {
            let button = PointerButton::Primary;
            let modifiers = Modifiers::NONE;
            window.event(egui::Event::PointerButton { pos: middle, button, pressed, modifiers });
        }
        window.step();
    }
    settle(&mut window);
    let ends = "gen.image -> blur.image".parse().unwrap();
    assert_eq!(window.state().1.document.graph().bends(&ends).len(), 1);
    window.state_mut().1.document.undo().unwrap();
    assert_eq!(window.state().1.document.graph().bends(&ends).len(), 0);
}

#[test]
fn arrows_walk_from_node_to_node() {
    let mut window = open(chain());
    window.state_mut().1.selection = ["walk".to_owned()].into();
    settle(&mut window);
    window.key_press(Key::ArrowRight);
    settle(&mut window);
    assert_eq!(selection(&window), ["gen"]);
    window.key_press(Key::ArrowLeft);
    settle(&mut window);
    assert_eq!(selection(&window), ["walk"]);
}

#[test]
fn a_node_of_an_unknown_kind_is_seen_with_its_wires() {
    let mut graph = chain();
    let registry = crate::testing::registry();
    let node =
        lumawire_core::GraphNode { kind: "future.thing".into(), version: 1, ..Default::default() };
    graph.apply(Edit::AddNode { id: "x".into(), node, at: Some([0.0, 200.0]) }, &registry).unwrap();
    let ends: lumawire_core::WireEnds = "x.glow -> blur.radius_px".parse().unwrap();
    graph.apply(Edit::Connect { ends, depth: 1.0 }, &registry).unwrap();
    let window = open(graph);
    assert!(window.query_by_label("out x.glow").is_some());
}
