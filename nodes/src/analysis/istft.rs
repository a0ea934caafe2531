//! Spectra back to sound.

use std::sync::Arc;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Spectrum, Timing,
};
use num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner};

use super::layout::layout_of;
use lumawire_analysis::signal::sane;
use lumawire_analysis::signal::window::Window;
use lumawire_analysis::spectrum::layout::Layout;

const IN_SPECTRUM: usize = 0;
const OUT_AUDIO: usize = 0;
const PARAM_WINDOW: usize = 0;

/// `analysis.istft`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.istft",
    version: 1,
    label: "Inverse STFT",
    doc: "Turns spectra back into sound, so that it can be heard or filtered further. Each row is \
          transformed back, windowed again and added where it came from, and the sum divided by \
          that of the squared windows (Griffin and Lim 1984): untouched spectra give the sound \
          that they came from, as long as the hop is at most half of n_fft. [hops, n_fft/2 + 1] to \
          [1, block]. Latency n_fft samples after the sound that entered the STFT, plus that of \
          any node between.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[Port::output("audio", PortType::Audio, "The sound, [1, block].")],
    params: &[
        Param::choice("window", "Window", Window::OPTIONS).doc("The window that the STFT used.")
    ],
    build: || Box::<Istft>::default(),
};

/// Least sum of squared windows to divide by: what thinner overlap leaves fades instead.
const MIN_OVERLAP: f32 = 1e-3;

#[derive(Default)]
struct Istft {
    synthesis: Option<Synthesis>,
    /// Sums of rows and of squared windows, from the first sample of the coming block on.
    sound: Vec<f32>,
    overlap: Vec<f32>,
}

/// What a layout and a window need.
struct Synthesis {
    layout: Layout,
    window_index: usize,
    window: Vec<f32>,
    fft: Arc<dyn ComplexToReal<f32>>,
    bins: Vec<Complex32>,
    frame: Vec<f32>,
    scratch: Vec<Complex32>,
}

impl Node for Istft {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let block_len = io.tick.clock.block_len;
        if let Some(layout) = layout_of(spectrum) {
            self.prepare_for(layout, io.params.choice(PARAM_WINDOW));
            self.add_rows(spectrum, io.tick.sample, block_len);
        }
        if let Some(out) = io.outputs.audio(OUT_AUDIO) {
            out.resize(1, block_len);
            for ((out, x), w) in out.samples_mut().iter_mut().zip(&self.sound).zip(&self.overlap) {
                *out = sane(x / w.max(MIN_OVERLAP));
            }
        }
        shift(&mut self.sound, block_len);
        shift(&mut self.overlap, block_len);
        Ok(())
    }

    fn timing(&self, inputs: &[Timing]) -> Timing {
        Timing::default().late(Timing::punctual(inputs).frame_len.div_ceil(2))
    }

    fn reset(&mut self) {
        self.sound.fill(0.0);
        self.overlap.fill(0.0);
    }
}

impl Istft {
    fn prepare_for(&mut self, layout: Layout, window_index: usize) {
        let fits = |s: &Synthesis| s.layout == layout && s.window_index == window_index;
        if !self.synthesis.as_ref().is_some_and(fits) {
            self.synthesis = Some(Synthesis::new(layout, window_index));
            self.sound.clear();
            self.overlap.clear();
        }
    }

    /// Adds this block's rows where they belong. A row that is complete at sample t of the run is
    /// heard from t on. Rows come without gaps, so this block's are those that the STFT's grid
    /// completes last in it.
    fn add_rows(&mut self, spectrum: &Spectrum, block_start: u64, block_len: usize) {
        let Some(synthesis) = &mut self.synthesis else { return };
        let Layout { n_fft, hop_len, .. } = synthesis.layout;
        self.sound.resize(block_len + n_fft, 0.0);
        self.overlap.resize(block_len + n_fft, 0.0);
        // The last sample of this block at which the grid completes a row.
        let block_end = block_start + block_len as u64;
        let phase = (n_fft / 2 % hop_len) as u64;
        let since = (block_end + hop_len as u64 - phase) % hop_len as u64;
        let last = block_len.saturating_sub(since as usize);
        let num_rows = spectrum.hops.num_fresh();
        for (i, row) in spectrum.hops.fresh().enumerate() {
            let start = last.saturating_sub((num_rows - 1 - i) * hop_len);
            synthesis.add(row, &mut self.sound[start..], &mut self.overlap[start..]);
        }
    }
}

impl Synthesis {
    fn new(layout: Layout, window_index: usize) -> Self {
        let fft = RealFftPlanner::new().plan_fft_inverse(layout.n_fft);
        let window = Window::from_index(window_index).periodic(layout.n_fft);
        Self {
            layout,
            window_index,
            window: window.into_iter().map(|w| w as f32).collect(),
            bins: fft.make_input_vec(),
            frame: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }

    fn add(&mut self, row: &[Complex32], sound: &mut [f32], overlap: &mut [f32]) {
        for (bin, &x) in self.bins.iter_mut().zip(row) {
            *bin = if x.is_finite() { x } else { Complex32::default() };
        }
        // The spectrum of a real sound has real ends.
        for end in [0, self.layout.num_bins() - 1] {
            self.bins[end].im = 0.0;
        }
        let done =
            self.fft.process_with_scratch(&mut self.bins, &mut self.frame, &mut self.scratch);
        debug_assert!(done.is_ok(), "all lengths are those of the plan");
        let scale = 1.0 / self.layout.n_fft as f32;
        for (i, (x, w)) in self.frame.iter().zip(&self.window).enumerate() {
            sound[i] += x * w * scale;
            overlap[i] += w * w;
        }
    }
}

/// Drops the first `by` values and appends as many zeros.
fn shift(values: &mut [f32], by: usize) {
    let by = by.min(values.len());
    values.copy_within(by.., 0);
    let kept = values.len() - by;
    values[kept..].fill(0.0);
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;

    use super::*;
    use crate::analysis::testing::{Chain, a10, max_abs_diff};

    #[test]
    fn undoes_the_stft_after_its_latency() {
        let sound = &a10()[..40_000];
        for (n_fft, hop, window) in [
            ("2048", 512, "hann"),
            ("2048", 1024, "hann"),
            ("1024", 256, "hamming"),
            ("512", 100, "blackman"),
            ("256", 256, "rect"),
        ] {
            let latency: usize = n_fft.parse().unwrap();
            let mut out = Vec::new();
            Chain::stft_with(n_fft, hop, window).then(&SPEC, |h| h.param("window", window)).feed(
                sound,
                |h| match h.output("audio") {
                    Value::Audio(block) => out.extend_from_slice(block.channel(0)),
                    other => panic!("{other:?}"),
                },
            );
            let heard = &out[latency..out.len().min(latency + sound.len())];
            assert!(heard.len() > 38_000);
            assert!(out[..latency].iter().all(|x| x.abs() < 1e-5));
            let error = max_abs_diff(heard, &sound[..heard.len()]);
            assert!(error < 1e-5, "{n_fft}/{hop} {window}: {error}");
        }
    }
}
