use std::sync::{Arc, Mutex};

use half::f16;
use lumawire_core::{Facts, Image, ImageHome, NodeError, Pixels, Services};
use lumawire_models::accelerator::Accelerator;

use super::super::testing::{picture, speckle, values};
use super::super::{Effect, Gpu, GpuThumbnails, device_from_image, host_from_texture};
use super::testing::{Pace, Simulated};
use super::{Crossing, PICTURES, PicturePath};

/// A generator on a simulated accelerator, and the graphics device of its pictures.
struct Stage {
    services: Services,
    gpu: Arc<Gpu>,
    simulated: Arc<Simulated>,
    accelerator: Arc<dyn Accelerator>,
    crossing: Crossing,
}

impl Stage {
    fn new(pace: Pace, path: PicturePath) -> Self {
        let services = Services::default();
        services.insert(Arc::new(path));
        let gpu = Gpu::of(&services).unwrap();
        let simulated = Simulated::new(pace, Some(&gpu));
        Self::of(services, gpu, simulated)
    }

    fn of(services: Services, gpu: Arc<Gpu>, simulated: Arc<Simulated>) -> Self {
        let crossing = Crossing::new(&services);
        let accelerator = simulated.clone();
        Self { services, gpu, simulated, accelerator, crossing }
    }

    /// All combinations that draw the same.
    fn all() -> [Self; 4] {
        [
            Self::new(Pace::Early, PicturePath::Auto),
            Self::new(Pace::Late, PicturePath::Auto),
            Self::new(Pace::Early, PicturePath::Copy),
            Self::new(Pace::Late, PicturePath::Copy),
        ]
    }

    /// Frame `n`, asked for.
    fn draw(&mut self, n: usize, size: (u32, u32)) -> Image {
        let texels = bytes(&halves(n, size));
        let draw_to = |to| self.simulated.draw(to, &texels);
        self.crossing.draw(&self.accelerator, size, draw_to, never()).unwrap()
    }

    /// The texels of a picture on the graphics device.
    fn texels(&self, image: &Image) -> Vec<f32> {
        let placed = device_from_image(&self.gpu, image).unwrap();
        let Pixels::RgbaF32(pixels) = host_from_texture(&placed).unwrap().pixels else { panic!() };
        pixels
    }

    fn way(&self) -> String {
        Facts::of(&self.services).get(PICTURES).unwrap_or_default()
    }

    /// Does what is under way on the graphics device, and takes note of it.
    fn finish(&self) {
        self.gpu.flush().unwrap();
        self.gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
    }
}

fn never() -> super::Redraw {
    Box::new(|| panic!("the processor has nothing to draw"))
}

/// The texels of frame `n`: all numbers that a half holds exactly, other ones in each frame.
fn halves(n: usize, (width, height): (u32, u32)) -> Vec<f16> {
    let value = |i: usize| ((i * 7 + n * 131) % 4093) as f32 * 0.5 - 1000.0;
    (0..(width * height * 4) as usize).map(|i| f16::from_f32(value(i))).collect()
}

fn reals(n: usize, size: (u32, u32)) -> Vec<f32> {
    halves(n, size).iter().map(|half| half.to_f32()).collect()
}

fn bytes(halves: &[f16]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_ne_bytes()).collect()
}

/// Some have rows that are not aligned as copies want them.
const SIZES: [(u32, u32); 6] = [(32, 3), (64, 64), (56, 32), (33, 7), (1, 1), (320, 96)];

#[test]
fn every_texel_crosses_at_every_size_in_many_frames() {
    for mut stage in Stage::all() {
        for size in SIZES {
            for n in 0..8 {
                let image = stage.draw(n, size);
                assert_eq!((image.width_px, image.height_px), size);
                assert_eq!(stage.texels(&image), reals(n, size), "{size:?}, frame {n}");
                assert_eq!(values(&image), reals(n, size), "fetched from the texture");
                let fetched = stage.draw(n + 100, size);
                assert_eq!(values(&fetched), reals(n + 100, size), "{size:?}, fetched");
            }
        }
        stage.gpu.checked(|| ()).unwrap();
    }
}

