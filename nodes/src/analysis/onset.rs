//! Where notes and beats begin.

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};
use num_complex::Complex32;

use super::layout::layout_of;
use lumawire_analysis::signal::keep_over;
use lumawire_analysis::spectrum::mel_bank::{MelBank, MelScale};
use lumawire_analysis::spectrum::{bins, layout::Layout};

const IN_SPECTRUM: usize = 0;
const OUT_STRENGTH: usize = 0;
const OUT_FLUX: usize = 1;
const OUT_HIT: usize = 2;
const PARAM_LOW_HZ: usize = 0;
const PARAM_HIGH_HZ: usize = 1;
const PARAM_SENSITIVITY: usize = 2;
const PARAM_MIN_GAP_SECS: usize = 3;
const PARAM_PEAK_SECS: usize = 4;

/// `analysis.onset`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.onset",
    version: 1,
    label: "Onset",
    doc: "Tells when something begins: a note, a kick, a snare. flux = the mean, over those of 128 \
          mel bands (0 Hz to half the sample rate) whose centres lie within `low_hz` to `high_hz`, \
          of the rise max(0, dB − dB of the row before), as librosa's onset_strength; bands stay \
          at most 80 dB below the loudest so far, which falls by 6 dB a second. strength = flux \
          over its running peak, which stays within 1 to 20 dB, held to 1 at the most. A hit comes \
          when the strength rises and exceeds its running average (0.2 s) by \
          0.5·(1 − sensitivity), at the earliest `min_gap_secs` after the last. \
          Kick: high 150 Hz; snare: low 500 Hz. Causal: an attack shows within n_fft/2 samples of \
          the spectrum's row, with no latency beyond the spectrum's.",
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
        Param::float("low_hz", "Low", 0.0, (0.0, 5_000.0))
            .hard(0.0, 96_000.0)
            .unit(Unit::Hz)
            .doc("Lowest frequency that counts; 500 Hz for snares."),
        Param::float("high_hz", "High", 48_000.0, (50.0, 48_000.0))
            .hard(1.0, 96_000.0)
            .unit(Unit::Hz)
            .doc("Highest frequency that counts; 150 Hz for kicks."),
        Param::float("sensitivity", "Sensitivity", 0.8, (0.0, 1.0))
            .doc("How little a rise must stand out to be a hit."),
        Param::float("min_gap_secs", "Least gap", 0.05, (0.02, 0.5))
            .hard(0.0, 60.0)
            .unit(Unit::Secs)
            .doc("Least time between two hits."),
        Param::float("peak_secs", "Peak memory", 8.0, (1.0, 30.0))
            .hard(0.1, 600.0)
            .unit(Unit::Secs)
            .doc("Time constant with which the running peak of the flux decays."),
    ],
    build: || Box::<Onset>::default(),
};

const NUM_MELS: usize = 128;
/// How far below the loudest band the others may lie, and how fast the loudest is forgotten.
const RANGE_DB: f32 = 80.0;
const LOUDEST_FALL_DB_PER_SEC: f64 = 6.0;
/// Range of the running peak: what noise alone gives stays small, and one rise out of silence does
/// not dwarf all that follow.
const PEAK_RANGE_DB: (f32, f32) = (1.0, 20.0);
/// Time constant of the average that a hit must exceed.
const AVERAGE_SECS: f64 = 0.2;
/// What sensitivity 0 asks for.
const MAX_THRESHOLD: f32 = 0.5;

#[derive(Default)]
struct Onset {
    layout: Layout,
    bank: MelBank,
    centres_hz: Vec<f32>,
    powers: Vec<f32>,
    bands_db: Vec<f32>,
    previous_db: Vec<f32>,
    track: Track,
}

/// What is kept from row to row.
#[derive(Default, Clone, Copy)]
struct Track {
    /// Loudest band so far in dB, or `None` before the first row.
    loudest_db: Option<f32>,
    flux: f32,
    peak: f32,
    strength: f32,
    average: f32,
    since_hit_secs: Option<f64>,
}

