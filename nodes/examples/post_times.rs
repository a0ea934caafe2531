//! Times picture effects on this machine's graphics device, one line an effect and size:
//! `cargo run -p lumawire-nodes --example post_times`.
#![allow(clippy::unwrap_used)] // a measurement may stop at the first failure
#![allow(clippy::disallowed_methods)] // and it reads the clock

use std::sync::Arc;
use std::time::Instant;

use lumawire_core::harness::Harness;
use lumawire_core::{Encoding, HostImage, Image, ParamValue, Pixels, Services, Value};
use lumawire_nodes::gpu::{Gpu, device_from_image};
use lumawire_nodes::registry;

const NUM_RUNS: usize = 7;

const EFFECTS: &[(&str, &[(&str, Setting)])] = &[
    ("post.mirror", &[("mode", Setting::Option("quad"))]),
    (
        "post.colour",
        &[("exposure_stops", Setting::Number(0.5)), ("contrast", Setting::Number(1.2))],
    ),
    ("post.transform", &[("zoom", Setting::Number(1.1))]),
    ("post.blend", &[("mode", Setting::Option("screen"))]),
];

enum Setting {
    Number(f32),
    Option(&'static str),
}

impl From<&Setting> for ParamValue {
    fn from(setting: &Setting) -> Self {
        match setting {
            Setting::Number(v) => (*v).into(),
            Setting::Option(v) => (*v).into(),
        }
    }
}

fn main() {
    let services = Services::default();
    let gpu = Gpu::of(&services).unwrap();
    println!("{}", gpu.describe());
    for (width, height) in [(512, 512), (1920, 1080)] {
        let in_memory = gradient(width, height);
        let upload = median_ms(|| {
            device_from_image(&gpu, &in_memory).unwrap();
            wait(&gpu);
        });
        let image = device_image(&gpu, width, height);
        let fetch = median_ms(|| drop(image.host().unwrap()));
        println!("{width} × {height}: to the device {upload:.1} ms, to memory {fetch:.1} ms");
        for (kind, settings) in EFFECTS {
            let mut node = Harness::new(registry().get(kind).unwrap()).services(&services);
            for (id, setting) in *settings {
                node.set_param(id, setting);
            }
            let inputs: &[&str] =
                if *kind == "post.blend" { &["base", "over"] } else { &["image"] };
            report(&gpu, kind, node, inputs, &image);
        }
        for filter in ["nearest", "bilinear", "lanczos3"] {
            let node = Harness::new(registry().get("post.resize").unwrap())
                .services(&services)
                .size_px(width, height)
                .param("fit", "stretch")
                .param("filter", filter);
            let name = format!("post.resize {filter} from half the size");
            report(&gpu, &name, node, &["image"], &device_image(&gpu, width / 2, height / 2));
        }
        let node = Harness::new(registry().get("output.still").unwrap()).services(&services);
        report(&gpu, "output.still", node, &["image"], &image);
    }
}

fn report(gpu: &Gpu, name: &str, node: Harness, inputs: &[&str], image: &Image) {
    let mut node = node.prepare().unwrap();
    for input in inputs {
        node.input(input, Value::Image(image.clone()));
    }
    let ms = median_ms(|| {
        node.tick().unwrap();
        wait(gpu);
    });
    println!("  {name}: {ms:.1} ms");
}

fn wait(gpu: &Gpu) {
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
}

/// The median of `NUM_RUNS`, after one that warms up.
fn median_ms(mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<f64> = (0..NUM_RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[NUM_RUNS / 2]
}

fn device_image(gpu: &Arc<Gpu>, width: u32, height: u32) -> Image {
    let on_device = device_from_image(gpu, &gradient(width, height)).unwrap();
    Arc::into_inner(on_device).unwrap().into_image()
}

fn gradient(width_px: u32, height_px: u32) -> Image {
    let pixels = (0..height_px)
        .flat_map(|y| (0..width_px).flat_map(move |x| [x as u8, y as u8, (x ^ y) as u8, 255]));
    let pixels = Pixels::Rgba8(pixels.collect());
    Image::from_host(HostImage { width_px, height_px, pixels }, Encoding::Srgb)
}
