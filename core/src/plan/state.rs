//! Pass 10: on what later ticks depend.

use super::Ir;
use crate::spec::Role;

/// For each node, whether later ticks depend on it: it keeps state, or is upstream of one that does
/// (through its inputs, its modulations and what a delay takes). That a sink reads it does not count.
pub(super) fn keeps_state(ir: &Ir) -> Vec<bool> {
    let keeps =
        |n: &usize| matches!(ir.nodes[*n].spec.role, Role::Stateful | Role::Source | Role::Delay);
    let upstream = ir.neighbours(|l| Some((l.to, l.from)));
    ir.flood((0..ir.nodes.len()).filter(keeps), &upstream)
}
