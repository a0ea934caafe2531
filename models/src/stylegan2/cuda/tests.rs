//! The engine against plain tensor operations and the published code, its kernels run by
//! [`accelerator`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Device, Tensor};

use super::verify::compare as compare_pictures;
use super::{Engine, Job, Precision};
use crate::ModelError;
use crate::accelerator::testing::accelerator;
use crate::accelerator::{Accelerator, AcceleratorError, Event, Launch, Memory, Recording};
use crate::stylegan2::config::{Architecture, Config};
use crate::stylegan2::testing::{Network, error, values};
use crate::stylegan2::{
    Bend, BendOp, Border, Canvas, Channels, Fill, Generator, Noise, NoiseField, NoiseMode, Path,
    Rewrite, RewriteOp, Shaping,
};

fn engine(network: &Network, precision: Precision) -> Engine {
    let config = network.generator.config();
    Engine::new(&accelerator(), precision, config, &network.layers).unwrap()
}

fn with_job<T>(network: &Network, shaping: &Shaping, run: impl FnOnce(&Job<'_>) -> T) -> T {
    run(&Job {
        config: network.generator.config(),
        constant: &network.constant,
        layers: &network.layers,
        picture: 0,
        ws: &values(&network.ws),
        shaping,
    })
}

/// The picture, and the features of all layers.
fn draw(network: &Network, engine: &Engine, shaping: &Shaping) -> (Tensor, Vec<Tensor>) {
    with_job(network, shaping, |job| network.with_features(|tap| engine.draw(job, tap).unwrap()))
}

/// The picture, without a look at the features.
fn picture(network: &Network, engine: &Engine, shaping: &Shaping) -> Vec<f32> {
    let mut tap = crate::stylegan2::Tap { layers: &[], take: &mut |_| (), stop_after: false };
    with_job(network, shaping, |job| values(&engine.draw(job, &mut tap).unwrap().unwrap()))
}

/// Largest error of features and pictures, in units of their deviation. Halves and bf16 keep 11 and
/// 8 bits, and errors add up over the layers of these networks of random weights.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-4,
        Precision::Tf32 | Precision::F16 | Precision::Published => 3e-2,
        Precision::Bf16 => 0.2,
    }
}

fn compare(network: &Network, precision: Precision, shaping: &Shaping, what: &str) {
    let (expected, expected_features) = network.reference(shaping);
    let (found, found_features) = draw(network, &engine(network, precision), shaping);
    assert_eq!(found_features.len(), expected_features.len());
    for (layer, (found, expected)) in found_features.iter().zip(&expected_features).enumerate() {
        let worst = error(found, expected);
        assert!(worst <= tolerance(precision), "{what}, {precision:?}, layer {layer}: {worst}");
    }
    let worst = error(&found, &expected);
    assert!(worst <= tolerance(precision), "{what}, {precision:?}: {worst}");
}

fn noise(mode: NoiseMode) -> Shaping {
    Shaping { noise: Noise { mode, strength: 5.0, ..Noise::default() }, ..Shaping::default() }
}

#[test]
fn all_architectures_equal_the_reference() {
    for channels in [&[3, 8, 20, 48][..], &[1, 1], &[40, 9, 17]] {
        for architecture in [Architecture::Skip, Architecture::Resnet, Architecture::Orig] {
            for conv_clamp in [None, Some(0.8)] {
                let network = Network::new(channels, architecture, conv_clamp);
                let what = format!("{channels:?} {architecture:?} {conv_clamp:?}");
                compare(&network, Precision::F32, &noise(NoiseMode::Const), &what);
            }
        }
    }
}

#[test]
fn all_precisions_come_near_the_reference() {
    let network = Network::new(&[32, 48, 24, 16], Architecture::Skip, Some(256.0));
    for precision in
        [Precision::Published, Precision::F32, Precision::Tf32, Precision::F16, Precision::Bf16]
    {
        compare(&network, precision, &Shaping::default(), "32 px");
    }
}

/// Coarse blocks of 32 bits before fine ones of halves.
#[test]
fn the_published_mix_comes_near_the_reference() {
    let network = Network::new(&[24, 16, 16, 16, 8, 8], Architecture::Skip, Some(256.0));
    compare(&network, Precision::Published, &Shaping::default(), "128 px");
}

struct Slope;

impl NoiseField for Slope {
    fn fill(&self, layer: usize, _: usize, width_px: usize, out: &mut [f32]) {
        for (i, v) in out.iter_mut().enumerate() {
            *v = (layer * (i % width_px)) as f32 / 8.0 - 0.5;
        }
    }
}

#[test]
fn all_canvases_and_noises_equal_the_reference() {
    let network = Network::new(&[20, 24, 16], Architecture::Resnet, None);
    for (columns, rows) in [(1, 1), (7, 4), (3, 5)] {
        let canvas = Canvas { columns, rows, fill: Fill::Wrap };
        let field = NoiseMode::Field(Arc::new(Slope));
        for mode in [NoiseMode::None, NoiseMode::Random, NoiseMode::Const, field] {
            let what = format!("{columns}×{rows} {mode:?}");
            compare(&network, Precision::F32, &Shaping { canvas, ..noise(mode) }, &what);
        }
    }
}

