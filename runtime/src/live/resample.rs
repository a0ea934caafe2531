//! Sample rate conversion of a stream without end, with little delay.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Async, FixedAsync, Indexing, Resampler, SincInterpolationParameters, WindowFunction};

/// Samples that are converted at once: about a millisecond.
const CHUNK: usize = 64;
/// Length of the windowed sinc, in samples of the lower rate; half of it is the delay.
const SINC_LEN: usize = 128;

/// Converts chunk by chunk with a windowed sinc. After it is made it allocates nothing, so that it
/// may run in a callback.
pub(super) struct StreamResampler {
    inner: Async<f32>,
    num_channels: usize,
    /// What waits for a whole chunk, `[channels][0..CHUNK]`.
    input: Vec<Vec<f32>>,
    filled: usize,
    /// The last chunk's result, `[channels][max]`, and which part of it waits to be taken.
    output: Vec<Vec<f32>>,
    taken: usize,
    len: usize,
}

impl StreamResampler {
    /// From `from_hz` to `to_hz`; the error says why that cannot be done.
    pub fn new(num_channels: usize, from_hz: u32, to_hz: u32) -> Result<Self, String> {
        let parameters =
            SincInterpolationParameters::new(SINC_LEN, WindowFunction::BlackmanHarris2);
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        let inner =
            Async::new_sinc(ratio, 1.0, &parameters, CHUNK, num_channels, FixedAsync::Input)
                .map_err(|e| e.to_string())?;
        Ok(Self {
            num_channels,
            input: vec![vec![0.0; CHUNK]; num_channels],
            filled: 0,
            output: vec![vec![0.0; inner.output_frames_max()]; num_channels],
            taken: 0,
            len: 0,
            inner,
        })
    }

    /// By how many samples of the output the conversion is late.
    pub fn delay(&self) -> usize {
        self.inner.output_delay()
    }

    /// Samples a channel that it takes until there is a result.
    pub fn num_missing(&self) -> usize {
        CHUNK - self.filled
    }

    /// Samples a channel that wait to be taken.
    pub fn num_ready(&self) -> usize {
        self.len - self.taken
    }

    /// Takes in `[len, channels]`, at most what is missing, while no result waits.
    pub fn push(&mut self, interleaved: &[f32]) {
        let n = (interleaved.len() / self.num_channels).min(self.num_missing());
        for (c, input) in self.input.iter_mut().enumerate() {
            let samples = interleaved.iter().skip(c).step_by(self.num_channels);
            for (to, from) in input[self.filled..self.filled + n].iter_mut().zip(samples) {
                *to = *from;
            }
        }
        self.filled += n;
        if self.filled == CHUNK {
            self.convert();
        }
    }

    /// The next `n` samples of channel `channel` that wait.
    pub fn ready(&self, channel: usize, n: usize) -> &[f32] {
        self.output.get(channel).map_or(&[], |output| &output[self.taken..self.taken + n])
    }

    /// Counts `n` samples as taken.
    pub fn take(&mut self, n: usize) {
        self.taken += n.min(self.num_ready());
    }

    fn convert(&mut self) {
        self.filled = 0;
        let max = self.output.first().map_or(0, Vec::len);
        let input = SequentialSliceOfVecs::new(&self.input, self.num_channels, CHUNK);
        let output = SequentialSliceOfVecs::new_mut(&mut self.output, self.num_channels, max);
        let (Ok(input), Ok(mut output)) = (input, output) else { return };
        // Sizes are those that it asked for: there is nothing that it could refuse.
        let done = self.inner.process_into_buffer(&input, &mut output, None::<&Indexing>);
        (self.taken, self.len) = (0, done.map_or(0, |(_, len)| len));
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn resampled(samples: &[f32], from_hz: u32, to_hz: u32) -> (Vec<f32>, usize) {
        let mut resampler = StreamResampler::new(1, from_hz, to_hz).unwrap();
        let mut out = Vec::new();
        let mut at = 0;
        while at < samples.len() {
            let n = resampler.num_missing().min(37).min(samples.len() - at);
            resampler.push(&samples[at..at + n]);
            at += n;
            let n = resampler.num_ready();
            out.extend_from_slice(resampler.ready(0, n));
            resampler.take(n);
        }
        (out, resampler.delay())
    }

    #[test]
    fn sines_keep_their_amplitude_and_come_when_it_says() {
        let rates = [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (8_000, 48_000)];
        for (from_hz, to_hz) in rates {
            let turn = TAU * 1_000.0;
            let input: Vec<f32> = (0..from_hz)
                .map(|i| (0.5 * (turn * f64::from(i) / f64::from(from_hz)).sin()) as f32)
                .collect();
            let (out, delay) = resampled(&input, from_hz, to_hz);
            assert!(out.len().abs_diff(to_hz as usize) < 600, "{}", out.len());
            // Half a second is a whole number of turns: sine and cosine are orthogonal in it.
            let interior = to_hz as usize / 4..to_hz as usize * 3 / 4;
            let (mut along, mut across, mut power) = (0.0, 0.0, 0.0);
            for (i, v) in interior.clone().zip(&out[interior.clone()]) {
                let (angle, v) = (turn * i as f64 / f64::from(to_hz), f64::from(*v));
                along += v * angle.sin();
                across += v * angle.cos();
                power += v * v;
            }
            let (half, num) = (interior.len() as f64 / 2.0, along.hypot(across));
            assert!((num / half - 0.5).abs() < 1e-4, "amplitude {}", num / half);
            let snr_db = -10.0 * (1.0 - num * num / half / power).max(1e-15).log10();
            let late = -across.atan2(along) / turn * f64::from(to_hz);
            let period = f64::from(to_hz) / 1_000.0;
            let error = (late - delay as f64 + period / 2.0).rem_euclid(period) - period / 2.0;
            println!("{from_hz} -> {to_hz}: {snr_db:.1} dB, {delay} late but for {error:.2}");
            assert!(snr_db > 110.0, "{from_hz} -> {to_hz}: {snr_db:.1} dB");
            assert!(error.abs() < 1.5, "{from_hz} -> {to_hz}: off by {error} samples");
        }
    }
}
