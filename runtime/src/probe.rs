//! What runs along the wires, for whoever looks on: the engine never waits for it.

mod tap;
mod thumbnails;
mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lumawire_core::HostImage;

pub use tap::ProbeTap;
pub use thumbnails::Thumbnails;

/// Longer side of a thumbnail.
pub const THUMBNAIL_PX: u32 = 192;
/// Numbers that are remembered of a control or trigger, one a frame.
pub const HISTORY_LEN: usize = 240;
/// Stretches of sound that are remembered, each of one block.
pub const WAVE_LEN: usize = 128;
/// Numbers of a row, at most.
pub const ROW_LEN: usize = 128;
/// Numbers of a latent, at most.
pub const LATENT_LEN: usize = 64;

/// An output, as node and port.
pub type OutputId = (String, String);

/// What an output carries.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Seen {
    /// Nothing yet.
    #[default]
    Nothing,
    /// A number, and what it was at the last frames, the oldest first.
    Control {
        /// The last one.
        latest: f32,
        /// One a frame, at most [`HISTORY_LEN`].
        recent: Vec<f32>,
    },
    /// Hits.
    Trigger {
        /// Since the probe began to look at it.
        total: u64,
        /// How many fell on each of the last frames, the oldest first; at most [`HISTORY_LEN`].
        recent: Vec<f32>,
    },
    /// The last row of bands, of a spectrum (its magnitudes) or of chroma; at most [`ROW_LEN`]
    /// numbers, each the largest of those that it stands for.
    Row(Vec<f32>),
    /// The least and greatest sample of each of the last blocks over all channels, the oldest first;
    /// at most [`WAVE_LEN`].
    Wave(Vec<(f32, f32)>),
    /// The first numbers of a latent, at most [`LATENT_LEN`] of them, and how many there are.
    Latent(Vec<f32>, usize),
    /// A thumbnail, and the size of the picture.
    Picture(Arc<HostImage>, (u32, u32)),
    /// What cannot be drawn, in words.
    Text(String),
}

impl Seen {
    /// Becomes equal to `other`, in the memory that it has.
    fn copy_from(&mut self, other: &Self) {
        match (self, other) {
            (
                Self::Control { latest, recent },
                Self::Control { latest: new_latest, recent: new_recent },
            ) => {
                *latest = *new_latest;
                recent.clone_from(new_recent);
            }
            (
                Self::Trigger { total, recent },
                Self::Trigger { total: new_total, recent: new_recent },
            ) => {
                *total = *new_total;
                recent.clone_from(new_recent);
            }
            (Self::Row(row), Self::Row(new)) => row.clone_from(new),
            (Self::Wave(wave), Self::Wave(new)) => wave.clone_from(new),
            (Self::Latent(numbers, len), Self::Latent(new, new_len)) => {
                numbers.clone_from(new);
                *len = *new_len;
            }
            (to, other) => *to = other.clone(),
        }
    }
}

/// How much a node takes of the engine's time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Milliseconds a frame, the mean of the last half second or so.
    pub frame_ms: f64,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Readings {
    /// By output.
    pub outputs: BTreeMap<OutputId, Seen>,
    /// By node.
    pub loads: BTreeMap<String, Load>,
}

/// Looks at an engine's outputs from any thread; clones look at the same. What is looked at costs
/// the engine a little, all else nothing.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    shared: Arc<Mutex<Shared>>,
}

/// What the looker and the engine share. The engine tries the lock, and otherwise comes back at the
/// next frame.
#[derive(Debug, Default)]
struct Shared {
    /// What to look at from now on, if that has changed.
    wanted: Option<Vec<OutputId>>,
    /// What is looked at.
    outputs: Vec<Output>,
    loads: Vec<(String, Load)>,
    /// Whether the loads are newer than the last `read`.
    has_new_loads: bool,
}

#[derive(Debug)]
struct Output {
    id: OutputId,
    seen: Seen,
    /// Whether it is newer than the last `read`.
    is_new: bool,
}

impl Probe {
    /// A probe, and what must hear the show for it. `thumbnails` makes small pictures of what it
    /// looks at.
    pub fn new(thumbnails: Box<dyn Thumbnails>) -> (Self, ProbeTap) {
        let probe = Self::default();
        let tap = probe.tap(thumbnails);
        (probe, tap)
    }

    /// What must hear the show for this probe: one show.
    pub fn tap(&self, thumbnails: Box<dyn Thumbnails>) -> ProbeTap {
        ProbeTap::new(self.shared.clone(), thumbnails)
    }

    /// Says which outputs to look at, in place of those before. What is not in the plan is passed
    /// over until it is.
    pub fn watch(&self, outputs: Vec<OutputId>) {
        self.lock().wanted = Some(outputs);
    }

    /// Takes what was seen since the last call, in place of what `readings` has; the rest stays, but
    /// for the loads of nodes that are gone.
    pub fn read(&self, readings: &mut Readings) {
        let mut shared = self.lock();
        for output in shared.outputs.iter_mut().filter(|output| output.is_new) {
            output.is_new = false;
            match readings.outputs.get_mut(&output.id) {
                Some(seen) => seen.copy_from(&output.seen),
                None => drop(readings.outputs.insert(output.id.clone(), output.seen.clone())),
            }
        }
        if std::mem::take(&mut shared.has_new_loads) {
            for (node, load) in &shared.loads {
                match readings.loads.get_mut(node) {
                    Some(old) => *old = *load,
                    None => drop(readings.loads.insert(node.clone(), *load)),
                }
            }
            if readings.loads.len() > shared.loads.len() {
                let runs: BTreeSet<&String> = shared.loads.iter().map(|(node, _)| node).collect();
                readings.loads.retain(|node, _| runs.contains(node));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
