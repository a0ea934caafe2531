//! The generator against the published code, run on networks of random weights (torch 1.7.1, f32):
//! `a` skip; `b` conditional, with an active clamp; `d` resnet, with an active clamp.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use lumawire_models::stylegan2::{
    Bend, BendOp, Canvas, Channels, Config, Fill, Generator, LayerOutput, Noise, NoiseMode, Path,
    Rewrite, RewriteOp, Shaping, Tap,
};
use lumawire_models::{ModelError, random::RandomState};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/reference/stylegan2")
        .join(format!("sg2ada_{name}.safetensors"))
}

fn load(name: &str) -> (Generator, HashMap<String, Tensor>) {
    let generator = Generator::load(&reference(&format!("{name}.model")), &Device::Cpu).unwrap();
    let goldens =
        candle_core::safetensors::load(reference(&format!("{name}.goldens")), &Device::Cpu)
            .unwrap();
    (generator, goldens)
}

fn max_error(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let error = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(error.iter().all(|e| e.is_finite()));
    error.into_iter().fold(0.0, f32::max)
}

fn std(x: &Tensor) -> f32 {
    x.flatten_all().unwrap().var(0).unwrap().to_scalar::<f32>().unwrap().sqrt()
}

const PATHS: [Path; 3] = [Path::Reference, Path::Direct, Path::Fast];

/// Largest error of a path, in units of the picture's deviation.
fn tolerance(path: Path) -> f32 {
    if path == Path::Fast { 1e-3 } else { 1e-4 }
}

fn with_noise(mode: NoiseMode, strength: f32, seed: u64) -> Shaping {
    Shaping { noise: Noise { mode, strength, seed, ..Noise::default() }, ..Shaping::default() }
}

fn none() -> Shaping {
    with_noise(NoiseMode::None, 1.0, 0)
}

#[test]
fn latents_equal_the_published_code() {
    for name in ["a", "b", "d"] {
        let (generator, goldens) = load(name);
        let w = generator.map(&goldens["z"], goldens.get("c")).unwrap();
        let ws = generator.broadcast(&w).unwrap();
        for (key, psi, cutoff) in [
            ("ws_psi1", 1.0, None),
            ("ws_psi0.7", 0.7, None),
            ("ws_psi-0.5", -0.5, None),
            ("ws_psi0.7_cutoff4", 0.7, Some(4)),
        ] {
            let error = max_error(&generator.truncate(&ws, psi, cutoff).unwrap(), &goldens[key]);
            println!("{name} {key}: {error:.1e}");
            assert!(error <= 2e-5, "{name} {key}: {error}");
        }
    }
}

#[test]
fn pictures_equal_the_published_code() {
    let mixed = |goldens: &HashMap<String, Tensor>| {
        let ws = &goldens["ws_psi1"];
        let (a, b) = (ws.narrow(0, 0, 1).unwrap(), ws.narrow(0, 1, 1).unwrap());
        Tensor::cat(&[a.narrow(1, 0, 3).unwrap(), b.narrow(1, 3, 7).unwrap()], 1).unwrap()
    };
    let per_layer = |goldens: &HashMap<String, Tensor>| {
        let ws = &goldens["ws_psi1"];
        let rows: Vec<Tensor> =
            (0..10).map(|l| ws.narrow(0, l % 4, 1).unwrap().narrow(1, l, 1).unwrap()).collect();
        Tensor::cat(&rows, 1).unwrap()
    };
    let mut num_compared = 0;
    for name in ["a", "b", "d"] {
        let (generator, goldens) = load(name);
        for (key, ws, shaping) in [
            ("img_const_psi1", goldens["ws_psi1"].clone(), Shaping::default()),
            ("img_const_psi0.7", goldens["ws_psi0.7"].clone(), Shaping::default()),
            ("img_none_psi1", goldens["ws_psi1"].clone(), none()),
            ("img_const_mix_s0_first3_s1_rest", mixed(&goldens), Shaping::default()),
            ("img_const_perlayer", per_layer(&goldens), Shaping::default()),
        ] {
            let Some(expected) = goldens.get(key) else { continue };
            for path in PATHS {
                let image = generator.synthesize_by(path, &ws, &shaping).unwrap();
                let error = max_error(&image, expected) / std(expected);
                println!("{name} {key} {path:?}: {error:.1e}");
                assert!(error <= tolerance(path), "{name} {key} {path:?}: {error}");
                num_compared += 1;
            }
        }
    }
    assert_eq!(num_compared, 9 * PATHS.len());
}

