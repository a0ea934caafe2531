//! `lumawire clusters`: groups of a layer's channels that draw alike.

use std::path::PathBuf;
use std::process::ExitCode;

use candle_core::Tensor;
use image::RgbImage;
use lumawire_models::ModelError;
use lumawire_models::clusters::{self, Clusters, Settings};
use lumawire_models::stylegan2::{Bend, BendOp, Channels, Generator, Shaping};

use super::{base_w, check_apart, fault, seeds_of, write_file};
use crate::error::CommandError;
use crate::model_arg::{self, beside, open_model};
use crate::place::PlaceArgs;
use crate::progress::with_bar;
use crate::sheet::{Drawing, Row, Sheet, cell_px, heat, pictures};

/// What the sheet multiplies a group's activations by.
const AMPLIFIED: f32 = 3.0;

/// What `clusters` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(help = model_arg::HELP)]
    model: PathBuf,
    /// The layer: 0 is the constant, 1 the first convolution.
    #[arg(long, value_name = "L")]
    layer: usize,
    /// How many groups to make.
    #[arg(short = 'k', long = "clusters", default_value_t = 6, value_name = "K")]
    num_clusters: usize,
    /// How many random latents to compare the channels on.
    #[arg(long, default_value_t = 64, value_name = "N")]
    samples: usize,
    /// Seed of the random latents.
    #[arg(long, default_value_t = 0)]
    seed: u32,
    /// Class of a conditional network; else all in turn.
    #[arg(long, value_name = "C")]
    class: Option<usize>,
    /// Where the groups go; else beside the network.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw what the groups do as a PNG.
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
    /// Seeds to draw on the sheet, such as 0-2.
    #[arg(long, default_value = "0,1")]
    seeds: String,
}

/// Finds the groups, writes them, lists them and draws them.
pub fn run(args: &Args, place: &PlaceArgs) -> Result<ExitCode, CommandError> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => beside(&args.model, "clusters.json")?,
    };
    check_apart(&args.model, "the network", [Some(&out), args.sheet.as_ref()])?;
    let seeds = seeds_of(&args.seeds)?;
    let place = place.open()?;
    let (generator, model) = open_model(&args.model)?;
    place.give(&generator);
    place.tell();
    let settings = Settings {
        layer: args.layer,
        num_clusters: args.num_clusters,
        num_samples: args.samples,
        class: args.class,
        seed: args.seed,
    };
    let found = with_bar("sampling", |told| clusters::find(&generator, model, &settings, told))
        .map_err(|e| fault(&args.model, e))?;
    write_file(&out, found.to_json().map_err(|e| fault(&out, e))?.as_bytes())?;
    for i in 0..found.num_clusters {
        let channels = found.channels(i);
        println!("cluster {i:>2}: {:>4} channels: {}", channels.len(), list(&channels));
    }
    println!("wrote {}: {} clusters of layer {}", out.display(), found.num_clusters, found.layer);
    if let Some(path) = &args.sheet {
        sheet(args, &generator, &found, &seeds)?.save(path)?;
        println!("wrote {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The first few.
fn list(channels: &[usize]) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = channels.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if channels.len() > SHOWN { ", …" } else { "" };
    names.join(", ") + more
}

/// A row a group; for each seed where the group is active, and the picture without the group, as
/// drawn, and with it amplified.
fn sheet(
    args: &Args,
    generator: &Generator,
    found: &Clusters,
    seeds: &[u32],
) -> Result<Drawing, CommandError> {
    let mut drawing = plan(args, generator, found, seeds).begin()?;
    with_bar("drawing", |told| {
        for (i, seed) in seeds.iter().enumerate() {
            let rows = of_seed(args, generator, found, *seed).map_err(|e| fault(&args.model, e))?;
            for (row, pictures) in rows.iter().enumerate() {
                for (j, picture) in pictures.iter().enumerate() {
                    drawing.put(row, pictures.len() * i + j, picture);
                }
            }
            told((i + 1) as f64 / seeds.len() as f64);
        }
        Ok::<_, CommandError>(())
    })?;
    Ok(drawing)
}

/// The sheet, still without its pictures.
fn plan(args: &Args, generator: &Generator, found: &Clusters, seeds: &[u32]) -> Sheet {
    let scaled = format!("×{AMPLIFIED}");
    let headings = |seed| [format!("seed {seed}"), "×0".into(), "×1".into(), scaled.clone()];
    let columns: Vec<String> = seeds.iter().flat_map(headings).collect();
    let row = |i| {
        let count = found.channels(i).len();
        let plural = if count == 1 { "" } else { "s" };
        let label = vec![format!("cluster {i}"), format!("{count} channel{plural}")];
        Row::plain(label, columns.len())
    };
    let rows = (0..found.num_clusters).map(row).collect();
    let name = args.model.file_name().unwrap_or_default().to_string_lossy();
    let title = vec![
        format!("Clusters of layer {} · {name}", found.layer),
        format!("where active, then the picture with the cluster ×0, ×1, ×{AMPLIFIED}"),
    ];
    let cell_px = cell_px(generator.config().img_resolution);
    Sheet { title, columns, group: 4, rows, cell_px }
}

/// For each group its four pictures of one seed.
fn of_seed(
    args: &Args,
    generator: &Generator,
    found: &Clusters,
    seed: u32,
) -> Result<Vec<[RgbImage; 4]>, ModelError> {
    let ws = generator.broadcast(&base_w(generator, seed, args.class)?)?;
    let features = generator.activations(&ws, &Shaping::default(), found.layer)?.squeeze(0)?;
    let draw = |shaping: &Shaping| -> Result<RgbImage, ModelError> {
        let drawn = pictures(&generator.synthesize(&ws, shaping)?)?.into_iter().next();
        drawn.ok_or_else(|| ModelError::Input("nothing was drawn".into()))
    };
    let plain = draw(&Shaping::default())?;
    (0..found.num_clusters)
        .map(|i| {
            let channels = found.channels(i);
            let bent = |factor: f32| {
                let bend = Bend {
                    layer: found.layer,
                    channels: Channels::Set(channels.clone().into()),
                    op: BendOp::Scale { factor },
                    amount: 1.0,
                };
                draw(&Shaping { bends: vec![bend], ..Shaping::default() })
            };
            let active = mean_map(&features, &channels)?;
            Ok([active, bent(0.0)?, plain.clone(), bent(AMPLIFIED)?])
        })
        .collect()
}

/// The mean of some of the maps `[channels, side, side]`, as a heat picture.
fn mean_map(features: &Tensor, channels: &[usize]) -> Result<RgbImage, ModelError> {
    let (_, _, side_px) = features.dims3()?;
    let indices: Vec<u32> = channels.iter().map(|c| *c as u32).collect();
    let indices = Tensor::new(indices, features.device())?;
    let map = features.index_select(&indices, 0)?.mean(0)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(heat(&map, side_px))
}
