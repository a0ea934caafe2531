//! `lumawire ganspace`: directions along which a network's pictures vary most.

use std::path::PathBuf;
use std::process::ExitCode;

use candle_core::{Device, Tensor};
use image::RgbImage;
use lumawire_models::ModelError;
use lumawire_models::ganspace::{self, Directions, Settings};
use lumawire_models::stylegan2::{Generator, Shaping};

use super::{base_w, check_apart, fault, parse_range, seeds_of, write_file};
use crate::error::CommandError;
use crate::model_arg::{self, beside, open_model};
use crate::place::PlaceArgs;
use crate::progress::with_bar;
use crate::sheet::{Drawing, Row, Sheet, cell_px, pictures};

/// Samples that are drawn unless told otherwise: of w, and of a layer, where each costs a picture.
const W_SAMPLES: usize = 50_000;
const LAYER_SAMPLES: usize = 2_000;
/// Columns to either side of the middle one.
const NUM_STEPS: i32 = 3;

/// What `ganspace` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(help = model_arg::HELP)]
    model: PathBuf,
    /// Where the directions go; else beside the network.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many directions to keep.
    #[arg(long, default_value_t = 32, value_name = "K")]
    components: usize,
    /// How many random latents to draw; else 50000, or 2000 for a layer.
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Analyse the activations of this layer (0 is the constant, 1 the first convolution) instead
    /// of w.
    #[arg(long, value_name = "L")]
    layer: Option<usize>,
    /// Seed of the random latents.
    #[arg(long, default_value_t = 0)]
    seed: u32,
    /// Class of a conditional network; else all in turn.
    #[arg(long, value_name = "C")]
    class: Option<usize>,
    /// Draw what the directions do as a PNG.
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
    /// Seeds to move on the sheet, such as 0-2; else the mean.
    #[arg(long)]
    seeds: Option<String>,
    /// How far the sheet goes to either side, in standard deviations.
    #[arg(long, default_value_t = 3.0)]
    sigma: f32,
    /// Rows of w that move on the sheet, such as 0-3; else all.
    #[arg(long, value_name = "A-B", value_parser = parse_range)]
    layers: Option<(usize, usize)>,
    /// How many directions the sheet shows.
    #[arg(long, default_value_t = 10, value_name = "N")]
    rows: usize,
}

