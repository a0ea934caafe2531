//! `lumawire new`: a patch to start from.

use std::path::Path;
use std::process::ExitCode;

use lumawire_core::{Edit, ParamValue, patch};

use crate::error::CommandError;

/// The patch that `new` starts from unless told otherwise.
pub const DEFAULT: &str = "chroma_bloom";

/// The shipped patches, by name.
const SHIPPED: &[(&str, &str)] = &[
    ("bar_loops", include_str!("../../patches/bar_loops.lumawire")),
    ("bent_beat", include_str!("../../patches/bent_beat.lumawire")),
    ("calm_drift", include_str!("../../patches/calm_drift.lumawire")),
    ("chroma_bloom", include_str!("../../patches/chroma_bloom.lumawire")),
    ("directions", include_str!("../../patches/directions.lumawire")),
    ("easy_loops", include_str!("../../patches/easy_loops.lumawire")),
    ("harmonic_percussive", include_str!("../../patches/harmonic_percussive.lumawire")),
    ("kick_snare", include_str!("../../patches/kick_snare.lumawire")),
    ("marked_mix", include_str!("../../patches/marked_mix.lumawire")),
    ("noise_regions", include_str!("../../patches/noise_regions.lumawire")),
    ("rewritten", include_str!("../../patches/rewritten.lumawire")),
    ("sections", include_str!("../../patches/sections.lumawire")),
    ("seed_grid_drift", include_str!("../../patches/seed_grid_drift.lumawire")),
    ("style_mix", include_str!("../../patches/style_mix.lumawire")),
    ("vector_walk", include_str!("../../patches/vector_walk.lumawire")),
    ("widescreen", include_str!("../../patches/widescreen.lumawire")),
];

/// Writes a copy of a shipped patch without its music, which lies elsewhere.
pub fn run(file: &Path, from: &str) -> Result<ExitCode, CommandError> {
    if from == "list" {
        SHIPPED.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == from) else {
        let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
        return Err(CommandError::Usage(format!(
            "no shipped patch is called `{from}`; there are {}",
            names.join(", ")
        )));
    };
    if file.exists() {
        return Err(CommandError::Usage(format!(
            "{} exists already; choose another name",
            file.display()
        )));
    }
    let registry = lumawire_nodes::registry();
    let mut graph = patch::parse(text)?.graph;
    for found in patch::files(&graph, &registry) {
        let edit =
            Edit::SetParam { node: found.node, param: found.param, value: None::<ParamValue> };
        graph.apply(edit, &registry).map_err(|e| CommandError::Usage(e.to_string()))?;
    }
    patch::save(file, &graph, &registry)?;
    println!(
        "wrote {0}; render it with: lumawire render {0} --audio FILE -o out.mp4",
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}
