//! Files of other programs: the networks in them, and what damaged or hostile ones lead to.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use lumawire_models::checkpoint::{self, Checkpoint};
use lumawire_models::random::RandomState;
use lumawire_models::stylegan2::{
    Architecture, Config, Generator, Noise, NoiseMode, Path, Shaping,
};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/stylegan2").join(name)
}

fn open(name: &str) -> Checkpoint {
    checkpoint::open(&reference(name)).unwrap()
}

fn goldens(name: &str) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(reference(name), &Device::Cpu).unwrap()
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn max_error(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    values(&(a - b).unwrap().abs().unwrap()).into_iter().fold(0.0, f32::max)
}

fn std(x: &Tensor) -> f32 {
    x.flatten_all().unwrap().var(0).unwrap().to_scalar::<f32>().unwrap().sqrt()
}

fn assert_same_bits(a: &BTreeMap<String, Tensor>, b: &BTreeMap<String, Tensor>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, x) in a {
        let bits = |x: &Tensor| values(x).into_iter().map(f32::to_bits).collect::<Vec<_>>();
        // A single number has shape [] or [1].
        if x.elem_count() != 1 {
            assert_eq!(x.dims(), b[name].dims(), "{name}");
        }
        assert_eq!(bits(x), bits(&b[name]), "{name}");
    }
}

#[test]
fn a_pickle_of_nvidias_holds_what_its_state_dict_holds() {
    let (pickle, plain) = (open("sg2ada_b.pkl"), open("sg2ada_b.model.safetensors"));
    assert_eq!(pickle.config, plain.config);
    assert_eq!(pickle.config.conv_clamp, Some(1.5));
    assert_eq!(pickle.format.to_string(), "pickle, StyleGAN2-ADA's names");
    assert!(pickle.notes.is_empty());
    assert_same_bits(&pickle.tensors, &plain.tensors);
}

#[test]
fn a_file_of_torch_holds_what_candle_reads_in_it() {
    let checkpoint = open("rosinality_64.pt");
    let theirs =
        candle_core::pickle::PthTensors::new(reference("rosinality_64.pt"), Some("g_ema")).unwrap();
    for (theirs_name, name) in [
        ("input.input", "synthesis.b4.const"),
        ("style.3.weight", "mapping.fc2.weight"),
        ("convs.4.conv.weight", "synthesis.b32.conv0.weight"),
        ("convs.7.conv.modulation.bias", "synthesis.b64.conv1.affine.bias"),
        ("noises.noise_5", "synthesis.b32.conv0.noise_const"),
        ("to_rgbs.3.bias", "synthesis.b64.torgb.bias"),
    ] {
        let expected = theirs.get(theirs_name).unwrap().unwrap();
        assert_eq!(values(&checkpoint.tensors[name]), values(&expected), "{name}");
    }
    let legacy = open("rosinality_64.legacy.pt");
    assert_eq!(legacy.config, checkpoint.config);
    assert_same_bits(&legacy.tensors, &checkpoint.tensors);
    assert_eq!(checkpoint.format.to_string(), "torch zip, rosinality's names");
    assert_eq!(legacy.format.to_string(), "torch legacy, rosinality's names");
    assert_eq!(
        checkpoint.config,
        Config {
            z_dim: 64,
            w_dim: 64,
            c_dim: 0,
            img_resolution: 64,
            img_channels: 3,
            channels: vec![64, 64, 64, 48, 32],
            num_mapping_layers: 8,
            architecture: Architecture::Skip,
            conv_clamp: None,
        }
    );
}

#[test]
fn rosinalitys_networks_draw_as_rosinalitys_code() {
    let goldens = goldens("rosinality_64.goldens.safetensors");
    let generator = Generator::load(&reference("rosinality_64.pt"), &Device::Cpu).unwrap();
    let w = generator.map(&goldens["z"], None).unwrap();
    assert!(max_error(&w, &goldens["w"]) <= 2e-5);
    let ws = generator.broadcast(&w).unwrap();
    let truncated = generator.truncate(&ws, 0.7, None).unwrap();
    let row = |i| ws.narrow(0, i, 1).unwrap();
    let mixed = Tensor::cat(&[row(0).narrow(1, 0, 4).unwrap(), row(1).narrow(1, 4, 6).unwrap()], 1)
        .unwrap();
    let silent = Noise { mode: NoiseMode::None, ..Noise::default() };
    for (key, ws, noise) in [
        ("img_const_trunc1", &ws, Noise::default()),
        ("img_nonoise_trunc1", &ws, silent),
        ("img_const_trunc0.7_latent_avg", &truncated, Noise::default()),
        ("img_const_mix_s0_inject4_s1", &mixed, Noise::default()),
    ] {
        let shaping = Shaping { noise, ..Shaping::default() };
        let expected = &goldens[key];
        let image = generator.synthesize_by(Path::Reference, ws, &shaping).unwrap();
        let image = image.narrow(0, 0, expected.dims()[0]).unwrap();
        let error = max_error(&image, expected) / std(expected);
        println!("{key}: {error:.1e}");
        assert!(error <= 1e-4, "{key}: {error}");
    }
}

