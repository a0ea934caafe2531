//! What a file makes of a node, and what the node draws.

use std::path::Path;
use std::sync::Arc;

use lumawire_core::harness::Harness;
use lumawire_core::{
    Domain, Edit, Graph, GraphNode, Image, NodeSpec, ParamValue, PortType, Services, Spectrum,
    Value,
};
use num_complex::Complex32;

use super::bound::MAX_ROUNDS;
use super::{ShaderFault, interfaces};
use crate::gpu::testing::{picture, pixel, services, values};
use crate::gpu::{Gpu, linear_from_srgb};
use crate::post::testing::places;

const HALF: &str = "// Halves a picture.
struct Params {
    amount: f32, // @default 0.5 @range 0..2 @label \"How much\"
    tint: vec3<f32>, // @colour @default 1 0.5 0
    // @options dark, light
    mode: i32,
    steps: i32, // @range 1..8 @default 3
    on: bool, // @default true
}
var image: texture_2d<f32>;
@group(0) @binding(7) var other: texture_2d<f32>; // @label \"Other picture\"
fn effect(pixel: vec2<i32>) -> vec4<f32> {
    if !params.on { return vec4<f32>(f32(params.steps), f32(params.mode), u.time_secs, 1.0); }
    let c = textureLoad(image, pixel, 0);
    return vec4<f32>(c.rgb * params.amount * params.tint, c.a) + textureLoad(other, vec2<i32>(0), 0);
}";

/// The description of a `kind` node whose file holds `text`, and what is wrong with the file.
fn told(
    folder: &Path,
    kind: &str,
    name: &str,
    text: &str,
) -> (&'static NodeSpec, Vec<ShaderFault>) {
    std::fs::write(folder.join(name), text).unwrap();
    let mut registry = crate::registry();
    let node = GraphNode::new(registry.get(kind).unwrap()).with("file", ParamValue::file(name));
    let mut graph = Graph::new();
    let add = Edit::AddNode { id: "shader_1".into(), node: node.clone(), at: None };
    graph.apply(add, &registry).unwrap();
    let faults = interfaces(&graph, folder, &mut registry);
    (registry.of(&node).unwrap(), faults)
}

fn prepared(folder: &Path, spec: &'static NodeSpec, name: &str, services: &Services) -> Harness {
    let node = Harness::new(spec).services(services).base_dir(folder).size_px(4, 4);
    node.param("file", ParamValue::file(name)).prepare().unwrap()
}

/// A node that draws `text`, which is without a fault.
fn node(kind: &str, text: &str) -> Harness {
    let folder = tempfile::tempdir().unwrap();
    let (spec, faults) = told(folder.path(), kind, "shader.fs", text);
    assert_eq!(faults, []);
    prepared(folder.path(), spec, "shader.fs", &services())
}

fn drawn(node: &mut Harness) -> Image {
    node.tick().unwrap();
    match node.output("image") {
        Value::Image(image) => image.clone(),
        other => panic!("{other:?}"),
    }
}

fn isf(head: &str, body: &str) -> String {
    format!("/*{{ {head} }}*/\n{body}")
}

fn fault_of(kind: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (_, faults) = told(folder.path(), kind, "broken.fs", text);
    faults.first().unwrap_or_else(|| panic!("no fault in {text}")).error.to_string()
}

