//! Bends against maua's (kornia 0.5.4, torch 1.7.1), alone and inside a network.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use lumawire_models::stylegan2::{Bend, BendOp, Border, Channels, Generator, Path, Shaping};

const TOLERANCE: f32 = 5e-5;

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/stylegan2").join(name)
}

fn goldens() -> HashMap<String, Tensor> {
    candle_core::safetensors::load(reference("bends_a.goldens.safetensors"), &Device::Cpu).unwrap()
}

/// Picture `n` of `[n, c, h, w]`: its planes and their size.
struct Planes {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl Planes {
    fn of(x: &Tensor, n: usize) -> Self {
        let (_, _, height, width) = x.dims4().unwrap();
        let values = x.get(n).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        Self { values, height, width }
    }

    fn at(&self, plane: usize, y: usize, x: usize) -> f32 {
        self.values[(plane * self.height + y) * self.width + x]
    }

    fn bent(mut self, op: BendOp) -> Self {
        let mut scratch = Vec::new();
        for plane in self.values.chunks_exact_mut(self.height * self.width) {
            op.apply(plane, self.height, self.width, &mut scratch);
        }
        self
    }

    /// Columns chosen from each row.
    fn columns(&self, from: &[usize]) -> Self {
        let rows = self.values.chunks_exact(self.width);
        let values = rows.flat_map(|row| from.iter().map(|x| row[*x])).collect();
        Self { values, height: self.height, width: from.len() }
    }

    /// torch's `ReflectionPad2d((left, right, 0, 0))`.
    fn padded(&self, left: usize, right: usize) -> Self {
        let last = self.width - 1;
        let from: Vec<usize> =
            ((1..=left).rev()).chain(0..self.width).chain((1..=right).map(|k| last - k)).collect();
        self.columns(&from)
    }

    fn distance(&self, other: &Self) -> f32 {
        assert_eq!(self.values.len(), other.values.len());
        let differences = self.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max)
    }
}

