//! Every instruction set of this machine against plain tensor operations.

use std::sync::Arc;

use candle_core::Tensor;

use super::{Engine, Isa, Job};
use crate::stylegan2::config::Architecture;
use crate::stylegan2::testing::{Network, error, values};
use crate::stylegan2::{
    Bend, BendOp, Canvas, Channels, Fill, Generator, Noise, NoiseMode, Rewrite, RewriteOp, Shaping,
};

fn engine_of(network: &Network, isa: Isa) -> Engine {
    Engine::new(isa, network.layers.len())
}

/// The picture, and the features of all layers.
fn draw(
    network: &Network,
    engine: &Engine,
    shaping: &Shaping,
    fast: bool,
) -> (Tensor, Vec<Tensor>) {
    let job = Job {
        config: network.generator.config(),
        constant: &network.constant,
        layers: &network.layers,
        picture: 0,
        ws: &values(&network.ws),
        shaping,
        fast,
        done: &|_| (),
    };
    network.with_features(|tap| engine.draw(&job, tap).unwrap())
}

fn compare(network: &Network, shaping: &Shaping, what: &str) {
    let (picture, features) = network.reference(shaping);
    for isa in Isa::available() {
        let engine = engine_of(network, isa);
        for (fast, tolerance) in [(false, 1e-4), (true, 1e-3)] {
            let (found, found_features) = draw(network, &engine, shaping, fast);
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
            let engine = engine_of(&network, isa);
            let by_threads = |num_threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build();
                let shaping = Shaping::default();
                values(&pool.unwrap().install(|| draw(&network, &engine, &shaping, fast).0))
            };
            let one = by_threads(1);
            for num_threads in [1, 2, 3, 8] {
                assert!(by_threads(num_threads) == one, "{} with {num_threads}", isa.name());
            }
        }
    }
}

/// More threads than there are rows to share out, on canvases of any height.
#[test]
fn many_threads_share_few_rows() {
    let network = Network::new(&[8, 8, 8, 8, 8], Architecture::Skip, None);
    let engine = engine_of(&network, Isa::best());
    for rows in [4, 5, 7] {
        let canvas = Canvas { columns: 4, rows, fill: Fill::Mirror };
        let by_threads = |num_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build();
            let shaping = Shaping { canvas, ..Shaping::default() };
            values(&pool.unwrap().install(|| draw(&network, &engine, &shaping, true).0))
        };
        assert!(by_threads(1) == by_threads(96), "{rows} rows");
    }
}

/// Bends, rewrites and canvases of earlier pictures leave nothing behind.
#[test]
fn what_came_before_does_not_show() {
    let network = Network::new(&[16, 24, 32, 8], Architecture::Skip, None);
    let other = Arc::new(Generator::stand_in(network.generator.config().clone(), 4).unwrap());
    let engine = engine_of(&network, Isa::best());
    let plain = values(&draw(&network, &engine, &Shaping::default(), true).0);
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
        let first = values(&draw(&network, &engine, &shaping, true).0);
        let again = values(&draw(&network, &engine, &shaping, true).0);
        let fresh = values(&draw(&network, &engine_of(&network, Isa::best()), &shaping, true).0);
        assert!(first == again && first == fresh && first != plain, "{shaping:?}");
        assert!(values(&draw(&network, &engine, &Shaping::default(), true).0) == plain);
    }
    let zero = Shaping { rewrites: vec![rewrite(0.0)], ..Shaping::default() };
    assert!(values(&draw(&network, &engine, &zero, true).0) == plain);
}