#[test]
fn members_of_params_are_parameters_and_textures_are_ports() {
    let folder = tempfile::tempdir().unwrap();
    let (spec, faults) = told(folder.path(), "post.wgsl", "half.wgsl", HALF);
    assert_eq!(faults, []);
    assert_eq!(spec.doc, "Halves a picture.");
    let ports: Vec<_> = spec.inputs.iter().map(|p| (p.id, p.ty, p.doc)).collect();
    assert_eq!(
        ports,
        [("image", PortType::Image, "Image"), ("other", PortType::Image, "Other picture")]
    );
    let ids: Vec<_> = spec.params.iter().map(|p| p.id).collect();
    let own = ["amount", "tint_r", "tint_g", "tint_b", "mode", "steps", "on"];
    assert_eq!(ids, [&["file", "width_px", "height_px"][..], &own].concat());
    let param = |id: &str| &spec.params[spec.param(id).unwrap()];
    assert_eq!(param("amount").label, "How much");
    assert!(param("amount").modulatable);
    let float = |default, range| Domain::Float { default, soft: range, hard: range };
    assert_eq!(param("amount").domain, float(0.5, (0.0, 2.0)));
    assert_eq!(param("tint_g").domain, float(0.5, (0.0, 1.0)));
    assert_eq!(
        param("mode").domain,
        Domain::Choice { default: "dark", options: &["dark", "light"] }
    );
    assert_eq!(param("steps").domain, Domain::Int { default: 3, soft: (1, 8), hard: (1, 8) });
    assert_eq!(param("on").domain, Domain::Bool { default: true });
    let again = told(folder.path(), "post.wgsl", "copy.wgsl", &format!("{HALF} // more")).0;
    assert!(std::ptr::eq(spec, again), "equal interfaces are kept once");
}

#[test]
fn parameters_and_pictures_reach_a_wgsl_shader() {
    let mut node = node("post.wgsl", HALF);
    node.tick().unwrap();
    assert!(matches!(node.output("image"), Value::Empty), "a filter without a picture");
    node.input("image", Value::Image(picture(2, 1, |_, _| [0.5, 1.0, 1.0, 1.0])));
    assert_eq!(pixel(&drawn(&mut node), 1, 0), [0.25, 0.25, 0.0, 1.0]);
    node.input("other", Value::Image(picture(1, 1, |_, _| [1.0, 0.0, 0.5, 0.0])));
    node.set_param("amount", 1.0_f32);
    assert_eq!(pixel(&drawn(&mut node), 0, 0), [1.5, 0.5, 0.5, 1.0]);
    node.set_param("on", false);
    node.set_param("steps", 7_i64);
    node.set_param("mode", "light");
    let image = drawn(&mut node);
    assert_eq!(pixel(&image, 0, 0)[..2], [7.0, 1.0]);
    assert_eq!((image.width_px, image.height_px), (2, 1));
    node.set_param("width_px", 3_i64);
    assert_eq!(drawn(&mut node).width_px, 3);
}

#[test]
fn faults_carry_the_line_of_the_file() {
    for (kind, text, place) in [
        ("post.wgsl", "fn effect(p: vec2<i32>) -> vec4<f32> {\n  nonsense\n}", "broken.fs:3:1: "),
        (
            "post.wgsl",
            "fn effect(p: vec2<i32>) -> vec4<f32> {\n  return vec4<f32>(1.0);\n}\nfn f() {\n  let a: i32 = 1.5;\n}",
            "broken.fs:5:",
        ),
        ("post.wgsl", "struct Params {\n  a: f32,\n  b: mat2x2<f32>,\n}", "broken.fs:3:1: "),
        ("post.wgsl", "struct Params {\n  a: f32, // @range 3..1\n}", "broken.fs:2:1: "),
        ("post.isf", &isf("", "void main() {\n  gl_FragColor = nope;\n}"), "broken.fs:3:"),
        ("post.isf", &isf("\"A\": 1,\n \"B\" 2", "void main() {}"), "broken.fs:2:"),
        (
            "post.isf",
            &isf("\"INPUTS\": [\n{ \"NAME\": \"a\", \"TYPE\": \"cube\" }]", "void main() {}"),
            "broken.fs:2:",
        ),
        ("post.isf", "void main() {}", "broken.fs:1:1: "),
    ] {
        let fault = fault_of(kind, text);
        assert!(fault.starts_with(place), "{fault} for {text}");
    }
}

