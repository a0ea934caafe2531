//! Small pictures of what runs along the wires.

use std::sync::Arc;

use lumawire_core::{HostImage, Image, Services};
use lumawire_nodes::gpu::GpuThumbnails;
use lumawire_runtime::probe::{THUMBNAIL_PX, Thumbnails};

/// The thumbnails of a session.
pub fn thumbnails(services: &Services) -> Box<dyn Thumbnails> {
    Box::new(OfDevice(GpuThumbnails::new(services, THUMBNAIL_PX)))
}

struct OfDevice(GpuThumbnails);

impl Thumbnails for OfDevice {
    fn ask(&mut self, key: usize, image: &Image) {
        self.0.ask(key, image);
    }

    fn take(&mut self) -> Option<(usize, Arc<HostImage>)> {
        self.0.take()
    }
}
