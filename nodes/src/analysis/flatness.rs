//! How noisy the sound is.

use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::descriptors::{FLATNESS_AMIN, flatness};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Timing, Unit,
};

use super::layout::layout_of;
use super::place::linear_place;

const IN_SPECTRUM: usize = 0;
const OUT_FLATNESS: usize = 0;
const OUT_NOISINESS: usize = 1;
const PARAM_TONE_DB: usize = 0;
const PARAM_NOISE_DB: usize = 1;

/// `analysis.flatness`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.flatness",
    version: 1,
    label: "Flatness",
    doc: "Tells noise from tones: near 0 for a note, near 1 for hiss. flatness = geometric mean / \
          arithmetic mean of the powers |X|² of the latest row, each 1e-10 at the least, as \
          librosa's spectral_flatness: white noise gives some 0.56, silence 1. noisiness = its \
          place in dB between `tone_db` and `noise_db`, 0..1, and 0 in silence. No latency beyond \
          the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[
        Port::output("flatness", PortType::Control, "Geometric over arithmetic mean, 0..1."),
        Port::output(
            "noisiness",
            PortType::Control,
            "10·log10(flatness) between `tone_db` and `noise_db`, 0..1.",
        ),
    ],
    params: &[
        Param::float("tone_db", "Tone", -30.0, (-60.0, -10.0))
            .hard(-100.0, 0.0)
            .unit(Unit::Db)
            .doc("Flatness at which noisiness is 0."),
        Param::float("noise_db", "Noise", -3.0, (-20.0, 0.0))
            .hard(-100.0, 0.0)
            .unit(Unit::Db)
            .doc("Flatness at which noisiness is 1."),
    ],
    build: || Box::<Flatness>::default(),
};

#[derive(Default)]
struct Flatness {
    flatness: f32,
    /// Whether the latest row held anything.
    sounds: bool,
    magnitudes: Vec<f32>,
}

impl Node for Flatness {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM)
            && layout_of(spectrum).is_some()
            && let Some(row) = spectrum.hops.fresh().last()
        {
            bins::magnitudes_into(row, &mut self.magnitudes);
            self.flatness = flatness(&self.magnitudes) as f32;
            let floor = FLATNESS_AMIN.sqrt() as f32;
            self.sounds = self.magnitudes.iter().any(|&x| x > floor);
        }
        let range = (io.params.float(PARAM_TONE_DB), io.params.float(PARAM_NOISE_DB));
        let place = linear_place(bins::db_from_power(self.flatness), range.0, range.1);
        io.outputs.set_control(OUT_FLATNESS, self.flatness);
        io.outputs.set_control(OUT_NOISINESS, if self.sounds { place } else { 0.0 });
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn reset(&mut self) {
        (self.flatness, self.sounds) = (0.0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::testing::{Chain, a10, max_abs_diff, reference};

    fn run(sound: &[f32]) -> Vec<[f32; 2]> {
        let mut rows = Vec::new();
        Chain::stft()
            .then(&SPEC, |h| h)
            .feed(sound, |h| rows.push([h.control("flatness"), h.control("noisiness")]));
        rows
    }

    #[test]
    fn matches_the_reference() {
        let found: Vec<f32> = run(&a10()).iter().map(|r| r[0]).collect();
        // Row k comes with block k + 1 of 512 samples.
        let error = max_abs_diff(&found[1..432], &reference("librosa/spectral_flatness.bin"));
        assert!(error < 1e-6, "{error}");
    }

    #[test]
    fn noise_tone_and_silence() {
        let mut state = 1_u32;
        let noise: Vec<f32> = (0..16_384)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect();
        let tone: Vec<f32> = (0..16_384).map(|i| (i as f32 * 0.2).sin()).collect();
        let [noisy, pure, silent] = [&noise[..], &tone, &[0.0; 16_384]].map(|s| run(s)[20]);
        assert!((noisy[0] - 0.56).abs() < 0.06 && noisy[1] > 0.9, "{noisy:?}");
        assert!(pure[0] < 1e-3 && pure[1] == 0.0, "{pure:?}");
        assert!((silent[0] - 1.0).abs() < 1e-6 && silent[1] == 0.0, "{silent:?}");
    }
}
