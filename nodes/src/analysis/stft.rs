//! Short-time Fourier transform.

use std::any::Any;

use lumawire_analysis::signal::framer::{Framer, Framing};
use lumawire_analysis::signal::window::Window;
use lumawire_analysis::spectrum::stft::FrameTransform;
use lumawire_core::{
    Domain, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing,
    Unit,
};

const IN_AUDIO: usize = 0;
const OUT_SPECTRUM: usize = 0;
const PARAM_N_FFT: usize = 0;
const PARAM_HOP: usize = 1;
const PARAM_WINDOW: usize = 2;
const PARAM_CENTER: usize = 3;

/// `analysis.stft`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.stft",
    version: 1,
    label: "STFT",
    doc: "Splits the sound into its frequencies, many times a second. Row k is the transform of \
          n_fft windowed samples about sample k·hop of the mean of the channels, with silence \
          before the start: X[k, f] = Σ x[k·hop − n_fft/2 + n]·w[n]·exp(−2πi·f·n/n_fft), as \
          librosa's stft with center and zero padding. [channels, block] to [hops, n_fft/2 + 1]. \
          Bins lie rate/n_fft apart: long windows tell pitches apart, short ones moments. Without \
          `center` row k begins at sample k·hop. Causal: a row comes once its last sample has, \
          n_fft/2 samples after its centre, n_fft after its beginning.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[Port::output("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    params: &[
        N_FFT,
        Param::int("hop", "Hop", 512, (128, 2048))
            .hard_int(16, 8192)
            .unit(Unit::Samples)
            .rebuild()
            .doc("Samples between rows. A quarter of n_fft loses nothing; more than half of it leaves sound out."),
        Param::choice("window", "Window", Window::OPTIONS)
            .rebuild()
            .doc("Periodic window on the samples of a row; Hann suits almost everything."),
        Param::switch("center", "Centred", true)
            .rebuild()
            .doc("Whether row k lies about sample k·hop, or begins there. The inverse STFT must be told the same."),
    ],
    build: || Box::new(Stft::new(Framing::default(), Window::Hann)),
};

const N_FFT_OPTIONS: &[&str] = &["256", "512", "1024", "2048", "4096", "8192"];

const N_FFT: Param = Param {
    domain: Domain::Choice { default: "2048", options: N_FFT_OPTIONS },
    ..Param::choice("n_fft", "Length", N_FFT_OPTIONS)
        .unit(Unit::Samples)
        .rebuild()
        .doc("Samples in a row, window and transform alike.")
};

/// The length at an index of the choice `n_fft`.
fn n_fft_from_index(index: usize) -> usize {
    N_FFT_OPTIONS.get(index).and_then(|o| o.parse().ok()).unwrap_or(2048)
}

struct Stft {
    framer: Framer,
    hop_len: usize,
    transform: FrameTransform,
}

impl Stft {
    fn new(framing: Framing, window: Window) -> Self {
        let transform = FrameTransform::new(framing.frame_len, window);
        Self { framer: Framer::with(framing), hop_len: framing.hop_len, transform }
    }
}