#[test]
fn what_could_break_a_compiler_is_refused() {
    let deep = format!("{}1.0{}", "(".repeat(5_000), ")".repeat(5_000));
    let wgsl = format!("fn effect(p: vec2<i32>) -> vec4<f32> {{ return vec4<f32>({deep}); }}");
    assert!(fault_of("post.wgsl", &wgsl).contains("deep"));
    let body = format!("void main() {{ gl_FragColor = vec4({deep}); }}");
    assert!(fault_of("post.isf", &isf("", &body)).contains("deep"));
    let long = format!("// {}\n{HALF}", "x".repeat(300_000));
    assert!(fault_of("post.wgsl", &long).contains("bytes"));
    let many: Vec<String> = (0..300).map(|i| format!("  a{i}: f32,")).collect();
    let many = format!(
        "struct Params {{\n{}\n}}\nfn effect(p: vec2<i32>) -> vec4<f32> {{ return vec4<f32>(0.0); }}",
        many.join("\n")
    );
    assert!(fault_of("post.wgsl", &many).contains("256 numbers"));
    let recursive = "float f(float x);\nfloat g(float x) { return f(x); }\n\
                     float f(float x) { return g(x); }\nvoid main() { gl_FragColor = vec4(f(1.0)); }";
    assert!(!fault_of("post.isf", &isf("", recursive)).is_empty());
    let storage = "@group(0) @binding(0) var<storage, read_write> all: array<u32>;
fn effect(p: vec2<i32>) -> vec4<f32> { all[0] = 1u; return vec4<f32>(0.0); }";
    assert!(fault_of("post.wgsl", storage).contains("`all` is not given"));
    for name in ["file", "width_px"] {
        let text = format!("struct Params {{\n {name}: f32,\n}}");
        assert!(fault_of("post.wgsl", &text).contains("rename"), "{name}");
    }
}

#[test]
fn loops_end_after_their_rounds() {
    let wgsl = "fn spin() -> f32 { var n = 0.0; loop { n += 1.0; } return n; }
fn effect(p: vec2<i32>) -> vec4<f32> {
    var n = 0.0;
    for (var i = 0; i < 1000; i++) { n += 1.0; }
    let short = n;
    loop { n += 1.0; if n < 0.0 { break; } }
    return vec4<f32>(short, n / 1024.0, spin(), 1.0);
}";
    let mut node = node("post.wgsl", wgsl);
    // All loops share one count: those that come after it is used up end at once.
    let found = pixel(&drawn(&mut node), 3, 3);
    assert_eq!((found[0], found[1]), (1000.0, MAX_ROUNDS as f32 / 1024.0));
    assert!(found[2] <= 1.0, "{found:?}");
    let glsl =
        "void main() { float n = 0.0; while (true) { n += 1.0; } do { n += 1.0; } while (n > 0.0);
        gl_FragColor = vec4(n / 65536.0); }";
    let mut node = self::node("post.isf", &isf("", glsl));
    assert_eq!(pixel(&drawn(&mut node), 0, 0), [1.0; 4]);
}

#[test]
fn the_last_good_shader_draws_while_the_file_has_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let text = |red: &str| {
        format!(
            "struct Params {{\n level: f32, // @range 0..4\n}}
fn effect(p: vec2<i32>) -> vec4<f32> {{ return vec4<f32>({red}, params.level, 0.0, 1.0); }}"
        )
    };
    let load = |text: &str| {
        let (spec, _) = told(folder.path(), "post.wgsl", "a.wgsl", text);
        prepared(folder.path(), spec, "a.wgsl", &services())
    };
    let mut first = load(&text("0.25"));
    assert_eq!(pixel(&drawn(&mut first), 0, 0), [0.25, 0.0, 0.0, 1.0]);
    // The broken one declares its parameter at another place.
    let broken = text("nope").replace(" level", " more: f32,\n level");
    let mut second = load(&broken);
    second.node_mut().adopt(first.node_mut());
    second.set_param("level", 3.0_f32);
    let error = second.tick().unwrap_err().to_string();
    assert!(error.starts_with("a.wgsl:5:"), "{error}");
    let Value::Image(image) = second.output("image") else { panic!("nothing drawn") };
    assert_eq!(pixel(image, 0, 0), [0.25, 3.0, 0.0, 1.0], "the old shader, the new values");
    let mut third = load(&text("0.75"));
    third.node_mut().adopt(second.node_mut());
    assert_eq!(pixel(&drawn(&mut third), 0, 0), [0.75, 0.0, 0.0, 1.0]);
}

