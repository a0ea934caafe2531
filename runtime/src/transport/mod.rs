//! Where samples come from: a sound file, memory, silence. The engine pulls; a transport never
//! hands out a sample twice and never changes one by how many are asked for at once.

mod chunked;
mod decode;
mod file;
mod memory;
mod mp4;
mod resample;
#[cfg(test)]
pub(crate) mod testing;

use std::path::PathBuf;

use lumawire_core::AudioBlock;
use thiserror::Error;

pub use chunked::Chunked;
pub use decode::{AudioFileError, MAX_CHANNELS, SUPPORTED_FORMATS};
pub use file::AudioFile;
pub use memory::{Memory, Silence};

/// A source of samples at the patch's sample rate, full scale ±1, all of them finite.
pub trait Transport: Send {
    /// Channels that it delivers; constant, unless a live device changes.
    fn num_channels(&self) -> usize;

    /// Waits until it knows how many channels come next.
    fn settle(&mut self) {}

    /// Samples in a channel from beginning to end, if known; an estimate for progress.
    fn num_samples(&self) -> Option<u64>;

    /// Where a sound stands at a sample that was read, if it does not simply follow the samples:
    /// one that is paused, or put to another place.
    fn song_at(&self, _sample: u64) -> Option<Song> {
        None
    }

    /// Fills `block` (shaped `[num_channels, len]` when it was begun) from sample `from` on with as many
    /// samples as it has now: at least one unless it has ended or `from` is the block's end.
    /// Waits if it has none yet. Once ended, it stays ended.
    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError>;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn num_channels(&self) -> usize {
        (**self).num_channels()
    }

    fn settle(&mut self) {
        (**self).settle();
    }

    fn num_samples(&self) -> Option<u64> {
        (**self).num_samples()
    }

    fn song_at(&self, sample: u64) -> Option<Song> {
        (**self).song_at(sample)
    }

    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        (**self).read(block, from)
    }
}

/// Where a sound stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Song {
    /// The sound's own sample.
    pub sample: u64,
    /// Whether it goes on from there.
    pub runs: bool,
    /// Samples since it was put to another place, or began to run again.
    pub since: u64,
}

/// What a [`Transport::read`] brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many samples a channel.
    Samples(usize),
    /// There are no more.
    Ended,
}

/// A transport that broke off.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The file cannot be opened any more.
    #[error(transparent)]
    Open(#[from] AudioFileError),
    /// The file could no longer be read: a disk that went away, a network share.
    #[error(
        "{}: reading failed after {secs:.1} s: {source}; check the disk and start again",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Seconds of sound decoded before.
        secs: f64,
        /// What the system said.
        source: std::io::Error,
    },
    /// The decoder stopped by a fault of its own.
    #[error(
        "{}: decoding stopped by an internal fault; convert the file to WAV and start again",
        path.display()
    )]
    Decoder {
        /// The file.
        path: PathBuf,
    },
}
