//! Who makes small pictures.

use std::sync::Arc;

use lumawire_core::{HostImage, Image};

/// Makes small pictures of large ones without waiting for a device.
pub trait Thumbnails: Send {
    /// Begins a thumbnail; `key` names it when it is ready.
    fn ask(&mut self, key: usize, image: &Image);
    /// One that is ready: 8-bit sRGB with straight alpha, at most
    /// [`THUMBNAIL_PX`](super::THUMBNAIL_PX) wide and high.
    fn take(&mut self) -> Option<(usize, Arc<HostImage>)>;
}

/// Makes none.
impl Thumbnails for () {
    fn ask(&mut self, _key: usize, _image: &Image) {}

    fn take(&mut self) -> Option<(usize, Arc<HostImage>)> {
        None
    }
}
