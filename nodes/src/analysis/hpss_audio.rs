//! What sings and what strikes, as sound.

use lumawire_analysis::separate::hpss::{HpssSettings, Mask};
use lumawire_analysis::separate::hpss_rows::HpssRows;
use lumawire_analysis::signal::framer::Framer;
use lumawire_analysis::signal::sane;
use lumawire_analysis::signal::window::Window;
use lumawire_analysis::spectrum::istft::FrameSynthesis;
use lumawire_analysis::spectrum::stft::FrameTransform;
use lumawire_core::{Io, Node, NodeError, NodeSpec, Port, PortType, PrepareCx, Rate, Role, Timing};
use num_complex::Complex32;

use super::hpss;

const IN_AUDIO: usize = 0;
const OUT_HARMONIC: usize = 0;
const OUT_PERCUSSIVE: usize = 1;

const N_FFT: usize = 2048;
const HOP_LEN: usize = 512;
const NUM_BINS: usize = N_FFT / 2 + 1;
/// Least sum of squared windows to divide by: from sample 0 on there is more, and what the masks
/// leave before it fades.
const MIN_OVERLAP: f64 = 1.0;

/// `analysis.hpss_audio`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.hpss_audio",
    version: 1,
    label: "Harmonic, percussive sound",
    doc: "Parts a sound into what sings and what strikes, to be heard or listened to further. Each \
          channel by itself: the STFT (2048 samples, hop 512, Hann), its bins shared out as by \
          `analysis.hpss`, and back to sound, each row windowed again and added where it came from \
          over the sum of the squared windows: librosa's effects.hpss. With margins of 1 both parts \
          sum to the sound. [channels, block] to two of the same. Latency 2048 samples, and centred \
          (kernel_time − 1)/2 hops more (203 ms together at 31 rows and 48 kHz), which an offline \
          render makes up for; trailing, a tone counts as such only once it has lasted for half the \
          kernel.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[
        Port::output("harmonic", PortType::Audio, "What sings, [channels, block]."),
        Port::output("percussive", PortType::Audio, "What strikes, [channels, block]."),
    ],
    params: hpss::PARAMS,
    build: || Box::new(HpssAudio::new(HpssRows::new(&HpssSettings::default(), true))),
};

struct HpssAudio {
    /// What a new channel begins with.
    fresh: Channel,
    channels: Vec<Channel>,
}

impl HpssAudio {
    fn new(rows: HpssRows) -> Self {
        Self { fresh: Channel::new(rows), channels: Vec::new() }
    }
}

impl Node for HpssAudio {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        *self = Self::new(hpss::rows(cx));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let mask = hpss::mask(&io.params);
        self.channels.resize_with(sound.num_channels(), || self.fresh.clone());
        for i in [OUT_HARMONIC, OUT_PERCUSSIVE] {
            if let Some(out) = io.outputs.audio(i) {
                out.resize(sound.num_channels(), sound.len());
            }
        }
        for (c, channel) in self.channels.iter_mut().enumerate() {
            for (i, &x) in sound.channel(c).iter().enumerate() {
                let parts = channel.push(x, io.tick.sample + i as u64, &mask);
                for (port, y) in [OUT_HARMONIC, OUT_PERCUSSIVE].into_iter().zip(parts) {
                    if let Some(out) = io.outputs.audio(port) {
                        out.channel_mut(c)[i] = y;
                    }
                }
            }
        }
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default().late((N_FFT + self.fresh.rows.delay() * HOP_LEN) as u64)
    }

    fn reset(&mut self) {
        self.channels.clear();
    }
}

#[derive(Clone)]
struct Channel {
    framer: Framer,
    transform: FrameTransform,
    rows: HpssRows,
    synthesis: FrameSynthesis,
    /// Scratch: a row, `[NUM_BINS]`.
    row: Vec<Complex32>,
    /// Sums of the harmonic and the percussive rows, `[N_FFT]`, and those of the squared windows.
    sounds: [Vec<f64>; 2],
    overlap: Vec<f64>,
    /// Place in those of the next sample that leaves.
    place: usize,
}

impl Channel {
    fn new(mut rows: HpssRows) -> Self {
        rows.resize(NUM_BINS);
        Self {
            framer: Framer::new(N_FFT, HOP_LEN),
            transform: FrameTransform::new(N_FFT, Window::Hann),
            rows,
            synthesis: FrameSynthesis::new(N_FFT, Window::Hann),
            row: vec![Complex32::default(); NUM_BINS],
            sounds: [vec![0.0; N_FFT], vec![0.0; N_FFT]],
            overlap: vec![0.0; N_FFT],
            place: 0,
        }
    }

