//! `lumawire edit`: the editor, in a window or drawn to a file.

mod kit;
pub mod overview;
mod shipped;
mod thumbnails;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use lumawire_core::patch;
use lumawire_editor::files::{Recents, music_of};
use lumawire_editor::headless::{Shot, shoot};
use lumawire_editor::session::{Outside, Sound};
use lumawire_editor::{Action, Command, Document, Editor, Kit, window};

use super::run::osc;
use crate::cli::{EditArgs, OscArgs};
use crate::error::CommandError;
use crate::place::PlaceArgs;
use crate::settings::Settings;

/// The shipped patch that opens where none is named.
const FIRST: &str = "chroma_bloom.lumawire";
/// The kind of the node that stands for the sound.
const AUDIO: &str = "source.audio";

/// Opens the editor until its window is closed, or draws it to a file.
pub fn run(args: EditArgs, place: &PlaceArgs) -> Result<ExitCode, CommandError> {
    let kit = Kit { program_args: place.to_args(), ..kit::kit() };
    let place = place.open()?;
    place.tell();
    place.lend(&kit.services);
    if let Some(out) = args.screenshot.clone() {
        let shot = Shot {
            size_px: args.size,
            pixels_per_point: args.scale,
            after: Duration::from_secs_f64(args.after),
            script: args.script.clone(),
        };
        let mut editor = editor(&args, kit);
        let picture = shoot(&mut editor, &shot);
        editor.close();
        let picture = picture?;
        let png = encode(&picture).map_err(|why| CommandError::Usage(why.to_string()))?;
        super::write_file(&out, &png)?;
        return Ok(ExitCode::SUCCESS);
    }
    let outside = outside(&args.osc)?;
    // Where nodes may send to.
    kit.services.insert(osc::outbox(&args.osc)?);
    let settings = kit.settings.clone();
    let make = move || {
        let mut editor = editor(&args, kit);
        editor.set_outside(outside);
        editor
    };
    window::open(make, settings)?;
    Ok(ExitCode::SUCCESS)
}

/// Who may steer the show: the MIDI devices that were chosen last, and OSC as the command line says.
fn outside(args: &OscArgs) -> Result<Outside, CommandError> {
    let settings = Settings::path().as_deref().map(Settings::load).transpose()?;
    let midi = Some(settings.unwrap_or_default().midi.inputs);
    Ok(Outside { midi, osc: osc::listen(args), feedback: osc::feedback(args)? })
}

fn encode(picture: &image::RgbaImage) -> Result<Vec<u8>, image::ImageError> {
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// The editor of what the command line names. What cannot be opened is told in it.
fn editor(args: &EditArgs, kit: Kit) -> Editor {
    let (document, fault) = match open(args.patch.as_deref(), &kit) {
        Ok(document) => (document, None),
        Err(error) => (Document::new(kit.registry.clone(), kit.interfaces), Some(error)),
    };
    let sound = sound_of(args, &document);
    // A picture needs no loudspeaker.
    let is_silent = args.screenshot.is_some();
    let mut editor = if is_silent {
        Editor::silent(kit, document, sound)
    } else {
        Editor::new(kit, document, sound)
    };
    if let Some(error) = fault {
        let error = with_name(error.to_string(), args.patch.as_deref());
        eprintln!("error: {error}");
        editor.command(Command::Do(Action::Examples));
        editor.command(Command::Tell(error));
    }
    editor
}

/// What is wrong, and with which file.
fn with_name(error: String, path: Option<&Path>) -> String {
    match path.map(|path| path.display().to_string()) {
        Some(path) if !error.contains(&path) => format!("{path}: {error}"),
        _ => error,
    }
}

/// The patch that is named, or the one that was open last, or a copy of a shipped one.
fn open(path: Option<&Path>, kit: &Kit) -> Result<Document, CommandError> {
    let (registry, interfaces) = (kit.registry.clone(), kit.interfaces);
    let last = last_patch(kit.settings.as_deref());
    if let Some(path) = path.or(last.as_deref()) {
        return Ok(Document::open(path, registry, interfaces)?);
    }
    let Some(folder) = &kit.examples else { return Ok(Document::new(registry, interfaces)) };
    let graph = patch::load(folder.join(FIRST))?.graph;
    Ok(Document::untitled(graph, folder.clone(), registry, interfaces))
}

/// The patch that was open last, if it is still there.
fn last_patch(settings: Option<&Path>) -> Option<PathBuf> {
    let recents = Recents::load(settings);
    recents.list().iter().map(|recent| &recent.path).find(|path| path.is_file()).cloned()
}

/// What the command line says, else what the patch names, else an input where the patch wants sound.
fn sound_of(args: &EditArgs, document: &Document) -> Sound {
    let file = |path| Sound::File { path, output: args.audio_output.clone() };
    if let Some(path) = &args.audio {
        return file(path.clone());
    }
    match args.input.as_deref() {
        Some("none") => return Sound::Silence,
        Some(device) => return Sound::Input(Some(device.to_owned())),
        None => {}
    }
    match music_of(document) {
        Some(path) => file(path),
        None if document.graph().nodes().any(|(_, node)| node.kind == AUDIO) => Sound::Input(None),
        None => Sound::Silence,
    }
}
