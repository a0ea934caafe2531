//! Energy on the mel scale.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::layout::layout_of;
use lumawire_analysis::spectrum::mel_bank::{MelBank, MelScale};
use lumawire_analysis::spectrum::{bins, layout::Layout};

const IN_SPECTRUM: usize = 0;
const OUT_BANDS: usize = 0;
const PARAM_NUM_MELS: usize = 0;
const PARAM_MIN_HZ: usize = 1;
const PARAM_MAX_HZ: usize = 2;
const PARAM_SCALE: usize = 3;
const PARAM_POWER: usize = 4;
const PARAM_LOG: usize = 5;

/// `analysis.mel`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.mel",
    version: 1,
    label: "Mel bands",
    doc: "Sums the spectrum into bands that stand as evenly as the ear hears them. band = Σ \
          weight·|X|^power over triangles between `min_hz` and `max_hz`, as librosa's \
          melspectrogram; in dB if asked: 10·log10(band), −100 dB at the least. [hops, n_fft/2 + 1] \
          to [hops, num_mels]. No latency beyond the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[Port::output("bands", PortType::Bands, "Mel bands, lowest first, [hops, num_mels].")],
    params: &[
        Param::int("num_mels", "Bands", 128, (8, 256))
            .hard_int(1, 512)
            .rebuild()
            .doc("Number of bands."),
        Param::float("min_hz", "Low", 0.0, (0.0, 2_000.0))
            .hard(0.0, 48_000.0)
            .unit(Unit::Hz)
            .rebuild()
            .doc("Where the lowest triangle starts."),
        Param::float("max_hz", "High", 48_000.0, (1_000.0, 48_000.0))
            .hard(1.0, 96_000.0)
            .unit(Unit::Hz)
            .rebuild()
            .doc("Where the highest triangle ends; half the sample rate at the most."),
        Param::choice("scale", "Scale", &["slaney", "htk"])
            .rebuild()
            .doc("Slaney: linear below 1 kHz, triangles of equal area. HTK: 2595·log10(1 + f/700), triangles of equal height."),
        Param::float("power", "Power", 2.0, (0.5, 3.0))
            .hard(0.1, 4.0)
            .doc("Exponent on the magnitude: 2 sums energy, 1 amplitude."),
        Param::switch("log", "Decibels", false).doc("Gives decibels instead of sums."),
    ],
    build: || Box::<Mel>::default(),
};

#[derive(Default)]
struct Mel {
    num_mels: usize,
    range_hz: (f64, f64),
    htk: bool,
    layout: Layout,
    bank: MelBank,
    powers: Vec<f32>,
}

impl Node for Mel {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let hz = |i| f64::from(cx.params.float(i));
        self.num_mels = usize::try_from(cx.params.int(PARAM_NUM_MELS)).unwrap_or(1);
        self.range_hz = (hz(PARAM_MIN_HZ), hz(PARAM_MAX_HZ));
        self.htk = cx.params.choice(PARAM_SCALE) == 1;
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let Some(layout) = layout_of(spectrum) else { return Ok(()) };
        self.prepare_for(layout);
        let (exponent, log) = (io.params.float(PARAM_POWER), io.params.switch(PARAM_LOG));
        let Some(out) = io.outputs.bands(OUT_BANDS) else { return Ok(()) };
        out.begin(self.num_mels);
        out.hop_secs = layout.hop_secs();
        for row in spectrum.hops.fresh() {
            for (power, &bin) in self.powers.iter_mut().zip(row) {
                *power = match exponent {
                    2.0 => bins::power(bin),
                    e => bins::magnitude(bin).powf(e),
                };
            }
            let bands = out.push();
            self.bank.apply(&self.powers, bands);
            if log {
                bands.iter_mut().for_each(|b| *b = bins::db_from_power(*b));
            }
        }
        Ok(())
    }
}

impl Mel {
    fn prepare_for(&mut self, layout: Layout) {
        if self.layout == layout {
            return;
        }
        self.layout = layout;
        let nyquist_hz = f64::from(layout.sample_rate_hz) / 2.0;
        let (a, b) = self.range_hz;
        let low = a.min(b).min(nyquist_hz - 1.0);
        let high = a.max(b).clamp(low + 1.0, nyquist_hz);
        let scale = if self.htk { MelScale::Htk } else { MelScale::Slaney };
        self.bank =
            MelBank::new(scale, self.num_mels, (low, high), layout.num_bins(), layout.bin_hz());
        self.powers.resize(layout.num_bins(), 0.0);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;

    use super::*;
    use crate::analysis::testing::{Chain, a10, columns, max_abs_diff, peak, reference};

    fn bands(scale: &'static str, log: bool) -> Vec<f32> {
        let mut bands = Vec::new();
        Chain::stft_with("1024", 256, "hamming")
            .then(&SPEC, |h| h.param("scale", scale).param("log", log))
            .feed(&a10(), |h| match h.output("bands") {
                Value::Bands(b) => bands.extend(b.fresh().flatten().copied()),
                other => panic!("{other:?}"),
            });
        bands
    }

    #[test]
    fn matches_the_reference() {
        for scale in ["slaney", "htk"] {
            let expected = columns(&reference(&format!("librosa/mel_{scale}.bin")), 862);
            let error = max_abs_diff(&bands(scale, false), &expected) / peak(&expected);
            assert!(error < 1e-5, "{scale}: {error}");

            let floor_db = 10.0 * peak(&expected).log10() - 60.0;
            let (db, expected): (Vec<f32>, Vec<f32>) = bands(scale, true)
                .into_iter()
                .zip(expected.into_iter().map(bins::db_from_power))
                .filter(|(_, e)| *e > floor_db)
                .unzip();
            let error = max_abs_diff(&db, &expected);
            assert!(error < 1e-3, "{scale}: {error} dB");
        }
    }
}