fn shapings(other: &Arc<Generator>) -> Vec<Shaping> {
    let bend = |layer, op| Bend { layer, channels: Channels::All, op, amount: 0.7 };
    let rewrite = |amount| Rewrite {
        first_layer: 2,
        last_layer: 4,
        op: RewriteOp::Mix { other: other.clone(), amount },
    };
    let turn = BendOp::Rotate { radians: 0.4, border: Border::Mirror };
    let canvas = Canvas { columns: 6, rows: 5, fill: Fill::Mirror };
    vec![
        Shaping { bends: vec![bend(0, BendOp::Scale { factor: 3.0 })], ..Shaping::default() },
        Shaping { bends: vec![bend(3, turn), bend(5, BendOp::Invert)], ..Shaping::default() },
        Shaping { rewrites: vec![rewrite(0.5)], ..Shaping::default() },
        Shaping { rewrites: vec![rewrite(-0.5)], canvas, ..noise(NoiseMode::Random) },
        noise(NoiseMode::None),
    ]
}

#[test]
fn bends_and_rewrites_equal_the_reference() {
    let network = Network::new(&[16, 24, 32], Architecture::Skip, None);
    let other = Arc::new(Generator::stand_in(network.generator.config().clone(), 4).unwrap());
    for shaping in shapings(&other) {
        compare(&network, Precision::F32, &shaping, &format!("{shaping:?}"));
    }
}

/// Neither what was drawn before nor whether the launches were recorded.
#[test]
fn what_came_before_does_not_show() {
    let network = Network::new(&[16, 24, 32], Architecture::Skip, None);
    let other = Arc::new(Generator::stand_in(network.generator.config().clone(), 4).unwrap());
    let used = engine(&network, Precision::Published);
    let plain = picture(&network, &used, &Shaping::default());
    for shaping in shapings(&other) {
        let fresh = picture(&network, &engine(&network, Precision::Published), &shaping);
        assert!(fresh != plain, "{shaping:?}");
        for round in 0..3 {
            assert!(picture(&network, &used, &shaping) == fresh, "{round}: {shaping:?}");
        }
        for round in 0..3 {
            assert!(picture(&network, &used, &Shaping::default()) == plain, "{round}: {shaping:?}");
        }
    }
}

/// Latent, strength and seed change without a new recording, and are heeded.
#[test]
fn recorded_launches_heed_new_numbers() {
    let mut network = Network::new(&[16, 24, 32], Architecture::Skip, None);
    let used = engine(&network, Precision::F32);
    for round in 0..4 {
        let mut shaping = noise(NoiseMode::Random);
        (shaping.noise.seed, shaping.noise.strength) = (round, 1.0 + round as f32);
        network.ws = (&network.ws * 1.1).unwrap();
        let expected = picture(&network, &engine(&network, Precision::F32), &shaping);
        assert!(picture(&network, &used, &shaping) == expected, "{round}");
    }
}

#[test]
fn a_picture_for_the_screen_is_the_picture_in_linear_halves() {
    let network = Network::new(&[16, 8, 8], Architecture::Skip, None);
    let engine = engine(&network, Precision::F32);
    let canvas = Canvas { columns: 5, rows: 4, fill: Fill::Mirror };
    let shaping = Shaping { canvas, ..Shaping::default() };
    let planes = picture(&network, &engine, &shaping);
    let area = planes.len() / 3;
    let to = Memory::new(engine.accelerator(), area * 8).unwrap();
    with_job(&network, &shaping, |job| engine.draw_to(job, to.address()).unwrap().wait().unwrap());
    let mut bytes = vec![0; area * 8];
    engine.accelerator().read(to.address(), &mut bytes).unwrap();
    let halves: Vec<half::f16> = bytemuck::pod_collect_to_vec(&bytes);
    for (i, pixel) in halves.chunks_exact(4).enumerate() {
        for c in 0..3 {
            let code = f64::from(planes[c * area + i]) / 2.0 + 0.5;
            let v = code.abs();
            let light = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
            let expected = light.copysign(code);
            let found = f64::from(pixel[c].to_f32());
            assert!((found - expected).abs() <= 1e-3 * expected.abs() + 1e-5, "{found} {expected}");
        }
        assert_eq!(pixel[3].to_f32(), 1.0);
    }
}

fn load(name: &str) -> (Generator, HashMap<String, Tensor>) {
    let file = |what: &str| {
        // At run time: the tests also run on machines without the repository.
        let package = std::env::var_os("CARGO_MANIFEST_DIR");
        PathBuf::from(package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()))
            .join("../tests/reference/stylegan2")
            .join(format!("sg2ada_{name}.{what}.safetensors"))
    };
    let goldens = candle_core::safetensors::load(file("goldens"), &Device::Cpu).unwrap();
    (Generator::load(&file("model"), &Device::Cpu).unwrap(), goldens)
}

