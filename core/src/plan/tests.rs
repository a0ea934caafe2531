use proptest::prelude::*;

use super::*;
use crate::graph::Edit;
use crate::spec::Registry;
use crate::stubs::{add, graph, lay, registry};
use crate::value::PortType;

fn plan(nodes: &str, wires: &[&str]) -> Plan {
    compile(&graph(nodes, wires), &registry()).unwrap()
}

fn faults(nodes: &str, wires: &[&str]) -> Vec<Fault> {
    compile(&graph(nodes, wires), &registry()).unwrap_err()
}

impl Plan {
    fn step(&self, id: &str) -> &Step {
        self.steps.iter().find(|s| s.id == id).unwrap_or_else(|| panic!("no step {id}"))
    }

    fn ids(&self, indices: &[u32]) -> Vec<&str> {
        indices.iter().map(|&i| self.steps[i as usize].id.as_str()).collect()
    }

    /// Where an input reads: the id of the step and the slot.
    fn source(&self, id: &str, input: usize) -> (&str, u32) {
        let (step, slot) = self.step(id).inputs[input].unwrap();
        (self.steps[step as usize].id.as_str(), slot)
    }
}

const SCREEN: &str = "screen: screen, draw: draw";
const TO_SCREEN: &str = "draw.image -> screen.image";

/// Nodes and wires that end on a screen.
fn shown(nodes: &str, wires: &[&str]) -> Plan {
    plan(&format!("{SCREEN}, {nodes}"), &[&[TO_SCREEN], wires].concat())
}

fn shown_faults(nodes: &str, wires: &[&str]) -> Vec<Fault> {
    faults(&format!("{SCREEN}, {nodes}"), &[&[TO_SCREEN], wires].concat())
}

#[test]
fn steps_are_sorted_by_need_then_id_and_split_by_rate() {
    let plan = shown(
        "zero: gate, a: mix, b: gate, in: audio, onset: onset",
        &[
            "in.audio -> onset.audio",
            "onset.strength -> a.a",
            "zero.control -> a.b",
            "b.control -> draw.size",
            "a.control -> draw.level",
        ],
    );
    let ids: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["b", "in", "onset", "zero", "a", "draw", "screen"]);
    assert_eq!(plan.ids(&plan.block_order), ["b", "in", "onset", "zero", "a"]);
    assert_eq!(plan.ids(&plan.frame_order), ["draw", "screen"]);
    assert_eq!((plan.ids(&plan.sinks), plan.delays.len()), (vec!["screen"], 0));
    assert_eq!(plan.source("draw", 0), ("a", 0));
    assert_eq!(plan.step("draw").inputs[1..], [None; 4]);
}

#[test]
fn parameters_are_resolved() {
    let mut g = graph(SCREEN, &[TO_SCREEN]);
    for (param, value) in [("size", ParamValue::Float(7.0)), ("title", "x".into())] {
        let (node, param) = ("draw".into(), param.into());
        g.apply(Edit::SetParam { node, param, value: Some(value) }, &registry()).unwrap();
    }
    g.apply(Edit::SetSeed(5), &registry()).unwrap();
    let plan = compile(&g, &registry()).unwrap();
    // Clamped to the hard range; the file is at its default.
    assert_eq!(plan.step("draw").params, [1.0_f32.into(), "x".into(), ParamValue::file("")]);
    assert_eq!((plan.seed, plan.clock), (5, g.clock()));
}

#[test]
fn what_reaches_no_sink_does_not_run() {
    let plan = shown(
        "used: gate, unused: gate, after: mix, looped: delay",
        &[
            "used.control -> draw.level",
            "used.control -> after.a",
            "looped.control -> draw.size",
            "used.control -> looped.control",
        ],
    );
    let ids: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["used", "draw", "looped", "screen"]);
    // What only a delay's input leads to a sink runs.
    let plan = shown("g: gate, d: delay", &["g.control -> d.control", "d.control -> draw.level"]);
    assert_eq!(plan.ids(&plan.block_order), ["g"]);
}

