use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::patch::to_text;
use crate::spec::Registry;
use crate::stubs::{add, graph, lay, registry};

/// Everything that the document holds, defaults included.
fn content(graph: &Graph) -> String {
    to_text(graph, &Registry::default())
}

fn wires(graph: &Graph) -> Vec<String> {
    graph.wires().map(ToString::to_string).collect()
}

fn connect(text: &str) -> Edit {
    let Wire { ends, depth } = text.parse().unwrap();
    Edit::Connect { ends, depth }
}

fn set(node: &str, param: &str, value: impl Into<ParamValue>) -> Edit {
    Edit::SetParam { node: node.into(), param: param.into(), value: Some(value.into()) }
}

/// An edit that makes or changes a group.
fn group(id: &str, parent: Option<&str>, promoted: &[&str]) -> Edit {
    let promoted = promoted.iter().map(|t| (*t).to_owned()).collect();
    let parent = parent.map(String::from);
    let group = Group { title: id.to_uppercase(), parent, promoted, ..Group::default() };
    Edit::SetGroup { id: id.into(), group: Some(group) }
}

fn member(node: &str, group: &str) -> Edit {
    Edit::SetMember { node: node.into(), group: Some(group.into()) }
}

/// Applies `edit`, takes it back, and gives the cost and the wires in between.
fn there_and_back(graph: &mut Graph, edit: Edit) -> (Cost, Vec<String>) {
    let before = content(graph);
    let applied = graph.apply(edit, &registry()).unwrap();
    let between = wires(graph);
    graph.apply(applied.inverse, &registry()).unwrap();
    assert_eq!(content(graph), before);
    (applied.cost, between)
}

#[test]
fn a_wire_into_an_input_replaces_and_into_a_parameter_adds() {
    let mut g = graph("g: gate, h: gate, m: mix", &["g.control -> m.a", "g.control -> m.gain"]);
    let (cost, after) = there_and_back(&mut g, connect("h.control -> m.a"));
    assert_eq!(cost, Cost::Structure);
    assert_eq!(after, ["g.control -> m.gain", "h.control -> m.a"]);
    let (_, after) = there_and_back(&mut g, connect("h.control -> m.gain * 0.5"));
    assert_eq!(after.len(), 3);
    let (_, after) = there_and_back(&mut g, connect("g.control -> m.gain * 2"));
    assert_eq!(after, ["g.control -> m.a", "g.control -> m.gain * 2"]);
}

#[test]
fn replacing_several_wires_at_one_input_comes_back_whole() {
    let mut g =
        graph("a: gate, b: gate, c: gate, m: mix", &["a.control -> m.a", "b.control -> m.a"]);
    let (_, after) = there_and_back(&mut g, connect("c.control -> m.a"));
    assert_eq!(after, ["c.control -> m.a"]);
}

#[test]
fn a_removed_node_comes_back_with_wires_bindings_and_place() {
    let mut g = graph("g: gate, m: mix", &["g.control -> m.a", "m.control -> m.gain * 0.1"]);
    let registry = registry();
    g.apply(Edit::Move { node: "m".into(), at: Some([1.5, 2.0]) }, &registry).unwrap();
    let binding = Some(serde_json::json!({ "osc": "/gain" }));
    g.apply(Edit::SetBinding { target: "m.gain".into(), binding }, &registry).unwrap();
    let (cost, after) = there_and_back(&mut g, Edit::RemoveNode { id: "m".into() });
    assert_eq!((cost, after), (Cost::Structure, vec![]));
    g.apply(Edit::RemoveNode { id: "m".into() }, &registry).unwrap();
    assert!(g.bindings().is_empty() && g.position("m").is_none() && g.num_nodes() == 1);
}

