//! Pass 5: which nodes run at blocks and which at frames.

use super::{Fault, Ir, Link, Target, kinds_of_role};
use crate::spec::{Rate, Registry, Role};

/// Settles `Inherit`: a node runs at frames if anything that it reads does, else at blocks; a sink
/// runs at frames. What a delay gives does not count, or a loop would settle nothing; a delay runs
/// as the sources of its inputs. Then reports wires from frames into blocks.
pub(super) fn assign(ir: &mut Ir, registry: &Registry, faults: &mut Vec<Fault>) {
    for node in &mut ir.nodes {
        node.rate = match (node.spec.rate, node.spec.role) {
            (Rate::Frame, _) | (Rate::Inherit, Role::Sink) => Rate::Frame,
            (Rate::Block | Rate::Inherit, _) => Rate::Block,
        };
    }
    let spreads = |l: &Link| spreads(ir, l).then_some((l.from, l.to));
    let downstream = ir.neighbours(spreads);
    let frames = (0..ir.nodes.len()).filter(|&n| ir.nodes[n].rate == Rate::Frame);
    let reached = ir.flood(frames, &downstream);
    for (node, reached) in ir.nodes.iter_mut().zip(reached) {
        if reached {
            node.rate = Rate::Frame;
        }
    }
    faults.extend(ir.links.iter().filter(|l| enters_blocks(ir, l)).map(|l| fault(ir, l, registry)));
}

/// Whether the rate of the link's source becomes the rate of its target.
fn spreads(ir: &Ir, link: &Link) -> bool {
    let inherits = ir.nodes[link.to].spec.rate == Rate::Inherit;
    let counts = if ir.is_delay(link.to) {
        matches!(link.target, Target::Input(_))
    } else {
        !ir.is_delay(link.from)
    };
    inherits && counts
}

fn enters_blocks(ir: &Ir, link: &Link) -> bool {
    let rates = (ir.nodes[link.from].rate, ir.nodes[link.to].rate);
    rates == (Rate::Frame, Rate::Block) && !ir.is_delay(link.from) && !ir.is_delay(link.to)
}

fn fault(ir: &Ir, link: &Link, registry: &Registry) -> Fault {
    let to = &ir.nodes[link.to];
    let port = match link.target {
        Target::Input(i) => to.spec.inputs[i].id,
        Target::Param { index, .. } => to.spec.params[index].id,
    };
    Fault::FrameIntoBlock {
        node: to.id.clone(),
        port: port.to_owned(),
        source_node: ir.nodes[link.from].id.clone(),
        wire: link.text.clone(),
        delays: kinds_of_role(registry, Role::Delay),
    }
}
