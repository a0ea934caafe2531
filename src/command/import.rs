//! `lumawire import`: another program's network as a safetensors file.

use std::path::Path;
use std::process::ExitCode;

use lumawire_models::checkpoint;

use super::{fault, model};
use crate::error::CommandError;

/// Writes the network in `file` to `out`, and prints its card.
pub fn run(
    file: &Path,
    out: &Path,
    licence: Option<&str>,
    force: bool,
) -> Result<ExitCode, CommandError> {
    if out.exists() && !force {
        return Err(CommandError::Usage(format!(
            "{} exists already; choose another name, or replace it with --force",
            out.display()
        )));
    }
    if out.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(CommandError::Usage(format!(
            "{} should end in .safetensors, which is what will be written",
            out.display()
        )));
    }
    let checkpoint = model::open(file)?;
    checkpoint::check(&checkpoint).map_err(|e| fault(file, e))?;
    checkpoint.save(out, licence).map_err(|e| fault(out, e))?;
    model::print(&format!(
        "wrote {}\n{}",
        out.display(),
        model::describe_card(&checkpoint.card(licence))
    ))
}
