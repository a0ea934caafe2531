//! `lumawire synth`: the pictures of seeds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::{Device, Tensor};
use lumawire_models::ModelError;
use lumawire_models::random::RandomState;
use lumawire_models::stylegan2::{Generator, Noise, NoiseMode, Shaping};

use super::{check_apart, fault, seeds_of};
use crate::error::CommandError;
use crate::model_arg::{self, open_model};
use crate::npz::NpzWriter;
use crate::place::PlaceArgs;
use crate::progress::with_bar;
use crate::sheet::{Drawing, Row, Sheet, cell_px, pictures};

/// Latents that are mapped at a time, and pixels that are drawn.
const MAP_BATCH: usize = 64;
const DRAW_BATCH_PIXELS: usize = 1 << 22;
/// Pictures in a row of the sheet, unless a row shows all classes of a seed.
const NUM_COLUMNS: usize = 8;
const MAX_COLUMNS: usize = 16;

/// What `synth` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(help = model_arg::HELP)]
    model: PathBuf,
    /// Seeds and ranges of them, such as 0-3,17: z is numpy's RandomState(seed).randn(z_dim).
    #[arg(long)]
    seeds: String,
    /// Class of a conditional network, or `all`: each seed in every class.
    #[arg(long, value_name = "C|all")]
    class: Option<String>,
    /// Truncation: 1 as drawn, 0 the mean picture.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    psi: f32,
    /// Truncate the first N rows of w only.
    #[arg(long, value_name = "N")]
    cutoff: Option<usize>,
    /// Where the noise comes from.
    #[arg(long, value_enum, default_value_t = NoiseArg::Const)]
    noise: NoiseArg,
    /// Write z, ws, the seeds (and classes) and the raw pictures as arrays for numpy.
    #[arg(long, value_name = "FILE")]
    npz: Option<PathBuf>,
    /// Draw a sheet of the pictures.
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

/// Where the noise comes from.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum NoiseArg {
    /// The network's own.
    Const,
    /// No noise.
    None,
    /// Random, equal for all pictures.
    Random,
}

/// One picture to draw.
#[derive(Clone, Copy)]
struct Shot {
    seed: u32,
    class: Option<usize>,
}