fn modulation(goldens: &HashMap<String, Tensor>, key: &str, n: usize) -> Vec<f32> {
    goldens[key].get(n).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn zoom(goldens: &HashMap<String, Tensor>, n: usize) -> BendOp {
    let factor = modulation(goldens, "mod_zoom", n)[0];
    BendOp::Zoom { factor, border: Border::Reflect }
}

fn rotate(goldens: &HashMap<String, Tensor>, n: usize) -> BendOp {
    let radians = modulation(goldens, "mod_rotate_deg", n)[0].to_radians();
    BendOp::Rotate { radians, border: Border::Reflect }
}

#[test]
fn zoom_and_rotation_equal_maua() {
    let goldens = goldens();
    for (from, to, op) in [
        ("x", "x_zoom", zoom as fn(&HashMap<String, Tensor>, usize) -> BendOp),
        ("x", "x_rotate", rotate),
        ("b16conv1.feat_in", "b16conv1_zoom.feat_out", zoom),
        ("b16conv1.feat_in", "b16conv1_rotate.feat_out", rotate),
    ] {
        for n in 0..2 {
            let found = Planes::of(&goldens[from], n).bent(op(&goldens, n));
            let error = found.distance(&Planes::of(&goldens[to], n));
            println!("{to} {n}: {error:.1e}");
            assert!(error <= TOLERANCE, "{to} {n}: {error}");
        }
    }
}

/// maua pads its planes by reflection to five widths, of which the original is the one that starts
/// at 2.5, adds noise, moves them with zeros outside, and cuts out the width that starts at 2.
fn maua_translation(planes: &Planes, noise: Option<&[f32]>, shift_px: &[f32]) -> Planes {
    let w = planes.width;
    let mut padded = planes.padded(w / 2, w / 2).padded(w, w).padded(w, 0);
    if let Some(noise) = noise {
        for plane in padded.values.chunks_exact_mut(noise.len()) {
            plane.iter_mut().zip(noise).for_each(|(v, n)| *v += n);
        }
    }
    let (x, y) = (shift_px[0] / padded.width as f32, shift_px[1] / padded.height as f32);
    let moved = padded.bent(BendOp::Translate { x, y, border: Border::Zero });
    moved.columns(&(2 * w..3 * w).collect::<Vec<_>>())
}

#[test]
fn translation_of_a_padded_plane_equals_maua() {
    let goldens = goldens();
    let noise: Vec<f32> = goldens["noise16x80"].flatten_all().unwrap().to_vec1().unwrap();
    for (from, to, shift, noise) in [
        ("x", "x_translate", "mod_translate_px", Some(&noise[..])),
        ("x", "x_translate_nonoise", "mod_translate_px", None),
        ("x", "x_translate_int_nonoise", "mod_translate_int_px", None),
        ("b16conv1.feat_in", "b16conv1_translate.feat_out", "mod_translate_px", Some(&noise)),
    ] {
        for n in 0..2 {
            let planes = Planes::of(&goldens[from], n);
            let found = maua_translation(&planes, noise, &modulation(&goldens, shift, n));
            let error = found.distance(&Planes::of(&goldens[to], n));
            println!("{to} {n}: {error:.1e}");
            assert!(error <= TOLERANCE, "{to} {n}: {error}");
        }
    }
}

/// Ours at 0 changes nothing; maua's at d equals ours at d + half a width wherever it still reads
/// the first of its three paddings, and inside the plane's height, beyond which it reads zeros.
#[test]
fn maua_starts_half_a_width_further() {
    let goldens = goldens();
    let expected = &goldens["x_translate_nonoise"];
    let mut num_compared = 0;
    for n in 0..2 {
        let planes = Planes::of(&goldens["x"], n);
        let (w, h) = (planes.width as f32, planes.height as f32);
        let shift = modulation(&goldens, "mod_translate_px", n);
        let found = planes.bent(BendOp::Translate {
            x: (shift[0] + w / 2.0) / w,
            y: shift[1] / h,
            border: Border::Reflect,
        });
        let expected = Planes::of(expected, n);
        for y in (0..found.height).filter(|y| *y as f32 >= shift[1]) {
            let source = |x: usize| x as f32 - shift[0] - w / 2.0;
            for x in (0..found.width).filter(|x| (-w / 2.0..1.5 * w - 1.0).contains(&source(*x))) {
                for c in 0..3 {
                    let error = (found.at(c, y, x) - expected.at(c, y, x)).abs();
                    assert!(error <= TOLERANCE, "{n} {c} {y} {x}: {error}");
                    num_compared += 1;
                }
            }
        }
    }
    assert!(num_compared > 1000, "{num_compared}");
}

/// Layer 5 is the second convolution at 16 pixels, 6 the first at 32.
#[test]
fn bends_inside_a_network_equal_maua() {
    let goldens = goldens();
    let generator =
        Generator::load(&reference("sg2ada_a.model.safetensors"), &Device::Cpu).unwrap();
    let latents =
        candle_core::safetensors::load(reference("sg2ada_a.goldens.safetensors"), &Device::Cpu)
            .unwrap();
    let ws = |n| latents["ws_psi1"].narrow(0, n, 1).unwrap();
    let shaping = |layer, op| {
        let bend = Bend { layer, channels: Channels::All, op, amount: 1.0 };
        Shaping { bends: vec![bend], ..Shaping::default() }
    };
    for n in 0..2 {
        for (key, shaping) in [
            ("b16conv1.feat_in", Shaping::default()),
            ("b16conv1_zoom.feat_out", shaping(5, zoom(&goldens, n))),
            ("b16conv1_rotate.feat_out", shaping(5, rotate(&goldens, n))),
        ] {
            let features = generator.activations(&ws(n), &shaping, 5).unwrap();
            let found = Planes::of(&features.narrow(1, 0, 4).unwrap(), 0);
            let error = found.distance(&Planes::of(&goldens[key], n));
            println!("{key} {n}: {error:.1e}");
            assert!(error <= TOLERANCE, "{key} {n}: {error}");
        }
    }
    for (key, n, shaping) in [
        ("b16conv1_zoom.img", 0, shaping(5, zoom(&goldens, 0))),
        ("b16conv1_rotate.img", 0, shaping(5, rotate(&goldens, 0))),
        ("b32conv0_rotate.img", 1, shaping(6, rotate(&goldens, 1))),
    ] {
        let expected = Planes::of(&goldens[key], 0);
        let variance = goldens[key].flatten_all().unwrap().var(0).unwrap();
        let tolerance = 1e-4 * variance.to_scalar::<f32>().unwrap().sqrt();
        for path in [Path::Reference, Path::Direct, Path::Fast] {
            let image = generator.synthesize_by(path, &ws(n), &shaping).unwrap();
            let error = Planes::of(&image, 0).distance(&expected);
            println!("{key} {path:?}: {error:.1e} of {tolerance:.1e}");
            assert!(error <= tolerance, "{key} {path:?}: {error}");
        }
    }
}
