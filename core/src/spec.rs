//! One description per node kind. The palette, the inspector, type checks, the patch file, OSC,
//! `lumawire nodes` and the reference docs all come from it.

use std::collections::BTreeMap;

use crate::graph::{Graph, GraphNode};
use crate::node::Node;
use crate::param::ParamValue;
use crate::value::PortType;

/// Everything that is known of a node kind without making one.
#[derive(Debug, Clone, Copy)]
pub struct NodeSpec {
    /// Permanent literal `category.name`, never a Rust path.
    pub kind: &'static str,
    /// Raised when the meaning of saved parameters changes; a migration then goes with it.
    pub version: u32,
    /// Name on the node's face.
    pub label: &'static str,
    /// What it computes, with shapes, units, the source of its formula, and the latency of its
    /// causal form. The first sentence stands alone in the palette.
    pub doc: &'static str,
    /// When it runs.
    pub rate: Rate,
    /// What the engine may do with it.
    pub role: Role,
    /// Inputs, in the order of the node's indices.
    pub inputs: &'static [Port],
    /// Outputs, in the order of the node's indices.
    pub outputs: &'static [Port],
    /// Parameters, in the order of the node's indices.
    pub params: &'static [Param],
    /// Makes an instance at its defaults; `Node::prepare` then gives it its parameters.
    pub build: fn() -> Box<dyn Node>,
}

impl NodeSpec {
    /// The part of the kind before the dot: `analysis` of `analysis.chroma`.
    pub fn category(&self) -> &'static str {
        self.kind.split('.').next().unwrap_or(self.kind)
    }

    /// The part of the kind after the dot, from which ids are made: `chroma` of `analysis.chroma`.
    pub fn stem(&self) -> &'static str {
        self.kind.rsplit('.').next().unwrap_or(self.kind)
    }

    /// The first sentence of its doc, which stands alone.
    pub fn summary(&self) -> &'static str {
        self.doc.find(". ").map_or(self.doc, |end| &self.doc[..=end])
    }

    /// Index of the input with this id.
    pub fn input(&self, id: &str) -> Option<usize> {
        self.inputs.iter().position(|p| p.id == id)
    }

    /// Index of the output with this id.
    pub fn output(&self, id: &str) -> Option<usize> {
        self.outputs.iter().position(|p| p.id == id)
    }

    /// Index of the parameter with this id.
    pub fn param(&self, id: &str) -> Option<usize> {
        self.params.iter().position(|p| p.id == id)
    }

    /// Whether a file gives its nodes ports and parameters of their own: see [`Registry::of`].
    pub fn is_open(&self) -> bool {
        shader_param(self).is_some()
    }

    /// Whether a node's indices mean the same by both.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.inputs, self.outputs, self.params) == (other.inputs, other.outputs, other.params)
    }
}

/// When a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Once every block of samples.
    Block,
    /// Once every frame.
    Frame,
    /// As its inputs: at frames if any of them (or of its modulated parameters) is at frames,
    /// else at blocks.
    Inherit,
}

/// What the engine may do with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its outputs follow from its inputs and parameters alone: may be cached and skipped. It may
    /// read neither the tick's time nor anything kept from earlier ticks.
    Pure,
    /// Keeps state from tick to tick (or reads the time): runs at every tick that reaches a sink.
    Stateful,
    /// Reads the transport's audio. Otherwise as `Stateful`.
    Source,
    /// Its inputs leave the graph: what reaches no sink does not run. Its first output, if any, is
    /// the picture that the runtime presents or writes.
    Sink,
    /// Gives at each tick what it took at an earlier one: the only legal way round a loop. The
    /// engine calls `Node::latch` on all delays after all other nodes, then `Node::process`.
    Delay,
}

/// An input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Unique among the node's inputs and parameters, or among its outputs; `snake_case`.
    pub id: &'static str,
    /// What it carries.
    pub ty: PortType,
    /// Inputs only: compile refuses the node without a wire here.
    pub required: bool,
    /// What it carries, with shape and unit.
    pub doc: &'static str,
}

impl Port {
    /// An input that must be wired.
    pub const fn required(id: &'static str, ty: PortType, doc: &'static str) -> Self {
        Self { id, ty, required: true, doc }
    }

