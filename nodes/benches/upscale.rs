//! How good and how fast the methods are that make pictures larger: known pictures are made smaller
//! and larger again, and compared with themselves. `LUMAWIRE_CROPS` names a folder that takes the
//! pictures.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use image::imageops::{self, FilterType};
use image::{ImageFormat, RgbImage};
use lumawire_core::harness::Harness;
use lumawire_core::{
    Encoding, HostImage, Image, ImageHome, Latent, NodeSpec, Pixels, Services, Space, Value,
};
use lumawire_models::random::RandomState;
use lumawire_models::super_resolution::Network;
use lumawire_nodes::gpu::{
    Gpu, device_from_image, linear_from_srgb, srgb_from_linear, srgb8_from_linear,
};
use lumawire_nodes::{generate, post};

const SIDE: u32 = 256;

/// Rows of the table: what is printed, and `method` of `post.upscale`; none is the network.
const METHODS: [(&str, Option<&str>); 9] = [
    ("nearest", Some("nearest")),
    ("bilinear", Some("bilinear")),
    ("Mitchell", Some("mitchell")),
    ("Catmull-Rom", Some("catmull_rom")),
    ("Lanczos 2", Some("lanczos2")),
    ("Lanczos 3", Some("lanczos3")),
    ("EASU", Some("easu")),
    ("FSR 1 (EASU, RCAS)", Some("fsr")),
    ("built-in network", None),
];

fn main() {
    let services = Services::default();
    let pictures = pictures(&services);
    if let Some(folder) = std::env::var_os("LUMAWIRE_CROPS") {
        crops(&services, &pictures, Path::new(&folder));
    }
    for factor in [2, 4] {
        quality(&services, &pictures, factor);
    }
    speed(&services);
    networks();
}

/// PSNR in dB and SSIM of every method on every picture.
fn quality(services: &Services, pictures: &[(&str, RgbImage)], factor: u32) {
    println!("\n{factor} times: PSNR in dB, SSIM");
    print!("{:<20}", "method");
    pictures.iter().for_each(|(name, _)| print!("{name:>18}"));
    println!();
    for (label, method) in METHODS {
        print!("{label:<20}");
        for (_, truth) in pictures {
            let found =
                bytes(&enlarged(services, &smaller(services, truth, factor), method, factor));
            print!("{:>10.2}  {:>6.4}", psnr(truth, &found), ssim(truth, &found));
        }
        println!();
    }
}

/// Time of every method from 960 × 540 to 1920 × 1080, the median of some pictures, waited for.
fn speed(services: &Services) {
    let gpu = Gpu::of(services).unwrap();
    println!("\n960 × 540 to 1920 × 1080 on {}", gpu.describe());
    let image = linear(&shapes(960, 540));
    let image = Value::Image(Image {
        width_px: 960,
        height_px: 540,
        encoding: Encoding::Linear,
        home: ImageHome::Device(device_from_image(&gpu, &image).unwrap()),
    });
    for (label, method) in METHODS {
        let mut node = node(services, method, 2);
        node.input("image", image.clone());
        let median = median(9, || {
            node.tick().unwrap();
            gpu.flush().unwrap();
            gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
        });
        println!("{label:<20}{:>10.2} ms", millis(median));
    }
}

/// Time of networks on the processor, by the kernels and by candle's own operations.
fn networks() {
    println!("\nnetworks with made-up weights, 256 × 256 to 1024 × 1024, kernels and candle");
    for (label, features, convolutions) in [
        ("SRVGGNetCompact 64, 16 (as realesr-animevideov3)", 64, 16),
        ("SRVGGNetCompact 64, 32 (as realesr-general-x4v3)", 64, 32),
    ] {
        let network = Network::from_bytes(&made_up(features, convolutions)).unwrap();
        let picture = Tensor::zeros((3, 256, 256), candle_core::DType::F32, &Device::Cpu).unwrap();
        let kernels = median(3, || drop(network.enlarge(&picture, 256).unwrap()));
        let candle = median(3, || drop(network.enlarge_by_definition(&picture).unwrap()));
        println!("{label:<50}{:>10.0} ms{:>10.0} ms", millis(kernels), millis(candle));
    }
}

