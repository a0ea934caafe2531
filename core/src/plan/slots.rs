//! Pass 11: where each input reads, and the lists by rate.

use std::collections::BTreeSet;

use super::{Accumulator, Ir, Link, Modulation, Plan, Step, Target};
use crate::graph::Graph;
use crate::spec::{Rate, Role};
use crate::value::PortType;

/// The plan whose steps are the nodes of `order`.
pub(super) fn plan(
    graph: &Graph,
    ir: &Ir,
    order: &[usize],
    keeps_state: &[bool],
    runs_late: &[bool],
) -> Plan {
    let mut place = vec![0_usize; ir.nodes.len()];
    for (step, &node) in order.iter().enumerate() {
        place[node] = step;
    }
    let gathered = gathered_outputs(ir, runs_late);
    let mut steps: Vec<Step> = order
        .iter()
        .map(|&n| {
            let node = &ir.nodes[n];
            Step {
                id: node.id.clone(),
                spec: node.spec,
                rate: node.rate,
                params: node.params.clone(),
                inputs: vec![None; node.spec.inputs.len()],
                modulations: Vec::new(),
                accumulators: accumulators(n, ir, &gathered),
                keeps_state: keeps_state[n],
                runs_late: runs_late[n],
            }
        })
        .collect();
    for link in &ir.links {
        let source =
            (narrow(place[link.from]), slot(link, ir, runs_late, &steps[place[link.from]]));
        let step = &mut steps[place[link.to]];
        match link.target {
            Target::Input(input) => step.inputs[input] = Some(source),
            Target::Param { index, depth } => {
                step.modulations.push(Modulation { param: narrow(index), source, depth });
            }
        }
    }
    sort_modulations(&mut steps);
    let pick = |wanted: &dyn Fn(&Step) -> bool| -> Vec<u32> {
        (0..).zip(&steps).filter(|(_, s)| wanted(s)).map(|(i, _)| i).collect()
    };
    let is_delay = |s: &Step| s.spec.role == Role::Delay;
    Plan {
        clock: graph.clock(),
        seed: graph.seed(),
        block_order: pick(&|s| s.rate == Rate::Block && !is_delay(s)),
        frame_order: pick(&|s| s.rate == Rate::Frame && !is_delay(s)),
        delays: pick(&is_delay),
        sinks: pick(&|s| s.spec.role == Role::Sink),
        lead_blocks: 0,
        steps,
    }
}

/// Steps, outputs and parameters are counted far below `u32::MAX`: a patch file is capped.
fn narrow(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(u32::MAX)
}

/// Whether frames read through this link what blocks bring anew: hits, and where state is kept from
/// frame to frame also samples and rows. What is pure sees the latest alone: its cache is keyed by it.
/// Hits of a step that runs at frames too late to be drawn are gathered for what keeps state and does
/// not.
fn gathers(ir: &Ir, runs_late: &[bool], link: &Link) -> bool {
    let (from, to) = (&ir.nodes[link.from], &ir.nodes[link.to]);
    let ty = from.spec.outputs[link.output].ty;
    match (from.rate, to.rate) {
        (Rate::Block, Rate::Frame) => {
            ty == PortType::Trigger || (ty.is_fresh() && to.keeps_state())
        }
        (Rate::Frame, Rate::Frame) => {
            let waits = runs_late[link.from] && !runs_late[link.to];
            ty == PortType::Trigger && to.keeps_state() && waits
        }
        _ => false,
    }
}

/// Node, output and whether it awaits a picture, of all that is gathered.
type Gathered = BTreeSet<(usize, usize, bool)>;

fn gathered_outputs(ir: &Ir, runs_late: &[bool]) -> Gathered {
    let gathered = ir.links.iter().filter(|l| gathers(ir, runs_late, l));
    gathered.map(|l| (l.from, l.output, !runs_late[l.to])).collect()
}

fn accumulators(node: usize, ir: &Ir, gathered: &Gathered) -> Vec<Accumulator> {
    let num_outputs = ir.nodes[node].spec.outputs.len();
    let outputs = gathered.range((node, 0, false)..=(node, usize::MAX, true));
    let accumulator = |(&(_, output, awaits_picture), slot)| Accumulator {
        output: narrow(output),
        slot: narrow(slot),
        awaits_picture,
    };
    outputs.zip(num_outputs..).map(accumulator).collect()
}

/// The slot of its source that a link reads: what was gathered, or the output itself.
fn slot(link: &Link, ir: &Ir, runs_late: &[bool], source: &Step) -> u32 {
    let output = narrow(link.output);
    let wanted = (output, !runs_late[link.to]);
    let accumulator = source.accumulators.iter().find(|a| (a.output, a.awaits_picture) == wanted);
    match accumulator {
        Some(accumulator) if gathers(ir, runs_late, link) => accumulator.slot,
        _ => output,
    }
}

fn sort_modulations(steps: &mut [Step]) {
    let ids: Vec<String> = steps.iter().map(|s| s.id.clone()).collect();
    for step in steps {
        step.modulations.sort_by(|a, b| {
            let key = |m: &Modulation| (m.param, ids[m.source.0 as usize].as_str(), m.source.1);
            key(a).cmp(&key(b))
        });
    }
}
