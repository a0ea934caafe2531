//! Pass 11: where each input reads, and the lists by rate.

use std::collections::BTreeSet;

use super::{Accumulator, Ir, Link, Modulation, Plan, Step, Target};
use crate::graph::Graph;
use crate::spec::{Rate, Role};
use crate::value::PortType;

/// The plan whose steps are the nodes of `order`.
pub(super) fn plan(graph: &Graph, ir: &Ir, order: &[usize], keeps_state: &[bool]) -> Plan {
    let mut place = vec![0_usize; ir.nodes.len()];
    for (step, &node) in order.iter().enumerate() {
        place[node] = step;
    }
    let gathered = gathered_outputs(ir);
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
            }
        })
        .collect();
    for link in &ir.links {
        let source = (narrow(place[link.from]), slot(link, ir, &steps[place[link.from]]));
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
fn gathers(ir: &Ir, link: &Link) -> bool {
    let (from, to) = (&ir.nodes[link.from], &ir.nodes[link.to]);
    let ty = from.spec.outputs[link.output].ty;
    let is_gathered = ty == PortType::Trigger || (ty.is_fresh() && to.keeps_state());
    is_gathered && (from.rate, to.rate) == (Rate::Block, Rate::Frame)
}

/// Node and output of all that is gathered.
fn gathered_outputs(ir: &Ir) -> BTreeSet<(usize, usize)> {
    ir.links.iter().filter(|l| gathers(ir, l)).map(|l| (l.from, l.output)).collect()
}

fn accumulators(node: usize, ir: &Ir, gathered: &BTreeSet<(usize, usize)>) -> Vec<Accumulator> {
    let num_outputs = ir.nodes[node].spec.outputs.len();
    let outputs = gathered.range((node, 0)..=(node, usize::MAX)).map(|(_, output)| *output);
    let slots = num_outputs..;
    outputs.zip(slots).map(|(o, s)| Accumulator { output: narrow(o), slot: narrow(s) }).collect()
}

/// The slot of its source that a link reads: what was gathered, or the output itself.
fn slot(link: &Link, ir: &Ir, source: &Step) -> u32 {
    let output = narrow(link.output);
    let accumulator = source.accumulators.iter().find(|a| a.output == output);
    match accumulator {
        Some(accumulator) if gathers(ir, link) => accumulator.slot,
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