#[test]
fn pictures_equal_the_published_code() {
    for name in ["a", "b", "d"] {
        for (precision, tolerance) in [(Precision::F32, 1e-4), (Precision::Published, 3e-2)] {
            let (generator, goldens) = load(name);
            generator.use_accelerator(&accelerator(), precision).unwrap();
            let ws = goldens["ws_psi1"].narrow(0, 0, 1).unwrap();
            let expected = goldens["img_const_psi1"].narrow(0, 0, 1).unwrap();
            let found =
                generator.synthesize_by(Path::Accelerated, &ws, &Shaping::default()).unwrap();
            let worst = error(&found, &expected);
            println!("{name} {precision:?}: {worst:.1e}");
            assert!(worst <= tolerance, "{name} {precision:?}: {worst}");
        }
    }
}

#[test]
fn without_an_accelerator_it_says_so() {
    let network = Network::new(&[4, 4], Architecture::Skip, None);
    let drawn =
        network.generator.synthesize_by(Path::Accelerated, &network.ws, &Shaping::default());
    assert!(matches!(drawn, Err(ModelError::Input(why)) if why.contains("no accelerator")));
    assert!(network.generator.accelerator().is_none());
}

/// An accelerator that can be lost, or draw nonsense.
#[derive(Debug)]
struct Unsure {
    inner: Arc<dyn Accelerator>,
    is_lost: AtomicBool,
    is_wrong: bool,
}

impl Unsure {
    fn new(is_wrong: bool) -> Arc<Self> {
        Arc::new(Self { inner: accelerator(), is_lost: AtomicBool::new(false), is_wrong })
    }

    fn expect_there(&self) -> Result<(), AcceleratorError> {
        match self.is_lost.load(Ordering::Relaxed) {
            true => Err(AcceleratorError("lost".into())),
            false => Ok(()),
        }
    }
}

impl Accelerator for Unsure {
    fn name(&self) -> &str {
        "unsure"
    }
    fn uuid(&self) -> Option<[u8; 16]> {
        None
    }
    fn num_multiprocessors(&self) -> u32 {
        self.inner.num_multiprocessors()
    }
    fn allocate(&self, num_bytes: usize) -> Result<u64, AcceleratorError> {
        self.inner.allocate(num_bytes)
    }
    fn free(&self, address: u64) {
        self.inner.free(address);
    }
    fn write(&self, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError> {
        self.inner.write(to, bytes)
    }
    fn read(&self, from: u64, bytes: &mut [u8]) -> Result<(), AcceleratorError> {
        self.expect_there()?;
        self.inner.read(from, bytes)?;
        if self.is_wrong {
            bytes.reverse();
        }
        Ok(())
    }
    fn launch(&self, launch: &Launch<'_>) -> Result<(), AcceleratorError> {
        self.expect_there()?;
        self.inner.launch(launch)
    }
    fn mark(&self) -> Result<Box<dyn Event>, AcceleratorError> {
        self.expect_there()?;
        self.inner.mark()
    }
    fn record(
        &self,
        _: &mut dyn FnMut() -> Result<(), AcceleratorError>,
    ) -> Result<Option<Box<dyn Recording>>, AcceleratorError> {
        Ok(None)
    }
}

#[test]
fn what_a_lost_accelerator_cannot_draw_the_processor_draws() {
    let network = Network::new(&[16, 8, 8], Architecture::Skip, None);
    let (generator, plain) = (&network.generator, &Shaping::default());
    let expected = generator.synthesize(&network.ws, plain).unwrap();
    let unsure = Unsure::new(false);
    let accelerator: Arc<dyn Accelerator> = unsure.clone();
    generator.use_accelerator(&accelerator, Precision::F32).unwrap();
    let there = generator.synthesize(&network.ws, plain).unwrap();
    assert!(error(&there, &expected) < 1e-4 && values(&there) != values(&expected));
    unsure.is_lost.store(true, Ordering::Relaxed);
    assert!(generator.draw_to(&network.ws, plain, 0).is_err());
    for _ in 0..3 {
        let found = generator.synthesize(&network.ws, plain).unwrap();
        assert_eq!(values(&found), values(&expected));
        let features = generator.activations(&network.ws, plain, 2).unwrap();
        assert_eq!(features.dims()[1], 8);
    }
}

#[test]
fn an_accelerator_that_draws_nonsense_is_found_out() {
    let config = Config::new(16, 256, 32);
    compare_pictures(&accelerator(), Precision::Published, config.clone()).unwrap();
    let wrong: Arc<dyn Accelerator> = Unsure::new(true);
    let error = compare_pictures(&wrong, Precision::Published, config).unwrap_err().to_string();
    assert!(error.contains("draws other pictures than the processor"), "{error}");
}