    /// An input that may stay open.
    pub const fn optional(id: &'static str, ty: PortType, doc: &'static str) -> Self {
        Self { id, ty, required: false, doc }
    }

    /// An output.
    pub const fn output(id: &'static str, ty: PortType, doc: &'static str) -> Self {
        Self { id, ty, required: false, doc }
    }
}

/// The unit of a parameter, as files and nodes hold it. Angles are radians here, degrees on the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A bare number.
    None,
    /// Hertz.
    Hz,
    /// Seconds.
    Secs,
    /// Decibels.
    Db,
    /// Radians.
    Radians,
    /// Pixels.
    Px,
    /// Samples.
    Samples,
    /// Beats a minute.
    Bpm,
    /// Semitones.
    Semitones,
}

impl Unit {
    /// The suffix that a person reads; empty for a bare number.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Hz => "Hz",
            Self::Secs => "s",
            Self::Db => "dB",
            Self::Radians => "rad",
            Self::Px => "px",
            Self::Samples => "samples",
            Self::Bpm => "BPM",
            Self::Semitones => "semitones",
        }
    }
}

/// Which files a file parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Sound.
    Audio,
    /// A network's weights.
    Model,
    /// Stored latents.
    Latents,
    /// Groups of a layer's channels.
    Clusters,
    /// A still picture.
    Image,
    /// Moving pictures.
    Video,
    /// The shapes of letters.
    Font,
    /// Marks on the time of a piece, with names.
    Marks,
    /// A table of colours, `.cube`.
    Lut,
    /// A shader. It says what the node's ports and parameters are: see [`Registry::of`].
    Shader,
}

/// The values that a parameter takes. `soft` is the slider's range, `hard` the guard.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // the fields say what the variants do
pub enum Domain {
    /// A real number.
    Float { default: f32, soft: (f32, f32), hard: (f32, f32) },
    /// A whole number.
    Int { default: i64, soft: (i64, i64), hard: (i64, i64) },
    /// A switch.
    Bool { default: bool },
    /// One of several; the file keeps the option's id, the node reads its index.
    Choice { default: &'static str, options: &'static [&'static str] },
    /// Free text.
    Text { default: &'static str },
    /// A file; the default is none.
    File { kind: FileKind },
}

/// What a change of a parameter costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The node reads it at every tick and may glide to it.
    Smooth,
    /// The node reads it at every tick and jumps to it.
    Step,
    /// A new instance is prepared on a worker and then adopts the old one's state.
    Rebuild,
}

/// A parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Param {
    /// Unique among the node's inputs and parameters; `snake_case`, with its unit (`_hz`, `_secs`).
    pub id: &'static str,
    /// Name on the node's face.
    pub label: &'static str,
    /// Unit of the value.
    pub unit: Unit,
    /// Values that it takes.
    pub domain: Domain,
    /// What a change costs.
    pub change: Change,
    /// Whether a control may be wired to it: numbers and switches whose change is not `Rebuild`.
    pub modulatable: bool,
    /// Whether it is of the moment (a press, a held key, what a clock says): presets leave it out.
    pub is_momentary: bool,
    /// What it does.
    pub doc: &'static str,
}

impl Param {
    const fn new(id: &'static str, label: &'static str, domain: Domain, modulatable: bool) -> Self {
        let (unit, change, doc) = (Unit::None, Change::Step, "");
        Self { id, label, unit, domain, change, modulatable, is_momentary: false, doc }
    }

    /// A modulatable real number, whose hard range is its soft range until `hard` widens it.
    pub const fn float(
        id: &'static str,
        label: &'static str,
        default: f32,
        soft: (f32, f32),
    ) -> Self {
        Self::new(id, label, Domain::Float { default, soft, hard: soft }, true)
    }

    /// A modulatable whole number, whose hard range is its soft range until `hard_int` widens it.
    pub const fn int(
        id: &'static str,
        label: &'static str,
        default: i64,
        soft: (i64, i64),
    ) -> Self {
        Self::new(id, label, Domain::Int { default, soft, hard: soft }, true)
    }

