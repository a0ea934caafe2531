//! Gives what a show hears and shows to all who record or send it. The engine never waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::{AudioBlock, HostImage};

use super::slot::Picture;

/// Channels of the sound that is given on: the first two; a single one goes to both.
pub(super) const NUM_CHANNELS: usize = 2;
/// Memory of the pictures that may wait for one output: half a second of 1080p at 60 a second, which
/// is more than an encoder takes to start.
const MAX_WAITING_BYTES: usize = 256 * 1024 * 1024;
/// How many pictures may wait, however large or small they are.
const MAX_PICTURES: (usize, usize) = (4, 64);
/// Messages that may wait for one output: more than ten seconds of sound and frames.
const MAX_MESSAGES: usize = 4_096;

/// What an output is told, in the show's samples.
pub(super) enum Message {
    /// The engine heard this, `[len, 2]`, from sample `start` on.
    Sound { start: u64, samples: Arc<[f32]> },
    /// The frame at `sample` is over. No picture: what was shown before is shown still.
    Frame { sample: u64, picture: Option<Arc<HostImage>> },
}

/// The engine's end of one output.
pub(super) struct Feed {
    messages: Sender<Message>,
    waiting: Arc<Waiting>,
}

/// What waits for an output.
#[derive(Default)]
pub(super) struct Waiting {
    num_pictures: AtomicUsize,
    num_dropped: AtomicU64,
    newest: AtomicU64,
}

impl Waiting {
    /// A picture that came out of the queue is done with.
    pub fn picture_done(&self) {
        self.num_pictures.fetch_sub(1, Ordering::Relaxed);
    }

    /// Pictures that found no room.
    pub fn num_dropped(&self) -> u64 {
        self.num_dropped.load(Ordering::Relaxed)
    }

    /// The show's sample up to which it was told of frames.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }
}

/// The outputs of a show, which come and go while it runs. Clones are the same.
#[derive(Clone, Default)]
pub struct FanOut {
    feeds: Arc<ArcSwap<Vec<Arc<Feed>>>>,
}

impl FanOut {
    /// The engine has read `block`, whose first sample is the show's `start`.
    pub fn hear(&self, start: u64, block: &AudioBlock) {
        let feeds = self.feeds.load();
        if feeds.is_empty() || block.is_empty() {
            return;
        }
        let channels = [0, 1].map(|c| block.channel(c.min(block.num_channels() - 1)));
        let samples: Arc<[f32]> = (0..block.len() * NUM_CHANNELS)
            .map(|i| channels[i % NUM_CHANNELS][i / NUM_CHANNELS])
            .collect();
        for feed in feeds.iter() {
            // Where there is no room, the output puts silence in its place.
            let _ = feed.messages.try_send(Message::Sound { start, samples: samples.clone() });
        }
    }

    /// The frame at the show's `sample` is over; `picture` is what it drew, if it was drawn.
    pub fn show(&self, sample: u64, picture: Option<&Picture>) {
        for feed in self.feeds.load().iter() {
            feed.show(sample, picture.map(|picture| &picture.image));
        }
    }

    /// Begins to tell a new output.
    pub(super) fn add(&self) -> (Arc<Feed>, Receiver<Message>, Arc<Waiting>) {
        let (messages, told) = bounded(MAX_MESSAGES);
        let waiting = Arc::new(Waiting::default());
        let feed = Arc::new(Feed { messages, waiting: waiting.clone() });
        self.feeds.rcu(|feeds| {
            let mut feeds = feeds.to_vec();
            feeds.push(feed.clone());
            feeds
        });
        (feed, told, waiting)
    }

    /// Tells this output nothing more.
    pub(super) fn remove(&self, feed: &Arc<Feed>) {
        self.feeds.rcu(|feeds| {
            feeds.iter().filter(|other| !Arc::ptr_eq(feed, other)).cloned().collect::<Vec<_>>()
        });
    }
}

impl Feed {
    fn show(&self, sample: u64, image: Option<&Arc<HostImage>>) {
        let waiting = &self.waiting;
        let num_pictures = waiting.num_pictures.load(Ordering::Relaxed);
        let picture = image.filter(|image| num_pictures < max_pictures(image)).cloned();
        let is_taken = picture.is_some();
        waiting.newest.store(sample, Ordering::Relaxed);
        // Counted before the other end can take it.
        waiting.num_pictures.fetch_add(usize::from(is_taken), Ordering::Relaxed);
        let is_told = self.messages.try_send(Message::Frame { sample, picture }).is_ok();
        if is_taken && !is_told {
            waiting.picture_done();
        }
        if image.is_some() && !(is_taken && is_told) {
            waiting.num_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How many pictures like this one may wait.
fn max_pictures(image: &HostImage) -> usize {
    let num_bytes = 4 * image.width_px as usize * image.height_px as usize;
    (MAX_WAITING_BYTES / num_bytes.max(1)).clamp(MAX_PICTURES.0, MAX_PICTURES.1)
}
