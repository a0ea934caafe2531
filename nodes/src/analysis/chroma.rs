//! Which notes sound.

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::layout::layout_of;
use lumawire_analysis::spectrum::chroma_bank::{ChromaBank, NUM_CLASSES};
use lumawire_analysis::spectrum::{bins, layout::Layout};

const IN_SPECTRUM: usize = 0;
const OUT_CHROMA: usize = 0;
const PARAM_TUNING: usize = 0;
const PARAM_NORMALISE: usize = 1;

/// `analysis.chroma`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.chroma",
    version: 1,
    label: "Chroma",
    doc: "How strongly each of the twelve notes sounds, whatever the octave. The power of all bins \
          is summed by pitch class, each bin spread over its neighbouring classes and weighted by a \
          bell about the fifth octave above A0 (Ellis 2007; librosa's chroma_stft), then each row \
          is divided as `normalise` says. [hops, n_fft/2 + 1] to [hops, 12], C first. An n_fft of \
          4096 or more tells low notes apart at 48 kHz. No latency beyond the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[Port::output("chroma", PortType::Chroma, "Note energies, C first, [hops, 12].")],
    params: &[
        Param::float("tuning", "Tuning", 0.0, (-0.5, 0.5))
            .hard(-12.0, 12.0)
            .unit(Unit::Semitones)
            .doc("How far the music's A4 lies from 440 Hz."),
        Param::choice("normalise", "Normalise", &["max", "sum", "l2", "none"]).doc(
            "What each row is divided by: its maximum, its sum, its root sum of squares, or nothing. Rows of silence stay 0.",
        ),
    ],
    build: || Box::<ChromaNode>::default(),
};

#[derive(Default)]
struct ChromaNode {
    layout: Layout,
    tuning: f32,
    bank: ChromaBank,
    powers: Vec<f32>,
}

impl Node for ChromaNode {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let Some(layout) = layout_of(spectrum) else { return Ok(()) };
        self.prepare_for(layout, io.params.float(PARAM_TUNING));
        let norm = io.params.choice(PARAM_NORMALISE);
        let Some(out) = io.outputs.chroma(OUT_CHROMA) else { return Ok(()) };
        out.begin(NUM_CLASSES);
        out.hop_secs = layout.hop_secs();
        for row in spectrum.hops.fresh() {
            for (power, &bin) in self.powers.iter_mut().zip(row) {
                *power = bins::power(bin);
            }
            let chroma = out.push();
            self.bank.apply(&self.powers, chroma);
            normalise(chroma, norm);
        }
        Ok(())
    }
}

impl ChromaNode {
    fn prepare_for(&mut self, layout: Layout, tuning: f32) {
        if self.layout != layout || self.tuning != tuning {
            (self.layout, self.tuning) = (layout, tuning);
            self.bank.rebuild(layout.n_fft, f64::from(layout.sample_rate_hz), f64::from(tuning));
            self.powers.resize(layout.num_bins(), 0.0);
        }
    }
}

fn normalise(row: &mut [f32], norm: usize) {
    let size = match norm {
        0 => row.iter().copied().fold(0.0, f32::max),
        1 => row.iter().sum(),
        2 => row.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt() as f32,
        _ => 1.0,
    };
    // As librosa: a row too faint to divide by stays as it is.
    if size >= f32::MIN_POSITIVE {
        row.iter_mut().for_each(|v| *v /= size);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;

    use super::*;
    use crate::analysis::testing::{Chain, a10, columns, max_abs_diff, reference};

    fn rows(norm: &str, tuning: f32, sound: &[f32]) -> Vec<f32> {
        let mut rows = Vec::new();
        Chain::stft().then(&SPEC, |h| h.param("normalise", norm).param("tuning", tuning)).feed(
            sound,
            |h| match h.output("chroma") {
                Value::Chroma(c) => rows.extend(c.fresh().flatten().copied()),
                other => panic!("{other:?}"),
            },
        );
        rows
    }

    #[test]
    fn matches_the_reference() {
        let expected = columns(&reference("librosa/chroma_stft_tuning0.bin"), 431);
        let error = max_abs_diff(&rows("max", 0.0, &a10()), &expected);
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn each_norm_makes_rows_of_size_one() {
        type Size = fn(&[f32]) -> f32;
        let sizes: [(&str, Size); 3] = [
            ("max", |r| r.iter().copied().fold(0.0, f32::max)),
            ("sum", |r| r.iter().sum()),
            ("l2", |r| r.iter().map(|v| v * v).sum::<f32>().sqrt()),
        ];
        let sound = &a10()[..8192];
        for (norm, size) in sizes {
            for row in rows(norm, 0.0, sound).chunks(12) {
                assert!((size(row) - 1.0).abs() < 1e-5, "{norm}");
            }
        }
        assert_ne!(rows("none", 0.0, sound), rows("max", 0.0, sound));
        assert!(rows("sum", 0.0, &[0.0; 4096]).iter().all(|&v| v == 0.0));
    }

    /// A tone a quarter tone above A is an A again once the tuning says so.
    #[test]
    fn follows_the_tuning() {
        let hz = 880.0 * 2.0_f64.powf(0.5 / 12.0);
        let step = std::f64::consts::TAU * hz / 22_050.0;
        let sound: Vec<f32> = (0..8192).map(|i| (step * f64::from(i)).sin() as f32).collect();
        let row = rows("max", 0.5, &sound)[48..60].to_vec();
        assert_eq!(row.iter().position(|&v| v == 1.0), Some(9));
        assert!(row.iter().enumerate().all(|(i, &v)| i == 9 || v < 0.9), "{row:?}");
        let untuned = rows("max", 0.0, &sound)[48..60].to_vec();
        assert!(untuned[9] > 0.5 && untuned[10] > 0.5, "{untuned:?}");
    }
}
