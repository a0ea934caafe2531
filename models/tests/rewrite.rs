//! Networks with rewritten weights against networks whose files hold such weights.
#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use lumawire_models::stylegan2::{Generator, Path, Rewrite, RewriteOp, Shaping};
use safetensors::SafeTensors;

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/reference/stylegan2")
        .join(format!("sg2ada_{name}.model.safetensors"))
}

fn load(name: &str) -> Arc<Generator> {
    Arc::new(Generator::load(&reference(name), &Device::Cpu).unwrap())
}

/// The network in `name`'s file after `change` of its tensors.
fn changed(name: &str, change: impl Fn(&str, Tensor) -> Tensor) -> Generator {
    let tensors = candle_core::safetensors::load(reference(name), &Device::Cpu).unwrap();
    let tensors: HashMap<String, Tensor> = tensors
        .into_iter()
        .map(|(key, t)| (key.clone(), change(&key, t).contiguous().unwrap()))
        .collect();
    let bytes = std::fs::read(reference(name)).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let bytes = safetensors::serialize(tensors, metadata.metadata().clone()).unwrap();
    Generator::from_bytes(&bytes, &Device::Cpu).unwrap()
}

fn some_ws(generator: &Generator) -> Tensor {
    let config = generator.config();
    let mut z = vec![0.0; 2 * config.z_dim];
    lumawire_models::random::RandomState::new(4).fill_normal(&mut z);
    let z = Tensor::from_vec(z, (2, config.z_dim), &Device::Cpu).unwrap();
    generator.broadcast(&generator.map(&z, None).unwrap()).unwrap()
}

fn rewritten(first_layer: usize, last_layer: usize, op: RewriteOp) -> Shaping {
    Shaping { rewrites: vec![Rewrite { first_layer, last_layer, op }], ..Shaping::default() }
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn draw(generator: &Generator, ws: &Tensor, shaping: &Shaping) -> Vec<f32> {
    values(&generator.synthesize_by(Path::Direct, ws, shaping).unwrap())
}

fn assert_close(a: &[f32], b: &[f32], what: &str) {
    let deviation = (b.iter().map(|v| v * v).sum::<f32>() / b.len() as f32).sqrt();
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(a.len() == b.len() && worst <= 1e-4 * deviation, "{what}: {worst} of {deviation}");
}

#[test]
fn nothing_is_exactly_the_network() {
    let generator = load("a");
    let ws = some_ws(&generator);
    let plain = draw(&generator, &ws, &Shaping::default());
    for op in [
        RewriteOp::Scale { amount: 0.0, mean: -1.0, deviation: 0.5, seed: 1 },
        RewriteOp::Scale { amount: 1.0, mean: 1.0, deviation: 0.0, seed: 1 },
        RewriteOp::Scale { amount: 1.0, mean: f32::NAN, deviation: 0.0, seed: 1 },
        RewriteOp::Noise { amount: 0.0, seed: 1 },
        RewriteOp::Prune { share: 0.0 },
        RewriteOp::Prune { share: f32::NAN },
        RewriteOp::RotateChannels { shift: 0.0 },
        RewriteOp::Mix { other: load("b"), amount: 0.0 },
        RewriteOp::Mix { other: load("b"), amount: f32::INFINITY },
    ] {
        let shaping = rewritten(1, 17, op);
        assert!(shaping.rewrites[0].is_identity());
        assert_eq!(draw(&generator, &ws, &shaping), plain, "{shaping:?}");
    }
    // Layers that the network has not.
    let shaping = rewritten(10, 17, RewriteOp::Prune { share: 1.0 });
    assert_eq!(draw(&generator, &ws, &shaping), plain);
    let shaping = rewritten(5, 4, RewriteOp::Prune { share: 1.0 });
    assert_eq!(draw(&generator, &ws, &shaping), plain);
}

#[test]
fn all_draw_something_else_and_something_finite() {
    let generator = load("a");
    let ws = some_ws(&generator);
    let plain = draw(&generator, &ws, &Shaping::default());
    for op in [
        RewriteOp::Scale { amount: 1.0, mean: -1.0, deviation: 0.5, seed: 1 },
        RewriteOp::Noise { amount: 1.0, seed: 1 },
        RewriteOp::Prune { share: 0.8 },
        RewriteOp::Prune { share: 1.0 },
        RewriteOp::RotateChannels { shift: 1.5 },
        RewriteOp::Mix { other: load("b"), amount: 0.5 },
    ] {
        let drawn = draw(&generator, &ws, &rewritten(2, 6, op.clone()));
        assert!(drawn.iter().all(|v| v.is_finite()), "{op:?}");
        assert_ne!(drawn, plain, "{op:?}");
    }
}

/// Convolution, toRGB and skip of `layer`, by the published names; not the learned constant.
fn belongs_to(key: &str, layer: usize) -> bool {
    let resolution = 4 << (layer / 2);
    let block = format!("synthesis.b{resolution}.");
    let Some(rest) = key.strip_prefix(&block) else { return false };
    let up = layer.is_multiple_of(2);
    let parts: &[&str] = if up { &["conv0.", "skip."] } else { &["conv1.", "torgb."] };
    parts.iter().any(|part| rest.starts_with(part)) && !rest.contains("resample_filter")
}

#[test]
fn a_mixed_network_draws_what_mixed_weights_draw() {
    for (own, other) in [("a", "b"), ("b", "a")] {
        let generator = load(own);
        let ws = some_ws(&generator);
        let others = candle_core::safetensors::load(reference(other), &Device::Cpu).unwrap();
        for (amount, layers) in [(0.3, 1..=17), (1.0, 1..=17), (0.5, 3..=6)] {
            let expected = changed(own, |key, tensor| {
                if !layers.clone().any(|layer| belongs_to(key, layer)) {
                    return tensor;
                }
                ((&tensor * (1.0 - amount)).unwrap() + (&others[key] * amount).unwrap()).unwrap()
            });
            let mix = RewriteOp::Mix { other: load(other), amount: amount as f32 };
            let found = draw(&generator, &ws, &rewritten(*layers.start(), *layers.end(), mix));
            let expected = draw(&expected, &ws, &Shaping::default());
            assert_close(&found, &expected, &format!("{own}, {amount}, {layers:?}"));
        }
    }
}

#[test]
fn a_whole_mix_is_the_other_network() {
    let (a, b) = (load("a"), load("b"));
    for layer in 1..a.config().num_layers() {
        let mut weights = a.layer_weights(layer).unwrap().clone();
        let op = RewriteOp::Mix { other: b.clone(), amount: 1.0 };
        Rewrite { first_layer: 1, last_layer: 17, op }.apply(layer, &mut weights);
        assert_eq!(&weights, b.layer_weights(layer).unwrap());
    }
}

#[test]
fn rotated_weights_rotate_the_features() {
    let generator = load("a");
    let ws = some_ws(&generator);
    let layer = 5;
    let features = |shift: f32| {
        let shaping = rewritten(layer, layer, RewriteOp::RotateChannels { shift });
        generator.activations(&ws, &shaping, layer).unwrap()
    };
    let plain = features(0.0);
    let channels = plain.dim(1).unwrap();
    let rolled = |by: usize| {
        let tail = plain.narrow(1, channels - by, by).unwrap();
        let head = plain.narrow(1, 0, channels - by).unwrap();
        values(&Tensor::cat(&[tail, head], 1).unwrap())
    };
    assert_close(&values(&features(3.0)), &rolled(3), "3 channels on");
    assert_close(&values(&features(channels as f32)), &values(&plain), "once round");
    assert_close(&values(&features(-1.0)), &rolled(channels - 1), "1 channel back");
}
