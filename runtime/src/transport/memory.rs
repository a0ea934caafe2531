//! Samples that are known beforehand.

use lumawire_core::AudioBlock;

use super::{Read, Transport, TransportError};

/// Silence of a given length, or without end.
#[derive(Debug, Clone)]
pub struct Silence {
    num_channels: usize,
    num_samples: Option<u64>,
    given: u64,
}

impl Silence {
    /// `num_samples` samples of silence; `None` for silence without end.
    pub fn new(num_channels: usize, num_samples: Option<u64>) -> Self {
        Self { num_channels, num_samples, given: 0 }
    }
}

impl Transport for Silence {
    fn num_channels(&self) -> usize {
        self.num_channels
    }

    fn num_samples(&self) -> Option<u64> {
        self.num_samples
    }

    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        let left = self.num_samples.map_or(u64::MAX, |n| n - self.given);
        if left == 0 {
            return Ok(Read::Ended);
        }
        let n = block.len().saturating_sub(from).min(usize::try_from(left).unwrap_or(usize::MAX));
        for c in 0..block.num_channels() {
            block.channel_mut(c)[from..from + n].fill(0.0);
        }
        self.given += n as u64;
        Ok(Read::Samples(n))
    }
}

/// Samples held in memory.
#[derive(Debug, Clone)]
pub struct Memory {
    samples: AudioBlock,
    given: usize,
}

impl Memory {
    /// Plays `samples`, `[channels, len]`. Values that are no finite numbers become 0.
    pub fn new(mut samples: AudioBlock) -> Self {
        silence_non_finite(samples.samples_mut());
        Self { samples, given: 0 }
    }

    /// Plays from the sample with this number on.
    pub fn from_sample(mut self, sample: u64) -> Self {
        self.given = usize::try_from(sample).unwrap_or(usize::MAX).min(self.samples.len());
        self
    }
}

impl Transport for Memory {
    fn num_channels(&self) -> usize {
        self.samples.num_channels()
    }

    fn num_samples(&self) -> Option<u64> {
        Some(self.samples.len() as u64)
    }

    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        if self.given == self.samples.len() {
            return Ok(Read::Ended);
        }
        let n = copy_samples(&self.samples, self.given, block, from);
        self.given += n;
        Ok(Read::Samples(n))
    }
}

/// Copies samples of `source` from `at` on into `block` from `from` on, as many as fit; returns
/// how many. Channels that `source` lacks fall silent.
pub(super) fn copy_samples(
    source: &AudioBlock,
    at: usize,
    block: &mut AudioBlock,
    from: usize,
) -> usize {
    let n = block.len().saturating_sub(from).min(source.len().saturating_sub(at));
    for c in 0..block.num_channels() {
        let to = &mut block.channel_mut(c)[from..from + n];
        match source.channel(c).get(at..at + n) {
            Some(samples) => to.copy_from_slice(samples),
            None => to.fill(0.0),
        }
    }
    n
}

/// Replaces what is no finite number by silence.
pub(super) fn silence_non_finite(samples: &mut [f32]) {
    for v in samples.iter_mut().filter(|v| !v.is_finite()) {
        *v = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::testing::read_all;

    #[test]
    fn silence_ends_where_it_was_told_to() {
        let mut silence = Silence::new(2, Some(1_000));
        let read = read_all(&mut silence, 256);
        assert_eq!((read.num_channels(), read.len()), (2, 1_000));
        assert!(read.samples().iter().all(|v| *v == 0.0));
        let mut block = AudioBlock::silent(2, 8);
        assert_eq!(silence.read(&mut block, 0).unwrap(), Read::Ended);
        let mut endless = Silence::new(1, None);
        let mut block = AudioBlock::silent(1, 8);
        block.samples_mut().fill(1.0);
        assert_eq!(endless.read(&mut block, 3).unwrap(), Read::Samples(5));
        assert_eq!(block.samples(), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn memory_plays_its_samples_once_and_no_others() {
        let mut samples = AudioBlock::silent(2, 777);
        for (i, v) in samples.samples_mut().iter_mut().enumerate() {
            *v = i as f32;
        }
        assert_eq!(read_all(&mut Memory::new(samples.clone()), 100), samples);
        samples.samples_mut()[5] = f32::NAN;
        samples.samples_mut()[6] = f32::INFINITY;
        let read = read_all(&mut Memory::new(samples), 100);
        assert_eq!(read.samples()[4..8], [4.0, 0.0, 0.0, 7.0]);
    }
}
