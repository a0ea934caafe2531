//! Energy on the mel scale.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::layout::layout_of;
use lumawire_analysis::spectrum::decibels::{Decibels, Reference, RunningDecibels};
use lumawire_analysis::spectrum::mel::MelSettings;
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
const PARAM_REFERENCE: usize = 6;
const PARAM_FLOOR_DB: usize = 7;
const PARAM_RANGE_DB: usize = 8;

/// `analysis.mel`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.mel",
    version: 1,
    label: "Mel bands",
    doc: "Sums the spectrum into bands that stand as evenly as the ear hears them. band = Σ \
          weight·|X|^power over triangles between `min_hz` and `max_hz`, as librosa's \
          melspectrogram; in dB if asked, as its power_to_db: 10·log10(band/reference), where what \
          lies below `floor_db` or more than `range_db` below the loudest so far (librosa: of the \
          whole clip) is held there. [hops, n_fft/2 + 1] to [hops, num_mels]. No latency beyond \
          the spectrum's. MVNet's: sound at 22 050 Hz, an STFT of 1024 with hop 256 and a Hamming \
          window, 128 bands, decibels.",
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
        Param::choice("reference", "Reference", &["one", "max"])
            .doc("What 0 dB is: a sum of 1, or the largest so far."),
        Param::float("floor_db", "Floor", -100.0, (-120.0, -40.0))
            .hard(-300.0, 100.0)
            .unit(Unit::Db)
            .doc("Least sum, in dB of a sum of 1 (librosa's amin: −100 dB is 1e-10)."),
        Param::float("range_db", "Range", 0.0, (0.0, 120.0))
            .hard(0.0, 400.0)
            .unit(Unit::Db)
            .doc("How far below the loudest so far the others may lie (librosa's top_db, there 80); 0 for as far as they like."),
    ],
    build: || Box::<Mel>::default(),
};

struct Mel {
    settings: MelSettings,
    layout: Layout,
    bank: MelBank,
    powers: Vec<f32>,
    decibels: RunningDecibels,
}

impl Default for Mel {
    fn default() -> Self {
        Self {
            settings: MelSettings::default(),
            layout: Layout::default(),
            bank: MelBank::default(),
            powers: Vec::new(),
            decibels: RunningDecibels::new(Decibels::default()),
        }
    }
}

impl Node for Mel {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let hz = |i| f64::from(cx.params.float(i));
        let is_htk = cx.params.choice(PARAM_SCALE) == 1;
        self.settings = MelSettings {
            num_mels: usize::try_from(cx.params.int(PARAM_NUM_MELS)).unwrap_or(1),
            fmin_hz: hz(PARAM_MIN_HZ),
            fmax_hz: Some(hz(PARAM_MAX_HZ)),
            scale: if is_htk { MelScale::Htk } else { MelScale::Slaney },
            ..MelSettings::default()
        };
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let Some(layout) = layout_of(spectrum) else { return Ok(()) };
        self.prepare_for(layout);
        self.decibels.set(decibels(&io.params));
        let (exponent, log) = (io.params.float(PARAM_POWER), io.params.switch(PARAM_LOG));
        let Some(out) = io.outputs.bands(OUT_BANDS) else { return Ok(()) };
        out.begin(self.settings.num_mels);
        out.hop_secs = layout.hop_secs();
        for row in spectrum.hops.fresh() {
            for (power, &bin) in self.powers.iter_mut().zip(row) {
                *power = bins::raised(bin, exponent);
            }
            let bands = out.push();
            self.bank.apply(&self.powers, bands);
            if log {
                self.decibels.apply(bands);
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.decibels.reset();
    }
}

impl Mel {
    fn prepare_for(&mut self, layout: Layout) {
        if self.layout != layout {
            self.layout = layout;
            self.bank = self.settings.bank(layout);
            self.powers.resize(layout.num_bins(), 0.0);
            self.decibels.reset();
        }
    }
}

fn decibels(params: &Params<'_>) -> Decibels {
    let range_db = params.float(PARAM_RANGE_DB);
    Decibels {
        reference: match params.choice(PARAM_REFERENCE) {
            0 => Reference::Power(1.0),
            _ => Reference::Max,
        },
        amin: 10.0_f32.powf(params.float(PARAM_FLOOR_DB) / 10.0),
        top_db: (range_db > 0.0).then_some(range_db),
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

    /// 0 dB is the loudest so far, and nothing lies further below it than the range.
    #[test]
    fn decibels_below_the_loudest_so_far() {
        let mut rows: Vec<Vec<f32>> = Vec::new();
        let quiet_then_loud: Vec<f32> = a10()[..40_960]
            .iter()
            .enumerate()
            .map(|(i, x)| if i < 20_480 { x / 1e3 } else { *x })
            .collect();
        Chain::stft()
            .then(&SPEC, |h| h.param("log", true).param("reference", "max").param("range_db", 40.0))
            .feed(&quiet_then_loud, |h| match h.output("bands") {
                Value::Bands(b) => rows.extend(b.fresh().map(<[_]>::to_vec)),
                other => panic!("{other:?}"),
            });
        assert!(rows.iter().flatten().all(|db| (-40.001..=0.0).contains(db)));
        let loudest = |row: &[f32]| row.iter().copied().fold(f32::MIN, f32::max);
        assert_eq!(loudest(&rows[0]), 0.0);
        assert!(rows[..38].iter().all(|row| loudest(row) > -39.0));
        assert!(rows[42..].iter().any(|row| loudest(row) == 0.0));
    }
}
