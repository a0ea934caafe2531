//! Where a wire that was dropped on the empty canvas can end.

use lumawire_core::plan::convert::{Fit, fit};
use lumawire_core::{NodeSpec, PortType, Rate, Role, WireEnds};

/// A wire that was dropped on the empty canvas, with one end at a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireDrop {
    /// The node.
    pub node: String,
    /// Its output, input or parameter.
    pub port: String,
    /// Whether that is an output.
    pub is_output: bool,
    /// What it carries; a parameter takes a control.
    pub ty: PortType,
}

/// How well a wire's other end suits, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ease {
    /// The types are the same.
    Same,
    /// A conversion goes on the wire.
    Converted,
    /// It steers a parameter.
    Steers,
}

/// The port of a new node at which the wire ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Landing {
    pub ease: Ease,
    pub port: &'static str,
}

impl WireDrop {
    /// The first port of a new node of this kind that suits best; `None` where the kind does not
    /// suit. `own` is the description of the node that the wire has.
    pub(super) fn landing(
        &self,
        spec: &'static NodeSpec,
        own: Option<&NodeSpec>,
    ) -> Option<Landing> {
        let (from, to) = if self.is_output { (own, Some(spec)) } else { (Some(spec), own) };
        if from.zip(to).is_some_and(|(from, to)| is_too_slow(from, to)) {
            return None;
        }
        let ports = if self.is_output { spec.inputs } else { spec.outputs };
        let by_port = ports.iter().filter_map(|p| {
            let fit = if self.is_output { fit(self.ty, p.ty) } else { fit(p.ty, self.ty) };
            Some(Landing { ease: ease(fit)?, port: p.id })
        });
        let steers = self.is_output && ease(fit(self.ty, PortType::Control)).is_some();
        let params = spec.params.iter().filter(|p| steers && p.modulatable);
        let by_param = params.map(|p| Landing { ease: Ease::Steers, port: p.id });
        by_port.chain(by_param).min_by_key(|landing| landing.ease)
    }

    /// The whole wire, with a new node at its other end.
    pub(super) fn ends(&self, id: &str, port: &str) -> WireEnds {
        if self.is_output {
            WireEnds::new(&self.node, &self.port, id, port)
        } else {
            WireEnds::new(id, port, &self.node, &self.port)
        }
    }
}

fn ease(fit: Fit) -> Option<Ease> {
    match fit {
        Fit::Same => Some(Ease::Same),
        Fit::Via(_) => Some(Ease::Converted),
        Fit::No => None,
    }
}

/// Whether the one surely speaks only once a frame where the other listens every block.
fn is_too_slow(from: &NodeSpec, to: &NodeSpec) -> bool {
    (from.rate, to.rate) == (Rate::Frame, Rate::Block)
        && from.role != Role::Delay
        && to.role != Role::Delay
}