#[test]
fn without_its_file_the_picture_passes_and_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["post.wgsl", "post.isf"] {
        let spec = crate::registry().get(kind).unwrap();
        let mut node = prepared(folder.path(), spec, "gone.fs", &services());
        node.input("image", Value::Image(picture(2, 1, |x, _| [x as f32, 0.5, 0.0, 1.0])));
        let error = node.tick().unwrap_err().to_string();
        assert!(error.contains("gone.fs"), "{error}");
        let Value::Image(image) = node.output("image") else { panic!("{kind}: nothing") };
        assert_eq!(pixel(image, 1, 0), [1.0, 0.5, 0.0, 1.0]);
        let mut fresh = Harness::new(spec).services(&services()).prepare().unwrap();
        fresh.input("image", Value::Image(picture(1, 1, |_, _| [0.5; 4])));
        assert_eq!(values(&drawn(&mut fresh)), [0.5; 4], "a fresh node changes nothing");
    }
}

#[test]
fn a_shader_that_took_the_device_down_is_not_run_until_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::default();
    let text = "fn effect(p: vec2<i32>) -> vec4<f32> { return vec4<f32>(0.5); }";
    let (spec, _) = told(folder.path(), "post.wgsl", "a.wgsl", text);
    let mut guilty = prepared(folder.path(), spec, "a.wgsl", &services);
    let (spec, _) = told(folder.path(), "post.wgsl", "b.wgsl", &text.replace("0.5", "0.25"));
    let mut other = prepared(folder.path(), spec, "b.wgsl", &services);
    for _ in 0..2 {
        // The first time may have been an accident.
        for node in [&mut other, &mut guilty] {
            node.tick().unwrap();
        }
        let lost = services.get::<Gpu>().unwrap();
        lost.device().destroy();
        let _ = lost.device().poll(wgpu::PollType::wait_indefinitely());
    }
    assert_eq!(pixel(&drawn(&mut other), 0, 0), [0.25; 4], "the others go on, on a new device");
    for _ in 0..2 {
        let error = guilty.tick().unwrap_err().to_string();
        assert!(error.contains("not run again until its file changes"), "{error}");
    }
    let (spec, _) = told(folder.path(), "post.wgsl", "a.wgsl", &text.replace("0.5", "0.75"));
    let mut changed = prepared(folder.path(), spec, "a.wgsl", &services);
    assert_eq!(pixel(&drawn(&mut changed), 0, 0), [0.75; 4]);
}

