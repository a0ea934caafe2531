//! `lumawire check`: all faults of a patch.

use std::path::Path;
use std::process::ExitCode;

use lumawire_core::control::{Moment, Score};
use lumawire_core::{FileKind, compile, patch, plan};

use crate::error::CommandError;

/// Prints every fault and every missing file; fails if there is a fault.
pub fn run(path: &Path) -> Result<ExitCode, CommandError> {
    let graph = super::load_patch(path)?;
    let mut registry = lumawire_nodes::registry();
    let base_dir = path.parent().unwrap_or(Path::new(""));
    let mut shader_faults = lumawire_nodes::interfaces(&graph, base_dir, &mut registry);
    for file in patch::files(&graph, &registry) {
        if !base_dir.join(&file.file.path).is_file() {
            let then = match file.kind {
                Some(FileKind::Model) => "a stand-in draws in its place",
                Some(FileKind::Image | FileKind::Video) => "a test card shows in its place",
                Some(FileKind::Font) => "the font that comes along writes in its place",
                Some(FileKind::Audio) => "give the sound with --audio",
                Some(FileKind::Shader) => "the node passes its picture as it is",
                _ => "the node will not work without it",
            };
            println!(
                "warning: `{}.{}`: {} is not there; {then}",
                file.node, file.param, file.file.path
            );
            shader_faults.retain(|fault| fault.node != file.node);
        }
    }
    print_cues(&super::score_of(&graph, base_dir));
    for waiting in plan::waiting(&graph, &registry) {
        println!("warning: {waiting}");
    }
    for fault in &shader_faults {
        println!("fault: `{}`: {}", fault.node, fault.error);
    }
    match compile(&graph, &registry) {
        Ok(_) if !shader_faults.is_empty() => {
            println!("{}: {} fault(s)", path.display(), shader_faults.len());
            Ok(ExitCode::FAILURE)
        }
        Ok(plan) => {
            println!(
                "{}: ok, {} nodes, {} wires, {} steps reach an output",
                path.display(),
                graph.nodes().count(),
                graph.wires().count(),
                plan.steps.len()
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            for fault in &faults {
                println!("fault: {fault}");
                println!("    {}", fault.help());
            }
            println!("{}: {} fault(s)", path.display(), faults.len() + shader_faults.len());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Lists the cues with their moments.
fn print_cues(score: &Score) {
    for (i, (moment, cue)) in score.cues.iter().enumerate() {
        let secs = |secs: &[f64]| {
            let times: Vec<_> = secs.iter().map(|secs| format!("{secs:.3} s")).collect();
            times.join(", ")
        };
        let moment = match moment {
            Moment::Secs(at) => format!("at {}", secs(&[*at])),
            Moment::AnyOf(at) if at.is_empty() => "never: its marks lie before the sound".into(),
            Moment::AnyOf(at) => format!("at {}", secs(at)),
            Moment::Mark(name) => format!("never: no mark is called `{name}`"),
            Moment::Turns { node, output, value } => {
                format!("when {node}.{output} turns to {value}")
            }
            Moment::ByHand => "by hand".into(),
        };
        println!("cue {}: `{}` {moment}", i + 1, cue.name);
    }
}
