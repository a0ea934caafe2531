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
        for (from_hz, to_hz) in
            [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (8_000, 48_000)]
        {
            let sine = |hz: u32, i: f64| 0.5 * (TAU * 1_000.0 * i / f64::from(hz)).sin();
            let input: Vec<f32> =
                (0..from_hz).map(|i| sine(from_hz, f64::from(i)) as f32).collect();
            let (out, delay) = resampled(&input, from_hz, to_hz);
            assert!(out.len().abs_diff(to_hz as usize) < 600, "{}", out.len());
            let (mut noise, mut signal) = (0.0, 0.0);
            for i in out.len() / 4..out.len() * 3 / 4 {
                let truth = sine(to_hz, i as f64 - delay as f64);
                noise += (f64::from(out[i]) - truth).powi(2);
                signal += truth.powi(2);
            }
            // The delay is told in whole samples: half a sample of it is a phase of 0.065.
            let snr_db = 10.0 * (signal / noise).log10();
            println!("{from_hz} -> {to_hz}: {snr_db:.1} dB, delay {delay}");
            assert!(snr_db > 20.0, "{from_hz} -> {to_hz}: {snr_db:.1} dB");
        }
    }
}