#[test]
fn inputs_of_an_isf_file_are_ports_and_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let head = r#""DESCRIPTION": "Tests.", "INPUTS": [
        { "NAME": "inputImage", "TYPE": "image" }, { "NAME": "mask", "TYPE": "image" },
        { "NAME": "fft", "TYPE": "audioFFT" }, { "NAME": "hit", "TYPE": "event" },
        { "NAME": "gain", "TYPE": "float", "LABEL": "Gain", "MIN": -1, "MAX": 3.0, "DEFAULT": 2 },
        { "NAME": "kind", "TYPE": "long", "VALUES": [10, 20], "LABELS": ["Ten", "Twenty"], "DEFAULT": 20 },
        { "NAME": "at", "TYPE": "point2D", "DEFAULT": [0.5, 0.25], "MIN": [0, 0], "MAX": [1, 1] },
        { "NAME": "sample", "TYPE": "color", "DEFAULT": [1, 0, 0.5, 0.25] },
        { "NAME": "flip", "TYPE": "bool", "DEFAULT": 1 } ]"#;
    let body = "void main() { gl_FragColor = vec4(flip ? gain / 4.0 : 0.0, float(kind) / 100.0, at.y, sample.a); }";
    let (spec, faults) = told(folder.path(), "post.isf", "a.fs", &isf(head, body));
    assert_eq!(faults, []);
    let ports: Vec<_> = spec.inputs.iter().map(|p| (p.id, p.ty)).collect();
    use PortType::{Image as Picture, Spectrum as Sound, Trigger};
    assert_eq!(ports, [("image", Picture), ("mask", Picture), ("fft", Sound), ("hit", Trigger)]);
    let ids: Vec<_> = spec.params[3..].iter().map(|p| p.id).collect();
    let parts = ["at_x", "at_y", "sample_r", "sample_g", "sample_b", "sample_a", "flip"];
    assert_eq!(ids, [&["gain", "kind"][..], &parts].concat());
    let domain = |id: &str| spec.params[spec.param(id).unwrap()].domain;
    assert_eq!(
        domain("gain"),
        Domain::Float { default: 2.0, soft: (-1.0, 3.0), hard: (-1.0, 3.0) }
    );
    assert_eq!(domain("kind"), Domain::Choice { default: "Twenty", options: &["Ten", "Twenty"] });
    let mut node = prepared(folder.path(), spec, "a.fs", &services());
    node.input("image", Value::Image(picture(1, 1, |_, _| [0.0; 4])));
    let code = |v: f32| linear_from_srgb(v);
    for (found, expected) in
        pixel(&drawn(&mut node), 0, 0).iter().zip([code(0.5), code(0.2), code(0.25), 0.25])
    {
        assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
    }
}

#[test]
fn isf_reads_pictures_from_the_lower_left_as_code_values() {
    let input = r#""INPUTS": [{ "NAME": "inputImage", "TYPE": "image" }]"#;
    let image = places(8, 4);
    for body in [
        "IMG_THIS_PIXEL(inputImage)",
        "IMG_THIS_NORM_PIXEL(inputImage)",
        "IMG_NORM_PIXEL(inputImage, isf_FragNormCoord)",
        "IMG_PIXEL(inputImage, gl_FragCoord.xy)",
        "IMG_PIXEL(inputImage, isf_FragNormCoord * IMG_SIZE(inputImage))",
        "texture2D(inputImage, vv_FragNormCoord)",
    ] {
        let text = isf(input, &format!("void main() {{ gl_FragColor = {body}; }}"));
        let mut node = node("post.isf", &text);
        node.input("image", Value::Image(image.clone()));
        for (found, expected) in values(&drawn(&mut node)).iter().zip(values(&image)) {
            assert!((found - expected).abs() < 2e-3, "{body}: {found} for {expected}");
        }
    }
    let text = isf(
        input,
        "void main() { gl_FragColor = vec4(isf_FragNormCoord, gl_FragCoord.y / 4.0, 1.0); }",
    );
    let mut node = node("post.isf", &text);
    node.input("image", Value::Image(image));
    let top = pixel(&drawn(&mut node), 0, 0);
    let expected = [1.0 / 16.0, 7.0 / 8.0, 7.0 / 8.0].map(linear_from_srgb);
    for (found, expected) in top.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-3, "{top:?}");
    }
}

#[test]
fn a_persistent_buffer_accumulates_and_starts_anew_after_a_reset() {
    let head = r#""INPUTS": [{ "NAME": "hit", "TYPE": "event" }],
        "PASSES": [{ "TARGET": "sum", "PERSISTENT": true, "FLOAT": true, "WIDTH": "$WIDTH / 2", "HEIGHT": 1 },
        { "TARGET": "brief" }, {}]"#;
    let body = "void main() {
        if (PASSINDEX == 0) gl_FragColor = IMG_NORM_PIXEL(sum, vec2(0.5)) + vec4(hit ? 100.0 : 0.125);
        else if (PASSINDEX == 1) gl_FragColor = IMG_NORM_PIXEL(brief, vec2(0.5)) + vec4(0.5);
        else gl_FragColor = vec4(IMG_NORM_PIXEL(sum, vec2(0.5)).r, IMG_NORM_PIXEL(brief, vec2(0.5)).r,
                                 IMG_SIZE(sum).x / 8.0, 1.0);
    }";
    let mut node = node("post.isf", &isf(head, body));
    let run = |node: &mut Harness| (0..3).map(|_| pixel(&drawn(node), 0, 0)[0]).collect::<Vec<_>>();
    let expected = [0.125, 0.25, 0.375].map(linear_from_srgb);
    let first = run(&mut node);
    for (found, expected) in first.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-3, "{first:?}");
    }
    let last = pixel(&drawn(&mut node), 0, 0);
    assert!((last[1] - linear_from_srgb(0.5)).abs() < 1e-3, "a brief one starts from nothing");
    assert!((last[2] - linear_from_srgb(0.25)).abs() < 1e-3, "half of 4 pixels");
    node.reset();
    assert_eq!(run(&mut node), first);
    node.input("hit", Value::Trigger(2));
    assert_eq!(
        pixel(&drawn(&mut node), 0, 0)[0],
        1.0,
        "the event came, and the last pass is clamped"
    );
}