#[test]
fn rates_are_inherited_from_inputs_and_modulations() {
    let plan = shown(
        "g: gate, blocks: smooth, m: mix, n: mix, lat: latent, other: draw, back: mix",
        &[
            "g.control -> blocks.control",
            "blocks.control -> m.a",
            "other.brightness -> n.gain",
            "g.control -> n.a",
            "n.control -> back.b",
            "m.control -> draw.level",
            "back.control -> draw.size",
        ],
    );
    for (id, rate) in [
        ("g", Rate::Block),
        ("blocks", Rate::Block),
        ("m", Rate::Block),
        ("n", Rate::Frame),
        ("back", Rate::Frame),
    ] {
        assert_eq!(plan.step(id).rate, rate, "{id}");
    }
    assert!(plan.steps.iter().all(|s| s.id != "lat"));
}

#[test]
fn a_delay_runs_as_its_source_and_spreads_no_rate() {
    let plan = shown(
        "d: delay, m: mix, e: delay, g: gate, f: delay",
        &[
            "draw.brightness -> d.control",
            "d.control -> m.a",
            "d.control -> f.control",
            "f.control -> m.b",
            "m.control -> e.control",
            "e.control -> g.control",
            "d.control -> g.hold",
            "g.control -> draw.level",
        ],
    );
    assert_eq!((plan.step("d").rate, plan.step("f").rate), (Rate::Frame, Rate::Frame));
    assert_eq!((plan.step("m").rate, plan.step("e").rate), (Rate::Block, Rate::Block));
    // `f` does not wait for `d`: both take before either gives.
    assert_eq!(plan.ids(&plan.delays), ["f", "d", "e"]);
    assert_eq!(plan.ids(&plan.block_order), ["g", "m"]);
}

#[test]
fn a_modulation_does_not_set_the_rate_of_a_delay() {
    let plan = shown(
        "g: gate, d: delay",
        &["g.control -> d.control", "draw.brightness -> d.initial", "d.control -> draw.level"],
    );
    assert_eq!(plan.step("d").rate, Rate::Block);
}

#[test]
fn a_picture_may_be_fed_back() {
    let plan = shown("fb: feedback", &["draw.image -> fb.image", "fb.image -> draw.back"]);
    assert_eq!(plan.ids(&plan.frame_order), ["draw", "screen"]);
    assert_eq!((plan.ids(&plan.delays), plan.step("fb").rate), (vec!["fb"], Rate::Frame));
    assert_eq!(plan.source("draw", 4), ("fb", 0));
    assert_eq!(plan.source("fb", 0), ("draw", 0));
}

#[test]
fn conversions_stand_on_their_wires() {
    let plan = shown(
        "in: audio, s: spectrum, lat: latent, g: gate, c: count",
        &[
            "in.audio -> s.audio",
            "s.spectrum -> draw.bands",
            "lat.latent -> draw.bank",
            "g.control -> c.hits",
            "c.count -> draw.level",
            "g.control -> draw.hits",
        ],
    );
    for (id, kind, rate) in [
        ("s.spectrum -> draw.bands", "convert.spectrum_to_bands", Rate::Frame),
        ("lat.latent -> draw.bank", "convert.latent_to_bank", Rate::Frame),
        ("g.control -> c.hits", "convert.control_to_trigger", Rate::Block),
        ("g.control -> draw.hits", "convert.control_to_trigger", Rate::Block),
    ] {
        let step = plan.step(id);
        assert_eq!((step.spec.kind, step.rate), (kind, rate));
        assert_eq!(step.inputs.len(), 1);
    }
    assert_eq!(plan.source("draw", 2), ("s.spectrum -> draw.bands", 0));
    assert_eq!(plan.source("s.spectrum -> draw.bands", 0), ("s", 0));
    assert_eq!(plan.source("c", 0), ("g.control -> c.hits", 0));
}

#[test]
fn modulations_are_sorted_and_carry_their_depth() {
    let plan = shown(
        "in: audio, o: onset, b: gate, a: gate",
        &[
            "in.audio -> o.audio",
            "o.hits -> draw.size * 0.25",
            "b.control -> draw.size * -2",
            "a.control -> draw.size",
        ],
    );
    let found: Vec<(&str, u32, f32)> = plan
        .step("draw")
        .modulations
        .iter()
        .map(|m| (plan.steps[m.source.0 as usize].id.as_str(), m.param, m.depth))
        .collect();
    assert_eq!(found, [("a", 0, 1.0), ("b", 0, -2.0), ("o.hits -> draw.size", 0, 0.25)]);
    // The conversion runs at frames, and so it reads the count of hits.
    assert_eq!(plan.source("o.hits -> draw.size", 0), ("o", 2));
}