#[test]
fn the_way_is_told() {
    let [mut shared, _, mut copied, _] = Stage::all();
    shared.draw(0, (8, 8));
    copied.draw(0, (8, 8));
    assert_eq!((shared.way(), shared.simulated.num_imports()), ("shared memory".into(), 1));
    let way = "copied through pinned memory, because it was asked for";
    assert_eq!((copied.way(), copied.simulated.num_imports()), (way.into(), 0));
}

#[test]
fn pictures_wait_for_whoever_needs_them_in_any_order() {
    for mut stage in Stage::all() {
        let size = (40, 20);
        let images: Vec<Image> = (0..6).map(|n| stage.draw(n, size)).collect();
        for n in [5, 0, 3, 1, 4, 2] {
            assert_eq!(stage.texels(&images[n]), reals(n, size), "frame {n}");
        }
    }
}

/// The accelerator draws the next frames while copies of those before are recorded and not yet run.
#[test]
fn no_picture_is_drawn_over_before_it_was_copied() {
    for mut stage in Stage::all() {
        let size = (64, 16);
        let gpu = stage.gpu.clone();
        for round in 0..5 {
            let placed: Vec<_> = (0..6)
                .map(|n| device_from_image(&gpu, &stage.draw(6 * round + n, size)).unwrap())
                .collect();
            for (n, placed) in placed.iter().enumerate() {
                let expected = reals(6 * round + n, size);
                assert_eq!(values_of(placed), expected, "round {round}, frame {n}");
            }
        }
    }
}

fn values_of(image: &crate::gpu::GpuImage) -> Vec<f32> {
    match host_from_texture(image).unwrap().pixels {
        Pixels::RgbaF32(pixels) => pixels,
        Pixels::Rgba8(_) => panic!("reals come back"),
    }
}

#[test]
fn memory_is_used_again_only_when_its_copy_is_done() {
    let mut stage = Stage::new(Pace::Early, PicturePath::Auto);
    let (gpu, size) = (stage.gpu.clone(), (32, 32));
    for n in 0..5 {
        device_from_image(&gpu, &stage.draw(n, size)).unwrap();
        assert_eq!(stage.simulated.num_imports(), n + 1, "copies that are only recorded");
    }
    stage.finish();
    for n in 0..60 {
        let image = stage.draw(n, size);
        assert_eq!(stage.texels(&image), reals(n, size));
    }
    assert_eq!(stage.simulated.num_imports(), 5, "steady state takes no more");
    for n in 0..60 {
        drop(stage.draw(n, size));
    }
    assert_eq!(stage.simulated.num_imports(), 5, "pictures that nobody looked at");
}

#[test]
fn copies_go_with_the_passes_that_read_them() {
    let mut stage = Stage::new(Pace::Late, PicturePath::Auto);
    let wgsl = "
        @group(0) @binding(0) var<uniform> factor: f32;
        @group(0) @binding(1) var image: texture_2d<f32>;
        fn effect(pixel: vec2<i32>) -> vec4<f32> { return textureLoad(image, pixel, 0) * factor; }";
    let mut effect = Effect::<f32>::new("scale", wgsl, 1);
    effect.prepare(&stage.services).unwrap();
    let size = (32, 4);
    for n in 0..4 {
        let image = stage.draw(n, size);
        let before = stage.gpu.num_submissions();
        let drawn = effect.draw(&0.5, &[&image], size).unwrap();
        assert_eq!(stage.gpu.num_submissions(), before);
        let halved: Vec<f32> = reals(n, size).iter().map(|v| v * 0.5).collect();
        assert_eq!(values(&drawn), halved);
        assert_eq!(stage.gpu.num_submissions(), before + 1);
    }
}

#[test]
fn steady_state_allocates_nothing() {
    for mut stage in Stage::all() {
        let size = (48, 48);
        for n in 0..4 {
            let image = stage.draw(n, size);
            assert_eq!(stage.texels(&image), reals(n, size));
        }
        let count =
            |stage: &Stage| (stage.simulated.num_regions(), stage.gpu.num_textures_allocated());
        let before = count(&stage);
        for n in 0..20 {
            let image = stage.draw(n, size);
            assert_eq!(stage.texels(&image), reals(n, size));
        }
        assert_eq!(count(&stage), before);
    }
}

