//! Shaders of a person's own in the engine: wires to what they declare, reloading, missing files.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use std::path::Path;

use lumawire_core::plan::waiting;
use lumawire_core::{AudioBlock, Graph, Pixels, Plan, Registry, compile, patch};
use lumawire_nodes::{ShaderFault, interfaces, registry};
use lumawire_runtime::engine::FrameMode;
use lumawire_runtime::{Engine, RunCx, prepare};

const PATCH: &str = r#"{
  "format": "lumawire-patch", "version": 1,
  "nodes": {
    "lfo": { "kind": "control.lfo@1", "params": { "min": 0.25, "max": 0.25 } },
    "plain": { "kind": "post.wgsl@1", "params": { "file": { "path": "plain.wgsl" }, "width_px": 4, "height_px": 4 } },
    "shade": { "kind": "post.wgsl@1", "params": { "file": { "path": "shade.wgsl" }, "level": 0.5 } },
    "still": { "kind": "output.still@1" }
  },
  "wires": ["lfo.out -> shade.level", "plain.image -> shade.image", "shade.image -> still.image"]
}"#;

const PLAIN: &str =
    "fn effect(p: vec2<i32>) -> vec4<f32> { return vec4<f32>(0.0, 0.0, 1.0, 1.0); }";
const SHADE: &str = "struct Params {
    level: f32, // @range 0..4
}
var image: texture_2d<f32>;
fn effect(p: vec2<i32>) -> vec4<f32> {
    return vec4<f32>(params.level, 0.0, textureLoad(image, p, 0).b, 1.0);
}";

struct Show {
    folder: tempfile::TempDir,
    graph: Graph,
    registry: Registry,
    cx: RunCx,
}

impl Show {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plain.wgsl"), PLAIN).unwrap();
        let graph = patch::parse(PATCH).unwrap().graph;
        let cx = RunCx { base_dir: folder.path().to_owned(), ..RunCx::default() };
        Self { folder, graph, registry: registry(), cx }
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join("shade.wgsl"), text).unwrap();
    }

    fn plan(&mut self) -> (Plan, Vec<ShaderFault>) {
        let faults = interfaces(&self.graph, self.folder.path(), &mut self.registry);
        (compile(&self.graph, &self.registry).unwrap(), faults)
    }

    fn start(&mut self) -> Engine {
        let plan = self.plan().0;
        Engine::new(prepare(plan, &self.cx, None))
    }

    fn reload(&mut self, engine: &mut Engine) {
        let plan = self.plan().0;
        let prepared = prepare(plan, &self.cx, Some(engine.running()));
        assert!(engine.swap(prepared).is_ok());
    }
}

/// Red and blue of the next frame's first pixel, and what the nodes report.
fn frame(engine: &mut Engine) -> ([f32; 2], Vec<String>) {
    engine.block(&AudioBlock::silent(2, 256));
    engine.frame(FrameMode::Full);
    let value = engine.output_of("shade", "image").clone();
    let lumawire_core::Value::Image(image) = value else { panic!("{value:?}") };
    let host = image.host().unwrap();
    let Pixels::RgbaF32(pixels) = &host.pixels else { panic!("not from the device") };
    let reports = engine.take_reports().into_iter().map(|r| format!("{r:?}")).collect();
    ([pixels[0], pixels[2]], reports)
}

#[test]
fn a_shader_is_taken_up_anew_while_the_show_goes_on() {
    let mut show = Show::new();
    show.write(SHADE);
    let mut engine = show.start();
    let (pixel, reports) = frame(&mut engine);
    assert_eq!((pixel, reports.len()), ([0.75, 1.0], 0), "0.5 and the wire's 0.25");
    assert!(engine.bind("shade", "level", Some(&lumawire_core::ParamValue::Float(1.0))));
    assert_eq!(frame(&mut engine).0, [1.25, 1.0]);

    // Another parameter comes first, and the shader has a fault: the old one goes on, as it was bound.
    let broken =
        SHADE.replace("    level", "    more: f32,\n    level").replace("params.level", "nope");
    show.write(&broken);
    show.reload(&mut engine);
    let (pixel, reports) = frame(&mut engine);
    assert_eq!(pixel, [1.25, 1.0]);
    assert!(reports.iter().any(|r| r.contains("shade.wgsl:7:")), "{reports:?}");

    // It is mended, and the parameter is gone: its wire and value wait.
    show.write(&SHADE.replace("level", "gain"));
    show.reload(&mut engine);
    assert_eq!(frame(&mut engine).0, [0.0, 1.0]);
    let lost: Vec<String> =
        waiting(&show.graph, &show.registry).iter().map(ToString::to_string).collect();
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(lost[0].starts_with("`lfo.out -> shade.level` waits"), "{lost:?}");

    // And it comes back.
    show.write(SHADE);
    show.reload(&mut engine);
    assert_eq!(frame(&mut engine).0, [0.75, 1.0]);
    assert!(waiting(&show.graph, &show.registry).is_empty());
}

#[test]
fn a_missing_shader_keeps_its_wires_and_passes_the_picture() {
    let mut show = Show::new();
    let mut engine = show.start();
    let (pixel, reports) = frame(&mut engine);
    assert_eq!(pixel, [0.0, 1.0], "what arrives passes");
    assert!(reports.iter().any(|r| r.contains("shade.wgsl")), "{reports:?}");
    assert_eq!(show.plan().1.len(), 1);
    let text = patch::to_text(&show.graph, &show.registry);
    for kept in ["lfo.out -> shade.level", "plain.image -> shade.image", "\"level\": 0.5"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    show.write(SHADE);
    show.reload(&mut engine);
    assert_eq!(frame(&mut engine).0, [0.75, 1.0]);
    // The text does not depend on the file: derived defaults are written too.
    assert_eq!(patch::to_text(&show.graph, &show.registry), text);
}

#[test]
fn the_shipped_shaders_have_no_fault_and_no_wire_waits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("patches");
    let graph = patch::load(folder.join("user_shaders.lumawire")).unwrap().graph;
    let mut registry = registry();
    assert_eq!(interfaces(&graph, &folder, &mut registry), []);
    assert_eq!(waiting(&graph, &registry), []);
    assert!(compile(&graph, &registry).is_ok());
}