#[test]
fn features_equal_the_published_code() {
    for (name, num_goldens) in [("a", 5), ("b", 1), ("d", 2)] {
        let (generator, goldens) = load(name);
        let ws = goldens["ws_psi1"].narrow(0, 0, 1).unwrap();
        let mut num_compared = 0;
        let mut compare = |path: Path, key: String, found: Option<&Tensor>| {
            if let (Some(expected), Some(found)) = (goldens.get(&key), found) {
                let error = max_error(&found.unsqueeze(0).unwrap(), expected);
                println!("{name} {key} {path:?}: {error:.1e}");
                assert!(error <= tolerance(path), "{name} {key} {path:?}: {error}");
                num_compared += 1;
            }
        };
        for path in PATHS {
            let mut take = |output: LayerOutput| {
                let side = output.features.dim(2).unwrap();
                compare(path, format!("feat_b{side}_seed0"), Some(&output.features));
                compare(path, format!("imgskip_b{side}_seed0"), output.image.as_ref());
            };
            let mut tap = Tap { layers: &[1, 3, 5, 7, 9], take: &mut take, stop_after: false };
            generator.synthesize_tapped(path, &ws, &Shaping::default(), &mut tap).unwrap();
        }
        assert_eq!(num_compared, num_goldens * PATHS.len());
    }
}

/// Bands of rows must not show: pictures of every size, with every kind of noise.
#[test]
fn the_cpu_paths_equal_the_reference() {
    for architecture in ["skip", "resnet", "orig"] {
        let mut config = small(256);
        config.architecture = serde_json::from_value(architecture.into()).unwrap();
        let generator = Generator::stand_in(config, 1).unwrap();
        let ws = some_ws(&generator, 2);
        for mode in [NoiseMode::Random, NoiseMode::Const] {
            let shaping = with_noise(mode, 3.0, 5);
            let draw = |path| generator.synthesize_by(path, &ws, &shaping).unwrap();
            let expected = draw(Path::Reference);
            for path in [Path::Direct, Path::Fast] {
                let error = max_error(&draw(path), &expected) / std(&expected);
                assert!(error <= tolerance(path), "{architecture} {path:?}: {error}");
            }
        }
    }
}

