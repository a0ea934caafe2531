//! The generator on an NVIDIA GPU, in turn with PyTorch on the same GPU: whether its pictures are
//! right, how long one takes, and how near that is to the least that the GPU could take.
//!
//! LUMAWIRE_PEER is the command line of the peer, its words on lines of their own. It answers as
//! `xtask/peers/stylegan2_cuda.py` says. Without it only the generator is measured.
//!
//! Arguments: `--json FILE` writes all that was measured there, `--networks 256,1024` takes only
//! these, `--compare` only compares pictures, `--gpu 1` takes the second GPU.

#![allow(clippy::disallowed_methods)] // it is a clock

mod floors;
mod kernels;
mod layers;
mod network;
mod peer;
mod pictures;
mod speed;
mod times;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use lumawire_models::accelerator::Accelerator;
use lumawire_models::accelerator::driver::Cuda;
use lumawire_models::stylegan2::{Config, Precision};
use serde_json::{Value as Json, json};

use floors::Rates;
use kernels::Watch;
use layers::{Cudnn, LAYER_NUMBERS};
use network::Network;
use peer::Peer;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Resolution, channel base and most channels: the published sizes.
const NETWORKS: [(usize, usize, usize); 3] =
    [(256, 16384, 512), (512, 32768, 512), (1024, 32768, 512)];
const CONV_CLAMP: f32 = 256.0;
/// The engine's precisions, and in which of its numbers the peer draws beside each.
const PRECISIONS: [(Precision, &str, &[&str]); 5] = [
    (Precision::Published, "published", &["published", "published+tf32"]),
    (Precision::F32, "f32", &["f32"]),
    (Precision::Tf32, "tf32", &["tf32"]),
    (Precision::F16, "f16", &["f16"]),
    (Precision::Bf16, "bf16", &["bf16"]),
];
const NUM_WARM_UPS: usize = 5;

fn main() -> ExitCode {
    // `cargo test --benches` runs it too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match Options::read(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("pictures differ by more than they may");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    json: Option<PathBuf>,
    /// Empty for all.
    resolutions: Vec<usize>,
    only_compares: bool,
    gpu: usize,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options =
            Self { json: None, resolutions: Vec::new(), only_compares: false, gpu: 0 };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} lacks its value"));
            match argument.as_str() {
                "--bench" => {}
                "--compare" => options.only_compares = true,
                "--json" => options.json = Some(value()?.into()),
                "--gpu" => options.gpu = value()?.parse()?,
                "--networks" => {
                    options.resolutions =
                        value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                _ => return Err(format!("unknown argument {argument}").into()),
            }
        }
        Ok(options)
    }

    fn wants(&self, resolution: usize) -> bool {
        self.resolutions.is_empty() || self.resolutions.contains(&resolution)
    }
}

/// Measures; says whether all pictures are right.
fn run(options: &Options) -> Outcome<bool> {
    let cuda = Arc::new(Cuda::open(options.gpu)?);
    println!("{}, {}", cuda.name(), cuda.driver_version());
    let mut bench =
        Bench { cuda, peer: None, about_peer: Json::Null, rates: None, cudnn: Cudnn::new() };
    bench.start_peer()?;
    let mut report = json!({
        "device": bench.cuda.name(),
        "driver": bench.cuda.driver_version(),
        "peer": bench.about_peer,
        "rates": bench.rates.as_ref().map(Rates::json),
        "networks": [],
    });
    let save = |report: &Json| match &options.json {
        Some(path) => std::fs::write(path, format!("{report:#}\n")),
        None => Ok(()),
    };
    let mut is_right = true;
    for (resolution, base, max) in NETWORKS {
        if !options.wants(resolution) {
            continue;
        }
        let config = Config { conv_clamp: Some(CONV_CLAMP), ..Config::new(resolution, base, max) };
        let network = Network::new(config, &bench.cuda)?;
        println!("\n{resolution}² {base}/{max}");
        let (entry, is_network_right) = bench.network(&network, options.only_compares)?;
        is_right &= is_network_right;
        if let Some(list) = report["networks"].as_array_mut() {
            list.push(entry);
        }
        save(&report)?;
    }
    if report["networks"].as_array().is_none_or(Vec::is_empty) {
        return Err("no network has the resolution that --networks names".into());
    }
    Ok(is_right)
}

/// The two programs.
struct Bench {
    cuda: Arc<Cuda>,
    peer: Option<Peer>,
    about_peer: Json,
    rates: Option<Rates>,
    cudnn: Cudnn,
}

impl Bench {
    /// Measures a network: what was found, and whether its pictures are right.
    fn network(&mut self, network: &Network, only_compares: bool) -> Outcome<(Json, bool)> {
        self.show(network)?;
        let config = network.generator.config();
        let (mut pictures, mut times) = (Vec::new(), Vec::new());
        let (mut medians, mut steps) = (BTreeMap::new(), BTreeMap::new());
        let mut is_right = true;
        for (precision, name, peer_numbers) in PRECISIONS {
            println!("{}² in {name}", config.img_resolution);
            let watch = Watch::new(&self.cuda);
            let launched = network.engine(watch.clone(), precision)?;
            let recorded = network.engine(self.cuda.clone(), precision)?;
            let (entry, is_this_right) = self.compare(network, &launched, &recorded, name)?;
            pictures.push(entry);
            is_right &= is_this_right;
            if only_compares {
                continue;
            }
            let (rows, median) = self.speed(&launched, &recorded, name, peer_numbers)?;
            times.extend(rows);
            medians.insert(name, median);
            if precision == Precision::default() || LAYER_NUMBERS.contains(&name) {
                steps.insert(name, self.kernels(&launched, &watch)?);
            }
        }
        let mut entry = json!({
            "resolution": config.img_resolution,
            "channels": config.channels,
            "pictures": pictures,
        });
        if !only_compares {
            entry["times"] = times.into();
            entry["floors"] = self.floors(config, &medians);
            let kernels = steps.iter().map(|(name, steps)| {
                println!("{}² in {name}", config.img_resolution);
                json!({ "precision": name, "kernels": kernels::print(steps) })
            });
            entry["kernels"] = kernels.collect();
            entry["layers"] = self.layers(&network.generator, &steps)?;
        }
        Ok((entry, is_right))
    }

    fn start_peer(&mut self) -> Outcome<()> {
        self.peer = Peer::start()?;
        let Some(peer) = &mut self.peer else {
            println!("LUMAWIRE_PEER names no program to measure against");
            return Ok(());
        };
        let digits = |uuid: [u8; 16]| uuid.map(|byte| format!("{byte:02x}")).concat();
        let uuid = self.cuda.uuid().map(digits);
        self.about_peer = peer.ask(json!({ "do": "start", "uuid": uuid }))?;
        println!("PyTorch {}", self.about_peer);
        if self.about_peer["original"].is_null() {
            println!(
                "the published program is not measured, only its maths in plain PyTorch: \
                 --stylegan2-dir names a checkout of it"
            );
        }
        let rates = Rates::of_json(&peer.ask(json!({ "do": "rates" }))?)?;
        println!("at most {rates}");
        self.rates = Some(rates);
        Ok(())
    }
}
