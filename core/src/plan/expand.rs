//! Pass 8: drops what reaches no sink and puts the conversions on their wires.

use super::{Ir, IrNode, Link, Target};
use crate::graph::Mode;
use crate::spec::Rate;
use crate::value::PortType;

/// Leaves only nodes that reach a sink, and replaces each link with a conversion by two links and
/// a node that runs as its consumer does; one that finds hits in a control of block rate runs at
/// blocks, so that no frame misses a short one, and so does one that makes rows for a node that wants
/// all of them. Its id is the wire's text without the depth, so that its
/// state outlasts a change of depth.
pub(super) fn insert_conversions(ir: &mut Ir) {
    let old = std::mem::take(ir);
    let mut nodes = Vec::new();
    let mut kept = vec![None; old.nodes.len()];
    for (place, node) in kept.iter_mut().zip(old.nodes) {
        if node.reaches_sink {
            *place = Some(nodes.len());
            nodes.push(node);
        }
    }
    let mut links = Vec::new();
    for link in old.links {
        let (Some(from), Some(to)) = (kept[link.from], kept[link.to]) else { continue };
        let link = Link { from, to, ..link };
        let Some(spec) = link.convert else {
            links.push(link);
            continue;
        };
        let middle = nodes.len();
        let finds_hits = spec.outputs.iter().any(|o| o.ty == PortType::Trigger);
        let makes_rows = spec.outputs.iter().any(|o| o.ty.is_fresh());
        let rate = match nodes[from].rate {
            Rate::Block if finds_hits || (makes_rows && nodes[to].keeps_state()) => Rate::Block,
            _ => nodes[to].rate,
        };
        let id = link.text.clone();
        let (mode, params) = (Mode::Active, Vec::new());
        nodes.push(IrNode { id, spec, mode, params, rate, reaches_sink: true });
        let target = Target::Input(0);
        links.push(Link { to: middle, target, convert: None, ..link.clone() });
        links.push(Link { from: middle, output: 0, convert: None, ..link });
    }
    *ir = Ir { nodes, links };
}