#[test]
fn renaming_takes_wires_bindings_and_place_along() {
    let mut g = graph("g: gate, m: mix", &["g.control -> m.a", "m.control -> m.gain"]);
    let registry = registry();
    g.apply(Edit::Move { node: "m".into(), at: Some([1.5, 2.0]) }, &registry).unwrap();
    for target in ["m.gain", "mm.gain"] {
        let binding = Some(serde_json::json!({ "osc": target }));
        g.apply(Edit::SetBinding { target: target.into(), binding }, &registry).unwrap();
    }
    let rename = |to: &str| Edit::RenameNode { id: "m".into(), to: to.into() };
    let (_, after) = there_and_back(&mut g, rename("mixer"));
    assert_eq!(after, ["g.control -> mixer.a", "mixer.control -> mixer.gain"]);
    // Bindings of a missing node `mm` would mix with those of `m`.
    for (to, error) in [
        ("g", EditError::IdTaken("g".into())),
        ("mm", EditError::IdTaken("mm".into())),
        ("1m", EditError::BadId("1m".into())),
    ] {
        assert_eq!(g.apply(rename(to), &registry), Err(error));
    }
    g.apply(rename("mixer"), &registry).unwrap();
    assert_eq!(g.position("mixer"), Some([1.5, 2.0]));
    assert_eq!(g.bindings().keys().collect::<Vec<_>>(), ["mixer.gain", "mm.gain"]);
}

#[test]
fn a_node_taken_back_leaves_the_bindings_that_waited_for_it() {
    let mut g = graph("g: gate", &[]);
    let binding = Some(serde_json::json!({ "osc": "/gain" }));
    g.apply(Edit::SetBinding { target: "mix_1.gain".into(), binding }, &registry()).unwrap();
    there_and_back(&mut g, add("mix_1", "mix", &[]));
}

#[test]
fn costs_follow_what_changes() {
    let mut g = graph("o: onset, m: mix", &["o.strength -> m.gain"]);
    let ends = WireEnds::new("o", "strength", "m", "gain");
    for (edit, cost) in [
        (Edit::Move { node: "o".into(), at: Some([0.0, 1.0]) }, Cost::View),
        (Edit::SetLabel { node: "o".into(), label: Some("Kick".into()) }, Cost::View),
        (Edit::SetAbout(About { title: "x".into(), ..About::default() }), Cost::View),
        (Edit::SetPreset { name: "p".into(), preset: Some(1.into()) }, Cost::View),
        (Edit::SetCues { cues: Some(1.into()) }, Cost::View),
        (Edit::SetFrame { id: "f".into(), frame: Some(Frame::default()) }, Cost::View),
        (Edit::SetCollapsed { node: "o".into(), collapsed: true }, Cost::View),
        (Edit::SetBends { ends: ends.clone(), points: vec![[1.0, 2.0]] }, Cost::View),
        (Edit::SetGroup { id: "k".into(), group: Some(Group::default()) }, Cost::View),
        (Edit::SetMember { node: "o".into(), group: None }, Cost::View),
        (Edit::SetMode { node: "o".into(), mode: Mode::Muted }, Cost::Structure),
        (Edit::SetBinding { target: "m.gain".into(), binding: Some(1.into()) }, Cost::Value),
        (set("m", "gain", 0.5_f32), Cost::Value),
        (Edit::SetDepth { ends: ends.clone(), depth: 0.1 }, Cost::Value),
        (Edit::SetSeed(7), Cost::Structure),
        (Edit::Disconnect { ends }, Cost::Structure),
        (set("o", "window_len", 2048_i64), Cost::Device),
        (Edit::SetClock { sample_rate_hz: 44_100, fps: Fps::new(25, 1) }, Cost::Device),
        (Edit::Batch(vec![set("m", "gain", 0.1_f32), Edit::SetSeed(1)]), Cost::Structure),
        (Edit::Batch(vec![]), Cost::View),
    ] {
        assert_eq!(there_and_back(&mut g, edit.clone()).0, cost, "{edit:?}");
    }
}