/// The spectrum of a Hann-windowed sine at bin `bin` of 2048, of amplitude `level`.
fn sine(bin: usize, level: f32) -> Value {
    let n_fft = 2048;
    let mut spectrum =
        Spectrum { n_fft, hop_len: 512, sample_rate_hz: 48_000, ..Spectrum::default() };
    spectrum.hops.begin(n_fft / 2 + 1);
    let row = spectrum.hops.push();
    let peak = level * n_fft as f32 / 4.0;
    for (at, factor) in [(bin - 1, -0.5), (bin, 1.0), (bin + 1, -0.5)] {
        row[at] = Complex32::new(peak * factor, 0.0);
    }
    Value::Spectrum(Arc::new(spectrum))
}

#[test]
fn sound_is_a_row_of_decibels_and_a_row_of_its_wave() {
    let wgsl = "var fft: texture_2d<f32>;
fn effect(p: vec2<i32>) -> vec4<f32> { return textureLoad(fft, p, 0); }";
    let mut node = node("post.wgsl", wgsl);
    node.set_param("width_px", 512_i64);
    node.set_param("height_px", 2_i64);
    let silent = drawn(&mut node);
    assert_eq!(pixel(&silent, 100, 0)[0], 0.0);
    assert_eq!(pixel(&silent, 100, 1)[0], 0.5);
    // A sine of −65 dB is half-way between −100 and −30.
    node.input("fft", sine(64, 10.0_f32.powf(-65.0 / 20.0)));
    let mut image = drawn(&mut node);
    for _ in 0..60 {
        image = drawn(&mut node);
    }
    assert!((pixel(&image, 64, 0)[0] - 0.5).abs() < 2e-3, "{:?}", pixel(&image, 64, 0));
    assert!(pixel(&image, 63, 0)[0] < 0.45 && pixel(&image, 70, 0)[0] == 0.0);
    node.input("fft", sine(64, 0.5));
    let image = drawn(&mut node);
    // A cosine of 64 periods in 2048 samples, from sample 768 on, under the window's middle.
    for i in 0..512_u32 {
        let t = f64::from(i + 768) / 2048.0;
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * t).cos();
        let expected = 0.5 + 0.25 * window * (std::f64::consts::TAU * 64.0 * t).cos();
        let found = f64::from(pixel(&image, i, 1)[0]);
        assert!((found - expected).abs() < 2e-3, "{i}: {found} for {expected}");
    }
}

#[test]
fn an_isf_file_reads_the_same_rows() {
    let head = r#""INPUTS": [{ "NAME": "fft", "TYPE": "audioFFT", "MAX": 8 }]"#;
    let body = "void main() { gl_FragColor = vec4(IMG_PIXEL(fft, vec2(1.5, 0.5)).r, IMG_SIZE(fft) / 10.0, 1.0); }";
    let mut node = node("post.isf", &isf(head, body));
    node.input("fft", sine(100, 1.0));
    for _ in 0..60 {
        node.tick().unwrap();
    }
    let found = pixel(&drawn(&mut node), 0, 0);
    assert!((found[0] - 1.0).abs() < 1e-3, "texel 1 of 8 holds bins 64 to 127: {found:?}");
    assert!((found[1] - linear_from_srgb(0.8)).abs() < 2e-3, "{found:?}");
    assert!((found[2] - linear_from_srgb(0.1)).abs() < 2e-3, "{found:?}");
}

