//! How the music is tuned.

use lumawire_analysis::signal::keep_over;
use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_analysis::spectrum::tuning::{RunningTuning, TuningStudy};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};

use super::layout::layout_of;
use super::look_ahead::{HEARING, looks_ahead};

const IN_SPECTRUM: usize = 0;
const OUT_TUNING: usize = 0;
const OUT_A4_HZ: usize = 1;
const PARAM_MEMORY_SECS: usize = 0;
const PARAM_HEARING: usize = 1;

/// Notes in an octave.
const NUM_NOTES: usize = 12;

/// `analysis.tuning`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.tuning",
    version: 1,
    label: "Tuning",
    doc: "How far the music's notes lie from those of a piano at A4 = 440 Hz. Peaks of the spectrum \
          from 150 to 4000 Hz, at least a tenth of the row's highest and as high as their median, \
          are counted by their distance from the nearest semitone in steps of 0.01: the fullest \
          step is the tuning (librosa's estimate_tuning). −0.5..0.5 semitones; cents are a \
          hundred times that, and A4 = 440·2^(tuning/12) Hz. Causal: counts fade over \
          `memory_secs`, and steps count with two neighbours on either side; no latency beyond the \
          spectrum's. Looking ahead: one value for the whole sound, which it hears first.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[
        Port::output("tuning", PortType::Control, "Above 440 Hz, −0.5..0.5 semitones."),
        Port::output("a4_hz", PortType::Control, "Where A4 lies, in Hz: 427..453."),
    ],
    params: &[
        Param::float("memory_secs", "Memory", 20.0, (2.0, 60.0))
            .hard(0.1, 3_600.0)
            .unit(Unit::Secs)
            .doc("While causal: time constant with which notes are forgotten."),
        HEARING,
    ],
    build: || Box::<Tuning>::default(),
};

#[derive(Default)]
struct Tuning {
    layout: Layout,
    magnitudes: Vec<f32>,
    running: RunningTuning,
    study: Option<TuningStudy>,
    learnt: Option<f32>,
}

impl Node for Tuning {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.study = looks_ahead(cx, PARAM_HEARING).then(TuningStudy::default);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM)
            && let Some(layout) = layout_of(spectrum)
            && self.learnt.is_none()
        {
            self.prepare_for(layout);
            let memory_secs = f64::from(io.params.float(PARAM_MEMORY_SECS));
            let keep = keep_over(layout.hop_secs(), memory_secs);
            for row in spectrum.hops.fresh() {
                for (magnitude, &bin) in self.magnitudes.iter_mut().zip(row) {
                    *magnitude = bins::magnitude(bin);
                }
                self.running.push(&self.magnitudes, &layout, NUM_NOTES, keep);
                if let Some(study) = &mut self.study {
                    study.push(&self.magnitudes, &layout);
                }
            }
        }
        let tuning = self.learnt.unwrap_or_else(|| self.running.tuning());
        io.outputs.set_control(OUT_TUNING, tuning);
        io.outputs.set_control(OUT_A4_HZ, 440.0 * (tuning / 12.0).exp2());
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn studies(&self) -> bool {
        self.study.is_some()
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        self.learnt = self.study.take().map(|study| study.tuning(NUM_NOTES) as f32);
        Ok(())
    }

    fn reset(&mut self) {
        self.running = RunningTuning::default();
        self.study.iter_mut().for_each(TuningStudy::clear);
    }
}

impl Tuning {
    fn prepare_for(&mut self, layout: Layout) {
        if self.layout != layout {
            self.layout = layout;
            self.magnitudes.resize(layout.num_bins(), 0.0);
            self.running = RunningTuning::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::testing::{Chain, a10};

    #[test]
    fn looking_ahead_it_matches_the_reference() {
        let mut chain = Chain::stft().then(&SPEC, Harness::looks_ahead);
        let mut sound = a10();
        sound.resize(sound.len() + 1024, 0.0);
        chain.feed_channels(&[sound.clone()], |_| {});
        chain.learn();
        chain.feed_channels(&[sound[..1024].to_vec()], |h| {
            assert_eq!(h.control("tuning"), 0.27);
            assert!((h.control("a4_hz") - 446.916).abs() < 1e-2);
        });
    }

    #[test]
    fn causal_it_follows() {
        let tone = |semitones: f64| {
            let hz = 660.0 * (semitones / 12.0).exp2();
            let step = std::f64::consts::TAU * hz / 22_050.0;
            move |i: u32| (step * f64::from(i)).sin() as f32
        };
        let mut sound: Vec<f32> = (0..44_100).map(tone(0.2)).collect();
        sound.extend((0..88_200).map(tone(-0.2)));
        let mut found = Vec::new();
        Chain::stft()
            .then(&SPEC, |h| h.param("memory_secs", 1.0_f32))
            .feed(&sound, |h| found.push(h.control("tuning")));
        // E5 is 2 cents above 659.26 Hz here.
        assert!((found[80] - 0.22).abs() < 0.04, "{}", found[80]);
        assert!((found[255] + 0.18).abs() < 0.04, "{}", found[255]);
    }
}
