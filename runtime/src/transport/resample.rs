//! Sample rate conversion of a stream from beginning to end.

use std::num::NonZero;

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use lumawire_core::AudioBlock;

/// Input samples of a transform, at least: long enough that the transition band of the
/// anti-aliasing filter is a few per cent of the band.
const MIN_CHUNK: usize = 2_048;

/// Converts a stream by FFT (overlap-add with a windowed sinc as anti-aliasing filter). Sample 0
/// of the input is sample 0 of the output, and `n` samples become `round(n · to / from)`.
pub(super) struct Resampler {
    fft: Fft<f32>,
    from_hz: u64,
    to_hz: u64,
    /// Input that waits for a whole chunk, `[channels][0..chunk]`.
    input: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    /// Output samples still to drop: the filter's delay.
    delay: usize,
    num_in: u64,
    num_out: u64,
}

impl Resampler {
    /// From `from_hz` to `to_hz`; the error says why that cannot be done.
    pub fn new(
        num_channels: usize,
        from_hz: NonZero<u32>,
        to_hz: NonZero<u32>,
    ) -> Result<Self, String> {
        let (from_hz, to_hz) = (from_hz.get() as usize, to_hz.get() as usize);
        let smallest = from_hz / greatest_common_divisor(from_hz, to_hz);
        // An even number of smallest chunks: half a chunk, the filter's delay, is then a whole
        // number of samples at both rates.
        let chunk = smallest * MIN_CHUNK.div_ceil(smallest).next_multiple_of(2);
        let fft = Fft::new(from_hz, to_hz, chunk, num_channels, FixedSync::Both)
            .map_err(|e| e.to_string())?;
        Ok(Self {
            input: vec![Vec::with_capacity(fft.input_frames_max()); num_channels],
            output: vec![vec![0.0; fft.output_frames_max()]; num_channels],
            delay: fft.output_delay(),
            fft,
            from_hz: from_hz as u64,
            to_hz: to_hz as u64,
            num_in: 0,
            num_out: 0,
        })
    }

    /// How many samples `num_in` become.
    pub fn output_len(num_in: u64, from_hz: u32, to_hz: u32) -> u64 {
        let (from_hz, twice) = (u128::from(from_hz), 2 * u128::from(num_in) * u128::from(to_hz));
        u64::try_from((twice + from_hz) / (2 * from_hz)).unwrap_or(u64::MAX)
    }

    /// Takes `block` in and hands every finished chunk to `sink`.
    pub fn push(
        &mut self,
        block: &AudioBlock,
        mut sink: impl FnMut(AudioBlock),
    ) -> Result<(), String> {
        self.num_in += block.len() as u64;
        let mut at = 0;
        while at < block.len() {
            let missing = self.fft.input_frames_next() - self.input.first().map_or(0, Vec::len);
            let n = missing.min(block.len() - at);
            for (c, input) in self.input.iter_mut().enumerate() {
                input.extend_from_slice(&block.channel(c)[at..at + n]);
            }
            at += n;
            if n == missing {
                sink(self.convert()?);
            }
        }
        Ok(())
    }

    /// Hands what the filter still holds to `sink`.
    pub fn finish(&mut self, mut sink: impl FnMut(AudioBlock)) -> Result<(), String> {
        let total = Self::output_len(self.num_in, self.from_hz as u32, self.to_hz as u32);
        while self.num_out < total {
            for input in &mut self.input {
                input.resize(self.fft.input_frames_next(), 0.0);
            }
            let left = usize::try_from(total - self.num_out).unwrap_or(usize::MAX);
            let block = self.convert()?;
            sink(if block.len() > left { head(&block, left) } else { block });
        }
        Ok(())
    }

    /// Converts the full chunk in `input`.
    fn convert(&mut self) -> Result<AudioBlock, String> {
        let num_channels = self.input.len();
        let (len_in, len_out) = (self.fft.input_frames_next(), self.fft.output_frames_next());
        let input = SequentialSliceOfVecs::new(&self.input, num_channels, len_in)
            .map_err(|e| e.to_string())?;
        let mut output = SequentialSliceOfVecs::new_mut(&mut self.output, num_channels, len_out)
            .map_err(|e| e.to_string())?;
        self.fft
            .process_into_buffer(&input, &mut output, None::<&Indexing>)
            .map_err(|e| e.to_string())?;
        let drop = self.delay.min(len_out);
        self.delay -= drop;
        let mut block = AudioBlock::silent(num_channels, len_out - drop);
        for (c, output) in self.output.iter().enumerate() {
            block.channel_mut(c).copy_from_slice(&output[drop..len_out]);
        }
        self.input.iter_mut().for_each(Vec::clear);
        self.num_out += block.len() as u64;
        Ok(block)
    }
}

