//! The implicit conversions: a wire between two of these types gets a small node of its own.

use crate::error::NodeError;
use crate::node::{Io, Node};
use crate::spec::{NodeSpec, Port, Rate, Role};
use crate::value::{Hops, LatentBank, PortType, Value};
use std::sync::Arc;

/// All conversions: source type, type that is wanted, and the node that turns one into the other.
pub const CONVERSIONS: &[(PortType, PortType, &NodeSpec)] = &[
    (PortType::Control, PortType::Trigger, &CONTROL_TO_TRIGGER),
    (PortType::Trigger, PortType::Control, &TRIGGER_TO_CONTROL),
    (PortType::Spectrum, PortType::Bands, &SPECTRUM_TO_BANDS),
    (PortType::Chroma, PortType::Bands, &CHROMA_TO_BANDS),
    (PortType::Latent, PortType::LatentBank, &LATENT_TO_BANK),
];

/// Whether an output's type fits an input's.
#[derive(Debug, Clone, Copy)]
pub enum Fit {
    /// They are the same.
    Same,
    /// A conversion goes on the wire.
    Via(&'static NodeSpec),
    /// They cannot be wired.
    No,
}

/// Whether an output of type `from` may be wired to an input of type `to` (a parameter counts as a
/// control).
pub fn fit(from: PortType, to: PortType) -> Fit {
    if from == to {
        return Fit::Same;
    }
    let found = CONVERSIONS.iter().find(|(a, b, _)| (*a, *b) == (from, to));
    found.map_or(Fit::No, |(_, _, spec)| Fit::Via(spec))
}

const fn conversion(
    kind: &'static str,
    label: &'static str,
    doc: &'static str,
    role: Role,
    ports: (&'static [Port], &'static [Port]),
    build: fn() -> Box<dyn Node>,
) -> NodeSpec {
    NodeSpec {
        kind,
        version: 1,
        label,
        doc,
        rate: Rate::Inherit,
        role,
        inputs: ports.0,
        outputs: ports.1,
        params: &[],
        build,
    }
}

static CONTROL_TO_TRIGGER: NodeSpec = conversion(
    "convert.control_to_trigger",
    "Rising edge",
    "Hits once where a control rises through 0.5. It starts as if below.",
    Role::Stateful,
    (
        &[Port::required("control", PortType::Control, "Any number.")],
        &[Port::output("trigger", PortType::Trigger, "One hit at each rise.")],
    ),
    || Box::new(RisingEdge::default()),
);

static TRIGGER_TO_CONTROL: NodeSpec = conversion(
    "convert.trigger_to_control",
    "Hits",
    "The number of hits in this tick, as a control.",
    Role::Pure,
    (
        &[Port::required("trigger", PortType::Trigger, "Hits.")],
        &[Port::output("control", PortType::Control, "Number of hits in this tick.")],
    ),
    || Box::new(Hits),
);

static SPECTRUM_TO_BANDS: NodeSpec = conversion(
    "convert.spectrum_to_bands",
    "Magnitudes",
    "The magnitude of every bin, |X|, `[hops, n_fft/2 + 1]`.",
    Role::Pure,
    (
        &[Port::required("spectrum", PortType::Spectrum, "Complex spectra.")],
        &[Port::output("bands", PortType::Bands, "Their magnitudes.")],
    ),
    || Box::new(Magnitudes),
);

static CHROMA_TO_BANDS: NodeSpec = conversion(
    "convert.chroma_to_bands",
    "Chroma as bands",
    "The twelve pitch classes as bands, `[hops, 12]`.",
    Role::Pure,
    (
        &[Port::required("chroma", PortType::Chroma, "Pitch-class energies.")],
        &[Port::output("bands", PortType::Bands, "The same numbers.")],
    ),
    || Box::new(ChromaAsBands),
);

static LATENT_TO_BANK: NodeSpec = conversion(
    "convert.latent_to_bank",
    "Bank of one",
    "A bank that holds this one latent, `[1, num_ws, dim]`.",
    Role::Pure,
    (
        &[Port::required("latent", PortType::Latent, "The latent.")],
        &[Port::output("bank", PortType::LatentBank, "A bank of it alone.")],
    ),
    || Box::new(BankOfOne),
);

#[derive(Default)]
struct RisingEdge {
    above: bool,
}

impl Node for RisingEdge {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let above = io.inputs.control(0).is_some_and(|v| v > 0.5);
        io.outputs.set_trigger(0, u32::from(above && !self.above));
        self.above = above;
        Ok(())
    }

    fn reset(&mut self) {
        self.above = false;
    }

    fn adopt(&mut self, old: &mut dyn std::any::Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.above = old.above;
        }
    }
}

struct Hits;

impl Node for Hits {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        io.outputs.set_control(0, io.inputs.trigger(0) as f32);
        Ok(())
    }
}

struct Magnitudes;

impl Node for Magnitudes {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let (Some(spectrum), Some(bands)) = (io.inputs.spectrum(0), io.outputs.bands(0)) {
            map_rows(&spectrum.hops, bands, |bin| {
                let magnitude = bin.norm();
                if magnitude.is_finite() { magnitude } else { 0.0 }
            });
        }
        Ok(())
    }
}

struct ChromaAsBands;

