//! What a node is to the engine, and what the engine shows a node.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::{Clock, Tick};
use crate::error::NodeError;
use crate::param::ParamValue;
use crate::services::Services;
use crate::spec::{NodeSpec, Rate};
use crate::value::{AudioBlock, Bands, Chroma, Handle, Image, Latent, LatentBank, Spectrum, Value};

/// An instance of a node kind.
pub trait Node: Any + Send {
    /// Loads and allocates, on a worker. Called once, before anything else.
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let _ = cx;
        Ok(())
    }

    /// One tick. No file, no lock, no wall clock; no allocation in steady state, pictures and
    /// networks excepted. After an error the outputs keep what they held.
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError>;

    /// Delays only: takes the inputs of this tick, after every other node has run.
    fn latch(&mut self, io: &Io<'_>) -> Result<(), NodeError> {
        let _ = io;
        Ok(())
    }

    /// How late its outputs are, once it is prepared. `inputs` says it of what each input reads,
    /// in the order of the spec's inputs; an open one counts as punctual.
    fn timing(&self, inputs: &[Timing]) -> Timing {
        Timing::punctual(inputs)
    }

    /// Whether it looks ahead over the whole sound: then it hears all of it once before the render,
    /// by `process`, and afterwards `learn` is called.
    fn studies(&self) -> bool {
        false
    }

    /// The whole sound has been heard. From the next `reset` on the outputs may count on it.
    fn learn(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// What the patch should keep, so that it lasts beyond the show: one of the node's own
    /// parameters, of tier `Rebuild`, and a value for it. Asked for twice a second of sound, outside
    /// `process`; `None` where nothing has changed since. An instance that is prepared with the value
    /// and adopts this one goes on as if nothing had happened.
    fn keepsake(&mut self) -> Option<(&'static str, ParamValue)> {
        None
    }

    /// Back to sample 0: what follows repeats exactly. What was learnt stays.
    fn reset(&mut self) {}

    /// Takes over what it can of the state of the instance that it replaces: one of the same kind
    /// and id, at the same clock and rate, whose parameters of tier `Rebuild` may differ. Check
    /// before you take.
    fn adopt(&mut self, old: &mut dyn Any) {
        let _ = old;
    }
}

/// How late what leaves a node is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Samples by which the outputs lag behind what they describe, beyond the lag of the inputs.
    /// 0 for what smooths causally on purpose: that belongs to the look.
    pub latency_samples: u64,
    /// Samples between rows, where the outputs are rows; else 0.
    pub hop_len: u64,
    /// Samples that each row was made of, where the outputs are rows; else 0.
    pub frame_len: u64,
}

impl Timing {
    /// No lag, and the rows of the first input that brings any.
    pub fn punctual(inputs: &[Timing]) -> Self {
        let rows = inputs.iter().find(|t| t.hop_len > 0).copied().unwrap_or_default();
        Self { latency_samples: 0, ..rows }
    }

    /// The same rows, `latency_samples` late.
    pub fn late(self, latency_samples: u64) -> Self {
        Self { latency_samples, ..self }
    }
}

/// What a node may know when it prepares.
pub struct PrepareCx<'a> {
    /// The node's id in the patch.
    pub node: &'a str,
    /// Its description: what the indices of its ports and parameters mean.
    pub spec: &'static NodeSpec,
    /// Its parameters.
    pub params: Params<'a>,
    /// The clock of the run.
    pub clock: Clock,
    /// The rate at which it will run: never `Inherit`.
    pub rate: Rate,
    /// Size of the picture that the run presents or writes, `[width, height]`, where it was asked for.
    pub size_px: Option<(u32, u32)>,
    /// Whether the run may look ahead: an offline render of a sound that is there as a whole.
    pub looks_ahead: bool,
    /// Folder that relative paths start from.
    pub base_dir: &'a Path,
    /// What the program lends.
    pub services: &'a Services,
}

