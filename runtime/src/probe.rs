//! What runs along the wires, for whoever looks on: the engine never waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumawire_core::{HostImage, Image};

/// Longer side of a thumbnail.
pub const THUMBNAIL_PX: u32 = 192;
/// Numbers that are remembered of a control or trigger, one a frame.
pub const HISTORY_LEN: usize = 240;

/// An output, as node and port.
pub type OutputId = (String, String);

/// Makes small pictures of large ones without waiting for a device.
pub trait Thumbnails: Send {
    /// Begins a thumbnail; `key` names it when it is ready.
    fn ask(&mut self, key: usize, image: &Image);
    /// One that is ready: 8-bit sRGB with straight alpha, at most [`THUMBNAIL_PX`] wide and high.
    fn take(&mut self) -> Option<(usize, Arc<HostImage>)>;
}

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
        /// One a frame.
        recent: Vec<f32>,
    },
    /// Hits.
    Trigger {
        /// Since the probe began.
        total: u64,
        /// How many fell on each of the last frames, the oldest first.
        recent: Vec<f32>,
    },
    /// The last row of bands, of a spectrum (its magnitudes) or of chroma; at most 128 numbers, each
    /// the largest of those that it stands for.
    Row(Vec<f32>),
    /// The least and greatest sample of equal stretches of the last blocks, over all channels.
    Wave(Vec<(f32, f32)>),
    /// Numbers of a latent, at most 64 of them, and how many there are.
    Latent(Vec<f32>, usize),
    /// A thumbnail, and the size of the picture.
    Picture(Arc<HostImage>, (u32, u32)),
    /// What cannot be drawn, in words.
    Text(String),
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
