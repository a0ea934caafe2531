//! The show's side of a take: nothing here waits for the disk.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lumawire_core::AudioBlock;

use super::write::{Message, TakeSummary, Waiting, Writer};
use super::{EVENTS, MANIFEST, Manifest, PATCHES, SOUND, TakeError, files, patch_path};
use crate::control::{Entry, Stamped};
use crate::engine::Engine;
use crate::show::Tap;

/// Blocks that may wait for the disk: eleven seconds at 48 kHz.
const NUM_BLOCKS: usize = 2_048;
/// Entries that may.
const MAX_ENTRIES: usize = 131_072;

/// What a take has to tell while it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeNotice {
    /// The disk was too slow: from this sample on a replay is not exact.
    Lost {
        /// The first sample that is missing, or beside which entries are.
        sample: u64,
        /// How many samples are.
        num_samples: u64,
        /// How many entries are.
        num_entries: u64,
    },
    /// The disk refused, for this reason: the take ends here. The show goes on.
    Failed(String),
}

/// Writes a take. Dropping it ends the take.
pub struct Recorder {
    folder: PathBuf,
    base_dir: PathBuf,
    messages: Sender<Message>,
    num_lost_entries: Arc<AtomicU64>,
    num_changed_files: Arc<AtomicU64>,
    num_patches: AtomicU64,
    writer: Option<JoinHandle<TakeSummary>>,
    /// Files to look through, and the thread that does.
    files: Option<Sender<String>>,
    digests: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

/// Lets the take hear what the engine hears: the show's [`Tap`].
pub struct Tape {
    messages: Sender<Message>,
    free: Receiver<AudioBlock>,
    /// A block that found no place.
    spare: Option<AudioBlock>,
    num_lost_entries: Arc<AtomicU64>,
    heard_until: Arc<AtomicU64>,
    /// Plans that the engine has taken.
    generation: u64,
}

impl Recorder {
    /// Begins a take in `folder`, which must not be there, of a show that begins with the patch of
    /// this text; `used` are the paths of the files that it names. `tell` is called on the thread
    /// that writes.
    pub fn start(
        folder: &Path,
        manifest: &Manifest,
        patch: &str,
        used: &[String],
        tell: impl FnMut(TakeNotice) + Send + 'static,
    ) -> Result<(Self, Tape), TakeError> {
        create(folder)?;
        let text = serde_json::to_string_pretty(manifest).unwrap_or_default();
        write_new(&folder.join(MANIFEST), text.as_bytes())?;
        let path = folder.join(EVENTS);
        let events = OpenOptions::new().append(true).create_new(true).open(&path);
        let events = events.map_err(TakeError::io(&path))?;
        // One queue, so that both stay in order.
        let (messages, waiting) = bounded(NUM_BLOCKS + MAX_ENTRIES);
        let (free, blocks) = bounded(NUM_BLOCKS);
        for _ in 0..NUM_BLOCKS {
            let _ = free.try_send(AudioBlock::silent(2, 256));
        }
        let num_lost_entries = Arc::<AtomicU64>::default();
        let heard_until = Arc::<AtomicU64>::default();
        let num_changed_files = Arc::<AtomicU64>::default();
        let writer = Writer {
            folder: folder.to_owned(),
            rate_hz: manifest.sample_rate_hz,
            messages: waiting,
            free,
            num_lost_entries: num_lost_entries.clone(),
            heard_until: heard_until.clone(),
            tell: Box::new(tell),
            events,
            out: Waiting::default(),
            sound: None,
            num_parts: 0,
            summary: TakeSummary::default(),
        };
        let thread = |name: &str| Builder::new().name(name.into());
        let writer =
            thread("lumawire-take").spawn(move || writer.run()).map_err(TakeError::io(folder))?;
        let stop = Arc::<AtomicBool>::default();
        let (files, names) = unbounded();
        let (base_dir, to, stopped) = (manifest.base_dir.clone(), messages.clone(), stop.clone());
        let changed = num_changed_files.clone();
        let digests = thread("lumawire-take-files")
            .spawn(move || digest_all(&base_dir, &names, &to, &changed, &stopped))
            .map_err(TakeError::io(folder))?;
        let tape = Tape {
            messages: messages.clone(),
            free: blocks,
            spare: None,
            num_lost_entries: num_lost_entries.clone(),
            heard_until,
            generation: 1, // the plan that the show began with
        };
        let recorder = Self {
            folder: folder.to_owned(),
            base_dir: manifest.base_dir.clone(),
            messages,
            num_lost_entries,
            num_changed_files,
            num_patches: AtomicU64::new(0),
            writer: Some(writer),
            files: Some(files),
            digests: Some(digests),
            stop,
        };
        recorder.patch(patch, used)?;
        Ok((recorder, tape))
    }

