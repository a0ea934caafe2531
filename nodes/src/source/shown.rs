//! A picture that a source keeps: in memory, and on the device once it is shown.

use lumawire_core::{HostImage, Image, ImageHome, Services};
use std::sync::Arc;

use crate::gpu::{Gpu, texture_from_host};

/// A picture and its copy on the graphics device, so that it goes there once and not with every node
/// that reads it. Without a device it stays in memory.
pub(super) struct Shown {
    host: Image,
    device: Option<Image>,
}

impl Shown {
    /// Keeps a picture in memory and copies it to the device, if there is one.
    pub fn new(host: Image, services: &Services) -> Self {
        let mut shown = Self { host, device: None };
        shown.upload(services);
        shown
    }

    /// The picture, copied anew where its device was lost.
    pub fn image(&mut self, services: &Services) -> Image {
        if self.device.as_ref().is_some_and(Image::is_lost) {
            self.upload(services);
        }
        self.device.as_ref().unwrap_or(&self.host).clone()
    }

    fn upload(&mut self, services: &Services) {
        let copy = |host: &HostImage| {
            let gpu = Gpu::of(services).ok()?;
            texture_from_host(&gpu, host, self.host.encoding).ok()
        };
        let host: Option<Arc<HostImage>> = match &self.host.home {
            ImageHome::Host(host) => Some(host.clone()),
            ImageHome::Device(_) => None,
        };
        self.device = host.and_then(|host| copy(&host)).map(|texture| texture.into_image());
    }
}
