//! Copy and paste, against the graph that they copy.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::graph::{EditError, Mode, tests as edits};
use crate::stubs::{graph, registry};

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn place(node: &str, at: [f32; 2]) -> Edit {
    Edit::Move { node: node.into(), at: Some(at) }
}

fn group(id: &str, parent: Option<&str>, promoted: &[&str]) -> Edit {
    let promoted = promoted.iter().map(|t| (*t).to_owned()).collect();
    let group =
        Group { parent: parent.map(String::from), promoted, at: [5.0, 6.0], ..Group::default() };
    Edit::SetGroup { id: id.into(), group: Some(group) }
}

fn member(node: &str, group: &str) -> Edit {
    Edit::SetMember { node: node.into(), group: Some(group.into()) }
}

/// `g -> m -> n` with a group around `m`, and one around that and `n`.
fn document() -> Graph {
    let wires = ["g.control -> m_1.a", "m_1.control -> n.a", "m_1.control -> n.gain * 0.5"];
    let mut g = graph("g: gate, m_1: mix, n: mix", &wires);
    let bends = Edit::SetBends {
        ends: WireEnds::new("m_1", "control", "n", "a"),
        points: vec![[7.0, 8.0]],
    };
    for edit in [
        place("g", [0.0, 0.0]),
        place("m_1", [10.0, 20.0]),
        place("n", [30.0, -5.0]),
        group("outer", None, &["n.gain", "g.hold"]),
        group("inner", Some("outer"), &["m_1.gain"]),
        group("empty", Some("inner"), &[]),
        member("m_1", "inner"),
        member("n", "outer"),
        bends,
        Edit::SetCollapsed { node: "m_1".into(), collapsed: true },
        Edit::SetMode { node: "n".into(), mode: Mode::Bypassed },
        Edit::SetBinding { target: "n.gain".into(), binding: Some(json!({ "osc": "/gain" })) },
        Edit::SetBinding {
            target: "m_1.gain".into(),
            binding: Some(json!({ "midi": { "cc": 1 } })),
        },
    ] {
        g.apply(edit, &registry()).unwrap();
    }
    g
}

fn pasted(graph: &mut Graph, text: &str, at: Option<[f32; 2]>, into: Option<&str>) -> Vec<String> {
    let Pasted { edit, nodes } = paste(text, graph, &registry(), at, into).unwrap();
    graph.apply(edit, &registry()).unwrap();
    nodes
}

#[test]
fn a_copy_beside_the_original() {
    let mut g = document();
    let text = fragment(&g, &registry(), &set(&["m_1", "n", "none"]));
    assert_eq!(pasted(&mut g, &text, None, None), ["m_2", "n_1"]);
    let wires: Vec<String> = g.wires_of("m_2").map(ToString::to_string).collect();
    assert_eq!(wires, ["m_2.control -> n_1.a", "m_2.control -> n_1.gain * 0.5"]);
    assert_eq!((g.position("m_2"), g.position("n_1")), (Some([50.0, 60.0]), Some([70.0, 35.0])));
    assert_eq!(g.bends(&WireEnds::new("m_2", "control", "n_1", "a")), [[47.0, 48.0]]);
    assert!(g.is_collapsed("m_2") && g.node("n_1").unwrap().mode == Mode::Bypassed);
    assert_eq!((g.group_of("m_2"), g.group_of("n_1")), (Some("inner_1"), Some("outer_1")));
    assert_eq!(g.path_of("empty_1"), ["outer_1", "inner_1", "empty_1"]);
    assert_eq!(g.group("outer_1").unwrap().promoted, ["n_1.gain"]);
    assert_eq!(g.group("outer_1").unwrap().at, [45.0, 46.0]);
    assert_eq!(g.bindings().len(), 2, "what steers the original does not steer the copy");
}

