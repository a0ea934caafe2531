//! Nodes that do not run, against the same graph rewired by hand.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::graph::{Edit, Graph, Wire, WireEnds};
use crate::plan::tests::{MAYBE, NEEDED, NODES};
use crate::plan::{Fault, Plan, compile};
use crate::spec::{Port, Registry};
use crate::stubs::{ALL, add, graph, lay, registry};

const BYPASSED: Mode = Mode::Bypassed;
const MUTED: Mode = Mode::Muted;

/// A graph that ends on a screen, with the modes of some nodes.
fn shown(nodes: &str, wires: &[&str], modes: &[(&str, Mode)]) -> Graph {
    let nodes = format!("screen: screen, draw: draw, {nodes}");
    let mut g = graph(&nodes, &[&["draw.image -> screen.image"], wires].concat());
    for (node, mode) in modes {
        let edit = Edit::SetMode { node: (*node).into(), mode: *mode };
        g.apply(edit, &registry()).unwrap();
    }
    g
}

/// What an input reads: `node.output`, or nothing.
fn reads(g: &Graph, node: &str, input: usize) -> Option<String> {
    let plan = compile(g, &registry()).unwrap();
    let step = plan.steps.iter().find(|s| s.id == node).unwrap();
    step.inputs[input].map(|source| describe(&plan, source))
}

/// The source of a value, through the conversions on its way.
fn describe(plan: &Plan, (step, slot): (u32, u32)) -> String {
    let step = &plan.steps[step as usize];
    if !step.id.contains(' ') {
        return format!("{}.{slot}", step.id);
    }
    let from = step.inputs[0].map_or("-".to_owned(), |source| describe(plan, source));
    format!("{}({from}) at {:?}", step.spec.kind, step.rate)
}

/// All that a plan does, in words that do not name wires.
fn content(plan: &Plan) -> BTreeSet<String> {
    let nodes = plan.steps.iter().filter(|s| !s.id.contains(' '));
    nodes
        .map(|step| {
            let inputs = step.inputs.iter().map(|i| i.map(|source| describe(plan, source)));
            let mut depths = BTreeMap::<(u32, String), f32>::new();
            for m in &step.modulations {
                *depths.entry((m.param, describe(plan, m.source))).or_default() += m.depth;
            }
            format!(
                "{} {} {:?} {:?} {:?} {depths:?} {:?} {}",
                step.id,
                step.spec.kind,
                step.rate,
                step.params,
                inputs.collect::<Vec<_>>(),
                step.accumulators,
                step.keeps_state
            )
        })
        .collect()
}

#[test]
fn a_bypassed_node_passes_its_first_input_of_the_type() {
    let wires =
        ["g.control -> m.a", "h.control -> m.b", "h.control -> m.gain", "m.control -> draw.level"];
    let g = shown("g: gate, h: gate, m: mix", &wires, &[("m", BYPASSED)]);
    assert_eq!(reads(&g, "draw", 0).as_deref(), Some("g.0"));
    // The first is open, and stays the first.
    let g = shown("h: gate, m: mix", &wires[1..], &[("m", BYPASSED)]);
    assert_eq!(reads(&g, "draw", 0), None);
    let g = shown("g: gate, h: gate, m: mix", &wires, &[("m", MUTED)]);
    assert_eq!(reads(&g, "draw", 0), None);
    // Each output goes its own way: the brightness is no picture.
    let more = [
        "g.control -> d.level",
        "fb.image -> d.back",
        "d.brightness -> draw.level",
        "d.image -> draw.back",
    ];
    let g = shown("g: gate, fb: feedback, d: draw", &more, &[("d", BYPASSED)]);
    assert_eq!(reads(&g, "draw", 0).as_deref(), Some("g.0"));
    assert_eq!(reads(&g, "draw", 4).as_deref(), Some("fb.0"));
    // Nothing that comes in is like what goes out.
    let more = ["in.audio -> o.audio", "o.strength -> draw.level"];
    assert_eq!(reads(&shown("in: audio, o: onset", &more, &[("o", BYPASSED)]), "draw", 0), None);
}