/// Finds the directions, writes them, lists them and draws them.
pub fn run(args: &Args, place: &PlaceArgs) -> Result<ExitCode, CommandError> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => beside(&args.model, "ganspace.safetensors")?,
    };
    check_apart(&args.model, "the network", [Some(&out), args.sheet.as_ref()])?;
    if !(0.0..=100.0).contains(&args.sigma) {
        return Err(CommandError::Usage("--sigma must lie in 0..100".into()));
    }
    let seeds = args.seeds.as_deref().map(seeds_of).transpose()?;
    let place = place.open()?;
    let (generator, model) = open_model(&args.model)?;
    place.give(&generator);
    place.tell();
    let default_samples = if args.layer.is_none() { W_SAMPLES } else { LAYER_SAMPLES };
    let settings = Settings {
        num_samples: args.samples.unwrap_or(default_samples),
        num_components: args.components,
        layer: args.layer,
        class: args.class,
        seed: args.seed,
    };
    let directions =
        with_bar("sampling", |told| ganspace::find(&generator, model, &settings, told))
            .map_err(|e| fault(&args.model, e))?;
    write_file(&out, &directions.to_bytes().map_err(|e| fault(&out, e))?)?;
    print_table(&directions);
    println!("wrote {}: {} directions", out.display(), directions.num_components());
    if let Some(path) = &args.sheet {
        sheet(args, &generator, &directions, seeds.as_deref())?.save(path)?;
        println!("wrote {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table(directions: &Directions) {
    println!("component   sigma    share      sum");
    let mut sum = 0.0;
    let shares = directions.stdev.iter().zip(&directions.explained_variance_ratio);
    for (i, (stdev, share)) in shares.enumerate() {
        sum += share;
        println!("{i:>9} {stdev:>7.3} {:>6.2} % {:>6.2} %", 100.0 * share, 100.0 * sum);
    }
}

/// A row a direction and seed, from -sigma to +sigma around the seed.
fn sheet(
    args: &Args,
    generator: &Generator,
    directions: &Directions,
    seeds: Option<&[u32]>,
) -> Result<Drawing, CommandError> {
    let bases = bases(args, generator, directions, seeds).map_err(|e| fault(&args.model, e))?;
    let shown = directions.num_components().min(args.rows);
    let amounts: Vec<f32> =
        (-NUM_STEPS..=NUM_STEPS).map(|i| args.sigma * i as f32 / NUM_STEPS as f32).collect();
    let shots: Vec<(usize, &Base)> =
        (0..shown).flat_map(|i| bases.iter().map(move |base| (i, base))).collect();
    let row = |(i, (name, _)): &(usize, &Base)| {
        let share = 100.0 * directions.explained_variance_ratio[*i];
        let mut label = vec![format!("component {i}"), format!("{share:.1} %")];
        label.extend(name.clone());
        Row::plain(label, amounts.len())
    };
    let sheet = Sheet {
        title: title(args, directions),
        columns: amounts.iter().map(|a| sigma_label(*a)).collect(),
        group: 0,
        rows: shots.iter().map(row).collect(),
        cell_px: cell_px(generator.config().img_resolution),
    };
    let mut drawing = sheet.begin()?;
    with_bar("drawing", |told| {
        for (j, (i, (_, w))) in shots.iter().enumerate() {
            let drawn = moved(args, generator, directions, *i, &amounts, w)
                .map_err(|e| fault(&args.model, e))?;
            for (column, picture) in drawn.iter().enumerate() {
                drawing.put(j, column, picture);
            }
            told((j + 1) as f64 / shots.len() as f64);
        }
        Ok::<_, CommandError>(())
    })?;
    Ok(drawing)
}

fn title(args: &Args, directions: &Directions) -> Vec<String> {
    let name = args.model.file_name().unwrap_or_default().to_string_lossy();
    let about = &directions.about;
    let of = match about.layer {
        None => "w".to_owned(),
        Some(layer) => format!("layer {layer}"),
    };
    let moving = match args.layers {
        None => String::new(),
        Some((first, last)) => format!(", rows {first}-{last} of w move"),
    };
    vec![
        format!("GANSpace of {of} · {name}"),
        format!("{} samples, seed {}{moving}", about.num_samples, about.seed),
    ]
}

/// What is moved: a label where there are several, and w `[w_dim]`.
type Base = (Option<String>, Vec<f32>);

fn bases(
    args: &Args,
    generator: &Generator,
    directions: &Directions,
    seeds: Option<&[u32]>,
) -> Result<Vec<Base>, ModelError> {
    let Some(seeds) = seeds else { return Ok(vec![(None, directions.mean.clone())]) };
    let base = |seed: &u32| {
        let w = base_w(generator, *seed, args.class)?.flatten_all()?.to_vec1()?;
        Ok((Some(format!("seed {seed}")), w))
    };
    seeds.iter().map(base).collect()
}

/// w + amount·σ·v in the rows of w that move, drawn for each amount.
fn moved(
    args: &Args,
    generator: &Generator,
    directions: &Directions,
    component: usize,
    amounts: &[f32],
    w: &[f32],
) -> Result<Vec<RgbImage>, ModelError> {
    let num_ws = generator.config().num_ws();
    let step: Vec<f32> = directions.step(component).into_iter().flatten().collect();
    let (first, last) = args.layers.unwrap_or((0, num_ws));
    let mut rows = Vec::with_capacity(amounts.len() * num_ws * w.len());
    for amount in amounts {
        for row in 0..num_ws {
            let amount = if (first..=last).contains(&row) { *amount } else { 0.0 };
            rows.extend(w.iter().zip(&step).map(|(w, s)| w + amount * s));
        }
    }
    let ws = Tensor::from_vec(rows, (amounts.len(), num_ws, w.len()), &Device::Cpu)?;
    let drawn = generator.synthesize(&ws, &Shaping::default())?;
    pictures(&drawn)
}

fn sigma_label(amount: f32) -> String {
    if amount == 0.0 {
        return "0".into();
    }
    let rounded = (amount * 100.0).round() / 100.0;
    format!("{rounded:+}σ")
}