#[test]
fn a_failed_edit_changes_nothing() {
    let mut g = graph("g: gate, m: mix", &["g.control -> m.a"]);
    let before = content(&g);
    let ends = WireEnds::new("g", "control", "m", "a");
    let none = WireEnds::new("g", "control", "m", "b");
    let odd = WireEnds::new("g", "con trol", "m", "b");
    let no_node = EditError::NoSuchNode("x".into());
    let wire = |ends: &WireEnds, depth| Wire { ends: ends.clone(), depth };
    let param = |value| Edit::SetParam { node: "x".into(), param: "p".into(), value };
    for (edit, error) in [
        (add("g", "gate", &[]), EditError::IdTaken("g".into())),
        (add("a b", "gate", &[]), EditError::BadId("a b".into())),
        (
            add("f", "gate", &[("hold", ParamValue::Float(f64::NAN))]),
            EditError::NotFinite("`f.hold`".into()),
        ),
        (Edit::RemoveNode { id: "x".into() }, no_node.clone()),
        (Edit::RenameNode { id: "x".into(), to: "y".into() }, no_node.clone()),
        (connect("x.control -> m.a"), no_node.clone()),
        (Edit::Connect { ends: odd.clone(), depth: 1.0 }, EditError::BadId(odd.to_string())),
        (
            Edit::Connect { ends: ends.clone(), depth: f32::NAN },
            EditError::NotFinite(format!("the depth of `{ends}`")),
        ),
        (Edit::Disconnect { ends: none.clone() }, EditError::NoSuchWire(none.to_string())),
        (
            Edit::SetDepth { ends: none.clone(), depth: 1.0 },
            EditError::NoSuchWire(none.to_string()),
        ),
        (
            Edit::SetDepth { ends: ends.clone(), depth: f32::INFINITY },
            EditError::NotFinite(format!("the depth of `{ends}`")),
        ),
        (lay("g.control -> m.a"), EditError::WireTaken(ends.to_string())),
        (
            Edit::Rewire {
                remove: vec![ends.clone()],
                add: vec![wire(&none, 1.0), wire(&none, 1.0)],
            },
            EditError::WireTaken(none.to_string()),
        ),
        (param(None), no_node.clone()),
        (param(Some(ParamValue::Float(f64::INFINITY))), EditError::NotFinite("`x.p`".into())),
        (Edit::Move { node: "x".into(), at: None }, no_node.clone()),
        (
            Edit::Move { node: "g".into(), at: Some([0.0, f32::NAN]) },
            EditError::NotFinite("the place of `g`".into()),
        ),
        (Edit::SetLabel { node: "x".into(), label: None }, no_node.clone()),
        (Edit::SetMode { node: "x".into(), mode: Mode::Muted }, no_node.clone()),
        (Edit::SetCollapsed { node: "x".into(), collapsed: true }, no_node.clone()),
        (Edit::SetMember { node: "x".into(), group: None }, no_node.clone()),
        (
            Edit::SetMember { node: "g".into(), group: Some("k".into()) },
            EditError::NoSuchGroup("k".into()),
        ),
        (
            Edit::SetBends { ends: none.clone(), points: vec![] },
            EditError::NoSuchWire(none.to_string()),
        ),
        (
            Edit::SetBends { ends: ends.clone(), points: vec![[0.0, f32::NAN]] },
            EditError::NotFinite(format!("the bends of `{ends}`")),
        ),
        (Edit::SetFrame { id: "a b".into(), frame: None }, EditError::BadId("a b".into())),
        (
            Edit::SetFrame {
                id: "f".into(),
                frame: Some(Frame { rect: [0.0, 0.0, f32::INFINITY, 1.0], ..Frame::default() }),
            },
            EditError::NotFinite("the place of frame `f`".into()),
        ),
        (group("k", Some("k"), &[]), EditError::GroupInItself("k".into())),
        (group("k", Some("none"), &[]), EditError::NoSuchGroup("none".into())),
        (group("k", None, &["x.gain"]), EditError::NoSuchNode("x".into())),
        (group("k", None, &["gain"]), EditError::BadId("gain".into())),
        (
            Edit::Batch(vec![
                group("k", None, &[]),
                group("l", Some("k"), &[]),
                group("k", Some("l"), &[]),
            ]),
            EditError::GroupInItself("k".into()),
        ),
        (
            Edit::SetClock { sample_rate_hz: 0, fps: Fps::new(60, 1) },
            EditError::BadClock { sample_rate_hz: 0, fps_hz: "60".into() },
        ),
        (
            Edit::Batch(vec![
                Edit::RemoveNode { id: "m".into() },
                Edit::SetSeed(3),
                Edit::Batch(vec![set("g", "hold", 0.5_f32), Edit::RemoveNode { id: "x".into() }]),
            ]),
            no_node,
        ),
    ] {
        assert_eq!(g.apply(edit.clone(), &registry()), Err(error), "{edit:?}");
        assert_eq!(content(&g), before, "{edit:?}");
    }
}

#[test]
fn fresh_ids_are_free() {
    let mut g = graph("mix_1: mix, mix_3: mix", &[]);
    let registry = registry();
    let mix = registry.get("stub.mix").unwrap();
    assert_eq!(g.fresh_id(mix), "mix_2");
    let binding = Some(serde_json::json!(null));
    g.apply(Edit::SetBinding { target: "mix_2.gain".into(), binding }, &registry).unwrap();
    assert_eq!(g.fresh_id(mix), "mix_4");
}

