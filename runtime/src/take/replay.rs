//! Plays a take.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use lumawire_core::plan::Plan;
use lumawire_core::{AudioBlock, patch};
use tempfile::TempDir;

use super::wav::{WavReader, WavWriter};
use super::{
    EVENTS, FORMAT, MANIFEST, Manifest, TakeError, VERSION, files, patch_path, sound_path,
};
use crate::control::{Entry, Stamped};
use crate::engine::{Engine, prepare};
use crate::show::Swaps;
use crate::transport::{Read, Transport, TransportError};

/// Bytes that `take.json` may have.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// Bytes that the events may have: some ten million of them.
const MAX_EVENTS_BYTES: u64 = 1 << 30;
/// Bytes that one of them may have, with all presets of a patch in it.
const MAX_LINE_BYTES: u64 = patch::MAX_BYTES;
/// Samples that are copied at once.
const PIECE_LEN: usize = 4_096;
/// Sound files that a take may have.
const MAX_PARTS: usize = 10_000;

/// A take that can be played.
#[derive(Debug)]
pub struct Take {
    folder: PathBuf,
    /// What the show ran by.
    pub manifest: Manifest,
    /// Presets, cues and events, in order of their samples: for
    /// [`Desk::with_replay`](crate::control::Desk::with_replay).
    pub entries: Vec<Stamped<Entry>>,
    /// When the engine took which of the changed patches.
    pub swaps: Vec<(u64, u64)>,
    /// From which sample on the take is not exact.
    pub lost_from: Option<u64>,
    /// Whether the show was ended as it should be, and not by a crash.
    pub is_whole: bool,
    used: BTreeMap<String, (u64, String)>,
    /// Those that were changed while it lasted.
    edited: BTreeSet<String>,
    parts: Vec<PathBuf>,
}

/// A file that a take used, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It was another for a part of the take: all of it is played with what it is now.
    Within(PathBuf),
    /// It is another now.
    Other(PathBuf),
    /// It is not there any more.
    Gone(PathBuf),
}

impl Take {
    /// Reads a take, but for its sound. What was being written when a show broke off is left out.
    pub fn open(folder: &Path) -> Result<Self, TakeError> {
        let manifest = read_manifest(folder)?;
        let mut take = Self {
            folder: folder.to_owned(),
            manifest,
            entries: Vec::new(),
            swaps: Vec::new(),
            lost_from: None,
            is_whole: false,
            used: BTreeMap::new(),
            edited: BTreeSet::new(),
            parts: Vec::new(),
        };
        take.read_events()?;
        let parts = (0..MAX_PARTS).map(|part| sound_path(folder, part));
        // One that was only just begun has nothing in it.
        let is_begun = |path: &PathBuf| path.metadata().is_ok_and(|metadata| metadata.len() > 0);
        take.parts = parts.take_while(is_begun).collect();
        Ok(take)
    }

    /// The text of patch `number`: 0 is the one that the show began with.
    pub fn patch(&self, number: u64) -> Result<String, TakeError> {
        read_text(&patch_path(&self.folder, number), patch::MAX_BYTES)
    }

    /// Where that text lies.
    pub fn patch_path(&self, number: u64) -> PathBuf {
        patch_path(&self.folder, number)
    }

    /// The files of the sound, one for each number of channels in turn.
    pub fn sound_files(&self) -> &[PathBuf] {
        &self.parts
    }

    /// The sound from its beginning.
    pub fn sound(&self) -> Result<TakeSound, TakeError> {
        let mut parts = VecDeque::new();
        for path in &self.parts {
            let part = WavReader::open(path).map_err(|why| TakeError::broken(path, why))?;
            if part.rate_hz != self.manifest.sample_rate_hz {
                let (is, should) = (part.rate_hz, self.manifest.sample_rate_hz);
                let why = format!("has {is} samples a second, but the take {should}");
                return Err(TakeError::broken(path, why));
            }
            if part.num_left > 0 {
                parts.push_back((path.clone(), part));
            }
        }
        let num_samples = parts.iter().map(|(_, part)| part.num_left).sum();
        let (rate_hz, last) = (self.manifest.sample_rate_hz, 2);
        let bytes = Vec::new();
        Ok(TakeSound { parts, num_samples, num_given: 0, num_channels: last, rate_hz, bytes })
    }