impl Node for ChromaAsBands {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let (Some(chroma), Some(bands)) = (io.inputs.chroma(0), io.outputs.bands(0)) {
            map_rows(chroma, bands, |v| if v.is_finite() { v } else { 0.0 });
        }
        Ok(())
    }
}

struct BankOfOne;

impl Node for BankOfOne {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(latent) = io.inputs.latent(0) else { return Ok(()) };
        io.outputs.set(
            0,
            Value::LatentBank(Arc::new(LatentBank {
                space: latent.space,
                num_ws: latent.num_ws(),
                dim: latent.dim,
                data: latent.data.clone(),
            })),
        );
        Ok(())
    }
}

/// Maps this tick's rows. In a tick without one the latest row still follows the input's, which may
/// have moved on in blocks that a frame did not see.
fn map_rows<T: Copy + Default>(from: &Hops<T>, to: &mut Hops<f32>, f: impl Fn(T) -> f32) {
    to.hop_secs = from.hop_secs;
    to.begin(from.num_bins());
    let push = |to: &mut Hops<f32>, row: &[T]| {
        for (out, v) in to.push().iter_mut().zip(row) {
            *out = f(*v);
        }
    };
    if from.num_fresh() == 0
        && let Some(row) = from.latest()
    {
        push(to, row);
        to.begin(from.num_bins());
    }
    for row in from.fresh() {
        push(to, row);
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex32;

    use super::*;
    use crate::harness::Harness;
    use crate::value::{Bands, Latent, Space, Spectrum};

    fn harness(spec: &'static NodeSpec) -> Harness {
        Harness::new(spec).prepare().unwrap()
    }

    #[test]
    fn a_control_triggers_where_it_rises_through_a_half() {
        let mut node = harness(&CONTROL_TO_TRIGGER);
        let run = |node: &mut Harness| -> Vec<u32> {
            [0.6, 0.7, 0.5, 0.51, f32::NAN, 1.0]
                .map(|v| {
                    node.input("control", Value::Control(v));
                    node.tick().unwrap();
                    node.trigger("trigger")
                })
                .into()
        };
        assert_eq!(run(&mut node), [1, 0, 0, 1, 0, 1]);
        // The last value was above a half, so that the first is no rise, until a reset.
        assert_eq!(run(&mut node), [0, 0, 0, 1, 0, 1]);
        node.reset();
        assert_eq!(run(&mut node), [1, 0, 0, 1, 0, 1]);
    }

    #[test]
    fn a_rise_outlasts_a_new_instance() {
        let mut old = RisingEdge { above: true };
        let mut new = RisingEdge::default();
        new.adopt(&mut old);
        assert!(new.above);
    }

    #[test]
    fn hits_become_a_number() {
        let mut node = harness(&TRIGGER_TO_CONTROL);
        for hits in [0, 3, 1] {
            node.input("trigger", Value::Trigger(hits));
            node.tick().unwrap();
            assert_eq!(node.control("control"), hits as f32);
        }
    }

    fn bands(node: &Harness) -> &Bands {
        match node.output("bands") {
            Value::Bands(bands) => bands,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_spectrum_becomes_its_magnitudes() {
        let mut node = harness(&SPECTRUM_TO_BANDS);
        let mut spectrum = Spectrum::default();
        spectrum.hops.hop_secs = 0.01;
        let mut feed = |rows: &[[Complex32; 2]], node: &mut Harness| {
            spectrum.hops.begin(2);
            for row in rows {
                spectrum.hops.push().copy_from_slice(row);
            }
            node.input("spectrum", Value::Spectrum(Arc::new(spectrum.clone())));
            node.tick().unwrap();
        };
        let row = |re, im| [Complex32::new(re, im), Complex32::new(f32::NAN, 0.0)];
        feed(&[], &mut node);
        assert_eq!(bands(&node).latest(), None);
        feed(&[row(3.0, 4.0), row(-1.0, 0.0)], &mut node);
        assert_eq!(bands(&node).fresh().collect::<Vec<_>>(), [[5.0, 0.0], [1.0, 0.0]]);
        assert_eq!(bands(&node).hop_secs, 0.01);
        feed(&[], &mut node);
        assert_eq!((bands(&node).num_fresh(), bands(&node).latest()), (0, Some(&[1.0, 0.0][..])));
    }

    #[test]
    fn chroma_that_came_between_frames_is_not_missed() {
        let mut node = harness(&CHROMA_TO_BANDS);
        let mut chroma = Bands::default();
        chroma.begin(12);
        chroma.push()[3] = 0.5;
        // The frame sees a later block, which brought no row.
        chroma.begin(12);
        node.input("chroma", Value::Chroma(Arc::new(chroma)));
        node.tick().unwrap();
        assert_eq!(bands(&node).num_fresh(), 0);
        assert_eq!(bands(&node).latest().map(|row| row[3]), Some(0.5));
    }

    #[test]
    fn a_latent_becomes_a_bank_of_one() {
        let mut node = harness(&LATENT_TO_BANK);
        let latent = Latent { space: Space::WPlus, dim: 2, data: vec![1.0, 2.0, 3.0, 4.0] };
        node.input("latent", Value::Latent(Arc::new(latent.clone())));
        node.tick().unwrap();
        let Value::LatentBank(bank) = node.output("bank") else { panic!() };
        assert_eq!((bank.space, bank.num_ws, bank.dim, bank.len()), (Space::WPlus, 2, 2, 1));
        assert_eq!(bank.get(0), latent.data);
    }
}
