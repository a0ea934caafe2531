//! Compiles and draws every ISF file of a folder, and tells which do not and why:
//! `cargo run -p lumawire-nodes --example isf_survey -- FOLDER [PICTURES]`.

use std::path::{Path, PathBuf};

use lumawire_core::harness::Harness;
use lumawire_core::{
    Encoding, Graph, GraphNode, HostImage, Image, ParamValue, Pixels, PortType, Services, Value,
};
use lumawire_nodes::{interfaces, registry};

const SIZE_PX: (u32, u32) = (320, 180);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let folder = args.next().ok_or("which folder?")?;
    let pictures = args.next();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?.flatten().map(|e| e.path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "fs"));
    files.sort();
    let services = Services::default();
    let (mut num_compiled, mut num_drawn) = (0, 0);
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match draw(&folder, &name, &services) {
            Err(fault) => println!("FAULT {name}: {fault}"),
            Ok(Err(fault)) => {
                num_compiled += 1;
                println!("DRAWS NOT {name}: {fault}");
            }
            Ok(Ok(image)) => {
                num_compiled += 1;
                num_drawn += 1;
                let flat = is_flat(&image)?;
                println!("{} {name}", if flat { "FLAT" } else { "OK" });
                if let Some(pictures) = &pictures {
                    write(&pictures.join(format!("{name}.png")), &image)?;
                }
            }
        }
    }
    println!("{} files, {num_compiled} compile, {num_drawn} draw", files.len());
    Ok(())
}

/// What a node of this file draws in its third frame; outside, that its file has a fault.
fn draw(folder: &Path, name: &str, services: &Services) -> Result<Result<Image, String>, String> {
    let mut registry = registry();
    let spec = registry.get("post.isf").ok_or("no such kind")?;
    let node = GraphNode::new(spec).with("file", ParamValue::file(name));
    let mut graph = Graph::new();
    let add = lumawire_core::Edit::AddNode { id: "isf_1".into(), node: node.clone(), at: None };
    graph.apply(add, &registry).map_err(|e| e.to_string())?;
    let faults = interfaces(&graph, folder, &mut registry);
    if let Some(fault) = faults.first() {
        return Err(fault.error.to_string());
    }
    let spec = registry.of(&node).ok_or("no such kind")?;
    let harness =
        Harness::new(spec).services(services).base_dir(folder).size_px(SIZE_PX.0, SIZE_PX.1);
    let mut harness =
        harness.param("file", ParamValue::file(name)).prepare().map_err(|e| e.to_string())?;
    for port in spec.inputs {
        match port.ty {
            PortType::Image => harness.input(port.id, Value::Image(pattern(port.id.len() as u32))),
            PortType::Trigger => harness.input(port.id, Value::Trigger(1)),
            _ => {}
        }
    }
    for _ in 0..3 {
        if let Err(error) = harness.tick() {
            return Ok(Err(error.to_string()));
        }
    }
    Ok(match harness.output("image") {
        Value::Image(image) => Ok(image.clone()),
        other => Err(format!("{other:?}")),
    })
}

/// Colours, edges and a face of sorts.
fn pattern(shift: u32) -> Image {
    let (width_px, height_px) = SIZE_PX;
    let mut pixels = Vec::new();
    for y in 0..height_px {
        for x in 0..width_px {
            let (u, v) = (x as f32 / width_px as f32, y as f32 / height_px as f32);
            let board = if (x / 20 + y / 20 + shift).is_multiple_of(2) { 0.25 } else { 0.0 };
            let disc = f32::from((u - 0.5).hypot((v - 0.5) * 0.5625) < 0.15) * 0.5;
            pixels.extend(
                [u * 0.7 + board, v * 0.7 + disc, 0.8 - 0.7 * u + disc, 1.0]
                    .map(|c| (c * 255.0) as u8),
            );
        }
    }
    let pixels = Pixels::Rgba8(pixels);
    Image::from_host(HostImage { width_px, height_px, pixels }, Encoding::Srgb)
}

fn is_flat(image: &Image) -> Result<bool, Box<dyn std::error::Error>> {
    let host = image.host()?;
    let Pixels::RgbaF32(pixels) = &host.pixels else { return Ok(false) };
    Ok(pixels.chunks_exact(4).all(|p| p == &pixels[..4]))
}

fn write(path: &Path, image: &Image) -> Result<(), Box<dyn std::error::Error>> {
    let host = image.host()?;
    let Pixels::RgbaF32(pixels) = &host.pixels else { return Ok(()) };
    let code = |v: f32| lumawire_nodes::gpu::srgb8_from_linear(v);
    let bytes = pixels.chunks_exact(4).flat_map(|p| [0, 1, 2].map(|c| code(p[c] * p[3])));
    let picture = image::RgbImage::from_raw(host.width_px, host.height_px, bytes.collect());
    picture.ok_or("size")?.save(path)?;
    Ok(())
}