    /// The sound as one file that others can play, and the folder to keep as long as it is needed,
    /// where the file had to be made: of parts with unlike channels, all as the longest has them. No
    /// file where there is no sound.
    pub fn sound_file(&self) -> Result<(Option<PathBuf>, Option<TempDir>), TakeError> {
        let mut sound = self.sound()?;
        if sound.parts.len() < 2 {
            return Ok((sound.parts.pop_front().map(|(path, _)| path), None));
        }
        let longest = sound.parts.iter().max_by_key(|(_, part)| part.num_left);
        let num_channels = longest.map_or(2, |(_, part)| part.num_channels);
        let folder = tempfile::tempdir_in(&self.folder).or_else(|_| tempfile::tempdir());
        let folder = folder.map_err(TakeError::io(&self.folder))?;
        let path = folder.path().join("sound.wav");
        let rate_hz = self.manifest.sample_rate_hz;
        let mut file =
            WavWriter::create(&path, num_channels, rate_hz).map_err(TakeError::io(&path))?;
        let (mut block, mut bytes) = (AudioBlock::silent(num_channels, PIECE_LEN), Vec::new());
        while let Read::Samples(num) =
            sound.read(&mut block, 0).map_err(|e| TakeError::broken(&path, e.to_string()))?
        {
            bytes.clear();
            let samples = (0..num).flat_map(|i| (0..num_channels).map(move |c| (i, c)));
            bytes.extend(samples.flat_map(|(i, c)| block.channel(c)[i].to_le_bytes()));
            file.write(&bytes).map_err(TakeError::io(&path))?;
        }
        file.finish().map_err(TakeError::io(&path))?;
        Ok((Some(path), Some(folder)))
    }

    /// Which of the files that the show used are other ones now. Reads all of them.
    pub fn changed_files(&self, base_dir: &Path) -> Vec<Changed> {
        let mut changed = Vec::new();
        for (name, (num_bytes, sha256)) in &self.used {
            let path = base_dir.join(name);
            if self.edited.contains(name) {
                changed.push(Changed::Within(path.clone()));
            }
            match files::digest(&path, &AtomicBool::new(false)) {
                Some((len, hash)) if len == *num_bytes && hash == *sha256 => {}
                Some(_) => changed.push(Changed::Other(path)),
                None => changed.push(Changed::Gone(path)),
            }
        }
        changed
    }

    fn read_events(&mut self) -> Result<(), TakeError> {
        let path = self.folder.join(EVENTS);
        let file = File::open(&path).map_err(TakeError::io(&path))?;
        let len = file.metadata().map_err(TakeError::io(&path))?.len();
        if len > MAX_EVENTS_BYTES {
            return Err(TakeError::broken(&path, "has more than 1 GiB: this is no take's"));
        }
        let mut file = BufReader::new(file);
        let (mut line, mut number, mut latest) = (Vec::new(), 0_u64, 0);
        loop {
            line.clear();
            let read = file.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
            if read.map_err(TakeError::io(&path))? as u64 == MAX_LINE_BYTES {
                let why = format!("line {} has 64 MiB or more", number + 1);
                return Err(TakeError::broken(&path, why));
            }
            if line.pop() != Some(b'\n') {
                // The end, or a line that was being written.
                return Ok(());
            }
            number += 1;
            let broken = |why: String| TakeError::broken(&path, format!("line {number}: {why}"));
            let entry: Stamped<Entry> =
                serde_json::from_slice(&line).map_err(|error| broken(error.to_string()))?;
            self.sort_in(entry, &mut latest).map_err(broken)?;
        }
    }

