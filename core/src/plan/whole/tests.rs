//! What is left of a document with faults.

use proptest::prelude::*;

use super::*;
use crate::graph::Edit;
use crate::plan::tests::{MAYBE, NEEDED, NODES};
use crate::stubs::{add, graph, lay, registry};

const SCREEN: &str = "screen: screen, draw: draw";
const TO_SCREEN: &str = "draw.image -> screen.image";

/// The ids of the steps that are left, and the faults.
fn whole(g: &Graph) -> (Option<Vec<String>>, Vec<Fault>) {
    let (plan, faults) = compile_whole(g, &registry());
    assert_eq!(compile(g, &registry()).err().unwrap_or_default(), faults);
    (plan.map(|plan| plan.steps.into_iter().map(|s| s.id).collect()), faults)
}

fn shown(nodes: &str, wires: &[&str]) -> Graph {
    graph(&format!("{SCREEN}, {nodes}"), &[&[TO_SCREEN], wires].concat())
}

#[test]
fn a_node_that_is_wired_by_halves_holds_nothing_up() {
    let (steps, faults) = whole(&shown("g: gate, o: onset", &["g.control -> draw.level"]));
    assert_eq!(steps.unwrap(), ["g", "draw", "screen"]);
    assert!(matches!(&faults[..], [Fault::MissingInput { .. }]));
    // Nor where it leads somewhere already, and what needs it goes with it, step by step.
    let wires = [
        "o.strength -> s.control",
        "s.control -> t.control",
        "t.control -> draw.level",
        "t.control -> draw.size",
    ];
    let g = shown("o: onset, s: smooth, t: smooth", &wires);
    assert_eq!(whole(&g).0.unwrap(), ["draw", "screen"]);
}

#[test]
fn a_torn_main_path_leaves_no_plan() {
    let (steps, faults) = whole(&graph(SCREEN, &[]));
    assert!(steps.is_none() && matches!(&faults[..], [Fault::MissingInput { .. }]));
    let g = shown("second: screen", &[]);
    assert_eq!(whole(&g).0, None, "each screen counts");
    let mut g = graph(SCREEN, &[TO_SCREEN]);
    let (node, param, value) = ("draw".into(), "size".into(), Some("huge".into()));
    g.apply(Edit::SetParam { node, param, value }, &registry()).unwrap();
    assert_eq!(whole(&g).0, None);
    assert_eq!(whole(&Graph::new()).0, None);
    assert_eq!(whole(&graph("n: nothing, g: gate", &[])).0, None);
}

#[test]
fn wires_with_faults_are_left_out() {
    for wire in [
        "in.audio -> draw.level",
        "in.audio -> draw.title",
        "in.sound -> draw.level",
        "in.audio -> draw.nowhere",
    ] {
        let (steps, faults) = whole(&shown("in: audio", &[wire]));
        assert_eq!(steps.unwrap(), ["draw", "screen"], "{wire}");
        assert_eq!(faults.len(), 1);
    }
    // One of two does not fit, and the other stays.
    let (steps, faults) =
        whole(&shown("in: audio, g: gate", &["in.audio -> draw.level", "g.control -> draw.level"]));
    assert_eq!((steps.unwrap().len(), faults.len()), (3, 2));
    let (steps, _) =
        whole(&shown("g: gate, h: gate", &["g.control -> draw.level", "h.control -> draw.level"]));
    assert_eq!(steps.unwrap(), ["draw", "screen"]);
    let wires =
        ["g.control -> h.control", "other.brightness -> g.control", "h.control -> draw.level"];
    let (steps, _) = whole(&shown("g: gate, h: gate, other: draw", &wires));
    assert_eq!(steps.unwrap(), ["g", "h", "draw", "screen"]);
}

#[test]
fn a_loop_is_left_out_whole() {
    let wires =
        ["a.control -> b.a", "b.control -> a.a", "b.control -> c.a", "c.control -> draw.level"];
    let (steps, faults) = whole(&shown("a: mix, b: mix, c: mix", &wires));
    assert_eq!(steps.unwrap(), ["c", "draw", "screen"]);
    assert!(matches!(&faults[..], [Fault::Cycle { .. }]));
}

