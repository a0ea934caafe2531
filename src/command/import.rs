//! `lumawire import`: another program's network as a safetensors file.

use std::path::Path;
use std::process::ExitCode;

use lumawire_models::checkpoint;
use lumawire_models::super_resolution::Network;

use super::{fault, model, super_resolution};
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
    if model::enlarges(file)? {
        let network = Network::open(file).map_err(|e| fault(file, e))?;
        network.save(out, licence).map_err(|e| fault(out, e))?;
        return model::print(&format!(
            "wrote {}\n{}",
            out.display(),
            super_resolution::describe_card(&network.card().licensed(licence))
        ));
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
