//! Runs one node by itself, and the two properties that every stateful node must have. For tests.
#![allow(clippy::expect_used, clippy::missing_panics_doc)]

use std::path::PathBuf;

use crate::clock::{Clock, Tick};
use crate::error::NodeError;
use crate::node::{Inputs, Io, Node, Outputs, Params, PrepareCx, Source, Timing};
use crate::param::ParamValue;
use crate::services::Services;
use crate::spec::{NodeSpec, Rate, Role};
use crate::value::{AudioBlock, Value};

/// One node with its inputs set by hand.
///
/// ```text
/// let mut node = Harness::new(&SPEC).param("cutoff_hz", 200.0_f32).prepare()?;
/// node.input("audio", Value::Audio(block.into()));
/// node.block()?;
/// assert_eq!(node.control("level"), 0.5);
/// ```
pub struct Harness {
    spec: &'static NodeSpec,
    node: Box<dyn Node>,
    params: Vec<ParamValue>,
    /// Entry 0: one slot an input; entry 1: the outputs.
    values: Vec<Box<[Value]>>,
    sources: Vec<Source>,
    clock: Clock,
    rate: Rate,
    size_px: Option<(u32, u32)>,
    looks_ahead: bool,
    base_dir: PathBuf,
    services: Services,
    seed: u64,
    next_sample: u64,
    next_frame: u64,
    num_missed: u32,
    transport_audio: AudioBlock,
}

impl Harness {
    /// An unprepared instance at its defaults, at its own rate (`Inherit` is block rate).
    pub fn new(spec: &'static NodeSpec) -> Self {
        Self {
            spec,
            node: (spec.build)(),
            params: spec.params.iter().map(|p| p.resolve(None)).collect(),
            values: vec![
                vec![Value::Empty; spec.inputs.len()].into(),
                vec![Value::Empty; spec.outputs.len()].into(),
            ],
            sources: vec![None; spec.inputs.len()],
            clock: Clock::default(),
            rate: if spec.rate == Rate::Frame { Rate::Frame } else { Rate::Block },
            size_px: None,
            looks_ahead: false,
            base_dir: PathBuf::from("."),
            services: Services::default(),
            seed: 0,
            next_sample: 0,
            next_frame: 0,
            num_missed: 0,
            transport_audio: AudioBlock::default(),
        }
    }

    /// Sets a parameter, before or after `prepare`. Panics on a value that it does not take.
    pub fn param(mut self, id: &str, value: impl Into<ParamValue>) -> Self {
        self.set_param(id, value);
        self
    }

    /// Sets a parameter while the node runs.
    pub fn set_param(&mut self, id: &str, value: impl Into<ParamValue>) {
        let i = self.spec.param(id).unwrap_or_else(|| panic!("{} has no {id}", self.spec.kind));
        let value = value.into();
        assert!(self.spec.params[i].accept(&value).is_some(), "{id} does not take {value}");
        self.params[i] = self.spec.params[i].resolve(Some(&value));
    }

