//! Alignment: what is early waits for what is late, so that all that meets in a node, and in a
//! frame, tells of the same moment of the sound. For runs that look ahead: the stage has no time to
//! wait.

use std::collections::{BTreeMap, VecDeque};

use super::{Accumulator, Plan, Step};
use crate::error::NodeError;
use crate::node::{Io, Node, PrepareCx, Source, Timing};
use crate::param::ParamValue;
use crate::spec::{NodeSpec, Param, Port, Rate, Role, Unit};
use crate::value::{PortType, Value};

/// Longest wait: ten minutes of blocks at the highest rates.
const MAX_BLOCKS: i64 = 1 << 20;

const NUM_BLOCKS: Param = Param::int("num_blocks", "Blocks", 0, (0, 1000))
    .hard_int(0, MAX_BLOCKS)
    .unit(Unit::None)
    .rebuild()
    .doc("Blocks to wait.");

/// Puts waiting steps on the plan's wires of block rate and sets its lead. `timing` says how late
/// each step is, given the timings of what it reads. Steps keep their indices; new ones come after.
///
/// Lags add up along the wires; where several meet, the longest counts. A wire that closes a loop
/// adds nothing and waits for nothing.
pub fn align(plan: &mut Plan, timing: impl Fn(usize, &[Timing]) -> Timing) {
    let lags = Lags::of(plan, &timing);
    plan.lead_blocks = lags.of_frames(plan);
    let mut waits = Waits::default();
    for reader in 0..plan.steps.len() {
        let wanted = match plan.steps[reader].rate {
            Rate::Frame => plan.lead_blocks,
            _ => lags.arrival_blocks(reader),
        };
        for wire in 0..plan.steps[reader].num_wires() {
            let Some(source) = plan.steps[reader].wire(wire) else { continue };
            if !lags.counts(plan, source, reader) {
                continue;
            }
            let missing = wanted.saturating_sub(lags.blocks(source.0 as usize));
            if missing > 0 {
                let late = waits.step(plan, source, missing);
                plan.steps[reader].rewire(wire, late);
            }
        }
    }
    waits.schedule(plan);
}

impl Step {
    fn num_wires(&self) -> usize {
        self.inputs.len() + self.modulations.len()
    }

    /// Where wire `i` comes from: inputs first, then modulations.
    fn wire(&self, i: usize) -> Source {
        match i.checked_sub(self.inputs.len()) {
            None => self.inputs[i],
            Some(m) => Some(self.modulations[m].source),
        }
    }

    fn rewire(&mut self, i: usize, source: (u32, u32)) {
        match i.checked_sub(self.inputs.len()) {
            None => self.inputs[i] = Some(source),
            Some(m) => self.modulations[m].source = source,
        }
    }
}

/// How far behind the sound each step's outputs are, in samples.
struct Lags {
    block_len: u64,
    /// What the inputs wait for, and what the outputs have, step by step; `None` on a loop.
    lags: Vec<Option<(u64, u64)>>,
}

impl Lags {
    fn of(plan: &Plan, timing: &impl Fn(usize, &[Timing]) -> Timing) -> Self {
        let mut search = Search {
            plan,
            timing,
            found: vec![None; plan.steps.len()],
            open: vec![false; plan.steps.len()],
        };
        for step in 0..plan.steps.len() {
            search.visit(step);
        }
        let lags = search.found.iter().map(|f| f.map(|f| (f.arrival, f.lag))).collect();
        Self { block_len: plan.clock.block_len.max(1) as u64, lags }
    }

    fn in_blocks(&self, samples: u64) -> u64 {
        (samples + self.block_len / 2) / self.block_len
    }

    fn blocks(&self, step: usize) -> u64 {
        self.lags[step].map_or(0, |(_, lag)| self.in_blocks(lag))
    }

    fn arrival_blocks(&self, step: usize) -> u64 {
        self.lags[step].map_or(0, |(arrival, _)| self.in_blocks(arrival))
    }

