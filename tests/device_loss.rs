//! The graphics device is destroyed in a run: the show comes back by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

mod common;

use lumawire_core::{AudioBlock, Pixels, Services, compile, patch};
use lumawire_nodes::gpu::Gpu;
use lumawire_nodes::{interfaces, registry};
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};

/// A generator under effects of one pass, of many, with a table, and with a shader of one's own.
const PATCH: &str = r#"{
  "format": "lumawire-patch", "version": 1,
  "clock": { "sample_rate_hz": 48000, "fps": [30, 1] },
  "nodes": {
    "bank": { "kind": "latent.bank@1" },
    "loop": { "kind": "latent.loop@1" },
    "map": { "kind": "generate.mapping@1" },
    "model": { "kind": "generate.model@1", "params": { "standin_resolution": "32", "standin_detail": "2048" } },
    "generator": { "kind": "generate.stylegan2@1" },
    "grade": { "kind": "post.lut@1", "params": { "file": { "path": "warm.cube" } } },
    "glow": { "kind": "post.bloom@1", "params": { "intensity": 1, "threshold": 0.2 } },
    "own": { "kind": "post.wgsl@1", "params": { "file": { "path": "own.wgsl" } } },
    "tube": { "kind": "post.crt@1", "params": { "curve": 0.2 } },
    "video": { "kind": "output.video@1" }
  },
  "wires": [
    "bank.bank -> map.bank", "model.model -> map.model", "model.model -> generator.model",
    "map.bank -> loop.bank", "loop.latent -> generator.latent", "generator.image -> grade.image",
    "grade.image -> glow.image", "glow.image -> own.image", "own.image -> tube.image",
    "tube.image -> video.image"
  ]
}"#;

const CUBE: &str =
    "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 0.9 0\n1 0.9 0\n0 0 0.8\n1 0 0.8\n0 0.9 0.8\n1 0.9 0.8\n";
const WGSL: &str = "var image: texture_2d<f32>;
fn effect(p: vec2<i32>) -> vec4<f32> { return textureLoad(image, p, 0).grba; }";

const NUM_FRAMES: usize = 20;
/// The frame before which the device goes.
const LOST_AT: usize = 8;

/// The pictures of a run, and in which frames a node reported a fault.
fn run(loses: bool) -> (Vec<Vec<u8>>, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("warm.cube"), CUBE).unwrap();
    std::fs::write(folder.path().join("own.wgsl"), WGSL).unwrap();
    let graph = patch::parse(PATCH).unwrap().graph;
    let mut registry = registry();
    assert!(interfaces(&graph, folder.path(), &mut registry).is_empty());
    let plan = compile(&graph, &registry).unwrap();
    let services = Services::default();
    let base_dir = folder.path().to_owned();
    let cx = RunCx { base_dir, services: services.clone(), ..RunCx::default() };
    let mut engine = Engine::new(prepare(plan, &cx, None));
    let silence = AudioBlock::silent(2, 256);
    let (mut pictures, mut faults) = (Vec::new(), Vec::new());
    while pictures.len() < NUM_FRAMES {
        engine.block(&silence);
        while engine.frame_is_due() && pictures.len() < NUM_FRAMES {
            if loses && pictures.len() == LOST_AT {
                let gpu = services.get::<Gpu>().unwrap();
                gpu.device().destroy();
                let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
            }
            engine.frame(FrameMode::Full);
            if engine.take_reports().iter().any(|report| report.error.is_some()) {
                faults.push(pictures.len());
            }
            let sink = engine.plan().sinks[0];
            let image = engine.picture(sink).expect("there is always a picture").host().unwrap();
            let Pixels::Rgba8(pixels) = &image.pixels else { panic!("not final") };
            pictures.push(pixels.clone());
        }
    }
    (pictures, faults)
}

#[test]
fn a_lost_device_costs_a_frame_at_most() {
    let (undisturbed, no_faults) = run(false);
    assert_eq!(no_faults, Vec::<usize>::new());
    let moved = undisturbed.windows(2).filter(|frames| frames[0] != frames[1]).count();
    assert!(moved > NUM_FRAMES / 2, "it moves");
    let (pictures, faults) = run(true);
    assert!(faults.iter().all(|frame| (LOST_AT..=LOST_AT + 1).contains(frame)), "{faults:?}");
    let wrong: Vec<usize> = (0..NUM_FRAMES).filter(|i| pictures[*i] != undisturbed[*i]).collect();
    assert!(wrong.iter().all(|frame| (LOST_AT..=LOST_AT + 1).contains(frame)), "{wrong:?}");
    let is_black = |picture: &Vec<u8>| picture.chunks(4).all(|p| p[..3] == [0, 0, 0]);
    assert!(!pictures.iter().any(is_black), "the screen never goes black");
}
