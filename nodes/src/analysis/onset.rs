//! Where notes and beats begin.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::layout::layout_of;
use super::look_ahead::{HEARING, looks_ahead};
use super::onset_voice::{HitSettings, METHOD, MIN_GAP_SECS, PEAK_SECS, Rises, Voice};

const IN_SPECTRUM: usize = 0;
const OUT_STRENGTH: usize = 0;
const OUT_FLUX: usize = 1;
const OUT_HIT: usize = 2;
const PARAM_BAND: usize = 0;
const PARAM_LOW_HZ: usize = 1;
const PARAM_HIGH_HZ: usize = 2;
const PARAM_SENSITIVITY: usize = 3;
const PARAM_MIN_GAP_SECS: usize = 4;
const PARAM_PEAK_SECS: usize = 5;
const PARAM_METHOD: usize = 6;
const PARAM_HEARING: usize = 7;

/// Ranges of the choices of `band` after the first, which is free.
const BANDS_HZ: [(f32, f32); 4] =
    [(0.0, 96_000.0), (0.0, 150.0), (500.0, 6_000.0), (7_000.0, 96_000.0)];

/// `analysis.onset`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.onset",
    version: 1,
    label: "Onset",
    doc: "Tells when something begins: a note, a kick, a snare. flux = the mean, over those of 128 \
          mel bands (0 Hz to half the sample rate) whose centres lie within the band, of the rise \
          max(0, dB − dB of the row before), as librosa's onset_strength; bands stay at most 80 dB \
          below the loudest so far, which falls by 6 dB a second. Other methods compare 24 bands an \
          octave, 20·log10(1 + |X|), with the largest of three before (superflux), weighted by the \
          local group delay as well (complex flux; both Böck and Widmer 2013), or with the same \
          before (flux). Causal: strength = flux over its running peak, which stays within 1 to \
          15 dB and begins at 10; a hit comes when the strength is the largest of 30 ms and exceeds \
          the average of the last 0.15 s, 0.7 of their mean and 0.3 of their median, by \
          0.5·(1 − sensitivity), at the earliest `min_gap_secs` after the last. The rows that reach \
          back before the first sample tell of none. \
          Looking ahead: the node hears the whole sound first; strength = flux as a share of its \
          range over the sound, and a hit is a peak that exceeds the mean of 0.1 s to either side by \
          0.35·(1 − sensitivity): at 0.8 librosa's onset_detect. Either way an attack shows within \
          n_fft/2 samples of the spectrum's row, with no latency beyond the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[
        Port::output(
            "strength",
            PortType::Control,
            "Flux over its running peak, of the latest row, 0..1.",
        ),
        Port::output("flux", PortType::Control, "Mean rise of the latest row, in dB."),
        Port::output("hit", PortType::Trigger, "Onsets."),
    ],
    params: &[
        Param::choice("band", "Band", &["custom", "full", "kick", "snare", "hat"])
            .doc("Frequencies that count: custom, from `low_hz` to `high_hz`; else all, below 150 Hz, 500 Hz to 6 kHz, above 7 kHz."),
        Param::float("low_hz", "Low", 0.0, (0.0, 5_000.0))
            .hard(0.0, 96_000.0)
            .unit(Unit::Hz)
            .doc("Lowest frequency of the custom band."),
        Param::float("high_hz", "High", 48_000.0, (50.0, 48_000.0))
            .hard(1.0, 96_000.0)
            .unit(Unit::Hz)
            .doc("Highest frequency of the custom band."),
        Param::float("sensitivity", "Sensitivity", 0.8, (0.0, 1.0))
            .doc("How little a rise must stand out to be a hit."),
        MIN_GAP_SECS,
        PEAK_SECS,
        METHOD,
        HEARING,
    ],
    build: || Box::new(Onset { rises: Rises::new(0), voice: Voice::new(false) }),
};

struct Onset {
    rises: Rises,
    voice: Voice,
}