#[test]
fn samples_and_rows_are_gathered_for_frames_that_keep_state() {
    let wires = [
        "in.audio -> s.audio",
        "in.audio -> roll.audio",
        "s.spectrum -> roll.bands",
        "s.spectrum -> draw.bands",
        "roll.image -> draw.back",
    ];
    let plan = shown("in: audio, s: spectrum, roll: roll", &wires);
    assert_eq!(plan.source("roll", 0), ("in", 1));
    assert_eq!(
        plan.step("in").accumulators,
        [Accumulator { output: 0, slot: 1, awaits_picture: true }]
    );
    // All rows are converted for it, and the latest alone for what is pure.
    let rows = plan.step("s.spectrum -> roll.bands");
    assert_eq!((rows.rate, rows.accumulators.len()), (Rate::Block, 1));
    assert_eq!(plan.source("roll", 1), ("s.spectrum -> roll.bands", 1));
    assert_eq!(plan.step("s.spectrum -> draw.bands").rate, Rate::Frame);
    assert!(plan.step("s").accumulators.is_empty());
    assert_eq!(plan.source("s", 0), ("in", 0));
}

#[test]
fn triggers_are_counted_for_frames_alone() {
    let wires =
        ["in.audio -> o.audio", "o.hits -> draw.hits", "o.hits -> c.hits", "c.count -> draw.level"];
    let plan = shown("in: audio, o: onset, c: count", &wires);
    let step = plan.step("o");
    assert_eq!(step.accumulators, [Accumulator { output: 1, slot: 2, awaits_picture: true }]);
    assert_eq!((step.num_slots(), plan.step("c").num_slots()), (3, 1));
    assert_eq!((plan.source("draw", 1), plan.source("c", 0)), (("o", 2), ("o", 1)));
    let plan = shown("in: audio, o: onset, c: count", &[wires[0], wires[2], wires[3]]);
    assert!(plan.steps.iter().all(|s| s.accumulators.is_empty()));
}

#[test]
fn state_is_kept_by_what_later_ticks_need() {
    let wires = [
        "in.audio -> o.audio",
        "g.control -> s.control",
        "s.control -> draw.level",
        "o.strength -> draw.size",
        "p.control -> draw.size",
        "q.control -> s.secs",
    ];
    let plan = shown("in: audio, o: onset, g: gate, s: smooth, p: gate, q: gate", &wires);
    let keeps: Vec<&str> =
        plan.steps.iter().filter(|s| s.keeps_state).map(|s| s.id.as_str()).collect();
    assert_eq!(keeps, ["g", "in", "o", "q", "s"]);
    // What is fed back must be drawn in every tick.
    let more = ["draw.image -> fb.image", "fb.image -> draw.back"];
    let plan = shown(
        "in: audio, o: onset, g: gate, s: smooth, p: gate, q: gate, fb: feedback",
        &[&wires[..], &more].concat(),
    );
    let skipped: Vec<&str> =
        plan.steps.iter().filter(|s| !s.keeps_state).map(|s| s.id.as_str()).collect();
    assert_eq!(skipped, ["screen"]);
}

/// The one fault of a patch, with what every fault has.
fn only(faults: Vec<Fault>) -> Fault {
    assert_eq!(faults.len(), 1, "{faults:?}");
    let fault = faults.into_iter().next().unwrap();
    assert!(!fault.help().is_empty());
    fault
}

#[track_caller]
fn check(fault: &Fault, node: &str, port: Option<&str>, message: &str, help: &str) {
    assert_eq!((fault.node(), fault.port()), (Some(node), port));
    assert_eq!(fault.to_string(), message);
    assert_eq!(fault.help(), help);
}

fn with_node(edit: Edit) -> Vec<Fault> {
    let mut g = graph(SCREEN, &[TO_SCREEN]);
    g.apply(edit, &registry()).unwrap();
    compile(&g, &registry()).unwrap_err()
}

#[test]
fn an_unknown_kind_names_near_ones() {
    let fault = only(with_node(add("n", "smoth", &[])));
    check(
        &fault,
        "n",
        None,
        "node `n`: this build has no kind `stub.smoth`",
        "did you mean `stub.smooth`?",
    );
    let fault = only(with_node(add("n", "entirely_different", &[])));
    assert_eq!(fault.help(), "use a newer build, or replace the node");
}

