//! Alignment over stub nodes: who waits, for how long.

use super::*;
use crate::harness::Harness;
use crate::plan::compile;
use crate::stubs::{graph, registry};

/// Compiles, and aligns with these lags in samples, by id of the node.
fn aligned(nodes: &str, wires: &[&str], lags: &[(&str, u64)]) -> Plan {
    let nodes = format!("screen: screen, draw: draw, {nodes}");
    let wires = [&["draw.image -> screen.image"], wires].concat();
    let mut plan = compile(&graph(&nodes, &wires), &registry()).unwrap();
    let ids: Vec<String> = plan.steps.iter().map(|s| s.id.clone()).collect();
    align(&mut plan, |step, inputs| {
        let lag = lags.iter().find(|(id, _)| *id == ids[step]).map_or(0, |(_, lag)| *lag);
        Timing::punctual(inputs).late(lag)
    });
    plan
}

fn step<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    plan.steps.iter().find(|s| s.id == id).unwrap_or_else(|| panic!("no step {id}"))
}

fn source(plan: &Plan, source: Source) -> (&str, u32) {
    let (step, slot) = source.unwrap();
    (&plan.steps[step as usize].id, slot)
}

#[test]
fn what_is_early_waits_for_what_is_late() {
    let plan = aligned(
        "in: audio, onset: onset, zero: gate, sum: mix",
        &[
            "in.audio -> onset.audio",
            "onset.strength -> sum.a",
            "zero.control -> sum.b",
            "sum.control -> draw.level",
            "zero.control -> draw.size",
        ],
        &[("onset", 1000), ("sum", 300)],
    );
    // 1000 samples are 3.9 blocks of 256, 1300 are 5.1.
    assert_eq!(plan.lead_blocks, 5);
    let sum = step(&plan, "sum");
    assert_eq!(source(&plan, sum.inputs[0]), ("onset", 0));
    assert_eq!(source(&plan, sum.inputs[1]), ("zero.control waits 4", 0));
    let draw = step(&plan, "draw");
    assert_eq!(source(&plan, draw.inputs[0]), ("sum", 0));
    assert_eq!(source(&plan, Some(draw.modulations[0].source)), ("zero.control waits 5", 0));
    // Each waiting step runs after what it reads.
    let place =
        |id: &str| plan.block_order.iter().position(|&i| plan.steps[i as usize].id == id).unwrap();
    assert!(place("zero") < place("zero.control waits 4"));
    assert!(place("zero.control waits 4") < place("sum"));
}

#[test]
fn punctual_plans_stay_as_they_are() {
    let plan = aligned(
        "in: audio, onset: onset",
        &["in.audio -> onset.audio", "onset.strength -> draw.level"],
        &[],
    );
    assert_eq!((plan.lead_blocks, plan.steps.len()), (0, 4));
}

#[test]
fn hits_that_wait_are_counted_where_they_arrive() {
    let plan = aligned(
        "in: audio, onset: onset, late: onset",
        &[
            "in.audio -> onset.audio",
            "in.audio -> late.audio",
            "onset.hits -> draw.hits",
            "late.strength -> draw.level",
        ],
        &[("late", 2560)],
    );
    let draw = step(&plan, "draw");
    let hits = draw.spec.input("hits").unwrap();
    assert_eq!(source(&plan, draw.inputs[hits]), ("onset.hits waits 10", 1));
    assert_eq!(
        step(&plan, "onset.hits waits 10").accumulators,
        [Accumulator { output: 0, slot: 1, awaits_picture: true }]
    );
}

#[test]
fn loops_wait_for_nothing() {
    let plan = aligned(
        "late: gate, sum: mix, delay: delay",
        &[
            "late.control -> sum.a",
            "delay.control -> sum.b",
            "sum.control -> delay.control",
            "sum.control -> draw.level",
        ],
        &[("late", 2560)],
    );
    let sum = step(&plan, "sum");
    assert_eq!(source(&plan, sum.inputs[1]), ("delay", 0));
    assert_eq!(plan.lead_blocks, 10);
}

#[test]
fn a_waiting_step_gives_what_came_some_ticks_ago() {
    let mut wait =
        Harness::new(spec_of(PortType::Control)).param("num_blocks", 2_i64).prepare().unwrap();
    let run = |wait: &mut Harness| -> Vec<Option<f32>> {
        (0..5_u8)
            .map(|i| {
                wait.input("in", Value::Control(f32::from(i)));
                wait.tick().unwrap();
                match wait.output("out") {
                    Value::Control(v) => Some(*v),
                    _ => None,
                }
            })
            .collect()
    };
    let expected = [None, None, Some(0.0), Some(1.0), Some(2.0)];
    assert_eq!(run(&mut wait), expected);
    wait.reset();
    assert_eq!(run(&mut wait), expected);
}