impl Node for Stft {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let framing = Framing {
            frame_len: n_fft_from_index(cx.params.choice(PARAM_N_FFT)),
            hop_len: usize::try_from(cx.params.int(PARAM_HOP)).unwrap_or(512),
            center: cx.params.switch(PARAM_CENTER),
        };
        *self = Self::new(framing, Window::from_index(cx.params.choice(PARAM_WINDOW)));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let Some(out) = io.outputs.spectrum(OUT_SPECTRUM) else { return Ok(()) };
        let rate_hz = io.tick.clock.sample_rate_hz;
        (out.n_fft, out.hop_len, out.sample_rate_hz) =
            (self.framer.frame_len(), self.hop_len, rate_hz);
        out.hops.hop_secs = self.hop_len as f64 / f64::from(rate_hz);
        out.hops.begin(self.framer.frame_len() / 2 + 1);
        for i in 0..sound.len() {
            if self.framer.push(sound.mono(i), io.tick.sample + i as u64) {
                self.transform.run(self.framer.frame(), out.hops.push());
            }
        }
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing {
            latency_samples: self.framer.latency_len() as u64,
            hop_len: self.hop_len as u64,
            frame_len: self.framer.frame_len() as u64,
        }
    }

    fn reset(&mut self) {
        self.framer.reset();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.framer.adopt(&old.framer);
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;
    use num_complex::Complex32;

    use super::*;
    use crate::analysis::testing::{Chain, a10, a10_clock, columns, max_abs_diff, peak, reference};

    fn rows(n_fft: &str, sound: &[f32]) -> Vec<Vec<Complex32>> {
        let mut rows = Vec::new();
        let stft = Chain::stft_with(n_fft, 512, "hann");
        stft.feed(sound, |h| match h.output("spectrum") {
            Value::Spectrum(s) => rows.extend(s.hops.fresh().map(<[_]>::to_vec)),
            other => panic!("{other:?}"),
        });
        rows
    }

    #[test]
    fn matches_the_reference() {
        let rows = rows("2048", &a10());
        let expected = reference("librosa/stft_reim_first8.bin");
        let (re, im) = expected.split_at(1025 * 8);
        let found = |part: fn(&Complex32) -> f32| -> Vec<f32> {
            rows[..8].iter().flatten().map(part).collect()
        };
        let error = max_abs_diff(&found(|c| c.re), &columns(re, 8))
            .max(max_abs_diff(&found(|c| c.im), &columns(im, 8)));
        assert!(error / peak(&expected) < 1e-6);

        let expected = columns(&reference("librosa/stft_mag_tail.bin"), 32);
        let found: Vec<f32> = rows[399..431].iter().flatten().map(|c| c.norm()).collect();
        let error = max_abs_diff(&found, &expected) / peak(&expected);
        assert!(error < 1e-6);
    }

    /// Under a Hann window a tone of amplitude 1 gives n/4 at its bin and n/8 at the next.
    #[test]
    fn finds_a_tone_at_every_length() {
        for n_fft in N_FFT_OPTIONS {
            let n: usize = n_fft.parse().unwrap();
            let bin = n / 8;
            let step = std::f64::consts::TAU * bin as f64 / n as f64;
            let sound: Vec<f32> =
                (0..4 * 8192).map(|i| (step * f64::from(i)).cos() as f32).collect();
            let row = rows(n_fft, &sound).into_iter().nth(30).unwrap();
            assert_eq!(row.len(), n / 2 + 1);
            for (offset, share) in [(0, 0.25), (1, 0.125), (2, 0.0)] {
                let found = row[bin + offset].norm() / n as f32;
                assert!((found - share).abs() < 1e-5, "{n_fft}, {offset} bins off: {found}");
            }
        }
    }

    /// Row k of the one is row k + 2 of the other where two hops are half a row.
    #[test]
    fn without_centring_rows_begin_at_their_hop() {
        let run = |center: bool| {
            let mut rows: Vec<Vec<Complex32>> = Vec::new();
            let mut chain = Chain::new(a10_clock(512)).then(&SPEC, |h| h.param("center", center));
            let latency = chain.last().timing(&[]).latency_samples;
            chain.feed_channels(&[a10()[..20_480].to_vec()], |h| match h.output("spectrum") {
                Value::Spectrum(s) => rows.extend(s.hops.fresh().map(<[_]>::to_vec)),
                other => panic!("{other:?}"),
            });
            (rows, latency)
        };
        let ((centred, half), (begun, whole)) = (run(true), run(false));
        assert_eq!((half, whole), (1024, 2048));
        assert_eq!((centred.len(), begun.len()), (39, 37));
        assert_eq!(centred[2..], begun);
    }

    #[test]
    fn a_new_length_keeps_the_sound_of_the_old() {
        let sound = a10();
        let run = |swap: bool| {
            let make = |n_fft: &str| Harness::new(&SPEC).param("n_fft", n_fft).prepare().unwrap();
            let mut node = make(if swap { "4096" } else { "1024" });
            node.feed("audio", &[&sound[..8192]], |_| ()).unwrap();
            if swap {
                let mut next = make("1024");
                next.node_mut().adopt(node.node_mut() as &mut dyn Any);
                node = next;
            }
            node
        };
        let (mut swapped, mut same) = (run(true), run(false));
        let next_row = |node: &mut Harness| {
            node.feed("audio", &[&sound[8192..8704]], |h| h.output("spectrum").clone()).unwrap()
        };
        let latest = |values: Vec<Value>| match values.last() {
            Some(Value::Spectrum(s)) => s.hops.latest().map(<[_]>::to_vec),
            _ => None,
        };
        assert_eq!(latest(next_row(&mut swapped)), latest(next_row(&mut same)));
    }
}
