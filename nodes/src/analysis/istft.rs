//! Spectra back to sound.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Spectrum, Timing,
};

use super::layout::layout_of;
use lumawire_analysis::signal::sane;
use lumawire_analysis::signal::window::Window;
use lumawire_analysis::spectrum::istft::FrameSynthesis;
use lumawire_analysis::spectrum::layout::Layout;

const IN_SPECTRUM: usize = 0;
const OUT_AUDIO: usize = 0;
const PARAM_WINDOW: usize = 0;
const PARAM_CENTER: usize = 1;

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
        Param::choice("window", "Window", Window::OPTIONS).doc("The window that the STFT used."),
        Param::switch("center", "Centred", true)
            .rebuild()
            .doc("Whether the STFT's rows lie about their samples, or begin there."),
    ],
    build: || Box::<Istft>::default(),
};

/// Least sum of squared windows to divide by: what thinner overlap leaves fades instead.
const MIN_OVERLAP: f64 = 1e-3;

#[derive(Default)]
struct Istft {
    center: bool,
    synthesis: Option<Synthesis>,
    /// Sums of rows and of squared windows, from the first sample of the coming block on.
    sound: Vec<f64>,
    overlap: Vec<f64>,
}

/// What a layout and a window need.
struct Synthesis {
    layout: Layout,
    window_index: usize,
    frames: FrameSynthesis,
}

impl Node for Istft {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.center = cx.params.switch(PARAM_CENTER);
        Ok(())
    }

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
                *out = sane((x / w.max(MIN_OVERLAP)) as f32);
            }
        }
        shift(&mut self.sound, block_len);
        shift(&mut self.overlap, block_len);
        Ok(())
    }

    fn timing(&self, inputs: &[Timing]) -> Timing {
        // What is left of n_fft: a row that is not centred is as late already.
        let frame_len = Timing::punctual(inputs).frame_len;
        Timing::default().late(if self.center { frame_len / 2 } else { 0 })
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
            let frames = FrameSynthesis::new(layout.n_fft, Window::from_index(window_index));
            self.synthesis = Some(Synthesis { layout, window_index, frames });
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
        let ahead = if self.center { n_fft.div_ceil(2) } else { n_fft };
        let phase = (ahead % hop_len) as u64;
        let since = (block_end + hop_len as u64 - phase) % hop_len as u64;
        let last = block_len.saturating_sub(since as usize);
        let num_rows = spectrum.hops.num_fresh();
        for (i, row) in spectrum.hops.fresh().enumerate() {
            let start = last.saturating_sub((num_rows - 1 - i) * hop_len);
            let (sound, overlap) = (&mut self.sound[start..], &mut self.overlap[start..]);
            synthesis.frames.add(row, sound, overlap);
        }
    }
}

/// Drops the first `by` values and appends as many zeros.
fn shift(values: &mut [f64], by: usize) {
    let by = by.min(values.len());
    values.copy_within(by.., 0);
    let kept = values.len() - by;
    values[kept..].fill(0.0);
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::analysis::stft;
    use crate::analysis::testing::{Chain, a10, a10_clock, max_abs_diff};

    #[test]
    fn undoes_the_stft_after_its_latency() {
        let sound = &a10()[..40_000];
        for (n_fft, hop, window, center) in [
            ("2048", 512, "hann", true),
            ("2048", 1024, "hann", true),
            ("1024", 256, "hamming", true),
            ("512", 100, "blackman", true),
            ("256", 256, "rect", true),
            ("1024", 300, "hann", false),
            ("512", 128, "hamming", false),
        ] {
            let latency: usize = n_fft.parse().unwrap();
            let mut out = Vec::new();
            let mut chain = Chain::new(a10_clock(512))
                .then(&stft::SPEC, |h| {
                    let h = h.param("n_fft", n_fft).param("hop", hop);
                    h.param("window", window).param("center", center)
                })
                .then(&SPEC, |h| h.param("window", window).param("center", center));
            chain.feed_channels(&[sound.to_vec()], |h| match h.output("audio") {
                Value::Audio(block) => out.extend_from_slice(block.channel(0)),
                other => panic!("{other:?}"),
            });
            let heard = &out[latency..out.len().min(latency + sound.len())];
            assert!(heard.len() > 37_000);
            assert!(out[..latency].iter().all(|x| x.abs() < 1e-5));
            // Where rows begin at their hop, a window from 0 leaves the first samples faint.
            let skip = if center { 0 } else { latency };
            let error = max_abs_diff(&heard[skip..], &sound[skip..heard.len()]);
            assert!(error < 1e-5, "{n_fft}/{hop} {window}: {error}");
        }
    }

    #[test]
    fn both_together_are_as_late_as_a_row_is_long() {
        for center in [true, false] {
            let node = |spec| Harness::new(spec).param("center", center).prepare().unwrap();
            let rows = node(&stft::SPEC).timing(&[]);
            let sound = node(&SPEC).timing(&[rows]);
            assert_eq!(rows.latency_samples + sound.latency_samples, 2048);
        }
    }
}
