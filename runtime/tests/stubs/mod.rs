//! Node kinds that count, add and fail on demand, for tests of the engine: what ran matters here,
//! not pixels.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::expect_used)] // each test uses a part of it

pub mod big;

use std::any::Any;
use std::path::Path;

use lumawire_core::patch;
use lumawire_core::plan::Plan;
use lumawire_core::{
    Encoding, HostImage, Image, Io, Node, NodeError, NodeSpec, Param, Pixels, Port, PortType,
    PrepareCx, Rate, Registry, Role, Timing, compile,
};

const fn spec(
    kind: &'static str,
    rate: Rate,
    role: Role,
    inputs: &'static [Port],
    outputs: &'static [Port],
    params: &'static [Param],
    build: fn() -> Box<dyn Node>,
) -> NodeSpec {
    NodeSpec {
        kind,
        version: 1,
        label: kind,
        doc: "A stub.",
        rate,
        role,
        inputs,
        outputs,
        params,
        build,
    }
}

const CONTROL_OUT: &[Port] = &[Port::output("out", PortType::Control, "Value.")];
const CONTROL_IN: &[Port] = &[Port::optional("in", PortType::Control, "Value.")];

/// Mean of the transport's block.
pub static SOURCE: NodeSpec =
    spec("stub.source", Rate::Block, Role::Source, &[], CONTROL_OUT, &[], || Box::new(Source));
struct Source;
impl Node for Source {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let block = io.transport_audio;
        let sum: f32 = (0..block.len()).map(|i| block.mono(i)).sum();
        io.outputs.set_control(0, sum / block.len().max(1) as f32);
        Ok(())
    }
}

/// `in + add`.
pub static ADD: NodeSpec = spec(
    "stub.add",
    Rate::Inherit,
    Role::Pure,
    CONTROL_IN,
    CONTROL_OUT,
    &[Param::float("add", "Add", 0.0, (-10.0, 10.0))],
    || Box::new(Add),
);
struct Add;
impl Node for Add {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let v = io.inputs.control(0).unwrap_or(0.0) + io.params.float(0);
        io.outputs.set_control(0, v);
        Ok(())
    }
}

/// `in` plus `steady`, and a `press` of the moment.
pub static BUTTON: NodeSpec = spec(
    "stub.button",
    Rate::Inherit,
    Role::Pure,
    CONTROL_IN,
    CONTROL_OUT,
    &[
        Param::float("steady", "Steady", 0.0, (-10.0, 10.0)),
        Param::int("press", "Press", 0, (0, 100)).momentary(),
    ],
    || Box::new(Add),
);

/// A one-pole: state that a swap must keep. `mode` needs a rebuild, which adopts the state.
pub static POLE: NodeSpec = spec(
    "stub.pole",
    Rate::Inherit,
    Role::Stateful,
    CONTROL_IN,
    CONTROL_OUT,
    &[
        Param::float("step", "Step", 1.0, (-10.0, 10.0)),
        Param::int("mode", "Mode", 0, (0, 9)).rebuild(),
    ],
    || Box::new(Pole { sum: 0.0 }),
);
struct Pole {
    sum: f32,
}
impl Node for Pole {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        match cx.params.int(1) {
            7 => Err(NodeError::param("mode", "7 is unlucky; choose another")),
            _ => Ok(()),
        }
    }
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.sum = self.sum * 0.999 + io.inputs.control(0).unwrap_or(0.0) + io.params.float(0);
        io.outputs.set_control(0, self.sum);
        Ok(())
    }
    fn reset(&mut self) {
        self.sum = 0.0;
    }
    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.sum = old.sum;
        }
    }
}

/// Gives what came `num_blocks` blocks ago, and says so.
pub static LATE: NodeSpec = spec(
    "stub.late",
    Rate::Block,
    Role::Stateful,
    CONTROL_IN,
    CONTROL_OUT,
    &[Param::int("num_blocks", "Blocks", 0, (0, 100)).rebuild()],
    || Box::new(Late { num_blocks: 0, came: Vec::new() }),
);
struct Late {
    num_blocks: usize,
    came: Vec<f32>,
}
impl Node for Late {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.num_blocks = cx.params.int(0) as usize;
        Ok(())
    }
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.came.push(io.inputs.control(0).unwrap_or(-1.0));
        let due = self.came.len().checked_sub(self.num_blocks + 1);
        io.outputs.set_control(0, due.map_or(-1.0, |i| self.came[i]));
        Ok(())
    }
    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default().late(256 * self.num_blocks as u64)
    }
    fn reset(&mut self) {
        self.came.clear();
    }
}

/// The mean of all that came, once it has learnt it.
pub static MEAN: NodeSpec =
    spec("stub.mean", Rate::Block, Role::Stateful, CONTROL_IN, CONTROL_OUT, &[], || {
        Box::<Mean>::default()
    });