    /// A modulatable switch (on above 0.5).
    pub const fn switch(id: &'static str, label: &'static str, default: bool) -> Self {
        Self::new(id, label, Domain::Bool { default }, true)
    }

    /// One of several options, the first of which is the default.
    pub const fn choice(
        id: &'static str,
        label: &'static str,
        options: &'static [&'static str],
    ) -> Self {
        Self::new(id, label, Domain::Choice { default: options[0], options }, false)
    }

    /// Free text.
    pub const fn text(id: &'static str, label: &'static str, default: &'static str) -> Self {
        Self::new(id, label, Domain::Text { default }, false)
    }

    /// A file. Its change always rebuilds: files are opened on a worker.
    pub const fn file(id: &'static str, label: &'static str, kind: FileKind) -> Self {
        Self::new(id, label, Domain::File { kind }, false).rebuild()
    }

    /// Sets the hard range of a real number.
    pub const fn hard(mut self, min: f32, max: f32) -> Self {
        if let Domain::Float { default, soft, .. } = self.domain {
            self.domain = Domain::Float { default, soft, hard: (min, max) };
        }
        self
    }

    /// Sets the hard range of a whole number.
    pub const fn hard_int(mut self, min: i64, max: i64) -> Self {
        if let Domain::Int { default, soft, .. } = self.domain {
            self.domain = Domain::Int { default, soft, hard: (min, max) };
        }
        self
    }

    /// Sets the unit.
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Says that the node glides to a new value.
    pub const fn smooth(mut self) -> Self {
        self.change = Change::Smooth;
        self
    }

    /// Says that it is of the moment, which presets leave out.
    pub const fn momentary(mut self) -> Self {
        self.is_momentary = true;
        self
    }

    /// Says that a change needs a new instance, which also makes it not modulatable.
    pub const fn rebuild(mut self) -> Self {
        self.change = Change::Rebuild;
        self.modulatable = false;
        self
    }

    /// Sets what it does.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// The default, as a document would hold it.
    pub fn default_value(&self) -> ParamValue {
        match self.domain {
            Domain::Float { default, .. } => default.into(),
            Domain::Int { default, .. } => default.into(),
            Domain::Bool { default } => default.into(),
            Domain::Choice { default, .. } | Domain::Text { default } => default.into(),
            Domain::File { .. } => ParamValue::file(""),
        }
    }

    /// `value` as a node reads it: accepted, or else the default; a choice as its option's index.
    pub fn resolve(&self, value: Option<&ParamValue>) -> ParamValue {
        let value = value.and_then(|v| self.accept(v)).unwrap_or_else(|| self.default_value());
        match (self.domain, value) {
            (Domain::Choice { options, .. }, ParamValue::Text(id)) => {
                let index = options.iter().position(|o| *o == id).unwrap_or(0);
                ParamValue::Int(i64::try_from(index).unwrap_or(0))
            }
            (_, value) => value,
        }
    }

    /// `value` as this parameter takes it: numbers within the hard range (NaN is the default),
    /// or `None` where the value is of another type or names no option.
    pub fn accept(&self, value: &ParamValue) -> Option<ParamValue> {
        match (self.domain, value) {
            (Domain::Float { default, hard: (min, max), .. }, v) => {
                let v = v.as_f64()?;
                let v = if v.is_nan() { f64::from(default) } else { v };
                Some(ParamValue::Float(v.clamp(f64::from(min), f64::from(max))))
            }
            (Domain::Int { hard: (min, max), .. }, ParamValue::Int(v)) => {
                Some(ParamValue::Int(*v.clamp(&min, &max)))
            }
            (Domain::Int { default, hard: (min, max), .. }, v) => {
                let v = v.as_f64()?;
                let v = if v.is_nan() { default } else { v.round() as i64 };
                Some(ParamValue::Int(v.clamp(min, max)))
            }
            (Domain::Bool { .. }, v) => v.as_f64().map(|v| ParamValue::Bool(v > 0.5)),
            (Domain::Choice { options, .. }, ParamValue::Text(v)) => {
                options.contains(&v.as_str()).then(|| value.clone())
            }
            (Domain::Text { .. }, ParamValue::Text(_))
            | (Domain::File { .. }, ParamValue::File(_)) => Some(value.clone()),
            (Domain::File { .. }, ParamValue::Text(path)) => Some(ParamValue::file(path.clone())),
            _ => None,
        }
    }
}

