//! The thread that writes a take.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use lumawire_core::AudioBlock;

use super::record::TakeNotice;
use super::sound_path;
use super::wav::WavWriter;
use crate::control::{Entry, Stamped};

/// How long what came may wait in memory.
const FLUSH: Duration = Duration::from_millis(200);
/// Bytes of sound that may.
const MAX_WAITING_BYTES: usize = 1 << 20;
/// Samples of silence that are written at once.
const SILENCE_LEN: u64 = 4_096;

/// What a take has become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakeSummary {
    /// Samples a channel.
    pub num_samples: u64,
    /// Entries besides the sound.
    pub num_entries: u64,
    /// Samples that were lost.
    pub num_lost_samples: u64,
    /// Entries that were lost.
    pub num_lost_entries: u64,
    /// Files of the patch that were changed in the show: a render uses them as they are then.
    pub num_changed_files: u64,
    /// Whether the disk refused, and the take ends there.
    pub has_failed: bool,
}

impl TakeSummary {
    /// Whether a replay gives the same values to the end.
    pub fn is_exact(&self) -> bool {
        let num_lost = self.num_lost_samples.saturating_add(self.num_lost_entries);
        !self.has_failed && num_lost == 0 && self.num_changed_files == 0
    }
}

/// What the engine's side sends.
pub(super) enum Message {
    Block { sample: u64, block: AudioBlock },
    Entry(Stamped<Entry>),
    End,
}

pub(super) struct Writer {
    pub folder: PathBuf,
    pub rate_hz: u32,
    pub messages: Receiver<Message>,
    /// Blocks that go back to the engine.
    pub free: Sender<AudioBlock>,
    pub num_lost_entries: Arc<AtomicU64>,
    /// The sample after the last that the engine has heard.
    pub heard_until: Arc<AtomicU64>,
    pub tell: Box<dyn FnMut(TakeNotice) + Send>,
    pub events: File,
    pub out: Waiting,
    pub sound: Option<WavWriter>,
    pub num_parts: usize,
    pub summary: TakeSummary,
}

/// What is still in memory. Lines leave it before sound does, so that on disk no sound is without
/// what came by then.
#[derive(Default)]
pub(super) struct Waiting {
    lines: Vec<u8>,
    sound: Vec<u8>,
}

impl Writer {
    /// Writes until it is told to end.
    pub fn run(mut self) -> TakeSummary {
        let mut flushed = Instant::now();
        loop {
            let taken = match self.messages.recv_timeout(FLUSH) {
                Ok(Message::Block { sample, block }) => {
                    let taken = self.block(sample, &block);
                    // Never full: as many go round as there is room for.
                    let _ = self.free.try_send(block);
                    taken
                }
                Ok(Message::Entry(entry)) => self.entry(&entry),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => Ok(()),
            };
            let is_due = flushed.elapsed() >= FLUSH || self.out.sound.len() > MAX_WAITING_BYTES;
            let done = taken.and_then(|()| if is_due { self.flush() } else { Ok(()) });
            if is_due {
                flushed = Instant::now();
            }
            done.unwrap_or_else(|error| self.fail(&error));
        }
        // What was lost after the last block that came.
        let missed = self.miss(self.heard_until.load(Ordering::Acquire));
        let end = Stamped { sample: self.summary.num_samples, event: Entry::End {} };
        let ended = missed.and_then(|()| self.entry(&end)).and_then(|()| self.flush());
        let ended = ended.and_then(|()| self.sound.take().map_or(Ok(()), WavWriter::finish));
        ended.unwrap_or_else(|error| self.fail(&error));
        self.summary
    }