#[test]
fn what_converts_is_passed_and_converted_once() {
    // Hits into a counter, whose number goes to an input of hits: they arrive as hits.
    let wires = [
        "in.audio -> o.audio",
        "o.hits -> c.hits",
        "c.count -> draw.hits",
        "c.count -> draw.level",
    ];
    let g = shown("in: audio, o: onset, c: count", &wires, &[("c", BYPASSED)]);
    assert_eq!(reads(&g, "draw", 1).as_deref(), Some("o.2"), "gathered for the frame");
    let plan = compile(&g, &registry()).unwrap();
    let conversion = plan.steps.iter().find(|s| s.spec.kind == "convert.trigger_to_control");
    assert_eq!(conversion.unwrap().id, "c.count -> draw.level", "the wire that ends there");
}

/// What converts in two steps converts in one, so that a wire can be led past a bypassed node.
#[test]
fn conversions_are_closed() {
    use crate::plan::convert::CONVERSIONS;
    for (a, b, _) in CONVERSIONS {
        for (_, c, _) in CONVERSIONS.iter().filter(|(from, ..)| from == b) {
            assert!(!matches!(fit(*a, *c), Fit::No), "{a} {b} {c}");
        }
    }
}

#[test]
fn chains_are_passed_and_loops_give_nothing() {
    const LEN: usize = 5_000;
    let mut edits: Vec<Edit> = (0..LEN).map(|i| add(&format!("m{i}"), "mix", &[])).collect();
    edits.extend((1..LEN).map(|i| lay(&format!("m{}.control -> m{i}.a", i - 1))));
    // Each is read, so that each has to be followed.
    edits.extend((0..LEN).map(|i| lay(&format!("m{i}.control -> draw.size"))));
    edits.extend((0..LEN).map(|i| Edit::SetMode { node: format!("m{i}"), mode: BYPASSED }));
    let mut g = shown("g: gate", &[], &[]);
    g.apply(Edit::Batch(edits), &registry()).unwrap();
    g.apply(lay("m4999.control -> draw.level"), &registry()).unwrap();
    assert_eq!(reads(&g, "draw", 0), None);
    g.apply(lay("g.control -> m0.a"), &registry()).unwrap();
    assert_eq!(reads(&g, "draw", 0).as_deref(), Some("g.0"));
    let ends = WireEnds::new("g", "control", "m0", "a");
    g.apply(Edit::Disconnect { ends }, &registry()).unwrap();
    g.apply(lay("m4999.control -> m0.a"), &registry()).unwrap();
    assert_eq!(reads(&g, "draw", 0), None);
}

#[test]
fn off_nodes_have_faults_of_their_own_but_need_nothing() {
    let g = shown("s: smooth", &["s.control -> draw.level"], &[("s", BYPASSED)]);
    assert_eq!(reads(&g, "draw", 0), None);
    // A required input that reads a muted node is wired.
    let g = shown(
        "g: gate, s: smooth",
        &["g.control -> s.control", "s.control -> draw.level"],
        &[("g", MUTED)],
    );
    assert_eq!(reads(&g, "s", 0), None);
    let mut g = shown("o: onset, n: nothing", &[], &[("o", MUTED), ("n", BYPASSED)]);
    let (node, param, value) = ("o".into(), "threshold".into(), Some("loud".into()));
    g.apply(Edit::SetParam { node, param, value }, &registry()).unwrap();
    let faults = compile(&g, &registry()).unwrap_err();
    assert!(
        matches!(&faults[..], [Fault::UnknownKind { .. }, Fault::BadValue { .. }]),
        "{faults:?}"
    );
}

#[test]
fn a_sink_that_is_off_draws_nothing() {
    let mut g = shown("s: screen", &["draw.image -> s.image"], &[("s", MUTED)]);
    let plan = compile(&g, &registry()).unwrap();
    assert_eq!(plan.sinks.len(), 1);
    g.apply(Edit::SetMode { node: "screen".into(), mode: BYPASSED }, &registry()).unwrap();
    let faults = compile(&g, &registry()).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].to_string(), "nothing leaves this patch: it has no output node that runs");
    assert_eq!(faults[0].help(), "let `s` or `screen` run again");
}

