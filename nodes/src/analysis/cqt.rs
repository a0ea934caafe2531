//! Constant-Q transform.

use std::any::Any;

use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::cqt::CqtSettings;
use lumawire_analysis::spectrum::cqt::stream::{Alignment, CqtStream};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};

use super::look_ahead::{HEARING, looks_ahead};

const IN_AUDIO: usize = 0;
const OUT_BANDS: usize = 0;
const PARAM_BINS_PER_OCTAVE: usize = 0;
const PARAM_OCTAVES: usize = 1;
const PARAM_MIN_HZ: usize = 2;
const PARAM_TUNING: usize = 3;
const PARAM_LONGEST_SECS: usize = 4;
const PARAM_HOP: usize = 5;
const PARAM_LOG: usize = 6;
const PARAM_HEARING: usize = 7;

/// `analysis.cqt`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.cqt",
    version: 1,
    label: "Constant Q",
    doc: "Splits the sound into notes, as the keys of a piano. bin b lies at \
          min_hz·2^((b + tuning)/bins_per_octave) and is the magnitude of the sound under a Hann \
          window of Q cycles: long for low notes, short for high ones. A steady tone of amplitude A \
          gives A/2·√(samples of its window), as librosa's cqt; in dB if asked: 20·log10, −100 dB \
          at the least. [channels, block] to [hops, octaves·bins_per_octave], lowest note first; \
          notes beyond half the sample rate are 0. Causal: windows end at the newest sample and \
          are no longer than `longest_secs`, by widening all bands equally (librosa's vqt), so a \
          note is late by half its own window. Looking ahead: librosa's cqt, centred, late by half \
          the longest window and the filters before it: 0.3 s with 12 bins an octave from C1, \
          0.9 s with 36.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[Port::output("bands", PortType::Bands, "Magnitudes of notes, [hops, bins].")],
    params: &[
        Param::choice("bins_per_octave", "Bins per octave", BINS_PER_OCTAVE)
            .rebuild()
            .doc("Bins from a note to its octave: 12 are semitones."),
        Param::int("octaves", "Octaves", 7, (1, 9))
            .hard_int(1, 10)
            .rebuild()
            .doc("Octaves from the lowest note up."),
        Param::float("min_hz", "Lowest", 32.703_197, (20.0, 440.0))
            .hard(10.0, 10_000.0)
            .unit(Unit::Hz)
            .rebuild()
            .doc("Frequency of the lowest bin; 32.7 Hz is C1."),
        Param::float("tuning", "Tuning", 0.0, (-0.5, 0.5))
            .hard(-12.0, 12.0)
            .unit(Unit::Semitones)
            .rebuild()
            .doc("How far the music's A4 lies from 440 Hz."),
        LONGEST_SECS,
        HOP,
        Param::switch("log", "Decibels", false).doc("Gives decibels instead of magnitudes."),
        HEARING,
    ],
    build: || {
        Box::new(Cqt(CqtStream::new(48_000, &CqtSettings::octaves(0, 12), Alignment::Ending)))
    },
};

const BINS_PER_OCTAVE: &[&str] = &["12", "24", "36"];

/// Limit of the windows while causal.
pub(super) const LONGEST_SECS: Param = Param::float(
    "longest_secs",
    "Longest window",
    0.25,
    (0.05, 1.0),
)
.hard(0.02, 10.0)
.unit(Unit::Secs)
.rebuild()
.doc(
    "While causal: longest window of a note. Shorter answers sooner, longer tells low notes apart.",
);

/// Samples between rows.
pub(super) const HOP: Param = Param::int("hop", "Hop", 512, (128, 2048))
    .hard_int(16, 8192)
    .unit(Unit::Samples)
    .rebuild()
    .doc("Samples between rows.");

struct Cqt(CqtStream);

