//! What the file of a shader declares.

use std::path::PathBuf;

use lumawire_core::Domain;

use super::isf::Expr;

/// Numbers and textures that a shader takes, and its passes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    /// What it does, in the words of the file.
    pub doc: String,
    /// What it reads as numbers.
    pub fields: Vec<Field>,
    /// What it reads as textures, in the order of their bindings.
    pub textures: Vec<Texture>,
    /// Its passes, at least one; the last one's picture leaves the node.
    pub passes: Vec<Pass>,
    /// Whether its pictures hold sRGB code values instead of light.
    pub codes: bool,
}

/// One value of the shader: each of its numbers is a parameter, or an event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// The name in the shader.
    pub name: String,
    /// Its type there.
    pub ty: FieldType,
    /// Its numbers, as many as the type has.
    pub slots: Vec<Slot>,
}

/// Type of a value in the shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldType {
    Float,
    Int,
    Uint,
    Bool,
    /// So many floats: 2, 3 or 4.
    Vec(u8),
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    /// The id of its parameter or port.
    pub id: String,
    /// The name on the node's face.
    pub label: String,
    pub kind: SlotKind,
}

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SlotKind {
    Float {
        default: f32,
        range: (f32, f32),
    },
    Int {
        default: i64,
        range: (i64, i64),
    },
    Bool {
        default: bool,
    },
    /// An option's number, by the option's index.
    Choice {
        default: usize,
        options: Vec<(String, i32)>,
    },
    /// A trigger: 1 in the frame in which it came.
    Event,
}

impl SlotKind {
    /// Whether a parameter of `domain` gives it.
    pub fn reads(&self, domain: Domain) -> bool {
        matches!(
            (self, domain),
            (Self::Float { .. }, Domain::Float { .. })
                | (Self::Int { .. }, Domain::Int { .. })
                | (Self::Bool { .. }, Domain::Bool { .. })
                | (Self::Choice { .. }, Domain::Choice { .. })
        )
    }

    /// The number where no parameter gives it.
    pub fn default(&self) -> f32 {
        match self {
            Self::Float { default, .. } => *default,
            Self::Int { default, .. } => *default as f32,
            Self::Bool { default } => f32::from(*default),
            Self::Choice { default, options } => {
                options.get(*default).map_or(0.0, |(_, value)| *value as f32)
            }
            Self::Event => 0.0,
        }
    }
}

/// A texture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Texture {
    /// The name in the shader.
    pub name: String,
    /// The name on the node's face.
    pub label: String,
    pub kind: TextureKind,
}

/// Where a texture comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextureKind {
    /// The picture at the input of this id.
    Image { id: String },
    /// The sound at the input of this id, `width` texels wide.
    Sound { id: String, rows: SoundRows, width: u32 },
    /// A file beside the shader.
    Imported { path: PathBuf },
    /// What a pass drew last.
    Target,
}

/// What the rows of a texture of sound are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SoundRows {
    Spectrum,
    Wave,
    /// Row 0 the spectrum, row 1 the wave.
    Both,
}

/// One pass.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pass {
    /// Index of the texture that it draws, or `None` for the node's picture.
    pub target: Option<usize>,
    /// Whether the texture stays for the next frame.
    pub persistent: bool,
    /// Whether values beyond 0..1 stay.
    pub float: bool,
    pub width: Side,
    pub height: Side,
}

/// The length of a pass's side, in pixels.
pub(crate) type Side = Option<Expr>;

impl Pass {
    /// The only pass of a shader that has no more.
    pub const WHOLE: Self =
        Self { target: None, persistent: false, float: true, width: None, height: None };
}