#[test]
fn what_was_cut_keeps_its_controls() {
    let mut g = document();
    let text = fragment(&g, &registry(), &set(&["m_1", "n"]));
    for id in ["m_1", "n"] {
        g.apply(Edit::RemoveNode { id: id.into() }, &registry()).unwrap();
    }
    assert_eq!(pasted(&mut g, &text, None, None), ["m_1", "n"]);
    let bindings: Vec<(&str, &Json)> = g.bindings().iter().map(|(t, b)| (t.as_str(), b)).collect();
    assert_eq!(
        bindings,
        [("m_1.gain", &json!({ "midi": { "cc": 1 } })), ("n.gain", &json!({ "osc": "/gain" }))]
    );
}

#[test]
fn a_part_of_a_group_is_copied_without_it() {
    let g = document();
    let part = parse(&fragment(&g, &registry(), &set(&["g", "n"]))).unwrap().graph;
    assert_eq!((part.groups().count(), part.wires().count(), part.bindings().len()), (0, 0, 1));
    // Whole is whole, whatever lies around it.
    let part = parse(&fragment(&g, &registry(), &set(&["m_1"]))).unwrap().graph;
    assert_eq!(part.groups().map(|(id, _)| id).collect::<Vec<_>>(), ["empty", "inner"]);
    assert_eq!(part.path_of("empty"), ["inner", "empty"]);
}

#[test]
fn the_corner_of_what_shows_is_put_where_it_should_be() {
    let text = fragment(&document(), &registry(), &set(&["g", "m_1"]));
    let mut g = document();
    pasted(&mut g, &text, Some([100.0, 200.0]), Some("outer"));
    assert_eq!(
        (g.position("g_1"), g.position("m_2")),
        (Some([100.0, 200.0]), Some([110.0, 220.0]))
    );
    assert_eq!(
        (g.group_of("g_1"), g.path_of("inner_1")),
        (Some("outer"), vec!["outer", "inner_1"])
    );
    // Of a group it is the corner of its box that shows.
    let mut g = document();
    let text = fragment(&g, &registry(), &set(&["m_1"]));
    pasted(&mut g, &text, Some([100.0, 200.0]), None);
    assert_eq!(g.group("inner_1").unwrap().at, [100.0, 200.0]);
    assert_eq!(g.position("m_2"), Some([105.0, 214.0]));
    // No place is beyond all numbers.
    let text = fragment(&graph("x: mix", &[]), &registry(), &set(&["x"]));
    let far = text.replace("\n}\n", ",\n \"layout\": { \"x\": [3e38, -3e38] }\n}\n");
    pasted(&mut g, &far, Some([-3e38, 3e38]), None);
    assert_eq!(g.position("x"), Some([f32::MIN, f32::MAX]));
}

#[test]
fn ids_that_are_free_stay_and_others_are_fresh() {
    let mut g = graph("mix_1: mix, mix_3: mix, kick: mix", &[]);
    let binding = Some(json!({ "osc": "/x" }));
    g.apply(Edit::SetBinding { target: "mix_4.gain".into(), binding }, &registry()).unwrap();
    let preset = Some(json!({ "values": { "mix_5.gain": 1 } }));
    g.apply(Edit::SetPreset { name: "p".into(), preset }, &registry()).unwrap();
    let other = graph("mix_1: mix, mix_2: mix, mix_3: mix, kick: mix, b2: mix", &[]);
    let ids = other.nodes().map(|(id, _)| id.to_owned()).collect();
    let text = fragment(&other, &registry(), &ids);
    // b2, kick, mix_1, mix_2, mix_3
    assert_eq!(pasted(&mut g, &text, None, None), ["b2", "kick_1", "mix_6", "mix_2", "mix_7"]);
}