#[test]
fn a_newer_kind_is_not_misread() {
    let Edit::AddNode { id, mut node, at } = add("n", "mix", &[("new_param", 1_i64.into())]) else {
        panic!()
    };
    node.version = 3;
    let fault = only(with_node(Edit::AddNode { id, node, at }));
    check(
        &fault,
        "n",
        None,
        "node `n`: it was saved for `stub.mix` version 3, and this build has version 2",
        "use the build that saved the patch, or a newer one",
    );
}

#[test]
fn unknown_ports_name_near_ones() {
    let fault = only(shown_faults("g: gate", &["g.contrl -> draw.level"]));
    check(
        &fault,
        "g",
        Some("contrl"),
        "wire `g.contrl -> draw.level`: `stub.gate` has no output `contrl`",
        "did you mean `control`?",
    );
    let fault = only(shown_faults("g: gate", &["g.control -> draw.sise * 2"]));
    check(
        &fault,
        "draw",
        Some("sise"),
        "wire `g.control -> draw.sise`: `stub.draw` has no input or parameter `sise`",
        "did you mean `size`?",
    );
    assert_eq!(fault.wire(), Some("g.control -> draw.sise"));
}

#[test]
fn unknown_and_bad_parameters() {
    let fault = only(with_node(add("n", "mix", &[("gane", 1.0_f32.into())])));
    check(
        &fault,
        "n",
        Some("gane"),
        "node `n`: `stub.mix` has no parameter `gane`",
        "did you mean `gain`?",
    );
    let fault = only(with_node(add("n", "mix", &[("gain", "loud".into())])));
    check(
        &fault,
        "n",
        Some("gain"),
        "node `n`: parameter `gain` takes a number, not \"loud\"",
        "give it a number, or return it to its default",
    );
    let audio = "in.audio -> o.audio";
    let mut g = graph("screen: screen, draw: draw, in: audio, o: onset", &[TO_SCREEN, audio]);
    let (node, param, value) = ("o".into(), "mode".into(), Some("fluxx".into()));
    g.apply(Edit::SetParam { node, param, value }, &registry()).unwrap();
    let fault = only(compile(&g, &registry()).unwrap_err());
    assert_eq!(
        fault.to_string(),
        "node `o`: parameter `mode` takes one of \"flux\", \"energy\", not \"fluxx\""
    );
}

#[test]
fn a_mismatch_names_both_ends_and_what_lies_between() {
    let fault = only(shown_faults("in: audio", &["in.audio -> draw.bands"]));
    check(
        &fault,
        "draw",
        Some("bands"),
        "wire `in.audio -> draw.bands`: `in.audio` gives audio where `bands` takes bands",
        "no node turns audio into bands: wire another output",
    );
    let fault = only(shown_faults("in: audio", &["in.audio -> draw.size"]));
    assert_eq!(fault.help(), "put `stub.onset` between them");
}

#[test]
fn a_required_input_must_be_wired() {
    let fault = only(faults("screen: screen", &[]));
    check(
        &fault,
        "screen",
        Some("image"),
        "node `screen`: input `image` needs image",
        "wire an output of type image to it",
    );
    // A wire that does not fit is one fault, not two.
    only(faults("screen: screen, g: gate", &["g.control -> screen.image"]));
}

#[test]
fn some_parameters_take_no_wire() {
    let audio = "in.audio -> o.audio";
    for (param, reason) in
        [("window_len", "its change rebuilds the node"), ("mode", "it is no number")]
    {
        let wire = format!("g.control -> o.{param}");
        let fault = only(shown_faults("in: audio, o: onset, g: gate", &[audio, &wire]));
        check(
            &fault,
            "o",
            Some(param),
            &format!("wire `{wire}`: parameter `{param}` takes no wire, since {reason}"),
            "remove the wire and set the parameter by hand",
        );
    }
}

#[test]
fn an_input_takes_one_wire_without_depth() {
    let wires = ["g.control -> draw.level", "h.control -> draw.level"];
    let fault = only(shown_faults("g: gate, h: gate", &wires));
    check(
        &fault,
        "draw",
        Some("level"),
        "node `draw`: input `level` takes one wire, and 2 end there: `g.control -> draw.level`, `h.control -> draw.level`",
        "keep one of them",
    );
    let fault = only(shown_faults("g: gate", &["g.control -> draw.level * 0.5"]));
    check(
        &fault,
        "draw",
        Some("level"),
        "wire `g.control -> draw.level`: only a wire to a parameter has a depth",
        "remove the `* …` from it",
    );
}

