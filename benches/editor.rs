//! What a frame of the editor costs its thread with 500 nodes: laid out, and tessellated, while the
//! view moves and zooms.

#![allow(clippy::disallowed_methods, clippy::expect_used)] // a benchmark reads the clock

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{
    Context, Event, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, pos2, vec2,
};
use lumawire_core::control::Score;
use lumawire_core::{
    Edit, Graph, GraphNode, HostImage, Pixels, PortType, Registry, Services, WireEnds,
};
use lumawire_editor::canvas::Canvas;
use lumawire_editor::cx::Cx;
use lumawire_editor::{Document, Kit, Overview, theme};
use lumawire_runtime::probe::{Readings, Seen};

/// Nodes of the patch.
const NUM_NODES: usize = 500;
/// Nodes beside each other.
const COLUMNS: usize = 25;
/// From node to node, in points.
const STEP: (f32, f32) = (230.0, 250.0);
/// The window, in points.
const WINDOW: (f32, f32) = (1_920.0, 1_080.0);
/// Frames that are measured.
const NUM_FRAMES: usize = 300;
/// Kinds that make up the patch, in turn; each is wired to the one before where that fits.
const KINDS: [&str; 10] = [
    "source.audio",
    "analysis.stft",
    "analysis.chroma",
    "latent.walk",
    "control.smooth",
    "post.blur",
    "post.bloom",
    "post.mirror",
    "map.math",
    "post.trails",
];

fn main() {
    println!("editor, {NUM_NODES} nodes in a window of {} x {}", WINDOW.0, WINDOW.1);
    println!(
        "{:<32} {:>10} {:>10} {:>12} {:>10}",
        "view", "layout ms", "p99", "with mesh ms", "p99"
    );
    let graph = patch(&lumawire_nodes::registry());
    for (name, zoom) in [("all nodes in view, panning", 0.0), ("zooming in and out", 1.0)] {
        report(name, &mut Bench::new(graph.clone()), zoom);
    }
    let mut near = Bench::new(graph);
    near.zoom_in();
    report("near, panning", &mut near, 0.0);
}

fn report(name: &str, bench: &mut Bench, zoom: f32) {
    let mut layout = Vec::with_capacity(NUM_FRAMES);
    let mut whole = Vec::with_capacity(NUM_FRAMES);
    for i in 0..NUM_FRAMES + 20 {
        let way = (i as f32 * 0.1).sin();
        let (laid_out, drawn) = bench.frame(vec2(30.0, 12.0) * way, zoom * way * 0.6);
        // The first frames fill caches.
        if i >= 20 {
            layout.push(laid_out);
            whole.push(drawn);
        }
    }
    let ms = |times: &mut Vec<Duration>, share: f64| {
        times.sort();
        1e3 * times[((times.len() - 1) as f64 * share) as usize].as_secs_f64()
    };
    let (a, b) = (ms(&mut layout, 0.5), ms(&mut layout, 0.99));
    let (c, d) = (ms(&mut whole, 0.5), ms(&mut whole, 0.99));
    println!("{name:<32} {a:>10.2} {b:>10.2} {c:>12.2} {d:>10.2}");
}

/// A patch in rows, each node wired to the one before where their types fit.
fn patch(registry: &Registry) -> Graph {
    let mut graph = Graph::new();
    for i in 0..NUM_NODES {
        let Some(spec) = registry.get(KINDS[i % KINDS.len()]) else {
            panic!("there is no kind `{}`", KINDS[i % KINDS.len()]);
        };
        let at = [(i % COLUMNS) as f32 * STEP.0, (i / COLUMNS) as f32 * STEP.1];
        let edit =
            Edit::AddNode { id: format!("n{i:03}"), node: GraphNode::new(spec), at: Some(at) };
        graph.apply(edit, registry).expect("a node");
    }
    for i in 1..NUM_NODES {
        let [from, to] = [i - 1, i].map(|i| registry.get(KINDS[i % KINDS.len()]).expect("a kind"));
        for output in from.outputs {
            if let Some(input) = to.inputs.iter().find(|input| input.ty == output.ty) {
                let (a, b) = (format!("n{:03}", i - 1), format!("n{i:03}"));
                let ends = WireEnds::new(&a, output.id, &b, input.id);
                graph.apply(Edit::Connect { ends, depth: 1.0 }, registry).expect("a wire");
                break;
            }
        }
    }
    graph
}

