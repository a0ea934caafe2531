//! Irregular delivery, as by a live device.

use lumawire_core::AudioBlock;

use super::{Read, Transport, TransportError};

/// The most samples handed out at once.
const MAX_CHUNK: u64 = 1_000;

/// Hands out the samples of another transport in chunks of pseudo-random size, 1 to 1000, as a
/// sound card would. The same seed gives the same sizes.
#[derive(Debug, Clone)]
pub struct Chunked<T> {
    inner: T,
    state: u64,
    chunk: AudioBlock,
}

impl<T: Transport> Chunked<T> {
    /// Chops up `inner`.
    pub fn new(inner: T, seed: u64) -> Self {
        Self { inner, state: seed, chunk: AudioBlock::default() }
    }

    /// The next size, by SplitMix64 (Steele, Lea and Flood 2014).
    fn next_size(&mut self) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % MAX_CHUNK) as usize + 1
    }
}

impl<T: Transport> Transport for Chunked<T> {
    fn num_channels(&self) -> usize {
        self.inner.num_channels()
    }

    fn num_samples(&self) -> Option<u64> {
        self.inner.num_samples()
    }

    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        let size = self.next_size().min(block.len().saturating_sub(from));
        self.chunk.resize(block.num_channels(), size);
        let read = self.inner.read(&mut self.chunk, 0)?;
        if let Read::Samples(n) = read {
            for c in 0..block.num_channels() {
                block.channel_mut(c)[from..from + n].copy_from_slice(&self.chunk.channel(c)[..n]);
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Memory;
    use crate::transport::testing::read_all;

    #[test]
    fn chunks_change_sizes_but_no_sample() {
        let mut samples = AudioBlock::silent(2, 20_000);
        for (i, v) in samples.samples_mut().iter_mut().enumerate() {
            *v = i as f32;
        }
        let mut chunked = Chunked::new(Memory::new(samples.clone()), 7);
        let mut block = AudioBlock::silent(2, 4_096);
        let mut sizes = Vec::new();
        while let Read::Samples(n) = chunked.read(&mut block, 0).unwrap() {
            sizes.push(n);
        }
        assert_eq!(sizes.iter().sum::<usize>(), 20_000);
        assert!(sizes.iter().all(|n| (1..=1_000).contains(n)));
        assert!(sizes.windows(2).any(|w| w[0] != w[1]));
        let chunked = &mut Chunked::new(Memory::new(samples.clone()), 8);
        assert_eq!(read_all(chunked, 256), samples);
    }
}
