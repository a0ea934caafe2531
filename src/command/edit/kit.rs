//! What the program lends the editor.

use std::path::PathBuf;
use std::sync::Arc;

use lumawire_core::Services;
use lumawire_editor::Kit;
use lumawire_nodes::gpu::Rehearsal;

use super::thumbnails::thumbnails;
use super::{overview, shipped};
use crate::settings::Settings;

/// What the program lends the editor.
pub fn kit() -> Kit {
    let program = std::env::current_exe().ok();
    let services = Services::default();
    services.insert(Arc::<Rehearsal>::default());
    Kit {
        registry: lumawire_nodes::registry(),
        // What is wrong with a shader its node will say.
        interfaces: |graph, base_dir, registry| {
            let _ = lumawire_nodes::interfaces(graph, base_dir, registry);
        },
        score: crate::command::score_of,
        thumbnails: Arc::new(thumbnails),
        overview: overview::overview,
        services,
        font: lumawire_nodes::FONT,
        examples: shipped::folder(program.as_deref()),
        settings: Settings::path().and_then(|file| file.parent().map(PathBuf::from)),
        program,
        program_args: Vec::new(),
        learning: None,
    }
}
