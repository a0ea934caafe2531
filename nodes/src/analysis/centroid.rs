//! How bright the sound is.

use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::descriptors::centroid_hz;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Timing, Unit,
};

use super::layout::layout_of;
use super::place::log_place;

const IN_SPECTRUM: usize = 0;
const OUT_HZ: usize = 0;
const OUT_BRIGHTNESS: usize = 1;
const PARAM_LOW_HZ: usize = 0;
const PARAM_HIGH_HZ: usize = 1;

/// `analysis.centroid`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.centroid",
    version: 1,
    label: "Brightness",
    doc: "How bright the sound is: the centre of gravity of its spectrum. hz = Σ f·|X| / Σ |X| of \
          the latest row, 0 in silence, as librosa's spectral_centroid; brightness = log(hz/low) / \
          log(high/low), held within 0..1. No latency beyond the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[
        Port::output("hz", PortType::Control, "Centre of gravity, in Hz."),
        Port::output(
            "brightness",
            PortType::Control,
            "Its place between `low_hz` and `high_hz`, 0..1.",
        ),
    ],
    params: &[
        Param::float("low_hz", "Dark", 200.0, (50.0, 2_000.0))
            .hard(1.0, 48_000.0)
            .unit(Unit::Hz)
            .doc("Centre of gravity at which brightness is 0."),
        Param::float("high_hz", "Bright", 8_000.0, (2_000.0, 16_000.0))
            .hard(1.0, 48_000.0)
            .unit(Unit::Hz)
            .doc("Centre of gravity at which brightness is 1."),
    ],
    build: || Box::<Centroid>::default(),
};

#[derive(Default)]
struct Centroid {
    hz: f32,
    magnitudes: Vec<f32>,
}

impl Node for Centroid {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM)
            && let Some(layout) = layout_of(spectrum)
            && let Some(row) = spectrum.hops.fresh().last()
        {
            bins::magnitudes_into(row, &mut self.magnitudes);
            self.hz = centroid_hz(&self.magnitudes, layout.bin_hz()) as f32;
        }
        let (low, high) = (io.params.float(PARAM_LOW_HZ), io.params.float(PARAM_HIGH_HZ));
        io.outputs.set_control(OUT_HZ, self.hz);
        io.outputs.set_control(OUT_BRIGHTNESS, log_place(self.hz, low, high));
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn reset(&mut self) {
        self.hz = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::testing::{Chain, a10, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let mut hz = Vec::new();
        Chain::stft().then(&SPEC, |h| h).feed(&a10(), |h| {
            hz.push(h.control("hz"));
            assert!((0.0..=1.0).contains(&h.control(SPEC.outputs[1].id)));
        });
        // Row k comes with block k + 1 of 512 samples.
        let error = max_abs_diff(&hz[1..432], &reference("librosa/spectral_centroid.bin"));
        assert!(error < 0.1, "{error}");
    }
}
