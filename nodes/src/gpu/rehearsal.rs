//! Passes are drawn before a show needs them, where the driver compiles amidst draws.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Builder};
use std::time::Duration;

use lumawire_core::{Encoding, HostImage, Image, NodeError, Pixels, Services};

use super::device::Gpu;

/// How long the show has its device for itself between two rehearsals: to load what was compiled takes
/// ten milliseconds of it.
const PAUSE: Duration = Duration::from_millis(30);

/// Lent by a program that runs a show on stage. A pass that is new is drawn when it is prepared: first
/// on a device of the rehearsal's own, for which the driver compiles it while the show's device goes
/// on, then on the show's, which finds the code in the driver's cache. So the show's first draw of it
/// compiles nothing. Where the driver keeps no cache, the second draw holds the show up instead of the
/// first in a frame. On devices whose drivers compile when a pass is made, nothing is rehearsed.
#[derive(Debug, Default)]
pub struct Rehearsal {
    num_rehearsed: AtomicU64,
}

impl Rehearsal {
    /// How many passes were rehearsed.
    pub fn num_rehearsed(&self) -> u64 {
        self.num_rehearsed.load(Ordering::Relaxed)
    }

    /// Rehearses what is new: `elsewhere` draws it on the device that the services lend which it gets,
    /// `here` on that of `services`. What fails will fail in the show.
    pub(super) fn rehearse(
        services: &Services,
        elsewhere: impl FnOnce(&Services) -> Result<Image, NodeError> + Send,
        here: impl FnOnce() -> Result<Image, NodeError>,
    ) {
        let Some(rehearsal) = services.get::<Self>() else { return };
        if !Gpu::of(services).is_ok_and(|gpu| gpu.compiles_late) {
            return;
        }
        rehearsal.num_rehearsed.fetch_add(1, Ordering::Relaxed);
        apart(|| {
            // The driver writes its cache by a thread of its own, and is done when the device is gone.
            let services = Services::default();
            wait(elsewhere(&services));
        });
        wait(here());
        thread::sleep(PAUSE);
    }
}

/// Waits until a picture is drawn.
fn wait(drawn: Result<Image, NodeError>) {
    let _ = drawn.and_then(|image| image.host());
}

/// Runs `work` on a thread that leaves the processor to the show, and so do those that drivers start
/// from it. Where there is none, the show will compile.
fn apart(work: impl FnOnce() + Send) {
    // Nobody else's threads are to be started from there.
    let _ = rayon::current_num_threads();
    thread::scope(|scope| {
        let thread = Builder::new().name("lumawire-rehearsal".into());
        let thread = thread.spawn_scoped(scope, || {
            yield_to_others();
            work();
        });
        let _ = thread.map(thread::ScopedJoinHandle::join);
    });
}

/// Lets all other threads of usual priority go first; only Linux knows that of a single thread.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
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
        let counts =
            || (rehearsal.num_rehearsed(), gpu.num_passes_compiled(), gpu.num_submissions());
        assert_eq!(counts(), (1, 1, 1));
        // What the device has, in another node, is not rehearsed again.
        scaler(&services);
        assert_eq!(counts(), (1, 1, 1));
        assert_eq!(values(&effect.draw(&3.0, &[&pixel()], (1, 1)).unwrap()), [0.0; 4]);
    }

    #[test]
    fn strokes_are_rehearsed_in_all_ways_to_meet() {
        let (services, gpu, rehearsal) = show(true);
        let mut painter = Strokes::new("test");
        painter.prepare(&services).unwrap();
        assert_eq!(rehearsal.num_rehearsed(), 2, "a pass makes their edges straight");
        let before = gpu.num_submissions();
        assert!(before > 0);
        Strokes::new("test").prepare(&services).unwrap();
        assert_eq!((rehearsal.num_rehearsed(), gpu.num_submissions()), (2, before));
        let dot = Stroke::new(Form::Round, [2.0; 2], [2.0; 2], 1.0, [1.0; 4]);
        let drawn = values(&painter.draw(&[dot], Meet::Add, (4, 4)).unwrap());
        assert!(drawn.iter().any(|v| *v > 0.5));
    }

    #[test]
    fn nothing_is_rehearsed_where_nobody_asks_or_the_driver_compiles_in_time() {
        let (services, gpu, rehearsal) = show(false);
        scaler(&services);
        assert_eq!((rehearsal.num_rehearsed(), gpu.num_submissions()), (0, 0));
        let services = Services::default();
        scaler(&services);
        assert_eq!(Gpu::of(&services).unwrap().num_submissions(), 0, "a render");
    }
}