    /// Gives the next sample of both parts, and takes one. A row that a sample completes is heard
    /// from the next on.
    fn push(&mut self, x: f32, position: u64, mask: &Mask) -> [f32; 2] {
        let overlap = self.overlap.get(self.place).map_or(MIN_OVERLAP, |w| w.max(MIN_OVERLAP));
        let at =
            |sound: &Vec<f64>| sound.get(self.place).map_or(0.0, |x| sane((x / overlap) as f32));
        let parts = self.sounds.each_ref().map(at);
        self.place += 1;
        if self.framer.push(x, position) {
            self.advance();
            self.transform.run(self.framer.frame(), &mut self.row);
            if self.rows.push(&self.row) {
                self.add_due_row(mask);
            }
        }
        parts
    }

    /// Drops what has left.
    fn advance(&mut self) {
        let gone = self.place.min(N_FFT);
        for sums in self.sounds.iter_mut().chain([&mut self.overlap]) {
            sums.copy_within(gone.., 0);
            sums[N_FFT - gone..].fill(0.0);
        }
        self.place = 0;
    }

    fn add_due_row(&mut self, mask: &Mask) {
        let (due, shares) = self.rows.shares(mask);
        let mut no_overlap: &mut [f64] = &mut [];
        let mut overlap = self.overlap.as_mut_slice();
        for (sound, shares) in self.sounds.iter_mut().zip(shares) {
            for ((out, x), share) in self.row.iter_mut().zip(due).zip(shares) {
                *out = x * share;
            }
            self.synthesis.add(&self.row, sound, overlap);
            // Both parts lie under the same windows.
            overlap = std::mem::take(&mut no_overlap);
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_analysis::separate::effects;
    use lumawire_analysis::spectrum::stft::StftSettings;
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::testing::{Chain, a10, a10_clock, max_abs_diff, peak};

    /// Both parts of each channel.
    fn part(channels: &[Vec<f32>], mode: &str, margin: f32) -> Vec<[Vec<f32>; 2]> {
        let mut parts = vec![[vec![], vec![]]; channels.len()];
        let mut chain = Chain::new(a10_clock(512)).then(&SPEC, |h| {
            let h = h.param("mode", mode);
            h.param("margin_harmonic", margin).param("margin_percussive", margin)
        });
        chain.feed_channels(channels, |h| {
            for (i, id) in ["harmonic", "percussive"].into_iter().enumerate() {
                let Value::Audio(block) = h.output(id) else { panic!("no sound") };
                for (c, parts) in parts.iter_mut().enumerate() {
                    parts[i].extend_from_slice(block.channel(c));
                }
            }
        });
        parts
    }

    fn latency(mode: &str) -> usize {
        let node = Harness::new(&SPEC).param("mode", mode).prepare().unwrap();
        usize::try_from(node.timing(&[Timing::default()]).latency_samples).unwrap()
    }

    #[test]
    fn centred_equals_the_form_for_whole_signals() {
        let sound = &a10()[..50_000];
        let latency = latency("centred");
        assert_eq!((latency, self::latency("auto")), (2048 + 15 * 512, 2048));
        for margin in [1.0, 8.0] {
            let mask =
                Mask { margin_harmonic: margin, margin_percussive: margin, ..Mask::default() };
            let settings = HpssSettings { mask, ..HpssSettings::default() };
            let whole = effects::hpss(sound, &StftSettings::default(), &settings);
            let found = part(&[sound.to_vec()], "centred", margin);
            for (found, whole) in found[0].iter().zip(&whole) {
                // The whole form knows where the sound ends, 15 rows ahead.
                let known = &whole[..30_000];
                assert!(peak(known) > 0.01);
                assert!(max_abs_diff(&found[latency..], known) < 1e-5, "{margin}");
            }
        }
    }

    #[test]
    fn both_parts_of_each_channel_sum_to_it() {
        let sound = a10();
        let channels = [sound[..30_000].to_vec(), sound[90_000..120_000].to_vec()];
        for mode in ["centred", "trailing"] {
            let latency = latency(mode);
            for (parts, channel) in part(&channels, mode, 1.0).iter().zip(&channels) {
                let [sings, strikes] = parts;
                let sum: Vec<f32> = sings.iter().zip(strikes).map(|(a, b)| a + b).collect();
                let expected = &channel[..sum.len().min(channel.len()) - latency];
                assert!(max_abs_diff(&sum[latency..], expected) < 1e-5, "{mode}");
                assert!(peak(&sum[..latency]) < 1e-5, "{mode}");
                assert!(peak(sings) > 0.01 && peak(strikes) > 0.01);
            }
        }
    }
}
