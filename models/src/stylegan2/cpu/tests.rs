//! Every instruction set of this machine against plain tensor operations.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::{Engine, Isa, Job};
use crate::random::RandomState;
use crate::stylegan2::config::{Architecture, Config};
use crate::stylegan2::{
    Bend, BendOp, Canvas, Channels, Fill, Generator, LayerOutput, LayerWeights, Noise, NoiseMode,
    Path, Rewrite, RewriteOp, Shaping, Tap,
};

/// A network, and what an engine takes of it.
struct Network {
    generator: Generator,
    layers: Vec<LayerWeights>,
    constant: Vec<f32>,
    ws: Tensor,
}

impl Network {
    fn new(channels: &[usize], architecture: Architecture, conv_clamp: Option<f32>) -> Self {
        let mut config = Config::new(2 << channels.len(), 1, 1);
        config.channels = channels.to_vec();
        (config.z_dim, config.w_dim, config.num_mapping_layers) = (12, 12, 1);
        (config.architecture, config.conv_clamp) = (architecture, conv_clamp);
        let generator = Generator::stand_in(config, 3).unwrap();
        let layers = (1..generator.config().num_layers())
            .map(|layer| generator.layer_weights(layer).unwrap().clone())
            .collect();
        let mut z = vec![0.0; 12];
        RandomState::new(1).fill_normal(&mut z);
        let z = Tensor::from_vec(z, (1, 12), &Device::Cpu).unwrap();
        let ws = generator.broadcast(&generator.map(&z, None).unwrap()).unwrap();
        let constant = generator.activations(&ws, &Shaping::default(), 0).unwrap();
        Self { generator, layers, constant: values(&constant), ws }
    }

    fn engine(&self, isa: Isa) -> Engine {
        Engine::new(isa, self.layers.len())
    }

    /// The picture, and the features of all layers.
    fn draw(&self, engine: &Engine, shaping: &Shaping, fast: bool) -> (Tensor, Vec<Tensor>) {
        let job = Job {
            config: self.generator.config(),
            constant: &self.constant,
            layers: &self.layers,
            picture: 0,
            ws: &values(&self.ws),
            shaping,
            fast,
            done: &|_| (),
        };
        self.with_features(|tap| engine.draw(&job, tap).unwrap())
    }

    fn reference(&self, shaping: &Shaping) -> (Tensor, Vec<Tensor>) {
        self.with_features(|tap| {
            let drawn =
                self.generator.synthesize_tapped(Path::Reference, &self.ws, shaping, tap).unwrap();
            drawn.map(|pictures| pictures.squeeze(0).unwrap())
        })
    }