impl PrepareCx<'_> {
    /// Path of the file that parameter `i` names, or `None` where it names none.
    pub fn file(&self, i: usize) -> Option<PathBuf> {
        match self.params.values.get(i) {
            Some(ParamValue::File(file)) if !file.path.is_empty() => {
                Some(self.base_dir.join(&file.path))
            }
            _ => None,
        }
    }
}

/// What a node sees and fills in one tick.
pub struct Io<'a> {
    /// The time.
    pub tick: Tick,
    /// What arrives.
    pub inputs: Inputs<'a>,
    /// What leaves; keeps last tick's values until they are set.
    pub outputs: Outputs<'a>,
    /// The parameters of this tick, modulation included.
    pub params: Params<'a>,
    /// The transport's sound for this block, for sources; empty in frames.
    pub transport_audio: &'a AudioBlock,
}

/// Where an input reads: step and output, or open.
pub type Source = Option<(u32, u32)>;

/// The inputs of one tick, by index.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    values: &'a [Box<[Value]>],
    sources: &'a [Source],
}

macro_rules! shared_input {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $ty:ty) => {
        $(#[$doc])*
        pub fn $name(&self, i: usize) -> Option<&'a $ty> {
            match self.value(i) {
                Value::$variant(v) => Some(v),
                _ => None,
            }
        }
    };
}

impl<'a> Inputs<'a> {
    /// Inputs that read `sources` among the outputs `values` of all steps.
    pub fn new(values: &'a [Box<[Value]>], sources: &'a [Source]) -> Self {
        Self { values, sources }
    }

    /// Whatever arrives at input `i`.
    pub fn value(&self, i: usize) -> &'a Value {
        self.sources
            .get(i)
            .copied()
            .flatten()
            .and_then(|(step, output)| self.values.get(step as usize)?.get(output as usize))
            .unwrap_or(&Value::Empty)
    }

    /// Whether a wire ends at input `i`.
    pub fn is_wired(&self, i: usize) -> bool {
        matches!(self.sources.get(i), Some(Some(_)))
    }

    /// The control at input `i`, or `None` where it is open or has no value yet.
    pub fn control(&self, i: usize) -> Option<f32> {
        match self.value(i) {
            Value::Control(v) => Some(*v),
            _ => None,
        }
    }

    /// How often the trigger at input `i` came in this tick; 0 where it is open.
    pub fn trigger(&self, i: usize) -> u32 {
        match self.value(i) {
            Value::Trigger(n) => *n,
            _ => 0,
        }
    }

    shared_input!(
        /// The sound at input `i`.
        audio, Audio, Arc<AudioBlock>
    );
    shared_input!(
        /// The spectra at input `i`.
        spectrum, Spectrum, Arc<Spectrum>
    );
    shared_input!(
        /// The bands at input `i`.
        bands, Bands, Arc<Bands>
    );
    shared_input!(
        /// The chroma at input `i`.
        chroma, Chroma, Arc<Chroma>
    );
    shared_input!(
        /// The latent at input `i`.
        latent, Latent, Arc<Latent>
    );
    shared_input!(
        /// The latent bank at input `i`.
        bank, LatentBank, Arc<LatentBank>
    );
    shared_input!(
        /// The network at input `i`.
        model, Model, Handle
    );
    shared_input!(
        /// The bends at input `i`.
        bends, Bends, Handle
    );
    shared_input!(
        /// The noise at input `i`.
        noise, Noise, Handle
    );
    /// The picture at input `i`; none where it went with its device.
    pub fn image(&self, i: usize) -> Option<&'a Image> {
        match self.value(i) {
            Value::Image(image) if !image.is_lost() => Some(image),
            _ => None,
        }
    }
}

/// The outputs of one tick, by index. Setting one that does not exist does nothing.
pub struct Outputs<'a> {
    values: &'a mut [Value],
}

macro_rules! reused_output {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $ty:ty) => {
        $(#[$doc])*
        pub fn $name(&mut self, i: usize) -> Option<&mut $ty> {
            let slot = self.values.get_mut(i)?;
            if !matches!(slot, Value::$variant(_)) {
                *slot = Value::$variant(Arc::new(<$ty>::default()));
            }
            match slot {
                Value::$variant(v) => Some(Arc::make_mut(v)),
                _ => None,
            }
        }
    };
}