/// Draws and writes.
pub fn run(args: &Args, place: &PlaceArgs) -> Result<ExitCode, CommandError> {
    if args.npz.is_none() && args.png.is_none() {
        let why = "there is nothing to write: give --npz FILE or --png FILE or both";
        return Err(CommandError::Usage(why.into()));
    }
    check_apart(&args.model, "the network", [args.npz.as_ref(), args.png.as_ref()])?;
    if !args.psi.is_finite() {
        return Err(CommandError::Usage("--psi must be a finite number".into()));
    }
    let place = place.open()?;
    let (generator, _) = open_model(&args.model)?;
    place.give(&generator);
    place.tell();
    let shots = shots(args, &generator)?;
    let mut sheet = match &args.png {
        Some(path) => Some((path, sheet(args, &generator, &shots)?)),
        None => None,
    };
    if let Some(path) = &args.npz {
        write_npz(args, &generator, &shots, path)?;
        println!("wrote {}: {} pictures", path.display(), shots.len());
    }
    if let Some((path, sheet)) = &mut sheet {
        draw_sheet(args, &generator, &shots, sheet)?;
        sheet.drawing.save(path)?;
        println!("wrote {}: {} pictures", path.display(), shots.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// Every seed in every class asked for.
fn shots(args: &Args, generator: &Generator) -> Result<Vec<Shot>, CommandError> {
    let seeds = seeds_of(&args.seeds)?;
    let c_dim = generator.config().c_dim;
    let usage = |why: String| Err(CommandError::Usage(why));
    let classes: Vec<Option<usize>> = match (args.class.as_deref(), c_dim) {
        (None, 0) => vec![None],
        (None, _) => {
            let last = c_dim - 1;
            return usage(format!(
                "the network is conditional: say which class with --class 0 to {last}, or all"
            ));
        }
        (Some(_), 0) => return usage("this network has no classes: leave --class out".into()),
        (Some("all"), _) => (0..c_dim).map(Some).collect(),
        (Some(text), _) => match text.parse::<usize>() {
            Ok(class) if class < c_dim => vec![Some(class)],
            _ => return usage(format!("there is no class {text}: this network has {c_dim}")),
        },
    };
    let shots = seeds.iter().flat_map(|seed| classes.iter().map(|class| (*seed, *class)));
    Ok(shots.map(|(seed, class)| Shot { seed, class }).collect())
}

/// z `[n, z_dim]` of some shots.
fn z_of(generator: &Generator, shots: &[Shot]) -> Result<Tensor, ModelError> {
    let dim = generator.config().z_dim;
    let mut z = vec![0.0; shots.len() * dim];
    for (row, shot) in z.chunks_exact_mut(dim).zip(shots) {
        RandomState::new(shot.seed).fill_normal(row);
    }
    Ok(Tensor::from_vec(z, (shots.len(), dim), &Device::Cpu)?)
}

/// ws `[n, num_ws, w_dim]` of some shots, truncated.
fn ws_of(args: &Args, generator: &Generator, shots: &[Shot]) -> Result<Tensor, ModelError> {
    let c_dim = generator.config().c_dim;
    let mut labels = vec![0.0_f32; shots.len() * c_dim];
    for (label, shot) in labels.chunks_exact_mut(c_dim.max(1)).zip(shots) {
        if let Some(value) = shot.class.and_then(|class| label.get_mut(class)) {
            *value = 1.0;
        }
    }
    let labels = Tensor::from_vec(labels, (shots.len(), c_dim), &Device::Cpu)?;
    let w = generator.map(&z_of(generator, shots)?, Some(&labels))?;
    generator.truncate(&generator.broadcast(&w)?, args.psi, args.cutoff)
}

/// Pictures `[n, channels, side, side]` of some shots.
fn draw(args: &Args, generator: &Generator, shots: &[Shot]) -> Result<Tensor, ModelError> {
    let mode = match args.noise {
        NoiseArg::Const => NoiseMode::Const,
        NoiseArg::None => NoiseMode::None,
        NoiseArg::Random => NoiseMode::Random,
    };
    let noise = Noise { mode, ..Noise::default() };
    let shaping = Shaping { noise, ..Shaping::default() };
    generator.synthesize(&ws_of(args, generator, shots)?, &shaping)
}

fn draw_batch(generator: &Generator) -> usize {
    (DRAW_BATCH_PIXELS / generator.config().img_resolution.pow(2)).clamp(1, 16)
}

fn write_npz(
    args: &Args,
    generator: &Generator,
    shots: &[Shot],
    path: &Path,
) -> Result<(), CommandError> {
    let io = |source| CommandError::Io { what: format!("writing {}", path.display()), source };
    let config = generator.config();
    let (n, side) = (shots.len(), config.img_resolution);
    let values = |tensor: Result<Tensor, ModelError>| {
        tensor
            .and_then(|t| Ok(t.flatten_all()?.to_vec1::<f32>()?))
            .map_err(|e| fault(&args.model, e))
    };
    let mut npz = NpzWriter::create(path).map_err(io)?;
    let seeds: Vec<i64> = shots.iter().map(|shot| shot.seed.into()).collect();
    npz.begin::<i64>("seeds", &[n]).and_then(|()| npz.write(&seeds)).map_err(io)?;
    if config.c_dim > 0 {
        let classes: Vec<i64> = shots.iter().map(|s| s.class.unwrap_or(0) as i64).collect();
        npz.begin::<i64>("classes", &[n]).and_then(|()| npz.write(&classes)).map_err(io)?;
    }
    npz.begin::<f32>("z", &[n, config.z_dim]).map_err(io)?;
    for some in shots.chunks(MAP_BATCH) {
        npz.write(&values(z_of(generator, some))?).map_err(io)?;
    }
    npz.begin::<f32>("ws", &[n, config.num_ws(), config.w_dim]).map_err(io)?;
    for some in shots.chunks(MAP_BATCH) {
        npz.write(&values(ws_of(args, generator, some))?).map_err(io)?;
    }
    npz.begin::<f32>("img", &[n, config.img_channels, side, side]).map_err(io)?;
    with_bar("drawing", |told| {
        let mut done = 0;
        for some in shots.chunks(draw_batch(generator)) {
            npz.write(&values(draw(args, generator, some))?).map_err(io)?;
            done += some.len();
            told(done as f64 / n as f64);
        }
        Ok::<_, CommandError>(())
    })?;
    npz.finish().map_err(io)
}

/// A sheet and how many pictures its rows have.
struct ShotSheet {
    drawing: Drawing,
    num_columns: usize,
}

/// The sheet of the shots, still without their pictures.
fn sheet(args: &Args, generator: &Generator, shots: &[Shot]) -> Result<ShotSheet, CommandError> {
    let config = generator.config();
    let num_classes = if args.class.as_deref() == Some("all") { config.c_dim } else { 1 };
    let num_columns =
        if (2..=MAX_COLUMNS).contains(&num_classes) { num_classes } else { NUM_COLUMNS };
    let caption = |shot: &Shot| {
        let class = shot.class.map(|class| format!("/{class}")).unwrap_or_default();
        format!("{}{class}", shot.seed)
    };
    let row =
        |some: &[Shot]| Row { label: Vec::new(), captions: some.iter().map(caption).collect() };
    let rows = shots.chunks(num_columns).map(row).collect();
    let name = args.model.file_name().unwrap_or_default().to_string_lossy();
    let cutoff = args.cutoff.map(|n| format!(" in the first {n} rows")).unwrap_or_default();
    let what = if config.c_dim > 0 { "Seeds/classes" } else { "Seeds" };
    let title = vec![format!("{what} · {name}"), format!("psi {}{cutoff}", args.psi)];
    let cell_px = cell_px(config.img_resolution);
    let sheet = Sheet { title, columns: Vec::new(), group: 0, rows, cell_px };
    Ok(ShotSheet { drawing: sheet.begin()?, num_columns })
}

fn draw_sheet(
    args: &Args,
    generator: &Generator,
    shots: &[Shot],
    sheet: &mut ShotSheet,
) -> Result<(), CommandError> {
    with_bar("drawing", |told| {
        let mut done = 0;
        for some in shots.chunks(draw_batch(generator)) {
            let drawn = draw(args, generator, some).and_then(|drawn| pictures(&drawn));
            for picture in drawn.map_err(|e| fault(&args.model, e))? {
                sheet.drawing.put(done / sheet.num_columns, done % sheet.num_columns, &picture);
                done += 1;
            }
            told(done as f64 / shots.len() as f64);
        }
        Ok(())
    })
}