/// What should have come through a bypassed node is missing behind it; what was never wired is not.
#[test]
fn a_loss_passes_through_bypassed_nodes() {
    let bypass = |g: &mut Graph, mode| {
        g.apply(Edit::SetMode { node: "f".into(), mode }, &registry()).unwrap();
    };
    let wires = [
        "n.image -> f.back",
        "f.image -> screen.image",
        "n.level -> f.level",
        "f.brightness -> d.level",
    ];
    let mut g = graph("screen: screen, n: nothing, f: draw, d: draw", &wires);
    assert_eq!(whole(&g).0.unwrap(), ["f", "screen"], "an optional input");
    bypass(&mut g, Mode::Bypassed);
    assert_eq!(whole(&g).0, None);
    bypass(&mut g, Mode::Muted);
    assert_eq!(whole(&g).0.unwrap(), ["screen"], "dark on purpose");
    let mut g = graph("screen: screen, o: onset, f: draw", &["f.image -> screen.image"]);
    bypass(&mut g, Mode::Bypassed);
    assert_eq!(whole(&g).0.unwrap(), ["screen"]);
}

#[test]
fn long_chains_are_left_out_at_once() {
    const LEN: usize = 20_000;
    let mut edits: Vec<Edit> = (0..LEN).map(|i| add(&format!("s{i}"), "smooth", &[])).collect();
    edits.extend((1..LEN).map(|i| lay(&format!("s{}.control -> s{i}.control", i - 1))));
    let mut g = graph(SCREEN, &[TO_SCREEN]);
    g.apply(Edit::Batch(edits), &registry()).unwrap();
    assert_eq!(whole(&g).0.unwrap(), ["draw", "screen"]);
}

/// The same by taking out what `compile` complains of, again and again.
fn by_hand(g: &Graph) -> Option<Plan> {
    let (mut g, registry) = (g.clone(), registry());
    loop {
        let mut faults = match compile(&g, &registry) {
            Ok(plan) => return (plan.sinks.len() == 1).then_some(plan),
            Err(faults) => faults,
        };
        let is_crowd = |f: &Fault| matches!(f, Fault::ManyWires { .. });
        if !faults.iter().all(is_crowd) {
            faults.retain(|f| !is_crowd(f));
        }
        let disconnect = |g: &mut Graph, wire: &str| {
            let _ = g.apply(Edit::Disconnect { ends: wire.parse().unwrap() }, &registry);
        };
        for fault in &faults {
            match (fault, fault.wire(), fault.node()) {
                (Fault::ManyWires { wires, .. }, ..) => {
                    wires.iter().for_each(|wire| disconnect(&mut g, wire));
                }
                (Fault::Cycle { nodes, .. }, ..) => nodes.iter().for_each(|id| {
                    let _ = g.apply(Edit::RemoveNode { id: id.clone() }, &registry);
                }),
                (_, Some(wire), _) => disconnect(&mut g, wire),
                (_, None, Some(id)) => {
                    let _ = g.apply(Edit::RemoveNode { id: id.into() }, &registry);
                }
                (_, None, None) => return None,
            }
        }
    }
}

const WRONG: [&str; 6] = [
    "in.audio -> mix2.a",
    "in.audio -> draw2.size",
    "mix.contrl -> draw2.level",
    "mix2.control -> o.mode",
    "lat.latent -> fb.image",
    "s.spectrum -> draw.nowhere",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_left_is_what_is_left_by_hand(
        wires in prop::sample::subsequence([&NEEDED[..], &MAYBE, &WRONG].concat(), 8..31),
        unknown in prop::option::of(prop::sample::select(&["sm", "lat", "draw", "g", "mix2"][..])),
    ) {
        let nodes: Vec<String> = NODES
            .split(", ")
            .map(|node| match unknown.filter(|id| node.starts_with(&format!("{id}:"))) {
                Some(id) => format!("{id}: unknown"),
                None => node.to_owned(),
            })
            .collect();
        let g = graph(&nodes.join(", "), &wires);
        let (plan, faults) = compile_whole(&g, &registry());
        prop_assert_eq!(compile(&g, &registry()).is_ok(), faults.is_empty());
        prop_assert_eq!(format!("{plan:?}"), format!("{:?}", by_hand(&g)));
    }
}