fn millis(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// The median time of `num` runs, after one that does not count.
#[allow(clippy::disallowed_methods)] // measures
fn median(num: usize, mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<Duration> = (0..num)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[num / 2]
}

/// A SRVGGNetCompact that makes pictures four times larger.
fn made_up(features: usize, convolutions: usize) -> Vec<u8> {
    let mut random = RandomState::new(0);
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut add = |name: String, shape: Vec<usize>| {
        let values = (0..shape.iter().product()).map(|_| 0.05 * random.normal() as f32);
        let bytes = values.flat_map(f32::to_le_bytes).collect();
        tensors.push((name, shape, bytes));
    };
    let mut inputs = 3;
    for i in 0..convolutions + 2 {
        let outputs = if i == convolutions + 1 { 48 } else { features };
        add(format!("body.{}.weight", 2 * i), vec![outputs, inputs, 3, 3]);
        add(format!("body.{}.bias", 2 * i), vec![outputs]);
        if i <= convolutions {
            add(format!("body.{}.weight", 2 * i + 1), vec![outputs]);
        }
        inputs = outputs;
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let dtype = safetensors::Dtype::F32;
        (name, safetensors::tensor::TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

fn node(services: &Services, method: Option<&'static str>, factor: u32) -> Harness {
    let node = match method {
        Some(method) => Harness::new(&post::upscale::SPEC)
            .param("method", method)
            .param("factor", factor as f32),
        None => Harness::new(&generate::super_resolution::SPEC),
    };
    node.services(services).prepare().unwrap()
}

/// What a node makes of its one picture.
fn run(mut node: Harness, image: &Image) -> Image {
    node.input("image", Value::Image(image.clone()));
    node.tick().unwrap();
    let Value::Image(image) = node.output("image") else { panic!("no picture") };
    image.clone()
}

/// The picture so many times larger; the network doubles the size, again and again.
fn enlarged(
    services: &Services,
    small: &Image,
    method: Option<&'static str>,
    factor: u32,
) -> Image {
    match method {
        Some(_) => run(node(services, method, factor), small),
        None => (0..factor.ilog2()).fold(small.clone(), |x, _| run(node(services, None, 2), &x)),
    }
}

/// The picture so many times smaller, by the widened Catmull-Rom filter in linear light.
fn smaller(services: &Services, truth: &RgbImage, factor: u32) -> Image {
    let spec: &'static NodeSpec = &post::resize::SPEC;
    let size = |side: u32| i64::from(side / factor);
    let node = Harness::new(spec)
        .param("filter", "bicubic")
        .param("width_px", size(truth.width()))
        .param("height_px", size(truth.height()));
    run(node.services(services).prepare().unwrap(), &linear(truth))
}

/// A picture of sRGB codes.
fn linear(picture: &RgbImage) -> Image {
    let pixel = |p: &image::Rgb<u8>| [p.0[0], p.0[1], p.0[2], 255];
    let pixels = Pixels::Rgba8(picture.pixels().flat_map(pixel).collect());
    let (width_px, height_px) = picture.dimensions();
    Image::from_host(HostImage { width_px, height_px, pixels }, Encoding::Srgb)
}

/// A picture as 8-bit sRGB codes.
fn bytes(image: &Image) -> RgbImage {
    let host = image.host().unwrap();
    let Pixels::RgbaF32(pixels) = &host.pixels else { panic!("drawn in floats") };
    let code = |v: f32| match image.encoding {
        Encoding::Linear => srgb8_from_linear(v),
        Encoding::Srgb => (v.clamp(0.0, 1.0) * 255.0).round() as u8,
    };
    let codes = pixels.chunks_exact(4).flat_map(|p| [code(p[0]), code(p[1]), code(p[2])]);
    RgbImage::from_raw(host.width_px, host.height_px, codes.collect()).unwrap()
}

/// Peak signal-to-noise ratio of all channels of 8-bit codes, in dB.
fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let squared = a.iter().zip(b.iter()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    let mean = squared.sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// Structural similarity of the luminance (Rec. 601) of 8-bit codes: Wang et al., 2004, with a
/// Gaussian window of 11 pixels and σ = 1.5, the mean over all places where it lies within.
fn ssim(a: &RgbImage, b: &RgbImage) -> f64 {
    let luma = |picture: &RgbImage| -> Vec<f64> {
        let mix = |p: &image::Rgb<u8>| {
            let [r, g, b] = p.0.map(f64::from);
            0.299 * r + 0.587 * g + 0.114 * b
        };
        picture.pixels().map(mix).collect()
    };
    let (width, height) = (a.width() as usize, a.height() as usize);
    let (a, b) = (luma(a), luma(b));
    let product =
        |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let windowed = |x: &[f64]| blurred(x, width, height);
    let (mean_a, mean_b) = (windowed(&a), windowed(&b));
    let (aa, bb, ab) =
        (windowed(&product(&a, &a)), windowed(&product(&b, &b)), windowed(&product(&a, &b)));
    let (c1, c2) = ((0.01_f64 * 255.0).powi(2), (0.03_f64 * 255.0).powi(2));
    let similarity = (0..mean_a.len()).map(|i| {
        let (ma, mb) = (mean_a[i], mean_b[i]);
        let (va, vb, cov) = (aa[i] - ma * ma, bb[i] - mb * mb, ab[i] - ma * mb);
        (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    });
    similarity.sum::<f64>() / mean_a.len() as f64
}

/// Means under the Gaussian window wherever it lies within.
fn blurred(x: &[f64], width: usize, height: usize) -> Vec<f64> {
    let taps: Vec<f64> = (-5..=5).map(|i: i32| (-f64::from(i * i) / (2.0 * 2.25)).exp()).collect();
    let sum: f64 = taps.iter().sum();
    let taps: Vec<f64> = taps.iter().map(|tap| tap / sum).collect();
    let (inner_width, inner_height) = (width - 10, height - 10);
    let across: Vec<f64> = (0..height * inner_width)
        .map(|i| {
            let start = i / inner_width * width + i % inner_width;
            taps.iter().zip(&x[start..]).map(|(tap, v)| tap * v).sum()
        })
        .collect();
    (0..inner_height * inner_width)
        .map(|i| taps.iter().enumerate().map(|(k, tap)| tap * across[i + k * inner_width]).sum())
        .collect()
}

/// The pictures: what is measured by their names.
fn pictures(services: &Services) -> [(&'static str, RgbImage); 4] {
    let astronaut = include_bytes!("upscale/astronaut.png");
    let astronaut = image::load_from_memory_with_format(astronaut, ImageFormat::Png).unwrap();
    [
        ("astronaut", astronaut.to_rgb8()),
        ("shapes", shapes(SIDE, SIDE)),
        ("zone plate", zone_plate()),
        ("generator", generated(services)),
    ]
}

/// cos(k·r²) up to half the largest frequency at the corners.
fn zone_plate() -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let (x, y) = (f64::from(x) - 127.5, f64::from(y) - 127.5);
        let phase = std::f64::consts::PI / 2.0 * (x * x + y * y) / (2.0 * 181.0);
        image::Rgb([(127.5 + 127.0 * phase.cos()).round() as u8; 3])
    })
}

/// Strokes like those of letters, slanted bars and discs in colours, each pixel the mean of 64
/// points.
fn shapes(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let mut sum = [0.0_f32; 3];
        for i in 0..64_u32 {
            let u = x as f32 + (i % 8) as f32 / 8.0 + 0.0625;
            let v = y as f32 + (i / 8) as f32 / 8.0 + 0.0625;
            let colour = stroke(u, v);
            sum.iter_mut().zip(colour).for_each(|(sum, c)| *sum += linear_from_srgb(c) / 64.0);
        }
        image::Rgb(sum.map(|light| (255.0 * srgb_from_linear(light)).round() as u8))
    })
}

/// The colour at a point: cells of 32 pixels with an X, a ring, an E, or bars of growing slant.
fn stroke(u: f32, v: f32) -> [f32; 3] {
    let (column, row) = ((u / 32.0) as u32, (v / 32.0) as u32);
    let (x, y) = (u % 32.0 - 16.0, v % 32.0 - 16.0);
    let thick = 1.0 + 0.35 * (row % 8) as f32;
    let inside = match (column + row) % 4 {
        0 => (x - y).abs().min((x + y).abs()) < thick && x.abs() < 11.0,
        1 => (x.hypot(y) - 9.0).abs() < thick,
        2 => {
            x.abs() < 9.0 && y.abs() < 11.0 && {
                let bar = [-10.0_f32, 0.0, 10.0].into_iter().any(|at| (y - at).abs() < thick);
                x < -9.0 + 2.0 * thick || bar
            }
        }
        _ => ((x + 0.12 * (1.0 + row as f32) * y) / (2.0 * thick)).rem_euclid(2.0) < 1.0,
    };
    let ink = [[0.05, 0.05, 0.08], [0.85, 0.1, 0.15], [0.1, 0.25, 0.7], [0.02, 0.45, 0.2]];
    let paper = [0.93, 0.92, 0.85];
    if inside { ink[(column % 4) as usize] } else { paper }
}

/// A frame of the stand-in network.
fn generated(services: &Services) -> RgbImage {
    let mut model = Harness::new(&generate::model::SPEC).services(services).prepare().unwrap();
    model.tick().unwrap();
    let mut random = RandomState::new(3);
    let data = (0..512).map(|_| random.normal() as f32).collect();
    let mut node = Harness::new(&generate::stylegan2::SPEC).services(services).prepare().unwrap();
    node.input("model", model.output("model").clone());
    node.input("latent", Value::Latent(Latent { space: Space::Z, dim: 512, data }.into()));
    node.tick().unwrap();
    let Value::Image(image) = node.output("image") else { panic!("no picture") };
    bytes(image)
}

/// Writes every picture twice as large as it was made small, and pieces of them side by side.
fn crops(services: &Services, pictures: &[(&str, RgbImage)], folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, truth) in pictures {
        let name = name.replace(' ', "_");
        let small = smaller(services, truth, 2);
        let mut all = vec![truth.clone()];
        truth.save(folder.join(format!("{name}.png"))).unwrap();
        for (label, method) in METHODS {
            let found = bytes(&enlarged(services, &small, method, 2));
            let label = label.split(' ').collect::<Vec<_>>().join("_");
            found.save(folder.join(format!("{name}-{label}.png"))).unwrap();
            all.push(found);
        }
        let mut sheet = RgbImage::new(5 * 260, 2 * 260);
        for (i, picture) in (0_i64..).zip(&all) {
            let piece = imageops::crop_imm(picture, 96, 96, 64, 64).to_image();
            let piece = imageops::resize(&piece, 256, 256, FilterType::Nearest);
            imageops::replace(&mut sheet, &piece, i % 5 * 260, i / 5 * 260);
        }
        sheet.save(folder.join(format!("{name}-sheet.png"))).unwrap();
    }
}
