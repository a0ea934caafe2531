//! Which way pictures take from an accelerator to the graphics device.

use std::sync::Arc;

use lumawire_core::{Facts, Image, Services};
use lumawire_models::ModelError;
use lumawire_models::accelerator::{Accelerator, Event};

use super::image::{AcceleratedImage, Redraw};
use super::slot::{Idle, Slot};
use crate::gpu::Gpu;

/// The subject under which [`Facts`] say which way pictures take.
pub const PICTURES: &str = "pictures";

/// `copy` keeps pictures from being shared: see [`PicturePath`].
const PATH_VARIABLE: &str = "LUMAWIRE_PICTURE_PATH";

const BYTES_PER_TEXEL: usize = 8;

/// Which way pictures may take. A program may lend it to its nodes; else the environment variable
/// `LUMAWIRE_PICTURE_PATH` says it, as `auto` or `copy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PicturePath {
    /// The fastest that works here.
    #[default]
    Auto,
    /// Through pinned memory, whatever else would work.
    Copy,
}

impl PicturePath {
    /// Why pictures may not be shared, if they may not.
    fn why_copied(services: &Services) -> Option<String> {
        match services.get::<Self>().as_deref() {
            Some(Self::Auto) => None,
            Some(Self::Copy) => Some("it was asked for".into()),
            None => why_copied(std::env::var(PATH_VARIABLE).ok().as_deref()),
        }
    }
}

/// As the environment variable says.
fn why_copied(variable: Option<&str>) -> Option<String> {
    match variable {
        None | Some("auto") => None,
        Some("copy") => Some(format!("{PATH_VARIABLE} asks for it")),
        Some(other) => Some(format!("{PATH_VARIABLE} is `{other}`, neither auto nor copy")),
    }
}

/// The way of one generator's pictures from its accelerator to the graphics device. It is decided
/// with the first picture, and again where one of both devices is another; [`Facts`] say how.
#[derive(Default)]
pub struct Crossing {
    services: Services,
    way: Option<Way>,
}

/// How it was decided, for which devices.
struct Way {
    accelerator: Arc<dyn Accelerator>,
    gpu: Option<Arc<Gpu>>,
    is_shared: bool,
    idle: Arc<Idle>,
}

impl Crossing {
    /// For nodes that share these services.
    pub fn new(services: &Services) -> Self {
        Self { services: services.clone(), way: None }
    }

    /// The picture that `draw_to` asks for, not waited for. It gets the address of
    /// `[height, width, 4]` halves for linear light and straight alpha, and gives the mark behind
    /// which they are there. Should the accelerator fail before that, `redraw` draws the picture.
    ///
    /// # Errors
    /// What `draw_to` says, and exhausted memory.
    pub fn draw(
        &mut self,
        accelerator: &Arc<dyn Accelerator>,
        (width_px, height_px): (u32, u32),
        draw_to: impl FnOnce(u64) -> Result<Box<dyn Event>, ModelError>,
        redraw: Redraw,
    ) -> Result<Image, ModelError> {
        let num_bytes = width_px as usize * height_px as usize * BYTES_PER_TEXEL;
        let way = way(&mut self.way, &self.services, accelerator);
        let mut slot = way.slot(num_bytes, &self.services)?;
        slot.draw(draw_to)?;
        let image = AcceleratedImage::new((width_px, height_px), slot, &way.idle, redraw);
        Ok(image.into_image())
    }
}

/// The way that was decided, if it still is between these devices, or a new one.
fn way<'a>(
    decided: &'a mut Option<Way>,
    services: &Services,
    accelerator: &Arc<dyn Accelerator>,
) -> &'a mut Way {
    *decided = decided.take().filter(|way| way.serves(services, accelerator));
    decided.get_or_insert_with(|| {
        let gpu = open_gpu(services);
        let why = match &gpu {
            None => Some("no graphics device is open".into()),
            Some(_) => PicturePath::why_copied(services),
        };
        match &why {
            Some(why) => tell_copied(services, why),
            None => Facts::of(services).tell(PICTURES, "shared memory"),
        }
        let accelerator = accelerator.clone();
        Way { accelerator, gpu, is_shared: why.is_none(), idle: Arc::default() }
    })
}

/// The graphics device of the nodes, if it is open and well.
fn open_gpu(services: &Services) -> Option<Arc<Gpu>> {
    services.get::<Gpu>().filter(|gpu| !gpu.is_lost())
}

impl Way {
    /// Whether it still is the way to be taken. Services are asked only where there was no device:
    /// who opens one keeps them locked.
    fn serves(&self, services: &Services, accelerator: &Arc<dyn Accelerator>) -> bool {
        Arc::ptr_eq(&self.accelerator, accelerator)
            && match &self.gpu {
                Some(gpu) => !gpu.is_lost(),
                None => open_gpu(services).is_none(),
            }
    }

    fn slot(&mut self, num_bytes: usize, services: &Services) -> Result<Slot, ModelError> {
        if let Some(slot) = self.idle.take(num_bytes) {
            return Ok(slot);
        }
        if let Some(gpu) = self.gpu.as_ref().filter(|_| self.is_shared) {
            match Slot::shared(gpu, &self.accelerator, num_bytes) {
                Ok(slot) => return Ok(slot),
                Err(why) => {
                    self.is_shared = false;
                    tell_copied(services, &why);
                }
            }
        }
        Ok(Slot::copied(&self.accelerator, num_bytes)?)
    }
}

fn tell_copied(services: &Services, why: &str) {
    let line = format!("copied through pinned memory, because {why}");
    Facts::of(services).tell(PICTURES, line);
}

#[cfg(test)]
mod tests {
    use super::why_copied;

    #[test]
    fn the_variable_is_auto_or_copy_and_what_is_neither_is_told() {
        assert_eq!((why_copied(None), why_copied(Some("auto"))), (None, None));
        assert!(why_copied(Some("copy")).unwrap().ends_with("asks for it"));
        assert!(why_copied(Some("cpoy")).unwrap().contains("`cpoy`, neither auto nor copy"));
    }
}
