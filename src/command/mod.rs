//! One file a subcommand.

mod check;
pub mod new;
mod nodes;
mod render;

use std::path::Path;
use std::process::ExitCode;

use lumawire_core::Graph;
use lumawire_core::patch;

use crate::cli::{Cli, Command};
use crate::error::CommandError;

/// Runs the subcommand.
pub fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    match cli.command {
        Command::Render(args) => render::run(&args),
        Command::Check { patch } => check::run(&patch),
        Command::Nodes { kind, json, markdown } => nodes::run(kind.as_deref(), json, markdown),
        Command::New { file, from } => new::run(&file, &from),
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