/// The stubs with no input that must be wired.
fn nothing_required() -> Registry {
    let optional = |spec: &NodeSpec| -> &'static NodeSpec {
        let inputs = spec.inputs.iter().map(|p| Port { required: false, ..*p });
        let inputs: &'static [Port] = inputs.collect::<Vec<_>>().leak();
        Box::leak(Box::new(NodeSpec { inputs, ..*spec }))
    };
    Registry::new(ALL.iter().map(optional))
}

/// Follows the wires back, one by one, past what is bypassed.
fn source_by_hand<'a>(g: &'a Graph, ends: &'a WireEnds) -> Option<(&'a str, &'a str)> {
    let registry = registry();
    let mut ends = ends;
    for _ in 0..=g.num_nodes() {
        let node = g.node(&ends.from).unwrap();
        match node.mode {
            Mode::Active => return Some((&ends.from, &ends.output)),
            Mode::Muted => return None,
            Mode::Bypassed => {}
        }
        let spec = registry.of(node).unwrap();
        let given = spec.outputs[spec.output(&ends.output).unwrap()].ty;
        let mut inputs = spec.inputs.iter();
        let input = inputs.find(|p| p.ty == given).or_else(|| {
            let converts = |p: &&Port| {
                crate::plan::convert::CONVERSIONS.iter().any(|(a, b, _)| (*a, *b) == (p.ty, given))
            };
            spec.inputs.iter().find(converts)
        });
        let input = input?;
        ends = &g.wires().find(|w| w.ends.to == ends.from && w.ends.port == input.id)?.ends;
    }
    None
}

/// The graph without the nodes that are off, and wires where they led.
fn by_hand(g: &Graph) -> Graph {
    let mut other = g.clone();
    let is_off = |id: &str| g.node(id).unwrap().mode != Mode::Active;
    for (id, _) in g.nodes().filter(|(id, _)| is_off(id)) {
        other.apply(Edit::RemoveNode { id: id.into() }, &registry()).unwrap();
    }
    for wire in g.wires().filter(|w| is_off(&w.ends.from) && !is_off(&w.ends.to)) {
        let Some((from, output)) = source_by_hand(g, &wire.ends) else { continue };
        let ends = WireEnds::new(from, output, &wire.ends.to, &wire.ends.port);
        // Two ways into one parameter may become one, with the depth of both.
        let there = other.wire(&ends).map_or(0.0, |w| w.depth);
        let remove = other.wire(&ends).map(|w| w.ends.clone()).into_iter().collect();
        let add = vec![Wire { ends, depth: there + wire.depth }];
        other.apply(Edit::Rewire { remove, add }, &registry()).unwrap();
    }
    other
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_off_compiles_as_what_was_rewired_by_hand(
        wires in prop::sample::subsequence(&MAYBE[..], 0..=MAYBE.len()),
        modes in prop::collection::vec(prop_oneof![
            4 => Just(Mode::Active), 3 => Just(BYPASSED), 1 => Just(MUTED),
        ], 14),
    ) {
        let mut g = graph(NODES, &[&NEEDED[..], &wires].concat());
        let ids: Vec<String> = g.nodes().map(|(id, _)| id.to_owned()).filter(|id| id != "screen").collect();
        for (node, mode) in ids.into_iter().zip(modes) {
            g.apply(Edit::SetMode { node, mode }, &registry()).unwrap();
        }
        let kinds = |faults: &[Fault]| -> BTreeSet<String> {
            let kind = |f: &Fault| format!("{:?} {:?} {:?}", std::mem::discriminant(f), f.node(), f.port());
            faults.iter().map(kind).collect()
        };
        match (compile(&g, &registry()), compile(&by_hand(&g), &nothing_required())) {
            (Ok(plan), Ok(hand)) => prop_assert_eq!(content(&plan), content(&hand)),
            (Err(faults), Err(hand)) => prop_assert_eq!(kinds(&faults), kinds(&hand)),
            (plan, hand) => prop_assert!(false, "{plan:?}\n{hand:?}"),
        }
    }
}