impl Param {
    /// Whether it can be steered while it runs: anything but a file, and what must be rebuilt.
    pub fn is_steerable(&self) -> bool {
        self.change != Change::Rebuild && !matches!(self.domain, Domain::File { .. })
    }

    /// `value` as a running node reads it, from whoever steers it: as [`accept`](Self::accept), and
    /// an option by its id or its index, which it becomes. `None` where it cannot be steered or is
    /// of another type.
    pub fn take(&self, value: &ParamValue) -> Option<ParamValue> {
        if !self.is_steerable() {
            return None;
        }
        let Domain::Choice { options, .. } = self.domain else { return self.accept(value) };
        let index = match value {
            ParamValue::Text(id) => options.iter().position(|o| o == id)?,
            number => {
                let last = options.len().saturating_sub(1) as f64;
                let index = number.as_f64().filter(|v| v.is_finite())?;
                index.round().clamp(0.0, last) as usize
            }
        };
        i64::try_from(index).ok().map(ParamValue::Int)
    }

    /// The value at `x` of the slider, 0..1, in the parameter's unit: whole numbers, switches and
    /// options in equal shares. `None` for text and files.
    pub fn at(&self, x: f64) -> Option<ParamValue> {
        let x = if x.is_nan() { 0.0 } else { x.clamp(0.0, 1.0) };
        match self.domain {
            Domain::Float { soft: (low, high), .. } => {
                let (low, high) = (f64::from(low), f64::from(high));
                Some(ParamValue::Float(low + x * (high - low)))
            }
            Domain::Int { soft: (low, high), .. } => {
                let span = high.saturating_sub(low) as f64;
                Some(ParamValue::Int(low.saturating_add((x * span).round() as i64)))
            }
            Domain::Bool { .. } => Some(ParamValue::Bool(x > 0.5)),
            Domain::Choice { options, .. } => {
                let last = options.len().saturating_sub(1);
                Some(ParamValue::Int(((x * options.len() as f64) as usize).min(last) as i64))
            }
            Domain::Text { .. } | Domain::File { .. } => None,
        }
    }

    /// Where `value` stands on the slider, 0..1: the inverse of [`at`](Self::at).
    pub fn place_of(&self, value: &ParamValue) -> Option<f64> {
        let place = |v: f64, low: f64, high: f64| {
            if high > low { ((v - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 }
        };
        match self.domain {
            Domain::Float { soft: (low, high), .. } => {
                value.as_f64().map(|v| place(v, f64::from(low), f64::from(high)))
            }
            Domain::Int { soft: (low, high), .. } => {
                value.as_f64().map(|v| place(v, low as f64, high as f64))
            }
            Domain::Bool { .. } => value.as_f64().map(|v| if v > 0.5 { 1.0 } else { 0.0 }),
            Domain::Choice { options, .. } => match self.take(value) {
                Some(ParamValue::Int(i)) => Some((i as f64 + 0.5) / options.len().max(1) as f64),
                _ => None,
            },
            Domain::Text { .. } | Domain::File { .. } => None,
        }
    }
}

/// The node kinds that a program knows, in order of kind, and the interfaces that files give to
/// single nodes.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    by_kind: BTreeMap<&'static str, &'static NodeSpec>,
    /// By kind and path.
    by_file: BTreeMap<(&'static str, String), &'static NodeSpec>,
}

impl Registry {
    /// A registry of `specs`. Of two with one kind, the later counts.
    pub fn new(specs: impl IntoIterator<Item = &'static NodeSpec>) -> Self {
        let by_kind = specs.into_iter().map(|s| (s.kind, s)).collect();
        Self { by_kind, by_file: BTreeMap::new() }
    }

    /// The spec of `kind`.
    pub fn get(&self, kind: &str) -> Option<&'static NodeSpec> {
        self.by_kind.get(kind).copied()
    }

    /// The spec of `node`. A kind with a parameter of [`FileKind::Shader`] has the ports and
    /// parameters that its file declares, as far as [`set_interface`](Self::set_interface) has told
    /// them; else those of the kind.
    pub fn of(&self, node: &GraphNode) -> Option<&'static NodeSpec> {
        let spec = self.get(&node.kind)?;
        let told = || self.by_file.get(&(spec.kind, interface_file(spec, node)?.to_owned()));
        Some(told().copied().unwrap_or(spec))
    }

