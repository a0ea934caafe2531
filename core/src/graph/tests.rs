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

const IDS: [&str; 5] = ["a", "b", "c", "mix_1", "_x"];
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
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
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