#[test]
fn runs_repeat_exactly() {
    let generator = Generator::stand_in(small(128), 1).unwrap();
    let again = Generator::stand_in(small(128), 1).unwrap();
    let ws = some_ws(&generator, 1);
    let draw = |g: &Generator| {
        let image = g.synthesize(&ws, &Shaping::default()).unwrap();
        image.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let first = draw(&generator);
    assert_eq!(generator.content_key(), again.content_key());
    for _ in 0..4 {
        assert_eq!(draw(&generator), first);
        assert_eq!(draw(&again), first);
    }
    let other = Generator::stand_in(small(128), 2).unwrap();
    assert_ne!(generator.content_key(), other.content_key());
}

#[test]
fn noise_follows_its_settings() {
    let generator = Generator::stand_in(small(32), 1).unwrap();
    let ws = some_ws(&generator, 1);
    let draw = |mode, strength, seed| {
        generator.synthesize(&ws, &with_noise(mode, strength, seed)).unwrap()
    };
    let silent = draw(NoiseMode::None, 1.0, 0);
    assert_eq!(max_error(&draw(NoiseMode::Const, 0.0, 0), &silent), 0.0);
    assert_eq!(max_error(&draw(NoiseMode::Random, 0.0, 7), &silent), 0.0);
    let random = draw(NoiseMode::Random, 1.0, 7);
    assert_eq!(max_error(&draw(NoiseMode::Random, 1.0, 7), &random), 0.0);
    for other in [silent, draw(NoiseMode::Random, 1.0, 8), draw(NoiseMode::Const, 1.0, 0)] {
        assert!(max_error(&random, &other) > 1e-3);
    }
}

/// All paths agree on all that may depart from the trained network.
#[test]
fn the_paths_agree_on_every_shaping() {
    let generator = std::sync::Arc::new(Generator::stand_in(small(64), 1).unwrap());
    let other = std::sync::Arc::new(Generator::stand_in(small(64), 2).unwrap());
    let ws = some_ws(&generator, 2);
    let bend = |layer, factor| Bend {
        layer,
        channels: Channels::Range { first: 1, len: 5 },
        op: BendOp::Scale { factor },
        amount: 0.5,
    };
    let mix = |first_layer, last_layer| Rewrite {
        first_layer,
        last_layer,
        op: RewriteOp::Mix { other: other.clone(), amount: 0.3 },
    };
    let canvas = Canvas { columns: 7, rows: 3, fill: Fill::Mirror };
    let shapings = [
        Shaping { bends: vec![bend(0, -2.0), bend(4, 3.0), bend(9, 4.0)], ..Shaping::default() },
        Shaping { rewrites: vec![mix(2, 3), mix(7, 9)], ..Shaping::default() },
        Shaping { canvas, ..Shaping::default() },
        Shaping { canvas, bends: vec![bend(3, 2.0)], ..with_noise(NoiseMode::Random, 2.0, 1) },
    ];
    let plain = generator.synthesize_by(Path::Reference, &ws, &Shaping::default()).unwrap();
    for (i, shaping) in shapings.iter().enumerate() {
        let draw = |path| generator.synthesize_by(path, &ws, shaping).unwrap();
        let expected = draw(Path::Reference);
        let square = shaping.canvas.is_square();
        assert_eq!(expected.dims(), if square { [2, 3, 64, 64] } else { [2, 3, 48, 112] });
        if square {
            assert!(max_error(&expected, &plain) > 0.1 * std(&plain), "{i} changes nothing");
        }
        for path in [Path::Direct, Path::Fast] {
            let error = max_error(&draw(path), &expected) / std(&expected);
            assert!(error <= tolerance(path), "{i} {path:?}: {error}");
        }
    }
}

/// A picture that no memory holds is refused before anything is allocated for it.
#[test]
fn canvases_beyond_memory_are_refused() {
    let generator = Generator::stand_in(Config::new(256, 32768, 128), 0).unwrap();
    let ws = some_ws(&generator, 1);
    let refuse = |columns, rows| {
        let canvas = Canvas { columns, rows, fill: Fill::Mirror };
        let shaping = Shaping { canvas, ..Shaping::default() };
        generator.synthesize(&ws, &shaping).err().unwrap().to_string()
    };
    assert!(refuse(32, 32).contains("choose fewer cells"));
    assert!(refuse(33, 4).contains("each side is 1 to 32"));
    assert!(refuse(4, 0).contains("each side is 1 to 32"));
}

/// Mixed fully, the other network draws, by this one's mapping.
#[test]
fn a_full_mix_is_the_other_network() {
    let a = Generator::stand_in(small(32), 1).unwrap();
    let b = std::sync::Arc::new(Generator::stand_in(small(32), 2).unwrap());
    let ws = some_ws(&a, 1);
    // The constant is no convolution: it stays.
    let op = RewriteOp::Mix { other: b.clone(), amount: 1.0 };
    let rewrites = vec![Rewrite { first_layer: 1, last_layer: 99, op }];
    let bend =
        Bend { layer: 0, channels: Channels::All, op: BendOp::Scale { factor: 0.0 }, amount: 1.0 };
    let shaping = Shaping { bends: vec![bend], ..Shaping::default() };
    let mixed = a.synthesize(&ws, &Shaping { rewrites, ..shaping.clone() }).unwrap();
    assert_eq!(max_error(&mixed, &b.synthesize(&ws, &shaping).unwrap()), 0.0);
    assert!(max_error(&mixed, &a.synthesize(&ws, &shaping).unwrap()) > 0.1);
}

/// A look inside changes nothing, shows the layers asked for, and may be all that is computed.
#[test]
fn features_are_shown_layer_by_layer() {
    let generator = Generator::stand_in(small(32), 1).unwrap();
    let ws = some_ws(&generator, 2);
    let expected = generator.synthesize(&ws, &Shaping::default()).unwrap();
    let mut seen = Vec::new();
    let mut take = |output: LayerOutput| seen.push((output.picture, output.layer));
    let mut tap = Tap { layers: &[0, 3, 6], take: &mut take, stop_after: false };
    let tapped = generator.synthesize_tapped(Path::Fast, &ws, &Shaping::default(), &mut tap);
    assert_eq!(max_error(&tapped.unwrap().unwrap(), &expected), 0.0);
    assert_eq!(seen, [(0, 0), (0, 3), (0, 6), (1, 0), (1, 3), (1, 6)]);
    let features = generator.activations(&ws, &Shaping::default(), 6).unwrap();
    assert_eq!(features.dims(), [2, 32, 32, 32]);
    assert!(generator.activations(&ws, &Shaping::default(), 8).is_err());
}

#[test]
fn the_configuration_follows_from_the_shapes() {
    for name in ["a", "b", "d"] {
        let path = reference(&format!("{name}.model"));
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        let inferred = from_tensors(&tensors).unwrap();
        let mut expected = Generator::load(&path, &Device::Cpu).unwrap().config().clone();
        expected.conv_clamp = Some(256.0); // no weight tells; the published value
        assert_eq!(*inferred.config(), expected);
    }
}

#[test]
fn a_broken_file_says_what_is_wrong() {
    let bytes = std::fs::read(reference("a.model")).unwrap();
    for len in [0, 7, 100, 5000, bytes.len() - 1] {
        let error = Generator::from_bytes(&bytes[..len], &Device::Cpu).err().unwrap();
        assert!(
            matches!(error, ModelError::Damaged(_) | ModelError::Unsupported { .. }),
            "{len}: {error}"
        );
    }
    let mut tensors = candle_core::safetensors::load(reference("a.model"), &Device::Cpu).unwrap();
    let key = "synthesis.b16.conv0.weight";
    let weight = tensors.remove(key).unwrap();
    let error = from_tensors(&tensors).err().unwrap().to_string();
    assert_eq!(error, format!("has no weight `{key}`"));
    tensors.insert(key.into(), weight.narrow(0, 0, 60).unwrap().contiguous().unwrap());
    let error = from_tensors(&tensors).err().unwrap().to_string();
    assert_eq!(error, format!("weight `{key}` has shape [60, 64, 3, 3], expected [64, 64, 3, 3]"));
    tensors.insert(key.into(), (&weight * f64::NAN).unwrap());
    assert!(matches!(from_tensors(&tensors), Err(ModelError::NotFinite(k)) if k == key));
    let path = reference("none");
    assert!(matches!(Generator::load(&path, &Device::Cpu), Err(ModelError::Io(_))));
}

#[test]
fn sizes_out_of_bounds_are_refused() {
    let good = small(32);
    let changes: [fn(&mut Config); 6] = [
        |c| c.z_dim = 1 << 40,
        |c| c.img_resolution = 48,
        |c| c.img_channels = 2,
        |c| c.channels[0] = 0,
        |c| c.num_mapping_layers = 0,
        |c| c.conv_clamp = Some(f32::NAN),
    ];
    for change in changes {
        let mut config = good.clone();
        change(&mut config);
        assert!(matches!(Generator::stand_in(config, 0), Err(ModelError::Config(_))));
    }
}

#[test]
fn misshapen_inputs_are_refused() {
    let generator = Generator::stand_in(small(32), 0).unwrap();
    let zeros = |shape: &[usize]| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu);
    let error = generator.map(&zeros(&[1, 48]).unwrap(), None).err().unwrap().to_string();
    assert_eq!(error, "z has shape [1, 48], the network takes [n, 32]");
    let ws = zeros(&[1, 7, 32]).unwrap();
    let error = generator.synthesize(&ws, &none()).err().unwrap().to_string();
    assert_eq!(error, "ws have shape [1, 7, 32], the network takes [n, 8, 32]");
}