/// The canvas in a window that nobody sees.
struct Bench {
    ctx: Context,
    kit: Kit,
    document: Document,
    readings: Readings,
    canvas: Canvas,
    time_secs: f64,
}

impl Bench {
    fn new(graph: Graph) -> Self {
        let kit = Kit {
            registry: lumawire_nodes::registry(),
            interfaces: |_, _, _| {},
            score: |_, _| Score::default(),
            thumbnails: Arc::new(|_| Box::new(())),
            overview: |_, _| Ok(Overview::default()),
            services: Services::default(),
            font: lumawire_nodes::FONT,
            examples: None,
            settings: None,
            program_args: Vec::new(),
            program: None,
            learning: None,
        };
        let document =
            Document::untitled(graph, PathBuf::new(), kit.registry.clone(), kit.interfaces);
        let readings = readings(&document);
        let ctx = Context::default();
        theme::apply(&ctx, kit.font);
        let canvas = Canvas::default();
        let mut bench = Self { ctx, kit, document, readings, canvas, time_secs: 0.0 };
        for _ in 0..3 {
            bench.frame(egui::Vec2::ZERO, 0.0);
        }
        bench
    }

    fn zoom_in(&mut self) {
        for _ in 0..16 {
            self.frame(egui::Vec2::ZERO, 1.0);
        }
    }

    /// Draws a frame after the view moved by `pan` and zoomed by so many steps of the wheel; gives
    /// the time of its layout, and that with its meshes.
    fn frame(&mut self, pan: egui::Vec2, wheel: f32) -> (Duration, Duration) {
        let middle = pos2(WINDOW.0 * 0.5, WINDOW.1 * 0.5);
        let mut events = vec![Event::PointerMoved(middle)];
        let mut turn = |unit, delta| {
            let (phase, modifiers) = (TouchPhase::Move, egui::Modifiers::NONE);
            let source = MouseWheelSource::Unknown;
            events.push(Event::MouseWheel { unit, delta, phase, modifiers, source });
        };
        if wheel != 0.0 {
            turn(MouseWheelUnit::Line, vec2(0.0, wheel));
        } else if pan != egui::Vec2::ZERO {
            turn(MouseWheelUnit::Point, pan);
        }
        self.time_secs += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(WINDOW.0, WINDOW.1))),
            time: Some(self.time_secs),
            events,
            ..RawInput::default()
        };
        let failures = BTreeMap::new();
        let selection = BTreeSet::new();
        let mut commands = Vec::new();
        let started = Instant::now();
        let output = self.ctx.run_ui(input, |ui| {
            let mut cx = Cx {
                kit: &self.kit,
                document: &self.document,
                session: None,
                readings: &self.readings,
                failures: &failures,
                selection: &selection,
                commands: &mut commands,
            };
            self.canvas.show(ui, &mut cx);
        });
        let laid_out = started.elapsed();
        let meshes = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let whole = started.elapsed();
        assert!(!meshes.is_empty());
        (laid_out, whole)
    }
}

/// Something to see on every node.
fn readings(document: &Document) -> Readings {
    let mut readings = Readings::default();
    let wave: Vec<f32> = (0..240).map(|i| (i as f32 * 0.1).sin() * 0.5 + 0.5).collect();
    for (id, node) in document.graph().nodes() {
        let Some(port) = document.registry().of(node).and_then(|spec| spec.outputs.first()) else {
            continue;
        };
        let seen = match port.ty {
            PortType::Image => Seen::Picture(Arc::new(picture()), (1_920, 1_080)),
            PortType::Control => Seen::Control { latest: 0.5, recent: wave.clone() },
            PortType::Trigger => Seen::Trigger { total: 9, recent: wave.clone() },
            PortType::Latent => Seen::Latent(wave[..64].to_vec(), 512),
            PortType::Audio => Seen::Wave(wave.iter().map(|v| (-v, *v)).collect()),
            _ => Seen::Row(wave[..12].to_vec()),
        };
        readings.outputs.insert((id.to_owned(), port.id.to_owned()), seen);
    }
    readings
}

fn picture() -> HostImage {
    let (width_px, height_px) = (192, 108);
    let pixels = (0..width_px * height_px * 4).map(|i| (i % 251) as u8).collect();
    HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) }
}