    /// Sets the clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the rate of a node that inherits it.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = rate;
        self
    }

    /// Sets the size of the run's picture.
    pub fn size_px(mut self, width: u32, height: u32) -> Self {
        self.size_px = Some((width, height));
        self
    }

    /// Lets the run look ahead.
    pub fn looks_ahead(mut self) -> Self {
        self.looks_ahead = true;
        self
    }

    /// Sets the folder of relative paths.
    pub fn base_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.base_dir = dir.into();
        self
    }

    /// Lends services.
    pub fn services(mut self, services: &Services) -> Self {
        self.services = services.clone();
        self
    }

    /// Sets the seed of the run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Prepares the node.
    pub fn prepare(mut self) -> Result<Self, NodeError> {
        self.node.prepare(&PrepareCx {
            node: "node_1",
            spec: self.spec,
            params: Params::new(&self.params),
            clock: self.clock,
            rate: self.rate,
            size_px: self.size_px,
            looks_ahead: self.looks_ahead,
            base_dir: &self.base_dir,
            services: &self.services,
        })?;
        Ok(self)
    }

    /// Tells the node that it has heard the whole sound, and goes back to sample 0.
    pub fn learn(&mut self) -> Result<(), NodeError> {
        self.node.learn()?;
        self.reset();
        Ok(())
    }

    /// How late its outputs are behind inputs of these timings.
    pub fn timing(&self, inputs: &[Timing]) -> Timing {
        self.node.timing(inputs)
    }

    /// Sets what arrives at an input from now on.
    pub fn input(&mut self, id: &str, value: Value) {
        let i = self.spec.input(id).unwrap_or_else(|| panic!("{} has no {id}", self.spec.kind));
        self.values[0][i] = value;
        self.sources[i] = Some((0, u32::try_from(i).unwrap_or(u32::MAX)));
    }

    /// Sets the transport's sound, for sources.
    pub fn transport_audio(&mut self, block: AudioBlock) {
        self.transport_audio = block;
    }

    /// Runs one tick of the node's rate.
    pub fn tick(&mut self) -> Result<(), NodeError> {
        let sample = match self.rate {
            Rate::Frame => self.clock.frame_due(self.next_frame),
            Rate::Block | Rate::Inherit => self.next_sample,
        };
        let tick = Tick {
            rate: self.rate,
            sample,
            frame: self.next_frame,
            clock: self.clock,
            seed: self.seed,
            num_missed: std::mem::take(&mut self.num_missed),
        };
        let mut outputs = std::mem::take(&mut self.values[1]);
        let mut io = Io {
            tick,
            inputs: Inputs::new(&self.values, &self.sources),
            outputs: Outputs::new(&mut outputs),
            params: Params::new(&self.params),
            transport_audio: &self.transport_audio,
        };
        let mut result = Ok(());
        if self.spec.role == Role::Delay {
            result = self.node.latch(&io);
        }
        let result = result.and_then(|()| self.node.process(&mut io));
        self.values[1] = outputs;
        match self.rate {
            Rate::Frame => self.next_frame += 1,
            Rate::Block | Rate::Inherit => self.next_sample += self.clock.block_len as u64,
        }
        result
    }

    /// Leaves a frame out, as a show does for which a picture is too late.
    pub fn miss_frame(&mut self) {
        self.next_frame += 1;
        self.num_missed += 1;
    }

    /// Whatever an output holds.
    pub fn output(&self, id: &str) -> &Value {
        let i = self.spec.output(id).unwrap_or_else(|| panic!("{} has no {id}", self.spec.kind));
        &self.values[1][i]
    }

    /// The control at an output.
    pub fn control(&self, id: &str) -> f32 {
        match self.output(id) {
            Value::Control(v) => *v,
            other => panic!("{id} holds {other:?}"),
        }
    }

    /// The hits at an output.
    pub fn trigger(&self, id: &str) -> u32 {
        match self.output(id) {
            Value::Trigger(n) => *n,
            other => panic!("{id} holds {other:?}"),
        }
    }

    /// Back to sample 0.
    pub fn reset(&mut self) {
        self.node.reset();
        for value in &mut self.values[1] {
            *value = Value::Empty;
        }
        (self.next_sample, self.next_frame, self.num_missed) = (0, 0, 0);
    }

    /// The instance, for `adopt`.
    pub fn node_mut(&mut self) -> &mut dyn Node {
        self.node.as_mut()
    }

    /// Runs a tick for each of `values` at the control input `input`, and collects the control at
    /// `output` after it.
    pub fn controls(&mut self, input: &str, output: &str, values: &[f32]) -> Vec<f32> {
        let tick = |v: &f32| {
            self.input(input, Value::Control(*v));
            self.tick().expect("a tick");
            self.control(output)
        };
        values.iter().map(tick).collect()
    }

    /// Feeds `audio` (planar, channels of one length) to input `id` in blocks of the clock's
    /// length, the last padded with silence, and collects `read` after every block.
    pub fn feed<T>(
        &mut self,
        id: &str,
        audio: &[&[f32]],
        mut read: impl FnMut(&Self) -> T,
    ) -> Result<Vec<T>, NodeError> {
        let block_len = self.clock.block_len;
        let total = audio.first().map_or(0, |c| c.len());
        let mut collected = Vec::new();
        for start in (0..total).step_by(block_len) {
            let mut block = AudioBlock::silent(audio.len(), block_len);
            for (c, channel) in audio.iter().enumerate() {
                let part = &channel[start..total.min(start + block_len)];
                block.channel_mut(c)[..part.len()].copy_from_slice(part);
            }
            self.input(id, Value::Audio(block.into()));
            self.tick()?;
            collected.push(read(self));
        }
        Ok(collected)
    }
}

/// Property: after `reset`, the same sound gives exactly the same values.
pub fn assert_reset_repeats<T: PartialEq + std::fmt::Debug>(
    node: &mut Harness,
    input: &str,
    audio: &[&[f32]],
    mut read: impl FnMut(&Harness) -> T,
) {
    let first = node.feed(input, audio, &mut read).expect("first run");
    node.reset();
    let second = node.feed(input, audio, &mut read).expect("second run");
    assert_eq!(first, second);
}

/// Property: the rows or samples that `collect` appends in the course of the sound do not depend on
/// the block length. `make` builds a prepared node for a clock; the sound's length should be a
/// multiple of all block lengths.
pub fn assert_block_split<T: PartialEq + std::fmt::Debug>(
    block_lens: &[usize],
    make: impl Fn(Clock) -> Harness,
    input: &str,
    audio: &[&[f32]],
    collect: impl Fn(&Harness, &mut Vec<T>),
) {
    let runs: Vec<Vec<T>> = block_lens
        .iter()
        .map(|&block_len| {
            let mut node = make(Clock { block_len, ..Clock::default() });
            let mut all = Vec::new();
            node.feed(input, audio, |h| collect(h, &mut all)).expect("run");
            all
        })
        .collect();
    for (run, block_len) in runs.iter().zip(block_lens).skip(1) {
        assert_eq!(run, &runs[0], "blocks of {block_len} against {}", block_lens[0]);
    }
}