/// The stand-in's pictures use the range, differ in shape and colour, and move smoothly.
#[test]
fn the_stand_in_is_lively() {
    let generator = Generator::stand_in(small(64), 0).unwrap();
    let ws = some_ws(&generator, 12);
    let images = generator.synthesize(&ws, &Shaping::default()).unwrap();
    let spread = std(&images);
    assert!((0.4..0.7).contains(&spread), "{spread}");
    for i in 0..12 {
        let a = images.narrow(0, i, 1).unwrap();
        assert!(std(&a) > 0.15, "picture {i} is flat: {}", std(&a));
        let b = images.narrow(0, (i + 1) % 12, 1).unwrap();
        assert!(std(&(a - b).unwrap()) > 0.3, "pictures {i} and the next are alike");
    }
    let step = (ws.narrow(0, 1, 1).unwrap() - ws.narrow(0, 0, 1).unwrap()).unwrap();
    let near = (ws.narrow(0, 0, 1).unwrap() + (step * 0.01).unwrap()).unwrap();
    let near = generator.synthesize(&near, &Shaping::default()).unwrap();
    assert!(std(&(near - images.narrow(0, 0, 1).unwrap()).unwrap()) < 0.1);
}

fn small(resolution: usize) -> Config {
    let mut config = Config::new(resolution, 1024, 32);
    (config.z_dim, config.w_dim, config.num_mapping_layers) = (32, 32, 2);
    config
}

fn some_ws(generator: &Generator, n: usize) -> Tensor {
    let dim = generator.config().z_dim;
    let mut z = vec![0.0; n * dim];
    RandomState::new(9).fill_normal(&mut z);
    let z = Tensor::from_vec(z, (n, dim), &Device::Cpu).unwrap();
    generator.broadcast(&generator.map(&z, None).unwrap()).unwrap()
}

fn from_tensors(tensors: &HashMap<String, Tensor>) -> Result<Generator, ModelError> {
    let bytes = safetensors::serialize(tensors, None).unwrap();
    Generator::from_bytes(&bytes, &Device::Cpu)
}