impl Node for Cqt {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let octaves = usize::try_from(cx.params.int(PARAM_OCTAVES)).unwrap_or(7);
        let choice = BINS_PER_OCTAVE.get(cx.params.choice(PARAM_BINS_PER_OCTAVE));
        let bins_per_octave = choice.and_then(|o| o.parse().ok()).unwrap_or(12);
        let settings = CqtSettings {
            hop_len: usize::try_from(cx.params.int(PARAM_HOP)).unwrap_or(512),
            min_hz: f64::from(cx.params.float(PARAM_MIN_HZ)),
            tuning: f64::from(cx.params.float(PARAM_TUNING)) * bins_per_octave as f64 / 12.0,
            ..CqtSettings::octaves(octaves, bins_per_octave)
        };
        let rate_hz = cx.clock.sample_rate_hz;
        self.0 = if looks_ahead(cx, PARAM_HEARING) {
            CqtStream::new(rate_hz, &settings, Alignment::Centred)
        } else {
            let longest_secs = f64::from(cx.params.float(PARAM_LONGEST_SECS));
            let settings = settings.with_longest_window(longest_secs);
            CqtStream::new(rate_hz, &settings, Alignment::Ending)
        };
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let log = io.params.switch(PARAM_LOG);
        let Some(out) = io.outputs.bands(OUT_BANDS) else { return Ok(()) };
        out.begin(self.0.num_bins());
        out.hop_secs = self.0.hop_len() as f64 / f64::from(io.tick.clock.sample_rate_hz);
        for i in 0..sound.len() {
            let position = io.tick.sample + i as u64;
            if self.0.push(sound.mono(i), position) {
                let row = out.push();
                self.0.row(position, row);
                if log {
                    row.iter_mut().for_each(|m| *m = bins::db_from_power(*m * *m));
                }
            }
        }
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing {
            latency_samples: self.0.latency_samples(),
            hop_len: self.0.hop_len(),
            frame_len: self.0.longest_window(),
        }
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.0.adopt(&old.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_analysis::spectrum::cqt::cqt;
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::testing::{a10, a10_clock, max_abs_diff, peak};

    fn node(hearing: &'static str) -> Harness {
        let node = Harness::new(&SPEC).clock(a10_clock(500)).param("bins_per_octave", "36");
        node.param("hearing", hearing)
    }

    fn rows(mut node: Harness, sound: &[f32]) -> Vec<f32> {
        let rows = node.feed("audio", &[sound], |h| match h.output("bands") {
            Value::Bands(b) => b.fresh().flatten().copied().collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        });
        rows.unwrap().concat()
    }

    #[test]
    fn looking_ahead_it_is_the_transform_of_the_whole() {
        let node = node("look_ahead").param("tuning", 0.1_f32).prepare().unwrap();
        let timing = node.timing(&[Timing::default()]);
        assert!((17_000..20_000).contains(&timing.latency_samples), "{timing:?}");
        let settings = CqtSettings { tuning: 0.3, ..CqtSettings::octaves(7, 36) };
        let sound = &a10()[..100_000];
        let expected = cqt(sound, 22_050, &settings).map(|c| c.norm());
        let found = rows(node, sound);
        assert_eq!(found.len() % 252, 0);
        // What ends before the sound does.
        let len = (100_000 - 2 * timing.latency_samples as usize) / 512 * 252;
        assert!(found.len() >= len);
        let error = max_abs_diff(&found[..len], &expected.data()[..len]) / peak(expected.data());
        assert!(error < 0.01, "{error}");
    }

    #[test]
    fn auto_looks_ahead_where_the_run_does() {
        let latency = |node: Harness| node.prepare().unwrap().timing(&[]).latency_samples;
        let (live, offline) = (latency(node("auto")), latency(node("auto").looks_ahead()));
        assert!(live < 400 && offline > 17_000, "{live} {offline}");
        assert_eq!(latency(node("causal").looks_ahead()), live);
    }

    #[test]
    fn decibels_are_those_of_the_magnitudes() {
        let sound = &a10()[..22_000];
        let plain = rows(node("causal").prepare().unwrap(), sound);
        let db = rows(node("causal").param("log", true).prepare().unwrap(), sound);
        assert!(plain.len() == db.len() && plain.iter().any(|m| *m > 0.5));
        for (m, db) in plain.iter().zip(&db) {
            assert!((20.0 * m.max(1e-5).log10() - db).abs() < 1e-3, "{m} {db}");
        }
    }
}
