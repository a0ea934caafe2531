//! How far peaks stand out from valleys.

use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::contrast::{CausalContrast, ContrastSettings};
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::layout::layout_of;

const IN_SPECTRUM: usize = 0;
const OUT_BANDS: usize = 0;
const PARAM_LOW_HZ: usize = 0;
const PARAM_NUM_OCTAVES: usize = 1;
const PARAM_QUANTILE: usize = 2;

/// `analysis.contrast`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.contrast",
    version: 1,
    label: "Contrast",
    doc: "How clearly notes stand out of the noise, octave by octave: high where the spectrum has \
          peaks and valleys, low where it is even. band = 10·log10 of the mean of the strongest \
          `quantile` of its bins' |X| less that of the faintest, in dB (Jiang et al. 2002; \
          librosa's spectral_contrast). The lowest band lies below `low_hz`, the next are octaves, \
          the last goes on to half the sample rate; one without bins stays 0. Peaks and valleys \
          each stay at most 80 dB below the largest so far (librosa: of the whole clip). \
          [hops, n_fft/2 + 1] to [hops, num_octaves + 1]; map.band picks one. No latency beyond \
          the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[Port::output(
        "bands",
        PortType::Bands,
        "Contrast in dB, lowest band first, [hops, num_octaves + 1].",
    )],
    params: &[
        Param::float("low_hz", "Low", 200.0, (50.0, 1_000.0))
            .hard(10.0, 24_000.0)
            .unit(Unit::Hz)
            .rebuild()
            .doc("Upper edge of the lowest band."),
        Param::int("num_octaves", "Octaves", 6, (1, 8))
            .hard_int(1, 12)
            .rebuild()
            .doc("Number of octaves above it."),
        Param::float("quantile", "Quantile", 0.02, (0.01, 0.5))
            .hard(0.001, 0.5)
            .rebuild()
            .doc("Share of a band's bins that make its peak, and its valley; at least one bin."),
    ],
    build: || Box::<Contrast>::default(),
};

#[derive(Default)]
struct Contrast {
    settings: ContrastSettings,
    layout: Layout,
    contrast: Option<CausalContrast>,
    magnitudes: Vec<f32>,
}

impl Node for Contrast {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        // As it is written: numbers of bins are rounded, and 0.02 · 75 is to be 1.5.
        let quantile = (f64::from(cx.params.float(PARAM_QUANTILE)) * 1e6).round() / 1e6;
        self.settings = ContrastSettings {
            fmin_hz: f64::from(cx.params.float(PARAM_LOW_HZ)),
            num_octaves: usize::try_from(cx.params.int(PARAM_NUM_OCTAVES)).unwrap_or(1),
            quantile,
        };
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let Some(layout) = layout_of(spectrum) else { return Ok(()) };
        if self.layout != layout {
            (self.layout, self.contrast) = (layout, None);
        }
        let contrast =
            self.contrast.get_or_insert_with(|| CausalContrast::new(&self.settings, layout));
        let Some(out) = io.outputs.bands(OUT_BANDS) else { return Ok(()) };
        out.begin(self.settings.num_bands());
        out.hop_secs = layout.hop_secs();
        for row in spectrum.hops.fresh() {
            bins::magnitudes_into(row, &mut self.magnitudes);
            contrast.push(&self.magnitudes, out.push());
        }
        Ok(())
    }

    fn reset(&mut self) {
        if let Some(contrast) = &mut self.contrast {
            contrast.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;

    use super::*;
    use crate::analysis::testing::{Chain, a10, columns, max_abs_diff, reference};

    /// Nothing in the clip lies 80 dB below its largest: the causal form is librosa's.
    #[test]
    fn matches_the_reference() {
        let mut rows = Vec::new();
        Chain::stft().then(&SPEC, |h| h).feed(&a10(), |h| match h.output("bands") {
            Value::Bands(b) => rows.extend(b.fresh().flatten().copied()),
            other => panic!("{other:?}"),
        });
        let expected = columns(&reference("librosa/spectral_contrast.bin"), 431);
        let error = max_abs_diff(&rows, &expected);
        assert!(error < 1e-3, "{error} dB");
    }
}