#[derive(Default)]
struct Mean {
    came: Vec<f32>,
    mean: Option<f32>,
}
impl Node for Mean {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.came.push(io.inputs.control(0).unwrap_or(0.0));
        io.outputs.set_control(0, self.mean.unwrap_or(-1.0));
        Ok(())
    }
    fn studies(&self) -> bool {
        true
    }
    fn learn(&mut self) -> Result<(), NodeError> {
        if self.came.iter().any(|v| *v > 1e3) {
            return Err(NodeError::param("in", "too large to learn"));
        }
        self.mean = Some(self.came.iter().sum::<f32>() / self.came.len() as f32);
        Ok(())
    }
    fn reset(&mut self) {
        self.came.clear();
    }
}

/// Hits once in every `every`-th block.
pub static PULSE: NodeSpec = spec(
    "stub.pulse",
    Rate::Block,
    Role::Stateful,
    &[],
    &[Port::output("hit", PortType::Trigger, "Hits.")],
    &[Param::int("every", "Every", 2, (1, 1000))],
    || Box::new(Pulse { block: 0 }),
);
struct Pulse {
    block: i64,
}
impl Node for Pulse {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        io.outputs.set_trigger(0, u32::from(self.block % io.params.int(0) == 0));
        self.block += 1;
        Ok(())
    }
    fn reset(&mut self) {
        self.block = 0;
    }
}

/// Sums the hits that it sees at frames.
pub static TALLY: NodeSpec = spec(
    "stub.tally",
    Rate::Frame,
    Role::Stateful,
    &[Port::required("hit", PortType::Trigger, "Hits.")],
    CONTROL_OUT,
    &[],
    || Box::new(Tally { sum: 0 }),
);
struct Tally {
    sum: u32,
}
impl Node for Tally {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.sum += io.inputs.trigger(0);
        io.outputs.set_control(0, self.sum as f32);
        Ok(())
    }
    fn reset(&mut self) {
        self.sum = 0;
    }
}

/// Hits once at every frame.
pub static METRONOME: NodeSpec = spec(
    "stub.metronome",
    Rate::Frame,
    Role::Stateful,
    &[],
    &[Port::output("hit", PortType::Trigger, "Hits.")],
    &[],
    || Box::new(Metronome),
);
struct Metronome;
impl Node for Metronome {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        io.outputs.set_trigger(0, 1);
        Ok(())
    }
}

/// Passes a picture on, and sums what it has seen of time, hits and samples.
pub static LINGER: NodeSpec = spec(
    "stub.linger",
    Rate::Frame,
    Role::Stateful,
    &[
        Port::required("image", PortType::Image, "Picture."),
        Port::optional("block_hit", PortType::Trigger, "Hits of blocks."),
        Port::optional("frame_hit", PortType::Trigger, "Hits of frames."),
        Port::optional("audio", PortType::Audio, "Sound."),
    ],
    &[
        Port::output("image", PortType::Image, "Picture."),
        Port::output("secs", PortType::Control, "Seconds."),
        Port::output("block_hits", PortType::Control, "Hits."),
        Port::output("frame_hits", PortType::Control, "Hits."),
        Port::output("samples", PortType::Control, "Samples."),
    ],
    &[],
    || Box::<Linger>::default(),
);
#[derive(Default)]
struct Linger {
    sums: [f64; 4],
}
impl Node for Linger {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let samples = io.inputs.audio(3).map_or(0, |audio| audio.len());
        let hits = [1, 2].map(|i| f64::from(io.inputs.trigger(i)));
        for (sum, new) in
            self.sums.iter_mut().zip([io.tick.dt_secs(), hits[0], hits[1], samples as f64])
        {
            *sum += new;
        }
        if let Some(image) = io.inputs.image(0) {
            io.outputs.set_image(0, image.clone());
        }
        for (i, sum) in self.sums.iter().enumerate() {
            io.outputs.set_control(1 + i, *sum as f32);
        }
        Ok(())
    }
    fn reset(&mut self) {
        self.sums = [0.0; 4];
    }
}

/// The transport's sound.
pub static SOUND: NodeSpec = spec(
    "stub.sound",
    Rate::Block,
    Role::Source,
    &[],
    &[Port::output("audio", PortType::Audio, "Sound.")],
    &[],
    || Box::new(Sound),
);
struct Sound;
impl Node for Sound {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        io.outputs.set(0, lumawire_core::Value::Audio(io.transport_audio.clone().into()));
        Ok(())
    }
}

/// The number and the sum of all samples that it saw.
pub static RECORD: NodeSpec = spec(
    "stub.record",
    Rate::Frame,
    Role::Stateful,
    &[Port::required("audio", PortType::Audio, "Sound.")],
    &[
        Port::output("out", PortType::Control, "Number of samples."),
        Port::output("sum", PortType::Control, "Their sum."),
    ],
    &[],
    || Box::new(Record { num: 0, sum: 0.0 }),
);
struct Record {
    num: usize,
    sum: f32,
}
impl Node for Record {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(audio) = io.inputs.audio(0) {
            self.num += audio.len();
            self.sum += audio.channel(0).iter().sum::<f32>();
        }
        io.outputs.set_control(0, self.num as f32);
        io.outputs.set_control(1, self.sum);
        Ok(())
    }
}