    /// The parameter of `graph` that `target`, `node.param`, names.
    pub fn param_of(&self, graph: &Graph, target: &str) -> Option<&'static Param> {
        let (node, param) = target.split_once('.')?;
        let spec = self.of(graph.node(node)?)?;
        spec.params.get(spec.param(param)?)
    }

    /// The file that declares the ports and parameters of `node`, by its path in the patch; none
    /// for a kind that is the same everywhere, and where none is chosen.
    pub fn interface_file<'a>(&self, node: &'a GraphNode) -> Option<&'a str> {
        interface_file(self.get(&node.kind)?, node)
    }

    /// Tells what the file at `path`, as patches write it, makes of a node of `spec.kind`.
    pub fn set_interface(&mut self, path: &str, spec: &'static NodeSpec) {
        self.by_file.insert((spec.kind, path.to_owned()), spec);
    }

    /// All specs, in order of kind.
    pub fn iter(&self) -> impl Iterator<Item = &'static NodeSpec> + '_ {
        self.by_kind.values().copied()
    }
}

fn interface_file<'a>(spec: &NodeSpec, node: &'a GraphNode) -> Option<&'a str> {
    let path = match node.params.get(shader_param(spec)?.id)? {
        ParamValue::File(file) => &file.path,
        ParamValue::Text(path) => path,
        _ => return None,
    };
    (!path.is_empty()).then_some(path)
}

/// The parameter whose file declares the rest.
fn shader_param(spec: &NodeSpec) -> Option<&'static Param> {
    spec.params.iter().find(|p| p.domain == Domain::File { kind: FileKind::Shader })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_of_a_doc_stands_alone() {
        let of = |doc| NodeSpec { doc, ..crate::stubs::ALL[0] }.summary();
        assert_eq!(of("One 0.5 thing. Two. Three."), "One 0.5 thing.");
        assert_eq!(of("Only one."), "Only one.");
    }

    #[test]
    fn a_running_parameter_takes_what_suits_its_type() {
        let level = Param::float("level", "Level", 0.5, (0.0, 1.0)).hard(-2.0, 2.0);
        assert_eq!(level.take(&ParamValue::Int(7)), Some(ParamValue::Float(2.0)));
        assert_eq!(level.take(&ParamValue::Text("1".into())), None);
        let mode = Param::choice("mode", "Mode", &["a", "b", "c"]);
        assert_eq!(mode.take(&ParamValue::Text("c".into())), Some(ParamValue::Int(2)));
        assert_eq!(mode.take(&ParamValue::Float(0.6)), Some(ParamValue::Int(1)));
        assert_eq!(mode.take(&ParamValue::Int(9)), Some(ParamValue::Int(2)));
        assert_eq!(mode.take(&ParamValue::Text("d".into())), None);
        let rebuilt = Param::int("size", "Size", 1, (0, 4)).rebuild();
        assert_eq!(rebuilt.take(&ParamValue::Int(2)), None);
    }

    #[test]
    fn a_place_on_the_slider_is_a_value_and_back() {
        let cutoff = Param::float("cutoff", "Cutoff", 100.0, (20.0, 220.0)).hard(0.0, 1e4);
        assert_eq!(cutoff.at(0.25), Some(ParamValue::Float(70.0)));
        let params = [
            cutoff,
            Param::int("n", "N", 0, (-3, 5)),
            Param::switch("on", "On", false),
            Param::choice("mode", "Mode", &["a", "b", "c"]),
        ];
        for param in params {
            for i in 0..=100 {
                let value = param.at(f64::from(i) / 100.0).unwrap();
                let place = param.place_of(&value).unwrap();
                assert_eq!(param.at(place), Some(value), "{}", param.id);
            }
        }
    }
}