#[test]
fn one_drag_is_taken_back_at_once() {
    let (registry, mut g, mut history) = (registry(), graph("m: mix", &[]), History::default());
    let before = content(&g);
    let drag = |h: &mut History, g: &mut Graph, value: f32, key| {
        h.apply(g, &registry, set("m", "gain", value), "Set gain", key).unwrap();
    };
    for value in [0.2, 0.3, 0.4] {
        drag(&mut history, &mut g, value, Some(1));
    }
    let first = content(&g);
    for value in [0.5, 0.6] {
        drag(&mut history, &mut g, value, Some(2));
    }
    drag(&mut history, &mut g, 0.7, None);
    drag(&mut history, &mut g, 0.8, None);
    let last = content(&g);
    let mut states = vec![];
    while history.undo(&mut g, &registry).unwrap().is_some() {
        states.push(content(&g));
    }
    assert_eq!((states.len(), &states[2], &states[3]), (4, &first, &before));
    assert_eq!((history.undo_label(), history.redo_label()), (None, Some("Set gain")));
    while history.redo(&mut g, &registry).unwrap().is_some() {}
    assert_eq!(content(&g), last);
    // A drag that goes on after an undo is a new one.
    history.undo(&mut g, &registry).unwrap();
    history.undo(&mut g, &registry).unwrap();
    let undone = content(&g);
    drag(&mut history, &mut g, 0.9, Some(2));
    assert_eq!(history.redo_label(), None);
    history.undo(&mut g, &registry).unwrap();
    assert_eq!(content(&g), undone);
}

#[test]
fn a_drag_of_another_parameter_is_another_entry() {
    let (registry, mut g, mut history) =
        (registry(), graph("m: mix, n: mix", &[]), History::default());
    for node in ["m", "n"] {
        history.apply(&mut g, &registry, set(node, "gain", 0.5_f32), node, Some(1)).unwrap();
    }
    history.undo(&mut g, &registry).unwrap();
    assert_eq!(history.undo_label(), Some("m"));
    assert!(g.node("n").unwrap().params.is_empty());
}

/// Two groups, one in the other, beside a node: `g -> [m -> (n)] -> o`.
fn grouped() -> Graph {
    let wires = ["g.control -> m.a", "g.control -> n.b", "m.control -> n.a", "n.control -> o.a"];
    let mut g = graph("g: gate, m: mix, n: mix, o: mix", &wires);
    let bends = vec![[1.0, 2.0], [3.5, -4.0]];
    let ends = WireEnds::new("m", "control", "n", "a");
    for edit in [
        group("outer", None, &["n.gain", "m.gain"]),
        group("inner", Some("outer"), &[]),
        member("m", "outer"),
        member("n", "inner"),
        Edit::SetBends { ends, points: bends },
        Edit::SetCollapsed { node: "n".into(), collapsed: true },
    ] {
        g.apply(edit, &registry()).unwrap();
    }
    g
}

#[test]
fn a_group_has_the_wires_that_cross_its_edge() {
    let mut g = grouped();
    let texts = |ends: &[WireEnds]| ends.iter().map(ToString::to_string).collect::<Vec<_>>();
    let outer = g.boundary("outer");
    assert_eq!(texts(&outer.into), ["g.control -> m.a", "g.control -> n.b"]);
    assert_eq!(texts(&outer.out_of), ["n.control -> o.a"]);
    let inner = g.boundary("inner");
    assert_eq!(texts(&inner.into), ["g.control -> n.b", "m.control -> n.a"]);
    assert_eq!(texts(&inner.out_of), ["n.control -> o.a"]);
    assert_eq!(g.boundary("none"), Boundary::default());
    assert_eq!((g.path_of("inner"), g.path_of("none")), (vec!["outer", "inner"], vec![]));
    assert_eq!((g.group_of("n"), g.group_of("g")), (Some("inner"), None));
    assert_eq!(g.members("outer").collect::<Vec<_>>(), ["m"]);
    assert_eq!(g.nodes_within("outer").collect::<Vec<_>>(), ["m", "n"]);
    let top: Vec<&str> = g.groups_in(None).map(|(id, _)| id).collect();
    assert_eq!((top, g.groups_in(Some("outer")).count()), (vec!["outer"], 1));
    assert_eq!((g.fresh_group_id(), g.fresh_frame_id()), ("group_1".into(), "frame_1".into()));
    // Who lies where changes no plan.
    let compiled = |g: &Graph| format!("{:?}", crate::plan::compile(g, &registry()));
    let before = compiled(&g);
    g.apply(Edit::SetGroup { id: "outer".into(), group: None }, &registry()).unwrap();
    assert_eq!(compiled(&g), before);
}

