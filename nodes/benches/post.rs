//! Time of a frame for every effect at full size: recorded, submitted and waited for, over many
//! frames in turn.

#![allow(clippy::disallowed_methods)] // a benchmark reads the clock

use std::sync::Arc;
use std::time::{Duration, Instant};

use lumawire_core::harness::Harness;
use lumawire_core::{Encoding, HostImage, Image, Pixels, PortType, Services, Value};
use lumawire_nodes::gpu::{Gpu, texture_from_host};
use lumawire_nodes::post::showcase::{SHOWINGS, Showing};

/// Width and height of the pictures.
const SIZE_PX: (u32, u32) = (1_920, 1_080);
/// Frames that are measured, at least, and for how long.
const MIN_FRAMES: u32 = 5;
const MEASURE: Duration = Duration::from_millis(500);

fn main() {
    let services = Services::default();
    let gpu = match Gpu::of(&services) {
        Ok(gpu) => gpu,
        Err(error) => return eprintln!("{error}"),
    };
    println!("effects at {} x {} on {}", SIZE_PX.0, SIZE_PX.1, gpu.describe());
    println!("{:<24} {:>10} {:>10}", "effect", "ms median", "ms most");
    let image = upload(&gpu);
    for showing in SHOWINGS {
        match times(showing, &services, &gpu, &image) {
            Ok(mut times) => {
                times.sort();
                let ms = |t: Duration| 1e3 * t.as_secs_f64();
                let most = times.last().copied().unwrap_or_default();
                let kind = showing.spec.kind;
                println!("{kind:<24} {:>10.2} {:>10.2}", ms(times[times.len() / 2]), ms(most));
            }
            Err(error) => println!("{:<24} {error}", showing.spec.kind),
        }
    }
}

/// Waves in all colours, on the device.
fn upload(gpu: &Arc<Gpu>) -> Image {
    let (width_px, height_px) = SIZE_PX;
    let wave = |i: u32, step: f32| (0.5 + 0.5 * (i as f32 * step).sin()) * 0.8;
    let pixel = |i: u32| {
        let (x, y) = (i % width_px, i / width_px);
        [wave(x, 0.02), wave(y, 0.03), wave(x + y, 0.011), 1.0]
    };
    let pixels = Pixels::RgbaF32((0..width_px * height_px).flat_map(pixel).collect());
    let host = HostImage { width_px, height_px, pixels };
    match texture_from_host(gpu, &host, Encoding::Linear) {
        Ok(texture) => texture.into_image(),
        Err(error) => panic!("{error}"),
    }
}

/// What each frame of the middle setting took.
fn times(
    showing: &Showing,
    services: &Services,
    gpu: &Gpu,
    image: &Image,
) -> Result<Vec<Duration>, lumawire_core::NodeError> {
    let mut node = Harness::new(showing.spec).services(services);
    for (id, value) in showing.settings[1] {
        node.set_param(id, *value);
    }
    let mut node = node.prepare()?;
    for port in showing.spec.inputs.iter().filter(|port| port.ty == PortType::Image) {
        node.input(port.id, Value::Image(image.clone()));
    }
    let mut times = Vec::new();
    let begun = Instant::now();
    // The first frames allocate.
    for frame in 0.. {
        let started = Instant::now();
        node.tick()?;
        gpu.flush()?;
        let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
        if frame >= 2 {
            times.push(started.elapsed());
        }
        if times.len() as u32 >= MIN_FRAMES && begun.elapsed() > MEASURE {
            break;
        }
    }
    Ok(times)
}