/// The first `len` samples of `block`.
fn head(block: &AudioBlock, len: usize) -> AudioBlock {
    let mut head = AudioBlock::silent(block.num_channels(), len);
    for c in 0..block.num_channels() {
        head.channel_mut(c).copy_from_slice(&block.channel(c)[..len]);
    }
    head
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// One channel through the resampler, fed in uneven pieces.
    fn resampled(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
        let rate = |hz| NonZero::new(hz).unwrap();
        let mut resampler = Resampler::new(1, rate(from_hz), rate(to_hz)).unwrap();
        let mut out = Vec::new();
        for piece in samples.chunks(1_153) {
            let mut block = AudioBlock::silent(1, piece.len());
            block.samples_mut().copy_from_slice(piece);
            resampler.push(&block, |b| out.extend_from_slice(b.samples())).unwrap();
        }
        resampler.finish(|b| out.extend_from_slice(b.samples())).unwrap();
        out
    }

    fn sine(freq_hz: f64, rate_hz: u32, len: usize) -> Vec<f32> {
        let sample = |i| (0.5 * (TAU * freq_hz * i as f64 / f64::from(rate_hz)).sin()) as f32;
        (0..len).map(sample).collect()
    }

    /// Signal to noise in dB against the same sine computed at the new rate, in the interior.
    fn snr_db(freq_hz: f64, from_hz: u32, to_hz: u32) -> f64 {
        let out = resampled(&sine(freq_hz, from_hz, from_hz as usize), from_hz, to_hz);
        let truth = sine(freq_hz, to_hz, to_hz as usize);
        assert_eq!(out.len(), truth.len());
        let interior = out.len() / 5..out.len() * 4 / 5;
        let power = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>();
        let signal = power(&mut truth[interior.clone()].iter().map(|v| f64::from(*v)));
        let noise = power(
            &mut out[interior.clone()]
                .iter()
                .zip(&truth[interior])
                .map(|(a, b)| f64::from(*a) - f64::from(*b)),
        );
        10.0 * (signal / noise).log10()
    }

    #[test]
    fn sines_keep_their_amplitude_and_their_phase() {
        for (from_hz, to_hz) in [
            (44_100, 48_000),
            (48_000, 44_100),
            (96_000, 48_000),
            (8_000, 48_000),
            (22_050, 48_000),
            (192_000, 44_100),
            (44_101, 48_000),
        ] {
            let snr_db = snr_db(1_000.0, from_hz, to_hz);
            println!("{from_hz} -> {to_hz}: {snr_db:.1} dB");
            assert!(snr_db > 110.0, "{from_hz} -> {to_hz}: {snr_db:.1} dB");
        }
        assert!(snr_db(18_000.0, 44_100, 48_000) > 90.0);
    }

    #[test]
    fn what_lies_above_the_new_band_vanishes() {
        let out = resampled(&sine(23_500.0, 48_000, 48_000), 48_000, 44_100);
        let peak = out[8_820..35_280].iter().fold(0.0, |m: f32, v| m.max(v.abs()));
        assert!(peak < 1e-4, "{peak}");
    }

    #[test]
    fn lengths_are_rounded_and_impulses_stay_in_place() {
        for len in [1, 2, 146, 147, 148, 2_057, 2_058, 2_059, 10_000] {
            let out = resampled(&vec![0.25; len], 44_100, 48_000);
            assert_eq!(out.len(), (len as f64 * 48_000.0 / 44_100.0).round() as usize, "{len}");
        }
        assert!(resampled(&[], 44_100, 48_000).is_empty());
        let mut impulse = vec![0.0; 20_000];
        for at in [0, 147 * 40, 19_992] {
            impulse[at] = 1.0;
        }
        let out = resampled(&impulse, 44_100, 48_000);
        for at in [0_usize, 160 * 40, 21_760] {
            let near = &out[at.saturating_sub(50)..(at + 50).min(out.len())];
            let peak = near.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
            assert_eq!(out[at], peak, "impulse at {at}");
        }
    }
}