impl<'a> Outputs<'a> {
    /// Outputs that fill `values`.
    pub fn new(values: &'a mut [Value]) -> Self {
        Self { values }
    }

    /// Sets output `i` to any value.
    pub fn set(&mut self, i: usize, value: Value) {
        if let Some(slot) = self.values.get_mut(i) {
            *slot = value;
        }
    }

    /// Sets a control. What is no finite number becomes 0, so that it spreads no further.
    pub fn set_control(&mut self, i: usize, v: f32) {
        self.set(i, Value::Control(if v.is_finite() { v } else { 0.0 }));
    }

    /// Sets how often a trigger came in this tick.
    pub fn set_trigger(&mut self, i: usize, hits: u32) {
        self.set(i, Value::Trigger(hits));
    }

    /// Sets a picture.
    pub fn set_image(&mut self, i: usize, image: Image) {
        self.set(i, Value::Image(image));
    }

    /// Sets a latent, in the memory of the last one where nobody else holds it. `fill` gets the
    /// zeroed rows, `[num_ws · dim]`.
    pub fn fill_latent(
        &mut self,
        i: usize,
        space: crate::value::Space,
        num_ws: usize,
        dim: usize,
        fill: impl FnOnce(&mut [f32]),
    ) {
        let Some(slot) = self.values.get_mut(i) else { return };
        if let Value::Latent(shared) = slot
            && let Some(latent) = Arc::get_mut(shared)
        {
            (latent.space, latent.dim) = (space, dim);
            latent.data.clear();
            latent.data.resize(num_ws * dim, 0.0);
            fill(&mut latent.data);
            return;
        }
        let mut data = vec![0.0; num_ws * dim];
        fill(&mut data);
        *slot = Value::Latent(Arc::new(Latent { space, dim, data }));
    }

    reused_output!(
        /// The sound to fill: last tick's, until resized.
        audio, Audio, AudioBlock
    );
    reused_output!(
        /// The spectra to fill: call `hops.begin` first.
        spectrum, Spectrum, Spectrum
    );
    reused_output!(
        /// The bands to fill: call `begin` first.
        bands, Bands, Bands
    );
    reused_output!(
        /// The chroma to fill: call `begin` first.
        chroma, Chroma, Chroma
    );
}

/// Parameter values by index, each of its domain's type and within its hard range. A choice is
/// held as the index of its option.
#[derive(Clone, Copy)]
pub struct Params<'a> {
    values: &'a [ParamValue],
}

impl<'a> Params<'a> {
    /// The values of a step.
    pub fn new(values: &'a [ParamValue]) -> Self {
        Self { values }
    }

    /// A real number.
    pub fn float(&self, i: usize) -> f32 {
        match self.values.get(i) {
            Some(ParamValue::Float(v)) => *v as f32,
            other => {
                debug_assert!(false, "parameter {i} is no real number: {other:?}");
                0.0
            }
        }
    }

    /// A whole number.
    pub fn int(&self, i: usize) -> i64 {
        match self.values.get(i) {
            Some(ParamValue::Int(v)) => *v,
            other => {
                debug_assert!(false, "parameter {i} is no whole number: {other:?}");
                0
            }
        }
    }

    /// A switch.
    pub fn switch(&self, i: usize) -> bool {
        match self.values.get(i) {
            Some(ParamValue::Bool(v)) => *v,
            other => {
                debug_assert!(false, "parameter {i} is no switch: {other:?}");
                false
            }
        }
    }

    /// Index of a choice's option.
    pub fn choice(&self, i: usize) -> usize {
        usize::try_from(self.int(i)).unwrap_or(0)
    }

    /// Text.
    pub fn text(&self, i: usize) -> &'a str {
        match self.values.get(i) {
            Some(ParamValue::Text(v)) => v,
            other => {
                debug_assert!(false, "parameter {i} is no text: {other:?}");
                ""
            }
        }
    }
}