impl Node for Onset {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.rises = Rises::new(cx.params.choice(PARAM_METHOD));
        self.voice = Voice::new(looks_ahead(cx, PARAM_HEARING));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mut hits = 0;
        if let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM)
            && let Some(layout) = layout_of(spectrum)
        {
            if self.rises.prepare_for(layout) {
                self.voice.prepare_for(layout);
            }
            let params = io.params;
            let custom = (params.float(PARAM_LOW_HZ), params.float(PARAM_HIGH_HZ));
            let band = params.choice(PARAM_BAND).checked_sub(1).and_then(|i| BANDS_HZ.get(i));
            let (low_hz, high_hz) = band.copied().unwrap_or(custom);
            let settings = HitSettings {
                sensitivity: params.float(PARAM_SENSITIVITY),
                min_gap_secs: f64::from(params.float(PARAM_MIN_GAP_SECS)),
                peak_secs: f64::from(params.float(PARAM_PEAK_SECS)),
            };
            for row in spectrum.hops.fresh() {
                self.rises.push(row);
                let flux = self.rises.mean(low_hz, high_hz);
                hits += u32::from(self.voice.advance(flux, &settings));
            }
        }
        io.outputs.set_control(OUT_STRENGTH, self.voice.strength);
        io.outputs.set_control(OUT_FLUX, self.voice.flux);
        io.outputs.set_trigger(OUT_HIT, hits);
        Ok(())
    }

    fn studies(&self) -> bool {
        self.voice.studies()
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        self.voice.learn();
        Ok(())
    }

    fn reset(&mut self) {
        self.rises.clear();
        self.voice.reset();
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::testing::{
        Chain, a10, a10_clock, max_abs_diff, reference, reference_frames,
    };

    /// Flux, strength and hits of each row.
    fn run(sound: &[f32], configure: impl FnOnce(Chain) -> Chain) -> Vec<(f32, f32, u32)> {
        let mut rows = Vec::new();
        configure(Chain::stft()).feed(sound, |h| {
            rows.push((h.control("flux"), h.control("strength"), h.trigger("hit")));
        });
        rows
    }

    /// librosa shifts its envelope right by three frames, one of which is the difference: frame k
    /// is the flux of row k − 2, which a causal node has with block k − 1 of 512 samples.
    #[test]
    fn flux_matches_the_reference() {
        let rows = run(&a10(), |c| c.then(&SPEC, |h| h));
        let flux: Vec<f32> = rows[1..430].iter().map(|r| r.0).collect();
        let error = max_abs_diff(&flux, &reference("librosa/onset_strength.bin")[2..]);
        assert!(error < 1e-4, "{error}");
        assert!(rows.iter().all(|r| (0.0..=1.0).contains(&r.1)));
        assert!(rows[50..].iter().any(|r| r.1 == 1.0));
    }

    /// 2·matched/(found + expected), each found frame matching one expected within a frame.
    fn f_measure(found: &[i64], expected: &[i64]) -> f64 {
        let mut free: Vec<i64> = expected.to_vec();
        let matched = found.iter().filter(|&&f| {
            let place = free.iter().position(|&e| (e - f).abs() <= 1);
            place.map(|i| free.remove(i)).is_some()
        });
        2.0 * matched.count() as f64 / (found.len() + expected.len()) as f64
    }

    #[test]
    fn hits_agree_with_a_peak_picker_that_sees_the_whole_clip() {
        let rows = run(&a10(), |c| c.then(&SPEC, |h| h));
        let found: Vec<i64> = (1..).zip(&rows).filter(|(_, r)| r.2 > 0).map(|(k, _)| k).collect();
        let expected = reference_frames("librosa/onset_detect_frames.bin");
        let f = f_measure(&found, &expected);
        assert!(f > 0.88, "{f}");
    }

    /// librosa waits for one frame after an onset, as a gap of 46 ms does here.
    #[test]
    fn looking_ahead_hits_are_those_of_the_reference() {
        let mut spectra = Vec::new();
        Chain::stft().feed(&a10(), |h| spectra.push(h.output("spectrum").clone()));
        let mut node = Harness::new(&SPEC)
            .clock(a10_clock(512))
            .param("min_gap_secs", 0.046_f32)
            .looks_ahead()
            .prepare()
            .unwrap();
        let mut run = || {
            let mut found = Vec::new();
            for (block, spectrum) in (0_i64..).zip(&spectra) {
                node.input("spectrum", spectrum.clone());
                node.tick().unwrap();
                if node.trigger("hit") > 0 {
                    found.push(block + 1);
                }
            }
            (found, node.learn().unwrap()).0
        };
        let causal = run();
        let (first, second) = (run(), run());
        let expected = reference_frames("librosa/onset_detect_frames.bin");
        assert_ne!(causal, expected);
        assert_eq!(first, expected);
        assert_eq!(second, expected);
    }

    fn white(state: &mut u32) -> f32 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 8) as f32 / 8_388_608.0 - 1.0
    }

    /// Kicks and snares in turn: each band hears its own.
    #[test]
    fn bands_tell_kicks_from_snares() {
        let mut noise = 1_u32;
        // Over a floor of noise: out of digital silence, everything rises.
        let mut sound = (0..110_250).map(|_| 0.01 * white(&mut noise)).collect::<Vec<f32>>();
        for (beat, start) in (11_025..100_000).step_by(11_025).enumerate() {
            for i in 0..4_000 {
                let fade = (-(i as f32) / 500.0).exp();
                let snare = white(&mut noise);
                // A soft attack: a sudden one is a click, which all bands hear.
                let attack = 0.5 - 0.5 * ((i as f32 / 440.0).min(1.0) * std::f32::consts::PI).cos();
                let kick = attack * (i as f32 * std::f32::consts::TAU * 60.0 / 22_050.0).sin();
                sound[start + i] += fade * if beat % 2 == 0 { kick } else { 0.0 };
                // Without its low end, as a difference of neighbours.
                sound[start + i + 1] += 0.2 * fade * if beat % 2 == 1 { snare } else { 0.0 };
                sound[start + i] -= 0.2 * fade * if beat % 2 == 1 { snare } else { 0.0 };
            }
        }
        for (low, high, parity) in [(0.0, 150.0, 0), (500.0, 20_000.0, 1)] {
            let rows =
                run(&sound, |c| c.then(&SPEC, |h| h.param("low_hz", low).param("high_hz", high)));
            let strongest = |beat: usize| {
                let row = (beat + 1) * 11_025 / 512;
                rows[row..row + 8].iter().map(|r| r.1).fold(0.0, f32::max)
            };
            for beat in 0..8 {
                let own = beat % 2 == parity;
                assert!(if own { strongest(beat) > 0.8 } else { strongest(beat) < 0.4 });
            }
        }
    }

    #[test]
    fn hits_keep_their_distance() {
        for gap in [0.1_f32, 0.4] {
            let rows = run(&a10(), |c| {
                c.then(&SPEC, |h| h.param("min_gap_secs", gap).param("sensitivity", 1.0))
            });
            let hits: Vec<usize> =
                rows.iter().enumerate().filter(|(_, r)| r.2 > 0).map(|(k, _)| k).collect();
            assert!(hits.len() > 10);
            for pair in hits.windows(2) {
                assert!((pair[1] - pair[0]) as f32 * 512.0 / 22_050.0 > gap - 1e-6);
            }
        }
    }
}
