//! Which notes sound.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::layout::layout_of;
use super::look_ahead::{HEARING, looks_ahead};
use lumawire_analysis::signal::keep_over;
use lumawire_analysis::spectrum::chroma_bank::{ChromaBank, NUM_CLASSES};
use lumawire_analysis::spectrum::norm::Norm;
use lumawire_analysis::spectrum::tuning::{RunningTuning, TuningStudy};
use lumawire_analysis::spectrum::{bins, layout::Layout};

const IN_SPECTRUM: usize = 0;
const OUT_CHROMA: usize = 0;
const PARAM_TUNING: usize = 0;
const PARAM_NORMALISE: usize = 1;
const PARAM_TUNE: usize = 2;
const PARAM_HEARING: usize = 3;

/// `analysis.chroma`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.chroma",
    version: 1,
    label: "Chroma",
    doc: "How strongly each of the twelve notes sounds, whatever the octave. The power of all bins \
          is summed by pitch class, each bin spread over its neighbouring classes and weighted by a \
          bell about the fifth octave above A0 (Ellis 2007; librosa's chroma_stft), then each row \
          is divided as `normalise` says. [hops, n_fft/2 + 1] to [hops, 12], C first. An n_fft of \
          4096 or more tells low notes apart at 48 kHz. No latency beyond the spectrum's. Tuned by \
          itself, causal: by the notes of the last 20 s, in steps of 0.05 semitones; looking ahead: \
          by the whole sound, which it hears first, as librosa's estimate_tuning from powers.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[Port::output("chroma", PortType::Chroma, "Note energies, C first, [hops, 12].")],
    params: &[
        Param::float("tuning", "Tuning", 0.0, (-0.5, 0.5))
            .hard(-12.0, 12.0)
            .unit(Unit::Semitones)
            .doc("How far the music's A4 lies from 440 Hz, where it is fixed."),
        Param::choice("normalise", "Normalise", Norm::OPTIONS).doc(
            "What each row is divided by: its maximum, its sum, its root sum of squares, or nothing. Rows of silence stay 0.",
        ),
        Param::choice("tune", "Tune", &["fixed", "auto"])
            .rebuild()
            .doc("Fixed takes the tuning above; auto hears how far the music lies from 440 Hz."),
        HEARING,
    ],
    build: || Box::<ChromaNode>::default(),
};

/// Time constant of the running tuning, and by how much it must move to count: the bank is then made
/// anew.
const TUNING_MEMORY_SECS: f64 = 20.0;
const TUNING_STEP: f32 = 0.05;

#[derive(Default)]
struct ChromaNode {
    layout: Layout,
    tuning: f32,
    bank: ChromaBank,
    powers: Vec<f32>,
    hearing: Hearing,
}

/// Where the tuning comes from.
#[derive(Default)]
enum Hearing {
    #[default]
    Fixed,
    Running(Box<RunningTuning>, Option<TuningStudy>),
    Learnt(f32),
}

impl Node for ChromaNode {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        if cx.params.choice(PARAM_TUNE) == 1 {
            let study = looks_ahead(cx, PARAM_HEARING).then(TuningStudy::default);
            self.hearing = Hearing::Running(Box::default(), study);
        }
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let Some(layout) = layout_of(spectrum) else { return Ok(()) };
        let tuning = match &self.hearing {
            Hearing::Fixed => io.params.float(PARAM_TUNING),
            Hearing::Running(..) => self.tuning,
            Hearing::Learnt(tuning) => *tuning,
        };
        self.prepare_for(layout, tuning);
        let norm = Norm::from_index(io.params.choice(PARAM_NORMALISE));
        let Some(out) = io.outputs.chroma(OUT_CHROMA) else { return Ok(()) };
        out.begin(NUM_CLASSES);
        out.hop_secs = layout.hop_secs();
        for row in spectrum.hops.fresh() {
            for (power, &bin) in self.powers.iter_mut().zip(row) {
                *power = bins::power(bin);
            }
            self.hear();
            let chroma = out.push();
            self.bank.apply(&self.powers, chroma);
            norm.apply(chroma);
        }
        Ok(())
    }

    fn studies(&self) -> bool {
        matches!(self.hearing, Hearing::Running(_, Some(_)))
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        if let Hearing::Running(_, Some(study)) = &self.hearing {
            self.hearing = Hearing::Learnt(study.tuning(NUM_CLASSES) as f32);
        }
        Ok(())
    }

    fn reset(&mut self) {
        if let Hearing::Running(running, study) = &mut self.hearing {
            **running = RunningTuning::default();
            study.iter_mut().for_each(TuningStudy::clear);
            self.prepare_for(self.layout, 0.0);
        }
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

    /// Lets the tuning follow the row of powers at hand, where it does so.
    fn hear(&mut self) {
        let Hearing::Running(running, study) = &mut self.hearing else { return };
        let keep = keep_over(self.layout.hop_secs(), TUNING_MEMORY_SECS);
        running.push(&self.powers, &self.layout, NUM_CLASSES, keep);
        if let Some(study) = study {
            study.push(&self.powers, &self.layout);
        }
        let tuning = running.tuning();
        if (tuning - self.tuning).abs() >= TUNING_STEP {
            self.prepare_for(self.layout, tuning);
        }
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

    #[test]
    fn tuned_by_the_whole_sound_it_matches_the_reference() {
        let mut chain = Chain::stft().then(&SPEC, |h| h.param("tune", "auto").looks_ahead());
        let mut sound = a10();
        sound.resize(sound.len() + 1024, 0.0);
        let mut rows = Vec::new();
        for hearing in 0..2 {
            rows.clear();
            chain.feed_channels(&[sound.clone()], |h| match h.output("chroma") {
                Value::Chroma(c) => rows.extend(c.fresh().flatten().copied()),
                other => panic!("{other:?}"),
            });
            if hearing == 0 {
                chain.learn();
            }
        }
        let expected = columns(&reference("librosa/chroma_stft_est.bin"), 431);
        let error = max_abs_diff(&rows, &expected);
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn tuned_by_itself_it_finds_the_note() {
        for (semitones, class) in [(0.4, 9), (-0.45, 9), (1.3, 10)] {
            let step = std::f64::consts::TAU * 880.0 * 2.0_f64.powf(semitones / 12.0) / 22_050.0;
            let sound: Vec<f32> = (0..22_050).map(|i| (step * f64::from(i)).sin() as f32).collect();
            let mut last = Vec::new();
            let chain = Chain::stft().then(&SPEC, |h| h.param("tune", "auto"));
            chain.feed(&sound[..20_480], |h| match h.output("chroma") {
                Value::Chroma(c) if c.num_fresh() > 0 => last = c.fresh().last().unwrap().to_vec(),
                _ => {}
            });
            let others = last.iter().enumerate().filter(|(i, _)| *i != class);
            let loudest = others.map(|(_, &v)| v).fold(0.0, f32::max);
            assert!(last[class] == 1.0 && loudest < 0.8, "{semitones}: {last:?}");
        }
    }
}
