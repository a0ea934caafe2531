//! Bass, middle and treble against their own averages.

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};
use num_complex::Complex32;

use super::layout::layout_of;
use lumawire_analysis::signal::keep_over;
use lumawire_analysis::spectrum::bins;

const IN_SPECTRUM: usize = 0;
const PARAM_BASS_HZ: usize = 0;
const PARAM_TREBLE_HZ: usize = 1;
const PARAM_AVERAGE_SECS: usize = 2;

/// `analysis.level`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.level",
    version: 1,
    label: "Levels",
    doc: "Bass, middle, treble and volume as multiples of their own recent averages, so that no \
          gain needs setting: 1 is as loud as usual, 2 twice that, 0 silence. Each is Σ |X| over \
          its band, from 20 Hz up, divided by a running average with the time constant \
          `average_secs` (0.3 s in the first 1.7 s \
          of sound), and held to 10 at the most. The smooth ones rise \
          within 20 ms and fall within 50 ms. The scheme and its time constants are those of \
          MilkDrop (0.992, 0.2 and 0.5 kept per frame at 30 frames a second). No latency beyond \
          the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[
        Port::output("bass", PortType::Control, "Below `bass_hz` against its average, 0..10."),
        Port::output("mid", PortType::Control, "Between the edges against its average, 0..10."),
        Port::output("treble", PortType::Control, "Above `treble_hz` against its average, 0..10."),
        Port::output("volume", PortType::Control, "All of it against its average, 0..10."),
        Port::output("bass_smooth", PortType::Control, "Smooth `bass`, 0..10."),
        Port::output("mid_smooth", PortType::Control, "Smooth `mid`, 0..10."),
        Port::output("treble_smooth", PortType::Control, "Smooth `treble`, 0..10."),
        Port::output("volume_smooth", PortType::Control, "Smooth `volume`, 0..10."),
    ],
    params: &[
        Param::float("bass_hz", "Bass below", 250.0, (60.0, 1_000.0))
            .hard(20.0, 48_000.0)
            .unit(Unit::Hz)
            .doc("Edge between bass and middle."),
        Param::float("treble_hz", "Treble above", 2_500.0, (1_000.0, 8_000.0))
            .hard(20.0, 48_000.0)
            .unit(Unit::Hz)
            .doc("Edge between middle and treble."),
        Param::float("average_secs", "Average", 4.15, (1.0, 20.0))
            .hard(0.1, 600.0)
            .unit(Unit::Secs)
            .doc("Time constant of the average: how soon a new loudness is the usual one."),
    ],
    build: || Box::<Level>::default(),
};

/// Bass, middle, treble, volume.
const NUM_LEVELS: usize = 4;
const LOWEST_HZ: f64 = 20.0;
/// For how long the average hurries from the first sound on (50 frames at 30 frames a second), and
/// its time constant then (0.9 kept per frame).
const HURRY_SECS: f64 = 50.0 / 30.0;
const HURRIED_SECS: f64 = 0.316_4;
/// Time constants of the smooth levels (0.2 and 0.5 kept per frame).
const RISE_SECS: f64 = 0.020_71;
const FALL_SECS: f64 = 0.048_09;
/// Largest output.
const MAX_RATIO: f32 = 10.0;
/// Least average of a band, per sample of the transform: some −130 dB below full scale.
const SILENT: f32 = 1e-7;

#[derive(Default)]
struct Level {
    /// Seconds since the first sound.
    heard_secs: f64,
    now: [f32; NUM_LEVELS],
    smooth: [f32; NUM_LEVELS],
    average: [f32; NUM_LEVELS],
    n_fft: usize,
}

impl Node for Level {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM)
            && let Some(layout) = layout_of(spectrum)
        {
            let hz = |i| f64::from(io.params.float(i));
            let edges_hz = [hz(PARAM_BASS_HZ), hz(PARAM_TREBLE_HZ)];
            self.n_fft = layout.n_fft;
            for row in spectrum.hops.fresh() {
                self.now = levels(row, layout.bin_hz(), edges_hz);
                self.follow(layout.hop_secs(), hz(PARAM_AVERAGE_SECS));
            }
        }
        for i in 0..NUM_LEVELS {
            io.outputs.set_control(i, self.ratio(self.now[i], i));
            io.outputs.set_control(NUM_LEVELS + i, self.ratio(self.smooth[i], i));
        }
        Ok(())
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Level {
    /// Moves the averages on by a row.
    fn follow(&mut self, dt_secs: f64, average_secs: f64) {
        let silent = SILENT * self.n_fft as f32;
        if self.heard_secs == 0.0 {
            if self.now.iter().all(|&v| v <= silent) {
                return;
            }
            self.average = self.now;
        }
        let hurries = self.heard_secs < HURRY_SECS;
        self.heard_secs += dt_secs;
        let average_secs = if hurries { average_secs.min(HURRIED_SECS) } else { average_secs };
        let keep_average = keep_over(dt_secs, average_secs);
        let (keep_rising, keep_falling) =
            (keep_over(dt_secs, RISE_SECS), keep_over(dt_secs, FALL_SECS));
        for i in 0..NUM_LEVELS {
            let now = self.now[i];
            let keep = if now > self.smooth[i] { keep_rising } else { keep_falling };
            self.smooth[i] = glide(self.smooth[i], now, keep);
            self.average[i] = glide(self.average[i], now, keep_average).max(silent);
        }
    }

    /// `level` against the average of band `i`.
    fn ratio(&self, level: f32, i: usize) -> f32 {
        let least = (SILENT * self.n_fft as f32).max(f32::MIN_POSITIVE);
        (level / self.average[i].max(least)).min(MAX_RATIO)
    }
}

