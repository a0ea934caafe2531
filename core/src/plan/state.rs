//! Pass 10: on what later ticks depend.

use super::Ir;
use crate::spec::{Rate, Role};
use crate::value::PortType;

/// For each node, whether later ticks depend on it: it keeps state, or is upstream of one that does
/// (through its inputs, its modulations and what a delay takes). That a sink reads it does not count.
pub(super) fn keeps_state(ir: &Ir) -> Vec<bool> {
    let upstream = ir.neighbours(|l| Some((l.to, l.from)));
    ir.flood((0..ir.nodes.len()).filter(|&n| keeps(ir, n)), &upstream)
}

/// For each node, whether it runs at frames that are too late to be drawn: as [`keeps_state`], but for
/// what makes a picture and what follows from pictures at frame rate.
pub(super) fn runs_late(ir: &Ir) -> Vec<bool> {
    let at_frames = |n: usize| ir.nodes[n].rate == Rate::Frame;
    let makes_picture = |n: &usize| {
        at_frames(*n) && ir.nodes[*n].spec.outputs.iter().any(|o| o.ty == PortType::Image)
    };
    let downstream =
        ir.neighbours(|l| (at_frames(l.from) && at_frames(l.to)).then_some((l.from, l.to)));
    let shown = ir.flood((0..ir.nodes.len()).filter(makes_picture), &downstream);
    let upstream = ir.neighbours(|l| (!shown[l.from]).then_some((l.to, l.from)));
    ir.flood((0..ir.nodes.len()).filter(|&n| keeps(ir, n) && !shown[n]), &upstream)
}

fn keeps(ir: &Ir, node: usize) -> bool {
    matches!(ir.nodes[node].spec.role, Role::Stateful | Role::Source | Role::Delay)
}