/// A picture whose value is the control rounded to tenths: pure, worth caching.
pub static PAINT: NodeSpec = spec(
    "stub.paint",
    Rate::Frame,
    Role::Pure,
    CONTROL_IN,
    &[Port::output("image", PortType::Image, "Picture.")],
    &[Param::float("level", "Level", 0.0, (-1000.0, 1000.0))],
    || Box::new(Paint),
);
struct Paint;
impl Node for Paint {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let v = io.inputs.control(0).unwrap_or(0.0) + io.params.float(0);
        let pixels = Pixels::Rgba8(vec![(v.abs() * 10.0) as u32 as u8; 4]);
        let host = HostImage { width_px: 1, height_px: 1, pixels };
        io.outputs.set_image(0, Image::from_host(host, Encoding::Srgb));
        Ok(())
    }
}

/// White while the control is above a hundredth, else black: 64 by 48.
pub static FLASH: NodeSpec = spec(
    "stub.flash",
    Rate::Frame,
    Role::Pure,
    CONTROL_IN,
    &[Port::output("image", PortType::Image, "Picture.")],
    &[],
    || Box::new(Flash),
);
struct Flash;
impl Node for Flash {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let is_on = io.inputs.control(0).unwrap_or(0.0) > 0.01;
        let pixels = Pixels::Rgba8(vec![if is_on { 255 } else { 0 }; 64 * 48 * 4]);
        let host = HostImage { width_px: 64, height_px: 48, pixels };
        io.outputs.set_image(0, Image::from_host(host, Encoding::Srgb));
        Ok(())
    }
}

/// Works and hits in every block, returns an error, or panics, as `health` says.
pub static FRAGILE: NodeSpec = spec(
    "stub.fragile",
    Rate::Block,
    Role::Stateful,
    CONTROL_IN,
    &[
        Port::output("out", PortType::Control, "Runs so far."),
        Port::output("hit", PortType::Trigger, "One hit a block."),
    ],
    &[Param::int("health", "Health", 0, (0, 2))],
    || Box::new(Fragile { runs: 0.0 }),
);
struct Fragile {
    runs: f32,
}
impl Node for Fragile {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        match io.params.int(0) {
            0 => {
                self.runs += 1.0;
                io.outputs.set_control(0, self.runs);
                io.outputs.set_trigger(1, 1);
                Ok(())
            }
            1 => Err(NodeError::param("health", "told to fail; set it to 0")),
            _ => panic!("told to panic"),
        }
    }
}

/// One tick late.
pub static DELAY: NodeSpec = spec(
    "stub.delay",
    Rate::Inherit,
    Role::Delay,
    CONTROL_IN,
    CONTROL_OUT,
    &[Param::float("initial", "Initial", 0.0, (-10.0, 10.0))],
    || Box::new(Delay { held: None }),
);
struct Delay {
    held: Option<f32>,
}
impl Node for Delay {
    fn latch(&mut self, io: &Io<'_>) -> Result<(), NodeError> {
        self.held = io.inputs.control(0);
        Ok(())
    }
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        io.outputs.set_control(0, self.held.unwrap_or_else(|| io.params.float(0)));
        Ok(())
    }
    fn reset(&mut self) {
        self.held = None;
    }
}

/// Takes a picture and gives it as the final one; takes a control so that tests can watch it.
pub static SINK: NodeSpec = spec(
    "stub.sink",
    Rate::Frame,
    Role::Sink,
    &[
        Port::optional("image", PortType::Image, "Picture."),
        Port::optional("watch", PortType::Control, "Anything."),
    ],
    &[
        Port::output("picture", PortType::Image, "Picture."),
        Port::output("seen", PortType::Control, "What was watched."),
    ],
    &[],
    || Box::new(Sink),
);
struct Sink;
impl Node for Sink {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let image = io.inputs.value(0).clone();
        io.outputs.set(0, image);
        io.outputs.set_control(1, io.inputs.control(1).unwrap_or(0.0));
        Ok(())
    }
}

pub fn registry() -> Registry {
    Registry::new([
        &SOURCE, &ADD, &BUTTON, &POLE, &LATE, &MEAN, &PULSE, &TALLY, &METRONOME, &LINGER, &SOUND,
        &RECORD, &PAINT, &FLASH, &FRAGILE, &DELAY, &SINK,
    ])
}

/// Compiles nodes (`id kind {params}` as JSON members) and wires of a patch at 60 frames a second.
pub fn plan(nodes: &str, wires: &[&str]) -> Plan {
    let wires: Vec<String> = wires.iter().map(|w| format!("\"{w}\"")).collect();
    let text = format!(
        r#"{{ "format": "lumawire-patch", "version": 1,
            "clock": {{ "sample_rate_hz": 48000, "fps": [60, 1] }},
            "nodes": {{ {nodes} }}, "wires": [ {} ] }}"#,
        wires.join(", ")
    );
    let loaded = patch::parse(&text).expect("patch");
    compile(&loaded.graph, &registry()).expect("compiles")
}

/// A folder that no test writes to.
pub fn nowhere() -> &'static Path {
    Path::new(".")
}
