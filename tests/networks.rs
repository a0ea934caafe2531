//! `synth`, `ganspace` and `clusters`: what they write, against the published code and each other.
#![allow(clippy::expect_used)] // a panic is the report

mod common;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use common::{Bench, failure, root, run, stdout};

fn reference(name: &str) -> PathBuf {
    root().join("tests/reference/stylegan2").join(format!("sg2ada_{name}.safetensors"))
}

/// An array of an `.npz`: shape and numbers.
struct Array {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    /// By a ZIP reader that checks the sums.
    fn read(path: &Path, name: &str) -> Self {
        let mut archive = zip::ZipArchive::new(File::open(path).expect("opens")).expect("archive");
        let mut bytes = Vec::new();
        let mut entry = archive.by_name(&format!("{name}.npy")).expect("array");
        entry.read_to_end(&mut bytes).expect("reads");
        let header_len = 10 + usize::from(bytes[8]) + 256 * usize::from(bytes[9]);
        let header = String::from_utf8_lossy(&bytes[..header_len]).into_owned();
        let (_, shape) = header.split_once("'shape': (").expect("shape");
        let (shape, _) = shape.split_once(')').expect("shape");
        let sizes = shape.split(',').filter_map(|s| s.trim().parse().ok());
        Self { shape: sizes.collect(), bytes: bytes.split_off(header_len) }
    }