impl Node for Onset {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mut hits = 0;
        if let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM)
            && let Some(layout) = layout_of(spectrum)
        {
            self.prepare_for(layout);
            let params = io.params;
            let low_hz = params.float(PARAM_LOW_HZ).min(params.float(PARAM_HIGH_HZ));
            let high_hz = params.float(PARAM_LOW_HZ).max(params.float(PARAM_HIGH_HZ));
            for row in spectrum.hops.fresh() {
                let flux = self.flux(row, low_hz, high_hz);
                hits += u32::from(self.track.advance(
                    flux,
                    layout.hop_secs(),
                    f64::from(params.float(PARAM_PEAK_SECS)),
                    MAX_THRESHOLD * (1.0 - params.float(PARAM_SENSITIVITY)),
                    f64::from(params.float(PARAM_MIN_GAP_SECS)),
                ));
            }
        }
        io.outputs.set_control(OUT_STRENGTH, self.track.strength);
        io.outputs.set_control(OUT_FLUX, self.track.flux);
        io.outputs.set_trigger(OUT_HIT, hits);
        Ok(())
    }

    fn reset(&mut self) {
        self.track = Track::default();
    }
}

impl Onset {
    fn prepare_for(&mut self, layout: Layout) {
        if self.layout == layout {
            return;
        }
        self.layout = layout;
        let range_hz = (0.0, f64::from(layout.sample_rate_hz) / 2.0);
        self.bank =
            MelBank::new(MelScale::Slaney, NUM_MELS, range_hz, layout.num_bins(), layout.bin_hz());
        self.centres_hz = self.bank.centres_hz().collect();
        self.powers.resize(layout.num_bins(), 0.0);
        self.bands_db.resize(NUM_MELS, 0.0);
        self.previous_db.resize(NUM_MELS, 0.0);
        self.track = Track::default();
    }

    /// Mean rise in dB of the bands within the range; 0 for the first row.
    fn flux(&mut self, row: &[Complex32], low_hz: f32, high_hz: f32) -> f32 {
        std::mem::swap(&mut self.bands_db, &mut self.previous_db);
        for (power, &x) in self.powers.iter_mut().zip(row) {
            *power = bins::power(x);
        }
        self.bank.apply(&self.powers, &mut self.bands_db);
        self.bands_db.iter_mut().for_each(|b| *b = bins::db_from_power(*b));
        let loudest = self.bands_db.iter().copied().fold(f32::MIN, f32::max);
        let fall = (LOUDEST_FALL_DB_PER_SEC * self.layout.hop_secs()) as f32;
        let is_first = self.track.loudest_db.is_none();
        let loudest = self.track.loudest_db.map_or(loudest, |before| loudest.max(before - fall));
        self.track.loudest_db = Some(loudest);
        self.bands_db.iter_mut().for_each(|b| *b = b.max(loudest - RANGE_DB));
        if is_first {
            return 0.0;
        }
        let bands = band_range(&self.centres_hz, low_hz, high_hz);
        let num_bands = bands.len();
        let rises = self.bands_db[bands.clone()].iter().zip(&self.previous_db[bands]);
        rises.map(|(now, before)| (now - before).max(0.0)).sum::<f32>() / num_bands as f32
    }
}

/// The bands whose centres lie within the range: at least the first above its lower end.
fn band_range(centres_hz: &[f32], low_hz: f32, high_hz: f32) -> std::ops::Range<usize> {
    let start = centres_hz.partition_point(|&c| c < low_hz).min(centres_hz.len() - 1);
    let end = centres_hz.partition_point(|&c| c <= high_hz).max(start + 1);
    start..end
}

impl Track {
    /// Takes the flux of the next row, and says whether that is a hit.
    fn advance(
        &mut self,
        flux: f32,
        dt_secs: f64,
        peak_secs: f64,
        threshold: f32,
        min_gap_secs: f64,
    ) -> bool {
        let rises = flux > self.flux;
        self.flux = flux;
        let faded = self.peak * keep_over(dt_secs, peak_secs);
        self.peak = faded.max(flux).clamp(PEAK_RANGE_DB.0, PEAK_RANGE_DB.1);
        self.strength = (flux / self.peak).min(1.0);
        let keep = keep_over(dt_secs, AVERAGE_SECS);
        self.average = self.strength + (self.average - self.strength) * keep;
        self.since_hit_secs = self.since_hit_secs.map(|since| since + dt_secs);
        let rested = self.since_hit_secs.is_none_or(|since| since + 1e-9 >= min_gap_secs);
        let hit = rises && rested && self.strength > self.average + threshold;
        if hit {
            self.since_hit_secs = Some(0.0);
        }
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::testing::{Chain, a10, max_abs_diff, reference, reference_frames};

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
