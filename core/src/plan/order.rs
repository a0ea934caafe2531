//! Passes 5 and 8: loops without a delay, and the order in which the steps run.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::{Fault, Ir, Link, kinds_of_role};
use crate::spec::{Registry, Role};

/// A link whose source must have run first: what a delay gives is there already.
fn waits(ir: &Ir, link: &Link) -> bool {
    !ir.is_delay(link.from)
}

/// All nodes in an order in which each finds its inputs ready; among several that are ready, the
/// first by id. Nodes in a loop, and after one, are missing.
pub(super) fn order(ir: &Ir) -> Vec<usize> {
    let downstream = ir.neighbours(|l| waits(ir, l).then_some((l.from, l.to)));
    let mut num_waits = vec![0_usize; ir.nodes.len()];
    for &to in downstream.iter().flatten() {
        num_waits[to] += 1;
    }
    let id = |n: usize| ir.nodes[n].id.as_str();
    let mut ready: BinaryHeap<Reverse<(&str, usize)>> =
        (0..ir.nodes.len()).filter(|&n| num_waits[n] == 0).map(|n| Reverse((id(n), n))).collect();
    let mut order = Vec::with_capacity(ir.nodes.len());
    while let Some(Reverse((_, node))) = ready.pop() {
        order.push(node);
        for &to in &downstream[node] {
            num_waits[to] -= 1;
            if num_waits[to] == 0 {
                ready.push(Reverse((id(to), to)));
            }
        }
    }
    order
}

/// Reports loops without a delay, such that no two reports share a node and that every loop has a
/// node in one of them.
pub(super) fn find_loops(ir: &Ir, registry: &Registry, faults: &mut Vec<Fault>) {
    let downstream = ir.neighbours(|l| waits(ir, l).then_some((l.from, l.to)));
    let upstream = ir.neighbours(|l| waits(ir, l).then_some((l.to, l.from)));
    let ordered: BTreeSet<usize> = order(ir).into_iter().collect();
    let mut stuck: BTreeSet<usize> = (0..ir.nodes.len()).filter(|n| !ordered.contains(n)).collect();
    trim(&mut stuck, ir.nodes.len(), &upstream, &downstream);
    // Nodes are in order of id here, so that the first is the smallest id.
    while let Some(&start) = stuck.first() {
        let mut nodes = walk_loop(start, &stuck, &downstream);
        for node in &nodes {
            stuck.remove(node);
        }
        trim(&mut stuck, ir.nodes.len(), &upstream, &downstream);
        let first = nodes.iter().enumerate().min_by_key(|(_, n)| **n).map_or(0, |(i, _)| i);
        nodes.rotate_left(first);
        faults.push(Fault::Cycle {
            nodes: nodes.into_iter().map(|n| ir.nodes[n].id.clone()).collect(),
            delays: kinds_of_role(registry, Role::Delay),
        });
    }
}

/// Leaves only nodes that have both a source and a target in `stuck`: those on loops and between.
fn trim(stuck: &mut BTreeSet<usize>, len: usize, up: &[Vec<usize>], down: &[Vec<usize>]) {
    for (back, forth) in [(up, down), (down, up)] {
        let mut left = vec![0_usize; len];
        for &n in stuck.iter() {
            left[n] = back[n].iter().filter(|m| stuck.contains(m)).count();
        }
        let mut free: Vec<usize> = stuck.iter().copied().filter(|&n| left[n] == 0).collect();
        while let Some(node) = free.pop() {
            stuck.remove(&node);
            for &next in forth[node].iter().filter(|m| stuck.contains(m)) {
                left[next] -= 1;
                if left[next] == 0 {
                    free.push(next);
                }
            }
        }
    }
}

/// Follows the first target within `stuck` from `start` until a node comes again.
fn walk_loop(start: usize, stuck: &BTreeSet<usize>, down: &[Vec<usize>]) -> Vec<usize> {
    let mut path = vec![start];
    let mut place = std::collections::BTreeMap::from([(start, 0)]);
    let mut node = start;
    loop {
        // Every node of a trimmed set has a target in it.
        let Some(next) = down[node].iter().copied().filter(|n| stuck.contains(n)).min() else {
            return path;
        };
        if let Some(&at) = place.get(&next) {
            return path.split_off(at);
        }
        place.insert(next, path.len());
        path.push(next);
        node = next;
    }
}
