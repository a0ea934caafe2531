//! From the document to what the engine runs.

use crate::clock::Clock;
use crate::node::Source;
use crate::param::ParamValue;
use crate::spec::{NodeSpec, Rate};

/// A compiled graph: steps in an order in which each finds its inputs ready. Only what reaches a
/// sink is in it, and the order depends on the document's content alone.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The clock of the patch.
    pub clock: Clock,
    /// The seed of the patch.
    pub seed: u64,
    /// All steps; other fields and sources are indices into this list.
    pub steps: Vec<Step>,
    /// Steps of block rate, delays excepted, in the order in which they run.
    pub block_order: Vec<u32>,
    /// Steps of frame rate, delays excepted, in the order in which they run.
    pub frame_order: Vec<u32>,
    /// Delays, of either rate.
    pub delays: Vec<u32>,
    /// Sinks.
    pub sinks: Vec<u32>,
}

/// One instance to run: a node of the document, or an implicit conversion on one of its wires.
#[derive(Debug, Clone)]
pub struct Step {
    /// The node's id, or the wire as the file writes it: state follows it from plan to plan.
    pub id: String,
    /// What it is.
    pub spec: &'static NodeSpec,
    /// When it runs: never `Inherit`.
    pub rate: Rate,
    /// Its parameters as the document sets them, resolved (see `Param::resolve`).
    pub params: Vec<ParamValue>,
    /// Where each of the spec's inputs reads.
    pub inputs: Vec<Source>,
    /// Controls wired to its parameters, in order of parameter, then of source id.
    pub modulations: Vec<Modulation>,
    /// Trigger outputs that a frame-rate step reads: the engine adds the hits of each block to the
    /// slot and clears the slot after each frame. Slots follow the spec's outputs.
    pub accumulators: Vec<Accumulator>,
    /// Whether later ticks depend on it: itself not pure, or upstream of one that is not (sinks
    /// apart). The others are skipped while state is rolled forward.
    pub keeps_state: bool,
}

/// A control that is added to a parameter: `param + source · depth`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Modulation {
    /// Index of the parameter.
    pub param: u32,
    /// Step and output of the control.
    pub source: (u32, u32),
    /// Factor.
    pub depth: f32,
}

/// A block-rate trigger that is counted for frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accumulator {
    /// The output that is counted.
    pub output: u32,
    /// Where the sum goes, counted among the step's outputs.
    pub slot: u32,
}

impl Step {
    /// Outputs and accumulators together.
    pub fn num_slots(&self) -> usize {
        self.spec.outputs.len() + self.accumulators.len()
    }
}
