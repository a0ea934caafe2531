//! What fits what, and the edits that lay wires.

use lumawire_core::plan::convert::{Fit, fit};
use lumawire_core::{Domain, Edit, Graph, NodeSpec, Param, PortType, WireEnds};

use super::scene::spoken;
use crate::cx::Cx;
use crate::document::Document;

/// A port that a wire hangs on while its other end is dragged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The node.
    pub node: String,
    /// The output, input or parameter.
    pub port: String,
    /// Whether it is an output.
    pub is_output: bool,
    /// What it carries; `None` where nobody knows.
    pub ty: Option<PortType>,
}

/// A port that a dragged wire may end at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The port.
    pub port: String,
    /// What it is called.
    pub label: String,
    /// What it says of itself.
    pub doc: &'static str,
    /// Whether it is a parameter.
    pub is_param: bool,
    /// Whether a wire ends there already.
    pub is_taken: bool,
}

/// Whether an output may be wired to an input, as far as their types tell.
pub fn types_fit(output: Option<PortType>, input: Option<PortType>) -> bool {
    output.zip(input).is_some_and(|(from, to)| !matches!(fit(from, to), Fit::No))
}

/// Whether a dragged wire may end at this port.
pub fn accepts(end: &End, node: &str, port: &str, is_output: bool, ty: Option<PortType>) -> bool {
    let is_itself = end.node == node && end.port == port;
    let fits = if end.is_output { types_fit(end.ty, ty) } else { types_fit(ty, end.ty) };
    end.is_output != is_output && !is_itself && fits
}

/// The ports of a node where a dragged wire may end: inputs or outputs, then parameters.
pub fn candidates(graph: &Graph, spec: &'static NodeSpec, node: &str, end: &End) -> Vec<Candidate> {
    let is_output = !end.is_output;
    let is_taken = |port: &str| {
        !is_output && graph.wires_of(node).any(|w| w.ends.to == node && w.ends.port == port)
    };
    let ports = if is_output { spec.outputs } else { spec.inputs };
    let fitting = ports.iter().filter(|p| accepts(end, node, p.id, is_output, Some(p.ty)));
    let mut list: Vec<Candidate> = fitting
        .map(|p| Candidate {
            port: p.id.to_owned(),
            label: spoken(p.id),
            doc: p.doc,
            is_param: false,
            is_taken: is_taken(p.id),
        })
        .collect();
    let takes_params = end.is_output && types_fit(end.ty, Some(PortType::Control));
    let params = spec.params.iter().filter(|p| takes_params && p.modulatable);
    list.extend(params.map(|p| Candidate {
        port: p.id.to_owned(),
        label: p.label.to_owned(),
        doc: p.doc,
        is_param: true,
        is_taken: is_taken(p.id),
    }));
    list
}

/// The wire between a dragged end and a port.
pub fn ends(end: &End, node: &str, port: &str) -> WireEnds {
    if end.is_output {
        WireEnds::new(&end.node, &end.port, node, port)
    } else {
        WireEnds::new(node, port, &end.node, &end.port)
    }
}

/// The depth that a new wire to a parameter has: a control of 0..1 moves it by half of its slider.
pub fn depth_for(param: &Param) -> f32 {
    let half = match param.domain {
        Domain::Float { soft, .. } => (soft.1 - soft.0) * 0.5,
        Domain::Int { soft, .. } => (soft.1 - soft.0) as f32 * 0.5,
        _ => return 1.0,
    };
    // Two digits: nobody wants to read more.
    let unit = 10_f32.powf(half.abs().max(1e-6).log10().floor() - 1.0);
    let rounded = (half / unit).round() * unit;
    if rounded.is_finite() && rounded != 0.0 { rounded } else { 1.0 }
}

/// The depth of a new wire.
pub fn depth_of(document: &Document, ends: &WireEnds) -> f32 {
    let spec = crate::cx::spec_of(document, &ends.to);
    let Some(spec) = spec.filter(|spec| spec.input(&ends.port).is_none()) else { return 1.0 };
    spec.params.iter().find(|p| p.id == ends.port).map_or(1.0, depth_for)
}

/// Lays a wire, in place of the one that was taken off an input to become it.
pub fn connect(cx: &mut Cx<'_>, ends: WireEnds, in_place_of: Option<WireEnds>) {
    if in_place_of.as_ref() == Some(&ends) {
        return;
    }
    let old = in_place_of.as_ref().and_then(|old| cx.document.graph().wire(old));
    let depth = match old {
        Some(old) if old.depth != 1.0 => old.depth,
        _ => depth_of(cx.document, &ends),
    };
    let lay = Edit::Connect { ends: ends.clone(), depth };
    let edit = match in_place_of.filter(|old| cx.document.graph().wire(old).is_some()) {
        Some(old) => Edit::Batch(vec![Edit::Disconnect { ends: old }, lay]),
        None => lay,
    };
    cx.edit(edit, format!("wire {} to {}", spoken(&ends.output), spoken(&ends.port)));
}

/// Wires that take the place of a node that goes: from what came into its first input of a type to
/// what its outputs of that type went to.
pub fn heal(document: &Document, node: &str) -> Vec<Edit> {
    let graph = document.graph();
    let Some(spec) = crate::cx::spec_of(document, node) else { return Vec::new() };
    let mut edits = Vec::new();
    for wire in graph.wires_of(node).filter(|w| w.ends.from == node && w.ends.to != node) {
        let output = spec.outputs.iter().find(|p| p.id == wire.ends.output);
        let input = output.and_then(|o| spec.inputs.iter().find(|i| i.ty == o.ty));
        let Some(input) = input else { continue };
        let source = graph
            .wires_of(node)
            .find(|w| w.ends.to == node && w.ends.port == input.id && w.ends.from != node);
        if let Some(source) = source {
            let (from, to) = (&source.ends, &wire.ends);
            let ends = WireEnds::new(&from.from, &from.output, &to.to, &to.port);
            edits.push(Edit::Connect { ends, depth: wire.depth });
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_modulation_moves_half_of_the_slider() {
        let param = |soft| Param::float("x", "X", 0.0, soft);
        assert_eq!(depth_for(&param((0.0, 1.0))), 0.5);
        assert_eq!(depth_for(&param((-3.0, 3.0))), 3.0);
        assert!((depth_for(&param((20.0, 20_000.0))) - 10_000.0).abs() < 1.0);
        assert_eq!(depth_for(&Param::switch("x", "X", false)), 1.0);
    }

    #[test]
    fn a_wire_fits_the_other_side_only() {
        let end =
            |is_output, ty| End { node: "a".into(), port: "p".into(), is_output, ty: Some(ty) };
        let output = end(true, PortType::Control);
        assert!(accepts(&output, "b", "q", false, Some(PortType::Control)));
        assert!(accepts(&output, "b", "q", false, Some(PortType::Trigger)), "by a conversion");
        assert!(!accepts(&output, "b", "q", true, Some(PortType::Control)), "output to output");
        assert!(!accepts(&output, "b", "q", false, Some(PortType::Image)));
        let input = end(false, PortType::Bands);
        assert!(accepts(&input, "b", "q", true, Some(PortType::Spectrum)));
        assert!(!accepts(&end(false, PortType::Spectrum), "b", "q", true, Some(PortType::Bands)));
    }
}