#[test]
fn what_lies_in_a_group_moves_to_its_parent_when_it_goes() {
    let mut g = grouped();
    for id in ["outer", "inner", "none"] {
        there_and_back(&mut g, Edit::SetGroup { id: id.into(), group: None });
    }
    g.apply(group("deep", Some("inner"), &[]), &registry()).unwrap();
    g.apply(Edit::SetGroup { id: "inner".into(), group: None }, &registry()).unwrap();
    assert_eq!((g.group_of("n"), g.path_of("deep")), (Some("outer"), vec!["outer", "deep"]));
    g.apply(Edit::SetGroup { id: "outer".into(), group: None }, &registry()).unwrap();
    assert_eq!((g.group_of("n"), g.path_of("deep")), (None, vec!["deep"]));
}

#[test]
fn groups_nest_as_deep_as_they_may() {
    let mut g = graph("g: gate", &[]);
    for i in 0..MAX_NESTING {
        let parent = i.checked_sub(1).map(|i| format!("g{i}"));
        g.apply(group(&format!("g{i}"), parent.as_deref(), &[]), &registry()).unwrap();
    }
    let last = format!("g{}", MAX_NESTING - 1);
    let too_deep = |id: &str| Err(EditError::TooDeep(id.into()));
    assert_eq!(g.path_of(&last).len(), MAX_NESTING);
    assert_eq!(g.apply(group("more", Some(&last), &[]), &registry()), too_deep("more"));
    // What lies in a group goes with it.
    g.apply(group("more", None, &[]), &registry()).unwrap();
    assert_eq!(g.apply(group("g0", Some("more"), &[]), &registry()), too_deep("g0"));
    g.apply(group("g1", Some("more"), &[]), &registry()).unwrap();
    assert_eq!(g.path_of(&last)[..2], ["more", "g1"]);
    let text = content(&g);
    assert_eq!(content(&crate::patch::parse(&text).unwrap().graph), text);
}

#[test]
fn the_canvas_follows_nodes_and_wires() {
    let (mut g, registry) = (grouped(), registry());
    let before = content(&g);
    there_and_back(&mut g, Edit::RemoveNode { id: "n".into() });
    there_and_back(&mut g, Edit::RenameNode { id: "n".into(), to: "nn".into() });
    let ends = WireEnds::new("m", "control", "n", "a");
    there_and_back(&mut g, Edit::Disconnect { ends: ends.clone() });
    there_and_back(&mut g, connect("g.control -> n.a"));
    assert_eq!(content(&g), before);

    g.apply(Edit::RenameNode { id: "n".into(), to: "nn".into() }, &registry).unwrap();
    let renamed = WireEnds::new("m", "control", "nn", "a");
    assert_eq!((g.bends(&renamed).len(), g.bends(&ends).len()), (2, 0));
    assert!(g.is_collapsed("nn") && g.group_of("nn") == Some("inner"));
    assert_eq!(g.group("outer").unwrap().promoted, ["nn.gain", "m.gain"]);
    // The same wire laid anew keeps its way; another has none.
    g.apply(connect("m.control -> nn.a"), &registry).unwrap();
    assert_eq!(g.bends(&renamed).len(), 2);
    g.apply(connect("g.control -> nn.a"), &registry).unwrap();
    g.apply(connect("m.control -> nn.a"), &registry).unwrap();
    assert_eq!(g.bent_wires().count(), 0);
    g.apply(Edit::RemoveNode { id: "nn".into() }, &registry).unwrap();
    assert_eq!(g.group("outer").unwrap().promoted, ["m.gain"]);
    assert_eq!((g.collapsed().count(), g.members("inner").count()), (0, 0));
}