#[test]
fn a_vertex_shader_and_old_words_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let vertex = "varying vec2 left;\nvoid main() { vv_vertShaderInit(); left = isf_FragNormCoord - vec2(0.25, 0.0); }";
    std::fs::write(folder.path().join("a.vs"), vertex).unwrap();
    let head = r#""INPUTS": [{ "NAME": "inputImage", "TYPE": "image" }]"#;
    let body = "#version 120\nprecision highp float;\nvarying vec2 left;
float pick(in vec2 sample, lowp float buffer) { if (sample.x > 2.0) { return buffer; } return sample.x; }
float nothing(float x) { if (x > 0.0) { return 1; } }
float half_width = RENDERSIZE.x / 2.0; const float TWO = 2.0;
float whole = half_width * TWO; // a comment
void main() { gl_FragColor = vec4(pick(left, 1.0), IMG_NORM_PIXEL(inputImage,
  left).g, nothing(1.0), whole / 4.0); }";
    let (spec, faults) = told(folder.path(), "post.isf", "a.fs", &isf(head, body));
    assert_eq!(faults, []);
    let mut node = prepared(folder.path(), spec, "a.fs", &services());
    node.input("image", Value::Image(picture(4, 4, |_, y| [0.0, y as f32 / 4.0, 0.0, 1.0])));
    let found = pixel(&drawn(&mut node), 2, 1);
    assert!((found[0] - linear_from_srgb(0.375)).abs() < 1e-3, "{found:?}");
    assert!((found[1] - 0.25).abs() < 1e-3 && found[2] == 1.0, "{found:?}");
}

#[test]
fn textures_are_allocated_once() {
    let services = Services::default();
    let folder = tempfile::tempdir().unwrap();
    let head = r#""INPUTS": [{ "NAME": "inputImage", "TYPE": "image" }, { "NAME": "b", "TYPE": "image" }],
        "PASSES": [{ "TARGET": "old", "PERSISTENT": true }, {}]"#;
    let body = "void main() { gl_FragColor = IMG_THIS_PIXEL(inputImage) + IMG_THIS_PIXEL(old) + IMG_THIS_PIXEL(b); }";
    let (spec, _) = told(folder.path(), "post.isf", "a.fs", &isf(head, body));
    let mut node = prepared(folder.path(), spec, "a.fs", &services);
    node.input("image", Value::Image(places(8, 8)));
    let gpu = services.get::<Gpu>().unwrap();
    let mut counts = Vec::new();
    for _ in 0..12 {
        node.tick().unwrap();
        counts.push(gpu.num_textures_allocated());
    }
    assert_eq!(counts[5], counts[11], "{counts:?}");
}

#[test]
fn no_text_ends_the_program() {
    for text in ["varying;", "in;", "out ;", "in", "varying", "float ; = TIME;", "float a = TIME"] {
        let _ = told(
            tempfile::tempdir().unwrap().path(),
            "post.isf",
            "a.fs",
            &isf("", &format!("{text}\nvoid main() {{ gl_FragColor = vec4(1.0); }}")),
        );
    }
    let main = |body: &str| isf("", &format!("void main() {{ {body} gl_FragColor = vec4(1.0); }}"));
    let effect = |body: &str| {
        format!("fn effect(p: vec2<i32>) -> vec4<f32> {{ {body} return vec4<f32>(1.0); }}")
    };
    let elses = "else if (true) {} ".repeat(5_000);
    for (body, word) in [
        (format!("float x = {}1.;", "1.+".repeat(60_000)), "operators"),
        (format!("bool x = {}true;", "!".repeat(100_000)), "operators"),
        (format!("{} ;", "if(true)".repeat(20_000)), "if"),
        (format!("if (true) {{}} {elses}"), "if"),
    ] {
        assert!(fault_of("post.isf", &main(&body)).contains(word), "{word}");
        let wgsl = body.replace("float x", "let x").replace("bool x", "let x");
        assert!(fault_of("post.wgsl", &effect(&wgsl)).contains(word), "{word}");
    }
    // As much as is allowed does not end it, either.
    let most =
        format!("float x = {}1.; if (true) {{}} {}", "1.+".repeat(2_000), &elses[..18 * 120]);
    node("post.isf", &main(&most)).tick().unwrap();
    let most = format!("var x = {}1.;", "1.+".repeat(2_000));
    node("post.wgsl", &effect(&most)).tick().unwrap();
}