    /// Whether a wire may wait: it comes from a step of block rate, and does not close a loop (then
    /// the reader would be behind what it reads only by going round).
    fn counts(&self, plan: &Plan, source: (u32, u32), reader: usize) -> bool {
        let from = &plan.steps[source.0 as usize];
        let closes_loop = from.spec.role == Role::Delay
            && plan.steps[reader].rate == Rate::Block
            && reaches(plan, reader, source.0 as usize);
        from.rate == Rate::Block && !closes_loop
    }

    /// The longest lag that a frame meets, in blocks.
    fn of_frames(&self, plan: &Plan) -> u64 {
        let frames = plan.steps.iter().filter(|s| s.rate == Rate::Frame);
        let wires = frames.flat_map(|s| (0..s.num_wires()).filter_map(|w| s.wire(w)));
        let from_blocks =
            wires.map(|w| w.0 as usize).filter(|&s| plan.steps[s].rate == Rate::Block);
        from_blocks.map(|s| self.blocks(s)).max().unwrap_or(0)
    }
}

/// Whether anything leads from step `from` to step `to`.
fn reaches(plan: &Plan, from: usize, to: usize) -> bool {
    let mut seen = vec![false; plan.steps.len()];
    let mut stack = vec![to];
    while let Some(step) = stack.pop() {
        if step == from {
            return true;
        }
        if std::mem::replace(&mut seen[step], true) {
            continue;
        }
        let wires = (0..plan.steps[step].num_wires()).filter_map(|w| plan.steps[step].wire(w));
        stack.extend(wires.map(|(source, _)| source as usize));
    }
    false
}

#[derive(Clone, Copy)]
struct Found {
    arrival: u64,
    lag: u64,
    timing: Timing,
}

/// A walk upstream from every step; a step that is met again on its own path closes a loop.
struct Search<'a, F> {
    plan: &'a Plan,
    timing: &'a F,
    found: Vec<Option<Found>>,
    open: Vec<bool>,
}

impl<F: Fn(usize, &[Timing]) -> Timing> Search<'_, F> {
    fn visit(&mut self, start: usize) {
        // By hand: a patch may be deeper than a thread's stack.
        let mut path = vec![(start, 0)];
        while let Some((step, next)) = path.pop() {
            if self.found[step].is_some() {
                continue;
            }
            self.open[step] = true;
            let upstream = (next..self.plan.steps[step].num_wires()).find_map(|w| {
                let (source, _) = self.plan.steps[step].wire(w)?;
                let source = source as usize;
                (self.found[source].is_none() && !self.open[source]).then_some((w, source))
            });
            match upstream {
                Some((w, source)) => path.extend([(step, w + 1), (source, 0)]),
                None => {
                    self.found[step] = Some(self.settle(step));
                    self.open[step] = false;
                }
            }
        }
    }

    fn settle(&self, step: usize) -> Found {
        let this = &self.plan.steps[step];
        let of = |source: Source| source.and_then(|(s, _)| self.found[s as usize]);
        let wires = (0..this.num_wires()).filter_map(|w| of(this.wire(w)));
        let arrival = wires.map(|f| f.lag).max().unwrap_or(0);
        let inputs: Vec<Timing> =
            this.inputs.iter().map(|&i| of(i).map_or_else(Timing::default, |f| f.timing)).collect();
        if this.rate == Rate::Frame {
            // A frame's own time is that of the sound: the lead takes up all lag before it.
            return Found { arrival: 0, lag: 0, timing: Timing::default() };
        }
        let timing = (self.timing)(step, &inputs);
        Found { arrival, lag: arrival.saturating_add(timing.latency_samples), timing }
    }
}

/// The waiting steps, one for each output and wait.
#[derive(Default)]
struct Waits {
    by_output: BTreeMap<(u32, u32, u64), u32>,
}