/// `to`, with the share `keep` of `from` left; 0 once that is too small to matter.
fn glide(from: f32, to: f32, keep: f32) -> f32 {
    let v = to + (from - to) * keep;
    if v > f32::MIN_POSITIVE { v } else { 0.0 }
}

/// Sums of magnitude: bass, middle, treble, and all of them.
fn levels(row: &[Complex32], bin_hz: f64, edges_hz: [f64; 2]) -> [f32; NUM_LEVELS] {
    let mut levels = [0.0; NUM_LEVELS];
    let first = (LOWEST_HZ / bin_hz).ceil() as usize;
    for (bin, &x) in row.iter().enumerate().skip(first) {
        let hz = bin as f64 * bin_hz;
        let magnitude = bins::magnitude(x);
        let band = edges_hz.iter().filter(|&&edge| hz >= edge).count();
        levels[band] += magnitude;
        levels[NUM_LEVELS - 1] += magnitude;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::testing::{Chain, a10, max_abs_diff};

    fn run(sound: &[f32]) -> Vec<[f32; 8]> {
        let mut all = Vec::new();
        Chain::stft().then(&SPEC, |h| h).feed(sound, |h| {
            all.push(std::array::from_fn(|i| h.control(SPEC.outputs[i].id)));
        });
        all
    }

    #[test]
    fn any_input_gain_gives_the_same_levels() {
        let sound = a10();
        let loud = run(&sound);
        for gain in [0.01, 30.0] {
            let scaled: Vec<f32> = sound.iter().map(|x| x * gain).collect();
            // After the first, half silent rows.
            let error = max_abs_diff(run(&scaled)[4..].as_flattened(), loud[4..].as_flattened());
            assert!(error < 1e-3, "{gain}: {error}");
        }
    }

    #[test]
    fn music_lies_about_one() {
        let settled = &run(&a10())[130..430];
        for i in 0..4 {
            let mean = settled.iter().map(|l| l[i]).sum::<f32>() / settled.len() as f32;
            assert!((mean - 1.0).abs() < 0.1, "{}: {mean}", SPEC.outputs[i].id);
            let spread = settled.iter().map(|l| (l[i] - mean).abs()).fold(0.0, f32::max);
            let smooth = settled.iter().map(|l| (l[i + 4] - mean).abs()).fold(0.0, f32::max);
            assert!(smooth < spread && spread > 0.2, "{smooth} against {spread}");
        }
    }

    /// A steady tone that doubles: level = 2/(2 − 0.992^(30·t)) from then on.
    #[test]
    fn the_average_forgets_as_milkdrop_does() {
        let (dt, step) = (512.0 / 22_050.0, 4.0_f64);
        let mut level = Level { n_fft: 2048, ..Level::default() };
        level.now = [1.0; 4];
        (0..(20.0 / dt) as usize).for_each(|_| level.follow(dt, 4.15));
        assert!((level.ratio(1.0, 0) - 1.0).abs() < 1e-3);
        level.now = [2.0; 4];
        let num = (step / dt) as usize;
        (0..num).for_each(|_| level.follow(dt, 4.15));
        let expected = 2.0 / (2.0 - 0.992_f64.powf(30.0 * dt * num as f64));
        assert!((f64::from(level.ratio(2.0, 0)) - expected).abs() < 1e-3);
        assert!((f64::from(level.ratio(level.smooth[0], 0)) - expected).abs() < 1e-3);
    }

    #[test]
    fn bands_take_their_own_frequencies() {
        let row = |hz: f64| {
            let mut row = vec![Complex32::default(); 1025];
            row[(hz / 10.0) as usize].re = 1.0;
            levels(&row, 10.0, [250.0, 2_500.0])
        };
        assert_eq!(row(100.0), [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(row(250.0), [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(row(9_000.0), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(row(10.0), [0.0; 4]);
    }
}