#[test]
fn trees_of_calls_and_large_variables_are_refused() {
    let mut calls = String::from("float f0(float x) { return x + 1.0; }\n");
    for i in 1..41 {
        calls += &format!("float f{i}(float x) {{ return f{0}(f{0}(x)); }}\n", i - 1);
    }
    let calls = format!("{calls}void main() {{ gl_FragColor = vec4(f40(1.0)); }}");
    assert!(fault_of("post.isf", &isf("", &calls)).contains("steps"));
    let large = "var<private> all: array<vec4<f32>, 5000>;
fn effect(p: vec2<i32>) -> vec4<f32> { return all[p.x]; }";
    assert!(fault_of("post.wgsl", large).contains("KiB"));
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused() {
    let (_, faults) = {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.png")).unwrap();
        let head = r#""IMPORTED": { "a": { "PATH": "zero.png" } }"#;
        let text = isf(head, "void main() { gl_FragColor = IMG_THIS_PIXEL(a); }");
        let (spec, _) = told(folder.path(), "post.isf", "a.fs", &text);
        let mut node = prepared(folder.path(), spec, "a.fs", &services());
        let error = node.tick().unwrap_err().to_string();
        assert!(error.contains("regular"), "{error}");
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("b.fs")).unwrap();
        let mut registry = crate::registry();
        let kind = GraphNode::new(registry.get("post.isf").unwrap());
        let mut graph = Graph::new();
        let node = kind.with("file", ParamValue::file("b.fs"));
        graph.apply(Edit::AddNode { id: "b".into(), node, at: None }, &registry).unwrap();
        ((), interfaces(&graph, folder.path(), &mut registry))
    };
    assert!(faults[0].error.to_string().contains("regular"), "{faults:?}");
}

#[test]
fn numbers_of_a_head_are_finite_and_within_their_range() {
    let head = r#""INPUTS": [{ "NAME": "a", "TYPE": "float", "DEFAULT": 1e39, "MAX": 1e39 },
        { "NAME": "c", "TYPE": "color", "MAX": 0.5 }]"#;
    let folder = tempfile::tempdir().unwrap();
    let text = isf(head, "void main() { gl_FragColor = c * a; }");
    let (spec, faults) = told(folder.path(), "post.isf", "a.fs", &text);
    assert_eq!(faults, []);
    let domain = |id: &str| spec.params[spec.param(id).unwrap()].domain;
    let unit = (0.0, 1.0);
    assert_eq!(domain("a"), Domain::Float { default: 0.0, soft: unit, hard: unit });
    let half = (0.0, 0.5);
    assert_eq!(domain("c_a"), Domain::Float { default: 0.5, soft: half, hard: half });
}

#[test]
fn an_infinite_bin_passes() {
    let mut sound = super::sound::Sound::default();
    let Value::Spectrum(mut broken) = sine(64, 1.0) else { unreachable!() };
    let spectrum = Arc::get_mut(&mut broken).unwrap();
    spectrum.hops.push().fill(Complex32::new(f32::INFINITY, 0.0));
    sound.take(Some(spectrum), 1.0 / 60.0);
    sound.take(None, 1.0 / 60.0);
    let rows = sound.picture(super::declared::SoundRows::Spectrum, 512);
    assert!(values(&rows).iter().step_by(4).all(|v| *v == 0.0));
}