impl Waits {
    /// Where `source` can be read `num_blocks` later.
    fn step(&mut self, plan: &mut Plan, source: (u32, u32), num_blocks: u64) -> (u32, u32) {
        let from = &plan.steps[source.0 as usize];
        let num_outputs = from.spec.outputs.len();
        let counted = from.accumulators.iter().find(|a| a.slot == source.1);
        let output = counted.map_or(source.1, |a| a.output);
        let awaits_picture = counted.is_some_and(|a| a.awaits_picture);
        let is_count = source.1 as usize >= num_outputs;
        let key = (source.0, output, num_blocks);
        let next = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
        let waiting = *self.by_output.entry(key).or_insert(next);
        if waiting == next {
            plan.steps.push(wait(&plan.steps[source.0 as usize], (source.0, output), num_blocks));
        }
        if !is_count {
            return (waiting, 0);
        }
        // Its own count for the frames, in place of the one that comes too early.
        let step = &mut plan.steps[waiting as usize];
        let counts = &mut step.accumulators;
        let found = counts.iter().find(|a| a.awaits_picture == awaits_picture).map(|a| a.slot);
        let slot = found.unwrap_or_else(|| {
            let slot = 1 + u32::try_from(counts.len()).unwrap_or(0);
            counts.push(Accumulator { output: 0, slot, awaits_picture });
            slot
        });
        (waiting, slot)
    }

    /// Puts each waiting step right after what it reads; what reads a delay comes first, since
    /// delays have spoken before the tick.
    fn schedule(&self, plan: &mut Plan) {
        let mut after: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut first = Vec::new();
        for (&(source, ..), &waiting) in &self.by_output {
            if plan.delays.contains(&source) {
                first.push(waiting);
            } else {
                after.entry(source).or_default().push(waiting);
            }
        }
        let order = std::mem::take(&mut plan.block_order);
        let with_waits =
            |i: u32| std::iter::once(i).chain(after.get(&i).into_iter().flatten().copied());
        plan.block_order =
            first.into_iter().chain(order.into_iter().flat_map(with_waits)).collect();
    }
}

fn wait(from: &Step, source: (u32, u32), num_blocks: u64) -> Step {
    let port = &from.spec.outputs[source.1 as usize];
    let num_blocks = i64::try_from(num_blocks).unwrap_or(MAX_BLOCKS).min(MAX_BLOCKS);
    Step {
        id: format!("{}.{} waits {num_blocks}", from.id, port.id),
        spec: spec_of(port.ty),
        rate: Rate::Block,
        params: vec![ParamValue::Int(num_blocks)],
        inputs: vec![Some(source)],
        modulations: Vec::new(),
        accumulators: Vec::new(),
        keeps_state: true,
        runs_late: true,
    }
}

macro_rules! waiting_specs {
    ($($ty:ident),*) => {
        /// The waiting step of a type.
        fn spec_of(ty: PortType) -> &'static NodeSpec {
            match ty {
                $(PortType::$ty => {
                    static SPEC: NodeSpec = NodeSpec {
                        kind: "align.wait",
                        version: 1,
                        label: "Wait",
                        doc: "Gives what came some blocks ago; nothing before the first.",
                        rate: Rate::Block,
                        role: Role::Stateful,
                        inputs: &[Port::required("in", PortType::$ty, "What waits.")],
                        outputs: &[Port::output("out", PortType::$ty, "What came then.")],
                        params: &[NUM_BLOCKS],
                        build: || Box::<Wait>::default(),
                    };
                    &SPEC
                })*
            }
        }
    };
}

waiting_specs!(
    Audio, Spectrum, Bands, Chroma, Control, Trigger, Latent, LatentBank, Model, Bends, Noise,
    Image
);

#[derive(Default)]
struct Wait {
    num_blocks: usize,
    waiting: VecDeque<Value>,
}

impl Node for Wait {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.num_blocks = usize::try_from(cx.params.int(0)).unwrap_or(0);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.waiting.push_back(io.inputs.value(0).clone());
        let due = self.waiting.len() > self.num_blocks;
        let value = if due { self.waiting.pop_front() } else { None };
        io.outputs.set(0, value.unwrap_or_default());
        Ok(())
    }

    fn reset(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests;