#[test]
fn frames_enter_blocks_only_through_a_delay() {
    for port in ["control", "hold"] {
        let wire = format!("draw.brightness -> g.{port}");
        let fault = only(shown_faults("g: gate", &[&wire]));
        check(
            &fault,
            "g",
            Some(port),
            &format!(
                "wire `{wire}`: `g` runs every block, but `draw` gives a value only every frame"
            ),
            "put a delay node (`stub.delay` or `stub.feedback`) on the wire",
        );
    }
    // Through a node that inherits the frame rate it is the same.
    only(shown_faults("g: gate, m: mix", &["draw.brightness -> m.a", "m.control -> g.control"]));
}

#[test]
fn a_loop_is_told_in_its_order() {
    let wires = [
        "c.control -> a.a",
        "a.control -> b.b",
        "b.control -> c.gain",
        "c.control -> after.a",
        "g.control -> a.b",
    ];
    let fault = only(shown_faults("g: gate, c: mix, a: mix, b: mix, after: mix", &wires));
    check(
        &fault,
        "a",
        None,
        "a loop without a delay: a -> b -> c -> a",
        "put a delay node (`stub.delay` or `stub.feedback`) on one of its wires",
    );
    let fault = only(shown_faults("a: mix", &["a.control -> a.gain"]));
    assert_eq!(fault.to_string(), "a loop without a delay: a -> a");
    // A loop through a conversion names nodes alone.
    let fault = only(shown_faults("m: mix, n: count", &["m.control -> n.hits", "n.count -> m.a"]));
    assert_eq!(fault.to_string(), "a loop without a delay: m -> n -> m");
}

#[test]
fn loops_apart_are_told_apart() {
    let wires = [
        "a.control -> b.a",
        "b.control -> a.a",
        "b.control -> c.a",
        "c.control -> d.a",
        "d.control -> c.b",
    ];
    let loops: Vec<String> = shown_faults("a: mix, b: mix, c: mix, d: mix", &wires)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        loops,
        ["a loop without a delay: a -> b -> a", "a loop without a delay: c -> d -> c"]
    );
}

#[test]
fn a_patch_must_have_a_sink() {
    let fault = only(faults("g: gate", &[]));
    assert_eq!((fault.node(), fault.port(), fault.wire()), (None, None, None));
    assert_eq!(fault.to_string(), "nothing leaves this patch: it has no output node");
    assert_eq!(fault.help(), "add an output node (`stub.screen`)");
    assert_eq!(
        only(compile(&Graph::new(), &Registry::default()).unwrap_err()).help(),
        "add an output node"
    );
    // A node of unknown kind may be the sink.
    let fault = only(faults("g: gate, n: window", &[]));
    assert!(matches!(fault, Fault::UnknownKind { .. }));
}

#[test]
fn all_faults_are_told_at_once_wherever_they_lead() {
    let found = faults(
        "n: nothing, o: onset, m: mix, lat: latent",
        &["m.control -> m.a", "lat.latent -> m.b", "n.x -> m.gain", "m.contrl -> n.y"],
    );
    let nodes: Vec<Option<&str>> = found.iter().map(Fault::node).collect();
    assert_eq!(nodes, [Some("n"), Some("m"), Some("m"), Some("o"), Some("m")], "{found:#?}");
}

#[test]
fn long_chains_and_loops_do_not_overflow_the_stack() {
    const LEN: usize = 20_000;
    let registry = registry();
    let mut edits: Vec<Edit> = (0..LEN).map(|i| add(&format!("m{i}"), "mix", &[])).collect();
    edits.extend((1..LEN).map(|i| lay(&format!("m{}.control -> m{i}.a", i - 1))));
    let mut g = graph(SCREEN, &[TO_SCREEN]);
    g.apply(Edit::Batch(edits), &registry).unwrap();
    g.apply(lay(&format!("m{}.control -> draw.level", LEN - 1)), &registry).unwrap();
    assert_eq!(compile(&g, &registry).unwrap().steps.len(), LEN + 2);
    g.apply(lay(&format!("m{}.control -> m0.b", LEN - 1)), &registry).unwrap();
    let fault = only(compile(&g, &registry).unwrap_err());
    assert!(matches!(fault, Fault::Cycle { nodes, .. } if nodes.len() == LEN));
}

