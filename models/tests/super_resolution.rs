//! Networks that enlarge pictures, against torch.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use lumawire_models::ModelError;
use lumawire_models::super_resolution::{Architecture, Network, recognizes};

const NAMES: [(&str, Architecture, usize, usize); 5] = [
    ("compact_x4", Architecture::Compact, 4, 5),
    ("compact_x2_half", Architecture::Compact, 2, 3),
    ("espcn_x3", Architecture::Espcn, 3, 3),
    ("espcn_x2", Architecture::Espcn, 2, 3),
    ("example_x2", Architecture::Espcn, 2, 4),
];

fn reference(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/super_resolution");
    PathBuf::from(folder).join(name)
}

fn open(name: &str) -> Network {
    Network::open(&reference(&format!("{name}.pth"))).unwrap()
}

fn golden(name: &str) -> Tensor {
    let goldens = candle_core::safetensors::load(reference("goldens.safetensors"), &Device::Cpu);
    goldens.unwrap()[name].squeeze(0).unwrap()
}

/// A picture of made-up values in 0..1.
fn picture(channels: usize, height: usize, width: usize) -> Tensor {
    let value = |i: usize| ((i * 7919 + i / 13 * 104_729) % 1009) as f32 / 1008.0;
    let values: Vec<f32> = (0..channels * height * width).map(value).collect();
    Tensor::from_vec(values, (channels, height, width), &Device::Cpu).unwrap()
}

fn max_error(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let error = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
    error.to_vec1::<f32>().unwrap().into_iter().fold(0.0, f32::max)
}

fn peak(x: &Tensor) -> f32 {
    x.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

#[test]
fn pictures_equal_those_of_torch() {
    for (name, architecture, scale, num_convolutions) in NAMES {
        let network = open(name);
        let config = network.config();
        assert_eq!((config.architecture, config.scale), (architecture, scale), "{name}");
        assert_eq!(config.num_convolutions, num_convolutions, "{name}");
        let input = if architecture == Architecture::Compact { "rgb" } else { "luma" };
        let (input, expected) = (golden(input), golden(name));
        // The reference is computed in double precision.
        let tolerance = 1e-5 * peak(&expected).max(1.0);
        let found = network.enlarge(&input, 512).unwrap();
        assert!(max_error(&found, &expected) < tolerance, "{name}");
        let found = network.enlarge_by_definition(&input).unwrap();
        assert!(max_error(&found, &expected) < tolerance, "{name} in candle");
    }
}

#[test]
fn tiles_give_the_picture_that_the_whole_gives() {
    for (name, ..) in NAMES {
        let network = open(name);
        let picture = picture(network.config().architecture.num_channels(), 67, 45);
        let whole = network.enlarge(&picture, 1000).unwrap();
        let tolerance = 2e-6 * peak(&whole).max(1.0);
        // 0 is the smallest tile.
        for tile_px in [0, 16, 23, 45] {
            let tiled = network.enlarge(&picture, tile_px).unwrap();
            assert!(max_error(&tiled, &whole) <= tolerance, "{name} {tile_px}");
        }
    }
}

#[test]
fn an_imported_network_draws_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("net.safetensors");
    let network = open("compact_x4");
    network.save(&out, Some("BSD-3-Clause")).unwrap();
    let again = Network::open(&out).unwrap();
    assert_eq!(again.config(), network.config());
    let card = again.card();
    assert_eq!((card.source.as_str(), card.scale), ("compact_x4.pth", 4));
    assert_eq!(card.format, "torch zip, SRVGGNetCompact");
    assert_eq!(card.licence.as_deref(), Some("BSD-3-Clause"));
    let picture = picture(3, 9, 8);
    let (a, b) = (network.enlarge(&picture, 64).unwrap(), again.enlarge(&picture, 64).unwrap());
    assert_eq!(max_error(&a, &b), 0.0);
}

#[test]
fn other_networks_and_damaged_files_are_refused_by_name() {
    let other = reference("../stylegan2/rosinality_64.pt");
    assert!(!recognizes(&other).unwrap());
    assert!(recognizes(&reference("espcn_x3.pth")).unwrap());
    let error = Network::open(&other).unwrap_err();
    assert!(matches!(error, ModelError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("realesr-animevideov3"), "{error}");
    let bytes = std::fs::read(reference("compact_x4.pth")).unwrap();
    for len in (0..bytes.len()).step_by(997) {
        assert!(Network::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
    }
    // Spoilt bytes are refused or give another network; none is a panic.
    for at in (0..bytes.len()).step_by(53) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 0xff;
        drop(Network::from_bytes(&spoilt));
    }
}

/// A file of safetensors with these tensors, all of the one value.
fn file(tensors: &[(&str, &[usize])], value: f32) -> Vec<u8> {
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, shape)| {
            let bytes = value.to_le_bytes().repeat(shape.iter().product());
            (*name, shape.to_vec(), bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (*name, view.unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let three = |a: &[usize], b: &[usize], c: &[usize], value| {
        let tensors = [
            ("conv1.weight", a),
            ("conv1.bias", &a[..1]),
            ("conv2.weight", b),
            ("conv2.bias", &b[..1]),
            ("conv3.weight", c),
            ("conv3.bias", &c[..1]),
        ];
        Network::from_bytes(&file(&tensors, value))
    };
    let (a, b, c) = ([4, 1, 5, 5], [4, 4, 3, 3], [4, 4, 3, 3]);
    assert_eq!(three(&a, &b, &c, 0.1).unwrap().config().scale, 2);
    assert!(matches!(three(&a, &b, &c, f32::NAN), Err(ModelError::NotFinite(_))));
    assert!(matches!(three(&a, &[4, 5, 3, 3], &c, 0.1), Err(ModelError::Shape { .. })));
    assert!(matches!(three(&a, &b, &[5, 4, 3, 3], 0.1), Err(ModelError::Config(_))));
    assert!(matches!(three(&a, &[4, 4, 2, 2], &c, 0.1), Err(ModelError::TooLarge(_))));
    assert!(matches!(three(&a, &[4, 4, 9], &c, 0.1), Err(ModelError::Config(_))));
}

#[test]
fn pictures_that_do_not_fit_are_refused() {
    let network = open("espcn_x2");
    let zeros = |shape: (usize, usize, usize)| {
        Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap()
    };
    for shape in [(3, 8, 8), (1, 0, 8), (1, 8, 0)] {
        assert!(matches!(network.enlarge(&zeros(shape), 64), Err(ModelError::Input(_))));
    }
    assert!(network.enlarge(&zeros((1, 1, 1)), 64).is_ok());
}