#[test]
fn a_mark_is_that_of_the_state() {
    let (registry, mut g, mut history) = (registry(), graph("m: mix", &[]), History::default());
    let mut seen = vec![(history.mark(), content(&g))];
    for value in [0.1, 0.2, 0.3] {
        history.apply(&mut g, &registry, set("m", "gain", value), "", None).unwrap();
        seen.push((history.mark(), content(&g)));
    }
    for expected in seen.iter().rev().skip(1) {
        history.undo(&mut g, &registry).unwrap();
        assert_eq!(&(history.mark(), content(&g)), expected);
    }
    history.undo(&mut g, &registry).unwrap();
    assert_eq!(history.mark(), seen[0].0);
    for expected in &seen[1..3] {
        history.redo(&mut g, &registry).unwrap();
        assert_eq!(&(history.mark(), content(&g)), expected);
    }
    // Another way on is another state, and so is each moment of a drag.
    for value in [0.7, 0.8] {
        history.apply(&mut g, &registry, set("m", "gain", value), "", Some(1)).unwrap();
        assert!(seen.iter().all(|(mark, _)| *mark != history.mark()));
        seen.push((history.mark(), content(&g)));
    }
    let failed = history.apply(&mut g, &registry, Edit::RemoveNode { id: "x".into() }, "", None);
    assert!(failed.is_err() && history.mark() == seen[5].0);
    history.undo(&mut g, &registry).unwrap();
    assert_eq!(history.mark(), seen[2].0);
    history.redo(&mut g, &registry).unwrap();
    assert_eq!(history.mark(), seen[5].0);
}

pub(crate) const IDS: [&str; 5] = ["a", "b", "c", "mix_1", "_x"];
const KINDS: [&str; 5] = ["mix", "onset", "gate", "draw", "no_such_kind"];
const PORTS: [&str; 6] = ["control", "a", "gain", "strength", "audio", "nowhere"];

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(&IDS[..]).prop_map(String::from)
}

fn ends() -> impl Strategy<Value = WireEnds> {
    let port = || prop::sample::select(&PORTS[..]);
    (id(), port(), id(), port())
        .prop_map(|(from, out, to, port)| WireEnds::new(&from, out, &to, port))
}

fn value() -> impl Strategy<Value = ParamValue> {
    prop_oneof![
        any::<bool>().prop_map(ParamValue::Bool),
        any::<i64>().prop_map(ParamValue::Int),
        (-10.0_f32..10.0).prop_map(ParamValue::from),
        ".{0,4}".prop_map(ParamValue::Text),
        ".{0,4}".prop_map(ParamValue::file),
    ]
}

fn at() -> impl Strategy<Value = Option<[f32; 2]>> {
    prop::option::of([-1e4_f32..1e4, -1e4_f32..1e4])
}

fn wire() -> impl Strategy<Value = Wire> {
    (ends(), -2.0_f32..2.0).prop_map(|(ends, depth)| Wire { ends, depth })
}

fn single_edit() -> impl Strategy<Value = Edit> {
    let param = || prop::sample::select(&PORTS[..]).prop_map(String::from);
    let json = || prop::option::of(any::<i32>().prop_map(Json::from));
    let target = || (id(), param()).prop_map(|(node, param)| format!("{node}.{param}"));
    let node =
        (prop::sample::select(&KINDS[..]), prop::collection::btree_map(param(), value(), 0..3));
    let node = node.prop_map(|(stem, params)| GraphNode {
        kind: format!("stub.{stem}"),
        version: 2,
        params,
        ..GraphNode::default()
    });
    prop_oneof![
        4 => (id(), node, at()).prop_map(|(id, node, at)| Edit::AddNode { id, node, at }),
        1 => id().prop_map(|id| Edit::RemoveNode { id }),
        1 => (id(), id()).prop_map(|(id, to)| Edit::RenameNode { id, to }),
        4 => wire().prop_map(|Wire { ends, depth }| Edit::Connect { ends, depth }),
        1 => ends().prop_map(|ends| Edit::Disconnect { ends }),
        1 => (prop::collection::vec(ends(), 0..2), prop::collection::vec(wire(), 0..3))
            .prop_map(|(remove, add)| Edit::Rewire { remove, add }),
        1 => wire().prop_map(|Wire { ends, depth }| Edit::SetDepth { ends, depth }),
        2 => (id(), param(), prop::option::of(value()))
            .prop_map(|(node, param, value)| Edit::SetParam { node, param, value }),
        1 => (id(), at()).prop_map(|(node, at)| Edit::Move { node, at }),
        1 => (id(), prop::option::of(".{0,4}")).prop_map(|(node, label)| Edit::SetLabel { node, label }),
        1 => (target(), json()).prop_map(|(target, binding)| Edit::SetBinding { target, binding }),
        1 => ("[ab]", json()).prop_map(|(name, preset)| Edit::SetPreset { name, preset }),
        1 => ("[ab]", target(), target()).prop_map(|(name, a, b)| Edit::SetPreset {
            name,
            preset: Some(json!({ "values": { a: 1, b: 2 } })),
        }),
        1 => target().prop_map(|target| Edit::SetCues {
            cues: Some(json!({ "list": [{ "press": [target], "when": target }] })),
        }),
        1 => ".{0,4}".prop_map(|title| Edit::SetAbout(About { title, ..About::default() })),
        1 => (1_000_u32..768_000, 1_u32..100_000, 1_u32..1_001)
            .prop_map(|(sample_rate_hz, num, den)| Edit::SetClock { sample_rate_hz, fps: Fps { num, den } }),
        1 => any::<u64>().prop_map(Edit::SetSeed),
        1 => (id(), prop::sample::select(&[Mode::Active, Mode::Bypassed, Mode::Muted][..]))
            .prop_map(|(node, mode)| Edit::SetMode { node, mode }),
        6 => canvas_edit(),
    ]
}