    /// The disk refuses: what comes from now on is heard and dropped.
    fn fail(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.summary.has_failed, true) {
            (self.tell)(TakeNotice::Failed(error.to_string()));
        }
    }

    fn block(&mut self, sample: u64, block: &AudioBlock) -> io::Result<()> {
        if self.summary.has_failed {
            return Ok(());
        }
        self.miss(sample)?;
        self.turn_to(block.num_channels())?;
        for i in 0..block.len() {
            for c in 0..block.num_channels() {
                let sample = block.channel(c).get(i).copied().unwrap_or(0.0);
                self.out.sound.extend_from_slice(&sample.to_le_bytes());
            }
        }
        self.summary.num_samples += block.len() as u64;
        Ok(())
    }

    /// Looks what is missing before `sample`.
    fn miss(&mut self, sample: u64) -> io::Result<()> {
        let num_samples = sample.saturating_sub(self.summary.num_samples);
        let num_entries = self.num_lost_entries.swap(0, Ordering::Relaxed);
        if self.summary.has_failed || (num_samples == 0 && num_entries == 0) {
            return Ok(());
        }
        self.lose(num_samples, num_entries)
    }

    /// Notes what could not be taken in time, and puts silence in its place.
    fn lose(&mut self, num_samples: u64, num_entries: u64) -> io::Result<()> {
        let sample = self.summary.num_samples;
        self.summary.num_lost_samples += num_samples;
        self.summary.num_lost_entries += num_entries;
        (self.tell)(TakeNotice::Lost { sample, num_samples, num_entries });
        self.entry(&Stamped { sample, event: Entry::Lost { num_samples, num_entries } })?;
        if num_samples > 0 && self.sound.is_none() {
            self.turn_to(1)?;
        }
        let num_channels = self.sound.as_ref().map_or(1, WavWriter::num_channels);
        let mut left = num_samples;
        while left > 0 {
            let num = left.min(SILENCE_LEN);
            self.out.sound.resize(self.out.sound.len() + num as usize * num_channels * 4, 0);
            self.flush()?;
            left -= num;
        }
        self.summary.num_samples += num_samples;
        Ok(())
    }

    /// Goes on in another file where the number of channels is another.
    fn turn_to(&mut self, num_channels: usize) -> io::Result<()> {
        if self.sound.as_ref().is_some_and(|sound| sound.num_channels() == num_channels) {
            return Ok(());
        }
        self.flush()?;
        if let Some(sound) = self.sound.take() {
            sound.finish()?;
        }
        let path = sound_path(&self.folder, self.num_parts);
        self.sound = Some(WavWriter::create(&path, num_channels, self.rate_hz)?);
        self.num_parts += 1;
        Ok(())
    }

    fn entry(&mut self, entry: &Stamped<Entry>) -> io::Result<()> {
        if self.summary.has_failed {
            return Ok(());
        }
        serde_json::to_writer(&mut self.out.lines, entry)?;
        self.out.lines.push(b'\n');
        self.summary.num_entries += 1;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.summary.has_failed {
            return Ok(());
        }
        self.events.write_all(&self.out.lines)?;
        self.out.lines.clear();
        if let Some(sound) = &mut self.sound {
            sound.write(&self.out.sound)?;
        }
        self.out.sound.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crossbeam_channel::unbounded;
    use lumawire_core::Fps;

    use super::*;
    use crate::take::{EVENTS, FORMAT, MANIFEST, Manifest, PATCHES, SOUND, VERSION};
    use crate::take::{Take, TakeError};
    use crate::transport::{Read, Transport};

    /// What a writer makes of messages, in `folder`.
    fn write(folder: &std::path::Path, messages: Vec<Message>, num_lost: u64) -> TakeSummary {
        write_heard(folder, messages, num_lost, 0)
    }

    /// The same of a show that heard so many samples.
    fn write_heard(
        folder: &std::path::Path,
        messages: Vec<Message>,
        num_lost: u64,
        heard_until: u64,
    ) -> TakeSummary {
        fs::create_dir_all(folder.join(SOUND)).unwrap();
        fs::create_dir_all(folder.join(PATCHES)).unwrap();
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            sample_rate_hz: 48_000,
            fps: Fps::new(30, 1),
            seed: Some(u64::MAX),
            size_px: None,
            output: "video".into(),
            base_dir: folder.to_owned(),
        };
        fs::write(folder.join(MANIFEST), serde_json::to_string(&manifest).unwrap()).unwrap();
        let (send, waiting) = unbounded();
        messages.into_iter().for_each(|message| send.send(message).unwrap());
        let (free, _blocks) = unbounded();
        let writer = Writer {
            folder: folder.to_owned(),
            rate_hz: 48_000,
            messages: waiting,
            free,
            num_lost_entries: Arc::new(num_lost.into()),
            heard_until: Arc::new(heard_until.into()),
            tell: Box::new(|notice| assert!(matches!(notice, TakeNotice::Lost { .. }))),
            events: File::create(folder.join(EVENTS)).unwrap(),
            out: Waiting::default(),
            sound: None,
            num_parts: 0,
            summary: TakeSummary::default(),
        };
        drop(send);
        let summary = writer.run();
        assert_eq!(Take::open(folder).unwrap().manifest, manifest);
        summary
    }

    /// A block of these channels, whose numbers say where they are.
    fn block(sample: u64, num_channels: usize, len: usize) -> Message {
        let mut block = AudioBlock::silent(num_channels, len);
        for (i, v) in block.samples_mut().iter_mut().enumerate() {
            *v = sample as f32 + i as f32 / 65_536.0;
        }
        Message::Block { sample, block }
    }

    /// The samples of a take, block by block, as a show reads them.
    fn read(take: &Take) -> Vec<AudioBlock> {
        let mut sound = take.sound().unwrap();
        let mut blocks = Vec::new();
        loop {
            let mut block = AudioBlock::silent(sound.num_channels(), 256);
            match sound.read(&mut block, 0).unwrap() {
                Read::Samples(_) => blocks.push(block),
                Read::Ended => return blocks,
            }
        }
    }

    #[test]
    fn every_number_of_channels_has_a_file_and_all_are_joined_for_a_film() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("take");
        let channels = [2, 1, 1, 1, 6];
        let messages = channels.iter().zip(0..).map(|(n, i)| block(256 * i, *n, 256)).collect();
        let summary = write(&folder, messages, 0);
        assert!(summary.is_exact() && summary.num_samples == 1_280);
        let take = Take::open(&folder).unwrap();
        assert!(take.is_whole && take.sound_files().len() == 3);
        let blocks = read(&take);
        for (i, num_channels) in channels.into_iter().enumerate() {
            let Message::Block { block, .. } = block(256 * i as u64, num_channels, 256) else {
                panic!("no block")
            };
            assert_eq!(blocks[i], block);
        }
        let (path, _folder) = take.sound_file().unwrap();
        let joined = super::super::wav::WavReader::open(&path.unwrap()).unwrap();
        assert_eq!((joined.num_channels, joined.num_left), (1, 1_280));
        assert!(matches!(Take::open(dir.path()), Err(TakeError::NoTake(_))));
    }

    #[test]
    fn what_is_lost_is_silent_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let event = Entry::Event(crate::control::Event::StepCue { by: 1 });
        let late = Message::Entry(Stamped { sample: 9_000, event });
        let messages = vec![block(0, 1, 256), late, block(10_240, 1, 256), block(10_496, 1, 100)];
        let summary = write(dir.path(), messages, 3);
        assert!(!summary.is_exact());
        assert_eq!((summary.num_lost_samples, summary.num_lost_entries), (9_984, 3));
        let take = Take::open(dir.path()).unwrap();
        assert_eq!(take.lost_from, Some(0));
        let blocks = read(&take);
        assert_eq!(blocks.len(), 42);
        assert!(blocks[1..40].iter().all(|b| b.samples().iter().all(|v| *v == 0.0)));
        assert_eq!(blocks[40].channel(0)[0], 10_240.0);
        assert_eq!(blocks[41].channel(0)[99], 10_496.0 + 99.0 / 65_536.0);
        assert_eq!(take.sound_file().unwrap().0.as_deref(), Some(&*take.sound_files()[0]));
    }

    #[test]
    fn what_is_lost_at_the_end_is_told_too() {
        let dir = tempfile::tempdir().unwrap();
        let summary = write_heard(dir.path(), vec![block(0, 2, 256)], 0, 1_000);
        assert!(!summary.is_exact());
        assert_eq!((summary.num_samples, summary.num_lost_samples), (1_000, 744));
        assert_eq!(Take::open(dir.path()).unwrap().lost_from, Some(256));
    }
}
