//! From the document to what the engine runs: one file a pass, in the order of `compile`.

mod align;
pub mod convert;
mod expand;
mod fault;
mod modes;
mod order;
mod rates;
mod reach;
mod required;
mod resolve;
mod slots;
mod state;
#[cfg(test)]
mod tests;
mod types;
mod waiting;
mod whole;

pub use align::align;
pub use fault::Fault;
pub use modes::passed_input;
pub use waiting::{Waiting, waiting};
pub use whole::compile_whole;

use crate::clock::Clock;
use crate::graph::{Graph, Mode};
use crate::node::Source;
use crate::param::ParamValue;
use crate::spec::{NodeSpec, Rate, Registry, Role};
use crate::value::PortType;

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
    /// Blocks by which the sound runs ahead of the frames: 0 unless the plan is aligned.
    pub lead_blocks: u64,
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
    /// Outputs of hits, samples and rows that a frame-rate step reads: the engine gathers what each
    /// block brings in the slot and empties it after each frame ([`Value::gather`]). Slots follow the
    /// spec's outputs.
    ///
    /// [`Value::gather`]: crate::Value::gather
    pub accumulators: Vec<Accumulator>,
    /// Whether later ticks depend on it: itself not pure, or upstream of one that is not (sinks
    /// apart). The others are skipped while state is rolled forward.
    pub keeps_state: bool,
    /// Whether it runs at a frame of a show that is too late to be drawn: later ticks depend on it, and
    /// neither it nor what it reads needs a picture. The others run again with the next picture.
    pub runs_late: bool,
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

/// An output that is gathered for frames: one of block rate, or hits of frame rate for what does not
/// run at every frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accumulator {
    /// The output that is gathered.
    pub output: u32,
    /// Where it is gathered, counted among the step's outputs.
    pub slot: u32,
    /// Whether it is for steps that run at frames that are drawn alone ([`Step::runs_late`]): it is
    /// emptied after such a frame, others after every frame.
    pub awaits_picture: bool,
}

impl Plan {
    /// The sinks that make a picture, which is their first output; others tell something else.
    pub fn picture_sinks(&self) -> impl Iterator<Item = u32> + '_ {
        let makes_picture = |i: &u32| {
            let first = self.steps.get(*i as usize).and_then(|step| step.spec.outputs.first());
            first.is_some_and(|port| port.ty == PortType::Image)
        };
        self.sinks.iter().copied().filter(makes_picture)
    }
}

impl Step {
    /// Outputs and accumulators together.
    pub fn num_slots(&self) -> usize {
        self.spec.outputs.len() + self.accumulators.len()
    }
}

/// Compiles a document, or reports everything that is wrong with it, parts that reach no sink
/// included.
pub fn compile(graph: &Graph, registry: &Registry) -> Result<Plan, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut ir = resolve::resolve(graph, registry, &mut faults);
    types::link(graph, registry, &mut ir, &mut faults);
    let off = modes::lift(&mut ir);
    required::check(graph, &ir, &mut faults);
    rates::assign(&mut ir, registry, &mut faults);
    order::find_loops(&ir, registry, &mut faults);
    reach::mark(&mut ir, graph, &off, registry, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    expand::insert_conversions(&mut ir);
    let order = order::order(&ir);
    let (keeps, late) = (state::keeps_state(&ir), state::runs_late(&ir));
    Ok(slots::plan(graph, &ir, &order, &keeps, &late))
}

/// What the passes work on: the nodes whose kind is known and the wires that fit.
#[derive(Debug, Default)]
struct Ir {
    /// In order of id.
    nodes: Vec<IrNode>,
    /// In order of the wires' text.
    links: Vec<Link>,
}

#[derive(Debug)]
struct IrNode {
    id: String,
    spec: &'static NodeSpec,
    mode: Mode,
    params: Vec<ParamValue>,
    rate: Rate,
    reaches_sink: bool,
}

impl IrNode {
    /// Whether it may keep what it sees from tick to tick.
    fn keeps_state(&self) -> bool {
        matches!(self.spec.role, Role::Stateful | Role::Delay)
    }
}

/// A wire, by indices into `Ir::nodes` and into the specs' ports.
#[derive(Debug, Clone)]
struct Link {
    text: String,
    from: usize,
    output: usize,
    to: usize,
    target: Target,
    convert: Option<&'static NodeSpec>,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Input(usize),
    Param { index: usize, depth: f32 },
}

impl Ir {
    /// Index of the node with this id.
    fn find(&self, id: &str) -> Option<usize> {
        self.nodes.binary_search_by(|n| n.id.as_str().cmp(id)).ok()
    }

    fn is_delay(&self, node: usize) -> bool {
        self.nodes[node].spec.role == Role::Delay
    }

    /// For each node, what `pick` gives of each link: its neighbours upstream or downstream.
    fn neighbours(&self, pick: impl Fn(&Link) -> Option<(usize, usize)>) -> Vec<Vec<usize>> {
        let mut lists = vec![Vec::new(); self.nodes.len()];
        for (node, neighbour) in self.links.iter().filter_map(pick) {
            lists[node].push(neighbour);
        }
        lists
    }

    /// Marks `seeds` and all that follows from them along `next`.
    fn flood(&self, seeds: impl Iterator<Item = usize>, next: &[Vec<usize>]) -> Vec<bool> {
        let mut marked = vec![false; self.nodes.len()];
        let mut stack: Vec<usize> = seeds.collect();
        while let Some(node) = stack.pop() {
            if !std::mem::replace(&mut marked[node], true) {
                stack.extend(&next[node]);
            }
        }
        marked
    }
}

/// The kinds that play a role, for the help of a fault.
fn kinds_of_role(registry: &Registry, role: Role) -> Vec<String> {
    registry.iter().filter(|s| s.role == role).map(|s| s.kind.to_owned()).collect()
}
