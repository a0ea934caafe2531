//! One file a subcommand.

pub mod analyse;
mod check;
pub mod clusters;
mod devices;
mod edit;
pub mod effects;
pub mod ganspace;
mod import;
mod marks;
mod model;
pub mod new;
mod nodes;
mod render;
mod run;
mod super_resolution;
pub mod synth;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::{Device, Tensor};
use lumawire_core::Graph;
use lumawire_core::control::Score;
use lumawire_core::patch;
use lumawire_models::ModelError;
use lumawire_models::file::WholeFile;
use lumawire_models::random::RandomState;
use lumawire_models::stylegan2::Generator;
use lumawire_runtime::control::Event;

use crate::cli::{Cli, Command, EditArgs};
use crate::error::CommandError;

/// Runs the subcommand.
pub fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    let place = &cli.place;
    match cli.command.unwrap_or_else(|| Command::Edit(EditArgs::default())) {
        Command::Edit(args) => edit::run(args, place),
        Command::Render(args) => render::run(&args, place),
        Command::Analyse(args) => analyse::run(&args),
        Command::Run(args) => run::run(&args, place),
        Command::Devices => devices::run(),
        Command::Check { patch } => check::run(&patch),
        Command::Nodes { kind, json, markdown } => nodes::run(kind.as_deref(), json, markdown),
        Command::Import { file, out, licence, force } => {
            import::run(&file, &out, licence.as_deref(), force)
        }
        Command::Model(command) => model::run(&command),
        Command::New { file, from } => new::run(&file, &from),
        Command::Synth(args) => synth::run(&args, place),
        Command::Effects(args) => effects::run(&args),
        Command::Ganspace(args) => ganspace::run(&args, place),
        Command::Clusters(args) => clusters::run(&args, place),
    }
}

/// Loads a patch and passes its notes on.
fn load_patch(path: &Path) -> Result<Graph, CommandError> {
    let loaded = patch::load(path)?;
    for note in &loaded.notes {
        eprintln!("note: {}: {note}", path.display());
    }
    Ok(loaded.graph)
}

/// What the patch says about being steered, with the times of its marks. What is wrong with it is
/// told, and left out.
fn score_of(graph: &Graph, base_dir: &Path) -> Score {
    let (mut score, faults) = Score::of(graph);
    let marks = marks::of(graph, base_dir);
    for fault in faults.into_iter().chain(score.resolve_marks(|name| marks.secs_of(name))) {
        eprintln!("warning: {fault}");
    }
    score
}

/// What goes to the preset that the command line names, at once.
fn opening(preset: Option<&str>, score: &Score) -> Result<Vec<Event>, CommandError> {
    let Some(name) = preset else { return Ok(Vec::new()) };
    if !score.presets.contains_key(name) {
        let names: Vec<_> = score.presets.keys().map(String::as_str).collect();
        let there = if names.is_empty() { "none".into() } else { names.join(", ") };
        let why = format!("--preset: there is no preset `{name}`; the patch has {there}");
        return Err(CommandError::Usage(why));
    }
    Ok(vec![Event::Recall { preset: name.to_owned(), morph_secs: Some(0.0) }])
}

/// What is wrong with a file or a network, with its name.
pub(crate) fn fault(path: &Path, error: ModelError) -> CommandError {
    CommandError::Model { path: path.to_owned(), source: error }
}

/// The seeds of a list such as `0-3,17`.
fn seeds_of(text: &str) -> Result<Vec<u32>, CommandError> {
    lumawire_nodes::latent::bank::parse_seeds(text)
        .map_err(|why| CommandError::Usage(format!("--seeds: {why}")))
}

/// A range such as `0-3`, both ends in it.
fn parse_range(text: &str) -> Result<(usize, usize), String> {
    let help = || format!("`{text}` is no range: write it as 0-3");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let part = |s: &str| s.trim().parse::<usize>().map_err(|_| help());
    match (part(first)?, part(last)?) {
        (first, last) if first <= last => Ok((first, last)),
        _ => Err(help()),
    }
}

/// w `[1, w_dim]` of one seed, in class `class` or, where none is asked for, 0.
fn base_w(generator: &Generator, seed: u32, class: Option<usize>) -> Result<Tensor, ModelError> {
    let config = generator.config();
    let mut z = vec![0.0; config.z_dim];
    RandomState::new(seed).fill_normal(&mut z);
    let z = Tensor::from_vec(z, (1, config.z_dim), &Device::Cpu)?;
    let mut label = vec![0.0_f32; config.c_dim];
    if let Some(value) = label.get_mut(class.unwrap_or(0)) {
        *value = 1.0;
    }
    let label = Tensor::from_vec(label, (1, config.c_dim), &Device::Cpu)?;
    generator.map(&z, Some(&label))
}

/// Refuses to write over the input, which is `what`, and to write two things to one file.
fn check_apart<const N: usize>(
    input: &Path,
    what: &str,
    outs: [Option<&PathBuf>; N],
) -> Result<(), CommandError> {
    let mut taken = vec![(resolved(input), format!("is {what} itself"))];
    for out in outs.into_iter().flatten() {
        let place = resolved(out);
        if let Some((_, why)) = taken.iter().find(|(taken, _)| *taken == place) {
            let why = format!("{} {why}; choose another name", out.display());
            return Err(CommandError::Usage(why));
        }
        taken.push((place, "would be written twice".into()));
    }
    Ok(())
}

/// One path for all that name the same file, which need not exist yet.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    path.canonicalize()
        .or_else(|_| Ok(folder.canonicalize()?.join(path.file_name().unwrap_or_default())))
        .unwrap_or_else(|_: std::io::Error| path.to_owned())
}

/// Writes a file that appears under its name only when it is complete.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let write = || {
        let mut file = WholeFile::create(path)?;
        file.write_all(bytes)?;
        file.finish()
    };
    write()
        .map_err(|source| CommandError::Io { what: format!("writing {}", path.display()), source })
}
