//! Pass 3: takes out the nodes that do not run, and leads wires past the bypassed ones.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::convert::{Fit, fit};
use super::types::wanted_type;
use super::{Ir, IrNode, Link, Target};
use crate::graph::Mode;
use crate::spec::NodeSpec;

/// Node and output, by index.
type Output = (usize, usize);

/// The input whose value an output of a bypassed node passes on, by index: the first of its type,
/// or else the first that converts to it. None where there is no such input.
pub fn passed_input(spec: &NodeSpec, output: usize) -> Option<usize> {
    let wanted = spec.outputs.get(output)?.ty;
    let same = spec.inputs.iter().position(|p| p.ty == wanted);
    same.or_else(|| spec.inputs.iter().position(|p| !matches!(fit(p.ty, wanted), Fit::No)))
}

/// Leaves only nodes that run, and gives the others. A link from a bypassed node starts where what it passes on comes
/// from; it keeps its text, for it is that wire which ends there. One from a node that gives nothing
/// goes: its target reads `Empty`.
pub(super) fn lift(ir: &mut Ir) -> Vec<IrNode> {
    if ir.nodes.iter().all(|n| n.mode == Mode::Active) {
        return Vec::new();
    }
    let mut past = Past::new(ir);
    let links: Vec<Link> = ir.links.iter().filter_map(|link| past.lead(link)).collect();
    let mut kept = vec![None; ir.nodes.len()];
    let (mut nodes, mut off) = (Vec::new(), Vec::new());
    for (place, node) in kept.iter_mut().zip(std::mem::take(&mut ir.nodes)) {
        if node.mode == Mode::Active {
            *place = Some(nodes.len());
            nodes.push(node);
        } else {
            off.push(node);
        }
    }
    let renumber = |link: Link| Some(Link { from: kept[link.from]?, to: kept[link.to]?, ..link });
    *ir = Ir { nodes, links: links.into_iter().filter_map(renumber).collect() };
    off
}

/// Where what leaves the bypassed nodes comes from.
struct Past<'a> {
    ir: &'a Ir,
    /// What is wired to an input of a bypassed node.
    into: BTreeMap<(usize, usize), Output>,
    found: BTreeMap<Output, Option<Output>>,
}

impl<'a> Past<'a> {
    fn new(ir: &'a Ir) -> Self {
        let mut into = BTreeMap::new();
        for link in ir.links.iter().filter(|l| ir.nodes[l.to].mode == Mode::Bypassed) {
            if let Target::Input(input) = link.target {
                into.entry((link.to, input)).or_insert((link.from, link.output));
            }
        }
        Self { ir, into, found: BTreeMap::new() }
    }

    /// The link as it starts at a node that runs.
    fn lead(&mut self, link: &Link) -> Option<Link> {
        let (from, output) = self.source((link.from, link.output))?;
        let given = self.ir.nodes[from].spec.outputs[output].ty;
        let convert = match fit(given, wanted_type(self.ir.nodes[link.to].spec, link.target)) {
            Fit::Same => None,
            Fit::Via(spec) => Some(spec),
            // What converts in several steps converts in one: a test holds the table to it.
            Fit::No => return None,
        };
        Some(Link { from, output, convert, ..link.clone() })
    }

    /// The output of a running node whose value comes out at `start`.
    fn source(&mut self, start: Output) -> Option<Output> {
        let mut way = Vec::new();
        let mut at = Some(start);
        let source = loop {
            let Some((node, output)) = at else { break None };
            match self.ir.nodes[node].mode {
                Mode::Active => break at,
                Mode::Muted => break None,
                Mode::Bypassed => {}
            }
            if let Some(known) = self.found.get(&(node, output)) {
                break *known;
            }
            // A way that comes back here is a loop, which gives nothing.
            self.found.insert((node, output), None);
            way.push((node, output));
            let input = passed_input(self.ir.nodes[node].spec, output);
            at = input.and_then(|input| self.into.get(&(node, input)).copied());
        };
        self.found.extend(way.into_iter().map(|output| (output, source)));
        source
    }
}
