//! `lumawire model`: what is in a network's file.

use std::fmt::Write;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use lumawire_models::checkpoint::{self, Card, Checkpoint, printable};
use lumawire_models::super_resolution::{self as enlarging, Network};
use serde_json::json;

use super::{fault, super_resolution};
use crate::cli::ModelCommand;
use crate::error::CommandError;

/// Runs the subcommand.
pub fn run(command: &ModelCommand) -> Result<ExitCode, CommandError> {
    match command {
        ModelCommand::Info { file, json } if enlarges(file)? => {
            let network = Network::open(file).map_err(|e| fault(file, e))?;
            print(&super_resolution::info(&network, *json))
        }
        ModelCommand::Info { file, json } => {
            let checkpoint = open(file)?;
            print(&if *json { json_of(&checkpoint) } else { describe(&checkpoint) })
        }
    }
}

/// Opens a network's file of any known format.
pub fn open(file: &Path) -> Result<Checkpoint, CommandError> {
    checkpoint::open(file).map_err(|e| fault(file, e))
}

/// Whether the file is of a network that makes pictures larger, rather than one that draws them.
pub fn enlarges(file: &Path) -> Result<bool, CommandError> {
    enlarging::recognizes(file).map_err(|e| fault(file, e))
}

/// Prints `text`. A reader who has seen enough, such as `head`, is no error.
pub fn print(text: &str) -> Result<ExitCode, CommandError> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(CommandError::Io { what: "printing".into(), source })
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Lines of a name and a value, in which nothing steers a terminal.
#[derive(Default)]
pub struct Lines(pub String);

impl Lines {
    /// Adds a line.
    pub fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{name:<15} {}", printable(&value.to_string()));
    }
}

fn describe(checkpoint: &Checkpoint) -> String {
    let config = &checkpoint.config;
    let mut lines = Lines::default();
    lines.add("format", checkpoint.format);
    lines.add("architecture", config.architecture);
    let side = config.img_resolution;
    lines.add("picture", format!("{side}x{side}, {} channels", config.img_channels));
    lines.add("z, w", format!("{}, {}", config.z_dim, config.w_dim));
    lines.add("classes", config.c_dim);
    lines.add("mapping layers", config.num_mapping_layers);
    let blocks = config.resolutions().zip(&config.channels);
    let blocks: Vec<_> = blocks.map(|(side, channels)| format!("{side}²: {channels}")).collect();
    lines.add("channels", blocks.join(", "));
    lines.add("layers", format!("{}, the constant included", config.num_layers()));
    lines.add("conv_clamp", config.conv_clamp.map_or("none".into(), |clamp| clamp.to_string()));
    lines.add("parameters", checkpoint.num_parameters());
    lines.add("memory", format!("{:.1} MiB", mebibytes(checkpoint.num_bytes())));
    lines.add("sha256", &checkpoint.source_sha256);
    checkpoint.notes.iter().for_each(|note| lines.add("note", note));
    if let Some(card) = &checkpoint.origin {
        lines.0 += "\nimported from\n";
        lines.0 += &describe_card(card);
    }
    lines.0
}

/// A card in lines.
pub fn describe_card(card: &Card) -> String {
    let mut lines = Lines::default();
    lines.add("source", &card.source);
    lines.add("source sha256", &card.source_sha256);
    lines.add("format", &card.format);
    lines.add("picture", format!("{0}x{0}", card.img_resolution));
    lines.add("architecture", card.architecture);
    lines.add("licence", card.licence.as_deref().unwrap_or("not stated; say it with --licence"));
    card.notes.iter().for_each(|note| lines.add("note", note));
    lines.add("imported by", &card.imported_by);
    lines.0
}

fn json_of(checkpoint: &Checkpoint) -> String {
    let config = &checkpoint.config;
    let layers: Vec<_> = (0..config.num_layers())
        .map(|layer| {
            json!({
                "resolution": config.layer_resolution(layer),
                "channels": config.layer_channels(layer),
            })
        })
        .collect();
    let value = json!({
        "format": checkpoint.format.to_string(),
        "config": config,
        "num_ws": config.num_ws(),
        "layers": layers,
        "num_parameters": checkpoint.num_parameters(),
        "num_bytes": checkpoint.num_bytes(),
        "sha256": checkpoint.source_sha256,
        "notes": checkpoint.notes,
        "card": checkpoint.origin,
    });
    format!("{value:#}\n")
}

fn mebibytes(num_bytes: usize) -> f64 {
    num_bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use lumawire_models::stylegan2::Architecture;

    use super::*;

    #[test]
    fn a_card_cannot_steer_the_terminal() {
        let evil = format!("a\x1b[2J\nb\u{9b}{}", "x".repeat(1 << 20));
        let shown = describe_card(&Card {
            source: evil.clone(),
            source_sha256: evil.clone(),
            format: evil.clone(),
            img_resolution: 64,
            architecture: Architecture::Skip,
            licence: Some(evil.clone()),
            notes: vec![evil.clone()],
            imported_by: evil,
        });
        assert_eq!(shown.lines().count(), 8);
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'));
        assert!(shown.len() < 2000);
    }
}