#[test]
fn what_is_no_patch_is_refused() {
    let g = document();
    let try_paste = |text: &str, into| paste(text, &g, &registry(), None, into);
    assert!(matches!(try_paste("hello", None), Err(PatchError::Json { .. })));
    assert!(matches!(try_paste("{}", None), Err(PatchError::NotAPatch { .. })));
    let text = fragment(&g, &registry(), &set(&["g"]));
    match try_paste(&text, Some("none")) {
        Err(PatchError::Inconsistent { reason, .. }) => {
            assert_eq!(reason, EditError::NoSuchGroup("none".into()));
        }
        other => panic!("{other:?}"),
    }
    let nothing = try_paste(&fragment(&g, &registry(), &BTreeSet::new()), None).unwrap();
    assert!(nothing.nodes.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_fragment_is_the_part_and_pastes_as_it_stands(
        made in prop::collection::vec(edits::edit(), 1..60),
        some in prop::sample::subsequence(&edits::IDS[..], 0..=edits::IDS.len()),
    ) {
        let (registry, mut g) = (registry(), Graph::new());
        for edit in made {
            let _ = g.apply(edit, &registry);
        }
        let ids = set(&some);
        let text = fragment(&g, &registry, &ids);
        let part = parse(&text).unwrap();
        prop_assert!(part.notes.is_empty());
        let part = part.graph;

        // It holds what the graph holds of these nodes.
        let wanted: Vec<_> = g.nodes().filter(|(id, _)| ids.contains(*id)).collect();
        let full = parse(&fragment(&g, &Registry::default(), &ids)).unwrap().graph;
        prop_assert_eq!(full.nodes().map(|(id, _)| id).collect::<Vec<_>>(), wanted.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let among = |ends: &WireEnds| ids.contains(&ends.from) && ids.contains(&ends.to);
        prop_assert!(part.wires().eq(g.wires().filter(|w| among(&w.ends))));
        prop_assert!(part.bent_wires().eq(g.bent_wires().filter(|(ends, _)| among(ends))));
        prop_assert!(part.layout().eq(g.layout().filter(|(id, _)| ids.contains(*id))));
        prop_assert!(part.collapsed().eq(g.collapsed().filter(|id| ids.contains(*id))));
        for (id, node) in wanted {
            prop_assert_eq!(part.node(id).unwrap().mode, node.mode);
        }
        for (id, _) in g.groups() {
            let mut within = g.nodes_within(id).peekable();
            let is_whole = within.peek().is_some() && within.all(|node| ids.contains(node));
            prop_assert!(!is_whole || part.group(id).is_some());
            prop_assert!(part.group(id).is_none() || g.nodes_within(id).all(|node| ids.contains(node)));
        }

        // Pasted where it was, it is the same.
        let mut empty = Graph::new();
        let (clock, seed) = (g.clock(), g.seed());
        let clock = Edit::SetClock { sample_rate_hz: clock.sample_rate_hz, fps: clock.fps };
        empty.apply(Edit::Batch(vec![clock, Edit::SetSeed(seed)]), &registry).unwrap();
        let corner = [0, 1].map(|axis| {
            let nodes = part.layout().filter(|(id, _)| part.group_of(id).is_none()).map(|(_, at)| at[axis]);
            let groups = part.groups_in(None).map(|(_, group)| group.at[axis]);
            nodes.chain(groups).reduce(f32::min).unwrap_or(0.0)
        });
        pasted(&mut empty, &text, Some(corner), None);
        prop_assert_eq!(to_text(&empty, &registry), text.clone());

        // Pasted beside the original it touches nothing, and taking it back leaves nothing.
        let before = to_text(&g, &registry);
        let Pasted { edit, nodes } = paste(&text, &g, &registry, None, None).unwrap();
        prop_assert!(nodes.iter().all(|id| g.node(id).is_none()));
        let mut both = g.clone();
        let undo = both.apply(edit, &registry).unwrap().inverse;
        prop_assert_eq!(both.num_nodes(), g.num_nodes() + nodes.len());
        prop_assert_eq!(both.wires().count(), g.wires().count() + part.wires().count());
        let again = parse(&fragment(&both, &registry, &nodes.iter().cloned().collect())).unwrap().graph;
        for ((id, node), new) in part.nodes().zip(&nodes) {
            prop_assert_eq!(again.node(new), Some(node), "{}", id);
        }
        both.apply(undo, &registry).unwrap();
        prop_assert_eq!(to_text(&both, &registry), before);
    }
}