    /// Keeps a changed patch. Call it with every plan, before the plan is handed to the
    /// [`Preparer`](crate::Preparer): the take counts both.
    pub fn patch(&self, text: &str, used: &[String]) -> Result<(), TakeError> {
        let number = self.num_patches.fetch_add(1, Ordering::Relaxed);
        write_new(&patch_path(&self.folder, number), text.as_bytes())?;
        if let Some(files) = &self.files {
            // Gone with the take.
            used.iter().for_each(|path| drop(files.send(path.clone())));
        }
        Ok(())
    }

    /// The folder where the patch's relative paths start.
    pub fn base_dir(&self) -> &Path {
        &self.base_dir
    }

    /// What the desk tells of what comes: for
    /// [`Desk::with_record`](crate::control::Desk::with_record).
    pub fn record(&self) -> impl FnMut(Stamped<Entry>) + Send + 'static {
        let (messages, num_lost) = (self.messages.clone(), self.num_lost_entries.clone());
        move |entry| send(&messages, &num_lost, entry)
    }

    /// Ends the take and waits until it is written.
    pub fn finish(mut self) -> TakeSummary {
        self.end()
    }

    fn end(&mut self) -> TakeSummary {
        self.stop.store(true, Ordering::Relaxed);
        self.files = None;
        if let Some(digests) = self.digests.take() {
            let _ = digests.join();
        }
        let Some(writer) = self.writer.take() else { return TakeSummary::default() };
        // Waits where the queue is full; a writer that is gone has ended already.
        let _ = self.messages.send(Message::End);
        let failed = TakeSummary { has_failed: true, ..TakeSummary::default() };
        let num_changed_files = self.num_changed_files.load(Ordering::Relaxed);
        TakeSummary { num_changed_files, ..writer.join().unwrap_or(failed) }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

impl Tap for Tape {
    fn hear(&mut self, engine: &Engine, block: &AudioBlock, num_samples: usize) {
        let sample = engine.next_sample();
        for patch in self.generation..engine.generation() {
            let event = Entry::Swap { patch };
            send(&self.messages, &self.num_lost_entries, Stamped { sample, event });
        }
        self.generation = engine.generation();
        if num_samples == 0 {
            return;
        }
        self.heard_until.store(sample + num_samples as u64, Ordering::Release);
        // Where none is free, the writer sees the gap.
        let free = self.spare.take().or_else(|| self.free.try_recv().ok());
        let Some(mut copy) = free else { return };
        copy.resize(block.num_channels(), num_samples);
        for c in 0..block.num_channels() {
            let from = block.channel(c).iter();
            copy.channel_mut(c).iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        let sent = self.messages.try_send(Message::Block { sample, block: copy });
        if let Err(error) = sent
            && let Message::Block { block, .. } = error.into_inner()
        {
            self.spare = Some(block);
        }
    }
}

fn send(messages: &Sender<Message>, num_lost: &AtomicU64, entry: Stamped<Entry>) {
    if messages.try_send(Message::Entry(entry)).is_err() {
        num_lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Notes what every file was, and what it became where a changed patch finds it changed, until the
/// take ends.
fn digest_all(
    base_dir: &Path,
    names: &Receiver<String>,
    messages: &Sender<Message>,
    num_changed: &AtomicU64,
    stop: &AtomicBool,
) {
    let (mut stamps, mut seen) = (BTreeMap::new(), BTreeMap::<String, Option<_>>::new());
    for path in names {
        let metadata = base_dir.join(&path).metadata().ok();
        let stamp = metadata.and_then(|metadata| Some((metadata.len(), metadata.modified().ok()?)));
        if stamps.insert(path.clone(), stamp) == Some(stamp) {
            continue;
        }
        let now = files::digest(&base_dir.join(&path), stop);
        if stop.load(Ordering::Relaxed) {
            return;
        }
        match seen.insert(path.clone(), now.clone()) {
            Some(was) if was == now => continue,
            Some(_) => {
                num_changed.fetch_add(1, Ordering::Relaxed);
            }
            None => {}
        }
        let Some((num_bytes, sha256)) = now else { continue };
        let event = Entry::File { path, num_bytes, sha256 };
        if messages.send(Message::Entry(Stamped { sample: 0, event })).is_err() {
            return;
        }
    }
}

fn create(folder: &Path) -> Result<(), TakeError> {
    if folder.symlink_metadata().is_ok() {
        return Err(TakeError::Exists(folder.to_owned()));
    }
    for folder in [folder.to_owned(), folder.join(PATCHES), folder.join(SOUND)] {
        fs::create_dir_all(&folder).map_err(TakeError::io(&folder))?;
    }
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), TakeError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(TakeError::io(path))
}