    /// Puts an entry where it belongs. Samples must not fall.
    fn sort_in(&mut self, entry: Stamped<Entry>, latest: &mut u64) -> Result<(), String> {
        let Stamped { sample, event } = entry;
        // What tells of the take itself is noticed when it is written.
        match event {
            Entry::File { path, num_bytes, sha256 } => {
                let now = (num_bytes, sha256);
                if self.used.get(&path).is_some_and(|was| *was != now) {
                    self.edited.insert(path.clone());
                }
                self.used.insert(path, now);
                return Ok(());
            }
            Entry::Lost { .. } => {
                self.lost_from = Some(self.lost_from.map_or(sample, |from| from.min(sample)));
                return Ok(());
            }
            Entry::End {} => {
                self.is_whole = true;
                return Ok(());
            }
            _ => {}
        }
        if sample < *latest {
            return Err(format!("sample {sample} comes after sample {latest}"));
        }
        *latest = sample;
        match event {
            Entry::Swap { patch } => self.swaps.push((sample, patch)),
            event => self.entries.push(Stamped { sample, event }),
        }
        Ok(())
    }
}

fn read_manifest(folder: &Path) -> Result<Manifest, TakeError> {
    let path = folder.join(MANIFEST);
    if !path.is_file() {
        return Err(TakeError::NoTake(folder.to_owned()));
    }
    let text = read_text(&path, MAX_MANIFEST_BYTES)?;
    let broken = |why: String| TakeError::broken(&path, why);
    // The version first: another one may have other members.
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
    if json["format"] != FORMAT {
        return Err(broken("is no take's: its `format` is another".into()));
    }
    if json["version"] != VERSION {
        let version = &json["version"];
        return Err(broken(format!("is of version {version}; this build reads {VERSION}")));
    }
    serde_json::from_value(json).map_err(|error| broken(error.to_string()))
}

fn read_text(path: &Path, max_bytes: u64) -> Result<String, TakeError> {
    let file = File::open(path).map_err(TakeError::io(path))?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(TakeError::io(path))?;
    if bytes.len() as u64 > max_bytes {
        return Err(TakeError::broken(path, format!("is larger than {} MiB", max_bytes >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| TakeError::broken(path, "is no text in UTF-8"))
}

/// The sound of a take, bit by bit as the engine heard it.
pub struct TakeSound {
    parts: VecDeque<(PathBuf, WavReader)>,
    num_samples: u64,
    num_given: u64,
    /// Channels of the part that was given last.
    num_channels: usize,
    rate_hz: u32,
    bytes: Vec<u8>,
}

impl Transport for TakeSound {
    fn num_channels(&self) -> usize {
        self.parts.front().map_or(self.num_channels, |(_, part)| part.num_channels)
    }

    fn num_samples(&self) -> Option<u64> {
        Some(self.num_samples)
    }

    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        let Some((path, part)) = self.parts.front_mut() else { return Ok(Read::Ended) };
        let left = usize::try_from(part.num_left).unwrap_or(usize::MAX);
        let num = block.len().saturating_sub(from).min(left);
        part.samples(&mut self.bytes, num).map_err(|source| TransportError::Read {
            path: path.clone(),
            secs: self.num_given as f64 / f64::from(self.rate_hz),
            source,
        })?;
        self.num_channels = part.num_channels;
        let (samples, _) = self.bytes.as_chunks::<4>();
        for c in 0..block.num_channels() {
            let channel = samples.iter().skip(c).step_by(self.num_channels);
            let to = &mut block.channel_mut(c)[from..from + num];
            if c < self.num_channels {
                to.iter_mut().zip(channel).for_each(|(to, v)| *to = f32::from_le_bytes(*v));
            } else {
                to.fill(0.0);
            }
        }
        if part.num_left == 0 {
            self.parts.pop_front();
        }
        self.num_given += num as u64;
        Ok(Read::Samples(num))
    }
}

/// Lets the engine take changed plans where it took them in the show.
pub struct Replay {
    plans: VecDeque<(u64, Plan)>,
}

impl Replay {
    /// Plans and the samples before which they count, in order.
    pub fn new(plans: impl IntoIterator<Item = (u64, Plan)>) -> Self {
        Self { plans: plans.into_iter().collect() }
    }
}

impl Swaps for Replay {
    fn take(&mut self, engine: &mut Engine) {
        while self.plans.front().is_some_and(|(at, _)| *at <= engine.next_sample()) {
            let Some((_, plan)) = self.plans.pop_front() else { return };
            let prepared = prepare(plan, &engine.cx().clone(), Some(engine.running()));
            if engine.swap(prepared).is_err() {
                tracing::error!("a plan was prepared against another one; dropped");
            }
        }
    }
}