#[test]
fn memory_of_a_size_that_is_gone_is_given_back() {
    for mut stage in Stage::all() {
        for size in SIZES {
            let image = stage.draw(1, size);
            assert_eq!(stage.texels(&image), reals(1, size));
        }
        let image = stage.draw(2, (16, 16));
        assert_eq!(values(&image), reals(2, (16, 16)));
        drop(image);
        assert_eq!(stage.simulated.num_regions(), 1);
        drop(stage.crossing);
        assert_eq!(stage.simulated.num_regions(), 0);
    }
}

#[test]
fn two_generators_draw_at_once() {
    for pace in [Pace::Early, Pace::Late] {
        for path in [PicturePath::Auto, PicturePath::Copy] {
            let first = Stage::new(pace, path);
            let (services, gpu) = (first.services.clone(), first.gpu.clone());
            let second = Stage::of(services, gpu, first.simulated.clone());
            std::thread::scope(|scope| {
                for (mut stage, from, size) in [(first, 0, (64, 32)), (second, 500, (40, 24))] {
                    scope.spawn(move || {
                        for n in from..from + 40 {
                            let image = stage.draw(n, size);
                            assert_eq!(stage.texels(&image), reals(n, size), "frame {n}");
                        }
                    });
                }
            });
        }
    }
}

#[test]
fn foreign_memory_that_is_refused_leaves_the_copy_and_its_reason() {
    let services = Services::default();
    services.insert(Arc::new(PicturePath::Auto));
    let gpu = Gpu::of(&services).unwrap();
    let mut stage = Stage::of(services, gpu.clone(), Simulated::secluded(&gpu));
    for n in 0..3 {
        let image = stage.draw(n, (20, 10));
        assert_eq!(stage.texels(&image), reals(n, (20, 10)));
        let way = "copied through pinned memory, because it takes no foreign memory";
        assert_eq!(stage.way(), way);
    }
}

#[test]
fn pictures_of_another_device_are_copied() {
    let services = Services::default();
    services.insert(Arc::new(PicturePath::Auto));
    let gpu = Gpu::of(&services).unwrap();
    let mut stage = Stage::of(services, gpu, Simulated::new(Pace::Late, None));
    let image = stage.draw(3, (20, 10));
    assert_eq!(stage.texels(&image), reals(3, (20, 10)));
    let way = stage.way();
    assert!(way.starts_with("copied") && way.contains("is not simulated accelerator"), "{way}");
}

#[test]
fn without_a_graphics_device_pictures_still_come_to_memory() {
    let services = Services::default();
    services.insert(Arc::new(PicturePath::Auto));
    let simulated = Simulated::new(Pace::Late, None);
    let accelerator: Arc<dyn Accelerator> = simulated.clone();
    let mut crossing = Crossing::new(&services);
    let texels = bytes(&halves(4, (5, 4)));
    let image =
        crossing.draw(&accelerator, (5, 4), |to| simulated.draw(to, &texels), never()).unwrap();
    assert_eq!(values(&image), reals(4, (5, 4)));
    let way = Facts::of(&services).get(PICTURES).unwrap();
    assert!(way.ends_with("because no graphics device is open"), "{way}");
    assert!(services.get::<Gpu>().is_none());
}

#[test]
fn a_lost_graphics_device_takes_no_picture_along_that_was_not_on_it() {
    for mut stage in Stage::all() {
        let size = (32, 8);
        let way = {
            let (placed, waiting) = (stage.draw(1, size), stage.draw(2, size));
            stage.texels(&placed);
            let way = stage.way();
            stage.gpu.device().destroy();
            let _ = stage.gpu.device().poll(wgpu::PollType::wait_indefinitely());
            assert!(placed.is_lost() && !waiting.is_lost());
            assert!(device_from_image(&stage.gpu, &waiting).is_err());
            assert_eq!(values(&waiting), reals(2, size));
            way
        };
        let between = stage.draw(3, size);
        stage.gpu = Gpu::of(&stage.services).unwrap();
        assert_eq!(stage.texels(&between), reals(3, size));
        for n in 4..8 {
            let image = stage.draw(n, size);
            assert_eq!(stage.texels(&image), reals(n, size));
        }
        assert_eq!(stage.way(), way);
    }
}

