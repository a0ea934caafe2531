//! Where the engine leaves its newest picture.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use lumawire_core::HostImage;

/// A finished picture.
#[derive(Debug, Clone)]
pub struct Picture {
    /// 8-bit sRGB, opaque.
    pub image: Arc<HostImage>,
    /// The frame's number.
    pub frame: u64,
    /// When the sample came at which the frame fell due, if that is known.
    pub heard: Option<Instant>,
}

/// Holds one picture: a newer one takes its place. Neither end waits.
#[derive(Debug, Default)]
pub struct PictureSlot {
    picture: ArcSwapOption<Picture>,
    num_unshown: AtomicU64,
}

impl PictureSlot {
    /// Leaves a picture.
    pub fn put(&self, picture: Picture) {
        if self.picture.swap(Some(Arc::new(picture))).is_some() {
            self.num_unshown.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the picture that nobody took yet.
    pub fn take(&self) -> Option<Arc<Picture>> {
        self.picture.swap(None)
    }

    /// How many pictures gave way to a newer one before anybody took them.
    pub fn num_unshown(&self) -> u64 {
        self.num_unshown.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Pixels;

    use super::*;

    #[test]
    fn the_newest_wins_and_is_taken_once() {
        let slot = PictureSlot::default();
        let picture = |frame| {
            let image = HostImage { width_px: 1, height_px: 1, pixels: Pixels::Rgba8(vec![0; 4]) };
            Picture { image: Arc::new(image), frame, heard: None }
        };
        assert!(slot.take().is_none());
        (1..=3).for_each(|frame| slot.put(picture(frame)));
        assert_eq!(slot.take().map(|p| p.frame), Some(3));
        assert!(slot.take().is_none());
        assert_eq!(slot.num_unshown(), 2);
    }
}
