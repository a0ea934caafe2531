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
    ("old_television", include_str!("../../patches/old_television.lumawire")),
    ("particles", include_str!("../../patches/particles.lumawire")),
    ("presets_and_cues", include_str!("../../patches/presets_and_cues.lumawire")),
    ("print_room", include_str!("../../patches/print_room.lumawire")),
    ("rewritten", include_str!("../../patches/rewritten.lumawire")),
    ("scope_over_bloom", include_str!("../../patches/scope_over_bloom.lumawire")),
    ("sections", include_str!("../../patches/sections.lumawire")),
    ("seed_grid_drift", include_str!("../../patches/seed_grid_drift.lumawire")),
    ("stage_set", include_str!("../../patches/stage_set.lumawire")),
    ("style_mix", include_str!("../../patches/style_mix.lumawire")),
    ("user_shaders", include_str!("../../patches/user_shaders.lumawire")),
    ("vector_walk", include_str!("../../patches/vector_walk.lumawire")),
    ("widescreen", include_str!("../../patches/widescreen.lumawire")),
];

/// The shaders that shipped patches name, relative to the patch.
const SHADERS: &[(&str, &str)] = &[
    ("shaders/aurora.fs", include_str!("../../patches/shaders/aurora.fs")),
    ("shaders/ink_trails.fs", include_str!("../../patches/shaders/ink_trails.fs")),
    ("shaders/melt.wgsl", include_str!("../../patches/shaders/melt.wgsl")),
    ("shaders/rings.wgsl", include_str!("../../patches/shaders/rings.wgsl")),
];

/// Writes a copy of a shipped patch without its music, which lies elsewhere, and its shaders beside
/// it.
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
        if let Some((path, text)) = SHADERS.iter().find(|(path, _)| *path == found.file.path) {
            write_beside(file, path, text)?;
            continue;
        }
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

/// Writes a shader to `path` relative to the patch, unless there is such a file.
fn write_beside(patch: &Path, path: &str, text: &str) -> Result<(), CommandError> {
    let path = patch.parent().unwrap_or(Path::new("")).join(path);
    let io = |source| CommandError::Io { what: path.display().to_string(), source };
    if path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).map_err(io)?;
    std::fs::write(&path, text).map_err(io)
}