#[test]
fn every_conversion_is_a_node_from_one_type_to_the_other() {
    for (from, to, spec) in convert::CONVERSIONS {
        assert_eq!((spec.inputs[0].ty, spec.outputs[0].ty), (*from, *to));
        assert_eq!((spec.inputs.len(), spec.outputs.len(), spec.params.len()), (1, 1, 0));
        assert!(matches!(convert::fit(*from, *to), convert::Fit::Via(s) if s.kind == spec.kind));
    }
    assert!(matches!(convert::fit(PortType::Image, PortType::Image), convert::Fit::Same));
    assert!(matches!(convert::fit(PortType::Bands, PortType::Chroma), convert::Fit::No));
}

pub(super) const NODES: &str = "in: audio, o: onset, s: spectrum, ch: chroma, sm: smooth, mix: mix, mix2: mix, c: count, g: gate, lat: latent, draw: draw, draw2: draw, d: delay, fb: feedback, screen: screen";
pub(super) const NEEDED: [&str; 7] = [
    "in.audio -> o.audio",
    "in.audio -> s.audio",
    "s.spectrum -> ch.spectrum",
    "g.control -> sm.control",
    "o.hits -> c.hits",
    "draw.image -> screen.image",
    "d.control -> draw.size",
];
/// The last two are faults.
pub(super) const MAYBE: [&str; 18] = [
    "o.hits -> draw.hits",
    "o.hits -> draw.level",
    "o.strength -> sm.secs * 0.5",
    "sm.control -> mix.a",
    "c.count -> mix.gain",
    "o.strength -> mix.gain",
    "mix.control -> draw.size * 0.1",
    "mix.control -> d.control",
    "ch.chroma -> draw.bands",
    "lat.latent -> draw.bank",
    "draw.image -> fb.image",
    "fb.image -> draw.back",
    "d.control -> mix.b",
    "draw2.brightness -> mix2.a",
    "mix2.control -> draw.size",
    "mix2.control -> sm.secs",
    "mix2.control -> g.hold",
    "mix.control -> sm.secs",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Plan and faults follow from the content of the document, not from how it came about, and
    /// every step finds its inputs ready.
    #[test]
    fn the_plan_does_not_depend_on_the_order_of_insertion(
        (wires, shuffled) in prop::sample::subsequence(&MAYBE[..], 0..=MAYBE.len())
            .prop_map(|some| [&NEEDED[..], &some].concat())
            .prop_flat_map(|wires| (Just(wires.clone()), Just(wires).prop_shuffle())),
        nodes in Just(NODES.split(", ").collect::<Vec<_>>()).prop_shuffle(),
        removed in 0..15_usize,
    ) {
        let registry = registry();
        let straight = compile(&graph(NODES, &wires), &registry);
        let mut other = graph(&nodes.join(", "), &shuffled);
        // Removing and restoring a node shuffles the document's indices once more.
        let id = nodes[removed].split(": ").next().unwrap().to_owned();
        let undo = other.apply(Edit::RemoveNode { id }, &registry).unwrap().inverse;
        other.apply(undo, &registry).unwrap();
        prop_assert_eq!(format!("{straight:?}"), format!("{:?}", compile(&other, &registry)));

        if let Ok(plan) = straight {
            for (i, step) in (0..).zip(&plan.steps) {
                let modulations = step.modulations.iter().map(|m| m.source);
                for (source, slot) in step.inputs.iter().flatten().copied().chain(modulations) {
                    let from = &plan.steps[source as usize];
                    prop_assert!((slot as usize) < from.num_slots());
                    if from.spec.role != Role::Delay {
                        prop_assert!(source < i);
                        prop_assert!(from.rate == Rate::Block || step.rate == Rate::Frame || step.spec.role == Role::Delay);
                    }
                }
                let orders = [&plan.block_order, &plan.frame_order, &plan.delays];
                prop_assert_eq!(orders.iter().filter(|o| o.contains(&i)).count(), 1);
            }
        }
    }
}

#[test]
fn the_documents_of_the_property_compile_or_fail_as_meant() {
    let good: Vec<&str> = [&NEEDED[..], &MAYBE[..MAYBE.len() - 2]].concat();
    assert_eq!(plan(NODES, &good).steps.len(), 15 + 3);
    let found = faults(NODES, &[&NEEDED[..], &MAYBE].concat());
    assert!(matches!(found.as_slice(), [Fault::FrameIntoBlock { .. }, Fault::Cycle { .. }]));
}
