//! Timbre in a few numbers.

use lumawire_analysis::spectrum::decibels::Decibels;
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_analysis::spectrum::mel::MelSettings;
use lumawire_analysis::spectrum::mfcc::{CausalMfcc, MfccSettings};
use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role};

use super::layout::layout_of;

const IN_SPECTRUM: usize = 0;
const OUT_MFCC: usize = 0;
const PARAM_NUM_MFCC: usize = 0;
const PARAM_NUM_MELS: usize = 1;

/// `analysis.mfcc`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.mfcc",
    version: 1,
    label: "MFCC",
    doc: "Timbre in a few numbers, whatever the pitch: the mel-frequency cepstral coefficients. Mel \
          bands (Slaney's, 0 Hz to half the sample rate) in dB, at most 80 dB below the loudest so \
          far, then their orthonormal discrete cosine transform (type II): librosa's mfcc, whose \
          loudest is that of the whole clip. The first coefficient follows the loudness, the \
          second the balance of low against high, the others ever finer shapes; all lie within \
          some ±300. [hops, n_fft/2 + 1] to [hops, num_mfcc]; map.band picks one, \
          control.normalise brings it to 0..1. No latency beyond the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[Port::output("mfcc", PortType::Bands, "Coefficients, [hops, num_mfcc].")],
    params: &[
        Param::int("num_mfcc", "Coefficients", 20, (2, 40))
            .hard_int(1, 128)
            .rebuild()
            .doc("Number of coefficients; those beyond the number of bands are 0."),
        Param::int("num_mels", "Bands", 128, (20, 256))
            .hard_int(1, 512)
            .rebuild()
            .doc("Number of mel bands under them."),
    ],
    build: || Box::<Mfcc>::default(),
};

#[derive(Default)]
struct Mfcc {
    settings: MfccSettings,
    layout: Layout,
    mfcc: Option<CausalMfcc>,
}

impl Node for Mfcc {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let num = |i| usize::try_from(cx.params.int(i)).unwrap_or(1);
        let mel = MelSettings { num_mels: num(PARAM_NUM_MELS), ..MelSettings::default() };
        let decibels = Decibels::default();
        self.settings = MfccSettings { num_mfcc: num(PARAM_NUM_MFCC), mel, decibels };
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let Some(layout) = layout_of(spectrum) else { return Ok(()) };
        if self.layout != layout {
            (self.layout, self.mfcc) = (layout, None);
        }
        let mfcc = self.mfcc.get_or_insert_with(|| CausalMfcc::new(&self.settings, layout));
        let Some(out) = io.outputs.bands(OUT_MFCC) else { return Ok(()) };
        out.begin(self.settings.num_mfcc);
        out.hop_secs = layout.hop_secs();
        for row in spectrum.hops.fresh() {
            mfcc.push(row, out.push());
        }
        Ok(())
    }

    fn reset(&mut self) {
        if let Some(mfcc) = &mut self.mfcc {
            mfcc.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;

    use super::*;
    use crate::analysis::testing::{Chain, a10, columns, max_abs_diff, reference};

    /// No band of the clip lies 80 dB below its loudest: the causal form is librosa's.
    #[test]
    fn matches_the_reference() {
        let mut rows = Vec::new();
        Chain::stft().then(&SPEC, |h| h).feed(&a10(), |h| match h.output("mfcc") {
            Value::Bands(b) => rows.extend(b.fresh().flatten().copied()),
            other => panic!("{other:?}"),
        });
        let error = max_abs_diff(&rows, &columns(&reference("librosa/mfcc.bin"), 431));
        assert!(error < 1e-3, "{error}");
    }
}