#[test]
fn the_processor_draws_what_a_lost_accelerator_does_not() {
    for pace in [Pace::Early, Pace::Late] {
        for path in [PicturePath::Auto, PicturePath::Copy] {
            let mut stage = Stage::new(pace, path);
            let size = (9, 5);
            let own = speckle(size.0, size.1);
            let (given, asked) = (own.clone(), Arc::new(Mutex::new(0)));
            let count = asked.clone();
            let draw = |stage: &mut Stage| {
                let (given, count) = (given.clone(), count.clone());
                let redraw = Box::new(move || {
                    *count.lock().unwrap() += 1;
                    Ok(given.clone())
                });
                let texels = bytes(&halves(0, size));
                let draw_to = |to| stage.simulated.draw(to, &texels);
                stage.crossing.draw(&stage.accelerator, size, draw_to, redraw)
            };
            let (shown, fetched) = (draw(&mut stage).unwrap(), draw(&mut stage).unwrap());
            stage.simulated.lose();
            let halves: Vec<f32> =
                values(&own).iter().map(|v| f16::from_f32(*v).to_f32()).collect();
            for _ in 0..2 {
                assert_eq!(stage.texels(&shown), halves);
                assert_eq!(values(&fetched), halves);
            }
            assert_eq!(*asked.lock().unwrap(), 2, "each once");
            let error = draw(&mut stage).unwrap_err().to_string();
            assert!(error.contains("fell off the bus"), "{error}");
        }
    }
}

#[test]
fn a_picture_that_cannot_be_drawn_at_all_is_an_error_each_time() {
    let mut stage = Stage::new(Pace::Late, PicturePath::Auto);
    let texels = bytes(&halves(0, (4, 4)));
    let redraw = || Box::new(|| Err(NodeError::input("latent", "no")));
    let draw_to = |to| stage.simulated.draw(to, &texels);
    let image = stage.crossing.draw(&stage.accelerator, (4, 4), draw_to, redraw()).unwrap();
    stage.simulated.lose();
    for _ in 0..2 {
        assert!(device_from_image(&stage.gpu, &image).is_err());
        assert!(image.host().is_err());
    }
}

#[test]
fn sizes_that_the_graphics_device_does_not_hold_come_to_memory_alone() {
    let mut stage = Stage::new(Pace::Late, PicturePath::Auto);
    let max = stage.gpu.device().limits().max_texture_dimension_2d;
    let size = (max + 1, 1);
    let image = stage.draw(1, size);
    assert!(device_from_image(&stage.gpu, &image).is_err());
    assert_eq!(values(&image), reals(1, size));
}

#[test]
fn thumbnails_are_made_of_pictures_under_way() {
    for mut stage in Stage::all() {
        let mut thumbnails = GpuThumbnails::new(&stage.services, 16);
        let light = picture(32, 32, |x, _| if x < 16 { [1.0; 4] } else { [0.0, 0.0, 0.0, 1.0] });
        let texels: Vec<f16> = values(&light).iter().map(|v| f16::from_f32(*v)).collect();
        let (texels, size) = (bytes(&texels), (32, 32));
        let draw_to = |to| stage.simulated.draw(to, &texels);
        let image = stage.crossing.draw(&stage.accelerator, size, draw_to, never()).unwrap();
        assert!(matches!(image.home, ImageHome::Device(_)));
        thumbnails.ask(3, &image);
        stage.finish();
        let (key, thumbnail) = thumbnails.take().expect("it is ready");
        let Pixels::Rgba8(pixels) = &thumbnail.pixels else { panic!("8 bits") };
        assert_eq!((key, thumbnail.width_px, pixels[0], pixels[4 * 15]), (3, 16, 255, 0));
    }
}