fn canvas_edit() -> impl Strategy<Value = Edit> {
    let param = prop::sample::select(&PORTS[..]);
    let targets = prop::collection::vec((id(), param), 0..3);
    let point = || [-1e4_f32..1e4, -1e4_f32..1e4];
    let rect = (point(), point()).prop_map(|([x, y], [w, h])| [x, y, w, h]);
    let frame = (".{0,4}", any::<[u8; 3]>(), rect).prop_map(|(title, colour, rect)| Frame {
        title,
        colour,
        rect,
        ..Frame::default()
    });
    let group = (".{0,4}", any::<[u8; 3]>(), prop::option::of("[p-s]"), point(), targets).prop_map(
        |(title, colour, parent, at, targets)| {
            let promoted = targets.into_iter().map(|(node, param)| format!("{node}.{param}"));
            Group { title, colour, parent, at, promoted: promoted.collect(), ..Group::default() }
        },
    );
    prop_oneof![
        1 => ("[fg]", prop::option::of(frame)).prop_map(|(id, frame)| Edit::SetFrame { id, frame }),
        1 => (id(), any::<bool>())
            .prop_map(|(node, collapsed)| Edit::SetCollapsed { node, collapsed }),
        2 => (ends(), prop::collection::vec(point(), 0..3))
            .prop_map(|(ends, points)| Edit::SetBends { ends, points }),
        3 => ("[p-s]", prop::option::weighted(0.7, group))
            .prop_map(|(id, group)| Edit::SetGroup { id, group }),
        3 => (id(), prop::option::weighted(0.8, "[p-s]"))
            .prop_map(|(node, group)| Edit::SetMember { node, group }),
    ]
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => single_edit(),
        1 => prop::collection::vec(single_edit(), 0..4).prop_map(Edit::Batch),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every state on the way back and forth again is the state on the way there, byte for byte.
    #[test]
    fn undo_and_redo_retrace_every_state(edits in prop::collection::vec(edit(), 1..40)) {
        let (registry, mut g, mut history) = (registry(), Graph::new(), History::default());
        let mut states = vec![content(&g)];
        for edit in edits {
            match history.apply(&mut g, &registry, edit, "", None) {
                Ok(_) => states.push(content(&g)),
                Err(_) => prop_assert_eq!(&content(&g), states.last().unwrap()),
            }
        }
        for state in states.iter().rev().skip(1) {
            history.undo(&mut g, &registry).unwrap();
            prop_assert_eq!(&content(&g), state);
        }
        prop_assert_eq!(history.undo(&mut g, &registry), Ok(None));
        for state in &states[1..] {
            history.redo(&mut g, &registry).unwrap();
            prop_assert_eq!(&content(&g), state);
        }
    }

    /// What is written reads back as the same document, and prints the same bytes.
    #[test]
    fn saving_and_loading_is_the_identity(edits in prop::collection::vec(edit(), 1..40)) {
        let (registry, mut g) = (registry(), Graph::new());
        for edit in edits {
            let _ = g.apply(edit, &registry);
        }
        for registry in [registry, Registry::default()] {
            let text = to_text(&g, &registry);
            let loaded = crate::patch::parse(&text).unwrap();
            prop_assert!(!loaded.read_only && loaded.notes.is_empty());
            prop_assert_eq!(to_text(&loaded.graph, &registry), text);
        }
    }
}
