//! The features as they are heard live: by the causal nodes, block by block.

use lumawire_analysis::Rows;
use lumawire_analysis::spectrum::stft::StftSettings;
use lumawire_core::harness::Harness;
use lumawire_core::{AudioBlock, Clock, NodeError, NodeSpec, ParamValue, Timing, Value};

use super::array::Array;
use super::feature::Feature;
use super::sound::Sound;
use crate::error::CommandError;

/// How a feature is heard live.
pub struct Live {
    /// Nodes in a row: the first takes the sound, each other the first output of the one before.
    pub nodes: &'static [&'static NodeSpec],
    /// What is read of the last one.
    pub reading: Reading,
}

/// What is read of a node after every block.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// The latest row of an output, `[bins, blocks]`; 0 before the first.
    Rows(&'static str),
    /// A control, `[1, blocks]`.
    Row(&'static str),
    /// A control, `[blocks]`.
    Control(&'static str),
    /// The blocks in which something happened, `[n]`.
    Hits(&'static str),
    /// Share of the first of two spectra that sum to their node's input, `[bins, blocks]`.
    Share(&'static str, &'static str),
}

/// What was heard of a feature.
pub struct Heard {
    /// Column k is what was known once block k, of a hop's length, had been heard.
    pub array: Array,
    /// By how many samples the columns lag behind the sound that they describe.
    pub latency_samples: u64,
}

/// Hears the sound block by block, blocks as long as a hop. `told` hears how much is done, 0 to 1.
pub fn hear(
    sound: &Sound,
    settings: &StftSettings,
    features: &[&Feature],
    told: &mut dyn FnMut(f64),
) -> Result<Vec<Heard>, CommandError> {
    let fault = |error: NodeError| CommandError::Usage(format!("hearing live failed: {error}"));
    let mut rig = Rig::new(sound.sample_rate_hz, settings);
    let mut tracks = Vec::new();
    for live in features.iter().filter_map(|f| f.live.as_ref()) {
        let node = rig.node(live.nodes).map_err(fault)?;
        tracks.push(Track { node, reading: live.reading, rows: Vec::new(), bins: 0 });
    }
    let num_blocks = sound.samples.len().div_ceil(settings.hop_len);
    for (k, samples) in sound.samples.chunks(settings.hop_len).enumerate() {
        rig.hear(samples).map_err(fault)?;
        for track in &mut tracks {
            track.read(k, &rig.places[track.node].harness);
        }
        told((k + 1) as f64 / num_blocks as f64);
    }
    let heard = |track: Track| Heard {
        latency_samples: rig.places[track.node].latency_samples,
        array: track.into_array(num_blocks),
    };
    Ok(tracks.into_iter().map(heard).collect())
}

/// Nodes with their wires, those before others first. Rows of nodes with the same beginning share it.
struct Rig {
    clock: Clock,
    settings: StftSettings,
    places: Vec<Place>,
}

struct Place {
    nodes: &'static [&'static NodeSpec],
    harness: Harness,
    /// The node that it listens to; without one, the sound.
    before: Option<usize>,
    timing: Timing,
    latency_samples: u64,
}

impl Rig {
    fn new(sample_rate_hz: u32, settings: &StftSettings) -> Self {
        let clock = Clock { sample_rate_hz, block_len: settings.hop_len, ..Clock::default() };
        Self { clock, settings: *settings, places: Vec::new() }
    }

    /// The place of the last of some nodes in a row, which are set up where they are new.
    fn node(&mut self, nodes: &'static [&'static NodeSpec]) -> Result<usize, NodeError> {
        let kinds = |nodes: &[&NodeSpec]| nodes.iter().map(|n| n.kind).collect::<Vec<_>>();
        if let Some(place) = self.places.iter().position(|p| kinds(p.nodes) == kinds(nodes)) {
            return Ok(place);
        }
        let Some((spec, earlier)) = nodes.split_last() else {
            return Err(NodeError::input("audio", "no node hears it"));
        };
        let before = if earlier.is_empty() { None } else { Some(self.node(earlier)?) };
        let harness = self.configured(spec).prepare()?;
        let inputs = before.map_or(Timing::default(), |i| self.places[i].timing);
        let timing = harness.timing(&[inputs]);
        let earlier_samples = before.map_or(0, |i| self.places[i].latency_samples);
        let latency_samples = earlier_samples + timing.latency_samples;
        self.places.push(Place { nodes, harness, before, timing, latency_samples });
        Ok(self.places.len() - 1)
    }

    /// A node that cuts the sound as the settings say, where it cuts it at all.
    fn configured(&self, spec: &'static NodeSpec) -> Harness {
        let mut harness = Harness::new(spec).clock(self.clock);
        let StftSettings { n_fft, hop_len, .. } = self.settings;
        for (id, value) in [
            ("n_fft", ParamValue::from(n_fft.to_string().as_str())),
            ("hop", ParamValue::from(hop_len as i64)),
        ] {
            if spec.param(id).is_some_and(|i| spec.params[i].accept(&value).is_some()) {
                harness.set_param(id, value);
            }
        }
        harness
    }

    /// Lets all nodes hear a block; what it lacks of its length is silent.
    fn hear(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        let mut block = AudioBlock::silent(1, self.clock.block_len);
        block.channel_mut(0)[..samples.len()].copy_from_slice(samples);
        let sound = Value::Audio(block.into());
        for i in 0..self.places.len() {
            let value = match self.places[i].before {
                Some(before) => {
                    let place = &self.places[before];
                    let output = place.nodes.last().and_then(|spec| spec.outputs.first());
                    output.map_or(Value::Empty, |port| place.harness.output(port.id).clone())
                }
                None => sound.clone(),
            };
            let place = &mut self.places[i];
            if let Some(port) = place.nodes.last().and_then(|spec| spec.inputs.first()) {
                place.harness.input(port.id, value);
            }
            place.harness.tick()?;
        }
        Ok(())
    }
}

/// What is read of one feature.
struct Track {
    node: usize,
    reading: Reading,
    /// Row after row.
    rows: Vec<f32>,
    /// Values in a row; 0 before the first.
    bins: usize,
}

impl Track {
    /// Reads after block `k`.
    fn read(&mut self, k: usize, harness: &Harness) {
        let control = |id| match harness.output(id) {
            Value::Control(v) => *v,
            _ => 0.0,
        };
        match self.reading {
            Reading::Rows(id) => {
                if let Value::Bands(rows) | Value::Chroma(rows) = harness.output(id) {
                    self.take(k, rows.latest().unwrap_or_default());
                }
            }
            Reading::Row(id) | Reading::Control(id) => self.take(k, &[control(id)]),
            Reading::Hits(id) => {
                if matches!(harness.output(id), Value::Trigger(1..)) {
                    self.rows.push(k as f32);
                }
            }
            Reading::Share(mine, other) => {
                if let (Value::Spectrum(mine), Value::Spectrum(other)) =
                    (harness.output(mine), harness.output(other))
                    && let (Some(mine), Some(other)) = (mine.hops.latest(), other.hops.latest())
                {
                    let share = |m: f32, o: f32| if m + o > 0.0 { m / (m + o) } else { 0.5 };
                    let rows = mine.iter().zip(other);
                    let row: Vec<f32> = rows.map(|(m, o)| share(m.norm(), o.norm())).collect();
                    self.take(k, &row);
                }
            }
        }
    }

    /// Row `k`, after zeros for those before the first.
    fn take(&mut self, k: usize, row: &[f32]) {
        if self.bins == 0 {
            self.bins = row.len();
            self.rows.resize(k * self.bins, 0.0);
        }
        self.rows.extend(row);
    }

    fn into_array(mut self, num_blocks: usize) -> Array {
        match self.reading {
            Reading::Hits(_) => Array::Integers(self.rows.iter().map(|k| *k as i64).collect()),
            Reading::Control(_) => Array::reals(self.rows),
            _ => {
                self.rows.resize(num_blocks * self.bins, 0.0);
                Array::rows(Rows::from_vec(self.bins, self.rows))
            }
        }
    }
}
