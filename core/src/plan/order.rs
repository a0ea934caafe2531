//! Passes 6 and 9: loops without a delay, and the order in which the steps run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

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
    let mut stuck = Stuck::new(ir);
    // Nodes are in order of id here, so that the first has the smallest id.
    while let Some(&start) = stuck.nodes.first() {
        let mut nodes = stuck.walk_loop(start);
        stuck.remove(nodes.clone());
        let first = nodes.iter().enumerate().min_by_key(|(_, n)| **n).map_or(0, |(i, _)| i);
        nodes.rotate_left(first);
        faults.push(Fault::Cycle {
            nodes: nodes.into_iter().map(|n| ir.nodes[n].id.clone()).collect(),
            delays: kinds_of_role(registry, Role::Delay),
        });
    }
}

/// The nodes on loops and between loops: each has a source and a target among them.
struct Stuck {
    nodes: BTreeSet<usize>,
    /// All sources and all targets of each node.
    neighbours: [Vec<Vec<usize>>; 2],
    /// How many of them are still among `nodes`.
    num_left: [Vec<usize>; 2],
}

impl Stuck {
    fn new(ir: &Ir) -> Self {
        let sources = ir.neighbours(|l| waits(ir, l).then_some((l.to, l.from)));
        let targets = ir.neighbours(|l| waits(ir, l).then_some((l.from, l.to)));
        let neighbours = [sources, targets];
        let num_left = neighbours.each_ref().map(|lists| lists.iter().map(Vec::len).collect());
        let mut stuck = Self { nodes: (0..ir.nodes.len()).collect(), neighbours, num_left };
        let is_end = |n: &usize| stuck.num_left.iter().any(|left| left[*n] == 0);
        let ends = stuck.nodes.iter().copied().filter(is_end).collect();
        stuck.remove(ends);
        stuck
    }

    /// Removes nodes, and those that are then left without a source or a target.
    fn remove(&mut self, mut nodes: Vec<usize>) {
        while let Some(node) = nodes.pop() {
            if !self.nodes.remove(&node) {
                continue;
            }
            // A node is a target of its sources, and a source of its targets.
            for (side, other) in [(0, 1), (1, 0)] {
                for &neighbour in &self.neighbours[side][node] {
                    let left = &mut self.num_left[other][neighbour];
                    *left -= 1;
                    if *left == 0 {
                        nodes.push(neighbour);
                    }
                }
            }
        }
    }

    /// Follows the first target from `start` until a node comes again.
    fn walk_loop(&self, start: usize) -> Vec<usize> {
        let mut path = vec![start];
        let mut place = BTreeMap::from([(start, 0)]);
        let mut node = start;
        loop {
            let targets = self.neighbours[1][node].iter().copied();
            // Every node here has a target here.
            let Some(next) = targets.filter(|n| self.nodes.contains(n)).min() else {
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
}
