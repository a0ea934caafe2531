//! Passes are drawn before a show needs them, where the driver compiles amidst draws.

use std::thread;
use std::time::Duration;

use lumawire_core::{Encoding, HostImage, Image, NodeError, Pixels, Services};

use super::device::Gpu;

/// What the driver takes at most to write what it compiled to its cache, and how long a frame has the
/// show's device for itself between two rehearsals.
const PAUSE: Duration = Duration::from_millis(30);

/// Lent by a program that runs a show on stage. A pass that is new is drawn when it is prepared: once
/// on a device of the rehearsal's own, for which the driver compiles it while the show's device goes
/// on, and once on the show's, which finds the code in the driver's cache. So the show's first draw of
/// it compiles nothing. Where the driver keeps no cache, the second draw holds the show up instead of
/// the first in a frame. On devices whose drivers compile when a pass is made, nothing is rehearsed.
#[derive(Default)]
pub struct Rehearsal {
    /// Lend the other device.
    elsewhere: Services,
}

impl Rehearsal {
    /// Rehearses what is new: `elsewhere` draws it on the device that the services lend which it gets,
    /// `here` on that of `services`. What fails will fail in the show.
    pub(super) fn rehearse(
        services: &Services,
        elsewhere: impl FnOnce(&Services) -> Result<Image, NodeError>,
        here: impl FnOnce() -> Result<Image, NodeError>,
    ) {
        let Some(rehearsal) = services.get::<Self>() else { return };
        if !Gpu::of(services).is_ok_and(|gpu| gpu.compiles_late) {
            return;
        }
        wait(elsewhere(&rehearsal.elsewhere));
        wait(here());
    }
}

/// Waits until a picture is drawn, and a while.
fn wait(drawn: Result<Image, NodeError>) {
    let _ = drawn.and_then(|image| image.host());
    thread::sleep(PAUSE);
}

/// A picture of one pixel, to draw from.
pub(super) fn pixel() -> Image {
    let pixels = Pixels::RgbaF32(vec![0.0; 4]);
    Image::from_host(HostImage { width_px: 1, height_px: 1, pixels }, Encoding::Linear)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::values;
    use super::super::{Effect, Form, Meet, Stroke, Strokes};
    use super::*;

    /// A show whose device compiles late or not, whatever the adapter.
    fn show(compiles_late: bool) -> (Services, Arc<Gpu>, Arc<Rehearsal>) {
        let (services, rehearsal) = (Services::default(), Arc::<Rehearsal>::default());
        let mut gpu = Gpu::new().unwrap();
        gpu.compiles_late = compiles_late;
        let gpu = Arc::new(gpu);
        services.insert(gpu.clone());
        services.insert(rehearsal.clone());
        (services, gpu, rehearsal)
    }

    fn scaler(services: &Services) -> Effect<f32> {
        let wgsl = "
            @group(0) @binding(0) var<uniform> factor: f32;
            @group(0) @binding(1) var image: texture_2d<f32>;
            fn effect(pixel: vec2<i32>) -> vec4<f32> { return textureLoad(image, pixel, 0) * factor; }";
        let mut effect = Effect::new("scale", wgsl, 1);
        effect.prepare(services).unwrap();
        effect
    }

    #[test]
    fn what_is_new_is_drawn_elsewhere_and_here_before_the_show_draws_it() {
        let (services, gpu, rehearsal) = show(true);
        let mut effect = scaler(&services);
        let other = rehearsal.elsewhere.get::<Gpu>().unwrap();
        assert!(!Arc::ptr_eq(&gpu, &other));
        for gpu in [&gpu, &other] {
            assert_eq!((gpu.num_passes_compiled(), gpu.num_submissions()), (1, 1));
        }
        // What the device has, in another node, is not rehearsed again.
        scaler(&services);
        for gpu in [&gpu, &other] {
            assert_eq!((gpu.num_passes_compiled(), gpu.num_submissions()), (1, 1));
        }
        assert_eq!(values(&effect.draw(&3.0, &[&pixel()], (1, 1)).unwrap()), [0.0; 4]);
    }

    #[test]
    fn strokes_are_rehearsed_in_all_ways_to_meet() {
        let (services, gpu, rehearsal) = show(true);
        let mut painter = Strokes::new("test");
        painter.prepare(&services).unwrap();
        let other = rehearsal.elsewhere.get::<Gpu>().unwrap();
        assert_eq!(other.num_passes_compiled(), 1, "their edges are made straight by a pass");
        let before = gpu.num_submissions();
        Strokes::new("test").prepare(&services).unwrap();
        assert_eq!(gpu.num_submissions(), before);
        let dot = Stroke::new(Form::Round, [2.0; 2], [2.0; 2], 1.0, [1.0; 4]);
        let drawn = values(&painter.draw(&[dot], Meet::Add, (4, 4)).unwrap());
        assert!(drawn.iter().any(|v| *v > 0.5));
    }

    #[test]
    fn nothing_is_rehearsed_where_nobody_asks_or_the_driver_compiles_in_time() {
        let (services, gpu, rehearsal) = show(false);
        scaler(&services);
        assert!(rehearsal.elsewhere.get::<Gpu>().is_none());
        assert_eq!(gpu.num_submissions(), 0);
        let services = Services::default();
        scaler(&services);
        assert_eq!(Gpu::of(&services).unwrap().num_submissions(), 0, "a render");
    }
}