#[test]
fn a_saved_checkpoint_opens_as_it_was_and_says_where_it_came_from() {
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in
        ["rosinality_64.pt", "sg2ada_b.pkl", "sg2ada_d.model.safetensors"].into_iter().enumerate()
    {
        let checkpoint = open(name);
        let out = dir.path().join(format!("{i}.safetensors"));
        checkpoint.save(&out, None).unwrap();
        let saved = checkpoint::open(&out).unwrap();
        assert_eq!(saved.config, checkpoint.config);
        assert_same_bits(&saved.tensors, &checkpoint.tensors);
        let card = saved.origin.as_ref().unwrap();
        assert_eq!(card.source, name);
        assert_eq!(card.source_sha256, checkpoint.source_sha256);
        assert_eq!(card.licence, None);
        // Saved again, it still says where it first came from.
        saved.save(&out, Some("CC0")).unwrap();
        let again = checkpoint::open(&out).unwrap().origin.unwrap();
        assert_eq!((again.source.as_str(), again.licence.as_deref()), (name, Some("CC0")));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), i + 1, "nothing is left over");
        // candle's reader agrees on the file.
        let theirs = candle_core::safetensors::load(&out, &Device::Cpu).unwrap();
        assert_same_bits(&theirs.into_iter().collect(), &checkpoint.tensors);
    }
}

#[test]
fn the_hash_is_that_of_the_file() {
    // By sha256sum.
    let expected = "276db2fdfbaa9ac97c6f4408d370901d76d8b5ddea30d1ce3d73681adca8b995";
    assert_eq!(open("rosinality_64.pt").source_sha256, expected);
}

/// Without `latent_avg` the mean is taken over random w: near it, and equal each time.
#[test]
fn a_missing_mean_is_computed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no_mean.safetensors");
    let tensors = open("sg2ada_a.model.safetensors").tensors;
    let without: HashMap<_, _> =
        tensors.iter().filter(|(name, _)| *name != "mapping.w_avg").collect();
    let without: HashMap<String, Tensor> =
        without.into_iter().map(|(name, x)| (format!("G_ema.{name}"), x.clone())).collect();
    candle_core::safetensors::save(&without, &path).unwrap();
    let found = checkpoint::open(&path).unwrap();
    assert_eq!(found.notes.len(), 1);
    let again = checkpoint::open(&path).unwrap();
    assert_same_bits(&found.tensors, &again.tensors);
    // A plain mean of other samples, by the generator itself.
    let generator = Generator::load(&path, &Device::Cpu).unwrap();
    let mut z = vec![0.0; 8192 * 64];
    RandomState::new(7).fill_normal(&mut z);
    let z = Tensor::from_vec(z, (8192, 64), &Device::Cpu).unwrap();
    let w = generator.map(&z, None).unwrap();
    let (mean, spread) = (w.mean(0).unwrap(), std(&w));
    assert!(max_error(generator.w_avg(), &mean) < 6.0 * spread / 64.0);
}

/// rosinality's filters are read too: another one would draw other pictures.
#[test]
fn another_filter_of_rosinalitys_is_refused() {
    let bytes = std::fs::read(reference("rosinality_64.pt")).unwrap();
    // A 3 of [1, 3, 3, 1]² / 16, the corner and its neighbour: where the file holds the filters.
    let taps = |taps: [f32; 2]| taps.map(f32::to_le_bytes).concat();
    let (known, other) = (taps([1.0 / 16.0, 3.0 / 16.0]), taps([1.0 / 16.0, 4.0 / 16.0]));
    let starts = bytes.windows(8).enumerate().filter(|(_, window)| *window == known);
    let starts: Vec<usize> = starts.map(|(start, _)| start).collect();
    assert!(!starts.is_empty());
    for start in starts {
        let mut bytes = bytes.clone();
        bytes[start..start + 8].copy_from_slice(&other);
        let error = checkpoint::open_bytes(&bytes).map(drop).unwrap_err();
        assert!(error.to_string().contains("filter"), "{start}: {error}");
    }
}

/// Arguments of the published class that would draw something else.
#[test]
fn published_arguments_that_are_not_built_are_refused() {
    let parse = |mapping: &str, synthesis: &str| {
        Config::from_published(&format!(
            r#"{{"z_dim": 64, "w_dim": 64, "img_resolution": 64, "img_channels": 3,
                "mapping_kwargs": {{{mapping}}}, "synthesis_kwargs": {{{synthesis}}}}}"#
        ))
    };
    for (mapping, synthesis) in [
        (r#""activation": "relu""#, ""),
        (r#""embed_features": 32"#, ""),
        (r#""layer_features": 32"#, ""),
        (r#""lr_multiplier": 1.0"#, ""),
        ("", r#""use_noise": false"#),
        ("", r#""activation": "linear""#),
        ("", r#""resample_filter": [1, 2, 1]"#),
    ] {
        let error = parse(mapping, synthesis).unwrap_err();
        assert!(error.to_string().contains("cannot draw with"), "{mapping}{synthesis}: {error}");
    }
    let known = r#""activation": "lrelu", "embed_features": null, "layer_features": 64"#;
    assert!(parse(known, r#""use_noise": true"#).is_ok());
}