    fn floats(&self) -> Vec<f32> {
        self.bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    fn integers(&self) -> Vec<i64> {
        self.bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
    }
}

/// An array of the published code, of four rows.
fn golden(name: &str, key: &str) -> Vec<f32> {
    let bytes = std::fs::read(reference(&format!("{name}.goldens"))).expect("goldens");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("goldens");
    let array = file.tensor(key).expect("array");
    array.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn max_error(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn deviation(x: &[f32]) -> f32 {
    let mean = x.iter().sum::<f32>() / x.len() as f32;
    (x.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / x.len() as f32).sqrt()
}

/// Runs `synth` on a reference network and returns its archive.
fn synth(bench: &Bench, name: &str, seeds: &str, more: [&str; 4]) -> PathBuf {
    let npz = bench.path("out.npz");
    let model = reference(&format!("{name}.model"));
    let [a, b, c, d] = more;
    stdout(&run([&"synth", &model, &"--seeds", &seeds, &"--npz", &npz, &a, &b, &c, &d]));
    npz
}

fn assert_equal(npz: &Path, name: &str, row: usize, rows: usize, keys: (&str, &str)) {
    let rows_of = |key| {
        let all = golden(name, key);
        let len = all.len() / 4;
        all[row * len..(row + rows) * len].to_vec()
    };
    let z = Array::read(npz, "z");
    assert_eq!(z.shape, [rows, 64]);
    assert!(max_error(&z.floats(), &rows_of("z")) <= 1e-6);
    let ws = Array::read(npz, "ws");
    assert_eq!(ws.shape, [rows, 10, 64]);
    let error = max_error(&ws.floats(), &rows_of(keys.0));
    assert!(error <= 2e-5, "{name} {}: {error}", keys.0);
    let img = Array::read(npz, "img");
    assert_eq!(img.shape, [rows, 3, 64, 64]);
    let expected = rows_of(keys.1);
    let error = max_error(&img.floats(), &expected) / deviation(&expected);
    assert!(error <= 1e-4, "{name} {}: {error}", keys.1);
}

#[test]
fn synth_equals_the_published_code() {
    let bench = Bench::new();
    for (name, psi, noise, keys) in [
        ("a", "1", "const", ("ws_psi1", "img_const_psi1")),
        ("a", "0.7", "const", ("ws_psi0.7", "img_const_psi0.7")),
        ("a", "1", "none", ("ws_psi1", "img_none_psi1")),
        ("d", "1", "const", ("ws_psi1", "img_const_psi1")),
    ] {
        let npz = synth(&bench, name, "0-3", ["--psi", psi, "--noise", noise]);
        assert_eq!(Array::read(&npz, "seeds").integers(), [0, 1, 2, 3]);
        assert_equal(&npz, name, 0, 4, keys);
    }
    let npz = synth(&bench, "a", "0-3", ["--psi", "0.7", "--cutoff", "4"]);
    let error = max_error(&Array::read(&npz, "ws").floats(), &golden("a", "ws_psi0.7_cutoff4"));
    assert!(error <= 2e-5, "{error}");
}

#[test]
fn synth_draws_classes_as_the_published_code() {
    let bench = Bench::new();
    for (seed, class) in [(0, "0"), (1, "3"), (2, "4")] {
        let npz = synth(&bench, "b", &seed.to_string(), ["--class", class, "--psi", "1"]);
        assert_equal(&npz, "b", seed, 1, ("ws_psi1", "img_const_psi1"));
    }
    let npz = synth(&bench, "b", "4,7", ["--class", "all", "--psi", "0.5"]);
    assert_eq!(Array::read(&npz, "classes").integers(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    assert_eq!(Array::read(&npz, "seeds").integers(), [4, 4, 4, 4, 4, 7, 7, 7, 7, 7]);
    let model = reference("b.model");
    for (class, word) in [("5", "no class 5"), ("x", "no class x")] {
        let output = run([&"synth", &model, &"--seeds", &"0", &"--npz", &npz, &"--class", &class]);
        assert!(failure(&output).contains(word));
    }
    let output = run([&"synth", &model, &"--seeds", &"0", &"--npz", &npz]);
    assert!(failure(&output).contains("--class 0 to 4"));
    let output = run([&"synth", &model, &"--seeds", &"0", &"--class", &"0"]);
    assert!(failure(&output).contains("--npz"));
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is() {
    let bench = Bench::new();
    let before = bench.files();
    let (a, b, model) = (bench.path("a"), bench.path("b"), reference("a.model"));
    let refused = |arguments: &[&str], outs: [(&str, &PathBuf); 2]| {
        let mut command = common::lumawire();
        command.args(&arguments[..1]).arg(&model).args(&arguments[1..]);
        for (name, out) in outs {
            command.arg(name).arg(out);
        }
        failure(&command.output().expect("runs"))
    };
    let said = refused(&["synth", "--seeds", "0-4095"], [("--npz", &a), ("--png", &b)]);
    assert!(said.contains("ask for less"), "{said}");
    // One file by two names.
    for also_a in [&a, &bench.path("./a"), &bench.path(".").join("a")] {
        let said = refused(&["synth", "--seeds", "0"], [("--npz", &a), ("--png", also_a)]);
        assert!(said.contains("written twice"), "{said}");
    }
    for command in ["ganspace", "clusters"] {
        let arguments = [command, "--layer", "3", "--samples", "8", "--seeds", "x"];
        let said = refused(&arguments, [("-o", &a), ("--sheet", &b)]);
        assert!(said.contains("--seeds"), "{said}");
    }
    assert_eq!(bench.files(), before);
}

#[test]
fn ganspace_writes_directions_and_a_sheet() {
    let bench = Bench::new();
    let (out, png) = (bench.path("a.ganspace.safetensors"), bench.path("a.png"));
    let model = reference("a.model");
    for (layer, samples) in [("", "3000"), ("5", "60")] {
        let mut command = common::lumawire();
        command.arg("ganspace").arg(&model).arg("-o").arg(&out).arg("--sheet").arg(&png);
        command.args(["--samples", samples, "--components", "4", "--rows", "2"]);
        command.args(["--seeds", "0,1", "--layers", "0-3"]);
        if !layer.is_empty() {
            command.args(["--layer", layer]);
        }
        let printed = stdout(&command.output().expect("runs"));
        assert!(printed.contains("4 directions"), "{printed}");
        let directions = lumawire_models::ganspace::Directions::load(&out).expect("directions");
        assert_eq!((directions.num_components(), directions.w_dim()), (4, 64));
        assert_eq!(directions.about.layer, layer.parse().ok());
        assert!(directions.about.model.starts_with("sha256:"));
        let (width, height) = image::image_dimensions(&png).expect("PNG");
        // Seven pictures of 128 in four rows, and what is around them.
        assert!(width > 7 * 128 && height > 4 * 128 && height < 6 * 128, "{width}x{height}");
    }
    let output = run([&"ganspace", &model, &"-o", &model]);
    assert!(failure(&output).contains("the network itself"));
    let output = run([&"ganspace", &"standin:32:1024", &"--layer", &"99", &"-o", &out]);
    assert!(failure(&output).contains("no layer 99"));
}

#[test]
fn clusters_are_written_and_drawn() {
    let bench = Bench::new();
    let (out, png) = (bench.path("c.json"), bench.path("c.png"));
    let model = reference("a.model");
    let printed = stdout(&run([
        &"clusters",
        &model,
        &"--layer",
        &"4",
        &"-k",
        &"3",
        &"--samples",
        &"8",
        &"-o",
        &out,
        &"--sheet",
        &png,
        &"--seeds",
        &"2",
    ]));
    assert!(printed.contains("3 clusters of layer 4"), "{printed}");
    let clusters = lumawire_models::clusters::load(&out).expect("clusters");
    assert_eq!((clusters.layer, clusters.num_clusters), (4, 3));
    let mut all: Vec<usize> = (0..3).flat_map(|i| clusters.channels(i)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..64).collect::<Vec<_>>());
    let (width, height) = image::image_dimensions(&png).expect("PNG");
    assert!(width > 4 * 128 && height > 3 * 128, "{width}x{height}");
}
