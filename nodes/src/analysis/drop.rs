//! Break-down, build-up and drop.

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::layout::layout_of;
use lumawire_analysis::structure::drop::{BandPowers, DropDetector, DropSettings, MAX_BREAK_SECS};

const IN_SPECTRUM: usize = 0;
const OUT_DROP: usize = 0;
const OUT_ENERGY: usize = 1;
const OUT_BREAK_DOWN: usize = 2;
const OUT_BUILD_UP: usize = 3;
const PARAM_RISE_DB: usize = 0;
const PARAM_MIN_BREAK_SECS: usize = 1;

/// `analysis.drop`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.drop",
    version: 1,
    label: "Drop",
    doc: "Tells when the bass drops. A drop comes when, after at least `min_break_secs` with little \
          bass, bass (20 to 150 Hz) rises `rise_db` and the whole 3 dB over what they were then (the \
          level that nine tenths of that time lie below, half a second before the drop left out), \
          and bass is within 15 dB of the whole; not out of silence, and not again before another \
          break-down. The rules are this program's own. Causal: a drop is heard within 0.15 s, \
          energy, break-down and build-up move every 0.1 s; no latency beyond the spectrum's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[
        Port::output("drop", PortType::Trigger, "The bass drops."),
        Port::output(
            "energy",
            PortType::Control,
            "Loudness over its greatest of the last minute, as amplitude, 0..1.",
        ),
        Port::output(
            "break_down",
            PortType::Control,
            "How far a break-down has come, 0..1: 0 while bass is there, 1 once it has been \
             `rise_db` below its greatest of the last minute for `min_break_secs`.",
        ),
        Port::output(
            "build_up",
            PortType::Control,
            "How strongly what is above 2 kHz rises within a break-down, 0..1: 1 where the last 2 s \
             are 6 dB above the 4 s before.",
        ),
    ],
    params: &[
        Param::float("rise_db", "Rise", 10.0, (4.0, 24.0))
            .hard(1.0, 80.0)
            .unit(Unit::Db)
            .doc("How far bass must rise over what it was in the break-down."),
        Param::float("min_break_secs", "Least break", 4.0, (1.0, 16.0))
            .hard(0.5, MAX_BREAK_SECS as f32)
            .unit(Unit::Secs)
            .doc("Least length of the break-down before a drop."),
    ],
    build: || Box::<DropNode>::default(),
};

#[derive(Default)]
struct DropNode {
    detector: DropDetector,
}

impl Node for DropNode {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mut drops = 0;
        if let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM)
            && let Some(layout) = layout_of(spectrum)
        {
            let settings = DropSettings {
                rise_db: io.params.float(PARAM_RISE_DB),
                min_break_secs: f64::from(io.params.float(PARAM_MIN_BREAK_SECS)),
            };
            for row in spectrum.hops.fresh() {
                let powers = BandPowers::of_row(row, layout);
                drops += u32::from(self.detector.push(powers, layout.hop_secs(), &settings));
            }
        }
        io.outputs.set_trigger(OUT_DROP, drops);
        io.outputs.set_control(OUT_ENERGY, self.detector.energy());
        io.outputs.set_control(OUT_BREAK_DOWN, self.detector.break_down());
        io.outputs.set_control(OUT_BUILD_UP, self.detector.build_up());
        Ok(())
    }

    fn reset(&mut self) {
        self.detector.reset();
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Clock;

    use super::*;
    use crate::analysis::stft;
    use crate::analysis::testing::Chain;

    /// Chords and hiss, with bass from 8 s on.
    fn sound(rate_hz: u32, secs: usize) -> Vec<f32> {
        let mut noise = 1_u32;
        let sample = |i: usize| {
            let t = i as f64 / f64::from(rate_hz);
            let sine = |hz: f64| (t * hz * std::f64::consts::TAU).sin() as f32;
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
            let bass = if t >= 8.0 { 0.4 * sine(60.0) } else { 0.0 };
            0.06 * (sine(262.0) + sine(392.0)) + 0.01 * hiss + bass
        };
        (0..secs * rate_hz as usize).map(sample).collect()
    }

    /// Times of the drops, and energy, break-down and build-up after each block.
    fn run(rate_hz: u32, block_len: usize, channels: &[Vec<f32>]) -> (Vec<f64>, Vec<[f32; 3]>) {
        let clock = Clock { sample_rate_hz: rate_hz, block_len, ..Clock::default() };
        let mut chain = Chain::new(clock).then(&stft::SPEC, |h| h).then(&SPEC, |h| h);
        let (mut drops, mut levels, mut n) = (Vec::new(), Vec::new(), 0);
        chain.feed_channels(channels, |h| {
            n += block_len;
            let hits = h.trigger("drop");
            drops.extend((0..hits).map(|_| n as f64 / f64::from(rate_hz)));
            levels.push(["energy", "break_down", "build_up"].map(|id| h.control(id)));
        });
        (drops, levels)
    }

    #[test]
    fn the_bass_comes_once_at_every_rate_and_block_length() {
        for (rate_hz, num_channels) in [(44_100, 1), (48_000, 2), (96_000, 8)] {
            let sound = vec![sound(rate_hz, 12); num_channels];
            for block_len in [250, 1_000] {
                let (drops, levels) = run(rate_hz, block_len, &sound);
                assert!(drops.len() == 1 && (8.0..8.2).contains(&drops[0]), "{drops:?}");
                assert!(levels.iter().flatten().all(|v| (0.0..=1.0).contains(v)));
            }
        }
    }

    #[test]
    fn reset_repeats() {
        let clock = Clock { sample_rate_hz: 22_050, block_len: 490, ..Clock::default() };
        let mut chain = Chain::new(clock).then(&stft::SPEC, |h| h).then(&SPEC, |h| h);
        let sound = vec![sound(22_050, 10)];
        let mut run = || {
            let mut all = Vec::new();
            chain.feed_channels(&sound, |h| all.push((h.trigger("drop"), h.control("energy"))));
            chain.reset();
            all
        };
        let first = run();
        assert_eq!(first.iter().map(|r| r.0).sum::<u32>(), 1);
        assert!(first == run());
    }

    #[test]
    fn only_numbers_leave_whatever_enters() {
        let bad = [f32::NAN, f32::INFINITY, f32::MAX, f32::MIN, 0.5];
        let wave = (0..200_000).map(|i| if i % 60_000 < 30_000 { bad[i % 5] } else { 0.0 });
        let (_, levels) = run(48_000, 500, &[wave.collect()]);
        assert!(levels.iter().flatten().all(|v| (0.0..=1.0).contains(v)));
    }
}
