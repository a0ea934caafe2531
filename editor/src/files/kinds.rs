//! Which files suit what, told by their extension.

use std::path::Path;

use lumawire_core::{Domain, FileKind, NodeSpec, Param};

/// What a file is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A patch.
    Patch,
    /// What a parameter takes.
    Kind(FileKind),
    /// What a render writes.
    Film,
}

/// Sound that is heard, not a parameter's.
pub const SOUND: Wanted = Wanted::Kind(FileKind::Audio);

/// The extension of a patch.
pub const PATCH_EXTENSION: &str = "lumawire";

impl Wanted {
    /// Its extensions, in small letters, the usual one first.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Patch => &[PATCH_EXTENSION],
            Self::Film => &["mp4", "mov", "mkv", "webm", "png"],
            Self::Kind(kind) => match kind {
                FileKind::Audio => {
                    &["wav", "flac", "mp3", "ogg", "oga", "aac", "m4a", "aif", "aiff", "aifc"]
                }
                FileKind::Model => &["safetensors", "pkl", "pt", "pth"],
                FileKind::Latents => &["npy", "npz", "safetensors"],
                FileKind::Clusters => &["json"],
                FileKind::Image => &["png", "jpg", "jpeg"],
                FileKind::Video => {
                    &["mp4", "mov", "mkv", "webm", "avi", "m4v", "mpg", "mpeg", "ts", "gif"]
                }
                FileKind::Font => &["ttf", "otf"],
                FileKind::Marks => &["txt"],
                FileKind::Lut => &["cube"],
                FileKind::Shader => &["wgsl", "fs", "isf"],
            },
        }
    }

    /// What a person calls such files.
    pub fn label(self) -> &'static str {
        match self {
            Self::Patch => "Patches",
            Self::Film => "Films and pictures",
            Self::Kind(kind) => match kind {
                FileKind::Audio => "Sound",
                FileKind::Model => "Models",
                FileKind::Latents => "Latents",
                FileKind::Clusters => "Clusters",
                FileKind::Image => "Pictures",
                FileKind::Video => "Films",
                FileKind::Font => "Fonts",
                FileKind::Marks => "Marks",
                FileKind::Lut => "Colour tables",
                FileKind::Shader => "Shaders",
            },
        }
    }

    /// Whether a file of this name is one.
    pub fn suits(self, path: &Path) -> bool {
        extension(path).is_some_and(|e| self.extensions().contains(&e.as_str()))
    }
}

/// The extension of a file, in small letters.
pub fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_lowercase())
}

/// Which files a parameter takes.
pub fn file_kind(param: &Param) -> Option<FileKind> {
    match param.domain {
        Domain::File { kind } => Some(kind),
        _ => None,
    }
}

/// The parameter of a node that takes this file: the first whose kind has the extension.
pub fn param_for(spec: &NodeSpec, path: &Path) -> Option<&'static Param> {
    let extension = extension(path)?;
    spec.params.iter().find(|param| match file_kind(param) {
        Some(FileKind::Shader) => shader_extensions(spec).contains(&extension.as_str()),
        Some(kind) => Wanted::Kind(kind).extensions().contains(&extension.as_str()),
        None => false,
    })
}

/// The extensions of the language that a shader node reads: one kind of file, two languages.
fn shader_extensions(spec: &NodeSpec) -> &'static [&'static str] {
    match spec.stem() {
        "isf" => &["fs", "isf"],
        "wgsl" => &["wgsl"],
        _ => Wanted::Kind(FileKind::Shader).extensions(),
    }
}