    fn with_features(
        &self,
        draw: impl FnOnce(&mut Tap<'_>) -> Option<Tensor>,
    ) -> (Tensor, Vec<Tensor>) {
        let layers: Vec<usize> = (0..=self.layers.len()).collect();
        let mut features = Vec::new();
        let mut take = |output: LayerOutput| features.push(output.features);
        let mut tap = Tap { layers: &layers, take: &mut take, stop_after: false };
        let picture = draw(&mut tap).unwrap();
        (picture, features)
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference against the standard deviation.
fn error(found: &Tensor, expected: &Tensor) -> f32 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (values(found), values(expected));
    let mean = expected.iter().sum::<f32>() / expected.len() as f32;
    let variance =
        expected.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / expected.len() as f32;
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    assert!(found.iter().all(|v| v.is_finite()));
    worst.fold(0.0, f32::max) / variance.sqrt()
}

fn compare(network: &Network, shaping: &Shaping, what: &str) {
    let (picture, features) = network.reference(shaping);
    for isa in Isa::available() {
        let engine = network.engine(isa);
        for (fast, tolerance) in [(false, 1e-4), (true, 1e-3)] {
            let (found, found_features) = network.draw(&engine, shaping, fast);
            let worst = error(&found, &picture);
            assert!(worst <= tolerance, "{what}, {}, fast {fast}: {worst}", isa.name());
            assert_eq!(found_features.len(), features.len());
            for (layer, (found, expected)) in found_features.iter().zip(&features).enumerate() {
                let worst = error(found, expected);
                assert!(worst <= tolerance, "{what}, {}, layer {layer}: {worst}", isa.name());
            }
        }
    }
}

fn noise(mode: NoiseMode) -> Shaping {
    Shaping { noise: Noise { mode, strength: 5.0, ..Noise::default() }, ..Shaping::default() }
}

#[test]
fn all_channel_counts_and_architectures_equal_the_reference() {
    for channels in [
        &[3, 8, 20, 64][..],
        &[64, 20, 8, 3],
        &[48, 32, 16, 8, 40],
        &[1, 1],
        &[24, 9, 17],
        &[160, 130, 96, 64, 32],
    ] {
        for architecture in [Architecture::Skip, Architecture::Resnet, Architecture::Orig] {
            for conv_clamp in [None, Some(0.8)] {
                let network = Network::new(channels, architecture, conv_clamp);
                let what = format!("{channels:?} {architecture:?} {conv_clamp:?}");
                compare(&network, &noise(NoiseMode::Const), &what);
            }
        }
    }
}

#[test]
fn all_canvases_and_noises_equal_the_reference() {
    let network = Network::new(&[20, 24, 16, 40, 8], Architecture::Resnet, None);
    for (columns, rows) in [(1, 1), (7, 4), (3, 5), (4, 9), (13, 2)] {
        let canvas = Canvas { columns, rows, fill: Fill::Wrap };
        for mode in [NoiseMode::None, NoiseMode::Random, NoiseMode::Const] {
            let what = format!("{columns}×{rows} {mode:?}");
            compare(&network, &Shaping { canvas, ..noise(mode) }, &what);
        }
    }
}

/// Large enough that the threads share out rows and tiles.
#[test]
fn many_rows_equal_the_reference() {
    compare(
        &Network::new(&[16, 16, 40, 24, 32, 16, 8], Architecture::Skip, None),
        &Shaping::default(),
        "256 px",
    );
}

/// So many channels that the threads share out the points.
#[test]
fn many_channels_equal_the_reference() {
    let network = Network::new(&[24, 24, 352, 352], Architecture::Skip, None);
    compare(&network, &Shaping::default(), "352 channels");
    let canvas = Canvas { columns: 7, rows: 5, fill: Fill::Mirror };
    compare(&network, &Shaping { canvas, ..Shaping::default() }, "352 channels, 7×5");
}

/// Up-sampling convolutions with so many inputs that they go by tiles: in several bands, shared out
/// by panels from 16² to 32² and by rows beyond.
#[test]
fn tiled_up_sampling_equals_the_reference() {
    let network = Network::new(&[24, 24, 352, 128], Architecture::Skip, None);
    let canvas = Canvas { columns: 12, rows: 13, fill: Fill::Mirror };
    let shaping = |canvas| Shaping { canvas, ..noise(NoiseMode::Random) };
    compare(&network, &shaping(canvas), "352 inputs");
    let network = Network::new(&[24, 24, 24, 136, 40], Architecture::Skip, Some(0.8));
    for (columns, rows) in [(4, 4), (3, 32), (9, 1)] {
        let canvas = Canvas { columns, rows, fill: Fill::Wrap };
        compare(&network, &shaping(canvas), &format!("136 inputs, {columns}×{rows}"));
    }
}

#[test]
fn the_number_of_threads_does_not_show() {
    let network = Network::new(&[32, 32, 352, 144, 24], Architecture::Resnet, None);
    for isa in Isa::available() {
        for fast in [false, true] {
            let engine = network.engine(isa);
            let draw = |num_threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build();
                let shaping = Shaping::default();
                values(&pool.unwrap().install(|| network.draw(&engine, &shaping, fast).0))
            };
            let one = draw(1);
            for num_threads in [1, 2, 3, 8] {
                assert!(draw(num_threads) == one, "{} with {num_threads}", isa.name());
            }
        }
    }
}

/// More threads than there are rows to share out, on canvases of any height.
#[test]
fn many_threads_share_few_rows() {
    let network = Network::new(&[8, 8, 8, 8, 8], Architecture::Skip, None);
    let engine = network.engine(Isa::best());
    for rows in [4, 5, 7] {
        let canvas = Canvas { columns: 4, rows, fill: Fill::Mirror };
        let draw = |num_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build();
            let shaping = Shaping { canvas, ..Shaping::default() };
            values(&pool.unwrap().install(|| network.draw(&engine, &shaping, true).0))
        };
        assert!(draw(1) == draw(96), "{rows} rows");
    }
}

/// Bends, rewrites and canvases of earlier pictures leave nothing behind.
#[test]
fn what_came_before_does_not_show() {
    let network = Network::new(&[16, 24, 32, 8], Architecture::Skip, None);
    let other = Arc::new(Generator::stand_in(network.generator.config().clone(), 4).unwrap());
    let engine = network.engine(Isa::best());
    let plain = values(&network.draw(&engine, &Shaping::default(), true).0);
    let bend =
        Bend { layer: 5, channels: Channels::All, op: BendOp::Scale { factor: 3.0 }, amount: 1.0 };
    let rewrite = |amount| Rewrite {
        first_layer: 2,
        last_layer: 6,
        op: RewriteOp::Mix { other: other.clone(), amount },
    };
    let canvas = Canvas { columns: 9, rows: 5, fill: Fill::Mirror };
    for shaping in [
        Shaping { bends: vec![bend], ..Shaping::default() },
        Shaping { rewrites: vec![rewrite(0.5)], ..Shaping::default() },
        Shaping { rewrites: vec![rewrite(-0.5)], canvas, ..noise(NoiseMode::Random) },
    ] {
        let first = values(&network.draw(&engine, &shaping, true).0);
        let again = values(&network.draw(&engine, &shaping, true).0);
        let fresh = values(&network.draw(&network.engine(Isa::best()), &shaping, true).0);
        assert!(first == again && first == fresh && first != plain, "{shaping:?}");
        assert!(values(&network.draw(&engine, &Shaping::default(), true).0) == plain);
    }
    let zero = Shaping { rewrites: vec![rewrite(0.0)], ..Shaping::default() };
    assert!(values(&network.draw(&engine, &zero, true).0) == plain);
}
